"""What several simulators need: evenly spaced numbers, and Runge-Kutta steps."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["line", "trajectory"]


def line(low: float, high: float, n: int, like: Tensor) -> Tensor:
    """``n`` evenly spaced numbers, with the dtype and on the device of ``like``."""
    return torch.linspace(low, high, n, dtype=like.dtype, device=like.device)


def trajectory(
    rate: Callable[[Tensor], Tensor], start: Tensor, *, step: float, points: int, each: int
) -> Tensor:
    """States of ``ds/dt = rate(s)`` by the classical Runge-Kutta method of order four.

    Args:
        rate: states ``(..., d)`` to their rates.
        start: the state at time 0, ``(..., d)``.
        step: of the integration, in units of time.
        points: states that are kept, the start being the first.
        each: steps between two of them.

    Returns:
        States ``(..., points, d)``, at the times 0, each·step, 2·each·step, ...
    """
    state, kept = start, [start]
    for _ in range(points - 1):
        for _ in range(each):
            k1 = rate(state)
            k2 = rate(state + step / 2 * k1)
            k3 = rate(state + step / 2 * k2)
            k4 = rate(state + step * k3)
            state = state + step / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        kept.append(state)
    return torch.stack(kept, -2)
