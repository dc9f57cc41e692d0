"""One step of the flow, and its gradient, beside PhiFlow's torch backend.

A step carries 64 flows along by themselves and projects them, on 32 × 32 cells in float64 on one
thread; then the gradient of their energy by the flows before. PhiFlow projects by conjugate
gradients to a relative tolerance of 1e-5 (its default), ours exactly. The advection and the
projection are compared apart, the latter with PhiFlow's direct solver, with and without
obstacles. Two things differ by design and are kept out of the comparison: PhiFlow's flow is zero
beyond the walls where ours slides, so the flow compared is at rest beside them; and its soft
masks slow what flows along an obstacle, so they are shrunk by a quarter of a cell.

PhiFlow does not belong to the project's environment. In one of its own, with torch 2.13:

    pip install phiflow
    OMP_NUM_THREADS=1 PYTHONPATH=. python benchmarks/navier_stokes.py [--rows 64] [--cells 32]

Without PhiFlow it times ours, says so and ends with status 1.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable
from typing import Any

import torch
from clock import cpu_seconds
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
    """Flows as its staggered grids, and its two halves of a step."""

    def __init__(self, cells: int, tolerance: float) -> None:
        from phi.torch import flow as phi

        phi.math.set_global_precision(64)
        self.phi, self.cells = phi, cells
        # the pressure of a closed box is known up to a constant
        self.iterative = phi.Solve("CG", tolerance, tolerance, rank_deficiency=0)
        self.direct = phi.Solve("auto", 1e-9, 1e-9)

    def grid(self, flow: Tensor) -> Any:
        phi = self.phi
        values = [
            phi.math.tensor(part, phi.batch("rows"), phi.spatial("x,y"))
            for part in (flow[:, 0].mT, flow[:, 1])
        ]
        stacked = phi.math.stack(dict(zip("xy", values, strict=True)), phi.dual("vector"))
        box = phi.Box(x=SIZE, y=SIZE)
        return phi.StaggeredGrid(stacked, 0, x=self.cells, y=self.cells, bounds=box)

    def flow(self, grid: Any) -> Tensor:
        along, up = (grid.vector[name].values for name in "xy")
        return torch.stack([along.native("rows,y,x"), up.native("rows,x,y")], 1)

    def advect(self, grid: Any) -> Any:
        return self.phi.advect.semi_lagrangian(grid, grid, STEP)

    def project(self, grid: Any, obstacles: Any = (), *, solve: Any = None) -> Any:
        solids = [
            self.phi.Obstacle(self.phi.Box(x=(x - r, x + r), y=(y - r, y + r)))
            for x, y, r in obstacles
        ]
        solve = self.iterative if solve is None else solve
        return self.phi.fluid.make_incompressible(grid, solids, solve)[0]

    def step(self, flow: Tensor) -> Tensor:
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=64)
    parser.add_argument("--cells", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    task = NavierStokes(options.cells, obstacles="none")
    grid = task.simulator.grid
    x = task.prior.sample(options.rows, generator=generator(0))
    first = task.context.draw(options.rows, generator=generator(0))
    flow = packed(grid.project(first + task.simulator.push(x)))

    def step(flow: Tensor) -> Tensor:
        return packed(grid.project(grid.advect(unpacked(flow), STEP)))

    mine = cpu_seconds(lambda: with_gradient(step, flow), 4 * options.repeats)
    single = cpu_seconds(lambda: with_gradient(step, flow.float()), 4 * options.repeats)
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
        theirs = cpu_seconds(lambda: with_gradient(peer.step, flow), options.repeats)
    print(f"navier_stokes ratio={theirs / mine:.1f} ours={mine:.4g} peer={theirs:.4g} unit=cpu_s")


if __name__ == "__main__":
    main()
