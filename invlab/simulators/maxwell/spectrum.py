"""A whole spectrum from a few frequencies: rational interpolation between Maxwell solutions."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from invlab.simulators.maxwell.fourier_modal import FourierModal
from invlab.validation import require_count, require_number, require_points

__all__ = ["Reflectance", "interpolate", "unfolded"]

# Complex numbers of one batch of matrices: what fits into the cache of one core.
CACHE = 2**18


class Reflectance(nn.Module):
    """Heights and radii to reflectances of the specular order over a band of frequencies.

    The amplitude r(f) has poles (resonances) and one branch point, where the second diffraction
    order begins to travel. In :func:`unfolded` frequency the branch point is gone, and a rational
    function through a few frequencies (AAA) gives all the others. Where a gradient is asked for,
    each frequency is solved instead.

    Args:
        modal: the solver.
        low, high: of the band in THz.
        points: equally spaced frequencies of the result.
        nodes: frequencies that are solved; ``points`` or more to solve each.

    Raises:
        ValueError: an empty band, or fewer than two nodes.
    """

    frequencies: Tensor
    nodes: Tensor

    def __init__(
        self,
        modal: FourierModal,
        *,
        low: float = 0.8,
        high: float = 1.5,
        points: int = 300,
        nodes: int = 36,
    ) -> None:
        super().__init__()
        low, high = require_number("low", low), require_number("high", high)
        if not 0 < low < high < math.inf:
            raise ValueError(f"Reflectance: expected 0 < low < high, got {low} and {high} THz")
        if require_count("nodes", nodes) < 2:
            raise ValueError("Reflectance: expected at least two nodes, got 1")
        self.modal = modal
        frequencies = torch.linspace(
            low, high, require_count("points", points), dtype=torch.float64, device="cpu"
        )
        self.register_buffer("frequencies", _beside(frequencies, modal.cutoff))
        few = frequencies if nodes >= points else _nodes(low, high, modal.cutoff, nodes)
        self.register_buffer("nodes", _beside(few, modal.cutoff))

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Four heights and four radii in µm, ``(..., 8)``, to reflectances ``(..., points)``."""
        x = require_points("Reflectance: x", x, 8)
        rows = x.reshape(-1, 8).to(self.frequencies)
        directly = x.requires_grad and torch.is_grad_enabled()
        solved = self.frequencies if directly else self.nodes
        size = max(1, CACHE // (len(solved) * len(self.modal.bases) ** 2))
        r = torch.cat([self._amplitude(part, solved) for part in rows.split(size)])
        if len(solved) < len(self.frequencies):
            r = self._interpolate(rows, r)
        reflectance = r.real.square() + r.imag.square()
        return reflectance.reshape(*x.shape[:-1], -1).to(x)

    def _amplitude(self, rows: Tensor, frequencies: Tensor) -> Tensor:
        return self.modal(rows[:, :4], rows[:, 4:], frequencies).r

    def _interpolate(self, rows: Tensor, r: Tensor) -> Tensor:
        dense = interpolate(self.nodes, r, self.frequencies, self.modal.cutoff)
        # a pole of the interpolant beside the band shows as an impossible amplitude
        wrong = ~(dense.abs() <= 1 + 1e-9).all(-1)
        for row in wrong.nonzero()[:, 0].tolist():
            dense[row] = self._amplitude(rows[row : row + 1], self.frequencies)[0]
        return dense


def unfolded(frequencies: Tensor, cutoff: float) -> Tensor:
    """w = f/f₀ + √((f/f₀)² − 1): on the unit circle below the cutoff f₀, real above it.

    The square root at f₀ becomes a smooth function of w.
    """
    q = _position(frequencies, cutoff)
    return torch.where(q < 0, torch.exp(-1j * q), torch.exp(q + 0j))


def interpolate(nodes: Tensor, r: Tensor, frequencies: Tensor, cutoff: float) -> Tensor:
    """Amplitudes at other frequencies, by the AAA algorithm in :func:`unfolded` frequency.

    Args:
        nodes: frequencies in THz that were solved, ``(N,)``.
        r: amplitudes there, complex, ``(B, N)``.
        frequencies: where amplitudes are wanted, ``(F,)``.
        cutoff: f₀ in THz.

    Returns:
        ``(B, F)``; no gradient flows through it.

    Source: Nakatsukasa, Sète and Trefethen (2018).
    """
    from scipy.interpolate import AAA

    at, to = (unfolded(f.cpu(), cutoff).numpy() for f in (nodes, frequencies))
    rows = [AAA(at, row, rtol=1e-10, clean_up=False)(to) for row in r.detach().cpu().numpy()]
    return torch.stack([torch.as_tensor(row, device="cpu") for row in rows]).to(r)


def _position(frequencies: Tensor, cutoff: float) -> Tensor:
    """−arccos(f/f₀) below the cutoff, arccosh(f/f₀) above: a smooth scale through it."""
    ratio = frequencies / cutoff
    return torch.where(ratio < 1, -ratio.clamp(max=1).acos(), ratio.clamp(min=1).acosh())


def _nodes(low: float, high: float, cutoff: float, count: int) -> Tensor:
    """Frequencies halfway between equal and Chebyshev spacing in :func:`_position`."""
    first, last = _position(torch.tensor([low, high], dtype=torch.float64, device="cpu"), cutoff)
    step = torch.arange(count, dtype=torch.float64, device="cpu") / (count - 1)
    place = (step + (1 - (math.pi * step).cos()) / 2) / 2
    q = first + (last - first) * place
    return cutoff * torch.where(q < 0, q.cos(), q.cosh())


def _beside(frequencies: Tensor, cutoff: float) -> Tensor:
    """The same, none of them exactly at the cutoff, where a wave runs along the surface."""
    step = 1e-9 * cutoff
    return torch.where((frequencies - cutoff).abs() < step, cutoff + step, frequencies)
