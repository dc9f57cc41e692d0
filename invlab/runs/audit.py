"""Whether the records in a folder are those of the runs that there are: a finding a record."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from invlab.files import same_json
from invlab.runs.records import Record, Run, is_whole, read, wanted_of

__all__ = ["Finding", "State", "audit"]

State = Literal["good", "missing", "partial", "stale", "damaged", "foreign"]
# Entries of settings that are named where they differ.
NAMED = 3


@dataclass(frozen=True)
class Finding:
    """What is the matter with one record.

    Attributes:
        id: of the run, or where the file lies if no run has this id.
        state: ``good``; ``missing``, never made; ``partial``, made of some of the seeds; ``stale``,
            made under other settings, seeds, preset or revision; ``damaged``, cut short or changed
            by hand; ``foreign``, of no run, or not where its id says.
        why: in words; empty for a good one.
    """

    id: str
    state: State
    why: str = ""


def audit(runs: Iterable[Run], *, seeds: Sequence[int], folder: str | Path) -> list[Finding]:
    """A finding for each run, in order, and for each other file in the folder.

    Args:
        runs: all that should have a record there, under the present preset.
        seeds: for each run that has none of its own.
        folder: of the records.
    """
    folder, runs = Path(folder), list(runs)
    found = [_of_run(run, folder, seeds) for run in runs]
    known = {run.id for run in runs}
    places = (path.relative_to(folder) for path in sorted(folder.rglob("*.json")))
    names = (place.with_suffix("").as_posix() for place in places)
    return found + [_of_other(name, folder) for name in names if name not in known]


def _of_run(run: Run, folder: Path, seeds: Sequence[int]) -> Finding:
    path = folder / f"{run.id}.json"
    if not _exists(path):
        return Finding(run.id, "missing", "not made yet")
    if path.resolve() != folder.resolve() / f"{run.id}.json":
        return Finding(run.id, "foreign", "lies behind a link, where no record is read")
    record = read(path)
    if record is None:
        return Finding(run.id, "damaged", "cut short, no JSON object, or it cannot be read")
    if record.get("id") != run.id:
        return Finding(run.id, "foreign", f"holds the record of {record.get('id')!r}")
    wanted = wanted_of(run, seeds)
    if "digest" not in record:
        return Finding(run.id, "stale", "made before records said how they were made")
    if not is_whole(record):
        return Finding(run.id, "damaged", "changed after it was made: its digest does not fit")
    if not _is_list_of_ints(record.get("seeds")):
        return Finding(run.id, "damaged", "does not say its seeds")
    changed = [key for key in wanted if not same_json(record.get(key), wanted[key])]
    differ = [_difference(key, record, wanted[key]) for key in changed]
    if not differ:
        return Finding(run.id, "good")
    lacks = set(wanted["seeds"]) > set(record["seeds"])
    state: State = "partial" if len(differ) == 1 and lacks else "stale"
    return Finding(run.id, state, "; ".join(differ))


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # in a folder that may not be read
        return True


def _is_list_of_ints(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, int) for one in value)


def _of_other(name: str, folder: Path) -> Finding:
    record = read(folder / f"{name}.json")
    if record is None:
        return Finding(name, "damaged", "cut short, or no JSON object; and no run has this id")
    if record.get("id") != name:
        return Finding(name, "foreign", f"holds the record of {record.get('id')!r}")
    return Finding(name, "foreign", "no run has this id")


def _difference(key: str, record: Record, wanted: Any) -> str:
    """What differs, as was → is wanted; of settings their entries."""
    there = record.get(key)
    if not isinstance(wanted, dict) or not isinstance(there, dict):
        return f"{key} {there!r} → {wanted!r}"
    was, now = _flat(there), _flat(wanted)
    both = was.keys() & now.keys()
    same = {name for name in both if same_json(was[name], now[name])}
    names = [name for name in {**was, **now} if name not in same]
    said = [f"{name} {_shown(was, name)} → {_shown(now, name)}" for name in names[:NAMED]]
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{key}: {', '.join(said)}{more}"


def _flat(value: dict[str, Any], above: str = "") -> dict[str, Any]:
    """Nested settings under names such as ``search.steps``."""
    found: dict[str, Any] = {}
    for key, part in value.items():
        name = f"{above}{key}"
        found |= _flat(part, f"{name}.") if isinstance(part, dict) and part else {name: part}
    return found


def _shown(values: dict[str, Any], name: str) -> str:
    text = repr(values[name]) if name in values else "nothing"
    return text if len(text) <= 40 else f"{text[:37]}..."
