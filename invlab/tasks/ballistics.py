"""A ball thrown through air that slows it down: where does it land?"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from invlab import runtime
from invlab.priors import Box, Normal, Poisson, Product
from invlab.sampling.grid import sample_on_grid
from invlab.task import Simulator, Task
from invlab.validation import require_count, require_points, require_tensor

__all__ = ["Ballistics", "Impact", "Throw", "ThrowOnGrid", "lambert_w"]

Impact = Literal["exact", "grid"]

GRAVITY, DRAG, MASS = 9.81, 0.25, 0.2  # m/s², kg/s, kg; the paper gives no units
TAU = MASS / DRAG  # s, in which the horizontal speed falls to 1/e
FALL = GRAVITY * TAU  # m/s, the speed of a long fall

START_MEAN, START_STD = (0.0, 1.5), (0.5, 0.5)  # m, of the start position and height
ANGLES = (0.05 * math.pi, 0.45 * math.pi)  # rad, 9° to 81°
MEAN_SPEED = 15.0  # m/s

GRID_TIMES, GRID_END = 1500, 6.0  # points, s
# Throws simulated together on the time grid, and targets that share one table in memory.
CHUNK_THROWS, CHUNK_TARGETS = 1024, 16


def lambert_w(z: Tensor) -> Tensor:
    """The principal real branch of Lambert's W: the solution w ≥ −1 of w·exp(w) = z.

    Halley's iteration, a fixed number of times for all elements, then two Newton steps that
    autograd follows; these give the first and second derivatives of the solution itself, such as
    dw/dz = exp(−w)/(1 + w), not those of the iteration.

    Args:
        z: real numbers of any shape.

    Returns:
        Same shape and dtype (float64 of whole numbers), computed in float64; NaN below −1/e. At
        −1/e itself w is −1 and the gradient, infinite in truth, is meaningless.
    """
    z = z if z.is_floating_point() else z.double()
    wide = z.double()
    with torch.no_grad():
        w = _lambert_start(wide)
        for _ in range(5):
            miss = w - wide * (-w).exp()
            slope = 1 + w
            w = w - miss / _not_zero(slope - 0.5 * miss * (1 + 1 / _not_zero(slope)))
    for _ in range(2):
        decay = wide * (-w).exp()
        w = w - (w - decay) / _not_zero(1 + decay)
    w = torch.where(wide == torch.inf, torch.inf, w)
    return torch.where(wide < -math.exp(-1), torch.nan, w).to(z.dtype)


def _lambert_start(z: Tensor) -> Tensor:
    """Close to W: the series at the branch point, and a logarithmic estimate above it."""
    root = (2 * (math.e * z + 1)).clamp_min(0).sqrt()
    series = -1 + root * (1 + root * (-1 / 3 + root * (11 / 72)))
    log = z.clamp_min(-0.3).log1p()
    return torch.where(z < -0.2, series, log * (1 - log.log1p() / (2 + log)))


def _not_zero(value: Tensor) -> Tensor:
    return torch.where(value == 0, torch.ones_like(value), value)


class Throw(Simulator):
    """Where the ball lands: the exact root, and its exact derivatives.

    The unknowns are the start (x₁, x₂) in m, the angle x₃ to the horizontal in rad and the speed
    x₄ in m/s. With τ = m/k and the terminal speed u = gτ, the ball is at time t at

        x₁ + τ·x₄·cos x₃·(1 − e^(−t/τ)),   x₂ + τ·(u + x₄·sin x₃)·(1 − e^(−t/τ)) − u·t.

    With q = 1 + x₄·sin x₃/u and h = x₂/(uτ) it is on the ground at t = τ·(h + q + W(−q·e^(−h−q))),
    W being the principal branch of Lambert's function. (Ren, Padilla and Malof, 2020, supplement
    8.6.1, say that there is no closed form.) One Newton step on the height itself restores what
    the formula loses on throws that hardly leave the ground.
    """

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """``(..., 4) -> (..., 1)``, in m, computed in float64; NaN where nothing is thrown.

        That is below the ground (x₂ < 0) or with a negative speed (x₄ < 0). Throws backwards or
        downwards are throws.
        """
        x = require_points("Throw: x", x, 4)
        wide = x.double()
        return self.position(wide, self.impact_time(wide)[..., None])[..., 0, :1].to(x.dtype)

    def impact_time(self, x: Tensor) -> Tensor:
        """Time of the landing in s, ``(..., 4) -> (...)``; NaN where nothing is thrown."""
        x = require_points("Throw: x", x, 4)
        wide = x.double()
        height = wide[..., 1] / (FALL * TAU)
        push = 1 + wide[..., 3] * wide[..., 2].sin() / FALL
        total = height + push
        s = total + lambert_w((-push * (-total).exp()).clamp_min(-math.exp(-1)))
        for _ in range(2):
            above = height - push * (-s).expm1() - s
            s = s - above / _not_zero(push * (-s).exp() - 1)
        thrown = (wide[..., 1] >= 0) & (wide[..., 3] >= 0)
        return torch.where(thrown, TAU * s.clamp_min(0), torch.nan).to(x.dtype)

    def position(self, x: Tensor, t: Tensor) -> Tensor:
        """Where the ball is in m, ``(..., 4)`` and times ``(..., K)`` in s ``-> (..., K, 2)``."""
        wide, t = x.double()[..., None, :], t.double()
        gone = -(-t / TAU).expm1()
        speed, angle = wide[..., 3], wide[..., 2]
        across = wide[..., 0] + TAU * speed * angle.cos() * gone
        up = wide[..., 1] + TAU * (FALL + speed * angle.sin()) * gone - FALL * t
        return torch.stack([across, up], -1).to(x.dtype)


class ThrowOnGrid(Throw):
    """The papers' simulator: the landing is read off 1500 points of time in 6 s, 4 ms apart.

    y is the position at the last grid point above the ground: it falls short by up to one step,
    with a mean squared error of 2e-5 m² on the prior, and has jumps. NaN stands where the published
    code returns −999 or leaves the row out: no change of sign within 6 s after the peak. That
    includes every throw backwards, because "after the peak" is told by the horizontal position.
    A start below the ground counts, as in the published code; where the ball does not come out of
    it, y is the place of its peak.
    """

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """``(..., 4) -> (..., 1)``, in m."""
        x = require_points("ThrowOnGrid: x", x, 4)
        rows = x.reshape(-1, 4).split(CHUNK_THROWS)
        return torch.cat([self._land(part) for part in rows]).reshape(*x.shape[:-1], 1)

    def _land(self, x: Tensor) -> Tensor:
        t = torch.linspace(0, GRID_END, GRID_TIMES, dtype=torch.float64, device=x.device)
        across, up = self.position(x.double(), t).unbind(-1)
        peak = across.gather(-1, up.argmax(-1, keepdim=True))
        below = (across >= peak) & (up < 0)
        crossing = below[:, 1:] != below[:, :-1]
        order = torch.arange(GRID_TIMES - 1, device=x.device)
        last = torch.where(crossing, order, -1).amax(-1, keepdim=True)
        y = across.gather(-1, last.clamp_min(0))
        return torch.where(last < 0, torch.nan, y).to(x.dtype)


class _StartHeight(Normal):
    """A normal law whose draws below the ground are put on it, as in the papers."""

    def sample(self, n: int, *, generator: torch.Generator | None = None) -> Tensor:
        return super().sample(n, generator=generator).clamp_min(0)

    def log_prob(self, x: Tensor) -> Tensor:
        """Log density above the ground, and the log probability of a start on it."""
        x = require_points("start height: x", x, self.dim)
        on_it = torch.special.log_ndtr(-self.mean / self.std).to(x)
        logs = torch.where(x[..., 0] == 0, on_it[0], super().log_prob(x))
        return torch.where(x[..., 0] < 0, -torch.inf, logs)


class Ballistics(Task):
    """Task D1 of Ren, Padilla and Malof (2020), first posed by Kruse et al. (2021).

    x₁ ~ N(0, ½²) m, x₂ ~ max(N(1.5, ½²), 0) m, x₃ ~ U(9°, 81°), x₄ ~ Poisson(15) m/s, a whole
    number; ½ is a standard deviation. The observation is the point of impact in m. The box holds
    95 % of each unbounded law. Speeds are in m/s here, where the published code gives its
    networks x₄/15.

    Args:
        impact: ``"exact"``, the root by Lambert's W, differentiable (:class:`Throw`); or
            ``"grid"``, the papers' 1500 points of time, not differentiable (:class:`ThrowOnGrid`).

    Raises:
        ValueError: another word for ``impact``.
    """

    simulator: Throw

    def __init__(self, impact: Impact = "exact") -> None:
        if impact not in ("exact", "grid"):
            raise ValueError(f"ballistics: expected impact='exact' or 'grid', got {impact!r}")
        super().__init__(
            "ballistics",
            Throw() if impact == "exact" else ThrowOnGrid(),
            Product(
                Normal(START_MEAN[:1], START_STD[:1]),
                _StartHeight(START_MEAN[1:], START_STD[1:]),
                Box(ANGLES[:1], ANGLES[1:]),
                Poisson([MEAN_SPEED]),
            ),
            labels=["start", "height", "angle", "speed"],
            units=["m", "m", "rad", "m/s"],
            differentiable=impact == "exact",
        )
        self.impact = impact

    def impact_time(self, x: Tensor) -> Tensor:
        """Exact time of the landing in s, ``(..., 4) -> (...)``; NaN where nothing is thrown."""
        require_tensor(f"{self.name}: x", x, ("...", 4))
        return self.simulator.impact_time(x)

    def trajectory(self, x: Tensor, points: int = 100) -> Tensor:
        """The flight for drawing, from the throw to the exact impact.

        Args:
            x: throws, shape ``(..., 4)``.
            points: number of points, equally spaced in time, at least 2.

        Returns:
            ``(..., points, 2)``, (distance, height) in m; NaN where nothing is thrown.

        Raises:
            ValueError: fewer than 2 points.
        """
        if points < 2:
            raise ValueError(f"{self.name}: expected at least 2 points, got {points}")
        end = self.impact_time(x)
        share = torch.linspace(0, 1, points, dtype=x.dtype, device=x.device)
        return self.simulator.position(x, end[..., None] * share)

    def posterior(self, y: Tensor, n: int, *, generator: torch.Generator | None = None) -> Tensor:
        """Exact draws from p(x | y), without tolerance and without a loop of rejections.

        y = x₁ + r(x₂, x₃, x₄), so the other three have the density of their prior times that of
        x₁ = y − r. It is tabulated over height, angle and whole speeds up to 50 m/s (all but
        1e-12 of the prior); candidates come from the table and pass one acceptance step against
        the density itself, which is that of this task's simulator, exact or on the grid.

        Args:
            y: targets in m, shape ``(B, 1)``.
            n: draws for each target.
            generator: CPU generator; a fresh one of seed 0 if not given.

        Returns:
            ``(B, n, 4)`` with the dtype and on the device of ``y``; drawn in float64.
        """
        require_tensor(f"{self.name}: y", y, ("B", 1))
        require_count("n", n)
        if generator is None:
            generator = runtime.generator(0, self.name, "posterior")
        target = y.detach().double().cpu()
        cells, widths = _throw_cells()
        reach = Throw()(_throws(cells))[:, 0]
        draws = []
        for part in target.split(CHUNK_TARGETS):

            def log_density(points: Tensor, part: Tensor = part) -> Tensor:
                return _log_prior(points, part - self._reach(points))

            table = _log_prior(cells, part - reach)
            points = sample_on_grid(table, log_density, cells, widths, n, generator=generator)
            start = part - self._reach(points)
            draws.append(torch.cat([start[..., None], _throws(points)[..., 1:]], -1))
        return torch.cat(draws).to(y)

    def _reach(self, points: Tensor) -> Tensor:
        """How far the ball flies, ``(..., 3) -> (...)``."""
        return self.simulator(_throws(points))[..., 0]


def _log_prior(points: Tensor, start: Tensor) -> Tensor:
    """Of grid points ``(..., 3)`` and start positions ``(...)``, up to a constant."""
    height, _, speed = points.unbind(-1)
    deviation = (start / START_STD[0]).square() + ((height - START_MEAN[1]) / START_STD[1]).square()
    return speed * math.log(MEAN_SPEED) - (speed + 1).lgamma() - deviation / 2


def _throws(points: Tensor) -> Tensor:
    """Grid points (height before it is clipped, angle, speed) as throws from x₁ = 0."""
    height, angle, speed = points.unbind(-1)
    return torch.stack([torch.zeros_like(height), height.clamp_min(0), angle, speed], -1)


def _throw_cells(heights: int = 32, angles: int = 96, fastest: int = 50) -> tuple[Tensor, Tensor]:
    """Cells over height (−1 m to 4 m, 5 standard deviations), angle and speed."""
    low, high = START_MEAN[1] - 5 * START_STD[1], START_MEAN[1] + 5 * START_STD[1]
    sides = torch.tensor(
        [(high - low) / heights, (ANGLES[1] - ANGLES[0]) / angles, 0.0],
        dtype=torch.float64,
        device="cpu",
    )
    cells = torch.cartesian_prod(
        low + sides[0] * (torch.arange(heights, dtype=torch.float64, device="cpu") + 0.5),
        ANGLES[0] + sides[1] * (torch.arange(angles, dtype=torch.float64, device="cpu") + 0.5),
        torch.arange(fastest + 1, dtype=torch.float64, device="cpu"),
    )
    return cells, sides
