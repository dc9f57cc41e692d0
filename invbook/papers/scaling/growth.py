"""How a cost grows with a size: the slope on logarithmic axes, and from where it is a slope."""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = ["exponent", "straight_from"]

# How far from the line a cost may lie and still be on it.
ON_THE_LINE = 1.5


def exponent(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """The slope p of cost ~ size^p over the upper half of the sizes, by least squares.

    Args:
        sizes: positive, rising, at least two.
        costs: positive, one a size.
    """
    return _line(sizes, costs)[0]


def straight_from(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """The smallest size from which all costs lie within a factor of 1.5 of that line.

    Below it something else than the size decides the cost, such as what a call takes at all.
    """
    slope, level = _line(sizes, costs)
    start = sizes[-1]
    for size, cost in zip(reversed(sizes), reversed(costs), strict=True):
        if abs(math.log(cost) - slope * math.log(size) - level) > math.log(ON_THE_LINE):
            break
        start = size
    return start


def _line(sizes: Sequence[float], costs: Sequence[float]) -> tuple[float, float]:
    """Slope and level of the logarithms, over the upper half."""
    if len(sizes) != len(costs) or len(sizes) < 2:
        raise ValueError(f"expected two sizes or more, and a cost each; got {sizes} and {costs}")
    first = min(len(sizes) // 2, len(sizes) - 2)
    x = [math.log(size) for size in sizes[first:]]
    y = [math.log(cost) for cost in costs[first:]]
    middle, height = sum(x) / len(x), sum(y) / len(y)
    products = [(a - middle) * (b - height) for a, b in zip(x, y, strict=True)]
    slope = sum(products) / sum((a - middle) ** 2 for a in x)
    return slope, height - slope * middle
