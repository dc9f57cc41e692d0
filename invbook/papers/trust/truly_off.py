"""Which targets the simulator truly cannot reach: by many simulations and refined answers."""

from __future__ import annotations

import torch
from torch import Tensor

import invlab
from invlab import Pairs, Task, runtime
from invlab.inversion.constraints import constrained
from invlab.trust.neighbours import Neighbours

__all__ = ["TrulyOff"]

# A target that is so near, in standard deviations of y, counts as reached.
REACHED = 0.01
# A target is off where it is farther away than this share of the reachable ones.
SHARE = 0.99
# Simulations that an answer to a target is refined from, and steps of it.
STARTS, STEPS = 5, 20


class TrulyOff:
    """Calls a target off that is farther from what the simulator gives than 99 % of reachable ones.

    Far is meant in two ways that must agree: from the nearest of many simulations and, where a
    simulator without noise has gradients, from the effect of the best answer refined on it within
    the usual range of the prior: a normal law excludes nothing, but an arm bent by four of its
    standard deviations is not what it says. A target that differs in a number of y that never
    varies is off in any case.

    Args:
        task: without a context.
        reachable: targets of its own, ``(B, *dy)``.
        simulations: how many; those that fail are left out.
    """

    def __init__(self, task: Task, reachable: Tensor, *, simulations: int) -> None:
        self.task, self.usual = task, constrained(task, task.box, None)
        draws = runtime.generator(1, task.name, "many simulations")
        self.many: Pairs = task.usable(task.sample(simulations, generator=draws))
        self.near = Neighbours(self.many.y.flatten(1))
        self.limits = self.gaps(reachable).quantile(SHARE, dim=0).clamp_min(REACHED)

    def __call__(self, y: Tensor) -> Tensor:
        """Which targets are off: ``(B, *dy)`` to ``(B,)``, bool."""
        beyond = (self.gaps(y) > self.limits).all(1)
        return beyond | self.near.breaks_constants(y.flatten(1))

    def gaps(self, y: Tensor) -> Tensor:
        """Both distances of targets, ``(B, 2)``; the first twice where nothing can be refined."""
        flat = y.flatten(1)
        rows = self.near.rows(flat, STARTS)
        known = self.near.distances(flat, rows)[:, 0]
        if not self.task.differentiable or self.task.noisy:
            return torch.stack([known, known], 1)
        x, goal = self.many.x[rows].double(), y.double()
        x = invlab.refine(self.usual, x, goal, steps=STEPS, bounded=True)
        error = invlab.resimulation_error(self.task, x, goal)
        x = x[torch.arange(len(x), device=x.device), error.argmin(1)]
        effect = self.task.simulate(x).flatten(1)
        gap = self.near.scaled(effect) - self.near.scaled(goal.flatten(1))
        return torch.stack([known, gap.norm(dim=1)], 1)
