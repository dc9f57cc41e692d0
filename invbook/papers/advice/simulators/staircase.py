"""A ball that is thrown down a staircase: where, when and how it lands."""

from __future__ import annotations

import torch
from torch import Tensor

from invbook.papers.advice.simulators.case import Case
from invlab import Box, Task

__all__ = ["CASE", "simulate", "task"]

GRAVITY, STEPS, DEPTH, RISE = 9.81, 60, 0.3, 0.2


def simulate(x: Tensor) -> Tensor:
    """Step on which the ball lands, time of flight (s), distance (m), speed downwards (m/s).

    Unknowns: speed across and upwards (m/s), and height above the top (m). Step k lies ``RISE``
    below the last one; the ball lands on the first one that still is there when it comes down.

    Returns:
        ``(..., 4)``.
    """
    across, up, height = x.unbind(-1)
    step = torch.arange(STEPS, dtype=x.dtype, device=x.device)
    # when it comes down to the level of each step, and how far it has got by then
    drop = height[..., None] + RISE * step
    time = (up[..., None] + (up[..., None].square() + 2 * GRAVITY * drop).sqrt()) / GRAVITY
    lands = across[..., None] * time <= DEPTH * (step + 1)
    first = lands.to(x).argmax(-1, keepdim=True)
    flight = time.gather(-1, first)[..., 0]
    return torch.stack([first[..., 0].to(x), flight, across * flight, GRAVITY * flight - up], -1)


def task(name: str = "staircase") -> Task:
    """Three unknowns, four numbers that jump from step to step."""
    prior = Box([0.5, 0.0, 0.5], [4.0, 4.0, 2.0])
    return Task(name, simulate, prior, labels=["across", "up", "height"])


CASE = Case("staircase", task, tuned=False, traits=frozenset({"jumps"}))
