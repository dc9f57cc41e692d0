"""The trainings behind the paper's figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal

import torch

from invbook import frozen
from invlab import losses, runtime
from invlab.losses import Norm
from invlab.methods.direct import Direct
from invlab.methods.encoder_decoder import EncoderDecoder
from invlab.methods.inverse_network import InverseNetwork
from invlab.methods.tandem import Tandem
from invlab.surrogates.regression import Surrogate, fit_surrogate
from invlab.task import Pairs, Targets
from invlab.tasks.square import Square

__all__ = ["SEEDS", "THREE_POINTS", "fit_forward", "fit_inverse", "fit_reduced"]

Loss = Literal["direct", "effect", "encoder_decoder", "two_step"]
Scaling = Literal["normalised", "literal"]

SEEDS = (0, 1, 2, 3, 4)
NORMS: tuple[Norm, Norm] = ("l1", "l2")
# The two ends are forced if the network is to cover the interval; the middle point is our choice.
THREE_POINTS = [-33.0, 1.0, 33.0]
BATCH: int = frozen.options("loss_design", "fits")["batch_size"]
# The second-difference penalty that the paper could have used; a step of half a unit, where 33
# units of x are one.
SECOND_DIFFERENCE: dict[str, Any] = frozen.options("loss_design", "fits")["second_difference"]


def fit_inverse(
    loss: Loss,
    norm: Norm,
    *,
    seeds: Sequence[int],
    scaling: Scaling = "normalised",
    epochs: int = 300,
    batch_size: int | None = BATCH,
    data: Pairs | None = None,
) -> InverseNetwork:
    """Train an inverse of y = x² with one of the paper's four losses (Figures 2 to 7).

    Args:
        loss: ``"direct"`` is equation (3), ``"effect"`` (11), ``"encoder_decoder"`` (12) and
            ``"two_step"`` (13) with (14).
        norm: ``"l1"`` or ``"l2"``.
        seeds: trained together, one member each.
        scaling: what the networks see of x.
        epochs, batch_size: of each training.
        data: the 1000-point grid if not given.
    """
    task = Square()
    x_scaler, y_scaler = task.scalers() if scaling == "normalised" else task.literal_scalers()
    methods: dict[str, Callable[..., InverseNetwork]] = {
        "direct": Direct,
        "effect": partial(Direct, misfit="effect"),
        "encoder_decoder": EncoderDecoder,
        "two_step": Tandem,
    }
    method = methods[loss](
        norm=norm, x_scaler=x_scaler, y_scaler=y_scaler, epochs=epochs, batch_size=batch_size
    )
    return method.fit(task, task.grid() if data is None else data, seed=list(seeds))


def fit_forward(
    norm: Norm,
    *,
    seeds: Sequence[int],
    derivatives: bool = False,
    unit: Literal["matching", "literal"] = "matching",
    difference: float | None = None,
    steps: int = 1200,
) -> Surrogate:
    """Fit f̂ to three points, without derivatives (Figure 8) or with them (Figures 9, 10).

    Args:
        norm: ``"l1"`` or ``"l2"``.
        seeds: trained together.
        derivatives: whether the Hermite loss (16) is used.
        unit: of the derivative term: scaled y over scaled x (``"matching"``), or scaled y over
            x itself (``"literal"``, the paper's), which weighs it 33 times less, 33² for l2.
        difference: step ε of the paper's difference quotient, in the unit of x; exact
            derivatives by autograd if not given.
        steps: full-batch steps.
    """
    task = Square()
    x_scaler, y_scaler = task.scalers()
    data = task.at(THREE_POINTS)
    power = 1 if norm == "l1" else 2
    differentiate = None
    if difference is not None:
        differentiate = partial(losses.finite_difference, step=difference / task.half_width)
    return fit_surrogate(
        data,
        seeds=list(seeds),
        norm=norm,
        x_scaler=x_scaler,
        y_scaler=y_scaler,
        derivatives=task.derivative(data.x) if derivatives else None,
        derivative_weight=1.0 if unit == "matching" else task.half_width**-power,
        differentiate=differentiate,
        epochs=steps,
        batch_size=None,
    )


def fit_reduced(
    norm: Norm,
    *,
    seeds: Sequence[int],
    scaling: Scaling = "literal",
    smooth: float = 0.0,
    order: Literal[1, 2] = 1,
    step: float = 1e-3,
    points: int = 1000,
    epochs: int = 100,
) -> EncoderDecoder:
    """Encoder–decoder from three pairs and 1000 values of y (Figures 11 to 13).

    Args:
        norm: ``"l1"`` or ``"l2"``.
        seeds: trained together.
        scaling: ``"literal"``, the paper's, or ``"normalised"``.
        smooth, order, step, points: the smoothness term of equation (17), in units of y/1089
            and x/33, averaged over equidistant points.
        epochs: of twenty batches of 50 targets each.
    """
    task = Square()
    x_scaler, y_scaler = task.scalers() if scaling == "normalised" else task.literal_scalers()
    data = task.at(THREE_POINTS)
    y = torch.linspace(0, task.half_width**2, 1000, device=runtime.device())[:, None]
    method = EncoderDecoder(
        norm=norm,
        smooth=smooth,
        smooth_order=order,
        smooth_step=step,
        smooth_points=points,
        x_scaler=x_scaler,
        y_scaler=y_scaler,
        epochs=epochs,
        batch_size=BATCH,
    )
    return method.fit(task, data, seed=list(seeds), targets=Targets(y))
