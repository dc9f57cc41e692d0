"""How a row of the ledger is read from a record, and when it is reached."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from invlab.runs.records import Record

__all__ = [
    "NO_ROW",
    "REN",
    "SOURCES",
    "Bar",
    "at_least",
    "at_most",
    "score",
    "targets",
    "value",
    "within_factor",
]

# Whether our number reaches what is asked of it.
Bar = Callable[[float], bool]

REN = "Ren et al. 2020"
NO_ROW = "no such row in the paper"
# Where the paper gives r_T, by T.
SOURCES = {1: "Table 7", 50: "Fig. 3, read off", 200: "Table 3"}


def at_most(limit: float) -> Bar:
    """Reached where our number is not above the limit."""
    return lambda ours: ours <= limit


def at_least(limit: float) -> Bar:
    """Reached where our number is not below the limit."""
    return lambda ours: ours >= limit


def within_factor(paper: float, factor: float) -> Bar:
    """Reached where our number is neither so many times larger nor smaller than the paper's."""
    return lambda ours: paper / factor <= ours <= paper * factor


def score(name: str) -> Callable[[Record], Sequence[Any]]:
    """A recorded score: one number a seed, or a list of them."""
    return lambda record: record["scores"][name]


def targets(method: str, count: int) -> Callable[[Record], Sequence[Any]]:
    """The error of each target at T = ``count``."""
    return lambda record: [record["targets"][method][str(count)]]


def value(name: str, factor: float = 1.0) -> Callable[[Record], Sequence[Any]]:
    """A recorded score, in other units by ``factor``."""
    return lambda record: [factor * number for number in record["scores"][name]]
