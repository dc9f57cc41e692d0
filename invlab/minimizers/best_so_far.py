"""What each row keeps when several searches work on it, and what all of them cost."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from invlab.minimizers.driver import Termination
from invlab.minimizers.in_box import flat
from invlab.minimizers.objective import Evaluation
from invlab.minimizers.reparametrization import Reparametrization
from invlab.minimizers.solution import (
    MESSAGES,
    Line,
    Reason,
    RowLog,
    Solution,
    history_of,
    solved,
)

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

    def where(self, chosen: Tensor, other: Points) -> Points:
        """These points where ``chosen`` ``(...)``, else the others."""
        z = torch.where(chosen[..., None], self.z, other.z)
        value = torch.where(chosen, self.value, other.value)
        return Points(z, value, torch.where(chosen, self.flat, other.flat))


class BestSoFar:
    """The best answer of each row so far, ``(B, ...)``, with its reason and the rows' costs.

    Args:
        coordinates: of the searches; they know x0.
        termination: when a row stops.
        record: whether to keep the history of the best values.
    """

    def __init__(
        self, coordinates: Reparametrization, termination: Termination, *, record: bool
    ) -> None:
        self.coordinates, self.record = coordinates, record
        self.termination = termination._replace(x_scale=coordinates.x_scale)
        start = self.start = coordinates.start_z
        self.x = coordinates.start.clone()
        self.fun = torch.full_like(start[:, 0], torch.nan)
        self.rows = torch.zeros(0, dtype=torch.long, device=start.device)
        self.nit = torch.zeros(len(start), dtype=torch.long, device=start.device)
        self.nfev = torch.zeros_like(self.nit)
        self.success = torch.zeros_like(self.nit, dtype=torch.bool)
        self.message = [MESSAGES[Reason.RUNNING]] * len(start)
        self.lines: list[Line] = []
        self.interrupted = False

    def begin(self, seen: Evaluation, sound: Tensor, *, keep: bool) -> None:
        """Enter the evaluation of x0; rows that are not sound ``(B,)`` take no further part.

        ``keep`` says whether x0 itself may be the answer of a row that could do worse.
        """
        self.rows = sound.nonzero()[:, 0]
        self.nfev += 1
        # where the coordinates begin a little inside an edge, that is the point that was seen
        every = torch.arange(len(self.start), device=self.rows.device)
        seen_at = self.coordinates.x_of(self.start, every)
        there = self.coordinates.start.isfinite().all(1, keepdim=True)
        self.x = torch.where(there, seen_at, self.x) if keep else seen_at
        self.value_at_start = seen.value
        self.fun = torch.where(sound, seen.value if keep else torch.inf, seen.value)
        stopped = MESSAGES[Reason.START_NOT_FINITE]
        self.message = [NOTHING if good else stopped for good in sound.tolist()]
        if self.record:
            self.lines.append((every, seen.value))

    def points(self, z: Tensor, value: Tensor, gradient: Tensor) -> Points:
        """Points from coordinates and gradients by them, ``(..., d)``, and values ``(...)``."""
        return Points(z, value, flat(z, gradient, self.termination, self.coordinates))

    def count(self, value: Tensor | None) -> None:
        """One more evaluation of each sound row; its value ``(n,)``, if it is one of ``fun``."""
        self.nfev[self.rows] += 1
        if self.record:
            unknown = torch.full_like(self.fun[self.rows], torch.inf)
            self._note(self.rows, unknown if value is None else value)

    def offer(
        self, x: Tensor, value: Tensor, reason: Tensor, texts: dict[int, str], label: str
    ) -> None:
        """Keep, in each sound row, the given answer if it is better.

        Args:
            x, value: a point for each sound row, ``(n, d)``, and its objective, ``(n,)``.
            reason: why its search ended, ``(n,)``.
            texts: reasons in words.
            label: where these answers come from.
        """
        ends, known = solved(reason), self.fun[self.rows]
        better = (value < known) | ((value == known) & ends & ~self.success[self.rows])
        rows = self.rows[better]
        self.x[rows], self.fun[rows] = x[better], value[better]
        self.success[rows] = ends[better]
        for row, code in zip(rows.tolist(), reason[better].tolist(), strict=True):
            self.message[row] = f"{label}: {texts[code]}"

    def offer_network(self, points: Points, label: str) -> None:
        """Offer what a network ended with, before any refinement."""
        reason = torch.where(points.flat, int(Reason.CONVERGED), int(Reason.MAXITER))
        texts = self._texts()
        still = f"its gradient is within gtol = {self.termination.gtol:g}; {FLAT}"
        texts |= {Reason.CONVERGED: still, Reason.MAXITER: UNREFINED}
        x = self.coordinates.x_of(points.z, self.rows)
        self.offer(x, points.value, reason, texts, label)

    def offer_start(self, seen: Evaluation) -> None:
        """Offer and count x0 itself, where the coordinates begin a little inside its edge.

        ``seen`` is its evaluation in the sound rows, by x.
        """
        start = self.coordinates.start[self.rows]
        self.count(seen.value)
        there = self.termination.flat_at(start, seen.gradient)
        reason = torch.where(there, int(Reason.FLAT_START), int(Reason.MAXITER))
        texts = self._texts() | {Reason.MAXITER: "no point with a lower objective was found"}
        self.offer(start, seen.value, reason, texts, "from x0")

    def offer_point(self, x: Tensor, value: Tensor, label: str) -> None:
        """Offer a point ``(n, d)`` of each sound row that was only evaluated, and is counted."""
        reason = torch.full_like(self.rows, int(Reason.MAXITER))
        self.offer(x, value, reason, {Reason.MAXITER: "no lower point was found from it"}, label)

    def offer_search(self, log: RowLog, label: str) -> None:
        """Offer and count what a search of the sound rows entered into its log."""
        self.nit[self.rows] += log.nit
        self.nfev[self.rows] += log.nfev
        for part, value in log.lines:
            self._note(self.rows[part], value)
        self.interrupted = self.interrupted or log.interrupted
        self.offer(log.x, log.fun, log.reason, self._texts(), label)

    def solution(self) -> Solution:
        """Close the account."""
        none = self.fun == torch.inf
        if bool(none.any()):
            self.fun = torch.where(none, self.value_at_start, self.fun)
        if self.interrupted:
            for row in (~self.success).nonzero()[:, 0].tolist():
                if not self.message[row].startswith("not started"):
                    self.message[row] = MESSAGES[Reason.INTERRUPTED]
        return Solution(
            x=self.x,
            fun=self.fun,
            success=self.success,
            nit=self.nit,
            nfev=self.nfev,
            message=self.message,
            history=history_of(self.lines, self.nfev) if self.lines else None,
            interrupted=self.interrupted,
        )

    def _note(self, rows: Tensor, value: Tensor) -> None:
        """One more line of the history, of rows ``(n,)`` that were evaluated once more."""
        if self.record:
            self.lines.append((rows, value.masked_fill(value.isnan(), torch.inf)))

    def _texts(self) -> dict[int, str]:
        words = self.termination.words(self.fun)
        return {int(reason): text.format(**words) for reason, text in MESSAGES.items()}
