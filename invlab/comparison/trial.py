"""One method on one seed: fit it, ask it, simulate its answers, and say what that cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from invlab import runtime
from invlab.comparison.candidates import Candidate
from invlab.comparison.judge import Judge
from invlab.task import Pairs, Targets
from invlab.trust.calibration import calibration_ranks, uniformity

__all__ = ["Question", "attempt"]

# Draws a target for the calibration of a sampler, and the level of its coverage.
DRAWS, LEVEL = 99, 0.9


@dataclass(frozen=True)
class Question:
    """What every method of one seed is asked.

    Attributes:
        data: pairs to learn from.
        targets: to invert, with the unknowns behind them.
        guesses: numbers T, ascending.
        seed: of data, targets and training.
    """

    data: Pairs
    targets: Targets
    guesses: tuple[int, ...]
    seed: int


def attempt(candidate: Candidate, question: Question, judge: Judge) -> dict[str, Any]:
    """The record of one method on one seed; its error in words where it has one."""
    try:
        return _measured(candidate, question, judge)
    except Exception as error:  # one method that fails does not end the comparison
        first = str(error).partition("\n")[0]
        return {"note": f"failed: {type(error).__name__}: {first}"}


def _measured(candidate: Candidate, question: Question, judge: Judge) -> dict[str, Any]:
    targets, most = question.targets, question.guesses[-1]
    start = runtime.cpu_seconds()
    method = candidate.build().fit(judge.task, question.data, seed=question.seed)
    fitted = runtime.cpu_seconds()
    x = method.propose(targets.y, most, targets.c)
    asked = runtime.cpu_seconds()
    found = {
        "fit_s": fitted - start,
        "answer_s": (asked - fitted) / len(targets),
        "note": "",
        "in_box": float(judge.task.box.contains(x).double().mean()),
        **judge.scores(x, targets, question.guesses, exchangeable=method.exchangeable),
    }
    if judge.can_refine:
        better = judge.refined(x[:, : judge.refine_at_most], targets)
        found["refined"] = judge.scores(
            better, targets, question.guesses, exchangeable=method.exchangeable
        )["errors"]
    if method.exchangeable and candidate.name != "prior" and targets.x is not None:
        found |= _calibration(method, targets)
    return found


def _calibration(method: Any, targets: Targets) -> dict[str, Any]:
    """Coverage of the central interval of each unknown, and the smallest p of uniform ranks."""
    assert targets.x is not None
    draws = method.propose(targets.y, DRAWS, targets.c)
    ranks = calibration_ranks(targets.x, draws)
    edge = (1 - LEVEL) / 2 * (DRAWS + 1)
    inside = (ranks >= edge) & (ranks < DRAWS + 1 - edge)
    p = uniformity(ranks, DRAWS, bins=min(10, max(2, len(ranks) // 5)))
    return {
        "coverage": float(inside.double().mean()),
        "calibration_p": min(1.0, float(p.min()) * len(p)),
    }
