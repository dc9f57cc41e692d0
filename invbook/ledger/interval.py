"""Which interval a row has: one that covers, or none."""

from __future__ import annotations

import math
from collections.abc import Sequence

from invbook.ledger.claim import Claim
from invlab.metrics import mean_interval

__all__ = ["interval"]

# Deviation of the logarithms above which no interval of a mean of five seeds covers it: one seed
# owns the mean. Their range still holds the median of such seeds, as it does for any law.
HEAVY = 2.0
# Seeds from which on their range holds the median in 93 % of the cases: 1 − 2 · 2⁻ⁿ.
ENOUGH = 5


def interval(claim: Claim, numbers: Sequence[float]) -> tuple[tuple[float, float] | None, str]:
    """The 95 % interval of one number a seed, and what it is where that is no mean's.

    Args:
        claim: says on which scale.
        numbers: one a seed, or a case.
    """
    if claim.worst:
        return None, "the worst has no interval"
    if claim.scale == "log" and _heavy(numbers):
        if len(numbers) < ENOUGH:
            return None, f"{len(numbers)} seeds that differ by powers of ten have no interval"
        text = f"the seeds differ by powers of ten: the interval is the range of {len(numbers)}"
        return (min(numbers), max(numbers)), f"{text}, which holds their median"
    found = mean_interval(numbers, scale=claim.scale, trials=claim.trials)
    if found is None:
        return None, "one seed has no interval"
    # Student's t knows nothing of the ends of a scale
    low, high = (min(max(end, claim.between[0]), claim.between[1]) for end in found)
    return (low, high), ""


def _heavy(numbers: Sequence[float]) -> bool:
    if len(numbers) < 2 or not all(0 < number < math.inf for number in numbers):
        return False
    logs = [math.log(number) for number in numbers]
    mean = sum(logs) / len(logs)
    return math.sqrt(sum((log - mean) ** 2 for log in logs) / (len(logs) - 1)) > HEAVY
