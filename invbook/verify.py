"""A sample of cheap records made again and compared: what a person can check in ten minutes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from invlab.runs.records import Record, Run

__all__ = ["MOST_OFF", "Difference", "compare", "sample", "tolerance"]

# Numbers that a machine and its load decide.
MEASURED = {"cpu", "train", "train_wall", "infer", "infer_wall", "seconds", "rounds", "median"}
# Shares in per cent.
SHARES = (
    "better",
    "equal",
    "worse",
    "better_exact",
    "equal_exact",
    "solved",
    "close",
    "found",
    "moving",
)
# How far a number may be off on another processor, by what it is: solvers agree to rounding, a
# training multiplies rounding until single errors differ by some tens of per cent and those of a
# few worst guesses by more; and one problem of a few that ends elsewhere moves a share by its whole
# weight.
#
# Measured with PyTorch's kernels without vector instructions (ATEN_CPU_CAPABILITY=default) in place
# of AVX-512, which rounds otherwise everywhere: of 17 cheap records one came again digit for digit,
# in 14 at most a thirteenth of the numbers were farther off than this, and in the two of the
# Hermite losses by differences, whose trainings are chaotic, a tenth and a quarter.
SOLVER, FACTOR, POINTS = 1e-3, 3.0, 30.0
# Of a number that may be zero or below, such as a share, a logarithm or an unbiased distance.
AROUND_ZERO = 0.1
# Share of a record's numbers that may be farther off than that.
MOST_OFF = 0.3
SOLVERS = ("metamaterial/truncation", "metamaterial/interpolation")


@dataclass(frozen=True)
class Difference:
    """One number, as it was recorded and as it came now.

    Attributes:
        name: of the score.
        recorded, now: its values.
        allowed: whether they are as near as :func:`tolerance` says.
    """

    name: str
    recorded: float
    now: float
    allowed: bool


def sample(runs: Sequence[Run], records: Mapping[str, Record], seconds: float) -> list[Run]:
    """The cheapest run of each kind, while all of them together cost less than so many CPU seconds.

    Args:
        runs: that have a record.
        records: by id.
        seconds: that the records took.
    """
    cheapest: dict[str, Run] = {}
    for run in sorted(runs, key=lambda run: float(records[run.id]["cpu_seconds"])):
        cheapest.setdefault("/".join(run.id.split("/")[:2]), run)
    chosen, spent = [], 0.0
    for run in cheapest.values():
        spent += float(records[run.id]["cpu_seconds"])
        if spent > seconds:
            break
        chosen.append(run)
    return chosen


def compare(recorded: Record, now: Record) -> list[Difference]:
    """Every score of a record that neither machine nor load decides, then and now."""
    return [
        Difference(name, before, after, tolerance(recorded["id"], name, before, after))
        for name, before, after in _numbers(recorded["scores"], now["scores"])
    ]


def tolerance(record: str, name: str, before: float, after: float) -> bool:
    """Whether two values of a score may be those of one program on two processors."""
    if before == after:
        return True
    if record.startswith(SOLVERS):
        return math.isclose(before, after, rel_tol=SOLVER)
    if name.rpartition("/")[2] in SHARES:
        return abs(before - after) <= POINTS
    if before <= 0 or after <= 0:
        near = abs(before - after) <= AROUND_ZERO
        return near or (before * after > 0 and 1 / FACTOR <= after / before <= FACTOR)
    return 1 / FACTOR <= after / before <= FACTOR


def _numbers(before: Any, after: Any, name: str = "") -> Iterator[tuple[str, float, float]]:
    """Pairs of numbers at the same place of two nested values; NaN where the second has none."""
    if isinstance(before, Mapping):
        for key, value in before.items():
            if MEASURED.isdisjoint(key.split("/")):
                there = after.get(key) if isinstance(after, Mapping) else None
                yield from _numbers(value, there, f"{name}/{key}" if name else str(key))
    elif isinstance(before, list):
        there = after if isinstance(after, list) else []
        for one, other in itertools.zip_longest(before, there[: len(before)]):
            yield from _numbers(one, other, name)
    elif isinstance(before, int | float):
        yield name, float(before), math.nan if after is None else float(after)
