"""Gradient descent and Adam, with a step size for each row."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

import torch
from torch import Tensor

from invlab.minimizers.driver import Stepping, Termination, take
from invlab.minimizers.objective import Evaluation
from invlab.validation import require_count

__all__ = ["Adam", "GradientDescent", "Schedule"]

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

    def take(self, rows: Tensor) -> _State:
        """The given rows."""
        return take(self, rows)


@dataclass(frozen=True)
class GradientDescent(Stepping):
    """Steps down the gradient.

    Args:
        step_size: step size, one number or one a row, ``(B,)``.
        schedule: ``"constant"``; ``"cosine"`` (to zero at ``maxiter``); or ``"adaptive"``: a row
            without a new best value for ``patience`` evaluations returns to its best point with
            half the step.
        patience: see above.
        growth: with ``"adaptive"``, the factor of a row's step after each new best value.
    """

    first_order: ClassVar[bool] = True

    termination: Termination
    step_size: float | Tensor = 0.1
    schedule: Schedule = "adaptive"
    patience: int = 1
    growth: float = 1.2

    def __post_init__(self) -> None:
        if self.schedule not in SCHEDULES:
            raise ValueError(f"schedule: expected one of {SCHEDULES}, got {self.schedule!r}")
        sizes = torch.as_tensor(self.step_size, device=_device(self.step_size))
        if not bool(((sizes > 0) & sizes.isfinite()).all()):
            raise ValueError(f"step_size: expected numbers above zero, got {self.step_size}")
        require_count("patience", self.patience)
        if not 1 <= self.growth < math.inf:
            raise ValueError(f"growth: expected a number of at least 1, got {self.growth}")

    def start(self, x: Tensor, seen: Evaluation) -> _State:
        """A first step from each start."""
        step_size = torch.as_tensor(self.step_size, dtype=x.dtype, device=x.device).detach()
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
        return state, still.all(1) & self._ends(cut)

    def _ends(self, cut: Tensor) -> Tensor:
        """Which rows end where a step no longer moves them, ``(n,)``; ``cut``: one taken back."""
        return torch.ones_like(cut)

    def _step(self, state: _State) -> _State:
        trial = state.x - self._rate(state) * state.gradient
        return state._replace(trial=self.termination.clip(trial))

    def _rate(self, state: _State) -> Tensor:
        if self.schedule != "cosine":
            return state.step_size[:, None]
        share = (state.nit.to(state.step_size) / self.termination.maxiter).clamp_max(1.0)
        return (state.step_size * (1 + torch.cos(math.pi * share)) / 2)[:, None]


@dataclass(frozen=True)
class Adam(GradientDescent):
    """Adam (Kingma and Ba, 2015).

    Args:
        step_size, schedule, patience, growth: see :class:`GradientDescent`.
        betas: decay of the two moments.
        eps: the floor beside the root of the second.
    """

    step_size: float | Tensor = 0.05
    schedule: Schedule = "cosine"
    patience: int = 20
    growth: float = 1.0
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8

    def __post_init__(self) -> None:
        super().__post_init__()
        if not all(0 <= beta < 1 for beta in self.betas) or not 0 < self.eps < math.inf:
            raise ValueError(
                f"expected betas in [0, 1) and eps above zero, got {self.betas} and {self.eps}"
            )

    def _ends(self, cut: Tensor) -> Tensor:
        # near its end a cosine schedule takes such steps by design, and Adam is not at rest yet
        return cut

    def _step(self, state: _State) -> _State:
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


def _device(value: object) -> torch.device:
    """Where a number is checked: where it is, else the CPU, whatever the default device."""
    return value.device if isinstance(value, Tensor) else torch.device("cpu")
