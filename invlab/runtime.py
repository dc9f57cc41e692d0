"""Where and how to compute: device, preset, seeded random numbers, interrupts, progress bars."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from types import FrameType
from typing import Any, Literal, TypeVar, cast

import torch

from invlab.validation import is_integer, require_generator, require_seed

__all__ = [
    "Preset",
    "announce",
    "any_encoding",
    "by_preset",
    "copies",
    "cpu_seconds",
    "device",
    "generator",
    "differentiable",
    "environment",
    "interrupts_end_it",
    "next_seed",
    "normal_tensor",
    "one_thread",
    "preset",
    "progress",
    "say",
    "seeded",
    "set_clock",
    "wall_seconds",
]

Preset = Literal["quick", "full"]
T = TypeVar("T")

# What a variable says that is set to mean "no".
_NO = ("", "0", "false", "no", "off")


def device() -> torch.device:
    """Device that computations run on: CUDA where there is one, else the CPU.

    The environment variable ``INVLAB_DEVICE`` (``cpu``, ``cuda``, ``cuda:1``, ``mps``) overrides
    it.

    Raises:
        ValueError: ``INVLAB_DEVICE`` names no device, or one that is not there.
    """
    name = os.environ.get("INVLAB_DEVICE")
    if not name:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(name)
    except RuntimeError as error:
        raise ValueError(f"INVLAB_DEVICE={name!r}: expected cpu, cuda, cuda:N or mps") from error
    if chosen.type not in ("cpu", "cuda", "mps"):
        raise ValueError(f"INVLAB_DEVICE={name!r}: expected cpu, cuda, cuda:N or mps")
    if chosen.type == "cuda":
        there = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (chosen.index or 0) >= there:
            found = f"{there} CUDA devices" if there else "no CUDA device"
            raise ValueError(f"INVLAB_DEVICE={name!r}, but torch sees {found} here; say cpu")
    if chosen.type == "mps" and not torch.backends.mps.is_available():
        raise ValueError(f"INVLAB_DEVICE={name!r}, but torch sees no MPS device here; say cpu")
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


@contextlib.contextmanager
def environment(name: str, value: str) -> Iterator[None]:
    """A variable of the environment for a while; whatever it was before is put back."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def by_preset(*, quick: T, full: T) -> T:
    """``quick`` or ``full``, whichever preset is on."""
    return full if preset() == "full" else quick


def generator(seed: int, *stream: str | int) -> torch.Generator:
    """A CPU random generator for one named stream of a seed.

    Streams of the same seed are independent: the batches of a training do not repeat the
    draws that made its data. Numbers are drawn on the CPU and then moved, so that a seed
    means the same on each device.

    Args:
        seed: any integer, NumPy's too.
        stream: words or numbers that name what the numbers are for.

    Raises:
        TypeError: a seed that is no integer.
    """
    # an integer of NumPy prints another way, and is to name the same stream
    parts = (int(part) if is_integer(part) else part for part in stream)
    name = repr((require_seed("seed", seed), *parts))
    digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
    return torch.Generator(device="cpu").manual_seed(int.from_bytes(digest, "big") >> 1)


def copies(y: torch.Tensor, c: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Targets and contexts for somebody's own method, which may work in place on what it gets."""
    return y.clone(), None if c is None else c.clone()


def next_seed(generator: torch.Generator | None, *, peek: bool = False) -> int:
    """A seed for another random generator, drawn from this one (None: torch's global one).

    Args:
        generator: where the seed comes from.
        peek: leave the generator where it is, so that what is drawn from it next stays as it was.

    Raises:
        TypeError: something else, such as a seed.
    """
    require_generator("generator", generator)
    source = torch.default_generator if generator is None else generator
    if peek:
        copy = torch.Generator(device=source.device)
        copy.set_state(source.get_state())
        source = copy
    return int(torch.randint(2**62, (1,), generator=source, device=source.device))


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Torch's global generators start from a seed inside, and are as before afterwards.

    Those of the CPU, and of all CUDA devices where CUDA is in use.
    """
    used = torch.cuda.is_available() and torch.cuda.is_initialized()
    devices = list(range(torch.cuda.device_count())) if used else []
    with torch.random.fork_rng(devices=devices):
        # not torch.manual_seed: it would also reach the CUDA generators of a later start
        torch.default_generator.manual_seed(seed)
        if devices:
            torch.cuda.manual_seed_all(seed)
        yield


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Torch computes on one thread inside, and on as many as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextlib.contextmanager
def differentiable() -> Iterator[None]:
    """What is computed inside can be differentiated, also where ``torch.inference_mode()`` is on.

    Around what trains or searches. A tensor that was made under inference mode never can be, see
    :func:`normal_tensor`.

    Raises:
        ValueError: such a tensor is met where a derivative is due; says what to do.
    """
    on = torch.is_inference_mode_enabled()
    try:
        with torch.inference_mode(False) if on else contextlib.nullcontext():
            yield
    except RuntimeError as error:
        if "nference tensor" not in str(error):
            raise
        raise ValueError(
            "a tensor that was made under torch.inference_mode() cannot be differentiated; make "
            "it outside of inference mode, such as under torch.no_grad(), or clone it there"
        ) from error


def normal_tensor(value: torch.Tensor) -> torch.Tensor:
    """The tensor itself; a copy that can be differentiated if it was made under inference mode."""
    if not value.is_inference():
        return value
    with torch.inference_mode(False):
        return value.clone()


@contextlib.contextmanager
def interrupts_end_it() -> Iterator[None]:
    """An interrupt (Ctrl-C) that comes inside leaves the block as ``KeyboardInterrupt``.

    Also where code inside caught it, such as a search that hands back its best so far: what was
    cut short is not to pass for finished. Python delivers interrupts to the main thread alone; in
    another thread this does nothing.
    """
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield
        return
    came = False

    def note(number: int, frame: FrameType | None) -> Any:
        nonlocal came
        came = True
        return before(number, frame)

    signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if came:
            raise KeyboardInterrupt


def any_encoding() -> None:
    """Let the console print what its encoding has no sign for as ``?`` instead of failing.

    For commands: a console of Windows in cp1252 has no Greek letters.
    """
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)  # a notebook's streams have none
        if reconfigure is not None:
            with contextlib.suppress(ValueError):  # closed: nothing will be printed
                reconfigure(errors="replace")


def progress(
    items: Iterable[T], description: str, *, total: int | None = None, done: int = 0
) -> Iterator[T]:
    """Iterate with a text progress bar that says how much time is left.

    A bar on a terminal and in a notebook; where stderr goes into a file or a pipe, a line soon and
    then one a minute.
    Silent in continuous integration, where ``CI`` is set, and where ``INVLAB_PROGRESS`` says
    ``off``, ``0``, ``false`` or ``no``. ``CI=false``, ``CI=0`` and an empty ``CI`` are no CI.

    Args:
        items: what to iterate over.
        description: what is done with them.
        total: how many there are, those that are done already among them.
        done: how many that are.
    """
    if not _silent() and not _shows_bars():
        yield from _lines(items, description, total, done)
        return
    from tqdm import tqdm

    yield from tqdm(
        items, desc=description, total=total, initial=done, disable=_silent(), leave=False,
        delay=1.0,  # what ends within a second needs no bar
    )  # fmt: skip


def _lines(items: Iterable[T], description: str, total: int | None, done: int) -> Iterator[T]:
    """Iterate, and say on stderr soon, and then once a minute, how far it is."""
    start = last = _wall()
    pause = FIRST_SECONDS
    for count, item in enumerate(items):
        now = _wall()
        if count and now - last >= pause:
            pause, last, place = LINE_SECONDS, now, done + count
            said = f"{place}" if total is None else f"{place} of {total}"
            left = "" if total is None else _left((now - start) / count * (total - place))
            say(f"{description}: {said}{left}")
        yield item


def _left(seconds: float) -> str:
    return f", about {max(1, round(seconds / 60))} minutes left"


def _shows_bars() -> bool:
    """Whether what is printed can be taken back: on a terminal, and in a notebook."""
    try:
        terminal = bool(sys.stderr.isatty())
    except (AttributeError, ValueError, OSError):  # None, somebody's own, or closed
        terminal = False
    return terminal or notebook_shell() is not None


def notebook_shell() -> Any:
    """IPython's shell where a notebook runs this; None elsewhere."""
    ipython: Any = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return None if getattr(shell, "kernel", None) is None else shell


# Seconds to the first line of progress, between two later ones, and the clock for them.
FIRST_SECONDS, LINE_SECONDS = 1.0, 60.0
_wall: Callable[[], float] = time.monotonic


def announce(message: str) -> None:
    """Say on stderr what is about to begin; silent where :func:`progress` is."""
    if not _silent():
        say(message)


def say(message: str) -> None:
    """A line on stderr; none where it cannot be written: no computation is to end by that."""
    stream = sys.stderr
    if stream is None:  # a program without a console; print would take stdout
        return
    with contextlib.suppress(ValueError, OSError):  # closed, or nobody reads it any more
        print(message, file=stream)
        getattr(stream, "flush", lambda: None)()


def _silent() -> bool:
    ci = os.environ.get("CI", "").strip().lower() not in _NO
    wanted = os.environ.get("INVLAB_PROGRESS", "").strip().lower() not in _NO[1:]
    return ci or not wanted


def _processor_seconds() -> float:
    children = os.times()  # programs that this process ran and waited for
    return time.process_time() + children.children_user + children.children_system


def wall_seconds() -> float:
    """Seconds on the wall since some moment; read where a simulator may wait, and nowhere else."""
    return _wall()


_clock: Callable[[], float] = _processor_seconds


def cpu_seconds() -> float:
    """Processor seconds of this process, or what the clock of :func:`set_clock` says instead.

    Those of programs that it ran count too: a simulator may be one.

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
