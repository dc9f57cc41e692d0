"""The study on one simulator: a small comparison names a method, a large one says what is best."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from invbook.papers.advice.regret import Row, answering_alone, best_of, regrets, summary
from invbook.papers.advice.simulators import Case, get_case
from invlab import compare, get_method, runtime
from invlab.simulators import FailedRows
from invlab.simulators.counted import Counted
from invlab.task import Task

__all__ = ["Size", "noise_floor", "study"]

# Draws of the prior that say how large the noise is.
DRAWS = 500


@dataclass(frozen=True)
class Size:
    """How large a comparison is.

    Attributes:
        n: pairs to learn from.
        targets: to be answered, a seed.
        guesses: numbers T.
        seeds: how often.
    """

    n: int
    targets: int
    guesses: tuple[int, ...]
    seeds: int


def study(
    name: str,
    *,
    small: Size,
    large: Size,
    methods: str | Sequence[str] = "auto",
    more: Sequence[str] = (),
    joint: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """What is recorded of one simulator.

    Args:
        name: of the simulator.
        small: size of the comparison that names a method for each T.
        large: size of the one, on other pairs and targets, that says what every method reaches.
        methods: of both.
        more: methods of the large one alone.
        joint: options of joint optimisation, which takes part in the large one with ``guesses``
            of its own; None leaves it out.

    Returns:
        ``scores`` as :func:`invbook.papers.advice.regret.summary` gives them, one number each,
        and under ``alone/`` those among methods that answer without calling the simulator again;
        ``cases`` behind them, one a T; ``rows`` of both comparisons; ``facts`` of the simulator.
    """
    case = get_case(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FailedRows)
        warnings.filterwarnings("ignore", message=".* pairs left out, their y is invalid")
        quick = _small(case, small, methods)
        # the random numbers of a comparison depend on the name of its task
        task = case.make(name=f"{name}, large")
        rows = _large(task, large, methods, more, joint)
        floor = noise_floor(task)
    cases = {
        "any": [_case(quick, rows, n, floor, large) for n in quick["best"]],
        "alone": [
            _case(quick, answering_alone(rows), n, floor, large, alone=True) for n in quick["best"]
        ],
    }
    scores = summary(cases["any"])
    scores |= {f"alone/{key}": number for key, number in summary(cases["alone"]).items()}
    return {
        "scores": {key: [number] for key, number in scores.items()},
        "cases": cases,
        "named": {str(guesses): named for guesses, named in quick["best"].items()},
        "spent": {"calls": quick["calls"], "seconds": quick["seconds"]},
        "rows": {"small": quick["rows"], "large": list(rows.values())},
        "facts": _facts(case, task, floor),
    }


def _case(
    quick: Mapping[str, Any],
    rows: Mapping[str, Row],
    guesses: int,
    floor: float,
    large: Size,
    *,
    alone: bool = False,
) -> dict[str, dict[str, list[float]]]:
    """Regrets at one T, of the best method or of the best that answers without the simulator."""
    named = quick["best"][guesses]
    if alone:
        named = best_of(answering_alone({row["method"]: row for row in quick["rows"]}), guesses)
    spent = {"calls": quick["calls"], "seconds": quick["seconds"]}
    return regrets(rows, named, guesses, floor=floor, targets=large.targets, **spent)


def _small(case: Case, size: Size, methods: str | Sequence[str]) -> dict[str, Any]:
    """Rows of the small comparison, whom it names by T, and what it cost."""
    task = case.make()
    counted = Counted(task.simulator)
    task.simulator = counted
    start = runtime.cpu_seconds()
    found = compare(task, methods, **vars(size))
    seconds = runtime.cpu_seconds() - start
    # of a dear simulator, the plan of the comparison leaves larger T out
    best = {guesses: found.best(guesses) for guesses in found.plan.guesses}
    return {"rows": found.rows, "best": best, "calls": counted.rows, "seconds": seconds}


def _large(
    task: Task,
    size: Size,
    methods: str | Sequence[str],
    more: Sequence[str],
    joint: Mapping[str, Any] | None,
) -> dict[str, Row]:
    """Rows by method: those of the small comparison, further ones, and the joint method's."""
    with tempfile.TemporaryDirectory() as folder:
        # the second call finds what both have in common in the folder
        asked = [methods, list(more)] if more else [methods]
        parts = [compare(task, some, folder=folder, **vars(size)) for some in asked]
    if joint is not None:
        options = dict(joint)
        own = vars(size) | {"guesses": options.pop("guesses")}
        method = get_method("joint", **options)
        # spares the draws of a test of calibration, which it does not claim to pass
        method.exchangeable = False
        parts.append(compare(task, [method], **own))
    rows: dict[str, Row] = {}
    for part in parts:
        rows = {row["method"]: row for row in part.rows} | rows
    return rows


def noise_floor(task: Task) -> float:
    """Error of the truth under fresh noise, over the variance of y; 0 without noise."""
    if not task.noisy:
        return 0.0
    first = task.sample(DRAWS, dtype=torch.float64)
    with runtime.seeded(0):
        again = task.simulate(first.x, first.c)
    there = task.valid(first.y) & task.valid(again)
    y, again = first.y[there].flatten(1), again[there].flatten(1)
    return float((y - again).square().mean() / y.var(0, correction=0).mean())


def _facts(case: Case, task: Task, floor: float) -> dict[str, Any]:
    return {
        "tuned": case.tuned,
        "traits": sorted(case.traits),
        "x_dim": task.x_dim,
        "differentiable": task.differentiable,
        "noisy": task.noisy,
        "floor": floor,
    }
