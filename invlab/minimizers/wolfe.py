"""A line search for each row, until the strong Wolfe conditions hold.

The method of Moré and Thuente (ACM Trans. Math. Softw. 20, 1994), which SciPy's BFGS uses too,
written for a batch: each row keeps an interval of steps, ``low`` (the best end) and ``high``,
and the next trial comes from a cubic or a quadratic through what was seen. One addition: a
trial that is NaN or infinite becomes the end of the interval, as if it were infinitely high.

All rows go through all cases, and each keeps what its own case gives; divisions by zero in the
others are nobody's concern, so that callers silence NumPy's warnings of them.
"""

from __future__ import annotations

from typing import NamedTuple

from invlab.minimizers import arrays
from invlab.minimizers.arrays import Array

__all__ = ["Search", "begin", "enough", "shorten", "wolfe"]

# Of Moré and Thuente: an interval has to shrink to this share within two trials, or it is halved.
SHRINK = 0.66
# How far beyond the last step a search without an upper end may look, in units of its last move.
NEAREST, FARTHEST = 1.1, 4.0
# Share of the distance that is kept after a trial that was not finite: the region may be near.
RETREAT = 0.25


class Point(NamedTuple):
    """A step along the line with the value and the slope found there, ``(n,)`` each."""

    step: Array
    value: Array
    slope: Array

    def less(self, tilt: Array) -> Point:
        """The point as seen on the function less ``tilt`` times the step."""
        return Point(self.step, self.value - tilt * self.step, self.slope - tilt)

    def where(self, mask: Array, other: Point) -> Point:
        """This point in the rows of the mask ``(n,)``, the other in the rest."""
        xp = arrays.namespace(mask)
        return Point(*(xp.where(mask, a, b) for a, b in zip(self, other, strict=True)))


class Search(NamedTuple):
    """The search of ``n`` rows; a field a row.

    Attributes:
        value, slope: at step zero, where the slope is negative.
        step: the trial to evaluate.
        low_step, low_value, low_slope: the best end of the interval.
        high_step, high_value, high_slope: its other end.
        bracketed: whether the interval holds a minimum.
        early: whether the search still looks for a sufficient decrease (the first stage).
        width, wider: length of the interval one and two trials ago.
        trials: evaluations so far.
    """

    value: Array
    slope: Array
    step: Array
    low_step: Array
    low_value: Array
    low_slope: Array
    high_step: Array
    high_value: Array
    high_slope: Array
    bracketed: Array
    early: Array
    width: Array
    wider: Array
    trials: Array

    @property
    def low(self) -> Point:
        """The best end of the interval."""
        return Point(self.low_step, self.low_value, self.low_slope)

    @property
    def high(self) -> Point:
        """Its other end."""
        return Point(self.high_step, self.high_value, self.high_slope)


def begin(value: Array, slope: Array, step: Array) -> Search:
    """A search from ``value`` and ``slope`` at step zero; its first trial is ``step``. ``(n,)``."""
    xp = arrays.namespace(step)
    zero, endless = xp.zeros_like(step), xp.full_like(step, xp.inf)
    early = zero == 0
    return Search(
        value, slope, step, zero, value, slope, zero, value, slope,
        ~early, early, endless, endless, zero,
    )  # fmt: skip


def enough(search: Search, value: Array, c1: float) -> Array:
    """Rows whose trial decreases the objective sufficiently, ``(n,)``; NaN does not."""
    return value <= search.value + c1 * search.step * search.slope


def wolfe(search: Search, value: Array, slope: Array, c1: float, c2: float) -> Array:
    """Rows whose trial meets both strong Wolfe conditions, ``(n,)``; NaN meets none."""
    return enough(search, value, c1) & (abs(slope) <= -c2 * search.slope)


def shorten(
    search: Search, value: Array, slope: Array, finite: Array, c1: float
) -> tuple[Search, Array]:
    """The search with its next trial, after a trial with ``value`` and ``slope`` was refused.

    Returns:
        The search, and the rows whose interval has become too short to hold another step.
    """
    xp = arrays.namespace(value)
    value = xp.where(finite, value, xp.inf)
    trial, low, high = Point(search.step, value, slope), search.low, search.high
    decreased = enough(search, value, c1)
    early = search.early & ~(decreased & (slope >= 0))
    # Until the decrease suffices, steps are chosen on the function less its required slope.
    tilt = xp.where(early & (value <= low.value) & ~decreased, c1 * search.slope, 0.0)
    bent_low, bent_high, bent_trial = (p.less(tilt) for p in (low, high, trial))
    higher = bent_trial.value > bent_low.value
    opposed = ~higher & (bent_trial.slope * bent_low.slope < 0)
    step = _candidate(bent_low, bent_high, bent_trial, higher, opposed, search.bracketed)
    step = xp.where(finite, step, low.step + RETREAT * (trial.step - low.step))

    high = trial.where(higher, low.where(opposed, high))
    low = low.where(higher, trial)
    bracketed = search.bracketed | higher | opposed
    return _confine(search, low, high, bracketed, early, step, finite)


def _candidate(
    low: Point, high: Point, trial: Point, higher: Array, opposed: Array, bracketed: Array
) -> Array:
    """The next step by interpolation: the four cases of Moré and Thuente's section 4."""
    xp = arrays.namespace(bracketed)
    across = higher | opposed
    steeper = ~across & ~(abs(trial.slope) <= abs(low.slope))
    cubic, share = _cubic(high.where(steeper, low), trial)
    move = low.step - trial.step
    secant = trial.step + trial.slope / (trial.slope - low.slope) * move
    gap = (low.value - trial.value) / -move + low.slope
    quadratic = low.step - low.slope / gap / 2 * move
    near = abs(cubic - low.step) < abs(quadratic - low.step)
    step_higher = xp.where(near, cubic, (cubic + quadratic) / 2)

    cubic_move, secant_move = abs(cubic - trial.step), abs(secant - trial.step)
    step = xp.where(cubic_move > secant_move, cubic, secant)  # where the slopes are opposed
    step = xp.where(higher, step_higher, step)
    if across.all():
        return step
    onward = _onward(low.step, high, trial.step, bracketed, cubic, share, secant, steeper)
    return xp.where(across, step, onward)


def _onward(
    low: Array,
    high: Point,
    trial: Array,
    bracketed: Array,
    cubic: Array,
    share: Array,
    secant: Array,
    steeper: Array,
) -> Array:
    """The next step where the trial is lower and slopes the same way: cases three and four."""
    xp = arrays.namespace(trial)
    nearest, farthest = _reach(low, high.step, trial, bracketed)
    up = trial > low
    limit = xp.where(up, farthest, nearest)
    ahead = xp.where(share < 0, cubic, limit)
    closer = abs(ahead - trial) < abs(secant - trial)
    flatter = xp.where(closer == bracketed, ahead, secant)
    # keep clear of the far end, so that the interval shrinks
    guard = trial + SHRINK * (high.step - trial)
    guarded = xp.where(up, xp.minimum(flatter, guard), xp.maximum(flatter, guard))
    within = xp.minimum(xp.maximum(flatter, nearest), farthest)
    flatter = xp.where(bracketed, guarded, within)

    halfway = (trial + high.step) / 2
    inside = xp.where(xp.isfinite(high.value), cubic, halfway)
    return xp.where(steeper, xp.where(bracketed, inside, limit), flatter)


def _cubic(a: Point, b: Point) -> tuple[Array, Array]:
    """Minimum of the cubic through two points, and its share of the way from ``b`` to ``a``."""
    xp = arrays.namespace(b.step)
    distance = b.step - a.step
    theta = 3 * (a.value - b.value) / distance + a.slope + b.slope
    # scaled, because the squares of slopes overflow long before the slopes do
    scale = xp.maximum(abs(theta), xp.maximum(abs(a.slope), abs(b.slope)))
    ratio = theta / scale
    radicand = ratio * ratio - (a.slope / scale) * (b.slope / scale)
    root = scale * xp.sqrt(xp.where(radicand < 0, 0.0, radicand))
    root = xp.where(distance > 0, -root, root)
    share = (root - b.slope + theta) / (2 * root - b.slope + a.slope)
    # the share is negative for a minimum beyond b, which a cubic without turning points lacks
    return b.step - share * distance, xp.where(root == 0, 1.0, share)


def _reach(low: Array, high: Array, step: Array, bracketed: Array) -> tuple[Array, Array]:
    """Smallest and largest next step: the interval, or a multiple of the last move."""
    xp = arrays.namespace(step)
    move = step - low
    # a first move, from zero, may also be shortened
    least = xp.where(low == 0, low, step + NEAREST * move)
    nearest = xp.where(bracketed, xp.minimum(low, high), least)
    farthest = xp.where(bracketed, xp.maximum(low, high), step + FARTHEST * move)
    return nearest, farthest


def _confine(
    search: Search,
    low: Point,
    high: Point,
    bracketed: Array,
    early: Array,
    step: Array,
    finite: Array,
) -> tuple[Search, Array]:
    """Keep the step inside the interval, halve one that shrinks slowly, and spot a used-up one."""
    xp = arrays.namespace(step)
    length = abs(high.step - low.step)
    slow = bracketed & finite & (length >= SHRINK * search.wider)
    step = xp.where(slow, (low.step + high.step) / 2, step)
    wider = xp.where(bracketed, search.width, search.wider)
    width = xp.where(bracketed, length, search.width)
    smallest, largest = xp.minimum(low.step, high.step), xp.maximum(low.step, high.step)
    # the precision of a step is that of the numbers it is stored in
    short = length <= 4 * xp.finfo(step.dtype).eps * largest
    used_up = bracketed & ((step <= smallest) | (step >= largest) | short)
    used_up = used_up | ~xp.isfinite(step)
    ends = (*low, *high, bracketed, early)
    return Search(search.value, search.slope, step, *ends, width, wider, search.trials + 1), used_up
