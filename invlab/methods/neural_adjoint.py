"""Neural adjoint: learn the forward map, then search x through the copy."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, ClassVar, Self, Unpack

import torch
from torch import Tensor
from torch.nn.functional import silu

from invlab import runtime
from invlab.improve import rank
from invlab.methods.adjoint_search import (
    SEARCHES,
    TOLERANCE,
    Anchors,
    Candidates,
    GaussNewtonSearch,
    Question,
    Search,
    options_of_search,
)
from invlab.methods.base import Bounds, Method, Seeds, split_for_validation
from invlab.methods.options import options_of
from invlab.networks.mlp import Standardizer, copied_scale
from invlab.networks.training import History, TrainingOptions, require_training
from invlab.priors import Box
from invlab.surrogates.regression import (
    Surrogate,
    build_surrogate,
    disagreement,
    fit_surrogate,
)
from invlab.task import Pairs, Task
from invlab.validation import did_you_mean, require_count, require_share

__all__ = ["NeuralAdjoint", "Pool"]

# An anchor whose corrected error is at most this has reached its target.
REACHED = 1000 * TOLERANCE


class NeuralAdjoint(Method):
    """A surrogate f̂, and a search for the x that it maps to y.

    Args:
        search: how: an object such as ``AdamSearch(candidates=50)``, or a name, and then the
            options of that search may stand beside it. ``"gauss-newton"``
            (:class:`~invlab.methods.adjoint_search.GaussNewtonSearch`: ``candidates``, ``pool``,
            ``anchors``, ``steps``, ``max_step``), ``"adam"``
            (:class:`~invlab.methods.adjoint_search.AdamSearch`, the paper's: ``candidates``,
            ``steps``, ``step_size``, ``boundary``, ``starts``, ``spread_weight``) or ``"bfgs"``
            (:class:`~invlab.methods.adjoint_search.BFGSSearch`: ``candidates``, ``steps``,
            ``boundary``, ``starts``, ``x_scale``, ``spread_weight``). For
            ``spread_weight``, the ensemble's disagreement in place of the boundary loss, give an
            ``ensemble`` of several networks and ``boundary=0``.
        bounds: ``"clip"`` moves answers to the nearest point of the task's box, before they are
            ranked; ``"free"`` leaves them where the search ends.
        ranked: whether guesses are returned in the order of f̂'s error, best first.
        ensemble: networks in f̂, trained together and averaged.
        spread: weight of the networks' disagreement in the ranking.
        width, layers: of each network.
        held_out: share of the pairs for validation; the best weights are kept. With 0 the last.
        x_scaler, y_scaler: as in :class:`~invlab.methods.inverse_network.InverseNetwork`.
        training: passed on to :func:`invlab.networks.training.train`.

    Where the task has a context, f̂ sees x and c.

    Source: Ren, Padilla and Malof (2020), Section 4.

    Example:
        >>> import invlab
        >>> task = invlab.get_task("robot_arm")
        >>> model = invlab.get_method("neural_adjoint", epochs=2).fit(task, task.sample(200))
        >>> tuple(model.propose(task.targets(3, seed=1).y, n=10).shape)
        (3, 10, 4)
        >>> model.exchangeable  # no: the surrogate ranks the guesses, best first
        False
    """

    name = "neural_adjoint"
    all_in_tensors = False
    # Training that brings the surrogate's error a hundred times below the published one.
    defaults: ClassVar[dict[str, Any]] = {
        "epochs": 300,
        "batch_size": 512,
        "lr": 3e-3,
        "lr_end": 1e-6,
        "schedule": "one-cycle",
    }
    surrogate: Surrogate
    anchor_x: Tensor
    anchor_y: Tensor
    anchor_gap: Tensor

    def __new__(cls, *arguments: Any, **options: Any) -> Self:
        """Check the names of the options, those of the search among them."""
        beside = _search_options(cls, options)
        rest = {name: value for name, value in options.items() if name not in beside}
        made = super().__new__(cls, *arguments, **rest)
        made.__dict__["options"] = options
        return made

    def __init__(
        self,
        *,
        search: str | Search = "gauss-newton",
        bounds: Bounds = "clip",
        ranked: bool = True,
        ensemble: int = 1,
        spread: float = 0.0,
        width: int = 256,
        layers: int = 5,
        held_out: float = 0.2,
        x_scaler: Standardizer | None = None,
        y_scaler: Standardizer | None = None,
        **training: Unpack[TrainingOptions],
    ) -> None:
        super().__init__(bounds=bounds)
        options: dict[str, Any] = dict(training)
        if isinstance(search, str):
            # their names are checked before, in __new__
            own = options_of_search(search)
            beside = {name: options.pop(name) for name in own if name in options}
            search = SEARCHES[search](**beside)
        self.search: Search = search
        self.ranked, self.spread = ranked, spread
        self.ensemble = require_count("ensemble", ensemble)
        self.width, self.layers = require_count("width", width), require_count("layers", layers)
        if not spread >= 0:
            raise ValueError(f"spread: expected at least 0, got {spread}")
        self.held_out = require_share("held_out", held_out, zero=True)
        self._given = x_scaler, y_scaler
        whole: Any = {**NeuralAdjoint.defaults, **options}
        self.training_options: TrainingOptions = require_training(whole)
        self.exchangeable = not ranked and self.search.exchangeable

    @classmethod
    def further_options(cls) -> dict[str, Any]:
        """Options of the default search, which may stand beside its name."""
        return {field.name: field.default for field in fields(GaussNewtonSearch)}

    def fit(
        self,
        task: Task | None,
        data: Pairs,
        *,
        seed: Seeds = 0,
        surrogate: Surrogate | None = None,
    ) -> Self:
        """Fit the surrogate to the pairs with a valid y. The simulator is not called.

        Args:
            task: gives the prior that the search starts from, and the box. None for data alone.
            data: pairs.
            seed: of the networks.
            surrogate: one that is trained already, of :func:`invlab.fit_surrogate`, of which a
                copy in float32 is kept; the pairs then only serve as anchors.

        Raises:
            TypeError, ValueError: see :meth:`invlab.methods.base.Method.fit`, or a surrogate of
                other sizes than the pairs.
        """
        return self._fit(task, data, seed, surrogate=surrogate)

    def assemble(self) -> None:
        """An untrained f̂ in the sizes of ``facts``, and empty anchors."""
        facts = self.facts
        x_dim, y_dim, c_dim = facts["x_dim"], math.prod(facts["y_shape"]), facts["c_dim"]
        (seed,) = facts["seeds"]
        made = facts.get("surrogate", {})
        self.surrogate = build_surrogate(
            Standardizer.identity(x_dim + c_dim),
            Standardizer.identity(y_dim),
            seeds=self._member_seeds(seed, made.get("members", self.ensemble)),
            width=made.get("width", self.width),
            layers=made.get("layers", self.layers),
            activation=made.get("activation", silu),
        ).requires_grad_(False)
        for name, dim in (("x", x_dim), ("y", y_dim + c_dim), ("gap", y_dim)):
            empty = torch.empty(0, dim, dtype=torch.float32, device="cpu")
            self.register_buffer(f"anchor_{name}", empty)

    def learn(
        self,
        task: Task,
        data: Pairs,
        seeds: list[int],
        *,
        surrogate: Surrogate | None = None,
        **more: Any,
    ) -> None:
        """Train f̂ if none was given, and remember the pairs that it learned from as anchors."""
        (seed,) = seeds
        if not isinstance(surrogate, Surrogate | None):
            raise TypeError(
                f"{self.name}: surrogate: expected a Surrogate, such as fit_surrogate(data) gives, "
                f"got {type(surrogate).__name__}"
            )
        self._require_members(self.ensemble if surrogate is None else len(surrogate))
        data = Pairs(data.x, data.y.flatten(1), data.c)
        self.facts |= {"prior": task.prior, "fence": task.box}
        self.assemble()
        if surrogate is None:
            held: Pairs | None = None
            if self.held_out:
                data, held = split_for_validation(
                    task,
                    data,
                    self.held_out,
                    generator=runtime.generator(seed, "held out"),
                    name=self.name,
                )
            try:
                surrogate = self._train(data, held, seed)
            except KeyboardInterrupt:
                self.history = {}  # without a surrogate there is nothing to go on with
                raise
        else:
            _require_fitting(surrogate, data)
            surrogate = copy.deepcopy(surrogate).requires_grad_(False)
            surrogate.core.float()  # not its scales, whose digits are needed
        self.surrogate = surrogate
        core = surrogate.core
        self.facts["surrogate"] = {
            "members": len(surrogate),
            "width": core.weights[0].shape[2],
            "layers": len(core.weights),
            "activation": core.activation,
        }
        self._remember(data)

    def _require_members(self, members: int) -> None:
        """One network has no spread that a search could follow."""
        if getattr(self.search, "spread_weight", 0.0) and members < 2:
            raise ValueError(
                f"{self.name}: spread_weight needs several networks whose spread it weighs, got "
                "one; give ensemble=5"
            )

    def _train(self, data: Pairs, held: Pairs | None, seed: int) -> Surrogate:
        self.history["surrogate"] = History()
        return fit_surrogate(
            data,
            seeds=self._member_seeds(seed, self.ensemble),
            width=self.width,
            layers=self.layers,
            activation=silu,
            x_scaler=copied_scale("x_scaler", self._given[0], data.x.shape[1]),
            y_scaler=copied_scale("y_scaler", self._given[1], data.y[0].numel()),
            held_out=held,
            history=self.history["surrogate"],
            **self.training_options,
        ).requires_grad_(False)

    @staticmethod
    def _member_seeds(seed: int, members: int) -> list[int]:
        return [seed * 1000 + k for k in range(members)]

    def _remember(self, data: Pairs) -> None:
        """Keep the pairs as f̂ sees them, with the error that f̂ makes there."""
        scale = self.surrogate.inputs
        seen = scale(data.x if data.c is None else torch.cat([data.x, data.c], 1)).float()
        x, c = seen.split([data.x.shape[1], seen.shape[1] - data.x.shape[1]], 1)
        y = self.surrogate.outputs(data.y).float()
        with torch.no_grad():
            gap = y - self.surrogate.core(seen).mean(0)
        self.anchor_x, self.anchor_y, self.anchor_gap = x, torch.cat([y, c], 1), gap

    def predict(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """f̂ in scaled units of y, mean over the ensemble: ``(M, dx) -> (M, dy)``."""
        return self.surrogate.scaled_mean(x if c is None else torch.cat([x, c.to(x)], 1))

    def guess(
        self,
        y: Tensor,
        n: int,
        c: Tensor | None,
        *,
        generator: torch.Generator | None,
        box: Box | None,
    ) -> Tensor:
        """What the search finds from the starts, the same for all targets; best first if ranked."""
        generator = runtime.generator(0, "neural adjoint") if generator is None else generator
        question = Question(
            self.surrogate,
            self.surrogate.outputs(y),
            c,
            self.facts["prior"],
            self.facts["fence"] if box is None or box is self.box else box,
            box,
            Anchors(self.anchor_x, self.anchor_y, self.anchor_gap),
        )
        found = self.search(question, max(n, self.search.candidates), generator)
        found = self._settled(found, question)
        x = rank(found.x, self._key(found, question)) if self.ranked else found.x
        return x[:, :n]

    def _settled(self, found: Candidates, question: Question) -> Candidates:
        """Candidates as whole numbers and in the box, with the error that f̂ sees there."""
        x = self.whole(found.x)
        if question.box is not None:
            x = question.box.clip(x)
        moved = (x != found.x).any(-1)
        if not bool(moved.any()):
            return found
        v, n = question.scaled_c, x.shape[1]
        each = None if v is None else v.repeat_interleave(n, 0)[moved.flatten()]
        error = found.error.clone()
        with torch.no_grad():
            effect = question.effect(question.scaled(x[moved]), each)
        error[moved] = (effect - found.goal[moved]).square().mean(1).to(error)
        return Candidates(x, error, found.goal, found.anchored)

    def _key(self, found: Candidates, question: Question) -> Tensor:
        """What candidates are ranked by: anchors that reached the target first, nearest first."""
        key = found.error.clone()
        if self.spread:
            key += self.spread * self.disagreement(found.x, question.c).to(key)
        anchored = found.anchored
        place = torch.arange(anchored, device=key.device) - anchored
        reached = found.error[:, :anchored] <= REACHED
        key[:, :anchored] = torch.where(reached, place.to(key), key[:, :anchored])
        return key

    def disagreement(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Variance of the ensemble's networks at guesses, in scaled y: where f̂ knows little.

        Args:
            x: guesses, ``(B, T, dx)``.
            c: contexts, ``(B, dc)``, where the task has one.

        Returns:
            Mean over the numbers of y, ``(B, T)``, float64; zero for a single network.
        """
        seen = x.flatten(0, 1)
        if c is not None:
            seen = torch.cat([seen, c.to(x).repeat_interleave(x.shape[1], 0)], 1)
        with torch.no_grad():
            each = self.surrogate.scaled(seen)
        return disagreement(each.double()).unflatten(0, x.shape[:2])


class Pool(NeuralAdjoint):
    """The surrogate as an unlimited simulator: the nearest of very many prior draws.

    The neural adjoint with a pool of 200,000 and two Gauss–Newton steps: hardly any search, yet
    what every trained inverse network has to be compared with.

    Args:
        options: see :class:`NeuralAdjoint` and
            :class:`~invlab.methods.adjoint_search.GaussNewtonSearch`.
    """

    name = "pool"
    defaults: ClassVar[dict[str, Any]] = {"pool": 200_000, "steps": 2, "anchors": 0.0}

    def __init__(self, **options: Any) -> None:
        if options.get("search", "gauss-newton") != "gauss-newton":
            raise ValueError(
                f"search: pool takes the steps of Gauss–Newton, got {options['search']!r}; "
                "use 'neural_adjoint'"
            )
        super().__init__(**{**Pool.defaults, **options})


def _search_options(cls: type[NeuralAdjoint], options: Mapping[str, Any]) -> tuple[str, ...]:
    """Names among the options that are the search's.

    Raises:
        TypeError: an option that neither the method nor this search has, with a remedy.
        ValueError: no such search.
    """
    if "training" in options:
        raise TypeError(
            f"{cls.name}: no option 'training': give what stood in it beside the others, as in "
            "epochs=100"
        )
    search = options.get("search", "gauss-newton")
    if isinstance(search, str) and search not in SEARCHES:
        raise ValueError(
            f"search: expected one of {', '.join(map(repr, SEARCHES))} or an object, "
            f"got {search!r}{did_you_mean(search, SEARCHES)}"
        )
    own = options_of_search(search) if isinstance(search, str) else ()
    known = [name for name in options_of(cls) if name not in cls.further_options()] + [*own]
    for name in options:
        if name in known:
            continue
        owners = [other for other in SEARCHES if name in options_of_search(other)]
        if owners and isinstance(search, str):
            what = f"an option of search={' and '.join(map(repr, owners))}, not of {search!r}"
        elif owners:
            what = f"an option of the search; write it into the object {search!r}"
        else:
            what = f"no option{did_you_mean(name, known)} (it takes {', '.join(sorted(known))})"
        raise TypeError(f"{cls.name}: {name!r} is {what}")
    return own


def _require_fitting(surrogate: Surrogate, data: Pairs) -> None:
    """Refuse a surrogate of other sizes than the pairs."""
    came = len(surrogate.inputs.shift), len(surrogate.outputs.shift)
    c_dim = 0 if data.c is None else data.c.shape[1]
    wanted = data.x.shape[1] + c_dim, data.y.shape[1]
    if came != wanted:
        raise ValueError(
            f"surrogate: expected one from {wanted[0]} numbers (unknowns, and contexts behind "
            f"them) to {wanted[1]}, as the pairs have, got one from {came[0]} to {came[1]}"
        )
