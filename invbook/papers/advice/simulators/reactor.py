"""A chemical reactor: how fast A becomes B and B becomes C, from samples at three temperatures."""

from __future__ import annotations

import torch
from torch import Tensor

from invbook.papers.advice.simulators.case import Case
from invbook.papers.advice.simulators.numerics import line
from invlab import Box, Task

__all__ = ["CASE", "simulate", "task"]


def simulate(x: Tensor) -> Tensor:
    """Shares of A and B at three temperatures and six times, ``(..., 36)``.

    Unknowns: logarithms of both rates (1/min) at the middle temperature, and both energies of
    activation, as the change of the logarithm from one temperature to the next (Arrhenius).
    """
    hotter, time = line(-1.0, 1.0, 3, x)[:, None], line(1.0, 6.0, 6, x)
    log_first, log_second, rise_first, rise_second = x[..., None, None, :].unbind(-1)
    first = (log_first + rise_first * hotter).exp()
    second = (log_second + rise_second * hotter).exp()
    # B(t) in a form that stays exact where both rates are nearly equal
    half = (first - second) * time / 2 + 1e-12
    b = first * time * (-(first + second) * time / 2).exp() * half.sinh() / half
    return torch.stack([(-first * time).exp(), b], -1).flatten(-3)


def task(name: str = "reactor") -> Task:
    """Four unknowns, 36 numbers."""
    prior = Box([-2.5, -3.0, 0.2, 0.2], [0.0, 0.0, 1.2, 1.2])
    return Task(name, simulate, prior, labels=["log k1", "log k2", "energy 1", "energy 2"])


CASE = Case("reactor", task, tuned=False)
