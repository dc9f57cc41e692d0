"""Cells on a Dask cluster: two worker processes, one of which is killed while it computes."""

import builtins
import os
import signal
import time
import warnings
from functools import partial

import pytest
import torch

from invlab import benchmark, parallel, runtime
from invlab.benchmark import Cell, FailedCells

HAS_DASK = True
try:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of distributed about itself and its own dependencies
        import distributed
except ImportError:
    HAS_DASK = False

needs_dask = pytest.mark.skipif(
    not HAS_DASK, reason='distributed is not installed: pip install "invlab[dask]"'
)
# A killed worker is what distributed warns about, from its threads too.
quiet = pytest.mark.filterwarnings(
    "ignore::UserWarning",
    "ignore::DeprecationWarning",
    "ignore::ResourceWarning",
    "ignore::pytest.PytestUnraisableExceptionWarning",
)


def noted(notes, name, seconds, seeds):
    """A computation that says in which process it is."""
    (notes / f"{name}.{time.monotonic_ns()}").write_text(str(os.getpid()), encoding="utf-8")
    time.sleep(seconds)
    return {
        "scores": {"error": [float(seed) for seed in seeds]},
        "pid": os.getpid(),
        "sees": runtime.preset(),
        "threads": torch.get_num_threads(),
    }


def failing(seeds):
    raise ValueError("no luck")


def kill_the_process_of(notes, name):
    """Kill the worker that computes a cell."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        texts = [note.read_text(encoding="utf-8") for note in notes.glob(f"{name}.*")]
        if any(texts):
            pid = int(max(texts))
            os.kill(pid, signal.SIGKILL)
            return pid
        time.sleep(0.05)
    raise AssertionError(f"{name} never began")
