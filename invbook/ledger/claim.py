"""One number that a paper reports or implies, and how ours is found in the records."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from invlab.metrics.intervals import Scale
from invlab.runs.records import Record

__all__ = ["Claim", "Kind"]

# A reproduction is made the paper's way and asks whether its number, or what its figure shows,
# comes again. An improvement is another way to the same quantity, set against the paper's number.
# A measurement stands there for itself.
Kind = Literal["reproduction", "improvement", "measurement"]


@dataclass(frozen=True)
class Claim:
    """A row of the ledger.

    Attributes:
        id: name of the row.
        source: paper and figure or table.
        records: ids of the records it is read from.
        values: record to one number a seed, or to a list of one a target.
        rule: what the number is, and for a reproduction what is asked of it, in words.
        kind: see :data:`Kind`.
        accept: of a reproduction, whether our number is the paper's, or what its figure shows.
        protocol: what was done differently from the paper, in words; empty if nothing.
        paper: the paper's number, or None where it only shows a figure, or has no such row.
        more_is_better: which side of the paper's number is the better one.
        nulls: ids of rows in which nothing is learned or searched; the best of them stands beside
            ours, and a bar that it meets is none.
        incomparable: why ours cannot be set against the paper's, though both are there.
        worst: whether ours is the largest value over records and seeds instead of the mean.
        cases: whether each simulator is a case of its own: mean and interval are then over the
            simulators, each with the mean over its records, and not over the seeds. A record in
            which the number is not defined gives no values, and does not count.
        geometric: whether the values are logarithms, of which the exponential of the mean is shown.
        scale: of the interval, see :func:`invlab.metrics.mean_interval`.
        trials: answers behind a number in per cent, for the scale ``"share"``.
        between: what the values cannot leave, such as 0 and 1 for a share; an interval ends there.
    """

    id: str
    source: str
    records: tuple[str, ...]
    values: Callable[[Record], Sequence[Any]]
    rule: str
    kind: Kind = "measurement"
    accept: Callable[[float], bool] | None = None
    protocol: str = ""
    paper: float | None = None
    more_is_better: bool = False
    nulls: tuple[str, ...] = ()
    incomparable: str = ""
    worst: bool = False
    cases: bool = False
    geometric: bool = False
    scale: Scale = "linear"
    trials: int | None = None
    between: tuple[float, float] = (-math.inf, math.inf)

    def __post_init__(self) -> None:
        if (self.kind == "reproduction") != (self.accept is not None):
            raise ValueError(f"{self.id}: a reproduction, and no other row, has accept")
        if self.kind == "improvement" and self.paper is None:
            raise ValueError(f"{self.id}: an improvement is set against a number of the paper")
