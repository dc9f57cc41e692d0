"""Encoder–decoder: the surrogate and the inverse network learn together."""

from __future__ import annotations

from typing import Any, Literal, Self

import torch
from torch import Tensor

from invlab import losses, runtime
from invlab.methods.base import InverseNetwork, Seeds
from invlab.networks.training import train
from invlab.task import Pairs, Targets, Task
from invlab.validation import batch_shape, require_count, require_tensor

__all__ = ["EncoderDecoder"]


class EncoderDecoder(InverseNetwork):
    """f̂ and I trained on one loss, ``‖f̂(x) − y‖ + ‖f̂(I(y)) − y‖``, equation (12).

    Both terms can be small while I is useless: f̂ only has to be right at the training x, and
    I is free to answer where it is wrong. Score with the true simulator.

    Args:
        smooth: weight λ of the smoothness term, equation (17); 0 leaves it out.
        smooth_order: 1 for the first difference (the paper's), 2 for the second.
        smooth_step: step of the difference. Both are in scaled y over x measured in
            half-widths of the task's box, whatever scale the networks see, so that λ keeps
            its meaning.
        smooth_points: number of points of the box that the term is averaged over.
        surrogate_layers: linear layers of f̂; the paper has five.
        options: see :class:`~invlab.methods.base.InverseNetwork`.

    Source: Rivera, Pardo and Alberdi (2020), Sections 3 and 4.
    """

    def __init__(
        self,
        *,
        smooth: float = 0.0,
        smooth_order: Literal[1, 2] = 1,
        smooth_step: float = 1e-3,
        smooth_points: int = 1000,
        surrogate_layers: int = 5,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if smooth < 0:
            raise ValueError(f"smooth: expected a weight of at least 0, got {smooth}")
        self.smooth = smooth
        self.smooth_order = smooth_order
        self.smooth_step = smooth_step
        self.smooth_points = require_count("smooth_points", smooth_points)
        self.surrogate_layers = require_count("surrogate_layers", surrogate_layers)

    def fit(
        self, task: Task, data: Pairs, *, seed: Seeds = 0, targets: Targets | None = None
    ) -> Self:
        """Train on pairs.

        Args:
            task: gives the box for the smoothness term; its simulator is not called.
            data: pairs for the first term, and for the second where no targets are given.
            seed: one seed, or several to train together.
            targets: observations for the second term. They cost no simulation. The pairs are
                then used whole at each step, and the targets in batches.
        """
        seeds, data, _ = self._prepare(task, data, seed)
        assert self.surrogate is not None
        y_scale, surrogate = self.inverse.inputs, self.surrogate
        points = self._points(task).to(data.x)

        def scaled(x: Tensor) -> Tensor:
            return y_scale(surrogate(x))

        def in_box_units(u: Tensor) -> Tensor:
            return scaled(task.box.center.to(u) + u * task.box.width.to(u) / 2)

        def terms(x: Tensor, y: Tensor, y_target: Tensor) -> dict[str, Tensor]:
            x_hat = self.inverse(y_target)
            parts = losses.encoder_decoder(
                scaled, x, y_scale(y), x_hat, y_scale(y_target), self.norm
            )
            if self.smooth:
                rough = losses.smoothness(
                    in_box_units,
                    points,
                    self.norm,
                    order=self.smooth_order,
                    step=self.smooth_step,
                )
                parts["REG"] = self.smooth * rough
            return parts

        def same_rows(x: Tensor, y: Tensor) -> dict[str, Tensor]:
            return terms(x, y, y)

        def all_pairs(y_target: Tensor) -> dict[str, Tensor]:
            return terms(data.x, data.y, y_target)

        self.history["joint"] = train(
            torch.nn.ModuleList([self.inverse, surrogate]),
            same_rows if targets is None else all_pairs,
            (data.x, data.y) if targets is None else (self._flat(targets, data),),
            seeds=seeds,
            description="encoder-decoder",
            **self.training_options,
        )
        surrogate.history = self.history["joint"]
        return self

    def _flat(self, targets: Targets, data: Pairs) -> Tensor:
        name = f"{self.name}: targets.y"
        require_tensor(name, targets.y, batch_shape(targets.y), device=data.y.device)
        return require_tensor(name, targets.y.float().flatten(1), ("B", data.y.shape[1]))

    def _points(self, task: Task) -> Tensor:
        """Points of the box in half-widths: equidistant in one dimension, else uniform draws."""
        if task.x_dim == 1:
            return torch.linspace(-1, 1, self.smooth_points)[:, None]
        draws = runtime.generator(0, "smoothness")
        unit = torch.rand(self.smooth_points, task.x_dim, generator=draws)
        return 2 * unit - 1
