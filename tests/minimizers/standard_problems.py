"""The methods as tests run them, and standard problems: residuals with starts."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor


def no_options(x0: Tensor) -> dict[str, Any]:
    return {}


def one_feature_a_row(x0: Tensor) -> dict[str, Any]:
    return {"features": torch.eye(len(x0), device=x0.device), "iterations": 10}


@dataclass(frozen=True)
class Case:
    """How the contract runs a method.

    Args:
        maxiter: few enough for the whole table to run in seconds; the promises hold at any number.
        each_alone: whether a row's search never sees the other rows.
        options: what the method needs, from its starts.
    """

    maxiter: int | None = None
    each_alone: bool = True
    options: Callable[[Tensor], dict[str, Any]] = field(default=no_options)


# One line a method of invlab.minimizers.METHODS: without it no test would run the method.
CASES = {
    "gd": Case(maxiter=100),
    "adam": Case(maxiter=100),
    "bfgs": Case(),
    "lm": Case(),
    "joint": Case(each_alone=False, options=one_feature_a_row),
    "multistart": Case(each_alone=False, options=lambda x0: {"restarts": 0}),
}
METHODS = tuple(name for name, case in CASES.items() if case.each_alone)


@dataclass(frozen=True)
class Problem:
    name: str
    residuals: Callable[[Tensor], Tensor]
    starts: list[list[float]]
    smooth: bool = True

    def x0(self, device, dtype=torch.float64) -> Tensor:
        return torch.tensor(self.starts, dtype=dtype, device=device)

    def value(self, x: Tensor) -> Tensor:
        return self.residuals(x).square().sum(1)

    def fun(self, method: str) -> Callable[[Tensor], Tensor]:
        return self.residuals if method == "lm" else self.value


def rosenbrock(x: Tensor) -> Tensor:
    return torch.stack((10 * (x[:, 1] - x[:, 0] ** 2), 1 - x[:, 0]), 1)


def beale(x: Tensor) -> Tensor:
    parts = [c - x[:, 0] * (1 - x[:, 1] ** k) for k, c in ((1, 1.5), (2, 2.25), (3, 2.625))]
    return torch.stack(parts, 1)


def himmelblau(x: Tensor) -> Tensor:
    a, b = x.unbind(1)
    return torch.stack((a**2 + b - 11, a + b**2 - 7), 1)


def powell(x: Tensor) -> Tensor:
    a, b, c, d = x.unbind(1)
    parts = (a + 10 * b, 5**0.5 * (c - d), (b - 2 * c) ** 2, 10**0.5 * (a - d) ** 2)
    return torch.stack(parts, 1)


def plateau(x: Tensor) -> Tensor:
    """A bowl of radius one in a flat plain."""
    inside = x.square().sum(1, keepdim=True) < 1
    return torch.where(inside, x, 0 * x + 0.5**0.5)


def hole(x: Tensor) -> Tensor:
    """NaN wherever the first unknown is negative; the minimum is at (e, 2)."""
    return torch.stack((torch.log(x[:, 0]) - 1, x[:, 1] - 2), 1)


def kink(x: Tensor) -> Tensor:
    return x.abs() + 1


PROBLEMS = [
    Problem("rosenbrock", rosenbrock, [[-1.2, 1.0], [0.5, -0.5], [2.0, 2.0], [1.0, 1.0]]),
    Problem("beale", beale, [[1.0, 1.0], [0.0, 0.0], [2.0, -0.5], [2.5, 0.2]]),
    Problem("himmelblau", himmelblau, [[0.0, 0.0], [4.0, 3.0], [-3.0, 3.0], [-4.0, -3.0]]),
    Problem("powell", powell, [[3.0, -1.0, 0.0, 1.0], [1.0, 1.0, 1.0, 1.0]]),
    Problem("plateau", plateau, [[0.3, 0.2], [3.0, -4.0], [-0.5, 0.6]], smooth=False),
    Problem("hole", hole, [[0.1, 0.0], [5.0, 5.0], [0.01, 3.0], [-1.0, 0.0]], smooth=False),
    Problem("kink", kink, [[0.7, -0.3], [2.0, 3.0], [0.1, -5.0]], smooth=False),
]
SMOOTH = [problem for problem in PROBLEMS if problem.smooth]


def assert_tells_what_was_seen(found: Any, seen: list[tuple[Tensor, Tensor]]) -> None:
    """A solution agrees with all evaluations, rows ``(n,)`` and values ``(n,)``, in their order."""
    best, count = torch.full_like(found.fun, torch.inf), torch.zeros_like(found.nfev)
    for rows, value in seen:
        best[rows] = torch.minimum(best[rows], value)
        count[rows] += 1
    assert torch.equal(found.fun, best)
    assert torch.equal(found.nfev, count)
    assert len(found.history) == int(found.nfev.max())
    for row in range(len(found.fun)):  # after 1, 2, ... evaluations of that row
        own = [float(v[r == row]) for r, v in seen if (r == row).any()]
        lowest = list(itertools.accumulate(own, min))
        line = found.history[:, row].tolist()
        assert line == lowest + lowest[-1:] * (len(line) - len(lowest))
