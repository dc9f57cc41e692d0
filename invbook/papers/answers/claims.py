"""What the runs of ``invert`` measure, as rows of the ledger; no paper has numbers beside them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from invbook.ledger import Claim
from invbook.papers.advice.simulators import NINE_KINDS
from invbook.papers.answers.runs import LEVEL, ids
from invlab.runs.records import Record

__all__ = ["CLAIMS", "MEASURES"]

SOURCE = "one call on nine simulators"
# What an error counts at least when it is set beside another, in the variance of y: below this
# two answers are the same to anybody.
FLOOR = 1e-6
# Quantity to its words.
MEASURES = {
    "r_1": "mean error of the first answer, in the variance of y; one that the simulator cannot "
    "take counts 2, as a draw does",
    "failed": "targets whose first answer the simulator cannot take",
    "lookup": "the same of a look-up in as many pairs",
    "floor": "the same of the truth, simulated once more",
    "held": f"targets whose error is below the bound of level {LEVEL}",
    "flagged": "fresh targets that are flagged as out of reach",
    "calls": "simulations a target, those of the pairs and of the choice too",
    "cpu": "processor seconds of the whole call",
}
SHARES = ("failed", "held", "flagged")


def _score(name: str) -> Callable[[Record], Sequence[Any]]:
    return lambda record: [value for value in record["scores"][name] if value is not None]


def _over_lookup(record: Record) -> list[float]:
    """Logarithm of our error over the look-up's, each at least the noise floor and ``FLOOR``."""
    ours, theirs, floor = (record["scores"][name][0] for name in ("r_1", "lookup", "floor"))
    least = max(floor, FLOOR)
    return [math.log(max(ours, least) / max(theirs, least))]


def _ends(name: str) -> tuple[float, float]:
    return (0.0, 1.0) if name in SHARES else (-math.inf, math.inf)


def _of_one(kind: str, name: str) -> Claim:
    return Claim(
        id=f"answers/{kind}/{name}",
        source=SOURCE,
        records=tuple(ids([kind])),
        values=_score(name),
        rule=f"{kind.replace('_', ' ')}: {MEASURES[name]}",
        nulls=(f"answers/{kind}/lookup",) if name == "r_1" else (),
        between=_ends(name),
    )


def _of_all(name: str) -> Claim:
    return Claim(
        id=f"answers/{name}",
        source=SOURCE,
        records=tuple(ids()),
        values=_score(name),
        rule=f"{MEASURES[name]}, over all simulators",
        cases=True,
        between=_ends(name),
    )


CLAIMS = [
    *(_of_one(kind, name) for kind in NINE_KINDS for name in MEASURES),
    *map(_of_all, SHARES),
    Claim(
        id="answers/over_lookup",
        source=SOURCE,
        records=tuple(ids()),
        values=_over_lookup,
        rule="error of the first answer over that of a look-up in as many pairs, each at least the "
        f"noise floor and {FLOOR:g} of the variance of y; geometric mean over simulators",
        cases=True,
        geometric=True,
    ),
]
