"""A line search for each row, until the strong Wolfe conditions hold.

The method of Moré and Thuente (ACM Trans. Math. Softw. 20, 1994), which SciPy's BFGS uses too,
written for a batch: each row keeps an interval of steps, ``low`` (the best end) and ``high``,
and the next trial comes from a cubic or a quadratic through what was seen. One addition: a
trial that is NaN or infinite becomes the end of the interval, as if it were infinitely high.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["Search", "begin", "shorten", "wolfe"]

# Of Moré and Thuente: an interval has to shrink to this share within two trials, or it is halved.
SHRINK = 0.66
# How far beyond the last step a search without an upper end may look, in units of its last move.
NEAREST, FARTHEST = 1.1, 4.0
# Share of the distance that is kept after a trial that was not finite: the region may be near.
RETREAT = 0.25


class Point(NamedTuple):
    """A step along the line with the value and the slope found there, ``(n,)`` each."""

    step: Tensor
    value: Tensor
    slope: Tensor

    def less(self, tilt: Tensor) -> Point:
        """The point as seen on the function less ``tilt`` times the step."""
        return Point(self.step, self.value - tilt * self.step, self.slope - tilt)


class Search(NamedTuple):
    """The search of ``n`` rows; a field a row.

    Attributes:
        value, slope: at step zero, where the slope is negative.
        step: the trial to evaluate.
        low, high: ends of the interval, ``(n, 3)``: step, value, slope.
        bracketed: whether the interval holds a minimum.
        early: whether the search still looks for a sufficient decrease (the first stage).
        width, wider: length of the interval one and two trials ago.
        trials: evaluations so far.
    """

    value: Tensor
    slope: Tensor
    step: Tensor
    low: Tensor
    high: Tensor
    bracketed: Tensor
    early: Tensor
    width: Tensor
    wider: Tensor
    trials: Tensor


def begin(value: Tensor, slope: Tensor, step: Tensor) -> Search:
    """A search from ``value`` and ``slope`` at step zero; its first trial is ``step``. ``(n,)``."""
    origin = torch.stack((torch.zeros_like(step), value, slope), 1)
    bracketed = torch.zeros_like(step, dtype=torch.bool)
    endless = torch.full_like(step, torch.inf)
    trials = torch.zeros_like(step, dtype=torch.long)
    return Search(
        value, slope, step, origin, origin, bracketed, ~bracketed, endless, endless, trials
    )


def wolfe(search: Search, value: Tensor, slope: Tensor, c1: float, c2: float) -> Tensor:
    """Rows whose trial meets both strong Wolfe conditions, ``(n,)``; NaN meets none."""
    enough = value <= search.value + c1 * search.step * search.slope
    return enough & (slope.abs() <= -c2 * search.slope)


def shorten(
    search: Search, value: Tensor, slope: Tensor, finite: Tensor, c1: float
) -> tuple[Search, Tensor]:
    """The search with its next trial, after a trial with ``value`` and ``slope`` was refused.

    Returns:
        The search, and the rows whose interval has become too short to hold another step.
    """
    trial = Point(search.step, value, slope)
    tilt = c1 * search.slope
    decreased = value <= search.value + tilt * search.step
    early = search.early & ~(decreased & (slope >= 0))
    low, high = Point(*search.low.unbind(1)), Point(*search.high.unbind(1))
    # Until the decrease suffices, steps are chosen on the function less its required slope.
    tilt = torch.where(early & (value <= low.value) & ~decreased, tilt, 0.0)
    bent_low, bent_high, bent_trial = (p.less(tilt) for p in (low, high, trial))
    higher = ~finite | (bent_trial.value > bent_low.value)
    opposed = ~higher & (bent_trial.slope * bent_low.slope < 0)
    step = _candidate(bent_low, bent_high, bent_trial, higher, opposed, search.bracketed)
    step = torch.where(finite, step, low.step + RETREAT * (trial.step - low.step))

    latest = torch.stack((trial.step, torch.where(finite, value, torch.inf), slope), 1)
    ends_at_low = torch.where(opposed[:, None], search.low, search.high)
    high_end = torch.where(higher[:, None], latest, ends_at_low)
    low_end = torch.where(higher[:, None], search.low, latest)
    bracketed = search.bracketed | higher | opposed
    return _confine(
        search._replace(low=low_end, high=high_end, bracketed=bracketed, early=early), step, finite
    )


def _candidate(
    low: Point, high: Point, trial: Point, higher: Tensor, opposed: Tensor, bracketed: Tensor
) -> Tensor:
    """The next step by interpolation: the four cases of Moré and Thuente's section 4."""
    flatter = ~higher & ~opposed & (trial.slope.abs() <= low.slope.abs())
    steeper = ~(higher | opposed | flatter)
    partner = Point(*(torch.where(steeper, b, a) for a, b in zip(low, high, strict=True)))
    cubic, share = _cubic(partner, trial)
    move = low.step - trial.step
    secant = trial.step + trial.slope / (trial.slope - low.slope) * move
    gap = (low.value - trial.value) / -move + low.slope
    quadratic = low.step - low.slope / gap / 2 * move
    near = (cubic - low.step).abs() < (quadratic - low.step).abs()
    step_higher = torch.where(near, cubic, (cubic + quadratic) / 2)

    beyond = (cubic - trial.step).abs() > (secant - trial.step).abs()
    step_opposed = torch.where(beyond, cubic, secant)

    nearest, farthest = _reach(low.step, high.step, trial.step, bracketed)
    limit = torch.where(trial.step > low.step, farthest, nearest)
    ahead = torch.where(share < 0, cubic, limit)
    closer = (ahead - trial.step).abs() < (secant - trial.step).abs()
    step_flatter = torch.where(closer == bracketed, ahead, secant)
    # keep clear of the far end, so that the interval shrinks
    guard = trial.step + SHRINK * (high.step - trial.step)
    guarded = torch.where(
        trial.step > low.step, step_flatter.minimum(guard), step_flatter.maximum(guard)
    )
    within = step_flatter.maximum(nearest).minimum(farthest)
    step_flatter = torch.where(bracketed, guarded, within)

    halfway = (trial.step + high.step) / 2
    inside = torch.where(high.value.isfinite(), cubic, halfway)
    step_steeper = torch.where(bracketed, inside, limit)

    step = torch.where(opposed, step_opposed, torch.where(flatter, step_flatter, step_steeper))
    return torch.where(higher, step_higher, step)


def _cubic(a: Point, b: Point) -> tuple[Tensor, Tensor]:
    """Minimum of the cubic through two points, and its share of the way from ``b`` to ``a``."""
    distance = b.step - a.step
    theta = 3 * (a.value - b.value) / distance + a.slope + b.slope
    # scaled, because the squares of slopes overflow long before the slopes do
    scale = torch.stack((theta.abs(), a.slope.abs(), b.slope.abs())).amax(0)
    radicand = (theta / scale).square() - (a.slope / scale) * (b.slope / scale)
    root = scale * radicand.clamp_min(0).sqrt()
    root = torch.where(distance > 0, -root, root)
    share = (root - b.slope + theta) / (2 * root - b.slope + a.slope)
    # the share is negative for a minimum beyond b, which a cubic without turning points lacks
    return b.step - share * distance, torch.where(root == 0, 1.0, share)


def _reach(low: Tensor, high: Tensor, step: Tensor, bracketed: Tensor) -> tuple[Tensor, Tensor]:
    """Smallest and largest next step: the interval, or a multiple of the last move."""
    move = step - low
    # a first move, from zero, may also be shortened
    least = torch.where(low == 0, low, step + NEAREST * move)
    nearest = torch.where(bracketed, torch.minimum(low, high), least)
    farthest = torch.where(bracketed, torch.maximum(low, high), step + FARTHEST * move)
    return nearest, farthest


def _confine(search: Search, step: Tensor, finite: Tensor) -> tuple[Search, Tensor]:
    """Keep the step inside the interval, halve one that shrinks slowly, and spot a used-up one."""
    low, high = search.low[:, 0], search.high[:, 0]
    length = (high - low).abs()
    slow = search.bracketed & finite & (length >= SHRINK * search.wider)
    step = torch.where(slow, (low + high) / 2, step)
    wider = torch.where(search.bracketed, search.width, search.wider)
    width = torch.where(search.bracketed, length, search.width)
    smallest, largest = torch.minimum(low, high), torch.maximum(low, high)
    # the precision of a step is that of the numbers it is stored in
    short = length <= 4 * torch.finfo(step.dtype).eps * largest
    used_up = search.bracketed & ((step <= smallest) | (step >= largest) | short)
    used_up = used_up | ~step.isfinite()
    trials = search.trials + 1
    return search._replace(step=step, width=width, wider=wider, trials=trials), used_up
