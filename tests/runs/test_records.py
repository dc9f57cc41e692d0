"""Records: computed once, written whole, made again when what decides them changes."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from invlab.runs import processes, provenance, records
from invlab.runs.records import FailedRuns, Run


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
    (record,) = records.run([Run(id, settings, compute)], seeds=seeds, folder=folder)
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


def test_numbers_of_numpy_and_torch_are_plain_ones(tmp_path):
    def compute(seeds):
        assert all(type(seed) is int for seed in seeds)
        return {
            "scores": {"a": np.arange(3.0), "b": [np.float32(0.5), torch.tensor(2), np.True_]},
            "curves": {"c": torch.ones(2, 1)},
        }

    settings = {"k": np.int64(3), "grid": np.linspace(0, 1, 3), "nested": {"t": torch.tensor(2.0)}}
    record = run(compute, tmp_path, seeds=np.arange(3), **settings)
    assert record["seeds"] == [0, 1, 2]
    assert record["settings"] == {"k": 3, "grid": [0, 0.5, 1], "nested": {"t": 2}}
    assert record["scores"] == {"a": [0, 1, 2], "b": [0.5, 2, True]}
    assert record["curves"] == {"c": [[1], [1]]}
    assert (
        run(Counted(), tmp_path, seeds=[0, 1, 2], k=3, grid=[0, 0.5, 1], nested={"t": 2}) == record
    )


def test_settings_of_nan_are_found_again(tmp_path):
    compute = Counted()
    for _ in range(2):
        run(
            compute,
            tmp_path,
            k=float("nan"),
            nested={"clip": [1.0, float("inf"), np.float32("nan")]},
        )
    assert compute.calls == 1
    run(compute, tmp_path, k=float("nan"), nested={"clip": [1.0, float("-inf"), float("nan")]})
    assert compute.calls == 2


@pytest.mark.parametrize(
    ("settings", "place"),
    [
        ({"k": {1, 2}}, r"settings\['k'\]: .* got set"),
        ({"a": 1, "search": {"steps": [3, object()]}}, r"settings\['search'\]\['steps'\]\[1\]"),
        ({"a": {(1, 2): 3}}, r"settings\['a'\]: .* got dict"),
        ({"z": 1j}, r"settings\['z'\]: .* got complex"),
    ],
)
def test_settings_that_no_record_can_hold_are_refused_before_computing(tmp_path, settings, place):
    compute = Counted()
    with pytest.raises(TypeError, match=f"run paper/a: {place}"):
        run(compute, tmp_path, **settings)
    assert compute.calls == 0


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
    assert record == records.load(tmp_path)["paper/a"]


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), RuntimeError("second")])
def test_a_stopped_run_keeps_the_first_record_and_goes_on_from_there(tmp_path, stop):
    first, second = Counted(), Counted(stop)
    runs = [Run("paper/a", {}, first), Run("paper/b", {}, second)]
    with pytest.raises(type(stop)):
        records.run(runs, seeds=[0], folder=tmp_path)
    assert list(records.load(tmp_path)) == ["paper/a"]
    second.outcome = None
    found = records.run(runs, seeds=[0], folder=tmp_path)
    assert [record["id"] for record in found] == ["paper/a", "paper/b"]
    assert (first.calls, second.calls) == (1, 2)


def caught(seeds):
    """A search that hands back its best so far when it is interrupted."""
    with contextlib.suppress(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    return {"scores": {"error": [0.5]}}


def turned_into_an_error(seeds):
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt:
        raise RuntimeError("the training ended early") from None


@pytest.mark.parametrize(
    ("compute", "jobs"),
    [
        (caught, 1),
        (turned_into_an_error, 1),
        pytest.param(caught, 2, marks=pytest.mark.slow),
    ],
)
def test_an_interrupt_that_was_caught_ends_the_run_and_records_nothing(tmp_path, compute, jobs):
    last = Counted()
    runs = [Run("a", {}, compute), Run("b", {}, compute), Run("c", {}, last)]
    with pytest.raises(KeyboardInterrupt):
        records.run(runs, seeds=[0], folder=tmp_path, jobs=jobs)
    assert records.load(tmp_path).keys() <= {"c"}
    assert last.calls == 0
    assert not list(tmp_path.rglob("a*"))


def test_a_folder_may_be_a_text(tmp_path):
    folder = str(tmp_path / "records")
    records.run([Run("a", {}, Counted())], seeds=[0], folder=folder)
    assert set(records.load(folder)) == {"a"}


def lists_of_lists(depth):
    return st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=depth,
    )


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(value=lists_of_lists(20))
def test_what_is_written_reads_as_what_it_was(value):
    assert json.loads(records.dumps(value)) == value


def test_numbers_stand_on_one_line_and_entries_on_lines_of_their_own():
    record = {
        "scores": {"error": [0.1, 2.0], "table": [[1, 2], [3, 4]]},
        "none": {},
        "rows": [{"a": [1, 2]}, {"b": []}],
        "text": "δ",
    }
    assert records.dumps(record).splitlines() == [
        "{",
        ' "scores": {',
        '  "error": [0.1, 2.0],',
        '  "table": [[1, 2], [3, 4]]',
        " },",
        ' "none": {},',
        ' "rows": [',
        "  {",
        '   "a": [1, 2]',
        "  },",
        "  {",
        '   "b": []',
        "  }",
        " ],",
        ' "text": "\\u03b4"',
        "}",
    ]


KILLED = """
    import sys, time
    from pathlib import Path
    from invlab.runs import records
    from invlab.runs.records import Run

    folder = Path(sys.argv[1])

    def quick(seeds):
        return {"scores": {"error": [0.0]}}

    def endless(seeds):
        (folder / "started").touch()
        time.sleep(600)

    records.run([Run("a", {}, quick), Run("b", {}, endless)], seeds=[0], folder=folder)
"""


@pytest.mark.slow
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

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "elsewhere"))
    monkeypatch.setattr(os, "replace", full_disk)
    with pytest.raises(FailedRuns, match="disk full"):
        run(Counted(), tmp_path / "here", epochs=4)
    assert records.load(tmp_path) == {"paper/a": old}


@pytest.mark.parametrize("jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_what_cannot_be_written_is_kept_elsewhere_and_brought_by_the_next_run(
    tmp_path, monkeypatch, jobs
):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folder = tmp_path / "records"
    folder.write_text("a file where the folder should be")
    runs = [Run("paper/a", {}, Counted()), Run("paper/b", {}, Counted())]
    with pytest.raises(FailedRuns, match="2 of 2 runs failed") as failed:
        records.run(runs, seeds=[3], folder=folder, jobs=jobs)
    assert "it is kept as" in failed.value.errors["paper/a"]
    folder.unlink()
    counted = [Counted(), Counted()]
    again = [Run("paper/a", {}, counted[0]), Run("paper/b", {}, counted[1])]
    found = records.run(again, seeds=[3], folder=folder)
    assert [record["scores"] for record in found] == [{"error": [3]}] * 2
    assert [compute.calls for compute in counted] == [0, 0]
    assert set(records.load(folder)) == {"paper/a", "paper/b"}
    assert not list((tmp_path / "invlab-records").rglob("*.json"))


def test_what_can_be_written_nowhere_is_printed(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "file"))
    with pytest.raises(FailedRuns, match="so the record was printed"):
        run(Counted(), tmp_path / "file", seeds=[3])
    assert json.loads(capsys.readouterr().err)["scores"] == {"error": [3]}


@pytest.mark.parametrize(
    "name", ["../a", "paper/../../a", "/a", "paper//a", "c:a", "a\\b", "", "."]
)
def test_an_id_that_leads_out_of_the_folder_is_refused(tmp_path, name):
    with pytest.raises(ValueError, match="id: expected names with slashes"):
        records.run([Run(name, {}, Counted())], seeds=[0], folder=tmp_path)


def test_a_record_says_by_what_code_on_what_machine_under_which_settings(tmp_path):
    record = run(Counted(), tmp_path, epochs=3)
    assert record["settings_digest"] == provenance.digest({"epochs": 3})
    assert record["revision"] == 1
    assert record["threads"] == torch.get_num_threads()
    assert record["processor"] == provenance.processor()
    assert {"invlab", "python", "torch", "numpy", "scipy"} == record["versions"].keys()
    head = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    if head.returncode == 0:
        assert record["commit"].removesuffix("+") == head.stdout.strip()


def test_a_changed_record_is_computed_again(tmp_path):
    record = run(Counted(), tmp_path)
    changed = {**record, "scores": {"error": [0.0, 0.0]}}
    (tmp_path / "paper/a.json").write_text(records.dumps(changed), encoding="utf-8")
    assert run(Counted(), tmp_path)["scores"] == {"error": [0, 1]}


@pytest.mark.parametrize(
    "damaged",
    [b"", b'{"id": "paper/a", ', b"\x00\x00", b"\xff\xfe{", b"[]", b"3"],
    ids=["empty", "cut", "zeros", "bytes", "list", "number"],
)
def test_a_damaged_record_is_left_out_and_computed_again(tmp_path, damaged):
    compute = Counted()
    record = run(compute, tmp_path)
    (tmp_path / "paper/a.json").write_bytes(damaged)
    assert records.load(tmp_path) == {}
    assert run(compute, tmp_path)["scores"] == record["scores"]
    assert compute.calls == 2


def test_records_load_from_a_folder_by_id_and_nothing_from_an_empty_one(tmp_path):
    assert records.load(tmp_path) == {}
    for name in ("paper/a", "paper/b", "other/deep/c"):
        run(Counted(), tmp_path, id=name)
    assert set(records.load(tmp_path)) == {"paper/a", "paper/b", "other/deep/c"}


def test_the_seeds_of_a_cell_come_before_those_of_the_run(tmp_path):
    runs = [Run("a", {}, Counted()), Run("b", {}, Counted(), seeds=(7,))]
    found = records.run(runs, seeds=[0, 1], folder=tmp_path)
    assert [record["seeds"] for record in found] == [[0, 1], [7]]
    assert found[1]["scores"] == {"error": [7]}
    records.run(runs, seeds=[0, 1, 2], folder=tmp_path)
    assert [run.compute.calls for run in runs] == [2, 1]


def test_two_cells_of_one_id_are_refused(tmp_path):
    runs = [Run("paper/a", {}, Counted()), Run("paper/a", {"epochs": 2}, Counted())]
    with pytest.raises(ValueError, match="one run an id, got more of paper/a"):
        records.run(runs, seeds=[0], folder=tmp_path)


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ({"jobs": 0}, "jobs: expected at least 1, got 0"),
        ({"jobs": 2, "scheduler": "tcp://127.0.0.1:1"}, "jobs or scheduler"),
    ],
)
def test_a_place_that_makes_no_sense_is_refused(tmp_path, where, message):
    with pytest.raises(ValueError, match=message):
        records.run([], seeds=[0], folder=tmp_path, **where)


def test_a_missing_dask_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    runs = [Run("a", {}, Counted())]
    with pytest.raises(ImportError, match=r'pip install "invlab\[dask\]"'):
        records.run(runs, seeds=[0], folder=tmp_path, scheduler="tcp://there:1")


def counted(folder, name, seeds):
    """A computation that notes each call in a folder: it may run in another process."""
    (folder / f"{name}.{time.monotonic_ns()}").touch()
    return {"scores": {"error": [float(seed) for seed in seeds]}}


def failing(seeds):
    raise ValueError(f"no luck with {list(seeds)}")


def not_json(seeds):
    return {"scores": {"error": {1, 2}}}


def where_it_runs(seeds):
    return {"scores": {}, "pid": os.getpid(), "threads": torch.get_num_threads()}


def deadly(seeds):
    """Ends its process as the system does when memory runs out."""
    os.kill(os.getpid(), signal.SIGKILL)


def calls(folder):
    """How often each run was begun."""
    names = [path.name.partition(".")[0] for path in folder.iterdir()]
    return {name: names.count(name) for name in names}


@pytest.fixture
def notes(tmp_path):
    """A folder for the notes of the runs."""
    folder = tmp_path / "notes"
    folder.mkdir()
    return folder


def cells_that_note(notes, names):
    return [Run(f"paper/{name}", {}, partial(counted, notes, name)) for name in names]


@pytest.mark.slow
def test_two_processes_go_on_where_a_run_stopped(tmp_path, notes):
    folder = tmp_path / "records"
    first = records.run(cells_that_note(notes, "ab"), seeds=[0], folder=folder)
    runs = [*cells_that_note(notes, "edcba"), Run("paper/where", {}, where_it_runs)]
    found = records.run(runs, seeds=[0], folder=folder, jobs=2)
    assert [record["id"] for record in found] == [run.id for run in runs]
    assert found[4:2:-1] == first
    assert records.load(folder) == {record["id"]: record for record in found}
    assert records.run(runs, seeds=[0], folder=folder, jobs=2) == found
    assert calls(notes) == dict.fromkeys("abcde", 1)
    # a process of its own, on one thread
    assert found[-1]["pid"] != os.getpid()
    assert found[-1]["threads"] == 1


@pytest.mark.parametrize("jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_failing_cell_does_not_stop_the_others(tmp_path, notes, jobs):
    folder = tmp_path / "records"
    bad = [Run("paper/x", {}, failing), Run("paper/y", {}, not_json)]
    runs = [*bad, *cells_that_note(notes, "ab")]
    with pytest.raises(FailedRuns) as caught:
        records.run(runs, seeds=[3], folder=folder, jobs=jobs)
    assert set(caught.value.errors) == {"paper/x", "paper/y"}
    place = "paper/y: TypeError: run paper/y: record['scores']['error']: expected numbers"
    for part in ("2 of 4", "paper/x: ValueError: no luck with [3]", place, "line"):
        assert part in str(caught.value)
    assert set(records.load(folder)) == {"paper/a", "paper/b"}


@pytest.mark.slow
def test_a_process_that_dies_is_replaced_and_a_cell_that_always_kills_it_named(
    tmp_path, notes, monkeypatch
):
    monkeypatch.setattr(processes, "POOLS", 2)
    runs = [Run("paper/deadly", {}, deadly), *cells_that_note(notes, "abcd")]
    with pytest.raises(FailedRuns, match=r"1 of 5 .*\s+paper/deadly: TerminatedWorkerError"):
        records.run(runs, seeds=[0], folder=tmp_path / "records", jobs=2)
    assert set(records.load(tmp_path / "records")) == {run.id for run in runs[1:]}


def slow(folder, name, seeds):
    note = folder / f"{name}.{time.monotonic_ns()}"
    note.write_text(str(os.getpid()), encoding="utf-8")
    time.sleep(0.3)
    return {"scores": {}}


def slow_run(root, jobs=2):
    """Twelve runs, those of the test that kills them."""
    runs = [Run(f"c{n}", {}, partial(slow, root / "notes", f"c{n}")) for n in range(12)]
    return records.run(runs, seeds=[0], folder=root / "records", jobs=jobs)


@pytest.mark.slow
def test_a_killed_parallel_run_loses_at_most_the_cells_in_flight(tmp_path, notes):
    code = f"import sys, test_records as t; t.slow_run(t.Path({str(tmp_path)!r}))"
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    process = subprocess.Popen([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": path})
    try:
        until(lambda: len(records.load(tmp_path / "records")) >= 4, process)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    workers = {int(note.read_text(encoding="utf-8") or 0) for note in notes.iterdir()} - {0}
    until(lambda: not any(map(alive, workers)))
    kept = set(records.load(tmp_path / "records"))
    begun = calls(notes)
    assert 4 <= len(kept) < 12
    assert len(begun.keys() - kept) <= 2

    assert len(slow_run(tmp_path, jobs=1)) == 12
    again = calls(notes)
    assert {name: again[name] for name in kept} == dict.fromkeys(kept, 1)


def until(condition, process=None, seconds=60):
    """Wait for a condition, and fail when it does not come."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        assert process is None or process.poll() is None
        time.sleep(0.05)


def alive(pid):
    """Whether a process is there and no zombie."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


@pytest.mark.parametrize(
    "outcome", [{"scores": {"e": [1.0]}, "seeds": 1}, {"id": "../other"}, [1.0], None]
)
def test_what_was_computed_does_not_say_which_run_it_was(tmp_path, outcome):
    with pytest.raises(FailedRuns, match="expected compute to return a dict without"):
        records.run([Run("a", {}, lambda seeds: outcome)], seeds=[0], folder=tmp_path)
    assert not list(tmp_path.rglob("*.json"))
