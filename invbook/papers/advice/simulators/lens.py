"""A lens for light of a known colour: its curvatures and thickness, from what it does to rays."""

from __future__ import annotations

import torch
from torch import Tensor

from invbook.papers.advice.simulators.case import Case
from invlab import Box, Task

__all__ = ["CASE", "simulate", "task"]


def simulate(x: Tensor, c: Tensor) -> Tensor:
    """Ray-transfer matrix of a thick glass lens in air, ``(..., 4)``: A, B, C, D.

    Unknowns: curvatures of both faces (1/cm) and thickness (cm). Context: wavelength (μm), which
    decides the index of the glass (Cauchy's formula).
    """
    front, back, thickness = x.unbind(-1)
    index = 1.5046 + 0.0042 / c[..., 0].square()
    into, out = (index - 1) * front, (1 - index) * back
    reduced = thickness / index
    a, d = 1 - into * reduced, 1 - out * reduced
    return torch.stack([a, reduced, -(into + out - into * out * reduced), d], -1)


def task(name: str = "lens") -> Task:
    """Three unknowns, four numbers, one number of context."""
    prior = Box([-0.5, -0.5, 0.1], [0.5, 0.5, 2.0])
    labels = ["front", "back", "thickness"]
    return Task(name, simulate, prior, context=Box([0.4], [1.0]), labels=labels)


CASE = Case("lens", task, tuned=False)
