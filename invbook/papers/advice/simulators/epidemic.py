"""An epidemic: how fast it spreads and heals, from the number of ill people every second day."""

from __future__ import annotations

import torch
from torch import Tensor

from invbook.papers.advice.simulators.case import Case
from invlab import Box, Task

__all__ = ["CASE", "simulate", "task"]

PEOPLE, ILL, COUNTS = 1000.0, 5.0, 20


def simulate(x: Tensor) -> Tensor:
    """Ill people every second day, ``(..., 20)``, of the SIR model in steps of a day.

    Unknowns: rates a day of infection and healing. In a day each healthy person meets the ill of
    that morning, and some of these heal; nobody dies.
    """
    infection, healing = x.unbind(-1)
    healthy, ill = PEOPLE - ILL + 0 * infection, ILL + 0 * infection
    kept = []
    for day in range(2 * COUNTS):
        if day % 2 == 0:
            kept.append(ill)
        new = -healthy * torch.expm1(-infection * ill / PEOPLE)
        healthy, ill = healthy - new, ill * torch.exp(-healing) + new
    return torch.stack(kept, -1)


def task(name: str = "epidemic") -> Task:
    """Two unknowns, 20 numbers of which the first never varies."""
    return Task(name, simulate, Box([0.2, 0.05], [1.0, 0.3]), labels=["infection", "healing"])


CASE = Case("epidemic", task, tuned=True)
