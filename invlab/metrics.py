"""Scores: re-simulation error, and intervals that say how sure a mean is."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from invlab import runtime
from invlab.task import Task
from invlab.validation import require_count, require_same_length, require_tensor

__all__ = ["bootstrap_interval", "resimulation_error", "rmse"]


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
    require_tensor("y", y, ("B", *["dy"] * max(1, y.ndim - 1)), device=x.device)
    require_same_length(x=x, y=y, c=c)
    guesses, repeats = x.flatten(0, 1), x.shape[1]
    finite = torch.isfinite(guesses).all(-1)
    guesses = torch.where(finite[:, None], guesses, task.box.center.to(guesses))
    context = None if c is None else c.repeat_interleave(repeats, 0)
    effect = task.simulate(guesses, context)
    error = (effect.flatten(1) - y.flatten(1).repeat_interleave(repeats, 0)).square().mean(1)
    usable = finite & task.valid(effect)
    return torch.where(usable, error, torch.inf).unflatten(0, x.shape[:2])


def rmse(a: Tensor, b: Tensor) -> Tensor:
    """Root mean square difference over the last two axes: ``(..., N, d)`` to ``(...)``."""
    return (a.double() - b.double()).square().mean((-2, -1)).sqrt()


def bootstrap_interval(
    values: Tensor,
    *,
    statistic: Literal["mean", "max"] = "mean",
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> tuple[float, float]:
    """Percentile bootstrap interval of a mean, or of the worst case.

    Args:
        values: one number a seed (or target), ``(n,)``.
        statistic: ``"mean"`` or ``"max"``.
        level: coverage.
        resamples: bootstrap draws.
        seed: of the draws.

    Returns:
        Lower and upper end; both equal the value where n is 1.
    """
    require_tensor("values", values, ("n",), finite=False)
    require_count("resamples", resamples)
    draws = torch.randint(
        len(values), (resamples, len(values)), generator=runtime.generator(seed, "bootstrap")
    )
    drawn = values.double().cpu()[draws]
    found = drawn.mean(1) if statistic == "mean" else drawn.amax(1)
    low, high = found.quantile(torch.tensor([(1 - level) / 2, (1 + level) / 2], dtype=torch.float64))
    return float(low), float(high)
