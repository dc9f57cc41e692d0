"""Speed of the batched BFGS beside a loop over SciPy's, on 256 billiard shots.

A cue ball at a known place has to push a second ball so that it comes to rest on a target. The
unknown is the cue ball's velocity, two numbers. Both balls roll against a drag proportional to
their speed, and the impact loses energy, so the rest point has a closed form. Each shot starts
straight at the second ball with speed 1.5, so that every row begins with a hit. (With
``--start level`` each goes along the table instead, where seven in ten miss: these have no gradient
and end after one evaluation, which leaves less to gain.)

Both sides minimise the same torch function with autograd gradients in float64 to SciPy's default
tolerance, on one thread. The peer is a plain loop over ``scipy.optimize.minimize(method="BFGS",
jac=True)``, one row at a time. A second peer does without torch: the formulas and their hand-made
gradient in scalar Python, which is as fast as a loop over SciPy gets.

Before the last line it prints what :mod:`minimize_rivals` measures: the batched minimisers beside
``optimistix``, ``jaxopt``, ``optax`` and a loop around ``torch.optim.Adam``. ``--no-rivals`` leaves
that out.

    python benchmarks/minimize.py [--rows 256] [--repeats 20] [--seed 0] [--start aim] [--no-rivals]
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from clock import cpu_seconds
from minimize_rivals import beside_rivals
from record import keep_record
from scipy import optimize
from torch import Tensor

from invlab.minimizers import Solution, minimize
from invlab.runtime import generator

RADIUS, RESTITUTION, DRAG = 0.05, 0.8, 1.0
SPEED = 1.5
# Two minima are the same when values or points agree to this; a shot that misses scores above 0.1.
VALUE_TOLERANCE, POINT_TOLERANCE = 1e-8, 1e-4

ValueAndGradient = Callable[[np.ndarray], tuple[float, np.ndarray]]


class Shots(NamedTuple):
    """Positions in metres, ``(n, 2)`` each, float64."""

    cue: Tensor
    ball: Tensor
    target: Tensor

    def take(self, rows: Tensor) -> Shots:
        return Shots(*(part[rows] for part in self))


def draw(n: int, seed: int) -> Shots:
    rng = generator(seed, "billiard shots")
    unit = torch.rand(n, 6, generator=rng, dtype=torch.float64)
    low = torch.tensor([-0.8, -0.3, 0.0, -0.3, 0.8, -0.3], dtype=torch.float64)
    high = torch.tensor([-0.6, 0.3, 0.2, 0.3, 1.2, 0.3], dtype=torch.float64)
    return Shots(*(low + unit * (high - low)).split(2, dim=1))


def start(shots: Shots, level: bool) -> Tensor:
    line = shots.ball - shots.cue
    if level:
        line = torch.stack((torch.ones_like(line[:, 0]), torch.zeros_like(line[:, 1])), 1)
    return SPEED * line / line.norm(dim=1, keepdim=True)


def miss_distance(velocity: Tensor, shots: Shots) -> Tensor:
    """Squared distance between rest point and target, ``(n, 2)`` to ``(n,)``, in square metres."""
    gap = shots.ball - shots.cue
    speed = velocity.norm(dim=1)
    heading = velocity / speed[:, None]
    along = (gap * heading).sum(1)
    depth = 4 * RADIUS**2 - (gap.square().sum(1) - along.square())
    run = along - torch.where(depth > 0, depth, 1.0).sqrt()
    hit = (depth > 0) & (along > 0) & (speed > DRAG * run)
    normal = (gap - run[:, None] * heading) / (2 * RADIUS)
    pushed = (1 + RESTITUTION) / 2 * (speed - DRAG * run) * (heading * normal).sum(1)
    rest = shots.ball + torch.where(hit, pushed / DRAG, 0.0)[:, None] * normal
    rest = torch.where(hit[:, None], rest, shots.ball)
    return (rest - shots.target).square().sum(1)


def batched(shots: Shots, x0: Tensor) -> Solution:
    return minimize(lambda v, rows: miss_distance(v, shots.take(rows)), x0)


def torch_row(shot: Shots) -> ValueAndGradient:
    def value_and_gradient(v: np.ndarray) -> tuple[float, np.ndarray]:
        leaf = torch.from_numpy(v)[None].requires_grad_()
        value = miss_distance(leaf, shot)
        (gradient,) = torch.autograd.grad(value, leaf, torch.ones_like(value))
        return value.item(), gradient[0].numpy()

    return value_and_gradient


def scalar_row(shot: Shots) -> ValueAndGradient:
    (cx, cy), (bx, by), (tx, ty) = (part[0].tolist() for part in shot)
    dx, dy = bx - cx, by - cy
    gain = (1 + RESTITUTION) / 2 / DRAG

    def value_and_gradient(v: np.ndarray) -> tuple[float, np.ndarray]:
        vx, vy = v.tolist()
        speed = math.hypot(vx, vy)
        ux, uy = vx / speed, vy / speed
        along, across = dx * ux + dy * uy, dy * ux - dx * uy
        depth = 4 * RADIUS**2 - across * across
        root = math.sqrt(depth) if depth > 0 else 0.0
        run = along - root
        if depth <= 0 or along <= 0 or speed <= DRAG * run:
            return (bx - tx) ** 2 + (by - ty) ** 2, np.zeros(2)
        nx, ny = (dx - run * ux) / (2 * RADIUS), (dy - run * uy) / (2 * RADIUS)
        left, cosine = speed - DRAG * run, root / (2 * RADIUS)
        length = gain * left * cosine
        ex, ey = bx + length * nx - tx, by + length * ny - ty
        # along the heading only the speed changes; across it, by an angle, all the rest
        turn_run = across - across * along / root
        turn_nx = (-turn_run * ux + run * uy) / (2 * RADIUS)
        turn_ny = (-turn_run * uy - run * ux) / (2 * RADIUS)
        turn_length = gain * (
            -DRAG * turn_run * cosine + left * across * along / root / (2 * RADIUS)
        )
        faster = 2 * gain * cosine * (ex * nx + ey * ny)
        turned = 2 * (
            ex * (turn_length * nx + length * turn_nx) + ey * (turn_length * ny + length * turn_ny)
        )
        turned /= speed
        gradient = np.array([faster * ux - turned * uy, faster * uy + turned * ux])
        return ex * ex + ey * ey, gradient

    return value_and_gradient


def loop(
    shots: Shots, x0: Tensor, row: Callable[[Shots], ValueAndGradient]
) -> tuple[np.ndarray, np.ndarray, float]:
    """Minimum points ``(n, 2)``, values ``(n,)`` and the mean number of evaluations."""
    points, values, evaluations = [], [], 0
    for i, v0 in enumerate(x0.numpy()):
        shot = Shots(*(part[i : i + 1] for part in shots))
        found = optimize.minimize(row(shot), v0, jac=True, method="BFGS")
        points.append(found.x)
        values.append(found.fun)
        evaluations += found.nfev
    return np.array(points), np.array(values), evaluations / len(points)


def same(solution: Solution, points: np.ndarray, values: np.ndarray) -> float:
    """Share of rows with the same minimum: point and value agree."""
    value_agrees = np.abs(solution.fun.numpy() - values) < VALUE_TOLERANCE
    point_agrees = np.abs(solution.x.numpy() - points).max(1) < POINT_TOLERANCE
    return float((value_agrees & point_agrees).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=256)
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--start", choices=("aim", "level"), default="aim")
    parser.add_argument("--no-rivals", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    shots = draw(options.rows, options.seed)
    x0 = start(shots, options.start == "level")
    solution = batched(shots, x0)  # also warms up both sides' imports
    points, values, evaluations = loop(shots, x0, torch_row)
    plain_points, plain_values, _ = loop(shots, x0, scalar_row)
    ours = cpu_seconds(lambda: batched(shots, x0), options.repeats)
    # the loops take seconds: a few repeats are steady enough
    peer = cpu_seconds(lambda: loop(shots, x0, torch_row), min(options.repeats, 3))
    plain = cpu_seconds(lambda: loop(shots, x0, scalar_row), min(options.repeats, 5))
    print(f"{options.rows} shots, start {options.start!r} at speed {SPEED}: {solution!r}")
    print(
        f"evaluations a row: ours {solution.nfev.double().mean():.1f} (at most "
        f"{int(solution.nfev.max())}), SciPy {evaluations:.1f}"
    )
    print(
        f"solved (below 1e-8): ours {float((solution.fun < 1e-8).double().mean()):.3f}, "
        f"SciPy {float((values < 1e-8).mean()):.3f}"
    )
    print(f"same minimum as SciPy with autograd: {same(solution, points, values):.3f}")
    print(
        f"scalar Python with a hand-made gradient: {plain:.4g} s, ratio {plain / ours:.1f}, "
        f"same minimum {same(solution, plain_points, plain_values):.3f}"
    )
    if not options.no_rivals:
        beside_rivals(min(options.repeats, 5))
    print(f"minimize ratio={peer / ours:.1f} ours={ours:.4g} peer={peer:.4g} unit=cpu_s")


if __name__ == "__main__":
    keep_record(main)
