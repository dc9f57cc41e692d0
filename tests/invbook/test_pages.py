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
        "below 2",
        kind="reproduction",
        accept=lambda ours: ours < 2,
    )
    paper = Paper("new_paper", "A newer paper", "newer2030", list, [claim])
    monkeypatch.setitem(papers._PAPERS, paper.name, paper)
    page = pages.ledger_page()
    assert "## A newer paper" in page
    assert "{cite:t}`newer2030`" in page
    assert "| `new_paper/error`<br>Newer, Table 1 | – | 1.5 [" in page
    assert "**reproduced**: below 2" in page
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
