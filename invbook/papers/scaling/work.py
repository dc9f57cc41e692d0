"""What is measured: a fit, an answer and a minimisation, at any size."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from invbook.papers.scaling.fresh import Cost, cost
from invlab import runtime
from invlab.methods import get_method, load_method
from invlab.minimizers import minimize
from invlab.priors import Box
from invlab.task import Task

__all__ = ["Size", "answer", "fit", "solve"]

# What is short is measured more than once, and the least counts.
SHORT, TIMES = 0.3, 3
# Pairs of the fit that does not count, which takes what a process does once.
FIRST = 64


@dataclass(frozen=True)
class Size:
    """How much is asked.

    Attributes:
        pairs: that a method learns from.
        unknowns: numbers of x.
        numbers: numbers of y.
        targets, draws: how many targets are answered, by how many guesses each.
        problems: how many are minimised together.
    """

    pairs: int = 3000
    unknowns: int = 4
    numbers: int = 8
    targets: int = 100
    draws: int = 10
    problems: int = 256


def waves(weights: Tensor, x: Tensor) -> Tensor:
    """A simulator of as many numbers as one likes, whose cost is that of a product."""
    return (x @ weights.to(x)).sin()


def task_of(size: Size) -> Task:
    """Waves of weighted unknowns, as many of both as the size says."""
    generator = runtime.generator(0, "scaling")
    weights = torch.randn(size.unknowns, size.numbers, generator=generator, dtype=torch.float64)
    box = Box([-1.0] * size.unknowns, [1.0] * size.unknowns)
    return Task("waves", partial(waves, weights / size.unknowns**0.5), box)


def fit(name: str, options: dict[str, Any], size: Size, path: Path) -> Cost:
    """Cost of a fit, after one to few pairs that does not count; the method goes to a file."""
    task = task_of(size)
    pairs = task.sample(size.pairs, generator=runtime.generator(0, "pairs"))
    get_method(name, **options).fit(task, pairs[:FIRST], seed=0)
    method = get_method(name, **options)
    spent = cost(lambda: method.fit(task, pairs, seed=0))
    method.save(path)
    return spent


def answer(size: Size, path: Path) -> Cost:
    """Cost of the guesses of the method in a file, after a first one that does not count."""
    task = task_of(size)
    method = load_method(path, task=task)
    y = task.targets(size.targets, seed=1).y
    method.propose(y[:1], n=1)
    return _least(lambda: method.propose(y, n=size.draws))


def solve(name: str, options: dict[str, Any], size: Size) -> Cost:
    """Cost of minimising Rosenbrock's chain in each row, with iterations that are counted out."""
    dim, rows = max(2, size.unknowns), size.problems
    unit = torch.rand(rows, dim, generator=runtime.generator(0, "rosenbrock"), dtype=torch.float64)
    fun = _residuals if name == "lm" else _rosenbrock

    def minimised(unit: Tensor) -> None:
        more: dict[str, Any] = {"features": unit} if name == "joint" else {}
        minimize(fun, 4 * unit - 2, method=name, **options, **more)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        minimised(unit[:2])
        return _least(lambda: minimised(unit))


def _residuals(x: Tensor) -> Tensor:
    a, b = x[:, :-1], x[:, 1:]
    return torch.cat((10 * (b - a * a), 1 - a), 1)


def _rosenbrock(x: Tensor) -> Tensor:
    return _residuals(x).square().sum(1)


def _least(work: Callable[[], object]) -> Cost:
    """The memory of the first call, and the least seconds of three where the first was short."""
    first = cost(work)
    again = TIMES - 1 if first.seconds < SHORT else 0
    return first._replace(seconds=min([first.seconds, *(cost(work).seconds for _ in range(again))]))
