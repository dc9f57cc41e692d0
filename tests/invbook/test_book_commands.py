"""The command line of the book."""

import json
import sys

import pytest

from invbook import papers
from invbook.__main__ import main
from invlab.runs import records
from invlab.runs.records import Run


@pytest.fixture(autouse=True)
def session(tmp_path, monkeypatch):
    """A folder of its own, and an environment that is put back."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INVLAB_PRESET", "quick")
    monkeypatch.delenv("INVLAB_RESULTS", raising=False)


def bench(folder, *more):
    only = ["--only", "plain/l1", "--folder", str(folder)]
    return main(["bench", "loss_design", "--preset", "quick", *only, *more])


@pytest.mark.slow
def test_bench_records_the_chosen_cells_and_resumes(tmp_path, capsys):
    folder = tmp_path / "records"
    assert bench(folder) == 0
    assert "1 records in" in capsys.readouterr().out
    (record,) = records.load(folder).values()
    assert record["id"] == "loss_design/plain/l1"
    assert record["preset"] == "quick"
    assert record["seeds"] == [0, 1, 2, 3, 4]
    assert record["settings"]["steps"] == 120
    stamp = (folder / "loss_design/plain/l1.json").stat().st_mtime_ns
    assert bench(folder) == 0
    assert (folder / "loss_design/plain/l1.json").stat().st_mtime_ns == stamp


def test_quick_records_do_not_go_among_the_full_ones(tmp_path):
    assert main(["bench", "loss_design", "--only", "plain/l1"]) == 0
    assert (tmp_path / "results-quick/loss_design/plain/l1.json").exists()


def test_the_first_records_make_their_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(papers, "plan", lambda paper: [Run("loss_design/x", {}, made, (0,))])
    monkeypatch.setenv("INVLAB_RESULTS", str(tmp_path / "new"))
    assert main(["bench", "loss_design", "--preset", "full"]) == 0
    assert (tmp_path / "new/loss_design/x.json").exists()


def test_records_of_another_preset_are_not_made_over(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(papers, "plan", lambda paper: [Run("loss_design/x", {}, made, (0,))])
    command = ["bench", "loss_design", "--folder", str(tmp_path), "--preset"]
    assert main([*command, "full"]) == 0
    kept = (tmp_path / "loss_design/x.json").read_bytes()
    assert main([*command, "quick"]) == 2
    assert "has full records, such as loss_design/x" in capsys.readouterr().err
    assert (tmp_path / "loss_design/x.json").read_bytes() == kept


@pytest.mark.parametrize("text", ['{"id": "loss_design/x"}', '{"scores": {"rmse_y": [0.1]}}'])
def test_a_damaged_record_is_made_again_and_named(tmp_path, monkeypatch, capsys, text):
    monkeypatch.setattr(papers, "plan", lambda paper: [Run("loss_design/x", {}, made, (0,))])
    path = tmp_path / "loss_design/x.json"
    path.parent.mkdir()
    path.write_text(text, encoding="utf-8")
    assert main(["report", "--folder", str(tmp_path)]) == 0
    assert "loss_design/x" in capsys.readouterr().err
    command = ["bench", "loss_design", "--preset", "full", "--folder", str(tmp_path)]
    assert main(command) == 0
    assert json.loads(path.read_text(encoding="utf-8"))["preset"] == "full"


@pytest.mark.parametrize(
    ("option", "value"),
    [("--members", "0"), ("--epochs", "0"), ("--n", "0"), ("--out", "net.json"), ("--out", ".")],
)
def test_a_network_is_not_trained_by_options_that_do_not_fit(capsys, option, value):
    assert main(["metamaterial", "train", option, value]) == 2
    assert f"{option}: expected" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "where"),
    [
        ([], {"jobs": 1, "scheduler": None}),
        (["--jobs", "3"], {"jobs": 3, "scheduler": None}),
        (["--scheduler", "tcp://there:1"], {"jobs": 1, "scheduler": "tcp://there:1"}),
    ],
)
def test_bench_computes_where_it_is_told_to(tmp_path, monkeypatch, more, where):
    asked = []

    def noted(runs, *, seeds, folder, **options):
        asked.append(options)
        return []

    monkeypatch.setattr(records, "run", noted)
    assert bench(tmp_path, *more) == 0
    assert asked == [where]


def test_list_prints_the_chosen_ids_and_runs_nothing(tmp_path, capsys):
    folder = tmp_path / "records"
    assert bench(folder, "--list") == 0
    assert capsys.readouterr().out == "loss_design/plain/l1\n"
    assert main(["bench", "loss_design", "--list"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(papers.plan("loss_design"))
    assert not folder.exists()


def test_a_choice_of_no_cell_is_refused_and_some_are_named(tmp_path, capsys):
    assert bench(tmp_path, "--only", "plane") == 2
    message = capsys.readouterr().err
    assert "no run of loss_design contains 'plane'" in message
    assert papers.plan("loss_design")[0].id in message


def test_a_failing_cell_ends_in_status_1_and_its_name(tmp_path, capsys, monkeypatch):
    def failing(seeds):
        raise ValueError("no luck")

    monkeypatch.setattr(papers, "plan", lambda paper: [Run("loss_design/x", {}, failing)])
    assert main(["bench", "loss_design", "--folder", str(tmp_path)]) == 1
    assert "loss_design/x: ValueError: no luck" in capsys.readouterr().err


def test_a_scheduler_without_dask_is_refused_in_words(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert bench(tmp_path, "--scheduler", "tcp://127.0.0.1:1") == 2
    assert 'pip install "invlab[dask]"' in capsys.readouterr().err


def test_jobs_and_scheduler_exclude_each_other(tmp_path, capsys):
    with pytest.raises(SystemExit):
        bench(tmp_path, "--jobs", "2", "--scheduler", "tcp://127.0.0.1:1")
    assert "not allowed with" in capsys.readouterr().err
    assert bench(tmp_path, "--jobs", "0") == 2
    assert "--jobs: expected at least 1" in capsys.readouterr().err


def test_an_unknown_paper_is_named(capsys):
    assert main(["bench", "loss_desing"]) == 2
    message = capsys.readouterr().err
    assert "expected one of ['loss_design', 'neural_adjoint', " in message
    assert "got 'loss_desing'" in message


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
        path = folder / f"loss_design/direct/{norm}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(record), encoding="utf-8")


def test_report_prints_the_rows_as_json(tmp_path, capsys):
    recorded(tmp_path)
    assert main(["report", "--json", "--folder", str(tmp_path)]) == 0
    rows = {row["id"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows.keys() == {claim.id for claim in papers.claims()}
    found = {name: row["verdict"] for name, row in rows.items() if row["verdict"] != "no record"}
    assert found == {
        "loss_design/direct_l1/loss": "not reproduced",
        "loss_design/direct_l1/inside": "reproduced",
        "loss_design/direct_l2/loss": "reproduced",
    }


def test_report_names_what_is_the_matter_with_each_record(tmp_path, capsys):
    recorded(tmp_path)
    (tmp_path / "loss_design/direct/l1.json").write_text("{", encoding="utf-8")
    (tmp_path / "stray.json").write_text("{}", encoding="utf-8")
    assert main(["report", "--folder", str(tmp_path), "--check"]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert (
        "damaged: loss_design/direct/l1: cut short, no JSON object, or it cannot be read" in lines
    )
    assert any(line.startswith("stale: loss_design/direct/l2: made before") for line in lines)
    assert "missing: loss_design/plain/l1: not made yet" in lines
    assert any(line.startswith("foreign: stray") for line in lines)
    assert len(lines) == len(set(lines))


def test_a_check_of_whole_records_is_passed(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(papers, "list_papers", lambda: ["loss_design"])
    monkeypatch.setattr(papers, "plan", lambda paper: [Run("loss_design/x", {}, made, (0,))])
    monkeypatch.setenv("INVLAB_PRESET", "full")
    records.run(papers.plan("loss_design"), seeds=(), folder=tmp_path)
    capsys.readouterr()
    assert main(["report", "--folder", str(tmp_path), "--check", "--json"]) == 0
    assert capsys.readouterr().err == ""


def made(seeds):
    return {"scores": {"error": [0.5]}}


def test_report_prints_a_table_for_people(tmp_path, capsys):
    recorded(tmp_path)
    assert main(["report", "--folder", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "| id | kind | paper | ours | low | high | verdict |"
    start = "| loss_design/direct_l2/loss | reproduction | – | 364 | "
    assert any(line.startswith(start) and line.endswith("| reproduced |") for line in lines)


def test_no_command_or_an_unknown_one_is_refused(capsys):
    for arguments in ([], ["solve"]):
        with pytest.raises(SystemExit) as stop:
            main(arguments)
        assert stop.value.code == 2
    assert "usage" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["report"], ["verify"], ["bench", "loss_design"]])
def test_a_file_is_no_folder_of_records(command, tmp_path, capsys):
    path = tmp_path / "records.txt"
    path.write_text("")
    assert main([*command, "--folder", str(path)]) == 2
    assert "--folder: expected a folder" in capsys.readouterr().err
