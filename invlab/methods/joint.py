"""Joint optimisation: one network, trained on exactly the targets to be solved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn

from invlab import runtime
from invlab.improve import spread, squared_distance
from invlab.methods.base import Bounds
from invlab.methods.options import require_encoder
from invlab.methods.simulator_search import SimulatorSearch
from invlab.minimizers import Solution, minimize
from invlab.minimizers.joint import require_clip_rows
from invlab.minimizers.reparametrization import XScale, default_x_scale, require_lengths
from invlab.networks.encoders import FeatureScale, Kind, beside, kind_of
from invlab.networks.mlp import Standardizer
from invlab.priors import Box
from invlab.task import Pairs, Task
from invlab.validation import require_count

__all__ = ["JointOptimization"]


class JointOptimization(SimulatorSearch):
    """All unknowns are outputs of one network, and it learns through the true simulator.

    Nothing is learned before the targets are known: :meth:`fit` takes the task and the scales of
    y and c, and :meth:`propose` trains a network on ``Σ (f(x, c) − y)²`` over all targets, from
    the middle of the prior, and refines each answer by BFGS
    (:func:`invlab.minimize`, ``method="joint"``). Proposals therefore depend on the other
    targets of the call, which is the point: they lend each other their gradients. Everything
    runs through the simulator in float64, with y in units of its spread over the pairs
    (:func:`invlab.improve.spread`), so that the user's unit of y does not matter.

    Args:
        networks: how many a guess trains side by side; each target keeps the best answer.
        iterations: steps of Adam.
        lr, lr_end: learning rate, falling to ``lr_end`` along half a cosine where that is given.
        encoder: options of :func:`invlab.networks.encoders.encoder_for`, which chooses a network
            by the shape of y (a context becomes further numbers or channels), or a module.
        output_scale: length of x that an output of one stands for; the half-width of the box if not
            given.
        x_scale: length S of x that counts as one for BFGS, whose first step has about that length;
            a tenth of the half-width of the task's box if not given. It decides how a refinement
            treats a good start, and any comparison with BFGS has to use the same.
        bounded: whether x stays in the task's box during the search, by
            ``x = m + h · tanh(S z / h)`` with its middle m and half-width h.
        keep_best: whether a target's answer is the best point that its network came through, or
            the last one, as in the paper.
        refine: whether BFGS goes on from the network's answers.
        fallback: whether BFGS also starts from the middle of the prior, for the better of the
            two; a target is then never worse off than by BFGS alone.
        clip, clip_rows: see :class:`invlab.minimizers.joint.JointNetwork`.
        gtol: gradient at which a BFGS is done: of the squared distance in units of the spread of
            y, by x in units of ``x_scale``.
        bounds: ``"clip"`` or ``"free"``, see :class:`~invlab.methods.base.Method`.

    Attributes:
        solutions: of the last call of :meth:`propose`, one a guess: costs, reasons, values.

    Source: Holl and Thuerey (arXiv 2408.08119).
    """

    name = "joint"
    # each guess comes from a network with a seed of its own
    exchangeable = True
    needs_gradient = True

    y_length: Tensor

    def __init__(
        self,
        *,
        networks: int = 1,
        iterations: int = 1000,
        lr: float = 3e-3,
        lr_end: float | None = None,
        encoder: nn.Module | Mapping[str, Any] | None = None,
        output_scale: XScale | None = None,
        x_scale: XScale | None = None,
        bounded: bool = True,
        keep_best: bool = True,
        refine: bool = True,
        fallback: bool = False,
        clip: float | None = None,
        clip_rows: float | Literal["unit"] | None = None,
        gtol: float = 1e-5,
        bounds: Bounds = "clip",
    ) -> None:
        super().__init__(bounds=bounds)
        self.networks = require_count("networks", networks)
        self.iterations = require_count("iterations", iterations)
        for name, value in {"lr": lr, "lr_end": lr_end, "clip": clip, "gtol": gtol}.items():
            if value is not None and not 0 < value < float("inf"):
                raise ValueError(f"{name}: expected a finite number above 0, got {value}")
        require_clip_rows(clip_rows)
        for name, lengths in {"output_scale": output_scale, "x_scale": x_scale}.items():
            if lengths is not None:
                require_lengths(name, lengths)
        # in a tuple, so that a module of the caller's does not become a part of this one
        self._given = (require_encoder(encoder),)
        if isinstance(encoder, nn.Module) and self.networks > 1:
            raise ValueError(
                "networks: an encoder of your own is one start; expected 1 network, got "
                f"{self.networks}"
            )
        self.bounded, self.output_scale, self.x_scale = bounded, output_scale, x_scale
        self.search: dict[str, Any] = {
            "lr": lr,
            "lr_end": lr_end,
            "keep_best": keep_best,
            "refine": refine,
            "fallback": fallback,
            "clip": clip,
            "clip_rows": clip_rows,
            "gtol": gtol,
        }
        self.solutions: list[Solution] = []

    def assemble(self) -> None:
        """Scales of y and c that change nothing."""
        facts = self.facts
        self.kind = self._kind()
        self.y_scale = FeatureScale.identity(facts["y_shape"], self.kind)
        self.register_buffer("y_length", torch.tensor(1.0, dtype=torch.float64, device="cpu"))
        self.c_scale = Standardizer.identity(facts["c_dim"]) if facts["c_dim"] else None

    def _kind(self) -> Kind:
        """What the network reads an observation as."""
        encoder = self._given[0]
        asked = encoder.get("kind") if isinstance(encoder, Mapping) else None
        return kind_of(self.facts["y_shape"]) if asked is None else asked

    def learn(self, task: Task, data: Pairs, seeds: list[int], **more: Any) -> None:
        """Remember the task, and the scales of y and c."""
        self.require_quiet(task)
        self.task, self.kind = task, self._kind()
        self.y_scale = FeatureScale.fit(data.y, self.kind)
        self.register_buffer(
            "y_length", torch.tensor(spread(data.y), dtype=torch.float64, device="cpu")
        )
        self.c_scale = None if data.c is None else Standardizer.fit(data.c).to(data.c.device)

    @property
    def most(self) -> int | None:
        """One with an encoder of your own, which is one start; else None, any number."""
        return 1 if isinstance(self._given[0], nn.Module) else None

    def propose(
        self,
        y: Tensor,
        n: int = 1,
        c: Tensor | None = None,
        *,
        bounds: Box | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Solve these targets together, ``n`` times: ``(B, *dy)`` to ``(B, n, dx)``.

        Args:
            y: targets.
            n: guesses a target, each by networks with other seeds; n times the cost. An encoder of
                your own has one start, and gives one guess.
            c: contexts, ``(B, dc)``, where the task has one.
            bounds: a smaller box for this call, which is then the box of the search.
            generator: draws the seeds of the networks; they follow from that of :meth:`fit` if
                not given.

        Raises:
            TypeError, ValueError: as for every method.
        """
        return super().propose(y, n, c, bounds=bounds, generator=generator)

    def guess(
        self,
        y: Tensor,
        n: int,
        c: Tensor | None,
        *,
        generator: torch.Generator | None,
        box: Box | None,
    ) -> Tensor:
        """One search a guess, each of all targets together."""
        assert self.task is not None
        if self.most is not None and n > self.most:
            raise ValueError(
                f"n: an encoder of your own is one start; expected one guess a target, got {n}"
            )
        generator = self.own_generator(generator)
        draws = torch.randint(2**31, (n, self.networks), generator=generator, device="cpu")
        y = y.unflatten(1, self.facts["y_shape"]).double()
        features = self._features(y, c)
        where = self._search_box(self.task, box)
        self.solutions = []
        for seeds in draws.tolist():
            # what an encoder of your own or the simulator draws from torch's global generator
            with runtime.seeded(runtime.next_seed(self._not_ours(seeds))):
                self.solutions.append(self._solve(self.task, y, c, features, seeds, where))
        return torch.stack([solution.x for solution in self.solutions], 1)

    def _search_box(self, task: Task, box: Box | None) -> Box | None:
        """The box of the call where it is smaller than the task's; None for a free search."""
        if not self.bounded:
            return None
        return task.box if box is None or box is self.box else box

    def _features(self, y: Tensor, c: Tensor | None) -> Tensor:
        """What the network sees, in the scales of the training pairs."""
        given = None if c is None or self.c_scale is None else self.c_scale(c.double())
        return beside(self.y_scale(y), given, self.kind)

    def _solve(
        self,
        task: Task,
        y: Tensor,
        c: Tensor | None,
        features: Tensor,
        seeds: list[int],
        box: Box | None,
    ) -> Solution:
        encoder = self._given[0]
        if not isinstance(encoder, nn.Module):
            encoder = {**(encoder or {}), "kind": self.kind}
        law = task.box if box is None else box
        start = task.prior.bounds.center
        return minimize(
            squared_distance(task, y, c, y_scale=float(self.y_length)),
            (start if box is None else box.clip(start)).to(features).repeat(len(y), 1),
            method="joint",
            bounds=box,
            features=features,
            encoder=encoder,
            standardize=False,
            seed=seeds,
            iterations=self.iterations,
            output_scale=law.width / 2 if self.output_scale is None else self.output_scale,
            x_scale=default_x_scale(law) if self.x_scale is None else self.x_scale,
            **self.search,
        )
