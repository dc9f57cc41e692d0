"""The super-cell: four cylinders of their own heights and radii on a square of one period."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

__all__ = ["POSITIONS", "SYMMETRIES", "indicator", "jinc", "layers", "radial_normals"]

# Centres in units of half a period along x and y, in the order of the heights and of the radii.
POSITIONS = ((0, 0), (1, 0), (0, 1), (1, 1))
# Orders of the four cylinders that leave the reflection of x-polarised light as it is: to move
# the cell by half a period along x, along y, or both.
SYMMETRIES = ((0, 1, 2, 3), (1, 0, 3, 2), (2, 3, 0, 1), (3, 2, 1, 0))


class _Jinc(torch.autograd.Function):
    # SciPy's Bessel functions: torch's own (2.13) are off by up to 5e-7 between 5 and 8, and
    # have no derivatives.

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return torch.where(x == 0, 1.0, 2 * _bessel(1, x) / _nonzero(x))

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return -2 * _bessel(2, x) / _nonzero(x) * upstream


def jinc(x: Tensor) -> Tensor:
    """2 J₁(x)/x, the Fourier transform of a disc of area one; 1 at x = 0. Differentiable once."""
    return _Jinc.apply(x)


def _bessel(order: int, x: Tensor) -> Tensor:
    from scipy.special import jv

    return torch.as_tensor(jv(order, x.detach().cpu().numpy()), device="cpu").to(x)


def _nonzero(x: Tensor) -> Tensor:
    return torch.where(x == 0, 1.0, x)


def indicator(radii: Tensor, period: float, orders: int) -> Tensor:
    """Fourier coefficients of what lies inside each cylinder.

    Args:
        radii: of the four cylinders in µm, ``(..., 4)``.
        period: p in µm.
        orders: M; coefficients of exponentials with orders 0 to 2M.

    Returns:
        ``(..., 4, 2M + 1, 2M + 1)``: 1 inside and 0 outside, as a series.
    """
    order = torch.arange(2 * orders + 1, dtype=radii.dtype, device=radii.device)
    wave = 2 * math.pi / period * torch.hypot(order[:, None], order)
    sign = 1 - 2 * (order % 2)
    shift = torch.stack([sign[:, None] ** a * sign**b for a, b in POSITIONS])
    radius = radii[..., None, None]
    return math.pi * (radius / period).square() * jinc(wave * radius) * shift


def layers(heights: Tensor, inside: Tensor) -> tuple[Tensor, Tensor]:
    """Cut the cell into layers in which nothing changes with height.

    Args:
        heights: of the four cylinders in µm, ``(..., 4)``, above zero.
        inside: Fourier coefficients of each, ``(..., 4, m, m)``, from :func:`indicator`.

    Returns:
        Thickness of each layer in µm, ``(..., 4)``, from the ground up, zero where two cylinders
        end together; and the coefficients of all that stands in each layer, ``(..., 4, m, m)``.
    """
    order = heights.argsort(-1)
    tops = heights.gather(-1, order)
    thickness = torch.diff(tops, dim=-1, prepend=torch.zeros_like(tops[..., :1]))
    rising = inside.gather(-3, order[..., None, None].expand(inside.shape))
    # in each layer stand the cylinders that are at least as tall as its top
    return thickness, rising.flip(-3).cumsum(-3).flip(-3)


def radial_normals(orders: int, points: int = 1024) -> tuple[Tensor, Tensor, Tensor]:
    """Fourier series of N Nᵀ, where N points away from the axis of the nearest cylinder.

    The radii do not enter: N is normal to a cylinder's wall wherever that wall is. Midpoint rule.

    Args:
        orders: M; series with orders 0 to 2M.
        points: of the rule along each side of the cell.

    Returns:
        N_x² and N_y² as series of exponentials and N_x N_y as a series of sines,
        each ``(2M + 1, 2M + 1)``.
    """
    place = (torch.arange(points, dtype=torch.float64, device="cpu") + 0.5) / points
    away = (place + 0.25) % 0.5 - 0.25  # from the nearest axis, in periods
    x, y = away[:, None], away
    squared = x.square() + y.square()
    phase = 2 * math.pi * torch.outer(torch.arange(2 * orders + 1, device="cpu").double(), place)
    even, odd = phase.cos() / points, phase.sin() / points
    return (
        even @ (x.square() / squared) @ even.T,
        even @ (y.square() / squared) @ even.T,
        4 * odd @ (x * y / squared) @ odd.T,
    )
