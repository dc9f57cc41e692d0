"""The recorded comparison of the models: what the records hold, and its figures and tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from torch import Tensor

from invbook import figures, ledger
from invbook.figures import LABEL, inverse_models
from invbook.numbers import shown
from invbook.papers import neural_adjoint
from invbook.papers.neural_adjoint import model_claims
from invbook.papers.neural_adjoint.models import MODELS, settings
from invbook.papers.neural_adjoint.runs import seeds_of
from invbook.results import load_records
from invlab.methods import get_method

__all__ = [
    "BASELINES",
    "Advice",
    "LABEL",
    "PUBLISHED",
    "TITLE",
    "Recorded",
    "advice",
    "beside_paper",
    "curves",
    "error_map",
    "grid",
    "interval",
    "listed",
    "training_table",
]

BASELINES = ("neural_adjoint", "pool", "nearest", "prior")
# The search of the published code, whose runs are records of their own under another name.
PUBLISHED, IN_ITS_RECORDS = "neural_adjoint_adam", "adam"
TITLE = {
    "ballistics": "ballistics (D1)",
    "sine": "sine (D2)",
    "robot_arm": "robot arm (D3)",
    "metamaterial": "meta-material (D4)",
}


class Recorded:
    """What the records of the comparison hold, by task and method.

    Attributes:
        rows: of the ledger, by id.
        records: by id.
        models: the trained models that are recorded on each of ``tasks``.
        samplers: those of them that draw.
        others: what is no trained model: the neural adjoint, with the published code's search
            too where that is recorded, and the baselines.
        counts: T of the curves.
    """

    def __init__(self, tasks: Sequence[str] = tuple(TITLE)) -> None:
        self.rows = inverse_models.recorded()
        self.records = load_records()
        self.models = neural_adjoint.recorded(self.records, tasks)
        self.samplers = tuple(m for m in neural_adjoint.SAMPLERS if m in self.models)
        published = (f"neural_adjoint/published/{t}/seed{s}" for t in tasks for s in seeds_of(t))
        there = all(name in self.records for name in published)
        searches = ("neural_adjoint", PUBLISHED) if there else ("neural_adjoint",)
        self.others = (*searches, *BASELINES[1:])
        first = f"neural_adjoint/compare/{tasks[0]}/seed{seeds_of(tasks[0])[0]}"
        self.counts: list[int] = self.records[first]["curves"]["T"]

    def models_of(self, task: str) -> tuple[str, ...]:
        """The models of one task: on D4 the tandem has no row without its boundary loss."""
        skipped = "tandem_plain" if task == neural_adjoint.PROXY_TASK else None
        return tuple(model for model in self.models if model != skipped)

    def runs(self, task: str, method: str) -> list[Any]:
        """The records of a method on a task, one a seed."""
        place = "published" if method == PUBLISHED else "compare"
        kind = f"models/{task}/{method}" if method in self.models else f"{place}/{task}"
        return [self.records[f"neural_adjoint/{kind}/seed{s}"] for s in seeds_of(task)]

    def curve(self, task: str, method: str) -> Tensor:
        """r_T at :attr:`counts`, mean over the seeds."""
        found = [run["curves"][_recorded_as(method)] for run in self.runs(task, method)]
        return torch.tensor(found, dtype=torch.float64).mean(0)

    def score(self, task: str, method: str, key: str) -> float:
        """Mean over the seeds of one recorded score."""
        own = f"{_recorded_as(method)}/{key}"
        found = [run["scores"][own] for run in self.runs(task, method)]
        return float(torch.tensor(found, dtype=torch.float64).mean())

    def matched(self, task: str, method: str, key: str) -> Tensor:
        """All numbers of one match with the exact posterior, over seeds and targets."""
        found = [run["matching"][method][key] for run in self.runs(task, method)]
        return torch.tensor(found, dtype=torch.float64).flatten()

    def improved(self, task: str, method: str, how: str, count: int) -> float:
        """r_T of the guesses ``"ranked"`` or ``"refined"`` by a surrogate: one seed has these."""
        found = self.runs(task, method)[0]["curves"][f"{method} {how}"]
        return float(found[self.counts.index(count)])

    def error(self, task: str, method: str, count: int) -> float:
        """r_T of the ledger."""
        return float(self.rows[f"r_T/{task}/{method}/{count}"]["ours"])

    def paper(self, task: str, method: str, count: int) -> float | None:
        """The paper's r_T, where it has this method."""
        value = self.rows[f"r_T/{task}/{method}/{count}"]["paper"]
        return None if value is None else float(value)

    def best(self, task: str, methods: Sequence[str], count: int) -> str:
        """The method with the lowest r_T."""
        return min(methods, key=lambda method: self.error(task, method, count))


def _recorded_as(method: str) -> str:
    """What a method is called inside its records."""
    return IN_ITS_RECORDS if method == PUBLISHED else method


def listed(names: Sequence[str]) -> str:
    """Names in a sentence: "a", "a and b", "a, b and c"."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def interval(row: Mapping[str, Any]) -> str:
    """Our number of a row with its interval, then the paper's, where there is one."""
    if row["ours"] is None:
        return "–"
    text = shown(row["ours"])
    if row["low"] is not None and row["high"] is not None:
        text += f" [{shown(row['low'])}, {shown(row['high'])}]"
    return text if row["paper"] is None else f"{text}; paper {shown(row['paper'])}"


def grid(
    lines: Sequence[str],
    columns: Mapping[str, str],
    cell: Callable[[str, str], Any],
    corner: str = "method",
) -> str:
    """A table with a method a line.

    Args:
        lines: methods; those whose cells are all empty are left out.
        columns: key to heading.
        cell: what stands in it, for a method and a column: a number, a text, or None.
        corner: heading of the first column.
    """
    found = []
    for line in lines:
        cells = {key: cell(line, key) for key in columns}
        if any(value not in (None, "–") for value in cells.values()):
            words = {k: shown(v) if isinstance(v, float) else v for k, v in cells.items()}
            found.append({"line": LABEL.get(line, line), **words})
    return ledger.table(found, {"line": corner, **columns})


def training_table(tasks: Sequence[str] = tuple(TITLE)) -> str:
    """The paper's Table 6, how everything is trained, beside the frozen settings of ours."""
    trained = [
        get_method(model.removesuffix("_plain"), **settings(model, task)).training_options
        for model in MODELS
        for task in tasks
    ]

    def ours(key: str) -> str:
        values = sorted({options[key] for options in trained})
        ends = [f"{value:g}" for value in (values[0], values[-1])]
        return ends[0] if len(values) == 1 else " to ".join(ends)

    rates = "one cycle, up to the rate and down to a thousandth of it or less"
    lines = [
        ("epochs", "500", ours("epochs")),
        ("batch size", "1024", ours("batch_size")),
        ("optimiser", "Adam", "Adam"),
        ("learning rate", "0.001", ours("lr")),
        ("its schedule", "half when the loss stands still", rates),
        (
            "search for settings",
            "one GPU-day a model and task",
            "a few trials on other seeds",
        ),
        ("processor", "GTX 1080 Ti", "one core of a CPU"),
    ]
    keys = ("parameter", "paper", "ours")
    found = [dict(zip(keys, line, strict=True)) for line in lines]
    return ledger.table(found, {key: key for key in keys})


def curves(
    ax: Axes, recorded: Recorded, task: str, methods: Sequence[str], stars: Sequence[int] = (200,)
) -> None:
    """Recorded r_T over T with the paper's values as stars in the colour of the method.

    Args:
        ax: where to draw.
        recorded: the records.
        task: its name.
        methods: at most six; the prior is drawn in grey beside them.
        stars: T of the paper's values.
    """
    ax.loglog(recorded.counts, recorded.curve(task, "prior"), color="0.6", label="prior")
    for k, method in enumerate(methods):
        color = figures.SERIES[k % 6]
        style: dict[str, Any] = {
            "linestyle": figures.DASHES[k % 6],
            "marker": figures.MARKERS[k % 6],
        }
        label = LABEL.get(method, method)
        line = recorded.curve(task, method)
        ax.loglog(recorded.counts, line, **style, markersize=4, color=color, label=label)
        papers = {count: recorded.paper(task, method, count) for count in stars}
        known = {count: value for count, value in papers.items() if value is not None}
        ax.plot(list(known), list(known.values()), "*", color=color, mec=figures.BLACK, ms=11)
    ax.set_title(TITLE.get(task, task), fontsize=10)


def beside_paper(ax: Axes, rows: Mapping[str, Mapping[str, Any]]) -> None:
    """Our numbers with their intervals (dots) and the paper's (stars), a line a row.

    Args:
        ax: where to draw.
        rows: of the ledger, by what stands at the axis.
    """
    for place, row in enumerate(rows.values()):
        if row["ours"] is None:
            continue
        if row["low"] is not None and row["low"] > 0:
            ax.plot([row["low"], row["high"]], [place, place], color=figures.BLUE)
        ax.plot(row["ours"], place, "o", color=figures.BLUE, label=_once(ax, "ours, 95 %"))
        if row["paper"] is not None:
            star: dict[str, Any] = {"color": figures.ORANGE, "mec": figures.BLACK, "ms": 11}
            ax.plot(row["paper"], place, "*", **star, label=_once(ax, "paper"))
    ax.set(xscale="log", ylim=(len(rows) - 0.5, -0.5))
    ax.set_yticks(range(len(rows)), list(rows))


def _once(ax: Axes, label: str) -> str | None:
    """A label for the legend, unless it has that already."""
    return None if label in ax.get_legend_handles_labels()[1] else label


def error_map(ax: Axes, y: float, guesses: Tensor) -> None:
    """The sine task: the error of each place for one y (dark is better), answers and guesses.

    Args:
        ax: where to draw.
        y: the target.
        guesses: ``(N, 2)``.
    """
    axis = np.linspace(-1, 1, 241)
    height = np.sin(3 * np.pi * axis)[None, :] + np.cos(3 * np.pi * axis)[:, None]
    error = ((height - y) ** 2).clip(1e-3)
    ax.pcolormesh(axis, axis, error, norm=LogNorm(1e-3, 10), cmap="gray", rasterized=True)
    ax.contour(axis, axis, height, levels=[y], colors=figures.SKY, linestyles="solid", linewidths=1)
    ax.plot(*guesses.detach().cpu().numpy().T, "o", color=figures.RED, markersize=3)
    ax.set(xlabel="x₁", ylabel="x₂", aspect="equal", xlim=(-1, 1), ylim=(-1, 1))
    ax.grid(visible=False)


@dataclass(frozen=True)
class Advice:
    """A sentence of the paper, where it stands, what our rows say to it, and whether it holds."""

    said: str
    where: str
    ours: str
    verdict: str


def advice(recorded: Recorded) -> list[Advice]:
    """The paper's advice of its Section 6.1, each sentence against the recorded rows."""
    tasks = list(TITLE)
    models = [m for m in model_claims.COLUMNS if m in recorded.models]
    adjoint = [
        (task, count)
        for task in tasks
        for count in (1, 50, 200)
        if recorded.error(task, "neural_adjoint", count)
        <= min(recorded.error(task, m, count) for m in models)
    ]
    few = [t for t in tasks if recorded.best(t, models, 1) == "tandem"]
    looked = [t for t in tasks if recorded.error(t, "nearest", 1) < recorded.error(t, "tandem", 1)]
    many = {task: recorded.best(task, models, 200) for task in tasks}
    right = [
        task
        for task, said in {"ballistics": "cvae", "sine": "cinn", "robot_arm": "cinn"}.items()
        if many[task] == said
    ]
    winners = "; ".join(f"{TITLE[t].split(' (')[0]}: {LABEL[m]}" for t, m in many.items())
    slower = [_slowness(recorded, task, models) for task in tasks]
    total = 3 * len(tasks)
    return [
        Advice(
            "the neural adjoint is the best choice for nearly every task and T",
            "6.1",
            f"with our search, lowest of the paper's models in {len(adjoint)} of {total} cases (4 "
            "tasks, T = 1, 50, 200)",
            _verdict(len(adjoint) / total),
        ),
        Advice(
            "it takes significantly longer to answer",
            "6.1, Table 2",
            f"one target takes {shown(min(slower))} to {shown(max(slower))} times as long as the "
            "fastest model that draws needs for a thousand guesses",
            "holds" if min(slower) > 2 else "no longer" if max(slower) < 2 else "on some tasks",
        ),
        Advice(
            "without time for it, and for small T: the tandem",
            "6.1",
            f"lowest r_1 of the five on {len(few)} of 4 tasks; a look-up, which the paper does not "
            f"have, is lower on {len(looked)}",
            _verdict(len(few) / len(tasks)),
        ),
        Advice(
            "for larger T: the cVAE on ballistics, the cINN on arm and sine",
            "6.1",
            f"lowest r_200 of the five: {winners}",
            _verdict(len(right) / 3),
        ),
        _posterior_advice(recorded, models),
    ]


def _posterior_advice(recorded: Recorded, models: Sequence[str]) -> Advice:
    tasks = neural_adjoint.TASKS
    rows = recorded.rows
    found = {t: min(models, key=lambda m: rows[f"mmd/{t}/{m}"]["ours"]) for t in tasks}
    best = [task for task in tasks if found[task] == "mixture_density"]
    pool = [
        task
        for task in tasks
        if rows[f"mmd/{task}/pool"]["ours"] < rows[f"mmd/{task}/{found[task]}"]["ours"]
    ]
    return Advice(
        "the mixture density network always matches the posterior best",
        "8.1, Table 4",
        f"lowest MMD² of the five on {len(best)} of 3 tasks; the pool is lower on {len(pool)}",
        _verdict(len(best) / len(tasks)),
    )


def _slowness(recorded: Recorded, task: str, models: Sequence[str]) -> float:
    """Seconds of the neural adjoint for one target over those of the fastest sampler for 1000."""
    each = [recorded.score(task, m, "infer") * 5 for m in models if m in recorded.samplers]
    return recorded.score(task, "neural_adjoint", "infer") / min(each)


def _verdict(share: float) -> str:
    return "holds" if share >= 0.9 else "mostly" if share >= 0.6 else "partly" if share else "no"
