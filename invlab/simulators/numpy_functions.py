"""Any Python function as a simulator: rows that fail become NaN, and are counted."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator
from numbers import Real
from typing import Any

import numpy as np
import torch
from torch import Tensor

from invlab.validation import one_a_row, require_flag, unmasked

__all__ = [
    "FailedRows",
    "NumpySimulator",
    "UnknownShapeError",
    "numpy_simulator",
    "without_failed_rows",
]


class FailedRows(UserWarning):
    """Rows that a simulator could not compute: how many of how many, and the first message."""


@contextlib.contextmanager
def without_failed_rows() -> Iterator[None]:
    """Within the block, or the function it decorates, nobody is warned of failed rows."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FailedRows)
        yield


class UnknownShapeError(ValueError):
    """All rows so far failed, so that nobody knows how many numbers y has."""


def numpy_simulator(f: Callable[..., Any], *, batched: bool) -> NumpySimulator:
    """A simulator from any Python function of NumPy arrays.

    A row that raises, ends by ``sys.exit``, or gives None, nothing, NaN or infinity, becomes a row
    of NaN, and one warning a call says how many did and why the first one failed; NaN alone will
    do, whatever the shape of the other rows. An interrupt (Ctrl-C) is never taken for a failure.
    There are no gradients: say ``differentiable=False`` to the task. A function that draws noise
    says ``noisy=True``; its numbers follow the seed of a task where NumPy's generator is made in
    it from torch's, ``np.random.default_rng(int(torch.randint(2**31, ())))``.

    Args:
        f: with ``batched=False``, one row ``(dx,)``, and the row of contexts ``(dc,)`` where the
            task has them, to a number, a vector or an image. With ``batched=True``, rows
            ``(N, dx)`` and ``(N, dc)`` to ``(N,)`` or ``(N, *dy)``, with the axis of rows where
            there is one row too; where it raises, the rows are tried one by one. It gets float64
            copies that it may change.
        batched: which of the two.

    Returns:
        A simulator: ``(..., dx)`` to ``(..., *dy)``, with the dtype and on the device of x; a
        number becomes a vector of one.

    Raises:
        TypeError: ``f`` is not callable, or ``batched`` not True or False.

    The simulator raises ``ValueError`` where rows give different shapes, or no real numbers, and
    where all rows raise or give None before one succeeded, so that the shape of y is not known.

    Another program is one more Python function::

        def solver(x):
            ran = subprocess.run(
                ["./solver", *map(str, x)], capture_output=True, text=True, check=True, timeout=60
            )
            return np.array(ran.stdout.split(), dtype=float)


        task = Task(
            "solver",
            numpy_simulator(solver, batched=False),
            Box([0, 0], [1, 1]),
            differentiable=False,
        )

    Example:
        >>> import warnings
        >>> import torch
        >>> import invlab
        >>> def inverse(x):  # one row, as an array of NumPy
        ...     return 1 / float(x[0])
        >>> simulator = invlab.numpy_simulator(inverse, batched=False)
        >>> with warnings.catch_warnings(action="ignore"):  # of the row that fails
        ...     simulator(torch.tensor([[4.0], [0.0]])).tolist()
        [[0.25], [nan]]
    """
    return NumpySimulator(f, batched=batched)


def _said(error: BaseException) -> str:
    """What went wrong in a line; of a program that failed, the last line that it wrote."""
    written = getattr(error, "stderr", None)
    text = written.decode(errors="replace") if isinstance(written, bytes) else written
    last = text.strip().splitlines()[-1:] if isinstance(text, str) else []
    return f"{type(error).__name__}: {' '.join(last) or error}"


class NumpySimulator:
    """What :func:`numpy_simulator` makes.

    Attributes:
        f, batched: as given.
        shape: ``dy`` of one observation, or None before a row has succeeded.
    """

    def __init__(self, f: Callable[..., Any], *, batched: bool) -> None:
        if not callable(f):
            raise TypeError(f"numpy_simulator: expected a function, got {type(f).__name__}")
        self.f, self.batched = f, require_flag("numpy_simulator: batched", batched)
        self.name = getattr(f, "__name__", type(f).__name__)
        self.shape: tuple[int, ...] | None = None

    def __repr__(self) -> str:
        return f"numpy_simulator({self.name}, batched={self.batched})"

    def __call__(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Map unknowns ``(..., dx)``, and contexts ``(..., dc)``, to ``(..., *dy)``.

        y has the dtype of x; that of whole numbers is float64.

        Raises:
            TypeError: x is no tensor.
            ValueError: no rows, no axis of unknowns, or contexts of other leading axes than x.
        """
        if not isinstance(x, Tensor):
            kind = type(x).__name__
            raise TypeError(
                f"{self.name}: expected a tensor (..., dx), got {kind}; use torch.tensor"
            )
        if x.ndim == 0:
            raise ValueError(
                f"{self.name}: expected unknowns of shape (..., dx), got a single number"
            )
        if x.numel() == 0:
            raise ValueError(f"{self.name}: expected at least one row, got shape {tuple(x.shape)}")
        c = None if c is None else one_a_row(f"{self.name}: c", x, c)
        inputs = [_rows(x)] if c is None else [_rows(x), _rows(c)]
        failures: dict[int, str] = {}
        found = self._together(inputs) if self.batched else None
        if found is None:
            found = self._one_by_one(inputs, failures)
        lost = ~np.isfinite(found.reshape(len(found), -1)).all(1)
        if lost.any():
            found[lost] = np.nan
            self._warn(int(np.argmax(lost)), lost, failures, inputs[0])
        dtype = x.dtype if x.is_floating_point() else torch.float64
        y = torch.as_tensor(found, device="cpu").to(x.device, dtype)
        return y.reshape(*x.shape[:-1], *found.shape[1:])

    def _together(self, inputs: list[np.ndarray]) -> np.ndarray | None:
        """Observations of a function for batches; None where it raised."""
        try:
            values = self.f(*(rows.copy() for rows in inputs))
        except (Exception, SystemExit):
            return None
        found = self._array(values, "all rows")
        if found.shape in ((), (len(inputs[0]),)) and _is_failure(found):
            return np.full((len(inputs[0]), *self._known_shape(inputs[0], {})), np.nan)
        if len(inputs[0]) == 1:
            found = self._with_its_axis(found, self.shape, "a single row")
        if found.ndim == 0 or len(found) != len(inputs[0]):
            raise ValueError(
                f"{self.name}: expected one observation a row, ({len(inputs[0])}, ...), got shape "
                f"{found.shape}; say batched=False for a function of one row"
            )
        found = found[:, None] if found.ndim == 1 else found
        self._settle(found.shape[1:], "all rows")
        return found

    def _one_by_one(self, inputs: list[np.ndarray], failures: dict[int, str]) -> np.ndarray:
        """Observations of each row; a row that raised is NaN, and its message kept.

        The rows that are good say the shape of y; without any, those of several NaN do.
        """
        values: dict[int, np.ndarray] = {}
        shape, lost = self.shape, None
        for i in range(len(inputs[0])):
            rows = [part[i : i + 1].copy() if self.batched else part[i].copy() for part in inputs]
            try:
                value = self.f(*rows)
            except (Exception, SystemExit) as error:  # a solver may end by sys.exit
                failures[i] = _said(error)
                continue
            if value is None:
                failures[i] = "gave None; does the function return y?"
                continue
            found = self._array(value, f"row {i}")
            if found.size == 0:
                failures[i] = "gave no number"
                continue
            if self.batched:
                found = self._with_its_axis(found, shape, f"row {i}")[0]
            found = found.reshape(1) if found.ndim == 0 else found
            if _is_failure(found):
                lost = found.shape if found.size > 1 else lost
                continue
            self._require_shape(shape, found.shape, f"row {i}")
            values[i], shape = found, found.shape
        self.shape = lost if shape is None else shape
        nothing = np.full(self._known_shape(inputs[0], failures), np.nan)
        return np.stack([values.get(i, nothing) for i in range(len(inputs[0]))])

    def _with_its_axis(
        self, found: np.ndarray, shape: tuple[int, ...] | None, where: str
    ) -> np.ndarray:
        """What a function for batches gave for one row, ``(1, *dy)``, also where it squeezed that.

        Args:
            found: a number, an observation of the known shape, or one with the axis of rows.
            shape: of one observation, where it is known.
            where: how the error calls the row.

        Raises:
            ValueError: the axis of rows is not there, and nobody knows which is missing.
        """
        if found.shape in ((), shape):
            return found[None]
        if len(found) != 1:
            raise ValueError(
                f"{self.name}: expected (1, ...) for {where}, got shape {found.shape}; keep the "
                "axis of rows where there is one row too (np.squeeze drops it), or say "
                "batched=False for a function of one row"
            )
        return found

    def _known_shape(self, x: np.ndarray, failures: dict[int, str]) -> tuple[int, ...]:
        """The shape of y, which rows before or among these ``x`` have said."""
        if self.shape is None:
            raise UnknownShapeError(
                f"{self.name}: all {len(x)} rows failed, so the shape of y is not known; "
                f"the first, x = {_short(x[0])}: {failures.get(0, 'gave NaN or infinity')}"
            )
        return self.shape

    def _array(self, value: Any, where: str) -> np.ndarray:
        """What the function returned, as float64 numbers of its own."""
        if isinstance(value, Tensor):
            value = value.detach().cpu().numpy()
        value = unmasked(value)
        try:
            found = np.asarray(value)
            if (
                found.dtype.kind == "O"
                and found.ndim
                and all(number is None or isinstance(number, Real) for number in found.flat)
            ):
                found = found.astype(np.float64)  # None, as of JSON, is NaN
        except ValueError as error:  # lists of different lengths
            raise ValueError(f"{self.name}: {where} gave no array: {error}") from error
        if found.dtype.kind not in "fiub":
            kind = type(value).__name__ if found.dtype.kind == "O" else str(found.dtype)
            raise ValueError(f"{self.name}: expected real numbers, but {where} gave {kind}")
        return found.astype(np.float64)

    def _settle(self, shape: tuple[int, ...], where: str) -> None:
        if 0 in shape:
            raise ValueError(
                f"{self.name}: expected at least one number a row, but {where} gave {shape}"
            )
        self._require_shape(self.shape, shape, where)
        self.shape = shape

    def _require_shape(
        self, known: tuple[int, ...] | None, shape: tuple[int, ...], where: str
    ) -> None:
        if known is not None and shape != known:
            raise ValueError(
                f"{self.name}: expected an observation of shape {known}, as before, but "
                f"{where} gave {shape}"
            )

    def _warn(self, first: int, lost: np.ndarray, failures: dict[int, str], x: np.ndarray) -> None:
        why = failures.get(first, "gave NaN or infinity")
        message = (
            f"{self.name}: {int(lost.sum())} of {len(lost)} rows failed and are NaN; "
            f"the first, x = {_short(x[first])}: {why}"
        )
        warnings.warn(message, FailedRows, stacklevel=4)


def _is_failure(found: np.ndarray) -> bool:
    """Whether there is no number in it."""
    return not np.isfinite(found).any()


def _rows(values: Tensor) -> np.ndarray:
    """A table of float64 rows."""
    return values.detach().to("cpu", torch.float64).reshape(-1, values.shape[-1]).numpy()


def _short(row: np.ndarray) -> str:
    """A row in few digits, for a message."""
    shown = ", ".join(f"{number:.4g}" for number in row[:8])
    return f"[{shown}, ...]" if len(row) > 8 else f"[{shown}]"
