"""One function called on many items: in processes of this machine, or on a Dask cluster."""

from __future__ import annotations

import os
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, as_completed
from typing import Any

import torch

__all__ = ["Item", "on_cluster", "on_processes"]

# The arguments of one call.
Item = tuple[Any, ...]

# How many pools of processes may break before each call that is left gets a process of its own.
POOLS = 3
# How long a Dask scheduler may take to answer.
CONNECT_SECONDS = 20.0


def on_processes(
    function: Callable[..., Any], items: Sequence[Item], jobs: int
) -> Iterator[tuple[Item, Any]]:
    """Call a function on each item in processes of this machine.

    Each process computes on one thread, and ends when this one does, however this one ends.
    Where one dies (killed, out of memory), the calls that are left go to new ones.

    Args:
        function: picklable, as are its arguments and what it returns.
        items: the arguments of each call.
        jobs: number of processes.

    Yields:
        An item and what came of it, as they complete: a result or an ``Exception``.
    """
    left = list(items)
    for _ in range(POOLS):
        unfinished = []
        for item, outcome in _on_one_pool(function, left, jobs):
            if isinstance(outcome, BrokenExecutor):
                unfinished.append(item)
            else:
                yield item, outcome
        # The first of them may have ended the process; the next pool meets them last.
        left = sorted(unfinished, key=left.index, reverse=True)
        if not left:
            return
    for item in left:
        yield from _on_one_pool(function, [item], 1)


def on_cluster(
    function: Callable[..., Any], items: Sequence[Item], address: str
) -> Iterator[tuple[Item, Any]]:
    """Call a function on each item on the workers of a Dask cluster.

    Each call computes on one thread. The workers need this package, and take nothing from the
    environment of this process.
    Calls whose worker dies go to another one, as often as the scheduler's setting
    ``distributed.scheduler.allowed-failures`` says.

    Args:
        function: picklable, as are its arguments and what it returns.
        items: the arguments of each call.
        address: of the scheduler, such as ``"tcp://10.0.0.1:8786"``.

    Yields:
        An item and what came of it, as they complete: a result or an ``Exception``.

    Raises:
        ImportError: ``distributed`` is not installed.
        ConnectionError: no scheduler answers at the address.
    """
    try:
        import distributed
    except ImportError as error:
        message = 'a Dask cluster needs one more package: pip install "invlab[dask]"'
        raise ImportError(message, name="distributed") from error

    try:
        client = distributed.Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ConnectionError(f"no Dask scheduler answers at {address!r}: {error}") from error
    with client:
        if not client.scheduler_info()["workers"]:
            warnings.warn(f"{address} has no workers yet; waiting for them", stacklevel=2)
        submitted = (client.submit(_on_one_thread, function, item, pure=False) for item in items)
        futures = dict(zip(submitted, items, strict=True))
        for future in distributed.as_completed(list(futures), loop=client.loop):
            # Taken out, so that the cluster does not keep what has arrived here.
            yield futures.pop(future), _outcome(future)


def _on_one_pool(
    function: Callable[..., Any], items: Sequence[Item], jobs: int
) -> Iterator[tuple[Item, Any]]:
    """As ``on_processes``, but a process that dies takes all that is unfinished with it."""
    from loky import ProcessPoolExecutor

    single = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    pool = ProcessPoolExecutor(
        max_workers=min(jobs, len(items)),
        initializer=_begin_process,
        initargs=(os.getpid(),),
        env={**single, "INVLAB_PROGRESS": "off"},
    )
    finished = False
    try:
        futures = {pool.submit(function, *item): item for item in items}
        for future in as_completed(futures):
            yield futures[future], _outcome(future)
        finished = True
    finally:
        pool.shutdown(kill_workers=not finished)


def _outcome(future: Any) -> Any:
    """The result, or the error; an interrupt is raised here."""
    try:
        return future.result()
    except Exception as error:
        return error


def _on_one_thread(function: Callable[..., Any], item: Item) -> Any:
    torch.set_num_threads(1)
    return function(*item)


def _begin_process(parent: int) -> None:
    torch.set_num_threads(1)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    """End this process soon after its parent, which may have had no time to say so.

    Where the system never changes the number of the parent (Windows), nothing happens.
    """
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)
