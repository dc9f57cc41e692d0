"""The command line of the library."""

import os
import subprocess
import sys

import pytest
import torch

from invlab.__main__ import main
from invlab.runs import read

MINE = """
from invlab import Box, Task

BOX = Box([0.0], [1.0])
good = Task("good", lambda x: x.square(), BOX)
number = 3
broken = Task("bröken δ", lambda x: x.square() + len(x), BOX)

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


@pytest.mark.filterwarnings("ignore:.*:UserWarning")
def test_compare_prints_a_table_and_writes_a_page(tmp_path, capsys):
    page = tmp_path / "report.html"
    names = ["--methods", "nearest", "direct"]
    assert main(["compare", "my_lens:good", *names, *SIZES, "--html", str(page)]) == 0
    said = capsys.readouterr().out
    assert all(word in said for word in ("direct", "bfgs", "r_1", "For one guess a target"))
    assert "http" not in page.read_text(encoding="utf-8")


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
