"""What each setting of the joint optimisation is worth, with all others as frozen."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from invbook.papers.joint_optimization import learned
from invbook.papers.joint_optimization.systems import (
    Problems,
    Result,
    compare,
    draw_problems,
    scipy_bfgs,
)
from invlab import runtime
from invlab.minimizers import minimize

__all__ = ["VARIANTS", "ablate", "noisy"]

# One network each; options of minimize(method="joint"), a changed one a line. "noise" is the
# length of random numbers added to each row's gradient, in lengths of that gradient, and
# "coupled": False is Adam on each row by itself, without a network.
WAVE: dict[str, dict[str, Any]] = {
    "frozen": {},
    "small last layer": {"encoder": {"last": 0.01}},
    "rate 1e-4": {"lr": 1e-4},
    "rate 1e-3": {"lr": 1e-3},
    "rate 1e-2": {"lr": 1e-2},
    "no normalisation": {"encoder": {"last": None, "normalization": None}},
    "clip": {"clip": 1.0},
    "unit rows": {"clip_rows": "unit"},
    "noise 3": {"noise": 3.0},
    "rows alone": {"coupled": False},
    "rows alone, noise 3": {"coupled": False, "noise": 3.0},
}
BILLIARDS: dict[str, dict[str, Any]] = {
    "frozen": {},
    "standardised features": {"standardize": True},
    "small last layer": {"encoder": {"last": 0.01}},
    "small last layer, rate 1e-2": {"encoder": {"last": 0.01}, "lr": 1e-2},
    "rate 3e-4": {"lr": 3e-4},
    "rate 1e-3": {"lr": 1e-3},
    "rate 1e-2": {"lr": 1e-2},
    "relu": {"encoder": {"last": None, "activation": "relu"}},
    "four octaves": {"encoder": {"last": None, "fourier_octaves": 4}},
    "clip": {"clip": 0.1},
    "unit rows": {"clip_rows": "unit"},
    "noise 3": {"noise": 3.0},
    "rows alone": {"coupled": False},
    "rows alone, noise 3": {"coupled": False, "noise": 3.0},
}
VARIANTS = {"wave_packet": WAVE, "billiards": BILLIARDS}
# Step of Adam on rows by themselves: in units of z, or m/s.
ALONE = 0.05


def noisy(problems: Problems, level: float, seed: int) -> Problems:
    """The same problems with a gradient that has errors; values stay exact.

    Args:
        problems: to be solved.
        level: length of the error of each row, normally distributed in each direction, in lengths
            of the row's gradient.
        seed: of the errors.
    """
    rng = runtime.generator(seed, "joint optimization", "noisy gradients")

    def fun(x: Tensor, rows: Tensor) -> Tensor:
        if x.requires_grad:
            x = x.clone()
            x.register_hook(spoilt)
        return problems.fun(x, rows)

    def spoilt(gradient: Tensor) -> Tensor:
        error = torch.randn(gradient.shape, generator=rng, dtype=torch.float64)
        size = gradient.norm(dim=1, keepdim=True) / gradient.shape[1] ** 0.5
        return gradient + level * size * error

    return replace(problems, fun=fun)


def ablate(system: str, n: int, seed: int, settings: dict[str, Any], unit: float) -> dict[str, Any]:
    """Each variant of :data:`VARIANTS` on the same problems, refined by SciPy's BFGS.

    Args:
        system, n, seed: the problems.
        settings: frozen options, of one network.
        unit: of BFGS.

    Returns:
        ``scores`` under ``<variant>/<stage>/<quantity>``, as in
        :func:`~invbook.papers.joint_optimization.experiments.measure`, and ``<variant>/moving``,
        the percentage of rows whose gradient at the last iterate is not zero.
    """
    problems = draw_problems(system, n, seed)
    baseline = scipy_bfgs(problems, problems.start, unit).loss
    keep = settings.get("keep_best", True)
    scores: dict[str, float] = {}
    for variant, changed in VARIANTS[system].items():
        options = {**settings, **changed}
        options.pop("keep_best", None)
        last, best = _run(problems, seed, options)
        answer = best if keep else last
        refined = scipy_bfgs(problems, answer.x, unit)
        for stage, found in (("unrefined", answer), ("refined", refined)):
            numbers = compare(problems, found, baseline)
            scores |= {f"{variant}/{stage}/{name}": value for name, value in numbers.items()}
        scores[f"{variant}/moving"] = _moving(problems, last.x)
        scores[f"{variant}/cpu"] = answer.cpu
    return {
        "scores": {name: [float(f"{value:.5g}")] for name, value in scores.items()},
        "curves": {},
    }


def _run(problems: Problems, seed: int, options: dict[str, Any]) -> tuple[Result, Result]:
    """Last and best iterate of a variant."""
    level = options.pop("noise", 0.0)
    problems = noisy(problems, level, seed) if level else problems
    if not options.pop("coupled", True):
        return _alone(problems, options["iterations"])
    network = dict(options.get("encoder") or {})
    if "activation" in network:
        network["activation"] = getattr(torch, network["activation"])
    with warnings.catch_warnings():
        # where all shots miss; "moving" tells
        warnings.filterwarnings("ignore", "minimize .joint.: at the end", UserWarning)
        last, best, _ = learned.joint(problems, seed, **{**options, "encoder": network})
    return last[0], best[0]


def _alone(problems: Problems, iterations: int) -> tuple[Result, Result]:
    """Adam on each row by itself, from the same start, with a step that falls to zero."""
    middle, half = problems.task.box.center, problems.task.box.width / 2

    def unknowns(z: Tensor) -> Tensor:
        return middle + half * torch.tanh(z) if problems.system.bounded else z

    def objective(z: Tensor, rows: Tensor) -> Tensor:
        return problems.fun(unknowns(z), rows)

    z0 = torch.zeros_like(problems.start) if problems.system.bounded else problems.start
    start = runtime.cpu_seconds()
    found = minimize(objective, z0, method="adam", step_size=ALONE, maxiter=iterations, gtol=0.0)
    x, cpu = unknowns(found.x), runtime.cpu_seconds() - start
    answer = Result(x, problems.loss(x), cpu, found.nfev.double().mean().item())
    return answer, answer


def _moving(problems: Problems, x: Tensor) -> float:
    with torch.enable_grad():
        x = x.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(problems.fun(x, torch.arange(len(x))).sum(), x)
    return 100 * (gradient != 0).any(1).double().mean().item()
