"""The generated pages say what the records and the notebooks say today."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from invbook import papers
from invbook.ledger import Claim
from invbook.papers import Paper

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def pages(monkeypatch):
    """tools/pages.py, whose folder is not on the path of an installed package."""
    monkeypatch.syspath_prepend(ROOT / "tools")
    import pages

    return pages


@pytest.mark.slow
def test_generated_pages_are_fresh():
    command = [sys.executable, "tools/pages.py", "--check"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


def test_every_registered_paper_has_its_section():
    page = (ROOT / "reproduction_ledger.md").read_text(encoding="utf-8")
    headings = [papers.get_paper(name).heading for name in papers.list_papers()]
    found = [line.removeprefix("## ") for line in page.splitlines() if line.startswith("## ")]
    assert found == headings


def test_a_new_paper_needs_a_line_in_the_registry_alone(pages, tmp_path, monkeypatch):
    made = {
        "id": "new_paper/error",
        "settings": {},
        "seeds": [0, 1],
        "preset": "full",
        "device": "cpu",
        "scores": {"error": [1.0, 2.0]},
    }
    (tmp_path / "new_paper").mkdir()
    (tmp_path / "new_paper" / "error.json").write_text(json.dumps(made), encoding="utf-8")
    monkeypatch.setenv("INVLAB_RESULTS", str(tmp_path))
    claim = Claim(
        "new_paper/error",
        "Newer, Table 1",
        ("new_paper/error",),
        lambda record: record["scores"]["error"],
        lambda ours: ours < 2,
        "below 2",
    )
    paper = Paper("new_paper", "A newer paper", "newer2030", list, [claim])
    monkeypatch.setitem(papers._PAPERS, paper.name, paper)
    page = pages.ledger_page()
    assert "## A newer paper" in page
    assert "{cite:t}`newer2030`" in page
    assert "| `new_paper/error`<br>Newer, Table 1 | – | 1.5 [" in page
    assert "**reached**: below 2" in page
    assert "python -m invbook bench new_paper --preset full" in page


def test_a_paper_without_a_record_says_so(pages, tmp_path, monkeypatch):
    section = pages.paper_section("advice", [])
    assert "## Does the advice hold?" in section
    assert "No run recorded yet." in section
    assert "python -m invbook bench advice --preset full" in section
    assert "cite" not in section
    assert "{cite:t}`rivera2020loss`" in pages.paper_section("loss_design", [])
    monkeypatch.setenv("INVLAB_RESULTS", str(tmp_path))
    assert "No run has been recorded yet: `make records`" in pages.ledger_page()


@pytest.fixture
def beside(pages, tmp_path, monkeypatch):
    """The page of other tools, whose records lie in an empty folder."""
    import beside_other_tools

    monkeypatch.setattr(beside_other_tools, "RECORDS", tmp_path)
    return beside_other_tools


def benchmark(ratio, **more):
    row = {"name": "minimize_optimistix", "ratio": ratio, "ours": 1.0, "peer": ratio}
    row |= {"unit": "cpu_us_a_row", "method": "lm", "unknowns": 2, "rows": 256}
    return row | {"first_call_s": "0.1/1.4"} | more


def test_a_benchmark_says_where_we_are_and_by_how_much(beside, tmp_path):
    rows = [benchmark(0.05), benchmark(1.1), benchmark(12.4, rows=4096), {"name": "unknown"}]
    made = {
        "command": "benchmarks/minimize.py",
        "date": "2030-01-02",
        "machine": "a processor",
        "python": "3.11",
        "versions": {"torch": "9"},
        "rows": rows,
        "printed": [],
    }
    (tmp_path / "minimize.json").write_text(json.dumps(made), encoding="utf-8")
    page = beside.beside_page("<!-- note -->")
    assert page.startswith("<!-- note -->")
    first, second, third = (line for line in page.splitlines() if line.startswith("| lm"))
    assert "4096 rows | optimistix, compiled | 1 | 12.4 | CPU µs a row | ahead 12 times" in first
    assert "| level (its first call: 1.4 s) |" in second
    assert "| behind 20 times" in third
    summary = "Of 3 lines: ahead in 1, by 12 times at most; level in 1; behind in 1, by 20 times"
    assert summary in page
    assert "by `benchmarks/minimize.py` on 2030-01-02, a processor, Python 3.11, torch 9." in page


def test_a_subject_without_a_record_keeps_its_words(beside):
    page = beside.beside_page("")
    assert "## Inverse models" in page
    assert "`benchmarks/inverse_models.py --record benchmarks/records/inverse_models.json`" in page
    assert "| --- |" not in page


def test_a_table_that_a_script_prints_as_columns_is_one(beside):
    printed = ["x", "task method r_1", "sine cinn 0.5", "arm  nsf  0.1", "", "by cinn alone: 2"]
    found = beside.printed_table(printed).splitlines()
    assert found == ["| task | method | r_1 |", "| --- | --- | --- |", "| sine | cinn | 0.5 |",
                     "| arm | nsf | 0.1 |"]  # fmt: skip
    assert beside.printed_table(["task of another kind"]) == ""


def test_the_growth_of_costs_is_a_line_a_method(pages, tmp_path, monkeypatch):
    import how_cost_grows

    monkeypatch.setenv("INVLAB_RESULTS", str(tmp_path))
    assert "Not recorded yet" in how_cost_grows.growth_page("")
    curve = {"sizes": [10, 1000], "seconds": [0.1, 10.0], "megabytes": [1.0, 20.0]}
    made = {
        "id": "scaling/nearest",
        "preset": "full",
        "date": "2030-01-02",
        "cpu_seconds": 90.0,
        "versions": {"torch": "9"},
        "scores": {
            "answer/targets/seconds": [1.0],
            "answer/targets/seconds/from": [10],
            "answer/targets/megabytes": [0.65],
        },
        "curves": {"answer/targets": curve},
    }
    (tmp_path / "scaling").mkdir()
    (tmp_path / "scaling" / "nearest.json").write_text(json.dumps(made), encoding="utf-8")
    page = how_cost_grows.growth_page("")
    assert "| `nearest` | 1.00; 0.65, from 10 |" in page
    assert "| `nearest` | answer | 1,000 targets | 10 | 20 |" in page
    drawing = how_cost_grows.growth_figure("")
    assert 'points="0.0,210.0 300.0,0.0"' in drawing  # from corner to corner of its decades
    assert ">10⁻¹<" in drawing
    assert ">nearest<" in drawing
