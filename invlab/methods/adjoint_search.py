"""The searches of the neural adjoint: three small objects, each with options of its own."""

from __future__ import annotations

import copy
import numbers
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Literal, Protocol

import torch
from torch import Tensor

from invlab.losses import boundary_loss
from invlab.methods.baselines import draws_inside, nearest_rows
from invlab.methods.storage import saveable
from invlab.minimizers import minimize
from invlab.minimizers.gauss_newton import gauss_newton
from invlab.minimizers.reparametrization import XScale, default_x_scale, require_lengths
from invlab.priors import Box, Prior
from invlab.surrogates.regression import Surrogate, disagreement
from invlab.validation import require_count

__all__ = [
    "AdamSearch",
    "Anchors",
    "BFGSSearch",
    "Candidates",
    "GaussNewtonSearch",
    "Question",
    "Search",
]

Starts = Literal["prior", "box", "center"]
# A candidate has converged when its squared error, in the variance of y, is at most this.
TOLERANCE = 1e-11
# Rows of a pool that f̂ sees at once, so that its activations stay in the cache.
CHUNK = 4096


@dataclass(frozen=True)
class Anchors:
    """Training pairs that a search may start from, all in scaled units.

    Attributes:
        x: unknowns, ``(N, dx)``.
        y: observations with the contexts behind them, what distances are measured in, ``(N, d)``.
        gap: what f̂ lacks there, ``y_i − f̂(x_i)``: ``(N, dy)``.
    """

    x: Tensor
    y: Tensor
    gap: Tensor


@dataclass(frozen=True)
class Question:
    """What a search is asked: for which x does f̂ say y?

    Attributes:
        surrogate: f̂.
        y: targets in scaled units, ``(B, dy)``, in the dtype that they came in.
        c: contexts in units of their own, ``(B, dc)``, or None.
        prior: law of the unknowns.
        fence: box that the boundary loss is about, and whose edges are units of x.
        box: where answers have to lie, or None.
        anchors: training pairs.
    """

    surrogate: Surrogate
    y: Tensor
    c: Tensor | None
    prior: Prior
    fence: Box
    box: Box | None
    anchors: Anchors

    @property
    def x_dim(self) -> int:
        """Number of unknowns."""
        return self.anchors.x.shape[1]

    @property
    def scaled_c(self) -> Tensor | None:
        """The contexts as f̂ sees them, ``(B, dc)``, float32."""
        scale = self.surrogate.inputs
        if self.c is None:
            return None
        shift, unit = scale.shift[self.x_dim :], scale.scale[self.x_dim :]
        return ((self.c - shift) / unit).float()

    def scaled(self, x: Tensor) -> Tensor:
        """Unknowns as f̂ sees them, ``(..., dx)``, float32."""
        scale = self.surrogate.inputs
        return ((x - scale.shift[: self.x_dim]) / scale.scale[: self.x_dim]).float()

    def unscaled(self, u: Tensor) -> Tensor:
        """Unknowns in units of their own again, float64."""
        scale = self.surrogate.inputs
        return u.double() * scale.scale[: self.x_dim] + scale.shift[: self.x_dim]

    def effect(self, u: Tensor, v: Tensor | None = None) -> Tensor:
        """f̂ of scaled unknowns and contexts, scaled, mean over its members: ``(M, dy)``."""
        return self.effects(u, v).mean(0)

    def effects(self, u: Tensor, v: Tensor | None = None) -> Tensor:
        """The same of each of its K members: ``(K, M, dy)``."""
        each: Tensor = self.surrogate.core(u if v is None else torch.cat([u, v], 1))
        return each


@dataclass(frozen=True)
class Candidates:
    """What a search found.

    Attributes:
        x: ``(B, T, dx)``, float64.
        error: mean squared error that f̂ sees there, in scaled units of y: ``(B, T)``.
        anchored: how many of the first started from training pairs, nearest first.
        goal: what f̂ was to say, ``(B, T, dy)``: the target, or what anchors make of it.
    """

    x: Tensor
    error: Tensor
    goal: Tensor
    anchored: int = 0


class Search(Protocol):
    """What a search must offer; its options are the fields of a frozen dataclass."""

    @property
    def candidates(self) -> int:
        """Points searched for each target."""

    @property
    def exchangeable(self) -> bool:
        """Whether the order of the candidates means nothing."""

    def __call__(self, question: Question, n: int, generator: torch.Generator) -> Candidates:
        """Search from ``n`` starts for each target."""


@saveable
@dataclass(frozen=True)
class GaussNewtonSearch:
    """A few clipped Gauss–Newton steps of least length from the nearest of a pool.

    f̂ is evaluated once for all targets (with contexts: once for each context) on a pool of
    prior draws; the nearest ``candidates`` of each target are the starts.

    Args:
        candidates: points searched for each target; more where more guesses are asked for.
        pool: prior draws that f̂ is evaluated on.
        anchors: share of the candidates that start from training pairs instead. There the error
            of f̂ is known, and it is taken off: the search solves
            ``f̂(x) = y − (y_i − f̂(x_i))``, so that f̂ is exact where it starts. These come
            first in the ranking, the nearest pair's first; near is meant in y, and in the
            context where there is one. Ours; the paper has none.
        steps: at most this many.
        max_step: largest step of an unknown, in standard deviations of the training x.

    Raises:
        TypeError, ValueError: an option out of range, by name.
    """

    name: ClassVar[str] = "gauss-newton"
    exchangeable: ClassVar[bool] = False
    candidates: int = 200
    pool: int = 20_000
    anchors: float = 0.5
    steps: int = 4
    max_step: float = 0.2

    def __post_init__(self) -> None:
        for name in ("candidates", "pool", "steps"):
            require_count(name, getattr(self, name))
        for name in ("anchors", "max_step"):
            _require_at_least_zero(self, name)
        if self.anchors > 1:
            raise ValueError(f"anchors: expected a share between 0 and 1, got {self.anchors}")

    def __call__(self, question: Question, n: int, generator: torch.Generator) -> Candidates:
        """The nearest of the pool and of the training pairs, and steps from there."""
        y = question.y.float()
        draws = draws_inside(question.prior, max(self.pool, n), question.box, generator)
        pool = question.scaled(draws.to(y.device))
        anchors = _anchors_inside(question)
        anchored = min(round(self.anchors * n), len(anchors.x))
        v = question.scaled_c
        near = nearest_rows(y if v is None else torch.cat([y, v], 1), anchors.y, anchored)
        u = torch.cat([anchors.x[near], pool[_nearest_of_pool(question, pool, n - anchored)]], 1)
        goal = y[:, None].repeat(1, n, 1)
        goal[:, :anchored] -= anchors.gap[near]
        found, error = gauss_newton(
            question.effect,
            u.flatten(0, 1),
            goal.flatten(0, 1),
            None if v is None else v.repeat_interleave(n, 0),
            x_scale=torch.ones_like(u[0, 0]),
            steps=self.steps,
            max_step=self.max_step,
            tolerance=TOLERANCE,
            # f̂ was trained on prior draws: do not leave the region they fill
            box=Box.around(pool),
        )
        x = question.unscaled(found).unflatten(0, u.shape[:2])
        return Candidates(x, error.unflatten(0, u.shape[:2]), goal, anchored)


@dataclass(frozen=True)
class _Descent:
    """What the two searches along the gradient share."""

    candidates: int
    steps: int
    boundary: float
    starts: Starts
    spread_weight: float = field(default=0.0, kw_only=True)

    def __post_init__(self) -> None:
        for name in ("candidates", "steps"):
            require_count(name, getattr(self, name))
        if self.starts not in ("prior", "box", "center"):
            raise ValueError(f"starts: expected 'prior', 'box' or 'center', got {self.starts!r}")
        for name in ("boundary", "spread_weight"):
            _require_at_least_zero(self, name)

    def _cost(self, each: Tensor, goal: Tensor) -> Tensor:
        """Misfit of the mean of members ``(K, M, dy)``, and their weighted variance: ``(M,)``."""
        misfit = (each.mean(0) - goal).square().mean(1)
        if not self.spread_weight:
            return misfit
        return misfit + self.spread_weight * disagreement(each)

    @property
    def exchangeable(self) -> bool:
        """Draws have no order; the middle of the prior comes first."""
        return self.starts != "center"

    def _start(self, question: Question, n: int, generator: torch.Generator) -> Tensor:
        """Where to start, the same for all targets: ``(n, dx)``, float64."""

        def draws(count: int) -> Tensor:
            if self.starts == "box":
                return question.fence.sample(count, generator=generator)
            return draws_inside(question.prior, count, question.box, generator)

        if self.starts != "center":
            start = draws(n)
        else:
            center = question.prior.bounds.center[None]
            if question.box is not None:
                center = question.box.clip(center)
            start = torch.cat([center, draws(n - 1)]) if n > 1 else center
        return start.to(question.y.device)


@saveable
@dataclass(frozen=True)
class AdamSearch(_Descent):
    """Adam on misfit and boundary loss from random starts: the paper's search.

    Args:
        candidates: starts for each target; more where more guesses are asked for.
        steps: at most this many.
        step_size: of Adam, in widths of the task's box.
        boundary: weight of :func:`invlab.losses.boundary_loss`; 0 leaves it out. The misfit it
            is added to is in units of the variance of y.
        starts: draws of the ``"prior"``, or uniform in the task's ``"box"``; with ``"center"``
            the first is the middle of the prior, its mean for boxes and normal laws, and only
            further ones are draws.
        spread_weight: weight of the variance of an ensemble's networks, mean over y in units of
            its variance; 0 leaves it out. With ``boundary=0`` it stands in place of the box: the
            search stays where the networks agree, not where a box says that f̂ is right. Ours.

    Raises:
        TypeError, ValueError: an option out of range, by name.

    Source: Ren, Padilla and Malof (2020), Section 4.
    """

    name: ClassVar[str] = "adam"
    candidates: int = 200
    steps: int = 300
    step_size: float = 0.5
    boundary: float = 10.0
    starts: Starts = "prior"

    def __post_init__(self) -> None:
        super().__post_init__()
        _require_at_least_zero(self, "step_size")

    def __call__(self, question: Question, n: int, generator: torch.Generator) -> Candidates:
        """One target after the other."""
        start = self._start(question, n, generator)
        goal, v = question.y.float(), question.scaled_c

        def search(row: int) -> tuple[Tensor, Tensor]:
            given = None if v is None else v[row].expand(n, -1)

            def effects(x: Tensor) -> Tensor:
                return question.effects(question.scaled(x), given)

            return self._descend(effects, goal[row], start, question.fence)

        found = [search(row) for row in range(len(goal))]
        x, error = (torch.stack(parts) for parts in zip(*found, strict=True))
        return Candidates(x, error, goal[:, None].expand(-1, n, -1))

    def _descend(
        self, effects: Callable[[Tensor], Tensor], goal: Tensor, start: Tensor, box: Box
    ) -> tuple[Tensor, Tensor]:
        """The best points ``(T, dx)`` that Adam finds in units of the box, and their misfit."""
        low, width = box.low.to(start), box.width.to(start)

        def objective(u: Tensor) -> Tensor:
            x = low + u * width
            return self._cost(effects(x), goal) + self.boundary * boundary_loss(x, box).float()

        solution = minimize(
            objective,
            ((start - low) / width).float(),
            method="adam",
            step_size=self.step_size,
            schedule="adaptive",
            patience=10,
            maxiter=self.steps,
            gtol=1e-9,
        )
        x = low + solution.x * width
        with torch.no_grad():
            return x, (effects(x).mean(0) - goal).square().mean(1)


@saveable
@dataclass(frozen=True)
class BFGSSearch(_Descent):
    """BFGS on misfit and boundary loss, in float64 and for all targets at once.

    From the middle of the prior; the baseline of Holl and Thuerey.

    Args:
        candidates: starts for each target; more where more guesses are asked for.
        steps: iterations, at most.
        boundary, starts, spread_weight: see :class:`AdamSearch`.
        x_scale: length of x that counts as one, see
            :class:`~invlab.minimizers.reparametrization.Reparametrization`; a tenth of the
            half-width of the task's box if not given.

    Raises:
        TypeError, ValueError: an option out of range, by name.
    """

    name: ClassVar[str] = "bfgs"
    candidates: int = 1
    steps: int = 200
    boundary: float = 10.0
    starts: Starts = "center"
    x_scale: XScale | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.x_scale is not None:
            require_lengths("x_scale", self.x_scale)

    def __call__(self, question: Question, n: int, generator: torch.Generator) -> Candidates:
        """All targets and starts together, each a row of its own."""
        start = self._start(question, n, generator).double().repeat(len(question.y), 1)
        # in single precision the changes of the misfit drown in rounding long before its minimum
        surrogate = copy.deepcopy(question.surrogate).requires_grad_(False).double()
        rows = torch.arange(len(question.y), device=start.device).repeat_interleave(n)
        goal = question.y.double()[rows]
        given = None if question.c is None else question.c.double()[rows]

        def effects(x: Tensor, some: Tensor) -> Tensor:
            return surrogate.scaled(x if given is None else torch.cat([x, given[some]], 1))

        def objective(x: Tensor, rows: Tensor) -> Tensor:
            cost = self._cost(effects(x, rows), goal[rows])
            return cost + self.boundary * boundary_loss(x, question.fence)

        x_scale = default_x_scale(question.fence) if self.x_scale is None else self.x_scale
        solution = minimize(
            objective, start, method="bfgs", x_scale=x_scale, maxiter=self.steps, gtol=1e-8
        )
        with torch.no_grad():
            every = torch.arange(len(start), device=start.device)
            error = (effects(solution.x, every).mean(0) - goal).square().mean(1)
        shape = (len(question.y), n)
        return Candidates(
            solution.x.unflatten(0, shape),
            error.unflatten(0, shape).float(),
            question.y.float()[:, None].expand(-1, n, -1),
        )


# By name, for ``NeuralAdjoint(search=...)``.
SEARCHES: dict[str, type[GaussNewtonSearch] | type[AdamSearch] | type[BFGSSearch]] = {
    made.name: made for made in (GaussNewtonSearch, AdamSearch, BFGSSearch)
}


def options_of_search(search: str) -> tuple[str, ...]:
    """Names of the options that a search has."""
    return tuple(option.name for option in fields(SEARCHES[search]))


def _anchors_inside(question: Question) -> Anchors:
    """The training pairs in the box."""
    anchors, box = question.anchors, question.box
    if box is None:
        return anchors
    low, high = (question.scaled(edge.to(anchors.x.device)) for edge in (box.low, box.high))
    inside = ((anchors.x >= low) & (anchors.x <= high)).all(1)
    if bool(inside.all()):
        return anchors
    return Anchors(anchors.x[inside], anchors.y[inside], anchors.gap[inside])


def _nearest_of_pool(question: Question, pool: Tensor, n: int) -> Tensor:
    """Rows of the ``n`` points of the pool whose effect is nearest to each target: ``(B, n)``.

    The pool is evaluated once for each context: memory does not grow with their number.
    """
    y, v = question.y.float(), question.scaled_c

    def effects(given: Tensor | None) -> Tensor:
        with torch.no_grad():
            return torch.cat(
                [
                    question.effect(part, None if given is None else given.expand(len(part), -1))
                    for part in pool.split(CHUNK)
                ]
            )

    if v is None:
        return nearest_rows(y, effects(None), n)
    rows = torch.empty(len(y), n, dtype=torch.long, device=y.device)
    contexts, which = v.unique(dim=0, return_inverse=True)
    for k, context in enumerate(contexts):
        rows[which == k] = nearest_rows(y[which == k], effects(context), n)
    return rows


def _require_at_least_zero(search: Any, name: str) -> None:
    value = getattr(search, name)
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name}: expected a number, got {value!r}")
    if not float(value) >= 0:
        raise ValueError(f"{name}: expected at least 0, got {value!r}")
