"""Whether a bound keeps its promise on fresh targets, and how sharp it is."""

from __future__ import annotations

import math

from torch import Tensor

__all__ = ["CONFIDENCE", "bound_scores", "coverage_band", "finite"]

# Probability that an exact bound stays in its band.
CONFIDENCE = 0.999


def coverage_band(
    calibrated_on: int, targets: int, level: float, confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """Shares of fresh targets that an exact split-conformal bound may cover.

    The bound is the k-th smallest of n calibration scores, k = ⌈level (n + 1)⌉. Without ties, the
    number of m exchangeable fresh scores below it is beta-binomial with parameters k and n + 1 − k.

    Args:
        calibrated_on: n, calibration pairs.
        targets: m, fresh targets.
        level: share that the bound promises.
        confidence: probability of the band; the rest is halved between both ends.

    Returns:
        The lowest and the highest share, ends included. Both are 1 where n is too small for a
        finite bound.

    Raises:
        ValueError: a level or confidence outside of (0, 1), or no pairs or targets.

    Source: Vovk (2012), Conditional validity of inductive conformal predictors.
    """
    if not (0 < level < 1 and 0 < confidence < 1):
        raise ValueError(
            f"coverage_band: expected level and confidence between 0 and 1, got {level} and "
            f"{confidence}"
        )
    if calibrated_on < 1 or targets < 1:
        raise ValueError(
            f"coverage_band: expected at least one pair and one target, got {calibrated_on} and "
            f"{targets}"
        )
    # less than rounding: 0.9 · 10 is 9 and no more
    rank = math.ceil(level * (calibrated_on + 1) - 1e-9)
    if rank > calibrated_on:
        return 1.0, 1.0
    from scipy.stats import betabinom  # slow to import

    tail = (1 - confidence) / 2
    counts = betabinom.ppf([tail, 1 - tail], targets, rank, calibrated_on + 1 - rank)
    return float(counts[0]) / targets, float(counts[1]) / targets


def bound_scores(
    limit: Tensor, error: Tensor, *, constant: float, calibrated_on: int, level: float
) -> dict[str, float | None]:
    """Numbers of one bound on fresh targets.

    Args:
        limit: bounds, ``(B,)``, infinite where there is none.
        error: re-simulated errors of the same answers, ``(B,)``, infinite where one failed.
        constant: the bound that is the same for all targets: the conformal quantile of the
            calibration errors.
        calibrated_on: number of calibration pairs.
        level: share that the bounds promise.

    Returns:
        ``coverage``, ``low`` and ``high`` of its band and ``inside`` (1 or 0); ``hard``, the
        coverage of the fifth with the largest bounds; ``exact``, the share of answers without any
        error, whose ties may lift the coverage; ``rank``, Spearman's correlation of bound and
        error; ``log10``, the mean of log10(bound/constant). None where a number is not defined.
    """
    covered = (error <= limit).double()
    low, high = coverage_band(calibrated_on, len(limit), level)
    share = float(covered.mean())
    hard = limit.argsort(descending=True)[: max(1, len(limit) // 5)]
    return {
        "coverage": share,
        "low": low,
        "high": high,
        # shares are counts over the same number; a rounding is no difference
        "inside": float(low - 1e-9 <= share <= high + 1e-9),
        "hard": float(covered[hard].mean()),
        "exact": float((error == 0).double().mean()),
        "rank": _rank(limit, error),
        "log10": _sharpness(limit, constant),
    }


def finite(number: float) -> float | None:
    """The number, or None for NaN and infinity, which JSON has no words for."""
    return float(number) if math.isfinite(number) else None


def _rank(limit: Tensor, error: Tensor) -> float | None:
    if len(limit.unique()) < 2 or len(error.unique()) < 2:
        return None  # a number that never varies has no rank
    from scipy.stats import spearmanr  # slow to import

    return finite(float(spearmanr(limit.cpu().numpy(), error.cpu().numpy()).statistic))


def _sharpness(limit: Tensor, constant: float) -> float | None:
    there = limit[limit.isfinite() & (limit > 0)]
    if not 0 < constant < math.inf or not len(there):
        return None
    return float((there / constant).log10().mean())
