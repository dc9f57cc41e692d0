"""What the tools share: where the chapters are, and how a notebook is read and written."""

from __future__ import annotations

import os
from pathlib import Path

import jupytext
import nbformat
import yaml
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parent.parent
CHAPTERS = ROOT / "chapters"


def chapter_sources(names: list[str]) -> list[Path]:
    """The .py files of the named chapters, or of all. A path or a suffix is accepted."""
    if not names:
        return sorted(CHAPTERS.glob("ch*.py"))
    paths = [CHAPTERS / f"{Path(name).stem}.py" for name in names]
    missing = [path.stem for path in paths if not path.exists()]
    if missing:
        raise SystemExit(f"no such chapter in chapters/: {', '.join(missing)}")
    return paths


def pages() -> list[str]:
    """Every page of _toc.yml, the first one first and a chapter before its appendix."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    entries = [entry for part in toc["parts"] for entry in part["chapters"]]
    families = [[entry, *entry.get("sections", [])] for entry in entries]
    return [toc["root"], *(page["file"] for family in families for page in family)]


def read_source(path: Path) -> NotebookNode:
    """A chapter's .py as a notebook without outputs, with the metadata that every pair has."""
    notebook = jupytext.read(path)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {
        "jupytext": {"formats": "ipynb,py:percent"},
        "kernelspec": notebook.metadata.get("kernelspec", kernel),
    }
    notebook.metadata = nbformat.from_dict(metadata)
    number_cells(notebook)
    return notebook


def number_cells(notebook: NotebookNode) -> None:
    """Give cells ids by position: the same source always has the same ids."""
    for position, cell in enumerate(notebook.cells):
        cell.id = f"c{position:03d}"


def write_whole(path: Path, text: str) -> None:
    """Write a file whole or not at all: an interrupted run leaves the old one."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(text, encoding="utf-8", newline="\n")
    os.replace(temporary, path)


def write_notebook(path: Path, notebook: NotebookNode) -> None:
    """Check a notebook against its format and write it."""
    nbformat.validate(notebook)
    write_whole(path, nbformat.writes(notebook) + "\n")
