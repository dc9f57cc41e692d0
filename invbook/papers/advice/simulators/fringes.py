"""Fringes of an interferometer: tilt and curvature of a mirror, from phases up to whole waves."""

from __future__ import annotations

from torch import Tensor

from invbook.papers.advice.simulators.case import Case
from invbook.papers.advice.simulators.numerics import line
from invlab import Box, Task

__all__ = ["CASE", "simulate", "task"]


def simulate(x: Tensor) -> Tensor:
    """Phase in waves, from 0 to 1, on 6 × 6 points of the mirror, ``(..., 6, 6)``.

    Unknowns, in waves over half the mirror: distance, tilt across and along, curvature. A whole
    wave is not seen: the phase jumps from 1 to 0.
    """
    distance, across, along, bent = x[..., None, None, :].unbind(-1)
    axis = line(-1.0, 1.0, 6, x)
    high, wide = axis[:, None], axis
    path = distance + across * wide + along * high + bent * (wide.square() + high.square())
    return path.remainder(1.0)


def task(name: str = "fringes") -> Task:
    """Four unknowns, an image with jumps; its gradient knows nothing of the jumps."""
    prior = Box([0.0, -2.0, -2.0, -1.0], [1.0, 2.0, 2.0, 1.0])
    return Task(name, simulate, prior, labels=["distance", "across", "along", "bent"])


CASE = Case("fringes", task, tuned=False, traits=frozenset({"jumps", "several answers"}))
