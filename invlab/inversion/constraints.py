"""What an answer has to meet: bounds, conditions and linear constraints on the unknowns."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from invlab.priors.box import Box, widest_box
from invlab.priors.restricted import Restricted, holds
from invlab.task import Pairs, Task
from invlab.validation import did_you_mean

__all__ = ["as_box", "constrained", "keep_allowed"]

# How far beyond a linear constraint counts as on it, relative to its numbers.
ON_IT = 1e-9


def constrained(task: Task, bounds: Any, feasible: Any) -> Task:
    """The task with a prior that draws allowed unknowns alone; the task itself without a limit.

    Args:
        task: to be narrowed; it stays as it is.
        bounds: see :func:`as_box`, or pairs ``(low, high)`` by the labels of unknowns, of which
            the others have no limit; or None.
        feasible: a function of unknowns ``(N, dx)`` to a mask ``(N,)``, a
            ``scipy.optimize.LinearConstraint``, a list of either, or None.

    Raises:
        TypeError, ValueError: another kind of limit, or of another dimension.
    """
    if bounds is None and feasible is None:
        return task
    if isinstance(bounds, Mapping):
        bounds = _by_label(bounds, task)
    box = None if bounds is None else as_box(bounds, widest_box(task.prior))
    narrow = copy.copy(task)
    narrow.prior = Restricted(task.prior, box=box, condition=_all_of(feasible, task.x_dim))
    if box is not None:
        if task.given_box is not None:
            narrow.given_box = Restricted(task.given_box, box=box).bounds
        narrow.box = narrow.prior.bounds if narrow.given_box is None else narrow.given_box
    return narrow


def keep_allowed(task: Task, data: Pairs) -> Pairs:
    """The pairs whose unknowns are allowed.

    Raises:
        ValueError: there are none.
    """
    if not isinstance(task.prior, Restricted):
        return data
    # in the dtype of the data: 0.3 in float32 is above 0.3
    allowed = task.prior.allows(data.x)
    if not bool(allowed.any()):
        raise ValueError("bounds, feasible: none of the pairs meets them; widen them")
    return data[allowed]


def as_box(bounds: Any, own: Box) -> Box:
    """A box from a :class:`~invlab.Box`, ``scipy.optimize.Bounds``, or pairs ``(low, high)``.

    Args:
        bounds: as above, or an array ``(dx, 2)``; None or infinity where there is no limit.
        own: where the unknowns can lie at all, which counts where there is no limit.

    Raises:
        TypeError: something else.
        ValueError: edges that make no box.
    """
    if isinstance(bounds, Box):
        return bounds
    if hasattr(bounds, "lb") and hasattr(bounds, "ub"):
        # one number stands for all unknowns there
        low, high = (
            np.broadcast_to(edge, own.dim) if np.ndim(edge) == 0 or np.size(edge) == 1 else edge
            for edge in (bounds.lb, bounds.ub)
        )
    else:
        low, high = zip(*_edges(bounds), strict=True)
    begin, end = _limited(low, own.low, -math.inf), _limited(high, own.high, math.inf)
    for k, (least, most) in enumerate(zip(begin, end, strict=True)):
        if not least < most:
            raise ValueError(
                f"bounds: expected low < high for each unknown, got {least:g} and {most:g} for "
                f"unknown {k}; a value that is known goes into the simulator, with one unknown "
                "fewer, and a whole number k lies between k - 0.5 and k + 0.5"
            )
    return Box(begin, end)


def _by_label(bounds: Mapping[Any, Any], task: Task) -> list[Any]:
    """Pairs ``(low, high)`` in the order of the unknowns."""
    labels = list(task.labels)
    for label in bounds:
        if labels.count(label) != 1:
            raise ValueError(
                f"bounds: expected labels among {', '.join(labels)}, got {label!r}"
                f"{did_you_mean(label, labels)}"
            )
        if np.size(bounds[label]) != 2:
            raise ValueError(
                f"bounds: expected a pair (low, high) for {label}, got {bounds[label]!r}; a value "
                "that is known goes into the simulator, with one unknown fewer"
            )
    return [bounds.get(label, (None, None)) for label in labels]


def _edges(bounds: Any) -> Any:
    try:
        pairs = [] if isinstance(bounds, Mapping | str) else [(low, high) for low, high in bounds]
    except (TypeError, ValueError):
        pairs = []
    if not pairs:
        raise TypeError(
            "bounds: expected a Box, scipy.optimize.Bounds or pairs (low, high), one an unknown, "
            f"got {bounds!r}"
        )
    return pairs


def _limited(edge: Any, own: Tensor, free: float) -> list[float]:
    """Numbers of an edge; those of where the unknowns can lie at all where there is no limit.

    None says so, or ``free``: an infinity of the other sign leaves no room, and is kept.
    """
    try:
        numbers = [np.nan if one is None else float(one) for one in edge]
    except (TypeError, ValueError) as error:
        raise TypeError(f"bounds: expected numbers, or None, got {list(edge)}") from error
    if len(numbers) != len(own):
        raise ValueError(f"bounds: expected a box of {len(own)} unknowns, got {len(numbers)}")
    none = [one is None or number == free for one, number in zip(edge, numbers, strict=True)]
    return [
        end if open_ else one for one, open_, end in zip(numbers, none, own.tolist(), strict=True)
    ]


def _all_of(feasible: Any, x_dim: int) -> Callable[[Tensor], Any] | None:
    """One condition that says yes where all do."""
    if feasible is None:
        return None
    several = feasible if isinstance(feasible, list | tuple) else [feasible]
    conditions = [_condition(one, x_dim) for one in several]
    if not conditions:
        return None
    if len(conditions) == 1:
        return conditions[0]

    def all_hold(x: Tensor) -> Tensor:
        return torch.stack([holds(condition, x) for condition in conditions]).all(0)

    return all_hold


def _condition(feasible: Any, x_dim: int) -> Callable[[Tensor], Any]:
    if all(hasattr(feasible, name) for name in ("A", "lb", "ub")):
        return _linear(feasible, x_dim)
    if callable(feasible):
        condition: Callable[[Tensor], Any] = feasible
        return condition
    raise TypeError(
        "feasible: expected a function of unknowns (N, dx) to a mask (N,), or a "
        f"scipy.optimize.LinearConstraint, got {type(feasible).__name__}"
    )


def _linear(constraint: Any, x_dim: int) -> Callable[[Tensor], Tensor]:
    """``lb <= A x <= ub``."""
    given = constraint.A.toarray() if hasattr(constraint.A, "toarray") else constraint.A
    matrix = np.atleast_2d(np.asarray(given, dtype=float))
    if matrix.shape[1] != x_dim:
        raise ValueError(
            f"feasible: expected a LinearConstraint on {x_dim} unknowns, got one on "
            f"{matrix.shape[1]}"
        )
    low, high = (
        torch.tensor(np.array(e, dtype=float), device="cpu")  # a copy: some are read only
        for e in (constraint.lb, constraint.ub)
    )
    a = torch.tensor(matrix)
    edges = low.abs().nan_to_num(posinf=0.0) + high.abs().nan_to_num(posinf=0.0)

    def met(x: Tensor) -> Tensor:
        rows = a.to(x.device, torch.float64)
        value, size = x.double() @ rows.T, x.double().abs() @ rows.abs().T
        slack = ON_IT * (size + edges.to(value))
        return ((value >= low.to(value) - slack) & (value <= high.to(value) + slack)).all(1)

    return met
