"""BFGS: a quasi-Newton method that learns the inverse Hessian from the gradients it meets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from invlab.minimizers import arrays, in_box, wolfe
from invlab.minimizers.arrays import Array
from invlab.minimizers.driver import Stepping, Termination
from invlab.minimizers.objective import Evaluation, Objective
from invlab.minimizers.reparametrization import Reparametrization, TransformedObjective, XScale
from invlab.minimizers.solution import Solution
from invlab.validation import require_count

__all__ = ["BFGS"]

# How often a row may forget its inverse Hessian after a failed search: beside a kink it would go on
# for a thousand evaluations, each search better than the last by a rounding error.
RESTARTS = 5


class _State(NamedTuple):
    """Arrays with the rows last: vectors are ``(d, n)``, numbers ``(n,)``.

    ``inverse`` is the inverse Hessian, ``(d, d, n)``, ``fresh`` where it still is the identity.
    ``restarts`` counts how often it was forgotten after a failed search.
    """

    ahead: Array
    here: Array
    slopes: Array
    iterations: Array
    inverse: Array
    fresh: Array
    restarts: Array
    direction: Array
    search: wolfe.Search

    @property
    def trial(self) -> Tensor:
        """Points to evaluate next, ``(n, d)``."""
        return arrays.rows(self.ahead)

    @property
    def x(self) -> Tensor:
        """Current iterates, ``(n, d)``."""
        return arrays.rows(self.here)

    @property
    def gradient(self) -> Tensor:
        """Gradients at the iterates, ``(n, d)``."""
        return arrays.rows(self.slopes)

    @property
    def nit(self) -> Tensor:
        """Iterations done, ``(n,)``."""
        return arrays.rows(self.iterations)

    def take(self, rows: Tensor) -> _State:
        """The given rows."""
        parts = arrays.take((*self[:-1], *self.search), rows)
        return _joined(parts)

    def where(self, mask: Array, other: _State) -> _State:
        """These rows where the mask ``(n,)`` says so, else the others."""
        xp = arrays.namespace(mask)
        pairs = zip((*self[:-1], *self.search), (*other[:-1], *other.search), strict=True)
        parts = [a if a is b else xp.where(mask, a, b) for a, b in pairs]
        return _joined(parts)


def _joined(parts: list[Array]) -> _State:
    """A state of its arrays and those of its search, in one list."""
    whole: list[Any] = [*parts[:8], wolfe.Search(*parts[8:])]
    return _State(*whole)


@dataclass(frozen=True)
class BFGS(Stepping):
    """The method, with SciPy's default settings and first step.

    Each row has its own line search and its own inverse Hessian. All rows evaluate one trial a
    round, whether they are in the middle of a search or at the start of one, so that no row
    waits for another.

    Args:
        c1, c2: constants of the Wolfe conditions, ``0 < c1 < c2 < 1``.
        trials: evaluations that one line search may take.
        x_scale: length of x that counts as one, and about that of the first step, see
            :class:`~invlab.minimizers.reparametrization.Reparametrization`: 1 if not given, and a
            tenth of the half-width where there are bounds.
    """

    termination: Termination
    c1: float = 1e-4
    c2: float = 0.9
    trials: int = 30
    x_scale: XScale | None = None

    def __post_init__(self) -> None:
        if not 0 < self.c1 < self.c2 < 1:
            raise ValueError(
                f"bfgs: expected 0 < c1 < c2 < 1, got c1 = {self.c1} and c2 = {self.c2}"
            )
        require_count("trials", self.trials)

    def solve(self, objective: Objective, x0: Tensor, *, record: bool) -> Solution:
        """Minimise from ``x0`` ``(B, d)``; in a box, or with units, by way of coordinates."""
        if self.termination.box is None and self.x_scale is None:
            return super().solve(objective, x0, record=record)
        coordinates = Reparametrization(x0, self.x_scale, self.termination.box)
        log = in_box.search(
            self, TransformedObjective(objective, coordinates), coordinates.start_z,
            self.termination, name="bfgs", record=record,
        )  # fmt: skip
        return log.solution(**self.termination.words(x0))

    def start(self, x: Tensor, seen: Evaluation) -> _State:
        """A first search from each start, down the gradient."""
        nit = arrays.of(torch.zeros(len(x), dtype=torch.long, device=x.device))
        with np.errstate(all="ignore"):
            here, gradient = arrays.columns(x), arrays.columns(seen.gradient)
            return _descend(here, arrays.of(seen.value), gradient, nit, nit)

    def tell(self, state: _State, seen: Evaluation) -> tuple[_State, Tensor]:
        """Move the rows whose trial is good, and shorten the search of the others."""
        # rows that are not finite divide by zero
        with np.errstate(all="ignore"):
            state, stuck = self._tell(state, arrays.of(seen.value), arrays.columns(seen.gradient))
        return state, arrays.rows(stuck)

    def _tell(self, state: _State, value: Array, gradient: Array) -> tuple[_State, Array]:
        xp = arrays.namespace(value)
        slope = _dot(gradient, state.direction)
        # a gradient that is not finite has no finite slope
        finite = xp.isfinite(value + slope)
        good = wolfe.wolfe(state.search, value, slope, self.c1, self.c2) & finite
        if good.all():
            return _move(state, value, gradient, good), ~good
        refused, stuck = self._refuse(state, value, slope, finite, ~good)
        if not good.any():
            return refused, stuck
        return _move(state, value, gradient, good).where(good, refused), stuck

    def _refuse(
        self, state: _State, value: Array, slope: Array, finite: Array, refused: Array
    ) -> tuple[_State, Array]:
        """A shorter step in each row; what it gives in rows that are not refused is not used."""
        search, used_up = wolfe.shorten(state.search, value, slope, finite, self.c1)
        used_up = used_up | (search.trials >= self.trials)
        trial = state.here + search.step * state.direction
        used_up = (used_up | (trial == state.here).all(0)) & refused
        state = state._replace(ahead=trial, search=search)
        if not used_up.any():
            return state, used_up
        # What was learnt of the Hessian may mislead: forget it once, then give up.
        again = _descend(
            state.here, search.value, state.slopes, state.iterations, state.restarts + 1
        )
        stuck = used_up & (state.fresh | (state.restarts >= RESTARTS))
        return again.where(used_up, state), stuck


def _move(state: _State, value: Array, gradient: Array, good: Array) -> _State:
    """Take good trials as iterates, update the inverse Hessians and begin new searches.

    What it gives in rows that are not good is not used, but for the inverse, which they keep.
    """
    xp = arrays.namespace(value)
    inverse, learnt = _update(
        state.inverse, state.ahead - state.here, gradient - state.slopes, good
    )
    direction = -_apply(inverse, gradient)
    slope = _dot(gradient, direction)
    usable = slope < 0
    fresh = (state.fresh & ~learnt) | ~usable
    if not usable.all():
        inverse = xp.where(usable | ~good, inverse, arrays.identity(gradient))
        direction = xp.where(usable, direction, -gradient)
        slope = xp.where(usable, slope, -_dot(gradient, gradient))
    # the decrease to expect is that of the last iteration
    step = 2.02 * (value - state.search.value) / slope
    return _begin(
        state.ahead, value, gradient, state.iterations + 1, inverse, fresh, state.restarts,
        direction, slope, step,
    )  # fmt: skip


def _descend(x: Array, value: Array, gradient: Array, nit: Array, restarts: Array) -> _State:
    """Begin searches down the gradient, with a first step of about length one."""
    square = _dot(gradient, gradient)
    step = 1.01 / arrays.namespace(square).sqrt(square)
    return _begin(
        x, value, gradient, nit, arrays.identity(gradient), restarts >= 0, restarts,
        -gradient, -square, step,
    )  # fmt: skip


def _begin(
    x: Array,
    value: Array,
    gradient: Array,
    nit: Array,
    inverse: Array,
    fresh: Array,
    restarts: Array,
    direction: Array,
    slope: Array,
    step: Array,
) -> _State:
    xp = arrays.namespace(step)
    step = xp.clip(xp.where(step > 0, step, 1.0), None, 1.0)
    search = wolfe.begin(value, slope, step)
    ahead = x + step * direction
    return _State(ahead, x, gradient, nit, inverse, fresh, restarts, direction, search)


def _update(inverse: Array, s: Array, y: Array, good: Array) -> tuple[Array, Array]:
    """Inverse Hessians ``(d, d, n)`` that send gradient changes ``y`` to moves ``s``, ``(d, n)``.

    Returns:
        The inverses, and the good rows that learnt something: those with a positive curvature.
    """
    xp = arrays.namespace(s)
    curvature = _dot(s, y)
    rho = 1.0 / curvature
    image = rho * _apply(inverse, y)
    half = (1 + _dot(y, image)) * rho * s / 2 - image
    # the change is s·halfᵀ + half·sᵀ
    largest = xp.amax(abs(s), 0) * xp.amax(abs(half), 0)
    learnt = good & (curvature > 0) & xp.isfinite(2 * largest)
    s, half = xp.where(learnt, s, 0.0), xp.where(learnt, half, 0.0)
    change = s[:, None] * half[None]
    return inverse + (change + change.swapaxes(0, 1)), learnt


def _apply(matrix: Array, vector: Array) -> Array:
    """Products of matrices ``(d, d, n)`` with vectors ``(d, n)``."""
    return arrays.namespace(vector).einsum("ijn,jn->in", matrix, vector)


def _dot(a: Array, b: Array) -> Array:
    """Inner products of vectors ``(d, n)``, ``(n,)``."""
    return arrays.namespace(a).einsum("in,in->n", a, b)
