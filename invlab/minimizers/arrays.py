"""Vectors of rows as arrays: NumPy's where the rows are on the CPU, torch's elsewhere.

A line search is a hundred and fifty operations on short vectors. There NumPy takes a third of
torch's time for each, on the same memory. What both libraries call by one name is written once, on
:func:`namespace`; the few operations that they call differently stand here. Rows are the last axis,
so that each operation runs along contiguous memory.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor

__all__ = ["Array", "columns", "identity", "namespace", "of", "rows", "take"]

# A NumPy array or a tensor: annotations cannot say that both of a call are of one kind.
Array = Any


def of(tensor: Tensor) -> Array:
    """The array of a tensor, on the same memory."""
    return tensor.numpy() if tensor.device.type == "cpu" else tensor


def columns(tensor: Tensor) -> Array:
    """Rows ``(n, d)`` as an array ``(d, n)`` of its own memory."""
    return of(tensor.T.contiguous())


def rows(array: Array) -> Tensor:
    """An array ``(n,)`` or ``(d, n)`` as a tensor ``(n,)`` or ``(n, d)``, on the same memory."""
    tensor = torch.from_numpy(array) if isinstance(array, np.ndarray) else array
    return tensor.T if tensor.ndim == 2 else tensor


def namespace(array: Array) -> Any:
    """The library that an array belongs to: ``numpy`` or ``torch``."""
    return np if isinstance(array, np.ndarray) else torch


def identity(like: Array) -> Array:
    """Identity matrices ``(d, d, n)`` for vectors ``(d, n)``; one matrix in memory."""
    vectors = rows(like)
    size, dim = vectors.shape
    unit = torch.eye(dim, dtype=vectors.dtype, device=vectors.device)
    return of(unit[:, :, None].expand(dim, dim, size))


def take(arrays: Iterable[Array], rows: Tensor) -> list[Array]:
    """The given rows ``(m,)`` of arrays ``(..., n)``."""
    places = of(rows)
    if isinstance(places, np.ndarray):
        return [array.take(places, -1) for array in arrays]
    return [array.index_select(-1, places) for array in arrays]
