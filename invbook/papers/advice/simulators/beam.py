"""A loaded beam: two weights and their places, from how far the beam bends."""

from __future__ import annotations

import torch
from torch import Tensor

from invbook.papers.advice.simulators.case import Case
from invbook.papers.advice.simulators.numerics import line
from invlab import Box, Task

__all__ = ["CASE", "simulate", "task"]


def simulate(x: Tensor) -> Tensor:
    """Deflection at nine points of a beam on two supports, ``(..., 9)``, in units of P L³ / 48 EI.

    Unknowns: places of both weights (shares of the length) and both weights. To exchange the
    weights changes nothing.
    """
    place, weight = x[..., None, :2], x[..., None, 2:]
    at = line(0.1, 0.9, 9, x)[:, None]
    # from the nearer end, by Maxwell's reciprocity: either formula holds left of the weight
    left, right = torch.minimum(at, place), torch.maximum(at, place)
    bent = left * (1 - right) * (1 - left.square() - (1 - right).square()) / 6
    return 48 * (weight * bent).sum(-1)


def task(name: str = "beam") -> Task:
    """Four unknowns, nine numbers, two answers."""
    prior = Box([0.05, 0.05, 0.2, 0.2], [0.95, 0.95, 2.0, 2.0])
    return Task(name, simulate, prior, labels=["place 1", "place 2", "weight 1", "weight 2"])


CASE = Case("beam", task, tuned=False, traits=frozenset({"several answers"}))
