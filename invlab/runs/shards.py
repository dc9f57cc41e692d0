"""Training pairs of any task: made in shards, by any number of workers, and kept in a folder."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import math
import re
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from invlab import runtime
from invlab.files import as_json, same_json, write_whole
from invlab.pairs import Pairs
from invlab.priors import Prior, to_json
from invlab.runs import processes
from invlab.simulators import FailedRows
from invlab.simulators.numpy_functions import NumpySimulator, UnknownShapeError
from invlab.task import Task
from invlab.validation import require_count, require_dtype, require_seed

__all__ = ["SHARD", "generate", "read", "whose"]

# Pairs in one file, and at most that many are lost when a run is interrupted.
SHARD = 100
# What a folder of shards was made with.
ABOUT = "about.json"
# Draws that tell a law that JSON cannot hold from others, and their significant digits: what two
# versions of a library round another way is the same law.
DRAWS, DIGITS = 16, 6


def generate(
    task: Task,
    n: int,
    *,
    folder: str | Path,
    jobs: int = 1,
    scheduler: str | None = None,
    seed: int = 0,
    shard: int | None = None,
    dtype: torch.dtype = torch.float64,
    about: dict[str, Any] | None = None,
) -> Pairs:
    """Simulate until a folder holds ``n`` pairs of a task, and return them.

    Shard k is drawn from its own stream of the seed, the noise too where it is torch's, so the
    pairs do not depend on the number of workers, nor on how often the run was interrupted; asking
    for more keeps what is there. What is there is never simulated again. An interrupted shard is
    not written. Rows that fail are kept, their y is NaN, and one warning counts them; where a
    simulator raises, the rows of that shard are simulated one by one to find which.

    Args:
        task: any task; it may hold lambdas and closures, which travel to the workers by
            cloudpickle. Nothing is ever unpickled from a file.
        n: number of pairs; whole shards are made.
        folder: of the shards; made where missing.
        jobs: processes of this machine, each on one thread; 1 is this process, on one thread too.
        scheduler: address of a Dask scheduler whose workers simulate instead, such as
            ``"tcp://10.0.0.1:8786"``; they need all modules that the task uses.
        seed: of the draws, any integer.
        shard: pairs in one file, simulated together; by default what the folder has, else the
            smaller of 100 and ``n``. Fewer for a slow simulator on many workers.
        dtype: that the simulator computes in and the pairs are kept in.
        about: more that tells this task from others, such as ``{"mesh": 3}``, for JSON; under
            names of its own, not "task", "prior" and the like, which are there anyway.

    Returns:
        The pairs on ``runtime.device()``, with their contexts.

    Raises:
        TypeError: a dtype that is not torch's, or ``about`` is no dictionary.
        ValueError: the folder holds pairs of something else; or both ``jobs`` and ``scheduler``;
            or a name in ``about`` that is taken. A task is told by its name, the law of its
            unknowns and contexts (by a few draws where JSON cannot hold it), the seed, the size
            of the shards, the dtype and ``about``. A simulator that changed under the same name
            cannot be noticed: give it another folder, or say so in ``about``.
        RuntimeError: shards failed, each row of them; those that did not are on disk.
        KeyboardInterrupt: it was interrupted.

    Example:
        >>> import torch
        >>> import invlab
        >>> task = invlab.get_task("sine")
        >>> pairs = invlab.generate(task, 50, folder="sine_pairs", shard=25)
        >>> more = invlab.generate(task, 75, folder="sine_pairs")  # simulates 25 and no more
        >>> len(more), torch.equal(more.x[:50], pairs.x)
        (75, True)
    """
    n, seed, folder = require_count("n", n), require_seed("seed", seed), Path(folder)
    if require_dtype("generate: dtype", dtype) == torch.bfloat16:
        raise TypeError("generate: dtype: expected one that NumPy has too, got torch.bfloat16")
    if not isinstance(about, Mapping | None):
        kind = type(about).__name__
        raise TypeError(f"generate: about: expected a dictionary of names and values, got {kind}")
    if require_count("jobs", jobs) > 1 and scheduler is not None:
        raise ValueError(f"generate: expected jobs or scheduler, got {jobs} and {scheduler!r}")
    if not task.has_simulator:
        raise ValueError(f"generate: {task.name} was made from pairs and has no simulator")
    size = require_count("shard", _size(folder, n) if shard is None else shard)
    _claim(folder, _identity(task, seed, size, dtype, about or {}))
    missing = [k for k in range(math.ceil(n / size)) if _load(_path(folder, k), size) is None]
    if missing and isinstance(task.simulator, NumpySimulator) and task.simulator.shape is None:
        # told here, so that a process whose rows all fail knows the shape of y too
        with contextlib.suppress(UnknownShapeError):
            task.simulator.shape = task.y_shape
    one = partial(_simulate, seed=seed, size=size, dtype=dtype)
    failed, why = {}, ""
    for k, outcome in runtime.progress(
        _made(task, one, missing, jobs, scheduler), task.name, total=len(missing)
    ):
        if isinstance(outcome, Exception):
            failed[k] = outcome
        else:
            content, said = outcome
            write_whole(_path(folder, k), content)
            why = why or said
    if failed:
        k, error = next(iter(failed.items()))
        raise RuntimeError(
            f"generate: {len(failed)} of {len(missing)} shards failed, the others are in {folder}; "
            f"shard {k}: {type(error).__name__}: {error}"
        ) from error
    pairs = read(folder, n)
    task.note_shape(pairs.y[0])  # another process may have simulated them
    _count_failures(task, pairs, why)
    return pairs


def read(folder: str | Path, n: int | None = None) -> Pairs:
    """Pairs from a folder of shards: the first ``n``, or all up to the first gap.

    Returns:
        Pairs on ``runtime.device()``, with the precision that they were kept in.

    Raises:
        FileNotFoundError: fewer than ``n`` are there, or none.
    """
    folder = Path(folder)
    n = None if n is None else require_count("n", n)
    size = _size(folder, SHARD)
    parts: list[dict[str, np.ndarray]] = []
    while n is None or len(parts) * size < n:
        part = _load(_path(folder, len(parts)), size)
        if part is None:
            break
        parts.append(part)
    there = len(parts) * size
    if there == 0 or there < (n or 0):
        raise FileNotFoundError(f"read: expected {n or 'some'} pairs in {folder}, found {there}")
    whole = {name: np.concatenate([part[name] for part in parts])[:n] for name in parts[0]}
    return Pairs(**whole).to(runtime.device())  # type: ignore[arg-type]


def _count_failures(task: Task, pairs: Pairs, why: str) -> None:
    """One warning for all rows that failed, with the first message where one came."""
    lost = int((~torch.isfinite(pairs.y).flatten(1).all(1)).sum())
    if lost:
        message = f"{task.name}: {lost} of {len(pairs)} pairs failed, their y is NaN or infinite"
        warnings.warn(f"{message}; {why}" if why else message, FailedRows, stacklevel=3)


def _made(
    task: Task,
    one: Callable[..., tuple[bytes, str]],
    missing: Sequence[int],
    jobs: int,
    scheduler: str | None,
) -> Iterator[tuple[int, Any]]:
    """Number and content of each shard, or its error, as they complete."""
    if not missing:
        return
    if scheduler is None and jobs == 1:
        for k in missing:
            yield k, _in_this_process(one, task, k)
        return
    import cloudpickle

    # pickle knows functions by where they stand in a module; this one sends them whole
    sent = cloudpickle.dumps(partial(one, task))
    items: list[processes.Item] = [(sent, k) for k in missing]
    if scheduler is not None:
        outcomes = processes.on_cluster(_unpacked, items, scheduler)
    else:
        outcomes = processes.on_processes(_unpacked, items, jobs)
    for item, outcome in outcomes:
        yield item[-1], outcome


def _in_this_process(one: Callable[..., tuple[bytes, str]], task: Task, k: int) -> Any:
    try:
        with runtime.one_thread():  # as in the workers: more threads may round another way
            return one(task, k)
    except Exception as error:
        return error


def _unpacked(sent: bytes, k: int) -> tuple[bytes, str]:
    """In a worker: what came from the process that asks, never from a file."""
    import cloudpickle

    return cloudpickle.loads(sent)(k)


def _simulate(task: Task, k: int, *, seed: int, size: int, dtype: torch.dtype) -> tuple[bytes, str]:
    """The content of shard k, and why the first of its rows failed, where one did."""
    generator = runtime.generator(seed, task.name, "shard", k)
    said: list[str] = []
    with runtime.interrupts_end_it(), _noted(said):
        pairs = _sample(task, size, generator, dtype)
    content = io.BytesIO()
    arrays: dict[str, Any] = {"x": pairs.x, "y": pairs.y, "c": pairs.c}
    np.savez(content, **{k: part.cpu().numpy() for k, part in arrays.items() if part is not None})
    return content.getvalue(), said[0] if said else ""


def _sample(task: Task, n: int, generator: torch.Generator, dtype: torch.dtype) -> Pairs:
    """``task.sample``; where that raises, the rows one by one, and those that raise are NaN.

    Raises:
        Exception: what the simulator raised, where no row goes through, or where the task has a
            ``sample`` of its own.
    """
    start = generator.get_state()
    try:
        return task.sample(n, generator=generator, dtype=dtype)
    except Exception as error:
        if type(task).sample is not Task.sample:  # its rows are not known to be made one by one
            raise
        generator.set_state(start)
        pairs = _row_by_row(task, n, generator, dtype)
        if pairs is None:
            raise error from None
        return pairs


def _row_by_row(task: Task, n: int, generator: torch.Generator, dtype: torch.dtype) -> Pairs | None:
    """As ``_sample`` does where the simulator raises; None where it does for each row."""
    x, *c = task.draw(n, generator=generator, dtype=dtype)
    found: dict[int, torch.Tensor] = {}
    failures: dict[int, str] = {}
    with runtime.seeded(runtime.next_seed(generator, peek=True)), torch.no_grad():
        for i in range(n):
            try:
                found[i] = task.simulate(x[i : i + 1], *(part[i : i + 1] for part in c))[0]
            except Exception as error:
                failures[i] = f"{type(error).__name__}: {error}"
    if not found:
        return None
    lost = torch.full_like(next(iter(found.values())), torch.nan)
    if failures:
        first, why = next(iter(failures.items()))
        warnings.warn(
            f"{task.name}: {len(failures)} of {n} rows raised an error; the first, x = "
            f"{x[first].tolist()}: {why}; invlab.numpy_simulator makes such rows NaN anywhere",
            FailedRows,
            stacklevel=2,
        )
    return Pairs(x, torch.stack([found.get(i, lost) for i in range(n)]), *c)


@contextlib.contextmanager
def _noted(said: list[str]) -> Iterator[None]:
    """Why rows failed goes to a list; all other warnings go where they always go."""
    show = warnings.showwarning

    def note(message: Any, category: type[Warning], *where: Any, **more: Any) -> None:
        if issubclass(category, FailedRows):
            said.append(str(message).partition("; ")[2])
        else:
            show(message, category, *where, **more)

    with warnings.catch_warnings():
        warnings.simplefilter("always", FailedRows)
        warnings.showwarning = note
        yield


def whose(folder: str | Path) -> str | None:
    """The name of the task that a folder of shards was made for; None where it does not say."""
    name = (_about(Path(folder)) or {}).get("task")
    return None if name is None else str(name)


def _identity(
    task: Task, seed: int, size: int, dtype: torch.dtype, about: dict[str, Any]
) -> dict[str, Any]:
    """What tells pairs from those of another task.

    Raises:
        ValueError: ``about`` names something that is in it anyway.
    """
    own = {
        "task": task.name,
        "unknowns": task.x_dim,
        "prior": _described(task.prior),
        "context": None if task.context is None else _described(task.context),
        "seed": seed,
        "shard": size,
        "dtype": str(dtype).removeprefix("torch."),
    }
    taken = sorted(own.keys() & about.keys())
    if taken:
        raise ValueError(
            f"generate: about: expected names other than {', '.join(map(repr, own))}, which tell "
            f"the pairs apart already, got {taken[0]!r}; take another name"
        )
    return {**own, **as_json("generate: about", about)}


def _described(prior: Prior) -> dict[str, Any]:
    """A law in words and numbers that are the same in each process; by draws where need be."""
    try:
        return to_json(prior)
    except TypeError:
        words = re.sub(r" at 0x[0-9a-fA-F]+", "", repr(prior))  # without its place in memory
        ours = type(prior).__module__.startswith("invlab.")
        own = not ours and type(prior).__repr__ is not object.__repr__
        return {"words" if own else "kind": words, "draws": _digest_of_draws(prior)}


def _digest_of_draws(prior: Prior) -> str | None:
    """Of a few draws, rounded; None where they do not follow the generator."""
    found = []
    for _ in range(2):
        with runtime.seeded(0):
            draws = prior.sample(DRAWS, generator=runtime.generator(0, "identity"))
        said = " ".join(f"{x + 0.0:.{DIGITS - 1}e}" for x in draws.double().flatten().tolist())
        found.append(hashlib.blake2b(said.encode(), digest_size=8).hexdigest())
    return found[0] if found[0] == found[1] else None


def _size(folder: Path, n: int) -> int:
    """Pairs in a file of this folder, or in one of a new folder for ``n`` pairs."""
    there = _about(folder)
    return min(SHARD, n) if there is None else int(there.get("shard", SHARD))


def _about(folder: Path) -> dict[str, Any] | None:
    try:
        there = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise ValueError(f"{folder / ABOUT}: is no JSON; take another folder") from error
    if not isinstance(there, dict):
        raise ValueError(f"{folder / ABOUT}: says nothing of pairs; take another folder")
    return there


def _claim(folder: Path, wanted: dict[str, Any]) -> None:
    """Say in the folder what its pairs are, or refuse it where they are something else."""
    wanted = as_json(f"generate: {folder}", wanted)
    there = _about(folder)
    if there is None or not any(folder.glob("shard-*.npz")):  # nothing was made as it says
        write_whole(folder / ABOUT, (json.dumps(wanted, indent=1) + "\n").encode())
        return
    differ = [key for key in {**there, **wanted} if not _same(there.get(key), wanted.get(key))]
    if differ:
        has, asked = ({key: side.get(key) for key in differ} for side in (there, wanted))
        raise ValueError(
            f"generate: {folder} holds other pairs: {has}; expected {asked}; take another folder"
        )


def _same(there: Any, wanted: Any) -> bool:
    """Whether two entries agree; older folders have the words of a law and no draws."""
    if isinstance(there, str) and isinstance(wanted, dict):
        return bool(wanted.get("words") == there)
    return same_json(there, wanted)


def _path(folder: Path, k: int) -> Path:
    return folder / f"shard-{k:05d}.npz"


def _load(path: Path, size: int) -> dict[str, np.ndarray] | None:
    """x, y and perhaps c, or None where there is no whole shard."""
    try:
        # opened here: NumPy leaves a damaged file open
        with path.open("rb") as file, np.load(file, allow_pickle=False) as shard:
            part = {name: shard[name] for name in shard.files}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    whole = {"x", "y"} <= part.keys() and all(len(array) == size for array in part.values())
    return part if whole else None
