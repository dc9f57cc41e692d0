"""Two moons: a noisy crescent, whose posterior is two crescents."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from invbook.papers.advice.simulators.case import Case
from invlab import Box, Task

__all__ = ["CASE", "simulate", "task"]


def simulate(x: Tensor) -> Tensor:
    """A point on a crescent that the unknowns shift, ``(..., 2)``.

    After Lueckmann et al. (2021), arXiv:2101.04653, task T.8.
    """
    shape = x.shape[:-1]
    angle = math.pi * (torch.rand(shape).to(x) - 0.5)
    radius = 0.1 + 0.01 * torch.randn(shape).to(x)
    moon = torch.stack([radius * angle.cos() + 0.25, radius * angle.sin()], -1)
    first, second = x.unbind(-1)
    shift = torch.stack([-(first + second).abs(), second - first], -1) / math.sqrt(2)
    return moon + shift


def task(name: str = "two_moons") -> Task:
    """Two unknowns, two noisy numbers, two answers."""
    return Task(name, simulate, Box([-1.0, -1.0], [1.0, 1.0]), noisy=True)


CASE = Case("two_moons", task, tuned=True, traits=frozenset({"noise", "several answers"}))
