"""Part III, many problems at once: recorded numbers in words, and the figures that recur.

A method has one colour, one dash and one marker in all chapters of the part, so that a reader finds
it again; see :data:`STYLES`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullFormatter
from torch import Tensor

from invbook import ledger
from invbook.figures import BLACK, BLUE, GREEN, ORANGE, PURPLE, RED, SKY
from invbook.papers import joint_optimization as joint
from invbook.papers.joint_optimization.published import AS_PUBLISHED, TABLE_2
from invbook.results import load_records
from invlab.runs.records import Record

__all__ = [
    "NAMES",
    "PAPER_METHODS",
    "STYLES",
    "Recorded",
    "Style",
    "beside_paper",
    "compared",
    "course_in_words",
    "courses",
    "cross_talk",
    "each_record",
    "ledger_row",
    "log_ticks",
    "not_recorded",
    "off_paper",
    "over_counts",
    "paper_shares",
    "percent",
    "risen",
    "side_by_side",
    "solved_over_cost",
    "spread",
]


class Style(NamedTuple):
    """How a method is drawn."""

    color: str
    dash: Any
    marker: str


STYLES = {
    "bfgs": Style(BLACK, "-", "x"),
    "joint": Style(GREEN, "-", "o"),
    "joint_single": Style(GREEN, (0, (1, 1)), "d"),
    "joint_last": Style(GREEN, (0, (1, 1)), "d"),
    "draws": Style(ORANGE, "--", "s"),
    "exchange": Style(ORANGE, "--", "s"),
    "multistart": Style(BLUE, "-.", "^"),
    "direct": Style(SKY, ":", "D"),
    "neural_adjoint": Style(RED, (0, (5, 1, 1, 1)), "v"),
    "draw": Style(PURPLE, (0, (3, 3)), "P"),
    "envelope": Style(PURPLE, "-", "P"),
    "envelope_bfgs": Style(RED, "--", "*"),
    "hop": Style(ORANGE, ":", "s"),
    "truth": Style("0.4", ":", ""),
}

NAMES = {
    "bfgs": "BFGS",
    "bfgs_batched": "our own BFGS",
    "joint": "joint",
    "joint_single": "joint, one network",
    "joint_last": "joint, last step",
    "joint_or_bfgs": "the better of joint and BFGS",
    "direct": "supervised",
    "neural_adjoint": "neural adjoint",
    "draw": "one random draw",
    "draws": "three random draws",
    "exchange": "exchange, no network",
    "multistart": "restarts",
    "multistart_equal": "restarts in the time of joint",
    "envelope": "envelope, network",
    "envelope_bfgs": "envelope, BFGS alone",
    "all": "joint, exchange and restarts",
    "all_without_network": "the same without a network",
    "truth": "the truth",
}

# Numbers that are shares of the problems.
PERCENT = ("better", "equal", "worse", "better_exact", "equal_exact", "solved", "close")
# The columns of the paper's Table 2.
PAPER_METHODS = ("joint", "direct", "neural_adjoint")
# From which factor on a loss counts as risen.
RISES = 1.1
# What is special about the joint search that is made the paper's way, and about ours beyond it.
_WAYS = {"joint_single": "one network, last step", "joint_last": "last step"}
_BEYOND = {"joint_single": "best of three networks", "joint_last": "best step of each problem"}


@cache
def _records() -> Mapping[str, Record]:
    return load_records()


@cache
def _rows() -> Mapping[str, Mapping[str, Any]]:
    return {row["id"]: row for row in ledger.rows(joint.CLAIMS)}


@dataclass(frozen=True)
class Recorded:
    """The recorded runs of one system, read with one call a number.

    ``n``, ``unit`` and ``stage`` of a call stand for those of the system where they are given.

    Attributes:
        system: such as ``"billiards"``.
        n: problems solved together.
        unit: of BFGS.
        stage: ``"refined"`` or ``"unrefined"``.
    """

    system: str
    n: int = 64
    unit: float = 1.0
    stage: str = "refined"

    def each(
        self,
        method: str,
        quantity: str,
        *,
        n: int | None = None,
        unit: float | None = None,
        stage: str | None = None,
    ) -> list[float]:
        """One number a seed; none where nothing was recorded."""
        try:
            return joint.numbers(
                _records(),
                self.system,
                self.n if n is None else n,
                method,
                quantity,
                unit=self.unit if unit is None else unit,
                stage=stage or self.stage,
            )
        except KeyError:
            return []

    def mean(self, method: str, quantity: str, **which: Any) -> float:
        """Mean over the seeds; NaN where nothing was recorded."""
        return _mean(self.each(method, quantity, **which))

    def text(self, method: str, quantity: str, digits: int = 0, **which: Any) -> str:
        """Mean and 95 % interval, for a table."""
        values = self.each(method, quantity, **which)
        return spread(values, digits, percent=quantity in PERCENT)

    def shares(self, method: str, *quantities: str, digits: int = 0, **which: Any) -> str:
        """Several means side by side, such as better / equal."""
        means = [self.mean(method, quantity, **which) for quantity in quantities]
        return side_by_side(*means, digits=digits)

    def by_count(self, method: str, quantity: str, **which: Any) -> dict[int, list[float]]:
        """Number of problems to one number a seed, ascending; empty where nothing was recorded."""
        which = {"unit": self.unit, "stage": self.stage} | which
        try:
            return joint.over_counts(_records(), self.system, method, quantity, **which)
        except KeyError:
            return {}

    def over_n(self, method: str, quantity: str, **which: Any) -> float:
        """The mean over all n, of the seeds that every n has, as in the ledger."""
        found = self.by_count(method, quantity, **which).values()
        seeds = min(map(len, found), default=0)
        return _mean([_mean(values[:seeds]) for values in found])

    def shares_over_n(self, method: str, *quantities: str, digits: int = 0, **which: Any) -> str:
        """Several means over all n side by side."""
        means = [self.over_n(method, quantity, **which) for quantity in quantities]
        return side_by_side(*means, digits=digits)

    def curves(self, n: int | None = None) -> list[dict[str, Any]]:
        """The recorded curves, a seed each; none where nothing was recorded."""
        try:
            return joint.curves(_records(), self.system, self.n if n is None else n)
        except KeyError:
            return []


def each_record(start: str, key: str) -> list[float]:
    """One number of all records whose id begins so, after ``joint_optimization/``."""
    return [
        record["scores"][key][0]
        for name, record in sorted(_records().items())
        if name.startswith(f"joint_optimization/{start}/") and key in record["scores"]
    ]


def ledger_row(name: str) -> Mapping[str, Any]:
    """A row of the ledger about this paper, by its id."""
    return _rows()[name]


def paper_shares(system: str, method: str) -> tuple[float, float]:
    """Better and equal in per cent as the paper's Table 2 prints them.

    Args:
        system: such as ``"billiards"``.
        method: of the paper's, or the one of ours that is made the way of its joint search.
    """
    name = "joint" if method == AS_PUBLISHED[system] else method
    return TABLE_2[system][name]


def beside_paper(system: str, digits: int = 1) -> dict[str, dict[str, str]]:
    """The lines that stand beside the paper's Table 2, method to its name and the paper's numbers.

    First what is made the paper's way, then ours beyond it, then rows in which nothing is learned.

    Args:
        system: such as ``"billiards"``.
        digits: of the paper's numbers.

    Returns:
        Method to ``method``, its name, and ``paper``, better / equal or a dash.
    """
    way = AS_PUBLISHED[system]
    names = {way: f"joint, the paper's way ({_WAYS[way]})"}
    names |= {method: NAMES[method] for method in PAPER_METHODS if method != "joint"}
    names["joint"] = f"joint, ours beyond the paper ({_BEYOND[way]})"
    names["draw"] = "nothing learned: one random draw"
    if way == "joint_single":
        names["draws"] = "nothing learned: three random draws"
    # the wave packet's own search keeps to a unit of one sample
    unit = " in S = 1" if way == "joint_single" else ""
    names["bfgs_batched"] = f"nothing learned: our own BFGS{unit}"
    printed = (way, "direct", "neural_adjoint")
    return {
        method: {
            "method": name,
            "paper": side_by_side(*paper_shares(system, method), digits=digits)
            if method in printed
            else "–",
        }
        for method, name in names.items()
    }


def compared(
    loss: Tensor, baseline: Tensor, *, relative: float = 0.0, absolute: float = 0.0
) -> dict[str, float]:
    """Better, equal and worse than a baseline in per cent, with a tolerance and without.

    Args:
        loss, baseline: ``(n,)``.
        relative, absolute: differences below ``relative`` of the baseline's loss plus ``absolute``
            count as equal.
    """
    gain, tolerance = baseline - loss, relative * baseline.abs() + absolute
    return {
        "better": percent(gain > tolerance),
        "equal": percent(gain.abs() <= tolerance),
        "worse": percent(gain < -tolerance),
        "better_exact": percent(gain > 0),
        "equal_exact": percent(gain == 0),
    }


def cross_talk(answers: Tensor, parameters: Iterable[Tensor]) -> Tensor:
    """How far a gradient step that is taken for answer i moves answer j, a row a j.

    Args:
        answers: ``(n,)``, computed from the parameters.
        parameters: of the network.

    Returns:
        The product of the two answers' derivatives by the weights, ``(n, n)``, over the lengths of
        both: 1 on the diagonal, 0 where one answer's step leaves the other as it is.
    """
    weights = list(parameters)
    rows = []
    for answer in answers:
        parts = torch.autograd.grad(answer, weights, retain_graph=True)
        rows.append(torch.cat([part.reshape(-1) for part in parts]).double())
    slopes = torch.stack(rows)
    slopes = slopes / slopes.norm(dim=1, keepdim=True)
    return slopes @ slopes.T


def percent(which: Tensor) -> float:
    """Share of the true entries, in per cent."""
    return 100 * which.double().mean().item()


def spread(values: Sequence[float], digits: int = 0, *, percent: bool = False) -> str:
    """Mean and 95 % interval of one number a seed, as a table shows them."""
    if not values:
        return "not recorded"
    if len(values) == 1:
        return f"{values[0]:.{digits}f} (one seed)"
    found = joint.summary(values, most=100.0 if percent else math.inf)
    mean, low, high = (f"{part:.{digits}f}" for part in found)
    return f"{mean} [{low}, {high}]"


def side_by_side(*means: float, digits: int = 0) -> str:
    """Means with strokes between them."""
    if any(np.isnan(mean) for mean in means):
        return "not recorded"
    return " / ".join(f"{mean:.{digits}f}" for mean in means)


def over_counts(
    ax: Axes,
    recorded: Recorded,
    methods: Mapping[str, str] | Sequence[str],
    quantity: str,
    *,
    below: bool = True,
    **which: Any,
) -> None:
    """A recorded number over n, a line a method: mean and standard deviation over the seeds.

    Args:
        ax: where to draw; its axis of n is made logarithmic.
        recorded: the system.
        methods: what to draw, in order, with labels if they are not those of :data:`NAMES`.
        quantity: such as ``"loss"``.
        below: whether the deviation is drawn downwards too.
        which: ``unit`` and ``stage``, if they are not the system's.
    """
    names = methods if isinstance(methods, Mapping) else {m: NAMES.get(m, m) for m in methods}
    counts: set[int] = set()
    for method, label in names.items():
        values = recorded.by_count(method, quantity, **which)
        if not values:
            continue
        counts |= values.keys()
        mean = np.array([np.mean(each) for each in values.values()])
        up = np.array([np.std(each) for each in values.values()])
        # on a logarithmic axis a bar to zero has no end
        down = np.minimum(up, 0.9 * np.abs(mean)) if below else 0 * up
        style = STYLES[method]
        ax.errorbar(
            list(values),
            mean,
            [down, up],
            color=style.color,
            linestyle=style.dash,
            marker=style.marker,
            markersize=4,
            capsize=2,
            label=label,
        )
    if not counts:
        not_recorded(ax)
    ax.set(xlabel="number of problems n", xscale="log")
    log_ticks(ax, sorted(counts))


def courses(ax: Axes, recorded: Recorded) -> None:
    """Mean true loss of the answers on the way, a line a method: panels (c) of Figures 2 to 5.

    A step of the joint search and of regression is one of the training, of BFGS one evaluation,
    and of the neural adjoint one iteration of BFGS on its trained surrogate.

    Args:
        ax: where to draw.
        recorded: the system; the curves are means over its seeds.
    """
    found: dict[str, list[tuple[Sequence[float], Sequence[float]]]] = {}
    for curve in recorded.curves():
        descent = curve["bfgs"][f"S{recorded.unit:g}"]
        lines = {"bfgs": (range(len(descent)), descent)}
        lines["joint"] = curve["iteration"], curve["joint"]
        for method in ("direct", "neural_adjoint"):
            if method in curve:
                lines[method] = curve[method]["iteration"], curve[method]["loss"]
        for method, line in lines.items():
            found.setdefault(method, []).append(line)
    for method, several in found.items():
        steps, loss = _mean_course(several)
        style = STYLES[method]
        ax.plot(steps + 1, loss, color=style.color, linestyle=style.dash, label=NAMES[method])
    if not found:
        not_recorded(ax)
    ax.set(xlabel="step", ylabel="mean loss", xscale="log", yscale="log")
    ax.xaxis.set_major_formatter("{x:g}")
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.yaxis.set_major_formatter("{x:g}")
    ax.yaxis.set_minor_formatter(NullFormatter())


def off_paper(recorded: Recorded, method: str) -> float:
    """Points by which a method is better than BFGS more often than in the paper's Table 2.

    Counted like the paper, without a tolerance, as a mean over n; the joint search is the one that
    is made the paper's way.
    """
    own = AS_PUBLISHED[recorded.system] if method == "joint" else method
    return recorded.over_n(own, "better_exact") - paper_shares(recorded.system, own)[0]


def risen(recorded: Recorded, method: str = "direct") -> dict[str, list[float]]:
    """How the mean true loss of a method's answers moves while it works, one number a seed.

    Args:
        recorded: the system.
        method: ``"direct"`` or ``"neural_adjoint"``.

    Returns:
        The loss at the end over the ``lowest`` on the way and over that at the ``start``, and the
        ``step`` at which it is lowest; empty lists where nothing was recorded.
    """
    found: dict[str, list[float]] = {"lowest": [], "start": [], "step": []}
    for curve in recorded.curves():
        if method in curve:
            steps, loss = curve[method]["iteration"], curve[method]["loss"]
            found["lowest"].append(loss[-1] / min(loss))
            found["start"].append(loss[-1] / loss[0])
            found["step"].append(steps[loss.index(min(loss))] + 1)
    return found


def course_in_words(recorded: Recorded) -> str:
    """Whether the true loss rises while supervised training and the neural adjoint go on."""
    taught, guided = (risen(recorded, method) for method in ("direct", "neural_adjoint"))
    if not taught["lowest"] or not guided["start"]:
        return "The courses of supervised training were not recorded."
    seeds, rising = len(taught["lowest"]), sum(x > RISES for x in taught["lowest"])
    step = sorted(taught["step"])[seeds // 2]
    words = {0: "in none", seeds: "in all"}.get(rising, f"in {rising}")
    return (
        "While supervised training goes on, the true loss rises again by more than a tenth "
        f"{words} of the {seeds} seeds. It is lowest at step {step:.0f} (median); at the end it is "
        f"{_mean_and_range(taught['lowest'])} times that, and {_mean_and_range(taught['start'])} "
        "times that at the first step. The neural adjoint, which descends on its surrogate alone, "
        f"ends at {_mean_and_range(guided['start'])} times the true loss at its start."
    )


def _mean_and_range(values: Sequence[float]) -> str:
    """Mean, and from where to where single seeds go."""
    return f"{_mean(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def _mean_course(
    several: Sequence[tuple[Sequence[float], Sequence[float]]],
) -> tuple[np.ndarray, np.ndarray]:
    """Steps of the longest of several courses and the mean loss there; a shorter one stays."""
    steps = np.array(max((steps for steps, _ in several), key=lambda steps: steps[-1]))
    return steps, np.mean([np.interp(steps, own, loss) for own, loss in several], axis=0)


def solved_over_cost(
    ax: Axes,
    recorded: Recorded,
    methods: Mapping[str, str] | Sequence[str],
    *,
    beside: Mapping[str, tuple[float, float]] | None = None,
    **which: Any,
) -> None:
    """Problems at the global optimum over the CPU time of all problems, a point a method.

    Args:
        ax: where to draw.
        recorded: the system.
        methods: what to draw, with labels if they are not those of :data:`NAMES`.
        beside: method to where its label stands from its point, in points; to the right of it
            where nothing is given.
        which: ``n`` and ``unit``, if they are not the system's.
    """
    names = methods if isinstance(methods, Mapping) else {m: NAMES.get(m, m) for m in methods}
    for method, label in names.items():
        cpu, solved = (recorded.mean(method, q, **which) for q in ("cpu", "solved"))
        if np.isnan(cpu) or np.isnan(solved):
            continue
        style = STYLES[method]
        ax.plot(cpu, solved, style.marker, color=style.color, markersize=8, clip_on=False)
        offset = (beside or {}).get(method, (8, 0))
        side = "right" if offset[0] < 0 else "left"
        ax.annotate(
            label,
            (cpu, solved),
            offset,
            textcoords="offset points",
            fontsize=9,
            ha=side,
            va="center",
        )
    ax.set(xlabel="CPU time for all problems (s)", ylabel="solved (%)")
    ax.set(xscale="log", ylim=(-3, 105))


def log_ticks(ax: Axes, ticks: Sequence[float]) -> None:
    """Only these numbers on a logarithmic x-axis, as plain numbers."""
    ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.minorticks_off()


def not_recorded(ax: Axes) -> None:
    """Say that there is nothing to draw."""
    ax.text(0.5, 0.5, "not recorded", ha="center", transform=ax.transAxes)


def _mean(values: Sequence[float]) -> float:
    return torch.tensor(list(values), dtype=torch.float64).mean().item() if values else float("nan")
