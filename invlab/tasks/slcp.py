"""SLCP: a simple likelihood with a complex posterior; mean and covariance from four points."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from invlab import runtime
from invlab.priors import Box
from invlab.sampling.rejection import sample_by_rejection
from invlab.task import Simulator, Task
from invlab.validation import require_count, require_points, require_tensor

__all__ = ["SLCP", "FourPoints"]

POINTS, EDGE = 4, 3.0


class FourPoints(Simulator):
    """Four points drawn from a normal law in the plane; nothing has a unit.

    The noise comes from torch's global generator.
    """

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """``(..., 5) -> (..., 8)``."""
        x = require_points("FourPoints: x", x, 5)
        mean, wide, high = x[..., None, :2], x[..., 2:3] ** 2, x[..., 3:4] ** 2
        tilt = x[..., 4:].tanh()
        size: dict = {"dtype": torch.float64, "device": "cpu"}
        first, second = torch.randn(*x.shape[:-1], POINTS, 2, **size).to(x).unbind(-1)
        across = wide * first
        along = high * (tilt * first + (1 - tilt.square()).sqrt() * second)
        return (mean + torch.stack([across, along], -1)).flatten(-2)


class SLCP(Task):
    """Simple likelihood, complex posterior: Papamakarios et al. (2019), arXiv:1805.07226.

    Unknowns, uniform in [−3, 3]⁵: the mean (x₁, x₂) of a normal law in the plane, its standard
    deviations x₃² and x₄², and its correlation tanh x₅. The observation is four points, one after
    the other. The signs of x₃ and x₄ do not count, so that a y has four equal heaps of answers.
    """

    def __init__(self) -> None:
        super().__init__("slcp", FourPoints(), Box([-EDGE] * 5, [EDGE] * 5), noisy=True)

    def posterior(self, y: Tensor, n: int, *, generator: torch.Generator | None = None) -> Tensor:
        """Exact draws from p(x | y), by rejection from the conjugate law.

        Let s be the standard deviation of the first coordinate, b the slope of the second on the
        first, and t what is left of the second's deviation; let A be the scatter matrix of the
        points, B = A₁₂/A₁₁ their slope and R the rest. The likelihood without the mean is

            s⁻³ exp(−A₁₁/(2 s²)) · t⁻³ exp(−(R + A₁₁ (b − B)²)/(2 t²)),

        and the uniform prior becomes √s / (t √(t² + b²s²)^½). Without the last factor, which is at
        most t^(−½), s² and t² have inverse gamma laws, here cut off where the box ends, and b a
        normal one given t; a candidate is kept with probability √(t / √(t² + b²s²)) where it lies
        in the box. The mean is normal around that of the points.

        Args:
            y: targets, shape ``(B, 8)``.
            n: draws for each target.
            generator: CPU generator; a fresh one of seed 0 if not given.

        Returns:
            ``(B, n, 5)`` with the dtype and on the device of ``y``; drawn in float64.

        Raises:
            ValueError: a target that next to no x of the box can cause.
        """
        require_tensor(f"{self.name}: y", y, ("B", 2 * POINTS))
        require_count("n", n)
        source = runtime.generator(0, self.name, "posterior") if generator is None else generator
        points = y.detach().double().cpu().unflatten(-1, (POINTS, 2))

        def propose(rows: Tensor, m: int) -> tuple[Tensor, Tensor]:
            return _candidates(points[rows], m, source)

        return sample_by_rejection(propose, len(points), n).to(y)


def _candidates(points: Tensor, m: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Unknowns ``(k, m, 5)`` for points ``(k, 4, 2)``, and which of them are kept ``(k, m)``."""
    mean = points.mean(1, keepdim=True)
    middle = points - mean
    first = middle[..., 0].square().sum(-1, keepdim=True)
    slope = middle.prod(-1).sum(-1, keepdim=True) / first
    rest = (middle[..., 1] - slope * middle[..., 0]).square().sum(-1, keepdim=True)
    size: dict[str, Any] = {"generator": generator, "dtype": torch.float64, "device": "cpu"}
    luck = torch.rand(5, len(points), m, **size)
    normal = torch.randn(3, len(points), m, **size)
    s = _inverse_gamma(0.75, first / 2, luck[0]).sqrt()
    t = _inverse_gamma(1.25, rest / 2, luck[1]).sqrt()
    b = slope + t / first.sqrt() * normal[0]
    high = (t.square() + (b * s).square()).sqrt()
    step = torch.stack([s * normal[1], b * s * normal[1] + t * normal[2]], -1)
    x = torch.cat(
        [
            mean + step / math.sqrt(POINTS),
            torch.stack([s, high], -1).sqrt() * (2 * (luck[3:].movedim(0, -1) < 0.5) - 1),
            torch.atanh(b * s / high)[..., None],
        ],
        -1,
    )
    return x, (luck[2].square() < t / high) & (x.abs() <= EDGE).all(-1)


def _inverse_gamma(shape: float, scale: Tensor, unit: Tensor) -> Tensor:
    """Quantiles of the inverse gamma law of a variance, as far as the box allows it to go."""
    from scipy.special import gammaincc, gammainccinv  # SciPy is slow to import, and only used here

    within = gammaincc(shape, (scale / EDGE**4).numpy())
    return scale / torch.from_numpy(gammainccinv(shape, unit.numpy() * within))
