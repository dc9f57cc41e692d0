"""Re-simulation: how far from the target is what a guess really causes."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor

from invlab.metrics.effects import effects, noise_stream
from invlab.task import Targets, Task
from invlab.validation import batch_shape, require_count, require_same_length, require_tensor

__all__ = ["noise_floor", "resimulation_error", "rmse"]


def resimulation_error(
    task: Task,
    x: Tensor,
    y: Tensor,
    c: Tensor | None = None,
    *,
    replicates: int | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Mean squared difference between what guesses cause and what was asked for.

    On a noisy task the error of a guess is a random number, and the smallest of many is small by
    luck: even equal guesses seem to get better with T. ``replicates`` averages over fresh noise;
    to be rid of the luck altogether, choose with one call and judge with another, whose generator
    differs, by ``r_T(errors, held_out=other_errors, ...)``, and print :func:`noise_floor` beside.

    Args:
        task: its true simulator judges, whatever the method believed. It runs in the wider dtype
            of x and y, float32 at least.
        x: guesses, ``(B, T, dx)``.
        y: targets, ``(B, *dy)``, on the device of x.
        c: contexts, ``(B, dc)``, where the task has one.
        replicates: how often each guess is simulated on a noisy task; once, with a warning, if
            not given. A task without noise is simulated once in any case.
        generator: CPU generator of the noise; a fresh one of seed 0 if not given, so that equal
            calls meet equal noise. Only noise from torch's global generator follows it.

    Returns:
        ``(B, T)``, always float64, so that squares of very small or large numbers survive, in the
        unit of y squared and without a graph. Infinite for an invalid guess: it is no number, its
        effect is not valid in one of the replicates, or the simulator raises an error for it.

    Raises:
        TypeError, ValueError: a tensor of the wrong kind, shape or device, T < 1, or a number
            of replicates that is none.
        Exception: what the simulator raises, if it does so for draws of the prior too.

    Warns:
        UserWarning: a noisy task without ``replicates``, or guesses for which the simulator
            raises an error.

    Example:
        >>> import torch
        >>> import invlab
        >>> task = invlab.get_task("square")  # y = x²
        >>> guesses = torch.tensor([[[5.0], [-5.0], [4.0]]])
        >>> invlab.resimulation_error(task, guesses, torch.tensor([[25.0]])).tolist()
        [[0.0, 0.0, 81.0]]
    """
    require_tensor("x", x, ("B", "T", task.x_dim), finite=False)
    require_tensor("y", y, batch_shape(y), device=x.device)
    if c is not None:
        require_tensor("c", c, ("B", "dc"), device=x.device)
    rows, guesses = require_same_length(x=x, y=y, c=c), x.shape[1]
    dtype = torch.promote_types(torch.promote_types(x.dtype, y.dtype), torch.float32)
    flat = x.flatten(0, 1).to(dtype)
    context = None if c is None else c.repeat_interleave(guesses, 0)
    generator = noise_stream(task, "replicates") if generator is None else generator
    times = _times(task, replicates)
    total = torch.zeros(rows, guesses, dtype=torch.float64, device=x.device)
    for _ in range(times):
        caused = effects(task, flat, context, generator=generator)
        target = _like_effects(y, caused)
        gap = caused.flatten(1).double().unflatten(0, (rows, guesses)) - target[:, None]
        total += gap.square_().mean(-1)
    # NaN marks what is not valid
    return torch.where(total.isnan(), torch.inf, total / times)


def _times(task: Task, replicates: int | None) -> int:
    if replicates is not None and require_count("replicates", replicates) and task.noisy:
        return replicates
    if task.noisy:
        warnings.warn(
            f"{task.name} is noisy, and each guess is simulated once: the best of many is good "
            "by luck. Pass replicates=..., and judge by other noise than you choose by, "
            "r_T(errors, held_out=other_errors, ...)",
            stacklevel=3,
        )
    return 1


def _like_effects(y: Tensor, caused: Tensor) -> Tensor:
    """Targets as ``(B, dy)`` float64, if they have the shape of the effects or are flattened."""
    if y.ndim > 2 and caused.ndim > 2:
        require_tensor("y", y, ("B", *caused.shape[1:]))
    wanted = ("B", caused[0].numel())
    return require_tensor("y", y.flatten(1), wanted).detach().double()


def noise_floor(
    task: Task,
    targets: Targets,
    *,
    replicates: int = 10,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Error of the truth under fresh noise: what no method can be asked to go far below.

    Both the target and the simulation again carry noise of variance σ², so that it is about 2 σ²;
    an answer that also fits the noise of the target can reach σ².

    Args:
        task: judges.
        targets: with the unknowns x that made them.
        replicates: simulations of each x; one for a task without noise, whose floor is rounding.
        generator: as for :func:`resimulation_error`.

    Returns:
        ``(B,)``, float64, in the unit of y squared; compare its mean with r_T.

    Raises:
        TypeError: no targets.
        ValueError: targets without x.

    Example:
        >>> import torch
        >>> import invlab
        >>> def measured(x):
        ...     return x + 0.1 * torch.randn_like(x)
        >>> task = invlab.Task("measured", measured, invlab.Box([0.0], [1.0]), noisy=True)
        >>> floor = invlab.noise_floor(task, task.targets(2000, seed=1))
        >>> round(float(floor.mean()), 2)  # 2 · 0.1²
        0.02
    """
    if not isinstance(targets, Targets):
        raise TypeError(
            f"noise_floor: expected Targets, such as task.targets(k, seed=...), got "
            f"{type(targets).__name__}"
        )
    if targets.x is None:
        raise ValueError(
            "noise_floor: expected targets with the unknowns x that made them, got none; "
            "task.targets(k, seed=...) has them"
        )
    require_count("replicates", replicates)
    generator = noise_stream(task, "noise floor") if generator is None else generator
    truth = targets.x[:, None]
    return resimulation_error(
        task, truth, targets.y, targets.c, replicates=replicates, generator=generator
    )[:, 0]


def rmse(a: Tensor, b: Tensor) -> Tensor:
    """Root mean square difference over the last two axes: ``(..., N, d)`` to ``(...)``.

    Raises:
        TypeError: no tensors.
        ValueError: tables of different shape; axes before them may be missing or of length one.
    """
    for name, part in {"a": a, "b": b}.items():
        if not isinstance(part, Tensor):
            kind = type(part).__name__
            raise TypeError(f"rmse: {name}: expected a tensor, got {kind}; use torch.as_tensor")
    pairs = zip(reversed(a.shape[:-2]), reversed(b.shape[:-2]), strict=False)
    fit = all(one == other or 1 in (one, other) for one, other in pairs)
    if a.ndim < 2 or b.ndim < 2 or a.shape[-2:] != b.shape[-2:] or not fit:
        raise ValueError(
            f"rmse: expected two tables (..., N, d) of one shape, got {tuple(a.shape)} and "
            f"{tuple(b.shape)}"
        )
    return (a.detach().double() - b.detach().double()).square().mean((-2, -1)).sqrt()
