"""A buried magnet: place, strength and direction, from the field on the ground above."""

from __future__ import annotations

import torch
from torch import Tensor

from invbook.papers.advice.simulators.case import Case
from invbook.papers.advice.simulators.numerics import line
from invlab import Box, Task

__all__ = ["CASE", "simulate", "task"]


def simulate(x: Tensor) -> Tensor:
    """Downward magnetic field (100 nT) on 5 × 5 points of a square of 4 m, ``(..., 25)``.

    Unknowns: place across, along and below (m), moment (A m²), inclination and declination (rad).
    """
    across, along, depth, moment, dip, turn = x[..., None, :].unbind(-1)
    axis = line(-2.0, 2.0, 5, x)
    place = torch.stack([axis.repeat_interleave(5), axis.repeat(5)], -1)
    gap = torch.stack(
        [place[:, 0] - across, place[:, 1] - along, -depth.expand(*x.shape[:-1], 25)], -1
    )
    flat = dip.cos()
    unit = torch.stack([flat * turn.cos(), flat * turn.sin(), dip.sin()], -1)
    distance = gap.square().sum(-1).sqrt()
    along_gap = (unit * gap).sum(-1)
    # the third axis points down; μ0 / 4π in units of 100 nT m³ / (A m²) is 1
    field = 3 * along_gap * gap[..., 2] / distance**5 - unit[..., 2] / distance**3
    return moment * field


def task(name: str = "dipole") -> Task:
    """Six unknowns, 25 numbers."""
    prior = Box([-1.5, -1.5, 0.5, 0.5, -1.5, -3.0], [1.5, 1.5, 2.0, 2.0, 1.5, 3.0])
    labels = ["across", "along", "depth", "moment", "dip", "turn"]
    return Task(name, simulate, prior, labels=labels)


CASE = Case("dipole", task, tuned=False)
