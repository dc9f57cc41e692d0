"""Neural adjoint: learn the forward map, then search x through the copy."""

from __future__ import annotations

import copy
from typing import Any, Literal, Self

import torch
from torch import Tensor

from invlab import runtime
from invlab.improve import rank
from invlab.methods import adjoint_search
from invlab.methods.base import Seeds, require_request, usable_pairs
from invlab.methods.baselines import nearest_rows
from invlab.minimizers.gauss_newton import gauss_newton
from invlab.minimizers.reparametrization import XScale
from invlab.networks.mlp import Standardizer
from invlab.networks.training import TrainingOptions
from invlab.priors import Box
from invlab.surrogates.regression import Surrogate, fit_surrogate
from invlab.task import Pairs, Task
from invlab.validation import require_count

__all__ = ["NeuralAdjoint", "Pool"]

Search = Literal["gauss-newton", "adam", "bfgs"]
Starts = Literal["prior", "box", "center"]
# Candidates a target and steps of each search, where the caller gives none.
DEFAULTS = {"gauss-newton": (200, 4), "adam": (200, 300), "bfgs": (1, 200)}
# Training that brings the surrogate's error a hundred times below the published one.
TRAINING: TrainingOptions = {
    "epochs": 300,
    "batch_size": 512,
    "lr": 3e-3,
    "lr_end": 1e-6,
    "schedule": "one-cycle",
}


# A candidate has converged when its squared error, in the variance of y, is at most this.
TOLERANCE = 1e-11


class NeuralAdjoint:
    """A surrogate f̂, and a search for the x that it maps to y.

    Args:
        search: ``"gauss-newton"``: one pass of f̂ over a pool of prior draws that all targets
            share, the nearest ``candidates`` of each target, a few clipped steps of least length.
            ``"adam"``, the paper's: ``candidates`` random starts a target, 300 steps of Adam on
            misfit and boundary loss. ``"bfgs"``: BFGS on the same sum, in float64 and for all
            targets at once, from the middle of the prior; the baseline of Holl and Thuerey.
        candidates: points searched for each target; more where more guesses are asked for. 200
            if not given, and 1 for BFGS.
        pool: prior draws that f̂ is evaluated on (Gauss–Newton).
        anchors: share of the candidates that start from training pairs instead (Gauss–Newton).
            There the error of f̂ is known, and it is taken off: the search solves
            ``f̂(x) = y − (y_i − f̂(x_i))``, so that f̂ is exact where it starts. These come first
            in the ranking, the nearest pair's first. Ours; the paper has none.
        steps: of the search; 4 for Gauss–Newton, 300 for Adam, 200 for BFGS, if not given.
        max_step: largest step of an unknown, in standard deviations of the training x.
        boundary: weight of :func:`invlab.losses.boundary_loss` (Adam, BFGS); 0 leaves it out.
            The misfit it is added to is in units of the variance of y.
        starts: where Adam and BFGS start: draws of the ``"prior"``, or uniform in the task's
            ``"box"``; with ``"center"`` the first is the middle of the prior, its mean for boxes
            and normal laws, and only further ones are draws. ``"prior"`` for Adam and
            ``"center"`` for BFGS, if not given.
        lr: of Adam, in units of the box.
        x_scale: of BFGS, see :class:`~invlab.minimizers.reparametrization.Reparametrization`; a
            tenth of the half-width of the task's box if not given.
        ranked: whether guesses are returned in the order of f̂'s error, best first.
        ensemble: networks in f̂, trained together and averaged.
        spread: weight of the networks' disagreement in the ranking.
        width, layers: of each network.
        held_out: share of the pairs for validation; the best weights are kept.
        x_scaler, y_scaler: as in :class:`~invlab.methods.base.InverseNetwork`.
        training: passed on to :func:`invlab.networks.training.train`.

    Where the task has a context, f̂ sees x and c. Gauss–Newton takes none, since its pool is
    evaluated once for all targets.

    Source: Ren, Padilla and Malof (2020), Section 4.
    """

    name = "neural_adjoint"
    surrogate: Surrogate

    def __init__(
        self,
        *,
        search: Search = "gauss-newton",
        candidates: int | None = None,
        pool: int = 20_000,
        anchors: float = 0.5,
        steps: int | None = None,
        max_step: float = 0.2,
        boundary: float = 10.0,
        starts: Starts | None = None,
        lr: float = 0.5,
        x_scale: XScale | None = None,
        ranked: bool = True,
        ensemble: int = 1,
        spread: float = 0.0,
        width: int = 256,
        layers: int = 5,
        held_out: float = 0.2,
        x_scaler: Standardizer | None = None,
        y_scaler: Standardizer | None = None,
        training: TrainingOptions | None = None,
    ) -> None:
        if search not in DEFAULTS:
            raise ValueError(f"search: expected one of {', '.join(DEFAULTS)}, got {search!r}")
        if starts not in ("prior", "box", "center", None):
            raise ValueError(f"starts: expected 'prior', 'box' or 'center', got {starts!r}")
        self.search, self.ranked, self.x_scale = search, ranked, x_scale
        self.starts = starts or ("center" if search == "bfgs" else "prior")
        default = DEFAULTS[search]
        self.candidates = require_count(
            "candidates", default[0] if candidates is None else candidates
        )
        self.pool = require_count("pool", pool)
        if not 0 <= anchors <= 1:
            raise ValueError(f"anchors: expected a share between 0 and 1, got {anchors}")
        self.anchors = anchors
        self.steps = require_count("steps", default[1] if steps is None else steps)
        self.max_step, self.boundary, self.lr, self.spread = max_step, boundary, lr, spread
        self.ensemble = require_count("ensemble", ensemble)
        self.width, self.layers = require_count("width", width), require_count("layers", layers)
        self.held_out = held_out
        self.x_scaler, self.y_scaler = x_scaler, y_scaler
        self.training: TrainingOptions = {**TRAINING, **(training or {})}

    @property
    def exchangeable(self) -> bool:
        """Whether the order of the guesses means nothing."""
        return not self.ranked and self.search != "gauss-newton" and self.starts != "center"

    def fit(
        self, task: Task, data: Pairs, *, seed: Seeds = 0, surrogate: Surrogate | None = None
    ) -> Self:
        """Fit the surrogate to the pairs with a valid y. The simulator is not called.

        Args:
            task: gives the prior that the search starts from, and the box.
            data: pairs.
            seed: of the networks.
            surrogate: one that is trained already; the pairs then only serve as anchors.

        Raises:
            ValueError: several seeds (one network or ensemble is trained at a time), a context
                that the search does not take, or pairs of another task.
        """
        if not isinstance(seed, int):
            raise ValueError(f"{self.name}: expected one seed, got {seed!r}")
        if task.context is not None and self.search == "gauss-newton":
            raise ValueError(
                f"{self.name}: takes no context c with search='gauss-newton', whose pool all "
                "targets share; use 'bfgs' or 'adam'"
            )
        self.task = task
        data = usable_pairs(self.name, task, data, takes_context=True)
        self.c_dim = 0 if data.c is None else data.c.shape[1]
        held: Pairs | None = None
        if self.held_out and surrogate is None:
            data, held = data.split(self.held_out, generator=runtime.generator(seed, "held out"))
        self.surrogate = self._train(data, held, seed) if surrogate is None else surrogate
        with torch.no_grad():
            self.anchor_x = data.x.float()
            self.anchor_y = self.surrogate.outputs(data.y.float().flatten(1))
            self.anchor_gap = self.anchor_y - self.predict(self.anchor_x, data.c)
        return self

    def _train(self, data: Pairs, held: Pairs | None, seed: int) -> Surrogate:
        return fit_surrogate(
            data,
            seeds=[seed * 1000 + k for k in range(self.ensemble)],
            width=self.width,
            layers=self.layers,
            activation=torch.nn.functional.silu,
            x_scaler=self.x_scaler,
            y_scaler=self.y_scaler,
            held_out=held,
            **self.training,
        ).requires_grad_(False)

    def predict(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """f̂ in scaled units of y, mean over the ensemble: ``(M, dx) -> (M, dy)``."""
        return self.surrogate.scaled_mean(_inputs(x, c))

    def propose(
        self,
        y: Tensor,
        n: int = 1,
        c: Tensor | None = None,
        *,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """``n`` guesses for each target: ``(B, *dy)`` to ``(B, n, dx)``, best first if ranked.

        Args:
            y: targets.
            n: guesses a target, at least 1.
            c: contexts, ``(B, dc)``, where the task has one.
            generator: draws the pool or the starts, the same for all targets.

        Raises:
            ValueError: not fitted, ``n < 1``, a context that is missing or not taken, or targets
                of the wrong shape.
        """
        fitted = hasattr(self, "surrogate")
        like = self.surrogate.outputs.shift if fitted else None
        c_dim = self.c_dim if fitted else 0
        flat = require_request(self.name, y, n, c, like=like, c_dim=c_dim)
        c = None if c is None else c.float()
        generator = runtime.generator(0, "neural adjoint") if generator is None else generator
        goal, candidates = self.surrogate.outputs(flat.float()), max(n, self.candidates)
        if self.search == "gauss-newton":
            x, key = self._gauss_newton(goal, candidates, generator)
        else:
            start = self._starts(candidates, generator).to(goal)
            x, error = (self._adam if self.search == "adam" else self._bfgs)(goal, c, start)
            key = error + self.spread * self._disagreement(x, c)
        if self.ranked:
            x = rank(x, key)
        return x[:, :n].to(y.dtype)

    def _gauss_newton(
        self, y: Tensor, candidates: int, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Candidates, and what they are ranked by: anchors before the others, nearest first."""
        anchored = min(round(self.anchors * candidates), len(self.anchor_x))
        pool = self.task.prior.sample(max(self.pool, candidates), generator=generator).to(y)
        with torch.no_grad():
            effects = torch.cat([self.predict(part) for part in pool.split(4096)])
        near = nearest_rows(y, self.anchor_y, anchored)
        starts = torch.cat(
            [self.anchor_x[near], pool[nearest_rows(y, effects, candidates - anchored)]], 1
        )
        goals = y[:, None].repeat(1, candidates, 1)
        goals[:, :anchored] -= self.anchor_gap[near]
        x, error = gauss_newton(
            self.predict,
            starts.flatten(0, 1),
            goals.flatten(0, 1),
            x_scale=self.surrogate.inputs.scale,
            steps=self.steps,
            max_step=self.max_step,
            tolerance=TOLERANCE,
            # f̂ was trained on prior draws: do not leave the region they fill
            box=Box.around(pool),
        )
        x, error = x.unflatten(0, starts.shape[:2]), error.unflatten(0, starts.shape[:2])
        place = torch.arange(anchored, device=y.device) - anchored
        reached = error[:, :anchored] <= 1000 * TOLERANCE
        key = error + self.spread * self._disagreement(x)
        key[:, :anchored] = torch.where(reached, place.to(key), key[:, :anchored])
        return x, key

    def _starts(self, candidates: int, generator: torch.Generator) -> Tensor:
        """Where Adam and BFGS start, the same for all targets: ``(T, dx)``, float64."""
        law = self.task.box if self.starts == "box" else self.task.prior
        if self.starts != "center":
            return law.sample(candidates, generator=generator)
        center = law.bounds.center[None]
        if candidates == 1:
            return center
        return torch.cat([center, law.sample(candidates - 1, generator=generator)])

    def _adam(self, y: Tensor, c: Tensor | None, start: Tensor) -> tuple[Tensor, Tensor]:
        """Candidates ``(B, T, dx)`` and their error ``(B, T)``, one target after the other."""

        def search(row: int) -> tuple[Tensor, Tensor]:
            given = None if c is None else c[row].expand(len(start), -1)
            return adjoint_search.adam(
                lambda x: (self.predict(x, given) - y[row]).square().mean(1),
                start,
                self.task.box,
                boundary=self.boundary,
                lr=self.lr,
                steps=self.steps,
            )

        found = [search(row) for row in range(len(y))]
        return torch.stack([x for x, _ in found]), torch.stack([error for _, error in found])

    def _bfgs(self, y: Tensor, c: Tensor | None, start: Tensor) -> tuple[Tensor, Tensor]:
        """The same by BFGS, all targets and candidates at once."""
        # in single precision the changes of the misfit drown in rounding long before its minimum
        surrogate = copy.deepcopy(self.surrogate).requires_grad_(False).double()
        rows = torch.arange(len(y), device=y.device).repeat_interleave(len(start))
        goal, given = y.double()[rows], None if c is None else c.double()[rows]

        def misfit(x: Tensor, some: Tensor) -> Tensor:
            seen = _inputs(x, None if given is None else given[some])
            return (surrogate.scaled_mean(seen) - goal[some]).square().mean(1)

        x, error = adjoint_search.bfgs(
            misfit,
            start.double().repeat(len(y), 1),
            self.task.box,
            boundary=self.boundary,
            x_scale=self.x_scale,
            steps=self.steps,
        )
        shape = (len(y), len(start))
        return x.unflatten(0, shape).to(y), error.unflatten(0, shape).to(y)

    def _disagreement(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Variance of the ensemble in scaled y, mean over its components: ``(B, T)``."""
        if len(self.surrogate) == 1 or not self.spread:
            return torch.zeros(x.shape[:2], dtype=x.dtype, device=x.device)
        given = None if c is None else c.repeat_interleave(x.shape[1], 0)
        with torch.no_grad():
            each = self.surrogate.scaled(_inputs(x.flatten(0, 1), given))
        return each.var(0).mean(1).unflatten(0, x.shape[:2])


def _inputs(x: Tensor, c: Tensor | None) -> Tensor:
    """What f̂ sees: ``(M, dx)``, with ``(M, dc)`` behind it where there is a context."""
    return x if c is None else torch.cat([x, c.to(x)], 1)


class Pool(NeuralAdjoint):
    """The surrogate as an unlimited simulator: the nearest of very many prior draws.

    The neural adjoint with a pool of 200,000 and two steps: hardly any search, yet what every
    trained inverse network has to be compared with.

    Args:
        pool, steps, anchors: see :class:`NeuralAdjoint`, like the other ``options``.
    """

    name = "pool"

    def __init__(
        self, *, pool: int = 200_000, steps: int = 2, anchors: float = 0.0, **options: Any
    ) -> None:
        super().__init__(pool=pool, steps=steps, anchors=anchors, **options)
