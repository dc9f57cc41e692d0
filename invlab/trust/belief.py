"""What a surrogate believes about answers: the part of trust that costs no simulation."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor

from invlab.networks.training import epochs_within
from invlab.surrogates import Surrogate, fit_surrogate
from invlab.task import Pairs, Task
from invlab.trust.neighbours import beside
from invlab.validation import require_same_length, require_tensor

__all__ = [
    "believed_effect",
    "fitting_surrogate",
    "require_targets",
    "usable_parts",
    "warn_of_replicates",
]

# Steps of a training, however many pairs there are. Twice as many take twice as long and, with
# 35,000 pairs of the papers' tasks, divide the error of f̂ by three to five, from 1e-5 of the
# variance of y (robot arm, ballistics) and 8e-5 (sine).
STEPS = 4000
# Share of repeated measurements from which on they are worth a warning.
REPEATED = 0.1


def fitting_surrogate(given: Surrogate | None, learned: Pairs) -> Surrogate:
    """The given f̂, if its sizes are those of the pairs; or one fitted to them if there is none.

    Its size suits a few thousand pairs, all of which it is fitted to.

    Args:
        given: f̂, or None.
        learned: pairs with a finite y.

    Raises:
        ValueError: a surrogate of other sizes.
    """
    if given is None:
        return fit_surrogate(
            Pairs(learned.x, learned.y.flatten(1), learned.c),
            seeds=[0], width=128, layers=4, activation=torch.nn.functional.silu,
            epochs=epochs_within(len(learned), 256, steps=STEPS, most=300), batch_size=256,
            lr=3e-3, lr_end=1e-5, schedule="one-cycle",
        ).requires_grad_(False)  # fmt: skip
    came = len(given.inputs.shift), len(given.outputs.shift)
    wanted = beside(learned.x[:1], None if learned.c is None else learned.c[:1]).shape[1]
    numbers = learned.y[0].numel()
    if came != (wanted, numbers):
        raise ValueError(
            f"surrogate: expected one from {wanted} numbers (unknowns, and contexts behind them) "
            f"to {numbers}, as the pairs have, got one from {came[0]} to {came[1]}"
        )
    return given


def believed_effect(surrogate: Surrogate, x: Tensor, c: Tensor | None = None) -> Tensor:
    """What f̂ says that answers cause, mean over its members: ``(B, dx)`` to ``(B, dy)``, float64.

    See :meth:`~invlab.surrogates.Surrogate.effect`. NaN where an answer is no number.
    """
    with torch.no_grad():
        return surrogate.effect(beside(x.double(), c))


def usable_parts(task: Task, held_out: Pairs, learned: Pairs) -> tuple[Pairs, Pairs]:
    """The pairs with a valid y of both parts, with a warning where one row stands in both.

    Of equal held-out rows one is kept, unless they repeat by law: copies of one row are one
    instance of what a fresh target may be, and no more is learned from them.

    Raises:
        ValueError: a part without valid pairs, or parts that do not fit the task or each other.
    """
    for name, part in (("held_out", held_out), ("learned", learned)):
        require_tensor(f"{name}: x", part.x, ("N", task.x_dim))
        if (part.c is None) != (task.context is None):
            what = "without a context" if part.c is None else "with a context"
            raise ValueError(f"{name}: expected pairs as {task.name} has them, got some {what}")
    if held_out.y.shape[1:] != learned.y.shape[1:]:
        raise ValueError(
            f"held_out: expected y of shape (N, {', '.join(map(str, learned.y.shape[1:]))}) as in "
            f"learned, got {tuple(held_out.y.shape)}"
        )
    held, known = task.usable(held_out), task.usable(learned)
    held = held if task.repeats else held.distinct()
    _warn_of_repeats(task, held, known)
    return held, known


def warn_of_replicates(task: Task, data: Pairs) -> None:
    """Say that settings were measured several times, which no division of the rows looks at.

    Only of pairs without a simulator: else the task says whether equal unknowns give equal y.
    """
    if task.has_simulator:
        return
    settings = len(beside(data.x, data.c).unique(dim=0))
    replicates = int(data.equal_rows().max()) + 1 - settings
    if replicates > REPEATED * len(data):
        warnings.warn(
            f"{settings} different x with {replicates} repeated measurements among the pairs: both "
            "learned and held-out rows are of the same settings, so that errors are those for "
            "settings that were measured before; for new ones average the repeats of each first",
            stacklevel=3,
        )


def require_targets(learned: Pairs, y: Tensor, c: Tensor | None) -> None:
    """Refuse targets and contexts of another shape than the pairs have.

    Raises:
        TypeError, ValueError: a tensor of the wrong kind or shape, a context missing or needless.
    """
    shape: tuple[int | str, ...] = ("B", *learned.y.shape[1:])
    if isinstance(y, Tensor) and y.ndim == 2:  # flat targets are taken as well
        shape = ("B", learned.y[0].numel())
    require_tensor("y", y, shape)
    if (c is None) != (learned.c is None):
        raise ValueError(
            f"c: expected {'no' if learned.c is None else 'a'} context for the targets"
        )
    if c is not None and learned.c is not None:
        require_tensor("c", c, ("B", learned.c.shape[1]))
    require_same_length(y=y, c=c)


def _warn_of_repeats(task: Task, held: Pairs, known: Pairs) -> None:
    """Unknowns that are all whole numbers repeat by law; others only if a split went wrong."""
    if task.repeats or held.x.device != known.x.device:
        return
    rows = held.joined(known).equal_rows()
    repeats = int(torch.isin(rows[: len(held)], rows[len(held) :]).sum())
    if repeats:
        warnings.warn(
            f"{repeats} of {len(held)} held-out pairs stand among the learned ones too: what is "
            "calibrated on them promises too much; divide the pairs by Pairs.split, which keeps "
            "equal rows together",
            stacklevel=4,
        )
