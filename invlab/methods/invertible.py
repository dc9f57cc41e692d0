"""Two invertible networks: y on the far side of the flow (INN), or beside it (cINN)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor

from invlab.methods.sampler import Sampler, normal_like
from invlab.networks.coupling_flow import CouplingFlow
from invlab.validation import require_count

__all__ = ["ConditionalINN", "INN"]


class FlowSampler(Sampler):
    """What both share: a coupling flow of unknowns with padding noise beside them.

    Args:
        padding: numbers of normal noise added to x, or None for the subclass to choose.
        blocks, width, layers, clamp: see :class:`~invlab.networks.coupling_flow.CouplingFlow`.
        options: see :class:`~invlab.methods.sampler.Sampler`.
    """

    pad: int  # numbers of noise beside x, set by the subclass

    def __init__(
        self,
        *,
        padding: int | None = None,
        blocks: int = 6,
        width: int = 96,
        layers: int = 3,
        clamp: float = 2.0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if padding is not None and padding < 0:
            raise ValueError(f"{self.name}: expected a padding of at least 0, got {padding}")
        self.padding = padding
        self.blocks, self.width = require_count("blocks", blocks), require_count("width", width)
        self.layers, self.clamp = require_count("layers", layers), clamp

    def build_flow(self, dim: int, y_dim: int, seeds: Sequence[int]) -> CouplingFlow:
        """An untrained flow of ``dim`` numbers, with ``y_dim`` numbers beside its blocks."""
        return CouplingFlow(
            dim,
            y_dim,
            blocks=self.blocks,
            width=self.width,
            layers=self.layers,
            fourier_octaves=self.fourier_octaves,
            clamp=self.clamp,
            seeds=seeds,
        )

    def padded(self, x: Tensor, draws: torch.Generator) -> Tensor:
        """x with its padding noise beside it."""
        noise = torch.randn(*x.shape[:-1], self.pad, generator=draws).to(x)
        return torch.cat([x, noise], -1)


class ConditionalINN(FlowSampler):
    """A flow from x to normal noise z whose networks see y: exact likelihood of x given y.

    Args:
        padding: numbers of normal noise added to x. A map of more dimensions can lead one
            mode past another where a map of the plane cannot; an affine map of a single number
            can make nothing but a Gaussian. By default one where x is a single number, else none.
        blocks, width, layers, clamp: see :class:`~invlab.networks.coupling_flow.CouplingFlow`.
        options: see :class:`~invlab.methods.sampler.Sampler`.

    The loss is ``½ ‖z‖² − ln |det J|``, equation 9 of the paper. A little noise on x
    (``x_jitter``) and the trimmed validation loss keep rare pairs from choosing the weights.

    Source: Ardizzone et al. (2019b); Ren, Padilla and Malof (2020), Section 5.
    """

    name = "cinn"

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"epochs": 300, "x_jitter": 3e-3, **options})

    def build_networks(self, x_dim: int, y_dim: int, seeds: Sequence[int]) -> None:
        """The flow."""
        self.x_dim = x_dim
        self.pad = int(x_dim == 1) if self.padding is None else self.padding
        self.flow = self.build_flow(x_dim + self.pad, y_dim, seeds)

    def cost(self, x: Tensor, y: Tensor, share: float, draws: torch.Generator) -> dict[str, Tensor]:
        """Negative log-likelihood in nats, up to a constant."""
        z, log_det = self.flow(self.padded(x, draws), y)
        return {"norm": 0.5 * z.square().sum(-1), "log-determinant": -log_det}

    def noise_dim(self) -> int:
        """As many numbers as x has, with its padding."""
        return self.x_dim + self.pad

    def transform(self, z: Tensor, y: Tensor) -> Tensor:
        """Run the flow backwards, and drop the padding."""
        return self.flow.inverse(z, y)[0][..., : self.x_dim]


class INN(FlowSampler):
    """A flow from x to (y, z): it predicts y, and z holds what y does not say.

    With padding noise p the flow maps ``[x, p]`` to ``[ŷ, ẑ]``, and the loss of a pair is
    ``½ ‖ŷ − y‖²/σ² + ½ ‖ẑ‖² − ln |det J|``, equation 8 of the paper, summed over components.
    A draw inverts the flow at ``[y, z]`` with normal z.

    Args:
        sigma: width σ of ŷ around y in scaled units, at the end of the training; it falls
            from 1 along a geometric series during the first half.
        padding: numbers of noise added to x; by default as many as make room for y and, where
            x has more numbers than y, for at least three latent ones.
        latent_norm: ``"output"`` takes ‖ẑ‖² from the flow. ``"dead"`` takes it from fresh noise, as
            the published code does: it then has no gradient, and nothing keeps ẑ small.
        blocks, width, layers, clamp: see :class:`~invlab.networks.coupling_flow.CouplingFlow`.
        options: see :class:`~invlab.methods.sampler.Sampler`; y is always taken as it is.

    Source: Ardizzone et al. (2019a); Ren, Padilla and Malof (2020), Section 5.
    """

    name = "inn"

    def __init__(
        self,
        *,
        sigma: float = 0.05,
        latent_norm: Literal["output", "dead"] = "output",
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if latent_norm not in ("output", "dead"):
            raise ValueError(f"latent_norm: expected 'output' or 'dead', got {latent_norm!r}")
        if not 0 < sigma <= 1:
            raise ValueError(f"sigma: expected a width above 0 and at most 1, got {sigma}")
        self.sigma, self.latent_norm = sigma, latent_norm

    def _features(self, y_dim: int) -> int:
        if self.summary_dim is not None:
            raise ValueError("inn: y leaves the flow as it is; condition features are for cinn")
        return y_dim

    def build_networks(self, x_dim: int, y_dim: int, seeds: Sequence[int]) -> None:
        """The flow, wide enough for x with its padding and for y with a latent number."""
        self.x_dim, self.y_dim = x_dim, y_dim
        room = max(x_dim, y_dim + (3 if x_dim > y_dim else 1), 2)
        dim = room if self.padding is None else x_dim + self.padding
        if dim <= y_dim:
            raise ValueError(
                f"inn: expected a padding of at least {y_dim + 1 - x_dim}, so that z has room "
                f"beside the {y_dim} numbers of y, got {self.padding}"
            )
        self.z_dim, self.pad = dim - y_dim, dim - x_dim
        self.flow = self.build_flow(dim, 0, seeds)

    def outputs(self, x: Tensor, draws: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """ŷ, ẑ and the log-determinant for scaled x, with fresh padding noise."""
        out, log_det = self.flow(self.padded(x, draws))
        return out[..., : self.y_dim], out[..., self.y_dim :], log_det

    def cost(self, x: Tensor, y: Tensor, share: float, draws: torch.Generator) -> dict[str, Tensor]:
        """Misfit of y, norm of z and log-determinant of each pair, in nats up to a constant."""
        y_hat, z_hat, log_det = self.outputs(x, draws)
        width = self.sigma ** min(1.0, 2 * share)
        latent = z_hat if self.latent_norm == "output" else normal_like(z_hat, draws)
        return {
            "misfit": 0.5 * ((y_hat - y) / width).square().sum(-1),
            "norm": 0.5 * latent.square().sum(-1),
            "log-determinant": -log_det,
        }

    def noise_dim(self) -> int:
        """The latent numbers."""
        return self.z_dim

    def transform(self, z: Tensor, y: Tensor) -> Tensor:
        """Run the flow backwards from (y, z), and drop the padding."""
        return self.flow.inverse(torch.cat([y, z], -1))[0][..., : self.x_dim]
