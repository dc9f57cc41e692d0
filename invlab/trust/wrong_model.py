"""Do the data come from this simulator? Re-simulated draws beside what was observed.

A posterior-predictive check asks whether an observation looks like what its own posterior draws
cause. Its p-values are not uniform even where all is well, since the draws were made from the
observation, and a badly trained method spoils them. So the same is done for held-out pairs of the
simulator itself, and the observations are compared with those: what then differs is the data.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from invlab import runtime
from invlab.metrics import resimulation_error
from invlab.metrics.effects import effects, noise_stream
from invlab.task import Pairs, Task
from invlab.trust.conformal import conformal_p_values
from invlab.trust.error_bound import ErrorBound
from invlab.trust.neighbours import Neighbours
from invlab.trust.per_cent import level_in_words, per_cent
from invlab.trust.proposer import Proposer
from invlab.validation import native, require_count, require_same_length, require_tensor

__all__ = ["BoundWorth", "PredictiveCheck", "predictive_check", "worth_of_bound"]

# Scatter that a prediction has at least, in standard deviations of each number of y: a smaller
# difference than rounding and training leave is no discrepancy.
LEAST_SCATTER = 1e-4
# Where all discrepancies together are less likely than this, something is wrong.
UNLIKELY = 0.01
# The error of a share is told with this probability.
CONFIDENCE = 0.95


@dataclass(frozen=True)
class PredictiveCheck:
    """How observations compare with what their draws cause.

    Attributes:
        p_value: conformal p-value of each observation's discrepancy among those of the held-out
            pairs, ``(B,)``: uniform for data of this simulator and prior.
        predictive: share of its own re-simulated draws that are as far from their center as the
            observation is, ``(B,)``: the usual posterior-predictive p-value.
        together: p-value that all discrepancies have the law of the held-out ones
            (Kolmogorov and Smirnov).
        calls: simulations that it took.
        held_out: number of held-out pairs.
    """

    p_value: Tensor
    predictive: Tensor
    together: float
    calls: int
    held_out: int

    @property
    def smallest(self) -> float:
        """The smallest that ``together`` can be with so many observations and held-out pairs."""
        count = len(self.p_value)
        return min(1.0, 2 / math.comb(count + self.held_out, count))

    def __str__(self) -> str:
        rare = float((self.p_value <= 0.05).double().mean())
        verdict = "nothing speaks against this simulator"
        if self.together <= UNLIKELY:
            side = "too close to" if float(self.p_value.median()) > 0.5 else "too far from"
            verdict = (
                f"they do not look like data of this simulator and prior, being {side} what their "
                "draws cause"
            )
        elif self.smallest > UNLIKELY:
            verdict = "too few for a verdict on all together, look at p_value"
        return (
            f"{len(self.p_value)} observations: {verdict} (p = {self.together:.2g}); "
            f"{per_cent(rare)} of them are stranger than 95 % of the held-out ones"
        )


def predictive_check(
    task: Task,
    method: Proposer,
    y: Tensor,
    held_out: Pairs,
    c: Tensor | None = None,
    *,
    draws: int = 50,
    generator: torch.Generator | None = None,
) -> PredictiveCheck:
    """Whether observations look like data of the task's simulator, seen through a method.

    The discrepancy of an observation is its squared distance from the mean of what its draws
    cause, each number of y in units of their scatter.

    Args:
        task: the simulator that is assumed.
        method: fitted, to none of the held-out pairs; its draws say what the data mean.
        y: observations, ``(B, *dy)``; a wrong simulator shows in many sooner than in one.
        held_out: pairs of the assumed simulator, 100 or more.
        c: contexts of the observations, ``(B, dc)``, where the task has one.
        draws: simulations for each observation and each held-out pair.
        generator: CPU generator of the noise of noisy simulators; one of seed 0 if not given.

    Returns:
        p-values an observation, and one for all together. What a method can undo by other x it
        does not see: a fault that only moves y along the reachable set shows in x alone.

    Raises:
        TypeError, ValueError: tensors that do not fit, or fewer than 3 draws.
    """
    if require_count("draws", draws) < 3:
        raise ValueError(f"draws: expected at least 3, got {draws}")
    held = task.usable(held_out)
    require_tensor("y", y, ("B", *held.y.shape[1:]))
    require_same_length(y=y, c=c)
    generator = noise_stream(task, "predictive check") if generator is None else generator
    unit = Neighbours(held.y.flatten(1))
    known, _ = _discrepancy(task, method, held.y, held.c, draws, unit, generator)
    new, predictive = _discrepancy(task, method, y, c, draws, unit, generator)
    from scipy.stats import ks_2samp  # slow to import

    p_value = conformal_p_values(known[:, None], new[:, None])
    together = float(ks_2samp(known.cpu().numpy(), new.cpu().numpy()).pvalue)
    return PredictiveCheck(p_value, predictive, together, draws * (len(held) + len(y)), len(held))


def _discrepancy(
    task: Task,
    method: Proposer,
    y: Tensor,
    c: Tensor | None,
    draws: int,
    unit: Neighbours,
    generator: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """Discrepancy of each observation, and the share of its draws that have as large a one."""
    own_y, own_c = runtime.copies(y, c)
    x = method.propose(own_y, draws, own_c).flatten(0, 1)
    each = None if c is None else c.repeat_interleave(draws, 0)
    caused = unit.scaled(effects(task, x, each, generator=generator).flatten(1))
    caused = caused.unflatten(0, (len(y), draws))
    # a number of y that never varied is compared as it is, since it has no unit
    impossible = unit.breaks_constants(y.flatten(1))
    works = caused.isfinite().all(2, keepdim=True)
    count = works.sum(1)
    caused = torch.where(works, caused, 0.0)
    mean = caused.sum(1) / count.clamp_min(1)
    gap = torch.where(works, caused - mean[:, None], 0.0)
    variance = gap.square().sum(1) / (count - 1).clamp_min(1) + LEAST_SCATTER**2
    seen = ((unit.scaled(y.flatten(1)) - mean).square() / variance).mean(1)
    # a draw pulls the mean towards itself; taken out of it, it is as far as a new one would be
    alone = (count / (count - 1).clamp_min(1))[:, None]
    own = ((alone * gap).square() / variance[:, None]).mean(2)
    beyond = (works[..., 0] & (own >= seen[:, None])).sum(1)
    predictive = (1.0 + beyond.double()) / (count[:, 0] + 1)
    # where every draw fails, nothing explains the observation
    explained = (count[:, 0] > 0) & ~impossible
    predictive = torch.where(impossible, 1 / (count[:, 0] + 1), predictive)
    return torch.where(explained, seen, torch.inf), predictive


@dataclass(frozen=True)
class BoundWorth:
    """How often a bound held for given targets.

    Attributes:
        level: how often it promises to hold.
        share: how often it did.
        low, high: ends of the 95 % interval of that share (Clopper and Pearson).
        targets: how many had a bound; those without one are not counted.
        judged_by: name of the task whose simulator judged.
    """

    level: float
    share: float
    low: float
    high: float
    targets: int
    judged_by: str

    @property
    def holds(self) -> bool:
        """Whether the promise is not contradicted, that is, the interval reaches the level."""
        return self.high >= self.level

    def __str__(self) -> str:
        return (
            f"judged by {self.judged_by}, the {level_in_words(self.level)} bound holds for "
            f"{per_cent(self.share, 1)} of {self.targets} targets (95 % interval "
            f"{per_cent(self.low, 1)} to {per_cent(self.high, 1)}): "
            + ("as promised" if self.holds else "less often than promised")
        )


def worth_of_bound(
    bound: ErrorBound,
    judge: Task,
    x: Tensor,
    y: Tensor,
    c: Tensor | None = None,
    *,
    among: Any = None,
) -> BoundWorth:
    """How often a bound holds for answers to given targets, at one simulation each.

    Args:
        bound: calibrated on the assumed simulator.
        judge: whose simulator says how wrong answers are: the assumed one, or, where it is known
            as in a study, the one that the data come from.
        x: answers, ``(B, dx)``.
        y: targets, ``(B, *dy)``.
        c: contexts, ``(B, dc)``, where there is one.
        among: mask ``(B,)`` of the targets that count, such as those that
            :meth:`Reachability.reachable <invlab.trust.Reachability.reachable>` does not flag.

    Raises:
        TypeError: a mask of other than True and False.
        ValueError: no target is left, or shapes that do not fit.
    """
    limit = bound(x, y, c)
    there = limit.isfinite() & _mask(among, len(limit)).to(limit.device)
    noise = noise_stream(judge, "worth of the bound")
    error = resimulation_error(judge, x[:, None], y, c, replicates=1, generator=noise)[:, 0]
    total = int(there.sum())
    if not total:
        raise ValueError(f"worth_of_bound: none of {len(y)} targets has a bound that counts")
    held = int((error <= limit)[there].sum())
    from scipy.stats import beta  # slow to import

    tail = (1 - CONFIDENCE) / 2
    low = float(beta.ppf(tail, held, total - held + 1)) if held else 0.0
    high = float(beta.isf(tail, held + 1, total - held)) if held < total else 1.0
    return BoundWorth(bound.level, held / total, low, high, total, judge.name)


def _mask(among: Any, n: int) -> Tensor:
    """Which of n targets count: all, or those of a mask in bools or in the numbers 0 and 1."""
    if among is None:
        return torch.ones(n, dtype=torch.bool, device="cpu")
    mask = torch.as_tensor(native(among))
    if mask.shape != (n,):
        raise ValueError(f"among: expected a mask of shape ({n},), got {tuple(mask.shape)}")
    if mask.dtype != torch.bool and not bool(((mask == 0) | (mask == 1)).all()):
        raise TypeError(
            f"among: expected True or False a target, got {mask.dtype} such as {mask[0].item()}; "
            "a mask of the rows i is torch.isin(torch.arange(B), i)"
        )
    return mask.bool()
