"""The scores of a set of problems beside SciPy's BFGS, and the methods that train nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from invbook.papers.joint_optimization.systems import Problems, Result, compare, scipy_bfgs
from invlab import runtime
from invlab.minimizers import Solution, minimize

__all__ = [
    "SMALL",
    "Scoreboard",
    "batched",
    "curves_of",
    "draws",
    "exchange",
    "multistart",
    "timed",
]

# Which unit the answers of the batched searches come from.
SMALL = 1.0
# Points kept of a curve.
POINTS = 60


class Scoreboard:
    """Scores of one set of problems, against its baseline in each unit.

    Attributes:
        problems: to be solved.
        units: of the comparison.
        scores: a number under each ``S<unit>/<method>/<stage>/<quantity>``.
        baseline: SciPy's BFGS from the mean of the prior, by unit.
    """

    def __init__(self, problems: Problems) -> None:
        self.problems, self.units = problems, problems.system.units
        self.scores: dict[str, float] = {}
        self.baseline = {unit: scipy_bfgs(problems, problems.start, unit) for unit in self.units}
        for unit, found in self.baseline.items():
            self.enter(unit, "bfgs", "refined", found)

    def enter(self, unit: float, method: str, stage: str, found: Result) -> None:
        """Compare answers with the baseline of a unit, and keep the numbers."""
        numbers = compare(self.problems, found, self.baseline[unit].loss)
        numbers |= {"cpu": found.cpu, "evaluations": found.evaluations}
        if found.iterations:
            numbers["iterations"] = found.iterations
        for name, value in numbers.items():
            self.scores[f"S{unit:g}/{method}/{stage}/{name}"] = float(f"{value:.5g}")

    def end(self, method: str, found: Result, units: Sequence[float] | None = None) -> None:
        """Enter what needs no refinement, against the baseline of each unit."""
        for unit in self.units if units is None else units:
            self.enter(unit, method, "refined", found)

    def refine(
        self, method: str, several: list[Result], units: Sequence[float] | None = None
    ) -> dict[float, list[Result]]:
        """Enter the best of several answers, before and after SciPy's BFGS from each.

        Returns:
            The refined answers, by unit.
        """
        ends = {}
        for unit in self.units if units is None else units:
            refined = [scipy_bfgs(self.problems, found.x, unit) for found in several]
            ends[unit] = [a.then(b) for a, b in zip(several, refined, strict=True)]
            self.enter(unit, method, "unrefined", Result.best(several))
            self.enter(unit, method, "refined", Result.best(ends[unit]))
        return ends


def timed(search: Callable[[], Solution]) -> Result:
    """What a batched search finds, and its processor time."""
    start = runtime.cpu_seconds()
    found = search()
    cpu = runtime.cpu_seconds() - start
    evaluations, iterations = (count.double().mean().item() for count in (found.nfev, found.nit))
    return Result(found.x, found.fun, cpu, evaluations, iterations)


def draws(problems: Problems, seed: int, count: int) -> list[Result]:
    """Draws of the prior as answers, free of charge."""
    generator = runtime.generator(seed, "joint optimization", "draws")
    each = [problems.task.prior.sample(len(problems), generator=generator) for _ in range(count)]
    return [Result(x, problems.loss(x), 0.0, 0.0) for x in each]


def multistart(
    problems: Problems, seed: int, starts: Sequence[int], start: Tensor, **options: Any
) -> tuple[Result, dict[str, list[float]]]:
    """Batched BFGS from ``start`` and then draws, noted after some numbers of starts."""
    total, spent, evaluations, iterations = start, 0.0, 0.0, 0.0
    noted: dict[str, list[float]] = {"starts": list(starts), "solved": [], "cpu": []}
    before = 0
    for count in starts:
        # the answers so far are minima, where BFGS stops after one evaluation
        restarts = count - before if before else count - 1
        found = timed(
            lambda total=total, restarts=restarts, before=before: minimize(  # type: ignore[misc]
                problems.fun,
                total,
                method="multistart",
                **problems.limits(SMALL),
                restarts=restarts,
                seed=1000 * seed + before,
                **options,
            )
        )
        total, before = found.x, count
        spent, evaluations = spent + found.cpu, evaluations + found.evaluations
        iterations += found.iterations
        noted["cpu"].append(round(spent, 4))
        noted["solved"].append(100 * problems.solved(found.x, found.loss).double().mean().item())
    return Result(total, found.loss, spent, evaluations, iterations), noted


def batched(problems: Problems) -> tuple[Result, dict[str, list[float]]]:
    """Our BFGS on all problems at once, and how the mean of its best losses falls in each unit."""
    descents = {}

    def search(unit: float) -> Solution:
        solution = minimize(
            problems.fun,
            problems.start,
            **problems.limits(unit),
            record=True,
        )
        assert solution.history is not None
        mean = solution.history.mean(1).tolist()
        descents[f"S{unit:g}"] = [float(f"{value:.5g}") for value in mean]
        return solution

    for unit in problems.system.units:
        if unit != SMALL:
            search(unit)
    return timed(lambda: search(SMALL)), descents


def exchange(problems: Problems, start: Tensor, target: float | Tensor | None = None) -> Result:
    """BFGS from ``start``, then from other rows' answers where the target is not reached."""
    return timed(
        lambda: minimize(
            problems.fun,
            start,
            method="multistart",
            **problems.limits(SMALL),
            restarts=0,
            cross_start=True,
            target=target,
        )
    )


def curves_of(course: list[float], descent: dict[str, list[float]]) -> dict[str, Any]:
    """Two curves at a few dozen iterations that stand ever further apart."""
    size = len(course)
    raw = torch.logspace(0, torch.tensor(size).log10().item(), POINTS).round().long()
    at = sorted({0, *(raw.clamp_max(size) - 1).tolist()})
    return {
        "iteration": at,
        "joint": [float(f"{course[i]:.5g}") for i in at],
        "bfgs": descent,
    }
