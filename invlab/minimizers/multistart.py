"""BFGS from many starts: each row goes on from fresh draws until it is solved."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from invlab import runtime
from invlab.minimizers import in_box
from invlab.minimizers.best_so_far import BestSoFar
from invlab.minimizers.bfgs import BFGS
from invlab.minimizers.cross_start import Target, start_across, unsolved
from invlab.minimizers.driver import Termination
from invlab.minimizers.objective import Objective
from invlab.minimizers.reparametrization import Reparametrization, TransformedObjective, XScale
from invlab.minimizers.solution import RowLog, Solution
from invlab.priors import Prior
from invlab.validation import require_integer, require_seed

__all__ = ["Draws", "Multistart"]

# Starts for some rows, from their numbers (n,) and a CPU generator: (n, d).
Draws = Prior | Callable[[Tensor, torch.Generator], Tensor]


@dataclass(frozen=True)
class Multistart:
    """The method: BFGS from ``x0``, then from draws, each row keeping its best answer.

    Only the rows that are not solved yet are searched again, all of them at once, so a round of
    restarts costs about as much as one BFGS. A row that is not finite at ``x0`` takes no part.

    Args:
        draws: where restarts begin: a prior, such as a box, or a function of the numbers of the
            rows ``(n,)`` and a CPU generator that returns starts ``(n, d)``. The box of
            ``bounds`` if not given.
        restarts: rounds, at most; 0 for none.
        target: objective at which a row is solved, one number or one a row. Without one, each row
            takes part in all rounds.
        cross_start: whether, before the restarts, each unsolved row is searched from the best of
            the other rows' answers, see :mod:`~invlab.minimizers.cross_start`: for rows that are
            related problems in the same unknowns.
        x_scale: see :class:`~invlab.minimizers.reparametrization.Reparametrization`: the first
            step of BFGS.
        seed: of the draws. Those of a prior for row i in round k depend on the seed, i and k
            alone.
    """

    first_order: ClassVar[bool] = False
    residuals: ClassVar[bool] = False

    termination: Termination
    draws: Draws | None = None
    restarts: int = 20
    target: Target | None = None
    cross_start: bool = False
    x_scale: XScale | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if require_integer("restarts", self.restarts) < 0:
            raise ValueError(f"restarts: expected a count of at least 0, got {self.restarts!r}")
        require_seed("seed", self.seed)
        box = self.termination.box
        if self.restarts and self.draws is None and (box is None or not box.closed):
            raise ValueError(
                "draws: method 'multistart' needs to know where to restart: give bounds with both "
                "ends, a prior or a function of the rows' numbers and a generator"
            )
        if self.draws is not None and not (isinstance(self.draws, Prior) or callable(self.draws)):
            raise TypeError(
                f"draws: expected a prior or a function, got {type(self.draws).__name__}"
            )

    def solve(self, objective: Objective, x0: Tensor, *, record: bool) -> Solution:
        """Search, exchange and restart; ``x0`` ``(B, d)``."""
        coordinates = Reparametrization(x0, self.x_scale, self.termination.box)
        answers = BestSoFar(coordinates, self.termination, record=record)
        unsolved(answers, self.target)  # a target of the wrong shape ends the call here
        try:
            every = torch.arange(len(x0), device=x0.device)
            seen = TransformedObjective(objective, coordinates)(answers.start, every)
            answers.begin(seen, seen.finite & answers.start.isfinite().all(1), keep=True)
            self._search(objective, answers)
        except KeyboardInterrupt:
            answers.interrupted = True
        return answers.solution()

    def _search(self, objective: Objective, answers: BestSoFar) -> None:
        everyone, coordinates = answers.rows, answers.coordinates
        for k in range(self.restarts + 1):
            answers.rows = everyone
            # where x0 is a solution already, BFGS stops at once and says so
            rows = everyone if k == 0 else unsolved(answers, self.target)
            if len(rows) == 0:
                return
            start = answers.start[rows] if k == 0 else coordinates.z(self._draw(k, rows, answers))
            answers.rows = rows
            log = self._bfgs(
                TransformedObjective(objective, coordinates, rows), start, record=answers.record
            )
            label = "x0" if k == 0 else f"restart {k} of at most {self.restarts}"
            answers.offer_search(log, f"from {label}, by BFGS")
            answers.rows = everyone
            if k == 0 and self.cross_start and not answers.interrupted:
                start_across(objective, answers, self.target, self._bfgs)
            if answers.interrupted:
                return

    def _bfgs(self, transformed: TransformedObjective, z: Tensor, *, record: bool) -> RowLog:
        termination = self.termination
        return in_box.search(
            BFGS(termination), transformed, z, termination, name="multistart, bfgs", record=record
        )

    def _draw(self, k: int, rows: Tensor, answers: BestSoFar) -> Tensor:
        """Starts of round ``k``, ``(n, d)``."""
        law, like = self.draws or self.termination.box, answers.start
        assert law is not None
        generator = runtime.generator(require_seed("seed", self.seed), "multistart", k)
        if isinstance(law, Prior):
            x = law.sample(len(like), generator=generator)[rows.cpu()]
        else:
            x = law(rows, generator)
        shape = (len(rows), like.shape[1])
        if not isinstance(x, Tensor) or tuple(x.shape) != shape:
            got = tuple(x.shape) if isinstance(x, Tensor) else type(x).__name__
            raise ValueError(f"draws: expected starts of shape {shape}, one a row, got {got}")
        return x.detach().to(like)
