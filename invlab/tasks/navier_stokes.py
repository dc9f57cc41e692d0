"""Navier–Stokes: find a push from what half of a flow shows some time later."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from invlab import runtime
from invlab.priors import NORMAL_95, Box
from invlab.simulators.mac_grid import Flow, MacGrid, Square
from invlab.task import Pairs, Simulator, Task
from invlab.validation import require_count, require_number, require_tensor

__all__ = ["NavierStokes", "Push", "RandomFlow"]

SIZE = 100.0  # side of the box
HORIZON = 56.0  # time between the two observations
HEIGHT, RADIUS = 15.0, 7.0  # of the push: height of its centre, and its width
SPEED = 0.1  # root mean square of the random flow
WAVES = 6  # of the random flow, along each side
OBSTACLES = {
    "none": (),
    "two": (Square(30.0, 55.0, 7.0), Square(68.0, 45.0, 7.0)),
    "five": (
        Square(20.0, 40.0, 6.0),
        Square(50.0, 55.0, 7.0),
        Square(80.0, 40.0, 6.0),
        Square(35.0, 72.0, 5.0),
        Square(66.0, 75.0, 5.0),
    ),
}
# The push of each set: with five obstacles a weak one would not come through.
STRENGTH = {"none": 3.0, "two": 3.0, "five": 6.0}
LARGEST = 256  # cells a side: the matrices of the projection take quarters of a minute to make
# Cells that the strongest push may cross in a step. With 7.7 (strength 6, five obstacles, 14 steps)
# what is seen differs by 8.5 % (median of 16) from what 448 steps give; with twice that, by 14 %.
FARTHEST = 8.0


class Push(Simulator):
    """The upper half of the flow at the end, from a push and the upper half at the start.

    The flow starts as it was seen above the middle and at rest below. At once the push

        v·exp(−((x − x₀)² + (y − 15)²)/(2·7²)), v = (v_x, v_y),

    is added, the pressure takes out the divergence, and the flow carries itself for 56 units of
    time without viscosity; see :class:`~invlab.simulators.mac_grid.MacGrid` for both.

    Args:
        grid: box and obstacles.
        steps: of time.
    """

    # other calls that simulate rows
    simulating = ("run",)

    def __init__(self, grid: MacGrid, steps: int) -> None:
        super().__init__()
        self.grid, self.steps = grid, steps

    @property
    def shape(self) -> tuple[int, int, int]:
        """Components, rows and columns of one observation, the upper half."""
        return 2, self.grid.cells // 2, self.grid.cells

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """``(..., 3)`` and ``(..., N²)`` to ``(..., 2, N/2, N)``."""
        if c is None:
            raise ValueError("navier_stokes: the push needs the flow seen at the start, c")
        lead = x.shape[:-1]
        seen = c.to(x).expand(*lead, -1).reshape(-1, *self.shape)
        return self.run(x.reshape(-1, 3), self.below_at_rest(seen))[-1].reshape(*lead, *self.shape)

    def run(self, x: Tensor, start: Flow, *, every: bool = False) -> list[Tensor]:
        """Push and carry: what is seen at the end, or all over the box after each step.

        Args:
            x: pushes, ``(n, 3)``.
            start: flows before the push, n of them.
            every: whether to return the velocity at the centres of all cells, ``(n, 2, N, N)``,
                after the push and after each step, instead of ``(n, 2, N/2, N)`` at the end.
        """
        flow = self.grid.project(start + self.push(x))
        kept = [self.grid.at_centres(flow)] if every else []
        for _ in range(self.steps):
            flow = self.grid.project(self.grid.advect(flow, HORIZON / self.steps))
            if every:
                kept.append(self.grid.at_centres(flow))
        return kept if every else [self.above(flow)]

    def above(self, flow: Flow) -> Tensor:
        """What is seen: u on the left faces and v on the lower faces of the upper cells."""
        half = self.grid.cells // 2
        return torch.stack([flow.u[..., half:, :-1], flow.v[..., half:-1, :]], -3)

    def below_at_rest(self, seen: Tensor) -> Flow:
        """A flow from what was seen of it, ``(n, 2, N/2, N)``, and nothing below."""
        half = self.grid.cells // 2
        u, v = seen.unbind(1)
        return Flow(functional.pad(u, (0, 1, half, 0)), functional.pad(v, (0, 0, half, 1)))

    def push(self, x: Tensor) -> Flow:
        """What is added to the flow at the start, not projected yet: ``(n, 3)``."""
        x_u, y_u, x_v, y_v = (place.to(x) for place in self.grid.faces())
        where, along, up = (column[:, None, None] for column in x.T)

        def bump(across: Tensor, height: Tensor) -> Tensor:
            far = (across - where).square() + (height - HEIGHT).square()
            return (-far / (2 * RADIUS**2)).exp()

        return Flow(along * bump(x_u, y_u), up * bump(x_v, y_v))


class RandomFlow:
    """The law of the flow at the start: smooth swirls around the obstacles; as a prior, its top.

    The stream function is a sum of 6 × 6 products of sines with normal amplitudes, of standard
    deviation 1/(k² + l²); each term is projected around the obstacles, and the whole has the
    root mean square ``speed``.

    Attributes:
        dim: N², numbers of the upper half.
    """

    def __init__(self, simulator: Push, speed: float) -> None:
        grid = simulator.grid
        self._above, self.dim = simulator.above, grid.cells**2
        k = torch.arange(1, WAVES + 1, dtype=torch.float64, device="cpu")
        wave = (
            math.pi
            / grid.cells
            * torch.outer(k, torch.arange(grid.cells + 1.0, device="cpu").double())
        ).sin()
        stream = torch.einsum("ky,lx->klyx", wave, wave)
        stream = stream / (k[:, None] ** 2 + k**2)[..., None, None]
        swirl = Flow(stream.diff(dim=-2).flatten(0, 1), -stream.diff(dim=-1).flatten(0, 1))
        terms = grid.project(swirl)
        size = (terms.u.square().mean() + terms.v.square().mean()) * len(terms.u)
        self.terms = Flow(*(part * speed / size.sqrt() for part in terms))

    @property
    def bounds(self) -> Box:
        """The central 95 % range of each number."""
        std = self._above(self.terms).flatten(1).square().sum(0).sqrt()
        edge = (NORMAL_95 * std).clamp_min(1e-9)  # on a wall nothing moves
        return Box(-edge, edge)

    def draw(self, n: int, *, generator: torch.Generator | None = None) -> Flow:
        """``n`` whole flows, float64, on the CPU."""
        require_count("n", n)
        size = torch.randn(
            n, len(self.terms.u), generator=generator, dtype=torch.float64, device="cpu"
        )
        return Flow(*(torch.einsum("nk,kyx->nyx", size, part) for part in self.terms))

    def sample(self, n: int, *, generator: torch.Generator | None = None) -> Tensor:
        """What is seen of ``n`` flows, ``(n, N²)``, float64, on the CPU."""
        return self._above(self.draw(n, generator=generator)).flatten(1)


class NavierStokes(Task):
    """The half-observed flow, section 4.4 of Holl and Thuerey.

    The paper is "Can neural networks improve classical optimization of inverse problems?", the
    first form of arXiv 2408.08119. The unknown x = (x₀, v_x, v_y) is where near the bottom of a
    closed box a push is given, and how; the observation y is the velocity in the upper half,
    56 units of time later, as an image ``(2, N/2, N)``; the context c is the velocity there
    before the push, the same image as a list of N² numbers.

    What flows in the lower half at the start nobody sees. The simulator, which is the model that
    all methods have, takes it to be at rest; :meth:`sample` and :meth:`targets` draw it and
    simulate the whole. So no answer explains y exactly, as with noise, and the answer that
    explains it best is not quite the truth: report the misfit *at the truth* beside each result.

    The paper gives neither box, grid, step, viscosity, obstacles nor laws. Ours: a box of 100 × 100
    with free-slip walls, no viscosity but that of the scheme; x₀ in [20, 80], v_x in ±2f/3 and v_y
    in [f/3, f]. With two obstacles f = 3, and a single search solves nearly all problems; with
    five of them f = 6, and there are local minima.

    Args:
        cells: N, even, from 8 to 256; 32 for a CPU, 64 for a GPU.
        steps: of time, at least 7; 14 of 4 units up to N = 32 and twice as many at 64 if not given.
            The scheme is stable with any number, but not accurate: with 3.8, 1.9 and 1.0 cells
            crossed in a step by the strongest push what is seen is off by 5, 2 and 1 % (median,
            five obstacles), and more than 8 are refused.
        obstacles: ``"none"``, ``"two"`` or ``"five"``.
        strength: f; 3, and 6 with five obstacles, if not given.
        speed: root mean square of the random flow. The larger it is beside f, the more of y is
            due to what nobody saw.

    Raises:
        TypeError: ``cells`` or ``steps`` is no int.
        ValueError: a number out of range, obstacles by another name, or a push that crosses more
            than eight cells in a step.
    """

    simulator: Push
    context: RandomFlow

    def __init__(
        self,
        cells: int = 32,
        *,
        steps: int | None = None,
        obstacles: str = "two",
        strength: float | None = None,
        speed: float = SPEED,
    ) -> None:
        if not 8 <= require_count("navier_stokes: cells", cells) <= LARGEST or cells % 2:
            raise ValueError(
                f"navier_stokes: expected an even number of cells from 8 to {LARGEST}, got {cells}"
            )
        if obstacles not in OBSTACLES:
            raise ValueError(
                f"navier_stokes: expected obstacles among {', '.join(OBSTACLES)}, got {obstacles!r}"
            )
        steps = max(14, math.ceil(14 * cells / 32)) if steps is None else steps
        if require_count("navier_stokes: steps", steps) < 7:
            raise ValueError(f"navier_stokes: expected at least 7 steps, got {steps}")
        f = STRENGTH[obstacles] if strength is None else strength
        f, speed = (
            require_number(f"navier_stokes: {name}", value)
            for name, value in (("strength", f), ("speed", speed))
        )
        if not (0 < f < math.inf and 0 <= speed < f):
            raise ValueError(
                f"navier_stokes: expected 0 <= speed < strength, got speed={speed}, strength={f}"
            )
        crossed = f * HORIZON / steps * cells / SIZE
        if crossed > FARTHEST:
            raise ValueError(
                f"navier_stokes: a push of strength {f:g} crosses {crossed:.1f} cells in a step; "
                f"expected at most {FARTHEST:g}: take at least "
                f"{math.ceil(steps * crossed / FARTHEST)} steps, got {steps}"
            )
        simulator = Push(MacGrid(cells, size=SIZE, squares=OBSTACLES[obstacles]), steps)
        super().__init__(
            "navier_stokes",
            simulator,
            Box([20.0, -2 * f / 3, f / 3], [80.0, 2 * f / 3, f]),
            context=RandomFlow(simulator, speed),
            labels=["place", "velocity x", "velocity y"],
            units=["length", "length/time", "length/time"],
        )
        self.simulator.to(runtime.device())

    def sample(
        self,
        n: int,
        *,
        generator: torch.Generator | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> Pairs:
        """``n`` pushes, what is seen after them, and before: the whole flow takes part.

        See :meth:`invlab.task.Task.sample`; y is ``(n, 2, N/2, N)`` and c ``(n, N²)``.
        """
        if generator is None:
            generator = runtime.generator(0, self.name, "sample")
        x = self.prior.sample(n, generator=generator).to(runtime.device(), dtype)
        whole = Flow(*(part.to(x) for part in self.context.draw(n, generator=generator)))
        with torch.no_grad():
            return Pairs(
                x, self.simulator.run(x, whole)[-1], self.simulator.above(whole).flatten(1)
            )

    def picture(self, y: Tensor, c: Tensor) -> Tensor:
        """What is seen of each problem as one image, for a network.

        Args:
            y: observations, ``(B, 2, N/2, N)``.
            c: contexts, ``(B, N²)``.

        Returns:
            ``(B, 4, N/2, N)``: both components at the end, and at the start.

        Raises:
            TypeError, ValueError: a tensor of another shape or kind, or NaN in it.
        """
        require_tensor(f"{self.name}: y", y, ("B", *self.simulator.shape))
        require_tensor(f"{self.name}: c", c, (len(y), self.context.dim), device=y.device)
        return torch.cat([y, c.to(y).reshape(y.shape)], 1)

    def film(self, x: Tensor, c: Tensor) -> Tensor:
        """Velocity all over the box after the push and after each step, for drawing.

        Args:
            x: pushes, ``(n, 3)``.
            c: what was seen before, ``(n, N²)``.

        Returns:
            ``(steps + 1, n, 2, N, N)``, at the centres of the cells.

        Raises:
            TypeError, ValueError: a tensor of another shape or kind, or NaN in it.
        """
        require_tensor(f"{self.name}: x", x, ("n", 3))
        require_tensor(f"{self.name}: c", c, ("n", self.context.dim), device=x.device)
        start = self.simulator.below_at_rest(c.to(x).reshape(-1, *self.simulator.shape))
        return torch.stack(self.simulator.run(x, start, every=True))
