"""The paper's figures as a table: what each shows, and ours."""

from __future__ import annotations

from collections.abc import Mapping

from invbook.ledger.marks import Row
from invbook.ledger.paper_table import PaperTable, line_a_row

__all__ = ["tables"]

NULLS = (
    "*Nothing learned* is for Figures 3 to 7 a look-up in the 1000 pairs, which comes as near as "
    "the networks: where it meets what is looked for, the figure is no proof of a loss. For Figure "
    "9 it is the fit without slopes, and for Figure 12 the encoder–decoder from three pairs."
)


def tables(rows: Mapping[str, Row]) -> list[PaperTable]:
    """A line a figure; rows of our own stand beside them as those that learn nothing."""
    shown = [row for row in rows.values() if row["kind"] == "reproduction"]
    return [line_a_row("The figures", shown, note=NULLS)]
