"""First arrivals of a seismic wave: six layers of the ground, from twenty geophones."""

from __future__ import annotations

import torch
from torch import Tensor

from invbook.papers.advice.simulators.case import Case
from invbook.papers.advice.simulators.numerics import line
from invlab import Box, Task

__all__ = ["CASE", "simulate", "task"]

LAYERS = 6


def simulate(x: Tensor) -> Tensor:
    """Time of the first arrival (s) at 20 distances from 0.1 to 10 km, ``(..., 20)``.

    Unknowns: thickness of five layers (km); speed of the first layer, and how much faster each
    of the five below is (km/s). The wave that runs along a deeper, faster layer overtakes those
    above: the times have kinks, and say nothing of layers that are overtaken everywhere.
    """
    thickness, speed = x[..., : LAYERS - 1], x[..., LAYERS - 1 :].cumsum(-1)
    distance = line(0.1, 10.0, 20, x)
    arrivals = [distance / speed[..., :1]]
    for layer in range(1, LAYERS):
        slow, fast = speed[..., :layer], speed[..., layer : layer + 1]
        down = 2 * thickness[..., :layer] * (slow**-2 - fast**-2).sqrt()
        arrivals.append(distance / fast + down.sum(-1, keepdim=True))
    return torch.stack(arrivals).amin(0)


def task(name: str = "travel_times") -> Task:
    """Eleven unknowns, 20 numbers with kinks."""
    prior = Box([0.05] * 5 + [0.5] + [0.1] * 5, [0.8] * 5 + [2.0] + [1.5] * 5)
    return Task(name, simulate, prior)


CASE = Case("travel_times", task, tuned=False, traits=frozenset({"kinks", "many unknowns"}))
