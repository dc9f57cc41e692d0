"""A spin model: coupling and field of a small magnet, from averages of one random state."""

from __future__ import annotations

import torch
from torch import Tensor

from invbook.papers.advice.simulators.case import Case
from invlab import Box, Task

__all__ = ["CASE", "simulate", "task"]

SIDE, SWEEPS = 8, 40


def simulate(x: Tensor) -> Tensor:
    """Magnetisation, and correlations of neighbours along edges and diagonals, ``(..., 3)``.

    Unknowns: coupling J and field h of the Ising model on an 8 × 8 torus, over the temperature.
    Heat-bath sweeps over the two colours of a chessboard, from a random state.
    """
    coupling, field = x[..., None, None, :].unbind(-1)
    shape = (*x.shape[:-1], SIDE, SIDE)
    spins = torch.where(torch.rand(shape).to(x) < 0.5, -1.0, 1.0).to(x)
    place = torch.arange(SIDE, device=x.device)
    black = (place[:, None] + place) % 2 == 0
    for sweep in range(2 * SWEEPS):
        up = torch.sigmoid(2 * (coupling * _neighbours(spins) + field))
        drawn = torch.where(torch.rand(shape).to(x) < up, 1.0, -1.0).to(x)
        spins = torch.where(black if sweep % 2 else ~black, drawn, spins)
    edges = (spins * _neighbours(spins)).mean((-1, -2)) / 4
    diagonals = (spins * spins.roll((1, 1), (-1, -2))).mean((-1, -2))
    return torch.stack([spins.mean((-1, -2)), edges, diagonals], -1)


def _neighbours(spins: Tensor) -> Tensor:
    """Sum over the four neighbours on the torus."""
    rows = spins.roll(1, -1) + spins.roll(-1, -1)
    return rows + spins.roll(1, -2) + spins.roll(-1, -2)


def task(name: str = "spin_model") -> Task:
    """Two unknowns, three noisy numbers, no gradient."""
    prior = Box([0.0, -0.5], [0.6, 0.5])
    return Task(
        name, simulate, prior, labels=["coupling", "field"], differentiable=False, noisy=True
    )


CASE = Case("spin_model", task, tuned=True, traits=frozenset({"noise"}))
