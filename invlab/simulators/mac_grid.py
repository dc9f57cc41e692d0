"""Incompressible flow on a staggered grid: exact pressure projection and a stable advection.

The marker-and-cell (MAC) layout keeps each velocity component on the faces that it crosses, so
that the divergence of a cell is a difference of its own four faces (Harlow and Welch 1965).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.nn import functional

from invlab.validation import require_count, require_number

__all__ = ["Flow", "MacGrid", "Square"]

# Eigenvalues below this share of the largest belong to pockets that no wall separates.
NULL = 1e-10


class Square(NamedTuple):
    """A square obstacle: its centre, and half of its side."""

    x: float
    y: float
    half: float


class Flow(NamedTuple):
    """Velocity on the faces of N × N cells: ``u (..., N, N + 1)`` and ``v (..., N + 1, N)``.

    The last axis runs along x, the one before along y. The first and the last column of u and row
    of v lie on the walls.
    """

    u: Tensor
    v: Tensor

    def __add__(self, other: Flow) -> Flow:  # type: ignore[override]
        return Flow(self.u + other.u, self.v + other.v)


class MacGrid(nn.Module):
    """A closed square box of N × N cells, with free-slip walls and square obstacles.

    **Projection.** The pressure of the empty box is found without iteration, since cosines
    diagonalise its Laplacian. Obstacles change it by an impulse q on each face of their surface,
    chosen so that nothing flows through: a dense system as large as there are such faces, whose
    inverse is computed once. Both are plain products of matrices, exact to rounding, and autograd
    goes through them. The result is the orthogonal projection onto the flows that have no
    divergence and do not cross a wall.

    **Advection.** Semi-Lagrangian (Stam 1999): each face looks back along its velocity by one step
    and takes what it finds there, bilinearly interpolated. This is stable for any step and of
    first order; what it loses acts like a viscosity. Autograd goes through it too, in both modes.

    Args:
        cells: N.
        size: side of the box, in the units of length.
        squares: obstacles; a cell is solid if its centre lies in one of them.

    Raises:
        ValueError: fewer than four cells, a size that is not above 0, or an obstacle that covers
            no cell or reaches a wall.
    """

    cosines: Tensor
    inverse: Tensor
    open_u: Tensor
    open_v: Tensor
    surface: Tensor
    impulse: Tensor
    spread: Tensor

    def __init__(self, cells: int, *, size: float = 100.0, squares: Sequence[Square] = ()) -> None:
        super().__init__()
        size = require_number("MacGrid: size", size)
        if not 0 < size < math.inf:
            raise ValueError(f"MacGrid: expected size above 0, got {size}")
        if require_count("MacGrid: cells", cells) < 4:
            raise ValueError(f"MacGrid: expected at least 4 cells a side, got {cells}")
        self.cells, self.size, self.width = cells, size, size / cells
        k = torch.arange(cells, dtype=torch.float64, device="cpu")
        cosines = (math.pi / cells * torch.outer(k, k + 0.5)).cos() * math.sqrt(2 / cells)
        cosines[0] /= math.sqrt(2)
        eigenvalues = (2 * (math.pi * k / cells).cos() - 2) / self.width**2
        both = eigenvalues[:, None] + eigenvalues
        both[0, 0] = -torch.inf  # the mean of the pressure is free
        self.register_buffer("cosines", cosines)
        self.register_buffer("inverse", 1 / both)
        solid = self._solid(squares)
        self.register_buffer("solid", solid)
        open_u = functional.pad((~solid[:, 1:] & ~solid[:, :-1]).double(), (1, 1))
        open_v = functional.pad((~solid[1:] & ~solid[:-1]).double(), (0, 0, 1, 1))
        self.register_buffer("open_u", open_u)
        self.register_buffer("open_v", open_v)
        skin_u = functional.pad(solid[:, 1:] ^ solid[:, :-1], (1, 1))
        skin_v = functional.pad(solid[1:] ^ solid[:-1], (0, 0, 1, 1))
        skin = torch.cat([skin_u.flatten(), skin_v.flatten()])
        self.register_buffer("surface", skin.nonzero()[:, 0])
        self._prepare()

    def _solid(self, squares: Sequence[Square]) -> Tensor:
        """Which cells are solid, ``(N, N)``."""
        middle = (torch.arange(self.cells, dtype=torch.float64, device="cpu") + 0.5) * self.width
        solid = torch.zeros(self.cells, self.cells, dtype=torch.bool, device="cpu")
        for square in squares:
            along = (middle - square.x).abs() < square.half
            across = (middle - square.y).abs() < square.half
            covered = across[:, None] & along
            edge = along[0] | along[-1] | across[0] | across[-1]
            if not covered.any() or bool(edge):
                raise ValueError(
                    f"MacGrid: expected obstacles that cover a cell and leave the walls free, got "
                    f"{square} in a box of {self.size:g} with {self.cells} cells a side"
                )
            solid |= covered
        return solid

    def _prepare(self) -> None:
        """The pressure of a unit impulse on each surface face, and the matrix that chooses them."""
        faces = self.cells * (self.cells + 1)
        unit = torch.zeros(len(self.surface), 2 * faces, dtype=torch.float64, device="cpu")
        unit[torch.arange(len(self.surface), device="cpu"), self.surface] = 1
        shape = (-1, self.cells, self.cells + 1)
        u, v = unit[:, :faces].reshape(shape), unit[:, faces:].reshape(-1, *shape[:0:-1])
        pressure = self._solve(self.divergence(Flow(u, v)))
        through = torch.eye(len(unit), dtype=torch.float64, device="cpu") - self._at_surface(
            pressure
        )
        values, vectors = torch.linalg.eigh((through + through.T) / 2)
        kept = values > NULL * values.amax() if len(values) else values > 0
        vectors = vectors[:, kept]
        self.register_buffer("impulse", (vectors / values[kept]) @ vectors.T)
        self.register_buffer("spread", pressure.flatten(1))

    def faces(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Where the faces are: x and y of those of u, ``(N, N + 1)``, then of v, ``(N + 1, N)``."""
        edge = torch.arange(self.cells + 1, dtype=torch.float64, device=self.cosines.device)
        edge, middle = edge * self.width, (edge[:-1] + 0.5) * self.width
        y_u, x_u = torch.meshgrid(middle, edge, indexing="ij")
        y_v, x_v = torch.meshgrid(edge, middle, indexing="ij")
        return x_u, y_u, x_v, y_v

    def divergence(self, flow: Flow) -> Tensor:
        """Outflow of each cell over its area, ``(..., N, N)``."""
        u, v = flow
        return (u[..., 1:] - u[..., :-1] + v[..., 1:, :] - v[..., :-1, :]) / self.width

    def project(self, flow: Flow) -> Flow:
        """The nearest flow without divergence that no wall or obstacle is crossed by."""
        flow = self.keep_out(flow)
        pressure = self._solve(self.divergence(flow))
        if len(self.surface):
            q = self._at_surface(pressure) @ self.impulse.to(pressure)
            pressure = pressure + (q @ self.spread.to(q)).unflatten(-1, (self.cells, self.cells))
        push = self._gradient(pressure)
        return self.keep_out(Flow(flow.u - push.u, flow.v - push.v))

    def keep_out(self, flow: Flow) -> Flow:
        """Zero on all faces of walls and solid cells."""
        return Flow(flow.u * self.open_u.to(flow.u), flow.v * self.open_v.to(flow.v))

    def advect(self, flow: Flow, dt: float) -> Flow:
        """Carry the flow along itself for a time ``dt``: ``u (n, N, N + 1)``, ``v (n, N + 1, N)``.

        The faces on the walls stay at zero.
        """
        u, v = flow
        v_at_u = (v[..., :-1, :-1] + v[..., :-1, 1:] + v[..., 1:, :-1] + v[..., 1:, 1:]) / 4
        u_at_v = (u[..., :-1, :-1] + u[..., :-1, 1:] + u[..., 1:, :-1] + u[..., 1:, 1:]) / 4
        courant = dt / self.width
        inner_u = _look_back(u, u[..., 1:-1] * courant, v_at_u * courant, (0, 1))
        inner_v = _look_back(v, u_at_v * courant, v[..., 1:-1, :] * courant, (1, 0))
        return Flow(functional.pad(inner_u, (1, 1)), functional.pad(inner_v, (0, 0, 1, 1)))

    def at_centres(self, flow: Flow) -> Tensor:
        """Velocity in the middle of the cells, for drawing: ``(..., 2, N, N)``."""
        u, v = flow
        return torch.stack(
            [(u[..., 1:] + u[..., :-1]) / 2, (v[..., 1:, :] + v[..., :-1, :]) / 2], -3
        )

    def _solve(self, divergence: Tensor) -> Tensor:
        """Pressure of the empty box whose Laplacian is the divergence, ``(..., N, N)``."""
        cosines = self.cosines.to(divergence)
        waves = cosines @ divergence @ cosines.T * self.inverse.to(divergence)
        return cosines.T @ waves @ cosines

    def _gradient(self, pressure: Tensor) -> Flow:
        along = functional.pad(pressure.diff(dim=-1), (1, 1))
        across = functional.pad(pressure.diff(dim=-2), (0, 0, 1, 1))
        return Flow(along / self.width, across / self.width)

    def _at_surface(self, pressure: Tensor) -> Tensor:
        """The pressure's gradient on the faces of the obstacles, ``(..., faces)``."""
        push = self._gradient(pressure)
        return torch.cat([push.u.flatten(-2), push.v.flatten(-2)], -1)[
            ..., self.surface.to(pressure.device)
        ]


def _look_back(field: Tensor, along: Tensor, across: Tensor, first: tuple[int, int]) -> Tensor:
    """Values of ``field (n, H, W)`` so many places before its inner points.

    Args:
        field: on its own lattice.
        along, across: steps in places to the right and up, ``(n, h, w)``.
        first: row and column of the first inner point.
    """
    height, width = field.shape[-2:]
    rows = torch.arange(first[0], first[0] + along.shape[-2], device="cpu").to(field)
    columns = torch.arange(first[1], first[1] + along.shape[-1], device="cpu").to(field)
    x = (columns - along) * (2 / (width - 1)) - 1
    y = (rows[:, None] - across) * (2 / (height - 1)) - 1
    field, places = field[:, None], torch.stack([x, y], -1)
    # to call a Function costs some percent of a step, which only forward mode need pay; torch has
    # no public name for its being on, and without this one all calls pay
    forward_mode = getattr(forward_ad, "_current_level", 0) >= 0
    sample = _Bilinear.apply if forward_mode else _Bilinear.forward
    found: Tensor = sample(field, places)
    return found[:, 0]


class _Bilinear(torch.autograd.Function):
    """torch's ``grid_sample`` of one channel, and the forward derivative that it lacks.

    The slopes are those of its backward pass, so both modes take the same side where there are
    two: on a line between places, and where a look back ends at a wall.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(field: Tensor, places: Tensor) -> Tensor:
        return functional.grid_sample(
            field, places, mode="bilinear", padding_mode="border", align_corners=True
        )

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        field, places = ctx.saved_tensors
        return _pull_back(grad, field, places, ctx.needs_input_grad)

    @staticmethod
    def jvp(ctx: Any, along_field: Tensor, along_places: Tensor) -> Tensor:
        field, places = ctx.saved_tensors
        # a place has one value, so one backward pass of ones finds the slopes at all of them
        ones = torch.ones_like(places[:, None, ..., 0])
        _, slopes = _pull_back(ones, field, places, [False, True])
        carried = _Bilinear.forward(along_field, places)
        return carried + (slopes * along_places).sum(-1)[:, None]


def _pull_back(
    grad: Tensor, field: Tensor, places: Tensor, wanted: Sequence[bool]
) -> tuple[Tensor, Tensor]:
    """What torch's backward pass of ``grid_sample`` finds, by field and places."""
    bilinear, border = 0, 1  # torch's numbers of the modes
    both: tuple[Tensor, Tensor] = torch.ops.aten.grid_sampler_2d_backward(
        grad, field, places, bilinear, border, True, wanted
    )
    return both
