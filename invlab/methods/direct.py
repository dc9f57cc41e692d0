"""Direct regression of x on y (and c), and the same network trained through the true simulator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor

from invlab import losses
from invlab.methods.inverse_network import InverseNetwork, Scaled
from invlab.networks.training import History, train
from invlab.task import Pairs, Task

__all__ = ["Direct"]


class Direct(InverseNetwork):
    """One network I, trained on the misfit of the unknowns or of their effect.

    Args:
        misfit: ``"inverse"`` compares I(y) with x, equation (3): the classical regression, that
            fails where several x explain one y. ``"effect"`` compares f(I(y)) with y, equation
            (11), and needs a differentiable simulator at each training step. Where that fails for
            some answers of a batch (NaN), these are left out of the step.
        options: see :class:`~invlab.methods.inverse_network.InverseNetwork`.

    With an ``encoder`` the misfit of the unknowns is their sum and not their mean. On a task with a
    context the network sees y and c; this is the supervised baseline of Holl and
    Thuerey (arXiv 2408.08119).

    Source: Rivera, Pardo and Alberdi (2020), Section 3.
    """

    name = "direct"

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
        self.needs_gradient = self.calls_simulator = misfit == "effect"

    def learn(self, task: Task, data: Pairs, seeds: list[int], **more: Any) -> None:
        """Train on pairs; the effect misfit uses their y alone, and the task's simulator."""
        kept, held = self._prepare(task, data, seeds)

        # by an encoder as the objective of joint optimisation is, which it is compared with
        unknowns = 1 if self._given["encoder"] is None else data.x.shape[1]

        def inverse(seen: Tensor, x: Tensor) -> dict[str, Tensor]:
            misfit = losses.inverse_misfit(self.inverse.core(seen), x, self.norm)
            return {"inverse": unknowns * misfit}

        def effect(seen: Tensor, y: Tensor, c: Tensor | None = None) -> dict[str, Tensor]:
            def misfit(u: Tensor) -> Tensor:
                return self._misfit_of_effect(task, u.to(data.x.dtype), y, c)

            return {"effect": _mean_of_sound_rows(misfit, self.inverse.core(seen))}

        self.history = {"inverse": History()}
        columns = _with_x if self.misfit == "inverse" else _with_y
        train(
            self.inverse,
            inverse if self.misfit == "inverse" else effect,
            columns(kept),
            seeds=seeds,
            validation=None if held is None else columns(held),
            description=f"direct, {self.misfit} misfit",
            history=self.history["inverse"],
            **self.training_options,
        )

    def _misfit_of_effect(self, task: Task, u: Tensor, y: Tensor, c: Tensor | None) -> Tensor:
        """Of each row of scaled answers ``(K, N, dx)``, in scaled y: ``(K, N)``."""
        # all rows at once come without the axis of members, which a simulator never sees
        lead = u.shape[:-1]
        given = () if c is None else (c.expand(*lead, -1).flatten(0, 1),)
        x, goal = self.x_scaler.inverse(u).flatten(0, 1), y.expand(*lead, -1).flatten(0, 1)
        effect = task.traced(x, *given)
        if len(effect) != len(goal) or effect[0].numel() != goal.shape[1]:
            raise ValueError(
                f"{self.name}: expected {task.name} to give {goal.shape[1]} numbers of y for each "
                f"row of x {tuple(x.shape)}, as the pairs have, got shape {tuple(effect.shape)}"
            )
        residual = self.y_scaler(effect.flatten(1)) - goal
        each = (residual.abs() if self.norm == "l1" else residual.square()).mean(-1)
        return each.unflatten(0, lead)


def _with_x(data: Scaled) -> tuple[Tensor, ...]:
    return data.seen, data.x


def _with_y(data: Scaled) -> tuple[Tensor, ...]:
    """With the context in its own units, as the simulator takes it."""
    c = data.pairs.c
    return (data.seen, data.y) if c is None else (data.seen, data.y, c)


def _mean_of_sound_rows(misfit: Callable[[Tensor], Tensor], u: Tensor) -> Tensor:
    """The mean of a misfit of rows ``(K, N, dx)`` that is finite, with a gradient, ``(K,)``.

    NaN where no row is; else a row that is not counts as zero, and moves nothing.
    """
    point = u.detach().requires_grad_()
    with torch.enable_grad():
        each = misfit(point)
        (slope,) = torch.autograd.grad(each.sum(), point)
    each, sound = each.detach(), each.isfinite() & slope.isfinite().all(-1)
    lost = torch.where(sound.any(-1), 0.0, torch.nan)
    value = (torch.where(sound, each, 0).mean(-1) + lost).to(u)
    # its gradient is that of the rows
    pull = (torch.where(sound[..., None], slope, 0) * u).sum((-2, -1)) / u.shape[-2]
    return value + pull - pull.detach()
