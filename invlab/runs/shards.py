"""Training pairs of a slow simulator: made in shards, by any number of workers, and kept."""

from __future__ import annotations

import io
import json
import math
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from invlab import runtime
from invlab.files import write_whole
from invlab.runs import processes
from invlab.task import Pairs
from invlab.tasks import get_task
from invlab.validation import require_count

__all__ = ["SHARD", "generate", "read"]

# Pairs in one file, and at most that many are lost when a run is interrupted.
SHARD = 100
# What a folder of shards was made with.
ABOUT = "about.json"


def generate(
    folder: Path,
    name: str,
    n: int,
    *,
    options: dict[str, Any] | None = None,
    seed: int = 0,
    jobs: int = 1,
    scheduler: str | None = None,
) -> Pairs:
    """Simulate until a folder holds ``n`` pairs of a task, and return them.

    Shard k is drawn from its own stream of the seed, so the pairs do not depend on the number of
    workers, nor on how often the run was interrupted; asking for more keeps what is there.

    Args:
        folder: of the shards; made where missing.
        name, options: of the task, as for :func:`invlab.get_task`.
        n: number of pairs; whole shards of :data:`SHARD` are made.
        seed: of the draws from the prior.
        jobs: processes of this machine, each on one thread; 1 is this process.
        scheduler: address of a Dask scheduler whose workers simulate instead.

    Raises:
        ValueError: the folder holds pairs of another task, other options or another seed; or both
            ``jobs`` and ``scheduler``.
        RuntimeError: shards failed; those that did not are on disk.
    """
    if require_count("jobs", jobs) > 1 and scheduler is not None:
        raise ValueError(f"generate: expected jobs or scheduler, got {jobs} and {scheduler!r}")
    _claim(folder, {"task": name, "options": options or {}, "seed": seed, "shard": SHARD})
    wanted = range(math.ceil(require_count("n", n) / SHARD))
    missing = [k for k in wanted if _load(_path(folder, k)) is None]
    failed = {}
    items = [(name, options or {}, seed, k) for k in missing]
    for k, outcome in runtime.progress(_made(items, jobs, scheduler), "shards", total=len(items)):
        if isinstance(outcome, Exception):
            failed[k] = outcome
        else:
            write_whole(_path(folder, k), outcome)
    if failed:
        k, error = next(iter(failed.items()))
        raise RuntimeError(
            f"generate: {len(failed)} of {len(items)} shards failed, the others are in {folder}; "
            f"shard {k}: {type(error).__name__}: {error}"
        ) from error
    return read(folder, n)


def read(folder: Path, n: int | None = None) -> Pairs:
    """Pairs from a folder of shards: the first ``n``, or all up to the first gap.

    Raises:
        FileNotFoundError: fewer than ``n`` are there, or none.
    """
    parts: list[tuple[np.ndarray, np.ndarray]] = []
    while n is None or len(parts) * SHARD < n:
        shard = _load(_path(folder, len(parts)))
        if shard is None:
            break
        parts.append(shard)
    there = len(parts) * SHARD
    if there == 0 or there < (n or 0):
        raise FileNotFoundError(f"read: expected {n or 'some'} pairs in {folder}, found {there}")
    x, y = (torch.as_tensor(np.concatenate(arrays)[:n]) for arrays in zip(*parts, strict=True))
    return Pairs(x, y)


def _made(
    items: list[tuple[str, dict[str, Any], int, int]], jobs: int, scheduler: str | None
) -> Iterator[tuple[int, Any]]:
    """Number and content of each shard, or its error, as they complete."""
    if not items:
        return
    if scheduler is not None:
        outcomes = processes.on_cluster(_simulate, items, scheduler)
    elif jobs > 1:
        outcomes = processes.on_processes(_simulate, items, jobs)
    else:
        outcomes = _in_this_process(items)
    for item, outcome in outcomes:
        yield item[-1], outcome


def _in_this_process(items: Sequence[processes.Item]) -> Iterator[tuple[processes.Item, Any]]:
    for item in items:
        try:
            outcome: Any = _simulate(*item)
        except Exception as error:
            outcome = error
        yield item, outcome


def _simulate(name: str, options: dict[str, Any], seed: int, k: int) -> bytes:
    """The content of shard k."""
    task = get_task(name, **options)
    generator = runtime.generator(seed, name, "shard", k)
    with torch.no_grad():
        pairs = task.sample(SHARD, generator=generator, dtype=torch.float64)
    content = io.BytesIO()
    np.savez(content, x=pairs.x.float().cpu().numpy(), y=pairs.y.float().cpu().numpy())
    return content.getvalue()


def _claim(folder: Path, about: dict[str, Any]) -> None:
    """Say in the folder what its pairs are, or refuse it where they are something else."""
    path = folder / ABOUT
    wanted = json.loads(json.dumps(about))
    if not path.exists():
        write_whole(path, (json.dumps(wanted, indent=1) + "\n").encode())
        return
    there = json.loads(path.read_text(encoding="utf-8"))
    if there != wanted:
        raise ValueError(f"generate: {folder} holds {there}; expected {wanted}, take another one")


def _path(folder: Path, k: int) -> Path:
    return folder / f"shard-{k:05d}.npz"


def _load(path: Path) -> tuple[np.ndarray, np.ndarray] | None:
    """x and y, or None where there is no whole shard."""
    try:
        # opened here: NumPy leaves a damaged file open
        with path.open("rb") as file, np.load(file, allow_pickle=False) as shard:
            x, y = shard["x"], shard["y"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    return (x, y) if len(x) == len(y) == SHARD else None
