"""Joint optimisation: one network, trained on exactly the targets to be solved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

import torch
from torch import Tensor, nn

from invlab.improve import squared_distance
from invlab.methods.base import Seeds, require_request, usable_pairs
from invlab.minimizers import Solution, minimize
from invlab.minimizers.reparametrization import XScale, default_x_scale
from invlab.networks.encoders import FeatureScale, beside, kind_of
from invlab.networks.mlp import Standardizer
from invlab.runtime import generator as stream
from invlab.task import Pairs, Task
from invlab.validation import require_count

__all__ = ["JointOptimization"]


class JointOptimization:
    """All unknowns are outputs of one network, and it learns through the true simulator.

    Nothing is learned before the targets are known: :meth:`fit` takes the task and the scales of
    y and c, and :meth:`propose` trains a network on ``Σ (f(x, c) − y)²`` over all targets, from
    the middle of the prior, and refines each answer by BFGS
    (:func:`invlab.minimize`, ``method="joint"``). Proposals therefore depend on the other
    targets of the call, which is the point: they lend each other their gradients. Everything
    runs through the simulator in float64.

    Args:
        networks: how many a guess trains side by side; each target keeps the best answer.
        iterations: steps of Adam.
        lr, lr_end: learning rate, falling to ``lr_end`` along half a cosine where that is given.
        network: options of :func:`invlab.networks.encoders.encoder_for`, which chooses a network
            by the shape of y (a context becomes further numbers or channels), or a module.
        output_scale: length of x that an output of one stands for; the half-width of the box if not
            given.
        x_scale: length S of x that counts as one for BFGS, whose first step has about that length;
            a tenth of the half-width of the task's box if not given. It decides how a refinement
            treats a good start, and any comparison with BFGS has to use the same.
        bounded: whether x stays in the task's box, by ``x = m + h · tanh(S z / h)`` with its
            middle m and half-width h.
        keep_best: whether a target's answer is the best point that its network came through, or
            the last one, as in the paper.
        refine: whether BFGS goes on from the network's answers.
        fallback: whether BFGS also starts from the middle of the prior, for the better of the
            two; a target is then never worse off than by BFGS alone.
        clip, clip_rows: see :class:`invlab.minimizers.joint.JointNetwork`.
        gtol: gradient at which a BFGS is done, in units of y squared over ``x_scale``.

    Attributes:
        solutions: of the last call of :meth:`propose`, one a guess: costs, reasons, values.

    Source: Holl and Thuerey (arXiv 2408.08119).
    """

    name = "joint"
    # each guess comes from a network with a seed of its own
    exchangeable = True

    def __init__(
        self,
        *,
        networks: int = 1,
        iterations: int = 1000,
        lr: float = 3e-3,
        lr_end: float | None = None,
        network: nn.Module | Mapping[str, Any] | None = None,
        output_scale: XScale | None = None,
        x_scale: XScale | None = None,
        bounded: bool = True,
        keep_best: bool = True,
        refine: bool = True,
        fallback: bool = False,
        clip: float | None = None,
        clip_rows: float | Literal["unit"] | None = None,
        gtol: float = 1e-5,
    ) -> None:
        self.networks = require_count("networks", networks)
        self.iterations = require_count("iterations", iterations)
        self.network, self.bounded = network, bounded
        self.output_scale, self.x_scale, self.gtol = output_scale, x_scale, gtol
        self.options: dict[str, Any] = {
            "lr": lr,
            "lr_end": lr_end,
            "keep_best": keep_best,
            "refine": refine,
            "fallback": fallback,
            "clip": clip,
            "clip_rows": clip_rows,
        }
        self.solutions: list[Solution] = []

    def fit(self, task: Task, data: Pairs, *, seed: Seeds = 0) -> Self:
        """Remember the task, and the scales of y and c in the pairs with a valid y.

        Raises:
            ValueError: a task without gradients, several seeds, or pairs of another task.
        """
        if not isinstance(seed, int):
            raise ValueError(f"{self.name}: expected one seed, got {seed!r}")
        if not task.differentiable:
            raise ValueError(
                f"{self.name}: needs gradients, and {task.name} says it has none; use "
                "'neural_adjoint', whose surrogate has them"
            )
        data = usable_pairs(self.name, task, data, takes_context=True)
        self.task, self.seed = task, seed
        self.shape = tuple(data.y.shape[1:])
        self.kind = kind_of(self.shape)
        if isinstance(self.network, Mapping):
            self.kind = self.network.get("kind", self.kind)
        self.y_scale = FeatureScale.fit(data.y, self.kind)
        self.c_scale = None if data.c is None else Standardizer.fit(data.c).to(data.c.device)
        self.like = data.y[0].flatten()
        return self

    def propose(
        self,
        y: Tensor,
        n: int = 1,
        c: Tensor | None = None,
        *,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Solve these targets together, ``n`` times: ``(B, *dy)`` to ``(B, n, dx)``.

        Args:
            y: targets.
            n: guesses a target, each by networks with other seeds; n times the cost.
            c: contexts, ``(B, dc)``, where the task has one.
            generator: draws the seeds of the networks; they follow from that of :meth:`fit` if
                not given.

        Raises:
            ValueError: not fitted, ``n < 1``, a context that is missing or not taken, or targets
                of the wrong shape.
        """
        fitted = hasattr(self, "task")
        c_dim = 0 if not fitted or self.c_scale is None else len(self.c_scale.shift)
        like = self.like if fitted else None
        flat = require_request(self.name, y, n, c, like=like, c_dim=c_dim)
        generator = stream(self.seed, self.name) if generator is None else generator
        seeds = torch.randint(2**31, (n, self.networks), generator=generator).tolist()
        features = self._features(flat, c)
        self.solutions = [self._solve(y, c, features, some) for some in seeds]
        return torch.stack([solution.x for solution in self.solutions], 1).to(y.dtype)

    def _features(self, flat: Tensor, c: Tensor | None) -> Tensor:
        """What the network sees, in the scales of the training pairs."""
        y = self.y_scale(flat.unflatten(1, self.shape).double())
        given = None if c is None or self.c_scale is None else self.c_scale(c.double())
        return beside(y, given, self.kind)

    def _solve(self, y: Tensor, c: Tensor | None, features: Tensor, seeds: list[int]) -> Solution:
        task, network = self.task, self.network
        if not isinstance(network, nn.Module):
            network = {**(network or {}), "kind": self.kind}
        return minimize(
            squared_distance(task, y.double(), c),
            task.prior.bounds.center.to(features).repeat(len(y), 1),
            method="joint",
            bounds=task.box if self.bounded else None,
            gtol=self.gtol,
            features=features,
            encoder=network,
            standardize=False,
            seed=seeds,
            iterations=self.iterations,
            output_scale=task.box.width / 2 if self.output_scale is None else self.output_scale,
            x_scale=default_x_scale(task.box) if self.x_scale is None else self.x_scale,
            **self.options,
        )
