"""One picture language for all methods: what goes in, what is trained, what is compared.

Shapes tell the kinds apart, not colours alone: data in slanted boxes, networks in rounded ones
(dashed where their weights are frozen), simulators in double frames, computed values in ellipses.
A loss hangs below the two things that it compares; what a gradient moves has an arrow
from the loss above it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse, FancyArrowPatch, FancyBboxPatch, Polygon, Rectangle

from invbook.figures import BLACK, BLUE, ORANGE, SKY

__all__ = ["Kind", "Node", "chain"]

# A target is data that the chain before it does not make: no arrow leads to it.
Kind = Literal["data", "target", "network", "frozen", "simulator", "value"]
# Its sign, what it is, and a second line below it.
Node = tuple[str, Kind] | tuple[str, Kind, str]

STEP, WIDTH, HEIGHT = 1.9, 1.1, 0.8
ARROW: dict[str, Any] = {"arrowstyle": "-|>", "mutation_scale": 14, "shrinkA": 0, "shrinkB": 0}


def chain(
    nodes: Sequence[Node],
    *,
    losses: Sequence[tuple[str, str, str]] = (),
    into: Mapping[str, str] | None = None,
    moves: str | None = None,
) -> Figure:
    """Draw a method as a chain from left to right.

    Args:
        nodes: in order; each has a sign of its own, such as ``("I", "network", "trained")``.
        losses: two signs and the name of the loss that compares them.
        into: what enters a node from above besides, such as noise: node's sign to the input's.
        moves: sign of what the gradient of the last loss moves, where that is no network's
            weights but a value.

    Raises:
        ValueError: a loss, an input or ``moves`` names no node of the chain.
    """
    place = {node[0]: STEP * k for k, node in enumerate(nodes)}
    named = [sign for a, b, _ in losses for sign in (a, b)]
    named += [*(into or {}), *([moves] if moves else [])]
    for sign in named:
        if sign not in place:
            raise ValueError(f"chain: expected one of {', '.join(place)}, got {sign!r}")
    size = (0.85 * STEP * len(nodes) * 0.62, 1.5 + 0.45 * len(losses) + 0.5 * bool(into))
    figure, ax = plt.subplots(figsize=size)
    for node in nodes:
        _node(ax, place[node[0]], *node)
    for node in nodes[1:]:
        if node[1] != "target":
            right = place[node[0]] - WIDTH / 2
            _arrow(ax, (right - STEP + WIDTH, 0), (right, 0))
    for target, source in (into or {}).items():
        _node(ax, place[target], source, "value", y=1.5)
        _arrow(ax, (place[target], 1.5 - HEIGHT / 2), (place[target], HEIGHT / 2))
    for k, (a, b, name) in enumerate(losses):
        depth = _loss(ax, place[a], place[b], name, k)
        if moves is not None and k == len(losses) - 1:
            _gradient(ax, min(place[a], place[b]), place[moves], depth)
    ax.set(xlim=(-0.8, STEP * (len(nodes) - 1) + 0.8), aspect="equal")
    ax.set_ylim(-1.05 - 0.75 * len(losses), 2.0 if into else 0.6)
    ax.axis("off")
    return figure


def _node(ax: Axes, x: float, sign: str, kind: Kind, below: str = "", *, y: float = 0.0) -> None:
    w, h = WIDTH / 2, HEIGHT / 2
    ink = "white" if kind == "network" else BLACK
    if kind in ("data", "target"):
        corners = [(x - w, y - h), (x + w - 0.15, y - h), (x + w, y + h), (x - w + 0.15, y + h)]
        ax.add_patch(Polygon(corners, facecolor="white", edgecolor=BLACK))
    elif kind == "value":
        ax.add_patch(Ellipse((x, y), WIDTH, HEIGHT, facecolor="white", edgecolor=BLACK))
    elif kind == "simulator":
        for gap in (0.0, 0.08):
            low = (x - w + gap, y - h + gap)
            size = (WIDTH - 2 * gap, HEIGHT - 2 * gap)
            ax.add_patch(Rectangle(low, *size, facecolor="0.9", edgecolor=BLACK))
    else:
        frozen = kind == "frozen"
        style: dict[str, Any] = {
            "facecolor": SKY if frozen else BLUE,
            "linestyle": "--" if frozen else "-",
        }
        box = "round,pad=0,rounding_size=0.25"
        low = (x - w, y - h)
        ax.add_patch(FancyBboxPatch(low, WIDTH, HEIGHT, boxstyle=box, edgecolor=BLACK, **style))
    ax.text(x, y, sign, ha="center", va="center", color=ink, fontsize=13)
    ax.text(x, y - h - 0.08, below, ha="center", va="top", color=BLACK, fontsize=8)


def _arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    ax.add_patch(FancyArrowPatch(start, end, color=BLACK, **ARROW))


def _loss(ax: Axes, a: float, b: float, name: str, k: int) -> float:
    """A bracket below two nodes with the loss in its middle; how deep it hangs."""
    depth = -1.25 - 0.75 * k
    for x in (a, b):
        ax.plot([x, x], [-0.72, depth], color=ORANGE, linewidth=1.8)
    ax.plot([a, b], [depth, depth], color=ORANGE, linewidth=1.8)
    box = {"boxstyle": "round,pad=0.3", "facecolor": "white", "edgecolor": ORANGE, "linewidth": 1.8}
    middle = (a + b) / 2
    ax.text(middle, depth, name, ha="center", va="center", color=BLACK, fontsize=9, bbox=box)
    return depth


def _gradient(ax: Axes, start: float, end: float, depth: float) -> None:
    """A dashed arrow from a loss back to what it moves."""
    how = {**ARROW, "connectionstyle": "angle,angleA=180,angleB=90,rad=8", "linestyle": "--"}
    ax.add_patch(FancyArrowPatch((start, depth), (end, -0.75), color=ORANGE, **how))
    ax.text((start + end) / 2, depth - 0.1, "gradient", ha="center", va="top", fontsize=8)
