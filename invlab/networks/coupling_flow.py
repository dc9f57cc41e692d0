"""A coupling flow: an invertible network with a log-determinant that costs nothing extra."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

from invlab import runtime
from invlab.networks.mlp import MLP, fourier_features, require_octaves
from invlab.validation import require_count

__all__ = ["CouplingFlow"]


class CouplingFlow(nn.Module):
    """Affine coupling blocks with fixed permutations between them, for ``K`` seeds at once.

    A block splits u into halves a and b, then stretches and shifts each by what a network says
    of the other: ``b ← b · exp(s(a, y)) + t(a, y)``, then a likewise by the new b. Both steps
    can be undone exactly, and the logarithm of their determinant is the sum of s. The last
    layer of each network starts at zero, so that the flow starts as a permutation.

    Args:
        dim: numbers in u, at least 1; with one number the blocks are affine maps given y.
        y_dim: numbers of the condition y that each network sees beside its half; 0 for none.
        blocks: number of blocks.
        width, layers: of each network; ``layers`` counts linear layers.
        fourier_octaves: Fourier features of the half, :func:`invlab.networks.mlp.fourier_features`.
        clamp: bound of the log-scale, ``s = clamp · tanh(raw / clamp)``: smooth, so that a
            gradient always leads back.
        seeds: one member for each.

    Source: Dinh, Sohl-Dickstein and Bengio (2017); two-way blocks as in Ardizzone et al. (2019).
    """

    orders: Tensor

    def __init__(
        self,
        dim: int,
        y_dim: int = 0,
        *,
        blocks: int = 6,
        width: int = 96,
        layers: int = 3,
        fourier_octaves: int = 0,
        clamp: float = 2.0,
        seeds: Sequence[int] = (0,),
    ) -> None:
        super().__init__()
        if not clamp > 0:
            raise ValueError(f"clamp: expected a bound above 0, got {clamp}")
        self.dim = require_count("dim", dim)
        fourier_octaves = require_octaves("fourier_octaves", fourier_octaves)
        self.first, self.fourier_octaves, self.clamp = dim // 2, fourier_octaves, clamp
        self.networks = nn.ModuleList()
        orders = []
        for block in range(require_count("blocks", blocks)):
            for seen, moved in ((self.first, dim - self.first), (dim - self.first, self.first)):
                sizes = [
                    seen * (1 + 2 * fourier_octaves) + y_dim,
                    *[width] * (layers - 1),
                    2 * moved,
                ]
                self.networks.append(_subnet(sizes, seeds, f"coupling {len(self.networks)}"))
            # the same order for every seed: part of the architecture, not of the draw
            draws = runtime.generator(block, "permutation")
            orders.append(torch.randperm(dim, generator=draws, device="cpu"))
        self.register_buffer("orders", torch.stack(orders))

    def forward(self, u: Tensor, y: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """u to z, and the log-determinant: ``(..., dim)`` to ``(K, ..., dim)`` and ``(K, ...)``."""
        total = u.new_zeros(())
        for order, (there, back) in zip(self.orders, self._blocks(), strict=True):
            a, b = u[..., : self.first], u[..., self.first :]
            s, t = self._affine(there, a, y)
            b, total = b * s.exp() + t, total + s.sum(-1)
            if self.first:
                s, t = self._affine(back, b, y)
                a, total = a * s.exp() + t, total + s.sum(-1)
            u = _join(a, b)[..., order]
        return u, total

    def inverse(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """z back to u: ``(..., dim)`` to ``(K, ..., dim)``."""
        for order, (there, back) in reversed(list(zip(self.orders, self._blocks(), strict=True))):
            z = torch.empty_like(z).index_copy(-1, order, z)  # back to where they came from
            a, b = z[..., : self.first], z[..., self.first :]
            if self.first:
                s, t = self._affine(back, b, y)
                a = (a - t) * (-s).exp()
            s, t = self._affine(there, a, y)
            z = _join(a, (b - t) * (-s).exp())
        return z

    def _blocks(self) -> list[tuple[nn.Module, nn.Module]]:
        return list(zip(self.networks[::2], self.networks[1::2], strict=True))

    def _affine(self, network: nn.Module, half: Tensor, y: Tensor | None) -> tuple[Tensor, Tensor]:
        seen = fourier_features(half, self.fourier_octaves)
        if y is not None:
            seen = torch.cat([seen, y.expand(*seen.shape[:-1], -1)], -1)
        raw, shift = network(seen).chunk(2, -1)
        return self.clamp * torch.tanh(raw / self.clamp), shift


def _subnet(sizes: list[int], seeds: Sequence[int], stream: str) -> nn.Module:
    if min(sizes) == 0:
        # with one unknown and no condition nothing is seen, or nothing is moved
        return _Constant(sizes[-1], len(seeds))
    network = MLP(sizes, seeds=seeds, stream=stream, activation=silu)
    with torch.no_grad():
        network.weights[-1].zero_()
        network.biases[-1].zero_()
    return network


class _Constant(nn.Module):
    """A network of no inputs: numbers to be learned."""

    def __init__(self, size: int, members: int) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.zeros(members, 1, size, dtype=torch.float32, device="cpu"))

    def forward(self, u: Tensor) -> Tensor:
        return self.value.expand(len(self.value), u.shape[-2], -1)


def _join(a: Tensor, b: Tensor) -> Tensor:
    """Halves side by side; one of them may lack the axis of members."""
    lead = torch.broadcast_shapes(a.shape[:-1], b.shape[:-1])
    return torch.cat([a.expand(*lead, -1), b.expand(*lead, -1)], -1)
