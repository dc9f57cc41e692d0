"""Kuramoto–Sivashinsky: trajectories as pictures, and losses over the two parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.image import AxesImage
from torch import Tensor

from invbook.figures import BLUE, GREEN, ORANGE, RED
from invlab import runtime
from invlab.tasks import get_task

__all__ = [
    "along_beta",
    "cut",
    "gradients",
    "growth",
    "loss_map",
    "losses",
    "picture",
    "slopes",
    "valleys",
]

NAME = "kuramoto_sivashinsky"
DASHED = {"final": "--", "trajectory": "-"}
COLORS = {"final": ORANGE, "trajectory": GREEN}


def picture(ax: Axes, task: Any, x: Tensor, c: Tensor, title: str = "") -> AxesImage:
    """A trajectory: place to the right, time upwards, height of the wave in colour.

    Args:
        ax: where to draw.
        task: the Kuramoto–Sivashinsky task.
        x, c: parameters ``(2,)`` and first state ``(N,)`` of one problem.
        title: above it.
    """
    u = task.trajectory(x[None], c[None])[0].numpy()
    last = task.simulator.steps * 0.5
    ax.grid(visible=False)
    ax.set(title=title, xlabel="place")
    return ax.imshow(
        u,
        origin="lower",
        extent=(0, task.length, 0, last),
        aspect="auto",
        cmap="RdBu_r",
        vmin=-6,
        vmax=6,
    )


def losses(x: Tensor, truth: Tensor, c: Tensor, horizon: float) -> dict[str, Tensor]:
    """Losses of many parameters for one problem, of the last states and of the trajectories.

    Args:
        x: parameters to try, ``(K, 2)``.
        truth, c: of the problem, ``(2,)`` and ``(N,)``.
        horizon: last time.

    Returns:
        ``final`` and ``trajectory``, ``(K,)`` each: mean squared differences.
    """
    task = get_task(NAME, horizon=float(horizon))
    with torch.no_grad():
        off = task.simulate(x, c.expand(len(x), -1)) - task.simulate(truth[None], c[None])
    return {"final": off[:, -1].square().mean(1), "trajectory": off.square().mean((1, 2))}


def along_beta(
    beta: Tensor, truth: Tensor, c: Tensor, horizon: float
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Losses of one problem along β at its true α, and their slopes ∂L/∂β.

    Args:
        beta: values to try, ``(K,)``.
        truth, c: of the problem, ``(2,)`` and ``(N,)``.
        horizon: last time.

    Returns:
        Two times ``final`` and ``trajectory``, ``(K,)`` each.
    """
    beta = beta.clone().requires_grad_()
    task = get_task(NAME, horizon=float(horizon))
    x = torch.stack([truth[0].expand(len(beta)), beta], 1)
    off = task.simulate(x, c.expand(len(x), -1)) - task.simulate(truth[None], c[None])
    loss = {"final": off[:, -1].square().mean(1), "trajectory": off.square().mean((1, 2))}
    slope = {
        name: torch.autograd.grad(each.sum(), beta, retain_graph=True)[0]
        for name, each in loss.items()
    }
    return {name: each.detach() for name, each in loss.items()}, slope


def gradients(horizon: float, observe: str, n: int = 64, *, band: Sequence[float] = ()) -> Tensor:
    """Length of the gradient of the loss at a random guess, for ``n`` problems, ``(n,)``.

    Args:
        horizon: last time.
        observe: ``"final"`` or ``"trajectory"``.
        n: problems.
        band: least and largest size of the guesses' α; as the prior draws it if not given.
    """
    task = get_task(NAME, horizon=float(horizon), observe=observe)
    sample = task.targets(n, seed=0, dtype=torch.float64)
    guess = task.prior.sample(n, generator=runtime.generator(5)).double()
    if band:
        size = band[0] + (band[1] - band[0]) * guess[:, 0].abs()
        guess[:, 0] = guess[:, 0].sign() * size
    guess.requires_grad_()
    off = task.simulate(guess, sample.c.cpu()) - sample.y.cpu()
    (slope,) = torch.autograd.grad(off.square().flatten(1).mean(1).sum(), guess)
    return slope.norm(dim=1)


def growth(ax: Axes, horizons: Sequence[float], lengths: dict[str, Tensor]) -> None:
    """Median (solid) and largest (dashed) length of the gradient over the horizon.

    Args:
        ax: where to draw.
        horizons: K of them.
        lengths: name to ``(K, n)``.
    """
    for name, each in lengths.items():
        ax.semilogy(horizons, each.median(1).values, color=COLORS[name], label=name)
        ax.semilogy(horizons, each.amax(1), "--", color=COLORS[name])
    ax.set(xlabel="horizon T", ylabel="length of the gradient")
    ax.legend(fontsize=8)


def valleys(loss: Tensor) -> int:
    """Number of local minima along a line, its ends left out."""
    inner = loss[1:-1]
    return int(((inner < loss[:-2]) & (inner < loss[2:])).sum())


def cut(ax: Axes, line: Tensor, loss: dict[str, Tensor], truth: float, found: float) -> None:
    """Losses along a line, the truth dotted, and where a search ended.

    Args:
        ax: where to draw.
        line: values of one unknown, ``(K,)``.
        loss: name to ``(K,)``.
        truth, found: values of that unknown.
    """
    for name, values in loss.items():
        ax.plot(line, values, DASHED[name], color=COLORS[name], label=name)
    ax.axvline(truth, color=BLUE, linestyle=":", label="truth")
    ax.axvline(found, color=RED, linestyle="-.", label="BFGS ended")
    ax.set(ylabel="loss")
    ax.legend(fontsize=8)


def slopes(ax: Axes, line: Tensor, slope: dict[str, Tensor], truth: float) -> None:
    """Slopes of losses along a line, and the truth, dotted.

    Args:
        ax: where to draw.
        line: values of one unknown, ``(K,)``.
        slope: name to ``(K,)``.
        truth: value of that unknown.
    """
    for name, values in slope.items():
        ax.plot(line, values, DASHED[name], color=COLORS[name])
    ax.axhline(0, color="0.6", linewidth=0.8)
    ax.axvline(truth, color=BLUE, linestyle=":")


def loss_map(ax: Axes, alpha: Tensor, beta: Tensor, loss: Tensor, limit: float) -> QuadMesh:
    """A loss over both parameters; dark is low.

    Args:
        ax: where to draw.
        alpha, beta: ``(A,)`` and ``(B,)``.
        loss: ``(A·B,)``, as over ``torch.cartesian_prod(alpha, beta)``.
        limit: largest loss that the colours tell apart.
    """
    ax.grid(visible=False)
    height = loss.reshape(len(alpha), len(beta)).T.numpy()
    return ax.pcolormesh(alpha.numpy(), beta.numpy(), height, vmin=0, vmax=limit, rasterized=True)
