"""A neural spline flow: monotone curves in place of the affine maps of a cINN."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from invlab.methods.sampler import Sampler
from invlab.networks.spline_flow import SplineFlowNetwork, zuko_transforms
from invlab.validation import require_count

__all__ = ["SplineFlow"]


class SplineFlow(Sampler):
    """A flow from x to normal noise z by rational-quadratic splines whose knots y chooses.

    An affine block moves and stretches all of a line by one number each, so that it cannot tear a
    heap in two. A spline may be steep in one place and flat in another, and pulls one heap of
    noise apart into two of unknowns. The splines come from ``zuko``.

    Args:
        transforms: blocks of the flow.
        bins: pieces of each spline.
        width, layers: of the networks of a block; ``layers`` counts linear layers.
        clamp: see :class:`~invlab.networks.spline_flow.SplineFlowNetwork`.
        options: see :class:`~invlab.methods.sampler.Sampler`.

    Raises:
        ImportError: zuko is not installed.

    Source: Durkan et al. (2019). It came after the paper, which has no such row.
    """

    name = "spline_flow"
    gives_density = True
    defaults: ClassVar[dict[str, Any]] = {
        "epochs": 150,
        "batch_size": 512,
        "lr": 4e-3,
        "x_jitter": 3e-3,
    }

    def __init__(
        self,
        *,
        transforms: int = 2,
        bins: int = 8,
        width: int = 96,
        layers: int = 3,
        clamp: float = 4.0,
        **options: Any,
    ) -> None:
        super().__init__(**{**SplineFlow.defaults, **options})
        if require_count("bins", bins) < 2:
            raise ValueError(f"bins: expected at least 2, got {bins}")
        if not clamp > 0:
            raise ValueError(f"clamp: expected a bound above 0, got {clamp}")
        self.transforms, self.bins = require_count("transforms", transforms), bins
        self.width, self.layers = require_count("width", width), require_count("layers", layers)
        self.clamp = clamp
        zuko_transforms()

    def build_networks(self, x_dim: int, y_dim: int, seeds: Sequence[int]) -> None:
        """The flow."""
        (seed,) = seeds
        self.x_dim = x_dim
        self.flow = SplineFlowNetwork(
            x_dim,
            y_dim,
            blocks=self.transforms,
            bins=self.bins,
            width=self.width,
            layers=self.layers,
            fourier_octaves=self.fourier_octaves,
            clamp=self.clamp,
            seed=seed,
        )

    def cost(self, x: Tensor, y: Tensor, share: float, draws: torch.Generator) -> dict[str, Tensor]:
        """Negative log-likelihood in nats, of scaled unknowns."""
        flat = self.log_prob(x.reshape(-1, x.shape[-1]), y.reshape(-1, y.shape[-1]))
        return {"nll": -flat.reshape(x.shape[:-1])}

    def noise_dim(self) -> int:
        """As many numbers as x has."""
        return self.x_dim

    def transform(self, z: Tensor, y: Tensor) -> Tensor:
        """Run the flow backwards."""
        return self.flow.inverse(z, y)

    def log_prob(self, x: Tensor, y: Tensor) -> Tensor:
        """By the change of variables."""
        z, log_det = self.flow(x, y)
        found: Tensor = log_det - 0.5 * z.square().sum(-1)
        return found - 0.5 * self.x_dim * math.log(2 * math.pi)
