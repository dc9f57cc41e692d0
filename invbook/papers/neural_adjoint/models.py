"""The trained models of the comparison: their settings, and one of them on one task and seed."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor

from invbook import frozen
from invbook.papers.neural_adjoint.experiments import (
    GUESSES,
    MAXWELL_GUESSES,
    PAIRS,
    training_pairs,
)
from invbook.papers.neural_adjoint.scoring import (
    draw,
    match,
    score_guesses,
    score_on_maxwell,
    spend,
)
from invlab.improve import rank, refine_on_surrogate, surrogate_error
from invlab.methods import get_method
from invlab.methods.neural_adjoint import NeuralAdjoint
from invlab.methods.sampler import Sampler
from invlab.task import Pairs, Targets, Task
from invlab.tasks import get_task

__all__ = ["MODELS", "SAMPLERS", "invert", "settings"]

# Models that draw their guesses, and all of them.
SAMPLERS = ("mixture_density", "cvae", "inn", "cinn", "flow_matching", "spline_flow")
MODELS = ("direct", "tandem", "tandem_plain", *SAMPLERS)


def settings(model: str, task: str) -> dict[str, Any]:
    """Arguments of a model where they differ from its defaults, as frozen."""
    own = frozen.options("neural_adjoint", model)
    chosen = {**own.get("every", {}), **own.get(task, {})}
    if "activation" in chosen:
        chosen["activation"] = getattr(torch.nn.functional, chosen["activation"])
    return chosen


def invert(
    name: str,
    seed: int,
    *,
    model: str,
    targets: int = 500,
    guesses: int = GUESSES,
    pairs: int = PAIRS,
    shorter: int = 1,
    matching: bool = True,
    refined: int = 0,
    maxwell: int = 0,
) -> dict[str, dict[str, Any]]:
    """Train one model on one task, score it, and match its draws with the exact posterior.

    Args:
        name: of the task.
        seed: of pairs, targets and network.
        model: one of :data:`MODELS`.
        targets: fresh ones, float64.
        guesses: T at most.
        pairs: simulations to learn from.
        shorter: the epochs are divided by it.
        matching: whether to compare with the exact posterior.
        refined: epochs of a surrogate through which the guesses are ranked, and refined by two
            Gauss–Newton steps; 0 leaves it out.
        maxwell: spectra of the solver that the model inverts as well, on D4.

    Returns:
        Like :func:`~invbook.papers.neural_adjoint.experiments.compare`, with ``free``, the guesses
        before they are clipped, and ``moved``, the share that clipping moves; and with the
        rows ``"MODEL ranked"`` and ``"MODEL refined"`` where asked for.
    """
    task = get_task(name)
    data = training_pairs(task, seed, pairs)
    asked = task.targets(targets, seed=seed, dtype=torch.float64)
    options = _options(model, name, shorter)
    if model not in SAMPLERS:
        options["bounds"] = "free"  # the scores are of what the network itself says
    untrained = get_method(model.removesuffix("_plain"), **options)
    fitted, spent = spend(lambda: untrained.fit(task, data, seed=seed))
    numbers = sum(p.numel() for p in fitted.parameters())
    x, cost = draw(fitted, asked, guesses)
    row = {
        **score_guesses(task, asked, x, exchangeable=fitted.exchangeable, data=data),
        **cost,
        "train": spent.cpu,
        "train_wall": spent.wall,
        "simulations": pairs,
        "parameters": numbers,
    }
    found = {model: row}
    if isinstance(fitted, Sampler):
        free = copy.copy(fitted)
        free.bounds = "free"
        unclipped = free.propose(asked.y, guesses)
        loose = score_guesses(task, asked, unclipped, exchangeable=True, data=data)
        row["free"] = float(loose["r_T"][0])
        row["free_invalid"] = loose["invalid"]
        row["moved"] = float((unclipped != x).any(-1).double().mean())
    if matching and hasattr(task, "posterior"):
        scale = data.x.double().std(0)
        row["matching"] = match(task, fitted, asked, scale, seed=seed)
    if maxwell:
        found[f"{model} on maxwell"] = score_on_maxwell(
            name, fitted, seed=seed, targets=maxwell, guesses=MAXWELL_GUESSES
        )
    if refined:
        found |= _refined(task, asked, x, model, data, seed, refined)
    return found


def _options(model: str, task: str, shorter: int) -> dict[str, Any]:
    options = settings(model, task)
    if shorter == 1:
        return options
    whole = get_method(model.removesuffix("_plain"), **options).training_options["epochs"]
    return options | {"epochs": max(1, whole // shorter)}


def _refined(
    task: Task,
    asked: Targets,
    x: Tensor,
    model: str,
    data: Pairs,
    seed: int,
    epochs: int,
) -> dict[str, dict[str, Any]]:
    """The same guesses, ranked by a surrogate, and after two Gauss–Newton steps on it."""
    adjoint = NeuralAdjoint(epochs=epochs).fit(task, data, seed=seed)
    surrogate, box = adjoint.surrogate, (data.x.amin(0).double(), data.x.amax(0).double())

    def scored(x: Tensor, *, exchangeable: bool) -> dict[str, Any]:
        return score_guesses(task, asked, x, exchangeable=exchangeable, data=data)

    better = torch.clamp(refine_on_surrogate(surrogate, x, asked.y), *box)
    return {
        f"{model} ranked": scored(
            rank(x, surrogate_error(surrogate, x, asked.y)), exchangeable=False
        ),
        f"{model} refined": scored(better, exchangeable=True),
    }
