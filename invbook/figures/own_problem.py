"""Figures of Part IV's example: the drug, its two answers, the methods that compete on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from matplotlib.axes import Axes
from torch import Tensor

from invbook import drug
from invbook.figures import BLACK, BLUE, DASHES, GREEN, LABEL, MARKERS, ORANGE, SKY, Array
from invlab.comparison.result import Comparison

__all__ = ["curves", "error_by_method", "exchange", "measurements", "rates", "unknowns"]

UNKNOWNS = {"absorption": "absorption\n(1/h)", "elimination": "elimination\n(1/h)"}
UNKNOWNS |= {"volume": "volume\n(L)"}


def measurements(ax: Axes, y: Array, *, sigma: float = drug.SIGMA) -> None:
    """What was measured in one patient, with its error.

    Args:
        ax: where to draw.
        y: ten concentrations, mg/L.
        sigma: standard deviation of each.
    """
    y = torch.as_tensor(y).cpu()
    ax.errorbar(drug.TIMES, y, yerr=sigma, fmt="o", color=BLACK, markersize=4, label="measured")
    ax.set(xlabel="hours after the dose", ylabel="concentration (mg/L)")


def curves(ax: Axes, x: Tensor, *, labels: Sequence[str] = ()) -> None:
    """The concentrations that patients would have: a thin bundle, or one dash a patient if named.

    Args:
        ax: where to draw.
        x: patients, ``(n, 3)``.
        labels: a name for each; none for a bundle.
    """
    hours = torch.linspace(0.05, 24, 200, dtype=torch.float64)
    a, e, v = x.detach().cpu().double()[..., None, :].unbind(-1)
    y = drug.DOSE / v * a / (a - e) * ((-e * hours).exp() - (-a * hours).exp())
    for k, row in enumerate(y):
        if labels:
            color, dash = (BLUE, ORANGE, GREEN)[k % 3], DASHES[k % 5]
            ax.plot(hours, row, color=color, linestyle=dash, linewidth=2.5, label=labels[k])
        else:
            ax.plot(hours, row, color=SKY, linewidth=0.5, alpha=0.5)


def unknowns(ax: Axes, x: Tensor, *, labels: Sequence[str]) -> None:
    """A few patients: one marker a patient over the three unknowns, on a logarithmic axis.

    Args:
        ax: where to draw.
        x: patients, ``(n, 3)``.
        labels: a name for each.
    """
    for k, (row, name) in enumerate(zip(x.detach().cpu().tolist(), labels, strict=True)):
        color, marker = (BLUE, ORANGE, GREEN)[k % 3], MARKERS[k % 5]
        ax.plot(range(len(row)), row, marker, color=color, markersize=9, label=name)
        for place, value in enumerate(row):
            ax.annotate(
                f"{value:.2g}",
                (place, value),
                xytext=(8, 0),
                textcoords="offset points",
                va="center",
            )
    ax.set(yscale="log", xlim=(-0.4, 2.7))
    ax.set_xticks(range(len(UNKNOWNS)), UNKNOWNS.values())


def rates(ax: Axes, x: Tensor) -> None:
    """Both rates of each patient, and the diagonal where they are equal.

    Args:
        ax: where to draw.
        x: patients, ``(n, 3)``.
    """
    x = x.detach().cpu()
    ax.plot([0.05, 1], [0.05, 1], color="0.6", linewidth=1, linestyle="--")
    ax.plot(x[:, 0], x[:, 1], "o", color=BLUE, markersize=3)
    ax.set(xscale="log", yscale="log")
    ax.set(xlabel="absorption (1/h)", ylabel="elimination (1/h)")


def exchange(y: Tensor, first: int = 2, second: int = 7) -> Tensor:
    """Measurements ``(..., 10)`` after two tubes were exchanged, by default of hours 2 and 12."""
    order = list(range(y.shape[-1]))
    order[first], order[second] = second, first
    return y[..., order]


def error_by_method(ax: Axes, result: Comparison, guesses: Sequence[int]) -> None:
    """Geometric mean error of each method that took part, a marker a number of guesses.

    Args:
        ax: where to draw.
        result: of :func:`invlab.compare`.
        guesses: numbers of guesses that it was asked for, at most three of them.
    """
    known = [row for row in result.rows if row["method"] != "floor"]
    found = [row for row in known if row.get(f"geo_{guesses[0]}") is not None]
    names = [LABEL.get(row["method"], row["method"].replace("_", " ")) for row in found]
    for k, count in enumerate(guesses):
        color, marker = (BLUE, ORANGE, GREEN)[k % 3], MARKERS[k % 5]
        values = [row[f"geo_{count}"] for row in found]
        style: dict[str, Any] = {
            "markersize": 8 - 2 * k,
            "zorder": 3 + k,
            "label": f"best of {count}",
        }
        ax.plot(values, names, marker, color=color, **style)
    if result.facts.floor:
        ax.axvline(result.facts.floor, color="0.4", linestyle="--", label="floor")
    ax.set(xscale="log", xlabel="error / variance of y")
    ax.invert_yaxis()
