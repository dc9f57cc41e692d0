"""An external program: a column under load, for which the program gives up where it buckles."""

from __future__ import annotations

import math

import numpy as np

from invbook.papers.advice.simulators.case import Case
from invlab import Box, Task, numpy_simulator

__all__ = ["CASE", "solve", "task"]


def solve(x: np.ndarray) -> np.ndarray:
    """Logarithms of how much a load along a column magnifies deflection, slope and moment, (3,).

    Written as such programs are: one case a call, and an error where there is no answer.

    Args:
        x: the load and the stiffness of the column, ``(2,)``, in units of one buckling load.

    Raises:
        ArithmeticError: the load is above the stiffness, and the column buckles.
    """
    load, stiffness = float(x[0]), float(x[1])
    if load >= stiffness:
        raise ArithmeticError(f"no equilibrium: load {load:.3g} of {stiffness:.3g}")
    angle = math.pi / 2 * math.sqrt(load / stiffness)
    deflection = 1 / (1 - load / stiffness)
    slope = math.tan(angle) / angle if angle else 1.0
    return np.log([deflection, slope * stiffness, stiffness / math.cos(angle)])


def task(name: str = "program") -> Task:
    """Two unknowns, three numbers, no gradient; no answer on a fifth of the prior."""
    program = numpy_simulator(solve, batched=False)
    return Task(
        name, program, Box([0.0, 0.4], [1.0, 1.3]), labels=["load", "stiffness"],
        differentiable=False,
    )  # fmt: skip


CASE = Case("program", task, tuned=True)
