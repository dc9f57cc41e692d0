"""The whole way from targets to ranked answers, the same for calibration and for use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from invlab.improve import rank, refine, refine_bfgs
from invlab.methods import Method, get_method
from invlab.methods.asking import guesses_of
from invlab.methods.baselines import Nearest
from invlab.metrics import resimulation_error
from invlab.priors.restricted import Restricted
from invlab.surrogates import Surrogate
from invlab.task import Pairs, Task
from invlab.trust.belief import believed_effect

__all__ = ["Answering"]

# Guesses that are asked for where some may break a condition, for one that is wanted.
SPARE = 4
# Simulations of an answer on a noisy task.
REPLICATES = 4
# Steps of BFGS behind those of Gauss–Newton, for targets that nothing explains.
BFGS_STEPS = 50


@dataclass(frozen=True)
class Answering:
    """Propose, keep what is allowed, refine on the simulator, rank.

    Args:
        task: as measured; its prior knows bounds and conditions.
        method: fitted.
        learned: the pairs it learned from.
        surrogate: f̂.
        n: answers a target.
        simulate: whether answers may be simulated: then they are ranked by what they cause, else by
            what f̂ believes.
        refine: whether they are refined before, too.
        fixed: the value of each unknown that has only one, NaN for the others, ``(dx,)``; None
            where all may take any.
    """

    task: Task
    method: Any
    learned: Pairs
    surrogate: Surrogate
    n: int
    simulate: bool
    refine: bool
    fixed: Tensor | None = None

    def __call__(self, y: Tensor, c: Tensor | None) -> Tensor:
        """Ranked answers: ``(B, dy)`` to ``(B, n, dx)``, float64."""
        if self.known:
            return self.ranked(y, c)[0]
        x = self._guesses(y, c)[:, : self.n]
        # a search has its own order, draws have none; that of a search among noisy pairs, or
        # through a network that only they have taught, follows their luck
        own = not getattr(self.method, "exchangeable", False)
        sure = self.task.has_simulator and not self.task.noisy
        return x if own and sure else rank(x, self.believed(x, y, c))

    def ranked(self, y: Tensor, c: Tensor | None) -> tuple[Tensor, Tensor]:
        """Ranked answers, and what each was found to be off: ``(B, n)``, NaN without simulation."""
        if not self.known:
            x = self(y, c)
            unseen = torch.full(x.shape[:2], torch.nan, dtype=torch.float64, device=x.device)
            return x, self.errors(x, y, c) if self.simulate else unseen
        x = self._guesses(y, c)[:, : self.n]
        if self.refine:
            x = self._refined(x, y, c)
        error = self.errors(x, y, c)
        return rank(x, error), error.sort(dim=1, stable=True).values

    def errors(self, x: Tensor, y: Tensor, c: Tensor | None) -> Tensor:
        """What is found when answers are simulated: ``(B, n)``."""
        return resimulation_error(self.task, x, y, c, replicates=REPLICATES)

    def believed(self, x: Tensor, y: Tensor, c: Tensor | None) -> Tensor:
        """What f̂ says instead: ``(B, n)``."""
        each = None if c is None else c.repeat_interleave(x.shape[1], 0)
        effect = believed_effect(self.surrogate, x.flatten(0, 1), each).unflatten(0, x.shape[:2])
        return (effect - y.double().flatten(1)[:, None]).square().mean(-1)

    @property
    def known(self) -> bool:
        """Whether the error of each answer is seen, and would be the same if seen again."""
        return self.simulate and not self.task.noisy

    def _guesses(self, y: Tensor, c: Tensor | None) -> Tensor:
        """Allowed guesses, at least n."""
        prior, asked = self.task.prior, SPARE * self.n
        most = self.method.most if isinstance(self.method, Method) else None
        if most is not None:
            asked = min(asked, most)
            if self.n > asked:
                look_up = isinstance(self.method, Nearest)
                what = "pairs that are not held out to calibrate" if look_up else "guess a target"
                raise ValueError(
                    f"n: {self.method.name} answers with the {asked} {what}, got n={self.n}"
                )
        if not isinstance(prior, Restricted):
            return self._proposed(y, self.n, c)
        x = self._proposed(y, asked, c)
        if not getattr(self.method, "exchangeable", False):
            # pairs are allowed; among the draws of a posterior they have no place
            look_up = get_method("nearest", bounds="free").fit(self.task, self.learned)
            x = torch.cat([x, look_up.propose(y, min(self.n, len(self.learned)), c).double()], 1)
        allowed = prior.allows(x.flatten(0, 1)).unflatten(0, x.shape[:2])
        there = int(allowed.sum(1).min())
        if there < self.n:
            raise ValueError(
                f"n: of {x.shape[1]} guesses for one target only {there} meet bounds and feasible, "
                f"got n={self.n}; ask for fewer, or give more pairs"
            )
        # allowed ones first, in their order
        order = (~allowed).byte().argsort(dim=1, stable=True)
        return x.take_along_dim(order[..., None], 1)[:, : self.n]

    def _proposed(self, y: Tensor, n: int, c: Tensor | None) -> Tensor:
        x = guesses_of(self.method, y, n, c, x_dim=self.task.x_dim).double()
        if self.fixed is None:
            return x
        value = self.fixed.to(x)
        return torch.where(value.isnan(), x, value)

    def _refined(self, x: Tensor, y: Tensor, c: Tensor | None) -> Tensor:
        """After a local search on the simulator, where there can be one."""
        if not self.task.differentiable or bool(self.task.integer.any()):
            return x
        better = refine(self.task, x, y, c, bounded=True)
        better = refine_bfgs(self.task, better, y, c, maxiter=BFGS_STEPS)
        prior = self.task.prior
        if isinstance(prior, Restricted):
            allowed = prior.allows(better.flatten(0, 1)).unflatten(0, x.shape[:2])
            better = torch.where(allowed[..., None], better, x)
        return better
