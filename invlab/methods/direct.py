"""Direct regression of x on y (and c), and the same network trained through the true simulator."""

from __future__ import annotations

from typing import Any, Literal, Self

from torch import Tensor

from invlab import losses
from invlab.methods.base import InverseNetwork, Seeds
from invlab.networks.training import train
from invlab.task import Pairs, Task

__all__ = ["Direct"]


class Direct(InverseNetwork):
    """One network I, trained on the misfit of the unknowns or of their effect.

    Args:
        misfit: ``"inverse"`` compares I(y) with x, equation (3): the classical regression, that
            fails where several x explain one y. ``"effect"`` compares f(I(y)) with y, equation
            (11), and needs a differentiable simulator at each training step.
        options: see :class:`~invlab.methods.base.InverseNetwork`.

    On a task with a context the network sees y and c; this is the supervised baseline of Holl and
    Thuerey (arXiv 2408.08119).

    Source: Rivera, Pardo and Alberdi (2020), Section 3.
    """

    takes_context = True

    def __init__(
        self,
        *,
        misfit: Literal["inverse", "effect"] = "inverse",
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if misfit not in ("inverse", "effect"):
            raise ValueError(f"misfit: expected 'inverse' or 'effect', got {misfit!r}")
        self.misfit = misfit
        self.measures = "x" if misfit == "inverse" else "y"

    def fit(self, task: Task, data: Pairs, *, seed: Seeds = 0) -> Self:
        """Train on pairs; the effect misfit uses their y alone, and the task's simulator.

        Raises:
            ValueError: the effect misfit is asked of a task that is not differentiable.
        """
        if self.misfit == "effect" and not task.differentiable:
            raise ValueError(
                f"direct: misfit='effect' needs gradients, and {task.name} says it has none; "
                "use 'tandem', whose surrogate has them"
            )
        seeds, data, validation = self._prepare(task, data, seed)
        x_scale, y_scale = self.inverse.outputs, self.y_scaler
        assert y_scale is not None

        def inverse(x: Tensor, y: Tensor, c: Tensor | None = None) -> dict[str, Tensor]:
            x_hat = self.inverse(self._seen(y, c))
            return {"inverse": losses.inverse_misfit(x_scale(x_hat), x_scale(x), self.norm)}

        def effect(x: Tensor, y: Tensor, c: Tensor | None = None) -> dict[str, Tensor]:
            x_hat = self.inverse(self._seen(y, c))

            def simulate(x_hat: Tensor) -> Tensor:
                # all rows at once come without the axis of members
                given = () if c is None else (c.expand(*x_hat.shape[:-1], -1),)
                return y_scale(task.simulator(x_hat, *given).flatten(2))

            return {"effect": losses.effect_misfit(simulate, x_hat, y_scale(y), self.norm)}

        self.history["inverse"] = train(
            self.inverse,
            inverse if self.misfit == "inverse" else effect,
            _tensors(data),
            seeds=seeds,
            validation=None if validation is None else _tensors(validation),
            description=f"direct, {self.misfit} misfit",
            **self.training_options,
        )
        return self


def _tensors(data: Pairs) -> tuple[Tensor, ...]:
    return (data.x, data.y) if data.c is None else (data.x, data.y, data.c)
