"""Ten unknowns into sixteen kinked waves: what no network learns from few pairs."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from invbook.papers.advice.simulators.case import Case
from invlab import Box, Task

__all__ = ["CASE", "simulate", "task"]

UNKNOWNS, WAVES = 10, 16


def simulate(x: Tensor) -> Tensor:
    """Triangle waves between −1 and 1 of sums of the unknowns, ``(..., 16)``."""
    k = torch.arange(1, WAVES * UNKNOWNS + 1, dtype=torch.float64, device="cpu")
    # weights that look random and are the same on each machine
    weight = (k * k * math.sqrt(2)).remainder(1).reshape(UNKNOWNS, WAVES) - 0.5
    phase = 2 * x @ weight.to(x)
    return 4 * (phase.remainder(1) - 0.5).abs() - 1


def task(name: str = "kinked_waves") -> Task:
    """Ten unknowns, 16 numbers with kinks."""
    return Task(name, simulate, Box([-1.0] * UNKNOWNS, [1.0] * UNKNOWNS))


CASE = Case("kinked_waves", task, tuned=True, traits=frozenset({"kinks", "many unknowns"}))
