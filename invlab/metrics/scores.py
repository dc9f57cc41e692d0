"""The score r_T: error of the best of T guesses, and what an invalid guess costs."""

from __future__ import annotations

import contextlib
import math
from typing import Literal

import torch
from torch import Tensor

from invlab.validation import require_flag, require_number, require_tensor

__all__ = ["Invalid", "best_of", "invalid_share", "r_T"]

# What an invalid guess costs: infinity, nothing (it was not drawn), or a number.
Invalid = Literal["infinite", "skip"] | float

# Entries of the table of probabilities that are made at a time; all of it has T² of them.
BLOCK = 2**17


def r_T(
    errors: Tensor,
    *,
    exchangeable: bool,
    invalid: Invalid = "infinite",
    held_out: Tensor | None = None,
) -> Tensor:
    """Error of the best of T guesses, mean over targets, for T = 1, 2, ... (Ren et al., eq. 3).

    The rule for invalid guesses, here and in the book: an invalid guess is infinitely bad and
    stays with its target, so that r_T is infinite as long as a target may have no valid one
    among T. ``invalid`` states another rule where a comparison asks for it.

    Args:
        errors: re-simulation errors, ``(B, T)``; infinite for an invalid guess.
        exchangeable: True for guesses whose order means nothing, such as independent draws:
            then the mean over *all* subsets of T of them is returned, the unbiased estimate
            with the least variance. False for ranked guesses: then the first T are taken.
        invalid: ``"infinite"``: as above. ``"skip"``: as if it had not been drawn, so that the T
            guesses are valid ones; the best of those there are where fewer than T are, and
            infinite where there is none. It flatters methods that fail often: print
            :func:`invalid_share` beside. A number: this error, such as 2 · var(y).
        held_out: errors of the same guesses under other noise, ``(B, T)``, for noisy tasks. The
            best of T is chosen by ``errors``, the first of equal ones, and what it has here is
            counted: no longer good by luck, nor bound to fall in T. A guess that is invalid in
            either is invalid.

    Returns:
        ``(T,)``, float64, falling in T. It is infinite where a target has no valid guess among
        those T, or, for exchangeable guesses, where some subset of T has none.

    Raises:
        TypeError, ValueError: not a tensor ``(B, T)`` with at least one guess, NaN in it, another
            rule, or held-out errors of another shape or equal to the errors.

    Example:
        >>> import torch
        >>> import invlab
        >>> errors = torch.tensor([[4.0, 1.0, 2.0]])  # three guesses for one target
        >>> invlab.r_T(errors, exchangeable=False).tolist()  # ranked: the first one, two, three
        [4.0, 1.0, 1.0]
        >>> draws = invlab.r_T(errors, exchangeable=True)  # the mean over all ones, twos, threes
        >>> [round(value, 3) for value in draws.tolist()]
        [2.333, 1.333, 1.0]
    """
    return best_of(errors, exchangeable=exchangeable, invalid=invalid, held_out=held_out).mean(0)


def best_of(
    errors: Tensor,
    *,
    exchangeable: bool,
    invalid: Invalid = "infinite",
    held_out: Tensor | None = None,
) -> Tensor:
    """Error of the best of T guesses for each target: ``(B, T)`` to ``(B, T)``; see :func:`r_T`."""
    choice = _errors("errors", errors, ("B", "T"))
    judge = choice if held_out is None else _held_out(held_out, choice)
    exchangeable = require_flag("exchangeable", exchangeable)
    cost = _cost(invalid)
    lost = choice.isinf() | judge.isinf()
    choice, judge = (torch.where(lost, cost, e) for e in (choice, judge))
    if exchangeable:
        judge = judge.gather(1, choice.argsort(dim=1, stable=True))
        return _skipping(judge) if invalid == "skip" else _first_of_subsets(judge)
    if invalid == "skip":
        # the valid guesses move up, in their order
        place = lost.byte().argsort(dim=1, stable=True)
        choice, judge = choice.gather(1, place), judge.gather(1, place)
    return judge.gather(1, best_so_far(choice))


def best_so_far(errors: Tensor) -> Tensor:
    """Which of the first T guesses is best, ``(B, T)`` for ``(B, T)``; of equal ones the first.

    So a method's own order decides, also among guesses that are all invalid.
    """
    least = errors.cummin(1).values
    better = torch.ones_like(errors, dtype=torch.bool)
    better[:, 1:] = errors[:, 1:] < least[:, :-1]
    place = torch.arange(errors.shape[1], device=errors.device)
    return torch.where(better, place, 0).cummax(1).values


def _skipping(ordered: Tensor) -> Tensor:
    """Like :func:`_first_of_subsets`, of the finite entries alone, however many a row has."""
    found = torch.full_like(ordered, torch.inf)
    valid = ordered.isfinite().sum(1)
    for count in valid[valid > 0].unique().tolist():
        some = _first_of_subsets(ordered[valid == count, :count])
        # where more are asked for than there are, all of them
        beyond = some[:, -1:].expand(-1, ordered.shape[1] - count)
        found[valid == count] = torch.cat([some, beyond], 1)
    return found


def invalid_share(errors: Tensor) -> float:
    """Share of invalid guesses, those with an infinite error, from 0 to 1.

    Args:
        errors: from :func:`invlab.resimulation_error`, ``(B, T)`` or of any other shape.

    Example:
        >>> import torch
        >>> import invlab
        >>> invlab.invalid_share(torch.tensor([[0.5, torch.inf], [0.1, 0.2]]))
        0.25
    """
    return float(_errors("errors", errors, ("...",)).isinf().double().mean())


def _errors(name: str, errors: Tensor, shape: tuple[int | str, ...]) -> Tensor:
    require_tensor(name, errors, shape, finite=False)
    errors = errors.detach().double()
    if bool((errors.isnan() | (errors == -torch.inf)).any()):
        raise ValueError(f"{name}: expected numbers or infinity, got NaN; count it as infinite")
    return errors


def _held_out(held_out: Tensor, choice: Tensor) -> Tensor:
    judge = _errors("held_out", held_out, tuple(choice.shape)).to(choice.device)
    if torch.equal(judge, choice) and bool((judge.isfinite() & (judge > 0)).any()):
        raise ValueError(
            "held_out: expected errors under other noise than errors, got the same numbers; "
            "pass another generator to resimulation_error, or leave held_out out without noise"
        )
    return judge


def _cost(invalid: Invalid) -> float:
    """What an invalid guess counts, by each rule."""
    if isinstance(invalid, str):
        if invalid in ("infinite", "skip"):
            return math.inf
    else:
        with contextlib.suppress(TypeError):
            cost = require_number("invalid", invalid)
            if 0 <= cost < math.inf:
                return cost
    raise ValueError(
        f"invalid: expected 'infinite', 'skip' or a finite error from 0 up, got {invalid!r}"
    )


def _first_of_subsets(ordered: Tensor) -> Tensor:
    """Mean over all subsets of T of the entry that comes first: ``(B, n)`` to ``(B, n)``.

    Infinite entries stand at the end; where a subset may hold nothing else the mean is infinite.
    """
    n = ordered.shape[1]
    usable = torch.where(ordered.isinf(), 0.0, ordered)
    size = torch.arange(1, n + 1, device="cpu")
    found = [usable @ _comes_first(n, some).to(usable).T for some in size.split(max(1, BLOCK // n))]
    valid = ordered.isfinite().sum(1, keepdim=True)
    return torch.where(size.to(valid.device) <= n - valid, torch.inf, torch.cat(found, 1))


def _comes_first(n: int, size: Tensor) -> Tensor:
    """``(len(size), n)``: probability that the i-th of n comes first of a subset of each size.

    It is C(n − i, T − 1) / C(n, T) for i from 1 and T = size, computed through logarithms.
    """
    log_factorial = torch.lgamma(torch.arange(1, n + 2, dtype=torch.float64, device="cpu"))
    # row T holds log (n − i − T + 1)! for i = 1 … n, infinite where the subset is too large
    impossible = log_factorial.new_full((n - 1,), torch.inf)
    left = torch.cat([log_factorial[:n].flip(0), impossible]).unfold(0, n, 1)[size - 1]
    others = log_factorial[:n].flip(0) - log_factorial[size - 1, None] - left
    subsets = log_factorial[n] - log_factorial[size] - log_factorial[n - size]
    return (others - subsets[:, None]).exp()
