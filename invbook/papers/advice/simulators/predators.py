"""Predators and prey: four rates of Lotka and Volterra, from noisy counts of both."""

from __future__ import annotations

import torch
from torch import Tensor

from invbook.papers.advice.simulators.case import Case
from invbook.papers.advice.simulators.numerics import trajectory
from invlab import LogUniform, Task

__all__ = ["CASE", "noiseless", "simulate", "task"]

NOISE = 0.1


def noiseless(x: Tensor) -> Tensor:
    """Prey and predators at ten times, every two years, ``(..., 10, 2)``, in thousands.

    Unknowns, in 1/year: growth of the prey, what a predator eats, death of the predators, what
    the prey brings them.
    """
    growth, eaten, death, gain = x.unbind(-1)

    def rate(logs: Tensor) -> Tensor:
        prey, predators = logs.exp().unbind(-1)
        return torch.stack([growth - eaten * predators, gain * prey - death], -1)

    start = x.new_tensor([3.0, 0.5]).log().expand(*x.shape[:-1], 2)
    return trajectory(rate, start, step=0.05, points=11, each=40)[..., 1:, :].exp()


def simulate(x: Tensor) -> Tensor:
    """Logarithms of the counts, each a tenth wrong, ``(..., 20)``."""
    logs = noiseless(x).log().flatten(-2)
    return logs + NOISE * torch.randn(logs.shape).to(x)


def task(name: str = "predators") -> Task:
    """Four unknowns above zero, 20 noisy numbers."""
    prior = LogUniform([0.3, 0.1, 0.3, 0.1], [1.2, 0.5, 1.2, 0.5])
    return Task(name, simulate, prior, labels=["growth", "eaten", "death", "gain"], noisy=True)


CASE = Case("predators", task, tuned=False, traits=frozenset({"noise"}))
