"""A chemical reactor: how fast A becomes B and B becomes C, from samples at three temperatures."""

from __future__ import annotations

import torch
from torch import Tensor

from invbook.papers.advice.simulators.case import Case
from invbook.papers.advice.simulators.numerics import line, trajectory
from invlab import Box, Task

__all__ = ["CASE", "simulate", "task"]


def simulate(x: Tensor) -> Tensor:
    """Shares of A and B at three temperatures and six times, ``(..., 36)``.

    Unknowns: logarithms of both rates (1/min) at the middle temperature, and both energies of
    activation, as the change of the logarithm from one temperature to the next (Arrhenius).
    """
    hotter = line(-1.0, 1.0, 3, x)
    first = (x[..., 0:1] + x[..., 2:3] * hotter).exp()
    second = (x[..., 1:2] + x[..., 3:4] * hotter).exp()

    def rate(state: Tensor) -> Tensor:
        a, b = state.unbind(-1)
        return torch.stack([-first * a, first * a - second * b], -1)

    start = x.new_tensor([1.0, 0.0]).expand(*first.shape, 2)
    found = trajectory(rate, start, step=0.125, points=7, each=8)
    return found[..., 1:, :].flatten(-3)


def task(name: str = "reactor") -> Task:
    """Four unknowns, 36 numbers."""
    prior = Box([-2.5, -3.0, 0.2, 0.2], [0.0, 0.0, 1.2, 1.2])
    return Task(name, simulate, prior, labels=["log k1", "log k2", "energy 1", "energy 2"])


CASE = Case("reactor", task, tuned=False)
