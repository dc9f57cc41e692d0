"""What is recorded of the paper: a run a figure and norm."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from invbook import resolved
from invbook.papers.loss_design.fits import (
    NORMS,
    SECOND_DIFFERENCE,
    fit_forward,
    fit_inverse,
    fit_reduced,
)
from invbook.papers.loss_design.scores import forward_scores, inverse_scores
from invlab import runtime
from invlab.losses import Norm
from invlab.methods import get_method
from invlab.runs.records import Run
from invlab.surrogates.regression import Surrogate
from invlab.tasks.square import Square

__all__ = ["REVISION", "SEEDS", "plan"]

# Of the code behind the runs: a change of their numbers is a new revision, and
# tests/invbook/test_revisions.py says when one is due.
REVISION = 1
SEEDS = (0, 1, 2, 3, 4)


def plan() -> list[Run]:
    """All that is recorded of the paper; a tenth of the epochs in the quick preset."""
    return [*_inverse_runs(), *_forward_runs(), *_reduced_runs(), _look_up_run()]


def _inverse_runs() -> list[Run]:
    variants: dict[str, dict[str, Any]] = {
        "direct": {"loss": "direct"},
        "effect": {"loss": "effect"},
        "encoder_decoder": {"loss": "encoder_decoder"},
        "two_step": {"loss": "two_step"},
        "literal_encoder_decoder": {
            "loss": "encoder_decoder",
            "scaling": "literal",
            "epochs": 100,
        },
        "literal_two_step": {"loss": "two_step", "scaling": "literal", "epochs": 100},
        "split_direct": {"loss": "direct", "split": 0.2},
    }
    return _runs(variants, fit_inverse, _inverse, "epochs")


def _inverse(options: dict[str, Any], norm: Norm, seeds: Sequence[int]) -> dict[str, Any]:
    options = dict(options)
    task = Square()
    if "split" in options:
        shuffle = runtime.generator(0, "split")
        options["data"], _ = task.grid().split(options.pop("split"), generator=shuffle)
    model = fit_inverse(norm=norm, seeds=seeds, **options)
    y = torch.linspace(0, task.half_width**2, 101, device=runtime.device())[:, None]
    curves = {"y": _rounded(y[:, 0]), "x_hat": _rounded(model.invert(y)[..., 0])}
    if model.surrogate is not None:
        curves |= _forward_curve(model.surrogate)
    return {"scores": _listed(inverse_scores(model)), "curves": curves}


def _forward_runs() -> list[Run]:
    variants: dict[str, dict[str, Any]] = {
        "plain": {},
        "hermite": {"derivatives": True},
        "hermite_difference": {"derivatives": True, "difference": 0.1},
        "hermite_literal": {"derivatives": True, "unit": "literal"},
        "hermite_literal_difference": {
            "derivatives": True,
            "unit": "literal",
            "difference": 1e-3,
        },
    }
    return _runs(variants, fit_forward, _forward, "steps")


def _forward(options: dict[str, Any], norm: Norm, seeds: Sequence[int]) -> dict[str, Any]:
    surrogate = fit_forward(norm, seeds=seeds, **options)
    curves = _forward_curve(surrogate) | _term_curves(surrogate.history.terms)
    scores = forward_scores(surrogate) | _drops(surrogate.history.terms)
    return {"scores": _listed(scores), "curves": curves}


def _reduced_runs() -> list[Run]:
    variants: dict[str, dict[str, Any]] = {
        "reduced": {},
        "smooth": {"smooth": 0.01},
        "normalised_reduced": {"scaling": "normalised"},
        "normalised_smooth": {"scaling": "normalised", "smooth": 0.01},
        "second_difference": SECOND_DIFFERENCE,
        "normalised_second_difference": {**SECOND_DIFFERENCE, "scaling": "normalised"},
    }
    return _runs(variants, fit_reduced, _reduced, "epochs")


def _reduced(options: dict[str, Any], norm: Norm, seeds: Sequence[int]) -> dict[str, Any]:
    model = fit_reduced(norm, seeds=seeds, **options)
    assert model.surrogate is not None
    terms = model.history["joint"].terms
    scores = inverse_scores(model) | {f"last_{name}": term[-1] for name, term in terms.items()}
    return {
        "scores": _listed(scores),
        "curves": _forward_curve(model.surrogate) | _term_curves(terms),
    }


def _runs(
    variants: dict[str, dict[str, Any]],
    fit: Callable[..., Any],
    compute: Callable[[dict[str, Any], Norm, Sequence[int]], dict[str, Any]],
    length: str,
) -> list[Run]:
    """A run for each variant and norm; ``length`` names the option that the preset shrinks.

    The recorded settings hold the defaults of ``fit`` too: a changed default makes a new record.
    """
    defaults = {name: p.default for name, p in inspect.signature(fit).parameters.items()}
    defaults = {
        name: value for name, value in defaults.items() if value is not inspect.Parameter.empty
    }
    made = []
    for name, options in variants.items():
        full = options.get(length, defaults[length])
        options = {**options, length: runtime.by_preset(quick=max(1, full // 10), full=full)}
        for norm in NORMS:
            settings = resolved.resolved({**defaults, **options, "norm": norm})
            settings["task"] = resolved.of_task("square")
            made.append(
                Run(
                    f"loss_design/{name}/{norm}",
                    settings,
                    partial(compute, options, norm),
                    SEEDS,
                    REVISION,
                )
            )
    return made


class _LookUp:
    """Nothing learned: the x of the pair whose y is nearest, among the pairs that all train on."""

    surrogate: Surrogate | None = None

    def __init__(self) -> None:
        task = Square()
        self.model = get_method("nearest").fit(task, task.grid())

    def invert(self, y: Tensor) -> Tensor:
        """Answers ``(1, N, 1)`` as of one member."""
        return self.model.propose(y, n=1).transpose(0, 1)


def _look_up_run() -> Run:
    settings = {"method": "nearest", "task": resolved.of_task("square")}
    return Run("loss_design/nearest", settings, _look_up, (0,), REVISION)


def _look_up(seeds: Sequence[int]) -> dict[str, Any]:
    return {"scores": _listed(inverse_scores(_LookUp()))}


def _drops(terms: dict[str, Tensor]) -> dict[str, Tensor]:
    """How many times smaller each term is at the end than at the beginning, up to 10¹²."""
    return {
        f"drop_{name}": (term[0] / term[-1].clamp_min(1e-30)).clamp_max(1e12)
        for name, term in terms.items()
    }


def _forward_curve(surrogate: Surrogate) -> dict[str, Any]:
    x = Square().grid(201).x
    with torch.no_grad():
        return {"x": _rounded(x[:, 0]), "f_hat": _rounded(surrogate(x)[..., 0])}


def _term_curves(terms: dict[str, Tensor]) -> dict[str, Any]:
    """Every term at up to 60 epochs."""
    length = len(next(iter(terms.values())))
    shown = torch.linspace(0, length - 1, min(60, length)).round().long()
    return {"epoch": shown.tolist()} | {
        f"term_{name}": _rounded(term[shown].T) for name, term in terms.items()
    }


def _listed(scores: dict[str, Tensor]) -> dict[str, list[float]]:
    return {name: _rounded(values) for name, values in scores.items()}


def _rounded(values: Tensor) -> Any:
    """Nested lists of numbers with six significant digits."""
    if values.ndim > 1:
        return [_rounded(row) for row in values]
    return [float(f"{value:.6g}") for value in values.tolist()]
