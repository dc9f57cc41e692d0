"""An upper bound of the re-simulated error of an answer, without simulating it.

Split conformal prediction: held-out pairs that nothing was fitted to are answered, each answer is
simulated once, and the error of a new answer is compared with those. Where the errors of
calibration and new targets are exchangeable, a bound at level 0.9 holds for 90 % of the targets,
whatever the method, the simulator and the regression below are (Vovk, Gammerman and Shafer 2005;
Lei et al. 2018). The regression only decides how tight it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

from invlab import runtime
from invlab.metrics import resimulation_error
from invlab.metrics.effects import noise_stream
from invlab.surrogates import Surrogate
from invlab.task import Pairs, Task
from invlab.trust.belief import believed_effect, fitting_surrogate, require_targets, usable_parts
from invlab.trust.conformal import conformal_quantile
from invlab.trust.error_regression import FEWEST, ErrorRegression, cross_fitted, folds_of
from invlab.trust.neighbours import Neighbours, beside
from invlab.trust.per_cent import level_in_words
from invlab.validation import require_same_length, require_share, require_tensor

__all__ = ["Answer", "ErrorBound", "Kind"]

Answer = Callable[[Tensor, Tensor | None], Tensor]
# How a bound is made: by a regression of the error; as a multiple of the believed error; or none.
Kind = Literal["regression", "believed", "none"]
# Errors are compared as logarithms. Smaller ones, in the variance of y, are all the same.
TINY = 1e-17
# Pairs around an answer whose residuals correct what f̂ believes.
CORRECTING = 4


@dataclass(frozen=True)
class ErrorBound:
    """A calibrated bound: call it with answers and their targets. Made by :meth:`calibrate`.

    Attributes:
        level: share of targets that it is meant to hold for.
        kind: ``"regression"``: adapts to how well f̂ and the pairs cover an answer;
            ``"believed"``, below 100 calibration pairs: a multiple of the error that f̂ believes in;
            ``"none"``, fewer pairs than the level needs (9 at 0.9): infinite.
        calibrated_on: number of calibration pairs.
        calls: simulations that the calibration took.
        failed: how many of the calibration answers had no valid effect.

    Example:
        >>> import invlab
        >>> task = invlab.get_task("square")
        >>> learned = task.sample(200)
        >>> held = task.sample(100, generator=invlab.runtime.generator(1))
        >>> model = invlab.get_method("nearest").fit(task, learned)
        >>> def answer(y, c=None):
        ...     return model.propose(y)[:, 0]
        >>> bound = invlab.ErrorBound.calibrate(task, answer, held, learned, level=0.9)
        >>> y = task.targets(500, seed=1).y
        >>> invlab.trust.worth_of_bound(bound, task, answer(y), y).share > 0.8
        True
    """

    level: float
    kind: Kind
    calibrated_on: int
    calls: int
    failed: int
    _features: _Features = field(repr=False)
    _regression: ErrorRegression | _Multiple = field(repr=False)
    _quantile: float = field(repr=False)
    _least: float = field(repr=False)
    _worth: float = field(repr=False)

    @classmethod
    def calibrate(
        cls,
        task: Task,
        answer: Answer,
        held_out: Pairs,
        learned: Pairs,
        *,
        surrogate: Surrogate | None = None,
        level: float = 0.9,
    ) -> ErrorBound:
        """Answer held-out pairs, simulate each answer once, and learn how large errors are.

        Args:
            task: its simulator gives the true errors.
            answer: the whole way from targets ``(B, *dy)`` and contexts (or None) to one answer
                each, ``(B, dx)``: what is calibrated is what is used later, with the same
                ranking, number of guesses and refinement.
            held_out: calibration pairs that nothing was fitted to, the surrogate included; 100 for
                a bound that adapts, 400 for a share within about three points of the level.
            learned: pairs that the method learned from.
            surrogate: f̂ of the task, fitted to the learned pairs; fitted here if not given.
            level: share of fresh targets that the bound shall hold for.

        Returns:
            The bound. A failed simulation counts as an infinite error.

        Raises:
            ValueError: a level outside (0, 1), a task without simulator, pairs that do not fit.

        Warns:
            UserWarning: pairs with an invalid y, which are left out, or rows in both parts.
        """
        level = require_share("level", level)
        if not task.has_simulator:
            raise ValueError(
                f"{task.name}: a bound needs one simulation for each held-out pair, and this task "
                "has no simulator"
            )
        held, known = usable_parts(task, held_out, learned)
        x = answer(*runtime.copies(held.y, held.c))
        require_tensor("answer(y, c)", x, (len(held), task.x_dim), finite=False)
        surrogate = fitting_surrogate(surrogate, known)
        features = _Features(surrogate, known)
        errors = _simulated(task, x, held) / features.unit
        # an answer that is no number failed; any features do for it
        seen = features(x, held.y, held.c).nan_to_num(0.0)
        worth = _worth(_believed(seen), errors, level)
        floor = features.floor(held)
        regression, quantile, least = _fitted(seen, floor, held.equal_rows(), errors, level, worth)
        kind: Kind = "regression" if isinstance(regression, ErrorRegression) else "believed"
        if math.isinf(conformal_quantile(torch.zeros_like(errors), level)):
            kind = "none"
        failed = int(errors.isinf().sum())
        n = len(held)
        return cls(level, kind, n, n, failed, features, regression, quantile, least, worth)

    def __call__(self, x: Tensor, y: Tensor, c: Tensor | None = None) -> Tensor:
        """Bounds of the re-simulated error of answers, without a simulation.

        Args:
            x: answers, ``(B, dx)``, made as those of the calibration.
            y: their targets, ``(B, *dy)``.
            c: contexts, ``(B, dc)``, where the task has one.

        Returns:
            ``(B,)``, float64, in the unit of :func:`invlab.resimulation_error`, y squared. Not
            below the error that f̂ believes in, alone or corrected by its residuals at the nearest
            learned pairs, unless the calibration showed this belief to be too pessimistic, as for
            answers that are refined on the simulator. Infinite where no bound can be given, and
            for an answer that is no number.

        Raises:
            TypeError, ValueError: tensors of the wrong kind or shape.
        """
        require_tensor("x", x, ("B", self._features.learned.x.shape[1]), finite=False)
        require_targets(self._features.learned, y, c)
        require_same_length(x=x, y=y)
        seen = self._features(x, y, c)
        center, width = self._regression(seen)
        # what f̂ itself believes is not undercut: far from the pairs the regression knows less
        believed = self._worth * _believed(seen)
        bound = ((center + width * self._quantile).exp() - self._least).maximum(believed)
        return torch.where(bound.isnan(), torch.inf, bound) * self._features.unit

    @property
    def note(self) -> str:
        """In words, when the bound holds and what it is."""
        if self.kind == "none":
            return (
                f"No bound: {self.calibrated_on} held-out pairs are too few for one at level "
                f"{self.level:g}; it takes {math.ceil(self.level / (1 - self.level) - 1e-9)}."
            )
        if math.isinf(self._quantile):
            return (
                f"No bound at level {self.level:g}: {self.failed} of the {self.calibrated_on} "
                "held-out answers failed."
            )
        made = (
            "It adapts to how well surrogate and pairs cover an answer"
            if self.kind == "regression"
            else f"As {self.calibrated_on} held-out pairs are below {FEWEST}, it is only a "
            "multiple of the error that the surrogate believes in"
        )
        failed = f" {self.failed} of the held-out answers failed." if self.failed else ""
        return (
            f"The bound holds for {level_in_words(self.level)} of the targets that are drawn like "
            f"the {self.calibrated_on} held-out ones: over targets, not for each of them, and not "
            f"for targets of another law or of another simulator. {made}.{failed}"
        )

    def __str__(self) -> str:
        return self.note


def _simulated(task: Task, x: Tensor, held: Pairs) -> Tensor:
    """Error of each answer, one simulation each: ``(n,)``, infinite for one that fails."""
    noise = noise_stream(task, "error bound")
    return resimulation_error(task, x[:, None], held.y, held.c, replicates=1, generator=noise)[:, 0]


def _fitted(
    seen: Tensor, floor: float, group: Tensor, errors: Tensor, level: float, worth: float
) -> tuple[ErrorRegression | _Multiple, float, float]:
    """What predicts the log error, the quantile of the scores that are left, and what was added.

    A little is added to each error before its logarithm is taken.
    """
    finite = errors[errors.isfinite()]
    if not len(finite):
        return _Multiple(floor), math.inf, 0.0
    least = max(float(finite.quantile(1e-3)) / 10, TINY)
    logs = (errors.clamp_max(float(finite.max())) + least).log()
    regression: ErrorRegression | _Multiple
    if len(errors) < FEWEST:
        regression = _Multiple(floor)
        scores = logs - regression(seen)[0]
    else:
        regression, scores = cross_fitted(seen, logs, folds_of(group))
    # below what f̂ believes an error is covered in any case; a failure is above every bound
    scores = torch.where(errors <= worth * _believed(seen), -torch.inf, scores)
    scores = torch.where(errors.isfinite(), scores, torch.inf)
    return regression, conformal_quantile(scores, level), least


def _worth(believed: Tensor, errors: Tensor, level: float) -> float:
    """Share of the believed error that no bound is below.

    One, unless so many errors lie below what was believed that the bound would hold more often
    than it says: then their median share of it.
    """
    if float((errors <= believed).double().mean()) <= level:
        return 1.0
    return float((errors / believed).median())


def _believed(features: Tensor) -> Tensor:
    """The error that f̂ believes in, alone or corrected, whichever is smaller: ``(B,)``."""
    return features[:, :2].amin(1).exp()


class _Features:
    """What can be known of an answer without a simulation, as logarithms: ``(B, 4)``.

    The error that f̂ believes in; the same with f̂ corrected by its residuals at the nearest
    learned pairs; the squared distance of the answer (and its context) to the nearest learned
    one; and of the target. Errors are in units of the variance of y, distances in standard
    deviations.
    """

    def __init__(self, surrogate: Surrogate, learned: Pairs) -> None:
        self.surrogate, self.learned = surrogate, learned
        y = learned.y.flatten(1).double()
        self.unit = float(y.var(0, correction=0).mean()) or 1.0
        self.near_x = Neighbours(beside(learned.x, learned.c))
        self.near_y = Neighbours(beside(learned.y, learned.c))
        self.residual = y - believed_effect(surrogate, learned.x, learned.c)

    def __call__(self, x: Tensor, y: Tensor, c: Tensor | None) -> Tensor:
        goal, seen = y.flatten(1).double(), beside(x, c)
        effect = believed_effect(self.surrogate, x, c)
        works = effect.isfinite().all(1)
        rows = self.near_x.rows(seen.nan_to_num(0.0), min(CORRECTING, len(self.residual)))
        far = self.near_x.distances(seen, rows)
        nearness = 1 / far.clamp_min(1e-9)
        share = (nearness / nearness.sum(1, keepdim=True))[..., None]
        corrected = effect + (share * self.residual[rows]).sum(1)
        target = self.near_y.nearest(beside(y, c))
        errors = [(given - goal).square().mean(1) / self.unit for given in (effect, corrected)]
        found = torch.stack([*errors, far[:, 0].square(), target.square()], 1)
        return torch.where(works[:, None], (found + TINY).log(), torch.nan)

    def floor(self, held: Pairs) -> float:
        """Median squared residual of f̂ on pairs, in the variance of y."""
        effect = believed_effect(self.surrogate, held.x, held.c)
        return float((held.y.flatten(1).double() - effect).square().mean(1).median()) / self.unit


class _Multiple:
    """In place of a regression where pairs are few: log of the believed error, from a floor up."""

    def __init__(self, floor: float) -> None:
        self.floor = floor

    def __call__(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Center and scale of the log error, ``(B,)`` each."""
        center = (features[:, 0].exp() + self.floor).clamp_min(TINY).log()
        return center, torch.ones_like(center)
