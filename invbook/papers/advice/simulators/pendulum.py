"""A pendulum with friction that stops it dead, from its angle over time."""

from __future__ import annotations

import torch
from torch import Tensor

from invbook.papers.advice.simulators.case import Case
from invlab import Box, Task

__all__ = ["CASE", "simulate", "task"]

GRAVITY, STEP, EACH, POINTS = 9.81, 0.01, 20, 30


def simulate(x: Tensor) -> Tensor:
    """Angle (rad) at 30 times, every 0.2 s, ``(..., 30)``, let go at rest.

    Unknowns: length (m), viscous friction (1/s), dry friction (1/s²), first angle (rad). Dry
    friction takes speed away and never turns it round, so that the pendulum comes to rest.
    """
    length, viscous, dry, angle = x.unbind(-1)
    speed, kept = torch.zeros_like(angle), []
    for _ in range(POINTS):
        for _ in range(EACH):
            speed = speed - STEP * (GRAVITY / length * angle.sin() + viscous * speed)
            speed = speed.sign() * (speed.abs() - STEP * dry).clamp_min(0)
            angle = angle + STEP * speed
        kept.append(angle)
    return torch.stack(kept, -1)


def task(name: str = "pendulum") -> Task:
    """Four unknowns, 30 numbers, no gradient that is right where it stops."""
    prior = Box([0.3, 0.0, 0.0, 0.2], [2.0, 0.5, 1.0, 2.5])
    labels = ["length", "viscous", "dry", "angle"]
    return Task(name, simulate, prior, labels=labels, differentiable=False)


# Untouched until the study was first run: it then showed that a search which had been asked for one
# guess was passed over at larger T, and the rule was mended.
CASE = Case("pendulum", task, tuned=True, traits=frozenset({"kinks"}))
