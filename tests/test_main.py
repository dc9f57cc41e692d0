"""The command line of the library."""

import os
import re
import subprocess
import sys

import numpy as np
import pytest
import torch

import invlab
from invlab.__main__ import main
from invlab.pair_files import read_table
from invlab.runs import read

MINE = """
import torch
from invlab import Box, Task

BOX = Box([0.0], [1.0])
good = Task("good", lambda x: x.square(), BOX)
number = 3
broken = Task("bröken δ", lambda x: x.square() + len(x), BOX)

scaled = Task("scaled", lambda x, c: x * c, BOX, context=Box([1.0], [2.0]))
single = Task("single", lambda x: x @ torch.ones(1, 1), BOX)

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


@pytest.mark.parametrize("name", ["good", "AsClass"])
def test_check_passes_a_good_task(name, capsys):
    assert main(["check", f"my_lens:{name}"]) == 0
    assert "FAIL" not in capsys.readouterr().out


def test_check_fails_a_broken_task_and_says_why(capsys):
    assert main(["check", "my_lens:broken"]) == 1
    assert "rows must not mix" in capsys.readouterr().out


@pytest.mark.parametrize(
    "name", ["my_lens", "no_such_module:task", "my_lens:no_such_task", "my_lens:number"]
)
def test_check_of_nothing_is_an_error_in_words(name, capsys):
    assert main(["check", name]) == 2
    assert capsys.readouterr().err.startswith("invlab: ")


def test_no_command_or_an_unknown_one_is_refused(capsys):
    for arguments in ([], ["solve"]):
        with pytest.raises(SystemExit) as stop:
            main(arguments)
        assert stop.value.code == 2
    assert "usage" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("more", [[], ["--jobs", "2"]])
def test_generate_makes_pairs_and_goes_on(more, capsys):
    words = ["generate", "my_lens:good", "--n", "30", "--folder", "pairs", "--shard", "15", *more]
    assert main(words) == 0
    assert "30 pairs in pairs" in capsys.readouterr().out
    pairs = read("pairs")
    assert torch.equal(pairs.y, pairs.x.square())
    assert main([*words, "--seed", "1"]) == 2
    assert "holds other pairs" in capsys.readouterr().err


def test_generate_of_nothing_is_an_error_in_words(capsys):
    assert main(["generate", "my_lens:no", "--n", "3", "--folder", "pairs"]) == 2
    assert main(["generate", "my_lens:good", "--n", "0", "--folder", "pairs"]) == 2
    assert "n: expected at least 1, got 0" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("words", [["--help"], ["check", "my_lens:broken"], ["generate", "--help"]])
def test_commands_print_in_any_encoding(words):
    ran = subprocess.run(
        [sys.executable, "-m", "invlab", *words],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
        check=False,
    )
    assert ran.returncode == (1 if words[0] == "check" else 0), ran.stderr


SIZES = ["--n", "40", "--targets", "4", "--guesses", "1", "2", "--seeds", "1", "--seconds", "1"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*:UserWarning")
def test_compare_prints_a_table_and_writes_a_page(tmp_path, capsys):
    page = tmp_path / "report.html"
    names = ["--methods", "nearest", "direct"]
    assert main(["compare", "my_lens:good", *names, *SIZES, "--html", str(page)]) == 0
    said = capsys.readouterr().out
    assert all(word in said for word in ("direct", "bfgs", "r_1", "For one guess a target"))
    assert "http" not in page.read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*:UserWarning")
def test_compare_takes_files_of_pairs(tmp_path, capsys):
    x = torch.linspace(0, 1, 80)[:, None]
    table = torch.cat([x, x.square()], 1).tolist()
    lines = ["width,depth", *(",".join(map(str, row)) for row in table)]
    (tmp_path / "data.csv").write_text("\n".join(lines), encoding="utf-8")
    columns = ["--x", "width", "--y", "depth"]
    assert main(["compare", "data.csv", *columns, "--methods", "nearest", *SIZES]) == 0
    assert "There is no simulator" in capsys.readouterr().out
    assert main(["compare", "none.csv", *SIZES]) == 2
    assert "no such file" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*:UserWarning")
def test_invert_reads_targets_and_writes_answers(tmp_path, capsys):
    (tmp_path / "y.csv").write_text("depth\n0.25\n0.81\n", encoding="utf-8")
    command = ["invert", "my_lens:good", "--targets", "y.csv", "--out", "x.csv"]
    assert main([*command, "--method", "bfgs", "--n", "2", "--sigma", "0.1"]) == 0
    assert "written: x.csv" in capsys.readouterr().out
    rows = (tmp_path / "x.csv").read_text(encoding="utf-8").splitlines()
    assert rows[0].startswith("target,rank,x1,error")
    assert float(rows[1].split(",")[2]) == pytest.approx(0.5, abs=1e-4)
    assert float(rows[3].split(",")[2]) == pytest.approx(0.9, abs=1e-4)
    assert main([*command, "--method", "nobody"]) == 2
    assert "expected one of" in capsys.readouterr().err


@pytest.mark.parametrize("columns", [None, ["p", "q"]])
def test_a_first_target_of_zero_and_one_is_kept(columns, tmp_path):
    path = tmp_path / "y.csv"
    path.write_text("0,1\n0.5,0.6\n", encoding="utf-8")
    with pytest.warns(match="0, 1 is taken for data; .* delete that line"):
        assert read_table(path, columns).tolist() == [[0, 1], [0.5, 0.6]]
    assert read_table(path, ["1", "0"]).tolist() == [[0.6, 0.5]]


def _pairs_file(tmp_path):
    x = torch.rand(60, 2, generator=torch.Generator().manual_seed(0))
    lines = ["a,b,p,q", *(f"{a},{b},{a},{2 + b}" for a, b in x.tolist())]
    (tmp_path / "data.csv").write_text("\n".join(lines), encoding="utf-8")
    return ["invert", "data.csv", "--x", "a", "b", "--y", "p", "q", "--method", "nearest"]


@pytest.mark.filterwarnings("ignore:.*:UserWarning")
@pytest.mark.parametrize(
    "lines", ["p,q\n0.3,2.6", "q,p\n2.6,0.3", "id,q,p\n7,2.6,0.3", "0.3,2.6"], ids=repr
)
def test_columns_of_targets_are_found_by_their_names(lines, tmp_path):
    command = _pairs_file(tmp_path)
    (tmp_path / "y.csv").write_text(lines, encoding="utf-8")
    assert main([*command, "--n", "1", "--targets", "y.csv", "--out", "x.csv"]) == 0
    head, row = (tmp_path / "x.csv").read_text(encoding="utf-8").splitlines()
    assert head.split(",")[2:4] == ["a", "b"]
    assert [float(cell) for cell in row.split(",")[2:4]] == pytest.approx([0.3, 0.6], abs=0.2)


@pytest.mark.filterwarnings("ignore:.*:UserWarning")
@pytest.mark.parametrize(
    ("lines", "out", "message"),
    [
        ("p,z\n0.3,2.6", "x.csv", "has no column 'q', only 'p', 'z'"),
        ("0.3", "x.csv", "expected the columns ['p', 'q'], got shape (1, 1) without names"),
        ("p,q\n0.3,2.6", "x.txt", "expected a name that ends in .csv"),
        ("p,q\n0.3,2.6", "my_lens.py/x.csv", "my_lens.py"),
    ],
)
def test_targets_and_places_that_do_not_fit_are_errors_in_words(
    lines, out, message, tmp_path, capsys
):
    command = _pairs_file(tmp_path)
    (tmp_path / "y.csv").write_text(lines, encoding="utf-8")
    assert main([*command, "--n", "1", "--targets", "y.csv", "--out", out]) == 2
    assert message in capsys.readouterr().err


def test_where_the_results_go_is_made_or_refused_before_anything_is_computed(
    tmp_path, capsys, monkeypatch
):
    reached = []
    for name in ("invert", "compare"):
        monkeypatch.setattr(invlab, name, lambda *a, **k: reached.append(1) or 1 / 0)
    command = _pairs_file(tmp_path)
    (tmp_path / "y.csv").write_text("p,q\n0.3,2.6", encoding="utf-8")
    pages = ["compare", *command[1:], *SIZES]
    for run in ([*command, "--targets", "y.csv", "--out"], [*pages, "--html"]):
        for place in ("my_lens.py/x.csv", "folder.csv"):
            (tmp_path / "folder.csv").mkdir(exist_ok=True)
            assert main([*run, place]) == 2
            assert place.split("/")[0] in capsys.readouterr().err
        assert not reached
        with pytest.raises(ZeroDivisionError):
            main([*run, "new/deep/x.csv"])
        assert (tmp_path / "new" / "deep").is_dir()
        reached.clear()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*:UserWarning")
def test_targets_bring_their_contexts(tmp_path, capsys):
    (tmp_path / "y.csv").write_text("y,c\n0.5,1\n0.5,2\n", encoding="utf-8")
    command = ["invert", "my_lens:scaled", "--targets", "y.csv", "--out", "x.csv"]
    assert main([*command, "--method", "bfgs", "--n", "1"]) == 0
    rows = (tmp_path / "x.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert [float(row.split(",")[2]) for row in rows] == pytest.approx([0.5, 0.25], abs=1e-6)
    said = capsys.readouterr().out
    assert "y.csv: y, c are taken as y, and c behind it, in this order" in said


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*:UserWarning")
@pytest.mark.parametrize(
    ("table", "message"),
    [
        ([0.5, 2.0], None),
        ([0.5, 0.5, 2.0], "y: expected targets of shape (B, 1), or a single one, got (2,)"),
        ([2.0], "y: expected at least one target"),
        (2.0, "y.npy: expected rows of numbers, got a single one"),
    ],
    ids=str,
)
def test_one_axis_of_targets_is_one_target_with_its_context(table, message, tmp_path, capsys):
    np.save(tmp_path / "y.npy", np.array(table))
    command = ["invert", "my_lens:scaled", "--targets", "y.npy", "--out", "x.csv"]
    assert main([*command, "--method", "bfgs", "--n", "1"]) == (2 if message else 0)
    if message:
        assert message in capsys.readouterr().err
    else:
        (row,) = (tmp_path / "x.csv").read_text(encoding="utf-8").splitlines()[1:]
        assert float(row.split(",")[2]) == pytest.approx(0.25, abs=1e-6)


def test_a_simulator_of_its_own_dtype_is_named(capsys):
    assert main(["compare", "my_lens:single", "--methods", "nearest", *SIZES]) == 2
    assert "single: the simulator computes in a dtype of its own, and got x in torch.float64" in (
        capsys.readouterr().err
    )


def test_pairs_that_were_simulated_before_are_learned_from(tmp_path, capsys):
    assert main(["generate", "my_lens:good", "--n", "60", "--folder", "kept"]) == 0
    (tmp_path / "y.csv").write_text("0.25\n")
    asked = ["--targets", "y.csv", "--out", "x.csv", "--method", "nearest", "--n", "1"]
    assert main(["invert", "my_lens:good", "--pairs", "kept", *asked]) == 0
    # held-out pairs are simulated for the bound, and the answer is: no more than that
    assert int(re.search(r"(\d+) simulations", capsys.readouterr().out)[1]) < 200
    assert main(["invert", "kept", *asked]) == 0
    assert "0 simulations" in capsys.readouterr().out
    assert main(["invert", "kept", "--pairs", "kept", *asked]) == 2
    assert "kept holds pairs itself" in capsys.readouterr().err
    sizes = ["--methods", "direct", "--targets", "4", "--guesses", "1", "--seeds", "1"]
    assert main(["compare", "kept", "--n", "30", *sizes]) == 0
    assert "direct" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["compare", "my_lens:good", "--x", "a", "--y", "b"], "--x --y: my_lens:good is a task"),
        (["compare", "kept", "--c", "1"], "--c: kept is a folder"),
        (["invert", "kept", "--x", "a", "--targets", "y.csv", "--out", "x.csv"], "--x: kept is a"),
        (["invert", "my_lens:good", "--x", "1", "--targets", "y.csv", "--out", "x.csv"], "--x: my"),
    ],
)
def test_columns_that_nothing_looks_at_are_refused(words, message, tmp_path, capsys):
    (tmp_path / "kept").mkdir()
    assert main(words) == 2
    assert message in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore:.*:UserWarning")
def test_columns_may_have_numbers_for_names(tmp_path, capsys):
    rows = torch.rand(60, 2, generator=torch.Generator().manual_seed(0)).tolist()
    lines = ["0,1,2", *(f"{a},{b},{a + b}" for a, b in rows)]
    (tmp_path / "data.csv").write_text("\n".join(lines), encoding="utf-8")
    (tmp_path / "y.csv").write_text("id,2\n7,0.9\n", encoding="utf-8")
    words = ["invert", "data.csv", "--x", "0", "1", "--y", "2", "--targets", "y.csv"]
    assert main([*words, "--out", "x.csv", "--method", "nearest", "--n", "1"]) == 0
    head, row = (tmp_path / "x.csv").read_text(encoding="utf-8").splitlines()
    assert head.split(",")[2:4] == ["0", "1"]
    assert sum(float(cell) for cell in row.split(",")[2:4]) == pytest.approx(0.9, abs=0.1)


def test_columns_of_both_y_and_its_context_are_named_or_none(tmp_path, capsys):
    (tmp_path / "targets.csv").write_text("c,y\n1,0.5\n")
    request = ["invert", "my_lens:scaled", "--targets", "targets.csv", "--out", "x.csv"]
    for given, missing in ((["--c", "c"], "--y"), (["--y", "y"], "--c")):
        assert main([*request, "--method", "nearest", *given]) == 2
        assert f"name the columns of both, by {missing} too" in capsys.readouterr().err


@pytest.mark.parametrize("place", ["./my_lens.py:good", "my_lens.py:good"])
def test_a_file_names_its_module(place, capsys):
    assert main(["check", place]) == 0
    assert "FAIL" not in capsys.readouterr().out


@pytest.mark.parametrize("place", ["../my_lens.py:good", "/my_lens.py:good", ":good", "my_lens:"])
def test_a_module_elsewhere_is_refused_in_words(place, capsys):
    assert main(["check", place]) == 2
    assert "expected MODULE:TASK" in capsys.readouterr().err


def test_a_file_may_have_a_name_that_is_no_word_of_python(tmp_path, capsys):
    (tmp_path / "01-lens.py").write_text(MINE, encoding="utf-8")
    assert main(["check", "01-lens.py:good"]) == 0
    assert "FAIL" not in capsys.readouterr().out
    sys.modules.pop("01-lens", None)


def test_targets_are_matched_by_the_names_of_the_pairs_though_counts_were_given(tmp_path):
    rows = ["w,h,p,q", *(f"{a},{b},{a},{b + 10}" for a in range(8) for b in range(8))]
    (tmp_path / "d.csv").write_text("\n".join(rows))
    (tmp_path / "y.csv").write_text("q,p\n13,2\n")
    words = "invert d.csv --x 2 --y 2 --method nearest --n 1 --targets y.csv --out x.csv"
    assert main(words.split()) == 0
    assert read_table(tmp_path / "x.csv")[0, 2:4].tolist() == pytest.approx([2, 3], abs=1)


def test_bounds_and_a_budget_may_be_given(tmp_path, capsys):
    (tmp_path / "y.csv").write_text("y\n0.25\n")
    words = "invert my_lens:good --method nearest --n 3 --targets y.csv --out x.csv"
    assert main([*words.split(), "--bounds", "x1", "0.7", "0.9"]) == 0
    assert (read_table(tmp_path / "x.csv")[:, 2] >= 0.7).all()
    assert main([*words.split(), "--bounds", "width", "0", "1"]) == 2
    assert main([*words.split(), "--bounds", "x1", "low", "1"]) == 2
    assert "--bounds x1: expected two numbers, got low 1" in capsys.readouterr().err
    assert main([*words.split(), "--bounds", "x1", "-1e-1", "0.9"]) == 0
    assert main([*words.split(), "--bounds", "x1", "-inf", "0.9"]) == 0
    twice = ["--bounds", "x1", "0", "0.5", "--bounds", "x1", "0.3", "0.9"]
    assert main([*words.split(), *twice]) == 2
    assert "--bounds: expected one range an unknown, got two of 'x1'" in capsys.readouterr().err


@pytest.mark.parametrize("mark", ["#N/A", "#DIV/0!", "#VALUE!"])
def test_what_a_spreadsheet_writes_for_a_missing_number_is_no_remark(mark, tmp_path):
    path = tmp_path / "y.csv"
    path.write_text(f"p,q\n0.3,0.2\n{mark},0.3\n# a remark\n0.1,{mark}\n")
    found = read_table(path)
    assert np.isnan(found).tolist() == [[False, False], [True, False], [False, True]]
    path.write_text(f"{mark},0.3\n1,2\n")
    assert np.isnan(read_table(path)).tolist() == [[True, False], [False, False]]


def test_pairs_of_another_task_are_refused(tmp_path, capsys):
    (tmp_path / "mine.py").write_text(MINE, encoding="utf-8")
    invlab.generate(invlab.Task("other", lambda x: x * 2, invlab.Box([0.0], [1.0])), 40, folder="p")
    np.savetxt("y.csv", [[0.5]], delimiter=",")
    options = ["--targets", "y.csv", "--out", "x.csv", "--method", "nearest", "--pairs", "p"]
    assert main(["invert", "mine:good", *options]) == 2
    assert "expected pairs of good, but p holds other's" in capsys.readouterr().err


def test_an_interrupted_command_says_how_to_go_on(monkeypatch, tmp_path, capsys):
    (tmp_path / "mine.py").write_text(MINE, encoding="utf-8")

    def interrupt(*args, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(invlab, "generate", interrupt)
    assert main(["generate", "mine:good", "--n", "4", "--folder", "p"]) == 130
    assert "interrupted; the same command goes on from its folder" in capsys.readouterr().err
    monkeypatch.setattr(invlab, "check_task", interrupt)
    assert main(["check", "mine:good"]) == 130
    assert capsys.readouterr().err.strip() == "invlab: interrupted"


def test_a_check_takes_a_simulator_and_no_data(capsys):
    np.savetxt("p.csv", np.ones((3, 2)), delimiter=",")
    assert main(["check", "p.csv"]) == 2
    assert "a simulator to try; got the data p.csv" in capsys.readouterr().err
