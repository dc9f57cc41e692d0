"""Intervals that say how sure a mean is."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from invlab import runtime
from invlab.validation import require_count, require_tensor

__all__ = ["bootstrap_interval"]


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
            seeds and the targets of each drawn seed are resampled.
        statistic: ``"mean"`` or ``"max"``.
        level: coverage.
        resamples: bootstrap draws.
        seed: of the draws.

    Returns:
        Lower and upper end; both equal the value where n is 1.
    """
    require_tensor("values", values, ("n",) if values.ndim == 1 else ("n", "B"), finite=False)
    require_count("resamples", resamples)
    draws = runtime.generator(seed, "bootstrap")
    values = values.double().cpu().reshape(len(values), -1)
    seeds, targets = values.shape
    row = torch.randint(seeds, (resamples, seeds), generator=draws)
    # the same targets in every seed of one resample: enough, since targets differ by seed
    column = torch.randint(targets, (resamples, targets), generator=draws)
    drawn = values[row[:, :, None], column[:, None, :]].flatten(1)
    found = drawn.mean(1) if statistic == "mean" else drawn.amax(1)
    low, high = found.quantile(
        torch.tensor([(1 - level) / 2, (1 + level) / 2], dtype=torch.float64)
    )
    return float(low), float(high)
