"""The band that the empirical distribution of uniform numbers stays in, at all levels at once."""

from __future__ import annotations

import functools

import numpy as np
import torch
from torch import Tensor

from invlab import runtime
from invlab.validation import require_count, require_share

__all__ = ["uniform_band"]

# Samples that the probability of leaving the band is measured on.
TRIALS = 4000
# A share of a count may be rounded by less than this.
ROUNDING = 1e-9


def uniform_band(n: int, level: Tensor, confidence: float = 0.95) -> tuple[Tensor, Tensor]:
    """Limits of the share of n uniform numbers below each level.

    At each level the count is binomial. The tail that is cut off there is the same at all levels,
    and chosen by simulation such that the whole curve stays inside with the wanted probability.

    Args:
        n: how many numbers.
        level: between 0 and 1, ``(L,)``.
        confidence: probability to be inside at all levels.

    Returns:
        The lowest and highest shares, ``(L,)`` each, float64, on the CPU.

    Raises:
        ValueError: a confidence outside (0, 1).

    Source: Säilynoja, Bürkner and Vehtari (2022).
    """
    require_count("n", n)
    confidence = require_share("confidence", confidence)
    limits = _band(n, tuple(level.double().tolist()), confidence)
    low, high = (torch.tensor(limit, dtype=torch.float64, device="cpu") for limit in limits)
    return low, high


@functools.lru_cache(maxsize=64)
def _band(n: int, level: tuple[float, ...], confidence: float) -> tuple[list[float], list[float]]:
    from scipy.stats import binom  # slow to import

    grid = torch.tensor(level, dtype=torch.float64, device="cpu")
    draws = runtime.generator(0, "uniform band")
    counts = torch.stack(
        [
            torch.searchsorted(
                torch.rand(n, generator=draws, dtype=torch.float64, device="cpu").sort().values,
                grid,
                right=True,
            )
            for _ in range(TRIALS)
        ]
    ).numpy()
    # the smaller tail of each count; the rarest level decides whether a sample leaves
    tails = [binom.cdf(counts, n, level), binom.sf(counts - 1, n, level)]
    rarest = torch.as_tensor(np.stack(tails)).amin(0).amin(1)
    # whole counts: the next smaller tail, a rounding below it, keeps at least what is wanted
    tail = float(rarest.quantile(1 - confidence, interpolation="lower")) * (1 - ROUNDING)
    low = binom.ppf(tail, n, level) / n - ROUNDING
    high = binom.isf(tail, n, level) / n + ROUNDING
    return low.tolist(), high.tolist()
