"""Write colab/: a notebook a chapter for wherever notebooks run, made from the chapter's .py.

python tools/plain_notebooks.py [--check]

Plain Markdown, numbered equations and figures, solutions inside <details>, cells to write in, no
outputs, and a first cell that installs the release of the book that the notebook belongs to.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from notebooks import ROOT, chapter_sources, pages, read_source, write_whole
from plain_markdown import FENCE, Book, folded, plain
from pybtex.database import parse_file
from repo_url import current as repository
from repo_url import site
from site_extension import authors

FOLDER = ROOT / "colab"
SOLUTION = re.compile(r"\{solution-(start|end)\}")
LABELS = {
    "equation": re.compile(r"\$\$[ \t]*\(([\w-]+)\)"),
    "exercise": re.compile(
        r"\{exercise-start\}[^\n]*\n(?:\s*:(?!label)[^\n]*\n)*\s*:label:\s*(\S+)"
    ),
    "theorem": re.compile(r"\{prf:theorem\}[^\n]*\n(?:\s*:(?!label)[^\n]*\n)*\s*:label:\s*(\S+)"),
}
SETUP = """# Installs invlab {version}, the library of this book, where it is missing.
# Whatever is there already stays as it is, torch and numpy among them.
import importlib.util
import subprocess
import sys

repository, release = "{repository}", "v{version}"
if importlib.util.find_spec("invbook") is None:
    if "_" in repository.split("/")[3]:
        raise SystemExit(
            "This copy of the book was made before its repository had an address, so there is "
            "nothing to install from. Build the wheel from the sources (pip wheel --no-deps .), "
            "install it with pip, and run this cell again."
        )
    if importlib.util.find_spec("torch") is None:
        print("torch is missing and comes along: on Linux that is a download of 2.6 GB.")
    print(f"Installing invlab {{release}} from {{repository}} ...")
    source = f"invlab[book] @ git+{{repository}}@{{release}}"
    done = subprocess.run([sys.executable, "-m", "pip", "install", "-q", source])
    if done.returncode != 0:
        raise SystemExit(
            "invlab could not be installed. Without a network, copy its wheel here and install it "
            "with pip; on Kaggle, switch the internet on in the notebook's settings."
        )
    importlib.invalidate_caches()
import invlab

print(f"invlab {{invlab.__version__}} is ready.")"""


def version() -> str:
    """The release that these notebooks belong to."""
    text = (ROOT / "invlab" / "__init__.py").read_text(encoding="utf-8")
    return re.search(r'__version__ = "([^"]+)"', text)[1]  # type: ignore[index]


def titles() -> dict[str, str]:
    """The first heading of each page of the table of contents."""
    found = {}
    for name in pages():
        form, kind = ("# # (.+)", "py") if name.startswith("chapters/") else ("# (.+)", "md")
        text = (ROOT / f"{name}.{kind}").read_text(encoding="utf-8")
        heading = re.search(f"(?m)^{form}$", text)
        found[name] = heading[1] if heading else name
    return found


def works() -> dict[str, tuple[str, str]]:
    """Authors and year of each work of the bibliography."""
    entries = parse_file(str(ROOT / "references.bib")).entries.items()
    return {key: (authors(entry), entry.fields.get("year", "n.d.")) for key, entry in entries}


def numbers() -> dict[str, str]:
    """Numbers of equations, figures, exercises and theorems of all chapters, by label.

    They are the page's: counted through a chapter and its appendix.
    """
    found: dict[str, str] = {}
    count: Counter[tuple[str, str]] = Counter()
    for name in (page for page in pages() if page.startswith("chapters/")):
        path = ROOT / f"{name}.py"
        chapter = str(int(path.stem[2:4]))
        for cell in read_source(path).cells:
            labels = [
                (kind, label)
                for kind, form in LABELS.items()
                for label in form.findall(cell.source)
                if cell.cell_type == "markdown"
            ]
            figure = cell.metadata.get("mystnb", {}).get("figure", {}).get("name")
            for kind, label in [*labels, *([("figure", figure)] if figure else [])]:
                whole = kind == "theorem"
                count[chapter * (not whole), kind] += 1
                number = count[chapter * (not whole), kind]
                found[label] = str(number) if whole else f"{chapter}.{number}"
    return found


def notebook(path: Path, book: Book, setup: str) -> NotebookNode:
    """The plain notebook of one chapter."""
    page, cells = f"chapters/{path.stem}", [new_code_cell(setup)]
    inside: list[str] | None = None  # lines of a solution that is being collected
    for cell in read_source(path).cells:
        tags = cell.metadata.get("tags", [])
        if "remove-cell" in tags:
            continue
        if cell.cell_type == "code":
            if inside is None:
                cells += _code(cell, book)
            else:
                inside += ["```python", cell.source, "```", ""]
            continue
        mark = SOLUTION.search(cell.source)
        if mark and mark[1] == "start":
            cells += _markdown(_before(cell.source), book, page)
            inside = [plain(_inside(cell.source), book, page), ""]
        if mark and "{solution-end}" in cell.source:
            assert inside is not None, f"{page}: a solution ends that did not begin"
            cells.append(new_markdown_cell("\n".join(folded("Solution", inside))))
            inside = None
            cells += _markdown(_after(cell.source), book, page)
        elif mark is None and inside is not None:
            inside += [plain(cell.source, book, page), ""]
        elif mark is None:
            cells += _markdown(cell.source, book, page)
    for k, cell in enumerate(cells):
        cell["id"] = f"c{k:03d}"
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return new_notebook(cells=cells, metadata={"kernelspec": kernel})


def _markdown(text: str, book: Book, page: str) -> list[NotebookNode]:
    text = plain(text, book, page)
    return [new_markdown_cell(text)] if text.strip() else []


def _code(cell: NotebookNode, book: Book) -> list[NotebookNode]:
    """The cell without outputs, folded where the page folds it, and its figure's caption."""
    hidden = bool({"hide-input", "hide-cell", "remove-input"} & set(cell.metadata.get("tags", [])))
    folding = {"jupyter": {"source_hidden": True}, "cellView": "form"} if hidden else {}
    made = [new_code_cell(cell.source, metadata=folding)]
    figure = cell.metadata.get("mystnb", {}).get("figure", {})
    if figure.get("caption"):
        number = book.numbers[figure["name"]]
        caption = plain(figure["caption"], book, "chapters/x")
        made.append(new_markdown_cell(f"*Fig. {number}. {caption}*"))
    return made


def _before(text: str) -> str:
    return text[: _fence(text, "solution-start")].rstrip("`:\n")


def _inside(text: str) -> str:
    """What follows the mark that opens a solution, up to the one that closes it."""
    rest = text[_fence(text, "solution-start") :].splitlines()
    mark = FENCE.fullmatch(rest[0].strip())
    assert mark is not None
    end = next((k for k, line in enumerate(rest) if k and line.strip() == mark["mark"]), 0)
    body = "\n".join(rest[end + 1 :])
    return body[: _fence(body, "solution-end")] if "{solution-end}" in body else body


def _after(text: str) -> str:
    rest = text[_fence(text, "solution-end") :].splitlines()
    mark = FENCE.fullmatch(rest[0].strip())
    assert mark is not None
    end = next(k for k, line in enumerate(rest) if k and line.strip() == mark["mark"])
    return "\n".join(rest[end + 1 :])


def _fence(text: str, kind: str) -> int:
    """Where the line of a directive begins."""
    match = re.search(rf"(?m)^[`:]{{3,}}\{{{kind}\}}", text)
    return match.start() if match else len(text)


def written() -> dict[Path, str]:
    """All notebooks as text."""
    address = repository()
    book = Book(site(address), titles(), numbers(), works())
    setup = SETUP.format(version=version(), repository=address)
    return {
        FOLDER / f"{path.stem}.ipynb": nbformat.writes(notebook(path, book, setup)) + "\n"
        for path in chapter_sources([])
    }


def main() -> int:
    """Write what changed and remove what has no chapter any more; or check that nothing did."""
    parser = argparse.ArgumentParser(description="Write the notebooks for Colab and the like.")
    parser.add_argument("--check", action="store_true", help="exit 1 where one is out of date")
    options = parser.parse_args()
    texts = written()
    stale = [p for p, text in texts.items() if not p.exists() or p.read_text("utf-8") != text]
    extra = sorted(set(FOLDER.glob("*.ipynb")) - set(texts))
    for path in [*stale, *extra]:
        print(path.relative_to(ROOT))
    if options.check:
        return 1 if stale or extra else 0
    FOLDER.mkdir(exist_ok=True)
    for path in stale:
        write_whole(path, texts[path])
    for path in extra:
        path.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
