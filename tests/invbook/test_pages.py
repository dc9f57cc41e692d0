"""The generated pages say what the records and the notebooks say today."""

import csv
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from invbook import ledger, papers
from invbook.ledger import Claim
from invbook.ledger.marks import mark, said
from invbook.papers import Paper

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def pages(monkeypatch):
    """tools/pages.py, whose folder is not on the path of an installed package."""
    monkeypatch.syspath_prepend(ROOT / "tools")
    import pages

    return pages


@pytest.fixture
def page(pages):
    """tools/ledger_page.py, the ledger for people."""
    import ledger_page

    return ledger_page


@pytest.fixture
def rows(pages):
    """tools/ledger_rows.py, all of its rows."""
    import ledger_rows

    return ledger_rows


@pytest.fixture
def one_record(tmp_path, monkeypatch):
    """Results in which one record of one paper is all there is."""
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
        "below 2",
        kind="reproduction",
        accept=lambda ours: ours < 2,
    )
    paper = Paper("new_paper", "A newer paper", "newer2030", list, [claim])
    monkeypatch.setitem(papers._PAPERS, paper.name, paper)
    return paper


def test_a_page_that_differs_is_stale(pages):
    text = (ROOT / "assets" / "ledger.csv").read_text(encoding="utf-8")
    assert not pages.is_stale("assets/ledger.csv", text)
    assert pages.is_stale("assets/ledger.csv", text + "\n")
    assert pages.is_stale("assets/no_such_file.csv", text)


@pytest.mark.slow
def test_generated_pages_are_fresh():
    command = [sys.executable, "tools/pages.py", "--check"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


@pytest.mark.slow
def test_two_readings_of_the_records_give_the_same_bytes(pages):
    first, second = pages.ledger_files(), pages.ledger_files()
    assert first == second
    assert set(first) == {
        "reproduction_ledger.md",
        "ledger_rows.md",
        "assets/ledger.json",
        "assets/ledger.csv",
    }


def test_every_registered_paper_has_its_section():
    page = (ROOT / "reproduction_ledger.md").read_text(encoding="utf-8")
    found = re.findall("^#{2,3} (.*)$", page, re.MULTILINE)
    headings = [papers.get_paper(name).heading for name in papers.list_papers()]
    assert sorted(found) == sorted([*headings, "The book's own measurements"])


def test_papers_come_before_what_the_book_measures_itself(page, row_of):
    measured = row_of(kind="measurement", verdict="measured")
    made = page.ledger_page({"advice": [measured], "loss_design": [row_of()]})
    order = [made.index(heading) for heading in ("## Design", "## The book's own", "### Does the")]
    assert order == sorted(order)


def test_a_new_paper_needs_a_line_in_the_registry_alone(page, one_record):
    made = page.ledger_page(page.sections())
    section = made[made.index("## A newer paper") :].split("\n## ")[0]
    assert "{cite:t}`newer2030`" in section
    (line,) = [line for line in section.splitlines() if line.startswith("| Table 1 |")]
    assert "below 2" in line
    assert ">1.5</span> " in line
    assert line.endswith(f"| {said('reproduced')} |")
    assert "python -m invbook bench new_paper --preset full" in section
    assert "ledger_rows.html?study=new_paper" in section


def test_a_paper_without_a_record_says_so(page, unrecorded, tmp_path, monkeypatch):
    section = page.paper_section("advice", [unrecorded()])
    assert "## Does the advice hold?" in section
    assert "No run recorded yet." in section
    assert "python -m invbook bench advice --preset full" in section
    assert "cite" not in section
    assert "{cite:t}`rivera2020loss`" in page.paper_section("loss_design", [])
    monkeypatch.setenv("INVLAB_RESULTS", str(tmp_path))
    assert "No run has been recorded yet: `make records`" in page.ledger_page(page.sections())


def test_some_records_are_shown_and_the_others_counted(page, row_of, unrecorded):
    one_seed = row_of("b", seeds=[0], low=None, high=None, verdict="cannot be compared")
    section = page.paper_section("loss_design", [unrecorded("a"), one_seed, row_of("c")])
    for verdict in ("no record", "cannot be compared", "reproduced"):
        assert mark(verdict) in section
    assert "1 row has no record yet" in section


def test_the_overview_counts_what_is_compared(page, row_of):
    rows = [row_of(), row_of(), row_of(verdict="equal"), row_of(kind="measurement")]
    made = page.overview({"loss_design": rows})
    head, _, line = [line for line in made.splitlines() if line.startswith("|")]
    counts = dict(zip(head.split(" | "), line.strip("| ").split(" | "), strict=False))
    assert counts[said("reproduced")] == "2"
    assert counts[said("equal")] == "1"
    assert sum(int(text) for text in counts.values() if text.isdigit()) == 3


def test_the_legend_explains_each_sign(page):
    signs = ["reproduced", "not reproduced", "better", "equal", "not better", "no record"]
    for verdict in [*signs, "cannot be compared"]:
        assert mark(verdict) in page.LEGEND


def test_a_folded_table_is_a_dropdown(page, row_of):
    table = papers.get_paper("advice").tables({})[1]
    assert table.folded
    assert page.shown(table).startswith(f"`````{{admonition}} {table.title}\n:class: dropdown")


def some_rows(row_of, unrecorded):
    null = {"id": "paper/draw", "ours": 1 / 3}
    return {
        "loss_design": [
            row_of("loss/a", null=null, why="a, b | c < d", ours=2 / 3),
            row_of("loss/b", ours=float("inf"), high=float("inf"), verdict="not reproduced"),
        ],
        "advice": [unrecorded("advice/c", kind="measurement")],
    }


def test_every_row_is_in_json_csv_and_table(rows, row_of, unrecorded):
    flat = rows.flat(some_rows(row_of, unrecorded))
    names = ["loss/a", "loss/b", "advice/c"]
    assert [row["id"] for row in json.loads(rows.rows_json(flat))] == names
    assert [row["id"] for row in csv.DictReader(io.StringIO(rows.rows_csv(flat)))] == names
    made = rows.rows_page(flat)
    assert re.findall("<tr data-study=.*?<code>(.*?)</code>", made) == [
        name.replace("/", "/<wbr>") for name in names
    ]


def test_the_files_have_what_programs_read(rows, row_of, unrecorded):
    flat = rows.flat(some_rows(row_of, unrecorded))
    first, second, third = json.loads(rows.rows_json(flat))
    assert list(first) == ["study", *row_of()]
    assert first["ours"] == 0.666667
    assert first["null"] == {"id": "paper/draw", "ours": 0.333333}
    assert second["ours"] == "inf"
    assert third["ours"] is None
    of_csv = list(csv.DictReader(io.StringIO(rows.rows_csv(flat))))
    assert of_csv[0]["seeds"] == "0 1 2"
    assert (of_csv[0]["null_id"], of_csv[0]["null_ours"]) == ("paper/draw", "0.333333")
    assert (of_csv[2]["null_id"], of_csv[2]["ours"], of_csv[2]["seeds"]) == ("", "", "")


def test_the_table_can_be_read_sorted_and_filtered(rows, row_of, unrecorded):
    flat = rows.flat(some_rows(row_of, unrecorded))
    first, second, third = map(rows.line, flat)
    assert 'data-study="loss_design" data-heading="Design of loss functions"' in first
    assert 'data-kind="reproduction" data-verdict="reproduced"' in first
    assert '<td data-value="0.666667">0.667' in first
    assert said("reproduced") in first
    assert "a, b | c &lt; d</td>" in first
    assert '<td data-value="inf">∞' in second
    assert third.count("data-value") == 2  # the paper's number, and no seed
    assert {line.count("<td") for line in (first, second, third)} == {len(rows.COLUMNS)}


def test_the_files_of_the_book_hold_every_claim():
    ids = [claim.id for claim in papers.claims()]
    made = json.loads((ROOT / "assets" / "ledger.json").read_text(encoding="utf-8"))
    assert [row["id"] for row in made] == ids
    text = (ROOT / "assets" / "ledger.csv").read_text(encoding="utf-8")
    assert [row["id"] for row in csv.DictReader(io.StringIO(text))] == ids
    page = (ROOT / "ledger_rows.md").read_text(encoding="utf-8")
    assert page.count("<tr data-study=") == len(ids)


def test_nothing_in_the_files_depends_on_when_they_were_made():
    for name in ("ledger_rows.md", "assets/ledger.json", "assets/ledger.csv"):
        assert not re.search(r"\b20\d\d-\d\d-\d\d\b", (ROOT / name).read_text(encoding="utf-8"))


@pytest.mark.slow
def test_every_row_that_is_compared_stands_on_the_page(page):
    """With the records of today: each paper's tables, as the page shows them."""
    for name, rows in page.sections().items():
        by_id = {row["id"]: row for row in rows}
        tables = page.with_the_rest(papers.get_paper(name).tables(by_id), by_id)
        shown = {row["id"] for table in tables for _, row in table.rows()}
        assert shown >= {row["id"] for row in rows if row["kind"] != "measurement"}
        if page.recorded(rows):
            section = page.paper_section(name, rows)
            assert all(table.markdown() in section for table in tables)


def test_the_rows_are_those_of_the_report(page, rows, one_record):
    flat = rows.flat({"new_paper": page.sections()["new_paper"]})
    report = ledger.rows(papers.claims("new_paper"))
    assert [{k: v for k, v in row.items() if k != "study"} for row in flat] == rows.rounded(report)


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
