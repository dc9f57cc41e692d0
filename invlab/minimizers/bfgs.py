"""BFGS: a quasi-Newton method that learns the inverse Hessian from the gradients it meets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from invlab.minimizers import in_box, wolfe
from invlab.minimizers.driver import Stepping, Termination, take
from invlab.minimizers.objective import Evaluation, Objective
from invlab.minimizers.reparametrization import Reparametrization, TransformedObjective, XScale
from invlab.minimizers.solution import Solution
from invlab.validation import require_count

__all__ = ["BFGS"]

# How often a row may forget its inverse Hessian after a failed search: beside a kink it would go on
# for a thousand evaluations, each search better than the last by a rounding error.
RESTARTS = 5


class _State(NamedTuple):
    """A row each. ``inverse`` is the inverse Hessian, ``fresh`` where it still is the identity.

    ``restarts`` counts how often it was forgotten after a failed search.
    The search's fields stand flat here, so that rows can be taken of all of them at once.
    """

    trial: Tensor
    x: Tensor
    gradient: Tensor
    nit: Tensor
    inverse: Tensor
    fresh: Tensor
    restarts: Tensor
    direction: Tensor
    search_value: Tensor
    search_slope: Tensor
    search_step: Tensor
    search_low: Tensor
    search_high: Tensor
    search_bracketed: Tensor
    search_early: Tensor
    search_width: Tensor
    search_wider: Tensor
    search_trials: Tensor

    @property
    def search(self) -> wolfe.Search:
        return wolfe.Search(*self[8:])


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
        nit = torch.zeros(len(x), dtype=torch.long, device=x.device)
        return self._descend(x, seen.value, seen.gradient, nit, nit)

    def tell(self, state: _State, seen: Evaluation) -> tuple[_State, Tensor]:
        """Move the rows whose trial is good, and shorten the search of the others."""
        slope = (seen.gradient * state.direction).sum(1)
        good = wolfe.wolfe(state.search, seen.value, slope, self.c1, self.c2) & seen.finite
        moved, rest = good.nonzero()[:, 0], (~good).nonzero()[:, 0]
        stuck = torch.zeros_like(good)
        if len(rest) == 0:
            return self._move(state, seen.value, seen.gradient), stuck
        refused, lost = self._refuse(
            take(state, rest), seen.value[rest], slope[rest], seen.finite[rest]
        )
        stuck = stuck.index_copy(0, rest, lost)
        if len(moved) == 0:
            return refused, stuck
        gone = self._move(take(state, moved), seen.value[moved], seen.gradient[moved])
        back = torch.cat((moved, rest)).argsort()
        merged = (torch.cat(pair).index_select(0, back) for pair in zip(gone, refused, strict=True))
        return _State(*merged), stuck

    def _refuse(
        self, state: _State, value: Tensor, slope: Tensor, finite: Tensor
    ) -> tuple[_State, Tensor]:
        search, used_up = wolfe.shorten(state.search, value, slope, finite, self.c1)
        used_up = used_up | (search.trials >= self.trials)
        trial = state.x + search.step[:, None] * state.direction
        used_up = used_up | (trial == state.x).all(1)
        state = _State(trial, *state[1:8], *search)
        if not bool(used_up.any()):
            return state, used_up
        # What was learnt of the Hessian may mislead: forget it once, then give up.
        again = self._descend(state.x, search.value, state.gradient, state.nit, state.restarts + 1)
        mixed = (_choose(used_up, new, old) for new, old in zip(again, state, strict=True))
        return _State(*mixed), used_up & (state.fresh | (state.restarts >= RESTARTS))

    def _move(self, state: _State, value: Tensor, gradient: Tensor) -> _State:
        """Take the trials as iterates, update the inverse Hessians and begin new searches."""
        s, y = state.trial - state.x, gradient - state.gradient
        inverse, learnt = _update(state.inverse, s, y)
        direction = -(inverse @ gradient[:, :, None])[:, :, 0]
        slope = (gradient * direction).sum(1)
        usable = slope < 0
        fresh = (state.fresh & ~learnt) | ~usable
        if not bool(usable.all()):
            unit = torch.eye(s.shape[1], dtype=s.dtype, device=s.device)
            inverse = torch.where(usable[:, None, None], inverse, unit)
            direction = torch.where(usable[:, None], direction, -gradient)
            slope = torch.where(usable, slope, -gradient.square().sum(1))
        # the decrease to expect is that of the last iteration
        step = 2.02 * (value - state.search_value) / slope
        return _begin(
            state.trial, value, gradient, state.nit + 1, inverse, fresh, state.restarts,
            direction, slope, step,
        )  # fmt: skip

    def _descend(
        self, x: Tensor, value: Tensor, gradient: Tensor, nit: Tensor, restarts: Tensor
    ) -> _State:
        """Begin searches down the gradient, with a first step of about length one."""
        unit = torch.eye(x.shape[1], dtype=x.dtype, device=x.device).expand(len(x), -1, -1)
        slope = -gradient.square().sum(1)
        fresh = torch.ones(len(x), dtype=torch.bool, device=x.device)
        step = 1.01 / gradient.norm(dim=1)
        return _begin(x, value, gradient, nit, unit, fresh, restarts, -gradient, slope, step)


def _begin(
    x: Tensor,
    value: Tensor,
    gradient: Tensor,
    nit: Tensor,
    inverse: Tensor,
    fresh: Tensor,
    restarts: Tensor,
    direction: Tensor,
    slope: Tensor,
    step: Tensor,
) -> _State:
    step = torch.where(step > 0, step, 1.0).clamp_max(1.0)
    trial = x + step[:, None] * direction
    return _State(
        trial, x, gradient, nit, inverse, fresh, restarts, direction,
        *wolfe.begin(value, slope, step),
    )  # fmt: skip


def _update(inverse: Tensor, s: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Inverse Hessians ``(n, d, d)`` that send gradient changes ``y`` to moves ``s``, ``(n, d)``.

    Returns:
        The inverses, and the rows that learnt something: those with a positive curvature.
    """
    curvature = (s * y).sum(1)
    learnt = curvature > 0
    rho = torch.where(learnt, curvature, 1.0).reciprocal()[:, None]
    image = (inverse @ y[:, :, None])[:, :, 0]
    scale = (1 + rho * (y * image).sum(1, keepdim=True)) * rho
    cross = (rho * image)[:, :, None] * s[:, None, :]
    change = (scale * s)[:, :, None] * s[:, None, :] - cross - cross.transpose(1, 2)
    learnt = learnt & change.isfinite().flatten(1).all(1)
    return torch.where(learnt[:, None, None], inverse + change, inverse), learnt


def _choose(mask: Tensor, new: Tensor, old: Tensor) -> Tensor:
    return torch.where(mask.view(-1, *[1] * (new.ndim - 1)), new, old)
