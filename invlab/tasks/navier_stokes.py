"""Navier–Stokes: which push at the bottom of a box made the flow that is seen in its top half?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from invlab import runtime
from invlab.mac_grid import MacGrid, Square
from invlab.priors import Box, Normal
from invlab.task import Pairs, Simulator, Task
from invlab.validation import require_count, require_same_length, require_tensor

__all__ = [
    "LOSS_SCALE",
    "OBSTACLES",
    "Eddies",
    "NavierStokes",
    "Tank",
    "at_rest_below",
    "middles",
    "top_half",
]

SIZE = 100.0  # edge of the box
HORIZON = 56.0  # when the flow is seen again, in the paper
PUSHED_AT, SPREAD = 15.0, 7.0  # height and width of the push
# Squares: x and y of the middle, half of the edge. With two each search ends well; five leave
# local minima.
OBSTACLES: dict[str, tuple[Square, ...]] = {
    "none": (),
    "two": ((30.0, 55.0, 7.0), (68.0, 45.0, 7.0)),
    "five": (
        (20.0, 40.0, 6.0),
        (50.0, 55.0, 7.0),
        (80.0, 40.0, 6.0),
        (35.0, 72.0, 5.0),
        (66.0, 75.0, 5.0),
    ),
}
WAVES = 6  # of the first flow, in each direction
# The mean squared difference of two flows here is about 1e-4 to 1e-2: in thousandths it suits the
# tolerances of searches.
LOSS_SCALE = 1000.0
FEWEST, MOST = 16, 128  # cells
LARGEST_STEP, LATEST, STRONGEST = 8.0, 200.0, 12.0


class Eddies:
    """A law of first flows: random smooth eddies around the obstacles, seen in the top half.

    The stream function is Σ a_kl sin(πkx/S) sin(πly/S) for k, l = 1, ..., 6, with independent
    normal a_kl whose standard deviations fall like 1/(k² + l²); the flow is then projected, so
    that it passes no obstacle.

    Args:
        grid: the box with its obstacles.
        strength: root mean square of a velocity component, obstacles left out of account.
    """

    def __init__(self, grid: MacGrid, strength: float) -> None:
        self.dim, self.strength = grid.cells**2, strength
        corner = math.pi / grid.cells * torch.arange(1, grid.cells, dtype=torch.float64)
        number = torch.arange(1, WAVES + 1, dtype=torch.float64)
        waves = torch.sin(number[:, None] * corner)
        stream = waves[:, None, :, None] * waves[None, :, None, :]
        squares = number[:, None].square() + number.square()
        # ⟨u² + v²⟩ = Σ (π/S)²(k² + l²)·⟨a²⟩/4 is twice that of a component
        size = strength * (8 / squares.reciprocal().sum()).sqrt() * grid.size / math.pi
        amplitude = size / squares
        flows = grid.project(grid.curl((amplitude[:, :, None, None] * stream).flatten(0, 1)))
        self.basis = flows

    def __repr__(self) -> str:
        return f"Eddies(strength={self.strength:g})"

    @property
    def bounds(self) -> Box:
        """The central 95 % range of each number that is seen; narrow where an obstacle is."""
        std = top_half(self.basis).flatten(1).norm(dim=0)
        return Normal(torch.zeros_like(std), std.clamp_min(1e-3 * self.strength)).bounds

    def flows(self, n: int, *, generator: torch.Generator | None = None) -> Tensor:
        """``n`` flows in the whole box, ``(n, 2, N, N − 1)``, float64, on the CPU."""
        require_count("n", n)
        amplitude = torch.randn(n, len(self.basis), generator=generator, dtype=torch.float64)
        return torch.tensordot(amplitude, self.basis, 1)

    def sample(self, n: int, *, generator: torch.Generator | None = None) -> Tensor:
        """``n`` top halves as contexts, ``(n, N²)``, float64, on the CPU."""
        return top_half(self.flows(n, generator=generator)).flatten(1)


class Tank(Simulator):
    """The flow from t = 0, with a push at the bottom, to a later time.

    The push adds v·exp(−r²/2·7²) to the velocity, r the distance to (x₀, 15). Then the flow is
    projected and carried along by itself in turn, see :mod:`invlab.mac_grid`. There is no
    viscosity; the first-order steps smooth like one. What lies below the middle at t = 0 is taken
    to be at rest, since nobody has seen it.

    Args:
        cells: N.
        obstacles: see :class:`~invlab.mac_grid.MacGrid`.
        step: time step.
        horizon: the later time, a multiple of ``step``.
    """

    sides: Tensor

    def __init__(
        self,
        cells: int = 32,
        obstacles: Sequence[Square] = OBSTACLES["two"],
        *,
        step: float = 4.0,
        horizon: float = HORIZON,
    ) -> None:
        super().__init__()
        self.grid = MacGrid(cells, SIZE, obstacles)
        self.step, self.steps = step, round(horizon / step)
        self.register_buffer("sides", self.grid.sides())

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Pushes (x₀, v_x, v_y) ``(..., 3)`` and top halves ``(..., N²)`` to top halves
        ``(..., 2, N/2, N)``, see :func:`top_half`."""
        if c is None:
            raise ValueError("navier_stokes: the tank needs the first flow c, of shape (..., N²)")
        lead = torch.broadcast_shapes(x.shape[:-1], c.shape[:-1])
        image = c.to(x).expand(*lead, -1).reshape(-1, 2, self.grid.cells // 2, self.grid.cells)
        flow = self.run(x.expand(*lead, 3).reshape(-1, 3), at_rest_below(image))
        return top_half(flow).unflatten(0, lead)

    def run(self, x: Tensor, flow: Tensor) -> Tensor:
        """Pushes ``(n, 3)``, first flows to last flows, both ``(n, 2, N, N − 1)``."""
        for last in self.course(x, flow):
            later = last
        return later

    def course(self, x: Tensor, flow: Tensor) -> Iterator[Tensor]:
        """The pushed flow and that after each step."""
        flow = self.grid.project(flow + self.push(x))
        yield flow
        for _ in range(self.steps):
            flow = self.grid.project(self.grid.advect(flow, self.step))
            yield flow

    def push(self, x: Tensor) -> Tensor:
        """What pushes ``(n, 3)`` add to a flow, ``(n, 2, N, N − 1)``, before projection."""
        place, velocity = x[:, :1, None, None], x[:, 1:, None, None]
        along, up = self.sides.to(x)
        far = (along - place).square() + (up - PUSHED_AT).square()
        return velocity * torch.exp(far / (-2 * SPREAD**2))


class NavierStokes(Task):
    """The fluid experiment, section 4.4 of Holl and Thuerey.

    The paper is "Can neural networks improve classical optimization of inverse problems?", the
    first form of arXiv 2408.08119. A box of 100 × 100 holds a fluid without viscosity and some
    obstacles. At t = 0 it moves in random eddies and gets a push near the bottom; the unknown x is
    where and how fast, (x₀, v_x, v_y). Only the top half is seen: as context c before the push,
    and as observation y at t = 56, both as ``(..., 2, N/2, N)``, c flattened; see
    :func:`top_half`. Without the bottom half even the right push does not give y: the
    simulator takes it to be at rest, while :meth:`sample` and :meth:`targets` draw it and compute
    y from all of it. So always compare a loss with that of the true x.

    The paper gives neither resolution, obstacles, viscosity, the shape of the push nor any law.
    Ours: none; two squares of edge 14, or five smaller ones in the way (``OBSTACLES``); a
    Gaussian of width 7 at height 15; x₀ uniform in [20, 80], v_y in [f/3, f] and v_x within
    2f/3 of 0 for f = ``strongest``; eddies of :class:`Eddies` with a root mean square of 0.08.
    Stronger ones hide the push, so that fits follow the unseen half. :meth:`loss` counts in
    thousandths.

    **How far it can be trusted.** The steps are stable at any length and of first order: in a
    Taylor–Green flow the error at t = 56 is 13 %, 7 % and 3 % for 16, 32 and 64 cells, with the
    default steps. Steps above 8, later times than 200, a push above 12 and fewer than 16 or
    more than 128 cells were not tried and are refused. To t = 200 gradients stay of one size.

    Args:
        cells: N, an even number from 16 to 128.
        obstacles: a name of ``OBSTACLES``, or squares (x and y of the middle, half of the edge).
        step: time step, at most 8; 128/N if not given.
        horizon: time of y, a multiple of ``step``, at most 200.
        strongest: f, the largest v_y, at most 12.
        eddies: root mean square of the first flow, at most 1.

    Raises:
        TypeError: cells is no int.
        ValueError: an option out of these ranges.
    """

    simulator: Tank
    context: Eddies

    def __init__(
        self,
        cells: int = 32,
        *,
        obstacles: str | Sequence[Square] = "two",
        step: float | None = None,
        horizon: float = HORIZON,
        strongest: float = 3.0,
        eddies: float = 0.08,
    ) -> None:
        require_count("navier_stokes: cells", cells)
        if not FEWEST <= cells <= MOST or cells % 2:
            raise ValueError(
                f"navier_stokes: expected an even number of cells from {FEWEST} to {MOST}, "
                f"got {cells}"
            )
        step = 128 / cells if step is None else step
        _require_times(step, horizon)
        _require_up_to("strongest", strongest, STRONGEST)
        _require_up_to("eddies", eddies, 1.0)
        tank = Tank(cells, _squares(obstacles), step=step, horizon=horizon)
        super().__init__(
            "navier_stokes",
            tank,
            Box([20.0, -2 * strongest / 3, strongest / 3], [80.0, 2 * strongest / 3, strongest]),
            context=Eddies(tank.grid, eddies),
            labels=["place", "velocity x", "velocity y"],
        )

    def sample(
        self,
        n: int,
        *,
        generator: torch.Generator | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> Pairs:
        """``n`` pairs whose y comes from the whole first flow; see :meth:`Task.sample`."""
        generator = runtime.generator(0, self.name, "sample") if generator is None else generator
        x = self.prior.sample(n, generator=generator).to(runtime.device(), dtype)
        flow = self.context.flows(n, generator=generator).to(x)
        y = top_half(self.simulator.run(x, flow))
        return Pairs(x, y, top_half(flow).flatten(1))

    def loss(self, x: Tensor, y: Tensor, c: Tensor) -> Tensor:
        """1000 times the mean squared difference of what is seen, for a search: ``(n,)``.

        Args:
            x: unknowns, ``(n, 3)``.
            y, c: observations, ``(n, 2, N/2, N)``, and contexts, ``(n, N²)``.
        """
        return LOSS_SCALE * (self.simulator(x, c) - y).square().mean((1, 2, 3))

    def picture(self, y: Tensor, c: Tensor) -> Tensor:
        """What is known of each problem as an image of four channels, for a network.

        Args:
            y: observations, ``(B, 2, N/2, N)``.
            c: contexts, ``(B, N²)``.

        Returns:
            ``(B, 4, N/2, N)``: both components before, both afterwards.

        Raises:
            TypeError, ValueError: a tensor of another shape or kind, or NaN in it.
        """
        cells = self.simulator.grid.cells
        require_tensor(f"{self.name}: y", y, ("B", 2, cells // 2, cells))
        require_tensor(f"{self.name}: c", c, ("B", cells**2), device=y.device)
        require_same_length(y=y, c=c)
        return torch.cat([c.to(y).reshape(y.shape), y], 1)

    def frames(self, x: Tensor, c: Tensor) -> Tensor:
        """The simulated flow at each step in the whole box, for drawing.

        Args:
            x: unknowns, ``(B, 3)``.
            c: contexts, ``(B, N²)``; or whole first flows ``(B, 2, N, N − 1)``.

        Returns:
            Velocities in the middle of the cells, ``(B, steps + 1, 2, N, N)`` (rows in y,
            columns in x), the first one with the push.

        Raises:
            TypeError, ValueError: a tensor of another shape or kind, or NaN in it.
        """
        tank, cells = self.simulator, self.simulator.grid.cells
        require_tensor(f"{self.name}: x", x, ("B", 3))
        if isinstance(c, Tensor) and c.ndim == 4:
            require_tensor(f"{self.name}: c", c, ("B", 2, cells, cells - 1), device=x.device)
            flow = c.to(x)
        else:
            require_tensor(f"{self.name}: c", c, ("B", cells**2), device=x.device)
            flow = at_rest_below(c.to(x).reshape(-1, 2, cells // 2, cells))
        return torch.stack([middles(later) for later in tank.course(x, flow)], 1)


def top_half(flow: Tensor) -> Tensor:
    """What is seen of flows ``(..., 2, N, N − 1)``: an image ``(..., 2, N/2, N)``.

    Row and column are those of a cell, rows upwards from the middle; the two channels are the
    velocity in x at its left side and the velocity in y at its lower side.
    """
    left = functional.pad(flow, (1, 0))
    image = torch.stack([left[..., 0, :, :], left[..., 1, :, :].mT], -3)
    return image[..., image.shape[-1] // 2 :, :]


def at_rest_below(image: Tensor) -> Tensor:
    """Flows ``(..., 2, N, N − 1)`` with a given top half ``(..., 2, N/2, N)`` and none below."""
    rows = image.shape[-2]
    whole = functional.pad(image, (0, 0, rows, 0))
    return torch.stack([whole[..., 0, :, :], whole[..., 1, :, :].mT], -3)[..., 1:]


def middles(flow: Tensor) -> Tensor:
    """Velocities in the middle of cells, ``(..., 2, N, N − 1)`` to ``(..., 2, N, N)`` images."""
    padded = functional.pad(flow, (1, 1))
    mean = (padded[..., 1:] + padded[..., :-1]) / 2
    return torch.stack([mean[..., 0, :, :], mean[..., 1, :, :].mT], -3)


def _squares(obstacles: str | Sequence[Square]) -> Sequence[Square]:
    if not isinstance(obstacles, str):
        return obstacles
    if obstacles not in OBSTACLES:
        raise ValueError(
            f"navier_stokes: expected obstacles {', '.join(map(repr, OBSTACLES))} or squares, "
            f"got {obstacles!r}"
        )
    return OBSTACLES[obstacles]


def _require_times(step: float, horizon: float) -> None:
    for name, value, most in (("step", step, LARGEST_STEP), ("horizon", horizon, LATEST)):
        _require_up_to(name, value, most)
    ratio = horizon / step
    if round(ratio) < 1 or abs(ratio - round(ratio)) > 1e-9 * ratio:
        raise ValueError(
            f"navier_stokes: expected horizon a multiple of step, got {horizon} and {step}"
        )


def _require_up_to(name: str, value: float, most: float) -> None:
    if not 0 < value <= most:
        raise ValueError(
            f"navier_stokes: expected {name} above 0 and at most {most:g}, got {value}"
        )
