"""Which interval a row has: one that covers, or none."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from invbook.ledger.claim import Claim
from invlab.metrics import mean_interval

__all__ = ["Interval", "interval"]

# Deviation of the logarithms above which no interval of a mean of five seeds covers it: one seed
# owns the mean. Their range still holds the median of such seeds, as it does for any law.
HEAVY = 2.0
# Seeds from which on their range holds the median in 93 % of the cases: 1 − 2 · 2⁻ⁿ.
ENOUGH = 5


@dataclass(frozen=True)
class Interval:
    """Two ends, if there are any.

    Attributes:
        ends: lower and upper.
        note: what they are, or why there are none, in words.
        covers: whether it is a 95 % interval of the mean, which alone can decide a verdict.
    """

    ends: tuple[float, float] | None = None
    note: str = ""
    covers: bool = False


def interval(claim: Claim, numbers: Sequence[float]) -> Interval:
    """The 95 % interval of one number a seed, or their range where none covers the mean.

    Args:
        claim: says on which scale.
        numbers: one a seed, or a case.
    """
    if claim.worst:
        return Interval(note="the worst has no interval")
    if claim.scale == "log" and _heavy(numbers):
        if len(numbers) < ENOUGH:
            few = f"{len(numbers)} seeds that differ by powers of ten have no interval"
            return Interval(note=few)
        text = (
            f"the seeds differ by powers of ten: the ends are the range of {len(numbers)}, which "
            "holds their median, and no interval of the mean"
        )
        return Interval((min(numbers), max(numbers)), text)
    if len(numbers) > 1 and claim.scale != "share" and min(numbers) == max(numbers):
        return Interval(note=f"{len(numbers)} equal numbers have no interval")
    found = mean_interval(numbers, scale=claim.scale, trials=claim.trials)
    if found is None:
        return Interval(note="one seed has no interval")
    # Student's t knows nothing of the ends of a scale
    low, high = (min(max(end, claim.between[0]), claim.between[1]) for end in found)
    return Interval((low, high), covers=True)


def _heavy(numbers: Sequence[float]) -> bool:
    if len(numbers) < 2 or not all(0 < number < math.inf for number in numbers):
        return False
    logs = [math.log(number) for number in numbers]
    mean = sum(logs) / len(logs)
    return math.sqrt(sum((log - mean) ** 2 for log in logs) / (len(logs) - 1)) > HEAVY
