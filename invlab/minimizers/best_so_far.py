"""What each row keeps when several searches work on it, and what all of them cost."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from invlab.minimizers.driver import Termination
from invlab.minimizers.objective import Evaluation
from invlab.minimizers.reparametrization import Reparametrization
from invlab.minimizers.solution import MESSAGES, Reason, RowLog, Solution

__all__ = ["BestSoFar", "Points"]

UNREFINED = "its steps are done; refine=True goes on to the minimum"
FLAT = "if this is a flat region and no minimum, take another seed or refine=True"
NOTHING = "from x0: no point with a lower objective was found"


class Points(NamedTuple):
    """Points in the coordinates of a search, ``(..., d)``, with what was seen there.

    Attributes:
        z: coordinates.
        value: objective, ``(...)``.
        flat: whether the gradient was within gtol, ``(...)``.
    """

    z: Tensor
    value: Tensor
    flat: Tensor

    @classmethod
    def of(cls, z: Tensor, value: Tensor, gradient: Tensor, gtol: float) -> Points:
        """From values ``(...)`` and gradients ``(..., d)``; flat only where all is finite."""
        return cls(z, value, gradient.abs().amax(-1) <= gtol)

    def where(self, chosen: Tensor, other: Points) -> Points:
        """These points where ``chosen`` ``(...)``, else the others."""
        z = torch.where(chosen[..., None], self.z, other.z)
        value = torch.where(chosen, self.value, other.value)
        return Points(z, value, torch.where(chosen, self.flat, other.flat))


class BestSoFar:
    """The best answer of each row so far, ``(B, ...)``, with its reason and the rows' costs.

    Args:
        start: coordinates of x0, ``(B, d)``.
        termination: tolerance and termination, for the messages.
        record: whether to keep the history of the best values.
    """

    def __init__(self, start: Tensor, termination: Termination, *, record: bool) -> None:
        self.start, self.termination, self.record = start, termination, record
        self.z = start.clone()
        self.fun = torch.full_like(start[:, 0], torch.nan)
        self.rows = torch.zeros(0, dtype=torch.long, device=start.device)
        self.nit = torch.zeros(len(start), dtype=torch.long, device=start.device)
        self.nfev = torch.zeros_like(self.nit)
        self.success = torch.zeros_like(self.nit, dtype=torch.bool)
        self.message = [MESSAGES[Reason.RUNNING]] * len(start)
        self.history: list[Tensor] = []
        self.interrupted = False

    def begin(self, seen: Evaluation, sound: Tensor, *, keep: bool) -> None:
        """Enter the evaluation of x0; rows that are not sound ``(B,)`` take no further part.

        ``keep`` says whether x0 itself may be the answer of a row that could do worse.
        """
        self.rows = sound.nonzero()[:, 0]
        self.nfev += 1
        self.value_at_start = seen.value
        self.fun = torch.where(sound, seen.value if keep else torch.inf, seen.value)
        stopped = MESSAGES[Reason.START_NOT_FINITE]
        self.message = [NOTHING if good else stopped for good in sound.tolist()]
        if self.record:
            self.history.append(seen.value)

    def count(self, value: Tensor | None) -> None:
        """One more evaluation of each sound row; its value ``(n,)``, if it is one of ``fun``."""
        self.nfev[self.rows] += 1
        if self.record:
            self._note(self.history[-1][self.rows] if value is None else value)

    def offer(self, points: Points, reason: Tensor, texts: dict[int, str], label: str) -> None:
        """Keep, in each sound row, the given answer if it is better.

        Args:
            points: one a sound row, ``(n, ...)``.
            reason: why its search ended, ``(n,)``.
            texts: reasons in words.
            label: where these answers come from.
        """
        ends = (reason == Reason.CONVERGED) | (reason == Reason.FLAT_START)
        known, value = self.fun[self.rows], points.value
        better = (value < known) | ((value == known) & ends & ~self.success[self.rows])
        rows = self.rows[better]
        self.z[rows], self.fun[rows] = points.z[better], value[better]
        self.success[rows] = ends[better]
        for row, code in zip(rows.tolist(), reason[better].tolist(), strict=True):
            self.message[row] = f"{label}: {texts[code]}"

    def offer_network(self, points: Points, label: str) -> None:
        """Offer what a network ended with, before any refinement."""
        reason = torch.where(points.flat, int(Reason.CONVERGED), int(Reason.MAXITER))
        texts = self._texts()
        flat = f"its gradient is within gtol = {self.termination.gtol:g}; {FLAT}"
        texts |= {Reason.CONVERGED: flat, Reason.MAXITER: UNREFINED}
        self.offer(points, reason, texts, label)

    def offer_search(self, log: RowLog, label: str) -> None:
        """Offer and count what a search of the sound rows entered into its log."""
        self.nit[self.rows] += log.nit
        self.nfev[self.rows] += log.nfev
        for value in log.history:
            self._note(value)
        if bool((log.reason == Reason.INTERRUPTED).any() | (log.reason == 0).any()):
            self.interrupted = True
        points = Points(log.x, log.fun, torch.zeros_like(log.fun, dtype=torch.bool))
        self.offer(points, log.reason, self._texts(), label)

    def solution(self, coordinates: Reparametrization) -> Solution:
        """Close the account."""
        none = self.fun == torch.inf
        if bool(none.any()):
            self.fun = torch.where(none, self.value_at_start, self.fun)
        if self.interrupted:
            for row in (~self.success).nonzero()[:, 0].tolist():
                if not self.message[row].startswith("not started"):
                    self.message[row] = MESSAGES[Reason.INTERRUPTED]
        return Solution(
            x=coordinates.x(self.z),
            fun=self.fun,
            success=self.success,
            nit=self.nit,
            nfev=self.nfev,
            message=self.message,
            history=torch.stack(self.history) if self.history else None,
        )

    def _note(self, value: Tensor) -> None:
        best = self.history[-1]
        lower = torch.fmin(best[self.rows], torch.where(value.isnan(), torch.inf, value))
        self.history.append(best.index_copy(0, self.rows, lower))

    def _texts(self) -> dict[int, str]:
        settings = self.termination._asdict() | {
            "dtype": str(self.fun.dtype).removeprefix("torch.")
        }
        return {int(reason): text.format(**settings) for reason, text in MESSAGES.items()}
