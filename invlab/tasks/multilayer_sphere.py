"""The multilayer sphere: thicknesses of eight shells from the spectrum of the light it scatters."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from invlab.priors import Box
from invlab.task import Simulator, Task
from invlab.validation import require_count, require_points, require_tensor

__all__ = ["MultilayerSphere", "SphereScattering", "riccati_bessel", "titania_index"]

SHELLS = 8
THICKNESS = (30.0, 70.0)  # nm, of each shell
WAVELENGTHS = (400.0, 800.0)  # nm, in vacuum
POINTS = 201
LARGEST = 600.0  # nm, radius: a little room around the box
SILICA_INDEX, WATER_INDEX = math.sqrt(2.04), math.sqrt(1.77)

# Numbers in one table of Bessel functions: a few of them fit into a processor's cache.
CHUNK = 2**19


@torch.no_grad()
def riccati_bessel(x: Tensor, orders: int, *, start: int | None = None) -> tuple[Tensor, ...]:
    """Riccati–Bessel functions ψₙ(x) = x·jₙ(x) and χₙ(x) = −x·yₙ(x), and their derivatives.

    Accurate to some 1e-13, relative to the function or, near a zero, to its envelope.

    Args:
        x: numbers above zero, any shape; what comes back is float64.
        orders: the largest n.
        start: order at which the downward recurrence of ψ starts, 20 or more above ``orders`` and
            above the largest of ``x``, which is the default.

    Returns:
        ψ, ψ′, χ and χ′ for n = 1 … ``orders``, each ``(orders, *x.shape)``. No gradient flows
        through them.

    Raises:
        TypeError: ``x`` is not a floating-point tensor, or ``orders`` not an integer.
        ValueError: ``x`` is empty, not finite or not above zero, or ``orders`` is below 1.
    """
    require_count("riccati_bessel: orders", orders)
    if start is None:
        require_tensor("riccati_bessel: x", x, ("...",))
        if not bool((x > 0).all()):
            raise ValueError(f"riccati_bessel: expected x above zero, got {float(x.min()):g}")
        start = _start(orders, float(x.max()))
    x = x.double()
    inverse, sine, cosine = 1 / x, x.sin(), x.cos()
    psi = _regular(inverse, sine, cosine, orders, start)
    chi = _irregular(inverse, sine, cosine, orders)
    return psi, _slopes(sine, psi, inverse), chi, _slopes(cosine, chi, inverse)


def _start(orders: int, largest: float) -> int:
    return max(orders, math.ceil(largest)) + 20


def _regular(inverse: Tensor, sine: Tensor, cosine: Tensor, orders: int, start: int) -> Tensor:
    """ψ, downwards from order ``start`` (Miller), then scaled to fit orders 0 and 1."""
    psi = inverse.new_empty(orders, *inverse.shape)
    above, here = torch.zeros_like(inverse), torch.full_like(inverse, 1e-100)
    for n in range(start, 0, -1):
        if n <= orders:
            psi[n - 1] = here
        below = torch.addcmul(above, inverse, here, value=-(2 * n + 1)).neg_()
        above, here = here, below
    size = here.abs() + above.abs()
    zeroth, first = here / size, above / size
    fit = sine * zeroth + (sine * inverse - cosine) * first
    return psi.mul_(fit / (zeroth.square() + first.square()) / size)


def _irregular(inverse: Tensor, sine: Tensor, cosine: Tensor, orders: int) -> Tensor:
    """χ, upwards from orders 0 and 1: it grows with the order, so that its errors do not."""
    chi = inverse.new_empty(orders, *inverse.shape)
    torch.addcmul(sine, inverse, cosine, out=chi[0])
    for n in range(1, orders):
        below = chi[n - 2] if n > 1 else cosine
        torch.addcmul(below, inverse, chi[n - 1], value=-(2 * n + 1), out=chi[n]).neg_()
    return chi


def _slopes(zeroth: Tensor, table: Tensor, inverse: Tensor) -> Tensor:
    """The derivative of order n is order n − 1 less n/x times order n, for ψ and for χ."""
    slopes = torch.empty_like(table)
    for n in range(1, len(table) + 1):
        below = table[n - 2] if n > 1 else zeroth
        torch.addcmul(below, inverse, table[n - 1], value=-n, out=slopes[n - 1])
    return slopes


def titania_index(wavelengths: Tensor) -> Tensor:
    """Refractive index of titanium dioxide (rutile, ordinary ray) at wavelengths in nm.

    Source: Devore (1951), from 430 nm to 1530 nm; the paper uses it down to 400 nm.
    """
    return (5.913 + 0.2441 / ((wavelengths / 1000).square() - 0.0803)).sqrt()


class SphereScattering(Simulator):
    """Light scattered by a sphere of concentric shells that do not absorb: Mie's exact series.

    A multipole of order n is a standing wave Aψₙ + Bχₙ in each shell. Matching the tangential
    fields at each radius, from the core outwards, gives A and B in the host; its amplitude there
    is B/(B + iA), for electric (a) and magnetic (b) multipoles alike. All of A and B is real.

    Derivatives come from first-order perturbation theory, which needs the fields at the radii only:
    those by all thicknesses together take about half as long as y itself.

    Args:
        wavelengths: in vacuum in nm, ``(W,)``.
        indices: real refractive index of each shell, core first, ``(K, W)``.
        host: real refractive index around the sphere, ``(W,)``.
        radius: the largest sphere in nm that the number of multipoles is meant for.
        orders: multipoles of each kind; by default enough for ``radius`` (Wiscombe, 1980); on
            the spheres of :class:`MultilayerSphere` only rounding is left, below 1e-11.

    Raises:
        TypeError: something is not a floating-point tensor, or ``orders`` not an integer.
        ValueError: shapes that do not fit, numbers that are not finite, or a wavelength, an index
            or the radius not above zero.

    Source: Bohren and Huffman (1983), chapters 4 and 8.
    """

    wavenumbers: Tensor

    def __init__(
        self,
        wavelengths: Tensor,
        indices: Tensor,
        host: Tensor,
        *,
        radius: float,
        orders: int | None = None,
    ) -> None:
        super().__init__()
        require_tensor("SphereScattering: wavelengths", wavelengths, ("W",))
        points = len(wavelengths)
        require_tensor("SphereScattering: indices", indices, ("K", points))
        require_tensor("SphereScattering: host", host, (points,))
        media = torch.cat([indices, host[None]]).double()
        if not min(radius, float(wavelengths.min()), float(media.min())) > 0:
            raise ValueError(
                "SphereScattering: expected wavelengths, indices and radius above zero, got "
                f"{float(wavelengths.min())}, {float(media.min())} and {radius} at least"
            )
        wavenumbers = 2 * math.pi / wavelengths.double() * media
        size = radius * float(wavenumbers[-1].max())
        enough = math.ceil(size + 4.05 * size ** (1 / 3) + 2)
        self.radius = radius
        self.orders = enough if orders is None else require_count("orders", orders)
        self.start = _start(self.orders, radius * float(wavenumbers.max()))
        # in rad/nm, of each shell and of the host
        self.register_buffer("wavenumbers", wavenumbers)

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Thicknesses in nm, core radius first, to scattering efficiencies.

        Args:
            x: ``(..., K)``.
            c: none.

        Returns:
            Scattering cross-section over πR², ``(..., W)``, with the dtype of ``x``, computed in
            float64. NaN for a shell thinner than zero, a core not above zero, or a sphere larger
            than ``radius``. Differentiable once, in forward mode too; a second derivative raises
            ``NotImplementedError``.
        """
        x = require_points("SphereScattering: x", x, len(self.wavenumbers) - 1)
        rows = x.reshape(-1, x.shape[-1]).double()
        slopes = rows.requires_grad and torch.is_grad_enabled()
        y: Tensor = _Efficiency.apply(rows, self, slopes)[0]
        return y.reshape(*x.shape[:-1], -1).to(x.dtype)

    def multipoles(self, x: Tensor) -> Tensor:
        """Mie's coefficients aₙ (electric) and bₙ (magnetic), for time dependence exp(−iωt).

        The scattering efficiency is ``2/(kR)²·Σ (2n + 1)(|aₙ|² + |bₙ|²)``, with k the wavenumber
        in the host.

        Args:
            x: thicknesses in nm, ``(..., K)``.

        Returns:
            ``(..., 2, orders, W)``, complex128: a and b, n = 1 … orders. No gradient flows
            through them.
        """
        rows = x.detach().reshape(-1, x.shape[-1]).double()
        regular, irregular, _ = self._match(rows, slopes=False)
        found = irregular / torch.complex(irregular, regular)
        return found.movedim(2, 0).reshape(*x.shape[:-1], *found.shape[:2], -1)

    def solve(self, rows: Tensor, *, slopes: bool) -> tuple[Tensor, Tensor]:
        """Efficiencies ``(B, W)`` of rows ``(B, K)``, and their derivatives ``(B, K, W)``.

        Without ``slopes`` the derivatives are left out: ``(B, 0, W)``.
        """
        size = max(1, CHUNK // (self.wavenumbers.numel() * self.orders))
        y, derivatives = zip(*(self._chunk(part, slopes) for part in rows.split(size)), strict=True)
        return torch.cat(y), torch.cat(derivatives)

    def _chunk(self, rows: Tensor, slopes: bool) -> tuple[Tensor, Tensor]:
        radius = rows.sum(-1, keepdim=True)
        size = radius * self.wavenumbers[-1].to(rows)
        sphere = (rows >= 0).all(-1, keepdim=True) & (rows[:, :1] > 0) & (radius <= self.radius)
        regular, irregular, pushes = self._match(rows, slopes=slopes)
        weights = 2 * self._n(rows) + 1
        total = regular.square() + irregular.square()
        y = 2 / size.square() * (weights * irregular.square() / total).sum((0, 1))
        y = torch.where(sphere, y, torch.nan)
        if not slopes:
            return y, y.new_empty(len(y), 0, y.shape[-1])
        weights = 4 * weights * regular * irregular / total.square() / size.square()
        by_radius = [(weights * push).sum((0, 1)) for push in pushes]
        by_radius[-1] = by_radius[-1] - 2 * y / radius
        # a shell moves its own outer radius and all radii beyond
        return y, torch.stack(by_radius, 1).flip(1).cumsum(1).flip(1)

    def _n(self, rows: Tensor) -> Tensor:
        return torch.arange(1, self.orders + 1, device="cpu").to(rows)[:, None, None]

    def _match(self, rows: Tensor, *, slopes: bool) -> tuple[Tensor, Tensor, list[Tensor]]:
        """A and B in the host, and A·dB − B·dA for a step of each radius.

        Each ``(2, orders, B, W)``: electric, magnetic.
        """
        k, n = self.wavenumbers.to(rows)[:, None], self._n(rows)
        radii = rows.cumsum(-1).T[:, :, None]
        # at each radius, the waves of the shell within, and of the medium around it
        within = riccati_bessel(radii * k[:-1], self.orders, start=self.start)
        around = riccati_bessel(radii * k[1:], self.orders, start=self.start)
        regular, irregular = rows.new_ones(2, 1, 1, 1), rows.new_zeros(2, 1, 1, 1)
        pushes = []
        for i, radius in enumerate(radii):
            psi, psi_slope, chi, chi_slope = (table[:, i] for table in within)
            field = regular * psi + irregular * chi
            slope = regular * psi_slope + irregular * chi_slope
            ratio = k[i + 1] / k[i]
            if slopes:
                along = n * (n + 1) * (field[0] / (k[i + 1] * radius)).square()
                electric = slope[0].square() + along
                magnetic = (field[1] * k[i] / k[-1]).square()
                pushes.append(k[-1] * (1 - ratio.square()) * torch.stack([electric, magnetic]))
            # the radial derivative over ε is continuous for electric multipoles, and the
            # derivative itself for magnetic ones
            slope = slope * torch.stack([ratio, 1 / ratio])[:, None]
            psi, psi_slope, chi, chi_slope = (table[:, i] for table in around)
            # ψχ′ − ψ′χ = −1 solves for the two waves
            regular = slope * chi - field * chi_slope
            irregular = field * psi_slope - slope * psi
        return regular, irregular, pushes


class _Efficiency(torch.autograd.Function):
    """Ties the derivatives that the simulator computes itself to autograd."""

    @staticmethod
    def forward(rows: Tensor, sphere: SphereScattering, slopes: bool) -> tuple[Tensor, Tensor]:
        return sphere.solve(rows, slopes=slopes)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
        rows, ctx.sphere, ctx.slopes = inputs
        ctx.mark_non_differentiable(output[1])
        ctx.save_for_backward(rows, output[1])
        ctx.save_for_forward(rows, output[1])

    @staticmethod
    def derivatives(ctx: Any) -> Tensor:
        """``(B, K, W)``; computed here where nobody had announced that they are wanted."""
        rows, found = ctx.saved_tensors
        if not ctx.slopes:
            found = ctx.sphere.solve(rows.detach(), slopes=True)[1]
        found_once: Tensor = _Once.apply(rows, found)
        return found_once

    @staticmethod
    def backward(ctx: Any, grad: Tensor, _: Tensor) -> tuple[Tensor, None, None]:
        return (_Efficiency.derivatives(ctx) @ grad[:, :, None])[:, :, 0], None, None

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor, *_: None) -> tuple[Tensor, None]:
        return (tangent[:, None] @ _Efficiency.derivatives(ctx))[:, 0], None


class _Once(torch.autograd.Function):
    """Derivatives that depend on the rows in a way nobody has worked out."""

    @staticmethod
    def forward(rows: Tensor, derivatives: Tensor) -> Tensor:
        return derivatives.view_as(derivatives)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, *grad: Tensor) -> tuple[Tensor, None]:
        raise NotImplementedError("SphereScattering: second derivatives are not available")


class MultilayerSphere(Task):
    """A sphere of eight shells whose scattering spectrum is known: how thick is each shell?

    Silica and titanium dioxide in turn, from the silica core out, in water; each shell is 30 nm to
    70 nm thick, uniformly (for the core this is its radius). The observation is the scattering
    efficiency, the cross-section for scattering over πR², at 201 wavelengths in vacuum from 400 nm
    to 800 nm: numbers from 1.5 to 5 without unit, of mean 3.1, with a variance over designs of 0.14
    at a wavelength; compare a mean squared error with that.

    First posed by Peurifoy et al. (2018); materials, ranges and wavelengths are those of the task
    "Shell" of Ren et al. (2022), whose published designs are rounded to 0.1 nm. Nothing absorbs, so
    resonances may be as narrow as 0.01 nm of thickness: y bends that fast, and a finite difference
    needs a step below that. ``orders=15``, as published, leaves out resonances of the thickest
    spheres (errors up to 0.1 in y, and 4e-8 in the root mean square over the prior).

    Args:
        orders: multipoles of each kind; enough for all designs by default.

    Raises:
        TypeError: ``orders`` is not an integer.
        ValueError: ``orders`` is below 1.
    """

    simulator: SphereScattering

    def __init__(self, *, orders: int | None = None) -> None:
        wavelengths = torch.linspace(*WAVELENGTHS, POINTS, dtype=torch.float64, device="cpu")
        silica = torch.full_like(wavelengths, SILICA_INDEX)
        super().__init__(
            "multilayer_sphere",
            SphereScattering(
                wavelengths,
                torch.stack([silica, titania_index(wavelengths)] * (SHELLS // 2)),
                torch.full_like(wavelengths, WATER_INDEX),
                radius=LARGEST,
                orders=orders,
            ),
            Box([THICKNESS[0]] * SHELLS, [THICKNESS[1]] * SHELLS),
            labels=[f"{('silica', 'titania')[i % 2]} {i + 1}" for i in range(SHELLS)],
            units=["nm"] * SHELLS,
        )
        self.wavelengths = wavelengths
