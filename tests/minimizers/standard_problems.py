"""Standard problems as residuals, each with starts; the objective is their sum of squares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

METHODS = ("gd", "adam", "bfgs", "lm")


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
