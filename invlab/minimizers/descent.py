"""Gradient descent and Adam, with a step size for each row."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from invlab.minimizers.driver import Termination
from invlab.minimizers.objective import Evaluation

__all__ = ["Descent", "Schedule"]

Schedule = Literal["adaptive", "constant", "cosine"]
SCHEDULES = ("adaptive", "constant", "cosine")


class _State(NamedTuple):
    """A row each.

    ``home`` is the best point so far, where a row returns to when its step was too long;
    ``wait`` counts the evaluations since the best one, ``age`` those since Adam's moments began.
    """

    trial: Tensor
    x: Tensor
    gradient: Tensor
    nit: Tensor
    step_size: Tensor
    home_x: Tensor
    home_gradient: Tensor
    home_value: Tensor
    wait: Tensor
    age: Tensor
    mean: Tensor
    square: Tensor


@dataclass(frozen=True)
class Descent:
    """Gradient descent, or Adam with ``adam=True``.

    Args:
        step_size: step size, one number or one a row, ``(B,)``.
        schedule: ``"constant"``; ``"cosine"`` (to zero at ``maxiter``); or ``"adaptive"``: a row
            without a new best value for ``patience`` evaluations returns to its best point with
            half the step.
        patience: see above.
        growth: with ``"adaptive"``, the factor of a row's step after each new best value.
        betas, eps: of Adam: decay of the two moments, and the floor beside the second.
    """

    termination: Termination
    adam: bool
    step_size: float | Tensor
    schedule: Schedule
    patience: int
    growth: float
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8

    def __post_init__(self) -> None:
        if self.schedule not in SCHEDULES:
            raise ValueError(f"schedule: expected one of {SCHEDULES}, got {self.schedule!r}")
        if not bool((torch.as_tensor(self.step_size) > 0).all()):
            raise ValueError(f"step_size: expected numbers above zero, got {self.step_size}")
        if self.patience < 1 or self.growth < 1:
            raise ValueError(
                f"expected patience and growth of at least 1, got {self.patience} and {self.growth}"
            )
        if not all(0 <= beta < 1 for beta in self.betas) or not self.eps > 0:
            raise ValueError(
                f"expected betas in [0, 1) and eps above zero, got {self.betas} and {self.eps}"
            )

    def start(self, x: Tensor, seen: Evaluation) -> _State:
        """A first step from each start."""
        step_size = torch.as_tensor(self.step_size, dtype=x.dtype, device=x.device)
        if step_size.shape not in ((), (len(x),)):
            raise ValueError(
                f"step_size: expected one number or shape ({len(x)},), got {tuple(step_size.shape)}"
            )
        zero = torch.zeros(len(x), dtype=torch.long, device=x.device)
        none = torch.zeros_like(x)
        state = _State(
            x, x, seen.gradient, zero, step_size.expand(len(x)).clone(),
            x, seen.gradient, seen.value, zero, zero, none, none,
        )  # fmt: skip
        return self._step(state)

    def tell(self, state: _State, seen: Evaluation) -> tuple[_State, Tensor]:
        """Judge the last step of each row and take the next."""
        finite = seen.finite
        improved = finite & (seen.value < state.home_value)
        column = improved[:, None]
        home_x = torch.where(column, state.trial, state.home_x)
        home_gradient = torch.where(column, seen.gradient, state.home_gradient)
        wait = (state.wait + 1).masked_fill(improved, 0)
        cut, step_size = ~finite, state.step_size
        if self.schedule == "adaptive":
            cut = cut | (wait >= self.patience)
            step_size = torch.where(improved, step_size * self.growth, step_size)
        keep = ~cut[:, None]
        state = _State(
            trial=state.trial,
            x=torch.where(keep, state.trial, home_x),
            gradient=torch.where(keep, seen.gradient, home_gradient),
            nit=state.nit + 1,
            step_size=torch.where(cut, step_size / 2, step_size),
            home_x=home_x,
            home_gradient=home_gradient,
            home_value=torch.where(improved, seen.value, state.home_value),
            wait=wait.masked_fill(cut, 0),
            age=state.age.masked_fill(cut, 0),
            mean=state.mean * keep,
            square=state.square * keep,
        )
        state = self._step(state)
        precision = torch.finfo(state.x.dtype).eps
        still = (state.trial - state.x).abs() <= precision * state.x.abs() + precision**2
        # near its end a cosine schedule takes such steps by design, and Adam is not at rest yet
        return state, still.all(1) & (cut if self.adam else torch.ones_like(cut))

    def _step(self, state: _State) -> _State:
        if not self.adam:
            trial = state.x - self._rate(state) * state.gradient
            return state._replace(trial=self.termination.clip(trial))
        first, second = self.betas
        age = state.age + 1
        mean = first * state.mean + (1 - first) * state.gradient
        square = second * state.square + (1 - second) * state.gradient.square()
        # in the dtype of x: a number to the power of an integer tensor would be float32
        steps = age.to(mean)[:, None]
        move = mean / (1 - first**steps)
        move = move / ((square / (1 - second**steps)).sqrt() + self.eps)
        trial = self.termination.clip(state.x - self._rate(state) * move)
        return state._replace(trial=trial, age=age, mean=mean, square=square)

    def _rate(self, state: _State) -> Tensor:
        if self.schedule != "cosine":
            return state.step_size[:, None]
        share = (state.nit.to(state.step_size) / self.termination.maxiter).clamp_max(1.0)
        return (state.step_size * (1 + torch.cos(math.pi * share)) / 2)[:, None]
