"""The command line."""

import json
import sys

import pytest

from invlab import benchmark
from invlab.__main__ import main

MINE = """
from invlab import Box, Task

BOX = Box([0.0], [1.0])
good = Task("good", lambda x: x.square(), BOX)
broken = Task("broken", lambda x: x.square() + len(x), BOX)

class AsClass(Task):
    def __init__(self):
        super().__init__("as_class", lambda x: x.square(), BOX)
"""


@pytest.fixture(autouse=True)
def session(tmp_path, monkeypatch):
    """A folder of its own, and an environment that is put back."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("INVLAB_PRESET", "quick")
    monkeypatch.delenv("INVLAB_RESULTS", raising=False)
    (tmp_path / "my_lens.py").write_text(MINE, encoding="utf-8")
    yield
    sys.modules.pop("my_lens", None)


def bench(folder, *more):
    only = ["--only", "plain/l1", "--seeds", "2", "--folder", str(folder)]
    return main(["bench", "loss_design", "--preset", "quick", *only, *more])


def test_bench_records_the_chosen_cells_and_resumes(tmp_path, capsys):
    folder = tmp_path / "records"
    assert bench(folder) == 0
    assert "1 records in" in capsys.readouterr().out
    (record,) = benchmark.load(folder).values()
    assert record["id"] == "loss_design/plain/l1"
    assert record["preset"] == "quick"
    assert record["seeds"] == [0, 1]
    assert record["settings"]["steps"] == 120
    stamp = (folder / "loss_design/plain/l1.json").stat().st_mtime_ns
    assert bench(folder) == 0
    assert (folder / "loss_design/plain/l1.json").stat().st_mtime_ns == stamp


def test_quick_records_do_not_go_among_the_full_ones(tmp_path):
    assert main(["bench", "loss_design", "--only", "plain/l1", "--seeds", "1"]) == 0
    assert (tmp_path / "results-quick/loss_design/plain/l1.json").exists()


def test_an_unknown_paper_is_named(capsys):
    assert main(["bench", "loss_desing"]) == 2
    message = "expected one of ['loss_design', 'neural_adjoint'], got 'loss_desing'"
    assert message in capsys.readouterr().err


def test_a_number_of_seeds_below_one_is_refused(tmp_path, capsys):
    assert bench(tmp_path, "--seeds", "0") == 2
    assert "seeds" in capsys.readouterr().err


def recorded(folder):
    scores = {"inverse_l2": [363.7, 363.8], "inverse_l1": [20.0, 20.0], "inside": [1.0, 1.0]}
    for norm in ("l1", "l2"):
        record = {
            "id": f"loss_design/direct/{norm}",
            "seeds": [0, 1],
            "preset": "full",
            "device": "cpu",
            "scores": scores,
        }
        (folder / f"{norm}.json").write_text(json.dumps(record), encoding="utf-8")


def test_report_prints_the_rows_as_json(tmp_path, capsys):
    recorded(tmp_path)
    assert main(["report", "--json", "--folder", str(tmp_path)]) == 0
    rows = {row["id"]: row for row in json.loads(capsys.readouterr().out)}
    assert {name: row["verdict"] for name, row in rows.items()} == {
        "loss_design/direct_l1/loss": "not reached",
        "loss_design/direct_l1/inside": "reached",
        "loss_design/direct_l2/loss": "reached",
    }


def test_report_prints_a_table_for_people(tmp_path, capsys):
    recorded(tmp_path)
    assert main(["report", "--folder", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "| id | paper | ours | low | high | verdict |"
    assert "| loss_design/direct_l2/loss | – | 364 | 364 | 364 | reached |" in lines


@pytest.mark.parametrize("name", ["good", "AsClass"])
def test_check_passes_a_good_task(name, capsys):
    assert main(["check", f"my_lens:{name}"]) == 0
    assert "FAIL" not in capsys.readouterr().out


def test_check_fails_a_broken_task_and_says_why(capsys):
    assert main(["check", "my_lens:broken"]) == 1
    assert "rows must not mix" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["my_lens", "no_such_module:task", "my_lens:no_such_task"])
def test_check_of_nothing_is_an_error_in_words(name, capsys):
    assert main(["check", name]) == 2
    assert capsys.readouterr().err.startswith("invlab: ")


def test_no_command_or_an_unknown_one_is_refused(capsys):
    for arguments in ([], ["solve"]):
        with pytest.raises(SystemExit) as stop:
            main(arguments)
        assert stop.value.code == 2
    assert "usage" in capsys.readouterr().err
