"""Mixture density network: p(x | y) as a sum of Gaussians with full covariances."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn.functional import silu, softplus

from invlab.methods.sampler import Sampler
from invlab.networks.mlp import MLP
from invlab.runtime import generator
from invlab.validation import require_count

__all__ = ["MixtureDensity"]


class MixtureDensity(Sampler):
    """A network gives weights, means and precisions of ``components`` Gaussians for each y.

    The precision of a component is ``Λ = L Lᵀ`` with L lower triangular and positive on the
    diagonal, so that its determinant is a product and its draw one triangular solve. The
    density that is trained is the density that is drawn from; the paper's code draws from
    ``Λ + I``, which caps the variance at one.

    Args:
        components: number of Gaussians.
        width, layers: of the network; ``layers`` counts linear layers.
        options: see :class:`~invlab.methods.sampler.Sampler`. x enters the loss alone, so
            there is nothing for Fourier features to enter.

    Source: Bishop (1994); Ren, Padilla and Malof (2020), Section 5.

    Example:
        >>> import invlab
        >>> task = invlab.get_task("robot_arm")
        >>> model = invlab.get_method("mixture_density", components=5, epochs=2)
        >>> model = model.fit(task, task.sample(200))
        >>> y = task.targets(3, seed=1).y
        >>> draws = model.propose(y, n=10)
        >>> tuple(draws.shape), tuple(model.log_density(draws, y).shape)
        ((3, 10, 4), (3, 10))
    """

    name = "mixture_density"
    gives_density = True
    defaults: ClassVar[dict[str, Any]] = {"fourier_octaves": 0, "lr": 2e-3}

    def __init__(
        self, *, components: int = 32, width: int = 128, layers: int = 4, **options: Any
    ) -> None:
        super().__init__(**{**MixtureDensity.defaults, **options})
        self.components = require_count("components", components)
        self.width, self.layers = require_count("width", width), require_count("layers", layers)

    def build_networks(self, x_dim: int, y_dim: int, seeds: Sequence[int]) -> None:
        """One network for all numbers of all components."""
        self.x_dim = x_dim
        self.rows, self.columns = torch.tril_indices(x_dim, x_dim, device="cpu").unbind()
        each = 1 + x_dim + len(self.rows)
        sizes = [y_dim, *[self.width] * (self.layers - 1), self.components * each]
        self.network = MLP(sizes, seeds=seeds, stream="mixture", activation=silu)
        with torch.no_grad():  # components that start in one place stay there
            means = self.network.biases[-1].view(len(seeds), self.components, each)
            for member, seed in zip(means, seeds, strict=True):
                member[:, 1 : 1 + x_dim] = torch.randn(
                    self.components,
                    x_dim,
                    generator=generator(seed, "means"),
                    dtype=torch.float32,
                    device="cpu",
                )

    def mixture(self, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Log-weights ``(..., C)``, means ``(..., C, d)`` and factors L ``(..., C, d, d)``."""
        numbers = self.network(y).unflatten(-1, (self.components, -1))
        log_weight = numbers[..., 0].log_softmax(-1)
        mean = numbers[..., 1 : 1 + self.x_dim]
        lower = numbers.new_zeros(*numbers.shape[:-1], self.x_dim, self.x_dim)
        lower[..., self.rows, self.columns] = numbers[..., 1 + self.x_dim :]
        diagonal = softplus(lower.diagonal(dim1=-2, dim2=-1) + 0.5) + 1e-3
        return log_weight, mean, lower.tril(-1) + torch.diag_embed(diagonal)

    def log_prob(self, x: Tensor, y: Tensor) -> Tensor:
        """Exact, of scaled unknowns."""
        return self._log_prob(x, y)[0]

    def _log_prob(self, x: Tensor, y: Tensor) -> Tensor:
        """The same for each member, ``(K, N)``; a log-sum-exp, so that far points count."""
        log_weight, mean, factor = self.mixture(y)
        gap = x.unsqueeze(-2) - mean
        white = (factor * gap.unsqueeze(-1)).sum(-2)  # Lᵀ (x − μ)
        log_each = factor.diagonal(dim1=-2, dim2=-1).log().sum(-1) - 0.5 * white.square().sum(-1)
        constant = 0.5 * self.x_dim * math.log(2 * math.pi)
        return (log_weight + log_each).logsumexp(-1) - constant

    def cost(self, x: Tensor, y: Tensor, share: float, draws: torch.Generator) -> dict[str, Tensor]:
        """Negative log-likelihood."""
        return {"nll": -self._log_prob(x, y)}

    def noise_dim(self) -> int:
        """One number chooses the component, the others become the draw."""
        return 1 + self.x_dim

    def transform(self, z: Tensor, y: Tensor) -> Tensor:
        """Choose a component by its weight, then ``μ + L⁻ᵀ z``."""
        return self.transform_each(z[:, None], y)[:, 0]

    def transform_each(self, z: Tensor, y: Tensor) -> Tensor:
        """The same, with the network evaluated once a target."""
        log_weight, mean, factor = (part[0] for part in self.mixture(y))
        uniform = torch.special.ndtr(z[..., 0])
        edges = log_weight.exp().cumsum(-1)
        chosen = torch.searchsorted(edges, uniform.contiguous()).clamp_max(self.components - 1)
        row = torch.arange(len(z), device=z.device)[:, None]
        # Lᵀ to be solved from below: a few sweeps over all draws instead of many tiny systems
        return mean[row, chosen] + _solve_transposed(factor[row, chosen], z[..., 1:])


def _solve_transposed(lower: Tensor, z: Tensor) -> Tensor:
    """``L⁻ᵀ z`` for triangles ``(..., d, d)`` and vectors ``(..., d)``."""
    d = z.shape[-1]
    solved: list[Tensor] = []
    for k in range(d - 1, -1, -1):
        rest = z[..., k]
        for place, known in enumerate(solved):
            rest = rest - lower[..., d - 1 - place, k] * known
        solved.append(rest / lower[..., k, k])
    return torch.stack(solved[::-1], -1)
