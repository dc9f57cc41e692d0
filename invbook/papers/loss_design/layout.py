"""The paper's figures as a table: what each shows, and ours."""

from __future__ import annotations

from collections.abc import Mapping

from invbook.ledger.marks import Row
from invbook.ledger.paper_table import PaperTable, line_a_row

__all__ = ["tables"]


def tables(rows: Mapping[str, Row]) -> list[PaperTable]:
    """A line a figure; rows of our own stand beside them as those that learn nothing."""
    shown = [row for row in rows.values() if row["kind"] == "reproduction"]
    return [line_a_row("The figures", shown)]
