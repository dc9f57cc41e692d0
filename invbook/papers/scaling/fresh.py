"""A function in a process of its own, and what it costs there."""

from __future__ import annotations

import math
import multiprocessing
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import torch

from invlab import runtime

__all__ = ["Cost", "Died", "FreshProcesses", "cost"]


# What the process that is forked has imported.
PRELOADED = ["invbook.papers.scaling.work"]


class Cost(NamedTuple):
    """Processor seconds, and megabytes at the peak beyond what was there before."""

    seconds: float
    megabytes: float


class Died(RuntimeError):
    """The process ended without a result, such as for want of memory."""


def cost(work: Callable[[], object]) -> Cost:
    """What a call costs this process; the peak is told only where none was higher before."""
    before, start = peak(), runtime.cpu_seconds()
    work()
    return Cost(runtime.cpu_seconds() - start, peak() - before)


def peak() -> float:
    """The most memory that this process has had, in megabytes; NaN where no system says it."""
    try:
        import resource
    except ImportError:  # Windows
        return math.nan
    units = 1e6 if sys.platform == "darwin" else 1e3
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / units


class FreshProcesses:
    """Calls functions in processes of their own, each new and on one thread.

    A process is a fork of one that has the imports done and nothing else, where the system has
    forks: so its peak is its own, and it starts at once.

    Attributes:
        seconds: of processor time, of all processes so far.
    """

    def __init__(self) -> None:
        self.seconds = 0.0

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """What a function of a module returns in a process of its own.

        Raises:
            Died: it ended without a result.
            Exception: what the function raised.
        """
        kinds = multiprocessing.get_all_start_methods()
        kind = "forkserver" if "forkserver" in kinds else "spawn"
        context: Any = multiprocessing.get_context(kind)
        if kind == "forkserver":
            context.set_forkserver_preload(PRELOADED)
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(target=_told, args=(sender, function, arguments))
        process.start()
        sender.close()
        try:
            outcome, seconds = receiver.recv()
        except EOFError:
            process.join()
            raise Died(f"{function.__name__}: ended with {process.exitcode}") from None
        finally:
            receiver.close()
        process.join()
        self.seconds += seconds
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def _told(sender: Any, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    torch.set_num_threads(1)
    try:
        outcome = function(*arguments)
    except Exception as error:
        outcome = error
    sender.send((outcome, runtime.cpu_seconds()))
