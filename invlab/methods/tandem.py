"""Tandem, or the two-step loss: first the surrogate, then the inverse network through it."""

from __future__ import annotations

from typing import Any, Self

from torch import Tensor

from invlab import losses
from invlab.methods.base import InverseNetwork, Seeds
from invlab.networks.training import train
from invlab.priors import Box
from invlab.surrogates.regression import fit_surrogate
from invlab.task import Pairs, Task
from invlab.validation import require_count

__all__ = ["Tandem"]


class Tandem(InverseNetwork):
    """f̂ is fitted to the pairs and frozen; I then learns ``‖f̂(I(y)) − y‖``, eqs. (13), (14).

    Args:
        surrogate_layers: linear layers of f̂; the paper has five.
        boundary: weight of :func:`invlab.losses.boundary_loss`, which holds the answers in the
            range of the training x, where f̂ has learned; 0 leaves it out.
        options: see :class:`~invlab.methods.base.InverseNetwork`.

    Source: Rivera, Pardo and Alberdi (2020), Section 3, "two-steps loss"; called tandem in Ren,
    Padilla and Malof (2020).
    """

    def __init__(
        self,
        *,
        surrogate_layers: int = 5,
        boundary: float = 0.0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if boundary < 0:
            raise ValueError(f"boundary: expected a weight of at least 0, got {boundary}")
        self.boundary = boundary
        self.surrogate_layers: int = require_count("surrogate_layers", surrogate_layers)

    def fit(self, task: Task, data: Pairs, *, seed: Seeds = 0) -> Self:
        """Train f̂ on the pairs, freeze it, then train I on their y. The simulator is not called."""
        seeds, data, validation = self._prepare(task, data, seed)
        x_scale, y_scale = self.inverse.outputs, self.inverse.inputs
        box = Box.around(data.x)
        surrogate = fit_surrogate(
            data,
            seeds=seeds,
            norm=self.norm,
            width=self.width,
            layers=self.surrogate_layers,
            activation=self.activation,
            x_scaler=x_scale,
            y_scaler=y_scale,
            held_out=validation,
            **self.training_options,
        )
        self.surrogate = surrogate.requires_grad_(False)

        def simulate(x_hat: Tensor) -> Tensor:
            return y_scale(surrogate(x_hat))

        def effect(y: Tensor) -> dict[str, Tensor]:
            x_hat = self.inverse(y)
            parts = {"FI": losses.effect_misfit(simulate, x_hat, y_scale(y), self.norm)}
            if self.boundary:
                parts["boundary"] = self.boundary * losses.boundary_loss(x_hat, box).mean(-1)
            return parts

        self.history["forward"] = surrogate.history
        self.history["inverse"] = train(
            self.inverse,
            effect,
            (data.y,),
            seeds=seeds,
            validation=None if validation is None else (validation.y,),
            description="tandem",
            **self.training_options,
        )
        return self
