"""Tandem, or the two-step loss: first the surrogate, then the inverse network through it."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from invlab import losses
from invlab.methods.inverse_network import InverseNetwork, Scaled, with_context
from invlab.networks.training import History, train
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
        options: see :class:`~invlab.methods.inverse_network.InverseNetwork`.

    Source: Rivera, Pardo and Alberdi (2020), Section 3, "two-steps loss"; called tandem in Ren,
    Padilla and Malof (2020).

    Example:
        >>> import invlab
        >>> task = invlab.get_task("square")
        >>> model = invlab.get_method("tandem", epochs=2).fit(task, task.sample(200))
        >>> tuple(model.propose(task.targets(5, seed=1).y).shape)  # one answer a target
        (5, 1, 1)
        >>> list(model.history)  # its trainings
        ['forward', 'inverse']
    """

    name = "tandem"

    def __init__(
        self,
        *,
        surrogate_layers: int = 5,
        boundary: float = 0.0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if not 0 <= boundary < float("inf"):
            raise ValueError(f"boundary: expected a weight of at least 0, got {boundary}")
        self.boundary = boundary
        self.surrogate_layers: int = require_count("surrogate_layers", surrogate_layers)

    def learn(self, task: Task, data: Pairs, seeds: list[int], **more: Any) -> None:
        """Train f̂ on the pairs, freeze it, then train I on their y. The simulator is not called."""
        kept, held = self._prepare(task, data, seeds)
        surrogate = fit_surrogate(
            kept.pairs,
            seeds=seeds,
            norm=self.norm,
            width=self.width,
            layers=self.surrogate_layers,
            activation=self.activation,
            x_scaler=self.x_scaler,
            y_scaler=self.y_scaler,
            held_out=None if held is None else held.pairs,
            **self.training_options,
        )
        self.surrogate = surrogate.requires_grad_(False)
        edges = Box.around(kept.pairs.x)
        box = Box(*(self.x_scaler(edge.to(data.x.device)) for edge in (edges.low, edges.high)))

        def effect(seen: Tensor, y: Tensor, c: Tensor | None = None) -> dict[str, Tensor]:
            x_hat = self.inverse.core(seen)
            seen_by_f = with_context(x_hat, c)
            parts = {"FI": losses.effect_misfit(surrogate.core, seen_by_f, y, self.norm)}
            if self.boundary:
                parts["boundary"] = self.boundary * losses.boundary_loss(x_hat, box).mean(-1)
            return parts

        self.history = {"forward": surrogate.history, "inverse": History()}
        train(
            self.inverse,
            effect,
            _columns(kept),
            seeds=seeds,
            validation=None if held is None else _columns(held),
            description="tandem",
            history=self.history["inverse"],
            **self.training_options,
        )


def _columns(data: Scaled) -> tuple[Tensor, ...]:
    return (data.seen, data.y) if data.c is None else (data.seen, data.y, data.c)
