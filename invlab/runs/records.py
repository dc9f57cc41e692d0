"""Runs of an experiment → records on disk: a file a run, written whole, computed once."""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import json
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from invlab import runtime
from invlab.files import as_json, same_json, write_whole
from invlab.runs import processes, provenance
from invlab.validation import require_count

__all__ = [
    "FailedRuns",
    "Record",
    "Run",
    "dumps",
    "is_whole",
    "load",
    "missing",
    "read",
    "run",
    "wanted_of",
]

# Parsed JSON: id, settings, seeds, preset, revision, what provenance.machine gives, date,
# cpu_seconds, seconds, what was computed (scores, curves), settings_digest and digest.
Record = dict[str, Any]

# The preset, torch's threads and the processor time belong to the process, and a Dask worker may
# have several threads: runs of one process take turns.
_one_at_a_time = threading.RLock()


@dataclass(frozen=True)
class Run:
    """One thing to compute.

    Attributes:
        id: where its record goes, such as ``"loss_design/effect/l1"``.
        settings: everything that decides the numbers; a record made under other settings is
            computed again. Numbers, words, arrays, and lists and dictionaries of these.
        compute: seeds to ``{"scores": {name: one number a seed}, "curves": {name: lists}}``,
            NumPy's and torch's numbers and arrays among them.
            Picklable where it is to run in another process.
        seeds: instead of those of the run, such as one seed where each has its own run.
        revision: of the code behind ``compute``; a new one makes a new record.
    """

    id: str
    settings: dict[str, Any]
    compute: Callable[[Sequence[int]], dict[str, Any]]
    seeds: tuple[int, ...] | None = None
    revision: int = 1


class FailedRuns(RuntimeError):
    """Some runs have no record.

    Attributes:
        errors: what went wrong in each, by id: a line, and the traceback below it.
    """

    def __init__(self, errors: dict[str, str], total: int) -> None:
        lines = [f"{name}: {text.splitlines()[0]}" for name, text in errors.items()]
        super().__init__(
            f"{len(errors)} of {total} runs failed; the others are recorded, and the next run "
            "tries these again\n  " + "\n  ".join(lines) + f"\n{next(iter(errors.values()))}"
        )
        self.errors = errors


def run(
    runs: Iterable[Run],
    *,
    seeds: Sequence[int],
    folder: str | Path,
    jobs: int = 1,
    scheduler: str | None = None,
    description: str = "runs",
    before: int = 0,
    after: int = 0,
) -> list[Record]:
    """Compute the runs that have no record yet, and return the records of all.

    Interrupt it whenever you like: what is on disk is whole, and the next run goes on from
    there, with at most the runs in flight lost. What was cut short is never recorded, also where
    a search or a training caught the interrupt. A run that fails does not stop the others. A
    record that cannot be written is kept in the folder for temporary files, and brought from there
    by the next run; where that fails too it is printed.

    Args:
        runs: what to compute.
        seeds: for each run that has none of its own.
        folder: of the records; made where missing.
        jobs: number of processes of this machine, each on one thread; 1 is this process.
        scheduler: address of a Dask scheduler whose workers compute instead, such as
            ``"tcp://10.0.0.1:8786"``.
        description: of what is run, for the progress bar.
        before, after: runs of the same bar that earlier calls did and later ones will do.

    Raises:
        KeyboardInterrupt: it was interrupted.
        FailedRuns: after the others are done.
        ValueError: two runs of one id, an id that leads out of the folder, or both ``jobs`` and
            ``scheduler``.
        TypeError: settings or seeds that no record can hold, before anything is computed.
        ImportError: ``scheduler`` without the extra ``dask``.
        ConnectionError: no scheduler answers.
    """
    runs, folder = list(runs), Path(folder)
    _require_ids([run.id for run in runs])
    if require_count("jobs", jobs) > 1 and scheduler is not None:
        raise ValueError(f"run: expected jobs or scheduler, got {jobs} and {scheduler!r}")
    asked = [(run, wanted_of(run, seeds)) for run in runs]
    records = {run.id: _recorded(folder, run, wanted) for run, wanted in asked}
    missing = [(run, wanted) for run, wanted in asked if records[run.id] is None]
    errors = {}
    outcomes = _outcomes(missing, folder, jobs, scheduler)
    done, total = before + len(runs) - len(missing), before + len(runs) + after
    for name, outcome in runtime.progress(outcomes, description, total=total, done=done):
        if isinstance(outcome, dict):
            records[name] = outcome
        else:
            errors[name] = outcome
    if errors:
        raise FailedRuns(errors, len(runs))
    return [record for record in records.values() if record is not None]


def missing(runs: Iterable[Run], *, seeds: Sequence[int], folder: Path) -> list[Run]:
    """The runs that have no record under their present settings, as :func:`run` would see it."""
    return [run for run in runs if _recorded(folder, run, wanted_of(run, seeds)) is None]


def load(folder: str | Path) -> dict[str, Record]:
    """The records in a folder, by id; a file that is damaged, or not where its id says, is none."""
    folder = Path(folder)
    found = ((path, read(path)) for path in sorted(folder.rglob("*.json")))
    return {
        record["id"]: record
        for path, record in found
        if record is not None
        and isinstance(record.get("id"), str)
        and path == folder / f"{record['id']}.json"
    }


def dumps(record: Any) -> str:
    """A record as JSON: a line an entry, and each list of numbers or words on one line.

    Args:
        record: what :func:`json.dumps` takes.
    """
    return _laid_out(json.loads(json.dumps(record)), "")


def _laid_out(value: Any, margin: str) -> str:
    """JSON of a value whose first line stands where it is put, and the others behind a margin."""
    inner = f"{margin} "
    if isinstance(value, dict) and value:
        lines = [f"{json.dumps(key)}: {_laid_out(part, inner)}" for key, part in value.items()]
        begin, end = "{", "}"
    elif isinstance(value, list) and any(map(_has_entries, value)):
        lines = [_laid_out(part, inner) for part in value]
        begin, end = "[", "]"
    else:
        return json.dumps(value)
    return f"{begin}\n{inner}" + f",\n{inner}".join(lines) + f"\n{margin}{end}"


def _has_entries(value: Any) -> bool:
    """Whether a value is, or contains, a dictionary that takes lines of its own."""
    if isinstance(value, list):
        return any(map(_has_entries, value))
    return isinstance(value, dict) and bool(value)


def _outcomes(
    missing: Sequence[tuple[Run, Record]], folder: Path, jobs: int, scheduler: str | None
) -> Iterator[tuple[str, Record | str]]:
    """The id of each run, as they complete, and its record (on disk by then) or its error."""
    if not missing:
        return
    if scheduler is not None:
        # The workers may be on machines that do not see the folder.
        for (run, _), outcome in processes.on_cluster(_attempt, missing, scheduler):
            if isinstance(outcome, dict):
                outcome = _written(folder, outcome)
            yield run.id, _explained(outcome) if isinstance(outcome, Exception) else outcome
    elif jobs > 1:
        attempt = partial(_attempt_and_write, folder)
        for (run, _), outcome in processes.on_processes(attempt, missing, jobs):
            yield run.id, _explained(outcome) if isinstance(outcome, Exception) else outcome
    else:
        for run, wanted in missing:
            yield run.id, _attempt_and_write(folder, run, wanted)


def _explained(error: Exception) -> str:
    """What went wrong in a line, and the traceback below it."""
    first = str(error).partition("\n")[0]
    return f"{type(error).__name__}: {first}\n{''.join(traceback.format_exception(error))}"


def _attempt_and_write(folder: Path, run: Run, wanted: Record) -> Record | str:
    there = _recorded(folder, run, wanted)
    if there is not None:  # its process died after writing it and before saying so
        return there
    outcome = _attempt(run, wanted)
    return _written(folder, outcome) if isinstance(outcome, dict) else outcome


def _attempt(run: Run, wanted: Record) -> Record | str:
    """The record, or what went wrong as text: not each exception can be sent between processes.

    Runs under the preset that is wanted, whatever the environment of this process says.
    """
    with _one_at_a_time, runtime.environment("INVLAB_PRESET", wanted["preset"]):
        try:
            with runtime.interrupts_end_it():
                record: Record = as_json(f"run {run.id}: record", _compute(run, wanted))
        except Exception as error:
            return _explained(error)
        return {**record, "digest": provenance.digest(record)}


def _compute(run: Run, wanted: Record) -> Record:
    cpu, wall = runtime.cpu_seconds(), time.perf_counter()
    outcome = run.compute(wanted["seeds"])
    record = {
        "id": run.id,
        **wanted,
        "settings_digest": provenance.digest(wanted["settings"]),
        **provenance.machine(),
        "date": datetime.date.today().isoformat(),
        "cpu_seconds": round(runtime.cpu_seconds() - cpu, 2),
        "seconds": round(time.perf_counter() - wall, 2),
    }
    own = {"id", "settings_digest", *wanted}
    if not isinstance(outcome, Mapping) or not own.isdisjoint(outcome):
        given = list(outcome) if isinstance(outcome, Mapping) else type(outcome).__name__
        raise ValueError(
            f"expected compute to return a dict without {', '.join(sorted(own))}, which say what "
            f"was computed; got {given}"
        )
    return {**record, **outcome}


def wanted_of(run: Run, seeds: Sequence[int]) -> Record:
    """What a record must say to be the one of this run: settings, seeds, preset and revision.

    Raises:
        TypeError: JSON cannot hold the settings or the seeds; says which entry.
    """
    return {
        "settings": as_json(f"run {run.id}: settings", run.settings),
        "seeds": as_json(f"run {run.id}: seeds", list(seeds if run.seeds is None else run.seeds)),
        "preset": runtime.preset(),
        "revision": run.revision,
    }


def is_whole(record: Record) -> bool:
    """Whether nothing of a record was changed after it was made."""
    rest = {key: value for key, value in record.items() if key != "digest"}
    return record.get("digest") == provenance.digest(rest)


def _recorded(folder: Path, run: Run, wanted: Record) -> Record | None:
    """The record that is there and was made as wanted, or the one that could not be written."""
    for path in (_path(folder, run.id), _kept(folder, run.id)):
        record = read(path)
        if record is None or record.get("id") != run.id or not is_whole(record):
            continue
        if all(same_json(record.get(key), wanted[key]) for key in wanted):
            return record if path == _path(folder, run.id) else _brought(folder, record)
    return None


def _brought(folder: Path, record: Record) -> Record | None:
    """A record that was kept elsewhere, now in the folder; None where it still cannot be."""
    try:
        _write(_path(folder, record["id"]), record)
    except OSError:
        return None
    with contextlib.suppress(OSError):
        _kept(folder, record["id"]).unlink()
    return record


def _written(folder: Path, record: Record) -> Record | str:
    """The record, once it is on disk; or what went wrong, and where it is kept instead."""
    path, kept = _path(folder, record["id"]), _kept(folder, record["id"])
    try:
        _write(path, record)
    except OSError as error:
        failed = f"OSError: computed, but {path} could not be written: {error}"
    else:
        return record
    try:
        _write(kept, record)
    except OSError:
        runtime.say(dumps(record))
        return f"{failed}; nor could {kept}, so the record was printed"
    return f"{failed}; it is kept as {kept}, and the next run brings it from there"


def _path(folder: Path, name: str) -> Path:
    return folder / f"{name}.json"


def _kept(folder: Path, name: str) -> Path:
    """Where a record waits that could not be written into the folder."""
    place = hashlib.blake2b(str(folder.resolve()).encode(), digest_size=8).hexdigest()
    return Path(tempfile.gettempdir()) / "invlab-records" / place / f"{name}.json"


def _require_ids(names: Sequence[str]) -> None:
    """Each once, and none that leads out of the folder of the records."""
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ValueError(f"run: expected one run an id, got more of {', '.join(twice)}")
    for name in names:
        parts = name.split("/")
        if any(part.strip(".") == "" for part in parts) or set(name) & set("\\:\0"):
            raise ValueError(
                f"run: id: expected names with slashes between them, such as 'paper/fit/seed0', "
                f"got {name!r}"
            )


def read(path: Path) -> Record | None:
    """The record in a file, or None where there is none or the file is no JSON object."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):  # ValueError: neither UTF-8 nor JSON
        return None
    return record if isinstance(record, dict) else None


def _write(path: Path, record: Record) -> None:
    write_whole(path, (dumps(record) + "\n").encode())
