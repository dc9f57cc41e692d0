"""The command line: ``invlab compare``, ``invert``, ``check`` and ``generate``."""

from __future__ import annotations

import argparse
import importlib
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import invlab
from invlab.pair_files import TEXT, column_names, read_table
from invlab.runs.shards import read, whose
from invlab.runtime import any_encoding

__all__ = ["main"]

# Endings of files that hold pairs; anything else names a task.
FILES = (*TEXT, ".npy", ".npz", ".h5", ".hdf5", ".hdf")
DATA = "a task; or pairs: a file, or a folder that generate made"
# Packages that some commands need; the message says how to install them.
OPTIONAL = ("distributed", "h5py", "matplotlib", "zuko")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    any_encoding()
    parser = argparse.ArgumentParser(prog="invlab", description=invlab.__doc__)
    commands = parser.add_subparsers(required=True)

    for add in (_add_compare, _add_invert, _add_check, _add_generate):
        add(commands)
    options = parser.parse_args(arguments)
    try:
        return options.run(options)
    except (ValueError, TypeError, OSError, RuntimeError, FloatingPointError) as error:
        print(f"invlab: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        resumes = bool(getattr(options, "folder", None))
        more = "; the same command goes on from its folder" * resumes
        print(f"\ninvlab: interrupted{more}", file=sys.stderr)
        return 130  # as shells have it
    except ImportError as error:
        if error.name not in OPTIONAL:
            raise
        print(f"invlab: {error}", file=sys.stderr)
        return 2


def _add_compare(commands: Any) -> None:
    compare = commands.add_parser(
        "compare", help="which method for this task; resumes with --folder"
    )
    compare.add_argument("data", metavar="MODULE:TASK|FILE|FOLDER", help=DATA)
    _add_columns(compare)
    compare.add_argument(
        "--methods",
        nargs="+",
        default="auto",
        help="names, such as cinn lm; auto, the usual ones, may stand among them (default: auto)",
    )
    compare.add_argument("--n", type=int, default=1000, help="pairs to learn from (default 1000)")
    compare.add_argument("--targets", type=int, default=50, help="for each seed (default 50)")
    compare.add_argument(
        "--guesses", type=int, nargs="+", default=(1, 10, 100), metavar="T",
        help="numbers of guesses a target that are scored (default 1 10 100)",
    )  # fmt: skip
    compare.add_argument(
        "--seeds", type=int, default=3, help="rounds with pairs of their own (default 3)"
    )
    compare.add_argument("--seconds", type=float, help="budget of processor seconds")
    compare.add_argument("--simulations", type=float, help="budget of simulations")
    compare.add_argument("--folder", type=Path, help="of the records, to resume from")
    compare.add_argument("--html", type=Path, help="also write this page")
    _add_where(compare)
    compare.set_defaults(run=_compare)


def _add_invert(commands: Any) -> None:
    invert = commands.add_parser("invert", help="unknowns for targets in a file")
    invert.add_argument("data", metavar="MODULE:TASK|FILE|FOLDER", help=DATA)
    _add_columns(invert)
    invert.add_argument(
        "--targets", type=Path, required=True, help="CSV, a row a target: y, and c behind it"
    )
    invert.add_argument("--out", type=Path, required=True, help="CSV, a row an answer")
    invert.add_argument(
        "--pairs", type=Path, help="of the task, simulated before: a file, or generate's folder"
    )
    invert.add_argument("--method", default="auto", help="name (default: auto)")
    invert.add_argument("--n", type=int, default=10, help="answers a target (default 10)")
    invert.add_argument(
        "--sigma", type=float, nargs="+", help="error of y: one number, or one each"
    )
    invert.add_argument(
        "--level",
        type=float,
        default=0.9,
        help="share of targets that the bound holds for (default 0.9)",
    )
    invert.add_argument(
        "--bounds", nargs=3, action="append", metavar=("UNKNOWN", "LOW", "HIGH"),
        help="a smaller range of an unknown, by its label; may be given several times",
    )  # fmt: skip
    # argparse knows -0.1 as a number by itself, and neither -1e-1 nor -inf
    invert._negative_number_matcher = re.compile(r"^-(\d|\.\d|inf)")
    invert.add_argument("--seconds", type=float, help="of --method auto, for its choice")
    invert.add_argument("--calls", type=int, help="all simulations that may be spent")
    invert.add_argument("--seed", type=int, default=0, help="of everything random (default 0)")
    invert.set_defaults(run=_invert)


def _add_check(commands: Any) -> None:
    check = commands.add_parser("check", help="run the task contract on any task")
    check.add_argument("task", metavar="MODULE:TASK", help="where the task stands")
    check.set_defaults(run=_check)


def _add_generate(commands: Any) -> None:
    generate = commands.add_parser("generate", help="simulate pairs into a folder; resumes")
    generate.add_argument("task", metavar="MODULE:TASK", help="where the task stands")
    generate.add_argument("--n", type=int, required=True, help="number of pairs")
    generate.add_argument("--folder", type=Path, required=True, help="of the pairs")
    generate.add_argument("--seed", type=int, default=0, help="of the draws (default 0)")
    generate.add_argument("--shard", type=int, help="pairs in a file (default 100)")
    _add_where(generate)
    generate.set_defaults(run=_generate)


def _add_columns(parser: argparse.ArgumentParser) -> None:
    for part in "xyc":
        text = f"columns of {part} in a table: names, or how many"
        parser.add_argument(f"--{part}", nargs="+", metavar="COLUMN", help=text)


def _add_where(parser: argparse.ArgumentParser) -> None:
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--jobs", type=int, default=1, help="processes here (default 1)")
    where.add_argument("--scheduler", metavar="ADDRESS", help="of a Dask cluster: tcp://HOST:PORT")


def _compare(options: argparse.Namespace) -> int:
    if options.html:
        _make_room(options.html)
    limits = {"seconds": options.seconds, "simulations": options.simulations}
    result = invlab.compare(
        _task_or_pairs(options, needless="xyc"),
        options.methods,
        n=options.n,
        targets=options.targets,
        guesses=options.guesses,
        seeds=options.seeds,
        budget={name: value for name, value in limits.items() if value is not None} or None,
        jobs=options.jobs,
        scheduler=options.scheduler,
        folder=options.folder,
    )
    print(result)
    if options.html:
        print(f"\nwritten: {result.to_html(options.html)}")
    return 0


def _invert(options: argparse.Namespace) -> int:
    sigma = options.sigma
    if options.out.suffix.lower() != ".csv":
        raise ValueError(f"{options.out}: expected a name that ends in .csv")
    _make_room(options.out)
    task, pairs = _task_and_pairs(options)
    y, c = _targets(options, task)
    answers = invlab.invert(
        task,
        y,
        c=c,
        data=pairs,
        method=options.method,
        n=options.n,
        sigma=sigma[0] if sigma and len(sigma) == 1 else sigma,
        bounds=_bounds(options.bounds),
        budget=options.seconds,
        level=options.level,
        calls=options.calls,
        seed=options.seed,
    )
    print(answers)
    print(f"\nwritten: {answers.save(options.out)}")
    return 0


def _bounds(given: list[list[str]] | None) -> dict[str, tuple[float, float]] | None:
    """A range by the label of its unknown."""
    found: dict[str, tuple[float, float]] = {}
    for label, *ends in given or ():
        if label in found:
            raise ValueError(f"--bounds: expected one range an unknown, got two of {label!r}")
        try:
            low, high = map(float, ends)
        except ValueError as error:
            raise ValueError(
                f"--bounds {label}: expected two numbers, got {' '.join(ends)}"
            ) from error
        found[label] = (low, high)
    return found or None


def _check(options: argparse.Namespace) -> int:
    if _is_table(options.task) or Path(options.task).is_dir():
        raise ValueError(f"expected MODULE:TASK, a simulator to try; got the data {options.task}")
    verdicts = invlab.check_task(_task(options.task))
    print(verdicts)
    return 0 if verdicts.passed else 1


def _generate(options: argparse.Namespace) -> int:
    pairs = invlab.generate(
        _task(options.task),
        options.n,
        folder=options.folder,
        jobs=options.jobs,
        scheduler=options.scheduler,
        seed=options.seed,
        shard=options.shard,
    )
    print(f"{len(pairs)} pairs in {options.folder}")
    return 0


def _make_room(path: Path) -> None:
    """Make the folder of a file; what cannot be written is said before hours are spent."""
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; give the name of a file")
    path.parent.mkdir(parents=True, exist_ok=True)
    if not os.access(path.parent, os.W_OK):
        raise PermissionError(f"{path}: nothing can be written into {path.parent}")


def _task_or_pairs(options: argparse.Namespace, *, needless: str) -> Any:
    """The task that ``MODULE:TASK`` names, or the pairs in a file or folder.

    ``needless`` are the parts whose columns only a table of pairs has.
    """
    path = Path(options.data)
    if _is_table(path):
        return _pairs(options, path)
    if path.is_dir():
        _refuse_columns(options, needless, "a folder")
        return _pairs(options, path)
    task = _task(options.data)
    _refuse_columns(options, needless, "a task")
    return task


def _is_table(place: str | Path | None) -> bool:
    """Whether a place is a file whose columns or arrays can be named."""
    return place is not None and Path(place).suffix.lower() in FILES and not Path(place).is_dir()


def _refuse_columns(options: argparse.Namespace, parts: str, kind: str) -> None:
    """Refuse columns that nothing would look at."""
    given = [f"--{part}" for part in parts if getattr(options, part)]
    if given:
        raise ValueError(
            f"{' '.join(given)}: {options.data} is {kind}, and columns are those of a table of "
            "pairs; leave it out"
        )


def _pairs(options: argparse.Namespace, path: Path) -> invlab.Pairs:
    if path.is_dir():
        return read(path)
    return invlab.Pairs.from_file(path, **_columns(options))


def _task_and_pairs(options: argparse.Namespace) -> tuple[Any, Any]:
    """The task, and its pairs if there are some; or pairs, and a task that knows their names."""
    # columns of y and c are found among the targets
    found = _task_or_pairs(options, needless="" if _is_table(options.pairs) else "x")
    if isinstance(found, invlab.Task):
        return found, None if options.pairs is None else _pairs_of(found, options)
    if options.pairs is not None:
        raise ValueError(f"--pairs: {options.data} holds pairs itself; give them once")
    return invlab.Task.from_pairs(found, name=Path(options.data).stem), found


def _pairs_of(task: invlab.Task, options: argparse.Namespace) -> invlab.Pairs:
    """Pairs of a task; a folder says whose they are."""
    name = whose(options.pairs) if Path(options.pairs).is_dir() else None
    if name not in (None, task.name):
        raise ValueError(
            f"--pairs: expected pairs of {task.name}, but {options.pairs} holds {name}'s"
        )
    return _pairs(options, options.pairs)


def _targets(options: argparse.Namespace, task: Any) -> tuple[Any, Any]:
    """y and c of the targets: by the names that the pairs have, else c in the last columns."""
    columns = _columns(options)
    y, c = _names(columns["y"]), _names(columns["c"])
    if task.c_dim and (y is None) != (c is None):
        given, other = ("--y", "--c") if c is None else ("--c", "--y")
        raise ValueError(
            f"{given}: {task.name} has contexts; name the columns of both, by {other} too"
        )
    names = None if y is None or (task.c_dim and c is None) else [*y, *(c or [])]
    head = None if names else column_names(options.targets)
    known = _names_of_y(options, columns) if head else []
    if known and set(known) == set(head or []):
        names, head = known, None
    table = read_table(options.targets, names)
    if head:
        what = "y, and c behind it," if task.c_dim else "y"
        print(f"{options.targets}: {', '.join(head)} are taken as {what} in this order")
    if not task.c_dim:
        return table, None
    return table[..., : -task.c_dim], table[..., -task.c_dim :]


def _names_of_y(options: argparse.Namespace, columns: dict[str, Any]) -> list[str]:
    """What the table of pairs calls its y, and c behind it, where these are told by counts."""
    place = options.data if _is_table(options.data) else options.pairs
    text = _is_table(place) and Path(place).suffix.lower() in TEXT
    if not isinstance(columns["x"], int) or not text:
        return []
    return (column_names(place) or [])[columns["x"] :]


def _names(columns: Any) -> list[str] | None:
    """Names of columns; None where a number was given, or nothing."""
    if isinstance(columns, str):
        return [columns]
    return columns if isinstance(columns, list) else None


def _columns(options: argparse.Namespace) -> dict[str, Any]:
    """Names of the columns of each part, or their number; figures are names beside other names."""
    asked = {part: getattr(options, part) for part in "xyc"}
    given = [some for some in asked.values() if some]
    if all(len(some) == 1 and some[0].isdecimal() for some in given):
        return {part: some and int(some[0]) for part, some in asked.items()}
    return {part: some[0] if some and len(some) == 1 else some for part, some in asked.items()}


def _task(place: str) -> Any:
    """The task that ``MODULE:TASK`` names: an object, or a class that needs no arguments."""
    module, _, name = place.rpartition(":")
    if not module or not name:
        raise ValueError(f"expected MODULE:TASK, or a file of pairs, got {place!r}")
    module = module.removeprefix("./").removesuffix(".py").replace("/", ".")
    if not all(module.split(".")):
        raise ValueError(f"expected MODULE:TASK, a module seen from this folder, got {place!r}")
    sys.path.insert(0, os.getcwd())
    try:
        task = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"{place}: {error}") from error
    task = task() if isinstance(task, type) else task
    if not isinstance(task, invlab.Task):
        raise ValueError(f"{place}: expected an invlab.Task, got {type(task).__name__}")
    return task


if __name__ == "__main__":
    sys.exit(main())
