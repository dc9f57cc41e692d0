"""What a paper is to the book: a heading, what is run for it, and what it claims."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from invbook.ledger import Claim
from invlab.runs.records import Run

__all__ = ["Paper"]


@dataclass(frozen=True)
class Paper:
    """A paper of the book, as its folder declares it.

    Attributes:
        name: of its folder, and the first part of the ids of its runs.
        heading: of its section in the ledger.
        citation: its key in ``references.bib``; None for a study of the book's own.
        plan: gives the runs behind its numbers, in the size of the preset.
        claims: what it reports, row by row of the ledger.
    """

    name: str
    heading: str
    citation: str | None
    plan: Callable[[], list[Run]]
    claims: Sequence[Claim]
