"""What the models of p(x | y) share: scales, training, draws for each target, the box."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any, ClassVar, Unpack

import torch
from torch import Tensor, nn

from invlab import runtime
from invlab.methods.base import Bounds, Method, split_for_validation
from invlab.networks.mlp import MLP, Standardizer, copied_scale
from invlab.networks.training import (
    History,
    Terms,
    TrainingOptions,
    require_training,
    train,
)
from invlab.priors import Box
from invlab.sampling.per_target import normal_for
from invlab.task import Pairs, Task
from invlab.validation import require_count, require_numbers, require_share

__all__ = ["Sampler", "normal_like"]

# Guesses made in one pass: small enough for the activations to stay in the cache.
CHUNK = 8192
# Draws whose noise is made in one pass.
DRAWS = 2**16
# Share of the held-out pairs that the validation loss averages, the best of them: a few rare
# pairs in thin regions would else choose the weights.
KEPT = 0.98
# How often a draw outside of the box is drawn again.
ROUNDS = 50
# Where y varies by less than this share of its size, float32 may not tell two targets apart.
RESOLVED = 1e-5


class Sampler(Method):
    """A model of p(x | y), or p(x | y, c): fit it to pairs, then draw guesses for a target.

    A subclass says how its networks are built (:meth:`build_networks`), what a pair costs
    (:meth:`cost`), how normal noise becomes a draw (:meth:`transform`), and the density if it
    has one (:meth:`log_prob`). All see x, and y with c behind it, standardised, and may carry
    any leading axes.

    Args:
        fourier_octaves: Fourier features of x inside the networks,
            :func:`invlab.networks.mlp.fourier_features`; 0 for none.
        summary_dim: features that a network learns to extract from y before the model sees it;
            by default 32 where y has more than 16 numbers, else y is taken as it is. A context
            is always taken as it is.
        bounds: ``"clip"`` moves each unknown of a draw into the range that the training pairs
            have, and into the box; ``"reject"`` draws again what falls outside of the box, or of
            that range where there is no box, at most 50 times, and clips what is left;
            ``"free"`` leaves draws where the model puts them. Clipping piles mass on the edge.
        x_jitter: standard deviation of noise added to the scaled training x; a little keeps a
            density from growing without bound.
        y_sigma: standard deviation of the noise of a measured y, in the unit of y: one number, or
            one each. It is drawn anew in each step of the training, so that pairs without noise
            train a model of p(x | measured y). None where the pairs are like the targets.
        held_out: share of the pairs for validation; the best weights are kept. With 0 the last.
        x_scaler, y_scaler: scales that the networks see x and y in; mean and standard deviation
            of the training pairs if not given.
        training: passed on to :func:`invlab.networks.training.train`.

    Attributes:
        rejected: with ``bounds="reject"``, the share of the last call's draws that fell outside.
    """

    exchangeable = True
    bounds_known: ClassVar[tuple[Bounds, ...]] = ("clip", "reject", "free")
    defaults: ClassVar[dict[str, Any]] = {
        "epochs": 150,
        "batch_size": 256,
        "lr": 1e-3,
        "lr_end": 1e-6,
        "schedule": "one-cycle",
        "clip": 5.0,
    }
    low: Tensor
    high: Tensor

    def __init__(
        self,
        *,
        fourier_octaves: int = 3,
        summary_dim: int | None = None,
        bounds: Bounds = "clip",
        x_jitter: float = 0.0,
        y_sigma: float | Sequence[float] | None = None,
        held_out: float = 0.2,
        x_scaler: Standardizer | None = None,
        y_scaler: Standardizer | None = None,
        **training: Unpack[TrainingOptions],
    ) -> None:
        super().__init__(bounds=bounds)
        if fourier_octaves < 0 or x_jitter < 0:
            raise ValueError(
                "expected fourier_octaves >= 0 and x_jitter >= 0, "
                f"got {fourier_octaves}, {x_jitter}"
            )
        if summary_dim is not None:
            require_count("summary_dim", summary_dim)
        self.fourier_octaves, self.summary_dim = fourier_octaves, summary_dim
        self.x_jitter = x_jitter
        self.held_out = require_share("held_out", held_out, zero=True)
        self.y_sigma = None if y_sigma is None else _require_noise(y_sigma)
        self._given = x_scaler, y_scaler
        options: Any = {**Sampler.defaults, **training}
        self.training_options: TrainingOptions = require_training(options)
        self.rejected = 0.0

    # -- what a subclass writes ------------------------------------------------------------

    def build_networks(self, x_dim: int, y_dim: int, seeds: Sequence[int]) -> None:
        """Make the untrained networks for x and what they see of y and c, all scaled."""
        raise NotImplementedError(f"{type(self).__name__}: write build_networks(x_dim, y_dim, ...)")

    def cost(self, x: Tensor, y: Tensor, share: float, draws: torch.Generator) -> dict[str, Tensor]:
        """Terms of the loss for each pair, to be averaged: ``(..., N)``.

        Args:
            x, y: scaled unknowns, and features of y with c behind them, ``(..., N, d)``.
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

    def log_prob(self, x: Tensor, y: Tensor) -> Tensor:
        """Log of the density of scaled unknowns ``(M, dx)`` at features of y ``(M, d)``: ``(M,)``.

        Only where ``gives_density``.
        """
        raise NotImplementedError(f"{type(self).__name__}: write log_prob(x, y)")

    # -- what they share -------------------------------------------------------------------

    def assemble(self) -> None:
        """Scales, the range of the training x, the encoder of y and the model's networks."""
        x_dim, c_dim, seeds = (self.facts[name] for name in ("x_dim", "c_dim", "seeds"))
        y_dim = math.prod(self.facts["y_shape"])
        x_scaler, y_scaler = self._given
        self.x_scaler = copied_scale("x_scaler", x_scaler, x_dim) or Standardizer.identity(x_dim)
        self.y_scaler = copied_scale("y_scaler", y_scaler, y_dim) or Standardizer.identity(y_dim)
        self.c_scaler = Standardizer.identity(c_dim) if c_dim else None
        edge = torch.full((x_dim,), math.inf, dtype=torch.float64, device="cpu")
        self.register_buffer("low", -edge)
        self.register_buffer("high", edge)
        features = self._features(y_dim)
        self.encoder: nn.Module = nn.Identity()
        if features != y_dim:
            self.encoder = MLP([y_dim, 256, features], seeds=seeds, stream="condition")
        self.build_networks(x_dim, features + c_dim, seeds)

    def _features(self, y_dim: int) -> int:
        """How many numbers the model sees of a y."""
        if self.summary_dim is not None:
            return self.summary_dim
        return y_dim if y_dim <= 16 else 32

    def learn(self, task: Task, data: Pairs, seeds: list[int], **more: Any) -> None:
        """Train on a part of the pairs, and keep the weights that are best on the others."""
        (seed,) = seeds
        kept = Pairs(data.x, data.y.flatten(1), data.c)
        held: Pairs | None = None
        if self.held_out:
            kept, held = split_for_validation(
                task,
                kept,
                self.held_out,
                generator=runtime.generator(seed, "held out"),
                name=self.name,
            )
        self.assemble()
        if self._given[0] is None:
            self.x_scaler = Standardizer.fit(kept.x)
        if self._given[1] is None:
            self.y_scaler = self._measured_scale(Standardizer.fit(kept.y))
        if kept.c is not None:
            self.c_scaler = Standardizer.fit(kept.c)
        self.low, self.high = kept.x.amin(0).double(), kept.x.amax(0).double()
        self.to(kept.x.device)
        self.history["density"] = History()
        try:
            train(
                self,
                self._loss(len(kept), seed),
                self._scaled(kept),
                seeds=[seed],
                validation=None if held is None else self._scaled(held),
                description=self.name.replace("_", " "),
                history=self.history["density"],
                **self.training_options,
            )
        finally:
            self.requires_grad_(False)

    def _measured_scale(self, scale: Standardizer) -> Standardizer:
        """The scale of y with its noise, from that without."""
        if self.y_sigma is None:
            return scale
        return Standardizer(scale.shift, (scale.scale.square() + self._noise(scale) ** 2).sqrt())

    def _noise(self, scale: Standardizer) -> Tensor:
        """Standard deviation of the noise of each number of y, in its unit."""
        sigma = torch.as_tensor(self.y_sigma, dtype=torch.float64).to(scale.scale.device)
        if sigma.ndim and len(sigma) != len(scale.scale):
            raise ValueError(
                f"{self.name}: y_sigma: expected one number, or {len(scale.scale)}, one for each "
                f"of y, got {len(sigma)}"
            )
        return sigma.expand_as(scale.scale)

    def _scaled(self, data: Pairs) -> list[Tensor]:
        """What networks see of pairs: x and y, and c where there is one."""
        parts = [self.x_scaler(data.x), self.y_scaler(data.y)]
        if data.c is not None:
            assert self.c_scaler is not None
            parts.append(self.c_scaler(data.c))
        return [part.to(self._dtype) for part in parts]

    @property
    def _dtype(self) -> torch.dtype:
        """Of the networks."""
        return next(self.parameters()).dtype

    def _seen(self, y: Tensor, c: Tensor | None) -> Tensor:
        """Features of scaled y, with scaled c behind them: ``(..., d)``."""
        features: Tensor = self.encoder(y)
        if c is None:
            return features
        return torch.cat([features, c.expand(*features.shape[:-1], -1)], -1)

    def _loss(self, rows: int, seed: int) -> Terms:
        """The averaged cost; while validating, noise is always the same and outliers are cut."""
        options = self.training_options
        batches = math.ceil(rows / (options["batch_size"] or rows))
        total, step = options["epochs"] * batches, 0
        noise = runtime.generator(seed, self.name, "noise")
        measured = runtime.generator(seed, self.name, "measurement")

        def loss(x: Tensor, y: Tensor, c: Tensor | None = None) -> dict[str, Tensor]:
            nonlocal step
            if self.y_sigma is not None:
                again = runtime.generator(seed, self.name, "measurement, validation")
                source = measured if torch.is_grad_enabled() else again
                level = (self._noise(self.y_scaler) / self.y_scaler.scale).to(y)
                y = y + level * normal_like(y, source)
            y = self._seen(y, c)
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

    def guess(
        self,
        y: Tensor,
        n: int,
        c: Tensor | None,
        *,
        generator: torch.Generator | None,
        box: Box | None,
    ) -> Tensor:
        """``n`` independent draws for each target.

        A target's draws depend on the generator and on that target alone.
        """
        generator = runtime.generator(0, self.name) if generator is None else generator
        own, seen = self._own_numbers(y, c), self._condition(y, c)
        x = self._all_draws(own, seen, n, generator)
        if self.bounds == "reject":
            self._draw_again(x, own, seen, box, generator)
        if self.bounds == "clip" or (self.bounds == "reject" and box is None):
            x = torch.clamp(x, self.low, self.high)
        return x

    def _own_numbers(self, y: Tensor, c: Tensor | None) -> Tensor:
        """What tells a target from others, for the noise that belongs to it: ``(B, d)``."""
        scale = self.y_scaler
        if bool((scale.scale < RESOLVED * scale.shift.abs()).any()):
            y = scale(y)
        return y if c is None else torch.cat([y, c], 1)

    def _condition(self, y: Tensor, c: Tensor | None) -> Tensor:
        """What the model sees of targets and contexts in their own units: ``(B, d)``."""
        with torch.no_grad():
            c = None if c is None or self.c_scaler is None else self.c_scaler(c).to(self._dtype)
            return self._seen(self.y_scaler(y).to(self._dtype), c).reshape(len(y), -1)

    def _all_draws(self, own: Tensor, seen: Tensor, n: int, generator: torch.Generator) -> Tensor:
        """``n`` draws for each target, a few targets at a time: memory holds the draws alone."""
        x = torch.empty(len(own), n, self.facts["x_dim"], dtype=torch.float64, device=own.device)
        size, state = max(1, DRAWS // n), generator.get_state()
        for first in range(0, len(own), size):
            some = slice(first, first + size)
            generator.set_state(state)  # every target's noise comes from the same number of it
            x[some] = self._draw(normal_for(own[some], n, self.noise_dim(), generator), seen[some])
        return x

    def _draw(self, z: Tensor, seen: Tensor) -> Tensor:
        """Noise ``(B, n, noise_dim)`` to unknowns ``(B, n, dx)`` in their own units, float64."""
        with torch.no_grad():
            u = self.transform_each(z.to(self._dtype), seen)
        return self.whole(self.x_scaler.inverse(u.flatten(0, 1).double()).unflatten(0, z.shape[:2]))

    def transform_each(self, z: Tensor, y: Tensor) -> Tensor:
        """Noise ``(B, n, noise_dim)`` and features of y ``(B, d)`` to ``(B, n, dx)``, scaled.

        Draw by draw, by :meth:`transform`; a model that computes something once a target writes
        its own.
        """
        flat, each = z.flatten(0, 1), y.repeat_interleave(z.shape[1], 0)
        parts = [
            self.transform(some_z, some_y)
            for some_z, some_y in zip(flat.split(CHUNK), each.split(CHUNK), strict=True)
        ]
        return torch.cat(parts).unflatten(0, z.shape[:2])

    def _draw_again(
        self, x: Tensor, own: Tensor, seen: Tensor, box: Box | None, generator: torch.Generator
    ) -> None:
        """Replace the draws outside, in place, by further ones of the same targets.

        Draw i of a target is the first of its i-th draws, round after round, that lies inside: it
        depends neither on other targets nor on how many guesses were asked for.
        """
        key = int(torch.randint(2**62, (), generator=generator, device="cpu"))
        outside = self._outside(x, box)
        drawn, lost, left = outside.numel(), int(outside.sum()), int(outside.sum())
        for turn in range(ROUNDS):
            if not left:
                break
            again = runtime.generator(key, "further draws", turn)
            rows = outside.any(1)
            z = normal_for(own[rows], x.shape[1], self.noise_dim(), again)
            fresh = self._draw(z[outside[rows]][:, None], _each(seen, outside))[:, 0]
            x[outside] = fresh
            outside = self._outside(x, box)
            drawn, left = drawn + left, int(outside.sum())
            lost += left
        self.rejected = lost / drawn
        if self.rejected > 0.5 or left:
            warnings.warn(
                f"{self.name}: {self.rejected:.0%} of the draws fell outside of the box and were "
                f"drawn again; {left} of {outside.numel()} were still outside after {ROUNDS} "
                "rounds and are clipped. The model is poor there, or the target has no answer in "
                "the box",
                stacklevel=4,
            )

    def _outside(self, x: Tensor, box: Box | None) -> Tensor:
        """Which draws lie outside of the box, or of the training range where there is none."""
        if box is not None:
            return ~box.contains(x)
        return ((x < self.low) | (x > self.high)).any(-1)

    def density(self, x: Tensor, y: Tensor, c: Tensor | None) -> Tensor:
        """Of the model itself, as it is with ``bounds="free"``."""
        u = self.x_scaler(x).to(self._dtype).flatten(0, 1)
        seen = self._condition(y, c).repeat_interleave(x.shape[1], 0)
        with torch.no_grad():
            parts = [
                self.log_prob(some_u, some_y)
                for some_u, some_y in zip(u.split(CHUNK), seen.split(CHUNK), strict=True)
            ]
        found = torch.cat(parts).unflatten(0, x.shape[:2]).double()
        return found - self.x_scaler.scale.log().sum()


def normal_like(x: Tensor, draws: torch.Generator) -> Tensor:
    """Standard normal numbers in the shape, dtype and device of ``x``, drawn on the CPU."""
    return torch.randn(x.shape, generator=draws, dtype=torch.float32, device="cpu").to(x)


def _require_noise(sigma: Any) -> float | list[float]:
    """A noise level, or one for each number of y."""
    values = require_numbers("y_sigma", sigma)
    if values.ndim > 1 or not bool((values.isfinite() & (values >= 0)).all()):
        raise ValueError(f"y_sigma: expected finite numbers of at least 0, got {sigma!r}")
    found: float | list[float] = values.tolist()
    return found


def _each(seen: Tensor, chosen: Tensor) -> Tensor:
    """The row of its target for each chosen guess: ``(B, d)`` by ``(B, n)`` to ``(k, d)``."""
    return seen[chosen.nonzero()[:, 0]]


def _best(parts: dict[str, Tensor]) -> dict[str, Tensor]:
    """Mean over the rows whose total cost is lowest, of each term."""
    total = torch.stack(list(parts.values())).sum(0)
    kept = total.topk(max(1, round(KEPT * total.shape[-1])), largest=False).indices
    return {name: values.gather(-1, kept).mean(-1) for name, values in parts.items()}
