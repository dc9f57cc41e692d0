"""The paper's figures as a table: what each shows, and ours."""

from __future__ import annotations

from collections.abc import Mapping

from invbook.ledger.marks import Row
from invbook.ledger.paper_table import PaperTable, line_a_row

__all__ = ["tables"]

NULLS = (
    "*Nothing learned* is here a trained network that lacks the idea under test: regression for "
    "Figures 3 to 7, the fit without slopes for Figure 9, and the encoder–decoder from three pairs "
    "for Figure 12."
)


def tables(rows: Mapping[str, Row]) -> list[PaperTable]:
    """A line a figure; rows of our own stand beside them as those that learn nothing."""
    shown = [row for row in rows.values() if row["kind"] == "reproduction"]
    return [line_a_row("The figures", shown, note=NULLS)]
