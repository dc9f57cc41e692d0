"""Could this y have come from the simulator at all? A conformal p-value, and the nearest that could.

Two kinds of strangeness see two kinds of targets: the distance to the nearest training y finds
what lies out of range, the misfit that remains after a search through f̂ what lies off the set of
possible y, also in the midst of them. The smaller of their two p-values, calibrated once more, is
the p-value of both (Bates et al. 2023 on conformal tests for outliers).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from invlab.task import Pairs, Task
from invlab.trust.error_bound import _apply, _nearest, _scaled

__all__ = ["Reachability", "calibrate_reachability"]

# Answers a target among which the smallest believed misfit counts.
ANSWERS = 8
# Calibration y around a target whose misfits say how good f̂ is there.
NEIGHBOURS = 15
TINY = 1e-17


@dataclass(frozen=True)
class Reachability:
    """A calibrated test; call it with targets.

    Attributes:
        calibrated_on: number of calibration pairs.
        smallest_misfit: the 95 % quantile of the misfits of reachable targets, over the variance of
            y: a smaller fault of the simulator cannot be seen.
    """

    calibrated_on: int
    smallest_misfit: float
    strangeness: _Strangeness
    distances: Tensor
    misfits: Tensor
    smaller: Tensor

    def __call__(self, y: Tensor, c: Tensor | None = None) -> Tensor:
        """p-values ``(B,)`` that targets ``(B, *dy)`` could come from the simulator and prior."""
        distance, misfit = self.strangeness(y, c)
        both = torch.minimum(_p(distance, self.distances), _p(misfit, self.misfits))
        # small is strange here
        return _p(-both, -self.smaller)

    def nearest(self, y: Tensor) -> Tensor:
        """The nearest y of the training pairs for each target, ``(B, *dy)``."""
        return self.strangeness.nearest(y)


def calibrate_reachability(
    task: Task, searcher: Any, held_out: Pairs, learned_from: Pairs
) -> Reachability:
    """Measure how strange reachable targets look.

    Args:
        task: says which pairs are valid.
        searcher: a fitted neural adjoint: it has a surrogate, and looks for its best misfit.
        held_out: pairs that it did not learn from.
        learned_from: those that it did.
    """
    held_out = task.usable(held_out)
    strangeness = _Strangeness(task, searcher, held_out, learned_from)
    distance, misfit = strangeness.of_calibration()
    both = torch.minimum(_p_own(distance), _p_own(misfit))
    smallest = float(strangeness.raw.quantile(0.95))
    return Reachability(len(held_out), smallest, strangeness, distance, misfit, both)


class _Strangeness:
    """Distance to the nearest training y, and the local log misfit, of a target."""

    def __init__(self, task: Task, searcher: Any, held_out: Pairs, learned_from: Pairs) -> None:
        pairs = task.usable(learned_from)
        self.searcher, self.whole = searcher, pairs.y
        self.y, self.scale = _scaled(pairs.y.flatten(1))
        self.held = _apply(held_out.y.flatten(1), self.scale)
        self.distance = _nearest(self.held, self.y)
        self.raw = self._misfit(held_out.y, held_out.c)
        self.logs = (self.raw + TINY).log()

    def of_calibration(self) -> tuple[Tensor, Tensor]:
        """Both for the calibration targets, each without itself among its neighbours."""
        near = torch.cdist(self.held, self.held).fill_diagonal_(torch.inf)
        rows = near.topk(min(NEIGHBOURS, len(near) - 1), largest=False).indices
        return self.distance, self.logs - self.logs[rows].mean(1)

    def __call__(self, y: Tensor, c: Tensor | None) -> tuple[Tensor, Tensor]:
        points = _apply(y.flatten(1), self.scale)
        near = torch.cdist(points, self.held)
        rows = near.topk(min(NEIGHBOURS, near.shape[1]), largest=False).indices
        misfit = (self._misfit(y, c) + TINY).log() - self.logs[rows].mean(1)
        return _nearest(points, self.y), misfit

    def _misfit(self, y: Tensor, c: Tensor | None) -> Tensor:
        """Smallest believed misfit of some answers, over the variance of y, ``(B,)``."""
        x = self.searcher.propose(y, ANSWERS, c)
        flat = x.flatten(0, 1)
        seen = flat if c is None else torch.cat([flat, c.to(flat).repeat_interleave(ANSWERS, 0)], 1)
        surrogate = self.searcher.surrogate
        goal = surrogate.outputs(y.flatten(1).double())[:, None]
        with torch.no_grad():
            effect = surrogate.scaled_mean(seen.float()).double().unflatten(0, x.shape[:2])
        return (effect - goal).square().mean(2).amin(1)

    def nearest(self, y: Tensor) -> Tensor:
        points = _apply(y.flatten(1), self.scale)
        rows = [torch.cdist(part, self.y).argmin(1) for part in points.split(256)]
        return self.whole[torch.cat(rows)]


def _p(score: Tensor, known: Tensor) -> Tensor:
    """Conformal p-values ``(1 + #{known ≥ score}) / (n + 1)``, ``(B,)``."""
    ordered = known.sort().values
    at_least = len(ordered) - torch.searchsorted(ordered, score)
    return (1.0 + at_least) / (len(ordered) + 1)


def _p_own(score: Tensor) -> Tensor:
    """The same for each calibration score among the others."""
    ordered = score.sort().values
    at_least = len(ordered) - torch.searchsorted(ordered, score)
    return at_least / len(ordered)
