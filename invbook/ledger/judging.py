"""What follows from a number of ours, the paper's, and the row in which nothing is learned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from invbook.ledger.claim import Claim

__all__ = ["Verdict", "meets", "verdict"]

Verdict = Literal[
    "reproduced",
    "not reproduced",
    "better",
    "equal",
    "not better",
    "cannot be compared",
    "measured",
    "no record",
]


def verdict(
    claim: Claim,
    ours: float | None,
    interval: tuple[float, float] | None,
    nulls: Sequence[float] = (),
) -> tuple[Verdict, str]:
    """The verdict on a row, and why, where the row's rule does not say it already.

    Args:
        claim: the row.
        ours: our number; None where no record holds it.
        interval: of the mean, 95 %; None where there is none, as for one seed.
        nulls: the rows in which nothing is learned.
    """
    if ours is None:
        return "no record", ""
    if claim.kind == "measurement":
        return "measured", claim.incomparable
    if claim.incomparable:
        return "cannot be compared", claim.incomparable
    if claim.kind == "reproduction":
        return _reproduced(claim, ours, nulls)
    return _improved(claim, interval, nulls)


def meets(claim: Claim, number: float) -> bool:
    """Whether a number meets what is asked of a row: its rule, or to be as good as the paper's."""
    if claim.accept is not None:
        return claim.accept(number)
    assert claim.paper is not None
    return number >= claim.paper if claim.more_is_better else number <= claim.paper


def _reproduced(claim: Claim, ours: float, nulls: Sequence[float]) -> tuple[Verdict, str]:
    assert claim.accept is not None
    if not claim.accept(ours):
        return "not reproduced", ""
    meeting = [null for null in nulls if claim.accept(null)]
    if meeting:
        why = f"no bar: a row that learns nothing meets it too ({meeting[0]:.3g})"
        return "cannot be compared", why
    return "reproduced", ""


def _improved(
    claim: Claim, interval: tuple[float, float] | None, nulls: Sequence[float]
) -> tuple[Verdict, str]:
    """Against the paper's number; and where a row that learns nothing meets that, against both."""
    assert claim.paper is not None
    if interval is None:
        return "cannot be compared", ""
    found = _beside(claim, interval, claim.paper)
    null = (max if claim.more_is_better else min)(nulls, default=None)
    if found != "better" or null is None or not meets(claim, null):
        return found, ""
    why = f"a row that learns nothing meets the paper's number too ({null:.3g})"
    if _beside(claim, interval, null) == "better":
        return "better", f"{why}, and ours is better than both"
    return "cannot be compared", f"no bar: {why}"


def _beside(claim: Claim, interval: tuple[float, float], bar: float) -> Verdict:
    low, high = interval
    if low <= bar <= high:
        return "equal"
    return "better" if (low > bar) == claim.more_is_better else "not better"
