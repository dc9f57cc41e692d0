"""Who says how good a guess is: the simulator, or a surrogate where there are only pairs."""

from __future__ import annotations

import math
import warnings
from typing import Any

import torch
from torch import Tensor

from invlab import runtime
from invlab.improve import CORNERS, refine
from invlab.metrics import best_of, resimulation_error
from invlab.metrics.scores import best_so_far
from invlab.networks.training import epochs_within
from invlab.pairs import EmptyPart
from invlab.surrogates import fit_surrogate
from invlab.task import Pairs, Targets, Task

__all__ = ["Judge", "divided", "refined_guesses", "refinement_calls", "surrogate_task"]

# Simulations of a guess on a noisy task: half of them choose the best of T, half score it.
REPLICATES = 4
# Guesses a target that are refined on the simulator, where that takes no longer than this.
REFINED, REFINED_SECONDS, REFINED_CALLS = 10, 2.0, 40
# Its Gauss–Newton steps.
STEPS = 10
# A refinement that takes longer than this is left out.
MOST_SECONDS = 1.0


# A number of y that varies by less than a hundredth of the others hardly counts in an error that
# is the mean over them.
UNSEEN = 1e-4
# Steps of the training of a network that judges, however many pairs there are.
JUDGE_STEPS = 8000


class Judge:
    """Scores guesses in units of the variance of y.

    Args:
        task: its simulator judges.
        y: observations that say how much y varies, ``(N, *dy)``.
        refine: whether refined guesses are scored too, where :func:`refinement_calls` says so.
        simulation_s: processor seconds of a simulation.

    Attributes:
        unseen: how many numbers of y vary so little that errors hardly see them, and of how many.
    """

    def __init__(
        self, task: Task, y: Tensor, *, refine: bool = True, simulation_s: float = 0.0
    ) -> None:
        self.task = task
        valid = task.valid(y)
        each = y[valid].double().flatten(1).var(0, correction=0)
        varies = each.mean()
        self.variance = float(varies) or 1.0
        unseen = (each > 0) & (each < UNSEEN * varies)
        self.unseen = int(unseen.sum()), len(each)
        if not float(varies):
            warnings.warn(
                f"{task.name}: y is the same in all {int(valid.sum())} pairs, so that there is "
                "nothing to learn from them; errors are in the unit of y squared",
                stacklevel=2,
            )
        self.can_refine = refine and refinement_calls(task, simulation_s) > 0
        self.simulation_s = simulation_s

    def errors(self, x: Tensor, targets: Targets, *, stream: int = 0) -> Tensor:
        """Error of each guess, ``(B, T)``, over the variance of y; of one simulation each."""
        generator = runtime.generator(stream, "judge")
        found = resimulation_error(
            self.task, x.detach(), targets.y, targets.c, replicates=1, generator=generator
        )
        return found.double() / self.variance

    def scores(
        self, x: Tensor, targets: Targets, guesses: tuple[int, ...], *, exchangeable: bool
    ) -> dict[str, Any]:
        """Error of the best of T of each target, by T, and the share of valid guesses."""
        if self.task.noisy:
            half = REPLICATES // 2
            seen = [self.errors(x, targets, stream=k) for k in range(REPLICATES)]
            choose, score = (torch.stack(part).mean(0) for part in (seen[:half], seen[half:]))
            best = _chosen(choose, score)
            valid = torch.isfinite(choose)
        else:
            each = self.errors(x, targets)
            valid = torch.isfinite(each)
            best = best_of(each, exchangeable=exchangeable)
        there = {n: best[:, min(n, best.shape[1]) - 1] for n in guesses if n <= x.shape[1]}
        return {
            "errors": {str(n): column.tolist() for n, column in there.items()},
            "valid": float(valid.double().mean()),
        }

    def refined(self, x: Tensor, targets: Targets) -> Tensor:
        """The first guesses after a few Gauss–Newton steps on the simulator, in the box."""
        x = x[:, : refined_guesses(len(targets), self.simulation_s)]
        y = targets.y.double()
        return refine(self.task, x.double(), y, targets.c, steps=STEPS, bounded=True)

    def floor(self, targets: Targets) -> Tensor:
        """Error of the truth under fresh noise, ``(B,)``; zero without noise.

        Of the replicates that are valid; NaN where none is.
        """
        assert targets.x is not None
        if not self.task.noisy:
            return torch.zeros(len(targets), dtype=torch.float64, device=targets.y.device)
        seen = [self.errors(targets.x[:, None], targets, stream=100 + k) for k in range(REPLICATES)]
        found = torch.stack(seen)[..., 0]
        return found.where(found.isfinite(), torch.nan).nanmean(0)


def refined_guesses(targets: int, simulation_s: float) -> int:
    """Guesses of each target that are refined on the simulator, at most."""
    return REFINED if targets * REFINED * REFINED_CALLS * simulation_s <= REFINED_SECONDS else 1


def refinement_calls(task: Task, simulation_s: float) -> int:
    """Simulations that the refinement of a guess takes at most, its score among them.

    0 where nothing is refined: not a noisy task, one without gradients, or one that takes too long.
    """
    if task.noisy or not task.differentiable or REFINED_CALLS * simulation_s > MOST_SECONDS:
        return 0
    dx, dy = task.x_dim, math.prod(task.y_shape)
    # each step differentiates forwards, a simulation an unknown, or backwards, one in all; besides,
    # one shows that there is a gradient, one may fail on the way forwards, one ends the search
    search = 3 + STEPS * (dx if dy > dx else 1)
    whole = int(task.integer.sum())
    if not whole:
        return search + 1
    # the guess and what was found are rounded, and the other unknowns searched for once more
    rounded = 1 + (2**whole if whole <= CORNERS else 1)
    return search + rounded + (search if whole < dx else 0) + 1


def _chosen(choose: Tensor, score: Tensor) -> Tensor:
    """Score of the guess that looks best among the first T, for each T: ``(B, T)``."""
    return score.gather(1, best_so_far(choose))


def divided(
    pairs: Pairs, share: float, parts: str, *, generator: torch.Generator
) -> tuple[Pairs, Pairs]:
    """``(kept, taken)`` pairs of a comparison, which chose the share itself.

    Raises:
        ValueError: too few, or all of them equal; ``parts`` says what for.
    """
    try:
        return pairs.split(share, generator=generator)
    except EmptyPart as error:
        raise ValueError(
            f"compare: expected pairs for {parts}, got {len(pairs)} for both{error.reason}; give "
            "more pairs that differ"
        ) from None


def surrogate_task(pairs: Pairs, task: Task, *, seed: int) -> tuple[Task, float]:
    """A task whose simulator is f̂ fitted to pairs, and its error on a fifth of them held out.

    Returns:
        The task, and the mean squared error of f̂, in the unit of y squared: no difference below
        it means anything.
    """
    usable = task.usable(pairs)
    draws = runtime.generator(seed, "judge", "held out")
    kept, held = divided(usable, 0.2, "the network that judges and its test", generator=draws)
    surrogate = fit_surrogate(
        kept, seeds=[seed], width=128, layers=4, activation=torch.nn.functional.silu,
        epochs=epochs_within(len(kept), 64, steps=JUDGE_STEPS, most=300),
        batch_size=64, lr=3e-3, lr_end=1e-5, schedule="one-cycle", held_out=held,
    ).requires_grad_(False)  # fmt: skip
    shape = held.y.shape[1:]

    def simulate(x: Tensor, c: Tensor | None = None) -> Tensor:
        seen = x if c is None else torch.cat([x, c.to(x)], -1)
        y = surrogate.effect(seen.flatten(0, -2))
        return y.to(x).unflatten(0, x.shape[:-1]).unflatten(-1, shape)

    judge = Task(
        task.name, simulate, task.prior, box=task.given_box, context=task.context,
        labels=task.labels,
    )  # fmt: skip
    error = (judge.simulate(held.x, held.c) - held.y).double().flatten(1).square().mean()
    return judge, float(error)
