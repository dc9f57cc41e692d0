"""One step of the flow, and its gradient, beside PhiFlow on torch and, compiled, on jax.

A step carries 64 flows along by themselves and projects them, on 32 × 32 cells in float64 on one
thread; then the gradient of their energy by the flows before. PhiFlow projects by conjugate
gradients to a relative tolerance of 1e-5 (its default), ours exactly. The advection and the
projection are compared apart, the latter with PhiFlow's direct solver, with and without
obstacles. Two things differ by design and are kept out of the comparison: PhiFlow's flow is zero
beyond the walls where ours slides, so the flow compared is at rest beside them; and its soft
masks slow what flows along an obstacle, so they are shrunk by a quarter of a cell.

PhiFlow does not belong to the project's environment. In one of its own, with torch 2.13:

    pip install phiflow jax
    OMP_NUM_THREADS=1 PYTHONPATH=. python benchmarks/navier_stokes.py [--rows 64] [--cells 32]

Without PhiFlow it times ours, says so and ends with status 1; without jax it leaves that backend
out. The time of the compiled step is that of a call after the first, and what the first took stands
beside it. The last line is the ratio to the stronger of the two.
"""

from __future__ import annotations

import argparse
import importlib
import os
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from clock import cpu_seconds, in_turn
from record import keep_record
from torch import Tensor
from torch.nn import functional

from invlab.runtime import generator
from invlab.simulators.mac_grid import Flow, MacGrid, Square
from invlab.tasks.navier_stokes import SIZE, NavierStokes

STEP = 4.0


def packed(flow: Flow) -> Tensor:
    """The faces inside the box, ``(n, 2, N, N − 1)``; those of v transposed, as in PhiFlow."""
    return torch.stack([flow.u[..., 1:-1], flow.v[..., 1:-1, :].mT], 1)


def unpacked(flow: Tensor) -> Flow:
    padded = functional.pad(flow, (1, 1))
    return Flow(padded[:, 0], padded[:, 1].mT)


def swirl(stream: Tensor, width: float) -> Tensor:
    """A packed flow without divergence from its stream function inside, ``(n, N − 1, N − 1)``."""
    both = torch.stack([stream, -stream.mT], 1)
    return functional.pad(both, (0, 0, 1, 1)).diff(dim=-2) / width


class PhiFlow:
    """Flows as its staggered grids, and its two halves of a step, on torch or on jax.

    Raises:
        ImportError: PhiFlow or the backend is not installed.
    """

    def __init__(self, cells: int, tolerance: float, backend: str = "torch") -> None:
        self.stack = importlib.import_module("torch" if backend == "torch" else "jax.numpy").stack
        phi = importlib.import_module(f"phi.{backend}.flow")
        phi.math.set_global_precision(64)
        self.phi, self.cells = phi, cells
        self.backend = getattr(importlib.import_module(f"phi.{backend}"), backend.upper())
        # the pressure of a closed box is known up to a constant
        self.iterative = phi.Solve("CG", tolerance, tolerance, rank_deficiency=0)
        self.direct = phi.Solve("auto", 1e-9, 1e-9)

    def grid(self, flow: Any) -> Any:
        phi = self.phi
        values = [
            phi.math.tensor(part, phi.batch("rows"), phi.spatial("x,y"))
            for part in (flow[:, 0].mT, flow[:, 1])
        ]
        stacked = phi.math.stack(dict(zip("xy", values, strict=True)), phi.dual("vector"))
        box = phi.Box(x=SIZE, y=SIZE)
        return phi.StaggeredGrid(stacked, 0, x=self.cells, y=self.cells, bounds=box)

    def flow(self, grid: Any) -> Any:
        along, up = (grid.vector[name].values for name in "xy")
        return self.stack([along.native("rows,y,x"), up.native("rows,x,y")], 1)

    def advect(self, grid: Any) -> Any:
        return self.phi.advect.semi_lagrangian(grid, grid, STEP)

    def project(self, grid: Any, obstacles: Any = (), *, solve: Any = None) -> Any:
        solids = [
            self.phi.Obstacle(self.phi.Box(x=(x - r, x + r), y=(y - r, y + r)))
            for x, y, r in obstacles
        ]
        solve = self.iterative if solve is None else solve
        return self.phi.fluid.make_incompressible(grid, solids, solve)[0]

    def step(self, flow: Any) -> Any:
        return self.flow(self.project(self.advect(self.grid(flow))))


def with_gradient(step: Callable[[Tensor], Tensor], flow: Tensor) -> Tensor:
    leaf = flow.clone().requires_grad_()
    (slope,) = torch.autograd.grad(step(leaf).square().sum(), leaf)
    return slope


def compare(peer: PhiFlow, grid: MacGrid) -> None:
    """Print the largest difference of each half of a step."""
    cells = grid.cells
    stream = torch.randn(4, cells - 1, cells - 1, generator=generator(1), dtype=torch.float64)
    stream[:, [0, 1, 2, -3, -2, -1]] = 0
    stream[:, :, [0, 1, 2, -3, -2, -1]] = 0
    flow = 3 * swirl(stream, grid.width)
    after = peer.flow(peer.advect(peer.grid(flow)))
    gap = (after - packed(grid.advect(unpacked(flow), STEP))).abs().max()
    print(f"largest difference of the advection: {gap:.1e}")
    flow = torch.randn(4, 2, cells, cells - 1, generator=generator(2), dtype=torch.float64)
    for name, squares in (("no obstacles", ()), ("two obstacles", ((10, 16, 4), (22, 12, 4)))):
        solid = [Square(*(k * SIZE / 32 for k in square)) for square in squares]
        shrunk = [(x, y, r - SIZE / cells / 4) for x, y, r in solid]
        ours = MacGrid(cells, size=SIZE, squares=solid)
        flow = packed(ours.keep_out(unpacked(flow)))
        theirs = peer.flow(peer.project(peer.grid(flow), shrunk, solve=peer.direct))
        gap = (theirs - packed(ours.project(unpacked(flow)))).abs().max()
        print(f"largest difference of the projection, {name}: {gap:.1e}")


def compiled(cells: int, flow: Tensor) -> tuple[Callable[[], np.ndarray], float] | None:
    """The gradient on jax, and the CPU seconds of its first call; None without jax."""
    try:
        import jax
    except ImportError:
        return None
    jax.config.update("jax_enable_x64", True)
    peer, given = PhiFlow(cells, 1e-5, "jax"), jax.numpy.asarray(flow.numpy())
    slope = jax.jit(jax.grad(lambda flow: (peer.step(flow) ** 2).sum()))

    def work() -> np.ndarray:
        with peer.backend:
            return np.asarray(slope(given))

    begun = time.process_time()
    work()
    return work, time.process_time() - begun


def beside_phiflow(step: Callable[[Tensor], Tensor], flow: Tensor, cells: int, count: int) -> None:
    """Print the ratio to each of its backends, the stronger one last."""
    peer = PhiFlow(cells, 1e-5)

    def on_torch() -> Tensor:
        with peer.backend:  # also for what PhiFlow does on the way back
            return with_gradient(peer.step, flow)

    works: list[Callable[[], Any]] = [lambda: with_gradient(step, flow), on_torch]
    names, rests = ["torch"], [""]
    on_jax = compiled(cells, flow)
    if on_jax is None:
        print("jax is not installed: left out, see benchmarks/README.md")
    else:
        gap = np.abs(on_jax[0]() - on_torch().numpy()).max()
        print(f"largest difference of PhiFlow's gradients, jax and torch: {gap:.1e}")
        works, names = [*works, on_jax[0]], [*names, "jax"]
        rests.append(f"first_call_s={on_jax[1]:.2g}")
    ours, *theirs = in_turn(works, count)
    for name, other, rest in zip(names, theirs, rests, strict=True):
        print(f"navier_stokes_{name} {compared(ours, other)} flows={len(flow)} {rest}".rstrip())
    print(f"navier_stokes {compared(ours, min(theirs))} flows={len(flow)}")


def compared(ours: float, other: float) -> str:
    return f"ratio={other / ours:.1f} ours={ours:.4g} peer={other:.4g} unit=cpu_s"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=64)
    parser.add_argument("--cells", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    flags = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    os.environ.setdefault("XLA_FLAGS", flags)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # about constants that take long to fold
    torch.set_num_threads(1)
    task = NavierStokes(options.cells, obstacles="none")
    grid = task.simulator.grid
    x = task.prior.sample(options.rows, generator=generator(0))
    first = task.context.draw(options.rows, generator=generator(0))
    flow = packed(grid.project(first + task.simulator.push(x)))

    def step(flow: Tensor) -> Tensor:
        return packed(grid.project(grid.advect(unpacked(flow), STEP)))

    mine, single = (
        cpu_seconds(lambda flow=flow: with_gradient(step, flow), 4 * options.repeats)
        for flow in (flow, flow.float())
    )
    print(f"{options.rows} flows, {options.cells} × {options.cells} cells, a step with gradient")
    print(f"ours: {mine:.4g} CPU s in float64, {single:.4g} in float32")
    try:
        peer = PhiFlow(options.cells, tolerance=1e-5)
    except ImportError as missing:
        raise SystemExit(
            "the peer is missing: PhiFlow is not installed here (pip install phiflow, in an "
            "environment of its own), so there is no ratio"
        ) from missing
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about sparse tensors and singular matrices
        compare(peer, grid)
        beside_phiflow(step, flow, options.cells, options.repeats)


if __name__ == "__main__":
    keep_record(main)
