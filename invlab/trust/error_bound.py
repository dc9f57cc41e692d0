"""An upper bound of the re-simulated error of an answer, without simulating it.

Split conformal prediction: a method answers held-out pairs that it did not learn from, each answer
is simulated once, and the error of a new answer is then compared with those. Where the errors of
calibration and new targets are exchangeable, the bound at level 0.9 holds for 90 % of the targets,
whatever the method, the simulator and the predictor below are (Vovk, Gammerman and Shafer 2005;
Lei et al. 2018). The predictor only decides how tight it is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from invlab.metrics import resimulation_error
from invlab.surrogates import Surrogate
from invlab.task import Pairs, Task
from invlab.validation import require_same_length, require_tensor

__all__ = ["ErrorBound", "calibrate_bound", "conformal_quantile"]

# Fewest calibration pairs for a regression of the error; below, a constant bound is given.
FEWEST = 100
FOLDS, RIDGE = 10, 1.0
# Standardised features are clipped here: far from the pairs the regression must not run away.
CLIP = 4.0
# Errors are compared as logarithms, from a small share of a small quantile up.
TINY = 1e-17


def conformal_quantile(scores: Tensor, level: float) -> float:
    """The ``⌈level (n + 1)⌉``-th smallest of n scores; infinite where n is too small for it."""
    rank = math.ceil(level * (len(scores) + 1))
    if rank > len(scores):
        return math.inf
    return float(scores.sort().values[rank - 1])


@dataclass(frozen=True)
class ErrorBound:
    """A calibrated bound; call it with answers and their targets.

    Attributes:
        level: share of targets that it holds for.
        calibrated_on: number of calibration pairs.
    """

    level: float
    calibrated_on: int
    features: _Features
    regression: _Regression | None
    quantile: float
    floor: float

    def __call__(self, x: Tensor, y: Tensor, c: Tensor | None = None) -> Tensor:
        """Bounds of the re-simulated error of answers ``(B, dx)`` to targets: ``(B,)``, float64.

        In the unit of y squared, as :func:`invlab.resimulation_error`.
        """
        if self.regression is None:
            return torch.full((len(x),), self.quantile, dtype=torch.float64, device=x.device)
        seen = self.features(x, y, c)
        center, width = self.regression(seen)
        bound = (center + width * self.quantile).exp()
        # what the surrogate itself believes is never undercut
        return bound.maximum(self.features.believed(x, y, c))


def calibrate_bound(
    task: Task,
    method: Any,
    held_out: Pairs,
    learned_from: Pairs,
    surrogate: Surrogate,
    *,
    level: float = 0.9,
) -> ErrorBound:
    """Answer held-out pairs, simulate each answer once, and learn how large errors are.

    Args:
        task: its simulator gives the true errors.
        method: fitted, on none of the held-out pairs.
        held_out: calibration pairs; 100 at least for a bound that adapts, 400 for one whose share
            is within two points of the level.
        learned_from: pairs that the method learned from.
        surrogate: f̂ of the task, fitted on the same.
        level: share of fresh targets that the bound shall hold for.

    Raises:
        ValueError: a level outside (0, 1).
    """
    if not 0 < level < 1:
        raise ValueError(f"level: expected a share between 0 and 1, got {level}")
    held_out = task.usable(held_out)
    x = method.propose(held_out.y, 1, held_out.c)[:, 0]
    errors = resimulation_error(task, x[:, None], held_out.y, held_out.c)[:, 0].double()
    features = _Features(task, surrogate, learned_from)
    if len(errors) < FEWEST:
        return ErrorBound(
            level, len(errors), features, None, conformal_quantile(errors, level), 0.0
        )
    lowest = float(errors[torch.isfinite(errors)].quantile(1e-3)) / 10
    floor = max(lowest, TINY)
    finite = errors.clamp_max(float(errors[torch.isfinite(errors)].max()))
    logs = (finite + floor).log()
    seen = features(x, held_out.y, held_out.c)
    regression, scores = _cross_fitted(seen, logs)
    # an infinite error is above every bound
    scores = torch.where(torch.isfinite(errors), scores, torch.inf)
    return ErrorBound(
        level, len(errors), features, regression, conformal_quantile(scores, level), floor
    )


class _Features:
    """What can be known of an answer without a simulation: three logarithms, ``(B, 3)``.

    The misfit that f̂ believes in, the distance of the answer to the nearest training x, and that of
    the target to the nearest training y, both in standard deviations.
    """

    def __init__(self, task: Task, surrogate: Surrogate, pairs: Pairs) -> None:
        pairs = task.usable(pairs)
        self.surrogate = surrogate
        self.x, self.x_scale = _scaled(pairs.x)
        self.y, self.y_scale = _scaled(pairs.y.flatten(1))

    def believed(self, x: Tensor, y: Tensor, c: Tensor | None) -> Tensor:
        """Mean squared misfit of f̂, in the unit of y squared, ``(B,)``, float64."""
        seen = x if c is None else torch.cat([x, c.to(x)], 1)
        with torch.no_grad():
            effect = self.surrogate(seen.float()).double().mean(0)
        return (effect - y.double().flatten(1)).square().mean(1)

    def __call__(self, x: Tensor, y: Tensor, c: Tensor | None) -> Tensor:
        require_tensor("x", x, ("B", self.x.shape[1]), finite=False)
        require_same_length(x=x, y=y, c=c)
        near_x = _nearest(_apply(x, self.x_scale), self.x)
        near_y = _nearest(_apply(y.flatten(1), self.y_scale), self.y)
        found = torch.stack([self.believed(x, y, c), near_x.square(), near_y.square()], 1)
        return (found + TINY).log()


class _Regression:
    """Ridge regression of the log error on the features, and how much it scatters around it."""

    def __init__(self, features: Tensor, logs: Tensor) -> None:
        self.center, self.spread = features.mean(0), features.std(0).clamp_min(1e-9)
        rows = self._rows(features)
        ridge = RIDGE * torch.eye(rows.shape[1], dtype=rows.dtype)
        ridge[0, 0] = 0.0
        self.weights = torch.linalg.solve(rows.T @ rows + ridge, rows.T @ logs)
        predicted = rows @ self.weights
        order = predicted.argsort()
        self.at = predicted[order]
        self.scatter = _running_mean((logs - predicted).abs()[order], max(10, len(logs) // 8))

    def _rows(self, features: Tensor) -> Tensor:
        scaled = ((features - self.center) / self.spread).clamp(-CLIP, CLIP)
        return torch.cat([torch.ones_like(scaled[:, :1]), scaled], 1)

    def __call__(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Predicted log errors and their scale, ``(B,)`` each."""
        predicted = self._rows(features) @ self.weights
        place = torch.searchsorted(self.at, predicted).clamp_max(len(self.at) - 1)
        return predicted, self.scatter[place].clamp_min(1e-3)


def _cross_fitted(features: Tensor, logs: Tensor) -> tuple[_Regression, Tensor]:
    """A regression on all pairs, and for each pair its residual under one that did not see it."""
    scores = torch.empty_like(logs)
    fold = torch.arange(len(logs)) % FOLDS
    for k in range(FOLDS):
        out = fold == k
        center, width = _Regression(features[~out], logs[~out])(features[out])
        scores[out] = (logs[out] - center) / width
    return _Regression(features, logs), scores


def _running_mean(values: Tensor, window: int) -> Tensor:
    """Mean over the neighbours within half a window on both sides, ``(n,)``."""
    total = torch.cat([torch.zeros_like(values[:1]), values.cumsum(0)])
    place = torch.arange(len(values))
    low = (place - window // 2).clamp_min(0)
    high = (place + window // 2 + 1).clamp_max(len(values))
    return (total[high] - total[low]) / (high - low)


Scale = tuple[Tensor, Tensor, Tensor]


def _scaled(values: Tensor) -> tuple[Tensor, Scale]:
    """Values in standard deviations, and how; columns that never vary are left out."""
    values = values.double()
    spread = values.std(0, correction=0)
    varies = spread > 1e-12 * values.abs().amax(0)
    scale = values.mean(0)[varies], spread[varies], varies
    return _apply(values, scale), scale


def _apply(values: Tensor, scale: Scale) -> Tensor:
    center, spread, varies = scale
    return (values.double()[:, varies] - center) / spread


def _nearest(points: Tensor, known: Tensor) -> Tensor:
    """Distance of each point ``(B, d)`` to the nearest of the known ones ``(N, d)``: ``(B,)``."""
    parts = points.split(max(1, 4_000_000 // max(1, len(known))))
    return torch.cat([torch.cdist(part, known).amin(1) for part in parts])
