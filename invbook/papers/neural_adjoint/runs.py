"""What is recorded of the paper: a run a task and seed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from invbook.papers.neural_adjoint.experiments import (
    GUESSES,
    PAIRS,
    PROXY_TASK,
    TASKS,
    ablation,
    compare,
    ladder,
)
from invbook.papers.neural_adjoint.models import MODELS, SAMPLERS, invert, settings
from invlab import runtime
from invlab.runs.records import Run
from invlab.surrogates.emulator import Emulator
from invlab.tasks.metamaterial import NEURAL

__all__ = ["COUNTS", "MODEL_SEEDS", "SEEDS", "plan", "recorded", "seeds_of"]

SEEDS = (0, 1, 2, 3, 4)
# The trained models are dear, but a mean over seeds needs them all.
MODEL_SEEDS = SEEDS
# On D4 each guess is judged by five networks, some by Maxwell's equations: fewer seeds.
PROXY_SEEDS = SEEDS[:3]
# T of the curves, and of the tables.
CURVE = (1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200)
COUNTS = (1, 50, 200)


def seeds_of(task: str) -> tuple[int, ...]:
    """Seeds of the records of one task."""
    return PROXY_SEEDS if task == PROXY_TASK else SEEDS


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
    epochs = runtime.by_preset(quick=20, full=300)
    many = runtime.by_preset(quick=50, full=500)
    few = runtime.by_preset(quick=3, full=15)
    pool = runtime.by_preset(quick=20_000, full=200_000)
    made = []
    for task in TASKS:
        for seed in SEEDS:
            options = {"targets": many, "epochs": epochs, "pool": pool}
            made.append(_run("compare", task, seed, options))
            made.append(_run("ablation", task, seed, {"targets": few, "epochs": epochs}))
        made += [_model_run(task, s, model, many) for s in MODEL_SEEDS for model in MODELS]
    # the paper's wide network is slow on a CPU: a third of the epochs, on every rung
    short = runtime.by_preset(quick=5, full=100)
    made += [_run("ladder", task, 0, {"targets": many, "epochs": short}) for task in TASKS]
    return made + _proxy_runs()


def _proxy_runs() -> list[Run]:
    """D4, with fewer targets: each guess is judged by an ensemble, some by Maxwell's equations."""
    targets = runtime.by_preset(quick=10, full=100)
    epochs = runtime.by_preset(quick=10, full=150)
    pool = runtime.by_preset(quick=20_000, full=100_000)
    # another network is another task
    judge = Emulator.fingerprint(NEURAL)
    made = []
    for seed in PROXY_SEEDS:
        # a spectrum costs a fifth of a second
        maxwell = {"maxwell": runtime.by_preset(quick=0, full=20) if seed == SEEDS[0] else 0}
        options = {"targets": targets, "epochs": epochs, "pool": pool, "steps": 10, **maxwell}
        made.append(_run("compare", PROXY_TASK, seed, options, judge=judge))
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
    trained = {
        name: getattr(value, "__name__", str(value))
        for name, value in settings(model, task).items()
    }
    judged = {} if judge is None else {"judge": judge}
    return _run("models", f"{task}/{model}", seed, options, task=task, trained=trained, **judged)


def _run(kind: str, place: str, seed: int, options: dict[str, Any], **more: Any) -> Run:
    """A run at ``kind/place``, by default the task's name; ``more`` adds to its settings."""
    own = {"task": place, "pairs": PAIRS, "guesses": GUESSES, **options, **more}
    name = f"neural_adjoint/{kind}/{place}/seed{seed}"
    return Run(name, own, partial(_compute, kind, own["task"], options), seeds=(seed,))


def _compute(kind: str, task: str, options: dict[str, Any], seeds: Sequence[int]) -> dict[str, Any]:
    (seed,) = seeds
    runs: dict[str, Callable[..., dict[str, Any]]]
    runs = {"compare": compare, "ablation": ablation, "ladder": ladder, "models": invert}
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
