"""Searches through a surrogate along its gradient: Adam for one target, BFGS for all of them."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from invlab.losses import boundary_loss
from invlab.minimizers import minimize
from invlab.minimizers.reparametrization import XScale, default_x_scale
from invlab.priors import Box

__all__ = ["adam", "bfgs"]


def adam(
    misfit: Callable[[Tensor], Tensor],
    start: Tensor,
    box: Box,
    *,
    boundary: float,
    lr: float,
    steps: int,
) -> tuple[Tensor, Tensor]:
    """Adam on misfit and boundary loss from each start, in units of the box.

    Args:
        misfit: of unknowns ``(T, dx)``, a value a row.
        start: ``(T, dx)``.
        box: where answers belong.
        boundary: weight of :func:`invlab.losses.boundary_loss`.
        lr: step size, in widths of the box.
        steps: at most this many.

    Returns:
        The best points ``(T, dx)``, and their misfit alone, ``(T,)``.
    """
    low, width = box.low.to(start), box.width.to(start)

    def objective(u: Tensor) -> Tensor:
        return misfit(low + u * width) + boundary * boundary_loss(low + u * width, box)

    solution = minimize(
        objective,
        (start - low) / width,
        method="adam",
        step_size=lr,
        schedule="adaptive",
        patience=10,
        maxiter=steps,
        gtol=1e-9,
    )
    x = low + solution.x * width
    with torch.no_grad():
        return x, misfit(x)


def bfgs(
    misfit: Callable[[Tensor, Tensor], Tensor],
    start: Tensor,
    box: Box,
    *,
    boundary: float,
    x_scale: XScale | None,
    steps: int,
) -> tuple[Tensor, Tensor]:
    """BFGS on misfit and boundary loss from each start, all rows at once.

    Args:
        misfit: of unknowns ``(n, dx)`` and the numbers of their rows ``(n,)``, a value a row.
        start: ``(M, dx)``, float64.
        box: where answers belong. It is not enforced: the boundary loss draws back what leaves.
        boundary: its weight.
        x_scale: length of x that counts as one; a tenth of the box's half-width if not given.
        steps: iterations, at most.

    Returns:
        The best points ``(M, dx)``, and their misfit alone, ``(M,)``.
    """

    def objective(x: Tensor, rows: Tensor) -> Tensor:
        return misfit(x, rows) + boundary * boundary_loss(x, box)

    x_scale = default_x_scale(box) if x_scale is None else x_scale
    solution = minimize(objective, start, method="bfgs", x_scale=x_scale, maxiter=steps, gtol=1e-8)
    with torch.no_grad():
        return solution.x, misfit(solution.x, torch.arange(len(start), device=start.device))
