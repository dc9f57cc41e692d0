"""The ledger: what the papers report, beside what our records say, with a verdict."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from invbook.results import load_records
from invlab.metrics import bootstrap_interval
from invlab.runs.records import Record

__all__ = ["Claim", "rows", "table"]

Verdict = Literal["reached", "better", "not reached", "for comparison"]


@dataclass(frozen=True)
class Claim:
    """One number that a paper reports or implies, and how ours is found in the records.

    Attributes:
        id: name of the row.
        source: paper and figure or table.
        records: ids of the records it is read from.
        values: record to one number a seed, or to a list of one a target.
        accept: whether our number reaches the paper's, or what its figure shows; None where
            nothing is asked of it, and it stands there for comparison.
        rule: ``accept`` in words.
        paper: the paper's number, or None where it only shows a figure. A row whose interval
            lies below it is called better: errors and seconds, where less is better.
        more_is_better: whether it is called better where its interval lies above instead; None
            for numbers that are neither better nor worse than others.
        worst: whether ours is the largest value over records and seeds instead of the mean.
        cases: whether each record is a case of its own, such as a simulator: mean and interval are
            then over the records, and not over the seeds. A record in which the number is not
            defined gives no values, and does not count.
        geometric: whether the values are logarithms, of which the exponential of the mean is shown.
    """

    id: str
    source: str
    records: tuple[str, ...]
    values: Callable[[Record], Sequence[Any]]
    accept: Callable[[float], bool] | None
    rule: str
    worst: bool = False
    paper: float | None = None
    more_is_better: bool | None = False
    cases: bool = False
    geometric: bool = False


def rows(claims: Sequence[Claim], folder: Path | str | None = None) -> list[dict[str, Any]]:
    """A row for each claim whose records exist and hold its number, ours beside the paper's.

    Args:
        claims: what the papers report; :func:`invbook.papers.claims` has all of them.
        folder: of the records; :func:`invbook.results.results_folder` if not given.

    Returns:
        Rows with ``id``, ``source``, ``paper``, ``ours``, ``low``, ``high``, ``seeds``, ``preset``,
        ``device``, ``command``, ``verdict`` and ``why``, ready for JSON.
    """
    records = load_records(folder)
    made = [
        _row(claim, [records[name] for name in claim.records])
        for claim in claims
        if all(name in records for name in claim.records)
    ]
    return [asdict(row) for row in made if row is not None]


def table(rows: Sequence[dict[str, Any]], columns: dict[str, str]) -> str:
    """A Markdown table.

    Args:
        rows: dictionaries such as :func:`rows` gives.
        columns: key to heading, in order. Numbers are shown with three significant digits.
    """
    lines = [
        "| " + " | ".join(columns.values()) + " |",
        "|" + "---|" * len(columns),
        *("| " + " | ".join(_shown(row.get(key)) for key in columns) + " |" for row in rows),
    ]
    return "\n".join(lines)


@dataclass(frozen=True)
class _Row:
    id: str
    source: str
    paper: float | None
    ours: float
    low: float
    high: float
    seeds: list[int]
    preset: str
    device: str
    command: str
    verdict: Verdict
    why: str


def _row(claim: Claim, records: list[Record]) -> _Row | None:
    """The row of a claim; None where the number is defined in none of its records."""
    numbers = [list(claim.values(record)) for record in records]
    if claim.cases and not any(numbers):
        return None
    per_seed = _numbers(claim, numbers, [record["seeds"] for record in records])
    seeds = list(dict.fromkeys(seed for record in records for seed in record["seeds"]))
    low, high = bootstrap_interval(per_seed, statistic="max" if claim.worst else "mean")
    ours = float(per_seed.max() if claim.worst else per_seed.mean())
    if claim.geometric:
        ours, low, high = (math.exp(number) for number in (ours, low, high))
    first = records[0]
    return _Row(
        id=claim.id,
        source=claim.source,
        paper=claim.paper,
        ours=ours,
        low=low,
        high=high,
        seeds=seeds,
        preset=first["preset"],
        device=first["device"],
        command=f"python -m invbook bench {first['id'].split('/')[0]} --preset {first['preset']}",
        verdict=_verdict(claim, ours, low, high),
        why=claim.rule,
    )


def _numbers(claim: Claim, numbers: list[list[float]], seeds: list[list[int]]) -> torch.Tensor:
    """The numbers that mean and interval are over, ``(n,)``."""
    if claim.cases:  # as many a record as there are
        flat = [number for some in numbers for number in some]
        return torch.tensor(flat, dtype=torch.float64, device="cpu")
    each = torch.tensor(numbers, dtype=torch.float64, device="cpu")
    if seeds[0] == seeds[-1]:  # one number a seed: the mean, or the worst, over the records
        return each.amax(0) if claim.worst else each.mean(0)
    return each.flatten(0, 1)  # a record a seed, with one number or one a target


def _verdict(claim: Claim, ours: float, low: float, high: float) -> Verdict:
    if claim.accept is None:
        return "for comparison"
    if not claim.accept(ours):
        return "not reached"
    if claim.paper is None or claim.more_is_better is None:
        return "reached"
    beyond = low > claim.paper if claim.more_is_better else high < claim.paper
    return "better" if beyond else "reached"


def _shown(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, list):
        return ", ".join(map(_shown, value))
    return str(value).replace("|", r"\|")
