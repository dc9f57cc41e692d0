"""Does a model draw from the posterior? Two-sample scores and modes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from invlab import runtime
from invlab.networks.mlp import MLP, fourier_features, require_octaves
from invlab.networks.training import train
from invlab.validation import require_flag, require_number, require_numbers, require_tensor

__all__ = ["c2st", "mmd2", "mode_recall"]

# Widths h of the paper's three kernels, 1 / (1 + ‖u − v‖² / h²).
WIDTHS = (0.05, 0.2, 0.9)
# Distances, and numbers that a classifier sees, that are held at a time.
BLOCK = 2**20
# Draws that the median distance is taken between.
MEDIAN_DRAWS = 2000


def mmd2(
    u: Tensor,
    v: Tensor,
    *,
    widths: Sequence[float] | float | Literal["median"] = WIDTHS,
    unbiased: bool = True,
) -> Tensor:
    """Squared maximum mean discrepancy between two samples, for each target.

    The kernel is a sum of inverse multiquadrics ``1 / (1 + ‖u − v‖²/h²)``. Scale u and v
    first, by the standard deviations of the prior: else one unknown with large numbers decides.

    Args:
        u, v: draws, ``(B, n, d)`` and ``(B, m, d)``, at least two each.
        widths: h of the kernels, or ``"median"`` for one of the median distance, between at most
            2000 draws of each.
        unbiased: leaves out the pairs of a draw with itself. The published scores keep them,
            so that even two samples of one law score about ``6/n`` instead of 0.

    Returns:
        ``(B,)``, float64. The unbiased estimate of a perfect match scatters around zero and
        is negative half of the time.

    Raises:
        TypeError, ValueError: shapes that do not fit, fewer than two draws, or widths that are
            none.

    Example:
        >>> import torch
        >>> import invlab
        >>> draws = torch.Generator().manual_seed(0)
        >>> u, v = (torch.randn(1, 500, 2, generator=draws) for _ in range(2))
        >>> same, shifted = invlab.metrics.mmd2(u, v), invlab.metrics.mmd2(u, v + 1)
        >>> abs(same.item()) < 0.05 < shifted.item()
        True
    """
    u = require_tensor("u", u, ("B", "n", "d")).detach().double()
    v = require_tensor("v", v, (len(u), "m", u.shape[2])).detach().double()
    unbiased = require_flag("unbiased", unbiased)
    if min(u.shape[1], v.shape[1]) < 2:
        raise ValueError(f"mmd2: expected two draws or more, got {u.shape[1]} and {v.shape[1]}")
    given = _widths(widths)
    found = [
        _mmd2_one(a, b, (_median(a, b),) if given is None else given, unbiased)
        for a, b in zip(u, v, strict=True)
    ]
    return torch.stack(found)


def _widths(given: Any) -> Sequence[float] | None:
    """Widths of the kernels as plain floats, None for the median distance."""
    if isinstance(given, str) and given == "median":
        return None
    wrong = f"widths: expected numbers above zero or 'median', got {given!r}"
    if isinstance(given, str):
        raise ValueError(wrong)
    several = isinstance(given, Iterable) and not hasattr(given, "shape")
    numbers = require_numbers("widths", list(given) if several else given)
    widths: list[float] = numbers.flatten().tolist()
    if numbers.ndim > 1 or not widths or not all(0 < h < math.inf for h in widths):
        raise ValueError(wrong)
    return widths


def _mmd2_one(u: Tensor, v: Tensor, widths: Sequence[float], unbiased: bool) -> Tensor:
    # each pair within a sample counts twice; the biased estimate adds each draw with itself
    n, m, own = len(u), len(v), 0 if unbiased else len(widths)
    within_u = 2 * _within(u, widths) + own * n
    within_v = 2 * _within(v, widths) + own * m
    pairs_u, pairs_v = (n * (n - 1), m * (m - 1)) if unbiased else (n * n, m * m)
    return within_u / pairs_u + within_v / pairs_v - 2 * _between(u, v, widths) / (n * m)


def _within(u: Tensor, widths: Sequence[float]) -> Tensor:
    """Sum of the kernels over the pairs of ``(n, d)``, a block of rows at a time."""
    size = max(1, BLOCK // len(u))
    sums = [
        _similarity(torch.pdist(u[i : i + size]), widths)
        + _similarity(_distance(u[i : i + size], u[i + size :]), widths)
        for i in range(0, len(u), size)
    ]
    return torch.stack(sums).sum()


def _between(u: Tensor, v: Tensor, widths: Sequence[float]) -> Tensor:
    """Sum of the kernels over all pairs of ``(n, d)`` with ``(m, d)``."""
    blocks = u.split(max(1, BLOCK // len(v)))
    return torch.stack([_similarity(_distance(some, v), widths) for some in blocks]).sum()


def _distance(u: Tensor, v: Tensor) -> Tensor:
    # differences instead of a product, which loses digits between close points
    return torch.cdist(u, v, compute_mode="donot_use_mm_for_euclid_dist")


def _similarity(distance: Tensor, widths: Sequence[float]) -> Tensor:
    """Sum of the kernels over all distances."""
    squared = distance.square()
    return torch.stack([(h**2 / (squared + h**2)).sum() for h in widths]).sum()


def _median(u: Tensor, v: Tensor) -> float:
    """Median distance, of the distances above zero where most are zero; 1 where all are."""
    few = [a[:: math.ceil(len(a) / MEDIAN_DRAWS)] for a in (u, v)]
    distance = _distance(*few).flatten()
    if float(distance.median()) == 0:
        distance = distance[distance > 0]
    return float(distance.median()) if len(distance) else 1.0


@runtime.differentiable()
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

    Raises:
        TypeError, ValueError: draws of different shapes, fewer than 4 a target, or a size of the
            network or of its training that is none.

    Example:
        >>> import torch
        >>> import invlab
        >>> draws = torch.Generator().manual_seed(0)
        >>> u, v = (torch.randn(1, 200, 2, generator=draws) for _ in range(2))
        >>> round(invlab.metrics.c2st(u, v + 10).item(), 2)  # told apart each time
        1.0
    """
    u = runtime.normal_tensor(require_tensor("u", u, ("B", "n", "d"))).detach().double()
    v = runtime.normal_tensor(require_tensor("v", v, tuple(u.shape))).detach().double()
    fourier_octaves = require_octaves("fourier_octaves", fourier_octaves)
    n, features = u.shape[1], u.shape[2] * (1 + 2 * fourier_octaves)
    if n < 4:
        raise ValueError(f"c2st: expected at least 4 draws a target, got {n}")
    # made on the CPU and moved, whatever the default device is
    with torch.device("cpu"):
        order = torch.randperm(n, generator=runtime.generator(seed, "c2st")).to(u.device)
        halves = [order[: n // 2], order[n // 2 :]]
        # every target has a network of its own, so that they may come in any groups
        groups = zip(*(a.split(max(1, BLOCK // (n * features))) for a in (u, v)), strict=True)
        scores = []
        for some_u, some_v in groups:
            u, v = _scaled(some_u, some_v, fourier_octaves)
            told = [
                _told_apart(u[:, learn], v[:, learn], u[:, judge], v[:, judge], width, epochs, seed)
                for learn, judge in (halves, halves[::-1])
            ]
            scores.append(torch.stack(told).mean(0))
    return torch.cat(scores)


def _scaled(u: Tensor, v: Tensor, octaves: int) -> tuple[Tensor, Tensor]:
    """Both in units of their common spread, with Fourier features beside."""
    together = torch.cat([u, v], 1)
    mean, std = together.mean(1, keepdim=True), together.std(1, keepdim=True)
    varies = std > 1e-12 * together.abs().amax(1, keepdim=True)  # more than rounding
    scale = torch.where(varies, std, 1.0)
    u, v = (fourier_features((a - mean) / scale, octaves) for a in (u, v))
    return u, v


def _told_apart(
    u: Tensor, v: Tensor, u_new: Tensor, v_new: Tensor, width: int, epochs: int, seed: int
) -> Tensor:
    targets, dim = len(u), u.shape[2]
    seeds = [seed] * targets
    network = MLP([dim, width, width, 1], seeds=seeds, stream="c2st")
    network = network.to(u.device, torch.float32)
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
        found: number of the mode of each draw, ``(B, n)``, whole numbers; one that no exact draw
            has is no mode.
        exact: the same for exact draws, ``(B, m)``.
        least: a mode counts as found if it gets at least this part of its exact share.

    Returns:
        ``(B,)``, float64: of the modes in the exact draws, the share that the model finds.

    Raises:
        TypeError: not tensors of whole numbers.
        ValueError: shapes that do not fit, or no draws.

    Example:
        >>> import torch
        >>> import invlab
        >>> exact = torch.tensor([[0, 0, 1, 1]])  # draws of two modes
        >>> found = torch.tensor([[0, 0, 0, 0]])  # one of them is never met
        >>> invlab.metrics.mode_recall(found, exact).tolist()
        [0.5]
    """
    for name, modes in (("found", found), ("exact", exact)):
        if not isinstance(modes, Tensor) or modes.is_floating_point() or modes.is_complex():
            kind = modes.dtype if isinstance(modes, Tensor) else type(modes).__name__
            raise TypeError(f"{name}: expected a tensor of whole numbers (B, n), got {kind}")
        if modes.ndim != 2 or not modes.numel() or len(modes) != len(exact):
            raise ValueError(
                f"{name}: expected shape (B, n) with as many rows as exact, got "
                f"{tuple(modes.shape)} and {tuple(exact.shape)}"
            )
    exact, least = exact.to(found.device), require_number("least", least)
    size = max(1, BLOCK // max(found.shape[1], exact.shape[1]))
    parts = zip(found.split(size), exact.split(size), strict=True)
    return torch.cat([_recall(*part, least) for part in parts])


def _recall(found: Tensor, exact: Tensor, least: float) -> Tensor:
    def share(modes: Tensor) -> Tensor:
        return torch.stack([(modes == k).sum(1).double() for k in known], 1) / modes.shape[1]

    known = exact.unique()
    share_found, share_exact = share(found), share(exact)
    there = share_exact > 0
    hit = there & (share_found >= least * share_exact)
    return hit.sum(1).double() / there.sum(1)
