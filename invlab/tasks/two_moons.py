"""Two moons: a noisy point on a crescent, whose posterior is two crescents."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from invlab import runtime
from invlab.priors import Box
from invlab.sampling.rejection import sample_by_rejection
from invlab.task import Simulator, Task
from invlab.validation import require_count, require_points, require_tensor

__all__ = ["Crescent", "TwoMoons"]

RADIUS, THICKNESS = 0.1, 0.01  # of the crescent, the latter a standard deviation
MIDDLE = 0.25  # first coordinate of the circle's center


class Crescent(Simulator):
    """A random point on a crescent, which the unknowns shift; nothing has a unit.

    The noise comes from torch's global generator.
    """

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """``(..., 2) -> (..., 2)``."""
        x = require_points("Crescent: x", x, 2)
        shape = x.shape[:-1]
        size: dict = {"dtype": torch.float64, "device": "cpu"}
        moon = _crescent(torch.rand(shape, **size).to(x), torch.randn(shape, **size).to(x))
        first, second = x.unbind(-1)
        shift = torch.stack([-(first + second).abs(), second - first], -1) / math.sqrt(2)
        return moon + shift


class TwoMoons(Task):
    """Task T.8 of the benchmark of Lueckmann et al. (2021), on which samplers are compared.

    y = (r cos a + ¼, r sin a) + (−abs(x₁ + x₂), x₂ − x₁)/√2 with r ~ N(0.1, 0.01²) and a uniform in
    [−π/2, π/2]; x uniform in [−1, 1]². Only the size of x₁ + x₂ counts, so that a y has two
    thin crescents of answers.
    """

    def __init__(self) -> None:
        super().__init__("two_moons", Crescent(), Box([-1.0, -1.0], [1.0, 1.0]), noisy=True)

    def posterior(self, y: Tensor, n: int, *, generator: torch.Generator | None = None) -> Tensor:
        """Exact draws from p(x | y), by the geometry of the crescent.

        A point m of the crescent would make y of the x whose shift is y − m. The shift is a turn
        of x, up to the sign of x₁ + x₂, and changes no areas; so under the uniform prior x has
        the law of the crescent, turned and moved, with either sign as likely. What falls outside
        of the box is drawn again, and so is a shift that no x has.

        Args:
            y: targets, shape ``(B, 2)``.
            n: draws for each target.
            generator: CPU generator; a fresh one of seed 0 if not given.

        Returns:
            ``(B, n, 2)`` with the dtype and on the device of ``y``; drawn in float64.

        Raises:
            ValueError: a target that next to no x of the box can cause.
        """
        require_tensor(f"{self.name}: y", y, ("B", 2))
        require_count("n", n)
        source = runtime.generator(0, self.name, "posterior") if generator is None else generator
        target = y.detach().double().cpu()

        def propose(rows: Tensor, m: int) -> tuple[Tensor, Tensor]:
            size: dict = {"generator": source, "dtype": torch.float64, "device": "cpu"}
            angle, sign = torch.rand(2, len(rows), m, **size)
            moon = _crescent(angle, torch.randn(len(rows), m, **size))
            across, up = (target[rows][:, None] - moon).unbind(-1)  # the shift
            total = torch.where(sign < 0.5, across, -across)
            x = torch.stack([total - up, total + up], -1) / math.sqrt(2)
            return x, (across <= 0) & (x.abs() <= 1).all(-1)

        return sample_by_rejection(propose, len(target), n).to(y)


def _crescent(share: Tensor, noise: Tensor) -> Tensor:
    """The points at uniform and normal numbers ``(...)``: ``(..., 2)``."""
    angle, radius = math.pi * (share - 0.5), RADIUS + THICKNESS * noise
    return torch.stack([radius * angle.cos() + MIDDLE, radius * angle.sin()], -1)
