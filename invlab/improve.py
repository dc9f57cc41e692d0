"""Improve guesses, through a surrogate or the simulator: a few Gauss–Newton steps, or BFGS."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import torch
from torch import Tensor

from invlab import runtime
from invlab.metrics.effects import require_gradient
from invlab.minimizers import minimize
from invlab.minimizers.gauss_newton import gauss_newton, residual
from invlab.minimizers.reparametrization import XScale, default_x_scale
from invlab.priors import Box
from invlab.priors.box import nearest_whole, whole_edges
from invlab.surrogates.regression import Surrogate
from invlab.task import Task
from invlab.validation import (
    batch_shape,
    require_axes,
    require_flag,
    require_number,
    require_same_length,
    require_tensor,
)

__all__ = [
    "differences",
    "surrogate_error",
    "rank",
    "refine",
    "refine_bfgs",
    "refine_on_surrogate",
    "spread",
    "squared_distance",
]

# How the simulator sees a point of a search, (M, dx) to (M, dx).
Seen = Callable[[Tensor], Tensor]
# Draws of the prior that the unit of y is taken from.
DRAWS = 64
# With up to so many unknowns that are whole numbers, each is tried rounded up and down.
CORNERS = 4


@runtime.differentiable()
def surrogate_error(surrogate: Surrogate, x: Tensor, y: Tensor) -> Tensor:
    """The error that a surrogate sees: mean over its members, in its scaled units of y squared.

    Args:
        surrogate: f̂.
        x: guesses, ``(B, T, dx)``.
        y: targets, ``(B, *dy)``.

    Returns:
        ``(B, T)``, what :func:`rank` sorts guesses by without a call of the simulator.
    """
    _require_fit(surrogate, x, y)
    with torch.no_grad():
        goal = surrogate.outputs(y.flatten(1)).float()[:, None]
        seen = _seen(surrogate, _at_least_single(x).flatten(0, 1)).unflatten(0, x.shape[:2])
    return (seen.float() - goal).square().mean(2)


@runtime.differentiable()
def refine_on_surrogate(
    surrogate: Surrogate, x: Tensor, y: Tensor, *, steps: int = 2, max_step: float = 0.5
) -> Tensor:
    """A few Gauss–Newton steps through a surrogate, for the guesses of any sampler.

    Args:
        surrogate: f̂.
        x: guesses, ``(B, T, dx)``.
        y: targets, ``(B, *dy)``.
        steps, max_step: see :func:`~invlab.minimizers.gauss_newton.gauss_newton`; a step is
            counted in the surrogate's scaled x.

    Returns:
        ``(B, T, dx)`` in the dtype of x, none worse than before as the surrogate sees it.

    Raises:
        TypeError, ValueError: sizes that do not fit the surrogate, or a step not above zero.
    """
    _require_fit(surrogate, x, y)
    _require_step(max_step)
    flat = _at_least_single(runtime.normal_tensor(x)).flatten(0, 1)
    goal = surrogate.outputs(runtime.normal_tensor(y).flatten(1)).to(flat)
    better, _ = gauss_newton(
        lambda x: _seen(surrogate, x),
        flat,
        goal.repeat_interleave(x.shape[1], 0),
        x_scale=surrogate.inputs.scale,
        steps=steps,
        max_step=max_step,
    )
    return better.unflatten(0, x.shape[:2]).to(x.dtype)


def rank(x: Tensor, error: Tensor) -> Tensor:
    """Guesses of each target, best first: ``(B, T, dx)`` by ``(B, T)``.

    Raises:
        ValueError: not one error a guess.

    Example:
        >>> import torch
        >>> import invlab
        >>> x = torch.tensor([[[1.0], [2.0], [3.0]]])  # three guesses for one target
        >>> error = torch.tensor([[0.5, 0.1, 0.3]])
        >>> invlab.rank(x, error).flatten().tolist()
        [2.0, 3.0, 1.0]
    """
    require_same_length(x=x, error=error)
    if x.ndim != 3 or error.shape != x.shape[:2]:
        raise ValueError(
            "rank: expected guesses (B, T, dx) and an error for each, (B, T), got "
            f"{tuple(x.shape)} and {tuple(error.shape)}"
        )
    order = error.argsort(dim=1, stable=True)
    return x.take_along_dim(order[..., None], 1)


@runtime.differentiable()
def refine(
    task: Task,
    x: Tensor,
    y: Tensor,
    c: Tensor | None = None,
    *,
    steps: int = 10,
    max_step: float = 0.5,
    bounded: bool = False,
) -> Tensor:
    """Polish guesses on the true simulator; none gets worse.

    Unknowns that the prior has as whole numbers come back whole: what a search between them found
    is rounded, the best of the roundings by re-simulation is kept, and the other unknowns are
    polished once more beside it. Not to be worse is then meant from the guess, rounded.

    Args:
        task: differentiable, which a simulation of the first guess has to show. A step costs a
            guess one simulation with its derivative an unknown; or one simulation and a backward
            pass a number of y, where these are no more than the unknowns. The length of the
            context does not matter.
        x: guesses, ``(B, T, dx)``, float32 or float64, which reaches machine precision.
        y: targets, ``(B, *dy)``, in any unit, taken in the dtype of x.
        c: contexts, ``(B, dc)``, where the task has one, taken in the dtype of x.
        steps, max_step: see :func:`~invlab.minimizers.gauss_newton.gauss_newton`; a step is
            counted in widths of the task's box.
        bounded: whether answers stay in the task's ``answer_box``, if it has one. A guess outside
            is first moved to the nearest point of it, and not to be worse is then meant from there.

    Returns:
        ``(B, T, dx)``, without a graph.

    Raises:
        ValueError: the task says that it is noisy, or ``differentiable=False``, or its simulator
            has no gradient though it says nothing; a context is missing or needless, shapes do not
            fit, or a step is not above zero.

    Example:
        >>> import torch
        >>> import invlab
        >>> task = invlab.get_task("square")  # y = x²
        >>> rough = torch.tensor([[[4.0], [-6.0]]], dtype=torch.float64)
        >>> x = invlab.refine(task, rough, torch.tensor([[25.0]]))
        >>> [round(value, 6) for value in x.flatten().tolist()]
        [5.0, -5.0]
    """
    _require("refine", task, x, y, c)
    _require_step(max_step)
    box = task.answer_box if require_flag("bounded", bounded) else None
    flat, targets, contexts = _one_row_a_guess(x.detach(), y, c, box)
    require_slope(task, flat, contexts)

    def search(start: Tensor, seen: Seen) -> Tensor:
        better, _ = gauss_newton(
            lambda x, *given: _like_targets(task.traced(seen(x), *given), y),
            start,
            targets.flatten(1).to(flat),
            contexts,
            x_scale=task.box.width.to(flat),
            steps=steps,
            max_step=max_step,
            box=box,
        )
        return better

    def error(x: Tensor) -> Tensor:
        return _squared_error(task, x, targets, contexts)

    return _whole_where_due(task, flat, search, error, box).unflatten(0, x.shape[:2])


@runtime.differentiable()
def refine_bfgs(
    task: Task,
    x: Tensor,
    y: Tensor,
    c: Tensor | None = None,
    *,
    x_scale: XScale | None = None,
    y_scale: float | None = None,
    bounded: bool = True,
    gtol: float = 1e-5,
    maxiter: int | None = None,
) -> Tensor:
    """Bring guesses into the nearest minimum of :func:`squared_distance` by BFGS; none gets worse.

    Where :func:`refine` asks for an exact answer and takes the shortest way there, this also
    settles where noise or too few unknowns leave none, and it sees the squared distance alone.
    Unknowns that are whole numbers come back whole, as there.

    Args:
        task: differentiable; all guesses run through its simulator together, in float64.
        x: guesses, ``(B, T, dx)``. One that is NaN stays so.
        y: targets, ``(B, *dy)``.
        c: contexts, ``(B, dc)``, where the task has one.
        x_scale: length of x that counts as one, and about the length of the first step; see
            :class:`~invlab.minimizers.reparametrization.Reparametrization`. If not given, a tenth
            of the half-width of the task's box.
        y_scale: length of y that counts as one. If not given, its :func:`spread` over 64 draws of
            the prior, which are simulated for that.
        bounded: whether answers stay in the task's ``answer_box``, if it has one. A guess outside
            is first moved to the nearest point of it, and not to be worse is then meant from there.
        gtol: see :func:`invlab.minimize`, of the squared distance in units of ``y_scale``.
        maxiter: see :func:`invlab.minimize`.

    Returns:
        ``(B, T, dx)`` in the dtype of x.

    Raises:
        ValueError: the task says that it is noisy, or ``differentiable=False``, or its simulator
            has no gradient though it says nothing; a context is missing or needless, or shapes do
            not fit.

    Example:
        >>> import torch
        >>> import invlab
        >>> def ray(x):
        ...     return torch.cat([x, 2 * x], -1)
        >>> task = invlab.Task("ray", ray, invlab.Box([-5.0], [5.0]))
        >>> rough, y = torch.tensor([[[4.0]]], dtype=torch.float64), torch.tensor([[1.0, 1.0]])
        >>> round(invlab.refine_bfgs(task, rough, y).item(), 3)  # no x gives y: the nearest
        0.6
    """
    _require("refine_bfgs", task, x, y, c)
    box = task.answer_box if require_flag("bounded", bounded) else None
    start, targets, contexts = _one_row_a_guess(x.detach().double(), y, c, box)
    require_slope(task, start, contexts)
    y_scale = _spread_of(task) if y_scale is None else y_scale
    fun = squared_distance(task, targets, contexts, y_scale=y_scale)
    x_scale = default_x_scale(task.box) if x_scale is None else x_scale

    def search(start: Tensor, seen: Seen) -> Tensor:
        def distance(x: Tensor, rows: Tensor) -> Tensor:
            return fun(seen(x), rows)

        found = minimize(distance, start, bounds=box, x_scale=x_scale, gtol=gtol, maxiter=maxiter)
        return torch.where((found.fun < error(start))[:, None], found.x, start)

    def error(x: Tensor) -> Tensor:
        with torch.no_grad():
            return fun(x.clone(), torch.arange(len(x), device=x.device))

    better = _whole_where_due(task, start, search, error, box)
    return better.to(x.dtype).unflatten(0, x.shape[:2])


def squared_distance(
    task: Task, y: Tensor, c: Tensor | None = None, *, y_scale: float = 1.0
) -> Callable[[Tensor, Tensor], Tensor]:
    """The objective ``Σ ((f(x, c) − y) / y_scale)²`` of each target, for :func:`invlab.minimize`.

    Args:
        task: gives the simulator f.
        y: targets, ``(B, *dy)``.
        c: contexts, ``(B, dc)``, where the task has one.
        y_scale: length of y that counts as one, such as its :func:`spread`. A tolerance of a
            search is absolute: without it, what the tolerance means depends on the unit of y.

    Returns:
        A function of unknowns ``(n, dx)`` and the numbers of their rows ``(n,)``, to ``(n,)`` in
        units of ``y_scale`` squared and the dtype of the unknowns.

    Raises:
        ValueError: a ``y_scale`` that is not a finite number above zero.
    """
    apart = differences(task, y, c, y_scale=y_scale)

    def fun(x: Tensor, rows: Tensor) -> Tensor:
        return apart(x, rows).square().sum(1)

    return fun


def differences(
    task: Task, y: Tensor, c: Tensor | None = None, *, y_scale: float = 1.0
) -> Callable[[Tensor, Tensor], Tensor]:
    """The residuals ``(f(x, c) − y) / y_scale`` of each target, for least squares.

    Args:
        task, y, c, y_scale: as for :func:`squared_distance`, which is the sum of their squares.

    Returns:
        A function of unknowns ``(n, dx)`` and the numbers of their rows ``(n,)``, to ``(n, dy)``.

    Raises:
        ValueError: a ``y_scale`` that is not a finite number above zero.
    """
    goal = y.flatten(1)
    y_scale = require_number("y_scale", y_scale)
    if not 0 < y_scale < math.inf:
        raise ValueError(f"y_scale: expected a finite number above 0, got {y_scale}")

    def apart(x: Tensor, rows: Tensor) -> Tensor:
        effect = task.traced(x) if c is None else task.traced(x, c[rows].to(x))
        return residual(goal[rows].to(x), _like_targets(effect, y)) / y_scale

    return apart


def spread(y: Tensor) -> float:
    """How far observations typically lie apart: one length, for ``y_scale``.

    The root of half the mean squared difference over the components, for the median pair of
    neighbours in the list; of independent rows that is about the standard deviation, and a few
    wild ones do not change it. A power of two, so that dividing by it costs no digits.

    Args:
        y: observations, ``(N, *dy)``; those that are not finite are left out.

    Returns:
        1 where fewer than two are left, or all are equal.
    """
    flat = y.detach().flatten(1).double()
    flat = flat[flat.isfinite().all(1)]
    gap = flat.diff(dim=0)
    largest = gap.abs().amax() if len(gap) else gap.new_zeros(())
    if not 0 < largest < torch.inf:
        return 1.0
    # in units of the largest, so that no square leaves the range of numbers
    squared = (gap / largest).square().mean(1) / 2
    middle = squared.median()
    typical = middle if middle > 0 else squared[squared > 0].mean()
    return float(2.0 ** (largest * typical.sqrt()).log2().round())


def require_slope(task: Task, x: Tensor, c: Tensor | None) -> None:
    """Simulate the first guess, to see that there is a way from y back to x.

    A search along a gradient that is not there would hand back its starts.

    Args:
        task: says that it is differentiable, or nothing happens.
        x: guesses, ``(M, dx)``.
        c: their contexts, ``(M, dc)``, or None.

    Raises:
        ValueError: torch finds no way.
    """
    sound = x.isfinite().all(1).nonzero()[:1, 0]
    if not len(sound):
        return
    try:
        require_gradient(task, x[sound], None if c is None else c[sound])
    except (RuntimeError, TypeError):
        return  # what else is wrong, such as another dtype, the search meets as it simulates


def _like_targets(effect: Tensor, y: Tensor) -> Tensor:
    """Effects ``(M, *dy)`` as ``(M, dy)``, if targets ``(B, *dy)`` have their axes or are flat."""
    require_axes("y", y, effect.shape[1:])
    return effect.flatten(1)


def _require_step(max_step: float) -> None:
    if not require_number("max_step", max_step) > 0:
        raise ValueError(f"max_step: expected a number above 0, got {max_step}")


def _spread_of(task: Task) -> float:
    """Of a task's observations, over draws from its prior."""
    draws = runtime.generator(0, "spread of y")
    with torch.random.fork_rng(devices=[]), torch.no_grad():  # noise of a simulator is not ours
        return spread(task.sample(DRAWS, generator=draws, dtype=torch.float64).y)


def _require_fit(surrogate: Surrogate, x: Tensor, y: Tensor) -> None:
    """Refuse guesses and targets of other sizes than the surrogate has."""
    require_tensor("x", x, ("B", "T", len(surrogate.inputs.shift)))
    _require_numbers("y", y, x.device)
    require_same_length(x=x, y=y)
    numbers = len(surrogate.outputs.shift)
    if y[0].numel() != numbers:
        raise ValueError(
            f"y: expected targets of {numbers} numbers, as the surrogate gives, got shape "
            f"{tuple(y.shape)}"
        )


def _require_numbers(name: str, given: Tensor, device: torch.device) -> None:
    """Refuse what are no finite numbers, ``(B, ...)``; whole ones are."""
    whole = isinstance(given, Tensor) and not (given.is_floating_point() or given.is_complex())
    require_tensor(name, given.double() if whole else given, batch_shape(given), device=device)


def _seen(surrogate: Surrogate, x: Tensor) -> Tensor:
    """f̂ in its scaled units of y, in the dtype of x, which is scaled before it is rounded."""
    weight = next(surrogate.parameters())
    return surrogate.core(surrogate.inputs(x).to(weight.dtype)).mean(0).to(x)


def _at_least_single(x: Tensor) -> Tensor:
    return x if x.dtype == torch.float64 else x.float()


def _whole_where_due(
    task: Task,
    start: Tensor,
    search: Callable[[Tensor, Seen], Tensor],
    error: Callable[[Tensor], Tensor],
    box: Box | None,
) -> Tensor:
    """What a search makes of guesses ``(M, dx)``, in whole numbers where the prior has them.

    Args:
        task: its prior says which unknowns are whole numbers.
        start: the guesses.
        search: from starts, and how the simulator is to see a point, to better points.
        error: of points, ``(M, dx)`` to ``(M,)``.
        box: where answers stay, if anywhere.
    """
    found = search(start, lambda x: x)
    whole = task.integer.to(start.device)
    if not bool(whole.any()):
        return found
    tried = [nearest_whole(start, whole), *_roundings(found, whole)]
    if box is not None:
        low, high = (edge.to(start) for edge in whole_edges(box, task.integer))
        tried = [torch.clamp(x, low, high) for x in tried]
    # what is no number is the worst
    errors = torch.stack([error(x).nan_to_num(torch.inf, torch.inf) for x in tried])
    best = torch.stack(tried).take_along_dim(errors.argmin(0)[None, :, None], 0)[0]
    if bool(whole.all()):
        return best
    # a rounded number has no derivative, so that the search leaves it where it is
    return nearest_whole(search(best, lambda x: nearest_whole(x, whole)), whole)


def _roundings(x: Tensor, whole: Tensor) -> list[Tensor]:
    """x ``(M, dx)`` with the whole unknowns rounded up or down in all ways, or to the nearest."""
    places = whole.nonzero()[:, 0].tolist()
    if len(places) > CORNERS:
        return [nearest_whole(x, whole)]
    found = []
    for ways in itertools.product((torch.floor, torch.ceil), repeat=len(places)):
        rounded = x.clone()
        for place, way in zip(places, ways, strict=True):
            rounded[:, place] = way(x[:, place])
        found.append(rounded)
    return found


def _squared_error(task: Task, x: Tensor, y: Tensor, c: Tensor | None) -> Tensor:
    """Mean squared difference of effects ``(M, dx)`` from targets ``(M, *dy)``: ``(M,)``."""
    with torch.no_grad():
        effect = task.traced(x.clone()) if c is None else task.traced(x.clone(), c.clone())
    return residual(y.flatten(1).to(x), _like_targets(effect, y)).double().square().mean(1)


def _one_row_a_guess(
    x: Tensor, y: Tensor, c: Tensor | None, box: Box | None
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Guesses ``(B T, dx)``, in the box where there is one, with their targets and contexts."""
    x, y = runtime.normal_tensor(x), runtime.normal_tensor(y)
    c = None if c is None else runtime.normal_tensor(c)
    flat, repeats = x.flatten(0, 1), x.shape[1]
    return (
        flat if box is None else box.clip(flat),
        y.repeat_interleave(repeats, 0),
        None if c is None else c.to(x).repeat_interleave(repeats, 0),
    )


def _require(name: str, task: Task, x: Tensor, y: Tensor, c: Tensor | None) -> None:
    require_tensor("x", x, ("B", "T", task.x_dim), finite=False)
    _require_numbers("y", y, x.device)
    if c is not None:
        _require_numbers("c", c, x.device)
    require_same_length(x=x, y=y, c=c)
    if not task.differentiable:
        raise ValueError(f"{name}: {task.name} says differentiable=False; refine on a surrogate")
    if task.noisy:
        raise ValueError(
            f"{name}: {task.name} says that it is noisy, and the noise of single runs would be "
            "fitted too; refine on a surrogate"
        )
    if (c is None) != (task.context is None):
        what = "needs a" if c is None else "takes no"
        raise ValueError(f"{name}: {task.name} {what} context c")
