"""Gradient descent and Adam, with a step size for each row."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

import torch
from torch import Tensor

from invlab.minimizers.driver import Stepping, Termination
from invlab.minimizers.objective import Evaluation
from invlab.validation import require_count, require_numbers

__all__ = ["Adam", "GradientDescent", "Schedule"]

Schedule = Literal["adaptive", "constant", "cosine"]
SCHEDULES = ("adaptive", "constant", "cosine")


class _State(NamedTuple):
    """A row each, but for ``done``, the iterations that all rows have done.

    ``home`` is the best point so far, where a row returns to when its step was too long.
    ``wait`` counts the evaluations since the best one,
    ``age`` those since Adam's moments began; it is None as long as that is the count for all.
    ``step_size`` is ``(n, d)``, the same number throughout a row, which is quicker to multiply by.
    """

    done: int
    trial: Tensor
    x: Tensor
    gradient: Tensor
    step_size: Tensor
    home_x: Tensor
    home_gradient: Tensor
    home_value: Tensor
    wait: Tensor
    mean: Tensor
    square: Tensor
    age: Tensor | None = None

    @property
    def nit(self) -> Tensor:
        """Iterations done, ``(n,)``."""
        return torch.full_like(self.wait, self.done)

    def take(self, rows: Tensor) -> _State:
        """The given rows."""
        parts: list[Any] = [
            part if part is None else part.index_select(0, rows) for part in self[1:]
        ]
        return _State(self.done, *parts)


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
    keeps_best: ClassVar[bool] = True

    termination: Termination
    step_size: float | Tensor = 0.1
    schedule: Schedule = "adaptive"
    patience: int = 1
    growth: float = 1.2

    def __post_init__(self) -> None:
        if self.schedule not in SCHEDULES:
            raise ValueError(f"schedule: expected one of {SCHEDULES}, got {self.schedule!r}")
        sizes = require_numbers("step_size", self.step_size)
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
        sizes = step_size.expand(len(x))[:, None].expand_as(x).contiguous()
        zero = torch.zeros(len(x), dtype=torch.long, device=x.device)
        none = torch.zeros_like(x)
        value, gradient = seen.value, seen.gradient
        state = _State(0, x, x, gradient, sizes, x, gradient, value, zero, none, none)
        return self._step(state)

    def tell(self, state: _State, seen: Evaluation) -> tuple[_State, Tensor | None]:
        """Judge the last step of each row and take the next."""
        state, cut = self._judge(state, seen)
        state = self._step(state)
        return state, self._stuck(state, cut)

    def _judge(self, state: _State, seen: Evaluation) -> tuple[_State, Tensor | None]:
        """The state where the last step led, and the rows that went back from there, ``(n,)``.

        None where none did.
        """
        improved = seen.value < state.home_value
        if not seen.sound:
            improved = improved & seen.finite
        # a mask of its own memory is quicker than one that is spread twice
        wide = improved[:, None].expand_as(state.x).contiguous()
        there = _State(
            state.done + 1, state.trial, state.trial, seen.gradient, state.step_size,
            torch.where(wide, state.trial, state.home_x),
            torch.where(wide, seen.gradient, state.home_gradient),
            torch.where(improved, seen.value, state.home_value),
            state.wait, state.mean, state.square, state.age,
        )  # fmt: skip
        if self.schedule != "adaptive":
            return (there, None) if seen.sound else (_back(there, ~seen.finite), ~seen.finite)
        wait = (state.wait + 1).masked_fill(improved, 0)
        step_size = torch.where(wide, state.step_size * self.growth, state.step_size)
        there = there._replace(wait=wait, step_size=step_size)
        cut = ~seen.finite | (wait >= self.patience)
        return (_back(there, cut), cut) if cut.any() else (there, None)

    def _stuck(self, state: _State, cut: Tensor | None) -> Tensor | None:
        """Rows that end because a step no longer moves them, ``(n,)``; ``cut``: see above."""
        return self._still(state)

    def _still(self, state: _State) -> Tensor:
        precision = torch.finfo(state.x.dtype).eps
        still = (state.trial - state.x).abs() <= precision * state.x.abs() + precision**2
        return still.all(1)

    def _step(self, state: _State) -> _State:
        move = state.step_size * state.gradient
        trial = state.x.sub(move, alpha=self._share(state))
        return state._replace(trial=self.termination.clip(trial))

    def _share(self, state: _State) -> float:
        """Which share of the step sizes the schedule grants."""
        if self.schedule != "cosine":
            return 1.0
        return (1 + math.cos(math.pi * min(state.done / self.termination.maxiter, 1.0))) / 2


def _back(state: _State, cut: Tensor) -> _State:
    """Rows that are cut are home again, with half the step and no moments."""
    column = cut[:, None]
    age = torch.full_like(state.wait, state.done) if state.age is None else state.age
    return state._replace(
        x=torch.where(column, state.home_x, state.x),
        gradient=torch.where(column, state.home_gradient, state.gradient),
        step_size=torch.where(column, state.step_size / 2, state.step_size),
        wait=state.wait.masked_fill(cut, 0),
        mean=state.mean.masked_fill(column, 0.0),
        square=state.square.masked_fill(column, 0.0),
        age=age.masked_fill(cut, 0),
    )


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
        betas = require_numbers("betas", self.betas)
        if betas.shape != (2,) or not bool(((betas >= 0) & (betas < 1)).all()):
            raise ValueError(f"betas: expected two numbers in [0, 1), got {self.betas}")
        if not 0 < self.eps < math.inf:
            raise ValueError(f"eps: expected a number above zero, got {self.eps}")

    def _stuck(self, state: _State, cut: Tensor | None) -> Tensor | None:
        # near its end a cosine schedule takes such steps by design, and Adam is not at rest yet
        return None if cut is None else cut & self._still(state)

    def _step(self, state: _State) -> _State:
        first, second = self.betas
        gradient = state.gradient
        mean = state.mean.lerp(gradient, 1 - first)
        square = (second * state.square).addcmul_(gradient, gradient, value=1 - second)
        steps: float | Tensor = state.done + 1
        if state.age is not None:
            age = state.age + 1
            state = state._replace(age=age)
            # in the dtype of x: a number to the power of an integer tensor would be float32
            steps = age.to(mean)[:, None]
        rate: float | Tensor = self._share(state) / (1 - first**steps)
        scale = square.sqrt().mul_((1 - second**steps) ** -0.5).add_(self.eps)
        move = state.step_size * mean
        if isinstance(rate, Tensor):
            move, rate = move * rate, 1.0
        trial = self.termination.clip(state.x.addcdiv(move, scale, value=-rate))
        return state._replace(trial=trial, mean=mean, square=square)
