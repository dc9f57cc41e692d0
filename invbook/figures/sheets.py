"""The meta-material: a cell of four cylinders, the field in it, its spectra, and its answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from invbook import figures
from invlab.simulators.maxwell.cylinders import POSITIONS

__all__ = [
    "amplitude",
    "arrangements",
    "cell",
    "circles",
    "contrasts",
    "fields",
    "fresh",
    "judged",
    "over_pairs",
]


def cell(x: Tensor, frequencies: Tensor, spectrum: Tensor, period: float, cutoff: float) -> Figure:
    """One cell from the side and from above, and what it reflects.

    Args:
        x: four heights and four radii, in µm.
        frequencies: of the spectrum, in THz.
        spectrum: reflectance.
        period: of the cell, in µm.
        cutoff: where the first order of diffraction begins to travel, in THz.
    """
    figure = plt.figure(figsize=(10, 3.1))
    # the layout does not see the name of the third axis: a column for it
    grid = figure.add_gridspec(1, 4, width_ratios=(1, 0.2, 1, 1))
    side = figure.add_subplot(grid[0], projection="3d")
    above, curve = figure.add_subplot(grid[2]), figure.add_subplot(grid[3])
    _cylinders(side, x, period)
    circles(above, x[4:], period, facecolor=figures.SKY, edgecolor=figures.BLACK)
    for k, centre in enumerate(_centres(period)):
        above.text(centre[0], centre[1], f"{k + 1}", ha="center", va="center")
    curve.plot(frequencies, spectrum, color=figures.BLUE)
    _threshold(curve, cutoff)
    curve.set(xlabel="frequency (THz)", ylabel="reflectance", ylim=(0, 1))
    return figure


def circles(ax: Axes, radii: Tensor, period: float, **style: Any) -> None:
    """The four cylinders from above."""
    for centre, radius in zip(_centres(period), radii.tolist(), strict=True):
        ax.add_patch(plt.Circle(centre, radius, **style))
    ax.set(xlim=(0, period), ylim=(0, period), aspect="equal", xlabel="x (µm)", ylabel="y (µm)")
    ax.grid(visible=False)


def amplitude(coefficients: Tensor, orders: int, points: int = 90) -> Tensor:
    """The modulus of E_x over the cell, from its cosine series: ``(points, points)``."""
    place = torch.linspace(-0.25, 0.75, points).double()
    m = torch.arange(orders + 1)
    cosine = 2**0.5 * (2 * torch.pi * torch.outer(place, m)).cos()
    cosine[:, 0] = 1
    a = coefficients[: (orders + 1) ** 2].reshape(orders + 1, orders + 1)
    return (cosine.to(a) @ a @ cosine.T.to(a)).abs()


def fields(
    light: Any,
    frequencies: Tensor,
    rows: Sequence[int],
    radii: Tensor,
    period: float,
    orders: int,
) -> Figure:
    """The modulus of E_x at three heights of a sheet, a row a frequency.

    Args:
        light: what the solver gives, with ``fields``.
        frequencies: that it was solved at, in THz.
        rows: indices of the frequencies to show.
        radii: of the cylinders, in µm.
        period: of the cell, in µm.
        orders: the largest order M of the solver.
    """
    levels = {0: "ground", 1: "top of the shortest", 4: "top of the tallest"}
    figure, axes = plt.subplots(
        len(rows), 3, figsize=(8, 5), sharex=True, sharey=True, layout="constrained"
    )
    for line, at in zip(axes, rows, strict=True):
        for ax, level in zip(line, levels, strict=True):
            picture = ax.imshow(
                amplitude(light.fields[at, level], orders).T,
                origin="lower",
                extent=(0, period, 0, period),
                vmin=0,
                vmax=16,
            )
            circles(ax, radii, period, fill=False, edgecolor="white", linewidth=0.8)
            ax.label_outer()
        line[0].set_ylabel(f"{float(frequencies[at]):.2f} THz\n\ny (µm)")
    for ax, name in zip(axes[0], levels.values(), strict=True):
        ax.set_title(name, fontsize=10)
    figure.colorbar(picture, ax=axes, label="$|E_x|$, incoming wave: 1", shrink=0.7)
    return figure


def fresh(frequencies: Tensor, by_maxwell: Tensor, by_network: Tensor) -> Figure:
    """Spectra of the solver and of the network, with what is left between them below.

    Args:
        frequencies: in THz, ``(F,)``.
        by_maxwell, by_network: ``(K, F)``.
    """
    figure, axes = plt.subplots(
        2,
        len(by_maxwell),
        figsize=(10, 3.8),
        sharex=True,
        sharey="row",
        height_ratios=(3, 1.4),
        squeeze=False,
    )
    for k, (line, dashes) in enumerate(zip(by_maxwell, by_network, strict=True)):
        axes[0, k].plot(frequencies, line, color=figures.BLUE, label="Maxwell")
        axes[0, k].plot(frequencies, dashes, "--", color=figures.ORANGE, label="network")
        axes[1, k].plot(frequencies, dashes - line, color=figures.RED)
        axes[1, k].axhline(0, color=figures.BLACK, linewidth=0.8)
        axes[1, k].set(xlabel="frequency (THz)")
    axes[0, 0].set(ylabel="reflectance", ylim=(0, 1))
    axes[1, 0].set(ylabel="network −\nMaxwell")
    axes[0, 0].legend(fontsize=8)
    return figure


def over_pairs(ax: Axes, curve: Mapping[str, Any], limit: float) -> None:
    """The recorded errors of a network over the number of simulations that it learned from.

    Args:
        ax: where to draw.
        curve: with ``pairs``, ``one`` (fresh spectra) and ``training``.
        limit: a line to compare with.
    """
    names = {"one": "fresh spectra", "training": "training spectra"}
    for k, (key, label) in enumerate(names.items()):
        style: dict[str, Any] = {"marker": figures.MARKERS[k], "linestyle": figures.DASHES[k]}
        ax.loglog(curve["pairs"], curve[key], color=figures.SERIES[k], label=label, **style)
    ax.axhline(limit, color=figures.BLACK, linestyle=":", linewidth=1)
    ax.set(xlabel="Maxwell solutions", ylabel="mean squared error")
    ax.set_xticks(curve["pairs"], curve["pairs"])
    ax.minorticks_off()
    ax.legend()


def contrasts(x: Tensor) -> tuple[Tensor, Tensor]:
    """Two differences of heights; each changes its sign when the cell moves along one axis."""
    h1, h2, h3, h4 = x[..., :4].cpu().unbind(-1)
    return h1 - h2 + h3 - h4, h1 + h2 - h3 - h4


def arrangements(ax: Axes, guesses: Tensor, solved: Tensor, exact: Tensor) -> None:
    """Guesses for one target, those that were polished, and the exact answers.

    Args:
        ax: where to draw.
        guesses, solved, exact: ``(n, 8)`` each.
    """
    star: dict[str, Any] = {"color": figures.RED, "markersize": 16, "mfc": "none"}
    ax.plot(*contrasts(guesses), "o", color=figures.SKY, markersize=3, label="guesses")
    ax.plot(*contrasts(solved), "o", color=figures.GREEN, markersize=5, label="polished")
    ax.plot(*contrasts(exact), "*", **star, label="the cell, rearranged")
    ax.set(xlabel="h₁ − h₂ + h₃ − h₄ (µm)")


def judged(ax: Axes, errors: Mapping[str, Mapping[str, float]], floor: float) -> None:
    """The error of the same guesses by two judges, a line a kind of guesses.

    Args:
        ax: where to draw.
        errors: kind of guesses to judge to error.
        floor: the error of the proxy.
    """
    for place, found in enumerate(errors.values()):
        values = {judge: max(value, 1e-17) for judge, value in found.items()}
        ax.plot(list(values.values()), [place] * len(values), color="0.7", zorder=0)
        for k, (judge, value) in enumerate(values.items()):
            style: dict[str, Any] = {
                "marker": figures.MARKERS[k],
                "color": figures.SERIES[k],
                "linestyle": "",
            }
            ax.plot(value, place, **style, label=f"judged by {judge}" if not place else None)
    ax.axvline(floor, color=figures.BLACK, linestyle=":", linewidth=1)
    ax.set(xscale="log", xlabel="error of the best guess", ylim=(len(errors) - 0.5, -0.5))
    ax.set_yticks(range(len(errors)), list(errors))
    figures.legend_above(ax)


def _centres(period: float) -> list[tuple[float, float]]:
    places: list[list[float]] = ((torch.tensor(POSITIONS) / 2 + 0.25) * period).tolist()
    return [(x, y) for x, y in places]


def _threshold(ax: Axes, cutoff: float) -> None:
    ax.axvline(cutoff, color=figures.BLACK, linestyle=":", linewidth=1)


def _cylinders(ax: Any, x: Tensor, period: float) -> None:
    turn = torch.linspace(0, 2 * torch.pi, 40)
    flat: dict[str, Any] = {"linewidth": 0, "antialiased": False}
    ends, shape = torch.tensor([[0.0], [1.0]]), (2, 40)
    sizes = zip(_centres(period), x[:4].tolist(), x[4:].tolist(), strict=True)
    for (a, b), height, radius in sizes:
        ring_x, ring_y = radius * turn.cos(), radius * turn.sin()
        wall = ends * height * torch.ones(40)
        round_x, round_y = (a + ring_x).expand(shape), (b + ring_y).expand(shape)
        ax.plot_surface(round_x, round_y, wall, color=figures.SKY, **flat)
        top = torch.full(shape, float(height))
        ax.plot_surface(a + ends * ring_x, b + ends * ring_y, top, color=figures.BLUE, **flat)
    ax.set(xlim=(0, period), ylim=(0, period), zlim=(0, 60))
    ax.set(xticks=[0, period], yticks=[0, period], zticks=[0, 50])
    ax.set(xlabel="x (µm)", ylabel="y (µm)", zlabel="height (µm)")
    ax.set_box_aspect((period, period, 100), zoom=1.1)
