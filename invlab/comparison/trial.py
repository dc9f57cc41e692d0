"""One method on one seed: fit it, ask it, simulate its answers, and say what that cost."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from invlab import runtime
from invlab.comparison.candidates import Candidate, trained
from invlab.comparison.judge import Judge
from invlab.methods import Method
from invlab.methods.asking import guesses_of
from invlab.simulators.counted import Counted
from invlab.task import Pairs, Targets
from invlab.trust.calibration import calibration_ranks, uniformity
from invlab.validation import native

__all__ = ["Question", "attempt"]

# Draws a target for the calibration of a sampler, and the level of its coverage.
DRAWS, LEVEL = 99, 0.9
# Fewer draws of a method of the user's test nothing.
FEWEST_DRAWS = 9


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


def attempt(
    candidate: Candidate, question: Question, judge: Judge, most: int | None = None
) -> dict[str, Any]:
    """The record of one method on one seed; its error in words where it has one.

    Args:
        candidate, question, judge: who is asked what, and who says how good it is.
        most: guesses a target that it can afford, where that is fewer than are asked for.
    """
    try:
        # somebody's own code may change what it is given, and draw from torch's own generators;
        # none of that is to reach the other methods
        with runtime.seeded(question.seed):
            return _measured(candidate, _copied(question), judge, most or question.guesses[-1])
    except (Exception, SystemExit) as error:  # one method that fails does not end the comparison
        first = str(error).partition("\n")[0]
        return {"note": f"failed: {type(error).__name__}: {first}"}


def _measured(candidate: Candidate, question: Question, judge: Judge, most: int) -> dict[str, Any]:
    targets, guesses = question.targets, tuple(n for n in question.guesses if n <= most)
    task = copy.copy(judge.task)
    task.simulator = counted = Counted(task.simulator)
    start = runtime.cpu_seconds()
    method = trained(candidate.build(), task, question.data, seed=question.seed)
    fitted, used = runtime.cpu_seconds(), counted.rows
    most_of_it = method.most if isinstance(method, Method) else None  # of a look-up in few pairs
    there = guesses[-1] if most_of_it is None else min(guesses[-1], most_of_it)
    x = guesses_of(method, targets.y, there, targets.c, x_dim=task.x_dim)
    asked = runtime.cpu_seconds()
    exchangeable = bool(getattr(method, "exchangeable", False))
    found = {
        "fit_s": fitted - start,
        "answer_s": (asked - fitted) / len(targets),
        "answer_calls": (counted.rows - used) / len(targets),
        "calls": counted.rows,
        "note": _short(question.guesses[-1], most, there) or _fewer(x.shape[1], guesses),
        "in_box": float(judge.task.box.contains(x).double().mean()),
        **judge.scores(x, targets, guesses, exchangeable=exchangeable),
    }
    more: dict[str, Callable[[], dict[str, Any]]] = {}
    if judge.can_refine:
        more["refinement failed"] = lambda: _refined(x, targets, judge, guesses, exchangeable)
    if targets.x is not None:
        unknowns = targets.x
        more["log_density not known"] = lambda: _density(method, unknowns, targets)
        if candidate.draws:
            more["calibration not tested"] = lambda: _calibration(method, unknowns, targets)
    for failed, measure in more.items():
        _add(found, failed, measure)
    return found


def _add(found: dict[str, Any], failed: str, measure: Callable[[], dict[str, Any]]) -> None:
    """Add what is measured beside the scores; where that fails, it says nothing against them."""
    try:
        found |= measure()
    except (Exception, SystemExit) as error:  # somebody else's code: it may raise anything
        first = str(error).partition("\n")[0]
        note = f"{failed}: {type(error).__name__}: {first}"
        found["note"] = "; ".join(part for part in (found["note"], note) if part)


def _refined(
    x: Tensor, targets: Targets, judge: Judge, guesses: tuple[int, ...], exchangeable: bool
) -> dict[str, Any]:
    """Errors after a refinement."""
    better = judge.refined(x, targets)
    again = judge.scores(better, targets, guesses, exchangeable=exchangeable)
    return {"refined": again["errors"]}


def _copied(question: Question) -> Question:
    """The same question in tensors of its own."""
    data, asked = question.data, question.targets
    x, y, c = (None if part is None else part.clone() for part in (asked.x, asked.y, asked.c))
    assert y is not None
    own = Pairs(data.x.clone(), data.y.clone(), None if data.c is None else data.c.clone())
    return replace(question, data=own, targets=Targets(y, c, x))


def _short(wanted: int, affordable: int, there: int) -> str:
    """Why fewer guesses than wanted were asked for, or nothing."""
    plural = "guess" if there == 1 else "guesses"
    if there < min(wanted, affordable):
        return f"has {there} {plural} a target only"
    if affordable < wanted:
        return f"asked for {there} {plural} only, since each takes many simulations"
    return ""


def _fewer(gave: int, guesses: tuple[int, ...]) -> str:
    """What is said of a method of the user's that gives fewer guesses than it is asked for."""
    unscored = [n for n in guesses if n > gave]
    if not unscored:
        return ""
    plural = "guess" if gave == 1 else "guesses"
    return f"gave {gave} {plural}, fewer than the {unscored[0]} that are scored"


def _density(method: Any, x: Tensor, targets: Targets) -> dict[str, float]:
    """Mean log density of the true unknowns, in nats, where the method has one."""
    if not getattr(method, "gives_density", False):
        return {}
    y, c = runtime.copies(targets.y, targets.c)
    log_density = torch.as_tensor(native(method.log_density(x[:, None], y, c)))
    return {"log_density": float(log_density.double().mean())}


def _calibration(method: Any, x: Tensor, targets: Targets) -> dict[str, float]:
    """Coverage of the central interval of each unknown, and three tests of the ranks.

    ``calibration_p`` is the smallest p of the unknowns, times their number; ``coverage_p``, which
    few targets suffice for, is that of their coverage. ``joint_p`` ranks the distance to a random
    point of the targets' unknowns (Lemos et al. 2023), which sees the unknowns together. Nothing
    of a single target.
    """
    if len(x) < 2:
        return {}
    draws = guesses_of(method, targets.y, DRAWS, targets.c, x_dim=x.shape[1])
    n = draws.shape[1]  # a method of the user's may have fewer
    if n < FEWEST_DRAWS:
        return {}
    bins = min(10, max(2, len(x) // 5), n + 1)
    ranks = calibration_ranks(x, draws)
    edge = (1 - LEVEL) / 2 * (n + 1)
    inside = (ranks >= edge) & (ranks < n + 1 - edge)
    # of few draws the interval holds another share than the level
    level = sum(edge <= rank < n + 1 - edge for rank in range(n + 1)) / (n + 1)
    p = uniformity(ranks, n, bins=bins)
    length = x.std(0).clamp_min(1e-30)
    order = torch.randperm(len(x), generator=runtime.generator(0, "references"), device="cpu")
    points = x[order.to(x.device)]
    near = ((x - points) / length).norm(dim=1, keepdim=True)
    nearer = ((draws - points[:, None]) / length).norm(dim=2, keepdim=True)
    joint = uniformity(calibration_ranks(near, nearer), n, bins=bins)
    return {
        "coverage": float(inside.double().mean()),
        "coverage_p": min(1.0, _of_coverage(inside, level) * len(p)),
        "calibration_p": min(1.0, float(p.min()) * len(p)),
        "joint_p": float(joint[0]),
    }


def _of_coverage(inside: Tensor, level: float) -> float:
    """Smallest p-value over the unknowns that so many of ``(B, dx)`` lie inside by chance."""
    from scipy.stats import binomtest  # slow to import

    counts = inside.sum(0).tolist()
    return min(float(binomtest(count, len(inside), level).pvalue) for count in counts)
