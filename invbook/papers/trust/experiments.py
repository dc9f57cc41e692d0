"""One simulator and one seed: fit the methods, calibrate on held-out pairs, judge on fresh targets.

The numbers of bounds, of the test of reachability, of the samplers' calibration and of the
predictive check, each from the same pairs and the same targets.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

import invlab
from invbook.papers.advice.simulators import get_case, list_cases
from invbook.papers.trust.bound_scores import bound_scores, finite
from invbook.papers.trust.faults import CHECKED, faults
from invbook.papers.trust.truly_off import TrulyOff
from invlab import Pairs, Targets, Task, runtime
from invlab.methods import Method, NeuralAdjoint
from invlab.metrics.effects import noise_stream
from invlab.simulators import FailedRows
from invlab.trust import ErrorBound, Reachability, expected_coverage, predictive_check, tarp
from invlab.trust.conformal import conformal_quantile

__all__ = ["HELD", "LEVEL", "Size", "errors_once", "make_task", "trust"]

Scores = dict[str, float | None]

# What bounds promise, and the share of the pairs that is held out to calibrate them on.
LEVEL, HELD = 0.9, 0.3
# The method through whose answers the predictive check looks.
CHECKED_BY = "mixture_density"


@dataclass(frozen=True)
class Size:
    """How large an experiment is.

    Attributes:
        pairs: simulated ones, 30 % of which are for calibration.
        targets: fresh ones.
        simulations: that say what is truly out of reach.
        draws: a target, for the samplers' calibration and the predictive check.
    """

    pairs: int
    targets: int
    simulations: int
    draws: int


@dataclass(frozen=True)
class _Trial:
    """What all parts of an experiment look at."""

    task: Task
    held: Pairs
    fresh: Targets
    models: Mapping[str, Method]
    bounds: Mapping[str, ErrorBound]
    test: Reachability


def make_task(name: str) -> Task:
    """A simulator of the advice's study or a task of the library, by name.

    Raises:
        ValueError: no such simulator.
    """
    return get_case(name).make() if name in list_cases() else invlab.get_task(name)


def trust(
    name: str, seed: int, *, size: Size, methods: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """What is recorded of one simulator and seed.

    Args:
        name: of the simulator, which takes no context.
        seed: of pairs, targets, trainings and extra noise.
        size: of all of it.
        methods: name to options; the neural adjoint among them, whose surrogate bounds and
            reachability use.

    Returns:
        ``scores``, one number each or None where it is not defined: ``bound/<method>/<number>``
        as :func:`~invbook.papers.trust.bound_scores.bound_scores` gives them;
        ``reach/<fault>/flagged`` (share of all), ``/off`` (truly out of reach, share of all) and
        ``/power`` (flagged, share of these), ``reach/visible`` (smallest visible misfit, in the
        variance of y); ``silent/<method>/<fault>``, the share of broken bounds without a flag;
        ``calibration/<method>/<test>`` (largest distance from the diagonal) and ``.../inside``
        (its 95 % band, 1 or 0); ``check/<fault>``, p of the predictive check on noisy simulators.
        And ``facts`` of the simulator.

    Raises:
        ValueError: no such simulator, or methods without the neural adjoint.
    """
    if "neural_adjoint" not in methods:
        raise ValueError(
            f"trust: expected neural_adjoint among the methods, got {', '.join(methods) or 'none'}"
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FailedRows)
        warnings.filterwarnings("ignore", message=".* pairs left out, their y is invalid")
        warnings.filterwarnings("ignore", message=".*the simulator raised an error for")
        trial = _prepared(make_task(name), seed, size, methods)
        kinds = faults(trial.fresh.y, seed=seed, name=name)
        scores = (
            _of_bounds(trial)
            | _of_reachability(trial, kinds, size)
            | _of_samplers(trial, size)
            | _of_check(trial, kinds, size)
        )
    return {
        "scores": {key: [number] for key, number in scores.items()},
        "facts": _facts(trial),
    }


def _prepared(
    task: Task, seed: int, size: Size, methods: Mapping[str, Mapping[str, Any]]
) -> _Trial:
    draws = runtime.generator(seed, task.name, "pairs")
    pairs = task.usable(task.sample(size.pairs, generator=draws))
    learned, held = pairs.split(HELD, generator=runtime.generator(seed, task.name, "parts"))
    models = {
        method: invlab.get_method(method, **options).fit(task, learned, seed=seed)
        for method, options in methods.items()
    }
    adjoint = models["neural_adjoint"]
    assert isinstance(adjoint, NeuralAdjoint)
    surrogate = adjoint.surrogate
    bounds = {
        method: ErrorBound.calibrate(
            task, _answering(model), held, learned, surrogate=surrogate, level=LEVEL
        )
        for method, model in models.items()
    }
    test = Reachability.calibrate(task, held, learned, surrogate=surrogate)
    return _Trial(task, held, task.targets(size.targets, seed=seed), models, bounds, test)


def _answering(model: Method) -> Any:
    """The first answer of a method, as a bound asks for it."""

    def answer(y: Tensor, c: Tensor | None) -> Tensor:
        return model.propose(y, 1, c)[:, 0]

    return answer


def errors_once(task: Task, x: Tensor, y: Tensor, stream: str) -> Tensor:
    """Error of an answer each, in one simulation with noise of its own stream: ``(B,)``."""
    noise = noise_stream(task, stream)
    return invlab.resimulation_error(task, x[:, None], y, replicates=1, generator=noise)[:, 0]


def _of_bounds(trial: _Trial) -> Scores:
    scores: Scores = {}
    for method, model in trial.models.items():
        bound, answer, y = trial.bounds[method], _answering(model), trial.fresh.y
        x = answer(y, None)
        known = errors_once(trial.task, answer(trial.held.y, None), trial.held.y, "trust, held out")
        found = bound_scores(
            bound(x, y),
            errors_once(trial.task, x, y, "trust, fresh"),
            constant=conformal_quantile(known, LEVEL),
            calibrated_on=bound.calibrated_on,
            level=LEVEL,
        )
        scores |= {f"bound/{method}/{key}": number for key, number in found.items()}
    return scores


def _of_reachability(trial: _Trial, kinds: Mapping[str, Tensor], size: Size) -> Scores:
    off = TrulyOff(trial.task, trial.fresh.y, simulations=size.simulations)
    scores: Scores = {"reach/visible": finite(trial.test.smallest_visible)}
    for kind, y in kinds.items():
        flagged, beyond = ~trial.test.reachable(y), off(y)
        seen = flagged[beyond]
        scores |= {
            f"reach/{kind}/flagged": _share(flagged),
            f"reach/{kind}/off": _share(beyond),
            f"reach/{kind}/power": _share(seen) if len(seen) else None,
        }
        for method, model in trial.models.items():
            x = _answering(model)(y, None)
            broken = errors_once(trial.task, x, y, f"trust, {kind}") > trial.bounds[method](x, y)
            scores[f"silent/{method}/{kind}"] = _share(broken & ~flagged)
    return scores


def _of_samplers(trial: _Trial, size: Size) -> Scores:
    """Of the methods whose guesses claim to be draws of the posterior."""
    y, x = trial.fresh.y, trial.fresh.x
    assert x is not None  # drawn by the task
    scores: Scores = {}
    for method, model in trial.models.items():
        if not model.exchangeable:
            continue
        curves = {"tarp": tarp(x, model.propose(y, size.draws))}
        if model.gives_density:
            curves["expected"] = expected_coverage(model, x, y, n=size.draws)
        for test, curve in curves.items():
            scores[f"calibration/{method}/{test}"] = float(curve.excess.abs().max())
            scores[f"calibration/{method}/{test}/inside"] = float(curve.calibrated)
    return scores


def _of_check(trial: _Trial, kinds: Mapping[str, Tensor], size: Size) -> Scores:
    """Of data that are right, of a tilted simulator, and with more noise than assumed."""
    if not trial.task.noisy or CHECKED_BY not in trial.models:
        return {}
    model = trial.models[CHECKED_BY]
    return {
        f"check/{kind}": predictive_check(
            trial.task, model, kinds[kind], trial.held, draws=size.draws
        ).together
        for kind in CHECKED
    }


def _share(mask: Tensor) -> float:
    return float(mask.double().mean())


def _facts(trial: _Trial) -> dict[str, Any]:
    return {
        "x_dim": trial.task.x_dim,
        "y_dim": trial.fresh.y[0].numel(),
        "differentiable": trial.task.differentiable,
        "noisy": trial.task.noisy,
        "calibrated_on": len(trial.held),
        "targets": len(trial.fresh.y),
    }
