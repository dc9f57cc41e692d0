"""What the solver and its stand-in have to reach, as rows of the ledger."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from invlab.benchmark import Record
from invlab.report import Claim

__all__ = ["CLAIMS"]

REN = "Ren et al. 2020, Section 5.1"
OURS = "no such row in the paper"


def _score(name: str) -> Callable[[Record], Sequence[Any]]:
    return lambda record: record["scores"][name]


def _at_most(limit: float) -> Callable[[float], bool]:
    return lambda ours: ours <= limit


CLAIMS = [
    Claim(
        "metamaterial/proxy/mse",
        REN,
        ("metamaterial/proxy",),
        _score("mse"),
        _at_most(6e-5),
        "mean squared error on fresh Maxwell spectra; at most the paper's",
        paper=6e-5,
    ),
    Claim(
        "metamaterial/truncation/mse",
        OURS,
        ("metamaterial/truncation",),
        _score("mse"),
        _at_most(6e-5),
        "M = 6 against M = 9 over 16 geometries; at most 6e-5",
    ),
    Claim(
        "metamaterial/interpolation/mse",
        OURS,
        ("metamaterial/interpolation",),
        _score("36"),
        _at_most(1e-7),
        "36 frequencies against 300 over 8 geometries; at most 1e-7",
    ),
    Claim(
        "metamaterial/seconds",
        OURS,
        ("metamaterial/seconds",),
        _score("median"),
        _at_most(0.5),
        "CPU s of one spectrum on one core, median of 20; at most 0.5",
    ),
]
