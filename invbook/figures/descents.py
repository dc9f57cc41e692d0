"""Descents on the input of a network with one unknown: where each start ends, and what is true."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from matplotlib.axes import Axes
from torch import Tensor

from invbook.figures import BLACK, BLUE, GREEN, ORANGE, RED, SKY

__all__ = ["curves", "crossings", "descents", "misfits"]

Function = Callable[[Tensor], Tensor]
# Errors below this are drawn there.
LEAST = 1e-6


def curves(
    ax: Axes, f: Function, f_hat: Function, target: float, inside: float, *, reach: float
) -> None:
    """The simulator and its surrogate, the target, and where there were data.

    Args:
        ax: where to draw.
        f, f_hat: ``(N,) -> (N,)``.
        target: the y that is asked for.
        inside: data lie between −inside and inside.
        reach: the picture goes from −reach to reach.
    """
    x = torch.linspace(-reach, reach, 601)
    with torch.no_grad():
        exact, believed = f(x), f_hat(x)
    ax.axvspan(-inside, inside, color=SKY, alpha=0.15, label="data")
    ax.plot(x, exact, color=BLUE, label="f, exact")
    ax.plot(x, believed, "--", color=ORANGE, label="surrogate f̂")
    ax.axhline(target, color=BLACK, linewidth=0.8, label="target")
    ax.set(xlim=(-reach, reach), ylim=(float(exact.min()) - 0.4, float(exact.max()) + 0.6))


def crossings(f: Function, target: float, *, reach: float) -> Tensor:
    """The x between −reach and reach where f passes the target, to linear interpolation."""
    x = torch.linspace(-reach, reach, 4001)
    with torch.no_grad():
        above = f(x) - target
    here = (above[:-1] * above[1:] <= 0) & (above[:-1] != above[1:])
    share = above[:-1] / (above[:-1] - above[1:])
    return (x[:-1] + share * (x[1:] - x[:-1]))[here]


def descents(
    axes: Sequence[Axes], f: Function, f_hat: Function, ends: Tensor, starts: Tensor, target: float
) -> None:
    """The ends on the surrogate's curve, and below an arrow from each start to its end.

    Ends that are right are green diamonds and solid arrows, the others red crosses and dashes.

    Args:
        axes: two, one above the other, that share x.
        f, f_hat: as for :func:`curves`.
        ends, starts: ``(N,)``.
        target: the y that is asked for.
    """
    upper, lower = axes
    with torch.no_grad():
        believed, right = f_hat(ends), (f(ends) - target).abs() < 0.05
    for good, marker, color, label in (
        (right, "D", GREEN, "end, right"),
        (~right, "X", RED, "end, wrong"),
    ):
        upper.plot(ends[good], believed[good], marker, color=color, markersize=8, label=label)
    for k, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
        color, dash = (GREEN, "-") if right[k] else (RED, "--")
        arrow = {"arrowstyle": "-|>", "color": color, "linestyle": dash, "linewidth": 1.4}
        lower.annotate("", (end, k), (start, k), arrowprops=arrow)
        lower.plot(start, k, "o", mfc="white", color=color, markersize=5)
    lower.set(ylim=(-0.8, len(starts) - 0.2), yticks=[], ylabel="starts")


def misfits(ax: Axes, f_hat: Function, starts: Tensor, ends: Tensor, target: float) -> None:
    """The error that the search sees, that of the surrogate, with starts and ends on it.

    Args:
        ax: where to draw, over the x of its axis.
        f_hat: as for :func:`curves`.
        starts, ends: ``(N,)``.
        target: the y that is asked for.
    """

    def misfit(x: Tensor) -> Tensor:
        with torch.no_grad():
            return (f_hat(x) - target).square().clamp_min(LEAST)

    x = torch.linspace(*ax.get_xlim(), 1201)
    ax.plot(x, misfit(x), "--", color=ORANGE)
    ax.plot(starts, misfit(starts), "o", mfc="white", color=BLACK, markersize=5)
    ax.plot(ends, misfit(ends), "o", color=BLACK, markersize=5)
    ax.set(yscale="log", ylabel="(f̂ − y)²")
