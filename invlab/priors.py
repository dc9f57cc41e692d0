"""What is known about the unknown before measuring: boxes, normal laws and their products."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, Self, runtime_checkable

import torch
from torch import Tensor

from invlab.validation import require_count

__all__ = ["Box", "Normal", "Poisson", "Prior", "Product"]

# Half-width, in standard deviations, of the interval that holds 95 % of a normal law.
NORMAL_95 = 1.959963984540054

Numbers = Sequence[float] | Tensor


@runtime_checkable
class Prior(Protocol):
    """What a prior must offer: its dimension, its 95 % range and its samples."""

    dim: int

    @property
    def bounds(self) -> Box:
        """The box itself for a bounded prior; else the central 95 % range of each unknown."""

    def sample(self, n: int, *, generator: torch.Generator | None = None) -> Tensor:
        """``n`` draws, shape ``(n, dim)``, float64, on the CPU."""


class Box:
    """The uniform law on a box ``low <= x <= high``.

    Args:
        low: lower corner, ``dim`` numbers in the units of x.
        high: upper corner.

    Raises:
        ValueError: corners of different length, not finite, or ``low >= high`` somewhere.
    """

    def __init__(self, low: Numbers, high: Numbers) -> None:
        self.low = _vector("low", low)
        self.high = _vector("high", high)
        if self.low.shape != self.high.shape:
            raise ValueError(
                "Box: expected low and high of the same length, "
                f"got {len(self.low)} and {len(self.high)}"
            )
        if not bool((self.low < self.high).all()):
            raise ValueError(f"Box: expected low < high everywhere, got {low} and {high}")
        self.dim = len(self.low)

    @classmethod
    def around(cls, x: Tensor) -> Self:
        """The smallest box that holds all rows of ``x``, shape ``(N, dim)``.

        An unknown that does not vary gets a little room, since a box needs some width.
        """
        low, high = (edge.double().cpu() for edge in (x.detach().amin(0), x.detach().amax(0)))
        flat = (low == high) * 1e-6 * (1 + low.abs())
        return cls(low - flat, high + flat)

    def __repr__(self) -> str:
        return f"Box({self.low.tolist()}, {self.high.tolist()})"

    @property
    def bounds(self) -> Box:
        """The box itself."""
        return self

    @property
    def width(self) -> Tensor:
        """Edge lengths, shape ``(dim,)``, float64."""
        return self.high - self.low

    @property
    def center(self) -> Tensor:
        """Middle of the box, shape ``(dim,)``, float64."""
        return (self.low + self.high) / 2

    def contains(self, x: Tensor) -> Tensor:
        """Which rows of ``x``, shape ``(..., dim)``, lie in the box or on it: ``(...)``."""
        return ((x >= self.low.to(x)) & (x <= self.high.to(x))).all(-1)

    def clip(self, x: Tensor) -> Tensor:
        """The nearest point of the box for each row of ``x``, shape ``(..., dim)``."""
        return torch.clamp(x, self.low.to(x), self.high.to(x))

    def sample(self, n: int, *, generator: torch.Generator | None = None) -> Tensor:
        """``n`` uniform draws, shape ``(n, dim)``, float64, on the CPU."""
        require_count("n", n)
        unit = torch.rand(n, self.dim, generator=generator, dtype=torch.float64)
        return self.low + unit * self.width


class Normal:
    """Independent normal laws.

    Args:
        mean: means, ``dim`` numbers in the units of x.
        std: standard deviations (not variances), ``dim`` numbers above zero.

    Raises:
        ValueError: different lengths, numbers that are not finite, or a ``std`` not above zero.
    """

    def __init__(self, mean: Numbers, std: Numbers) -> None:
        self.mean = _vector("mean", mean)
        self.std = _vector("std", std)
        if self.mean.shape != self.std.shape or not bool((self.std > 0).all()):
            raise ValueError(
                f"Normal: expected one std above zero for each mean, got {mean} and {std}"
            )
        self.dim = len(self.mean)

    def __repr__(self) -> str:
        return f"Normal({self.mean.tolist()}, {self.std.tolist()})"

    @property
    def bounds(self) -> Box:
        """The central 95 % range of each unknown."""
        return Box(self.mean - NORMAL_95 * self.std, self.mean + NORMAL_95 * self.std)

    def sample(self, n: int, *, generator: torch.Generator | None = None) -> Tensor:
        """``n`` draws, shape ``(n, dim)``, float64, on the CPU."""
        require_count("n", n)
        return self.mean + self.std * torch.randn(
            n, self.dim, generator=generator, dtype=torch.float64
        )


class Poisson:
    """Independent Poisson laws: whole numbers from 0 up, drawn as float64.

    Args:
        rate: means, ``dim`` numbers above zero; the variances are the same numbers.

    Raises:
        ValueError: a rate that is not finite or not above zero.
    """

    def __init__(self, rate: Numbers) -> None:
        self.rate = _vector("rate", rate)
        if not bool((self.rate > 0).all()):
            raise ValueError(f"Poisson: expected rates above zero, got {rate}")
        self.dim = len(self.rate)

    def __repr__(self) -> str:
        return f"Poisson({self.rate.tolist()})"

    @property
    def bounds(self) -> Box:
        """From the 2.5 % to the 97.5 % point of each law, at least one number wide."""
        from scipy.stats import poisson  # here, since it takes longer to import than the library

        low, high = (torch.as_tensor(poisson.ppf(q, self.rate.numpy())) for q in (0.025, 0.975))
        return Box(low, torch.maximum(high, low + 1))

    def sample(self, n: int, *, generator: torch.Generator | None = None) -> Tensor:
        """``n`` draws, shape ``(n, dim)``, float64, on the CPU."""
        require_count("n", n)
        return torch.poisson(self.rate.expand(n, -1), generator=generator)


class Product:
    """Independent unknowns, each block with a prior of its own, in the given order."""

    def __init__(self, *factors: Prior) -> None:
        if not factors:
            raise ValueError("Product: expected at least one prior")
        self.factors = factors
        self.dim = sum(factor.dim for factor in factors)

    def __repr__(self) -> str:
        return f"Product({', '.join(map(repr, self.factors))})"

    @property
    def bounds(self) -> Box:
        """The factors' ranges side by side."""
        boxes = [factor.bounds for factor in self.factors]
        return Box(torch.cat([box.low for box in boxes]), torch.cat([box.high for box in boxes]))

    def sample(self, n: int, *, generator: torch.Generator | None = None) -> Tensor:
        """``n`` draws, shape ``(n, dim)``, float64, on the CPU."""
        return torch.cat([factor.sample(n, generator=generator) for factor in self.factors], -1)


def _vector(name: str, values: Numbers) -> Tensor:
    vector = torch.as_tensor(values, dtype=torch.float64, device="cpu").clone()
    if vector.ndim != 1 or len(vector) == 0 or not bool(torch.isfinite(vector).all()):
        raise ValueError(f"{name}: expected a list of finite numbers, got {values}")
    return vector
