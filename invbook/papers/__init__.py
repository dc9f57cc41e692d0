"""The experiments of each paper: what is run for its figures and tables, and what they claim."""

from __future__ import annotations

from invbook.ledger import Claim
from invbook.papers import joint_optimization, loss_design, metamaterial, neural_adjoint
from invlab.runs.records import Run

__all__ = ["plan", "claims", "list_papers"]

_CLAIMS = {
    "loss_design": loss_design.CLAIMS,
    "neural_adjoint": neural_adjoint.CLAIMS,
    "metamaterial": metamaterial.CLAIMS,
    "joint_optimization": joint_optimization.CLAIMS,
}
_CELLS = {
    "loss_design": loss_design.plan,
    "neural_adjoint": neural_adjoint.plan,
    "metamaterial": metamaterial.plan,
    "joint_optimization": joint_optimization.plan,
}


def list_papers() -> list[str]:
    """Names of the papers whose experiments can be run."""
    return sorted(_CELLS)


def plan(paper: str) -> list[Run]:
    """All runs of one paper.

    Raises:
        ValueError: no such paper.
    """
    if paper not in _CELLS:
        raise ValueError(f"runs: expected one of {list_papers()}, got {paper!r}")
    return _CELLS[paper]()


def claims(paper: str | None = None) -> list[Claim]:
    """The rows of the ledger, of one paper or of all in order."""
    return [claim for name in _CLAIMS if paper in (None, name) for claim in _CLAIMS[name]]
