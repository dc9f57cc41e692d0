"""What was measured of y, and how well: only that is compared, in units of its error."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from invlab import runtime
from invlab.methods import Method, options_of
from invlab.methods.simulator_search import SimulatorSearch
from invlab.networks.mlp import Standardizer
from invlab.task import Pairs, Task
from invlab.validation import require_numbers

__all__ = ["Measurement", "honours", "require_sigma", "those_that_honour"]


class Measurement:
    """Which numbers of y were measured, and their errors.

    Args:
        measured: mask, flat ``(dy,)``.
        sigma: standard deviation of each number's error, ``(dy,)``; None where all count alike.
    """

    def __init__(self, measured: Tensor, sigma: Tensor | None) -> None:
        self.measured, self.sigma = measured, sigma

    @property
    def whole(self) -> bool:
        """Whether every number was measured, and all count alike; then nothing changes."""
        return self.sigma is None and bool(self.measured.all())

    @property
    def error_unit(self) -> str:
        """What squared differences count in."""
        return "y²" if self.sigma is None else "σ²"

    def of(self, y: Tensor) -> Tensor:
        """Observations ``(..., dy)``, flat, to what was measured, in units of its error."""
        seen = y[..., self.measured.to(y.device)]
        if self.sigma is None:
            return seen
        return seen / self.sigma[self.measured].to(seen)

    def pairs(self, data: Pairs) -> Pairs:
        """Pairs with what would have been measured of y, without an error."""
        if self.whole:
            return data
        return replace(data, y=self.of(data.y.flatten(1)))

    def with_error(self, data: Pairs, seed: int) -> Pairs:
        """The pairs of :meth:`pairs` with the error of a measurement."""
        if self.sigma is None:
            return data
        draws = runtime.generator(seed, "measurement error")
        error = torch.randn(data.y.shape, generator=draws, dtype=torch.float64, device="cpu")
        return replace(data, y=data.y + error.to(data.y))

    def task(self, task: Task) -> Task:
        """The task that observes what was measured."""
        if self.whole:
            return task
        # a task made from pairs keeps what says that it cannot simulate
        simulator = _Seen(task, self) if task.has_simulator else task.simulator
        seen = Task(
            task.name,
            simulator,
            task.prior,
            box=task.given_box,
            context=task.context,
            labels=task.labels,
            units=task.units,
            differentiable=task.differentiable,
            noisy=task.noisy,
        )
        seen.note_shape(torch.empty(int(self.measured.sum()), device="cpu"))
        return seen

    def options(self, kind: type[Method], data: Pairs) -> dict[str, Any]:
        """Options that make a method of this class honour it, given the pairs it will see."""
        if self.sigma is None:
            return {}
        known = options_of(kind)
        if "y_sigma" in known:
            return {"y_sigma": 1.0}
        if "y_scaler" in known:
            y = data.y[data.y.isfinite().all(1)].double()
            length = y.var(0, correction=0).mean().sqrt().clamp_min(1e-30)
            return {"y_scaler": Standardizer(y.mean(0), length.expand(y.shape[1]))}
        return {}


class _Seen:
    """A simulator that gives what would be measured."""

    def __init__(self, task: Task, measurement: Measurement) -> None:
        self.task, self.measurement = task, measurement

    def __call__(self, x: Tensor, *c: Tensor) -> Tensor:
        y = self.task.simulator(x, *c)
        if type(self.task).valid is not Task.valid:  # else what is not valid is not finite
            works = self.task.valid(y)
            y = torch.where(works[(..., *[None] * (y.ndim - works.ndim))], y, torch.nan)
        # by the axes of x: pairs with a flat y may have told the task the shape of its images
        rows = x.ndim - 1
        return self.measurement.of(y.flatten(rows) if y.ndim > rows else y[..., None])


def honours(kind: type[Method]) -> bool:
    """Whether a method of this class can weigh the numbers of y by their errors."""
    known = options_of(kind)
    return "y_sigma" in known or "y_scaler" in known or issubclass(kind, SimulatorSearch)


def those_that_honour() -> list[str]:
    """Names of the methods that can."""
    from invlab.methods import class_of, list_methods

    return [name for name in list_methods() if honours(class_of(name))]


def require_sigma(sigma: Any, y_shape: tuple[int, ...]) -> Tensor | None:
    """The measurement error of each number of y, flat ``(dy,)``; None if none is given.

    Args:
        sigma: a number, or one each in the shape of an observation; infinite where a number was
            not measured.
        y_shape: of an observation.

    Raises:
        TypeError, ValueError: no numbers, another shape, or one that is not above zero.
    """
    if sigma is None:
        return None
    values = require_numbers("sigma", sigma)
    size = math.prod(y_shape)
    if values.ndim == 0:
        values = values.expand(size)
    if values.numel() != size or values.shape not in (torch.Size(y_shape), torch.Size([size])):
        raise ValueError(
            f"sigma: expected one number, or one for each of y, shape {y_shape}, got "
            f"{tuple(values.shape)}"
        )
    if not bool((values > 0).all()):
        raise ValueError(f"sigma: expected numbers above 0 (infinite: not measured), got {sigma!r}")
    return values.flatten()
