"""What is recorded of the growth of costs: a run a method and a run a minimiser.

From a common base (3000 pairs, four unknowns, eight numbers of y, 100 targets of ten draws, 256
problems) one size grows at a time. Trainings take two epochs and searches a few rounds: it is the
cost of one that grows. An axis ends early where its next point would take too long.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from math import isnan
from pathlib import Path
from typing import Any

from invbook.papers.scaling import work
from invbook.papers.scaling.fresh import Cost, Died, FreshProcesses
from invbook.papers.scaling.growth import exponent, straight_from
from invbook.papers.scaling.work import Size
from invbook.resolved import of_method, of_minimizer
from invlab import get_method, runtime
from invlab.runs.records import Run

__all__ = ["METHODS", "MINIMIZERS", "REVISION", "plan"]

# Of the code behind the numbers; raise it when they change.
REVISION = 2

METHODS: dict[str, dict[str, Any]] = {
    "prior": {},
    "nearest": {},
    "direct": {"epochs": 2},
    "tandem": {"epochs": 2},
    "mixture_density": {"epochs": 2},
    "cvae": {"epochs": 2},
    "inn": {"epochs": 2},
    "cinn": {"epochs": 2},
    "spline_flow": {"epochs": 2},
    "flow_matching": {"epochs": 2},
    "neural_adjoint": {"epochs": 2},
    "pool": {"epochs": 2, "pool": 20_000},
    "local_search": {"starts": 2, "maxiter": 10},
    "differential_evolution": {"population": 10, "generations": 5},
    "joint": {"iterations": 20},
}
MINIMIZERS: dict[str, dict[str, Any]] = {
    "gd": {"maxiter": 30},
    "adam": {"maxiter": 30},
    "bfgs": {"maxiter": 30},
    "lm": {"maxiter": 30},
    "joint": {"maxiter": 30, "iterations": 30},
}
# What grows: for a fit and the answers after it, for answers alone, and for a minimisation.
FULL: dict[str, tuple[int, ...]] = {
    "pairs": (1000, 3000, 10_000, 30_000, 100_000, 1_000_000),
    "unknowns": (1, 2, 4, 8, 16, 32, 64),
    "numbers": (1, 10, 100, 1000, 10_000),
    "targets": (1, 10, 100, 1000, 10_000, 100_000),
    "draws": (1, 10, 100, 1000, 10_000),
    "problems": (2, 16, 128, 1024, 8192, 100_000),
}
QUICK: dict[str, tuple[int, ...]] = {
    "pairs": (100, 200, 400),
    "unknowns": (2, 4, 8),
    "numbers": (2, 8, 32),
    "targets": (1, 10, 100),
    "draws": (1, 10, 100),
    "problems": (2, 16, 128),
}
QUICK_METHODS, QUICK_MINIMIZERS = ("nearest", "mixture_density"), ("bfgs",)
FITS, ANSWERS, SOLVES = ("pairs", "unknowns", "numbers"), ("targets", "draws"), ("problems",)
# An axis ends where the next point would take more than this, in seconds or in megabytes.
MOST_MEGABYTES = 4000.0
LEAST_MEGABYTES = 1.0  # below it is noise

Costs = dict[str, list[tuple[int, Cost]]]


def plan() -> list[Run]:
    """A run a method and a minimiser; two and one in the quick preset."""
    axes = runtime.by_preset(quick=QUICK, full=FULL)
    most = runtime.by_preset(quick=0.5, full=5.0)
    base = runtime.by_preset(quick=Size(pairs=100, targets=10, problems=16), full=Size())
    methods = runtime.by_preset(quick=QUICK_METHODS, full=tuple(METHODS))
    minimizers = runtime.by_preset(quick=QUICK_MINIMIZERS, full=tuple(MINIMIZERS))
    return [
        *(_run(name, METHODS[name], _method, base, axes, most) for name in methods),
        *(
            _run(f"minimize_{name}", MINIMIZERS[name], _minimizer, base, axes, most)
            for name in minimizers
        ),
    ]


def _resolved(name: str, options: dict[str, Any]) -> dict[str, Any]:
    if name.startswith("minimize_"):
        return of_minimizer(name.removeprefix("minimize_"), **options)
    return of_method(get_method(name, **options))


def _run(
    name: str,
    options: dict[str, Any],
    measure: Callable[..., Costs],
    base: Size,
    axes: dict[str, tuple[int, ...]],
    most: float,
) -> Run:
    settings = {
        "options": _resolved(name, options),
        "base": vars(base),
        "axes": axes,
        "most_seconds": most,
    }
    compute = partial(_compute, measure, name.removeprefix("minimize_"), options, base, axes, most)
    return Run(f"scaling/{name}", settings, compute, (0,), REVISION)


def _compute(
    measure: Callable[..., Costs],
    name: str,
    options: dict[str, Any],
    base: Size,
    axes: dict[str, tuple[int, ...]],
    most: float,
    seeds: Sequence[int],
) -> dict[str, Any]:
    """Scores: exponent and where the line begins, by what is done and what grows."""
    processes = FreshProcesses()
    scores: dict[str, list[float]] = {}
    curves: dict[str, dict[str, list[Any]]] = {}
    for what, points in measure(processes, name, options, base, axes, most).items():
        sizes = [size for size, _ in points]
        costs = {
            "seconds": [spent.seconds for _, spent in points],
            "megabytes": [max(spent.megabytes, LEAST_MEGABYTES) for _, spent in points],
        }
        # memory that no system says is no number
        costs = {unit: values for unit, values in costs.items() if not any(map(isnan, values))}
        curves[what] = {"sizes": sizes, **costs}
        if len(sizes) > 1:
            for unit, values in costs.items():
                scores[f"{what}/{unit}"] = [exponent(sizes, values)]
                scores[f"{what}/{unit}/from"] = [straight_from(sizes, values)]
    # the processor time of a record is otherwise that of this process
    return {"scores": scores, "curves": curves, "cpu_seconds": round(processes.seconds, 2)}


def _method(
    processes: FreshProcesses,
    name: str,
    options: dict[str, Any],
    base: Size,
    axes: dict[str, tuple[int, ...]],
    most: float,
) -> Costs:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "method"

        def fit_and_answer(size: Size) -> dict[str, Cost]:
            spent = processes.call(work.fit, name, options, size, path)
            return {"fit": spent, "answer": processes.call(work.answer, size, path)}

        def answer(size: Size) -> dict[str, Cost]:
            return {"answer": processes.call(work.answer, size, path)}

        found: Costs = {}
        for axis in FITS:
            found |= _grown(fit_and_answer, base, axis, axes[axis], most)
        processes.call(work.fit, name, options, base, path)
        for axis in ANSWERS:
            found |= _grown(answer, base, axis, axes[axis], most)
    return found


def _minimizer(
    processes: FreshProcesses,
    name: str,
    options: dict[str, Any],
    base: Size,
    axes: dict[str, tuple[int, ...]],
    most: float,
) -> Costs:
    def solve(size: Size) -> dict[str, Cost]:
        return {"solve": processes.call(work.solve, name, options, size)}

    chain = replace(base, unknowns=2)
    dims = [dim for dim in axes["unknowns"] if dim > 1]
    problems = _grown(solve, chain, "problems", axes["problems"], most)
    return problems | _grown(solve, chain, "unknowns", dims, most)


def _grown(
    measure: Callable[[Size], dict[str, Cost]],
    base: Size,
    axis: str,
    values: Sequence[int],
    most: float,
) -> Costs:
    """Costs along an axis, for as long as the next is little enough by what was measured."""
    found: Costs = {}
    for value in values:
        if any(_too_dear(spent, value, most) for spent in found.values()):
            break
        try:
            costs = measure(replace(base, **{axis: value}))
        except (Died, ValueError):  # too large for memory, or more guesses than there are pairs
            break
        for what, one in costs.items():
            found.setdefault(f"{what}/{axis}", []).append((value, one))
    return found


def _too_dear(spent: Sequence[tuple[int, Cost]], value: int, most: float) -> bool:
    """Whether the next would take too much, if what grows already grows in proportion."""
    (_, first), (size, last) = spent[0], spent[-1]
    for limit, begun, now in zip((most, MOST_MEGABYTES), first, last, strict=True):
        grows = len(spent) > 1 and now > 2 * begun
        if now * (value / size if grows else 1.0) > limit:
            return True
    return False
