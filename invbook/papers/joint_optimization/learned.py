"""The methods that train a network: joint optimisation, supervised regression, neural adjoint."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from invbook.papers.joint_optimization.courses import (
    Course,
    Watch,
    WatchedDirect,
    watch_adjoint,
)
from invbook.papers.joint_optimization.systems import Problems, Result, envelope, features_of
from invlab import runtime
from invlab.methods.adjoint_search import BFGSSearch
from invlab.methods.neural_adjoint import NeuralAdjoint
from invlab.minimizers import minimize
from invlab.networks.encoders import kind_of
from invlab.networks.mlp import Standardizer
from invlab.task import Pairs, Task

__all__ = [
    "RecordingLoss",
    "direct",
    "envelope_joint",
    "joint",
    "keep_lower",
    "neural_adjoint",
    "pairs",
]


def keep_lower(x: Tensor, loss: Tensor, rows: Tensor, point: Tensor, value: Tensor) -> None:
    """Enter the new points of some rows, in place, where their losses are the lowest so far.

    Args:
        x, loss: the best points ``(n, dx)`` so far, and their losses ``(n,)``.
        rows: numbers of the rows that were evaluated, ``(m,)``.
        point, value: where, ``(m, dx)``, and what came of it, ``(m,)``.
    """
    lower = value < loss[rows]
    x[rows[lower]], loss[rows[lower]] = point[lower], value[lower]


class RecordingLoss:
    """A loss that remembers the last and the best point of each of several networks.

    ``minimize`` evaluates the start once, and then the networks in turn.

    Args:
        problems: to be solved.
        networks: how many.
        single: whether to simulate in float32, which is enough for training.

    Attributes:
        last, best: points and values by network, ``(K, n, dx)`` and ``(K, n)``.
        course: mean loss of the first network's answers, a number an iteration.
    """

    def __init__(self, problems: Problems, networks: int, *, single: bool = False) -> None:
        self.single = single
        self.fun, self.networks, self.calls = problems.fun, networks, 0
        x, value = (
            problems.start.repeat(networks, 1, 1),
            problems.loss(problems.start).repeat(networks, 1),
        )
        self.last = x.clone(), value.clone()
        self.best = x.clone(), value.clone()
        self.course: list[float] = []

    def __call__(self, x: Tensor, rows: Tensor) -> Tensor:
        value = self.fun(x.float(), rows).to(x) if self.single else self.fun(x, rows)
        k, first = (self.calls - 1) % self.networks, self.calls == 0
        self.calls += 1
        if first:
            return value
        point, loss = x.detach(), value.detach()
        self.last[0][k, rows], self.last[1][k, rows] = point, loss
        keep_lower(self.best[0][k], self.best[1][k], rows, point, loss)
        if k == 0:
            self.course.append(float(loss.mean()))
        return value


def joint(
    problems: Problems, seed: int, *, networks: int = 1, single: bool = False, **options: Any
) -> tuple[list[Result], list[Result], list[float]]:
    """Joint optimisation, unrefined: the last and the best iterate of each network, and a curve.

    The cost is that of all networks, in equal parts. With ``single`` the training simulates in
    float32. ``options`` are those of ``minimize(method="joint")``, which is called itself since the
    library's method keeps the answers alone, and here every network's last and best iterate is
    measured. With ``train_on`` only the last iterates mean something: what the networks ended
    with, as the loss sees it.
    """
    watched = RecordingLoss(problems, networks, single=single)
    start = runtime.cpu_seconds()
    solution = minimize(
        watched,
        problems.start,
        method="joint",
        features=problems.features,
        bounds=problems.box,
        seed=[1000 * seed + k for k in range(networks)],
        refine=False,
        **options,
    )
    cpu = (runtime.cpu_seconds() - start) / networks
    spent = solution.nfev.double().mean().item() / networks
    last, best = (
        [
            Result(x, problems.loss(x) if single else value, cpu, spent)
            for x, value in zip(*points, strict=True)
        ]
        for points in (watched.last, watched.best)
    )
    return last, best, watched.course


def envelope_joint(problems: Problems, seed: int, **options: Any) -> Result:
    """Joint optimisation of the envelope's loss by one network, unrefined."""
    # with train_on, the loss itself sees the networks' answers only once, at the end
    return joint(problems, seed, train_on=envelope(problems), **options)[0][0]


def pairs(problems: Problems, seed: int, n: int | None = None) -> Pairs:
    """Synthetic pairs from the prior, as many as there are problems, float64 on the CPU."""
    generator = runtime.generator(seed, "joint optimization", "pairs")
    task, n = problems.task, len(problems) if n is None else n
    drawn = task.sample(n, generator=generator, dtype=torch.float64)
    return Pairs(drawn.x.cpu(), drawn.y.cpu(), None if drawn.c is None else drawn.c.cpu())


def direct(
    problems: Problems,
    seed: int,
    *,
    iterations: int,
    lr: float,
    count: int | None = None,
    encoder: dict[str, Any] | None = None,
    course: Course | None = None,
) -> Result:
    """Supervised regression on ``count`` pairs (one a problem), by the network of ``joint``.

    A ``course`` is filled with the mean true loss on the way through the training.
    """
    start = runtime.cpu_seconds()
    data = pairs(problems, seed, count)
    seen = features_of(problems.task, data.y, data.c)
    # the context is a part of what the network sees, so that to the method it is no context
    law, bounded = problems.task.box, problems.system.bounded
    if not bounded:
        law = problems.task.prior.bounds
    vector = kind_of(seen.shape[1:]) == "vector"
    options = {} if vector else {"normalization": "batch"}
    watch = None if course is None else Watch(problems, iterations, course)
    method = WatchedDirect(
        watch=watch,
        encoder={**options, **(encoder or {})},
        bounded=bounded,
        x_scaler=None if bounded else Standardizer(law.center, law.width / 2),
        bounds="free",
        batch_size=None,
        epochs=iterations,
        lr=lr,
        lr_end=1e-2 * lr,
    )
    features = Task.from_pairs(Pairs(data.x, seen), name=problems.task.name, box=law)
    method.fit(features, Pairs(data.x, seen), seed=seed)
    x = method.propose(problems.features)[:, 0]
    cpu = runtime.cpu_seconds() - start - (0.0 if watch is None else watch.cpu)
    return Result(x, problems.loss(x), cpu, len(data) / len(problems))


def neural_adjoint(
    problems: Problems,
    seed: int,
    units: Sequence[float],
    *,
    course: Course | None = None,
    **options: Any,
) -> dict[float, Result]:
    """A surrogate on n pairs, and BFGS on it from the prior mean in each of some units.

    A ``course`` is filled with the mean true loss on the way through the search in the last unit.
    """
    start = runtime.cpu_seconds()
    data = pairs(problems, seed)
    method = NeuralAdjoint(search=BFGSSearch(), held_out=0.0, bounds="free", **options)
    method.fit(problems.task, data, seed=seed)
    trained = runtime.cpu_seconds() - start
    found = {}
    for unit in units:
        start = runtime.cpu_seconds()
        method.search = BFGSSearch(x_scale=problems.lengths(unit))
        x = method.propose(problems.y, 1, problems.c)[:, 0].double()
        x = x if problems.box is None else problems.box.clip(x)
        cpu = trained + runtime.cpu_seconds() - start
        found[unit] = Result(x, problems.loss(x), cpu, len(data) / len(problems))
    if course is not None:
        watch_adjoint(problems, method, units[-1], course)
    return found
