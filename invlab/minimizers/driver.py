"""The loop that all methods share: evaluate the running rows, tell the method, retire rows.

A method is two functions. ``start`` turns the first evaluation into a state, and ``tell`` turns
the evaluation of the state's trial points into the next state. States are never changed in
place: an interrupt at any moment finds a whole one.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor

from invlab import runtime
from invlab.minimizers.objective import Evaluation
from invlab.minimizers.solution import Reason, RowLog
from invlab.priors import Box

__all__ = ["Termination", "Algorithm", "State", "drive", "take"]


class State(Protocol):
    """What the loop reads of a method's state; every field has one row a running problem."""

    @property
    def trial(self) -> Tensor:
        """Points to evaluate next, ``(n, d)``."""

    @property
    def x(self) -> Tensor:
        """Current iterates, ``(n, d)``."""

    @property
    def gradient(self) -> Tensor:
        """Gradients at the iterates, ``(n, d)``."""

    @property
    def nit(self) -> Tensor:
        """Iterations done, ``(n,)``."""


S = TypeVar("S", bound=State)


class Algorithm(Protocol[S]):
    """What a method must offer."""

    def start(self, x: Tensor, seen: Evaluation) -> S:
        """The state after evaluating the starts ``x`` ``(n, d)``."""

    def tell(self, state: S, seen: Evaluation) -> tuple[S, Tensor]:
        """The state after evaluating ``state.trial``, and which rows cannot go on, ``(n,)``."""


class Termination(NamedTuple):
    """When a row stops: gradient tolerance (max-norm), iterations, evaluations; and its box."""

    gtol: float
    maxiter: int
    maxfev: int
    box: Box | None = None

    def clip(self, x: Tensor) -> Tensor:
        """The nearest points inside the box, if there is one."""
        return x if self.box is None else self.box.clip(x)

    def flat(self, state: State) -> Tensor:
        """Rows whose projected gradient is within ``gtol``, ``(n,)``."""
        gradient = state.gradient
        if self.box is not None:
            gradient = state.x - self.box.clip(state.x - gradient)
        return gradient.abs().amax(1) <= self.gtol

    def reasons_at_start(self, x0: Tensor, state: State, seen: Evaluation) -> Tensor:
        """For each row a :class:`Reason` not to start, or zero."""
        reason = self.flat(state) * int(Reason.FLAT_START)
        if self.maxfev == 1:
            reason = reason.masked_fill(reason == 0, int(Reason.MAXFEV))
        sound = seen.finite & x0.isfinite().all(1)
        reason = reason.masked_fill(~sound, int(Reason.START_NOT_FINITE))
        return reason.masked_fill(seen.value == -torch.inf, int(Reason.UNBOUNDED))

    def reasons(self, state: State, seen: Evaluation, stuck: Tensor, nfev: int) -> Tensor:
        """For each row a :class:`Reason` to stop, or zero."""
        reason = stuck * int(Reason.STALLED)
        if nfev >= self.maxfev:
            reason = reason.masked_fill(~stuck, int(Reason.MAXFEV))
        reason = reason.masked_fill(state.nit >= self.maxiter, int(Reason.MAXITER))
        reason = reason.masked_fill(self.flat(state), int(Reason.CONVERGED))
        return reason.masked_fill(seen.value == -torch.inf, int(Reason.UNBOUNDED))


class _Front(NamedTuple):
    """The running rows: their numbers, and the best that each has seen."""

    rows: Tensor
    x: Tensor
    fun: Tensor
    nit: Tensor

    def better(self, x: Tensor, fun: Tensor) -> _Front:
        # NaN compares false, so it never counts as better
        improved = fun <= self.fun
        best = torch.where(improved[:, None], x, self.x), torch.where(improved, fun, self.fun)
        return _Front(self.rows, *best, self.nit)


def drive(
    method: Algorithm[S],
    objective: Callable[[Tensor, Tensor], Evaluation],
    x0: Tensor,
    termination: Termination,
    *,
    name: str,
    record: bool,
) -> RowLog:
    """Run a method on all rows of ``x0`` ``(B, d)`` until each has a reason to stop.

    ``objective`` gets points ``(n, d)`` and the numbers of their rows ``(n,)``.
    """
    log = RowLog(x0)
    front = _Front(torch.arange(len(x0), device=x0.device), x0, log.fun, log.nit)
    nfev = 0
    try:
        seen = objective(x0.clone(), front.rows)
        nfev = 1
        front = front._replace(fun=seen.value)
        state = method.start(x0, seen)
        reason = termination.reasons_at_start(x0, state, seen)
        for _ in runtime.progress(itertools.count(), f"minimize ({name})"):
            if record:
                log.record(front.rows, front.fun)
            if bool(reason.any()):
                _retire(log, front, reason, nfev)
                running = (reason == 0).nonzero()[:, 0]
                if len(running) == 0:
                    break
                front, state = take(front, running), take(state, running)
            seen = objective(state.trial.clone(), front.rows)
            nfev += 1
            front = front.better(state.trial, seen.value)
            state, stuck = method.tell(state, seen)
            front = front._replace(nit=state.nit)
            reason = termination.reasons(state, seen, stuck, nfev)
    except KeyboardInterrupt:
        open_rows = log.reason[front.rows] == 0
        _retire(log, front, open_rows * int(Reason.INTERRUPTED), nfev)
    return log


def _retire(log: RowLog, front: _Front, reason: Tensor, nfev: int) -> None:
    done = reason.nonzero()[:, 0]
    best = take(front, done)
    log.enter(best.rows, best.x, best.fun, best.nit, nfev, reason[done])


def take(state: Any, rows: Tensor) -> Any:
    """The given rows of each field of a named tuple of tensors."""
    return type(state)(*(field.index_select(0, rows) for field in state))
