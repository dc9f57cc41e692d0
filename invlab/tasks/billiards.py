"""Billiards: hit a ball with the cue ball so that it comes to rest on a target."""

from __future__ import annotations

import torch
from torch import Tensor

from invlab import runtime
from invlab.priors import Box
from invlab.task import Simulator, Targets, Task
from invlab.validation import require_count, require_number, require_tensor

__all__ = ["Billiards", "Shot"]

TARGET = (1.0, 0.0)  # m
# Corners of the region of the start positions in m: cue ball (x, y), other ball (x, y).
PLACES = ([-0.8, -0.3, 0.0, -0.3], [-0.6, 0.3, 0.2, 0.3])
# First guess, and half-widths of prior and box around it: ways in m that the cue ball would roll
# by itself, a velocity divided by the drag.
START, TRIED, ALLOWED = (1.5, 0.0), (1.5, 1.5), (1.5, 3.0)
# A larger ball would hide the side that sends it to the target, from some start positions.
LARGEST_RADIUS = 0.2  # m


class Shot(Simulator):
    """Two equal balls, one collision, each event in closed form; no cushions and no pockets.

    Friction is proportional to the velocity, dv/dt = −γv, so a ball of velocity v rolls v/γ
    further, in a straight line, and loses speed linearly in the distance. Let p = v₀/γ be the
    way that the cue ball would go by itself, d the vector from it to the other ball and r the
    radius. The centres are 2r apart after the share τ of that way, the smaller root of

        ``|p|²τ² − 2(d·p)τ + |d|² − 4r² = 0, τ = (|d|² − 4r²)/(d·p + √D), D = 4r²|p|² − (d × p)²``,

    and the balls meet if D > 0 (the impact parameter is below 2r), d·p > 0 and τ < 1 (the cue
    ball does not stop before). The normal is n = (d − τp)/2r, the speed along it before the
    collision (1 − τ)γ√D/2r, and the other ball takes the share (1 + e)/2 of that, so it rests at

        b + (1 + e)/2·(1 − τ)·√D/(2r)·n.

    Afterwards the balls do not approach each other along n, and all velocities fall by the same
    factor, so they never meet again. y is continuous in the velocity; its gradient is zero on a
    miss, grows without bound like D^(−1/2) towards a grazing hit, and jumps where the cue ball
    just fails to reach.

    Args:
        radius: r of both balls in m.
        restitution: e, from 0 (the normal speeds become equal) to 1 (no energy is lost).
        drag: γ in 1/s.
    """

    def __init__(
        self, radius: float = 0.05, *, restitution: float = 0.8, drag: float = 1.0
    ) -> None:
        super().__init__()
        self.radius, self.restitution, self.drag = radius, restitution, drag

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Velocities ``(..., 2)`` in m/s, places ``(..., 4)`` in m to rest points ``(..., 2)``.

        NaN where the balls overlap at the start.
        """
        if c is None:
            raise ValueError("billiards: the shot needs the balls' places c, of shape (..., 4)")
        return self.events(x, c)[..., 1, 2, :]

    def hits(self, x: Tensor, c: Tensor) -> Tensor:
        """Whether the balls meet, ``(..., 2)`` and ``(..., 4)`` to a mask ``(...)``."""
        return self._meet(*self._way(x), _gap(c.to(x)))[0][..., 0]

    def events(self, x: Tensor, c: Tensor) -> Tensor:
        """All events of both balls, ``(..., 2, 3, 2)``: see :meth:`Billiards.trajectory`."""
        c = c.to(x)
        cue, ball, gap = c[..., :2], c[..., 2:], _gap(c)
        size, unit = self._way(x)
        hit, stretch, root = self._meet(size, unit, gap)
        normal = (gap - stretch * unit) / (2 * self.radius)
        taken = (1 + self.restitution) / 2 * (size - stretch) * root / (2 * self.radius)
        push = torch.where(hit, taken * normal, 0.0)
        end = cue + size * unit
        meeting = torch.where(hit, cue + stretch * unit, end)
        ball = ball.expand_as(push)
        first = torch.stack([cue.expand_as(push), meeting, end - push], -2)
        second = torch.stack([ball, ball, ball + push], -2)
        apart = (_dot(gap, gap) >= 4 * self.radius**2)[..., None, None]
        return torch.where(apart, torch.stack([first, second], -3), torch.nan)

    def _way(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """p as a size ``(..., 1)`` of at least 1 times the rest, so that no square overflows."""
        way = x / self.drag
        size = way.abs().amax(-1, keepdim=True).clamp_min(1.0)
        return size, way / size

    def _meet(self, size: Tensor, unit: Tensor, gap: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Whether the balls meet, and where they do τ·size and √D/size; each ``(..., 1)``.

        A root or a quotient gets a harmless argument where it would not be used, since its
        infinite derivative times the zero that comes back from there would be NaN.
        """
        across = gap[..., :1] * unit[..., 1:] - gap[..., 1:] * unit[..., :1]
        inside = 4 * self.radius**2 * _dot(unit, unit) - across.square()
        ahead = _dot(gap, unit)
        hit = (inside > 0) & (ahead > 0)
        root = torch.where(hit, inside, 1.0).sqrt()
        room = _dot(gap, gap) - 4 * self.radius**2
        hit = hit & (room >= 0) & (room < size * (ahead + root))
        return hit, room / torch.where(hit, ahead + root, 1.0), root


class Billiards(Task):
    """The billiards experiment, section 4.2 of Holl and Thuerey.

    The paper is "Can neural networks improve classical optimization of inverse problems?", the
    first form of arXiv 2408.08119. The unknown x is the initial velocity (x, y) of the cue ball
    in m/s; the context c is where the balls are, (cue x, cue y, ball x, ball y) in m; the
    observation y is where the other ball comes to rest, (x, y) in m. A target is the fixed point
    (1, 0) that it has to come to rest on. The paper's loss, ``|p_rest − p_target|²``, is thus the
    squared distance between ``simulate(x, c)`` and y, twice the misfit ``½|f(x, c) − y|²``. A
    shot that misses leaves the ball where it is: a constant loss and a gradient of exactly zero.

    The paper gives no sizes, friction, restitution or distributions. Ours: radius 0.05 m,
    e = 0.8, drag γ = 1/s (see :class:`Shot`); the cue ball starts in [−0.8, −0.6] × [−0.3, 0.3],
    the other ball in [0, 0.2] × [−0.3, 0.3], uniformly. The first guess is (1.5γ, 0) m/s, the
    centre of prior and box. It hits where the balls' y differ by less than 2r, in 11/36 of all
    problems. The law of the answers counts as unknown in the paper: the prior, uniform in
    [0, 3γ] × [−1.5γ, 1.5γ] m/s, says what training data try, and 12 % of its shots hit. With these
    numbers it holds 96 % of the answers, and the box, [0, 3γ] × [−3γ, 3γ] m/s, all of them; a
    lower restitution asks for faster shots.

    Args:
        radius: of both balls in m, above 0 and below 0.2, so that each problem has an answer.
        restitution: e, from 0 to 1.
        drag: γ in 1/s, above 0.

    Raises:
        ValueError: a number out of these ranges.
    """

    simulator: Shot

    def __init__(
        self, radius: float = 0.05, *, restitution: float = 0.8, drag: float = 1.0
    ) -> None:
        radius = require_number("billiards: radius", radius)
        restitution = require_number("billiards: restitution", restitution)
        drag = require_number("billiards: drag", drag)
        if not 0 < radius < LARGEST_RADIUS:
            raise ValueError(f"billiards: expected 0 < radius < {LARGEST_RADIUS:g} m, got {radius}")
        if not 0 <= restitution <= 1:
            raise ValueError(f"billiards: expected 0 <= restitution <= 1, got {restitution}")
        if not 0 < drag < float("inf"):
            raise ValueError(f"billiards: expected drag above 0 per second, got {drag}")
        super().__init__(
            "billiards",
            Shot(radius, restitution=restitution, drag=drag),
            _around_start(TRIED, drag),
            box=_around_start(ALLOWED, drag),
            context=Box(*PLACES),
            labels=["velocity x", "velocity y"],
            units=["m/s", "m/s"],
        )

    def targets(self, k: int, *, seed: int, dtype: torch.dtype = torch.float32) -> Targets:
        """``k`` problems: fresh places of the balls, all with the target (1, 0).

        Args:
            k: number of problems, at least 1.
            seed: any integer.
            dtype: of all three tensors.

        Returns:
            Targets on ``runtime.device()``: y ``(k, 2)``, c ``(k, 4)`` and the answers x
            ``(k, 2)`` of :meth:`answer`.
        """
        require_count("k", k)
        generator = runtime.generator(seed, self.name, "targets")
        assert self.context is not None
        c = self.context.sample(k, generator=generator)
        y = torch.tensor([TARGET], dtype=c.dtype, device="cpu").repeat(k, 1)
        answers = self.answer(y, c)
        y, c, x = (value.to(runtime.device(), dtype) for value in (y, c, answers))
        return Targets(y, c, x)

    def hits(self, x: Tensor, c: Tensor) -> Tensor:
        """Which shots hit the other ball; elsewhere the gradient is zero.

        Args:
            x: velocities in m/s, shape ``(..., 2)``.
            c: places in m, shape ``(..., 4)``.

        Returns:
            A mask ``(...)``.

        Raises:
            TypeError, ValueError: a tensor of another shape or kind, or NaN in it.
        """
        self._require(x, c)
        return self.simulator.hits(x, c)

    def trajectory(self, x: Tensor, c: Tensor) -> Tensor:
        """The way of both balls as polylines for drawing.

        Args:
            x: velocities in m/s, shape ``(..., 2)``.
            c: places in m, shape ``(..., 4)``.

        Returns:
            ``(..., 2, 3, 2)``: of the cue ball and of the other ball, the centre (x, y) in m at
            the start, at the collision and at rest. The last point of the other ball is the
            observation. On a miss the cue ball's "collision" is where it rests.

        Raises:
            TypeError, ValueError: a tensor of another shape or kind, or NaN in it.
        """
        self._require(x, c)
        return self.simulator.events(x, c)

    def answer(self, y: Tensor, c: Tensor) -> Tensor:
        """The one velocity that brings the other ball to rest at y, in closed form.

        The ball rolls along the normal of the collision, so y fixes the normal, the normal where
        the cue ball has to be when they meet, and that place its direction; the speed follows
        from how far both balls have to roll.

        Args:
            y: where the ball shall rest in m, shape ``(..., 2)``.
            c: places in m, shape ``(..., 4)``.

        Returns:
            ``(..., 2)`` in m/s with the dtype of ``y``; NaN where no shot does it (the cue ball
            is not behind the ball as seen from y), where many do (y is where the ball lies) and
            where the balls overlap.

        Raises:
            TypeError, ValueError: a tensor of another shape or kind, or NaN in it.
        """
        require_tensor(f"{self.name}: y", y, ("...", 2))
        require_tensor(f"{self.name}: c", c, ("...", 4), device=y.device)
        shot, c = self.simulator, c.to(y)
        way = y - c[..., 2:]
        roll = way.norm(dim=-1, keepdim=True)
        normal = way / roll
        approach = _gap(c) - 2 * shot.radius * normal
        distance = approach.norm(dim=-1, keepdim=True)
        aim = approach / distance
        cosine = _dot(aim, normal)
        speed = shot.drag * (distance + 2 * roll / ((1 + shot.restitution) * cosine))
        possible = (cosine > 0) & (_gap(c).norm(dim=-1, keepdim=True) >= 2 * shot.radius)
        return torch.where(possible, speed * aim, torch.nan)

    def _require(self, x: Tensor, c: Tensor) -> None:
        require_tensor(f"{self.name}: x", x, ("...", 2))
        require_tensor(f"{self.name}: c", c, ("...", 4), device=x.device)


def _around_start(half_width: tuple[float, float], drag: float) -> Box:
    sides = list(zip(START, half_width, strict=True))
    return Box([drag * (s - w) for s, w in sides], [drag * (s + w) for s, w in sides])


def _gap(c: Tensor) -> Tensor:
    """From the cue ball to the other ball, ``(..., 4) -> (..., 2)``."""
    return c[..., 2:] - c[..., :2]


def _dot(a: Tensor, b: Tensor) -> Tensor:
    """``(..., 2)`` and ``(..., 2)`` to ``(..., 1)``."""
    return (a * b).sum(-1, keepdim=True)
