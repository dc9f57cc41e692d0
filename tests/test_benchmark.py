"""Records: computed once, written whole, made again when what decides them changes."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from invlab import benchmark
from invlab.benchmark import Cell


class Counted:
    """A computation that counts its calls."""

    def __init__(self, outcome=None):
        self.calls = 0
        self.outcome = outcome

    def __call__(self, seeds):
        self.calls += 1
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return {"scores": {"error": [float(seed) for seed in seeds]}, "curves": {}}


def run(compute, folder, *, id="paper/a", seeds=(0, 1), **settings):
    (record,) = benchmark.run([Cell(id, settings, compute)], seeds=seeds, folder=folder)
    return record


def test_a_record_says_what_was_computed_and_where(tmp_path):
    record = run(Counted(), tmp_path, epochs=3, points=(1, 2))
    assert record == json.loads((tmp_path / "paper/a.json").read_text(encoding="utf-8"))
    assert record["id"] == "paper/a"
    assert record["settings"] == {"epochs": 3, "points": [1, 2]}
    assert record["seeds"] == [0, 1]
    assert record["preset"] == "quick"
    assert record["scores"] == {"error": [0, 1]}
    assert {"device", "versions", "date", "cpu_seconds"} <= record.keys()


def test_a_cell_is_computed_once(tmp_path):
    compute = Counted()
    first = run(compute, tmp_path, points=(1, 2))
    assert run(compute, tmp_path, points=(1, 2)) == first
    assert compute.calls == 1


@pytest.mark.parametrize("change", ["settings", "seeds", "preset"])
def test_what_decides_the_numbers_makes_a_new_record(tmp_path, monkeypatch, change):
    compute = Counted()
    run(compute, tmp_path, epochs=3)
    if change == "preset":
        monkeypatch.setenv("INVLAB_PRESET", "full")
    epochs = 4 if change == "settings" else 3
    seeds = (0, 1, 2) if change == "seeds" else (0, 1)
    record = run(compute, tmp_path, epochs=epochs, seeds=seeds)
    assert compute.calls == 2
    assert len(record["scores"]["error"]) == len(seeds)
    assert record == benchmark.load(tmp_path)["paper/a"]


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), RuntimeError("second")])
def test_a_stopped_run_keeps_the_first_record_and_goes_on_from_there(tmp_path, stop):
    first, second = Counted(), Counted(stop)
    cells = [Cell("paper/a", {}, first), Cell("paper/b", {}, second)]
    with pytest.raises(type(stop)):
        benchmark.run(cells, seeds=[0], folder=tmp_path)
    assert list(benchmark.load(tmp_path)) == ["paper/a"]
    second.outcome = None
    records = benchmark.run(cells, seeds=[0], folder=tmp_path)
    assert [record["id"] for record in records] == ["paper/a", "paper/b"]
    assert (first.calls, second.calls) == (1, 2)


KILLED = """
    import sys, time
    from pathlib import Path
    from invlab import benchmark
    from invlab.benchmark import Cell

    folder = Path(sys.argv[1])

    def quick(seeds):
        return {"scores": {"error": [0.0]}}

    def endless(seeds):
        (folder / "started").touch()
        time.sleep(600)

    benchmark.run([Cell("a", {}, quick), Cell("b", {}, endless)], seeds=[0], folder=folder)
"""


def test_a_killed_run_leaves_whole_records_only(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(KILLED), str(tmp_path)])
    try:
        deadline = time.monotonic() + 60
        while not (tmp_path / "started").exists() and time.monotonic() < deadline:
            assert process.poll() is None
            time.sleep(0.05)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert [path.name for path in tmp_path.glob("*.json")] == ["a.json"]
    compute = Counted()
    assert run(compute, tmp_path, id="a", seeds=[0])["scores"] == {"error": [0]}
    assert compute.calls == 0


def test_a_write_that_fails_keeps_the_old_record(tmp_path, monkeypatch):
    old = run(Counted(), tmp_path, epochs=3)

    def full_disk(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", full_disk)
    with pytest.raises(OSError, match="disk full"):
        run(Counted(), tmp_path, epochs=4)
    assert benchmark.load(tmp_path) == {"paper/a": old}


@pytest.mark.parametrize(
    "damaged",
    [b"", b'{"id": "paper/a", ', b"\x00\x00", b"\xff\xfe{", b"[]", b"3"],
    ids=["empty", "cut", "zeros", "bytes", "list", "number"],
)
def test_a_damaged_record_is_left_out_and_computed_again(tmp_path, damaged):
    compute = Counted()
    record = run(compute, tmp_path)
    (tmp_path / "paper/a.json").write_bytes(damaged)
    assert benchmark.load(tmp_path) == {}
    assert run(compute, tmp_path)["scores"] == record["scores"]
    assert compute.calls == 2


def test_records_load_from_a_folder_by_id_and_nothing_from_an_empty_one(tmp_path):
    assert benchmark.load(tmp_path) == {}
    for name in ("paper/a", "paper/b", "other/deep/c"):
        run(Counted(), tmp_path, id=name)
    assert set(benchmark.load(tmp_path)) == {"paper/a", "paper/b", "other/deep/c"}
