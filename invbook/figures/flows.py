"""Navier–Stokes: flows around obstacles, and fits that explain the data better than the truth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from torch import Tensor

from invbook.figures import BLACK, DASHES, MARKERS, RED, SERIES
from invbook.figures.joint import Style
from invlab import runtime
from invlab.simulators.mac_grid import Flow

__all__ = [
    "Problems",
    "draw",
    "draw_problems",
    "fits",
    "over_push",
    "push_map",
    "unknown_errors",
]


class Problems(NamedTuple):
    """Half-observed flows, n of them.

    Attributes:
        x: the true pushes, ``(n, 3)``.
        whole: the whole flows before the push, which nobody sees.
        y: what is seen at the end.
        c: what is seen at the start, ``(n, dc)``.
    """

    x: Tensor
    whole: Flow
    y: Tensor
    c: Tensor


def draw_problems(task: Any, n: int, seed: int) -> Problems:
    """Pushes of the prior, whole flows, and what is seen of them, float64.

    Args:
        task: the Navier–Stokes task.
        n: problems.
        seed: of the pushes and the flows.
    """
    generator = runtime.generator(seed, "flows")
    x = task.prior.sample(n, generator=generator).double()
    x = x.to(task.simulator.grid.cosines.device)
    whole = Flow(*(part.to(x) for part in task.context.draw(n, generator=generator)))
    with torch.no_grad():
        y = task.simulator.run(x, whole)[-1]
    return Problems(x, whole, y, task.simulator.above(whole).flatten(1))


def draw(
    ax: Axes, grid: Any, velocity: Tensor, top: float, title: str, *, hidden: bool = False
) -> QuadMesh:
    """Speed in colour and arrows; obstacles are grey.

    Args:
        ax: where to draw.
        grid: of the simulator.
        velocity: at the centres of the cells, ``(2, N, N)``.
        top: speed of the brightest colour.
        title: above it.
        hidden: whether the lower half, which nobody sees, is shaded.
    """
    places = (np.arange(grid.cells) + 0.5) * grid.width
    solid = grid.solid.cpu().numpy()
    u, v = (np.where(solid, np.nan, part) for part in velocity.cpu().numpy())
    image = ax.pcolormesh(places, places, np.hypot(u, v), vmin=0, vmax=top, rasterized=True)
    ax.set_facecolor("0.6")
    arrows = (u[::2, ::2], v[::2, ::2])
    ax.quiver(places[::2], places[::2], *arrows, color="white", scale=9 * top, width=0.007)
    if hidden:
        ax.axhspan(0, 50, color="white", alpha=0.45)
    ax.axhline(50, color="white", linestyle="--", linewidth=1)
    ax.set(xlabel="x", xlim=(0, 100), ylim=(0, 100), aspect="equal")
    ax.set_title(title, fontsize=10)
    ax.grid(visible=False)
    return image


def fits(
    ax: Axes,
    at_truth: Tensor,
    losses: Mapping[str, Tensor],
    styles: Mapping[str, Style] | None = None,
) -> None:
    """Loss of fits over the loss at the truth; the shaded half is better than the truth.

    Args:
        ax: where to draw.
        at_truth: loss of the true unknowns, ``(n,)``.
        losses: name to the losses of its answers, ``(n,)``.
        styles: of the names; some of the book's if not given.
    """
    floor = 1e-4  # at a speed of zero the loss at the truth is none
    true = at_truth.cpu().clamp_min(floor).numpy()
    ends = np.array([true.min() / 2, true.max() * 2])
    ax.fill_between(ends, floor, ends, color="0.92", zorder=0)
    ax.plot(ends, ends, color="0.5", linewidth=1)
    for k, (name, loss) in enumerate(losses.items()):
        fitted = loss.detach().cpu().clamp_min(floor).numpy()
        look = styles[name] if styles else Style(SERIES[k % 5], "", MARKERS[k % 5])
        ax.plot(true, fitted, look.marker, color=look.color, mfc="none", label=name)
    ax.set(xscale="log", yscale="log", xlim=ends, ylim=(floor * 10, None))
    ax.set(xlabel="loss at the truth", ylabel="loss of the fit")
    ax.text(0.97, 0.05, "better than the truth", ha="right", transform=ax.transAxes, fontsize=9)
    ax.legend(fontsize=8, loc="upper left")


def unknown_errors(
    ax: Axes, labels: list[str], errors: Mapping[str, Tensor], middle: Tensor
) -> None:
    """Mean error of each unknown as bars, with that of a guess in the middle of the box.

    Args:
        ax: where to draw.
        labels: of the unknowns.
        errors: name to distances in half-widths, ``(n, 3)``.
        middle: the distances of that guess, ``(n, 3)``.
    """
    place, width = np.arange(len(labels)), 0.8 / len(errors)
    looks = zip(SERIES, ("", "//", ".."), strict=False)  # the colours of :func:`fits`
    for k, ((name, error), (color, hatch)) in enumerate(zip(errors.items(), looks, strict=False)):
        shift = (k - (len(errors) - 1) / 2) * width
        mean = error.abs().mean(0).tolist()
        ax.bar(place + shift, mean, width, color=color, hatch=hatch, label=name)
    mean = middle.abs().mean(0).tolist()
    ax.plot(place, mean, "x", color=BLACK, markersize=9, label="a guess in the middle")
    ax.set(xticks=place, xticklabels=labels, ylabel="mean error (half-widths)")
    ax.set_ylim(0, 1.5 * max(mean))
    ax.legend(fontsize=8)


def over_push(misfit: Any, truth: Tensor, row: int, place: Tensor, upward: Tensor) -> Tensor:
    """The loss of one problem over place and upward velocity of the push, ``(P, V)``.

    Args:
        misfit: of pushes ``(K, 3)`` in rows ``(K,)``.
        truth: pushes ``(n, 3)``; the velocity along x is taken from it.
        row: the problem.
        place, upward: ``(P,)`` and ``(V,)``.
    """
    x = torch.cartesian_prod(place, upward).to(truth)
    x = torch.stack([x[:, 0], truth[row, 1].expand(len(x)), x[:, 1]], 1)
    rows = torch.full((len(x),), row, device=x.device)
    with torch.no_grad():
        parts = [misfit(a, r) for a, r in zip(x.split(256), rows.split(256), strict=True)]
    return torch.cat(parts).reshape(len(place), len(upward)).cpu()


def push_map(
    ax: Axes, place: Tensor, upward: Tensor, loss: Tensor, level: float, truth: Tensor
) -> QuadMesh:
    """The logarithm of :func:`over_push`, the truth, and where the loss is that of the truth."""
    across, up, height = place.numpy(), upward.numpy(), loss.T.numpy()
    image = ax.pcolormesh(across, up, np.log10(height), vmin=-1.5, vmax=1.2, rasterized=True)
    if height.min() < level < height.max():
        ax.contour(across, up, height, [level], colors=[RED], linestyles=[DASHES[0]])
    ax.plot(*truth[[0, 2]].tolist(), "*", color=RED, markersize=12)
    ax.set(xlabel="place of the push")
    ax.grid(visible=False)
    return image
