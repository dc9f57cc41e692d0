"""What any learned method has to beat: draws from the prior, and a look-up in the pairs."""

from __future__ import annotations

from typing import Self

import torch
from torch import Tensor

from invlab import runtime
from invlab.methods.base import Seeds, require_request, usable_pairs
from invlab.networks.mlp import Standardizer
from invlab.task import Pairs, Task
from invlab.validation import batch_shape, require_count, require_tensor

__all__ = ["Nearest", "PriorSampler"]

# Targets compared at once with the pairs, so that the table of distances stays small.
CHUNK = 64


class PriorSampler:
    """Guesses without looking: independent draws from the task's prior."""

    name = "prior"
    exchangeable = True

    def fit(self, task: Task, data: Pairs, *, seed: Seeds = 0) -> Self:
        """Remember the prior; the pairs are not used, and the seed is that of the draws."""
        self.prior = task.prior
        self.seed = seed if isinstance(seed, int) else seed[0]
        return self

    def propose(
        self,
        y: Tensor,
        n: int = 1,
        c: Tensor | None = None,
        *,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """``n`` draws for each target: ``(B, n, dx)``, the same for every target.

        Shared draws make a target's guesses independent of how many targets there are.
        """
        require_count("prior: n", n)
        if not hasattr(self, "prior"):
            raise ValueError("prior: call fit(task, data) before asking for answers")
        require_tensor("prior: y", y, batch_shape(y))
        generator = runtime.generator(self.seed, "prior") if generator is None else generator
        return self.prior.sample(n, generator=generator).to(y).expand(len(y), -1, -1)


class Nearest:
    """The unknowns of the training pairs whose y is nearest, nearest first."""

    name = "nearest"
    exchangeable = False

    def fit(self, task: Task, data: Pairs, *, seed: Seeds = 0) -> Self:
        """Remember the pairs whose y is valid, with the scale of y."""
        data = usable_pairs("nearest", task, data)
        self.x, y = data.x, data.y.flatten(1)
        self.scaler = Standardizer.fit(y).to(y.device)
        self.y = self.scaler(y)
        return self

    def propose(
        self,
        y: Tensor,
        n: int = 1,
        c: Tensor | None = None,
        *,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """The ``n`` nearest pairs' unknowns: ``(B, n, dx)``.

        Raises:
            ValueError: not fitted, a context, more guesses than pairs, or targets of another
                length than the pairs' y.
        """
        like = self.y[0] if hasattr(self, "y") else None
        flat = require_request("nearest", y, n, c, like=like)
        if n > len(self.x):
            raise ValueError(f"nearest: expected n of at most {len(self.x)} pairs, got {n}")
        return self.x[nearest_rows(self.scaler(flat), self.y, n)].to(y.dtype)


def nearest_rows(y: Tensor, pool: Tensor, n: int) -> Tensor:
    """Rows of the ``n`` points of ``pool (N, dy)`` nearest to each ``y (B, dy)``: ``(B, n)``."""
    found = [
        # the exact distance: the matrix-product form loses digits between close points
        torch.cdist(part, pool.to(part), compute_mode="donot_use_mm_for_euclid_dist")
        .topk(n, largest=False)
        .indices
        for part in y.split(CHUNK)
    ]
    return torch.cat(found)
