"""What the study measured, in tables that fit a page."""

from __future__ import annotations

from collections.abc import Mapping

from invbook.ledger.marks import Row, with_interval
from invbook.ledger.paper_table import PaperTable, grid
from invbook.papers.advice.claims import GOAL, NAMES, WITHIN_GOAL

__all__ = ["choices", "tables"]

Rows = Mapping[str, Row]

MEASURES = {
    "r": "error r_T",
    "within_2": "within a factor of 2",
    "calls": "simulations",
    "seconds": "processor seconds",
}
ALONE = {f"alone/{measure}": MEASURES[measure] for measure in ("r", "within_2")}


def tables(rows: Rows) -> list[PaperTable]:
    """The untouched simulators; to unfold, methods without simulations and the tuned half."""
    return [
        choices(rows, "untouched", "On simulators that nobody had looked at", MEASURES),
        choices(rows, "untouched", "Among methods that need no further simulations", ALONE),
        choices(rows, "tuned", "On the simulators that the rules were chosen on", MEASURES),
    ]


def choices(rows: Rows, half: str, title: str, measures: Mapping[str, str]) -> PaperTable:
    """How much worse than the best method each choice of a method is.

    Args:
        rows: of the ledger, by id.
        half: ``"untouched"`` or ``"tuned"``.
        title: of the table.
        measures: key to heading; keys of the other answerers begin with ``"alone/"``.
    """

    def find(strategy: str, measure: str) -> Row | None:
        scope, _, own = measure.rpartition("/")
        return rows.get("/".join(filter(None, ["advice", half, scope, strategy, own])))

    return grid(
        title,
        "choice",
        NAMES,
        measures,
        find,
        show=with_interval,
        nulls=False,
        note="Errors, simulations and seconds are over the best method's, geometric means over the "
        f"simulators; the goal of the advice is an error of at most {GOAL}, and {WITHIN_GOAL:.0%} "
        "of the cases within a factor of 2.",
        folded=half == "tuned" or measures is ALONE,
    )
