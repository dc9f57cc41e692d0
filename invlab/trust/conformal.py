"""Conformal quantiles and p-values: what ranks among exchangeable scores allow to say."""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["conformal_p_values", "conformal_quantile"]

# Entries of the table of ranks that are held at once.
BLOCK = 2**22


def conformal_quantile(scores: Tensor, level: float) -> float:
    """The ``⌈level (n + 1)⌉``-th smallest of n scores; infinite where n is too small for it.

    A further score, exchangeable with these, is at most that with probability ``level`` or more.

    Args:
        scores: ``(n,)``, infinity allowed.
        level: between 0 and 1.

    Source: Vovk, Gammerman and Shafer (2005); Lei et al. (2018).
    """
    # less than rounding: 0.9 · 10 is 9 and no more
    rank = math.ceil(level * (len(scores) + 1) - 1e-9)
    if rank > len(scores):
        return math.inf
    return float(scores.sort().values[rank - 1])


def conformal_p_values(known: Tensor, new: Tensor) -> Tensor:
    """How likely a row as strange as each new one is among exchangeable rows, ``(B,)``.

    Of several kinds of strangeness the rarest counts: the smallest rank of a row among all ``n +
    1`` is a score of its own, and ranked once more. So the p-value is right however the kinds
    depend on each other: for a new row that is exchangeable with the known ones it is at most
    α with probability α or less.

    Args:
        known: strangeness of n known rows in k ways, ``(n, k)``; larger is stranger.
        new: of the new rows, each judged alone, ``(B, k)``.

    Returns:
        ``(1 + #{known rows as rare})/(n + 1)``, float64: at least ``1/(n + 1)``.

    Source: Bates et al. (2023) for one kind.
    """
    own = torch.stack([_at_least(column, column) for column in known.T], 1)
    parts = new.split(max(1, BLOCK // known.numel()))
    return torch.cat([_rarest(known, own, part) for part in parts])


def _rarest(known: Tensor, own: Tensor, new: Tensor) -> Tensor:
    rank = 1 + torch.stack([_at_least(*pair) for pair in zip(known.T, new.T, strict=True)], 1)
    # the new row is one of those that a known one is ranked among
    among = own[None] + (new[:, None] >= known[None])
    as_rare = among.amin(2) <= rank.amin(1)[:, None]
    return (1.0 + as_rare.sum(1).double()) / (len(known) + 1)


def _at_least(known: Tensor, scores: Tensor) -> Tensor:
    """How many of the known scores are at least each score: ``(n,), (B,) -> (B,)``."""
    ordered = known.sort().values
    return len(ordered) - torch.searchsorted(ordered, scores.contiguous())
