"""Where and how to compute: device, preset, seeded random numbers, progress bars."""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Literal, TypeVar, cast

import torch

__all__ = [
    "Preset",
    "by_preset",
    "cpu_seconds",
    "device",
    "generator",
    "preset",
    "progress",
    "set_clock",
]

Preset = Literal["quick", "full"]
T = TypeVar("T")


def device() -> torch.device:
    """Device that computations run on: CUDA where there is one, else the CPU.

    The environment variable ``INVLAB_DEVICE`` (``cpu``, ``cuda``, ``cuda:1``, ...) overrides it.

    Raises:
        ValueError: ``INVLAB_DEVICE`` names no device, or a CUDA device that is not there.
    """
    name = os.environ.get("INVLAB_DEVICE")
    if not name:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(name)
    except RuntimeError as error:
        raise ValueError(f"INVLAB_DEVICE={name!r}: expected cpu, cuda or cuda:N") from error
    if chosen.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"INVLAB_DEVICE={name!r}, but torch sees no CUDA device here")
    return chosen


def preset() -> Preset:
    """Size of the experiments: ``"quick"`` (default) or ``"full"``, from ``INVLAB_PRESET``.

    Raises:
        ValueError: the variable holds another word.
    """
    name = os.environ.get("INVLAB_PRESET", "quick")
    if name not in ("quick", "full"):
        raise ValueError(f"INVLAB_PRESET={name!r}: expected 'quick' or 'full'")
    return cast(Preset, name)


def by_preset(*, quick: T, full: T) -> T:
    """``quick`` or ``full``, whichever preset is on."""
    return full if preset() == "full" else quick


def generator(seed: int, *stream: str | int) -> torch.Generator:
    """A CPU random generator for one named stream of a seed.

    Streams of the same seed are independent: the batches of a training do not repeat the
    draws that made its data. Numbers are drawn on the CPU and then moved, so that a seed
    means the same on each device.

    Args:
        seed: any integer.
        stream: words or numbers that name what the numbers are for.
    """
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise TypeError(f"seed: expected an int, got {type(seed).__name__}")
    digest = hashlib.blake2b(repr((seed, *stream)).encode(), digest_size=8).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest, "big") >> 1)


def progress(items: Iterable[T], description: str, *, total: int | None = None) -> Iterator[T]:
    """Iterate with a text progress bar; silent where ``CI`` or ``INVLAB_PROGRESS=off`` is set."""
    from tqdm import tqdm

    off = bool(os.environ.get("CI")) or os.environ.get("INVLAB_PROGRESS", "on") == "off"
    # delay: what ends within a second needs no bar
    yield from tqdm(items, desc=description, total=total, disable=off, leave=False, delay=1.0)


_clock: Callable[[], float] = time.process_time


def cpu_seconds() -> float:
    """Processor seconds of this process, or what the clock of :func:`set_clock` says instead.

    Every measured cost and every budget in seconds reads this clock.
    """
    return _clock()


@contextlib.contextmanager
def set_clock(clock: Callable[[], float]) -> Iterator[None]:
    """Within the block, budgets and costs in seconds are read from another clock.

    A test that depends on time sets one that counts calls: then no machine is too slow for it.
    """
    global _clock
    before, _clock = _clock, clock
    try:
        yield
    finally:
        _clock = before
