"""What came out of a minimisation: a point, a value and a reason for each row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import torch
from torch import Tensor

__all__ = ["Line", "Reason", "RowLog", "Solution", "history_of", "solved"]

# Rows ``(n,)`` that were evaluated once more, and their values, or best values, ``(n,)``.
Line = tuple[Tensor, Tensor]


class Reason(IntEnum):
    """Why a row stopped; no row is left ``NOT_DONE``: a further search goes on with it."""

    RUNNING = 0
    CONVERGED = 1
    FLAT_START = 2
    MAXITER = 3
    MAXFEV = 4
    STALLED = 5
    START_NOT_FINITE = 6
    UNBOUNDED = 7
    INTERRUPTED = 8
    CONVERGED_AT_EDGE = 9
    NOT_DONE = 10


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
    Reason.CONVERGED_AT_EDGE: (
        "converged at an edge of the bounds: no component of the gradient that leads back inside "
        "exceeds gtol = {gtol:g}; the minimum of the objective may lie outside"
    ),
    Reason.INTERRUPTED: "interrupted from the keyboard; x is the best point so far",
}


# Reasons that are a success.
SOLVED = (Reason.CONVERGED, Reason.FLAT_START, Reason.CONVERGED_AT_EDGE)


@dataclass(frozen=True, repr=False)
class Solution:
    """The result of :func:`invlab.minimize`, under SciPy's names, with a leading row axis.

    Attributes:
        x: the best point that was evaluated, ``(B, d)``, in the dtype and on the device of ``x0``.
        fun: the objective there, ``(B,)``; NaN where a row could not start.
        success: whether the gradient (projected, where there are bounds) fell within ``gtol``,
            ``(B,)``, bool.
        nit: iterations, ``(B,)``, int64.
        nfev: evaluations of the row, ``(B,)``, int64; each gives value and derivative.
        message: for each row why it stopped, and what to do about it.
        history: with ``record=True`` the best value of each row after 1, 2, ... evaluations,
            ``(max(nfev), B)``; a finished row repeats its last value. Else None.
        interrupted: whether an interrupt from the keyboard ended the search; rows that had not
            finished then hold their best point so far. What records results has to end itself.

    Example:
        >>> import torch
        >>> import invlab
        >>> def parabola(x):  # lowest at 3
        ...     return (x - 3).square().sum(1)
        >>> start = torch.zeros(1, 1, dtype=torch.float64)
        >>> found = invlab.minimize(parabola, start, bounds=[(0, 1)])
        >>> found.x.tolist(), found.success.tolist()
        ([[1.0]], [True])
        >>> found.message[0].partition(":")[0]
        'converged at an edge of the bounds'
    """

    x: Tensor
    fun: Tensor
    success: Tensor
    nit: Tensor
    nfev: Tensor
    message: list[str]
    history: Tensor | None = None
    interrupted: bool = False

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
        self.lines: list[Line] = []

    def record(self, rows: Tensor, fun: Tensor) -> None:
        """One more line of the history: the best values ``fun`` ``(n,)`` of ``rows``."""
        self.lines.append((rows, fun))

    def enter(
        self, rows: Tensor, x: Tensor, fun: Tensor, nit: Tensor, nfev: int, reason: Tensor
    ) -> None:
        """Enter rows that stop: numbers ``rows`` ``(n,)``, with their best point and value."""
        self.x[rows] = x
        self.fun = self.fun.index_copy(0, rows, fun)
        self.nit[rows] = nit
        self.nfev[rows] = nfev
        self.reason[rows] = reason

    def go_on(self, rows: Tensor, other: RowLog, lower: Tensor) -> None:
        """Enter what a further search of ``rows`` ``(n,)`` found, on top of what is here.

        ``lower`` ``(n,)`` says which of them it brought forward; the others keep their point.
        """
        better = rows[lower]
        self.x[better], self.fun[better] = other.x[lower], other.fun[lower]
        self.nit[rows] += other.nit
        self.nfev[rows] += other.nfev
        self.reason[rows] = other.reason
        self.lines += [(rows[part], fun) for part, fun in other.lines]

    @property
    def interrupted(self) -> bool:
        """Whether an interrupt from the keyboard ended the search."""
        ended = (self.reason == Reason.INTERRUPTED) | (self.reason == Reason.RUNNING)
        return bool(ended.any())

    def solution(self, **settings: object) -> Solution:
        """Close the log; ``settings`` fill the placeholders of the messages."""
        texts = {int(reason): text.format(**settings) for reason, text in MESSAGES.items()}
        return Solution(
            x=self.x,
            fun=self.fun,
            success=solved(self.reason),
            nit=self.nit,
            nfev=self.nfev,
            message=[texts[code] for code in self.reason.tolist()],
            history=history_of(self.lines, self.nfev) if self.lines else None,
            interrupted=self.interrupted,
        )


def history_of(lines: Sequence[Line], nfev: Tensor) -> Tensor:
    """The best value of each row after 1, 2, ... evaluations, ``(max(nfev), B)``.

    Args:
        lines: of the evaluations, in their order.
        nfev: how many each row had, ``(B,)``.
    """
    seen, like = torch.zeros_like(nfev), lines[0][1]
    best = like.new_full((int(nfev.max()), len(nfev)), torch.inf)
    for rows, value in lines:
        best[seen[rows], rows] = value
        seen[rows] += 1
    # a finished row repeats its last value; one that is NaN stays so
    return best.cummin(0).values


def solved(reason: Tensor) -> Tensor:
    """Which reasons ``(n,)`` are a success, ``(n,)``."""
    return torch.isin(reason, torch.tensor(SOLVED, device=reason.device))
