"""The smoothness loss: how much a surrogate varies or bends."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from invlab.losses.misfits import Map, Norm, misfit
from invlab.validation import require_integer, require_number

__all__ = ["smoothness"]


def smoothness(
    surrogate: Map,
    x: Tensor,
    norm: Norm = "l2",
    *,
    order: Literal[1, 2] = 1,
    step: float = 1e-3,
) -> Tensor:
    """Size of the first or second difference quotient of f̂, the third term of equation (17).

    Args:
        surrogate: f̂.
        x: points, ``(N, dx)``; each unknown is varied in turn.
        order: 1 is the paper's; 2 penalises bending, and its l2 minimiser through given
            points is the natural cubic spline.
        step: h of the quotient, in the unit of x.

    Returns:
        Unit of y over x (order 1) or x² (order 2), squared for l2.

    Raises:
        TypeError: no numbers.
        ValueError: another order, or a step not above zero.
    """
    step = require_number("step", step)
    if require_integer("order", order) not in (1, 2) or not step > 0:
        raise ValueError(f"smoothness: expected order 1 or 2 and step > 0, got {order} and {step}")
    here = surrogate(x)
    quotients = []
    for shift in step * torch.eye(x.shape[-1], dtype=x.dtype, device=x.device):
        ahead = surrogate(x + shift)
        if order == 1:
            quotients.append((ahead - here) / step)
        else:
            quotients.append((ahead - 2 * here + surrogate(x - shift)) / step**2)
    stacked = torch.cat(quotients, -1)
    return misfit(stacked, torch.zeros_like(stacked), norm)
