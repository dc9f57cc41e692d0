"""What is recorded of the paper: a run a task and seed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from invbook import frozen, resolved
from invbook.papers.neural_adjoint.experiments import (
    CANDIDATES,
    GUESSES,
    PAIRS,
    PROXY_TASK,
    TASKS,
    ablation,
    adjoint_of,
    compare,
    ladder,
    published,
    rungs,
)
from invbook.papers.neural_adjoint.models import MODELS, SAMPLERS, invert, settings
from invbook.papers.neural_adjoint.scoring import DRAWS
from invlab import runtime
from invlab.methods import get_method
from invlab.methods.adjoint_search import AdamSearch
from invlab.runs.records import Run
from invlab.surrogates.emulator import Emulator
from invlab.tasks import get_task
from invlab.tasks.metamaterial import NEURAL

__all__ = ["AWAITED", "COUNTS", "OLDER", "REVISIONS", "SEEDS", "plan", "recorded", "seeds_of"]

# Of the code behind each kind of run: a change of its numbers is a new revision, and
# tests/invbook/test_revisions.py says when one is due.
REVISIONS = {
    "compare": 1,
    "models": 1,
    "published": 2,
    "ablation": 2,
    "ablation_raw": 2,
    "ladder": 2,
}
# Nobody had looked at these when the settings were frozen; those that chose them are in
# frozen.toml.
SEEDS = (20, 21, 22, 23, 24)
# Tasks whose records of these seeds are not all made yet. Of them ledger and chapters read older
# ones, some of which were looked at when a setting was changed.
AWAITED = (*TASKS, PROXY_TASK)
OLDER = (0, 1, 2, 3, 4)
# On D4 each guess is judged by five networks, some by Maxwell's equations, and the paper's own
# network is wide: fewer seeds.
FEWER = SEEDS[:3]
# T of the curves, and of the tables.
CURVE = (1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200)
COUNTS = (1, 50, 200)
# Where the paper has its ablation.
ABLATED = ("ballistics", "robot_arm")


def seeds_of(task: str) -> tuple[int, ...]:
    """Seeds of the records that the ledger reads of one task."""
    seeds = OLDER if task in AWAITED else SEEDS
    return seeds[: len(FEWER)] if task == PROXY_TASK else seeds


def recorded(records: Collection[str], tasks: Sequence[str]) -> tuple[str, ...]:
    """The models that have a record for each seed of these tasks, in the order of ``MODELS``.

    Args:
        records: their ids, such as what :func:`invbook.load_records` gives.
        tasks: names; the tandem without its boundary loss is not recorded on D4.
    """
    return tuple(
        model
        for model in MODELS
        if all(
            f"neural_adjoint/models/{task}/{model}/seed{seed}" in records
            for task in tasks
            for seed in seeds_of(task)
            if (model, task) != ("tandem_plain", PROXY_TASK)
        )
    )


def plan() -> list[Run]:
    """All that is recorded; a tenth of the training and of the targets in the quick preset."""
    adjoint, large = (
        frozen.options("neural_adjoint", method)["every"] for method in ("neural_adjoint", "pool")
    )
    epochs = runtime.by_preset(quick=20, full=adjoint["epochs"])
    many = runtime.by_preset(quick=50, full=500)
    pool = runtime.by_preset(quick=20_000, full=large["pool"])
    made = []
    for task in TASKS:
        for seed in SEEDS:
            options = {"targets": many, "epochs": epochs, "pool": pool}
            made.append(_adjoint_run("compare", task, seed, options))
        made += [_model_run(task, s, model, many) for s in SEEDS for model in MODELS]
    # the paper's wide network is slow on a CPU: a third of the epochs, on every rung
    climbed = {"targets": many, "epochs": runtime.by_preset(quick=5, full=100)}
    made += [_adjoint_run("ladder", task, SEEDS[0], climbed) for task in TASKS]
    return made + _published_runs(epochs) + _proxy_runs()


def _published_runs(epochs: int) -> list[Run]:
    """The paper's search, one target after the other: fewer of them."""
    few = runtime.by_preset(quick=3, full=40)
    candidates = runtime.by_preset(quick=200, full=CANDIDATES)
    made = []
    for task in TASKS:
        for seed in SEEDS:
            options: dict[str, Any] = {"targets": few, "epochs": epochs}
            made.append(
                _adjoint_run("published", task, seed, {**options, "candidates": candidates})
            )
            made.append(_adjoint_run("ablation", task, seed, options))
    raw = {"targets": few, "epochs": runtime.by_preset(quick=5, full=100), "network": "paper"}
    return made + [
        _adjoint_run("ablation_raw", task, seed, raw) for task in ABLATED for seed in FEWER
    ]


def _proxy_runs() -> list[Run]:
    """D4, with fewer targets: each guess is judged by an ensemble, some by Maxwell's equations."""
    targets = runtime.by_preset(quick=10, full=100)
    adjoint = frozen.options("neural_adjoint", "neural_adjoint")[PROXY_TASK]
    large = frozen.options("neural_adjoint", "pool")[PROXY_TASK]
    steps = adjoint["steps"]
    epochs = runtime.by_preset(quick=10, full=adjoint["epochs"])
    pool = runtime.by_preset(quick=20_000, full=large["pool"])
    # another network is another task
    judge = Emulator.fingerprint(NEURAL)
    made = []
    for seed in FEWER:
        # a spectrum costs a fifth of a second
        maxwell = {"maxwell": runtime.by_preset(quick=0, full=20) if seed == SEEDS[0] else 0}
        options = {"targets": targets, "epochs": epochs, "pool": pool, "steps": steps, **maxwell}
        made.append(_adjoint_run("compare", PROXY_TASK, seed, options, judge=judge))
        searched = {
            "targets": runtime.by_preset(quick=1, full=40),
            "epochs": epochs,
            "candidates": runtime.by_preset(quick=200, full=CANDIDATES),
        }
        made.append(_adjoint_run("published", PROXY_TASK, seed, searched, judge=judge))
        made += [
            _model_run(PROXY_TASK, seed, model, targets, judge, **maxwell)
            for model in MODELS
            if model != "tandem_plain"
        ]
    return made


def _model_run(
    task: str, seed: int, model: str, targets: int, judge: str | None = None, **more: Any
) -> Run:
    """One trained model. Its own settings are part of the run's: a change is computed anew."""
    # ranking and refining need a surrogate of their own: for one seed of the models that draw
    refined = model in SAMPLERS and seed == SEEDS[0] and task != PROXY_TASK
    options: dict[str, Any] = {
        "model": model,
        "targets": targets,
        "shorter": runtime.by_preset(quick=20, full=1),
        "refined": runtime.by_preset(quick=20, full=300) if refined else 0,
        **more,
    }
    trained = resolved.of_method(get_method(model.removesuffix("_plain"), **settings(model, task)))
    judged = {} if judge is None else {"judge": judge}
    own = {**options, "trained": trained, **judged}
    return _run("models", task, f"{task}/{model}", seed, options, own)


def _adjoint_run(kind: str, task: str, seed: int, options: dict[str, Any], **more: Any) -> Run:
    """A run of the neural adjoint and its searches, with all their settings."""
    methods: dict[str, Any] = {
        "compare": lambda: {
            "neural_adjoint": adjoint_of(options["epochs"], options.get("steps")),
            "pool": get_method("pool", pool=options["pool"]),
        },
        "published": lambda: AdamSearch(candidates=options["candidates"]),
        "ladder": lambda: rungs(get_task(task), options["epochs"]),
    }
    searched = methods.get(kind, AdamSearch)()
    surrogate = resolved.of_method(get_method("neural_adjoint", epochs=options["epochs"]))
    own = {**options, "surrogate": surrogate, "methods": resolved.resolved(searched), **more}
    return _run(kind, task, task, seed, options, own)


def _run(
    kind: str, task: str, place: str, seed: int, options: dict[str, Any], own: dict[str, Any]
) -> Run:
    """A run at ``kind/place``; ``own`` are its settings, beside those that all have."""
    every = {"task": resolved.of_task(task), "pairs": PAIRS, "guesses": GUESSES, "draws": DRAWS}
    name = f"neural_adjoint/{kind}/{place}/seed{seed}"
    compute = partial(_compute, kind, task, options)
    return Run(name, {**every, **own}, compute, (seed,), REVISIONS[kind])


def _compute(kind: str, task: str, options: dict[str, Any], seeds: Sequence[int]) -> dict[str, Any]:
    (seed,) = seeds
    runs: dict[str, Callable[..., dict[str, Any]]]
    runs = {
        "compare": compare,
        "published": published,
        "ablation": ablation,
        "ablation_raw": ablation,
        "ladder": ladder,
        "models": invert,
    }
    found = runs[kind](task, seed, **options)
    scored = {method: result for method, result in found.items() if "r_T" in result}
    return {
        "scores": {
            f"{method}/{name}": [_rounded(value)]
            for method, result in scored.items()
            for name, value in result.items()
            if isinstance(value, float | int)
        },
        "targets": {
            method: {str(count): _listed(result["best"][:, count - 1]) for count in COUNTS}
            for method, result in scored.items()
            if kind != "ladder"
        }
        | {
            method: {str(k + 1): _listed(column) for k, column in enumerate(result["best"].T)}
            for method, result in found.items()
            if method.endswith(" on maxwell")
        },
        "matching": {
            method: {name: [_rounded(v, 3) for v in values] for name, values in matching.items()}
            for method, result in found.items()
            if (matching := result.get("matching"))
        },
        "curves": {
            "T": list(CURVE),
            **{
                method: [_rounded(float(result["r_T"][count - 1])) for count in CURVE]
                for method, result in scored.items()
            },
        },
    }


def _listed(values: Tensor) -> list[float]:
    finite = torch.where(torch.isinf(values), torch.finfo(values.dtype).max, values)
    return [_rounded(value, 3) for value in finite.tolist()]


def _rounded(value: float, digits: int = 5) -> float:
    return float(f"{value:.{digits}g}")
