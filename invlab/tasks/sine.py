"""y = sin(3πx₁) + cos(3πx₂): closed rings of answers; and y = sin x, two answers on a line."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from invlab import runtime
from invlab.priors import Box
from invlab.task import Simulator, Task
from invlab.validation import require_count, require_same_length, require_tensor

__all__ = ["Sine", "SineLine", "SineSquare"]

# Below this |y| the ring touches its neighbours to rounding, and its length is infinite at 0.
SMALLEST_LEVEL = 1e-12


class SineSquare(Simulator):
    """f(x) = sin(3πx₁) + cos(3πx₂), both without units."""

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """``(..., 2) -> (..., 1)``."""
        angle = 3 * math.pi * x
        return angle[..., :1].sin() + angle[..., 1:].cos()


class SineLine(Simulator):
    """f(x) = sin x, x in radians."""

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """``(..., 1) -> (..., 1)``."""
        return x.sin()


class Sine(Task):
    """Task D2 of Ren, Padilla and Malof (2020), and the toy of its supplement 8.3.

    ``dim=2``: y = sin(3πx₁) + cos(3πx₂), x uniform in [−1, 1]², so ``|y| ≤ 2`` and var y = 1.
    Draws are independent; the paper's own data were a 100 × 100 grid, the same one for training
    and for testing.

    ``dim=1``: y = sin x, x uniform in [−π, π] rad, for Figures 6 and 7 of the supplement. The
    interval is our reading of a garbled text: on it y = 0.6 has two answers, both in the right
    half, and a start in the left half gets stuck, as the text says.

    Args:
        dim: number of unknowns, 2 or 1.

    Raises:
        ValueError: another ``dim``.
    """

    def __init__(self, dim: int = 2) -> None:
        if require_count("sine: dim", dim) not in (1, 2):
            raise ValueError(f"sine: expected dim=1 or dim=2, got {dim!r}")
        if dim == 1:
            box = Box([-math.pi], [math.pi])
            super().__init__("sine_1d", SineLine(), box, labels=["x"], units=["rad"])
        else:
            super().__init__("sine", SineSquare(), Box([-1.0, -1.0], [1.0, 1.0]))
        self.y_max = float(dim)

    def posterior(self, y: Tensor, n: int, *, generator: torch.Generator | None = None) -> Tensor:
        """Exact draws from p(x | y): in closed form, without rejection or tolerance.

        Over whole periods of a uniform x, u = sin(3πx₁) and v = cos(3πx₂) have arcsine laws, so
        on u + v = y the density of u is [(1 − u²)(1 − (y − u)²)]^(−1/2). Its integral is an
        elliptic integral of the first kind, and its quantile function Jacobi's sn.

        Args:
            y: targets, shape ``(B, 1)``.
            n: draws for each target.
            generator: CPU generator; a fresh one of seed 0 if not given.

        Returns:
            ``(B, n, dim)`` with the dtype and on the device of ``y``; drawn in float64. At
            y = 0 (``dim=2``), where the length of the ring diverges, the limit of small y.

        Raises:
            ValueError: a target that no x reaches.
        """
        require_tensor(f"{self.name}: y", y, ("B", 1))
        require_count("n", n)
        level = y.detach().double().cpu()
        if bool((level.abs() > self.y_max).any()):
            raise ValueError(
                f"{self.name}: expected targets in [{-self.y_max:g}, {self.y_max:g}], "
                f"got {float(level.min()):.4g} to {float(level.max()):.4g}"
            )
        if generator is None:
            generator = runtime.generator(0, self.name, "posterior")
        draw = _line if self.x_dim == 1 else _ring
        return draw(level, n, generator).to(y)

    def modes(self, x: Tensor, y: Tensor) -> Tensor:
        """Which connected piece of the posterior each guess lies by: whole numbers ``(B, n)``.

        For y > 0 the solutions (``dim=2``) are rings around the maxima of the two waves, and
        for y < 0 around the minima; each sits in a cell of a third of the square's edge in
        both directions, and rings that the edge cuts count as two.

        Args:
            x: guesses in the square, ``(B, n, 2)``.
            y: targets, ``(B, 1)``.

        Raises:
            ValueError: wrong shapes, or the one-dimensional task, where a mode is a solution.
        """
        if self.x_dim != 2:
            raise ValueError(f"{self.name}: modes are defined for the task of two unknowns")
        require_tensor(f"{self.name}: x", x, ("B", "n", 2))
        require_tensor(f"{self.name}: y", y, ("B", 1))
        require_same_length(x=x, y=y)
        above = y > 0
        # leftmost edges inside the square: extrema of the other kind
        first = torch.where(above, -5 / 6, -1 / 2).to(x)
        second = torch.where(above, -1.0, -2 / 3).to(x)
        column, row = (((x[..., i] - e) * 1.5).floor() for i, e in enumerate((first, second)))
        return (8 * (column + 1) + row + 1).long()


def _line(level: Tensor, n: int, generator: torch.Generator) -> Tensor:
    """sin x = level: arcsin or its mirror image, each with probability ½ (equal slopes)."""
    near = level.asin()
    far = torch.where(level >= 0, math.pi - near, -math.pi - near)
    coin = torch.rand(len(level), n, generator=generator, dtype=torch.float64, device="cpu") < 0.5
    return torch.where(coin, near, far)[..., None]


def _ring(level: Tensor, n: int, generator: torch.Generator) -> Tensor:
    """Draw u on the ring u + v = level, then one of the 6 × 6 pre-images of (u, v)."""
    from scipy.special import ellipj, ellipkm1  # SciPy is slow to import, and only needed here

    unit = torch.rand(5, len(level), n, generator=generator, dtype=torch.float64, device="cpu")
    size = level.abs().clamp_min(SMALLEST_LEVEL)
    outer, inner = 1 + size / 2, 1 - size / 2
    complement = 2 * size / outer.square()  # 1 − (inner / outer)²
    quarter = torch.as_tensor(ellipkm1(complement.numpy()), device="cpu")
    sn = ellipj(((2 * unit[0] - 1) * quarter).numpy(), (1 - complement).numpy())[0]
    u = (level / 2 + inner * torch.as_tensor(sn, device="cpu")).clamp(-1, 1)
    v = (level - u).clamp(-1, 1)
    period = 2 * math.pi * ((3 * unit[1:3]).floor() - 1)
    first = torch.where(unit[3] < 0.5, u.asin(), math.pi - u.asin()) + period[0]
    second = torch.where(unit[4] < 0.5, v.acos(), -v.acos()) + period[1]
    x = torch.stack([first, second], -1) / (3 * math.pi)
    return (x + 1).remainder(2) - 1  # the third period of 3πx₁ ends at 3π and starts at −3π
