"""The tools that run chapters: stable ids, outputs kept by sync, files written whole."""

import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

import execute  # noqa: E402
import notebooks  # noqa: E402
import sync  # noqa: E402

SOURCE = "# %%\nprint(1)\n\n# %%\nprint(2)\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of chapters with one small chapter in it."""
    (tmp_path / "ch01_small.py").write_text(SOURCE)
    for module in (notebooks, execute):
        monkeypatch.setattr(module, "CHAPTERS", tmp_path)
    return tmp_path


def test_no_state_of_widgets_is_stored(folder):
    (folder / "ch02_slider.py").write_text("# %%\nimport ipywidgets\n\nipywidgets.IntSlider()\n1")
    assert execute.run(folder / "ch02_slider.py", "quick", timeout=60, store=True)
    stored = nbformat.read(folder / "ch02_slider.ipynb", as_version=4)
    assert "widgets" not in stored.metadata


def test_a_full_run_stores_nothing_unless_asked(folder):
    path = folder / "ch01_small.py"
    assert execute.run(path, "full", timeout=60, store=False)
    assert not path.with_suffix(".ipynb").exists()


def test_a_run_is_stored_and_sync_keeps_what_did_not_change(folder):
    path = folder / "ch01_small.py"
    assert execute.run(path, "quick", timeout=60, store=True)
    notebook = nbformat.read(path.with_suffix(".ipynb"), as_version=4)
    assert [cell.id for cell in notebook.cells] == ["c000", "c001"]
    assert [cell.execution_count for cell in notebook.cells] == [1, 2]
    assert notebook.metadata["invlab"]["preset"] == "quick"
    assert not sync.sync(path)

    path.write_text(SOURCE.replace("print(2)", "print(3)"))
    assert sync.sync(path)
    first, second = nbformat.read(path.with_suffix(".ipynb"), as_version=4).cells
    assert first.outputs[0].text == "1\n"
    assert second.source == "print(3)"
    assert second.outputs == []


def test_a_failing_cell_is_named_and_the_old_file_stays(folder, capsys):
    path = folder / "ch01_small.py"
    path.with_suffix(".ipynb").write_text("old")
    path.write_text(SOURCE + "\n# %%\n1 / 0\n")
    assert not execute.run(path, "quick", timeout=60, store=True)
    error = capsys.readouterr().err
    assert "ch01_small, cell 2, failed" in error
    assert "ZeroDivisionError" in error
    assert path.with_suffix(".ipynb").read_text() == "old"


def test_an_unknown_chapter_is_named():
    with pytest.raises(SystemExit, match="no such chapter in chapters/: ch99_nothing"):
        notebooks.chapter_sources(["ch99_nothing"])
