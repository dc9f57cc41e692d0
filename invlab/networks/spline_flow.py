"""A flow of monotone splines: an invertible network that can tear a density apart."""

from __future__ import annotations

import math
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

from invlab import runtime
from invlab.networks.mlp import MLP, fourier_features, require_octaves
from invlab.validation import require_count

__all__ = ["SplineFlowNetwork", "zuko_transforms"]

# A block moves its numbers in at most so many groups, each by what the groups before it say.
GROUPS = 8


class SplineFlowNetwork(nn.Module):
    """Blocks that move each number of u by a monotone curve, which y and other numbers choose.

    A block moves the numbers in groups. A network of each group sees y and the groups before it,
    so that the derivatives form a triangle: the log-determinant is a sum, and the inverse goes
    from group to group. Each number is first stretched and shifted, ``v = (u − t)·exp(s)``, which
    brings what y leaves of it to the middle and to unit size, where the knots are; then it goes
    through a spline of rational quadratic pieces between −5 and 5, the identity outside. With up
    to eight numbers a group is a single one. Between blocks the order changes.
    The last layer of each network starts at zero, so that the flow starts as a permutation.

    Args:
        dim: numbers in u, at least 1.
        y_dim: numbers of the condition y, at least 1.
        blocks: their number.
        bins: pieces of each spline.
        width, layers: of each network; ``layers`` counts linear layers.
        fourier_octaves: Fourier features of u inside the networks,
            :func:`invlab.networks.mlp.fourier_features`.
        clamp: bound of the log-stretch s, smooth as in
            :class:`~invlab.networks.coupling_flow.CouplingFlow`.
        seed: of the weights.

    Raises:
        ImportError: zuko, whose splines these are, is not installed.

    Source: Durkan et al. (2019), arXiv:1906.04032; without the affine step.
    """

    def __init__(
        self,
        dim: int,
        y_dim: int,
        *,
        blocks: int = 2,
        bins: int = 8,
        width: int = 96,
        layers: int = 3,
        fourier_octaves: int = 0,
        clamp: float = 4.0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.dim = require_count("dim", dim)
        fourier_octaves = require_octaves("fourier_octaves", fourier_octaves)
        self.blocks = nn.ModuleList()
        self.order = _order(dim)
        for block in range(require_count("blocks", blocks)):
            made = _Block(dim, y_dim, bins, fourier_octaves, clamp)
            made.add_network(width, layers, runtime.generator(seed, "spline block", block))
            self.blocks.append(made)

    def forward(self, u: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """u to z, and the log-determinant: ``(N, dim)`` to ``(N, dim)`` and ``(N,)``."""
        total = u.new_zeros(())
        for block in self._blocks():
            u, log_det = block(u, y)
            u, total = u[:, self.order], total + log_det
        return u, total

    def inverse(self, z: Tensor, y: Tensor) -> Tensor:
        """z back to u: ``(N, dim)`` to ``(N, dim)``."""
        back = [self.order.index(k) for k in range(self.dim)]
        for block in reversed(self._blocks()):
            z = block.inverse(z[:, back], y)
        return z

    def _blocks(self) -> list[_Block]:
        return cast("list[_Block]", list(self.blocks))


class _Block(nn.Module):
    """One move of all numbers, a group after the other; see :class:`SplineFlowNetwork`."""

    network: MLP
    mask: Tensor

    def __init__(self, dim: int, y_dim: int, bins: int, octaves: int, clamp: float) -> None:
        super().__init__()
        self.dim, self.size = dim, math.ceil(dim / GROUPS)
        groups = math.ceil(dim / self.size)
        self.bins, self.octaves, self.clamp = bins, octaves, clamp
        # widths, heights and slopes of the pieces, stretch and shift
        self.each = 3 * bins - 1 + 2
        group = torch.arange(dim, device="cpu") // self.size
        before = group < torch.arange(groups, device="cpu")[:, None]
        known = torch.ones(groups, y_dim, dtype=torch.bool, device="cpu")
        seen = torch.cat([before.repeat(1, 1 + 2 * octaves), known], 1)
        self.register_buffer("mask", seen[:, None].float())

    def add_network(self, width: int, layers: int, draws: torch.Generator) -> None:
        """Networks with a member for each group."""
        sizes = [self.mask.shape[-1], *[width] * (layers - 1), self.size * self.each]
        seeds = [runtime.next_seed(draws) for _ in range(len(self.mask))]
        self.network = MLP(sizes, seeds=seeds, activation=silu)
        with torch.no_grad():
            self.network.weights[-1].zero_()
            self.network.biases[-1].zero_()

    def forward(self, u: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """``(N, dim)`` to ``(N, dim)`` and ``(N,)``."""
        out = self.network(self._seen(u, y) * self.mask).unflatten(-1, (self.size, self.each))
        numbers = out.transpose(0, 1).flatten(1, 2)[:, : self.dim]
        stretch, shift = self._affine(numbers)
        z, log_slope = self._spline(numbers).call_and_ladj((u - shift) * stretch.exp())
        return z, (stretch + log_slope).sum(-1)

    def inverse(self, z: Tensor, y: Tensor) -> Tensor:
        """``(N, dim)`` to ``(N, dim)``: a group at a time, by its own network alone."""
        u = torch.zeros_like(z)
        for k, part in enumerate(z.split(self.size, -1)):
            hidden = self._seen(u, y) * self.mask[k]
            out = _member(self.network, k, hidden).unflatten(-1, (self.size, self.each))
            numbers = out[:, : part.shape[1]]
            stretch, shift = self._affine(numbers)
            found = self._spline(numbers).inv(part) * (-stretch).exp() + shift
            start = k * self.size
            u = torch.cat([u[:, :start], found, u[:, start + part.shape[1] :]], -1)
        return u

    def _seen(self, u: Tensor, y: Tensor) -> Tensor:
        return torch.cat([fourier_features(u, self.octaves), y], -1)

    def _affine(self, numbers: Tensor) -> tuple[Tensor, Tensor]:
        raw, shift = numbers[..., -2], numbers[..., -1]
        return self.clamp * torch.tanh(raw / self.clamp), shift

    def _spline(self, numbers: Tensor) -> Any:
        knots = numbers[..., :-2].split([self.bins, self.bins, self.bins - 1], -1)
        return zuko_transforms().MonotonicRQSTransform(*knots)


def _order(dim: int) -> list[int]:
    """Of the numbers behind a block: the last comes first, and those of a group part."""
    size = math.ceil(dim / GROUPS)
    return sorted(range(dim), key=lambda k: (k % size, k // size))[::-1]


def _member(network: MLP, k: int, u: Tensor) -> Tensor:
    """One member of a network alone: ``(N, d_in)`` to ``(N, d_out)``."""
    for layer, (weight, bias) in enumerate(zip(network.weights, network.biases, strict=True)):
        u = torch.addmm(bias[k], network.activation(u) if layer else u, weight[k])
    return u


def zuko_transforms() -> Any:
    """The module of zuko that has the splines.

    Raises:
        ImportError: it is not installed; the message says what to install.
    """
    try:
        import zuko.transforms
    except ImportError as error:
        message = 'spline_flow: needs zuko; pip install "invlab[flows]"'
        raise ImportError(message, name="zuko") from error
    return zuko.transforms
