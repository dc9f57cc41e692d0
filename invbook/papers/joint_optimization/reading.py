"""How the chapters read what was recorded."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from invlab.metrics import mean_interval
from invlab.runs.records import Record

__all__ = ["curves", "numbers", "over_counts", "summary"]

PAPER = "joint_optimization"


def numbers(
    records: Mapping[str, Record],
    system: str,
    n: int,
    method: str,
    quantity: str,
    *,
    stage: str = "refined",
    unit: float = 1.0,
) -> list[float]:
    """One recorded number, a seed each, in the order of the seeds.

    Args:
        records: by id, such as :func:`invlab.runs.records.load` gives.
        system: ``"wave_packet"`` or ``"billiards"``.
        n: problems solved together.
        method: such as ``"joint"``.
        quantity: such as ``"better"``, see
            :func:`~invbook.papers.joint_optimization.experiments.measure`.
        stage: ``"refined"`` or ``"unrefined"``.
        unit: of BFGS, in samples or m/s.

    Raises:
        KeyError: nothing of this was recorded.
    """
    key = f"S{unit:g}/{method}/{stage}/{quantity}"
    found = _of(records, system, n)
    return [record["scores"][key][0] for record in found]


def summary(values: Sequence[float], *, most: float = math.inf) -> tuple[float, float, float]:
    """Mean of numbers of several seeds, and the ends of its 95 % interval (Student's t).

    Args:
        values: at least two, not negative.
        most: what none can be above, such as 100 per cent.
    """
    ends = mean_interval(values)
    assert ends is not None
    return sum(values) / len(values), max(ends[0], 0.0), min(ends[1], most)


def over_counts(
    records: Mapping[str, Record], system: str, method: str, quantity: str, **which: object
) -> dict[int, list[float]]:
    """The numbers of every recorded n, ascending; ``which`` as for :func:`numbers`."""
    start = f"{PAPER}/{system}/n"
    present = {int(name[len(start) :].split("/")[0]) for name in records if name.startswith(start)}
    return {
        n: numbers(records, system, n, method, quantity, **which)  # type: ignore[arg-type]
        for n in sorted(present)
    }


def curves(records: Mapping[str, Record], system: str, n: int) -> list[dict[str, object]]:
    """The curves of each seed; the module ``experiments`` says what is in them."""
    return [record["curves"] for record in _of(records, system, n)]


def _of(records: Mapping[str, Record], system: str, n: int) -> list[Record]:
    start = f"{PAPER}/{system}/n{n}/"
    found = [records[name] for name in records if name.startswith(start)]
    if not found:
        raise KeyError(f"no record of {start}; run `python -m invbook bench {PAPER}`")
    return sorted(found, key=lambda record: record["seeds"])
