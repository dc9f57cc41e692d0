"""Many problems through one network: all unknowns are its outputs, and its weights the search.

The idea of Holl and Thuerey (arXiv 2408.08119): instead of n searches on their own, train one
network on the sum of the n objectives. What it learns in one problem moves the others, out of
places where their own gradient is zero or points to a poor minimum. The network is a tool for
these n problems and is thrown away afterwards; BFGS then finishes each of them alone.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from invlab.minimizers import in_box
from invlab.minimizers.best_so_far import BestSoFar, Points
from invlab.minimizers.bfgs import BFGS
from invlab.minimizers.cross_start import Target, start_across, unsolved
from invlab.minimizers.driver import Termination
from invlab.minimizers.objective import Objective
from invlab.minimizers.reparametrization import (
    Reparametrization,
    TransformedObjective,
    XScale,
    length,
)
from invlab.minimizers.solution import RowLog, Solution
from invlab.networks.encoders import FeatureScale, encoder_for
from invlab.networks.training import Terms, train
from invlab.validation import (
    batch_shape,
    is_integer,
    require_count,
    require_number,
    require_seed,
    require_tensor,
)

__all__ = ["JointNetwork", "require_clip_rows"]

# Of the last layer's ordinary weights: all rows start at x0, where BFGS would start. With ordinary
# weights they start spread around it, and where all leave the region that has a gradient, nothing
# brings them back (billiards).
LAST = 0.01
# Of a row's gradient, so that Adam's squares of it stay finite in float32.
LARGEST = 1e15
# Why a row takes no part whose start is sound.
NO_FEATURES = "not started: its row of features is NaN or infinite"


@dataclass(frozen=True)
class JointNetwork:
    """The method: one network, Adam on all rows at once, then BFGS on each row.

    A row of the network's output is a step from that row's start, in units of ``output_scale``:
    ``x = x0 + output_scale · network(features)``, and with bounds the same inside a scaled tanh,
    see :class:`~invlab.minimizers.reparametrization.Reparametrization`. A row whose objective or
    gradient is not finite is left out of the sum for as long as it is so; one that is not finite
    at ``x0`` is left out of everything.

    Args:
        features: what the network sees of each problem, ``(B, ...)``: its observation, with a
            context beside it where there is one (:func:`invlab.networks.encoders.beside`). A row
            with NaN does not start.
        encoder: options of :func:`invlab.networks.encoders.encoder_for`, which chooses a network
            by the shape of the features; its last layer starts at a hundredth of the usual weights
            unless ``{"last": ...}`` says otherwise. Or a module, ``(n, ...)`` to ``(n, d)``, that
            serves as a start and stays as it is.
        seed: of the network. With several seeds as many networks are trained side by side, and
            each row keeps the best of their answers.
        iterations: steps of Adam.
        lr, lr_end: learning rate, falling to ``lr_end`` along half a cosine where that is given.
        output_scale: length of x, one number or one an unknown, that an output of one stands for.
            1 if not given, and in a box its half-width.
        x_scale: see :class:`~invlab.minimizers.reparametrization.Reparametrization`: the first
            step of BFGS.
        keep_best: whether a row's answer is the best point that its network came through, or
            the last one, as in the paper.
        standardize: whether the features are brought to mean zero and variance one first.
        clip: largest Euclidean norm of the gradient by all weights of a network.
        clip_rows: largest norm of a row's gradient by the network's outputs; ``"unit"`` gives
            each row that has one a gradient of length one, so that no row outweighs the others.
        train_on: an easier objective for the network, a smoothed one for example, called like
            ``fun``. Refinement, fallback and the choice between answers use ``fun``.
        refine: whether each answer of a network is the start of a BFGS on its row; one at the
            edge of a box starts a little inside.
        fallback: whether BFGS also starts from ``x0``; each row keeps the better answer, and so
            is never worse than by BFGS alone.
        cross_start: whether, at the end, each row is searched from the best of the other rows'
            answers, see :mod:`~invlab.minimizers.cross_start`.
        target: objective at which a row is solved and needs no exchange, one number or one a row.
    """

    first_order: ClassVar[bool] = False
    residuals: ClassVar[bool] = False

    termination: Termination
    features: Tensor
    encoder: nn.Module | Mapping[str, Any] | None = None
    seed: int | Sequence[int] = 0
    iterations: int = 1000
    lr: float = 3e-3
    lr_end: float | None = None
    output_scale: XScale | None = None
    x_scale: XScale | None = None
    keep_best: bool = True
    standardize: bool = True
    clip: float | None = None
    clip_rows: float | Literal["unit"] | None = None
    train_on: Callable[..., Any] | None = None
    refine: bool = True
    fallback: bool = False
    cross_start: bool = False
    target: Target | None = None

    def __post_init__(self) -> None:
        require_tensor("features", self.features, batch_shape(self.features), finite=False)
        require_count("iterations", self.iterations)
        for name in ("lr", "lr_end", "clip"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"{name}: expected a number above 0, got {value}")
        require_clip_rows(self.clip_rows)
        if not isinstance(self.encoder, nn.Module | Mapping | None):
            raise TypeError(
                "encoder: expected options of encoder_for or a module, "
                f"got {type(self.encoder).__name__}"
            )
        if self.train_on is not None and not callable(self.train_on):
            raise TypeError(f"train_on: expected a function, got {type(self.train_on).__name__}")
        if not self.seeds:
            raise ValueError("seed: expected an int or several, got none")
        if isinstance(self.encoder, nn.Module) and len(self.seeds) > 1:
            raise ValueError("seed: an encoder of your own is one start; expected one seed")

    @property
    def seeds(self) -> list[int]:
        """One for each network."""
        one = is_integer(self.seed) or not isinstance(self.seed, Iterable)
        several: Any = [self.seed] if one else self.seed
        return [require_seed("seed", seed) for seed in several]

    def solve(self, objective: Objective, x0: Tensor, *, record: bool) -> Solution:
        """Train, refine and choose; ``x0`` ``(B, d)``."""
        if len(self.features) != len(x0) or self.features.device != x0.device:
            raise ValueError(
                f"features: expected {len(x0)} rows on {x0.device}, one a problem, "
                f"got {len(self.features)} on {self.features.device}"
            )
        coordinates = Reparametrization(x0, self.x_scale, self.termination.box)
        answers = BestSoFar(coordinates, self.termination, record=record)
        unsolved(answers, self.target)  # a target of the wrong shape ends the call here
        try:
            every = torch.arange(len(x0), device=x0.device)
            seen = TransformedObjective(objective, coordinates)(answers.start, every)
            sound = seen.finite & answers.start.isfinite().all(1)
            seen_whole = self.features.isfinite().flatten(1).all(1)
            answers.begin(seen, sound & seen_whole, keep=self.keep_best)
            for row in (sound & ~seen_whole).nonzero()[:, 0].tolist():
                answers.message[row] = NO_FEATURES
            rows = answers.rows
            if len(rows):
                first = answers.points(answers.start[rows], seen.value[rows], seen.gradient[rows])
                self._offer_edges(objective, answers)
                self._search(TransformedObjective(objective, coordinates, rows), first, answers)
        except KeyboardInterrupt:
            answers.interrupted = True
        return answers.solution()

    def _offer_edges(self, objective: Objective, answers: BestSoFar) -> None:
        """Starts on an edge of the box, which the coordinates begin a little inside."""
        everyone = answers.rows
        answers.rows = everyone[answers.coordinates.moved[everyone]]
        if self.keep_best and len(answers.rows):
            start = answers.coordinates.start[answers.rows]
            answers.offer_start(objective(start, answers.rows))
        answers.rows = everyone

    def _search(self, transformed: TransformedObjective, first: Points, answers: BestSoFar) -> None:
        """All searches of the sound rows, from the points ``first`` ``(n, ...)`` at x0."""
        before = int(answers.nfev[answers.rows[0]])
        found = self._train(transformed, first, answers)
        spent = int(answers.nfev[answers.rows[0]]) - before
        network = f"the network ({spent} evaluations)"
        for k in range(len(self.seeds)):
            points = Points(found.z[k], found.value[k], found.flat[k])
            answers.offer_network(points, f"from {network}")
            if self.refine and not answers.interrupted:
                log = self._bfgs(transformed, points.z, record=answers.record)
                answers.offer_search(log, f"from {network}, then BFGS")
        if self.fallback and not answers.interrupted:
            log = self._bfgs(transformed, first.z, record=answers.record)
            answers.offer_search(log, f"from x0 by BFGS, better than from {network}")
        if self.cross_start and not answers.interrupted:
            start_across(transformed.objective, answers, self.target, self._bfgs)

    def _bfgs(self, transformed: TransformedObjective, z: Tensor, *, record: bool) -> RowLog:
        termination, coordinates = self.termination, transformed.coordinates
        # out of the flat end of the tanh, where a network may have driven a row
        inside = coordinates.z(coordinates.x(z))
        started = (z == coordinates.start_z[transformed.chosen]).all(1, keepdim=True)
        z = torch.where(started, z, inside)
        return in_box.search(
            BFGS(termination), transformed, z, termination, name="joint, bfgs", record=record
        )

    def _train(
        self, transformed: TransformedObjective, first: Points, answers: BestSoFar
    ) -> Points:
        """Train on the sum of the objectives: each network's answers, ``(K, n, ...)``."""
        rows, members = answers.rows, len(self.seeds)
        features = self._scaled(self.features[rows])
        network = self._network(features, first.z.shape[1])
        ratio = self._ratio(transformed.coordinates, first.z)
        course = _Course(transformed, first, members, answers)
        if self.train_on is not None:
            parked = transformed.coordinates.start
            easier = Objective(self.train_on, None, parked, residuals=False)
            unknown = first._replace(value=torch.full_like(first.value, torch.inf))
            course = _Course(
                TransformedObjective(easier, transformed.coordinates, rows),
                unknown,
                members,
                answers,
            )
            course.counts = False

        def terms(u: Tensor) -> dict[str, Tensor]:
            output = network(u)
            _require_outputs(output, (members, *first.z.shape))
            value, gradient = course.evaluate(first.z + ratio * output.detach().to(first.z))
            gradient = self._clipped(ratio * gradient)
            usable = (value.isfinite() & gradient.isfinite().all(2))[..., None]
            gradient = torch.where(usable, gradient, 0).clamp(-LARGEST, LARGEST).to(output)
            pull = torch.where(usable, gradient * output, 0).sum((1, 2))
            total = torch.where(usable[..., 0], value, 0).double().sum(1)
            # its value is the sum of the objectives, its gradient theirs
            return {"objective": total + pull - pull.detach()}

        try:
            self._steps(network, terms, features, answers)
            terms(features)
            course.warn_if_dead()
        except KeyboardInterrupt:
            answers.interrupted = True
        answers.nit[rows] += min(course.evaluations, self.iterations)
        found = course.best if self.keep_best else course.last
        if self.train_on is None:
            return found
        # what the easier objective led to, as fun sees it
        judge = _Course(transformed, first, members, answers)
        judge.evaluate(found.z)
        return judge.last

    def _steps(
        self, network: nn.Module, terms: Terms, features: Tensor, answers: BestSoFar
    ) -> None:
        with torch.enable_grad():
            history = train(
                network,
                terms,
                (features,),
                seeds=self.seeds,
                epochs=self.iterations,
                batch_size=None,
                lr=self.lr,
                lr_end=self.lr if self.lr_end is None else self.lr_end,
                clip=self.clip,
                description="minimize (joint)",
            )
        if history.stopped == "interrupted":
            raise KeyboardInterrupt

    def _scaled(self, features: Tensor) -> Tensor:
        features = features.detach()
        if self.standardize:
            kind = self.encoder.get("kind") if isinstance(self.encoder, Mapping) else None
            if kind is None and isinstance(self.encoder, nn.Module) and features.ndim > 4:
                kind = "vector"  # what no encoder of ours reads
            features = FeatureScale.fit(features, kind)(features)
        return features.float()

    def _network(self, features: Tensor, unknowns: int) -> nn.Module:
        if isinstance(self.encoder, nn.Module):
            return _Single(self.encoder)
        options = {"last": LAST, **(self.encoder or {})}
        shape = tuple(features.shape[1:])
        encoder = encoder_for(shape, unknowns, seeds=self.seeds, stream="joint", **options)
        return encoder.to(features.device)

    def _ratio(self, coordinates: Reparametrization, like: Tensor) -> Tensor:
        """What an output of one means in the coordinates of BFGS, ``(d,)``."""
        scale = self.output_scale
        if scale is None:
            scale = coordinates.half if coordinates.by_tanh else 1.0
        return length("output_scale", scale, like) / coordinates.x_scale

    def _clipped(self, gradient: Tensor) -> Tensor:
        """Row gradients ``(K, n, d)``, shortened."""
        if self.clip_rows is None:
            return gradient
        norm = gradient.norm(dim=2, keepdim=True)
        if self.clip_rows == "unit":
            return gradient / torch.where(norm > 0, norm, 1.0)
        return gradient * (float(self.clip_rows) / torch.where(norm > 0, norm, 1.0)).clamp_max(1.0)


class _Course:
    """The points that the networks' answers go through: evaluates them, keeps best and last.

    ``counts`` says whether the values are those of ``fun``, for the history.
    """

    def __init__(
        self, transformed: TransformedObjective, first: Points, members: int, answers: BestSoFar
    ) -> None:
        self.transformed, self.answers = transformed, answers
        self.numbers = torch.arange(len(first.value), device=first.value.device)
        self.start = Points(*(part.expand(members, *part.shape) for part in first))
        self.best = self.last = self.start
        self.evaluations, self.dead = 0, False
        self.counts = True

    @torch.no_grad()
    def evaluate(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Values ``(K, n)`` and gradients ``(K, n, d)`` at ``z`` ``(K, n, d)``."""
        seen = [self.transformed(part, self.numbers) for part in z]
        value = torch.stack([part.value for part in seen])
        gradient = torch.stack([part.gradient for part in seen])
        for part in value:
            self.answers.count(part if self.counts else None)
        here = self.answers.points(z, value, gradient)
        # NaN compares false
        self.best = here.where(value < self.best.value, self.best)
        self.last = here.where(value < torch.inf, self.start)
        self.dead = not bool(gradient.any())
        self.evaluations += 1
        return value, gradient

    def warn_if_dead(self) -> None:
        """Say so where nothing can move the network any more."""
        if self.dead:
            warnings.warn(
                "minimize (joint): at the end of the training the gradient is zero in every row, "
                "which leaves the network where it is; if these are no minima, take another seed, "
                "a smaller lr or scale, or other starts",
                UserWarning,
                stacklevel=2,
            )


class _Single(nn.Module):
    """A caller's network as the only member, without touching it."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = copy.deepcopy(network)

    def forward(self, u: Tensor) -> Tensor:
        weight = next(self.network.parameters(), u)
        return self.network(u.to(weight.dtype))[None]


def _require_outputs(output: Tensor, shape: tuple[int, ...]) -> None:
    if tuple(output.shape) != shape:
        raise ValueError(
            f"encoder: expected {shape[2]} numbers for each of {shape[1]} rows, one an unknown, "
            f"got shape {tuple(output.shape[1:])}"
        )


def require_clip_rows(value: Any) -> None:
    """Check the option ``clip_rows``: a number above 0, ``"unit"``, or None.

    Raises:
        ValueError: anything else.
    """
    if value is None or (isinstance(value, str) and value == "unit"):
        return
    try:
        sound = require_number("clip_rows", value) > 0
    except TypeError:
        sound = False
    if not sound:
        raise ValueError(f"clip_rows: expected a number above 0 or 'unit', got {value!r}")
