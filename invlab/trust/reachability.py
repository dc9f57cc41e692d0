"""Could this y have come from the simulator at all? A conformal p-value, and the nearest that did.

Two kinds of strangeness see two kinds of targets. The distance to the nearest learned y finds what
lies out of range; the misfit that is left after a search through f̂ finds what lies off the set of
possible y, also in the midst of them. The smaller of their two p-values is calibrated once more,
and so is a p-value of its own (Bates et al. 2023 on conformal tests for outliers).
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, field

import torch
from torch import Tensor

from invlab.methods import NeuralAdjoint
from invlab.methods.adjoint_search import GaussNewtonSearch
from invlab.methods.baselines import nearest_rows
from invlab.metrics.effects import effects, noise_stream
from invlab.surrogates import Surrogate
from invlab.task import Pairs, Task, without_held_out
from invlab.trust.belief import believed_effect, fitting_surrogate, require_targets, usable_parts
from invlab.trust.conformal import conformal_p_values
from invlab.trust.neighbours import Neighbours, beside
from invlab.validation import require_share

__all__ = ["Reachability"]

# The search for the smallest misfit: points a target, and draws of the prior they come from.
CANDIDATES, POOL = 40, 5000
# Calibration targets around one, whose misfits say how good f̂ is there.
NEIGHBOURS = 15
# Below this misfit, in the variance of y, the search stops: there all misfits are the same.
REACHED = 1e-10
# Misfits that differ by less than this share are the same: so much depends on which other targets
# are searched for beside one. Without it rounding would rank targets that occur more than once.
SAME = 0.01


@dataclass(frozen=True)
class Reachability:
    """A calibrated test of targets, made by :meth:`calibrate`.

    Attributes:
        level: share of reachable targets that :meth:`reachable` calls unreachable.
        calibrated_on: number of calibration pairs; the smallest p-value is one over one more.
        smallest_visible: 95 % quantile of the misfit over the reachable calibration targets, in
            the variance of y: what a fault of simulator or data has to exceed to be seen.

    Example:
        >>> import torch
        >>> import invlab
        >>> task = invlab.get_task("square")  # y = x², which is never negative
        >>> draws = torch.Generator().manual_seed(0)
        >>> learned, held = task.sample(300).split(1 / 3, generator=draws)
        >>> test = invlab.Reachability.calibrate(task, held, learned, level=0.02)
        >>> test.reachable(torch.tensor([[400.0], [-500.0]]).to(held.y)).tolist()
        [True, False]
    """

    level: float
    calibrated_on: int
    smallest_visible: float
    _task: Task = field(repr=False)
    _strangeness: _Strangeness = field(repr=False)
    _known: Tensor = field(repr=False)

    @classmethod
    def calibrate(
        cls,
        task: Task,
        held_out: Pairs,
        learned: Pairs,
        *,
        surrogate: Surrogate | None = None,
        level: float = 0.05,
    ) -> Reachability:
        """Measure how strange reachable targets look. The simulator is not called.

        Args:
            task: gives the prior that answers are looked for in, and the box.
            held_out: pairs that nothing was fitted to, the surrogate included; 19 at least, since
                fewer can show nothing at a level of 5 %.
            learned: pairs that the surrogate learned from.
            surrogate: f̂ of the task; fitted to the learned pairs if not given.
            level: share of false alarms.

        Raises:
            ValueError: a level outside (0, 1), or pairs that do not fit.

        Warns:
            UserWarning: too few pairs for the level, pairs with an invalid y, which are left out,
                or rows in both parts.
        """
        level = require_share("level", level)
        held, known = usable_parts(task, held_out, learned)
        task = without_held_out(task, known)
        fewest = math.ceil(1 / level - 1e-9) - 1
        if len(held) < fewest:
            warnings.warn(
                f"reachability: {len(held)} held-out pairs flag nothing at level {level:g}; give "
                f"{fewest} at least",
                stacklevel=2,
            )
        surrogate = fitting_surrogate(surrogate, known)
        strangeness = _Strangeness(task, surrogate, held, known)
        misfits = strangeness.misfits[strangeness.misfits.isfinite()]
        visible = max(float(misfits.quantile(0.95)), REACHED) if len(misfits) else math.inf
        scores = strangeness.of_calibration()
        return cls(level, len(held), visible, task, strangeness, scores)

    def p_value(self, y: Tensor, c: Tensor | None = None) -> Tensor:
        """How likely targets as strange as these are under this simulator and prior.

        Args:
            y: targets, ``(B, *dy)``, in the unit of the pairs.
            c: contexts, ``(B, dc)``, where the task has one.

        Returns:
            ``(B,)``, float64, each target judged alone. Uniform for reachable targets drawn like
            the held-out ones, and small for targets that could not have come from there.

        Raises:
            TypeError, ValueError: tensors of the wrong kind or shape, or with NaN.
        """
        require_targets(self._strangeness.learned, y, c)
        return conformal_p_values(self._known, self._strangeness(y, c))

    def reachable(self, y: Tensor, c: Tensor | None = None) -> Tensor:
        """Whether the p-value is above the level: ``(B,)``, bool; arguments as there."""
        return self.p_value(y, c) > self.level

    def nearest(self, y: Tensor, c: Tensor | None = None) -> Pairs:
        """The nearest reachable y that was found for each target, and the x that causes it.

        The better of the best answer that the search finds through f̂ and the nearest learned
        pair; near is meant in standard deviations of each number of y.

        Args:
            y, c: as for :meth:`p_value`. A task with a simulator simulates one answer a target.

        Returns:
            ``B`` pairs in the dtype of y. Where the task has no simulator, y is what f̂ says.
        """
        require_targets(self._strangeness.learned, y, c)
        found = self._strangeness.search(y, c)
        if self._task.has_simulator:
            noise = noise_stream(self._task, "reachability")
            effect = effects(self._task, found, c, generator=noise)
        else:
            effect = believed_effect(self._strangeness.surrogate, found, c)
        return self._strangeness.nearer(y, c, found, effect)

    def __str__(self) -> str:
        return (
            f"A target is called unreachable where its p-value is at most {self.level:g}, which is "
            f"the share of false alarms among targets drawn like the {self.calibrated_on} held-out "
            f"ones. Misfits below {self.smallest_visible:.2g} of the variance of y cannot be seen."
        )


class _Strangeness:
    """Two scores of a target: distance to the nearest learned y, and the local log misfit."""

    def __init__(self, task: Task, surrogate: Surrogate, held: Pairs, learned: Pairs) -> None:
        self.surrogate, self.learned = surrogate, learned
        # without anchors: what counts is the misfit that f̂ itself leaves
        search = GaussNewtonSearch(candidates=CANDIDATES, pool=POOL, anchors=0.0)
        searcher = NeuralAdjoint(search=search)
        self.searcher = searcher.fit(task, learned, surrogate=surrogate)
        self.y = Neighbours(learned.y.flatten(1))
        self.near = Neighbours(beside(learned.y, learned.c))
        self.held = self.near.scaled(beside(held.y, held.c))
        self.distances = self.near.nearest(beside(held.y, held.c))
        self.misfits = self._misfit(held.y, held.c)
        self.logs = self.misfits.clamp_min(REACHED).log()

    def of_calibration(self) -> Tensor:
        """Both scores of the calibration targets, ``(n, 2)``."""
        return torch.stack([self.distances, _in_steps(self.logs - self._usual())], 1)

    def __call__(self, y: Tensor, c: Tensor | None) -> Tensor:
        """Both scores of targets, ``(B, 2)``; infinite for an impossible value."""
        points = beside(y, c)
        rows = nearest_rows(self.near.scaled(points), self.held, min(NEIGHBOURS, len(self.held)))
        misfit = self._misfit(y, c).clamp_min(REACHED).log() - self.logs[rows].mean(1)
        scores = torch.stack([self.near.nearest(points), _in_steps(misfit)], 1)
        return torch.where(self.y.breaks_constants(y.flatten(1))[:, None], torch.inf, scores)

    def search(self, y: Tensor, c: Tensor | None) -> Tensor:
        """The answer that f̂ brings nearest to each target, ``(B, dx)``."""
        return self.searcher.propose(y, 1, c)[:, 0]

    def nearer(self, y: Tensor, c: Tensor | None, x: Tensor, effect: Tensor) -> Pairs:
        """For each target the nearer of an answer with its effect, and of the learned pairs."""
        effect, goal = effect.flatten(1), y.flatten(1)
        if c is None:  # a learned pair has a context of its own
            rows = self.y.rows(goal, 1)
            gap = (self.y.scaled(effect) - self.y.scaled(goal)).norm(dim=1)
            # NaN, an answer that failed, is not nearer
            answer = (gap <= self.y.distances(goal, rows)[:, 0])[:, None]
            known = self.learned[rows[:, 0]]
            x = torch.where(answer, x, known.x.to(x))
            effect = torch.where(answer, effect, known.y.flatten(1).to(effect))
        return Pairs(x.to(y.dtype), effect.to(y.dtype).unflatten(1, self.learned.y.shape[1:]), c)

    def _misfit(self, y: Tensor, c: Tensor | None) -> Tensor:
        """Smallest misfit that a search finds, over the variance of each number of y: ``(B,)``."""
        effect = believed_effect(self.surrogate, self.search(y, c), c)
        gap = self.y.scaled(effect) - self.y.scaled(y.flatten(1))
        return gap.square().sum(1) / max(1, gap.shape[1])

    def _usual(self) -> Tensor:
        """Mean log misfit of the calibration targets around each of them, without itself."""
        n = min(NEIGHBOURS, len(self.held) - 1)
        if n < 1:
            return torch.zeros_like(self.logs)
        rows = nearest_rows(self.held, self.held, n + 1)
        own = rows == torch.arange(len(rows), device=rows.device)[:, None]
        # itself goes last, and then falls away
        others = rows.gather(1, own.to(torch.uint8).argsort(dim=1, stable=True))[:, :n]
        return self.logs[others].mean(1)


def _in_steps(logs: Tensor) -> Tensor:
    return (logs / SAME).round() * SAME
