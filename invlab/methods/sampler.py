"""What the models of p(x | y) share: scales, training, draws for each target, the box."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, Self, Unpack

import torch
from torch import Tensor, nn

from invlab import runtime
from invlab.methods.base import Seeds, require_request, usable_pairs
from invlab.networks.mlp import MLP, Standardizer
from invlab.networks.training import History, Terms, TrainingOptions, train
from invlab.sampling.per_target import normal_for
from invlab.task import Pairs, Task
from invlab.validation import require_count

__all__ = ["Sampler"]

# Guesses made in one pass: small enough for the activations to stay in the cache.
CHUNK = 8192
# Share of the held-out pairs that the validation loss averages, the best of them: a few rare
# pairs in thin regions would else choose the weights.
KEPT = 0.98
TRAINING: TrainingOptions = {
    "epochs": 150,
    "batch_size": 256,
    "lr": 1e-3,
    "lr_end": 1e-6,
    "schedule": "one-cycle",
    "clip": 5.0,
}


class Sampler(nn.Module):
    """A model of p(x | y): fit it to pairs, then draw guesses for a target.

    A subclass says how its networks are built (:meth:`build_networks`), what a pair costs
    (:meth:`cost`) and how normal noise becomes a draw (:meth:`transform`). All three see x and
    y standardised, and may carry any leading axes.

    Args:
        fourier_octaves: Fourier features of x inside the networks,
            :func:`invlab.networks.mlp.fourier_features`; 0 for none.
        summary_dim: features that a network learns to extract from y before the model sees it;
            by default 32 where y has more than 16 numbers, else y is taken as it is.
        bounds: ``"clip"`` moves each unknown of a draw into the range that the training pairs
            have; ``"free"`` leaves draws where the model puts them.
        x_jitter: standard deviation of noise added to the scaled training x; a little keeps a
            density from growing without bound.
        held_out: share of the pairs for validation, above 0; the best weights are kept.
        x_scaler, y_scaler: scales that the networks see x and y in; mean and standard deviation
            of the training pairs if not given.
        training: passed on to :func:`invlab.networks.training.train`.
    """

    exchangeable = True
    low: Tensor
    high: Tensor

    def __init__(
        self,
        *,
        fourier_octaves: int = 3,
        summary_dim: int | None = None,
        bounds: Literal["clip", "free"] = "clip",
        x_jitter: float = 0.0,
        held_out: float = 0.2,
        x_scaler: Standardizer | None = None,
        y_scaler: Standardizer | None = None,
        **training: Unpack[TrainingOptions],
    ) -> None:
        super().__init__()
        if bounds not in ("clip", "free"):
            raise ValueError(f"bounds: expected 'clip' or 'free', got {bounds!r}")
        if fourier_octaves < 0 or x_jitter < 0:
            raise ValueError(
                "expected fourier_octaves >= 0 and x_jitter >= 0, "
                f"got {fourier_octaves}, {x_jitter}"
            )
        self.fourier_octaves, self.summary_dim = fourier_octaves, summary_dim
        self.bounds, self.x_jitter, self.held_out = bounds, x_jitter, held_out
        self.x_scaler, self.y_scaler = x_scaler, y_scaler
        self._given = x_scaler is not None, y_scaler is not None
        self.training_options: TrainingOptions = {**TRAINING, **training}
        self.history = History()

    @property
    def name(self) -> str:
        """Name in the registry: the file's name, if a subclass does not say otherwise."""
        return type(self).__module__.rsplit(".", 1)[-1]

    # -- what a subclass writes ------------------------------------------------------------

    def build_networks(self, x_dim: int, y_dim: int, seeds: Sequence[int]) -> None:
        """Make the untrained networks for x and the features of y, both scaled."""
        raise NotImplementedError(f"{type(self).__name__}: write build_networks(x_dim, y_dim, ...)")

    def cost(self, x: Tensor, y: Tensor, share: float, draws: torch.Generator) -> dict[str, Tensor]:
        """Terms of the loss for each pair, to be averaged: ``(..., N)``.

        Args:
            x, y: scaled unknowns and features of y, ``(..., N, d)``.
            share: how much of the training is done, from 0 to 1.
            draws: CPU generator for the noise that the loss needs.
        """
        raise NotImplementedError(f"{type(self).__name__}: write cost(x, y, share, draws)")

    def noise_dim(self) -> int:
        """Normal numbers that one draw takes."""
        raise NotImplementedError(f"{type(self).__name__}: write noise_dim()")

    def transform(self, z: Tensor, y: Tensor) -> Tensor:
        """Noise ``(M, noise_dim)`` and features of y ``(M, d)`` to scaled unknowns ``(M, dx)``."""
        raise NotImplementedError(f"{type(self).__name__}: write transform(z, y)")

    # -- what they share -------------------------------------------------------------------

    def build(self, x_dim: int, y_dim: int, *, seeds: Sequence[int] = (0,)) -> Self:
        """Make the untrained model; call it before ``load_state_dict`` on a new instance."""
        if self.x_scaler is None or len(self.x_scaler.shift) != x_dim:
            self.x_scaler = Standardizer.identity(x_dim)
        if self.y_scaler is None or len(self.y_scaler.shift) != y_dim:
            self.y_scaler = Standardizer.identity(y_dim)
        self.register_buffer("low", torch.full((x_dim,), -math.inf))
        self.register_buffer("high", torch.full((x_dim,), math.inf))
        features = self._features(y_dim)
        self.encoder: nn.Module = nn.Identity()
        if features != y_dim:
            self.encoder = MLP([y_dim, 256, features], seeds=seeds, stream="condition")
        self.build_networks(x_dim, features, seeds)
        return self

    def _features(self, y_dim: int) -> int:
        """How many numbers the model sees of a y."""
        if self.summary_dim is not None:
            return require_count("summary_dim", self.summary_dim)
        return y_dim if y_dim <= 16 else 32

    def fit(self, task: Task, data: Pairs, *, seed: Seeds = 0) -> Self:
        """Train on the pairs with a valid y. The simulator is not called.

        Raises:
            ValueError: several seeds, a context, pairs of another task, or too few of them.
        """
        if not isinstance(seed, int):
            raise ValueError(f"{self.name}: expected one seed, got {seed!r}")
        data = usable_pairs(self.name, task, data)
        data = Pairs(data.x.float(), data.y.float().flatten(1))
        kept, held = data.split(self.held_out, generator=runtime.generator(seed, "held out"))
        if not self._given[0]:
            self.x_scaler = Standardizer.fit(kept.x)
        if not self._given[1]:
            self.y_scaler = Standardizer.fit(kept.y)
        self.build(kept.x.shape[1], kept.y.shape[1], seeds=[seed]).to(kept.x.device)
        self.low, self.high = kept.x.amin(0), kept.x.amax(0)
        self.history = train(
            self,
            self._loss(len(kept), seed),
            self._scaled(kept),
            seeds=[seed],
            validation=self._scaled(held),
            description=self.name.replace("_", " "),
            **self.training_options,
        )
        return self.requires_grad_(False)

    def _scaled(self, data: Pairs) -> tuple[Tensor, Tensor]:
        assert self.x_scaler is not None
        assert self.y_scaler is not None
        return self.x_scaler(data.x), self.y_scaler(data.y)

    def _loss(self, rows: int, seed: int) -> Terms:
        """The averaged cost; while validating, noise is always the same and outliers are cut."""
        options = self.training_options
        batches = math.ceil(rows / (options["batch_size"] or rows))
        total, step = options["epochs"] * batches, 0
        noise = runtime.generator(seed, self.name, "noise")

        def loss(x: Tensor, y: Tensor) -> dict[str, Tensor]:
            nonlocal step
            y = self.encoder(y)
            x = x.expand(*y.shape[:-1], -1)  # the encoder's axis of members
            if not torch.is_grad_enabled():
                fixed = runtime.generator(seed, self.name, "validation")
                return _best(self.cost(x, y, 1.0, fixed))
            step += 1
            if self.x_jitter:
                x = x + self.x_jitter * normal_like(x, noise)
            parts = self.cost(x, y, step / total, noise)
            return {name: values.mean(-1) for name, values in parts.items()}

        return loss

    def propose(
        self,
        y: Tensor,
        n: int = 1,
        c: Tensor | None = None,
        *,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """``n`` independent draws for each target: ``(B, *dy)`` to ``(B, n, dx)``.

        Args:
            y: targets.
            n: draws a target, at least 1.
            c: not taken.
            generator: a target's draws depend on it and on that target alone.

        Raises:
            ValueError: not fitted, ``n < 1``, a context, or targets of the wrong shape.
        """
        scale = self.y_scaler if hasattr(self, "low") else None
        flat = require_request(self.name, y, n, c, like=None if scale is None else scale.shift)
        assert scale is not None
        assert self.x_scaler is not None
        generator = runtime.generator(0, self.name) if generator is None else generator
        z = normal_for(flat, n, self.noise_dim(), generator).flatten(0, 1).float()
        with torch.no_grad():
            seen = self.encoder(scale(flat.float())).reshape(len(flat), -1)
            seen = seen.repeat_interleave(n, 0)
            parts = [
                self.transform(some_z, some_y)
                for some_z, some_y in zip(z.split(CHUNK), seen.split(CHUNK), strict=True)
            ]
            x = self.x_scaler.inverse(torch.cat(parts))
        if self.bounds == "clip":
            x = torch.clamp(x, self.low, self.high)
        return x.unflatten(0, (len(flat), n)).to(y.dtype)


def normal_like(x: Tensor, draws: torch.Generator) -> Tensor:
    """Standard normal numbers in the shape, dtype and device of ``x``, drawn on the CPU."""
    return torch.randn(x.shape, generator=draws).to(x)


def _best(parts: dict[str, Tensor]) -> dict[str, Tensor]:
    """Mean over the rows whose total cost is lowest, of each term."""
    total = torch.stack(list(parts.values())).sum(0)
    kept = total.topk(max(1, round(KEPT * total.shape[-1])), largest=False).indices
    return {name: values.gather(-1, kept).mean(-1) for name, values in parts.items()}
