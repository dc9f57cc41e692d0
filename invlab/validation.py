"""Bad input is named where it enters: which argument, what was expected, what came."""

from __future__ import annotations

import difflib
import math
import operator
import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

__all__ = [
    "batch_shape",
    "did_you_mean",
    "is_integer",
    "is_truth_value",
    "native",
    "require_annotated",
    "require_axes",
    "require_count",
    "require_flag",
    "require_integer",
    "require_labels",
    "require_name",
    "require_number",
    "require_numbers",
    "require_points",
    "require_same_length",
    "require_seed",
    "require_seeds",
    "require_share",
    "require_tensor",
    "unmasked",
]

# An annotation such as ``float | None`` and none such as ``bool | float``.
_NUMBER = re.compile(r"^(?!.*\bbool\b).*(\b(int|float)\b|Literal\[\d)")


def require_tensor(
    name: str,
    value: object,
    shape: tuple[int | str, ...],
    *,
    finite: bool = True,
    device: torch.device | None = None,
) -> Tensor:
    """Check one floating-point tensor and return it unchanged.

    Args:
        name: how the error calls it, such as ``"square: x"``.
        value: what came.
        shape: one entry a dimension: a number is demanded, a word stands for any size above
            zero, and a leading ``"..."`` for any number of dimensions.
        finite: whether NaN and infinity are refused.
        device: the device it has to be on, where that matters.

    Raises:
        TypeError: not a tensor, or not of a floating-point dtype.
        ValueError: wrong shape, empty, not finite, or on another device.
    """
    wanted = "(" + ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "") + ")"
    if not isinstance(value, Tensor):
        kind = type(value).__name__
        raise TypeError(
            f"{name}: expected a tensor of shape {wanted}, got {kind}; use torch.as_tensor"
        )
    if value.is_complex():
        raise TypeError(
            f"{name}: expected a floating-point tensor of shape {wanted}, got {value.dtype}; give "
            "real and imaginary parts as numbers of their own, by "
            "torch.view_as_real(y).flatten(-2), or magnitude and phase"
        )
    if not value.is_floating_point():
        raise TypeError(
            f"{name}: expected a floating-point tensor of shape {wanted}, got {value.dtype}; "
            "call .float() or .double() on it"
        )
    if not _fits(tuple(value.shape), shape):
        raise ValueError(f"{name}: expected shape {wanted}, got {tuple(value.shape)}")
    if value.numel() == 0:
        raise ValueError(
            f"{name}: expected at least one row, got the empty shape {tuple(value.shape)}"
        )
    if device is not None and value.device != device:
        raise ValueError(f"{name}: expected it on {device}, got {value.device}; move it with .to()")
    if finite and not value.is_meta and not bool(torch.isfinite(value).all()):
        bad = int((~torch.isfinite(value)).sum())
        raise ValueError(
            f"{name}: expected finite numbers, got {bad} NaN or infinite of {value.numel()}"
        )
    return value


def require_points(name: str, value: object, dim: int) -> Tensor:
    """Check points ``(..., dim)``, and return them; whole numbers as float64.

    Raises:
        TypeError: not a tensor of real numbers.
        ValueError: another length of the last axis, one that would be spread included.
    """
    if not isinstance(value, Tensor) or value.is_complex():
        kind = value.dtype if isinstance(value, Tensor) else type(value).__name__
        raise TypeError(
            f"{name}: expected a tensor of shape (..., {dim}), got {kind}; use torch.as_tensor"
        )
    if value.ndim == 0 or value.shape[-1] != dim:
        raise ValueError(f"{name}: expected shape (..., {dim}), got {tuple(value.shape)}")
    return value if value.is_floating_point() else value.double()


def one_a_row(name: str, x: Tensor, c: Tensor) -> Tensor:
    """Contexts ``(..., dc)`` as one for each row of x ``(..., dx)``.

    A single one stands for all rows, and so does one along an axis of length one.

    Raises:
        ValueError: other leading axes, which would be spread over the wrong rows.
    """
    lead = x.shape[:-1]
    if c.ndim and c.shape[:-1].numel() == 1:
        return c.reshape(-1).expand(*lead, -1)
    along = zip(c.shape, lead, strict=False)
    if c.ndim != x.ndim or any(size not in (1, rows) for size, rows in along):
        raise ValueError(
            f"{name}: expected a context for each row of x {tuple(x.shape)}, or one for all, got "
            f"shape {tuple(c.shape)}"
        )
    return c.expand(*lead, -1)


def batch_shape(value: object) -> tuple[str, ...]:
    """The shape ``(B, *dy)`` of a batch of observations with as many axes as ``value`` has."""
    axes = value.ndim if isinstance(value, Tensor) else 2
    return ("B", *["dy"] * max(1, axes - 1))


def require_axes(name: str, y: Tensor, shape: Sequence[int]) -> None:
    """Refuse observations ``(B, *dy)`` of other axes than ``shape``, such as an image turned round.

    They may be flat, and axes of length one do not count; another number of numbers is seen by who
    compares them.

    Raises:
        ValueError: with both shapes.
    """
    came, wanted = ([size for size in axes if size != 1] for axes in (y.shape[1:], shape))
    if y.ndim > 2 and len(shape) > 1 and came not in (wanted, [math.prod(shape)]):
        axes = ", ".join(map(str, shape))
        raise ValueError(
            f"{name}: expected shape (B, {axes}) or (B, {math.prod(shape)}), got {tuple(y.shape)}"
        )


def require_same_length(**tensors: Tensor | None) -> int:
    """Check that the given tensors have the same number of rows, and return that number.

    Raises:
        ValueError: naming each argument with its number of rows.
    """
    lengths = {name: len(value) for name, value in tensors.items() if value is not None}
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{name} has {n}" for name, n in lengths.items())
        raise ValueError(f"expected {' and '.join(lengths)} of the same length, but {found} rows")
    return next(iter(lengths.values()))


def is_truth_value(value: Any) -> bool:
    """Whether it is True or False, or NumPy's or torch's: no number, though Python counts so."""
    return isinstance(value, bool) or str(getattr(value, "dtype", "")) in ("bool", "torch.bool")


def is_integer(value: Any) -> bool:
    """Whether it is one whole number: an int, or NumPy's or torch's; a truth value is none."""
    if is_truth_value(value):
        return False
    try:
        operator.index(value)
    except TypeError:
        return False
    return True


def require_integer(name: str, value: Any) -> int:
    """Check a whole number, NumPy's and torch's included, and return it as a plain int.

    Raises:
        TypeError: anything else, truth values too.
    """
    if not is_integer(value):
        raise TypeError(f"{name}: expected an int, got {type(value).__name__} {value!r}")
    return operator.index(value)


def require_seed(name: str, value: Any) -> int:
    """Check one seed, any whole number (NumPy's too), and return it as a plain int.

    Raises:
        TypeError: not a whole number.
    """
    return require_integer(name, value)


def require_seeds(name: str, value: Any) -> list[int]:
    """Check a list of seeds, one a member, and return them as plain ints.

    Raises:
        TypeError: one number, which could be a seed or how many there are to be; or others than
            whole numbers.
        ValueError: none.
    """
    if not isinstance(value, Iterable) or isinstance(value, str | bytes):
        raise TypeError(
            f"{name}: expected seeds, one a member, such as [0] or range(3), got {value!r}"
        )
    seeds = [require_seed(name, seed) for seed in value]
    if not seeds:
        raise ValueError(f"{name}: expected at least one, got {value!r}")
    return seeds


def require_count(name: str, value: Any) -> int:
    """Check a number of things (guesses, rows, epochs), and return it as a plain int.

    Raises:
        TypeError: not a whole number; NumPy's are accepted.
        ValueError: below one.
    """
    if not is_integer(value):
        raise TypeError(f"{name}: expected an int of at least 1, got {value!r}")
    count = operator.index(value)
    if count < 1:
        raise ValueError(f"{name}: expected at least 1, got {count}")
    return count


def require_number(name: str, value: Any) -> float:
    """Check one real number, NumPy's and torch's included, and return it as a plain float.

    Raises:
        TypeError: anything else, truth values too: ``noise=True`` is not meant to be one.
    """
    wrong = is_truth_value(value) or isinstance(value, str | bytes | complex)
    try:
        found = float("nan") if wrong else float(value)
    except (TypeError, ValueError, RuntimeError):
        wrong = True
    if wrong:
        raise TypeError(f"{name}: expected a number, got {value!r}")
    return found


def require_generator(name: str, value: Any) -> torch.Generator | None:
    """Check a random generator, or None, and return it.

    Raises:
        TypeError: anything else, such as a seed.
    """
    if not isinstance(value, torch.Generator | None):
        raise TypeError(
            f"{name}: expected a torch.Generator, such as torch.Generator().manual_seed(0), or "
            f"None, got {value!r}"
        )
    return value


def require_dtype(name: str, value: Any) -> torch.dtype:
    """Check a floating-point dtype of torch, and return it.

    Raises:
        TypeError: anything else, such as NumPy's, or a word.
    """
    if not isinstance(value, torch.dtype) or not value.is_floating_point:
        raise TypeError(f"{name}: expected torch.float32 or torch.float64, got {value!r}")
    return value


def require_flag(name: str, value: Any) -> bool:
    """Check True or False, NumPy's included, and return it as a plain bool.

    Raises:
        TypeError: anything else, also what Python would take for either, such as ``"no"``.
    """
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name}: expected True or False, got {value!r}")
    return bool(value)


def require_annotated(name: str, annotation: str, value: Any) -> None:
    """Check an option whose annotation says ``bool``, ``int`` or ``float``, perhaps ``| None``.

    What else it may be is left to its owner, but no truth value passes for a number.

    Raises:
        TypeError: not of this kind.
        ValueError: NaN or infinity where a number is due.
    """
    kinds = {kind.strip() for kind in annotation.split("|")}
    if value is None and "None" in kinds:
        return
    if kinds == {"bool"}:
        require_flag(name, value)
    elif _NUMBER.search(annotation) and is_truth_value(value):
        raise TypeError(f"{name}: expected a number, got {value!r}")
    elif kinds in ({"int"}, {"int", "None"}):
        require_integer(name, value)
    elif kinds in ({"float"}, {"float", "None"}) and not math.isfinite(require_number(name, value)):
        raise ValueError(f"{name}: expected a finite number, got {value!r}")


def require_numbers(name: str, value: Any) -> Tensor:
    """Check a real number or a list of them, and return them as a tensor: float64, on the CPU.

    Raises:
        TypeError: something else, truth values too, also one among numbers.
    """
    try:
        values = torch.as_tensor(native(value), dtype=torch.float64, device="cpu").detach()
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(f"{name}: expected a number or a list of them, got {value!r}") from error
    single = () if isinstance(value, Tensor) else np.array(value, dtype=object).ravel()
    if is_truth_value(value) or any(map(is_truth_value, single)):
        raise TypeError(f"{name}: expected a number or a list of them, got {value!r}")
    return values


def unmasked(values: Any) -> Any:
    """NaN in place of what a NumPy array masks, since it is not known; others as they are."""
    if not isinstance(values, np.ma.MaskedArray):
        return values
    real = values if values.dtype.kind == "f" else values.astype(np.float64)
    return np.ma.filled(real, np.nan)


def native(values: Any) -> Any:
    """A NumPy array as torch takes it: a copy in the machine's own order of bytes, read forwards.

    What a mask hides is NaN, and floats of more than eight bytes, which torch does not know, are
    float64. What can be read as an array, such as a data frame, is one. Everything else, an array
    of words too, stays as it is.
    """
    if isinstance(values, Tensor) or not hasattr(values, "__array__"):
        return values
    array = np.asarray(unmasked(values))
    if array.dtype.kind not in "biufc":
        return values
    copied = np.array(array, dtype=array.dtype.newbyteorder("="))
    long = copied.dtype.kind == "f" and copied.dtype.itemsize > 8
    return copied.astype(np.float64) if long else copied


def require_share(name: str, value: Any, *, zero: bool = False) -> float:
    """Check a share between 0 and 1, ends left out, and return it as a plain float.

    Args:
        name: how the error calls it.
        value: what came.
        zero: whether 0 is one.

    Raises:
        TypeError: no number.
        ValueError: outside.
    """
    share = require_number(name, value)
    if not 0 < share < 1 and not (zero and share == 0):
        where = "from 0 to below 1" if zero else "between 0 and 1"
        raise ValueError(f"{name}: expected a share {where}, got {value}")
    return share


def require_name(name: str, value: Any, known: Iterable[str]) -> str:
    """Check that a name is a word, before it is looked up, and return it.

    Args:
        name: how the error calls it.
        value: what came.
        known: the names that there are.

    Raises:
        ValueError: no word; says which names there are.
    """
    if not isinstance(value, str):
        raise ValueError(f"{name}: expected one of {', '.join(map(repr, known))}, got {value!r}")
    return value


def require_labels(
    name: str, what: str, value: Any, count: int, *, distinct: bool = True
) -> list[str]:
    """Check a word for each unknown, and return them; numbers are written out, None is ``""``.

    Args:
        name: whose they are.
        what: how the error calls them, such as ``"labels"``.
        value: what came; for one unknown a word will do, and None is ``x1``, ``x2``, ...
        count: how many are due.
        distinct: whether one that comes twice is refused.

    Raises:
        TypeError: no list, or one word where several are due.
        ValueError: another number of them, or one twice.
    """
    if value is None:
        return [f"x{k + 1}" for k in range(count)]
    if isinstance(value, str) and count == 1:
        return [value]
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise TypeError(f"{name}: expected a list of {count} {what}, one an unknown, got {value!r}")
    words = ["" if word is None else str(word) for word in value]
    if len(words) != count:
        raise ValueError(
            f"{name}: expected {count} {what}, one an unknown, got {len(words)}: {words}"
        )
    twice = [word for word in words if words.count(word) > 1]
    if distinct and twice:
        raise ValueError(
            f"{name}: expected {what} of which each stands once, but {twice[0]!r} stands "
            f"{words.count(twice[0])} times in {words}; rename them"
        )
    return words


def did_you_mean(word: Any, words: Iterable[str]) -> str:
    """The end of a message about a word that is unknown: ``"; did you mean 'sine'?"``, or ``""``.

    Args:
        word: what was asked for.
        words: what there is.
    """
    close = difflib.get_close_matches(str(word).lower(), words, n=1, cutoff=0.55)
    return f"; did you mean {close[0]!r}?" if close else ""


def _fits(have: tuple[int, ...], shape: tuple[int | str, ...]) -> bool:
    if shape and shape[0] == "...":
        shape = shape[1:]
        if len(have) < len(shape):
            return False
        have = have[len(have) - len(shape) :]
    return len(have) == len(shape) and all(
        isinstance(want, str) or size == want for size, want in zip(have, shape, strict=True)
    )
