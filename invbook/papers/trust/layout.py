"""What was measured of trust, in tables that fit a page."""

from __future__ import annotations

from collections.abc import Mapping

from invbook.ledger.marks import Row, with_interval
from invbook.ledger.paper_table import PaperTable, grid
from invbook.papers.trust.claims import COVERAGE, FALSE_ALARMS, HARD, POWER, SAID, SILENT
from invbook.papers.trust.runs import METHODS

__all__ = ["bounds", "flags", "tables"]

Rows = Mapping[str, Row]

MEASURES = {
    "coverage": "below the bound",
    "hard": "of the hardest fifth",
    "rank": "rank correlation with the error",
    "ratio": "bound over a constant one",
}
ALARMS = {
    "reach/{}/flagged": "flagged",
    "reach/{}/power": "flagged, of those truly out of reach",
    "silent/{}": "bounds broken without a flag",
    "silent/{}/worst": "the same, worst case",
}


def tables(rows: Rows) -> list[PaperTable]:
    """The bounds by method; to unfold, the flags by what is wrong with a target."""
    return [bounds(rows), flags(rows)]


def bounds(rows: Rows) -> PaperTable:
    """Whether error bounds of level 0.9 keep their word, by method."""
    named = {method: method.replace("_", " ") for method in METHODS}
    low, high = COVERAGE
    return grid(
        "Error bounds of level 0.9",
        "method",
        {"": "all methods"} | named,
        MEASURES,
        lambda method, measure: rows.get("/".join(filter(None, ["trust/bound", method, measure]))),
        show=with_interval,
        nulls=False,
        note=f"The goal is a coverage of {low} to {high} over all methods, and of at least {HARD} "
        "in the fifth of the targets with the largest bounds. A rank correlation of 0.5 for the "
        "neural adjoint and of 0.9 for the others was aimed at, and a bound of half and of a fifth "
        "of the constant one. On noisy simulators one draw of the noise decides an answer's error, "
        "which no bound can foresee; the rows over simulators without noise show the rest.",
    )


def flags(rows: Rows) -> PaperTable:
    """Whether targets that no x reaches are noticed, by what was done to them."""
    return grid(
        "Targets that no x reaches",
        "targets",
        SAID,
        ALARMS,
        lambda kind, measure: rows.get(f"trust/{measure.format(kind)}"),
        show=with_interval,
        nulls=False,
        note=f"The goals are at most {FALSE_ALARMS:.0%} false alarms among fresh targets, at least "
        f"{POWER:.0%} of those truly out of reach, and at most {SILENT:.0%} silent failures. The "
        "last goal holds in the mean over simulators and methods and not in every case.",
        folded=True,
    )
