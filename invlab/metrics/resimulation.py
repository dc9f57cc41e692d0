"""Re-simulation: how far from the target is what a guess really causes, and the score r_T."""

from __future__ import annotations

import torch
from torch import Tensor

from invlab.task import Task
from invlab.validation import batch_shape, require_same_length, require_tensor

__all__ = ["best_of", "r_T", "resimulation_error", "rmse"]


def resimulation_error(task: Task, x: Tensor, y: Tensor, c: Tensor | None = None) -> Tensor:
    """Mean squared difference between what guesses cause and what was asked for.

    Args:
        task: its true simulator judges, whatever the method believed.
        x: guesses, ``(B, T, dx)``.
        y: targets, ``(B, *dy)``.
        c: contexts, ``(B, dc)``, where the task has one.

    Returns:
        ``(B, T)`` in the unit of y squared; infinite where the simulator's output is invalid.

    Raises:
        TypeError, ValueError: a tensor of the wrong kind, shape or device, or T < 1.
    """
    require_tensor("x", x, ("B", "T", task.x_dim), finite=False)
    require_tensor("y", y, batch_shape(y), device=x.device)
    require_same_length(x=x, y=y, c=c)
    guesses, repeats = x.flatten(0, 1), x.shape[1]
    finite = torch.isfinite(guesses).all(-1)
    guesses = torch.where(finite[:, None], guesses, task.box.center.to(guesses))
    context = None if c is None else c.repeat_interleave(repeats, 0)
    effect = task.simulate(guesses, context).flatten(1)
    target = require_tensor("y", y.flatten(1), ("B", effect.shape[1]))
    error = (effect - target.repeat_interleave(repeats, 0)).square().mean(1)
    usable = finite & task.valid(effect)
    return torch.where(usable, error, torch.inf).unflatten(0, x.shape[:2])


def r_T(errors: Tensor, *, exchangeable: bool) -> Tensor:
    """Error of the best of T guesses, mean over targets, for T = 1, 2, ... (Ren et al., eq. 3).

    Args:
        errors: re-simulation errors, ``(B, T)``; infinite for an invalid guess.
        exchangeable: True for guesses whose order means nothing, such as independent draws:
            then the mean over *all* subsets of T of them is returned, the unbiased estimate
            with the least variance. False for ranked guesses: then the first T are taken.

    Returns:
        ``(T,)``, falling in T. It is infinite where a target has no valid guess among those T,
        or, for exchangeable guesses, where some subset of T has none.

    Raises:
        TypeError, ValueError: not a tensor ``(B, T)`` with at least one guess, or NaN in it.
    """
    require_tensor("errors", errors, ("B", "T"), finite=False)
    return best_of(errors, exchangeable=exchangeable).mean(0)


def best_of(errors: Tensor, *, exchangeable: bool) -> Tensor:
    """Error of the best of T guesses for each target: ``(B, T)`` to ``(B, T)``; see :func:`r_T`."""
    if bool(errors.isnan().any()):
        raise ValueError("errors: expected numbers or infinity, got NaN; count it as infinite")
    errors = errors.double()
    if not exchangeable:
        return errors.cummin(1).values
    ordered, weights = errors.sort(1).values, _smallest_of(errors.shape[1]).to(errors.device)
    usable = torch.where(torch.isinf(ordered), 0.0, ordered)
    found = usable @ weights.T
    lost = torch.isinf(ordered).double() @ weights.T > 0
    return torch.where(lost, torch.inf, found)


def _smallest_of(n: int) -> Tensor:
    """``(T, i)``: probability that the i-th smallest of n is the smallest of T of them.

    It is C(n − i, T − 1) / C(n, T) for i from 1, computed through logarithms.
    """
    size = torch.arange(1, n + 1, dtype=torch.float64)[:, None]
    left = n - torch.arange(1, n + 1, dtype=torch.float64)[None, :]

    def log_choose(a: Tensor, b: Tensor) -> Tensor:
        return torch.lgamma(a + 1) - torch.lgamma(b + 1) - torch.lgamma(a - b + 1)

    possible = left >= size - 1
    safe = torch.where(possible, left, size)  # where impossible, any legal argument
    total = log_choose(torch.full_like(size, n), size)
    return torch.where(possible, (log_choose(safe, size - 1) - total).exp(), 0.0)


def rmse(a: Tensor, b: Tensor) -> Tensor:
    """Root mean square difference over the last two axes: ``(..., N, d)`` to ``(...)``."""
    return (a.double() - b.double()).square().mean((-2, -1)).sqrt()
