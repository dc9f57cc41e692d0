"""The experiments of each paper: what is run for its figures and tables, and what they claim."""

from __future__ import annotations

from invlab.benchmark import Cell
from invlab.papers import loss_design
from invlab.report import Claim

__all__ = ["cells", "claims", "list_papers"]

_PAPERS = {"loss_design": loss_design}


def list_papers() -> list[str]:
    """Names of the papers whose experiments can be run."""
    return sorted(_PAPERS)


def cells(paper: str) -> list[Cell]:
    """All cells of one paper.

    Raises:
        ValueError: no such paper.
    """
    if paper not in _PAPERS:
        raise ValueError(f"cells: expected one of {list_papers()}, got {paper!r}")
    return _PAPERS[paper].cells()


def claims() -> list[Claim]:
    """All rows of the ledger, paper by paper."""
    return [claim for paper in _PAPERS.values() for claim in paper.CLAIMS]
