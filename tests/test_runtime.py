"""Device, preset, random streams and progress bars."""

import io
import os
import signal
import subprocess
import sys
import threading
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from invlab import runtime


def test_the_device_follows_the_environment(monkeypatch):
    monkeypatch.setenv("INVLAB_DEVICE", "cpu")
    assert runtime.device() == torch.device("cpu")


@pytest.mark.parametrize(("there", "expected"), [(True, "cuda"), (False, "cpu")])
def test_without_a_word_the_device_is_cuda_where_there_is_one(monkeypatch, there, expected):
    monkeypatch.delenv("INVLAB_DEVICE")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    assert runtime.device().type == expected


@pytest.mark.parametrize("name", ["gpu", "gpu0", "Cpu", "cuda", "cuda:1", "meta", "mps", "xpu"])
def test_a_device_that_is_not_there_is_named(monkeypatch, name):
    monkeypatch.setenv("INVLAB_DEVICE", name)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(ValueError, match=f"INVLAB_DEVICE='{name}'.*cpu"):
        runtime.device()


def test_a_cuda_device_beyond_the_last_is_named(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setenv("INVLAB_DEVICE", "cuda:1")
    assert runtime.device() == torch.device("cuda:1")
    monkeypatch.setenv("INVLAB_DEVICE", "cuda:7")
    with pytest.raises(ValueError, match="INVLAB_DEVICE='cuda:7', but torch sees 2 CUDA devices"):
        runtime.device()


def test_the_preset_is_quick_unless_it_says_full(monkeypatch):
    monkeypatch.delenv("INVLAB_PRESET")
    assert runtime.preset() == "quick"
    assert runtime.by_preset(quick=1, full=2) == 1
    monkeypatch.setenv("INVLAB_PRESET", "full")
    assert runtime.preset() == "full"
    assert runtime.by_preset(quick=1, full=2) == 2


def test_an_unknown_preset_is_refused(monkeypatch):
    monkeypatch.setenv("INVLAB_PRESET", "medium")
    with pytest.raises(ValueError, match="'medium'.*'quick' or 'full'"):
        runtime.preset()


def draws(seed, *stream):
    return torch.rand(8, generator=runtime.generator(seed, *stream))


@pytest.mark.parametrize("seed", [0, 1, -5, 2**70])
def test_a_stream_of_a_seed_repeats(seed):
    assert torch.equal(draws(seed, "a", 1), draws(seed, "a", 1))


def test_streams_and_seeds_are_told_apart():
    streams = [(0,), (1,), (0, "a"), (0, "b"), (0, "ab"), (0, "a", "b"), (0, 1), (0, "1")]
    seen = {tuple(draws(*stream).tolist()) for stream in streams}
    assert len(seen) == len(streams)


def test_streams_of_one_seed_are_uncorrelated():
    a = torch.rand(4000, generator=runtime.generator(3, "data"))
    b = torch.rand(4000, generator=runtime.generator(3, "batches"))
    # the correlation of 4000 independent pairs has a standard deviation of 0.016
    assert abs(torch.corrcoef(torch.stack([a, b]))[0, 1]) < 0.08


def test_a_generator_draws_on_the_cpu_and_leaves_the_global_one_alone():
    before = torch.get_rng_state()
    assert runtime.generator(0).device.type == "cpu"
    draws(0, "a")
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("seed", [True, 1.0, "1", None])
def test_a_seed_that_is_no_integer_is_refused(seed):
    with pytest.raises(TypeError, match=f"seed: expected an int, got {type(seed).__name__}"):
        runtime.generator(seed)


def test_an_integer_of_numpy_names_the_same_stream():
    assert torch.equal(draws(np.int64(3), "a", np.int32(1)), draws(3, "a", 1))


def test_a_seed_comes_from_a_generator_and_a_peek_leaves_it_where_it_was():
    source = runtime.generator(0)
    first = runtime.next_seed(source, peek=True)
    assert runtime.next_seed(source, peek=True) == first
    assert runtime.next_seed(source) == first
    assert runtime.next_seed(source) != first
    torch.manual_seed(3)
    assert runtime.next_seed(None, peek=True) == runtime.next_seed(None)


def test_a_seeded_block_repeats_and_leaves_the_callers_numbers_alone(device):
    def noise():
        with runtime.seeded(5):
            return torch.randn(3, device=device)

    torch.zeros(1, device=device)  # CUDA begins here, where there is one
    torch.manual_seed(1)
    expected = torch.randn(2, device=device)
    torch.manual_seed(1)
    assert torch.equal(noise(), noise())
    assert torch.equal(torch.randn(2, device=device), expected)


def test_one_thread_inside_and_as_many_as_before_afterwards():
    torch.set_num_threads(2)
    try:
        with pytest.raises(ZeroDivisionError), runtime.one_thread():
            1 / (torch.get_num_threads() - 1)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)


@pytest.mark.parametrize("then", [None, RuntimeError("made of it")])
def test_an_interrupt_that_was_caught_inside_still_ends_the_block(then):
    def searches_on():
        with runtime.interrupts_end_it():
            try:
                signal.raise_signal(signal.SIGINT)
            except KeyboardInterrupt:
                if then is not None:
                    raise then from None

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        searches_on()
    assert signal.getsignal(signal.SIGINT) is before


def test_without_an_interrupt_and_in_another_thread_nothing_happens():
    done = []

    def work():
        with runtime.interrupts_end_it():
            done.append(1)

    work()
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [1, 1]


@pytest.mark.slow
def test_a_console_without_greek_letters_prints_what_it_has():
    code = "from invlab import runtime; runtime.any_encoding(); print('tan δ')"
    ran = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "cp1252", "PYTHONUTF8": "0"},
        check=False,
    )
    assert (ran.returncode, ran.stdout.strip()) == (0, b"tan ?")


def test_progress_yields_everything_and_is_silent_when_off(capsys):
    assert list(runtime.progress(iter("abc"), "letters", total=3)) == ["a", "b", "c"]
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("ci", "progress", "silent"),
    [
        (None, None, False),
        (None, "", False),
        (None, "on", False),
        ("false", None, False),
        ("0", None, False),
        ("", None, False),
        ("False", "1", False),
        ("true", None, True),
        ("1", "on", True),
        (None, "off", True),
        (None, "0", True),
        (None, "False", True),
        (None, "no", True),
    ],
)
def test_when_progress_bars_are_silent(monkeypatch, ci, progress, silent):
    for name, value in (("CI", ci), ("INVLAB_PROGRESS", progress)):
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
    asked = {}

    def bar(items, **options):
        asked.update(options)
        return items

    monkeypatch.setattr("tqdm.tqdm", bar)
    monkeypatch.setattr(runtime, "_shows_bars", lambda: True)
    assert list(runtime.progress("ab", "letters", total=5, done=3)) == ["a", "b"]
    assert asked["disable"] is silent
    assert (asked["total"], asked["initial"]) == (5, 3)


@pytest.mark.parametrize(
    ("total", "said"),
    [
        (20, ["8 of 20, about 6 minutes left", "12 of 20, about 2 minutes left"]),
        (None, ["8", "12"]),
    ],
)
def test_where_no_bar_can_be_drawn_there_is_a_line_soon_and_then_one_a_minute(
    monkeypatch, capsys, total, said
):
    for name in ("CI", "INVLAB_PROGRESS"):
        monkeypatch.delenv(name, raising=False)
    seconds = iter(range(0, 1000, 15))  # a quarter of a minute an item
    monkeypatch.setattr(runtime, "_wall", lambda: next(seconds))
    assert list(runtime.progress("abcdefghi", "letters", total=total, done=7)) == list("abcdefghi")
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [f"letters: {line}" for line in said]


def test_a_bar_is_drawn_on_a_terminal_and_in_a_notebook(monkeypatch):
    class Screen:
        def isatty(self):
            return self.terminal

    monkeypatch.setattr(sys, "stderr", Screen())
    monkeypatch.setitem(sys.modules, "IPython", None)
    for Screen.terminal in (True, False):
        assert runtime._shows_bars() is Screen.terminal
    shell = type("Shell", (), {"kernel": object()})()
    for found, shows in ((shell, True), (object(), False), (None, False)):
        notebook = type("IPython", (), {"get_ipython": staticmethod(lambda found=found: found)})
        monkeypatch.setitem(sys.modules, "IPython", notebook)
        assert runtime._shows_bars() is shows


class Tee:
    """What a script puts in the place of stderr to write into a log as well."""

    def __init__(self):
        self.said = []

    def write(self, text):
        self.said.append(text)


class Closed(Tee):
    def isatty(self, *_):
        raise ValueError("I/O operation on closed file")

    flush = write = isatty


@pytest.mark.parametrize("stream", [Tee(), Closed(), None], ids=lambda one: type(one).__name__)
def test_no_stream_in_the_place_of_stderr_ends_a_computation(monkeypatch, capsys, stream):
    for name in ("CI", "INVLAB_PROGRESS"):
        monkeypatch.delenv(name, raising=False)
    seconds = iter(range(0, 1000, 15))
    monkeypatch.setattr(runtime, "_wall", lambda: next(seconds))
    monkeypatch.setattr(sys, "stderr", stream)
    assert list(runtime.progress("abc", "letters")) == list("abc")
    runtime.announce("done")
    assert capsys.readouterr().out == ""  # stdout is for what a program computes
    if type(stream) is Tee:
        assert "".join(stream.said) == "letters: 1\ndone\n"


def test_a_closed_console_needs_no_encoding(monkeypatch):
    closed = io.TextIOWrapper(io.BytesIO())
    closed.close()
    monkeypatch.setattr(sys, "stdout", closed)
    monkeypatch.setattr(sys, "stderr", None)
    runtime.any_encoding()


def test_programs_that_were_run_cost_processor_seconds(monkeypatch):
    ran = SimpleNamespace(children_user=2.0, children_system=0.5)
    monkeypatch.setattr("os.times", lambda: ran)
    monkeypatch.setattr("time.process_time", lambda: 1.0)
    assert runtime.cpu_seconds() == 3.5
