"""Distances to known points, in standard deviations of each of their numbers."""

from __future__ import annotations

import torch
from torch import Tensor

from invlab.methods.baselines import nearest_rows

__all__ = ["Neighbours", "beside"]

# A column that varies by less than so many roundings of its largest number never varies.
ROUNDINGS = 8
# What may lie between a target and a number that never varies, in shares of that number and of
# the typical standard deviation of the others.
EQUAL_SHARE, EQUAL_SPREAD = 1e-5, 1e-6


class Neighbours:
    """Known points, and which of them are near to others.

    Numbers that never vary among the known points have no scale, and are left out of distances.

    Args:
        points: ``(N, d)``, finite.

    Attributes:
        varies: which numbers do, ``(d,)``.
        known: the points in standard deviations, ``(N, number that vary)``, float64.
    """

    def __init__(self, points: Tensor) -> None:
        values = points.double()
        spread = values.std(0, correction=0)
        rounding = torch.finfo(points.dtype).eps * values.abs().amax(0)
        self.varies = spread > ROUNDINGS * rounding
        self.mean, self.spread = values.mean(0), spread
        self.known = self.scaled(points)

    def scaled(self, points: Tensor) -> Tensor:
        """Points in standard deviations, the numbers that vary alone, float64."""
        chosen = points.double()[:, self.varies]
        return (chosen - self.mean[self.varies]) / self.spread[self.varies]

    def rows(self, points: Tensor, n: int) -> Tensor:
        """Rows of the ``n`` known points nearest to each point, nearest first: ``(B, n)``."""
        return nearest_rows(self.scaled(points), self.known, n)

    def distances(self, points: Tensor, rows: Tensor) -> Tensor:
        """Distances of points ``(B, d)`` to chosen known ones ``(B, n)``: ``(B, n)``, float64."""
        return (self.scaled(points)[:, None] - self.known[rows]).norm(dim=2)

    def nearest(self, points: Tensor) -> Tensor:
        """Distance of each point to the nearest known one, ``(B,)``, float64."""
        return self.distances(points, self.rows(points, 1))[:, 0]

    def breaks_constants(self, points: Tensor) -> Tensor:
        """Which points differ from the known ones in a number that never varies, ``(B,)``."""
        fixed = ~self.varies
        typical = self.spread[self.varies].mean() if bool(self.varies.any()) else 0.0
        slack = EQUAL_SHARE * self.mean[fixed].abs() + EQUAL_SPREAD * typical
        return ((points.double()[:, fixed] - self.mean[fixed]).abs() > slack).any(1)


def beside(points: Tensor, c: Tensor | None) -> Tensor:
    """Flat points with the contexts behind them, ``(B, d + dc)``, in the wider dtype of both."""
    flat = points.flatten(1)
    if c is None:
        return flat
    dtype = torch.promote_types(flat.dtype, c.dtype)
    return torch.cat([flat.to(dtype), c.to(flat.device, dtype)], 1)
