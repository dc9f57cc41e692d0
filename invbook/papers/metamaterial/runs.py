"""What is recorded of the solver and of the network that stands in for it."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from invbook import resolved
from invbook.papers.metamaterial import experiments
from invbook.papers.metamaterial.production import QUANTILES
from invlab import runtime
from invlab.runs.records import Run
from invlab.surrogates.emulator import Emulator
from invlab.tasks.metamaterial import NEURAL

__all__ = ["NODES", "REVISION", "plan"]

# Of the code behind the runs: a change of their numbers is a new revision, and
# tests/invbook/test_revisions.py says when one is due.
REVISION = 1
NODES = (24, 28, 32, 36, 40)


def plan() -> list[Run]:
    """All that is recorded; a few small solves in the quick preset."""
    orders = runtime.by_preset(quick=3, full=6)
    return [
        _run(
            "truncation",
            _truncation,
            orders=orders,
            reference=orders + 3,
            geometries=runtime.by_preset(quick=2, full=16),
        ),
        _run(
            "convergence",
            _convergence,
            orders=runtime.by_preset(quick=(2, 3, 4), full=(6, 9, 12)),
            frequencies=runtime.by_preset(quick=5, full=15),
            geometries=runtime.by_preset(quick=2, full=6),
        ),
        _run(
            "interpolation",
            _interpolation,
            orders=orders,
            nodes=NODES,
            geometries=runtime.by_preset(quick=2, full=8),
        ),
        _run(
            "seconds",
            _seconds,
            orders=orders,
            geometries=runtime.by_preset(quick=10, full=20),
        ),
        _run(
            "loss",
            _loss,
            pairs=runtime.by_preset(quick=100, full=1500),
            epochs=runtime.by_preset(quick=10, full=400),
            geometries=runtime.by_preset(quick=1, full=10),
        ),
        _run(
            "learning_curve",
            _learning_curve,
            orders=orders,
            sizes=runtime.by_preset(quick=(100, 200), full=(750, 1500, 3000, 6000)),
            steps=runtime.by_preset(quick=50, full=8000),
            held_out=runtime.by_preset(quick=100, full=1000),
        ),
        _of_the_network("proxy", _proxy, held_out=runtime.by_preset(quick=100, full=1000)),
    ]


def _run(name: str, compute: Callable[..., dict[str, Any]], **options: Any) -> Run:
    settings = {**options, "task": resolved.of_task("metamaterial", simulator="maxwell")}
    compute = partial(_compute, compute, options)
    return Run(f"metamaterial/{name}", settings, compute, (0,), REVISION)


def _of_the_network(name: str, compute: Callable[..., dict[str, Any]], **options: Any) -> Run:
    """A run that is computed anew when another network comes with the package."""
    run = _run(name, compute, **options)
    network = Emulator.fingerprint(NEURAL)
    return replace(run, settings={**run.settings, "network": network})


def _compute(
    run: Callable[..., dict[str, Any]], options: dict[str, Any], seeds: Sequence[int]
) -> dict[str, Any]:
    (seed,) = seeds
    return run(seed, **options)


def _truncation(seed: int, **options: Any) -> dict[str, Any]:
    wrong = experiments.truncation(seed, **options)
    return {"scores": {"mse": [wrong.tolist()]}, "curves": {}}


def _convergence(seed: int, **options: Any) -> dict[str, Any]:
    x, band, found = experiments.convergence(seed, **options)
    *fewer, most = found
    scores: dict[str, list[Any]] = {}
    curves: dict[str, Any] = {"geometries": x.tolist(), "frequency": band.tolist()}
    for m in fewer:
        wrong = (found[m] - found[most]).abs()
        geometry, frequency = divmod(int(wrong.argmax()), len(band))
        scores[f"mse/{m}"] = [wrong.square().mean(1).tolist()]
        scores[f"largest/{m}"] = [float(wrong.max())]
        curves[f"largest/{m}"] = [geometry, float(band[frequency])]
    return {"scores": scores, "curves": curves | {str(m): y.tolist() for m, y in found.items()}}


def _interpolation(seed: int, **options: Any) -> dict[str, Any]:
    found = experiments.interpolation(seed, **options)
    return {
        "scores": {str(n): [wrong.tolist()] for n, wrong in found.items()},
        "curves": {
            "nodes": list(found),
            "mse": [float(wrong.mean()) for wrong in found.values()],
            "worst": [float(wrong.max()) for wrong in found.values()],
        },
    }


def _seconds(seed: int, **options: Any) -> dict[str, Any]:
    spent = experiments.seconds(seed, **options)
    return {"scores": {"median": [statistics.median(spent)]}, "curves": {"each": spent}}


def _loss(seed: int, **options: Any) -> dict[str, Any]:
    found = experiments.loss(seed, **options)
    return {
        "scores": {
            f"{tangent}/{name}": [value]
            for tangent, values in found.items()
            for name, value in values.items()
        },
        "curves": {},
    }


def _learning_curve(seed: int, **options: Any) -> dict[str, Any]:
    found = experiments.learning_curve(seed, **options)
    return {"scores": {}, "curves": {"pairs": list(options["sizes"]), **found}}


def _proxy(seed: int, **options: Any) -> dict[str, Any]:
    found = experiments.proxy(**options)
    return {
        "scores": {
            "mse": [found["mse"]],
            "spread_correlation": [found["spread_correlation"]],
            "members": [found["members"]],
        },
        "curves": {"quantile": list(QUANTILES), "mse": found["quantiles"]},
    }
