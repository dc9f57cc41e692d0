"""Where a law of torch begins and ends, and its density there and elsewhere, part by part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.distributions import (
    ComposeTransform,
    Distribution,
    Independent,
    MixtureSameFamily,
    Transform,
    TransformedDistribution,
    constraints,
)

__all__ = ["Part", "part_of", "put_back", "support_of"]


class Part:
    """A law of torch that is asked as it is, of any batch and event shape.

    It draws a point from torch's global generator, which stands in where there is no density: it
    is its caller's to seed it.
    """

    def __init__(self, law: Any) -> None:
        self.law = law
        self.one: Tensor = law.sample()

    def ends(self) -> tuple[Tensor, Tensor]:
        """Where the law begins and ends, in its shape; infinite where it does not."""
        low, high = _ends_of(support_of(self.law), self.one)
        return low.expand(self.one.shape), high.expand(self.one.shape)

    def log_prob(self, value: Tensor, eps: float) -> Tensor:
        """Log density, of the law's batch shape behind the leading axes; −∞ off its support.

        Args:
            value: points, of the law's shape behind the leading axes.
            eps: relative step of the numbers that they were rounded to.
        """
        support = support_of(self.law)
        if support is None:
            return self._logs(value)
        value = self._put_back(value, eps)
        there = support.check(value)
        usable = torch.where(_wide(there, value.ndim), value, self.one)
        return torch.where(there, self._logs(usable), -torch.inf)

    def _put_back(self, value: Tensor, eps: float) -> Tensor:
        """Points that rounding led over an end, or off the simplex, on it again."""
        if not value.is_floating_point():
            return value
        if _inner(support_of(self.law)) is not constraints.simplex:
            return put_back(value, self.ends(), eps)
        size = value.sum(-1, keepdim=True)
        off = ~constraints.simplex.check(value)[..., None]
        return torch.where(off & ((size - 1).abs() <= value.shape[-1] * eps), value / size, value)

    def _logs(self, value: Tensor) -> Tensor:
        """What the law says; row by row, and −∞ where it refuses, if it refuses one of them."""
        try:
            return self.law.log_prob(value)
        except ValueError:
            shape = self.one.shape
            value = value.expand(torch.broadcast_shapes(value.shape, shape))
        lead = value.shape[: value.ndim - len(shape)]
        rows = [self._or_nowhere(row) for row in value.reshape(-1, *shape)]
        logs = torch.stack(torch.broadcast_tensors(*rows))
        return logs.reshape(*lead, *logs.shape[1:])

    def _or_nowhere(self, row: Tensor) -> Tensor:
        try:
            return self.law.log_prob(row)
        except ValueError:
            nowhere = self.one if self.one.is_floating_point() else self.one.double()
            return nowhere.new_full(self.law.batch_shape, -torch.inf)


class _Beside(Part):
    """Independent laws side by side."""

    def __init__(self, law: Independent) -> None:
        super().__init__(law)
        self.base = part_of(law.base_dist)

    def ends(self) -> tuple[Tensor, Tensor]:
        return self.base.ends()

    def log_prob(self, value: Tensor, eps: float) -> Tensor:
        return _summed(self.base.log_prob(value, eps), value.ndim - len(self.law.event_shape))


class _Mixed(Part):
    """One of several laws of a family."""

    def __init__(self, law: MixtureSameFamily) -> None:
        super().__init__(law)
        self.component = part_of(law.component_distribution)
        self.axis = -1 - len(law.event_shape)

    def ends(self) -> tuple[Tensor, Tensor]:
        low, high = self.component.ends()
        return low.amin(self.axis), high.amax(self.axis)

    def log_prob(self, value: Tensor, eps: float) -> Tensor:
        each = self.component.log_prob(value.unsqueeze(self.axis), eps)
        weights = torch.log_softmax(self.law.mixture_distribution.logits, dim=-1)
        return torch.logsumexp(each + weights, dim=-1)


class _Transformed(Part):
    """A law whose draws are moved by transforms that can be undone."""

    def __init__(self, law: TransformedDistribution) -> None:
        super().__init__(law)
        self.base = part_of(law.base_dist)
        self.steps = list(_steps(law.transforms))
        self.monotone = all(_sign(step) is not None for step in self.steps)
        # a point that has a density before, between and behind the steps
        self.path = [self.base.one]
        for step in self.steps:
            self.path.append(step(self.path[-1]))

    def ends(self) -> tuple[Tensor, Tensor]:
        if not self.monotone:
            return super().ends()
        low, high = self.base.ends()
        for step in self.steps:
            low, high = _moved(step, low, high)
        return low, high

    def log_prob(self, value: Tensor, eps: float) -> Tensor:
        y = self._put_back(value, eps)
        axes = y.ndim - len(self.law.event_shape)  # those that are left in the end
        low, high = (end.to(y) for end in self.ends())
        within = (y > low) & (y < high)
        there = _all(within | (y == low) | (y == high), axes)
        growth = y.new_zeros(())
        for step, one in zip(self.steps[::-1], self.path[:0:-1], strict=True):
            there = there & _all(step.codomain.check(y), axes)
            y = torch.where(_wide(there, y.ndim), y, one)
            x = step.inv(y)
            growth = growth + _summed(step.log_abs_det_jacobian(x, y), axes)
            y = x
        y = self._within_base(y, within) if self.monotone else y
        logs = _summed(self.base.log_prob(y, eps), axes)
        # where both are infinite the difference says nothing
        return torch.where(there & (logs > -torch.inf), logs - growth, -torch.inf)

    def _within_base(self, x: Tensor, within: Tensor) -> Tensor:
        """What lies between the ends lies between those of the base too, whatever is rounded."""
        low, high = (end.to(x) for end in self.base.ends())
        inner = x.clamp(torch.nextafter(low, high), torch.nextafter(high, low))
        return torch.where(within, inner, x.clamp(low, high))


def part_of(law: Distribution) -> Part:
    """A law of torch, taken apart as far as it is made of others."""
    kind = type(law)
    if isinstance(law, Independent) and kind.log_prob is Independent.log_prob:
        return _Beside(law)
    if isinstance(law, MixtureSameFamily) and kind.log_prob is MixtureSameFamily.log_prob:
        return _Mixed(law)
    # those of a name, such as LogNormal, know their support
    unnamed = getattr(kind, "support", None) is TransformedDistribution.support
    if isinstance(law, TransformedDistribution) and unnamed:
        moved = kind.log_prob is TransformedDistribution.log_prob
        if moved and all(step.bijective for step in law.transforms):
            return _Transformed(law)
    return Part(law)


def support_of(law: Any) -> Any:
    """The support that a law of torch names, or None."""
    try:
        return law.support
    except (NotImplementedError, AttributeError):
        return None


def put_back(value: Tensor, ends: tuple[Tensor, Tensor], eps: float) -> Tensor:
    """Points that rounding led over an end of a law, just before that end.

    Args:
        value: the points.
        ends: lower and upper, in the shape of the law.
        eps: relative step of the numbers that they were rounded to.
    """
    low, high = (end.to(value) for end in ends)
    # before it: torch's uniform law leaves its upper end out
    inside = value.clamp(torch.nextafter(low, high), torch.nextafter(high, low))
    over = (value < low) | (value > high)
    return torch.where(over & ((inside - value).abs() <= eps * inside.abs()), inside, value)


def _inner(support: Any) -> Any:
    """The support of one of the numbers or vectors that a law is made of."""
    while hasattr(support, "base_constraint"):
        support = support.base_constraint
    return support


def _ends_of(support: Any, like: Tensor) -> tuple[Tensor, Tensor]:
    """Ends of a constraint of torch, in the dtype and on the device of a draw."""
    support = _inner(support)
    low = getattr(support, "lower_bound", -torch.inf)
    high = getattr(support, "upper_bound", torch.inf)
    if support in (constraints.boolean, constraints.simplex, constraints.one_hot):
        low, high = 0.0, 1.0
    dtype = like.dtype if like.is_floating_point() else torch.float64
    first, last = (
        torch.as_tensor(end, dtype=dtype, device=like.device).detach() for end in (low, high)
    )
    return first, last


def _steps(transforms: Sequence[Transform]) -> Iterator[Transform]:
    for transform in transforms:
        if isinstance(transform, ComposeTransform):
            yield from _steps(transform.parts)
        else:
            yield transform


def _sign(step: Transform) -> Any:
    """Whether a transform of single numbers rises or falls; None for one of vectors."""
    try:
        return step.sign
    except NotImplementedError:
        return None


def _moved(step: Transform, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    """Lower and upper end behind a monotone transform."""
    start, stop = _ends_of(step.domain, low)
    first, last = _ends_of(step.codomain, low)
    rising = torch.as_tensor(_sign(step), device=low.device) > 0
    # at the ends of its domain its own numbers are clipped, infinite or none
    one = torch.where(low <= start, torch.where(rising, first, last), step(low))
    other = torch.where(high >= stop, torch.where(rising, last, first), step(high))
    return torch.minimum(one, other), torch.maximum(one, other)


def _wide(mask: Tensor, axes: int) -> Tensor:
    """The mask with axes of length one behind, so many in all."""
    return mask.reshape(*mask.shape, *[1] * (axes - mask.ndim))


def _all(mask: Tensor, axes: int) -> Tensor:
    """Whether all is meant along the axes behind the first ``axes``."""
    return mask if mask.ndim <= axes else mask.flatten(axes).all(-1)


def _summed(logs: Tensor, axes: int) -> Tensor:
    """The sum over the axes behind the first ``axes``."""
    return logs if logs.ndim <= axes else logs.flatten(axes).sum(-1)
