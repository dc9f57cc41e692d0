"""f̂, a network trained to copy the simulator: from values, or from values and derivatives."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Unpack

import torch
from torch import Tensor

from invlab import losses, runtime
from invlab.losses import Norm
from invlab.networks.mlp import MLP, ScaledNetwork, Standardizer, copied_scale
from invlab.networks.training import History, TrainingOptions, train
from invlab.pairs import require_pairs
from invlab.task import Pairs
from invlab.validation import require_seeds, require_tensor

__all__ = ["Surrogate", "disagreement", "fit_surrogate"]


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

    def effect(self, x: Tensor) -> Tensor:
        """f̂ in the units of y, mean over the members: ``(M, dx) -> (M, dy)``, float64.

        Scales are taken off and put on in float64, so that an offset of x or y costs no digits.
        """
        return self.outputs.inverse(self.scaled_mean(x.double()).double())


def disagreement(each: Tensor) -> Tensor:
    """Variance of what members say, mean over the numbers of y: ``(K, M, dy) -> (M,)``.

    It is large where f̂ has seen few pairs, since nothing holds its members together there; zero
    for a single one.
    """
    return each.var(0, correction=min(1, len(each) - 1)).mean(1)


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


@runtime.differentiable()
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
    history: History | None = None,
    **training: Unpack[TrainingOptions],
) -> Surrogate:
    """Train a surrogate on pairs, equation (13), or with derivatives too, equation (16).

    The loss is measured in scaled units: x as ``x_scaler`` sees it, y as ``y_scaler`` does,
    a derivative as scaled y over scaled x.

    Args:
        data: the pairs to copy; a context c becomes further inputs, behind x. Pairs whose y is
            not finite are left out.
        seeds: one member of the surrogate for each.
        norm: ``"l1"`` or ``"l2"``.
        width, layers: size of the network; ``layers`` counts linear layers.
        activation: between them; a smooth one follows a smooth simulator more closely.
        x_scaler, y_scaler: scales, which are copied; mean and standard deviation of the data if
            not given, as for c always.
        derivatives: dy/dx at the pairs in original units, ``(N, dy, dx)``, with those by c
            behind; the fit then takes all rows at once.
        derivative_weight: weight of the derivative term, in scaled units.
        differentiate: see :func:`invlab.losses.hermite`.
        held_out: pairs for a validation loss (values only).
        history: see :func:`invlab.networks.training.train`.
        training: passed on to it too.

    Raises:
        TypeError, ValueError: no pairs, or a share of them in their place; none with a finite y,
            derivatives of another shape, scales of another number of features, an activation that
            is none, or seeds that are no list.

    Warns:
        UserWarning: how many pairs were left out.

    Example:
        >>> import invlab
        >>> task = invlab.get_task("robot_arm")
        >>> surrogate = invlab.fit_surrogate(task.sample(200), seeds=(0, 1), epochs=2)
        >>> x = task.sample(5).x
        >>> tuple(surrogate(x).shape)  # members, rows, numbers of y
        (2, 5, 2)
        >>> tuple(surrogate.effect(x).shape)  # their mean
        (5, 2)
    """
    require_training_pairs("fit_surrogate", data, held_out)
    seeds = require_seeds("seeds", seeds)
    data, derivatives = _usable(data, derivatives)
    x, y = _inputs(data), data.y.detach().flatten(1)
    x_scaler = copied_scale("x_scaler", x_scaler, data.x.shape[1])
    if x_scaler is None:
        x_scaler = Standardizer.fit(x)
    elif data.c is not None:
        x_scaler = x_scaler.beside(Standardizer.fit(data.c.detach()))
    y_scaler = copied_scale("y_scaler", y_scaler, y.shape[1]) or Standardizer.fit(y)
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
        per_y = y_scaler.scale.to(x.device)[:, None]
        slopes = (derivatives.detach().to(x) * x_scaler.scale.to(x.device) / per_y).float()
        terms = values_and_derivatives
        training["batch_size"] = None
    held_out = None if held_out is None else _usable(held_out, None)[0]
    surrogate.history = train(
        surrogate,
        terms,
        _scaled(surrogate, data),
        seeds=seeds,
        validation=None if held_out is None else _scaled(surrogate, held_out),
        description="surrogate",
        history=history,
        **training,
    )
    return surrogate


def require_training_pairs(name: str, data: object, held_out: object) -> None:
    """Refuse what is no pairs, such as a share to hold out, which methods take.

    Raises:
        TypeError: ``data`` is none, or ``held_out`` neither pairs nor None.
    """
    require_pairs(f"{name}: data", data)
    if held_out is not None:
        remedy = "kept, held = pairs.split(0.2) gives them"
        require_pairs(f"{name}: held_out", held_out, remedy)


def _inputs(data: Pairs) -> Tensor:
    x = data.x if data.c is None else torch.cat([data.x, data.c], 1)
    return x.detach()


def _scaled(surrogate: Surrogate, data: Pairs) -> tuple[Tensor, Tensor]:
    """What the network sees and should say, scaled before the cast: an offset costs no digits."""
    y = surrogate.outputs(data.y.detach().flatten(1))
    return surrogate.inputs(_inputs(data)).float(), y.float()


def _usable(data: Pairs, derivatives: Tensor | None) -> tuple[Pairs, Tensor | None]:
    """The pairs, with their derivatives, where all is finite."""
    valid = data.y.isfinite().flatten(1).all(1)
    if derivatives is not None:
        shape = (len(data), data.y[0].numel(), _inputs(data).shape[1])
        require_tensor("derivatives", derivatives, shape, finite=False)
        valid &= derivatives.isfinite().flatten(1).all(1)
    lost = int((~valid).sum())
    if lost == len(data):
        raise ValueError(f"surrogate: expected pairs with a finite y, got {lost} without")
    if not lost:
        return data, derivatives
    message = f"surrogate: {lost} of {len(data)} pairs left out, they are not finite"
    warnings.warn(message, stacklevel=4)
    return data[valid], None if derivatives is None else derivatives[valid]
