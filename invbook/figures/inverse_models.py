"""Chapters 7 to 9: poses of the arm that a model proposes, recorded errors beside the paper's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from matplotlib.axes import Axes
from torch import Tensor

from invbook import ledger
from invbook.figures import BLACK, BLUE, GREEN, ORANGE, PURPLE, RED
from invbook.numbers import shown
from invbook.papers import neural_adjoint
from invbook.papers.neural_adjoint import model_claims
from invbook.papers.neural_adjoint.runs import COUNTS, seeds_of
from invbook.results import load_records
from invlab.task import Task

__all__ = [
    "NAMES",
    "errors_table",
    "matching_table",
    "one_guess",
    "over_guesses",
    "per_target",
    "poses",
    "recorded",
    "scatter_rows",
    "with_interval",
]

Row = Mapping[str, Any]
# A number's label, the number, and its interval where it has one.
Line = tuple[str, float | None, tuple[float, float] | None]

# Marker and colour of what we measured, of the paper's numbers, and of what needs no inverse model.
STYLES = {"ours": ("o", BLUE), "paper": ("*", BLACK), "null": ("s", ORANGE)}
# What the book calls the tasks.
NAMES = {"ballistics": "throw", "sine": "sine", "robot_arm": "arm"}
# Beside every model: label, and how its line is drawn.
BASELINES: dict[str, tuple[str, dict[str, Any]]] = {
    "prior": ("draws of the prior", {"color": ORANGE, "linestyle": ":", "marker": "s"}),
    "pool": ("pool", {"color": GREEN, "linestyle": "--", "marker": "^"}),
    "neural_adjoint": ("neural adjoint", {"color": PURPLE, "linestyle": "-.", "marker": "D"}),
}


def poses(ax: Axes, arm: Task, x: Tensor, y: Tensor, *, color: str = BLUE) -> None:
    """Poses of the robot arm for one target, which is marked by a star.

    Args:
        ax: where to draw.
        arm: the task ``robot_arm``.
        x: the poses, ``(N, 4)``.
        y: the target, ``(2,)``.
        color: of the arms.
    """
    joints = arm.joints(x).detach().cpu()  # type: ignore[attr-defined]
    ax.plot([0, 0], [-0.75, 0.75], color=BLACK, linewidth=5, alpha=0.2, solid_capstyle="butt")
    for pose in joints:
        ax.plot(*pose[1:].T, "-", color=color, linewidth=1.3, alpha=0.3 + 0.6 / len(joints))
        ax.plot(*pose[1:-1].T, "o", color=color, markersize=3)
    ax.plot(*joints[:, -1].T, "o", color=color, mfc="white", markersize=6)
    ax.plot(*y.cpu(), "*", color=RED, markersize=13, zorder=3)
    ax.set(xlabel="horizontal (m)", ylabel="vertical (m)", aspect="equal")
    ax.set(xlim=(-0.15, 2.1), ylim=(-1.1, 1.25))


def recorded() -> dict[str, Row]:
    """Rows of the paper's ledger by id."""
    return {row["id"]: row for row in ledger.rows(neural_adjoint.CLAIMS)}


def per_target(task: str, method: str, count: int = 1) -> Tensor:
    """Recorded errors of the best of ``count`` guesses, all targets of all seeds in one row."""
    records, found = load_records(), []
    for seed in seeds_of(task):
        record = records[f"neural_adjoint/models/{task}/{method}/seed{seed}"]
        found.append(torch.tensor(record["targets"][method][str(count)]))
    return torch.cat(found)


def with_interval(row: Row) -> str:
    """Our number of a row and its 95 % interval, in the book's digits."""
    if row["ours"] is None:
        return "–"
    if row["low"] is None:
        return shown(row["ours"])
    return f"{shown(row['ours'])} ({shown(row['low'])} to {shown(row['high'])})"


def errors_table(rows: Mapping[str, Row], method: str) -> str:
    """Recorded r_T of a model beside the paper's and the baselines', a line a task and T."""
    lines = [
        {"task": called, "T": count, **_beside(rows, f"r_T/{task}/{{}}/{count}", method)}
        for task, called in NAMES.items()
        for count in COUNTS
    ]
    return ledger.table(lines, {"task": "task", "T": "T", **_HEADS})


def matching_table(rows: Mapping[str, Row], method: str) -> str:
    """Recorded MMD² of a model beside the paper's and the baselines', a line a task."""
    lines = [
        {
            "task": called,
            "exact": shown(rows[f"mmd/{task}/floor"]["ours"]),
            **_beside(rows, f"mmd/{task}/{{}}", method),
        }
        for task, called in NAMES.items()
    ]
    return ledger.table(lines, {"task": "task", **_HEADS, "exact": "exact draws"})


def scatter_rows(ax: Axes, groups: Mapping[str, Sequence[Line]]) -> None:
    """A number a line on a logarithmic axis, with its interval; what is missing leaves a gap.

    Args:
        ax: where to draw.
        groups: ``"ours"``, ``"paper"`` or ``"null"``, which is a marker, to its lines.
    """
    labels = [line[0] for lines in groups.values() for line in lines]
    for kind, lines in groups.items():
        marker, color = STYLES[kind]
        for label, value, interval in lines:
            place = labels.index(label)
            if value is not None:
                ax.plot(value, place, marker, color=color, markersize=10 if kind == "paper" else 6)
            if interval is not None:
                ax.plot(interval, [place, place], color=color, linewidth=2)
    ax.set_xscale("log")
    ax.set_yticks(range(len(labels)), labels)
    ax.set_ylim(len(labels) - 0.5, -0.5)


def one_guess(ax: Axes, rows: Mapping[str, Row], task: str) -> None:
    """The tandem's recorded r_1 on one task, beside the paper's and what trains no inverse."""
    paper = [
        (f"the paper, Table {table}", model_claims.paper_value(key, task, "tandem"), None)
        for key, table in (("r_1", 7), ("r_200", 3))
    ]
    ours = [
        ("tandem, boundary loss", *_line(rows[f"tandem/{task}/boundary"])),
        ("tandem without it", *_line(rows[f"tandem/{task}/plain"])),
    ]
    null = [
        (label, *_line(rows[f"r_T/{task}/{method}/1"]))
        for method, label in (
            ("direct", "direct network"),
            ("nearest", "look-up"),
            ("pool", "pool"),
            ("neural_adjoint", "neural adjoint"),
        )
    ]
    scatter_rows(ax, {"paper": paper, "ours": ours, "null": null})
    ax.set(title=NAMES[task], xlabel="$r_1$")


def over_guesses(ax: Axes, rows: Mapping[str, Row], task: str, method: str, label: str) -> None:
    """Recorded r_T of a model over T with intervals, the paper's stars, and baselines.

    Args:
        ax: where to draw.
        rows: of :func:`recorded`.
        task, method: as in the ids of the rows.
        label: the model's name in the legend.
    """
    for null, (name, style) in BASELINES.items():
        values = [rows[f"r_T/{task}/{null}/{count}"]["ours"] for count in COUNTS]
        ax.plot(COUNTS, values, label=name, markersize=4, linewidth=1.2, **style)
    own = [rows[f"r_T/{task}/{method}/{count}"] for count in COUNTS]
    ax.plot(COUNTS, [row["ours"] for row in own], "o-", color=BLUE, label=label)
    for count, row in zip(COUNTS, own, strict=True):
        if row["low"] is not None:
            ax.plot([count, count], [row["low"], row["high"]], color=BLUE, linewidth=3)
    stars = [row["paper"] for row in own]
    ax.plot(COUNTS, stars, "*", color=BLACK, markersize=10, label="the paper's", zorder=3)
    ax.set(xscale="log", yscale="log", xlabel="guesses T", title=NAMES[task])


_HEADS = {
    "paper": "the paper's",
    "ours": "ours (95 %)",
    "prior": "prior",
    "pool": "pool",
    "neural_adjoint": "neural adjoint (the paper's)",
}


def _beside(rows: Mapping[str, Row], pattern: str, method: str) -> dict[str, str]:
    """Cells of a line of a table; ``pattern`` is an id with a gap for the method."""
    own, adjoint = rows[pattern.format(method)], rows[pattern.format("neural_adjoint")]
    return {
        "paper": shown(own["paper"]),
        "ours": with_interval(own),
        **{null: shown(rows[pattern.format(null)]["ours"]) for null in ("prior", "pool")},
        "neural_adjoint": f"{shown(adjoint['ours'])} ({shown(adjoint['paper'])})",
    }


def _line(row: Row) -> tuple[float | None, tuple[float, float] | None]:
    return row["ours"], None if row["low"] is None else (row["low"], row["high"])
