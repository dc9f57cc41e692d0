"""SLCP: a simple likelihood with a complex posterior; mean and covariance from four points."""

from __future__ import annotations

import torch
from torch import Tensor

from invbook.papers.advice.simulators.case import Case
from invlab import Box, Task

__all__ = ["CASE", "simulate", "task"]


def simulate(x: Tensor) -> Tensor:
    """Four points drawn from a normal law in two dimensions, ``(..., 8)``.

    Unknowns: the mean (2), roots of both standard deviations, and a measure of correlation. After
    Papamakarios et al. (2019), arXiv:1805.07226.
    """
    mean, wide, high, tilt = x[..., None, :2], x[..., 2:3] ** 2, x[..., 3:4] ** 2, x[..., 4:].tanh()
    first, second = torch.randn(*x.shape[:-1], 4, 2).to(x).unbind(-1)
    across = wide * first
    along = high * (tilt * first + (1 - tilt.square()).sqrt() * second)
    return (mean + torch.stack([across, along], -1)).flatten(-2)


def task(name: str = "slcp") -> Task:
    """Five unknowns, eight noisy numbers, four answers."""
    return Task(name, simulate, Box([-3.0] * 5, [3.0] * 5), noisy=True)


CASE = Case("slcp", task, tuned=True, traits=frozenset({"noise", "several answers"}))
