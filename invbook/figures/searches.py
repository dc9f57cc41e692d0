"""Part III: better, equal and worse as bars, what a tolerance changes, and how searches descend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from invbook.figures import BLACK, BLUE, DASHES, GREEN, ORANGE, SERIES
from invbook.figures.joint import not_recorded

__all__ = [
    "apart",
    "descents",
    "share_bars",
    "share_legend",
    "spread_losses",
    "tie_table",
    "tolerances",
]

# Better, equal and worse, told apart by the hatching too.
PARTS = (("better", GREEN, ""), ("equal", "0.85", ""), ("worse", ORANGE, "///"))


def share_bars(ax: Axes, rows: Mapping[str, tuple[float, float]]) -> None:
    """One bar a row, from the top: per cent better, equal, and the rest worse.

    Args:
        ax: where to draw.
        rows: label to better and equal; NaN where nothing was recorded.
    """
    for k, (better, equal) in enumerate(rows.values()):
        if np.isnan(better + equal):
            ax.text(2, k, "not recorded", va="center", fontsize=8)
            continue
        shares = (better, equal, max(0.0, 100 - better - equal))
        left = 0.0
        for share, (_, color, hatch) in zip(shares, PARTS, strict=True):
            ax.barh(k, share, 0.75, left, color=color, hatch=hatch, edgecolor="white")
            left += share
    ax.set_yticks(range(len(rows)), list(rows))
    ax.set(xlim=(0, 100), ylim=(len(rows) - 0.5, -0.5))
    ax.grid(visible=False)


def share_legend(figure: Figure) -> None:
    """What the three colours of :func:`share_bars` mean, below a figure."""
    patches = [
        plt.Rectangle((0, 0), 1, 1, facecolor=color, hatch=hatch, edgecolor="white")
        for _, color, hatch in PARTS
    ]
    names = [f"{name} than BFGS" if name != "equal" else "equal" for name, *_ in PARTS]
    figure.legend(patches, names, loc="outside lower center", ncols=3)


def apart(
    loss: np.ndarray, baseline: np.ndarray, least: Sequence[float] | np.ndarray
) -> dict[str, np.ndarray]:
    """Per cent better, equal and worse than a baseline, over the difference that counts.

    Args:
        loss, baseline: ``(n,)``.
        least: differences up to which two losses are equal, ``(K,)``.
    """
    gain, bar = np.asarray(baseline) - np.asarray(loss), np.asarray(least)[:, None]
    which = {"better": gain > bar, "equal": np.abs(gain) <= bar, "worse": gain < -bar}
    return {name: 100 * each.mean(1) for name, each in which.items()}


def tolerances(ax: Axes, loss: np.ndarray, baseline: np.ndarray, least: np.ndarray) -> None:
    """Draw :func:`apart`."""
    shares = apart(loss, baseline, least)
    for (name, color, _), dash in zip(PARTS, DASHES, strict=False):
        color = "0.5" if name == "equal" else color
        ax.semilogx(least, shares[name], color=color, linestyle=dash, label=name)
    ax.set(xlabel="difference in the loss that counts", ylim=(0, 100))
    ax.legend(fontsize=8)


def descents(
    axes: Sequence[Axes],
    alone: Tensor,
    course: Tensor,
    refined: Tensor,
    *,
    level: float | None = None,
    shown: int = 8,
) -> None:
    """Losses over two searches: BFGS alone, and a training with the BFGS that follows it.

    Args:
        axes: left and right.
        alone: best losses so far of BFGS, ``(evaluations, n)``.
        course: losses over the training, ``(steps, n)``.
        refined: best losses so far of the BFGS after it, ``(evaluations, n)``.
        level: a loss to compare with, such as that at the truth.
        shown: how many problems are drawn; the mean, in black, is over all.
    """
    for ax, losses in zip(axes, (alone, torch.cat([course, refined])), strict=True):
        losses = losses.detach().cpu()
        for k in range(min(shown, losses.shape[1])):
            ax.semilogy(losses[:, k], color=SERIES[k % 5], linewidth=0.9)
        ax.semilogy(losses.mean(1), color=BLACK)
        if level is not None:
            ax.axhline(level, color=BLUE, linestyle="--")
    axes[1].axvline(len(course), color="0.4", linestyle=":")
    axes[0].set(xlabel="evaluation", ylabel="loss")
    axes[1].set(xlabel="step")


def spread_losses(
    axes: Sequence[Axes], losses: Mapping[str, Tensor], bar: float, floor: float = 1e-24
) -> None:
    """Two sets of losses that are all but zero: their histograms, and one over the other.

    Args:
        axes: left and right.
        losses: two names with ``(n,)`` losses of the same problems.
        bar: the loss below which a problem counts as solved, dotted.
        floor: smaller losses are drawn here.
    """
    (one, other), (a, b) = losses, (v.clamp_min(floor).log10() for v in losses.values())
    if not len(a):
        for ax in axes:
            not_recorded(ax)
        return
    bins = np.arange(np.log10(floor), np.log10(bar) + 0.5).tolist()
    axes[0].hist([a, b], bins, color=[ORANGE, GREEN], label=[one, other])
    axes[0].axvline(np.log10(bar), color=BLACK, linestyle=":")
    axes[0].set(xlabel="log₁₀ of the loss", ylabel="problems")
    axes[0].legend(fontsize=8)
    ends = [np.log10(floor), np.log10(bar)]
    axes[1].plot(a, b, "o", color=BLUE, mfc="none")
    axes[1].plot(ends, ends, color="0.5", linewidth=1)
    axes[1].set(xlabel=f"log₁₀ of the loss, {one}", ylabel=f"log₁₀ of the loss, {other}")


def tie_table(name: str, shares: Mapping[str, float]) -> dict[str, str]:
    """The line of a method in a table of both ways to count, see ``joint.compared``."""
    return {
        "method": name,
        "tolerance": " / ".join(f"{shares[key]:.0f}" for key in ("better", "equal", "worse")),
        "exact": " / ".join(f"{shares[f'{key}_exact']:.0f}" for key in ("better", "equal")),
    }
