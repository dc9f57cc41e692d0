"""f̂, a network trained to copy the simulator: from values, or from values and derivatives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Unpack

import torch
from torch import Tensor

from invlab import losses
from invlab.losses import Norm
from invlab.networks.mlp import MLP, ScaledNetwork, Standardizer
from invlab.networks.training import History, TrainingOptions, train
from invlab.task import Pairs
from invlab.validation import require_tensor

__all__ = ["Surrogate", "fit_surrogate"]


class Surrogate(ScaledNetwork):
    """A network in place of the simulator: ``(N, dx)`` or ``(K, N, dx)`` to ``(K, N, dy)``.

    Where the simulator has a context, its numbers stand behind those of x.

    Attributes:
        history: how it was trained.
    """

    history: History = History()

    def scaled_mean(self, x: Tensor) -> Tensor:
        """f̂ in scaled units of y, mean over the members: ``(M, dx) -> (M, dy)``."""
        return self.scaled(x).mean(0)


def build_surrogate(
    x_scaler: Standardizer,
    y_scaler: Standardizer,
    *,
    seeds: Sequence[int],
    width: int = 64,
    layers: int = 5,
    activation: Callable[[Tensor], Tensor] = torch.relu,
) -> Surrogate:
    """An untrained surrogate with ``layers`` linear layers, between the given scales."""
    sizes = [len(x_scaler.shift), *[width] * (layers - 1), len(y_scaler.shift)]
    core = MLP(sizes, seeds=seeds, stream="forward", activation=activation)
    return Surrogate(core, x_scaler, y_scaler)


def fit_surrogate(
    data: Pairs,
    *,
    seeds: Sequence[int] = (0,),
    norm: Norm = "l2",
    width: int = 64,
    layers: int = 5,
    activation: Callable[[Tensor], Tensor] = torch.relu,
    x_scaler: Standardizer | None = None,
    y_scaler: Standardizer | None = None,
    derivatives: Tensor | None = None,
    derivative_weight: float = 1.0,
    differentiate: Callable[..., Tensor] | None = None,
    held_out: Pairs | None = None,
    **training: Unpack[TrainingOptions],
) -> Surrogate:
    """Train a surrogate on pairs, equation (13), or with derivatives too, equation (16).

    The loss is measured in scaled units: x as ``x_scaler`` sees it, y as ``y_scaler`` does,
    a derivative as scaled y over scaled x.

    Args:
        data: the pairs to copy; a context c becomes further inputs, behind x.
        seeds: one member of the surrogate for each.
        norm: ``"l1"`` or ``"l2"``.
        width, layers: size of the network; ``layers`` counts linear layers.
        activation: between them; a smooth one follows a smooth simulator more closely.
        x_scaler, y_scaler: scales; mean and standard deviation of the data if not given, as
            for c always.
        derivatives: dy/dx at the pairs in original units, ``(N, dy, dx)``, with those by c
            behind; the fit then takes all rows at once.
        derivative_weight: weight of the derivative term, in scaled units.
        differentiate: see :func:`invlab.losses.hermite`.
        held_out: pairs for a validation loss (values only).
        training: passed on to :func:`invlab.networks.training.train`.
    """
    x, y = _inputs(data), data.y.float().flatten(1)
    if x_scaler is None:
        x_scaler = Standardizer.fit(x)
    elif data.c is not None:
        x_scaler = x_scaler.beside(Standardizer.fit(data.c))
    y_scaler = Standardizer.fit(y) if y_scaler is None else y_scaler
    surrogate = build_surrogate(
        x_scaler, y_scaler, seeds=seeds, width=width, layers=layers, activation=activation
    ).to(x.device)
    core = surrogate.core

    def values(u: Tensor, v: Tensor) -> dict[str, Tensor]:
        return {"F": losses.forward_misfit(core, u, v, norm)}

    def values_and_derivatives(u: Tensor, v: Tensor) -> dict[str, Tensor]:
        if not torch.is_grad_enabled():  # held-out pairs have no derivatives
            return values(u, v)
        return losses.hermite(
            core, u, v, slopes, norm, weight=derivative_weight, differentiate=differentiate
        )

    terms = values
    if derivatives is not None:
        require_tensor("derivatives", derivatives, (len(data), y.shape[1], x.shape[1]))
        slopes = derivatives.to(x) * x_scaler.scale.to(x) / y_scaler.scale.to(x)[:, None]
        terms = values_and_derivatives
        training["batch_size"] = None
    validation = None
    if held_out is not None:
        validation = (x_scaler(_inputs(held_out)), y_scaler(held_out.y.float().flatten(1)))
    surrogate.history = train(
        surrogate,
        terms,
        (x_scaler(x), y_scaler(y)),
        seeds=seeds,
        validation=validation,
        description="surrogate",
        **training,
    )
    return surrogate


def _inputs(data: Pairs) -> Tensor:
    x = data.x.float()
    return x if data.c is None else torch.cat([x, data.c.float()], 1)
