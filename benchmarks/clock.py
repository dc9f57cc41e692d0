"""The clock of the benchmarks."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence


def cpu_seconds(work: Callable[[], object], repeats: int) -> float:
    """Median processor time of ``work`` in seconds, after a run that does not count."""
    return in_turn([work], repeats)[0]


def in_turn(works: Sequence[Callable[[], object]], repeats: int) -> list[float]:
    """The same of each work, taken in turn, so that a busy machine slows all of them alike."""
    for work in works:
        work()
    seconds: list[list[float]] = [[] for _ in works]
    for _ in range(repeats):
        for work, taken in zip(works, seconds, strict=True):
            begun = time.process_time()
            work()
            taken.append(time.process_time() - begun)
    return [statistics.median(taken) for taken in seconds]
