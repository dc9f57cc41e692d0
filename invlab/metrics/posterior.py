"""Does a model draw from the posterior? Two-sample scores and modes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from invlab import runtime
from invlab.networks.mlp import MLP, fourier_features
from invlab.networks.training import train
from invlab.validation import require_count, require_tensor

__all__ = ["c2st", "mmd2", "mode_recall"]

# Widths h of the paper's three kernels, 1 / (1 + ‖u − v‖² / h²).
WIDTHS = (0.05, 0.2, 0.9)


def mmd2(
    u: Tensor,
    v: Tensor,
    *,
    widths: Sequence[float] | Literal["median"] = WIDTHS,
    unbiased: bool = True,
) -> Tensor:
    """Squared maximum mean discrepancy between two samples, for each target.

    The kernel is a sum of inverse multiquadrics ``1 / (1 + ‖u − v‖²/h²)``. Scale u and v
    first, by the standard deviations of the prior: else one unknown with large numbers decides.

    Args:
        u, v: draws, ``(B, n, d)`` and ``(B, m, d)``, at least two each.
        widths: h of the kernels, or ``"median"`` for one of the median distance.
        unbiased: leaves out the pairs of a draw with itself. The published scores keep them,
            so that even two samples of one law score about ``6/n`` instead of 0.

    Returns:
        ``(B,)``, float64. The unbiased estimate of a perfect match scatters around zero and
        is negative half of the time.

    Raises:
        ValueError: shapes that do not fit, or fewer than two draws.
    """
    u = require_tensor("u", u, ("B", "n", "d")).double()
    v = require_tensor("v", v, (len(u), "m", u.shape[2])).double()
    if min(u.shape[1], v.shape[1]) < 2:
        raise ValueError(f"mmd2: expected two draws or more, got {u.shape[1]} and {v.shape[1]}")
    return torch.stack([_mmd2_one(a, b, widths, unbiased) for a, b in zip(u, v, strict=True)])


def _mmd2_one(
    u: Tensor, v: Tensor, widths: Sequence[float] | Literal["median"], unbiased: bool
) -> Tensor:
    # differences instead of a product, which loses digits between close points
    between = torch.cdist(u, v, compute_mode="donot_use_mm_for_euclid_dist")
    if widths == "median":
        widths = (float(between.median()),)
    assert not isinstance(widths, str)
    # each pair within a sample counts twice; the biased estimate adds each draw with itself
    n, m, own = len(u), len(v), 0 if unbiased else len(widths)
    within_u = 2 * _similarity(torch.pdist(u), widths) + own * n
    within_v = 2 * _similarity(torch.pdist(v), widths) + own * m
    pairs_u, pairs_v = (n * (n - 1), m * (m - 1)) if unbiased else (n * n, m * m)
    return within_u / pairs_u + within_v / pairs_v - 2 * _similarity(between, widths) / (n * m)


def _similarity(distance: Tensor, widths: Sequence[float]) -> Tensor:
    """Sum of the kernels over all distances."""
    squared = distance.square()
    return torch.stack([(h**2 / (squared + h**2)).sum() for h in widths]).sum()


def c2st(
    u: Tensor,
    v: Tensor,
    *,
    width: int = 32,
    fourier_octaves: int = 3,
    epochs: int = 40,
    seed: int = 0,
) -> Tensor:
    """Classifier two-sample test: how often a network tells u from v on draws it has not seen.

    A half of the draws trains a small network a target (all targets together), the other half
    judges, and the halves change places.

    Args:
        u, v: draws, ``(B, n, d)`` each with the same n, at least 4.
        width: units of its two hidden layers.
        fourier_octaves: Fourier features of the draws; without them it misses thin rings.
        epochs: of its training.
        seed: of halves and weights.

    Returns:
        Accuracy for each target, ``(B,)``: ½ where nothing can be told apart, 1 where everything.
    """
    u = require_tensor("u", u, ("B", "n", "d")).double()
    v = require_tensor("v", v, tuple(u.shape)).double()
    require_count("n", u.shape[1] // 4)
    order = torch.randperm(u.shape[1], generator=runtime.generator(seed, "c2st")).to(u.device)
    halves = [order[: len(order) // 2], order[len(order) // 2 :]]
    together = torch.cat([u, v], 1)
    scale = together.std(1, keepdim=True).clamp_min(1e-9)
    u, v = (
        fourier_features((a - together.mean(1, keepdim=True)) / scale, fourier_octaves)
        for a in (u, v)
    )
    scores = [
        _told_apart(u[:, learn], v[:, learn], u[:, judge], v[:, judge], width, epochs, seed)
        for learn, judge in (halves, halves[::-1])
    ]
    return torch.stack(scores).mean(0)


def _told_apart(
    u: Tensor, v: Tensor, u_new: Tensor, v_new: Tensor, width: int, epochs: int, seed: int
) -> Tensor:
    targets, dim = len(u), u.shape[2]
    seeds = [seed] * targets
    network = MLP([dim, width, width, 1], seeds=seeds, stream="c2st").to(u.device)
    x = torch.cat([u, v], 1).float()
    label = torch.cat([torch.ones_like(u[..., 0]), torch.zeros_like(v[..., 0])], 1).float()
    rows = torch.arange(x.shape[1], device=x.device)[:, None]
    member = torch.arange(targets, device=x.device)[:, None]

    def loss(row: Tensor) -> dict[str, Tensor]:
        chosen = row[..., 0].expand(targets, -1)
        guess = network(x[member, chosen])[..., 0]
        wrong = binary_cross_entropy_with_logits(guess, label[member, chosen], reduction="none")
        return {"cross-entropy": wrong.mean(1)}

    train(network, loss, (rows,), seeds=seeds, epochs=epochs, batch_size=100, lr=3e-3)
    with torch.no_grad():
        right = [
            (network(part.float())[..., 0] > 0) == is_u
            for part, is_u in ((u_new, True), (v_new, False))
        ]
    return torch.cat(right, 1).double().mean(1)


def mode_recall(found: Tensor, exact: Tensor, *, least: float = 0.1) -> Tensor:
    """Share of the modes that a model finds, for each target.

    Args:
        found: number of the mode of each draw, ``(B, n)``, whole numbers.
        exact: the same for exact draws, ``(B, m)``.
        least: a mode counts as found if it gets at least this part of its exact share.

    Returns:
        ``(B,)``: of the modes in the exact draws, the share that the model finds.
    """
    number = int(max(found.max(), exact.max())) + 1
    share_found, share_exact = (
        torch.stack([(modes == k).double().mean(1) for k in range(number)], 1)
        for modes in (found, exact)
    )
    there = share_exact > 0
    hit = there & (share_found >= least * share_exact)
    return hit.sum(1).double() / there.sum(1)
