"""Cells of an experiment → records on disk: a file a cell, written whole, computed once."""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import platform
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

import invlab
from invlab import parallel, runtime
from invlab.storage import write_whole
from invlab.validation import require_count

__all__ = ["Cell", "FailedCells", "Record", "load", "run"]

# Parsed JSON: id, settings, seeds, preset, device, versions, date, cpu_seconds, scores, curves.
Record = dict[str, Any]

# The preset, torch's threads and the processor time belong to the process, and a Dask worker may
# have several threads: cells of one process take turns.
_one_at_a_time = threading.RLock()


@dataclass(frozen=True)
class Cell:
    """One thing to compute.

    Attributes:
        id: where its record goes, such as ``"loss_design/effect/l1"``.
        settings: everything that decides the numbers; a record made under other settings is
            computed again.
        compute: seeds to ``{"scores": {name: one number a seed}, "curves": {name: lists}}``.
            Picklable where it is to run in another process.
        seeds: instead of those of the run, such as one seed where each has its own cell.
    """

    id: str
    settings: dict[str, Any]
    compute: Callable[[Sequence[int]], dict[str, Any]]
    seeds: tuple[int, ...] | None = None


class FailedCells(RuntimeError):
    """Some cells have no record.

    Attributes:
        errors: what went wrong in each, by id: a line, and the traceback below it.
    """

    def __init__(self, errors: dict[str, str], total: int) -> None:
        lines = [f"{name}: {text.splitlines()[0]}" for name, text in errors.items()]
        super().__init__(
            f"{len(errors)} of {total} cells failed; the others are recorded, and the next run "
            "tries these again\n  " + "\n  ".join(lines) + f"\n{next(iter(errors.values()))}"
        )
        self.errors = errors


def run(
    cells: Iterable[Cell],
    *,
    seeds: Sequence[int],
    folder: Path,
    jobs: int = 1,
    scheduler: str | None = None,
) -> list[Record]:
    """Compute the cells that have no record yet, and return the records of all.

    Interrupt it whenever you like: what is on disk is whole, and the next run goes on from
    there, with at most the cells in flight lost. A cell that fails does not stop the others.

    Args:
        cells: what to compute.
        seeds: for each cell that has none of its own.
        folder: of the records; made where missing.
        jobs: number of processes of this machine, each on one thread; 1 is this process.
        scheduler: address of a Dask scheduler whose workers compute instead, such as
            ``"tcp://10.0.0.1:8786"``.

    Raises:
        FailedCells: after the others are done.
        ValueError: two cells of one id, or both ``jobs`` and ``scheduler``.
        ImportError: ``scheduler`` without the extra ``dask``.
        ConnectionError: no scheduler answers.
    """
    cells = list(cells)
    _require_distinct(cell.id for cell in cells)
    if require_count("jobs", jobs) > 1 and scheduler is not None:
        raise ValueError(f"run: expected jobs or scheduler, got {jobs} and {scheduler!r}")
    asked = [(cell, _wanted(cell, seeds)) for cell in cells]
    records = {cell.id: _recorded(folder, cell, wanted) for cell, wanted in asked}
    missing = [(cell, wanted) for cell, wanted in asked if records[cell.id] is None]
    errors = {}
    for name, outcome in runtime.progress(
        _outcomes(missing, folder, jobs, scheduler), "cells", total=len(missing)
    ):
        if isinstance(outcome, dict):
            records[name] = outcome
        else:
            errors[name] = outcome
    if errors:
        raise FailedCells(errors, len(cells))
    return [record for record in records.values() if record is not None]


def load(folder: Path) -> dict[str, Record]:
    """All records below a folder, by id."""
    found = (_read(path) for path in sorted(folder.rglob("*.json")))
    return {record["id"]: record for record in found if record is not None and "id" in record}


def _outcomes(
    missing: Sequence[tuple[Cell, Record]], folder: Path, jobs: int, scheduler: str | None
) -> Iterator[tuple[str, Record | str]]:
    """The id of each cell, as they complete, and its record (on disk by then) or its error."""
    if not missing:
        return
    if scheduler is not None:
        # The workers may be on machines that do not see the folder.
        for (cell, _), outcome in parallel.on_cluster(_attempt, missing, scheduler):
            if isinstance(outcome, dict):
                _write(_path(folder, cell), outcome)
            yield cell.id, _explained(outcome) if isinstance(outcome, Exception) else outcome
    elif jobs > 1:
        attempt = partial(_attempt_and_write, folder)
        for (cell, _), outcome in parallel.on_processes(attempt, missing, jobs):
            yield cell.id, _explained(outcome) if isinstance(outcome, Exception) else outcome
    else:
        for cell, wanted in missing:
            yield cell.id, _attempt_and_write(folder, cell, wanted)


def _explained(error: Exception) -> str:
    """What went wrong in a line, and the traceback below it."""
    first = str(error).partition("\n")[0]
    return f"{type(error).__name__}: {first}\n{''.join(traceback.format_exception(error))}"


def _attempt_and_write(folder: Path, cell: Cell, wanted: Record) -> Record | str:
    there = _recorded(folder, cell, wanted)
    if there is not None:  # its process died after writing it and before saying so
        return there
    outcome = _attempt(cell, wanted)
    if isinstance(outcome, dict):
        _write(_path(folder, cell), outcome)
    return outcome


def _attempt(cell: Cell, wanted: Record) -> Record | str:
    """The record, or what went wrong as text: not each exception can be sent between processes.

    Runs under the preset that is wanted, whatever the environment of this process says.
    """
    with _one_at_a_time, _environment("INVLAB_PRESET", wanted["preset"]):
        try:
            record: Record = json.loads(json.dumps(_compute(cell, wanted)))
        except Exception as error:
            return _explained(error)
        return record


@contextlib.contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def _compute(cell: Cell, wanted: Record) -> Record:
    start = time.process_time()
    outcome = cell.compute(wanted["seeds"])
    return {
        "id": cell.id,
        **wanted,
        "device": _device_name(),
        "versions": {
            "invlab": invlab.__version__,
            "python": platform.python_version(),
            "torch": torch.__version__,
        },
        "date": datetime.date.today().isoformat(),
        "cpu_seconds": round(time.process_time() - start, 2),
        **outcome,
    }


def _wanted(cell: Cell, seeds: Sequence[int]) -> Record:
    """What a record must say to be the one of this cell and run."""
    return {
        "settings": json.loads(json.dumps(cell.settings)),
        "seeds": list(seeds if cell.seeds is None else cell.seeds),
        "preset": runtime.preset(),
    }


def _recorded(folder: Path, cell: Cell, wanted: Record) -> Record | None:
    """The record that is there and was made as wanted."""
    record = _read(_path(folder, cell))
    fits = record is not None and all(record.get(key) == wanted[key] for key in wanted)
    return record if fits else None


def _path(folder: Path, cell: Cell) -> Path:
    return folder / f"{cell.id}.json"


def _require_distinct(names: Iterable[str]) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ValueError(f"run: expected one cell an id, got more of {', '.join(twice)}")


def _device_name() -> str:
    device = runtime.device()
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"


def _read(path: Path) -> Record | None:
    """The record, or None where there is none or its file was damaged."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):  # ValueError: neither UTF-8 nor JSON
        return None
    return record if isinstance(record, dict) else None


def _write(path: Path, record: Record) -> None:
    write_whole(path, (json.dumps(record, indent=1) + "\n").encode())
