"""What came out of a minimisation: a point, a value and a reason for each row."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import IntEnum

import torch
from torch import Tensor

__all__ = ["Reason", "Solution"]


class Reason(IntEnum):
    """Why a row stopped."""

    RUNNING = 0
    CONVERGED = 1
    FLAT_START = 2
    MAXITER = 3
    MAXFEV = 4
    STALLED = 5
    START_NOT_FINITE = 6
    UNBOUNDED = 7
    INTERRUPTED = 8


MESSAGES = {
    Reason.RUNNING: "not started: interrupted before the first evaluation",
    Reason.CONVERGED: "converged: no component of the gradient exceeds gtol = {gtol:g}",
    Reason.FLAT_START: (
        "did not move: the gradient at the start is already within gtol = {gtol:g}; if this is a "
        "flat region and no minimum, start elsewhere"
    ),
    Reason.MAXITER: (
        "stopped at maxiter = {maxiter} iterations above gtol = {gtol:g}; raise maxiter, bring "
        "the unknowns to one scale, or give gd and adam another step_size"
    ),
    Reason.MAXFEV: (
        "stopped at maxfev = {maxfev} evaluations above gtol = {gtol:g}; raise maxfev, or bring "
        "the unknowns to one scale"
    ),
    Reason.STALLED: (
        "stalled: no step improves the objective any more, yet the gradient exceeds gtol = "
        "{gtol:g}; {dtype} is used up, or here is a kink, a hole (NaN), no minimum or a wrong "
        "gradient; try float64, a larger gtol or another start"
    ),
    Reason.START_NOT_FINITE: (
        "not started: x0, the objective or its gradient is NaN or infinite there; start elsewhere"
    ),
    Reason.UNBOUNDED: "stopped: the objective reached minus infinity; it has no minimum here",
    Reason.INTERRUPTED: "interrupted from the keyboard; x is the best point so far",
}


@dataclass(frozen=True, repr=False)
class Solution:
    """The result of :func:`invlab.minimize`, under SciPy's names, with a leading row axis.

    Attributes:
        x: the best point that was evaluated, ``(B, d)``, in the dtype and on the device of ``x0``.
        fun: the objective there, ``(B,)``; NaN where a row could not start.
        success: whether the gradient fell within ``gtol``, ``(B,)``, bool.
        nit: iterations, ``(B,)``, int64.
        nfev: evaluations of the row, ``(B,)``, int64; each gives value and derivative.
        message: for each row why it stopped, and what to do about it.
        history: with ``record=True`` the best value of each row after 1, 2, ... evaluations,
            ``(max(nfev), B)``; a finished row repeats its last value. Else None.
    """

    x: Tensor
    fun: Tensor
    success: Tensor
    nit: Tensor
    nfev: Tensor
    message: list[str]
    history: Tensor | None = None

    def __len__(self) -> int:
        return len(self.fun)

    def __repr__(self) -> str:
        lines = [f"Solution: {int(self.success.sum())} of {len(self)} rows converged"]
        lines += [f"  {count} x {text}" for text, count in Counter(self.message).most_common()]
        return "\n".join(lines)


class RowLog:
    """Where rows are entered as they stop; ``(B, ...)`` throughout."""

    def __init__(self, x0: Tensor) -> None:
        size = len(x0)
        self.x = x0.clone()
        self.fun = torch.full((size,), torch.nan, dtype=x0.dtype, device=x0.device)
        self.nit = torch.zeros(size, dtype=torch.long, device=x0.device)
        self.nfev = torch.zeros_like(self.nit)
        self.reason = torch.zeros_like(self.nit)
        self.history: list[Tensor] = []

    def record(self, rows: Tensor, fun: Tensor) -> None:
        """Append one line to the history: ``fun`` ``(n,)`` for ``rows``, the others as they are."""
        self.fun = self.fun.index_copy(0, rows, fun)
        self.history.append(self.fun)

    def enter(
        self, rows: Tensor, x: Tensor, fun: Tensor, nit: Tensor, nfev: int, reason: Tensor
    ) -> None:
        """Enter rows that stop: numbers ``rows`` ``(n,)``, with their best point and value."""
        self.x[rows] = x
        self.fun = self.fun.index_copy(0, rows, fun)
        self.nit[rows] = nit
        self.nfev[rows] = nfev
        self.reason[rows] = reason

    def solution(self, **settings: object) -> Solution:
        """Close the log; ``settings`` fill the placeholders of the messages."""
        texts = {int(reason): text.format(**settings) for reason, text in MESSAGES.items()}
        converged = (self.reason == Reason.CONVERGED) | (self.reason == Reason.FLAT_START)
        return Solution(
            x=self.x,
            fun=self.fun,
            success=converged,
            nit=self.nit,
            nfev=self.nfev,
            message=[texts[code] for code in self.reason.tolist()],
            history=torch.stack(self.history) if self.history else None,
        )
