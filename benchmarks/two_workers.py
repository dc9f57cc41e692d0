"""Work past one process: one Dask worker, two, and two of which one is killed on the way.

Four pieces of work, each by every crew: ``invlab.generate`` with a simulator that waits (as one
does that runs elsewhere), the same with one that computes (Maxwell's equations, M = 4),
``invlab.compare``, and experiments of the book with their records. The results have to be those of
a single process, whoever died. Seconds are of the wall clock, after the workers have imported what
they need; a worker that is killed is started anew by its nanny, and has to import it again.

What a run costs beside its work is measured with runs that do nothing, and by the size of what is
sent. Needs the extra ``dask``: pip install "invlab[dask]".

    OMP_NUM_THREADS=1 PYTHONPATH=. python benchmarks/two_workers.py [--rows 400] [--experiments 8]
"""

from __future__ import annotations

import argparse
import os
import signal
import tempfile
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from record import keep_record
from torch import Tensor

import invlab
from invbook import papers
from invlab.runs import records
from invlab.runs.records import Run
from invlab.tasks.metamaterial import Metamaterial

WAIT, SHARD = 0.01, 10  # seconds a row, rows a shard
EMPTY = 200
# A piece of work: where its files go and the scheduler's address (None: this process) to a result.
Work = Callable[[Path, str | None], Any]


def waits(x: Tensor) -> Tensor:
    time.sleep(WAIT * len(x))
    return x.sin()


def nothing(seeds: object) -> dict[str, Any]:
    return {"scores": {}, "curves": {}}


def generate(task: Any, rows: int, shard: int) -> Work:
    def work(folder: Path, scheduler: str | None) -> Any:
        pairs = invlab.generate(task, rows, folder=folder, shard=shard, scheduler=scheduler)
        return torch.cat([pairs.x, pairs.y.flatten(1)], 1).tolist()

    return work


def comparison(folder: Path, scheduler: str | None) -> Any:
    task = invlab.get_task("square")
    found = invlab.compare(
        task, ["tandem", "direct"], n=300, targets=10, guesses=(1, 4), seeds=3,
        folder=folder, scheduler=scheduler,
    )  # fmt: skip
    times = ("fit_s", "answer_s")
    return [{key: row[key] for key in row if key not in times} for row in found.rows]


def recorded(runs: list[Run]) -> Work:
    def work(folder: Path, scheduler: str | None) -> Any:
        found = records.run(runs, seeds=[0], folder=folder, scheduler=scheduler)
        return [(one["id"], one["scores"], one["curves"]) for one in found]

    return work


def crew(workers: int) -> Any:
    """A cluster of worker processes on this machine."""
    import distributed

    return distributed.LocalCluster(
        n_workers=workers,
        processes=True,
        threads_per_worker=1,
        host="127.0.0.1",
        dashboard_address=None,
        silence_logs=50,
    )


def ready(cluster: Any) -> list[int]:
    """Process numbers of the workers, which have imported the library by then."""
    import distributed

    with distributed.Client(cluster, set_as_default=False) as client:
        return sorted(client.run(imported).values())


def imported() -> int:
    import invbook.papers  # noqa: F401

    return os.getpid()


def timed(work: Work, cluster: Any | None, kill_after: float | None = None) -> tuple[float, Any]:
    """Wall seconds and what came of it."""
    with tempfile.TemporaryDirectory() as folder:
        address = None if cluster is None else cluster.scheduler_address
        pids = [] if cluster is None else ready(cluster)
        killer = threading.Timer(kill_after or 0, lambda: os.kill(pids[0], signal.SIGKILL))
        begun = time.perf_counter()
        if kill_after is not None:
            killer.start()
        found = work(Path(folder), address)
        seconds = time.perf_counter() - begun
        if kill_after is not None:
            killer.join()
            assert pids[0] not in ready(cluster), "the worker lived on"
        return seconds, found


def by_each_crew(name: str, work: Work) -> None:
    """Print the seconds of each crew; the results have to be equal."""
    seconds: dict[str, float] = {}
    seconds["alone"], expected = timed(work, None)
    for label, workers in (("one", 1), ("two", 2), ("killed", 2)):
        with crew(workers) as cluster:
            at = seconds["two"] / 3 if label == "killed" else None
            seconds[label], found = timed(work, cluster, at)
        assert found == expected, f"{name}: {label} gave something else"
    print(
        f"two_workers_{name} ratio={seconds['one'] / seconds['two']:.2f} ours={seconds['two']:.3g} "
        f"peer={seconds['one']:.3g} unit=wall_s killed={seconds['killed']:.3g} "
        f"alone={seconds['alone']:.3g}",
        flush=True,
    )


def overheads(runs: list[Run]) -> None:
    """Print what a run costs beside its work, and what is sent for it."""
    import cloudpickle

    empty = recorded([Run(f"empty/{k}", {}, nothing) for k in range(EMPTY)])
    with crew(2) as cluster:
        begun = time.perf_counter()
        ready(cluster)
        print(f"the import of the library by two workers: {time.perf_counter() - begun:.2g} s")
        each = timed(empty, cluster)[0] / EMPTY
    print(f"a run that does nothing: {1e3 * each:.2g} ms, its record written")
    sent = len(cloudpickle.dumps(runs[0]))
    shard = len(cloudpickle.dumps((torch.ones(SHARD, 309), Metamaterial("maxwell"))))
    print(f"sent for an experiment: {sent} bytes; for a shard of spectra: {shard} bytes")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=400, help="of the simulator that waits")
    parser.add_argument("--spectra", type=int, default=40, help="of Maxwell's equations")
    parser.add_argument("--experiments", type=int, default=8)
    options = parser.parse_args()
    os.environ |= {"INVLAB_PRESET": "quick", "INVLAB_PROGRESS": "off"}
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # of distributed, about sockets that a killed worker leaves
    box = invlab.Box([0.0, 0.0], [1.0, 1.0])
    runs = papers.plan("loss_design")[: options.experiments]
    overheads(runs)
    waiting = invlab.Task("waits", waits, box)
    by_each_crew("generate", generate(waiting, options.rows, SHARD))
    maxwell = Metamaterial("maxwell", orders=4)
    by_each_crew("maxwell", generate(maxwell, options.spectra, 2))
    by_each_crew("compare", comparison)
    by_each_crew("experiments", recorded(runs))


if __name__ == "__main__":
    keep_record(main)
