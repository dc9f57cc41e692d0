"""How a fitted method is scored: r_T with what it cost, and how well it matches the posterior."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from invlab import runtime
from invlab.methods.base import Method
from invlab.methods.baselines import Nearest
from invlab.metrics import best_of, resimulation_error
from invlab.metrics.posterior import c2st, mmd2, mode_recall
from invlab.networks.mlp import MLP
from invlab.task import Pairs, Targets, Task
from invlab.tasks import get_task
from invlab.trust.calibration import calibration_ranks, uniformity

__all__ = [
    "Spent",
    "draw",
    "match",
    "match_guesses",
    "posterior_floor",
    "score",
    "score_guesses",
    "score_on_maxwell",
    "spend",
]

# Quantiles of the error of single guesses.
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
# Draws behind the biased MMD²: so many leave perfect draws at the paper's lowest numbers.
FEW_DRAWS = 200
# Draws of a model and of the exact posterior for each target of a two-sample score.
DRAWS = 1000


@dataclass
class Spent:
    """What a piece of work cost: processor and wall seconds, and rows through a network."""

    cpu: float
    wall: float
    evaluations: int


def spend(work: Callable[[], Any]) -> tuple[Any, Spent]:
    """Do the work, and say what it cost. An evaluation is one row through one MLP, forwards."""
    with _counted() as rows:
        cpu, wall = runtime.cpu_seconds(), time.perf_counter()
        result = work()
        spent = Spent(runtime.cpu_seconds() - cpu, time.perf_counter() - wall, 0)
    spent.evaluations = sum(rows)
    return result, spent


@contextmanager
def _counted() -> Iterator[list[int]]:
    rows: list[int] = []

    def count(module: torch.nn.Module, inputs: tuple[Tensor, ...], output: Any) -> None:
        if isinstance(module, MLP):
            rows.append(inputs[0].shape[-2])

    handle = torch.nn.modules.module.register_module_forward_hook(count)
    try:
        yield rows
    finally:
        handle.remove()


def score(
    task: Task, asked: Targets, model: Any, guesses: int, data: Pairs | None = None
) -> dict[str, Any]:
    """Errors and r_T of a fitted method on targets, and what a target cost.

    Args:
        task: judges.
        asked: targets.
        model: fitted.
        guesses: T at most.
        data: training pairs, whose variance of y is the unit of the normalised errors and twice
            which an invalid guess is charged with; without them it costs infinity.
    """
    x, cost = draw(model, asked, guesses)
    return {**score_guesses(task, asked, x, exchangeable=model.exchangeable, data=data), **cost}


def draw(model: Any, asked: Targets, guesses: int) -> tuple[Tensor, dict[str, float]]:
    """Guesses ``(B, T, dx)``, float64, and what one target cost: seconds and evaluations."""
    y = asked.y.float() if isinstance(model, Nearest) else asked.y
    # the paper's models know nothing of whole numbers, such as the speed of the ball
    if isinstance(model, Method):
        model.facts["whole"] = []
    x, spent = spend(lambda: model.propose(y, n=guesses).double())
    return x, {
        "infer": spent.cpu / len(y),
        "infer_wall": spent.wall / len(y),
        "evaluations": spent.evaluations / len(y),
    }


def score_guesses(
    task: Task, asked: Targets, x: Tensor, *, exchangeable: bool, data: Pairs | None = None
) -> dict[str, Any]:
    """The same for guesses ``(B, T, dx)`` that are there already, without what they cost."""
    errors = resimulation_error(task, x, asked.y)
    invalid = float(torch.isinf(errors).double().mean())
    normalised = {}
    if data is not None:
        variance = float(task.usable(data).y.double().flatten(1).var(0).mean())
        errors = torch.where(torch.isinf(errors), 2 * variance, errors)
        q = torch.tensor(QUANTILES, dtype=errors.dtype, device=errors.device)
        each = (errors / variance).flatten().quantile(q).tolist()
        normalised = {f"q{100 * k:.0f}": value for k, value in zip(QUANTILES, each, strict=True)}
        normalised["mean"] = float(errors.mean()) / variance
    best = best_of(errors, exchangeable=exchangeable)
    return {
        "errors": errors,
        "best": best,
        "r_T": best.mean(0),
        "invalid": invalid,
        "outside": float((~task.box.contains(x)).double().mean()),
        **normalised,
    }


def score_on_maxwell(
    name: str, model: Any, *, seed: int, targets: int, guesses: int
) -> dict[str, Any]:
    """Guesses for true spectra, judged by Maxwell's equations: what the proxy hides.

    Args:
        name: of a task that has ``simulator="maxwell"``.
        model: fitted to pairs of the proxy.
        seed: of the targets.
        targets: spectra of the solver to invert, float64.
        guesses: T at most.

    Returns:
        ``best``, ``(targets, guesses)``.
    """
    truth = get_task(name, simulator="maxwell")
    with torch.no_grad():
        asked = truth.targets(targets, seed=seed, dtype=torch.float64)
        x, _ = draw(model, asked, guesses)
        errors = resimulation_error(truth, x, asked.y)
    return {"best": best_of(errors, exchangeable=model.exchangeable)}


def match(task: Any, model: Any, asked: Targets, scale: Tensor, *, seed: int) -> dict[str, Any]:
    """How draws differ from the exact posterior: MMD², C2ST, modes and calibration.

    ``mmd`` is unbiased, from 1000 draws; ``mmd_biased`` as in the published code, from 200.

    Args:
        task: with an exact ``posterior(y, n)``.
        model: fitted.
        asked: targets with the unknowns that made them; the first 50 have their MMD² taken, the
            first 10 their C2ST, all take part in the calibration.
        scale: length of each unknown that counts as one in a distance, ``(dx,)``.
        seed: of the exact draws and of the model's.
    """
    few = asked.y[:50]
    exact = task.posterior(few, DRAWS, generator=runtime.generator(seed, "exact"))
    y = few.float() if isinstance(model, Nearest) else few
    draws = model.propose(y, n=DRAWS, generator=runtime.generator(seed, "matching")).double()
    found = {
        "mmd": mmd2(draws / scale, exact / scale).tolist(),
        "mmd_biased": _biased(draws / scale, exact / scale),
        "c2st": c2st(draws[:10] / scale, exact[:10] / scale, seed=seed).tolist(),
    }
    if hasattr(task, "modes"):
        modes = task.modes(draws, few), task.modes(exact, few)
        found["recall"] = mode_recall(*modes).tolist()
    assert asked.x is not None
    many = model.propose(
        asked.y.to(y.dtype), n=99, generator=runtime.generator(seed, "calibration")
    )
    ranks = calibration_ranks(asked.x, many.double())
    found["calibration"] = uniformity(ranks, 99).tolist()
    return found


def match_guesses(
    task: Any, asked: Targets, x: Tensor, scale: Tensor, *, seed: int
) -> dict[str, Any]:
    """The biased MMD² of guesses that are there already, where further draws would be dear.

    Args:
        task, asked, scale, seed: as for :func:`match`.
        x: 200 guesses for each target, ``(B, 200, dx)``, float64; others are left out.
    """
    exact = task.posterior(asked.y, FEW_DRAWS, generator=runtime.generator(seed, "exact"))
    return {"mmd_biased": _biased(x / scale, exact / scale)}


def posterior_floor(task: Any, asked: Targets, scale: Tensor, *, seed: int) -> dict[str, Any]:
    """The scores of exact draws against other exact draws: what cannot be told from zero."""
    few = asked.y[:50]
    one, other = (
        task.posterior(few, DRAWS, generator=runtime.generator(seed, stream)) / scale
        for stream in ("exact", "exact again")
    )
    return {
        "mmd": mmd2(other, one).tolist(),
        "mmd_biased": _biased(other, one),
        "c2st": c2st(other[:10], one[:10], seed=seed).tolist(),
    }


def _biased(u: Tensor, v: Tensor) -> list[float]:
    """MMD² as the published code takes it, of a few draws."""
    return mmd2(u[:, :FEW_DRAWS], v[:, :FEW_DRAWS], unbiased=False).tolist()
