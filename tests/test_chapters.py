"""Every chapter keeps the rules: pairs agree, outputs are stored, figures are described."""

import re
from pathlib import Path

import jupytext
import nbformat
import pytest
import yaml
from jupytext.compare import compare_notebooks

ROOT = Path(__file__).resolve().parent.parent
CHAPTERS = ROOT / "chapters"
NAMES = sorted({path.stem for path in CHAPTERS.glob("ch*") if path.suffix in (".py", ".ipynb")})
# What a chapter leaves out stands in its appendix, which teaches nothing and asks nothing.
TEACHING = [name for name in NAMES if not name.endswith("_appendix")]

LOCAL_PATH = re.compile(r"(?<![\w.:/-])/(?:home|root|tmp|work|Users|opt|mnt)/\w")
DATA_URI = re.compile(r"data:[\w/+.-]+;base64,[A-Za-z0-9+/=\s\\]+")

every = pytest.mark.parametrize("name", NAMES)
teaching = pytest.mark.parametrize("name", TEACHING)


def notebook(name):
    return nbformat.read(CHAPTERS / f"{name}.ipynb", as_version=4)


def cells(name, kind):
    return [cell for cell in notebook(name).cells if cell.cell_type == kind]


def tags(cell):
    return cell.metadata.get("tags", [])


def text_of(output):
    """The readable text of an output, without the bytes of embedded images."""
    data = output.get("data", {})
    parts = [output.get("text", ""), data.get("text/plain", ""), data.get("text/html", "")]
    return DATA_URI.sub("", "\n".join(parts))


@every
def test_both_halves_exist(name):
    assert (CHAPTERS / f"{name}.py").exists()
    assert (CHAPTERS / f"{name}.ipynb").exists(), f"run `make execute CHAPTER={name}`"


@every
def test_pair_agrees(name):
    source = jupytext.read(CHAPTERS / f"{name}.py")
    compare_notebooks(source, notebook(name), fmt="py:percent", raise_on_first_difference=True)


@every
def test_chapter_is_in_the_table_of_contents(name):
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    entries = [entry for part in toc["parts"] for entry in part["chapters"]]
    below = [section for entry in entries for section in entry.get("sections", [])]
    assert f"chapters/{name}" in [entry["file"] for entry in entries + below]


@every
def test_every_code_cell_was_executed_in_order_once(name):
    counts = [cell.execution_count for cell in cells(name, "code") if cell.source.strip()]
    assert counts == list(range(1, len(counts) + 1))


@every
def test_outputs_are_stored_and_free_of_errors(name):
    code = cells(name, "code")
    assert any(cell.outputs for cell in code)
    for cell in code:
        errors = [output for output in cell.outputs if output.output_type == "error"]
        assert not errors or "raises-exception" in tags(cell), cell.source


@every
def test_outputs_come_from_the_quick_preset(name):
    run = notebook(name).metadata.get("invlab")
    assert run is not None, f"run `make execute CHAPTER={name}`"
    assert run["preset"] == "quick"
    assert set(run) == {"preset", "device", "torch", "python", "seconds"}


@every
def test_the_page_installs_nothing(name):
    """The notebooks for Colab get a cell that does; see tools/plain_notebooks.py."""
    assert not [cell for cell in cells(name, "code") if "pip install" in cell.source]


@every
def test_every_figure_has_alt_text(name):
    for cell in cells(name, "code"):
        alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
        for output in cell.outputs:
            data = output.get("data", {})
            if any(mime.startswith("image/") for mime in data):
                assert len(alt.split()) >= 3, f"no alt text for the figure of:\n{cell.source}"
            for image in re.findall(r"<img\b[^>]*>", data.get("text/html", "")):
                assert re.search(r'\balt="[^"]', image), f"no alt text in:\n{cell.source}"


@every
def test_images_in_the_text_have_alt_text(name):
    for cell in cells(name, "markdown"):
        assert not re.search(r"!\[\s*\]\(", cell.source), cell.source
        for figure in re.findall(r"\{(?:figure|image)\}[^`]*", cell.source):
            assert ":alt:" in figure, figure


@teaching
def test_every_exercise_has_a_solution_and_a_check(name):
    """An exercise, with its solution and check, ends where the next one starts."""
    start = re.compile(
        r"\{exercise(?:-start)?\}[^\n]*\n(?:\s*:(?!label)[^\n]*\n)*\s*:label:\s*(\S+)"
    )
    exercises, checks, solutions = [], {}, []
    for cell in notebook(name).cells:
        if cell.cell_type == "markdown":
            exercises += start.findall(cell.source)
            solutions += re.findall(r"\{solution(?:-start)?\}\s*(\S+)", cell.source)
        elif "check-exercise" in tags(cell):
            assert exercises, "a check before the first exercise"
            checks[exercises[-1]] = cell
    assert len(exercises) >= 3
    assert sorted(solutions) == sorted(exercises)
    assert set(checks) == set(exercises), "each exercise needs a cell tagged check-exercise"
    for label, cell in checks.items():
        assert "answered(" in cell.source, f"{label}: the check does not say what is missing"


@teaching
def test_every_exercise_has_a_cell_to_write_in_and_a_hint(name):
    found = notebook(name).cells
    starts = [k for k, cell in enumerate(found) if "{exercise-start}" in cell.source]
    for start in starts:
        end = next(k for k in range(start, len(found)) if "{solution-start}" in found[k].source)
        assert any("= ..." in cell.source for cell in found[start:end]), "no cell to write in"
        assert any("} Hint" in cell.source for cell in found[start : end + 1]), "no hint"


@teaching
def test_one_number_is_marked_to_be_changed(name):
    assert any(re.search(r"  # try \S", cell.source) for cell in cells(name, "code"))


@teaching
def test_the_box_says_when_to_use_it(name):
    text = "\n".join(cell.source for cell in cells(name, "markdown"))
    assert re.search(r"^:::\{admonition\} Use it when", text, flags=re.MULTILINE)


@every
def test_solutions_are_folded(name):
    text = "\n".join(cell.source for cell in cells(name, "markdown"))
    solutions = re.findall(r"\{solution(?:-start)?\}[^\n]*\n((?:\s*:[^\n]*\n)*)", text)
    assert all("dropdown" in options for options in solutions)


@every
def test_cited_works_are_in_the_bibliography(name):
    keys = set(re.findall(r"@\w+\{([^,\s]+),", (ROOT / "references.bib").read_text("utf-8")))
    text = "\n".join(cell.source for cell in cells(name, "markdown"))
    cited = re.findall(r"\{cite(?::\w+)?\}`([^`]+)`", text)
    assert {key.strip() for group in cited for key in group.split(",")} <= keys


@teaching
@pytest.mark.parametrize("heading", ["What we saw", "Where next"])
def test_closing_headings(name, heading):
    text = "\n".join(cell.source for cell in cells(name, "markdown"))
    assert re.search(rf"^#+ {heading}\b", text, flags=re.MULTILINE)


@every
def test_no_local_paths(name):
    for cell in notebook(name).cells:
        texts = [cell.source, *(text_of(output) for output in cell.get("outputs", []))]
        for text in texts:
            found = LOCAL_PATH.search(text)
            assert found is None, text[max(0, found.start() - 40) : found.end() + 40]


@every
def test_no_trailing_semicolons(name):
    for cell in cells(name, "code"):
        assert not cell.source.rstrip().endswith(";"), cell.source


@every
def test_a_figure_is_the_only_output_of_its_cell(name):
    """Its caption would stand under each output, and its label would be that of several."""
    for cell in cells(name, "code"):
        if "figure" in cell.metadata.get("mystnb", {}):
            assert len(cell.outputs) == 1, cell.source
