"""The inverse network I that several methods train, each with a loss of its own."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self, Unpack

import torch
from torch import Tensor, nn

from invlab import runtime
from invlab.losses import Norm
from invlab.methods.base import Bounds, Method, split_for_validation
from invlab.methods.options import require_encoder
from invlab.networks.encoders import FeatureScale, Kind, OneMember, beside, encoder_for, kind_of
from invlab.networks.mlp import (
    MLP,
    Bounded,
    ScaledNetwork,
    Standardizer,
    copied_scale,
    require_activation,
)
from invlab.networks.training import TrainingOptions, require_training
from invlab.priors import Box
from invlab.surrogates.regression import Surrogate, build_surrogate
from invlab.task import Pairs, Task
from invlab.validation import require_count, require_share

__all__ = ["InverseNetwork", "Scaled", "with_context"]


@dataclass(frozen=True)
class Scaled:
    """Pairs, and how the networks see them: float32, without unit.

    Attributes:
        pairs: in their own units and dtype, y flat.
        seen: what I sees of y and c, ``(N, ...)``.
        x, y: ``(N, dx)`` and ``(N, dy)``.
        c: ``(N, dc)``, or None.
    """

    pairs: Pairs
    seen: Tensor
    x: Tensor
    y: Tensor
    c: Tensor | None


class InverseNetwork(Method):
    """I: y → x, one answer a target. The subclasses differ in the loss that trains it.

    Where the task has a context, the network is I: (y, c) → x, and f̂: (x, c) → y.

    Args:
        norm: ``"l1"`` or ``"l2"``.
        width: units of each hidden layer.
        layers: linear layers of I; the paper has eleven.
        activation: between them, and in f̂ where the method has one.
        encoder: options of :func:`invlab.networks.encoders.encoder_for`, for a network that is
            chosen by the shape of y (a context becomes further numbers or channels) instead of
            ``layers`` of ``width``; ``{}`` for its defaults, but with group normalisation. With
            ``{"normalization": "batch"}`` an answer depends on the other targets of the call. Or a
            module of your own, ``(n, *dy)`` to ``(n, dx)``, of which a copy is trained.
        bounded: whether the answers are ``m + h · tanh(output)`` with the middle m and the
            half-width h of the task's box, so that the network cannot leave it.
        x_scaler, y_scaler: scales that the networks see x and y in; mean and standard
            deviation of the training data if not given.
        held_out: share of the pairs kept for validation; its best weights are restored.
        bounds: ``"clip"`` or ``"free"``, see :class:`~invlab.methods.base.Method`.
        training: passed on to :func:`invlab.networks.training.train`.
    """

    several_seeds = True
    # Linear layers of f̂, where the method trains one.
    surrogate_layers: int | None = None
    # What the loss compares: unknowns ("x") or their effect ("y").
    measures: Literal["x", "y"] = "y"

    def __init__(
        self,
        *,
        norm: Norm = "l2",
        width: int = 64,
        layers: int = 11,
        activation: Callable[[Tensor], Tensor] = torch.relu,
        encoder: Mapping[str, Any] | nn.Module | None = None,
        bounded: bool = False,
        x_scaler: Standardizer | None = None,
        y_scaler: Standardizer | None = None,
        held_out: float = 0.0,
        bounds: Bounds = "clip",
        **training: Unpack[TrainingOptions],
    ) -> None:
        super().__init__(bounds=bounds)
        if norm not in ("l1", "l2"):
            raise ValueError(f"norm: expected 'l1' or 'l2', got {norm!r}")
        require_activation(activation)
        if isinstance(activation, nn.Module) and any(True for _ in activation.parameters()):
            raise ValueError(
                f"activation: expected a function without weights of its own, got {activation!r}"
            )
        if bounded and x_scaler is not None:
            raise ValueError("x_scaler: with bounded=True the box is the scale; leave it out")
        self.norm = norm
        self.width = require_count("width", width)
        self.layers = require_count("layers", layers)
        self.activation = activation
        self.bounded = bounded
        self.held_out = require_share("held_out", held_out, zero=True)
        # in a dictionary, so that the caller's modules do not become parts of this one
        self._given: dict[str, Any] = {
            "x_scaler": x_scaler,
            "y_scaler": y_scaler,
            "encoder": require_encoder(encoder),
        }
        self.training_options: TrainingOptions = require_training(training)
        self.surrogate: Surrogate | None = None  # f̂, where the method trains one

    # -- the networks and their scales -----------------------------------------------------

    def assemble(self) -> None:
        """Make the untrained networks, between scales that were given or change nothing."""
        facts = self.facts
        c_dim = facts["c_dim"]
        self._connect(
            self._own_scale("x_scaler", facts["x_dim"]) or Standardizer.identity(facts["x_dim"]),
            self._own_scale("y_scaler", self._y_dim) or Standardizer.identity(self._y_dim),
            Standardizer.identity(c_dim) if c_dim else None,
            None if self._given["encoder"] is None else FeatureScale.identity(*self._shape_seen()),
        )

    def _connect(
        self,
        x_scaler: Standardizer,
        y_scaler: Standardizer,
        c_scaler: Standardizer | None,
        features: FeatureScale | None,
    ) -> None:
        """Make the networks between these scales; ``features`` is that of an encoder."""
        facts, seeds = self.facts, self.facts["seeds"]
        self.x_scaler, self.y_scaler, self.c_scaler = x_scaler, y_scaler, c_scaler
        inputs: nn.Module
        core: nn.Module
        if features is None:
            inputs = y_scaler if c_scaler is None else y_scaler.beside(c_scaler)
            sizes = [self._y_dim + facts["c_dim"], *[self.width] * (self.layers - 1)]
            sizes.append(facts["x_dim"])
            core = MLP(sizes, seeds=seeds, stream="inverse", activation=self.activation)
        else:
            inputs, core = features, self._encoder(seeds)
        self.inverse = ScaledNetwork(Bounded(core) if self.bounded else core, inputs, x_scaler)
        if self.surrogate_layers is not None:
            self.surrogate = build_surrogate(
                x_scaler if c_scaler is None else x_scaler.beside(c_scaler),
                y_scaler,
                seeds=seeds,
                width=self.width,
                layers=self.surrogate_layers,
                activation=self.activation,
            )

    def _encoder(self, seeds: Sequence[int]) -> nn.Module:
        given, (shape, kind) = self._given["encoder"], self._shape_seen()
        if isinstance(given, nn.Module):
            if len(seeds) > 1:
                raise ValueError(f"{self.name}: an encoder of your own is one start; give one seed")
            return OneMember(given, shape).requires_grad_(True)
        options = {**given, "kind": kind}
        if kind != "vector":
            options = {"normalization": "group", **options}
        return encoder_for(shape, self.facts["x_dim"], seeds=seeds, stream=self.name, **options)

    def _shape_seen(self) -> tuple[tuple[int, ...], Kind]:
        """Shape and kind of what an encoder sees: an observation with its context."""
        given, facts = self._given["encoder"], self.facts
        shape = tuple(facts["y_shape"])
        asked = given.get("kind") if isinstance(given, Mapping) else None
        kind: Kind = kind_of(shape) if asked is None else asked
        y = torch.zeros(1, *shape, device="cpu")
        c = torch.zeros(1, facts["c_dim"], device="cpu") if facts["c_dim"] else None
        return tuple(beside(y, c, kind).shape[1:]), kind

    def _own_scale(self, name: str, dim: int) -> Standardizer | None:
        """A copy of a scale that was given as an option."""
        return copied_scale(name, self._given[name], dim)

    @property
    def _y_dim(self) -> int:
        return math.prod(self.facts["y_shape"])

    # -- training --------------------------------------------------------------------------

    def _prepare(
        self, task: Task, data: Pairs, seeds: Sequence[int]
    ) -> tuple[Scaled, Scaled | None]:
        """Untrained networks, and training and held-out pairs in scales of the training pairs."""
        data = Pairs(data.x, data.y.flatten(1), data.c)
        kept: Pairs = data
        held: Pairs | None = None
        if self.held_out:
            kept, held = split_for_validation(
                task,
                data,
                self.held_out,
                generator=runtime.generator(0, "held out"),
                name=self.name,
            )
        x_scaler = self._own_scale("x_scaler", kept.x.shape[1])
        if self.bounded:
            x_scaler = Standardizer(task.box.center, task.box.width / 2)
        features = None
        if self._given["encoder"] is not None:
            kind = self._shape_seen()[1]
            features = FeatureScale.fit(self._seen(kept.y, kept.c), kind)
        self._connect(
            x_scaler or Standardizer.fit(kept.x),
            self._own_scale("y_scaler", self._y_dim) or Standardizer.fit(kept.y),
            None if kept.c is None else Standardizer.fit(kept.c),
            features,
        )
        self.to(kept.x.device)
        return self._scaled(kept), None if held is None else self._scaled(held)

    def _scaled(self, data: Pairs) -> Scaled:
        c = None
        if data.c is not None and self.c_scaler is not None:
            c = self.c_scaler(data.c).float()
        return Scaled(
            pairs=data,
            seen=self.inverse.inputs(self._seen(data.y, data.c)).float(),
            x=self.x_scaler(data.x).float(),
            y=self.y_scaler(data.y).float(),
            c=c,
        )

    def _seen(self, y: Tensor, c: Tensor | None) -> Tensor:
        """What I sees, in original units: y ``(B, dy)`` with c ``(B, dc)`` beside it."""
        if self._given["encoder"] is None:
            return y if c is None else torch.cat([y, c.to(y)], -1)
        return beside(y.unflatten(1, self.facts["y_shape"]), c, self._shape_seen()[1])

    # -- answers ---------------------------------------------------------------------------

    def invert(self, y: Tensor, c: Tensor | None = None) -> Tensor:
        """Answers of all members as they come out of the networks, in the box or not.

        Args:
            y: targets, ``(B, *dy)``.
            c: contexts, ``(B, dc)``, where the task has one.

        Returns:
            ``(K, B, dx)``, in the dtype of y.
        """
        return self._answers(self._require_request(y, 1, c), c).to(y.dtype)

    def _answers(self, y: Tensor, c: Tensor | None) -> Tensor:
        with torch.no_grad():
            # in float64 up to the network and behind it, for numbers with a large offset
            answers: Tensor = self.inverse(self._seen(y.double(), c))
        return answers

    def guess(
        self,
        y: Tensor,
        n: int,
        c: Tensor | None,
        *,
        generator: torch.Generator | None,
        box: Box | None,
    ) -> Tensor:
        """The answer for each target, repeated: more guesses of a network are copies.

        Raises:
            ValueError: several members.
        """
        answers = self._answers(y, c)
        if len(answers) > 1:
            raise ValueError(f"{self.name}: holds {len(answers)} members; take one with .member(k)")
        return answers[0].unsqueeze(1).expand(-1, n, -1)

    def member(self, k: int) -> Self:
        """A copy that holds the networks of the k-th seed alone."""
        single = copy.copy(self)
        single._modules = dict(self._modules)
        single.inverse = self.inverse.member(k)
        if self.surrogate is not None:
            single.surrogate = self.surrogate.member(k)
        single.facts = {**self.facts, "seeds": [self.facts["seeds"][k]]}
        return single


def with_context(x: Tensor, c: Tensor | None) -> Tensor:
    """What f̂ sees of scaled x ``(..., N, dx)`` and scaled c: c behind x."""
    return x if c is None else torch.cat([x, c.expand(*x.shape[:-1], -1)], -1)
