"""The rows of the ledger: our numbers beside the papers', read from the records."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from invbook.ledger.claim import Claim
from invbook.ledger.interval import Interval, interval
from invbook.ledger.judging import verdict
from invbook.results import load_records
from invlab.runs.records import Record, is_whole

__all__ = ["rows"]

# What reading a record may raise that holds something else than its run wrote.
WRONG = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


def rows(claims: Sequence[Claim], folder: Path | str | None = None) -> list[dict[str, Any]]:
    """A row for each claim, ours beside the paper's; none is dropped.

    Args:
        claims: what the papers report; :func:`invbook.papers.claims` has all of them.
        folder: of the records; :func:`invbook.results.results_folder` if not given.

    Returns:
        Rows with ``id``, ``source``, ``kind``, ``protocol``, ``paper``, ``ours``, ``low``,
        ``high``, ``seeds``, ``null`` (``id`` and ``ours`` of the best row that learns nothing, or
        None), ``preset``, ``device``, ``command``, ``verdict`` and ``why``, ready for JSON.
        ``ours`` is None where a record is missing, was changed after it was made or does not hold
        the number, and ``low`` and ``high`` are where there is no interval.
    """
    records = load_records(folder)
    changed = {name for name, record in records.items() if _changed(record)}
    found = {claim.id: _found(claim, records, changed) for claim in claims}
    return [asdict(_row(claim, found)) for claim in claims]


@dataclass(frozen=True)
class _Row:
    id: str
    source: str
    kind: str
    protocol: str
    paper: float | None
    ours: float | None
    low: float | None
    high: float | None
    seeds: list[int]
    null: dict[str, Any] | None
    preset: str
    device: str
    command: str
    verdict: str
    why: str


@dataclass(frozen=True)
class _Found:
    """What the records say of one claim."""

    ours: float | None
    interval: Interval = Interval()
    records: tuple[Record, ...] = ()
    note: str = ""


def _changed(record: Record) -> bool:
    """Whether a record says how it was made, and was changed after that."""
    return "digest" in record and not is_whole(record)


def _found(claim: Claim, records: Mapping[str, Record], changed: set[str]) -> _Found:
    """Our number and its interval; without a number, what is missing in words."""
    spoilt = next((name for name in claim.records if name in changed), None)
    if spoilt:
        return _Found(None, note=f"the record of {spoilt} was changed after it was made")
    absent = [name for name in claim.records if name not in records]
    if absent and not claim.cases:
        some = f"{absent[0]} and {len(absent) - 1} more" if len(absent) > 1 else absent[0]
        return _Found(None, note=f"no record of {some}")
    own = tuple(records[name] for name in claim.records if name in records)
    try:
        numbers = [[_flat(value) for value in claim.values(record)] for record in own]
    except WRONG as error:
        return _Found(None, note=f"its record does not hold the number ({error!r})")
    if not any(numbers):
        return _Found(None, note="the number is defined in none of its records")
    try:
        return _measured(claim, numbers, own)
    except WRONG as error:
        return _Found(None, note=f"its records do not fit together ({error})")


def _flat(value: Any) -> float:
    """One number a seed: a list of one a target becomes its mean."""
    if isinstance(value, list | tuple):
        if not value:
            raise IndexError("an empty list")
        return sum(map(float, value)) / len(value)
    return float(value)


def _measured(claim: Claim, numbers: list[list[float]], own: tuple[Record, ...]) -> _Found:
    each = _grouped(claim, numbers, own)
    if any(math.isnan(number) for number in each):
        return _Found(None, records=own, note="its record holds NaN")
    ours = max(each) if claim.worst else _mean(each)
    found = interval(claim, each)
    ends, note = found.ends, found.note
    if len(own) < len(claim.records):
        some = f"{len(own)} of {len(claim.records)} records are there"
        note = "; ".join(filter(None, [some, note]))
    if claim.geometric:
        ours = math.exp(ours)
        ends = None if ends is None else (_exp(ends[0]), _exp(ends[1]))
    return _Found(ours, replace(found, ends=ends), own, note)


def _exp(number: float) -> float:
    """Its exponential; infinite where no float holds it."""
    try:
        return math.exp(number)
    except OverflowError:
        return math.inf


def _grouped(claim: Claim, numbers: list[list[float]], own: tuple[Record, ...]) -> list[float]:
    """The numbers that mean and interval are over: one a seed, or of cases one a simulator.

    A record may hold several seeds, or several records, such as one a number of problems, one
    seed: what has the same seed is one number. Nor are a simulator's seeds, and what a record
    holds several of, more cases.
    """
    grouped: dict[Any, list[float]] = {}
    for some, record in zip(numbers, own, strict=True):
        keys = [_case(record)] * len(some) if claim.cases else record["seeds"]
        for key, number in zip(keys, some, strict=True):
            grouped.setdefault(key, []).append(number)
    over = max if claim.worst else _mean
    return [over(group) for group in grouped.values()]


def _case(record: Record) -> str:
    return str(record.get("settings", {}).get("simulator", record["id"]))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _row(claim: Claim, found: Mapping[str, _Found]) -> _Row:
    own = found[claim.id]
    nulls = _nulls(claim, found)
    covering = own.interval.ends if own.interval.covers else None
    decided, why = verdict(claim, own.ours, covering, list(nulls.values()))
    first: Record = own.records[0] if own.records else {}
    preset = first.get("preset", "full")
    paper = claim.records[0].split("/")[0]
    return _Row(
        id=claim.id,
        source=claim.source,
        kind=claim.kind,
        protocol=claim.protocol,
        paper=claim.paper,
        ours=own.ours,
        low=own.interval.ends[0] if own.interval.ends else None,
        high=own.interval.ends[1] if own.interval.ends else None,
        seeds=list(dict.fromkeys(seed for record in own.records for seed in record["seeds"])),
        null=_best(claim, nulls),
        preset=preset,
        device=first.get("device", ""),
        command=f"python -m invbook bench {paper} --preset {preset}",
        verdict=decided,
        why="; ".join(filter(None, [claim.rule, own.note, why])),
    )


def _nulls(claim: Claim, found: Mapping[str, _Found]) -> dict[str, float]:
    """The rows that learn nothing, as far as they are recorded."""
    there = {name: found[name].ours for name in claim.nulls if name in found}
    return {name: ours for name, ours in there.items() if ours is not None}


def _best(claim: Claim, numbers: Mapping[str, float]) -> dict[str, Any] | None:
    if not numbers:
        return None
    best = (max if claim.more_is_better else min)(numbers, key=numbers.__getitem__)
    return {"id": best, "ours": numbers[best]}
