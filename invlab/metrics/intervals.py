"""Intervals that say how sure a mean is."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Literal

import torch
from torch import Tensor

from invlab import runtime
from invlab.validation import require_count, require_share, require_tensor

__all__ = ["bootstrap_interval"]

# Numbers drawn at a time: all resamples of many targets would not fit in memory.
BLOCK = 2**20


def bootstrap_interval(
    values: Tensor,
    *,
    statistic: Literal["mean", "max"] = "mean",
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> tuple[float, float]:
    """Percentile bootstrap interval of a mean, or of the worst case.

    Args:
        values: one number a seed, ``(n,)``, or one a seed and target, ``(n, B)``; then both
            seeds and the targets of each drawn seed are resampled. Infinite values may make an
            end infinite.
        statistic: ``"mean"`` or ``"max"``.
        level: coverage, between 0 and 1.
        resamples: bootstrap draws.
        seed: of the draws.

    Returns:
        Lower and upper end; both equal the value where there is one.

    Raises:
        TypeError, ValueError: values of the wrong kind or shape, NaN among them, infinities of
            both signs whose mean is wanted, or another argument that is out of its range.
    """
    require_tensor("values", values, ("n",) if values.ndim == 1 else ("n", "B"), finite=False)
    resamples = require_count("resamples", resamples)
    if statistic not in ("mean", "max"):
        raise ValueError(f"statistic: expected 'mean' or 'max', got {statistic!r}")
    level = require_share("level", level)
    values = values.detach().double().cpu().reshape(len(values), -1)
    lost = int(values.isnan().sum())
    if lost:
        raise ValueError(f"values: expected numbers or infinity, got {lost} NaN")
    if statistic == "mean" and {-math.inf, math.inf} <= set(values[values.isinf()].tolist()):
        raise ValueError("values: infinities of both signs have no mean")
    found = torch.cat(
        [_of_resamples(drawn, statistic) for drawn in _resample(values, resamples, seed)]
    )
    low, high = _quantiles(found, [(1 - level) / 2, (1 + level) / 2])
    return low, high


def _of_resamples(drawn: Tensor, statistic: str) -> Tensor:
    return drawn.mean(1) if statistic == "mean" else drawn.amax(1)


def _resample(values: Tensor, resamples: int, seed: int) -> Iterator[Tensor]:
    """Resamples of ``(n, B)``, each a row, a few at a time: all would not fit in memory."""
    seeds, targets = values.shape
    size = max(1, BLOCK // values.numel())
    sizes = [min(size, resamples - start) for start in range(0, resamples, size)]
    of_rows, of_columns = (runtime.generator(seed, "bootstrap") for _ in range(2))

    def draw(n: int, some: int, draws: torch.Generator) -> Tensor:
        return torch.randint(n, (some, n), generator=draws, device="cpu")

    # the numbers for all columns come behind those for all rows in the stream
    for some in sizes:
        draw(seeds, some, of_columns)
    for some in sizes:
        # the same targets in every seed of one resample: enough, since targets differ by seed
        row, column = draw(seeds, some, of_rows), draw(targets, some, of_columns)
        yield values[row[:, :, None], column[:, None, :]].flatten(1)


def _quantiles(found: Tensor, shares: list[float]) -> list[float]:
    """Quantiles, interpolated where both neighbours are finite."""
    q = torch.tensor(shares, dtype=torch.float64, device="cpu")
    below, between, above = (
        found.quantile(q, interpolation=how) for how in ("lower", "linear", "higher")
    )
    # half way to infinity is infinite; interpolation makes ∞ − ∞ of it
    beyond = torch.where(below.isinf(), below, above)
    return torch.where(below.isinf() | above.isinf(), beyond, between).tolist()
