"""What one call gave on each simulator, as a table."""

from __future__ import annotations

from collections.abc import Mapping

from invbook.ledger.marks import Row, beside
from invbook.ledger.paper_table import PaperTable, grid
from invbook.papers.advice.simulators import NINE_KINDS
from invbook.papers.answers.runs import LEVEL

__all__ = ["tables"]

COLUMNS = {
    "r_1": "error / var y",
    "lookup": "of a look-up",
    "floor": "of the truth",
    "held": "bound holds",
    "calls": "calls a target",
    "cpu": "CPU s",
}


def tables(rows: Mapping[str, Row]) -> list[PaperTable]:
    """The nine simulators, and what the call gave on each."""
    return [
        grid(
            "One call, nine simulators",
            "simulator",
            {kind: kind.replace("_", " ") for kind in NINE_KINDS},
            COLUMNS,
            lambda kind, column: rows.get(f"answers/{kind}/{column}"),
            show=beside,
            nulls=False,
            note="The call gets the simulator and a hundred targets, nothing else. Errors are "
            "those of the first answer, simulated once more, over the variance of y. On a noisy "
            "simulator the truth itself has an error; an answer is below it where its unknowns "
            "have less noise than the truth. "
            f"The bound promises to hold for {LEVEL:.0%} of the targets. Where an answer was "
            "simulated without noise its error is known, and is the bound.",
        )
    ]
