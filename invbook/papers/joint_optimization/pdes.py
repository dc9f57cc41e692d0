"""Kuramoto–Sivashinsky and Navier–Stokes: the methods, and what is measured of them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from invbook import frozen
from invbook.papers.joint_optimization import learned
from invbook.papers.joint_optimization.courses import Course
from invbook.papers.joint_optimization.scoreboard import (
    SMALL,
    Scoreboard,
    batched,
    curves_of,
    draws,
    exchange,
    timed,
)
from invbook.papers.joint_optimization.systems import Problems, Result
from invlab import runtime
from invlab.minimizers import minimize

__all__ = ["KURAMOTO", "NAVIER", "Clocked", "restart", "search"]

KURAMOTO = frozen.options("joint_optimization", "kuramoto_sivashinsky")
NAVIER = frozen.options("joint_optimization", "navier_stokes")
# Problems up to which the losses of all answers are kept, and points of a curve.
KEPT, POINTS = 64, 40


def search(run: Scoreboard, seed: int, settings: dict[str, Any]) -> dict[str, Any]:
    """All methods on one set of problems, their scores entered.

    Beside those of the other systems: ``joint_last``, the answers at the end of the training,
    where ``joint`` is the best of each problem on the way; ``truth``, the true unknowns and BFGS
    from them, which no method knows; ``joint_or_bfgs``, for each problem the better of two
    answers; ``multistart_equal``, what restarts have reached in the processor time of ``joint``.

    Returns:
        ``iteration``, ``joint``, ``bfgs``, ``direct`` and ``neural_adjoint`` as for the others, and
        ``multistart``: what restarts have ``solved`` (%), at what ``cpu`` (s), with what mean
        ``loss``; for at most 64 problems ``losses``, those of every problem after ``joint``,
        ``bfgs`` and others.
    """
    problems = run.problems
    (truth,) = run.refine("truth", [Result(problems.truth, problems.at_truth, 0.0, 0.0)])[SMALL]
    last, best, course = learned.joint(problems, seed, **settings["joint"])
    run.refine("joint_last", last)
    (joint,) = run.refine("joint", best)[SMALL]
    run.end("joint_or_bfgs", Result.best([joint, run.baseline[SMALL]]))
    run.refine("draw", draws(problems, seed, 1))
    courses: dict[str, Course] = {"direct": {}, "neural_adjoint": {}}
    guess = learned.direct(problems, seed, course=courses["direct"], **settings["direct"])
    (direct,) = run.refine("direct", [guess])[SMALL]
    guesses = learned.neural_adjoint(
        problems, seed, [SMALL], course=courses["neural_adjoint"], **settings["neural_adjoint"]
    )
    (adjoint,) = run.refine("neural_adjoint", [guesses[SMALL]])[SMALL]
    found, descent = batched(problems)
    run.end("bfgs_batched", found)
    run.end("exchange", exchange(problems, problems.start, problems.target))
    clock = restart(problems, seed, settings["restarts"], joint.cpu)
    run.end("multistart", clock.found)
    run.end("multistart_equal", clock.within)
    each = {"bfgs": run.baseline[SMALL], "joint": joint, "direct": direct}
    each |= {"neural_adjoint": adjoint, "multistart": clock.found, "truth": truth}
    losses = {name: _short(answer.loss) for name, answer in each.items()}
    losses["at_truth"] = _short(problems.at_truth)
    kept = {"losses": losses} if len(problems) <= KEPT else {}
    return curves_of(course, descent) | courses | {"multistart": clock.curve()} | kept


def restart(problems: Problems, seed: int, restarts: int, budget: float) -> Clocked:
    """BFGS from the mean of the prior, then from draws of it, watched by a clock.

    Where an exact answer exists a search for it ends there; elsewhere every problem takes part
    in all rounds.
    """
    clock = Clocked(problems, budget)
    exact = bool((problems.at_truth == 0).all())
    found = timed(
        lambda: minimize(
            clock,
            problems.start,
            method="multistart",
            **problems.limits(SMALL),
            draws=problems.task.prior,
            restarts=restarts,
            target=problems.target if exact else None,
            seed=1000 * seed,
        )
    )
    clock.end(found)
    return clock


class Clocked:
    """A loss that notes what the searches through it have found, and when.

    Args:
        problems: to be solved.
        budget: processor time in seconds at which the answers are kept as ``within``.

    Attributes:
        found, within: the answers at the end, and when the budget was spent.
    """

    found: Result
    within: Result

    def __init__(self, problems: Problems, budget: float) -> None:
        self.problems, self.budget = problems, budget
        self.x, self.loss = problems.start.clone(), torch.full_like(problems.start[:, 0], torch.inf)
        self.evaluations, self.begin = 0, runtime.cpu_seconds()
        self.notes: list[tuple[float, float, float]] = []

    def __call__(self, x: Tensor, rows: Tensor) -> Tensor:
        value = self.problems.fun(x, rows)
        learned.keep_lower(self.x, self.loss, rows, x.detach(), value.detach())
        self.evaluations += len(rows)
        spent = runtime.cpu_seconds() - self.begin
        solved = 100 * self.problems.solved(self.x, self.loss).double().mean().item()
        self.notes.append((spent, solved, self.loss.mean().item()))
        if spent >= self.budget and not hasattr(self, "within"):
            self.within = self._now(spent)
        return value

    def _now(self, spent: float) -> Result:
        evaluations = self.evaluations / len(self.problems)
        return Result(self.x.clone(), self.loss.clone(), spent, evaluations)

    def end(self, found: Result) -> None:
        """Enter what the search returned."""
        self.found = found
        if not hasattr(self, "within"):
            self.within = found

    def curve(self) -> dict[str, list[float]]:
        """``cpu``, ``solved`` and ``loss`` at a few dozen moments."""
        at = torch.linspace(0, len(self.notes) - 1, POINTS).round().long().unique().tolist()
        columns = zip(*(self.notes[i] for i in at), strict=True)
        names = ("cpu", "solved", "loss")
        return {
            name: [float(f"{value:.4g}") for value in column]
            for name, column in zip(names, columns, strict=True)
        }


def _short(values: Tensor) -> list[float]:
    return [float(f"{value:.7g}") for value in values.tolist()]
