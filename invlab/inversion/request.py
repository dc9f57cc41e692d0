"""What is asked: targets, what was measured of them, how many answers."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from invlab import runtime
from invlab.inversion.answers import Answers
from invlab.inversion.measurement import Measurement, require_sigma
from invlab.task import Pairs, Task
from invlab.validation import native

__all__ = ["Asked", "as_simulated", "asked", "by_pattern"]

# Numbers of y may be missing in so many different ways in one call, since each is fitted anew.
PATTERNS = 8


@dataclass(frozen=True)
class Asked:
    """Targets in which the same numbers were measured.

    Attributes:
        task: that observes all of y.
        y: ``(B, dy)``, flat: all of it in a request, in a part only what was measured, in units of
            its error.
        c: ``(B, dc)`` or None.
        n, level, seed: as given.
        measurement: what was measured.
        parts: in how many the request is answered.
    """

    task: Task
    y: Tensor
    c: Tensor | None
    n: int
    level: float
    seed: int
    measurement: Measurement
    parts: int = 1


def asked(task: Task, y: Any, c: Any, sigma: Any, *, n: int, level: float, seed: int) -> Asked:
    """A checked request.

    Raises:
        TypeError, ValueError: targets, contexts or errors of another kind or shape.
    """
    shape = task.y_shape
    targets = _numbers("y", y)
    if tuple(targets.shape) == shape:
        targets = targets[None]
    if targets.numel() == 0:
        raise ValueError(f"y: expected at least one target, got shape {tuple(targets.shape)}")
    if targets.shape[1:] != shape and targets.shape[1:] != (math.prod(shape),):
        raise ValueError(
            f"y: expected targets of shape (B, {', '.join(map(str, shape))}), or a single one, got "
            f"{tuple(targets.shape)}"
        )
    if bool(targets.isinf().any()):
        raise ValueError("y: expected numbers, or NaN where nothing was measured, got infinity")
    contexts = None if c is None else _numbers("c", c)
    came = None if contexts is None else tuple(contexts.shape)
    if contexts is not None and contexts.ndim == 1:
        one_each = task.c_dim == 1 and len(contexts) == len(targets)
        contexts = contexts[:, None] if one_each else contexts[None].expand(len(targets), -1)
    wanted = (len(targets), task.c_dim)
    if (contexts is None) != (task.context is None) or (
        contexts is not None and tuple(contexts.shape) != wanted
    ):
        need = f"contexts c of shape {wanted}" if task.context is not None else "no context c"
        got = "none" if came is None else f"{came}"
        raise ValueError(f"c: {task.name} takes {need}, got {got}")
    errors = require_sigma(sigma, shape)
    every = torch.ones(math.prod(shape), dtype=torch.bool, device="cpu")
    return Asked(task, targets.flatten(1), contexts, n, level, seed, Measurement(every, errors))


def as_simulated(task: Task, data: Pairs, y: Any) -> Pairs:
    """Pairs that a caller brought, with y in the axes that the targets have: those of the task.

    Only where targets and pairs differ the task is asked, which may cost a simulation.

    Args:
        task: whose pairs they are said to be.
        data: the pairs.
        y: targets as they came.

    Raises:
        ValueError: unknowns, contexts or observations of another width than the task's.
    """
    for name, values, dim in (("x", data.x, task.x_dim), ("c", data.c, task.c_dim)):
        came = 0 if values is None else values.shape[1]
        if came != dim:
            got = "none" if values is None else tuple(values.shape)
            wanted = f"{name} of shape (N, {dim})" if dim else f"no {name}"
            raise ValueError(f"data: expected {wanted}, as {task.name} takes it, got {got}")
    came_shape, targets = tuple(data.y.shape[1:]), tuple(_numbers("y", y).shape)
    flat = (math.prod(came_shape),)
    if not task.has_simulator or targets == came_shape or targets[1:] in (came_shape, flat):
        return data
    shape = task.y_shape
    if math.prod(shape) != math.prod(came_shape):
        raise ValueError(
            f"data: expected y of shape (N, {', '.join(map(str, shape))}), as {task.name} gives, "
            f"got {tuple(data.y.shape)}"
        )
    return replace(data, y=data.y.reshape(len(data), *shape))


def by_pattern(request: Asked, answer: Callable[[Asked], Answers]) -> Answers:
    """Answer the targets of each pattern of missing numbers together, and put them in order.

    Raises:
        ValueError: a target of which nothing was measured, or too many patterns.
    """
    seen = request.y.isfinite()
    sigma = request.measurement.sigma
    if sigma is not None:
        seen = seen & sigma.isfinite().to(seen.device)
    if not bool(seen.any(1).all()):
        empty = (~seen.any(1)).nonzero()[:, 0].tolist()
        raise ValueError(f"y: nothing was measured of target {', '.join(map(str, empty))}")
    patterns, which = seen.unique(dim=0, return_inverse=True)
    if len(patterns) > PATTERNS:
        raise ValueError(
            f"y: numbers are missing in {len(patterns)} different ways; expected {PATTERNS} at "
            "most in one call, since what answers is fitted for each"
        )
    found, rows = [], []
    for k, pattern in enumerate(patterns):
        some = (which == k).nonzero()[:, 0]
        measurement = Measurement(pattern.cpu(), sigma)
        y = measurement.of(request.y[some])
        c = None if request.c is None else request.c[some]
        part = replace(request, y=y, c=c, measurement=measurement, parts=len(patterns))
        found.append(answer(part))
        rows.append(some)
    return found[0] if len(found) == 1 else _in_order(found, torch.cat(rows))


def _in_order(parts: list[Answers], rows: Tensor) -> Answers:
    """One result from those of the parts, whose targets were ``rows``."""
    back = rows.argsort()
    n = min(part.x.shape[1] for part in parts)  # with contexts one part may have fewer
    parts = [
        replace(part, x=part.x[:, :n], error=part.error[:, :n], believed=part.believed[:, :n])
        for part in parts
    ]
    joined: dict[str, Any] = {}
    for entry in fields(Answers):
        values = [getattr(part, entry.name) for part in parts]
        if isinstance(values[0], Tensor) and entry.name != "x_length":
            joined[entry.name] = torch.cat(values)[back]
    notes = tuple(dict.fromkeys(note for part in parts for note in part.notes))
    return replace(parts[0], **joined, notes=notes)


def _numbers(name: str, given: Any) -> Tensor:
    try:
        values = given if isinstance(given, Tensor) else torch.from_numpy(np.array(native(given)))
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(f"{name}: expected numbers, got {type(given).__name__}") from error
    if values.is_complex():
        raise TypeError(f"{name}: expected real numbers, got {values.dtype}")
    return values.detach().double().to(runtime.device())
