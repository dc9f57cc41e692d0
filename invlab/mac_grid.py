"""Flow of an incompressible fluid without friction in a closed square box with obstacles.

The velocity lives on the sides of square cells (the MAC grid of Harlow and Welch, Phys. Fluids 8,
2182, 1965): on each side its component across the side. So what leaves a cell is a sum of four
numbers, and nothing passes a wall or the side of an obstacle, where the number is zero. Along
walls the fluid slides freely.

**Layout.** A flow is ``(..., 2, N, N − 1)``: component, place along the side's direction, and
number of the side in the component's own direction, the two walls left out. ``w[0, j, i]`` is the
velocity in x at x = (i + 1)h, y = (j + ½)h, and ``w[1, i, j]`` the velocity in y at x = (i + ½)h,
y = (j + 1)h: the second component is stored transposed, so that both are treated alike.

**Pressure without iteration.** Projection takes from a flow the nearest gradient such that no cell
gains fluid. In the empty box cosine transforms, here products with N × N matrices, turn its
Poisson equation into divisions. Obstacles ask in addition that nothing passes their sides, a
constraint for each of the few sides at their rims: with P₀ for the empty box and E for the unit
flow through each such side, P = P₀ − P₀E(EᵀP₀E)⁺EᵀP₀ is the projection on both, and its second
part a precomputed matrix. So no solve can fail to converge, and gradients pass through products.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from invlab.validation import require_count

__all__ = ["MacGrid", "Square"]

Square = tuple[float, float, float]
# Eigenvalues of EᵀP₀E below this are zero: one an obstacle, since what enters it leaves it anyway.
# They come out below 1e-14, and the others above 1e-3, up to 128 cells.
CUTOFF = 1e-8


class MacGrid(nn.Module):
    """Projection and advection on a grid of N × N cells.

    Args:
        cells: N, at least 4.
        size: edge of the box.
        obstacles: squares (x of the middle, y of the middle, half of the edge), in units of
            ``size``; a cell is solid where its middle lies in one of them.

    Raises:
        ValueError: too few cells, a size not above 0, or an obstacle that holds no cell or all.
    """

    cosines: Tensor
    poisson: Tensor
    open_sides: Tensor
    rim: Tensor
    answer: Tensor
    grid: Tensor
    scale: Tensor

    def __init__(self, cells: int, size: float, obstacles: Sequence[Square] = ()) -> None:
        super().__init__()
        if require_count("cells", cells) < 4:
            raise ValueError(f"cells: expected at least 4, got {cells}")
        if not 0 < size < math.inf:
            raise ValueError(f"size: expected a number above 0, got {size}")
        self.cells, self.size, self.width = cells, size, size / cells
        count = torch.arange(cells, dtype=torch.float64)
        cosines = torch.cos(math.pi / cells * (count[:, None] + 0.5) * count) * (2 / cells) ** 0.5
        cosines[:, 0] /= 2**0.5
        self.register_buffer("cosines", cosines)
        # of the differences between neighbouring cells, in cosines
        squares = (2 * torch.sin(math.pi / (2 * cells) * count)).square()
        squares = squares[:, None] + squares
        squares[0, 0] = 1.0  # the mean pressure, which moves nothing
        self.register_buffer("poisson", squares.reciprocal())
        side = torch.arange(1, cells, dtype=torch.float64)
        grid = torch.stack(torch.broadcast_tensors(side, count[:, None]), -1)
        self.register_buffer("grid", grid)
        # from numbers of sides and of cells to −1 ... 1 between the first and the last
        scale = torch.tensor([2 / cells, 2 / (cells - 1)], dtype=torch.float64)
        self.register_buffer("scale", scale)
        self._place(self.solid_cells(obstacles))

    def solid_cells(self, obstacles: Sequence[Square]) -> Tensor:
        """Which cells are solid: a mask ``(N, N)`` of rows in y and columns in x."""
        middle = self.width * (torch.arange(self.cells, dtype=torch.float64) + 0.5)
        solid = torch.zeros(self.cells, self.cells, dtype=torch.bool)
        for x, y, half in obstacles:
            inside = ((middle - y).abs() <= half)[:, None] & ((middle - x).abs() <= half)
            if not bool(inside.any()):
                raise ValueError(
                    f"obstacles: expected each to hold the middle of a cell, got {(x, y, half)} "
                    f"on {self.cells} × {self.cells} cells of width {self.width:g}"
                )
            solid |= inside
        if bool(solid.all()):
            raise ValueError("obstacles: expected some fluid between them, got none")
        return solid

    def _place(self, solid: Tensor) -> None:
        """The matrices for a mask of solid cells ``(N, N)``."""
        both = torch.stack([solid, solid.T])
        touched = both[..., 1:] | both[..., :-1]
        self.register_buffer("open_sides", (~touched).double())
        # inside an obstacle nothing moves to begin with, and nothing can start it
        at_rim = (both[..., 1:] != both[..., :-1]).flatten()
        self.register_buffer("rim", at_rim.nonzero()[:, 0])
        unit = torch.zeros(len(self.rim), at_rim.numel(), dtype=torch.float64)
        unit[torch.arange(len(self.rim)), self.rim] = 1.0
        through = self._project_empty(unit.unflatten(1, both[..., 1:].shape)).flatten(1)
        inverse = torch.linalg.pinv(through[:, self.rim], hermitian=True, atol=CUTOFF)
        self.register_buffer("answer", inverse @ through)

    def project(self, flow: Tensor) -> Tensor:
        """The nearest flow without sources that passes no obstacle, ``(..., 2, N, N − 1)``."""
        flow = self._project_empty(flow * self.open_sides.to(flow))
        if len(self.rim) == 0:
            return flow
        flat = flow.flatten(-3)
        passing = flat.index_select(-1, self.rim)
        return (flat - passing @ self.answer.to(flow)).unflatten(-1, flow.shape[-3:])

    def _project_empty(self, flow: Tensor) -> Tensor:
        cosines = self.cosines.to(flow)
        # transform along x, along y, divide, and back; the transposes are views
        spectrum = (self.outflow(flow) @ cosines).mT @ cosines * self.poisson.to(flow)
        pressure = (spectrum @ cosines.mT).mT @ cosines.mT
        return flow + torch.stack([pressure, pressure.mT], -3).diff(dim=-1)

    def outflow(self, flow: Tensor) -> Tensor:
        """What leaves each cell over its four sides, ``(..., N, N)``: rows in y, columns in x."""
        each = functional.pad(flow, (1, 1)).diff(dim=-1)
        return each[..., 0, :, :] + each[..., 1, :, :].mT

    def advect(self, flow: Tensor, time: float) -> Tensor:
        """The flow carried along by itself, ``(n, 2, N, N − 1)``: the value at each side is the
        one found where its fluid was before, straight back by ``time`` (semi-Lagrangian; Stam,
        SIGGRAPH 1999). Stable for all times, of first order, and smoothing like friction."""
        cells, n = self.cells, len(flow)
        padded = functional.pad(flow, (1, 1))
        middle = (padded[..., 1:] + padded[..., :-1]) / 2
        other = middle.flip(1).mT
        across = (other[..., 1:] + other[..., :-1]) / 2
        scale = self.scale.to(flow)
        move = torch.stack([flow, across], -1)
        place = torch.addcmul(self.grid.to(flow) * scale - 1, move, scale, value=-time / self.width)
        found: Tensor = _Between.apply(
            padded.reshape(2 * n, 1, cells, cells + 1), place.reshape(2 * n, cells, cells - 1, 2)
        )
        return found.reshape(flow.shape)

    def sides(self) -> Tensor:
        """Where the components live: x and y of each side, ``(2, 2, N, N − 1)``, float64.

        ``sides()[0]`` are the x of both components, ``sides()[1]`` the y.
        """
        along = self.width * self.grid[..., 0].cpu()
        across = self.width * (self.grid[..., 1].cpu() + 0.5)
        return torch.stack([torch.stack([along, across]), torch.stack([across, along])])

    def curl(self, stream: Tensor) -> Tensor:
        """A flow without sources from its stream function at the inner corners of the cells.

        Args:
            stream: ``(..., N − 1, N − 1)``, rows in y; it is zero on the walls.

        Returns:
            ``(..., 2, N, N − 1)``: the derivative by y, and minus the one by x.
        """
        both = torch.stack([stream, -stream.mT], -3)
        return functional.pad(both, (0, 0, 1, 1)).diff(dim=-2) / self.width


class _Between(torch.autograd.Function):
    """Values ``(B, 1, H, W)`` at places ``(B, h, w, 2)`` between them, or at the nearest edge.

    Linear in both directions, as by torch's grid_sample, which has no forward derivative.
    """

    @staticmethod
    def forward(values: Tensor, place: Tensor) -> Tensor:
        return functional.grid_sample(values, place, padding_mode="border", align_corners=True)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None]:
        values, place = ctx.saved_tensors
        back = torch.ops.aten.grid_sampler_2d_backward  # 0: linear, 1: nearest edge
        found = back(gradients[0], values, place, 0, 1, True, ctx.needs_input_grad)
        return found[0], found[1]

    @staticmethod
    def jvp(ctx: Any, values_t: Tensor, place_t: Tensor) -> Tensor:
        values, place = ctx.saved_tensors
        rows, columns = values.shape[-2:]
        ends = torch.tensor([columns - 1, rows - 1], dtype=place.dtype, device=place.device) / 2
        raw = (place + 1) * ends
        inside = (raw > 0) & (raw < 2 * ends)
        first = torch.minimum(raw.floor(), 2 * ends - 1).clamp_min(0)
        x, y = (raw - first).clamp(0, 1).unbind(-1)
        number = (first[..., 1] * columns + first[..., 0]).long().flatten(1)
        flat = values.flatten(1)
        corners = (flat.gather(1, number + k) for k in (0, 1, columns, columns + 1))
        a, b, c, d = (corner.view_as(x) for corner in corners)
        slope = torch.stack([(1 - y) * (b - a) + y * (d - c), (1 - x) * (c - a) + x * (d - b)], -1)
        moves = (slope * place_t * ends * inside).sum(-1)
        return _Between.forward(values_t, place) + moves[:, None]
