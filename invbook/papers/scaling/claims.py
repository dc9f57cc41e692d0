"""Where work grows in proportion, cost may not grow faster: rows of the ledger."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from invbook.ledger import Claim
from invbook.papers.scaling.runs import METHODS, MINIMIZERS
from invlab.runs.records import Record

__all__ = ["CLAIMS", "LIMIT"]

# Above one by what processor seconds vary on a busy machine.
LIMIT = 1.25

# What is done and what grows, where the work is in proportion to it.
LINEAR = {
    "fit/pairs": "a fit against pairs, at a number of epochs",
    "fit/numbers": "a fit against numbers of y",
    "answer/pairs": "answers against pairs, which a look-up searches",
    "answer/numbers": "answers against numbers of y",
    "answer/targets": "answers against targets",
    "answer/draws": "answers against draws",
    "solve/problems": "a minimisation against problems solved together",
}
UNITS = {"seconds": "processor seconds", "megabytes": "peak memory"}


def _exponents(key: str) -> Callable[[Record], Sequence[Any]]:
    return lambda record: record["scores"].get(key, [])


def _records(what: str) -> tuple[str, ...]:
    if what.startswith("solve"):
        return tuple(f"scaling/minimize_{name}" for name in MINIMIZERS)
    return tuple(f"scaling/{name}" for name in METHODS)


CLAIMS = [
    Claim(
        f"scaling/{what}/{unit}",
        "how cost grows",
        _records(what),
        _exponents(f"{what}/{unit}"),
        f"largest exponent of all methods, {name} of {meaning}; the goal is at most {LIMIT}",
        worst=True,
        cases=True,
    )
    for what, meaning in LINEAR.items()
    for unit, name in UNITS.items()
]
