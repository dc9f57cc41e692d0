"""The exact answer, for tasks that know their posterior: what no method can be asked to beat."""

from __future__ import annotations

from typing import Any, Self

import torch
from torch import Tensor

from invlab.task import Pairs, Task

__all__ = ["ExactPosterior"]


class ExactPosterior:
    """Draws from ``task.posterior(y, n)``, in the manner of a method.

    Args:
        task: one with a function ``posterior(y, n)`` to ``(B, n, dx)``.
    """

    name = "exact"
    exchangeable = True

    def __init__(self, task: Any) -> None:
        self.task = task

    def fit(self, task: Task, data: Pairs, *, seed: int) -> Self:
        """Nothing has to be learned."""
        return self

    def propose(self, y: Tensor, n: int, c: Tensor | None = None) -> Tensor:
        """Exact draws for each target: ``(B, n, dx)``."""
        draws: Tensor = self.task.posterior(y.double(), n)
        return draws.to(torch.float64)
