"""Flows from noise to answers: maps of the plane, and where their guesses go wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from matplotlib.axes import Axes
from torch import Tensor

from invbook import figures

__all__ = ["bent_grid", "dead_term", "territories", "where_y_enters"]

Map = Callable[[Tensor, Tensor], tuple[Tensor, ...]]


def bent_grid(axes: Sequence[Axes], steps: Mapping[str, Map], reach: float = 1.5) -> None:
    """A square grid, carried along by maps of the plane.

    Args:
        axes: one a map.
        steps: title to a map of two coordinates, whose first two results are drawn.
        reach: half of the side of the square.
    """
    ticks, fine = torch.linspace(-reach, reach, 13), torch.linspace(-reach, reach, 121)
    upright = [torch.stack([tick.expand(121), fine]) for tick in ticks]
    level = [line.flip(0) for line in upright]
    styles = ((upright, figures.BLUE, "-"), (level, figures.ORANGE, "--"))
    for ax, (title, step) in zip(axes, steps.items(), strict=True):
        for lines, color, dash in styles:
            for line in lines:
                ax.plot(*step(*line)[:2], dash, color=color, linewidth=1)
        ax.set(xlabel="a", ylabel="b", title=title)


def territories(
    axes: Sequence[Axes], z: Tensor, x: Tensor, answers: Sequence[float], error: Tensor
) -> None:
    """Where draws of noise land: the noise by its answer, the answers, and the noise by its error.

    Args:
        axes: three.
        z: ``(N, 2)``.
        x: ``(N,)``, where each lands.
        answers: two exact ones.
        error: ``(N,)``; more than a tenth is marked as wrong.
    """
    noise, landed, wrong = axes
    lower = (x - answers[0]).abs() < (x - answers[1]).abs()
    for part, mark, color in ((lower, "o", figures.BLUE), (~lower, "x", figures.ORANGE)):
        noise.plot(*z[part].T, mark, color=color, markersize=2)
        landed.hist(x[part].numpy(), bins=torch.linspace(-3.3, 3.3, 89).tolist(), color=color)
    for answer in answers:
        landed.axvline(answer, color=figures.RED, linestyle="--", linewidth=1)
    bad = error > 0.1
    wrong.plot(*z[~bad].T, ".", color="0.8", markersize=2)
    wrong.plot(*z[bad].T, "x", color=figures.RED, markersize=3)
    for ax, title in ((noise, "noise, by its answer"), (wrong, "noise that goes wrong")):
        ax.set(xlabel="z₁", ylabel="z₂", title=title, aspect="equal", xlim=(-4, 4), ylim=(-4, 4))
    landed.set(xlabel="x (rad)", ylabel="draws", title="where it lands")


def where_y_enters(axes: Sequence[Axes]) -> None:
    """Two rows of coupling blocks: y at the far end (INN), and y beside the blocks (cINN)."""
    ends = (
        ([("x", 0.7), ("padding", 0.3)], [("ŷ", 0.7), ("ẑ", 0.3)]),
        ([("x", 0.5)], [("z", 0.5)]),
    )
    for ax, (left, right), title in zip(axes, ends, ("INN", "cINN"), strict=True):
        ax.set(xlim=(-0.6, 4.6), ylim=(-0.2, 1), title=title)
        ax.axis("off")
        for side, near, names in ((0, 1, left), (4, 3, right)):
            for text, height in names:
                _arrow(ax, (side, height), (near, 0.5), "<->")
                _box(ax, side, height, text, figures.ORANGE if text == "ŷ" else "white")
        for k in (1, 2, 3):
            if k < 3:
                _arrow(ax, (k, 0.5), (k + 1, 0.5), "<->")
            if title == "cINN":
                _arrow(ax, (2, 0), (k, 0.5), "->")
            _box(ax, k, 0.5, "block", "0.85")
    _box(axes[1], 2, 0, "y", figures.ORANGE)


def dead_term(
    axes: Sequence[Axes],
    losses: Mapping[str, Tensor],
    latents: Mapping[str, Tensor],
    errors: Mapping[str, Tensor],
) -> None:
    """Validation loss, latent numbers and r_T of an INN with and without a dead term.

    Args:
        axes: three.
        losses: name to the loss over the epochs.
        latents: name to ẑ of unseen pairs.
        errors: name to r_T.
    """
    loss, spread, curve = axes
    edges = torch.linspace(-6, 6, 121).sinh().tolist()
    for k, name in enumerate(losses):
        style: dict[str, Any] = {"color": figures.SERIES[k], "linestyle": figures.DASHES[k]}
        loss.plot(losses[name].cpu(), **style, label=name)
        spread.hist(latents[name].flatten().cpu().numpy(), edges, histtype="step", **style)
    loss.set(xlabel="epoch", ylabel="validation loss (nats)", ylim=(-12, 40))
    loss.legend()
    spread.set_xscale("symlog", linthresh=3)
    spread.set_xticks([-100, -10, 0, 10, 100], ["−100", "−10", "0", "10", "100"])
    spread.set(xlabel="latent numbers ẑ", ylabel="pairs")
    figures.error_curves(curve, errors)
    curve.set_ylabel("$r_T$ (m²)")


def _box(ax: Axes, x: float, y: float, text: str, color: str) -> None:
    face = {"boxstyle": "round,pad=0.4", "fc": color, "ec": figures.BLACK}
    ax.text(x, y, text, ha="center", va="center", bbox=face)


def _arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float], style: str) -> None:
    ax.annotate("", end, start, arrowprops={"arrowstyle": style, "shrinkA": 20, "shrinkB": 20})
