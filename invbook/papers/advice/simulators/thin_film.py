"""A thin film: thickness and index of two layers on glass, from the light that they reflect."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from invbook.papers.advice.simulators.case import Case
from invbook.papers.advice.simulators.numerics import line
from invlab import Box, Task

__all__ = ["CASE", "simulate", "task"]

AIR, GLASS = 1.0, 1.52


def simulate(x: Tensor) -> Tensor:
    """Reflectance at 60 wavelengths from 400 to 1000 nm, at normal incidence, ``(..., 60)``.

    Unknowns: thickness of the outer and the inner layer (nm), and their refractive indices.
    """
    outer, inner, n1, n2 = x[..., None, :].unbind(-1)
    wave = 2 * math.pi / line(400.0, 1000.0, 60, x)
    # from the glass outwards: what lies below acts as one reflecting surface
    below = _surface(n2, GLASS) * torch.exp(2j * n2 * inner * wave)
    below = _joined(_surface(n1, n2), below) * torch.exp(2j * n1 * outer * wave)
    amplitude = _joined(_surface(AIR, n1), below)
    return amplitude.real.square() + amplitude.imag.square()


def _surface(above: Tensor | float, below: Tensor | float) -> Tensor | float:
    """Fresnel's reflection at the surface between two media."""
    return (above - below) / (above + below)


def _joined(surface: Tensor | float, below: Tensor) -> Tensor:
    return (surface + below) / (1 + surface * below)


def task(name: str = "thin_film") -> Task:
    """Four unknowns, 60 numbers; fringes make many local minima."""
    prior = Box([50.0, 50.0, 1.3, 1.8], [400.0, 400.0, 1.7, 2.5])
    return Task(name, simulate, prior, labels=["outer", "inner", "n1", "n2"])


CASE = Case("thin_film", task, tuned=True, traits=frozenset({"several answers"}))
