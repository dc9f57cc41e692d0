"""Part III side by side: what was solved at what cost, and what restarts reach in that time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from invbook.figures.joint import (
    NAMES,
    STYLES,
    Recorded,
    each_record,
    paper_shares,
)
from invbook.figures.searches import share_bars
from invbook.papers.joint_optimization.published import AS_PUBLISHED

__all__ = [
    "AS_IN_THE_PAPER",
    "IN_SAMPLES",
    "MANY",
    "TITLES",
    "at_equal_time",
    "bar_names",
    "cost",
    "counted_twice",
    "many_unknowns",
    "packets",
    "restart_curves",
    "reached",
    "within",
]

TITLES = {
    "wave_packet": "wave packet",
    "billiards": "billiards",
    "kuramoto_sivashinsky": "Kuramoto–Sivashinsky",
    "navier_stokes": "Navier–Stokes",
}
# Problems solved together in the ledger's rows.
COUNTS = dict.fromkeys(TITLES, 64) | {"navier_stokes": 32}
# The paper's numbers of the wave packet come out in a unit of 75 samples; searches are better in
# a unit of one.
AS_IN_THE_PAPER = {
    system: Recorded(system, n, 75.0 if system == "wave_packet" else 1.0)
    for system, n in COUNTS.items()
}
IN_SAMPLES = {system: Recorded(system, n) for system, n in COUNTS.items()}
WORDS = ("better", "equal")
# The paper's Table 2 has no such rows.
NOT_PRINTED = ("joint", "draw", "bfgs_batched")
POINTS = ("bfgs", "joint", "direct", "neural_adjoint", "exchange", "draw")
# Searches for signals of many packets.
MANY = {
    "bfgs": "BFGS",
    "joint": "joint",
    "envelope": "joint on the envelope",
    "envelope_bfgs": "envelope, BFGS alone",
    "direct": "supervised",
    "multistart": "restarts",
    "hop": "hops of one packet",
}


def restart_curves(recorded: Recorded) -> list[dict[str, list[float]]]:
    """What restarts have ``solved`` (%) at what ``cpu`` (s), one curve a seed."""
    return [curve["multistart"] for curve in recorded.curves() if "multistart" in curve]


def within(curve: Mapping[str, Sequence[float]], budget: float) -> float:
    """What restarts had solved when a time was spent, at least the first entry."""
    done = [k for k, cpu in enumerate(curve["cpu"]) if cpu <= budget]
    return curve["solved"][done[-1] if done else 0]


def at_equal_time(recorded: Recorded) -> list[float]:
    """Per cent that restarts solve in the time of the joint search, one number a seed."""
    noted = recorded.each("multistart_equal", "solved")
    budgets = recorded.each("joint", "cpu")
    curves = restart_curves(recorded)
    return noted or [within(curve, budget) for curve, budget in zip(curves, budgets, strict=False)]


def cost(ax: Axes, recorded: Recorded, title: str) -> None:
    """Problems solved over the CPU time: restarts as they go on, and a point a method."""
    for k, curve in enumerate(restart_curves(recorded)):
        ax.plot(
            curve["cpu"],
            curve["solved"],
            drawstyle="steps-post",
            color=STYLES["multistart"].color,
            linewidth=0.8,
            label=None if k else NAMES["multistart"],
        )
    for method in POINTS:
        cpu, solved = (recorded.mean(method, quantity) for quantity in ("cpu", "solved"))
        style = STYLES[method]
        if not np.isnan(cpu + solved):
            look: dict[str, Any] = {"marker": style.marker, "linestyle": "none", "markersize": 8}
            ax.plot(cpu, solved, color=style.color, label=NAMES[method], clip_on=False, **look)
    ax.set(title=title, xscale="log", ylim=(-3, 103))


def counted_twice(ax: Axes, recorded: Recorded, title: str) -> None:
    """The paper's Table 2 as bars: its own, ours without a tolerance and with one.

    Its joint search stands beside ours that is made its way. What ours does beyond that, and rows
    in which nothing is learned, follow below.
    """
    rows = {}
    for method, name in bar_names(recorded.system).items():
        labels = [name, f"{name}, tolerance"]
        if method not in NOT_PRINTED:
            rows[f"{name}: paper"] = paper_shares(recorded.system, method)
            labels = [f"{name}: ours", f"{name}: ours, tolerance"]
        for label, how in zip(labels, ("_exact", ""), strict=True):
            better, equal = (recorded.over_n(method, f"{share}{how}") for share in WORDS)
            rows[label] = better, equal
    share_bars(ax, rows)
    ax.set_title(title)


def bar_names(system: str) -> dict[str, str]:
    """Methods of :func:`counted_twice`, in order, and their short names."""
    way = AS_PUBLISHED[system]
    beyond = "three networks" if way == "joint_single" else "joint, best step"
    names = {way: NAMES["joint"], "direct": NAMES["direct"]}
    names |= {"neural_adjoint": NAMES["neural_adjoint"], "joint": beyond}
    return names | {"draw": NAMES["draw"], "bfgs_batched": NAMES["bfgs_batched"]}


def packets(count: int, method: str, quantity: str) -> list[float]:
    """A number of the signals with ``count`` packets, one a seed."""
    return each_record(f"many_unknowns/packets{count}", f"{method}/{quantity}")


def many_unknowns(ax: Axes, counts: Sequence[int]) -> None:
    """Per cent of signals whose packets are all right, over the number of unknowns."""
    for method, label in MANY.items():
        solved = {4 * m: packets(m, method, "solved") for m in counts}
        mean = {unknowns: np.mean(each) for unknowns, each in solved.items() if each}
        style = STYLES[method]
        look = {"color": style.color, "linestyle": style.dash, "marker": style.marker}
        if mean:
            ax.plot(list(mean), list(mean.values()), label=label, **look)
    ax.set(xlabel="unknowns a signal", ylabel="signals solved (%)", ylim=(-3, 103))
    ax.set_xticks([4 * m for m in counts])
    if ax.get_legend_handles_labels()[0]:
        ax.legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))


def reached(ax: Axes, solved: Sequence[float], chance: float) -> None:
    """Share solved after 1, 2, ... starts, and what one chance for all problems would give."""
    count = np.arange(1, len(solved) + 1)
    ax.plot(count, solved, color=STYLES["multistart"].color, label="restarts")
    expected = 1 - (1 - chance) ** count
    ax.plot(count, expected, "--", color="0.4", label="$1 - (1 - p)^K$")
    ax.set(xlabel="starts K", ylabel="share solved", ylim=(0, 1.03))
    ax.legend(fontsize=8)
