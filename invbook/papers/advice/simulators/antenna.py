"""An antenna of six elements: their phases, from the power that it sends in each direction."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from invbook.papers.advice.simulators.case import Case
from invbook.papers.advice.simulators.numerics import line
from invlab import Box, Task

__all__ = ["CASE", "simulate", "task"]

ELEMENTS = 6


def simulate(x: Tensor) -> Tensor:
    """Power in 24 directions of a half circle, ``(..., 24)``, of one element as unit.

    Unknowns: phases (rad) of elements 2 to 6 against the first; neighbours are half a wavelength
    apart. Power does not tell a set of phases from its mirror image.
    """
    phases = torch.cat([torch.zeros_like(x[..., :1]), x], -1)[..., None, :]
    place = torch.arange(ELEMENTS, dtype=x.dtype, device=x.device)
    angle = line(-math.pi / 2, math.pi / 2, 24, x)[:, None]
    each = phases + math.pi * place * angle.sin()
    return each.cos().sum(-1).square() + each.sin().sum(-1).square()


def task(name: str = "antenna") -> Task:
    """Five unknowns, 24 numbers, at least two answers."""
    return Task(name, simulate, Box([-math.pi] * 5, [math.pi] * 5))


CASE = Case("antenna", task, tuned=False, traits=frozenset({"several answers"}))
