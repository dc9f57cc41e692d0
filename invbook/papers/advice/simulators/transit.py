"""A planet before its star: size, time and speed of the passage, from a noisy light curve."""

from __future__ import annotations

import torch
from torch import Tensor

from invbook.papers.advice.simulators.case import Case
from invbook.papers.advice.simulators.numerics import line
from invlab import Box, Task

__all__ = ["CASE", "noiseless", "simulate", "task"]

NOISE = 0.003


def noiseless(x: Tensor) -> Tensor:
    """Light at 40 times from −1 to 1, ``(..., 40)``, relative to the star alone.

    Unknowns: radius of the planet over that of the star, time of the middle, time from begin to
    end, and the share of it that going in takes, twice. The dip is a trapezoid.
    """
    radius, middle, length, ingress = x[..., None, :].unbind(-1)
    away = (line(-1.0, 1.0, 40, x) - middle).abs()
    inside = ((length / 2 - away) / (ingress * length / 2)).clamp(0, 1)
    return 1 - radius.square() * inside


def simulate(x: Tensor) -> Tensor:
    """The light curve with the noise of the photons, ``(..., 40)``."""
    light = noiseless(x)
    return light + NOISE * torch.randn(light.shape).to(x)


def task(name: str = "transit") -> Task:
    """Four unknowns, 40 noisy numbers."""
    prior = Box([0.03, -0.4, 0.3, 0.1], [0.15, 0.4, 1.0, 0.9])
    labels = ["radius", "middle", "length", "ingress"]
    return Task(name, simulate, prior, labels=labels, noisy=True)


CASE = Case("transit", task, tuned=False, traits=frozenset({"noise", "kinks"}))
