"""The papers of the book: what is run for their figures and tables, and what they claim."""

from __future__ import annotations

from invbook.ledger import Claim
from invbook.papers import (
    advice,
    answers,
    joint_optimization,
    loss_design,
    metamaterial,
    neural_adjoint,
    scaling,
    trust,
)
from invbook.papers.paper import Paper
from invlab.runs.records import Run

__all__ = ["Paper", "claims", "get_paper", "list_papers", "plan"]

# In the order of the ledger. A new paper: its folder, and a line here.
_PAPERS: dict[str, Paper] = {
    paper.name: paper
    for paper in (
        loss_design.PAPER,
        neural_adjoint.PAPER,
        metamaterial.PAPER,
        joint_optimization.PAPER,
        advice.PAPER,
        trust.PAPER,
        answers.PAPER,
        scaling.PAPER,
    )
}


def list_papers() -> list[str]:
    """Names of the papers whose experiments can be run, in the order of the ledger."""
    return list(_PAPERS)


def get_paper(name: str) -> Paper:
    """A paper by name.

    Raises:
        ValueError: no such paper.
    """
    if name not in _PAPERS:
        raise ValueError(f"get_paper: expected one of {list_papers()}, got {name!r}")
    return _PAPERS[name]


def plan(paper: str) -> list[Run]:
    """All runs of one paper.

    Raises:
        ValueError: no such paper.
    """
    return get_paper(paper).plan()


def claims(paper: str | None = None) -> list[Claim]:
    """The rows of the ledger, of one paper or of all in order."""
    chosen = list_papers() if paper is None else [paper]
    return [claim for name in chosen for claim in get_paper(name).claims]
