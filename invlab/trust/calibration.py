"""Calibration: do the true unknowns fall anywhere among the draws, or mostly at an end?"""

from __future__ import annotations

import torch
from torch import Tensor

from invlab.validation import require_count, require_tensor

__all__ = ["calibration_ranks", "uniformity"]


def calibration_ranks(x: Tensor, draws: Tensor) -> Tensor:
    """Ranks of the true unknowns among the draws for their own y.

    If the draws come from p(x | y) and x from the prior, each rank is uniform on 0 … n,
    whatever y (simulation-based calibration; Talts et al. 2018).

    Args:
        x: unknowns that made the targets, ``(B, d)``.
        draws: ``(B, n, d)``.

    Returns:
        ``(B, d)``, whole numbers from 0 to n; ties count as half, rounded down.
    """
    x = require_tensor("x", x, ("B", "d")).double()
    draws = require_tensor("draws", draws, (len(x), "n", x.shape[1])).double()
    below = (draws < x[:, None]).sum(1)
    ties = (draws == x[:, None]).sum(1)
    return below + torch.div(ties, 2, rounding_mode="floor")


def uniformity(ranks: Tensor, n: int, *, bins: int = 20) -> Tensor:
    """p-value of the χ² test that ranks are uniform on 0 … n, for each unknown: ``(d,)``.

    Args:
        ranks: from :func:`calibration_ranks` with ``n`` draws, ``(B, d)``.
        n: number of draws.
        bins: groups of neighbouring ranks, at most ``n + 1``.

    Raises:
        ValueError: more bins than possible ranks.
    """
    if require_count("bins", bins) > n + 1:
        raise ValueError(f"uniformity: expected at most {n + 1} bins for {n} draws, got {bins}")
    from scipy.stats import chi2  # slow to import

    edges = torch.div(ranks * bins, n + 1, rounding_mode="floor")
    counts = torch.stack([(edges == k).sum(0) for k in range(bins)]).double()
    possible = torch.div(torch.arange(n + 1) * bins, n + 1, rounding_mode="floor")
    share = torch.bincount(possible, minlength=bins).double() / (n + 1)
    expected = (share * len(ranks))[:, None].to(counts.device)
    statistic = ((counts - expected).square() / expected).sum(0)
    return torch.as_tensor(chi2.sf(statistic.cpu().numpy(), bins - 1))
