"""What tests of trust ask a method for."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

__all__ = ["Proposer"]


class Proposer(Protocol):
    """What gives guesses, or draws: any fitted method."""

    def propose(
        self,
        y: Tensor,
        n: int = 1,
        c: Tensor | None = None,
        *,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Guesses ``(B, n, dx)``."""
