"""Conditional variational autoencoder: a decoder turns noise and y into x."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

from invlab.methods.sampler import Sampler, normal_like
from invlab.networks.mlp import MLP, fourier_features, require_octaves
from invlab.validation import require_count

__all__ = ["ConditionalVAE"]


class ConditionalVAE(Sampler):
    """Encoder q(z | x, y) and decoder p(x | z, y), trained on the evidence lower bound.

    The loss of one pair, *summed* over unknowns and over latent numbers and averaged over
    pairs, is ``Σ_i [½ ((x_i − x̂_i)/σ_i)² + ln σ_i] + β · KL(q(z | x, y) ‖ N(0, I))``. The
    decoder's σ is learned, one for each unknown: a fixed one is a weight on the squared error
    in disguise, and too large a one makes the latent collapse, as the paper's does on the arm.

    Args:
        latent: numbers in z; one more than x has by default.
        width, layers: of encoder and decoder; ``layers`` counts linear layers.
        beta: weight β of the divergence at the end.
        warm_up: share of the training during which the weight rises from 0 to β.
        sigma: fixed σ of the decoder in scaled x, or None to learn it.
        z_fourier_octaves: Fourier features of z in the decoder.
        options: see :class:`~invlab.methods.sampler.Sampler`.

    A draw is the decoder's *mean*: adding its noise would only blur it.

    Source: Sohn, Lee and Yan (2015); Ren, Padilla and Malof (2020), Section 5.
    """

    name = "cvae"
    defaults: ClassVar[dict[str, Any]] = {"epochs": 200}

    def __init__(
        self,
        *,
        latent: int | None = None,
        width: int = 256,
        layers: int = 4,
        beta: float = 1.0,
        warm_up: float = 0.2,
        sigma: float | None = None,
        z_fourier_octaves: int = 0,
        **options: Any,
    ) -> None:
        super().__init__(**{**ConditionalVAE.defaults, **options})
        if beta < 0 or not 0 <= warm_up <= 1 or (sigma is not None and sigma <= 0):
            raise ValueError(
                "cvae: expected beta >= 0, warm_up from 0 to 1 and sigma > 0, "
                f"got {beta}, {warm_up}, {sigma}"
            )
        z_fourier_octaves = require_octaves("z_fourier_octaves", z_fourier_octaves)
        self.latent = latent if latent is None else require_count("latent", latent)
        self.width, self.layers = require_count("width", width), require_count("layers", layers)
        self.beta, self.warm_up, self.sigma, self.z_fourier_octaves = (
            beta,
            warm_up,
            sigma,
            z_fourier_octaves,
        )

    def build_networks(self, x_dim: int, y_dim: int, seeds: Sequence[int]) -> None:
        """Encoder, decoder and the logarithm of the decoder's σ."""
        self.z_dim = x_dim + 1 if self.latent is None else self.latent
        hidden = [self.width] * (self.layers - 1)
        seen = x_dim * (1 + 2 * self.fourier_octaves) + y_dim
        waves = self.z_dim * (1 + 2 * self.z_fourier_octaves) + y_dim
        self.encode = MLP(
            [seen, *hidden, 2 * self.z_dim], seeds=seeds, stream="encoder", activation=silu
        )
        self.decode = MLP([waves, *hidden, x_dim], seeds=seeds, stream="decoder", activation=silu)
        start = -1.0 if self.sigma is None else math.log(self.sigma)
        self.log_sigma = nn.Parameter(
            torch.full((len(seeds), 1, x_dim), start, dtype=torch.float32, device="cpu"),
            requires_grad=self.sigma is None,
        )

    def latent_law(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of q(z | x, y), each ``(..., N, latent)``."""
        code = self.encode(torch.cat([fourier_features(x, self.fourier_octaves), y], -1))
        mean, log_variance = code.chunk(2, -1)
        return mean, log_variance.clamp(-20, 10)

    def decoded(self, z: Tensor, y: Tensor) -> Tensor:
        """Mean of p(x | z, y), scaled: ``(..., N, dx)``."""
        return self.decode(torch.cat([fourier_features(z, self.z_fourier_octaves), y], -1))

    def cost(self, x: Tensor, y: Tensor, share: float, draws: torch.Generator) -> dict[str, Tensor]:
        """Reconstruction and divergence of each pair, in nats up to a constant."""
        mean, log_variance = self.latent_law(x, y)
        z = mean + (0.5 * log_variance).exp() * normal_like(mean, draws)
        # while it is learned it must not run away; a fixed one is what the caller wants
        log_sigma = self.log_sigma.clamp_min(-7) if self.sigma is None else self.log_sigma
        gap = (x - self.decoded(z, y.expand(*z.shape[:-1], -1))) / log_sigma.exp()
        weight = self.beta * min(1.0, share / max(self.warm_up, 1e-9))
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(-1)
        return {
            "reconstruction": (0.5 * gap.square() + log_sigma).sum(-1),
            "divergence": weight * divergence,
        }

    def noise_dim(self) -> int:
        """The latent numbers."""
        return self.z_dim

    def transform(self, z: Tensor, y: Tensor) -> Tensor:
        """The decoder's mean."""
        return self.decoded(z, y)[0]
