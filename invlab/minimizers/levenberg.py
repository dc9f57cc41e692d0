"""Levenberg–Marquardt: least squares by linearised residuals and a damped, shortest step."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from invlab.minimizers.driver import Stepping, Termination, take
from invlab.minimizers.gauss_newton import shortest_step
from invlab.minimizers.objective import Evaluation

__all__ = ["LevenbergMarquardt"]

# A step counts when it brings this share of the decrease that the linear model promised.
ENOUGH = 1e-4
DAMPING_RANGE = (1e-15, 1e15)


class _State(NamedTuple):
    """A row each. ``damping`` is relative to the largest diagonal entry of JᵀJ."""

    trial: Tensor
    x: Tensor
    gradient: Tensor
    nit: Tensor
    value: Tensor
    residuals: Tensor
    jacobian: Tensor
    damping: Tensor
    raise_by: Tensor

    def take(self, rows: Tensor) -> _State:
        """The given rows."""
        return take(self, rows)


@dataclass(frozen=True)
class LevenbergMarquardt(Stepping):
    """The method. The damping of a row follows Nielsen's rule (IMM-REP-1999-05).

    Args:
        damping: at the start, relative to the largest squared column of the Jacobian. Small
            values make the first step that of Gauss–Newton.
    """

    residuals: ClassVar[bool] = True

    termination: Termination
    damping: float = 1e-3

    def __post_init__(self) -> None:
        if not 0 < self.damping < math.inf:
            raise ValueError(f"damping: expected a number above zero, got {self.damping}")

    def start(self, x: Tensor, seen: Evaluation) -> _State:
        """A first step from each start."""
        assert seen.residuals is not None
        assert seen.jacobian is not None
        damping = torch.full_like(seen.value, self.damping)
        nit = torch.zeros(len(x), dtype=torch.long, device=x.device)
        state = _State(
            x, x, seen.gradient, nit, seen.value, seen.residuals, seen.jacobian,
            damping, torch.full_like(damping, 2.0),
        )  # fmt: skip
        return self._step(state)

    def tell(self, state: _State, seen: Evaluation) -> tuple[_State, Tensor]:
        """Accept the steps that helped, set the damping by how well they were predicted."""
        assert seen.residuals is not None
        assert seen.jacobian is not None
        move = state.trial - state.x
        linear = state.residuals + (state.jacobian @ move[:, :, None])[:, :, 0]
        promised = state.value - linear.square().sum(1)
        gained = state.value - seen.value
        good = seen.finite & (gained > 0) & (gained >= ENOUGH * promised)
        # a projected step may promise nothing and still help
        quality = torch.where(promised > 0, gained / promised, 0.5).clamp(0, 1)
        lowered = state.damping * (1 - (2 * quality - 1) ** 3).clamp_min(1 / 3)
        damping = torch.where(good, lowered, state.damping * state.raise_by)
        column = good[:, None]
        state = _State(
            trial=state.trial,
            x=torch.where(column, state.trial, state.x),
            gradient=torch.where(column, seen.gradient, state.gradient),
            nit=state.nit + 1,
            value=torch.where(good, seen.value, state.value),
            residuals=torch.where(column, seen.residuals, state.residuals),
            jacobian=torch.where(column[:, :, None], seen.jacobian, state.jacobian),
            damping=damping.clamp(*DAMPING_RANGE),
            raise_by=torch.where(good, 2.0, (2 * state.raise_by).clamp_max(1e6)),
        )
        state = self._step(state)
        precision = torch.finfo(state.x.dtype).eps
        still = (state.trial - state.x).abs() <= precision * state.x.abs()
        return state, still.all(1) | (damping > DAMPING_RANGE[1])

    def _step(self, state: _State) -> _State:
        jacobian = state.jacobian
        if self.termination.box is not None:
            # unknowns that press against the box stay there; the others share the step
            jacobian = jacobian * ~self.termination.pressed(state.x, state.gradient)[:, None, :]

        def ridge(jacobian: Tensor) -> Tensor:
            return state.damping * jacobian.square().sum(1).amax(1)

        step = shortest_step(jacobian, -state.residuals, ridge)
        return state._replace(trial=self.termination.clip(state.x + step))
