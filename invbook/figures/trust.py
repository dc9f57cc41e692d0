"""Figures about trust: a bound beside the true error, strange measurements, calibration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from matplotlib.axes import Axes
from torch import Tensor

from invbook import drug
from invbook.figures import BLACK, BLUE, DASHES, RED, own_problem
from invlab import runtime
from invlab.trust.coverage import CoverageCurve

__all__ = ["against_bound", "calibration", "coverage", "p_values", "three_doubts", "tubes"]

ENDS = (0.05, 3.0)
# Patients that an inexact answer is looked up among.
FEW = 25
STYLES = ((BLUE, DASHES[0]), (RED, DASHES[1]))


def three_doubts(axes: Sequence[Axes]) -> None:
    """Three ways in which an answer for the drug can mislead: not exact, not possible, not alone.

    Args:
        axes: three of them.
    """
    patients = drug.drug().sample(20_000, generator=runtime.generator(0), dtype=torch.float64)
    patient = torch.tensor([drug.PATIENT], dtype=torch.float64, device=patients.y.device)
    wrong = own_problem.exchange(patient)
    near = torch.cdist(patient, patients.y[:FEW]).argmin(1)
    nearest = torch.cdist(wrong, patients.y).argmin(1)
    for ax, y, x, title in zip(
        axes,
        (patient, wrong),
        (patients.x[near], patients.x[nearest]),
        ("is the answer near enough?", "can this be measured at all?"),
        strict=False,
    ):
        own_problem.measurements(ax, y[0])
        own_problem.curves(ax, x, labels=["answer"])
        ax.set_title(title, fontsize=10)
    own_problem.rates(axes[2], drug.Posterior().propose(patient, 300)[0])
    axes[2].set_title("which of them is the patient?", fontsize=10)
    axes[1].set(ylabel="")
    axes[0].legend(fontsize=8)


def against_bound(ax: Axes, bound: Tensor, error: Tensor) -> None:
    """Root of the true error over the root of its bound; crosses lie above the bound.

    Args:
        ax: where to draw.
        bound, error: ``(B,)``, in (mg/L)².
    """
    bound, error = bound.sqrt().cpu(), error.sqrt().cpu()
    good = error <= bound
    ax.loglog(bound[good], error[good], "o", color=BLUE, markersize=2)
    ax.loglog(bound[~good], error[~good], "x", color=RED, markersize=4)
    ax.plot(ENDS, ENDS, color="0.5", linewidth=1)
    ax.set(xlabel="bound (mg/L)", xlim=ENDS, ylim=ENDS)


def tubes(ax: Axes, measured: Tensor, wrong: Tensor, nearest: Tensor) -> None:
    """A patient as measured, what was exchanged, and the nearest that the simulator can make.

    Args:
        ax: where to draw.
        measured, wrong, nearest: ten concentrations each.
    """
    measured, wrong, nearest = measured.cpu(), wrong.cpu(), nearest.cpu()
    moved = (measured != wrong).nonzero()[:, 0].tolist()
    ax.plot(drug.TIMES, measured, "o", color=BLACK, label="as measured")
    ax.plot([drug.TIMES[k] for k in moved], wrong[moved], "X", color=RED, label="exchanged")
    ax.plot(drug.TIMES, nearest, color=BLUE, label="nearest reachable")
    ax.set(xlabel="hours", ylabel="mg/L", ylim=(0, 3))
    ax.legend(fontsize=8)


def p_values(ax: Axes, right: Tensor, wrong: Tensor) -> None:
    """Histograms of the p-values of measurements and of faulty ones.

    Args:
        ax: where to draw.
        right, wrong: ``(B,)``, between 0 and 1.
    """
    bins = torch.linspace(0, 1, 21).tolist()
    ax.hist(right.cpu(), bins, color=BLUE, alpha=0.6, label="new patients")
    ax.hist(wrong.cpu(), bins, histtype="step", color=RED, label="tubes exchanged")
    ax.set(xlabel="p-value", ylabel="patients")
    ax.legend(fontsize=8)


def coverage(levels: Tensor, denser: Tensor) -> Tensor:
    """Share of targets whose truth lies in the region of each level.

    Args:
        levels: ``(L,)``.
        denser: of each target, the level of the smallest region that holds the truth, ``(B,)``.
    """
    return (denser.cpu()[None] <= levels.cpu()[:, None]).double().mean(1)


def calibration(
    axes: Sequence[Axes],
    ranks: Mapping[str, Tensor],
    denser: Mapping[str, Tensor],
    tests: Mapping[str, CoverageCurve],
    *,
    most: int,
) -> None:
    """Three tests of a few posteriors: ranks, regions of high density, random balls.

    Args:
        axes: three of them.
        ranks: of the truth among draws in one unknown, by posterior, ``(B,)``.
        denser: levels of the regions that hold the truth, by posterior, ``(B,)``.
        tests: TARP, by posterior.
        most: the largest rank.
    """
    one, two, three = axes
    first = next(iter(tests.values()))
    for ax, title in ((two, "expected coverage"), (three, "TARP")):
        ax.fill_between(first.level, first.low, first.high, color="0.85")
        ax.plot([0, 1], [0, 1], color="0.5", linewidth=0.8)
        ax.set(xlabel="level", aspect="equal", xlim=(0, 1), ylim=(0, 1))
        ax.set_title(title, fontsize=10)
    bins = torch.linspace(0, most + 1, 11).tolist()
    for (name, test), (color, dash) in zip(tests.items(), STYLES, strict=False):
        style: dict[str, Any] = {"histtype": "step", "color": color, "linestyle": dash}
        one.hist(ranks[name].cpu(), bins, label=name, **style)
        two.plot(test.level, coverage(test.level, denser[name]), linestyle=dash, color=color)
        three.plot(test.level, test.coverage[0], linestyle=dash, color=color)
    one.set(xlabel="rank", ylabel="patients")
    one.legend(fontsize=8)
