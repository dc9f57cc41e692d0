"""One function for each figure that recurs; each draws on the axes it is given.

Colours are those of Okabe and Ito, told apart by colour-blind readers, and every series also
differs by marker or line style. Figures have a white ground, in the light and the dark theme.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.transforms import ScaledTranslation
from torch import Tensor

from invlab.losses import Norm

__all__ = [
    "BLACK",
    "BLUE",
    "GREEN",
    "LABEL",
    "ORANGE",
    "PURPLE",
    "RED",
    "SKY",
    "answers",
    "arms",
    "decision_chart",
    "error_curves",
    "forward_fit",
    "guess_losses",
    "legend_above",
    "legend_below",
    "loss_map",
    "loss_terms",
    "resimulated",
    "rings",
    "throws",
    "use_style",
]

BLACK, BLUE, ORANGE, GREEN = "#000000", "#0072B2", "#E69F00", "#009E73"
RED, PURPLE, SKY = "#D55E00", "#CC79A7", "#56B4E9"
SERIES = (GREEN, ORANGE, PURPLE, SKY, RED, BLUE)
MARKERS = ("o", "s", "^", "D", "v", "P")
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1)), (0, (3, 3)))

# What figures and tables call the methods.
LABEL = {
    "direct": "direct network",
    "tandem": "tandem",
    "tandem_plain": "tandem, no boundary loss",
    "mixture_density": "mixture density",
    "cvae": "cVAE",
    "inn": "INN",
    "cinn": "cINN",
    "flow_matching": "flow matching",
    "spline_flow": "spline flow",
    "neural_adjoint": "neural adjoint",
    "neural_adjoint_adam": "neural adjoint, as published",
    "joint": "joint optimisation",
    "lm": "Levenberg–Marquardt",
    "bfgs": "BFGS",
    "differential_evolution": "differential evolution",
    "pool": "pool",
    "nearest": "look-up",
    "prior": "prior",
    "exact": "exact draws",
    "floor": "noise floor",
}

Array = Tensor | np.ndarray | Sequence[float]


def use_style() -> None:
    """Set the book's figure style for this session."""
    plt.rcParams.update(
        {
            "figure.figsize": (7.0, 3.2),
            "figure.dpi": 100,
            "figure.constrained_layout.use": True,
            "figure.facecolor": "white",
            "savefig.facecolor": "white",
            "axes.facecolor": "white",
            "axes.grid": True,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "grid.alpha": 0.25,
            "font.size": 10,
            "legend.framealpha": 0.85,
            "legend.edgecolor": "none",
            "lines.linewidth": 1.6,
        }
    )


def legend_above(ax: Axes, columns: int = 3) -> None:
    """The legend of one panel, over it and its title, where it hides nothing."""
    points = 20 if ax.get_title() else 2
    higher = ScaledTranslation(0, points / 72, ax.figure.dpi_scale_trans)
    ax.legend(
        fontsize=8,
        ncols=columns,
        loc="lower center",
        bbox_to_anchor=(0.5, 1),
        bbox_transform=ax.transAxes + higher,
        borderaxespad=0,
    )


def legend_below(figure: Figure, columns: int = 4) -> None:
    """One legend for all panels, below them, each label once."""
    found: dict[str, Any] = {}
    for ax in figure.axes:
        handles, labels = ax.get_legend_handles_labels()
        found |= dict(zip(labels, handles, strict=True))
    figure.legend(
        found.values(), found.keys(), fontsize=9, loc="outside lower center", ncols=columns
    )


def answers(ax: Axes, y: Array, x_hat: Array, *, labels: Sequence[str] = ()) -> None:
    """Answers x̂ over targets y, with both exact branches of y = x² behind them.

    Args:
        ax: where to draw.
        y: ``(B,)``.
        x_hat: ``(B,)``, or ``(K, B)`` for several seeds.
        labels: legend entries, one a row of ``x_hat``.
    """
    y, x_hat = _array(y), np.atleast_2d(_array(x_hat))
    dense = np.linspace(0, y.max(), 400)
    ax.plot(dense, np.sqrt(dense), color=BLUE, label="exact, ±√y")
    ax.plot(dense, -np.sqrt(dense), color=BLUE)
    for k, row in enumerate(x_hat):
        # every seed shows its own targets, so that none hides the others
        shown = slice(k, None, len(x_hat))
        ax.plot(
            y[shown],
            row[shown],
            MARKERS[k % 5],
            color=SERIES[k % 5],
            markersize=3.5,
            label=labels[k] if k < len(labels) else None,
        )
    ax.set(xlabel="target y", ylabel="answer x̂")


def resimulated(ax: Axes, y: Array, effect: Array, *, label: str = "f(x̂)") -> None:
    """What the answers cause over what was asked for; right answers lie on the diagonal.

    Args:
        ax: where to draw.
        y, effect: ``(B,)`` in the same unit.
        label: legend entry.
    """
    y, effect = _array(y), _array(effect)
    ends = [y.min(), y.max()]
    ax.plot(ends, ends, color=BLUE, label="exact")
    ax.plot(y, effect, "o", color=GREEN, markersize=3.5, label=label)
    ax.set(xlabel="target y", ylabel="re-simulated y")


def forward_fit(
    ax: Axes, x: Array, f_hat: Array, *, points: tuple[Array, Array] | None = None
) -> None:
    """Surrogates over x beside the true square, with the points they were trained on.

    Args:
        ax: where to draw.
        x: ``(N,)``.
        f_hat: ``(N,)`` or ``(K, N)`` for several seeds.
        points: x and y of the training points.
    """
    x, f_hat = _array(x), np.atleast_2d(_array(f_hat))
    ax.plot(x, x**2, color=BLUE, label="exact, x²")
    for k, row in enumerate(f_hat):
        ax.plot(
            x,
            row,
            linestyle=DASHES[k % 5],
            color=SERIES[k % 5],
            linewidth=1.2,
            label="surrogate f̂" if k == 0 else None,
        )
    if points is not None:
        ax.plot(
            *map(_array, points),
            "o",
            color=RED,
            markersize=7,
            zorder=3,
            label="training points",
        )
    ax.set(xlabel="x", ylabel="y")


def loss_terms(
    ax: Axes,
    terms: Mapping[str, Array],
    *,
    names: Mapping[str, str] | None = None,
    total: bool = True,
) -> None:
    """Each term of a loss over the epochs, on a logarithmic axis.

    Args:
        ax: where to draw.
        terms: term to ``(epochs,)`` or ``(epochs, K)``; the median over K is drawn.
        names: what the legend calls them.
        total: whether the sum is drawn too.
    """
    curves = {
        name: _array(values).reshape(len(_array(values)), -1) for name, values in terms.items()
    }
    if total:
        curves["total"] = np.sum(list(curves.values()), axis=0)
    for k, (name, values) in enumerate(curves.items()):
        last = total and k == len(curves) - 1
        ax.semilogy(
            np.median(values, axis=1),
            linestyle=DASHES[k % 5],
            color=BLACK if last else SERIES[k % 5],
            label=(names or {}).get(name, name),
        )
    ax.set(xlabel="epoch", ylabel="loss (scaled units)")
    ax.legend(fontsize=8, loc="upper right")


def guess_losses(axes: Sequence[Axes], y: float, *, share: float = 0.5) -> None:
    """Both norms' loss for one target y of y = x² as a function of the guess, and its minimisers.

    Args:
        axes: two, for l1 and l2.
        y: the target.
        share: share of the data on the branch +√y.
    """
    root = y**0.5
    guess = np.linspace(-40, 40, 801)
    norms: tuple[Norm, Norm] = ("l1", "l2")
    for ax, norm in zip(axes, norms, strict=True):
        loss = _pair_loss(guess, root, share, norm)
        ax.plot(guess, loss, color=BLACK, label=f"{norm} loss")
        for place in {-root, root}:
            ax.axvline(place, color=BLUE, linestyle="--", linewidth=1)
        ax.plot(
            [-root, root],
            _pair_loss(np.array([-root, root]), root, share, norm),
            "o",
            color=BLUE,
            label="answers ±√y",
        )
        best = guess[loss <= loss.min() + 1e-9 * max(1.0, loss.max())]
        low, high = (-root, root) if norm == "l1" and share == 0.5 else (best.min(), best.max())
        bottom = float(_pair_loss(np.array([(low + high) / 2]), root, share, norm)[0])
        ax.plot(
            [low, high],
            [bottom, bottom],
            color=RED,
            linewidth=4,
            marker="D",
            markersize=6,
            label="minimisers",
        )
        ax.set(xlabel="guess I(y)", ylabel="mean loss", title=f"{norm}, y = {y:.0f}")
        ax.set_ylim(0, 45 if norm == "l1" else 2400)
        ax.legend(loc="upper center", fontsize=8)


def throws(ax: Axes, paths: Array) -> None:
    """Thrown balls: how they fly, where they start and where they land.

    Args:
        ax: where to draw.
        paths: ``(K, points, 2)``, (distance, height), from the throw to the impact.
    """
    ax.axhline(0, color=BLACK, linewidth=1)
    for k, path in enumerate(_array(paths)):
        color = SERIES[k % 5]
        ax.plot(*path.T, linestyle=DASHES[k % 5], color=color, linewidth=1.2)
        ax.plot(*path[0], MARKERS[k % 5], color=color, markersize=5)
        ax.plot(*path[-1], "X", color=RED, markersize=7, zorder=3, clip_on=False)
    ax.set(xlabel="distance (m)", ylabel="height (m)")


def arms(ax: Axes, joints: Array, *, labels: Sequence[str] = ()) -> None:
    """Poses of the robot arm: slider, links and joints, and the tip.

    Args:
        ax: where to draw.
        joints: ``(K, 5, 2)``, as :meth:`invlab.tasks.robot_arm.RobotArm.joints` gives them.
        labels: legend entries, one a pose.
    """
    poses = _array(joints)
    low, high = poses[:, :, 1].min() - 0.1, poses[:, :, 1].max() + 0.1
    ax.plot([0, 0], [low, high], color=BLACK, linewidth=4, alpha=0.25, solid_capstyle="butt")
    for k, pose in enumerate(poses):
        ax.plot(
            *pose[1:].T,
            linestyle=DASHES[k % 5],
            marker=MARKERS[k % 5],
            color=SERIES[k % 5],
            markersize=4,
            label=labels[k] if k < len(labels) else None,
        )
        ax.plot(*pose[-1], "X", color=RED, markersize=9, zorder=3)
    ax.set(xlabel="horizontal (m)", ylabel="vertical (m)", aspect="equal")


def rings(ax: Axes, y: float, guesses: Array | None = None) -> None:
    """The sine task: hills light, hollows dark, the exact answers for one y, and guesses on top.

    Args:
        ax: where to draw.
        y: the target; at ±2 the answers are single points and not drawn.
        guesses: ``(N, 2)``.
    """
    axis = np.linspace(-1, 1, 241)
    height = np.sin(3 * np.pi * axis)[None, :] + np.cos(3 * np.pi * axis)[:, None]
    ax.pcolormesh(axis, axis, height, cmap="gray", vmin=-4, rasterized=True)
    if height.min() < y < height.max():
        ax.contour(axis, axis, height, levels=[y], colors=BLUE, linestyles="solid")
    if guesses is not None:
        ax.plot(*_array(guesses).T, "o", color=RED, markersize=3)
    ax.set(xlabel="x₁", ylabel="x₂", aspect="equal", xlim=(-1, 1), ylim=(-1, 1))
    ax.grid(visible=False)


def loss_map(
    ax: Axes, a: Array, b: Array, error: Array, *, limits: tuple[float, float] = (1e-4, 10.0)
) -> QuadMesh:
    """Re-simulation error over two unknowns, on a logarithmic scale; dark is better.

    Args:
        ax: where to draw.
        a, b: the unknowns along the axes, ``(A,)`` and ``(B,)``.
        error: ``(A, B)``; white where it is infinite.
        limits: smallest and largest error that the colours tell apart.

    Returns:
        What a colour bar needs.
    """
    shown = np.ma.masked_invalid(_array(error).T).clip(*limits)
    ax.grid(visible=False)
    return ax.pcolormesh(_array(a), _array(b), shown, norm=LogNorm(*limits), rasterized=True)


def error_curves(
    ax: Axes,
    curves: Mapping[str, Array],
    *,
    paper: Mapping[int, float] | None = None,
) -> None:
    """r_T over T on logarithmic axes, a line a method.

    Args:
        ax: where to draw.
        curves: method to ``(T,)``, for T = 1, 2, ...; a gap where it is infinite.
        paper: a paper's values, T to r_T.
    """
    for k, (name, values) in enumerate(curves.items()):
        r = _array(values)
        r = np.where(np.isfinite(r), r, np.nan)
        count = np.arange(1, len(r) + 1)
        marked = sorted({min(int(v), len(r)) - 1 for v in np.geomspace(1, len(r), 6)})
        ax.loglog(
            count,
            r,
            linestyle=DASHES[k % 5],
            marker=MARKERS[k % 5],
            markevery=marked,
            markersize=4,
            color=SERIES[k % 5],
            label=name,
        )
    if paper:
        ax.loglog(
            list(paper),
            list(paper.values()),
            "*",
            color=BLACK,
            markersize=9,
            linestyle="none",
            label="the paper's NA",
        )
    ax.set(xlabel="guesses T", ylabel="$r_T$")


def decision_chart(ax: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    """What somebody has, and the method to take for it, a line a question; best on tall axes.

    Args:
        ax: where to draw.
        rows: as :func:`invbook.papers.advice.decisions` gives them, with ``have``, ``method``,
            ``also``, ``regret`` and ``cases``. Lines with one method share a colour and a dash.

    Raises:
        ValueError: no rows.
    """
    if not rows:
        raise ValueError("decision_chart: expected rows, got none; record the study first")
    methods = list(dict.fromkeys(row["method"] for row in rows))
    box = {"boxstyle": "round,pad=0.4", "facecolor": "white", "linewidth": 1.6}
    for k, row in enumerate(rows):
        style = methods.index(row["method"])
        color, dash = SERIES[style % 5], DASHES[style % 5]
        ax.annotate(
            "",
            (0.56, -k),
            (0.46, -k),
            arrowprops={"arrowstyle": "-|>", "color": color, "linestyle": dash, "linewidth": 2},
        )
        own = box | {"edgecolor": color, "linestyle": dash}
        ax.text(0.45, -k, row["have"], ha="right", va="center", bbox=own, fontsize=9)
        names = " or ".join([row["method"], *row["also"]]).replace("_", " ")
        ax.text(0.57, -k, names, va="center", weight="bold", bbox=own, fontsize=9)
        simulators = "only one simulator" if row["cases"] == 1 else f"{row['cases']} simulators"
        behind = f"{row['regret']:.2g} × the best, {simulators}"
        ax.text(0.57, -k - 0.42, behind, va="center", fontsize=7)
    ax.set(xlim=(0, 1), ylim=(-len(rows) + 0.3, 0.9))
    ax.text(0.45, 0.65, "What do you have?", ha="right", weight="bold")
    ax.text(0.57, 0.65, "Take", weight="bold")
    ax.axis("off")


def _pair_loss(guess: np.ndarray, root: float, share: float, norm: Norm) -> np.ndarray:
    power = 1 if norm == "l1" else 2
    return share * np.abs(guess - root) ** power + (1 - share) * np.abs(guess + root) ** power


def _array(values: Any) -> np.ndarray:
    if not isinstance(values, Tensor):
        return np.asarray(values)
    values = values.detach().cpu()
    # NumPy knows no bfloat16
    return (values.float() if values.dtype == torch.bfloat16 else values).numpy()
