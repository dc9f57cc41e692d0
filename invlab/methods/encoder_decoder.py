"""Encoder–decoder: the surrogate and the inverse network learn together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, Self

import torch
from torch import Tensor

from invlab import losses, runtime
from invlab.methods.base import Seeds, require_request
from invlab.methods.inverse_network import InverseNetwork, Scaled, with_context
from invlab.networks.training import History, train
from invlab.task import Pairs, Targets, Task
from invlab.validation import require_axes, require_count

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
        options: see :class:`~invlab.methods.inverse_network.InverseNetwork`.

    Source: Rivera, Pardo and Alberdi (2020), Sections 3 and 4.
    """

    name = "encoder_decoder"

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
        if not 0 <= smooth < float("inf"):
            raise ValueError(f"smooth: expected a weight of at least 0, got {smooth}")
        if smooth_order not in (1, 2):
            raise ValueError(f"smooth_order: expected 1 or 2, got {smooth_order!r}")
        if not smooth_step > 0:
            raise ValueError(f"smooth_step: expected a step above 0, got {smooth_step}")
        self.smooth = smooth
        self.smooth_order = smooth_order
        self.smooth_step = smooth_step
        self.smooth_points = require_count("smooth_points", smooth_points)
        self.surrogate_layers = require_count("surrogate_layers", surrogate_layers)

    def fit(
        self, task: Task | None, data: Pairs, *, seed: Seeds = 0, targets: Targets | None = None
    ) -> Self:
        """Train on pairs.

        Args:
            task: gives the box for the smoothness term; its simulator is not called.
            data: pairs for the first term, and for the second where no targets are given.
            seed: one seed, or several to train together.
            targets: observations for the second term, with contexts where the task has one. They
                cost no simulation. The pairs are then used whole at each step, and the targets in
                batches.

        Raises:
            TypeError, ValueError: see :meth:`invlab.methods.base.Method.fit`, or targets that are
                none or do not fit the pairs.
        """
        if not isinstance(targets, Targets | Pairs | None):
            kind = type(targets).__name__
            raise TypeError(f"{self.name}: targets: expected Targets, as Targets(y), got {kind}")
        return self._fit(task, data, seed, targets=targets)

    def learn(
        self,
        task: Task,
        data: Pairs,
        seeds: list[int],
        *,
        targets: Targets | None = None,
        **more: Any,
    ) -> None:
        """Train both networks on one loss."""
        if targets is not None and self.held_out:
            raise ValueError(
                "held_out: expected 0 with targets, since the pairs are then used whole at each "
                f"step, got {self.held_out}"
            )
        kept, held = self._prepare(task, data, seeds)
        assert self.surrogate is not None
        f_hat = self.surrogate.core
        rough = self._roughness(task, kept)
        goals = kept if targets is None else self._goals(targets, kept)

        def terms(
            x: Tensor,
            y: Tensor,
            c: Tensor | None,
            seen: Tensor,
            goal: Tensor,
            c_goal: Tensor | None,
        ) -> dict[str, Tensor]:
            x_hat = self.inverse.core(seen)
            parts = losses.encoder_decoder(
                f_hat, with_context(x, c), y, with_context(x_hat, c_goal), goal, self.norm
            )
            return parts | ({"REG": self.smooth * rough()} if self.smooth else {})

        def same_rows(
            seen: Tensor, y: Tensor, x: Tensor, c: Tensor | None = None
        ) -> dict[str, Tensor]:
            return terms(x, y, c, seen, y, c)

        def all_pairs(seen: Tensor, y: Tensor, c: Tensor | None = None) -> dict[str, Tensor]:
            return terms(kept.x, kept.y, kept.c, seen, y, c)

        def columns(rows: Scaled) -> list[Tensor]:
            found = [rows.seen, rows.y, *([rows.x] if targets is None else [])]
            return found if rows.c is None else [*found, rows.c]

        self.history = {"joint": History()}
        self.surrogate.history = self.history["joint"]
        train(
            torch.nn.ModuleList([self.inverse, self.surrogate]),
            same_rows if targets is None else all_pairs,
            columns(goals),
            seeds=seeds,
            validation=None if held is None else columns(held),
            description="encoder-decoder",
            history=self.history["joint"],
            **self.training_options,
        )

    def _goals(self, targets: Targets, kept: Scaled) -> Scaled:
        """Targets of the second term, scaled; they have no x, and zeros stand in its place."""
        y, c = targets.y.detach(), targets.c
        flat = require_request(
            f"{self.name}: targets",
            y,
            1,
            c,
            y_dim=kept.y.shape[1],
            c_dim=self.facts["c_dim"],
            device=kept.y.device,
        ).to(torch.promote_types(y.dtype, torch.float32))
        require_axes(f"{self.name}: targets: y", y, self.facts["y_shape"])
        c = None if c is None else c.detach().to(flat)
        return self._scaled(Pairs(flat.new_zeros(len(flat), self.facts["x_dim"]), flat, c))

    def _roughness(self, task: Task, kept: Scaled) -> Callable[[], Tensor]:
        """The smoothness term of f̂ over the box; a context takes the values of the pairs."""
        assert self.surrogate is not None
        surrogate = self.surrogate
        points = self._points(task).to(kept.x)
        some = torch.arange(len(points), device=kept.x.device) % len(kept.x)
        c = None if kept.pairs.c is None else kept.pairs.c[some].to(points)
        center, half = task.box.center.to(points), task.box.width.to(points) / 2

        def in_box_units(u: Tensor) -> Tensor:
            return surrogate.scaled(with_context(center + u * half, c))

        return lambda: losses.smoothness(
            in_box_units, points, self.norm, order=self.smooth_order, step=self.smooth_step
        )

    def _points(self, task: Task) -> Tensor:
        """Points of the box in half-widths: equidistant in one dimension, else uniform draws."""
        if task.x_dim == 1:
            return torch.linspace(-1, 1, self.smooth_points, device="cpu")[:, None]
        draws = runtime.generator(0, "smoothness")
        shape = (self.smooth_points, task.x_dim)
        return 2 * torch.rand(shape, generator=draws, dtype=torch.float32, device="cpu") - 1
