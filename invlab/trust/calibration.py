"""Calibration: do the true unknowns fall anywhere among the draws, or mostly at an end?"""

from __future__ import annotations

import torch
from torch import Tensor

from invlab import runtime
from invlab.validation import require_count, require_tensor

__all__ = ["calibration_ranks", "uniformity"]

# Draws compared at a time with the true unknowns.
BLOCK = 2**20


def calibration_ranks(
    x: Tensor, draws: Tensor, *, generator: torch.Generator | None = None
) -> Tensor:
    """Ranks of the true unknowns among the draws for their own y.

    If the draws come from p(x | y) and x from the prior, each rank is uniform on 0 … n,
    whatever y (simulation-based calibration; Talts et al. 2018). Draws that are equal to the
    true unknown, as whole numbers often are, are put below or above it at random: only then
    the ranks of exact draws are uniform.

    Args:
        x: unknowns that made the targets, ``(B, d)``.
        draws: ``(B, n, d)``.
        generator: CPU generator that breaks the ties; a fresh one of seed 0 if not given.

    Returns:
        ``(B, d)``, whole numbers from 0 to n.

    Raises:
        TypeError, ValueError: tensors of the wrong kind or shape, with NaN, or on two devices.

    Example:
        >>> import torch
        >>> from invlab import trust
        >>> truth = torch.tensor([[0.5]])
        >>> draws = torch.tensor([[[0.1], [0.4], [0.9]]])
        >>> trust.calibration_ranks(truth, draws).tolist()
        [[2]]
    """
    x = require_tensor("x", x, ("B", "d")).detach()
    shape = (len(x), "n", x.shape[1])
    draws = require_tensor("draws", draws, shape, device=x.device).detach()
    generator = runtime.generator(0, "calibration ranks") if generator is None else generator
    size = max(1, BLOCK // draws[0].numel())
    counts = [
        ((some < true[:, None]).sum(1), (some == true[:, None]).sum(1))
        for true, some in zip(x.double().split(size), draws.split(size), strict=True)
    ]
    below, ties = (torch.cat(count) for count in zip(*counts, strict=True))
    share = torch.rand(ties.shape, generator=generator, dtype=torch.float64, device="cpu")
    return below + torch.minimum((share.to(x.device) * (ties + 1)).long(), ties)


def uniformity(ranks: Tensor, n: int, *, bins: int = 20) -> Tensor:
    """p-value of the χ² test that ranks are uniform on 0 … n, for each unknown: ``(d,)``.

    Args:
        ranks: from :func:`calibration_ranks` with ``n`` draws, ``(B, d)``.
        n: number of draws.
        bins: groups of neighbouring ranks, at most ``n + 1``.

    Raises:
        ValueError: more bins than possible ranks, no ranks, or ranks that are no whole numbers
            from 0 to n: those of another number of draws.

    Example:
        >>> import torch
        >>> from invlab import trust
        >>> ranks = torch.arange(100)[:, None]  # among 99 draws, each rank once
        >>> round(trust.uniformity(ranks, 99).item(), 3)
        1.0
        >>> round(trust.uniformity(ranks // 2, 99).item(), 3)  # never in the upper half
        0.0
    """
    n = require_count("n", n)
    if not isinstance(ranks, Tensor) or ranks.ndim != 2 or len(ranks) == 0:
        came = tuple(ranks.shape) if isinstance(ranks, Tensor) else type(ranks).__name__
        raise ValueError(f"uniformity: expected a tensor of ranks, shape (B, d), got {came}")
    if bool((ranks < 0).any() | (ranks > n).any() | (ranks != ranks.round()).any()):
        raise ValueError(
            f"uniformity: expected whole numbers from 0 to {n}, got some from {ranks.min():g} to "
            f"{ranks.max():g}; n is the number of draws that were ranked among"
        )
    if require_count("bins", bins) < 2:
        raise ValueError("uniformity: expected at least 2 bins, got 1, into which all ranks fall")
    if bins > n + 1:
        raise ValueError(f"uniformity: expected at most {n + 1} bins for {n} draws, got {bins}")
    from scipy.stats import chi2  # slow to import

    # a small dtype would overflow
    edges = torch.div(ranks.to(torch.int64) * bins, n + 1, rounding_mode="floor")
    counts = torch.stack([(edges == k).sum(0) for k in range(bins)]).double()
    possible = torch.div(torch.arange(n + 1, device="cpu") * bins, n + 1, rounding_mode="floor")
    share = torch.bincount(possible, minlength=bins).double() / (n + 1)
    expected = (share * len(ranks))[:, None].to(counts.device)
    statistic = ((counts - expected).square() / expected).sum(0)
    return torch.as_tensor(chi2.sf(statistic.cpu().numpy(), bins - 1), device="cpu")
