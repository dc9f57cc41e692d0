"""BFGS on the faces of a box, by projection: the end of a search that came to an edge.

The two-metric projection of Bertsekas (SIAM J. Control Optim. 20, 1982): unknowns at an edge that
press against it go their own way down the gradient, the others take a quasi-Newton step, and what
leaves the box is clipped back to it. Unlike coordinates that a tanh maps into the box, it reaches
an edge exactly and leaves it where the gradient leads inside.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from invlab.minimizers.driver import Termination, take
from invlab.minimizers.objective import Evaluation

__all__ = ["ProjectedBFGS"]

# Share of the decrease along the gradient that a step has to bring, and how much shorter the next
# trial of a refused one is.
ENOUGH, SHORTER = 1e-4, (0.1, 0.5)
# Trials of one line search.
TRIALS = 30
# How near to an edge, in units of x_scale, an unknown that presses against it counts as on it.
NEAR = 1e-2
# Changes of the objective below this many roundings say nothing; the gradient then has to shrink.
ROUNDINGS, SHRUNK = 4, 0.9
# Curvature along a step, relative to the lengths of step and gradient change, that is learnt from;
# and the factor of the Hessian where there is none: the next step goes further.
CURVED, FLATTER = 1e-8, 0.25


class _State(NamedTuple):
    """A row each. ``hessian`` and ``direction`` are by ``x / x_scale``.

    ``fresh`` where the Hessian still is the identity; ``trials`` counts those of a line search.
    """

    trial: Tensor
    x: Tensor
    gradient: Tensor
    nit: Tensor
    value: Tensor
    hessian: Tensor
    fresh: Tensor
    direction: Tensor
    step: Tensor
    trials: Tensor

    def take(self, rows: Tensor) -> _State:
        """The given rows."""
        return take(self, rows)


@dataclass(frozen=True)
class ProjectedBFGS:
    """The algorithm, in x itself.

    Args:
        termination: with its box and ``x_scale``: the first step moves by about one of it.
    """

    keeps_best: ClassVar[bool] = False

    termination: Termination

    def start(self, x: Tensor, seen: Evaluation) -> _State:
        """A first search from each start, down the projected gradient."""
        count = torch.zeros(len(x), dtype=torch.long, device=x.device)
        unit = torch.eye(x.shape[1], dtype=x.dtype, device=x.device).expand(len(x), -1, -1)
        state = _State(
            x, x, seen.gradient, count, seen.value, unit, count == 0, x, seen.value, count,
        )  # fmt: skip
        return self._aim(state)

    def tell(self, state: _State, seen: Evaluation) -> tuple[_State, Tensor]:
        """Move the rows whose trial is good, and shorten the step of the others."""
        slope = (state.gradient * (state.trial - state.x)).sum(1)
        good = self._good(state, seen, slope)
        gone = self._aim(self._learn(state, seen))
        state, stuck = self._shorten(state, seen.value, slope)
        mixed = (_choose(good, new, old) for new, old in zip(gone, state, strict=True))
        return _State(*mixed), stuck & ~good

    def _good(self, state: _State, seen: Evaluation, slope: Tensor) -> Tensor:
        change = seen.value - state.value
        rounding = ROUNDINGS * torch.finfo(change.dtype).eps * state.value.abs()
        shrunk = self._left(state.trial, seen.gradient) <= SHRUNK * self._left(
            state.x, state.gradient
        )
        lower = (change <= ENOUGH * slope) & (change < 0) | (change <= rounding) & shrunk
        return lower & (slope < 0) & seen.finite

    def _left(self, x: Tensor, gradient: Tensor) -> Tensor:
        """Length of the projected gradient by ``x / x_scale``, ``(n,)``."""
        step = x - self.termination.clip(x - self._scale * self._scale * gradient)
        return (step / self._scale).norm(dim=1)

    @property
    def _scale(self) -> Tensor:
        assert self.termination.x_scale is not None
        return self.termination.x_scale

    def _aim(self, state: _State) -> _State:
        """Begin a line search from each row's ``x``."""
        box = self.termination.box
        assert box is not None
        x, gradient = state.x, state.gradient * self._scale
        room = torch.where(gradient > 0, x - box.low.to(x), box.high.to(x) - x) / self._scale
        near = self._left(x, state.gradient).clamp_max(NEAR)
        free = room > near[:, None]
        curvature = state.hessian.diagonal(dim1=1, dim2=2)
        coupled = state.hessian.masked_fill(~(free[:, :, None] & free[:, None, :]), 0.0)
        coupled = coupled + torch.diag_embed(torch.where(free, 0.0, curvature))
        solved, failed = torch.linalg.solve_ex(coupled, -gradient[:, :, None])
        direction = solved[:, :, 0]
        usable = (failed == 0) & ((direction * gradient).sum(1) < 0) & direction.isfinite().all(1)
        direction = torch.where(usable[:, None], direction, -gradient)
        unit = torch.eye(x.shape[1], dtype=x.dtype, device=x.device)
        fresh = state.fresh | ~usable
        # about one x_scale; what presses against an edge goes nowhere
        first = (1.01 / direction.masked_fill(~free, 0.0).norm(dim=1)).clamp_max(1.0)
        state = state._replace(
            hessian=torch.where(usable[:, None, None], state.hessian, unit),
            fresh=fresh,
            direction=direction,
            step=torch.where(fresh, first, 1.0),
            trials=torch.zeros_like(state.trials),
        )
        return state._replace(trial=self._trial(state))

    def _trial(self, state: _State) -> Tensor:
        move = state.step[:, None] * state.direction * self._scale
        return self.termination.clip(state.x + move)

    def _learn(self, state: _State, seen: Evaluation) -> _State:
        """Take the trials as iterates, and update the Hessians."""
        s, y = (state.trial - state.x) / self._scale, (seen.gradient - state.gradient) * self._scale
        bend = (s * y).sum(1)
        curved = (bend > CURVED * s.norm(dim=1) * y.norm(dim=1)) & bend.isfinite()
        # the first step says what the curvature is about
        size = torch.where(state.fresh & curved, y.square().sum(1) / bend, 1.0)
        hessian = state.hessian * size[:, None, None]
        image = (hessian @ s[:, :, None])[:, :, 0]
        gain = y[:, :, None] * y[:, None, :] / bend[:, None, None]
        loss = image[:, :, None] * image[:, None, :] / (s * image).sum(1)[:, None, None]
        updated = hessian + gain - loss
        learnt = curved & updated.isfinite().flatten(1).all(1)
        return state._replace(
            x=state.trial,
            gradient=seen.gradient,
            nit=state.nit + 1,
            value=seen.value,
            hessian=torch.where(learnt[:, None, None], updated, FLATTER * state.hessian),
            fresh=state.fresh & ~learnt,
        )

    def _shorten(self, state: _State, value: Tensor, slope: Tensor) -> tuple[_State, Tensor]:
        """A shorter step in each row; what was learnt of the Hessian is forgotten where none is."""
        share = -slope / (2 * (value - state.value - slope))
        share = torch.where(share.isfinite(), share, SHORTER[0]).clamp(*SHORTER)
        state = state._replace(step=state.step * share, trials=state.trials + 1)
        state = state._replace(trial=self._trial(state))
        used_up = (state.trials >= TRIALS) | (state.trial == state.x).all(1)
        if not bool(used_up.any()):
            return state, used_up
        unit = torch.eye(state.x.shape[1], dtype=state.x.dtype, device=state.x.device)
        plain = state._replace(
            hessian=unit.expand_as(state.hessian), fresh=torch.ones_like(state.fresh)
        )
        again = self._aim(plain)
        mixed = (_choose(used_up, new, old) for new, old in zip(again, state, strict=True))
        return _State(*mixed), used_up & state.fresh


def _choose(mask: Tensor, new: Tensor, old: Tensor) -> Tensor:
    return torch.where(mask.view(-1, *[1] * (new.ndim - 1)), new, old)
