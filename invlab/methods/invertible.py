"""Two invertible networks: y on the far side of the flow (INN), or beside it (cINN)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from invlab.methods.sampler import Sampler, normal_like
from invlab.networks.coupling_flow import CouplingFlow
from invlab.validation import require_count

__all__ = ["ConditionalINN", "INN"]

# One number of padding noise is integrated over this range, in its standard deviations, with this
# many points: the tails beyond hold a share of 1e-10.
PADDING, POINTS = 6.5, 261


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
        if not clamp > 0:
            raise ValueError(f"clamp: expected a bound above 0, got {clamp}")
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
        return torch.cat([x, normal_like(x.new_empty(*x.shape[:-1], self.pad), draws)], -1)


class ConditionalINN(FlowSampler):
    """A flow from x to normal noise z whose networks see y: exact likelihood of x given y.

    Args:
        padding: numbers of normal noise added to x. A map of more dimensions can lead one
            mode past another where a map of the plane cannot; an affine map of a single number
            can make nothing but a Gaussian. By default one where x is a single number, else none.
            The density is exact without padding, an integral over a fine grid with one number,
            and not given with more.
        blocks, width, layers, clamp: see :class:`~invlab.networks.coupling_flow.CouplingFlow`.
        options: see :class:`~invlab.methods.sampler.Sampler`.

    The loss is ``½ ‖z‖² − ln |det J|``, equation 9 of the paper. A little noise on x
    (``x_jitter``) and the trimmed validation loss keep rare pairs from choosing the weights.

    Source: Ardizzone et al. (2019b); Ren, Padilla and Malof (2020), Section 5.

    Example:
        >>> import invlab
        >>> task = invlab.get_task("robot_arm")
        >>> model = invlab.get_method("cinn", blocks=2, epochs=2).fit(task, task.sample(200))
        >>> tuple(model.propose(task.targets(3, seed=1).y, n=10).shape)
        (3, 10, 4)
        >>> model.exchangeable, model.gives_density  # independent draws, whose density it knows
        (True, True)
    """

    name = "cinn"
    gives_density = True
    defaults: ClassVar[dict[str, Any]] = {"epochs": 300, "x_jitter": 3e-3}

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**ConditionalINN.defaults, **options})
        self.gives_density = self.padding in (None, 0, 1)

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

    def log_prob(self, x: Tensor, y: Tensor) -> Tensor:
        """By the change of variables; a number of padding is integrated out."""
        if not self.pad:
            return self._log_joint(x, y)
        padding = torch.linspace(-PADDING, PADDING, POINTS, dtype=x.dtype, device=x.device)
        each = torch.stack([self._log_joint(_with(x, number), y) for number in padding], -1)
        return each.logsumexp(-1) + (padding[1] - padding[0]).log()

    def _log_joint(self, u: Tensor, y: Tensor) -> Tensor:
        """Log of the density of x with its padding, ``(M,)``."""
        z, log_det = self.flow(u, y)
        constant = 0.5 * u.shape[-1] * math.log(2 * math.pi)
        return (log_det - 0.5 * z.square().sum(-1))[0] - constant


class INN(FlowSampler):
    """A flow from x to (y, z): it predicts y, and z holds what y does not say.

    A context c stands beside: the networks of the flow see it, and y leaves the flow.

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

        if self.summary_dim is not None:
            raise ValueError("inn: y leaves the flow as it is; summary_dim is for cinn")

    def _features(self, y_dim: int) -> int:
        return y_dim

    def build_networks(self, x_dim: int, y_dim: int, seeds: Sequence[int]) -> None:
        """The flow, wide enough for x with its padding and for y with a latent number."""
        c_dim = self.facts["c_dim"]
        y_dim -= c_dim
        self.x_dim, self.y_dim = x_dim, y_dim
        room = max(x_dim, y_dim + (3 if x_dim > y_dim else 1), 2)
        dim = room if self.padding is None else x_dim + self.padding
        if dim <= y_dim:
            raise ValueError(
                f"inn: expected a padding of at least {y_dim + 1 - x_dim}, so that z has room "
                f"beside the {y_dim} numbers of y, got {self.padding}"
            )
        self.z_dim, self.pad = dim - y_dim, dim - x_dim
        self.flow = self.build_flow(dim, c_dim, seeds)

    def outputs(
        self, x: Tensor, draws: torch.Generator, c: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """ŷ, ẑ and the log-determinant for scaled x and c, with fresh padding noise."""
        out, log_det = self.flow(self.padded(x, draws), c)
        return out[..., : self.y_dim], out[..., self.y_dim :], log_det

    def cost(self, x: Tensor, y: Tensor, share: float, draws: torch.Generator) -> dict[str, Tensor]:
        """Misfit of y, norm of z and log-determinant of each pair, in nats up to a constant."""
        y, c = self._parted(y)
        y_hat, z_hat, log_det = self.outputs(x, draws, c)
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
        y, c = self._parted(y)
        return self.flow.inverse(torch.cat([y, z], -1), c)[0][..., : self.x_dim]

    def _parted(self, y: Tensor) -> tuple[Tensor, Tensor | None]:
        """y, and the context that stands behind it."""
        if not self.facts["c_dim"]:
            return y, None
        return y[..., : self.y_dim], y[..., self.y_dim :]


def _with(x: Tensor, number: Tensor) -> Tensor:
    """x with the same number of padding in each row."""
    return torch.cat([x, number.expand(*x.shape[:-1], 1)], -1)
