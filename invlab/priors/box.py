"""What a prior must offer, and the simplest one: the uniform law on a box."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from invlab.validation import (
    native,
    require_count,
    require_generator,
    require_numbers,
    require_points,
)

__all__ = [
    "FAR",
    "Box",
    "Law",
    "Numbers",
    "Prior",
    "certain_box",
    "ends_of",
    "integer_mask",
    "is_bounded",
    "nearest_whole",
    "vector",
    "whole_edges",
    "widest_box",
]

Numbers = Sequence[float] | np.ndarray | Tensor

# In place of an end that is not there; in reach of float32, with the width of the box.
FAR = 1e38

# Share of its value that a box leaves on both sides of an unknown that does not vary.
ROOM = 1e-6


@runtime_checkable
class Prior(Protocol):
    """What a prior must offer: its dimension, its 95 % range and its samples.

    Those of invlab offer more: ``log_prob(x)`` where there is a density, ``(..., dim)`` to
    ``(...)``; the mask ``integer`` of unknowns that are whole numbers; ``bounded``, whether
    no draw leaves ``bounds``; and ``ends``, which may be on one side alone. Ask any prior by
    :func:`integer_mask`, :func:`is_bounded` and :func:`certain_box`.
    """

    dim: int

    @property
    def bounds(self) -> Box:
        """The box itself for a bounded prior; else the central 95 % range of each unknown."""

    def sample(self, n: int, *, generator: torch.Generator | None = None) -> Tensor:
        """``n`` draws, shape ``(n, dim)``, float64, on the CPU."""


class Law:
    """What holds for the priors of this package unless they say otherwise."""

    dim: int
    bounded: bool = False

    @property
    def integer(self) -> Tensor:
        """Which unknowns are whole numbers, as a mask ``(dim,)``, here none."""
        return torch.zeros(self.dim, dtype=torch.bool, device="cpu")

    @property
    def ends(self) -> tuple[Tensor, Tensor]:
        """Below and above which there is no draw, ``(dim,)`` each; infinite where there may be."""
        if self.bounded:
            edges: Box = self.bounds  # type: ignore[attr-defined]
            return edges.low, edges.high
        return _no_ends(self.dim)


class Box(Law):
    """The uniform law on a box ``low <= x <= high``.

    Args:
        low: lower corner, ``dim`` numbers in the units of x.
        high: upper corner.

    Raises:
        ValueError: corners of different length, not finite, or ``low >= high`` somewhere.

    Example:
        >>> import torch
        >>> import invlab
        >>> box = invlab.Box([0.0, 1.0], [2.0, 5.0])
        >>> box.center.tolist(), box.width.tolist()
        ([1.0, 3.0], [2.0, 4.0])
        >>> box.contains(torch.tensor([[1.0, 2.0], [3.0, 2.0]])).tolist()
        [True, False]
        >>> tuple(box.sample(10).shape)
        (10, 2)
    """

    bounded = True

    def __init__(self, low: Numbers, high: Numbers) -> None:
        self.low = vector("low", low)
        self.high = vector("high", high)
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

        An unknown that does not vary gets a millionth of its value as room on both sides, since a
        box needs some width.
        """
        low, high = (edge.double().cpu() for edge in (x.detach().amin(0), x.detach().amax(0)))
        # zero has no size to take a share of, and a share of the smallest numbers is none
        size = torch.where(low == 0, 1.0, low.abs())
        room = (low == high) * (ROOM * size).clamp_min(torch.finfo(torch.float64).tiny)
        return cls(low - room, high + room)

    def __repr__(self) -> str:
        low, high = self.ends
        return f"{type(self).__name__}({low.tolist()}, {high.tolist()})"

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

    @property
    def ends(self) -> tuple[Tensor, Tensor]:
        """The edges, ``(dim,)`` each; infinite where one stands ``FAR`` away and is not there."""
        low = self.low.masked_fill(self.low <= -FAR, -torch.inf)
        return low, self.high.masked_fill(self.high >= FAR, torch.inf)

    @property
    def closed(self) -> bool:
        """Whether every edge is there."""
        low, high = self.ends
        return bool((low.isfinite() & high.isfinite()).all())

    def contains(self, x: Tensor) -> Tensor:
        """Which rows of ``x``, shape ``(..., dim)``, lie in the box or on it: ``(...)``.

        Raises:
            ValueError: ``x`` is of another dimension; so do ``clip`` and ``log_prob``.
        """
        x = require_points("Box: x", x, self.dim)
        return ((x >= self.low.to(x)) & (x <= self.high.to(x))).all(-1)

    def clip(self, x: Tensor) -> Tensor:
        """The nearest point of the box for each row of ``x``, shape ``(..., dim)``."""
        x = require_points("Box: x", x, self.dim)
        return torch.clamp(x, self.low.to(x), self.high.to(x))

    def sample(self, n: int, *, generator: torch.Generator | None = None) -> Tensor:
        """``n`` uniform draws, shape ``(n, dim)``, float64, on the CPU."""
        shape = (require_count("n", n), self.dim)
        require_generator("generator", generator)
        unit = torch.rand(shape, generator=generator, dtype=torch.float64, device="cpu")
        return self.low + unit * self.width

    def log_prob(self, x: Tensor) -> Tensor:
        """Log density at ``x``, ``(..., dim)`` to ``(...)``; −∞ outside."""
        x = require_points("Box: x", x, self.dim)
        level = -self.width.log().sum().to(x)
        return torch.where(self.contains(x), level, -torch.inf)


def integer_mask(prior: Any) -> Tensor:
    """Which unknowns of a prior are whole numbers: a mask ``(dim,)``; none if it does not say."""
    mask = getattr(prior, "integer", None)
    if mask is None:
        return torch.zeros(prior.dim, dtype=torch.bool, device="cpu")
    return torch.as_tensor(native(mask), dtype=torch.bool, device="cpu")


def nearest_whole(x: Tensor, whole: Tensor) -> Tensor:
    """x ``(..., dim)`` with the nearest whole number where the mask ``whole`` ``(dim,)`` is set."""
    # zero is added since the nearest to -0.2 is -0
    return torch.where(whole.to(x.device), x.round() + 0.0, x)


def whole_edges(box: Box, whole: Tensor) -> tuple[Tensor, Tensor]:
    """Lower and upper edge of a box, ``(dim,)`` each, moved in to whole numbers where masked.

    Raises:
        ValueError: no whole number lies between them.
    """
    low = torch.where(whole, box.low.ceil(), box.low)
    high = torch.where(whole, box.high.floor(), box.high)
    if bool((low > high).any()):
        raise ValueError(f"bounds: expected room for a whole number, but none lies in {box}")
    return low, high


def is_bounded(prior: Any) -> bool:
    """Whether no draw leaves the prior's ``bounds``; no if it does not say."""
    return bool(getattr(prior, "bounded", False))


def ends_of(prior: Any) -> tuple[Tensor, Tensor]:
    """The ``ends`` of a prior; those of its range if it says no more than that it is bounded."""
    if hasattr(prior, "ends"):
        low, high = prior.ends
        return low, high
    return (prior.bounds.low, prior.bounds.high) if is_bounded(prior) else _no_ends(prior.dim)


def widest_box(prior: Any) -> Box:
    """Where draws can lie at all; an end that is not there stands at ``FAR``."""
    low, high = ends_of(prior)
    return Box(low.clamp_min(-FAR), high.clamp_max(FAR))


def certain_box(prior: Any) -> Box | None:
    """The :func:`widest_box` of a prior, None if it has no end at all."""
    low, high = ends_of(prior)
    return widest_box(prior) if bool((low.isfinite() | high.isfinite()).any()) else None


def _no_ends(dim: int) -> tuple[Tensor, Tensor]:
    none = torch.full((dim,), torch.inf, dtype=torch.float64, device="cpu")
    return -none, none


def vector(name: str, values: Any) -> Tensor:
    """Finite numbers as a float64 tensor on the CPU, a copy; one number stands for itself.

    Raises:
        TypeError, ValueError: not a list of finite numbers.
    """
    # corners are met in searches, which differentiate
    with torch.inference_mode(False):
        numbers = require_numbers(name, values).clone()
    if numbers.ndim == 0:  # a single unknown
        numbers = numbers[None]
    if numbers.ndim != 1 or len(numbers) == 0 or not bool(torch.isfinite(numbers).all()):
        raise ValueError(f"{name}: expected a list of finite numbers, got {values}")
    return numbers
