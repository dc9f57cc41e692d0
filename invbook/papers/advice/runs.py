"""What is recorded of the study: a run a simulator.

The quick preset looks at the tuned simulators alone, and takes about four CPU minutes. The full
one takes all of them: two to eight CPU minutes a simulator, 83 in all on a fast processor.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from invbook import frozen
from invbook.papers.advice.simulators import get_case, list_cases
from invbook.papers.advice.study import Size, study
from invbook.resolved import of_method, of_simulator, resolved
from invlab import Task, get_method, runtime
from invlab.comparison.candidates import choose
from invlab.methods import Method
from invlab.runs.records import Run

__all__ = ["REVISION", "plan"]

# Of the code behind the numbers; raise it when they change.
REVISION = 1

QUICK: dict[str, Any] = {
    "small": Size(n=20, targets=4, guesses=(1, 10), seeds=1),
    "large": Size(n=60, targets=6, guesses=(1, 10), seeds=1),
    "methods": ["neural_adjoint", "mixture_density", "cinn"],
    "joint": {"guesses": (1,), "iterations": 20},
}
FROZEN = frozen.options("advice", "study")
FULL: dict[str, Any] = {
    "small": Size(**FROZEN["small"]),
    "large": Size(**FROZEN["large"]),
    "methods": "auto",
    "more": list(FROZEN["more"]),
    "joint": FROZEN["joint"],
}
# A simulation takes a tenth of a second: fewer of them, as somebody would who has such a one.
DEAR = {size: Size(**options) for size, options in FROZEN["dear"].items()}


def plan() -> list[Run]:
    """A run a simulator; the tuned ones alone, in small sizes, in the quick preset."""
    names = runtime.by_preset(quick=list_cases(tuned=True), full=list_cases())
    return [_run(name) for name in names]


def _run(name: str) -> Run:
    options = runtime.by_preset(quick=QUICK, full=FULL)
    if "dear" in get_case(name).traits:
        options = options | DEAR
    settings = {
        key: vars(value) if isinstance(value, Size) else value for key, value in options.items()
    }
    task = get_case(name).make()
    settings |= {
        "simulator": name,
        **of_simulator(task),
        "resolved": _methods(task, options),
    }
    seeds = tuple(range(options["large"].seeds))
    compute = partial(_compute, name, options)
    return Run(f"advice/{name}", settings, compute, seeds, REVISION)


def _methods(task: Task, options: dict[str, Any]) -> dict[str, Any]:
    """All options of whoever takes part, or why not, in the small and in the large comparison."""
    more = options.get("more", [])
    asked = {"small": [options["methods"]], "large": [options["methods"], more]}
    found: dict[str, Any] = {
        size: {
            one.name: one.reason or _built(one.build())
            for methods in parts
            for one in choose(task, methods, n=options[size].n, simulated=True)
        }
        for size, parts in asked.items()
    }
    own = {key: value for key, value in options["joint"].items() if key != "guesses"}
    return found | {"joint": of_method(get_method("joint", **own))}


def _built(method: Any) -> Any:
    return of_method(method) if isinstance(method, Method) else resolved(type(method))


def _compute(name: str, options: dict[str, Any], seeds: Sequence[int]) -> dict[str, Any]:
    return study(name, **options)
