"""Figures of the book's own study: which method was best where, and what a choice costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm

from invbook.figures import BLUE, LABEL
from invbook.papers.advice.regret import LEAST, error
from invbook.results import load_records
from invlab.metrics import mean_interval
from invlab.runs.records import Record

__all__ = ["errors_over_best", "log_regret", "ratio_map", "regrets", "study", "untouched"]

# Rows of the map.
METHODS = (
    "lm",
    "bfgs",
    "differential_evolution",
    "joint",
    "neural_adjoint",
    "mixture_density",
    "cinn",
    "pool",
    "nearest",
)
# Ways to choose a method, by the names of scores.
CHOICES = {
    "compare": "compare's advice",
    "neural_adjoint": "neural adjoint",
    "joint": "joint optimisation",
    "search": "search on simulator",
    "nearest": "look-up",
    "cinn": "cINN",
    "random": "a random choice",
}
# Ratios above this share one colour.
MOST = 1e4


def study() -> list[Record]:
    """Its recorded runs, one a simulator."""
    return [record for key, record in load_records().items() if key.startswith("advice/")]


def untouched(records: Sequence[Record]) -> list[Record]:
    """Those that nobody looked at while rules were chosen."""
    return [record for record in records if not record["facts"]["tuned"]]


def errors_over_best(record: Record, methods: Sequence[str] = METHODS) -> dict[str, float]:
    """Error of one guess of each method over that of the best, on one simulator.

    It is the geometric mean over targets. Errors below a millionth of the variance of y, or below
    the noise floor, count as equal to that; methods that took no part are left out.
    """
    rows = {row["method"]: row for row in record["rows"]["large"]}
    guesses = min(record["settings"]["large"]["guesses"])
    least = max(LEAST, record["facts"]["floor"])
    found = {name: error(rows, name, guesses, key="geo") for name in methods}
    there = {name: max(least, value) for name, value in found.items() if value is not None}
    best = min(there.values())
    return {name: value / best for name, value in there.items()}


def ratio_map(ax: Axes, records: Sequence[Record]) -> None:
    """A square a method and simulator: error over the best method's; a ring marks the best ones.

    Args:
        ax: where to draw.
        records: of the study; those without gradients stand right of the others, noisy ones last.
    """
    records = sorted(records, key=lambda record: (_kind(record), record["id"]))
    ratios = [errors_over_best(record) for record in records]
    grid = np.array([[case.get(name, np.nan) for case in ratios] for name in METHODS])
    image = ax.imshow(grid, cmap="cividis", norm=LogNorm(1, MOST), aspect="auto")
    for row, column in np.argwhere(grid <= 1.2):
        ax.plot(column, row, "o", color="white", fillstyle="none", markersize=8)
    for row, column in np.argwhere(np.isnan(grid)):
        ax.text(column, row, "–", ha="center", va="center", color="0.4")
    names = [record["id"].split("/")[1].replace("_", " ") for record in records]
    kinds = ("", ", no gradient", ", noisy")
    names = [name + kinds[_kind(record)] for name, record in zip(names, records, strict=True)]
    ax.set_xticks(range(len(names)), names, rotation=60, ha="right", rotation_mode="anchor")
    ax.set_yticks(range(len(METHODS)), [LABEL[name] for name in METHODS])
    ax.grid(visible=False)
    ax.figure.colorbar(image, ax=ax, label="error over the best", extend="max")


def _kind(record: Record) -> int:
    """0 for a smooth simulator, 1 without gradients, 2 with noise."""
    facts = record["facts"]
    return 2 if facts["noisy"] else int(not facts["differentiable"])


def log_regret(records: Sequence[Record], choice: str, *, alone: bool = False) -> torch.Tensor:
    """Logarithm of the regret of one way to choose, one number a simulator.

    Args:
        records: of the study.
        choice: one of the ways to choose.
        alone: among methods that call no simulator for an answer.
    """
    key = f"{'alone/' if alone else ''}{choice}/r"
    values = [record["scores"][key] for record in records]
    return torch.tensor(values, dtype=torch.float64).flatten(1).mean(1)


def regrets(
    axes: Sequence[Axes], records: Sequence[Record], choices: Mapping[str, str] = CHOICES
) -> None:
    """Regret of each way to choose, geometric mean with a 95 % interval over simulators.

    Args:
        axes: two that share their y: all methods, and those that call no simulator.
        records: of the study.
        choices: names of scores to what people call them.
    """
    places = {name: place for place, name in enumerate(choices)}
    for ax, alone in zip(axes, (False, True), strict=True):
        for name in choices:
            if alone and name in ("joint", "search"):
                continue
            logs = log_regret(records, name, alone=alone)
            ends = torch.tensor(mean_interval(logs) or (torch.nan, torch.nan)).exp()
            ends = ends.clamp_min(1.0)  # no method is better than the best
            ax.plot(ends, [places[name]] * 2, color=BLUE)
            ax.plot(logs.mean().exp(), places[name], "o", color=BLUE)
        ax.set(xscale="log", xlabel="regret")
        ax.set_title("no further simulations" if alone else "all methods")
    axes[0].set_yticks(list(places.values()), list(choices.values()))
    axes[0].invert_yaxis()
