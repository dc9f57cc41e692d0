"""Recorded errors with their intervals, a panel a task, beside a paper's numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes

from invbook.figures import BLACK, DASHES, MARKERS, SERIES
from invbook.numbers import power_of_ten

__all__ = ["Point", "points", "power_of_ten", "recorded_errors", "written"]

# T, the mean, and the ends of its interval where there is one.
Point = tuple[int, float, float | None, float | None]


def points(
    rows: Mapping[str, Mapping[str, Any]], task: str, method: str, counts: Sequence[int]
) -> list[Point]:
    """The points of one method on one task, of those T that are recorded.

    Args:
        rows: of the ledger, by id.
        task, method: as in the ids of the rows.
        counts: T.
    """
    found = [(count, rows.get(f"r_T/{task}/{method}/{count}")) for count in counts]
    return [
        (count, row["ours"], row["low"], row["high"])
        for count, row in found
        if row is not None and row["ours"] is not None
    ]


def written(found: Sequence[Point]) -> dict[int, str]:
    """T to the number with its interval, such as 6.5·10⁻⁵ (4.1·10⁻⁶ to 2.7·10⁻³), for tables."""
    return {
        count: power_of_ten(value)
        if low is None or high is None
        else f"{power_of_ten(value)} ({power_of_ten(low)} to {power_of_ten(high)})"
        for count, value, low, high in found
    }


def recorded_errors(
    axes: Sequence[Axes],
    series: Mapping[str, Mapping[str, Sequence[Point]]],
    titles: Mapping[str, str],
    *,
    paper: Mapping[str, Mapping[int, float]] | None = None,
) -> None:
    """r_T with intervals as bars over T, on logarithmic axes; bars stand side by side.

    Args:
        axes: one a task.
        series: method in words, to task, to its points; a method without points is left out.
        titles: task to the title of its panel, in the order of ``axes``.
        paper: task to T to the paper's value.
    """
    for ax, (task, title) in zip(axes, titles.items(), strict=True):
        for k, (name, of_task) in enumerate(series.items()):
            if of_task.get(task):
                _bars(ax, of_task[task], k, len(series), name)
        if paper:
            of_paper = paper[task]
            ax.plot(
                list(of_paper),
                list(of_paper.values()),
                "*",
                color=BLACK,
                markersize=10,
                label="the paper's NA",
            )
        ax.set(xscale="log", yscale="log", xlabel="guesses T", title=title)
        ticks = sorted({t for of_task in series.values() for t, *_ in of_task.get(task, ())})
        ax.set_xticks(ticks, [str(tick) for tick in ticks])
        ax.minorticks_off()
    axes[0].set_ylabel("$r_T$")


def _bars(ax: Axes, found: Sequence[Point], k: int, of: int, name: str) -> None:
    """One method: a mark a point, and a bar from end to end of its interval."""
    # side by side, so that no bar hides another
    shift = 1.12 ** (k - (of - 1) / 2)
    t = [count * shift for count, *_ in found]
    mean = [value for _, value, *_ in found]
    color = SERIES[k % len(SERIES)]
    for place, (_, value, low, high) in zip(t, found, strict=True):
        ends = (value if low is None else low, value if high is None else high)
        ax.plot([place, place], ends, color=color, linewidth=1.2)
    ax.plot(
        t,
        mean,
        linestyle=DASHES[k % len(DASHES)],
        marker=MARKERS[k % len(MARKERS)],
        color=color,
        linewidth=0.9,
        markersize=5,
        label=name,
    )
