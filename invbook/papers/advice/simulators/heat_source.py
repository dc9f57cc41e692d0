"""A heat source: where it lies, how strong and how old it is, from an image of temperature."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from invbook.papers.advice.simulators.case import Case
from invbook.papers.advice.simulators.numerics import line
from invlab import Box, Task

__all__ = ["CASE", "simulate", "task"]

# Diffusivity of the plate, and the variance of the spot when it is heated.
DIFFUSIVITY, SPOT = 0.01, 0.002


def simulate(x: Tensor) -> Tensor:
    """Temperature on 16 × 16 points of the unit square, ``(..., 16, 16)``.

    Unknowns: place of the source (2), its heat, and the time since. The plate goes on outside of
    the image, where the solution is a Gaussian that widens.
    """
    across, along, heat, time = x[..., None, None, :].unbind(-1)
    axis = line(0.0, 1.0, 16, x)
    distance = (axis[:, None] - across).square() + (axis - along).square()
    variance = SPOT + 2 * DIFFUSIVITY * time
    return heat / (2 * math.pi * variance) * torch.exp(-distance / (2 * variance))


def task(name: str = "heat_source") -> Task:
    """Four unknowns, an image."""
    prior = Box([0.1, 0.1, 0.5, 0.2], [0.9, 0.9, 2.0, 2.0])
    return Task(name, simulate, prior, labels=["across", "along", "heat", "time"])


CASE = Case("heat_source", task, tuned=True)
