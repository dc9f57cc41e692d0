"""The Fourier modal method (RCWA): Maxwell's equations in a stack of patterned layers.

In a layer nothing changes with height z, so the transverse fields e = (E_x, E_y) and
g = i k₀ Z₀ (H_y, −H_x), each written in a Fourier basis, obey

    de/dz = P g,  dg/dz = Q e,  P = I − D η Dᵀ / k₀²,  Q = Rᵀ R − k₀² ε,

where D and R are gradient and curl, ε multiplies by the permittivity and η inverts that for E_z.
P Q is linear in k₀². Time dependence exp(−iωt); lengths in µm, frequencies in THz.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn

from invlab import runtime
from invlab.simulators.maxwell.bases import MirrorBases
from invlab.simulators.maxwell.cylinders import indicator, layers, radial_normals
from invlab.validation import require_flag, require_number

__all__ = ["LIGHT_SPEED", "FourierModal", "Layer", "Scattering"]

LIGHT_SPEED = 299.792458  # µm THz
# Evanescent waves of one slab may grow by e^16 before numbers of 16 digits lose what matters;
# thicker layers are cut into equal slabs.
LARGEST_GROWTH = 16.0
# Norm below which ten terms of a Taylor series give cosh and sinh to 4e-13 or better.
TAYLOR_NORM = 4.0


class Layer(NamedTuple):
    """Matrices of one layer, ``(..., n, n)``, complex: they do not depend on the frequency.

    Attributes:
        eps: ε, the permittivity.
        field: D η Dᵀ, what E_z adds.
        thickness: d in µm, ``(...)``.
    """

    eps: Tensor
    field: Tensor
    thickness: Tensor


class Scattering(NamedTuple):
    """What comes of a wave of amplitude one, for each frequency.

    Attributes:
        r, t: amplitudes of the specular orders, complex, ``(..., F)``.
        reflected, transmitted: power in all orders that travel, ``(..., F)``.
        fields: (E_x, E_y) in the basis at the ground, at each interface and at the top,
            ``(..., F, L + 1, n)``.
    """

    r: Tensor
    t: Tensor
    reflected: Tensor
    transmitted: Tensor
    fields: Tensor


class _Slab(NamedTuple):
    """What takes e and g from the bottom of a slab to its top.

    With C = cosh(√(PQ) d) and S = sinh(√(PQ) d)/√(PQ): e' = C e + S P g and g' = Q S e + Cᵀ g.

    Attributes:
        cosh: C.
        rise: S P.
        push: Q S.
    """

    cosh: Tensor
    rise: Tensor
    push: Tensor


class FourierModal(nn.Module):
    """Normal incidence, x-polarised, on a 2 × 2 super-cell of cylinders in vacuum.

    Args:
        orders: M, the largest Fourier order along each side. 6 for data, 4 for quick looks.
        period: p of the super-cell in µm.
        eps: permittivity of the cylinders, not dispersive.
        loss: tan δ; the permittivity is ``eps (1 + i loss)``.
        normals: factorise with the radial normal field; False uses the plain product rule,
            which converges slowly.

    Raises:
        ValueError: a period, permittivity or loss out of range.

    Source: Moharam and Gaylord (1981); Li (1996) for the factorisation rules; Schuster et al.
    (2007) for normal fields.

    Example:
        >>> import torch
        >>> import invlab
        >>> modal = invlab.simulators.FourierModal(orders=2, loss=0.0)
        >>> size = torch.full((4,), 40.0, dtype=torch.float64)  # heights and radii in µm
        >>> found = modal(size, size, torch.tensor([1.0], dtype=torch.float64))
        >>> round((found.reflected + found.transmitted).item(), 6)  # nothing is absorbed
        1.0
    """

    def __init__(
        self,
        orders: int = 6,
        *,
        period: float = 210.0,
        eps: float = 11.7,
        loss: float = 0.05,
        normals: bool = True,
    ) -> None:
        super().__init__()
        period, eps, loss = (
            require_number(f"FourierModal: {name}", value)
            for name, value in (("period", period), ("eps", eps), ("loss", loss))
        )
        if not (0 < period < math.inf and 0 < eps < math.inf and 0 <= loss < math.inf):
            raise ValueError(
                "FourierModal: expected period > 0, eps > 0 and loss >= 0, "
                f"got {period}, {eps}, {loss}"
            )
        self.bases = MirrorBases(orders, period)
        self.orders, self.period = orders, period
        self.eps = complex(eps, eps * loss)
        curl = self.bases.curl.T @ self.bases.curl
        self.register_buffer("gradient", self.bases.gradient.to(torch.complex128))
        self.register_buffer("curl", curl.to(torch.complex128))
        self.register_buffer("squared", self.bases.squared)
        self.register_buffer(
            "identity", torch.eye(len(self.bases), dtype=torch.complex128, device="cpu")
        )
        self.register_buffer(
            "normals", self._normals() if require_flag("normals", normals) else None
        )

    gradient: Tensor
    curl: Tensor
    squared: Tensor
    identity: Tensor
    normals: Tensor | None

    @property
    def cutoff(self) -> float:
        """Frequency c/p, in THz, from which a slanted wave, the first order, travels too."""
        return LIGHT_SPEED / self.period

    def forward(self, heights: Tensor, radii: Tensor, frequencies: Tensor) -> Scattering:
        """Scattering by cells of four cylinders.

        Args:
            heights, radii: in µm, ``(..., 4)``, float64.
            frequencies: in THz, ``(F,)``; none of them exactly :attr:`cutoff`.
        """
        inside = indicator(radii, self.period, self.orders)
        thickness, inside = layers(heights, inside)
        return self.scatter(self.layer(inside, thickness), frequencies)

    def layer(self, inside: Tensor, thickness: Tensor) -> Layer:
        """Matrices of layers, given where their material is.

        Args:
            inside: Fourier coefficients of the indicator, ``(..., 2M + 1, 2M + 1)``, even.
            thickness: in µm, ``(...)``.
        """
        vacuum = torch.zeros_like(inside)
        vacuum[..., 0, 0] = 1
        e_x, e_y, e_z = self.bases.multiplication(vacuum + (self.eps - 1) * inside)
        eps = _block(e_x, e_y)
        if self.normals is not None:
            # along the normal the flux ε E is continuous: there the inverse of 1/ε is right
            i_x, i_y, _ = self.bases.multiplication(vacuum + (1 / self.eps - 1) * inside)
            excess = eps - _block(_inverse(i_x), _inverse(i_y))
            eps = eps - (excess @ self.normals + self.normals @ excess) / 2
        field = self.gradient @ _solve(e_z, self.gradient.T)
        return Layer(eps, field, thickness)

    def scatter(self, stack: Layer, frequencies: Tensor) -> Scattering:
        """Scattering by a stack of layers.

        Args:
            stack: layers from the ground up along the last axis of ``thickness``.
            frequencies: in THz, ``(F,)``.
        """
        k2 = (2 * math.pi / LIGHT_SPEED * frequencies).square()
        kz = (k2[:, None] - self.squared).to(torch.complex128).sqrt()
        vacuum = 1j * (self.curl - k2[:, None, None] * self.identity) / kz[:, None, :]
        # fields at the top of a slab, e = E a and g = G a, from the field a at its bottom
        electric, magnetic, admittance = self.identity, vacuum, vacuum
        crossed: list[tuple[Tensor, Tensor]] = []
        lowest: list[bool] = []
        for slab, begins in self._slabs(stack, k2):
            if lowest:
                factors = _lu_factors(electric)
                admittance = torch.linalg.lu_solve(*factors, magnetic, left=False)
                crossed.append(factors)
            lowest.append(begins)
            electric = slab.cosh + slab.rise @ admittance
            magnetic = slab.push + slab.cosh.mT @ admittance
        down = self.identity[:, :1]  # E_x alone, the same everywhere
        field = _solve(magnetic + vacuum @ electric, 2 * vacuum @ down)
        bottoms = [field]
        for factors in reversed(crossed):
            bottoms.append(torch.linalg.lu_solve(*factors, bottoms[-1]))
        # the fields between two slabs of one layer are of no use
        kept = [at for at, begins in zip(reversed(bottoms), lowest, strict=True) if begins]
        fields = torch.cat([*kept, electric @ field], -1).mT
        r, t = fields[..., -1, :] - down[:, 0], fields[..., 0, :]
        return Scattering(
            r[..., 0], t[..., 0], _power(vacuum, r, k2), _power(vacuum, t, k2), fields
        )

    def _slabs(self, stack: Layer, k2: Tensor) -> Iterator[tuple[_Slab, bool]]:
        """Each layer's operators, from the ground up, and whether a layer begins there.

        A thick layer gives several equal slabs.
        """
        for k in range(stack.thickness.shape[-1]):
            thickness = stack.thickness[..., k]
            growth = float(self.squared.max().sqrt() * thickness.detach().max())
            slabs = max(1, math.ceil(growth / LARGEST_GROWTH))
            layer = Layer(stack.eps[..., k, :, :], stack.field[..., k, :, :], thickness / slabs)
            operators = self._at(layer, k2)
            for slab in range(slabs):
                yield operators, slab == 0

    def _at(self, layer: Layer, k2: Tensor) -> _Slab:
        """Operators at squared wavenumbers ``(F,)``.

        They are entire functions of k₀², so a few Chebyshev nodes hold all frequencies.
        """
        low, high = float(k2.min()), float(k2.max())
        turn = abs(self.eps) * float(layer.thickness.detach().max()) ** 2 * (high - low) / 2
        count = next(n for n in range(2, 999) if (turn / 2) ** n / math.factorial(2 * n) < 1e-14)
        if low < high and count < len(k2):
            nodes, weights = _chebyshev(low, high, count, k2)
            cosh, rise, push = (_mix(weights, part) for part in self._entire(layer, nodes))
        else:
            cosh, rise, push = self._entire(layer, k2)
        return _Slab(cosh, rise / k2[:, None, None], push)

    def _entire(self, layer: Layer, k2: Tensor) -> _Slab:
        """The operators, with k₀² S P for S P, which has a pole at k₀ = 0."""
        eps, field = layer.eps[..., None, :, :], layer.field[..., None, :, :]
        thickness, k2 = layer.thickness[..., None, None, None], k2[:, None, None]
        curl = self.curl.to(eps)
        product = (curl + field @ eps - k2 * eps) * thickness.square()
        cosh, sinhc = _cosh_sinhc(product)
        sinh = sinhc * thickness
        return _Slab(cosh, k2 * sinh - sinh @ field, (curl - k2 * eps) @ sinh)

    def _normals(self) -> Tensor:
        xx, yy, xy = radial_normals(self.orders)
        across = self.bases.coupling(xy)
        along_x, along_y = self.bases.multiplication(xx)[0], self.bases.multiplication(yy)[1]
        top, bottom = torch.cat([along_x, across], -1), torch.cat([across.T, along_y], -1)
        return torch.cat([top, bottom]).to(torch.complex128)


# On more than one thread, the LU factorisation of complex matrices of about 180 rows and more
# (M = 9 and up) never ends in some builds of torch; on one thread it does, and is no slower here.
# Backward, nothing is factorised: the factors are kept.
@runtime.one_thread()
def _lu_factors(a: Tensor) -> tuple[Tensor, Tensor]:
    lu, pivots = torch.linalg.lu_factor(a)
    return lu, pivots


@runtime.one_thread()
def _solve(a: Tensor, b: Tensor) -> Tensor:
    return torch.linalg.solve(a, b)


@runtime.one_thread()
def _inverse(a: Tensor) -> Tensor:
    return torch.linalg.inv(a)


def _block(first: Tensor, second: Tensor) -> Tensor:
    """Block-diagonal matrix of two, ``(..., a, a)`` and ``(..., b, b)``."""
    return torch.cat(
        [
            torch.nn.functional.pad(first, (0, second.shape[-1])),
            torch.nn.functional.pad(second, (first.shape[-1], 0)),
        ],
        -2,
    )


def _cosh_sinhc(a: Tensor) -> tuple[Tensor, Tensor]:
    """cosh(√A) and sinh(√A)/√A of matrices ``(..., n, n)``, without eigenvectors.

    A Taylor series for A/4^j, then j times the formulas of the double argument; no derivative
    is lost where eigenvalues meet.
    """
    norm = float(a.detach().abs().sum(-2).max())
    doublings = max(0, math.ceil(math.log(max(norm, 1e-300) / TAYLOR_NORM, 4)))
    a = a / 4**doublings
    square = a @ a
    cube = square @ a
    one = torch.eye(a.shape[-1], dtype=a.dtype, device=a.device)

    def series(parity: int) -> Tensor:
        c = [1 / math.factorial(2 * i + parity) for i in range(10)]
        thirds = [c[i] * one + c[i + 1] * a + c[i + 2] * square for i in (0, 3, 6)]
        return thirds[0] + cube @ (thirds[1] + cube @ (thirds[2] + c[9] * cube))

    cosh, sinhc = series(0), series(1)
    for _ in range(doublings):
        sinhc, cosh = sinhc @ cosh, 2 * cosh @ cosh - one
    return cosh, sinhc


def _chebyshev(low: float, high: float, count: int, at: Tensor) -> tuple[Tensor, Tensor]:
    """Nodes ``(count,)``, and weights ``(len(at), count)`` of their values in the interpolant."""
    angle = math.pi * (torch.arange(count, dtype=at.dtype, device=at.device) + 0.5) / count
    degree = torch.arange(count, dtype=at.dtype, device=at.device)
    scaled = ((2 * at - low - high) / (high - low)).clamp(-1, 1)
    values = (degree * scaled.acos()[:, None]).cos()
    transform = 2 / count * (degree[:, None] * angle).cos()
    transform[0] /= 2
    return (low + high + (high - low) * angle.cos()) / 2, values @ transform


def _mix(weights: Tensor, matrices: Tensor) -> Tensor:
    """Real weights ``(F, N)`` on complex matrices ``(..., N, n, n)``: ``(..., F, n, n)``."""
    mixed = weights @ torch.view_as_real(matrices).flatten(-3)
    return torch.view_as_complex(mixed.unflatten(-1, (*matrices.shape[-2:], 2)))


def _power(vacuum: Tensor, e: Tensor, k2: Tensor) -> Tensor:
    """Power that a vacuum wave carries along z, over that of the incident one: ``(..., F)``."""
    flow = (vacuum @ e[..., None])[..., 0]
    return (e.conj() * 1j * flow).sum(-1).real / k2.sqrt()
