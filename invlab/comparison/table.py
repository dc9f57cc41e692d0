"""From the records of all methods and seeds to a row a method, and who is level with whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from invlab.metrics import bootstrap_interval, mean_interval
from invlab.metrics.intervals import Scale

__all__ = ["Row", "Scores", "floor_row", "level", "rows_of"]

# A row of the table, ready for JSON; None where something does not apply.
Row = dict[str, Any]
# Errors below this, over the variance of y, count as equal: nobody measures a thirty-thousandth of
# the spread of y, and rounding decides soon below.
LEAST = 1e-9
# From so many targets on their bootstrap covers the mean of a single seed.
ENOUGH = 10
# Entries of a row that do not depend on T; the first is made here, the others come from records.
OTHERS = (
    "failed", "valid", "in_box", "coverage", "coverage_p", "calibration_p", "joint_p",
    "log_density", "fit_s", "answer_s", "calls", "answer_calls",
)  # fmt: skip
# Those whose smallest over the seeds is shown; of the others the mean.
SMALLEST = ("coverage_p", "calibration_p", "joint_p")


@dataclass(frozen=True)
class Scores:
    """The errors of one method by T: ``(seeds, targets)`` each, infinite where it failed.

    ``floor`` is what nothing below is told apart from: the noise, or the error of the judge. A
    method that was asked for fewer guesses counts at larger T with what those reached, since more
    would do no worse.
    """

    errors: Mapping[int, Tensor]
    floor: float = LEAST

    def given(self, n: int) -> int:
        """How many guesses the method gave where n were allowed; 0 where that is not known."""
        return max((count for count in self.errors if count <= n), default=0)

    def logs(self, n: int) -> Tensor:
        """Logarithms of the errors at T = n, from the floor up; failures count as the prior's."""
        return self.errors[self.given(n)].clamp(max(self.floor, LEAST), 10.0).log()

    def geometric_mean(self, n: int) -> float:
        """Geometric mean over seeds and targets; what the advice ranks by."""
        return float(self.logs(n).mean().exp())


def rows_of(
    records: Mapping[str, Sequence[Mapping[str, Any]]],
    guesses: Sequence[int],
    notes: Mapping[str, str],
    floor: float,
) -> tuple[list[Row], dict[str, Scores]]:
    """A row a method, in the order given, and the scores of those that have any.

    Args:
        records: of each method, one a seed.
        guesses: numbers T.
        notes: of those that were left out.
        floor: see :class:`Scores`.
    """
    rows, scores, targets = [], {}, _targets(records)
    for name, several in records.items():
        sound = [record for record in several if "errors" in record]
        row: Row = {"method": name, **_nothing(guesses)}
        row["note"] = _note(several, notes.get(name, ""))
        if sound:
            found = Scores(_by_count(several, "errors", targets), floor)
            scores[name] = found
            row |= _errors(found, guesses) | _rest(sound)
            row |= _refined(sound, guesses, targets)
        rows.append(row)
    return rows, scores


def floor_row(floor: float, guesses: Sequence[int], note: str) -> Row:
    """The row of what nothing below is told apart from; the same at each T."""
    same = {f"{key}_{n}": floor for n in guesses for key in ("r", "low", "high", "geo", "median")}
    return {"method": "floor", **_nothing(guesses), **same, "note": note}


def _nothing(guesses: Sequence[int]) -> Row:
    keys = ("r", "low", "high", "geo", "median", "failed", "refined")
    per_count = {f"{key}_{n}": None for n in guesses for key in keys}
    return per_count | dict.fromkeys(OTHERS)


def _targets(records: Mapping[str, Sequence[Mapping[str, Any]]]) -> int:
    """Targets of a seed: those of the seed that has fewest, so that all have as many."""
    every = (record for several in records.values() for record in several)
    columns = (column for record in every for column in record.get("errors", {}).values())
    return min((len(column) for column in columns), default=0)


def _by_count(several: Sequence[Mapping[str, Any]], key: str, targets: int) -> dict[int, Tensor]:
    """Errors by T, ``(seeds, targets)``; a seed in which the method failed is all infinite."""
    sound = [record for record in several if key in record]
    counts = sorted({int(n) for record in sound for n in record[key]})
    common = [n for n in counts if all(str(n) in record[key] for record in sound)]
    failed = [float("inf")] * targets
    return {
        n: torch.tensor(
            [record[key][str(n)][:targets] if key in record else failed for record in several],
            dtype=torch.float64,
            device="cpu",
        )
        for n in common
    }


def _errors(found: Scores, guesses: Sequence[int]) -> Row:
    row: Row = {}
    for n in guesses:
        if n not in found.errors:
            continue
        errors = found.errors[n]
        row[f"failed_{n}"] = float((~torch.isfinite(errors)).double().mean())
        there = errors[torch.isfinite(errors)]
        if len(there) == 0:
            continue
        low, high = _interval(errors, "log") or (None, None)
        row |= {
            f"r_{n}": float(there.mean()),
            f"low_{n}": low,
            f"high_{n}": high,
            f"geo_{n}": found.geometric_mean(n),
            f"median_{n}": float(errors.median()),
        }
    if not found.errors:
        return row
    last = found.errors[max(found.errors)]
    row["failed"] = float((~torch.isfinite(last)).double().mean())
    return row


def _interval(values: Tensor, scale: Scale) -> tuple[float, float] | None:
    """95 % interval of the mean of ``(seeds, targets)``, of the finite ones among them.

    Targets and training are both drawn anew with each seed, so that the means of the seeds are
    independent. Of a single seed the targets alone are resampled, or Student's t is taken over
    them where they are few: how much another training would change cannot be said. None of a
    single number.
    """
    seeds = [seed[torch.isfinite(seed)] for seed in values]
    there = [seed for seed in seeds if len(seed)]
    of_seeds = mean_interval([float(seed.mean()) for seed in there], scale=scale)
    if of_seeds is not None:
        return of_seeds
    (alone,) = there
    if len(alone) < ENOUGH:
        return mean_interval(alone, scale=scale)
    return bootstrap_interval(alone)


def _rest(sound: Sequence[Mapping[str, Any]]) -> Row:
    row: Row = {}
    for key in OTHERS[1:]:
        values = [record[key] for record in sound if record.get(key) is not None]
        if values:
            row[key] = min(values) if key in SMALLEST else sum(values) / len(values)
    return row


def _refined(sound: Sequence[Mapping[str, Any]], guesses: Sequence[int], targets: int) -> Row:
    if not all("refined" in record for record in sound):
        return {}
    found = _by_count(sound, "refined", targets)
    row: Row = {}
    for n in guesses:
        if n in found:
            there = found[n][torch.isfinite(found[n])]
            row[f"refined_{n}"] = float(there.mean()) if len(there) else None
    return row


def _note(several: Sequence[Mapping[str, Any]], left_out: str) -> str:
    notes = [left_out, *(record.get("note", "") for record in several)]
    return "; ".join(dict.fromkeys(note for note in notes if note))


def level(one: Scores, best: Scores, n: int) -> bool:
    """Whether two methods cannot be told apart at T = n, on the same seeds and targets.

    They can where the 95 % interval of the mean difference of their log errors, Student's t over
    the seeds, leaves zero out. A single target of a single seed tells nobody apart.
    """
    gap = one.logs(n) - best.logs(n)
    if bool((gap == 0).all()):
        return True
    interval = _interval(gap, "linear")
    if interval is None:
        return True
    low, high = interval
    return low <= 0 <= high
