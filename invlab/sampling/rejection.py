"""Draws from many densities at once by rejection: candidates until each has enough."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["sample_by_rejection"]

# Candidates of a round; a density that kept fewer than the least share of so many has no draws.
ROUND, PATIENCE, LEAST = 2**18, 3 * 10**6, 1e-6
# Candidates ``(k, m, d)`` for the densities ``(k,)``, and which of them are kept, ``(k, m)``.
Propose = Callable[[Tensor, int], tuple[Tensor, Tensor]]


def sample_by_rejection(propose: Propose, densities: int, n: int) -> Tensor:
    """``n`` draws from each of many densities, exact where ``propose`` keeps candidates rightly.

    Args:
        propose: called with the numbers ``(k,)`` of the densities that still want draws and with a
            count m; gives independent candidates ``(k, m, d)`` and which of them are kept
            ``(k, m)``.
        densities: their number, B.
        n: draws for each.

    Returns:
        ``(B, n, d)``.

    Raises:
        ValueError: a density keeps next to none of its candidates; the message says which.
    """
    kept: list[list[Tensor]] = [[] for _ in range(densities)]
    missing = torch.full((densities,), n, device="cpu")
    tried, m = 0, 2 * n + 60
    while bool((missing > 0).any()):
        bad = int(missing.argmax())
        found = n - int(missing[bad])
        if tried > PATIENCE and found < LEAST * tried:
            raise ValueError(
                f"expected densities that their candidates reach, but {found} of {tried} "
                f"candidates were kept for density {bad}"
            )
        for rows in (missing > 0).nonzero()[:, 0].split(max(1, ROUND // m)):
            points, good = propose(rows, m)
            for row, some, right in zip(rows.tolist(), points, good, strict=True):
                kept[row].append(some[right][: int(missing[row])])
                missing[row] -= len(kept[row][-1])
        tried, m = tried + m, min(2 * m, ROUND)
    return torch.stack([torch.cat(parts) for parts in kept])
