"""What methods learn from and what they are asked: pairs of x and y, and targets."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from invlab.files import write_whole
from invlab.pair_files import TEXT, Columns, read_arrays
from invlab.runtime import device, normal_tensor
from invlab.validation import (
    batch_shape,
    native,
    require_flag,
    require_generator,
    require_labels,
    require_number,
    require_same_length,
    require_tensor,
)

__all__ = ["EmptyPart", "Pairs", "Targets", "require_pairs"]


class EmptyPart(ValueError):
    """Pairs cannot be divided: one of two parts would have no rows.

    Attributes:
        reason: the end of a message where it is not the number of rows, such as that all rows are
            equal; else empty.
    """

    def __init__(self, share: float, rows: int, *, equal: bool) -> None:
        self.reason = "; all of them are equal, and equal rows stay together" if equal else ""
        remedy = "rows that differ" if equal else "more pairs or another share"
        super().__init__(
            f"split: {share} of {rows} rows leaves one part empty{self.reason}; give {remedy}"
        )


@dataclass(frozen=True)
class Pairs:
    """Unknowns and the observations they cause: the data a method learns from.

    NumPy arrays, nested lists of numbers and what can be read as an array are taken as well, and
    become tensors on the CPU. Whole numbers and truth values, in tensors too, become float64.
    Tensors that carry a graph are detached from it.

    Attributes:
        x: unknowns, shape ``(N, dx)``.
        y: observations, shape ``(N, *dy)``; NaN where a simulation failed.
        c: contexts, shape ``(N, dc)``, or None.
        labels: names of the unknowns, such as those that a table has, or None.

    Raises:
        TypeError: something holds no real numbers, or labels are no list.
        ValueError: different numbers of rows, no rows, NaN in x or c, tensors on different
            devices, another number of labels than of unknowns, or a label that comes twice.

    Example:
        >>> import numpy as np
        >>> import invlab
        >>> x = np.array([[1.0], [2.0], [3.0]])
        >>> pairs = invlab.Pairs(x, x**2, labels=["side"])
        >>> pairs
        Pairs(x: (3, 1), y: (3, 1))
        >>> pairs[:2].y.tolist()
        [[1.0], [4.0]]
    """

    x: Tensor
    y: Tensor
    c: Tensor | None = None
    labels: Sequence[str] | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        _settle(self)
        require_tensor("Pairs: x", self.x, ("N", "dx"))
        shape = ("N", *batch_shape(self.y)[1:])
        # a simulation may fail: such rows stay, and Task.usable leaves them out
        require_tensor("Pairs: y", self.y, shape, finite=False, device=self.x.device)
        if self.c is not None:
            require_tensor("Pairs: c", self.c, ("N", "dc"), device=self.x.device)
        require_same_length(x=self.x, y=self.y, c=self.c)
        if self.labels is not None:
            words = require_labels("Pairs", "labels", self.labels, self.x.shape[1])
            object.__setattr__(self, "labels", words)

    @classmethod
    def from_file(
        cls, path: str | Path, *, x: Columns = None, y: Columns = None, c: Columns = None
    ) -> Pairs:
        """Pairs that lie in a file, with its precision and its names of the unknowns.

        Args:
            path: a table (``.csv``, ``.tsv``, ``.txt``, or ``.npy`` of two axes), or arrays
                (``.npz``, or ``.h5`` and ``.hdf5`` where h5py is installed). No pickle is read.
            x, y, c: of a table, the names of its columns, such as ``x=["width", "angle"]``, or
                counts, ``x=2, y=3``, for columns in the order x, y, c. Of arrays, their names,
                ``"x"``, ``"y"`` and ``"c"`` if not given; the first axis counts the rows.
                A first line ``0,1,2`` of a table, which may be what pandas writes above columns
                without names, is a row of data with a warning, and names where these are asked
                for; with an empty entry in front, above pandas' index, it is always names.

        Returns:
            Pairs on ``runtime.device()``. An empty entry of a table, or ``nan``, is NaN, which y
            may hold: such rows count as failed.

        Raises:
            FileNotFoundError: no such file.
            ImportError: an HDF5 file, and h5py is not installed.
            ValueError: another format, a column that is missing, stands more than once in the file
                or is asked for twice, or an entry that is no number; one of x or c that is missing,
                with its place.

        Example:
            >>> import numpy as np
            >>> import invlab
            >>> rows = [[1.0, 0.5, 2.0], [3.0, 0.1, 4.0]]
            >>> names = "width,angle,focus"
            >>> np.savetxt("lenses.csv", rows, delimiter=",", header=names, comments="")
            >>> pairs = invlab.Pairs.from_file("lenses.csv", x=["width", "angle"], y="focus")
            >>> pairs.labels, pairs.y.tolist()
            (['width', 'angle'], [[2.0], [4.0]])
        """
        found = read_arrays(path, x, y, c)
        _require_filled(Path(path), "x", found.x, found.labels)
        _require_filled(Path(path), "c", found.c, None)
        labels = None if found.labels is None else _told_apart(found.labels)
        try:
            whole = cls(found.x, found.y, found.c, labels=labels)  # type: ignore[arg-type]
            return whole.to(device())
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error

    def save(self, path: str | Path) -> None:
        """Write a ``.npz`` file that :meth:`from_file` and NumPy read.

        Raises:
            ValueError: another ending.
        """
        path = Path(path)
        if path.suffix.lower() != ".npz":
            raise ValueError(f"{path}: expected a name that ends in .npz")
        named = {"x": self.x, "y": self.y} | ({} if self.c is None else {"c": self.c})
        content = io.BytesIO()
        arrays: dict[str, Any] = {name: _array(value) for name, value in named.items()}
        if self.labels is not None:
            arrays["labels"] = np.array(list(self.labels), dtype=str)
        np.savez(content, **arrays)
        write_whole(path, content.getvalue())

    def __len__(self) -> int:
        return len(self.x)

    def __repr__(self) -> str:
        shapes = {"x": self.x, "y": self.y} | ({} if self.c is None else {"c": self.c})
        sizes = ", ".join(f"{name}: {tuple(value.shape)}" for name, value in shapes.items())
        failed = int((~self.y.flatten(1).isfinite()).any(1).sum())
        return f"Pairs({sizes}" + (f", {failed} rows with an invalid y)" if failed else ")")

    def __getitem__(self, rows: Tensor | slice) -> Pairs:
        """The chosen rows, as pairs."""
        c = None if self.c is None else self.c[rows]
        return Pairs(self.x[rows], self.y[rows], c, labels=self.labels)

    def in_order_of(self, labels: Sequence[str]) -> Pairs:
        """The same pairs with the unknowns in the order of ``labels``, where these are their names.

        Pairs without names, or with other ones, are taken by place and come back as they are.

        Example:
            >>> import invlab
            >>> pairs = invlab.Pairs([[1.0, 2.0]], [[3.0]], labels=["width", "angle"])
            >>> pairs.in_order_of(["angle", "width"]).x.tolist()
            [[2.0, 1.0]]
        """
        own, wanted = list(self.labels or ()), list(labels)
        if own == wanted or sorted(own) != sorted(wanted):
            return self
        places = [own.index(label) for label in wanted]
        return Pairs(self.x[:, places], self.y, self.c, labels=wanted)

    def joined(self, more: Pairs) -> Pairs:
        """These rows and, behind them, more of the same task, in the wider dtype of the two.

        Unknowns that have the same names in another order are put into that of these pairs.

        Raises:
            TypeError: no pairs.
            ValueError: only one of the two has contexts, or they have other shapes.
        """
        require_pairs("joined", more)
        if (self.c is None) != (more.c is None):
            raise ValueError("joined: expected contexts c in both pairs or in none, got one")
        for name in ("x", "y", "c"):
            own, came = getattr(self, name), getattr(more, name)
            if own is not None and own.shape[1:] != came.shape[1:]:
                raise ValueError(
                    f"joined: expected {name} of shape (N, {', '.join(map(str, own.shape[1:]))}) "
                    f"in both pairs, got {tuple(came.shape)}"
                )
        more = more if self.labels is None else more.in_order_of(self.labels)
        c = None if self.c is None or more.c is None else torch.cat([self.c, more.c])
        x, y = torch.cat([self.x, more.x]), torch.cat([self.y, more.y])
        return Pairs(x, y, c, labels=self.labels)

    def to(self, *to: Any) -> Pairs:
        """The same pairs on another device or of another dtype, as by ``Tensor.to``."""
        c = None if self.c is None else self.c.to(*to)
        return Pairs(self.x.to(*to), self.y.to(*to), c, labels=self.labels)

    def split(
        self,
        share: float,
        *,
        generator: torch.Generator | None = None,
        together: bool = True,
    ) -> tuple[Pairs, Pairs]:
        """A random ``(kept, held out)`` division with ``share`` of the rows held out.

        Args:
            share: of the rows.
            generator: CPU generator; torch's global one if not given.
            together: equal rows, those with the same x, y and c, stay in one part, so that what
                was learned from is not held out as well. Where rows repeat, the held-out part is
                then as large as whole groups of equal rows allow. False divides row by row, for
                unknowns that are whole numbers and repeat by law.

        Raises:
            EmptyPart: one of the two parts would be empty, a ``ValueError``.

        Example:
            >>> import torch
            >>> import invlab
            >>> pairs = invlab.get_task("sine").sample(100)
            >>> learned, held_out = pairs.split(0.2, generator=torch.Generator().manual_seed(0))
            >>> len(learned), len(held_out)
            (80, 20)
        """
        require_generator("split: generator", generator)
        share = require_number("share", share)
        if share != share:
            raise ValueError("share: expected a number from 0 to 1, got nan")
        held = round(share * len(self))
        order = torch.randperm(len(self), generator=generator, device="cpu")
        enough = 0 < held < len(self)
        if require_flag("together", together) and enough:
            held, order = _together(order, self.equal_rows().cpu(), held)
        if not 0 < held < len(self):
            raise EmptyPart(share, len(self), equal=enough)
        order = order.to(self.x.device)
        return self[order[held:]], self[order[:held]]

    def distinct(self) -> Pairs:
        """The pairs without those that equal an earlier one, in their order."""
        group = self.equal_rows()
        rows = torch.arange(len(self), device=group.device)
        first = rows.new_full((int(group.max()) + 1,), len(self))
        return self[first.scatter_reduce(0, group, rows, "amin").sort().values]

    def equal_rows(self) -> Tensor:
        """A number for each row, ``(N,)``, the same for rows of equal x, y and c.

        NaN counts as equal to NaN.
        """
        first = _numbered(self.x)
        if int(first.max()) + 1 == len(self):  # the usual case: nothing else needs comparing
            return first
        parts = [self.x, self.y.flatten(1), *([] if self.c is None else [self.c])]
        rows = torch.cat([part.double() for part in parts], 1)
        return _numbered(torch.cat([rows.nan_to_num(0.0), rows.isnan().double()], 1))


@dataclass(frozen=True)
class Targets:
    """Observations to be inverted, with the unknowns that made them where these are known.

    NumPy arrays are taken as by :class:`Pairs`.

    Attributes:
        y: observations, shape ``(B, *dy)``.
        c: contexts, shape ``(B, dc)``, or None.
        x: the unknowns behind them, shape ``(B, dx)``, or None.

    Example:
        >>> import torch
        >>> import invlab
        >>> targets = invlab.get_task("robot_arm").targets(5, seed=1)
        >>> tuple(targets.y.shape), tuple(targets.x.shape)
        ((5, 2), (5, 4))
        >>> measured = invlab.Targets(torch.tensor([[0.3, 0.2]]))
        >>> measured.x is None  # nobody knows what caused it
        True
    """

    y: Tensor
    c: Tensor | None = None
    x: Tensor | None = None

    def __post_init__(self) -> None:
        _settle(self)
        require_tensor("Targets: y", self.y, batch_shape(self.y))
        for name, shape in (("c", ("B", "dc")), ("x", ("B", "dx"))):
            value = getattr(self, name)
            if value is not None:
                require_tensor(f"Targets: {name}", value, shape, device=self.y.device)
        require_same_length(y=self.y, c=self.c, x=self.x)

    def __len__(self) -> int:
        return len(self.y)


def require_pairs(name: str, value: object, remedy: str = "Pairs(x, y) makes them") -> Pairs:
    """Check that something is :class:`Pairs`, and return it.

    Args:
        name: how the error calls it.
        value: what came.
        remedy: what gives pairs, for the end of the message.

    Raises:
        TypeError: something else.
    """
    if not isinstance(value, Pairs):
        raise TypeError(f"{name}: expected Pairs, got {type(value).__name__}; {remedy}")
    return value


def _settle(data: Pairs | Targets) -> None:
    """Arrays and lists become tensors, whole numbers float64, and tensors lose their graph."""
    for name in ("x", "y", "c"):
        value: Any = getattr(data, name)
        if not isinstance(value, Tensor | None):
            value = _read(f"{type(data).__name__}: {name}", value)
        if isinstance(value, Tensor):
            if value.requires_grad or value.is_inference():
                value = normal_tensor(value.detach())
            real = value.is_floating_point() or value.is_complex()  # what is complex is refused
            object.__setattr__(data, name, value if real else value.double())


def _read(name: str, value: Any) -> Tensor:
    """An array or a list of numbers as a tensor on the CPU.

    Raises:
        TypeError: it holds no numbers, or rows of different lengths.
    """
    kind = type(value).__name__
    try:
        array = native(np.array(value) if isinstance(value, list | tuple) else value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(f"{name}: expected rows of numbers, got {kind}: {error}") from error
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "biufc":
        of = f" of {array.dtype}" if isinstance(array, np.ndarray) else ""
        raise TypeError(
            f"{name}: expected a tensor, an array or a list of real numbers, got {kind}{of}"
        )
    return torch.as_tensor(array, device="cpu")


def _require_filled(
    path: Path, what: str, numbers: np.ndarray | None, labels: list[str] | None
) -> None:
    """Refuse unknowns or contexts of a file of which one is missing, and say where.

    Raises:
        ValueError: with the place of the first.
    """
    missing = np.zeros((0, 2)) if numbers is None else np.argwhere(~np.isfinite(numbers))
    if numbers is None or numbers.ndim != 2 or len(missing) == 0:
        return
    row, column = missing[0]
    name = f"number {column + 1}" if labels is None else f"column {labels[column]!r}"
    raise ValueError(
        f"{path}, {_place(path, row, len(numbers))}, {name} of {what}: expected a finite number, "
        f"got {numbers[row, column]}, which stands for an empty entry too; fill it in, or delete "
        f"the row ({len(missing)} of {numbers.size} are missing or infinite)"
    )


def _place(path: Path, row: int, rows: int) -> str:
    """Where a row of numbers stands in its file: its line, where that can be told for certain."""
    if path.suffix.lower() not in TEXT:
        return f"row {row + 1}"
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    filled = [
        number
        for number, line in enumerate(lines, 1)
        if line.strip(' \t,;"') and not line.lstrip(' "').startswith("#")
    ]
    # names, where there are any, stand above the numbers in one line
    told = len(filled) in (rows, rows + 1)
    return f"line {filled[-rows:][row]}" if told else f"row {row + 1} of its numbers"


def _told_apart(labels: list[str]) -> list[str]:
    """Names of a table that are asked for by counts; those that come twice get their place too."""
    return [
        f"{label} {place}".strip() if labels.count(label) > 1 else label
        for place, label in enumerate(labels, 1)
    ]


def _numbered(rows: Tensor) -> Tensor:
    """A number for each different row of ``(N, d)``: ``(N,)``."""
    return rows.unique(dim=0, return_inverse=True)[1]


def _together(order: Tensor, group: Tensor, held: int) -> tuple[int, Tensor]:
    """Take whole groups of equal rows in a random order, while they fit into ``held`` rows.

    Args:
        order: all rows, ``(N,)``.
        group: the group of each row, ``(N,)``.
        held: at most so many rows are taken.

    Returns:
        How many were taken, and an order in which they come first: the given one where no two
        rows are equal. Where no group fits, the smallest is taken.
    """
    sizes = torch.bincount(group)
    if len(sizes) == len(order):
        return held, order
    seen: set[int] = set()
    taken: set[int] = set()
    room = held
    for number in group[order].tolist():
        size = int(sizes[number])
        if number not in seen and size <= room:
            taken.add(number)
            room -= size
        seen.add(number)
    if not taken:
        taken.add(int(sizes.argmin()))
        room = held - int(sizes.min())
    first = torch.isin(group[order], torch.tensor(sorted(taken), dtype=torch.long, device="cpu"))
    return held - room, torch.cat([order[first], order[~first]])


def _array(value: Tensor) -> np.ndarray:
    value = value.cpu()
    return (value.float() if value.dtype == torch.bfloat16 else value).numpy()
