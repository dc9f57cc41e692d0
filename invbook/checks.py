"""Verdict lines: a claim of a page, and whether it holds."""

from __future__ import annotations

from numbers import Number
from typing import Any

import numpy as np
from torch import Tensor

__all__ = ["check"]


def check(claim: str, holds: Any) -> None:
    """Print a claim and its verdict, and stop with an error where it does not hold.

    Args:
        claim: in words.
        holds: one truth value: a bool, a number, or a tensor or array with one entry. NaN never
            holds: a number that is not there proves nothing.

    Raises:
        AssertionError: the claim does not hold; also where Python leaves assertions out.
        TypeError: several truth values, or something that is none, such as a list.
    """
    true = _truth(claim, holds)
    print(f"{'holds' if true else 'FAILS'}: {claim}")
    if not true:
        raise AssertionError(claim)


def _truth(claim: str, holds: Any) -> bool:
    if isinstance(holds, Tensor | np.ndarray | np.generic):
        size = holds.numel() if isinstance(holds, Tensor) else holds.size
        if size != 1:
            raise TypeError(
                f"check({claim!r}): expected one truth value, got {size} of shape "
                f"{tuple(holds.shape)}; use .all() or .any()"
            )
        holds = holds.item()
    if holds is not None and not isinstance(holds, Number):
        # a list, even of False, and a generator would always count as true
        raise TypeError(
            f"check({claim!r}): expected one truth value, got {type(holds).__name__}; "
            "use all(...), any(...) or a comparison"
        )
    # NaN is the number that differs from itself
    return bool(holds == holds and holds)
