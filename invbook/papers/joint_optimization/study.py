"""A comparison at equal processor time, where problems have many unknowns."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import torch
from torch import Tensor

from invbook.papers.joint_optimization.learned import keep_lower
from invbook.papers.joint_optimization.systems import Problems
from invlab import runtime
from invlab.minimizers import Solution, minimize

__all__ = ["Study"]

Loss = Callable[[Tensor, Tensor], Tensor]


class _SpentError(Exception):
    """The processor time of a search is spent."""


class Study:
    """Problems, and the scores of what was tried on them; all searches by our BFGS.

    A problem is solved where its loss exceeds that at the truth by less than a margin: restarts
    know that loss and stop there.

    Args:
        problems: to be solved.
        margin: of the loss.
        generator: of the restarts.
        limits: options of BFGS.

    Attributes:
        scores: numbers under ``<method>/<quantity>``.
    """

    def __init__(
        self, problems: Problems, margin: float, generator: torch.Generator, **limits: Any
    ) -> None:
        self.problems, self.margin, self.generator, self.limits = (
            problems,
            margin,
            generator,
            limits,
        )
        self.scores: dict[str, float] = {}

    def bfgs(self, x: Tensor, rows: Tensor | None = None, fun: Loss | None = None) -> Solution:
        """Our BFGS on some of the problems, through ``fun`` in place of their own loss."""
        fun = self.problems.fun if fun is None else fun
        if rows is not None:
            every, chosen = fun, rows

            def fun(x: Tensor, rows: Tensor) -> Tensor:
                return every(x, chosen[rows])

        return minimize(fun, x, bounds=self.problems.box, **self.limits)

    def search(
        self, method: str, x: Tensor, cpu: float = 0.0, spent: Tensor | float = 0.0
    ) -> float:
        """Refine answers, enter them, and return the processor time of both steps."""
        begin = runtime.cpu_seconds()
        found = self.bfgs(x)
        cpu += runtime.cpu_seconds() - begin
        evaluations = torch.as_tensor(spent).double().mean() + found.nfev.double().mean()
        self.enter(method, found.x, found.fun, cpu, float(evaluations))
        return cpu

    def restart(self, method: str, budget: float, draw: Callable[..., Tensor]) -> None:
        """BFGS from the start, then from draws in the unsolved rows, until the time is spent."""
        begin, rounds, evaluations = runtime.cpu_seconds(), 0, 0
        x, fun = self.problems.start.clone(), torch.full_like(self.problems.at_truth, torch.inf)

        def watched(point: Tensor, rows: Tensor) -> Tensor:
            nonlocal evaluations
            if runtime.cpu_seconds() - begin > budget:
                raise _SpentError
            value = self.problems.fun(point, rows)
            evaluations += len(rows)
            keep_lower(x, fun, rows, point.detach(), value.detach())
            return value

        with suppress(_SpentError):
            self.bfgs(self.problems.start, fun=watched)
            while len(rows := (fun > self.problems.at_truth + self.margin).nonzero()[:, 0]):
                self.bfgs(draw(x, rows, rounds), rows, watched)
                rounds += 1
        cpu = runtime.cpu_seconds() - begin
        self.enter(method, x, fun, cpu, evaluations / len(x), rounds=float(rounds))

    def anywhere(self, x: Tensor, rows: Tensor, k: int) -> Tensor:
        """New unknowns for some rows, drawn from the prior."""
        return self.problems.task.prior.sample(len(x), generator=self.generator)[rows]

    def measured(self, x: Tensor) -> dict[str, float]:
        """What else tells how good answers ``(n, dx)`` are."""
        raise NotImplementedError

    def enter(
        self, method: str, x: Tensor, loss: Tensor, cpu: float, evaluations: float, **more: float
    ) -> None:
        """Score answers ``(n, dx)`` with their losses ``(n,)``."""
        excess = loss - self.problems.at_truth
        numbers = {
            "solved": 100 * (excess < self.margin).double().mean().item(),
            **self.measured(x),
            "excess": excess.mean().item(),
            "cpu": cpu,
            "evaluations": evaluations,
            **more,
        }
        self.scores |= {f"{method}/{name}": float(f"{v:.5g}") for name, v in numbers.items()}
