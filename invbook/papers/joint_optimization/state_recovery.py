"""Too many unknowns for restarts? The first state of a chaotic wave, at equal processor time."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from invbook import frozen
from invbook.papers.joint_optimization import learned
from invbook.papers.joint_optimization.study import Study
from invbook.papers.joint_optimization.systems import SOLVED_WAVES, Problems, System
from invlab import runtime
from invlab.improve import squared_distance
from invlab.minimizers import minimize
from invlab.runtime import generator
from invlab.tasks.kuramoto_sivashinsky import KuramotoSivashinsky

__all__ = ["STATE", "recover"]

STATE = frozen.options("joint_optimization", "initial_state")


def recover(n: int, seed: int, settings: dict[str, Any]) -> dict[str, Any]:
    """Every method on n trajectories whose first states are unknown, as a record holds it.

    ``early_bfgs`` searches the misfit of the first few states and goes on from there with all of
    them; the networks of ``early`` are trained on that loss. ``multistart`` restarts the unsolved
    problems from draws of the prior and gets the processor time of ``joint`` with its refinement.

    Returns:
        ``scores`` under ``<method>/<quantity>``: ``solved`` (% of problems whose loss, the mean
        squared difference of the states, is below 1e-7), ``error`` (root mean square over all
        amplitudes, in standard deviations of the prior), ``excess`` (mean loss), ``cpu`` in
        seconds, ``evaluations`` a problem, and for ``multistart`` its ``rounds``.
    """
    problems, early = _problems(n, seed, settings)
    # one stands for a standard deviation of the prior
    unit = settings["task"]["modes"] ** -0.5
    limits = {"gtol": settings["gtol"], "maxiter": settings["maxiter"], "x_scale": unit}
    study = _States(problems, SOLVED_WAVES, generator(seed, "states", "restarts"), **limits)
    study.search("bfgs", problems.start)
    begin = runtime.cpu_seconds()
    ahead = minimize(early.fun, problems.start, **limits)
    study.search("early_bfgs", ahead.x, runtime.cpu_seconds() - begin, ahead.nfev)
    last, _, _ = learned.joint(problems, seed, output_scale=unit, **settings["joint"])
    budget = study.search("joint", last[0].x, last[0].cpu, last[0].evaluations)
    last, _, _ = learned.joint(
        problems, seed, output_scale=unit, train_on=early.fun, **settings["joint"]
    )
    study.search("early_joint", last[0].x, last[0].cpu, last[0].evaluations)
    guess = learned.direct(problems, seed, **settings["direct"])
    study.search("direct", guess.x, guess.cpu, guess.evaluations)
    study.restart("multistart", budget, study.anywhere)
    return {"scores": {name: [value] for name, value in study.scores.items()}, "curves": {}}


class _States(Study):
    def measured(self, x: Tensor) -> dict[str, float]:
        """The distance to the truth."""
        off = (x - self.problems.truth) / self.limits["x_scale"]
        return {"error": off.square().mean().sqrt().item()}


def _problems(n: int, seed: int, settings: dict[str, Any]) -> tuple[Problems, Problems]:
    """The problems, and the same with the first few states as observation."""
    task = KuramotoSivashinsky(**settings["task"])
    short = KuramotoSivashinsky(**{**settings["task"], "horizon": settings["early"]})
    targets = task.targets(n, seed=seed, dtype=torch.float64)
    assert targets.x is not None
    assert targets.c is not None
    y, c, truth = targets.y.cpu(), targets.c.cpu(), targets.x.cpu()
    seen = y[:, : short.simulator.steps // short.simulator.per_state]
    return _of(task, y, c, truth), _of(short, seen, c, truth)


def _of(task: KuramotoSivashinsky, y: Tensor, c: Tensor, truth: Tensor) -> Problems:
    distance, numbers = squared_distance(task, y, c), y[0].numel()

    def fun(x: Tensor, rows: Tensor) -> Tensor:
        return distance(x, rows) / numbers

    system = System("kuramoto_sivashinsky", (), bounded=False)
    return Problems(system, task, y, c, truth, fun, torch.zeros_like(truth))
