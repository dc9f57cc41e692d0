"""Waves with the mirror symmetries of the cell: sines and cosines instead of exponentials.

Every field below is periodic and even or odd about the planes x = 0 and y = 0, so a cosine or sine
series in each direction holds it. The four combinations are the bases of the four field components
that a wave polarised along x, falling straight down, can excite:

=========  ===========  ===========
component  along x      along y
=========  ===========  ===========
E_x        cosine       cosine
E_y        sine         sine
E_z        sine         cosine
H_z        cosine       sine
=========  ===========  ===========

With orders up to M this takes (M + 1)² + M² numbers for the transverse field, instead of the
2 (2M + 1)² of an expansion in exponentials: four times fewer.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from invlab.validation import require_count

__all__ = ["MirrorBases"]

# Where a basis stands: its orders along x and along y, each of shape (N,).
Orders = tuple[Tensor, Tensor]


class MirrorBases:
    """Orthonormal sine and cosine bases with orders up to M, and the matrices between them.

    Args:
        orders: M, the largest order along x and along y, at least 1.
        period: p in µm.

    Attributes:
        gradient: ``(n, s)``, the transverse gradient of E_z in the basis of (E_x, E_y).
        curl: ``(h, n)``, ∂E_y/∂x − ∂E_x/∂y in the basis of H_z.
        squared: ``(n,)``, squared transverse wavenumber of each basis function in rad²/µm².
    """

    def __init__(self, orders: int, period: float) -> None:
        self.orders = require_count("orders", orders)
        self.wavenumber = 2 * math.pi / period
        even, odd = (
            torch.arange(orders + 1, device="cpu"),
            torch.arange(1, orders + 1, device="cpu"),
        )
        self.ex, self.ey = _product(even, even), _product(odd, odd)
        self.ez, self.hz = _product(odd, even), _product(even, odd)
        # d/dx sin = cos and d/dy cos = −sin: the two parts of the gradient of E_z
        self.gradient = self.wavenumber * torch.cat(
            [_same(self.ex, self.ez) * self.ez[0], -_same(self.ey, self.ez) * self.ez[1]]
        )
        # d/dy cos = −sin, with a minus in front, and d/dx sin = cos
        self.curl = self.wavenumber * torch.cat(
            [_same(self.hz, self.ex) * self.ex[1], _same(self.hz, self.ey) * self.ey[0]], -1
        )
        along_x = torch.cat([self.ex[0], self.ey[0]]).double()
        along_y = torch.cat([self.ex[1], self.ey[1]]).double()
        self.squared = self.wavenumber**2 * (along_x.square() + along_y.square())

    def __len__(self) -> int:
        """Numbers of the transverse electric field, n = (M + 1)² + M²."""
        return len(self.squared)

    def multiplication(self, coefficients: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Matrices that multiply E_x, E_y and E_z by a function even in x and in y.

        Args:
            coefficients: of its series in exponentials, orders 0 to 2M along x and y,
                ``(..., 2M + 1, 2M + 1)``; the negative ones are equal to them.

        Returns:
            One matrix a component, ``(..., N, N)``.
        """
        return (
            _multiplication(coefficients, self.ex, 1, 1),
            _multiplication(coefficients, self.ey, -1, -1),
            _multiplication(coefficients, self.ez, -1, 1),
        )

    def coupling(self, coefficients: Tensor) -> Tensor:
        """Matrix from E_y to E_x for a factor that is odd in x and in y.

        Args:
            coefficients: b of its series Σ b_kl sin(kGx) sin(lGy), ``(2M + 1, 2M + 1)``.
        """
        (kx, ky), (lx, ly) = self.ex, self.ey
        total = torch.zeros(len(kx), len(lx), dtype=coefficients.dtype, device="cpu")
        for sx in (1, -1):
            for sy in (1, -1):
                i, j = lx + sx * kx[:, None], ly + sy * ky[:, None]
                total += i.sign() * j.sign() * coefficients[i.abs(), j.abs()]
        return total / 4 * (_norm(kx, 1) * _norm(ky, 1))[:, None]


def _product(along_x: Tensor, along_y: Tensor) -> Orders:
    pairs = torch.cartesian_prod(along_x, along_y)
    return pairs[:, 0], pairs[:, 1]


def _same(rows: Orders, columns: Orders) -> Tensor:
    """One where a function of one basis has the orders of a function of the other."""
    equal = (rows[0][:, None] == columns[0]) & (rows[1][:, None] == columns[1])
    return equal.double()


def _norm(order: Tensor, parity: int) -> Tensor:
    """1/√2 for the constant of a cosine series, 1 for all else: makes the basis orthonormal."""
    constant = (order == 0) & (parity > 0)
    return torch.ones(len(order), device="cpu").double().masked_fill(constant, 0.5**0.5)


def _multiplication(f: Tensor, basis: Orders, parity_x: int, parity_y: int) -> Tensor:
    (x, y) = basis
    near_x, far_x = (x[:, None] - x).abs(), x[:, None] + x
    near_y, far_y = (y[:, None] - y).abs(), y[:, None] + y
    products = (
        f[..., near_x, near_y]
        + parity_x * f[..., far_x, near_y]
        + parity_y * f[..., near_x, far_y]
        + parity_x * parity_y * f[..., far_x, far_y]
    )
    norm = (_norm(x, parity_x) * _norm(y, parity_y)).to(f.device)
    return products * norm[:, None] * norm
