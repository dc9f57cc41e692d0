"""The true loss of answers while a network learns something else, panels (c) of Figures 2 to 5."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from invbook.papers.joint_optimization.systems import Problems
from invlab import runtime
from invlab.methods.adjoint_search import BFGSSearch
from invlab.methods.base import Method
from invlab.methods.direct import Direct
from invlab.methods.inverse_network import Scaled
from invlab.methods.neural_adjoint import NeuralAdjoint
from invlab.task import Pairs, Task

__all__ = ["Course", "Watch", "WatchedDirect", "moments", "watch_adjoint"]

# Points of a curve, and iterations of BFGS on a surrogate after which it is looked at.
POINTS = 40
DESCENT = (1, 2, 3, 5, 8, 13, 20, 30, 50, 80, 130, 200)

Course = dict[str, list[float]]


def moments(total: int) -> list[int]:
    """Some iterations of ``total``, from 0, that stand ever further apart."""
    raw = torch.logspace(0, torch.tensor(total).log10().item(), POINTS, dtype=torch.float64)
    return sorted({0, *(int(step) - 1 for step in raw.round().clamp_max(total))})


class Watch:
    """Notes the mean true loss of a method's answers on the way.

    Args:
        problems: whose loss is noted.
        total: iterations to come.
        course: filled with ``iteration`` and ``loss``, that of the answers before the iteration.

    Attributes:
        cpu: processor seconds that this took.
    """

    def __init__(self, problems: Problems, total: int, course: Course) -> None:
        self.problems, self.moments, self.course = problems, set(moments(total)), course
        self.course |= {"iteration": [], "loss": []}
        self.cpu, self.calls, self.looking = 0.0, 0, False

    def called(self, method: Method) -> None:
        """The network is called for one iteration more."""
        if self.looking:  # by this very call
            return
        if self.calls in self.moments:
            start, self.looking = runtime.cpu_seconds(), True
            loss = self.problems.loss(method.propose(self.problems.features)[:, 0]).mean()
            _note(self.course, self.calls, loss)
            self.cpu, self.looking = self.cpu + runtime.cpu_seconds() - start, False
        self.calls += 1


class WatchedDirect(Direct):
    """Direct regression on all rows at once, so that an iteration is one call of the network."""

    def __init__(self, *, watch: Watch | None, **options: Any) -> None:
        super().__init__(**options)
        self.watch = watch

    def _prepare(
        self, task: Task, data: Pairs, seeds: Sequence[int]
    ) -> tuple[Scaled, Scaled | None]:
        prepared = super()._prepare(task, data, seeds)
        if self.watch is not None:
            self.inverse.core.register_forward_hook(self._called)
        return prepared

    def _called(self, network: nn.Module, seen: tuple[Tensor, ...], answers: Tensor) -> None:
        assert self.watch is not None
        self.watch.called(self)


def watch_adjoint(problems: Problems, method: NeuralAdjoint, unit: float, course: Course) -> None:
    """Note the mean true loss after some iterations of BFGS on a surrogate.

    Args:
        problems: whose loss is noted.
        method: fitted.
        unit: of BFGS, see :meth:`~invbook.papers.joint_optimization.systems.Problems.lengths`.
        course: filled with ``iteration`` and ``loss``.
    """
    course |= {"iteration": [], "loss": []}
    _note(course, 0, problems.at_start.mean())
    for steps in DESCENT:
        method.search = BFGSSearch(x_scale=problems.lengths(unit), steps=steps)
        x = method.propose(problems.y, 1, problems.c)[:, 0].double()
        x = x if problems.box is None else problems.box.clip(x)
        _note(course, steps, problems.loss(x).mean())


def _note(course: Course, iteration: int, loss: Tensor) -> None:
    course["iteration"].append(iteration)
    course["loss"].append(float(f"{float(loss):.5g}"))
