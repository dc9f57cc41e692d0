"""BFGS where there are bounds or units: through coordinates, and on along the edges of the box.

In a box the search works on coordinates that a scaled tanh maps into it. There a gradient may
vanish because the tanh is flat, not the objective; so whether a row has converged is judged in x,
by the projected gradient, and a row that came to rest at an edge without it goes on in x. Where
the box is open on a side the whole search is in x.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from invlab.minimizers.driver import Algorithm, State, Termination, drive, name_edges
from invlab.minimizers.objective import Evaluation
from invlab.minimizers.projected_bfgs import ProjectedBFGS
from invlab.minimizers.reparametrization import Reparametrization, TransformedObjective
from invlab.minimizers.solution import Reason, RowLog, solved

__all__ = ["flat", "search"]

# Where the tanh has less than this share of its slope in the middle, an unknown is at an edge:
# within 3 % of the width of the box.
CRAMPED = 0.1
# How often a search begins again from a point that was lower than where it came to rest.
ROUNDS = 5


def search(
    bfgs: Algorithm[Any],
    transformed: TransformedObjective,
    z: Tensor,
    termination: Termination,
    *,
    name: str,
    record: bool,
) -> RowLog:
    """BFGS from coordinates ``z`` ``(n, d)``; what it finds is entered in unknowns x.

    Args:
        bfgs: knows of no box.
        transformed: the objective of the rows that are searched.
        z: where each of them starts. Where that is the start of the coordinates, no row ends
            above the objective there, also if it lies on an edge.
        termination: with the box, if there is one.
        name: for the progress bar.
        record: whether to note the lines of the history.
    """
    coordinates, free = transformed.coordinates, termination._replace(box=None)
    if coordinates.box is None:
        log = drive(bfgs, transformed, z, free, name=name, record=record)
        log.x = coordinates.x_of(log.x, transformed.chosen)
        return log
    judge = termination._replace(x_scale=coordinates.x_scale)
    log = _on_the_edge(transformed, z, judge, record)
    rows = (log.reason == Reason.NOT_DONE).nonzero()[:, 0]
    if len(rows) and not log.interrupted and coordinates.by_tanh:
        stopping = _InCoordinates(free, judge, coordinates, log.nfev[rows])
        found = drive(bfgs, transformed.some(rows), z[rows], stopping, name=name, record=record)
        found.x = coordinates.x_of(found.x, transformed.chosen[rows])
        known = log.fun[rows]
        higher = known < found.fun
        log.go_on(rows, found, ~higher & (known.isnan() | ~found.fun.isnan()))
        # a start on the edge that is lower than all the search found is where it goes on, and so
        # is a point that was lower than where it came to rest
        ended = solved(found.reason) | (found.reason == Reason.STALLED)
        astray = solved(found.reason) & (found.fun < stopping.value)
        log.reason[rows[ended & higher | astray]] = int(Reason.NOT_DONE)
    for k in range(ROUNDS):
        rows = (log.reason == Reason.NOT_DONE).nonzero()[:, 0]
        if len(rows) and not log.interrupted:
            further = _along_the_edges(transformed, log, rows, judge, name=name, record=record)
            log.reason[rows[further]] = int(Reason.NOT_DONE if k < ROUNDS - 1 else Reason.STALLED)
    if log.interrupted:
        waiting = log.reason == Reason.NOT_DONE
        log.reason = log.reason.masked_fill(waiting, int(Reason.INTERRUPTED))
    name_edges(log, coordinates.box)
    return log


def _on_the_edge(
    transformed: TransformedObjective, z: Tensor, judge: Termination, record: bool
) -> RowLog:
    """A log in which starts on an edge are entered; whoever has not converged there is not done.

    The coordinates start these a little inside, so the start itself is evaluated here; and so is
    each start in a box that is open.
    """
    coordinates, chosen = transformed.coordinates, transformed.chosen
    log = RowLog(coordinates.x_of(z, chosen))
    log.reason.fill_(int(Reason.NOT_DONE))
    moved = (z == coordinates.start_z[chosen]).all(1) & coordinates.moved[chosen]
    begin = torch.where(moved[:, None], coordinates.start[chosen], log.x)
    rows = (moved if coordinates.by_tanh else torch.ones_like(moved)).nonzero()[:, 0]
    if len(rows) == 0:
        return log
    found = drive(
        ProjectedBFGS(judge), transformed.some(rows).at, begin[rows],
        judge._replace(maxfev=1), name="edges", record=record,
    )  # fmt: skip
    goes_on = found.reason == Reason.START_NOT_FINITE
    if judge.maxfev > 1:
        goes_on = goes_on | (found.reason == Reason.MAXFEV)
    found.reason = found.reason.masked_fill(goes_on, int(Reason.NOT_DONE))
    log.go_on(rows, found, ~found.fun.isnan())
    if log.interrupted:
        log.reason = log.reason.masked_fill(log.reason == Reason.NOT_DONE, int(Reason.RUNNING))
    return log


def _along_the_edges(
    transformed: TransformedObjective,
    log: RowLog,
    rows: Tensor,
    judge: Termination,
    *,
    name: str,
    record: bool,
) -> Tensor:
    """Search on in x, by projection, in the given rows of the log.

    Returns:
        Which of the rows came to rest above the best point that they met, ``(n,)``.
    """
    stopping = _OnTop(judge, log.nit[rows], log.nfev[rows])
    found = drive(
        ProjectedBFGS(judge), transformed.some(rows).at, log.x[rows],
        stopping, name=f"{name}, edges", record=record,
    )  # fmt: skip
    # where a search begins that goes on is no start
    for begun, ended in (
        (Reason.FLAT_START, Reason.CONVERGED),
        (Reason.START_NOT_FINITE, Reason.STALLED),
    ):
        found.reason = found.reason.masked_fill(found.reason == begun, int(ended))
    lower = found.fun <= log.fun[rows]
    log.go_on(rows, found, lower)
    left = (log.nit[rows] < judge.maxiter) & (log.nfev[rows] < judge.maxfev)
    return solved(found.reason) & (~lower | (found.fun < stopping.value)) & left


class _Counted(NamedTuple):
    """What is asked of a state to stop it."""

    x: Tensor
    gradient: Tensor
    nit: Tensor


class _OnTop:
    """When a row stops that was searched before: its counts ``(n,)`` go on.

    Attributes:
        value: objective at the last point, where a row came to rest if it converged, ``(n,)``.
    """

    def __init__(self, termination: Termination, nit: Tensor, nfev: Tensor) -> None:
        self.termination, self.nit, self.nfev = termination, nit, nfev
        self.value = torch.full_like(nit, torch.nan, dtype=torch.float64)

    def reasons_at_start(self, state: State, seen: Evaluation, rows: Tensor) -> Tensor:
        """See :class:`~invlab.minimizers.driver.Stopping`."""
        self.value[rows] = seen.value.double()
        return self.termination.reasons_at_start(state, seen, rows, self.nfev[rows] + 1)

    def reasons(
        self, state: State, seen: Evaluation, stuck: Tensor | None, nfev: int, rows: Tensor
    ) -> Tensor | None:
        """See :class:`~invlab.minimizers.driver.Stopping`."""
        self.value[rows] = seen.value.double()
        counted = _Counted(state.x, state.gradient, state.nit + self.nit[rows])
        return self.termination.reasons(counted, seen, stuck, nfev + self.nfev[rows], rows)


class _InCoordinates:
    """When a row of a search over coordinates stops: judged in x, see :func:`flat`.

    Args:
        free: of the coordinates, which know no box.
        judge: of x.
        coordinates: which.
        nfev: evaluations that were made before, ``(n,)``.

    Attributes:
        value: objective at the last point, where a row came to rest if it converged, ``(n,)``.
    """

    def __init__(
        self, free: Termination, judge: Termination, coordinates: Reparametrization, nfev: Tensor
    ) -> None:
        self.free, self.judge, self.coordinates, self.nfev = free, judge, coordinates, nfev
        self.value = torch.full_like(nfev, torch.nan, dtype=torch.float64)

    def reasons_at_start(self, state: State, seen: Evaluation, rows: Tensor) -> Tensor:
        """See :class:`~invlab.minimizers.driver.Stopping`."""
        self.value[rows] = seen.value.double()
        nfev = self.nfev[rows] + 1
        reason = self.free.reasons_at_start(state, seen, rows, nfev)
        there = flat(state.x, state.gradient, self.judge, self.coordinates)
        goes_on = torch.where(
            _cramped(self.coordinates, state.x), int(Reason.NOT_DONE), int(Reason.RUNNING)
        )
        goes_on = goes_on.masked_fill(nfev >= self.free.maxfev, int(Reason.MAXFEV))
        return torch.where((reason == Reason.FLAT_START) & ~there, goes_on, reason)

    def reasons(
        self, state: State, seen: Evaluation, stuck: Tensor | None, nfev: int, rows: Tensor
    ) -> Tensor | None:
        """See :class:`~invlab.minimizers.driver.Stopping`."""
        self.value[rows] = seen.value.double()
        count, still = nfev + self.nfev[rows], self.free.flat(state)
        stuck = torch.zeros_like(still) if stuck is None else stuck
        if not bool((still | stuck).any()):
            return self.free.reasons(state, seen, stuck, count, rows)
        rest = still & ~flat(state.x, state.gradient, self.judge, self.coordinates)
        steep = state.gradient.masked_fill(rest[:, None], torch.inf)
        counted = _Counted(state.x, steep, state.nit)
        reason = self.free.reasons(counted, seen, stuck, count, rows)
        reason = torch.zeros_like(rows) if reason is None else reason
        # at rest inside the box it searches on; at an edge, where no step helps, that is over
        over = (rest | stuck) & (stuck & rest | _cramped(self.coordinates, state.x))
        left = (state.nit < self.free.maxiter) & (count < self.free.maxfev)
        over = over & left & ((reason == 0) | (reason == Reason.STALLED))
        return reason.masked_fill(over, int(Reason.NOT_DONE))


def flat(z: Tensor, gradient: Tensor, judge: Termination, coordinates: Reparametrization) -> Tensor:
    """Whether points with a gradient by z, ``(..., d)`` each, have converged: ``(...)``.

    In a box it is the projected gradient by x that decides; that by ``x / x_scale``, which counts
    in a narrow box, is the gradient by z but where the tanh is flat. Where it is so flat that none
    can be had from the gradient by z, the point does not count as converged.
    """
    still = gradient.abs().amax(-1) <= judge.gtol
    if coordinates.box is None:
        return still
    x, gradient = coordinates.x(z), gradient / coordinates.slope(z)
    inside = judge._replace(x_scale=None).flat_at(x, gradient) & still & ~_cramped(coordinates, z)
    return inside | judge.flat_at(x, gradient)


def _cramped(coordinates: Reparametrization, z: Tensor) -> Tensor:
    """Which points ``(..., d)`` lie where the tanh is flat, ``(...)``."""
    return (coordinates.slope(z) < CRAMPED * coordinates.x_scale).any(-1)
