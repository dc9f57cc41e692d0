"""What is recorded of ``invert``: a run a simulator and seed."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

import invlab
from invbook.papers.advice.regret import PRIOR_ERROR
from invbook.papers.advice.simulators import NINE_KINDS, get_case
from invbook.papers.trust.experiments import errors_once
from invbook.resolved import of_simulator
from invlab import Targets, Task, runtime
from invlab.inversion import Answers
from invlab.runs.records import Run

__all__ = ["LEVEL", "REVISION", "SEEDS", "Size", "ids", "plan"]

# Of the code behind the numbers; raise it when they change.
REVISION = 1

# No setting of ``invert`` was chosen on these.
SEEDS = (60, 61)
# Share of the targets that the bound promises to hold for, as ``invert`` does by itself.
LEVEL = 0.9
QUICK_SIMULATORS = ("two_moons", "thin_film")


@dataclass(frozen=True)
class Size:
    """What a call is asked, and what it may spend on its choice.

    Attributes:
        pairs: that the call simulates.
        targets: fresh ones.
        budget: processor seconds of the comparison that chooses a method.
    """

    pairs: int = 2000
    targets: int = 100
    budget: float = 30.0


QUICK = Size(pairs=200, targets=5, budget=3.0)


def ids(simulators: Sequence[str] = NINE_KINDS, seeds: Sequence[int] = SEEDS) -> list[str]:
    """Where the records of simulators and seeds go."""
    return [f"answers/{name}/seed{seed}" for name in simulators for seed in seeds]


def plan() -> list[Run]:
    """A run a simulator and seed; two simulators, one seed in the quick preset."""
    size = runtime.by_preset(quick=QUICK, full=Size())
    names = runtime.by_preset(quick=QUICK_SIMULATORS, full=NINE_KINDS)
    seeds = runtime.by_preset(quick=SEEDS[:1], full=SEEDS)
    return [_run(name, seed, size) for name in names for seed in seeds]


def _run(name: str, seed: int, size: Size) -> Run:
    asked = {"simulator": name, **of_simulator(get_case(name).make())}
    settings = {**asked, "size": vars(size), "level": LEVEL}
    compute = partial(_compute, name, size)
    return Run(ids([name], [seed])[0], settings, compute, (seed,), REVISION)


def _compute(name: str, size: Size, seeds: Sequence[int]) -> dict[str, Any]:
    (seed,) = seeds
    task = get_case(name).make()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of failed rows, which these simulators have
        targets = task.targets(size.targets, seed=seed, dtype=torch.float64)
        start = runtime.cpu_seconds()
        found = invlab.invert(
            task, targets.y, budget=size.budget, level=LEVEL, pairs=size.pairs, seed=seed
        )
        spent = runtime.cpu_seconds() - start
        scores = _scores(task, targets, found) | _nulls(task, targets, size.pairs, seed)
    scores |= {"calls": found.calls / len(found), "cpu": spent}
    return {
        "scores": {key: [value] for key, value in scores.items()},
        "facts": {"method": found.method, "noisy": task.noisy, "notes": list(found.notes)},
    }


def _scores(task: Task, targets: Targets, found: Answers) -> dict[str, float | None]:
    """Of the first answer, simulated once more: noise of its own says whether the bound holds."""
    error = errors_once(task, found.x[:, 0], targets.y, "answers, answers")
    there = found.reachable & found.bound.isfinite()
    held = (error <= found.bound)[there]
    return {
        "r_1": _mean(error, targets.y),
        "failed": float((~error.isfinite()).double().mean()),
        "held": float(held.double().mean()) if len(held) else None,
        "flagged": float((~found.reachable).double().mean()),
    }


def _nulls(task: Task, targets: Targets, pairs: int, seed: int) -> dict[str, float]:
    """The nearest of as many pairs, and the truth itself under fresh noise."""
    data = task.sample(pairs, generator=runtime.generator(seed, task.name, "look-up"))
    nearest = invlab.get_method("nearest").fit(task, data, seed=seed)
    guesses = nearest.propose(targets.y.to(data.y.dtype), 1)
    assert targets.x is not None  # drawn by the task
    looked_up = errors_once(task, guesses[:, 0], targets.y, "answers, look-up")
    floor = errors_once(task, targets.x, targets.y, "answers, floor")
    return {
        "lookup": _mean(looked_up, targets.y),
        "floor": _mean(floor, targets.y),
    }


def _mean(errors: Tensor, y: Tensor) -> float:
    """In the variance of y; an answer that the simulator cannot take counts as a draw does."""
    variance = y.double().flatten(1).var(0, correction=0).mean()
    return float(torch.where(errors.isfinite(), errors / variance, PRIOR_ERROR).mean())
