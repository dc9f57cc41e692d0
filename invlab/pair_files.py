"""Data that exist already: unknowns and observations from CSV, NumPy and HDF5 files."""

from __future__ import annotations

import csv
import itertools
import warnings
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from invlab.validation import did_you_mean, is_integer, require_count

__all__ = ["TEXT", "Columns", "column_names", "read_arrays", "read_table"]

# Endings of tables in text.
TEXT = (".csv", ".tsv", ".txt", ".dat")

# Which part of a file: how many columns, or names of columns or arrays.
Columns = int | str | Sequence[str] | None


class Arrays(NamedTuple):
    """What a file holds, and the names that a table has for the unknowns."""

    x: np.ndarray
    y: np.ndarray
    c: np.ndarray | None
    labels: list[str] | None = None


# What a spreadsheet writes where it has no number; it begins as a remark does.
MARKS = ("#n/a", "#div/0!", "#value!", "#num!", "#ref!", "#name?", "#null!")
# What stands in a table where a number is missing.
MISSING = {"", "na", "n/a", "nan", "null", "none", *MARKS}
WORDS = "; write kinds as whole numbers, such as 1 for glass, or leave their column out"
FORMATS = "expected .csv, .tsv, .txt, .npy, .npz, .h5 or .hdf5"


def read_arrays(path: str | Path, x: Columns, y: Columns, c: Columns) -> Arrays:
    """Unknowns, observations, contexts and labels of a file; see ``Pairs.from_file``.

    Raises:
        FileNotFoundError: no such file.
        ImportError: an HDF5 file, and h5py is not installed.
        ValueError: a format, a column or an entry that cannot be read; the message says where.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path}: there is no such file")
    x, y, c = map(_listed, (x, y, c))
    ending = path.suffix.lower()
    if ending in TEXT:
        counted = all(map(is_integer, (x, y))) and (c is None or is_integer(c))
        names, table = _table(path, _words(x, y, c), empty=False, every=counted)
        return _from_table(path, names, table, x, y, c)
    if ending == ".npy":
        table = _loaded(path, np.ndarray)
        if table.ndim != 2:
            raise ValueError(f"{path}: expected a table of two axes, got shape {table.shape}")
        return _from_table(path, None, _numbers(path, "the table", table), x, y, c)
    if ending == ".npz":
        with _loaded(path, np.lib.npyio.NpzFile) as file:
            return _from_arrays(path, file, list(file.files), x, y, c)
    if ending in (".h5", ".hdf5", ".hdf"):
        return _from_hdf5(path, x, y, c)
    raise ValueError(f"{path}: {FORMATS}, got {ending or 'no ending'}")


def read_table(path: str | Path, columns: Sequence[str] | None = None) -> np.ndarray:
    """The numbers of a table (``.csv``, ``.tsv``, ``.txt``, ``.npy``), a row a line; NaN is kept.

    Args:
        path: of the file.
        columns: names of those that are wanted, in this order, whatever stands beside them; all if
            not given. A file without names has these columns and no others. A line of numbers
            is a target, except where these are its names.

    Raises:
        FileNotFoundError: no such file.
        ValueError: another format, an entry that is no number, or a column that is missing.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path}: there is no such file")
    names: list[str] | None = None
    if path.suffix.lower() == ".npy":
        table = _numbers(path, "the table", _loaded(path, np.ndarray))
        if table.ndim == 0:
            raise ValueError(f"{path}: expected rows of numbers, got a single one without an axis")
    elif path.suffix.lower() in TEXT:
        names, table = _table(path, columns or (), empty=True, every=columns is None)
    else:
        raise ValueError(
            f"{path}: expected .csv, .tsv, .txt or .npy, got {path.suffix or 'no ending'}"
        )
    if columns is None:
        return table
    if names is not None:
        return table[:, _places(path, names, columns)]
    if table.ndim != 2 or table.shape[1] != len(columns):
        raise ValueError(
            f"{path}: expected the columns {list(columns)}, got shape {table.shape} without names"
        )
    return table


def column_names(path: str | Path) -> list[str] | None:
    """What a table in text says in its first line; None where that holds numbers, or no text."""
    path = Path(path)
    return None if path.suffix.lower() == ".npy" else _table(path, (), empty=True, every=False)[0]


def _listed(asked: Any) -> Columns:
    """Names as a list, also where they come in an array or in pandas' index."""
    if asked is None or isinstance(asked, str) or is_integer(asked):
        return asked
    if isinstance(asked, bytes | bool) or not isinstance(asked, Iterable):
        raise TypeError(f"columns: expected names, or how many there are, got {asked!r}")
    return [str(name) for name in asked]


def _loaded(path: Path, kind: type) -> Any:
    try:
        found = np.load(path, allow_pickle=False)  # a pickle could run any code
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path}: is no file of NumPy that holds numbers ({error})") from error
    if not isinstance(found, kind):
        other = ".npy" if isinstance(found, np.ndarray) else ".npz"
        raise ValueError(f"{path}: holds what NumPy writes to {other} files; rename it")
    return found


def _from_hdf5(path: Path, x: Columns, y: Columns, c: Columns) -> Arrays:
    try:
        import h5py
    except ImportError as error:
        message = f"{path}: reading HDF5 needs one more package: pip install h5py"
        raise ImportError(message, name="h5py") from error
    try:
        opened = h5py.File(path, "r")
    except OSError as error:
        raise ValueError(f"{path}: is no HDF5 file ({error})") from error
    with opened as file:
        names: list[str] = []
        file.visititems(lambda name, node: names.append(name) if hasattr(node, "shape") else None)
        return _from_arrays(path, file, names, x, y, c)


def _from_arrays(
    path: Path, file: Any, names: list[str], x: Columns, y: Columns, c: Columns
) -> Arrays:
    """Named arrays; ``"x"``, ``"y"`` and ``"c"`` (where there is one) unless other names come."""
    if c is None and "c" in names:
        c = "c"

    def array(what: str, asked: Columns) -> np.ndarray:
        asked = what if asked is None else asked
        if is_integer(asked):
            raise ValueError(f"{path}: {what}: expected names of arrays, of {names}; got {asked}")
        listed = [asked] if isinstance(asked, str) else list(asked)  # type: ignore[arg-type]
        for name in listed:
            if name not in names:
                raise ValueError(f"{path}: has no array {name!r}, {_among(name, names)}")
        _require_distinct(path, listed)
        parts = [_numbers(path, name, _read(path, file, name)) for name in listed]
        parts = [part[:, None] if part.ndim == 1 else part for part in parts]
        try:
            return parts[0] if len(parts) == 1 else np.concatenate(parts, -1)
        except ValueError as error:
            raise ValueError(f"{path}: {listed} do not fit together: {error}") from error

    _require_distinct(path, _words(*(w if a is None else a for w, a in (("x", x), ("y", y))), c))
    unknowns = array("x", x)
    labels = _labels(file, unknowns.shape[-1]) if x is None and "labels" in names else None
    return Arrays(unknowns, array("y", y), None if c is None else array("c", c), labels)


def _labels(file: Any, many: int) -> list[str] | None:
    """The names of unknowns as ``Pairs.save`` writes them; an array of other things is no names."""
    try:
        found = np.asarray(file["labels"])
    except (ValueError, OSError, zipfile.BadZipFile):
        return None
    return found.tolist() if found.dtype.kind == "U" and found.shape == (many,) else None


def _read(path: Path, file: Any, name: str) -> np.ndarray:
    try:
        return np.asarray(file[name])
    except (ValueError, OSError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path}: {name!r} holds no numbers ({error})") from error


def _numbers(path: Path, name: str, array: np.ndarray) -> np.ndarray:
    """Floating-point numbers: whole ones become float64."""
    if array.dtype.kind in "biu":
        return array.astype(np.float64)
    if array.dtype.kind != "f":
        raise ValueError(f"{path}: {name}: expected real numbers, got {array.dtype}")
    return array


def _from_table(
    path: Path, names: list[str] | None, table: np.ndarray, x: Columns, y: Columns, c: Columns
) -> Arrays:
    asked = {"x": x, "y": y} | ({} if c is None else {"c": c})
    width = table.shape[1]
    has = f"its {width} columns are {names}" if names else f"it has {width} columns without names"
    if x is None or y is None:
        raise ValueError(f"{path}: say which columns are x and y, by names or by counts; {has}")
    if all(map(is_integer, asked.values())):
        counts = [require_count(f"{path}: {what}", count) for what, count in asked.items()]
        if sum(counts) != width:
            raise ValueError(
                f"{path}: expected as many columns as asked for, {' + '.join(map(str, counts))}, "
                f"but {has}; give names to leave some out"
            )
        parts = np.split(table, np.cumsum(counts)[:-1], axis=1)
        labels = names[: counts[0]] if names else None
    elif any(map(is_integer, asked.values())):
        raise ValueError(f"{path}: expected names for x, y and c, or counts for all, got {asked}")
    elif names is None:
        raise ValueError(f"{path}: has no line of names; give counts of columns, such as x=3, y=2")
    else:
        _require_distinct(path, _words(x, y, c))
        parts = [table[:, _places(path, names, chosen)] for chosen in asked.values()]
        labels = _words(x)
    return Arrays(parts[0], parts[1], parts[2] if len(parts) == 3 else None, labels)


def _places(path: Path, names: list[str], asked: Any) -> list[int]:
    listed = [asked] if isinstance(asked, str) else list(asked)
    _require_distinct(path, listed)
    for name in listed:
        if names.count(name) > 1:
            raise ValueError(
                f"{path}: has more than one column {name!r}, at places "
                f"{[place + 1 for place, other in enumerate(names) if other == name]}; rename them "
                "in the file, or give counts of columns, such as x=3, y=2"
            )
        if name not in names:
            raise ValueError(f"{path}: has no column {name!r}, {_among(name, names)}")
    return [names.index(name) for name in listed]


def _require_distinct(path: Path, asked: list[str]) -> None:
    twice = [name for name in asked if asked.count(name) > 1]
    if twice:
        raise ValueError(
            f"{path}: expected each name once, but {twice[0]!r} stands {asked.count(twice[0])} "
            f"times in {asked}"
        )


def _among(name: Any, names: list[str]) -> str:
    return f"only {', '.join(map(repr, names))}{did_you_mean(name, names)}"


def _words(*asked: Columns) -> list[str]:
    """The names of columns that are asked for; none where counts are."""
    listed = [[part] if isinstance(part, str) else part for part in asked]
    return [name for part in listed if isinstance(part, Sequence) for name in part]


def _table(
    path: Path, asked: Sequence[str], *, empty: bool, every: bool
) -> tuple[list[str] | None, np.ndarray]:
    """Names of the columns, where the first line has them, and the numbers, float64.

    Args:
        path: of the file.
        asked: names that are wanted, which tell a line of numbers that are names.
        empty: whether a line in which nothing was filled in keeps its place between the others,
            as NaN; else it is left out.
        every: whether all columns are wanted; else what is no number in one that is not asked for,
            such as the name of a run, is NaN.
    """
    delimiter, lines = _lines(path, asked, empty)
    names = None
    if lines and _is_header(path, lines, asked):
        names = [cell.removeprefix("#").strip() for cell in lines.pop(0)[1]]
        names = names[1:] if names[0] == "" and delimiter == " " else names
    lines = [(number, row) for number, row in lines if not _is_comment(row[0])]
    if not lines:
        raise ValueError(f"{path}: expected lines of numbers, found none")
    heads = names or [""] * len(lines[0][1])
    wanted = [every or not names or name in asked for name in heads]
    return names, np.array([_row(path, number, row, heads, wanted) for number, row in lines])


def _lines(
    path: Path, asked: Sequence[str], empty: bool
) -> tuple[str, list[tuple[int, list[str]]]]:
    """The delimiter, and the entries of each line with its number.

    Remarks that head the file are left out, but for one that names the columns. An empty line
    counts, if it does at all, where something is missing: between the numbers of a single column,
    and where delimiters stand in it.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            written = file.read().splitlines(keepends=True)
        remarks = len(list(itertools.takewhile(_is_remark, written)))
        delimiter = _delimiter(written[remarks:])
        reader = csv.reader(written, delimiter=delimiter, skipinitialspace=True)
        rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader]
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path}: expected text in UTF-8, but {error}; save it again as UTF-8"
        ) from error
    except csv.Error as error:
        raise ValueError(f"{path}: is no table of text ({error})") from error
    if delimiter == " ":
        rows = [(number, [cell for cell in row if cell]) for number, row in rows]
    head = [(number, row) for number, row in rows if number <= remarks and any(row)]
    rows = [(number, row) for number, row in rows if number > remarks]
    filled = [place for place, (_, row) in enumerate(rows) if any(row)]
    rows = rows[: filled[-1] + 1] if filled else []
    single = all(len(row) < 2 for _, row in rows)
    rows = [
        (number, row or [""])
        for number, row in rows
        if any(row) or (empty and (single or len(row) > 1))
    ]
    named = [line for line in head if rows and _names(line[1], rows[0][1], asked)]
    return delimiter, [*named[-1:], *rows]


def _delimiter(lines: list[str]) -> str:
    """What stands between the first entries; a quoted one may go on in the next line."""
    first = ""
    for line in lines:
        first += line
        if first.count('"') % 2 == 0:
            break
    return next((sign for sign in ",\t;" if sign in first), " ")


def _is_remark(line: str) -> bool:
    text = line.lstrip()
    return not text or _is_comment(text)


def _is_comment(text: str) -> bool:
    return text.startswith("#") and not text.lower().startswith(MARKS)


def _names(remark: list[str], cells: list[str], asked: Sequence[str]) -> bool:
    """Whether a remark names the columns: one a number, the asked ones among them, in letters."""
    named = [cell for cell in (remark[0].removeprefix("#").strip(), *remark[1:]) if cell]
    fits = len(named) == len(cells) and all(_number(cell) is not None for cell in cells)
    return fits and set(asked) <= set(named) and any(map(str.isalnum, "".join(named)))


def _is_header(path: Path, lines: list[tuple[int, list[str]]], asked: Sequence[str]) -> bool:
    """Whether the first line has names: words, or the numbers of the columns where they are asked.

    Raises:
        ValueError: words and numbers stand side by side in it, as after a slip of the keys.

    Warns:
        UserWarning: numbers that may be names, as pandas writes them, are taken for data.
    """
    number, cells = lines[0]
    plain = [cell if cell.lower() in MARKS else cell.removeprefix("#").strip() for cell in cells]
    words = [cell for cell in plain if cell and _number(cell) is None]
    if asked and set(asked) <= set(plain):
        return True
    if not words:
        return _numbers_columns(path, lines)
    figures = [cell for cell in cells if _number(cell) is not None]
    if figures and not cells[0].startswith("#") and len(words) < len(figures):
        raise ValueError(
            f"{path}, line {number}: expected names or numbers, got {words[0]!r} among numbers; "
            "if they are names all the same, ask for the columns by name"
        )
    return True


def _numbers_columns(path: Path, lines: list[tuple[int, list[str]]]) -> bool:
    """Whether the first line, of numbers alone, is what pandas writes above unnamed columns."""
    number, cells = lines[0]
    inner = cells[1:] if cells[0] == "" else cells  # nothing stands above pandas' index
    if len(cells) < 2 or len(lines) < 2 or inner != [str(k) for k in range(len(inner))]:
        return False
    if cells[0] == "":
        return True
    warnings.warn(
        f"{path}, line {number}: {', '.join(cells)} is taken for data; if these are names of "
        "columns, as pandas writes them, delete that line (pandas: to_csv(header=False)), or ask "
        "for columns by these names, such as x='0'",
        stacklevel=6,
    )
    return False


def _row(
    path: Path, line: int, cells: list[str], heads: list[str], wanted: list[bool]
) -> list[float]:
    if len(cells) != len(heads):
        raise ValueError(f"{path}, line {line}: expected {len(heads)} entries, got {len(cells)}")
    numbers = []
    for place, cell in enumerate(cells):
        number = _number(cell)
        if number is None and not wanted[place]:
            number = float("nan")
        if number is None:
            head = f" in column {heads[place]!r}" if heads[place] else ""
            comma = "; write it with a point" if _number(cell.replace(",", ".")) else ""
            raise ValueError(
                f"{path}, line {line}, entry {place + 1}: expected a number, got {cell!r}"
                f"{head}{comma or WORDS * cell.isalpha()}"
            )
        numbers.append(number)
    return numbers


def _number(cell: str) -> float | None:
    """A number; NaN for a missing one; None for what is none."""
    if cell.lower() in MISSING:
        return float("nan")
    if "_" in cell:  # Python reads 1_1 as 11
        return None
    try:
        return float(cell)
    except ValueError:
        return None
