"""The notebooks for Colab: plain Markdown, the same code, solutions folded, nothing raw."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

import plain_notebooks  # noqa: E402
from notebooks import read_source  # noqa: E402
from plain_markdown import Book, plain  # noqa: E402

NAMES = sorted(path.stem for path in (ROOT / "chapters").glob("ch*.py"))
RAW = re.compile(r"\{[\w:-]+\}`|^\s*(?::{3,}|`{3,})\{|^\([\w-]+\)=|\$\$\s*\([\w-]+\)", re.MULTILINE)
BOOK = Book(
    "https://a.org/",
    {"chapters/ch01_a": "First", "glossary": "Glossary"},
    {"eq-a": "1.2", "fig-a": "1.3", "thm-a": "4", "ex-a": "1.1"},
    {"key": ("Ann et al.", "2020"), "two": ("Bo and Cy", "1999")},
)
PLAIN = {
    "{doc}`ch01_a`": "[*First*](https://a.org/chapters/ch01_a.html)",
    "{doc}`../glossary`": "[*Glossary*](https://a.org/glossary.html)",
    "{doc}`it <../glossary>`": "[it](https://a.org/glossary.html)",
    "{term}`look-up`": "[look-up](https://a.org/glossary.html#term-look-up)",
    "{term}`networks <network>`": "[networks](https://a.org/glossary.html#term-network)",
    "{cite:p}`key,two`": "(Ann et al., 2020; Bo and Cy, 1999)",
    "{cite:t}`key`": "Ann et al. (2020)",
    "{eq}`eq-a`, {numref}`fig-a`, {prf:ref}`thm-a`": "(1.2), Fig. 1.3, Theorem 4",
    "{func}`~invlab.metrics.r_T`": "`r_T`",
    "{class}`invlab.Task`": "`invlab.Task`",
    "$$\nx\n$$ (eq-a)": "$$\nx \\tag{1.2}\n$$",
    "(a-label)=\n## Heading": "## Heading",
    ":::{admonition} Hint\n:class: dropdown\nTry.\n:::": (
        "<details>\n<summary>Hint</summary>\n\nTry.\n\n</details>"
    ),
    ":::{admonition} Note well\nTry.\n:::": "> **Note well**\n>\n> Try.",
    "````{note}\n```{tip}\nA\n```\n````": "> **Note**\n>\n>\n> > **Tip**\n> >\n> > A\n>",
    "```{exercise-start} Roots\n:label: ex-a\n```\nFind.": "### Exercise 1.1: Roots\n\nFind.",
    "```python\nx = {}\n```": "```python\nx = {}\n```",
}


@pytest.mark.parametrize("text", PLAIN)
def test_each_form_has_a_plain_one(text):
    assert plain(text, BOOK, "chapters/ch02_b") == PLAIN[text]


@pytest.mark.parametrize("text", ["{unknown}`a`", ":::{unknown}\na\n:::"])
def test_what_has_no_plain_form_is_named(text):
    with pytest.raises(ValueError, match="unknown: has no plain form yet"):
        plain(text, BOOK, "chapters/ch02_b")


def test_without_an_address_words_lead_nowhere():
    nowhere = Book("", BOOK.titles)
    assert plain("{doc}`ch01_a` {term}`epoch`", nowhere, "chapters/x") == "*First* epoch"


@pytest.fixture(scope="module")
def notebooks():
    return {
        path.stem: nbformat.reads(text, as_version=4)
        for path, text in plain_notebooks.written().items()
    }


@pytest.mark.slow
def test_all_are_written_and_no_other():
    ran = subprocess.run(
        [sys.executable, "tools/plain_notebooks.py", "--check"],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert ran.returncode == 0, f"run `make pages`: {ran.stdout}{ran.stderr}"


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_no_markup_of_the_book_is_left(name, notebooks):
    for cell in notebooks[name].cells:
        if cell.cell_type == "markdown":
            assert not RAW.search(cell.source), cell.source


@pytest.mark.parametrize("name", NAMES)
def test_the_code_is_the_chapters(name, notebooks):
    """Cells in order; those of solutions stand as text inside <details>."""
    made = notebooks[name].cells
    code = [cell.source for cell in made if cell.cell_type == "code"]
    folded = "\n".join(cell.source for cell in made if "<summary>Solution" in cell.source)
    rest = iter(code[1:])
    for cell in read_source(ROOT / "chapters" / f"{name}.py").cells:
        if cell.cell_type != "code" or "remove-cell" in cell.metadata.get("tags", []):
            continue
        if f"```python\n{cell.source}\n```" not in folded:
            assert next(rest) == cell.source
    assert next(rest, None) is None


@pytest.mark.parametrize("name", NAMES)
def test_there_are_no_outputs_and_the_format_is_valid(name, notebooks):
    nbformat.validate(notebooks[name])
    code = [cell for cell in notebooks[name].cells if cell.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count for cell in code)


def run_setup(monkeypatch, *, found, address, returncode=0):
    """Run the first cell where some packages are found; the commands that it ran."""
    commands = []

    def run(command, **_):
        commands.append(command)
        return subprocess.CompletedProcess(command, returncode)

    monkeypatch.setattr("importlib.util.find_spec", lambda name: name if name in found else None)
    monkeypatch.setattr("subprocess.run", run)
    code = plain_notebooks.SETUP.format(version="9.8.7", repository=address)
    exec(compile(ast.parse(code), "setup", "exec"), {})
    return commands


def test_the_first_cell_installs_nothing_where_the_book_is_there(monkeypatch, capsys):
    assert run_setup(monkeypatch, found={"invbook"}, address="https://github.com/a/b") == []
    assert "is ready" in capsys.readouterr().out


def test_the_first_cell_installs_the_named_release(monkeypatch, capsys):
    (command,) = run_setup(monkeypatch, found={"torch"}, address="https://github.com/a/b")
    assert command[-1] == "invlab[book] @ git+https://github.com/a/b@v9.8.7"
    assert "Installing invlab v9.8.7" in capsys.readouterr().out


def test_without_an_address_the_first_cell_says_what_to_do(monkeypatch):
    with pytest.raises(SystemExit, match="Build the wheel"):
        run_setup(monkeypatch, found={"torch"}, address="https://github.com/not_set/b")


def test_without_a_network_the_first_cell_says_what_to_do(monkeypatch):
    with pytest.raises(SystemExit, match="Without a network"):
        run_setup(monkeypatch, found=set(), address="https://github.com/a/b", returncode=1)
