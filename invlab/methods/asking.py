"""Ask a method for guesses, one of ours or somebody's own, and check what comes back."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from invlab import runtime
from invlab.validation import native, require_tensor

__all__ = ["guesses_of"]


def guesses_of(method: Any, y: Tensor, n: int, c: Tensor | None, *, x_dim: int) -> Tensor:
    """The guesses of any object with ``propose(y, n)``, or ``propose(y, n, c)`` with contexts.

    Args:
        method: fitted.
        y: targets, ``(B, *dy)``.
        n: guesses a target.
        c: contexts, ``(B, dc)``; not handed over where there are none.
        x_dim: number of unknowns, dx.

    Returns:
        ``(B, T, dx)`` on the device of y, with T from 1 to n as the method likes; floating-point,
        without a graph. Arrays and lists of numbers become tensors in the dtype of y.

    Raises:
        TypeError: no numbers came back.
        ValueError: numbers of another shape.
    """
    own_y, own_c = runtime.copies(y, c)
    came = method.propose(own_y, n) if c is None else method.propose(own_y, n, own_c)
    what = f"{type(method).__name__}.propose"
    if not isinstance(came, Tensor):
        came = _as_tensor(what, came).to(y)
    found = require_tensor(what, came.to(y.device), (len(y), "T", x_dim), finite=False).detach()
    if found.shape[1] > n:
        raise ValueError(f"{what}: expected at most {n} guesses a target, got {found.shape[1]}")
    return found


def _as_tensor(what: str, came: Any) -> Tensor:
    if came is None:
        raise TypeError(f"{what}: expected guesses (B, T, dx), got None")
    try:
        return torch.as_tensor(np.asarray(native(came), dtype=np.float64), device="cpu")
    except (TypeError, ValueError) as error:
        kind = type(came).__name__
        raise TypeError(f"{what}: expected guesses (B, T, dx), got {kind}: {error}") from error
