"""Figures of chapters 1 to 3: answers and surrogates for y = x², live and recorded."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor, nn

import invlab
from invbook.figures import (
    BLACK,
    BLUE,
    DASHES,
    GREEN,
    MARKERS,
    ORANGE,
    RED,
    SERIES,
    Array,
    _array,
    answers,
    forward_fit,
    legend_above,
    resimulated,
)
from invbook.numbers import shown
from invlab.methods.inverse_network import InverseNetwork
from invlab.metrics import mean_interval
from invlab.runs.records import Record
from invlab.task import Pairs

__all__ = [
    "answers_by_seed",
    "asked",
    "asked_of_record",
    "curves_through",
    "interval",
    "recorded",
    "recorded_errors",
    "resimulated_by_seed",
    "surrogates",
    "three_pairs",
]

NORMS = {"l1": r"$\ell_1$", "l2": r"$\ell_2$"}


def asked(ax: Axes, y: Array, x_hat: Array, target: float) -> None:
    """Answers over all targets, and for one of them the two that would be right."""
    root = target**0.5
    answers(ax, y, x_hat)
    ax.axvline(target, color=BLACK, linestyle=":", linewidth=1)
    ax.plot([target, target], [-root, root], "D", color=RED, markersize=7, zorder=4)
    for x, below in ((root, -14), (-root, 7)):
        ax.annotate(f"{x:+.0f}", (target, x), (5, below), textcoords="offset points")


def asked_of_record(ax: Axes, record: Record, target: float) -> None:
    """:func:`asked`, for the answers that a record holds."""
    asked(ax, record["curves"]["y"], record["curves"]["x_hat"], target)


def answers_by_seed(ax: Axes, model: InverseNetwork, y: Tensor) -> None:
    """Answers of each member of a model, with its seed in the legend."""
    seeds = model.facts["seeds"]
    answers(ax, y[:, 0], model.invert(y)[..., 0], labels=[f"seed {seed}" for seed in seeds])


def resimulated_by_seed(ax: Axes, model: InverseNetwork, y: Tensor, *, most: int = 2) -> None:
    """What the answers of the first members cause, over what was asked for."""
    effect = invlab.get_task("square").simulate(model.invert(y))[..., 0]
    seeds = model.facts["seeds"]
    resimulated(ax, y[:, 0], effect[0], label=f"seed {seeds[0]}")
    for k in range(1, min(most, len(seeds))):
        marker, color = MARKERS[k % 5], SERIES[k % 5]
        values = _array(y[:, 0]), _array(effect[k])
        ax.plot(*values, marker, color=color, markersize=3, label=f"seed {seeds[k]}")


def curves_through(
    ax: Axes, x: Array, curves: Mapping[str, Array], *, points: tuple[Array, Array]
) -> None:
    """The square, points on it, and curves through these points, each with its name."""
    x = _array(x)
    ax.plot(x, x**2, color=BLUE, linewidth=4, alpha=0.35, label="x²")
    for k, (name, curve) in enumerate(curves.items()):
        ax.plot(x, _array(curve), linestyle=DASHES[k % 5], color=SERIES[k % 5], label=name)
    ax.plot(*map(_array, points), "o", color=RED, markersize=7, zorder=3, label="known")
    ax.set(xlabel="x", ylabel="y")
    ax.legend(fontsize=8)


def surrogates(fits: Mapping[str, nn.Module], *, x: Tensor, points: Pairs | None = None) -> Figure:
    """A panel a surrogate, beside the square; all members of each are drawn."""
    figure, axes = plt.subplots(1, len(fits), sharey=True, squeeze=False)
    for ax, (name, surrogate) in zip(axes[0], fits.items(), strict=True):
        _copies(ax, surrogate, x, points)
        ax.set_title(name)
        ax.label_outer()
    axes[0, 0].legend(fontsize=8)
    return figure


def three_pairs(model: InverseNetwork, *, x: Tensor, points: Pairs, y: Tensor) -> Figure:
    """The surrogate of an encoder-decoder on the left, what its answers cause on the right."""
    if model.surrogate is None:
        raise ValueError("three_pairs: expected a model with a surrogate")
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.2))
    _copies(left, model.surrogate, x, points)
    resimulated_by_seed(right, model, y)
    for ax in (left, right):
        legend_above(ax)
    return figure


def recorded_errors(
    ax: Axes,
    records: Mapping[str, Record],
    rows: Mapping[str, str],
    *,
    score: str = "rmse_y",
    norms: Sequence[str] = ("l1", "l2"),
) -> None:
    """One score of recorded runs, a row a loss: each seed small, the mean large, both norms.

    Args:
        ax: where to draw; the axis is logarithmic.
        records: as :func:`invbook.load_records` gives them.
        rows: name of the run to what the row is called.
        score: which of the scores.
        norms: those that are drawn.
    """
    for k, norm in enumerate(norms):
        color, marker = (GREEN, ORANGE)[k % 2], MARKERS[k % 5]
        for place, name in enumerate(rows):
            values = recorded(records, name, score, [norm])[0].tolist()
            height = place + 0.3 * (k - (len(norms) - 1) / 2)
            ax.plot(values, [height] * len(values), ".", color=color, markersize=4)
            label = NORMS[norm] if place == 0 else None
            mean = sum(values) / len(values)
            ax.plot(mean, height, marker, color=color, markersize=7, label=label)
    ax.set_yticks(range(len(rows)), list(rows.values()))
    ax.invert_yaxis()
    ax.set(xscale="log")
    legend_above(ax)


def recorded(
    records: Mapping[str, Record], name: str, score: str, norms: Sequence[str] = ("l1", "l2")
) -> Tensor:
    """A recorded score of shape (norms, seeds), float64.

    Args:
        records: as :func:`invbook.load_records` gives them.
        name: of the run.
        score: which of the scores.
        norms: of the losses, in the order of the rows.
    """
    found = [records[f"loss_design/{name}/{norm}"]["scores"][score] for norm in norms]
    return torch.tensor(found, dtype=torch.float64)


def interval(
    records: Mapping[str, Record],
    name: str,
    score: str,
    *,
    norms: Sequence[str] = ("l1", "l2"),
    digits: str | None = None,
) -> str:
    """Mean of a recorded score over norms and seeds, with a 95 % interval over seeds.

    Args:
        records: as :func:`invbook.load_records` gives them.
        name: of the run.
        score: which of the scores.
        norms: those that the mean is over.
        digits: a format such as ``".2f"``; as :func:`invbook.numbers.shown` if not given.
    """
    values = recorded(records, name, score, norms).mean(0)
    low, high = mean_interval(values) or (math.nan, math.nan)
    low = max(low, 0.0)  # no error is negative, though Student's t does not know it
    mean, *ends = (
        shown(value) if digits is None else f"{value:{digits}}"
        for value in (float(values.mean()), low, high)
    )
    return f"{mean} [{', '.join(ends)}]"


def _copies(ax: Axes, surrogate: nn.Module, x: Tensor, points: Pairs | None) -> None:
    with torch.no_grad():
        f_hat = surrogate(x)[..., 0]
    known = None if points is None else (points.x[:, 0], points.y[:, 0])
    forward_fit(ax, x[:, 0], f_hat, points=known)
