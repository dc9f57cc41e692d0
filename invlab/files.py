"""Files that are written whole or not at all, and what of Python's values JSON can hold."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

__all__ = ["as_json", "same_json", "write_whole"]


def write_whole(path: str | Path, content: bytes) -> None:
    """Write a file, making its folder: a half-written one is never seen under the final name."""
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; give the name of a file")
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        draft.write_bytes(content)
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def as_json(name: str, value: Any) -> Any:
    """A value as it comes back from a JSON file: NumPy's and torch's numbers are plain ones.

    Args:
        name: how the error calls the value.
        value: numbers, words, None, arrays and tensors, in lists and dictionaries.

    Raises:
        TypeError: something else is in it; the message says where.
    """
    try:
        return json.loads(json.dumps(value, default=_plain))
    except (TypeError, ValueError, RecursionError) as error:
        place, part = _unwritable(name, value)
        raise TypeError(
            f"{place}: expected numbers, words, None, arrays, and lists and dictionaries of these "
            f"under words, as a JSON file can hold, got {type(part).__name__} {part!r}; give its "
            "numbers, or its name"
        ) from error


def same_json(a: Any, b: Any) -> bool:
    """Whether two values of JSON are the same; NaN is itself."""
    return bool(_with_words(a) == _with_words(b))


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic | Tensor):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is not for JSON")


def _unwritable(place: str, value: Any) -> tuple[str, Any]:
    """The innermost part that JSON cannot hold, and where it is."""
    if isinstance(value, dict):
        parts = {f"{place}[{key!r}]": part for key, part in value.items()}
    elif isinstance(value, list | tuple):
        parts = {f"{place}[{i}]": part for i, part in enumerate(value)}
    else:
        parts = {}
    for inner, part in parts.items():
        try:
            json.dumps(part, default=_plain)
        except (TypeError, ValueError):
            return _unwritable(inner, part)
    return place, value


def _with_words(value: Any) -> Any:
    """NaN and infinity as words, which equal themselves."""
    return json.loads(json.dumps(value), parse_constant=str)
