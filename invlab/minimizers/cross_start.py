"""Related problems help each other without a network: each tries the answers of the others.

What joint optimisation gains where a row's own gradient is zero is mostly that the answer of one
problem is a start for the next. That part needs no network: evaluate the answer of each row on
every row that is still unsolved, and search on from the best one.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from invlab.minimizers.best_so_far import BestSoFar
from invlab.minimizers.objective import Objective
from invlab.minimizers.reparametrization import TransformedObjective
from invlab.minimizers.solution import RowLog
from invlab.validation import require_numbers

__all__ = ["Target", "start_across", "unsolved"]

# The objective at which a row is solved: one number, or one a row.
Target = float | Tensor
# Rounds, at most, and the share of its objective that a row has to gain to be tried on others.
ROUNDS, GAIN = 50, 1e-6
LABEL = "from another row's answer, by BFGS"


def unsolved(answers: BestSoFar, target: Target | None) -> Tensor:
    """Numbers of the rows that take part and whose answer is above the target, ``(m,)``.

    Args:
        answers: of all rows.
        target: objective at which a row is solved; without one, no row is.

    Raises:
        TypeError: a target that is no number.
        ValueError: one that is not one number or one a row, or NaN.
    """
    if target is None:
        return answers.rows
    goal = require_numbers("target", target).to(answers.fun)
    if bool(goal.isnan().any()):
        raise ValueError("target: expected numbers, got NaN")
    if goal.shape not in ((), answers.fun.shape):
        raise ValueError(
            f"target: expected one number or {len(answers.fun)}, one a row, "
            f"got shape {tuple(goal.shape)}"
        )
    return answers.rows[(answers.fun > goal)[answers.rows]]


def start_across(
    objective: Objective,
    answers: BestSoFar,
    target: Target | None,
    search: Callable[..., RowLog],
) -> None:
    """Search each unsolved row again from the best of the other rows' answers.

    What a round improves is tried on the rows that are left in the next one, until a round
    improves none. Of n rows, m of them unsolved, the first round takes mn evaluations without a
    gradient before its search, in n calls of the objective; later ones only those of the answers
    that are new.

    Args:
        objective: of all rows.
        answers: the best of each row so far; better ones are entered.
        target: see :func:`unsolved`.
        search: of the objective of some rows, their starts ``(m, d)`` and ``record``, a BFGS.
    """
    everyone = fresh = answers.rows
    for _ in range(ROUNDS):
        answers.rows = everyone
        rows = unsolved(answers, target)
        if len(rows) == 0 or len(fresh) == 0:
            break
        answers.rows = rows
        chosen, value = _best_of_others(objective, answers, fresh)
        found = chosen >= 0
        answers.rows, chosen, value = rows[found], chosen[found], value[found]
        if len(chosen) == 0:  # the only new answer is that of the only row that is left
            break
        before = answers.fun[answers.rows]
        # the search begins a little inside an edge, and may not come back to a point on it
        answers.offer_point(answers.x[chosen], value, "another row's answer")
        transformed = TransformedObjective(objective, answers.coordinates, answers.rows)
        z = answers.coordinates.z(answers.x[chosen])
        log = search(transformed, z, record=answers.record)
        answers.offer_search(log, LABEL)
        if answers.interrupted:
            break
        gained = before - answers.fun[answers.rows] > GAIN * before.abs()
        fresh = answers.rows[gained]
    answers.rows = everyone


def _best_of_others(
    objective: Objective, answers: BestSoFar, fresh: Tensor
) -> tuple[Tensor, Tensor]:
    """For each row left in ``answers`` which of the ``fresh`` others serves it best, ``(m,)``.

    -1 where none does; and its objective there, ``(m,)``.
    """
    rows = answers.rows
    x, place = answers.x, torch.arange(len(rows), device=rows.device)
    best = torch.full_like(answers.fun[rows], torch.inf)
    chosen = torch.full_like(rows, -1)
    for shift in range(len(fresh)):
        other = fresh[(place + shift) % len(fresh)]
        value = objective.value(x[other], rows)
        answers.count(value)
        better = (value < best) & (other != rows)  # NaN compares false
        best, chosen = torch.where(better, value, best), torch.where(better, other, chosen)
    return chosen, best
