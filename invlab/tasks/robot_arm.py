"""The robot arm: a slider and three joints bring the tip of a planar arm to a point."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from invlab import runtime
from invlab.priors import Normal
from invlab.sampling.grid import sample_on_grid
from invlab.task import Simulator, Task
from invlab.validation import require_count, require_points, require_tensor

__all__ = ["Angles", "ArmKinematics", "RobotArm"]

Angles = Literal["difference", "cumulative"]

LENGTHS = (0.5, 0.5, 1.0)  # m
STD = (0.25, 0.5, 0.5, 0.5)  # of the slider in m and of the joints in rad

# Targets that share one table in memory.
CHUNK = 16


class ArmKinematics(Simulator):
    """Where the tip of the arm is, y = (horizontal, vertical) in m.

    Args:
        angles: how a link's angle θ to the horizontal follows from the joints x₂, x₃, x₄:
            ``"difference"``: θ = (x₂, x₃ − x₂, x₄ − x₃ − x₂), Ren, Padilla and Malof (2020),
            supplement 8.6.2; ``"cumulative"``: θ = (x₂, x₂ + x₃, x₂ + x₃ + x₄), a joint turns
            all that follows it, as in the public data code of Kruse et al. (2021).

    Raises:
        ValueError: another word for ``angles``.
    """

    lengths: Tensor

    def __init__(self, angles: Angles = "difference") -> None:
        super().__init__()
        if angles not in ("difference", "cumulative"):
            raise ValueError(f"robot_arm: expected 'difference' or 'cumulative', got {angles!r}")
        self.angles = angles
        self.register_buffer("lengths", torch.tensor(LENGTHS, dtype=torch.float64, device="cpu"))

    def link_angles(self, x: Tensor) -> Tensor:
        """Angle of each link to the horizontal in rad, ``(..., 4) -> (..., 3)``."""
        a, b, c = x[..., 1], x[..., 2], x[..., 3]
        if self.angles == "difference":
            return torch.stack([a, b - a, c - b - a], -1)
        return torch.stack([a, a + b, a + b + c], -1)

    def joint_angles(self, theta: Tensor) -> Tensor:
        """The joints in [−π, π) that give these link angles, ``(..., 3) -> (..., 3)``."""
        first = _wrap(theta[..., 0])
        if self.angles == "difference":
            second = _wrap(theta[..., 1] + first)
            return torch.stack([first, second, _wrap(theta[..., 2] + first + second)], -1)
        steps = _wrap(theta.diff(dim=-1))
        return torch.cat([first[..., None], steps], -1)

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """``(..., 4) -> (..., 2)``."""
        return self.joints(require_points("ArmKinematics: x", x, 4))[..., -1, :]

    def joints(self, x: Tensor) -> Tensor:
        """The arm as a polyline, ``(..., 4) -> (..., 5, 2)``: see :meth:`RobotArm.joints`."""
        theta, lengths = self.link_angles(x), self.lengths.to(x)
        slider = torch.stack([torch.zeros_like(x[..., 0]), x[..., 0]], -1)[..., None, :]
        links = torch.stack([lengths * theta.cos(), lengths * theta.sin()], -1)
        return torch.cat([torch.zeros_like(slider), slider, slider + links.cumsum(-2)], -2)


class RobotArm(Task):
    """Task D3 of Ren, Padilla and Malof (2020), first posed by Ardizzone et al. (2019).

    An arm of three links, ½, ½ and 1 m long, sits on a vertical slider at height x₁ ~ N(0, ¼²) m;
    the joints are x₂, x₃, x₄ ~ N(0, ½²) rad (standard deviations, not variances). The observation
    is the tip, (horizontal, vertical) in m, in the order of the published code. The box is the
    central 95 % of each law; the published code uses ±2.4 standard deviations instead.

    Args:
        angles: ``"difference"`` (this paper) or ``"cumulative"``: see :class:`ArmKinematics`.
            The two give different laws of y.

    Raises:
        ValueError: another word for ``angles``.
    """

    simulator: ArmKinematics

    def __init__(self, angles: Angles = "difference") -> None:
        super().__init__(
            "robot_arm",
            ArmKinematics(angles),
            Normal([0.0] * 4, STD),
            labels=["slider", "joint 1", "joint 2", "joint 3"],
            units=["m", "rad", "rad", "rad"],
        )
        self.angles = angles

    def joints(self, x: Tensor) -> Tensor:
        """The arm as a polyline for drawing.

        Args:
            x: poses, shape ``(..., 4)``.

        Returns:
            ``(..., 5, 2)``: the slider's origin (0, 0), the slider, two joints and the tip, each
            (horizontal, vertical) in m. The last point is the observation.
        """
        require_tensor(f"{self.name}: x", x, ("...", 4))
        return self.simulator.joints(x)

    def posterior(self, y: Tensor, n: int, *, generator: torch.Generator | None = None) -> Tensor:
        """Exact draws from p(x | y), without tolerance and without a loop of rejections.

        Given the last link's angle c, the other two obey cos a + cos b = t with
        t = 2(y_h − cos c). Put cos a = t/2 + ``(1 − |t|/2)`` sin φ: the density of (c, φ) is then
        the prior's, times [(1 ± cos a)(1 ± cos b)]^(−1/2) with the sign of t, for each of the 8
        choices of sign of (a, b, c). It is tabulated for each target; candidates come from the
        table and pass one acceptance step against the density itself. The slider takes what
        remains of y_v, so that f(x) = y to rounding.

        Joints outside [−π, π), prior probability 1e-9, are left out.

        Args:
            y: targets (horizontal, vertical), shape ``(B, 2)``.
            n: draws for each target.
            generator: CPU generator; a fresh one of seed 0 if not given.

        Returns:
            ``(B, n, 4)`` with the dtype and on the device of ``y``; drawn in float64.

        Raises:
            ValueError: a target farther than 2 m from the slider, which no pose reaches.
        """
        require_tensor(f"{self.name}: y", y, ("B", 2))
        require_count("n", n)
        target = y.detach().double().cpu()
        if bool((target[:, 0].abs() > sum(LENGTHS)).any()):
            raise ValueError(
                f"{self.name}: expected horizontal targets within {sum(LENGTHS)} m, the length of "
                f"the arm, got {float(target[:, 0].min()):.4g} to {float(target[:, 0].max()):.4g}"
            )
        if generator is None:
            generator = runtime.generator(0, self.name, "posterior")
        draws = [self._draw(part, n, generator) for part in target.split(CHUNK)]
        return torch.cat(draws).to(y)

    def _draw(self, y: Tensor, n: int, generator: torch.Generator) -> Tensor:
        def log_density(points: Tensor) -> Tensor:
            return self._pose(points, y)[1]

        cells, widths = _arm_cells()
        table = log_density(cells[None])
        points = sample_on_grid(table, log_density, cells, widths, n, generator=generator)
        return self._pose(points, y)[0]

    def _pose(self, points: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Poses ``(B, K, 4)`` and log densities ``(B, K)`` at grid points (3 signs, c, φ)."""
        across, up = y[:, None, 0], y[:, None, 1]
        nearest, farthest = (1 + across).clamp(max=1).acos(), (across - 1).clamp(min=-1).acos()
        c = points[..., 2] * torch.lerp(nearest, farthest, points[..., 3])
        t = (2 * (across - c.cos())).clamp(-2, 2)
        cos_a = t / 2 + (1 - t.abs() / 2) * (math.pi * (points[..., 4] - 0.5)).sin()
        cos_b = t - cos_a
        a, b = (
            points[..., 0] * cos_a.clamp(-1, 1).acos(),
            points[..., 1] * cos_b.clamp(-1, 1).acos(),
        )
        theta = torch.stack([a, b, c], -1)
        x1 = up - (theta.sin() * self.simulator.lengths.cpu()).sum(-1)
        x = torch.cat([x1[..., None], self.simulator.joint_angles(theta)], -1)
        side = torch.where(t >= 0, 1.0, -1.0)
        curve = ((1 + side * cos_a) * (1 + side * cos_b)).clamp_min(1e-24)
        prior = -0.5 * (x / x.new_tensor(STD)).square().sum(-1)
        return x, prior - 0.5 * curve.log()


def _arm_cells(steps: int = 48) -> tuple[Tensor, Tensor]:
    """Cells over (sign of a, sign of b, sign of c, share of c's range, φ/π + ½)."""
    sign = torch.tensor([-1.0, 1.0], dtype=torch.float64, device="cpu")
    unit = (torch.arange(steps, dtype=torch.float64, device="cpu") + 0.5) / steps
    widths = torch.tensor([0.0, 0.0, 0.0, 1 / steps, 1 / steps], dtype=torch.float64, device="cpu")
    return torch.cartesian_prod(sign, sign, sign, unit, unit), widths


def _wrap(angle: Tensor) -> Tensor:
    return (angle + math.pi).remainder(2 * math.pi) - math.pi
