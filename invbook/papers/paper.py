"""What a paper is to the book: a heading, what is run for it, and what it claims."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from invbook.ledger import Claim
from invbook.ledger.marks import Row
from invbook.ledger.paper_table import PaperTable, line_a_row
from invlab.runs.records import Run

__all__ = ["Paper", "line_a_claim", "with_the_rest"]


def line_a_claim(rows: Mapping[str, Row]) -> list[PaperTable]:
    """The layout of a paper that has none of its own: what is compared, or else all, in lines."""
    compared = [row for row in rows.values() if row["kind"] != "measurement"]
    return [line_a_row("", compared or list(rows.values()))]


def with_the_rest(tables: Sequence[PaperTable], rows: Mapping[str, Row]) -> list[PaperTable]:
    """Tables, and a last one with what they leave out of the rows that are no measurements."""
    shown = {row["id"] for table in tables for _, row in table.rows()}
    rest = [r for r in rows.values() if r["kind"] != "measurement" and r["id"] not in shown]
    return [*tables, *([line_a_row("Further numbers", rest)] if rest else [])]


@dataclass(frozen=True)
class Paper:
    """A paper of the book, as its folder declares it.

    Attributes:
        name: of its folder, and the first part of the ids of its runs.
        heading: of its section in the ledger.
        citation: its key in ``references.bib``; None for a study of the book's own.
        plan: gives the runs behind its numbers, in the size of the preset.
        claims: what it reports, row by row of the ledger.
        tables: rows of the ledger by id to tables in the paper's own layout.
    """

    name: str
    heading: str
    citation: str | None
    plan: Callable[[], list[Run]]
    claims: Sequence[Claim]
    tables: Callable[[Mapping[str, Row]], list[PaperTable]] = line_a_claim
