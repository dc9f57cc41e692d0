"""The loop that stepping methods share: evaluate the running rows, tell the method, retire rows.

A method is two functions. ``start`` turns the first evaluation into a state, and ``tell`` turns
the evaluation of the state's trial points into the next state. States are never changed in
place: an interrupt at any moment finds a whole one.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor

from invlab import runtime
from invlab.minimizers.objective import Evaluation, Objective
from invlab.minimizers.solution import Reason, RowLog, Solution
from invlab.priors import Box

__all__ = [
    "Algorithm",
    "Minimizer",
    "State",
    "Stepping",
    "Stopping",
    "Termination",
    "drive",
    "take",
]


S = TypeVar("S", bound="State")


class Point(Protocol):
    """What is asked of a state to stop it; every field has one row a running problem."""

    @property
    def x(self) -> Tensor:
        """Current iterates, ``(n, d)``."""

    @property
    def gradient(self) -> Tensor:
        """Gradients at the iterates, ``(n, d)``."""

    @property
    def nit(self) -> Tensor:
        """Iterations done, ``(n,)``."""


class State(Point, Protocol):
    """What the loop reads of a method's state."""

    @property
    def trial(self) -> Tensor:
        """Points to evaluate next, ``(n, d)``."""

    def take(self: S, rows: Tensor) -> S:
        """The state of the given rows, by their places ``(m,)``."""


class Algorithm(Protocol[S]):
    """What a method must offer.

    Attributes:
        keeps_best: whether its states keep the best point of each row, ``home_x`` ``(n, d)``, and
            its value, ``home_value`` ``(n,)``, of all evaluations that were finite in all rows.
    """

    keeps_best: ClassVar[bool]

    def start(self, x: Tensor, seen: Evaluation) -> S:
        """The state after evaluating the starts ``x`` ``(n, d)``."""

    def tell(self, state: S, seen: Evaluation) -> tuple[S, Tensor | None]:
        """The state after evaluating ``state.trial``, and which rows cannot go on, ``(n,)``.

        None where all can.
        """


class Stopping(Protocol):
    """Who decides when a row stops: for each row a :class:`Reason`, or zero; None if none stops.

    ``rows`` ``(n,)`` are the numbers of the running rows, and ``nfev`` counts their evaluations.
    """

    def reasons_at_start(self, state: Any, seen: Evaluation, rows: Tensor) -> Tensor:
        """After the starts were evaluated."""

    def reasons(
        self, state: Any, seen: Evaluation, stuck: Tensor | None, nfev: int, rows: Tensor
    ) -> Tensor | None:
        """After a step; ``stuck`` ``(n,)`` are rows that cannot go on, None where all can."""


class Termination(NamedTuple):
    """When a row stops: gradient tolerance (max-norm), iterations, evaluations; and its box.

    Attributes:
        gtol: largest component of a gradient that counts as zero.
        maxiter, maxfev: iterations and evaluations a row.
        box: where x stays. The gradient is then projected, see :meth:`flat_at`.
        x_scale: length of each unknown that counts as one in a box, ``(d,)``.
    """

    gtol: float
    maxiter: int
    maxfev: int
    box: Box | None = None
    x_scale: Tensor | None = None

    def words(self, x: Tensor) -> dict[str, object]:
        """What the messages name; ``x`` for its dtype."""
        dtype = str(x.dtype).removeprefix("torch.")
        return {"gtol": self.gtol, "maxiter": self.maxiter, "maxfev": self.maxfev, "dtype": dtype}

    def clip(self, x: Tensor) -> Tensor:
        """The nearest points inside the box, if there is one."""
        return x if self.box is None else self.box.clip(x)

    def flat(self, state: Point) -> Tensor:
        """Rows whose gradient, projected where there is a box, is within ``gtol``, ``(n,)``."""
        if self.box is None:
            return state.gradient.abs().amax(1) <= self.gtol
        return self.flat_at(state.x, state.gradient)

    def flat_at(self, x: Tensor, gradient: Tensor) -> Tensor:
        """The same at points ``(..., d)`` with gradients ``(..., d)``: ``(...)``.

        In a box a step down the gradient may go no further than the edge: what is left of it,
        ``x - clip(x - gradient)``, has to be within gtol. In a box no wider than gtol that says
        nothing, and in a very wide one nearly all is flat by that measure; so the gradient by
        ``x / x_scale`` has to be so too, but for unknowns that lie on an edge and press against
        it.
        """
        if self.box is None:
            return gradient.abs().amax(-1) <= self.gtol
        left = (x - self.box.clip(x - gradient)).abs()
        if self.x_scale is not None:
            pressed = self.pressed(x, gradient)
            left = left.maximum((gradient * self.x_scale).abs().masked_fill(pressed, 0.0))
        return left.amax(-1) <= self.gtol

    def pressed(self, x: Tensor, gradient: Tensor) -> Tensor:
        """Which unknowns lie on an edge of the box and press against it, ``(..., d)``.

        By the signs alone: in large numbers a gradient may be lost beside x.
        """
        if self.box is None:
            return torch.zeros_like(x, dtype=torch.bool)
        low, high = self.box.low.to(x), self.box.high.to(x)
        return ((x <= low) & (gradient > 0)) | ((x >= high) & (gradient < 0))

    def reasons_at_start(
        self, state: Point, seen: Evaluation, rows: Tensor, nfev: int | Tensor = 1
    ) -> Tensor:
        """See :class:`Stopping`; ``nfev`` may be a number a row."""
        reason = self.flat(state) * int(Reason.FLAT_START)
        spent = nfev >= self.maxfev
        if spent is not False:
            reason = reason.masked_fill((reason == 0) & spent, int(Reason.MAXFEV))
        sound = seen.finite & state.x.isfinite().all(1)
        reason = reason.masked_fill(~sound, int(Reason.START_NOT_FINITE))
        return reason.masked_fill(seen.value == -torch.inf, int(Reason.UNBOUNDED))

    def reasons(
        self, state: Point, seen: Evaluation, stuck: Tensor | None, nfev: int | Tensor, rows: Tensor
    ) -> Tensor | None:
        """See :class:`Stopping`; ``nfev`` may be a number a row."""
        flat = self.flat(state)
        # counts are looked at only when they may be up: an iteration takes an evaluation
        counted = not isinstance(nfev, int) or nfev >= min(self.maxiter, self.maxfev)
        if not counted and seen.sound and not (flat if stuck is None else flat | stuck).any():
            return None
        stuck = torch.zeros_like(flat) if stuck is None else stuck
        reason = stuck * int(Reason.STALLED)
        spent = nfev >= self.maxfev
        if spent is not False:
            reason = reason.masked_fill(~stuck & spent, int(Reason.MAXFEV))
        if counted:
            reason = reason.masked_fill(state.nit >= self.maxiter, int(Reason.MAXITER))
        reason = reason.masked_fill(flat, int(Reason.CONVERGED))
        return reason.masked_fill(seen.value == -torch.inf, int(Reason.UNBOUNDED))


class Minimizer(Protocol):
    """What is registered as a method of :func:`invlab.minimize`: a dataclass of its options.

    Its first field is the ``termination``, and every other is an option of the call.

    Attributes:
        first_order: whether it steps along gradients alone: a thousand iterations, not 200 an
            unknown, and no warning in float32.
        residuals: whether ``fun`` returns residuals ``(n, m)``.
    """

    first_order: ClassVar[bool]
    residuals: ClassVar[bool]

    def solve(self, objective: Objective, x0: Tensor, *, record: bool) -> Solution:
        """Minimise from ``x0`` ``(B, d)``, inside the box."""


class Stepping:
    """A minimiser that is nothing but an :class:`Algorithm`."""

    first_order: ClassVar[bool] = False
    residuals: ClassVar[bool] = False
    keeps_best: ClassVar[bool] = False
    termination: Termination

    def solve(self: Any, objective: Objective, x0: Tensor, *, record: bool) -> Solution:
        """Minimise from ``x0`` ``(B, d)``, inside the box."""
        log = drive(self, objective, x0, self.termination, name=type(self).__name__, record=record)
        name_edges(log, self.termination.box)
        return log.solution(**self.termination.words(x0))


def name_edges(log: RowLog, box: Box | None) -> None:
    """Let the reason of rows that converged on an edge of the box say so."""
    if box is not None:
        edge = (log.x <= box.low.to(log.x)) | (log.x >= box.high.to(log.x))
        converged = (log.reason == Reason.CONVERGED) & edge.any(1)
        log.reason = log.reason.masked_fill(converged, int(Reason.CONVERGED_AT_EDGE))


class _Front(NamedTuple):
    """The running rows: their numbers, and the best that each has seen."""

    rows: Tensor
    x: Tensor
    fun: Tensor

    def better(self, x: Tensor, fun: Tensor) -> _Front:
        # NaN compares false, so it never counts as better
        improved = fun <= self.fun
        best = torch.where(improved[:, None], x, self.x), torch.where(improved, fun, self.fun)
        return _Front(self.rows, *best)


def drive(
    method: Algorithm[S],
    objective: Callable[[Tensor, Tensor], Evaluation],
    x0: Tensor,
    termination: Stopping,
    *,
    name: str,
    record: bool,
) -> RowLog:
    """Run a method on all rows of ``x0`` ``(B, d)`` until each has a reason to stop.

    ``objective`` gets points ``(n, d)`` and the numbers of their rows ``(n,)``.
    """
    log = RowLog(x0)
    front = _Front(torch.arange(len(x0), device=x0.device), x0, log.fun)
    nfev = 0
    state: Any = None
    try:
        seen = objective(x0, front.rows)
        nfev = 1
        front = front._replace(fun=seen.value)
        state = method.start(x0, seen)
        reason: Tensor | None = termination.reasons_at_start(state, seen, front.rows)
        for _ in runtime.progress(itertools.count(), f"minimize ({name})"):
            ends = reason is not None and bool(reason.any())
            if method.keeps_best and (record or ends):
                front = front.better(state.home_x, state.home_value)
            if record:
                log.record(front.rows, front.fun)
            if reason is not None and ends:
                _retire(log, front, state.nit, nfev, reason)
                running = (reason == 0).nonzero()[:, 0]
                if not running.shape[0]:
                    break
                front, state = take(front, running), state.take(running)
            trial = state.trial
            seen = objective(trial, front.rows)
            nfev += 1
            if not (method.keeps_best and seen.sound):
                front = front.better(trial, seen.value)
            state, stuck = method.tell(state, seen)
            reason = termination.reasons(state, seen, stuck, nfev, front.rows)
    except KeyboardInterrupt:
        open_rows = log.reason[front.rows] == 0
        nit = log.nit if state is None else state.nit
        if method.keeps_best and state is not None:
            front = front.better(state.home_x, state.home_value)
        _retire(log, front, nit, nfev, open_rows * int(Reason.INTERRUPTED))
    return log


def _retire(log: RowLog, front: _Front, nit: Tensor, nfev: int, reason: Tensor) -> None:
    """Enter the rows that have a reason to stop, ``(n,)``, after ``nit`` ``(n,)`` iterations."""
    done = reason.nonzero()[:, 0]
    best = take(front, done)
    log.enter(best.rows, best.x, best.fun, nit[done], nfev, reason[done])


def take(state: Any, rows: Tensor) -> Any:
    """The given rows of each field of a named tuple of tensors."""
    return type(state)(*(field.index_select(0, rows) for field in state))
