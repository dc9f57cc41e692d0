"""What runs will cost, from what they and their like have cost before."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from invlab.runs.records import Record, Run

__all__ = ["expected", "longest_first", "said"]


def expected(run: Run, records: Mapping[str, Record]) -> float | None:
    """CPU seconds of a run: as its record took, or the nearest kind of run; None if none has.

    Args:
        run: to be made.
        records: by id, of any settings and of the size that is to be made.
    """
    spent = {name: seconds for name, record in records.items() if (seconds := _spent(record))}
    if run.id in spent:
        return spent[run.id]
    parts = run.id.split("/")
    for length in range(len(parts) - 1, 1, -1):
        start = "/".join(parts[:length]) + "/"
        found = [seconds for name, seconds in spent.items() if name.startswith(start)]
        if found:
            return statistics.median(found)
    return None


def _spent(record: Record) -> float | None:
    """CPU seconds that a record took; None where a damaged one does not say."""
    seconds = record.get("cpu_seconds")
    return float(seconds) if isinstance(seconds, int | float) else None


def longest_first(runs: Sequence[Run], records: Mapping[str, Record]) -> list[Run]:
    """Runs in an order in which several processes end together; unknown costs come first."""

    def cost(run: Run) -> float:
        seconds = expected(run, records)
        return float("inf") if seconds is None else seconds

    return sorted(runs, key=cost, reverse=True)


def said(runs: Sequence[Run], records: Mapping[str, Record], jobs: int) -> str:
    """The estimate in words."""
    costs = [expected(run, records) for run in runs]
    known = [cost for cost in costs if cost is not None]
    unknown = len(costs) - len(known)
    total = sum(known)
    made = sorted({records[run.id].get("processor", "") for run in runs if run.id in records})
    where = f" on {' and '.join(filter(None, made))}" if any(made) else ""
    text = f"{len(runs)} runs to make: about {total / 60:.0f} CPU minutes{where}"
    if jobs > 1:
        text += f", {total / 60 / jobs:.0f} minutes with {jobs} jobs"
    return text + (f"; {unknown} of them were never made before" if unknown else "")
