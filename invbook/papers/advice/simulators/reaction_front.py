"""A reaction front, step by step in NumPy: a simulator that is dear."""

from __future__ import annotations

from functools import partial

import numpy as np

from invbook.papers.advice.simulators.case import Case
from invlab import Box, Task, numpy_simulator

__all__ = ["CASE", "solve", "task"]

CELLS, WIDTH, END = 300, 30.0, 6.0


def solve(x: np.ndarray, *, steps: int = 20_000) -> np.ndarray:
    """Density at the end on every twelfth of 300 cells, (25,).

    The equation of Fisher and KPP, ``u_t = D u_xx + r u (1 - u)``, between walls, by explicit
    Euler steps.

    Args:
        x: diffusivity D, growth rate r, and the width that is filled at the start, ``(3,)``.
        steps: in time.
    """
    diffusivity, growth, filled = (float(number) for number in x)
    cell, step = WIDTH / CELLS, END / steps
    density = np.clip(filled / cell - np.arange(CELLS), 0.0, 1.0)
    spread = diffusivity * step / cell**2
    flow = np.zeros(CELLS + 1)
    for _ in range(steps):
        flow[1:-1] = spread * (density[1:] - density[:-1])
        density = density + flow[1:] - flow[:-1] + step * growth * density * (1 - density)
    return density[::12]


def task(name: str = "reaction_front", *, steps: int = 20_000) -> Task:
    """Three unknowns, 25 numbers, no gradient; about a tenth of a second a simulation."""
    simulator = numpy_simulator(partial(solve, steps=steps), batched=False)
    prior = Box([0.1, 0.2, 1.0], [1.0, 2.0, 5.0])
    labels = ["diffusivity", "growth", "filled"]
    return Task(name, simulator, prior, labels=labels, differentiable=False)


CASE = Case("reaction_front", task, tuned=False, traits=frozenset({"dear", "few pairs"}))
