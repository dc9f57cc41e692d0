"""Noisy population dynamics: growth of a fish stock in the model of Ricker, from catches."""

from __future__ import annotations

import torch
from torch import Tensor

from invbook.papers.advice.simulators.case import Case
from invlab import Box, Task

__all__ = ["CASE", "simulate", "task"]

# Years that are left out until the start is forgotten, and years of catches.
BEFORE, YEARS = 20, 50


def simulate(x: Tensor) -> Tensor:
    """Six summaries of 50 yearly catches, ``(..., 6)``.

    Unknowns: log growth rate, strength of the noise of a year, and the catch a fish. Summaries:
    mean and deviation of log(1 + catch), share of years without a catch, and correlations one,
    two and three years apart. After Wood (2010), doi:10.1038/nature09319.
    """
    growth, noise, scale = x.unbind(-1)
    stock, catches = torch.ones_like(growth), []
    for year in range(BEFORE + YEARS):
        luck = torch.randn(growth.shape).to(x)
        stock = stock * torch.exp(growth - stock + noise * luck)
        if year >= BEFORE:
            catches.append(torch.poisson(scale * stock))
    return _summaries(torch.stack(catches, -1))


def _summaries(catches: Tensor) -> Tensor:
    logs = catches.log1p()
    mean, spread = logs.mean(-1), logs.std(-1, correction=0)
    unit = (logs - mean[..., None]) / spread.clamp_min(1e-6)[..., None]
    later = [(unit[..., k:] * unit[..., :-k]).mean(-1) for k in (1, 2, 3)]
    return torch.stack([mean, spread, (catches == 0).to(logs).mean(-1), *later], -1)


def task(name: str = "ricker") -> Task:
    """Three unknowns, six noisy numbers, no gradient."""
    prior = Box([1.0, 0.05, 2.0], [4.0, 0.6, 15.0])
    labels = ["growth", "noise", "scale"]
    return Task(name, simulate, prior, labels=labels, differentiable=False, noisy=True)


CASE = Case("ricker", task, tuned=True, traits=frozenset({"noise"}))
