"""Time steps of fourth order for stiff periodic equations, v_t = Lv + A(v²) + g.

L and A multiply each wave by a number, g is constant. ETDRK4 (Cox and Matthews, J. Comput. Phys.
176, 430, 2002) takes the linear part exactly and the rest by a Runge–Kutta method. Its
coefficients cancel badly where the linear rate is small, so they are means over a circle in the
complex plane (Kassam and Trefethen, SIAM J. Sci. Comput. 26, 1214, 2005), in float64. Of N points
only the waves k < N/3 are kept: then no product of two of them comes back as a wrong one (the
2/3 rule; Orszag, J. Atmos. Sci. 28, 1074, 1971).

Everything linear becomes a real N × N matrix on the values at the points. For N up to 64 one
product with it takes less time than two Fourier transforms, and needs no complex numbers.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["Matrices", "filtered", "matrices", "step"]

ROOTS = 32  # points on the half circle: the means are then exact to rounding


class Matrices(NamedTuple):
    """What a step needs, float64, made for rows: ``v @ matrix``.

    Attributes:
        halfway: exp(L·step/2), ``(N, N)``.
        push: from v² to what the nonlinear term does in the first half, ``(N, N)``.
        whole: of v and of the squares of the guesses (the first, the sum of the middle two, the
            last), one under the other, ``(4N, N)``.
        halfway_source, source: from g to what it does in half a step and in a whole one.
    """

    halfway: Tensor
    push: Tensor
    whole: Tensor
    halfway_source: Tensor
    source: Tensor


def matrices(length: float, rate: Tensor, advection: Tensor, points: int) -> Matrices:
    """The matrices of a step.

    Args:
        length: of the step in time.
        rate: L of the waves k = 0, 1, ..., N // 2, real.
        advection: A of these waves, complex.
        points: N.
    """
    halfway, *parts = (length * f for f in _coefficients(length * rate))
    first, middle, last = parts
    whole = [(length * rate).exp(), *(f * advection for f in parts)]
    return Matrices(
        halfway=filtered((length * rate / 2).exp(), points),
        push=filtered(halfway * advection, points),
        whole=torch.cat([filtered(factor, points) for factor in whole]),
        halfway_source=filtered(halfway, points),
        source=filtered(first + 2 * middle + last, points),
    )


def step(
    v: Tensor, halfway: Tensor, push: Tensor, whole: Tensor, halfway_g: Tensor, g: Tensor
) -> Tensor:
    """One step for rows ``v`` ``(n, N)``; ``halfway_g`` and ``g`` are what g does, ``(n, N)``."""
    base = torch.addmm(halfway_g, v, halfway)
    first = v * v
    a = torch.addmm(base, first, push)
    second = a * a
    b = torch.addmm(base, second, push)
    third = b * b
    c = torch.addmm(torch.addmm(halfway_g, a, halfway), 2 * third - first, push)
    return torch.addmm(g, torch.cat([v, first, second + third, c * c], 1), whole)


def filtered(factor: Tensor, points: int) -> Tensor:
    """Multiplies wave k of a row by ``factor[k]`` where k < N/3, and drops it elsewhere."""
    kept = factor * (3 * torch.arange(len(factor), device="cpu") < points)
    unit = torch.eye(points, dtype=torch.float64, device="cpu")
    return torch.fft.irfft(kept * torch.fft.rfft(unit), n=points).contiguous()


def _coefficients(rate: Tensor) -> list[Tensor]:
    """Halfway; then of the first guess, of each of the middle two, of the last: ``(K,)`` each.

    ``rate`` is real, so that half of the circle and the real part are enough.
    """
    angle = math.pi * (torch.arange(ROOTS, dtype=torch.float64, device="cpu") + 0.5) / ROOTS
    z = rate[:, None] + torch.polar(torch.ones_like(angle), angle)
    e = z.exp()
    values = [
        ((z / 2).exp() - 1) / z,
        (-4 - z + e * (4 - 3 * z + z**2)) / z**3,
        2 * (2 + z + e * (z - 2)) / z**3,
        (-4 - 3 * z - z**2 + e * (4 - z)) / z**3,
    ]
    return [value.real.mean(1) for value in values]
