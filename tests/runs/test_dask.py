"""Runs on a Dask cluster: two worker processes, one of which is killed while it computes."""

import os
import signal
import threading
import time
import warnings
from functools import partial

import pytest
import torch

from invlab import runtime
from invlab.runs import processes, records
from invlab.runs.records import FailedRuns, Run

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # those of its dependencies are not ours to mend
    distributed = pytest.importorskip(
        "distributed", reason='distributed is not installed: pip install "invlab[dask]"'
    )


@pytest.fixture(scope="module")
def cluster():
    """Two worker processes of one thread on this machine."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with distributed.LocalCluster(
            n_workers=2,
            processes=True,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address=None,
            silence_logs=50,
        ) as made:
            yield made


@pytest.fixture
def notes(tmp_path):
    """A folder for the notes of the runs."""
    folder = tmp_path / "notes"
    folder.mkdir()
    return folder


def noted(notes, name, seeds):
    """Notes in which process it is, and takes a while."""
    note = notes / f"{name}.{time.monotonic_ns()}"
    note.with_suffix(".part").write_text(str(os.getpid()), encoding="utf-8")
    note.with_suffix(".part").rename(note)
    time.sleep(0.2)
    return {"scores": {"error": [float(seed) for seed in seeds]}}


def circumstances(seeds):
    return {"scores": {}, "sees": runtime.preset(), "threads": torch.get_num_threads()}


def failing(seeds):
    raise ValueError("no luck")


def waiting(path, seeds):
    """Ends when a file is there."""
    deadline = time.monotonic() + 30
    while not path.exists():
        if time.monotonic() > deadline:
            raise TimeoutError(f"no {path}")
        time.sleep(0.05)
    return {"scores": {}}


def kill_the_worker_of(notes, name):
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        for note in notes.glob(f"{name}.[0-9]*"):
            os.kill(int(note.read_text(encoding="utf-8")), signal.SIGKILL)
            return
        time.sleep(0.02)


# distributed may warn of the sockets and tasks that a vanished worker leaves behind
@pytest.mark.slow
@pytest.mark.filterwarnings(
    "ignore:::distributed", "ignore::pytest.PytestUnraisableExceptionWarning"
)
def test_every_record_is_there_though_a_worker_is_killed(cluster, tmp_path, notes):
    names = [f"c{n}" for n in range(12)]
    runs = [Run(f"paper/{name}", {}, partial(noted, notes, name)) for name in names]
    killer = threading.Thread(target=kill_the_worker_of, args=(notes, "c5"))
    killer.start()
    folder = tmp_path / "records"
    found = records.run(runs, seeds=[0, 1], folder=folder, scheduler=cluster.scheduler_address)
    killer.join()
    assert [record["id"] for record in found] == [run.id for run in runs]
    assert records.load(folder) == {record["id"]: record for record in found}
    begun = [note.name.partition(".")[0] for note in notes.glob("c*.[0-9]*")]
    assert begun.count("c5") >= 2  # once in the worker that was killed, once in another
    assert len({note.read_text(encoding="utf-8") for note in notes.glob("c*.[0-9]*")}) >= 2

    stamps = {path: path.stat().st_mtime_ns for path in folder.rglob("*.json")}
    again = records.run(runs, seeds=[0, 1], folder=folder, scheduler=cluster.scheduler_address)
    assert again == found
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.json")} == stamps


@pytest.mark.slow
def test_a_record_is_on_disk_while_other_cells_still_run(cluster, tmp_path):
    runs = [
        Run("a", {}, circumstances),
        Run("b", {}, partial(waiting, tmp_path / "a.json")),
        Run("c", {}, partial(waiting, tmp_path / "b.json")),
    ]
    found = records.run(runs, seeds=[0], folder=tmp_path, scheduler=cluster.scheduler_address)
    assert [record["id"] for record in found] == ["a", "b", "c"]


def test_a_worker_takes_the_preset_of_the_run_and_one_thread(cluster, tmp_path, monkeypatch):
    monkeypatch.setenv("INVLAB_PRESET", "full")  # the workers began under the quick one
    (record,) = records.run(
        [Run("a", {}, circumstances)],
        seeds=[0],
        folder=tmp_path,
        scheduler=cluster.scheduler_address,
    )
    assert (record["preset"], record["sees"], record["threads"]) == ("full", "full", 1)
    assert records.load(tmp_path) == {"a": record}


def test_a_failing_cell_does_not_stop_the_others(cluster, tmp_path):
    runs = [Run("bad", {}, failing), Run("a", {}, circumstances), Run("b", {}, circumstances)]
    with pytest.raises(FailedRuns, match="bad: ValueError: no luck"):
        records.run(runs, seeds=[0], folder=tmp_path, scheduler=cluster.scheduler_address)
    assert set(records.load(tmp_path)) == {"a", "b"}


def test_a_scheduler_that_does_not_answer_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "CONNECT_SECONDS", 0.5)
    with pytest.raises(ConnectionError, match="tcp://127.0.0.1:1"):
        records.run(
            [Run("a", {}, circumstances)],
            seeds=[0],
            folder=tmp_path,
            scheduler="tcp://127.0.0.1:1",
        )
