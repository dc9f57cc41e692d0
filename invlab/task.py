"""The nouns of an inverse problem: simulator, task, training pairs and targets."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from invlab import runtime
from invlab.priors import Box, Prior
from invlab.validation import batch_shape, require_count, require_same_length, require_tensor

__all__ = ["Pairs", "Simulator", "Targets", "Task"]


class Simulator(nn.Module):
    """A forward map ``y = f(x)`` or ``y = f(x, c)``, written for batches.

    Subclass it when the map has constants: register them as buffers, so that ``.to(device)``
    moves them. Any callable with the same signature is accepted wherever a simulator is.
    """

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Map unknowns ``(..., dx)``, and contexts ``(..., dc)``, to ``(..., *dy)``."""
        raise NotImplementedError(f"{type(self).__name__}: write forward(x, c=None) -> y")


@dataclass(frozen=True)
class Pairs:
    """Unknowns and the observations they cause: the data a method learns from.

    Attributes:
        x: unknowns, shape ``(N, dx)``.
        y: observations, shape ``(N, *dy)``; NaN where a simulation failed.
        c: contexts, shape ``(N, dc)``, or None.

    Raises:
        TypeError: something is not a floating-point tensor.
        ValueError: different numbers of rows, no rows, NaN in x or c, or tensors on different
            devices.
    """

    x: Tensor
    y: Tensor
    c: Tensor | None = None

    def __post_init__(self) -> None:
        require_tensor("Pairs: x", self.x, ("N", "dx"))
        shape = ("N", *batch_shape(self.y)[1:])
        # a simulation may fail: such rows stay, and Task.usable leaves them out
        require_tensor("Pairs: y", self.y, shape, finite=False, device=self.x.device)
        if self.c is not None:
            require_tensor("Pairs: c", self.c, ("N", "dc"), device=self.x.device)
        require_same_length(x=self.x, y=self.y, c=self.c)

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, rows: Tensor | slice) -> Pairs:
        """The chosen rows, as pairs."""
        return Pairs(self.x[rows], self.y[rows], None if self.c is None else self.c[rows])

    def split(
        self, share: float, *, generator: torch.Generator | None = None
    ) -> tuple[Pairs, Pairs]:
        """A random ``(kept, held out)`` division with ``share`` of the rows held out.

        Raises:
            ValueError: one of the two parts would be empty.
        """
        held = round(share * len(self))
        if not 0 < held < len(self):
            raise ValueError(
                f"split: {share} of {len(self)} rows leaves one part empty; "
                "give more pairs or another share"
            )
        order = torch.randperm(len(self), generator=generator).to(self.x.device)
        return self[order[held:]], self[order[:held]]


@dataclass(frozen=True)
class Targets:
    """Observations to be inverted, with the unknowns that made them where these are known.

    Attributes:
        y: observations, shape ``(B, *dy)``.
        c: contexts, shape ``(B, dc)``, or None.
        x: the unknowns behind them, shape ``(B, dx)``, or None.
    """

    y: Tensor
    c: Tensor | None = None
    x: Tensor | None = None

    def __post_init__(self) -> None:
        require_tensor("Targets: y", self.y, batch_shape(self.y))
        for name, shape in (("c", ("B", "dc")), ("x", ("B", "dx"))):
            value = getattr(self, name)
            if value is not None:
                require_tensor(f"Targets: {name}", value, shape, device=self.y.device)
        require_same_length(y=self.y, c=self.c, x=self.x)

    def __len__(self) -> int:
        return len(self.y)


class Task:
    """One inverse problem: a simulator, what is known of its unknowns, and how to name them.

    Args:
        name: a short name, used in messages and records.
        simulator: any callable ``f(x)`` or ``f(x, c)`` on batches.
        prior: law of the unknowns.
        box: where answers are meant to lie; the prior's range if not given.
        context: law of the contexts c, for simulators that take one.
        labels: a name for each unknown.
        units: a unit for each unknown.
        differentiable: whether gradients of y with respect to x are right.
        noisy: whether equal unknowns may give different observations.

    Raises:
        TypeError: the simulator is not callable, or the prior is no prior.
        ValueError: labels or units of the wrong number.
    """

    def __init__(
        self,
        name: str,
        simulator: Callable[..., Tensor],
        prior: Prior,
        *,
        box: Box | None = None,
        context: Prior | None = None,
        labels: Sequence[str] | None = None,
        units: Sequence[str] | None = None,
        differentiable: bool = True,
        noisy: bool = False,
    ) -> None:
        if not callable(simulator):
            raise TypeError(f"{name}: simulator must be callable, got {type(simulator).__name__}")
        if not isinstance(prior, Prior):
            raise TypeError(
                f"{name}: prior must have dim, bounds and sample, got {type(prior).__name__}"
            )
        self.name = name
        self.simulator = simulator
        self.prior = prior
        self.box = prior.bounds if box is None else box
        self.context = context
        self.labels = _names(name, "labels", labels, [f"x{i + 1}" for i in range(prior.dim)])
        self.units = _names(name, "units", units, [""] * prior.dim)
        self.differentiable = differentiable
        self.noisy = noisy

    def __repr__(self) -> str:
        return f"Task({self.name!r}, x: {self.x_dim}, prior={self.prior})"

    @property
    def x_dim(self) -> int:
        """Number of unknowns, dx."""
        return self.prior.dim

    def simulate(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Run the simulator on checked input.

        Args:
            x: unknowns, shape ``(..., dx)``; c: contexts, shape ``(..., dc)``.

        Returns:
            Observations of shape ``(..., *dy)`` with the dtype and on the device of ``x``.

        Raises:
            TypeError: ``x`` is not a floating-point tensor.
            ValueError: wrong shape, no rows, NaN, or a context missing or on another device.
        """
        require_tensor(f"{self.name}: x", x, ("...", self.x_dim))
        if self.context is None:
            if c is not None:
                raise ValueError(f"{self.name}: this task takes no context c, got one")
            return self.simulator(x)
        if c is None:
            raise ValueError(
                f"{self.name}: this task needs a context c of shape (..., {self.context.dim})"
            )
        require_tensor(f"{self.name}: c", c, ("...", self.context.dim), device=x.device)
        return self.simulator(x, c)

    def sample(
        self,
        n: int,
        *,
        generator: torch.Generator | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> Pairs:
        """``n`` training pairs: unknowns from the prior and what they cause.

        Args:
            n: number of pairs, at least 1.
            generator: CPU generator; a fresh one of seed 0 if not given.
            dtype: float32 for training (default), float64 for optimisation.

        Returns:
            Pairs on ``runtime.device()``. Invalid rows are kept; ``valid(pairs.y)`` marks them.
        """
        require_count("n", n)
        generator = runtime.generator(0, self.name, "sample") if generator is None else generator
        x = self.prior.sample(n, generator=generator).to(runtime.device(), dtype)
        if self.context is None:
            return Pairs(x, self.simulate(x))
        c = self.context.sample(n, generator=generator).to(runtime.device(), dtype)
        return Pairs(x, self.simulate(x, c), c)

    def targets(self, k: int, *, seed: int, dtype: torch.dtype = torch.float32) -> Targets:
        """``k`` fresh targets to invert, drawn from a stream that training never uses."""
        generator = runtime.generator(seed, self.name, "targets")
        pairs = self.sample(k, generator=generator, dtype=dtype)
        return Targets(pairs.y, pairs.c, pairs.x)

    def valid(self, y: Tensor) -> Tensor:
        """Which observations ``(..., dy)`` are usable: all finite. A mask ``(...)``."""
        return torch.isfinite(y).all(-1)

    def usable(self, data: Pairs) -> Pairs:
        """The pairs whose y is valid; every method learns from these alone.

        Raises:
            ValueError: there is none.

        Warns:
            UserWarning: how many were left out.
        """
        valid = self.valid(data.y.flatten(1))
        lost = int((~valid).sum())
        if lost == len(data):
            raise ValueError(f"{self.name}: expected pairs with a valid y, got {lost} invalid ones")
        if lost:
            message = f"{self.name}: {lost} of {len(data)} pairs left out, their y is invalid"
            warnings.warn(message, stacklevel=2)
        return data[valid] if lost else data


def _names(task: str, what: str, given: Sequence[str] | None, default: list[str]) -> list[str]:
    if given is not None and len(given) != len(default):
        raise ValueError(
            f"{task}: expected {len(default)} {what}, one an unknown, got {len(given)}"
        )
    return default if given is None else list(given)
