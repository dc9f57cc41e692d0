"""An epidemic: how fast it spreads and heals, from the number of ill people every four days."""

from __future__ import annotations

import torch
from torch import Tensor

from invbook.papers.advice.simulators.case import Case
from invbook.papers.advice.simulators.numerics import trajectory
from invlab import Box, Task

__all__ = ["CASE", "simulate", "task"]

PEOPLE, ILL = 1000.0, 5.0


def simulate(x: Tensor) -> Tensor:
    """Ill people, ``(..., 20)``, of the SIR model, from rates a day of infection and healing."""
    infection, healing = x.unbind(-1)

    def rate(state: Tensor) -> Tensor:
        susceptible, ill = state.unbind(-1)
        new = infection * susceptible * ill / PEOPLE
        return torch.stack([-new, new - healing * ill], -1)

    start = x.new_tensor([PEOPLE - ILL, ILL]).expand(x.shape)
    return trajectory(rate, start, step=1.0, points=20, each=4)[..., 1]


def task(name: str = "epidemic") -> Task:
    """Two unknowns, 20 numbers of which the first never varies."""
    return Task(name, simulate, Box([0.2, 0.05], [1.0, 0.3]), labels=["infection", "healing"])


CASE = Case("epidemic", task, tuned=True)
