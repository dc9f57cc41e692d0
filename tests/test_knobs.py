"""A reader who changes a number that the page offers sees warnings at most, never an error."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

import knobs  # noqa: E402

CHAPTERS = sorted(
    path for path in (ROOT / "chapters").glob("ch*.py") if not path.stem.endswith("_appendix")
)
FORMS = {
    "target = 0.6  # try 0.3": "target = 0.3",
    "    n = f(2, 3)  # try 16": "    n = 16",
    "    epochs=40,  # try 10": "    epochs=10,",
    "# a word = 3  # try 4": "# a word = 4",
}


@pytest.mark.parametrize("line", FORMS)
def test_a_knob_is_turned(line):
    text = f"a = 1\n{line}\nb = 2\n"
    (knob,) = knobs.knobs(text)
    assert knobs.turned(text, knob) == f"a = 1\n{FORMS[line]}\nb = 2\n"


@pytest.mark.parametrize("line", ["a = 1", "a = 1 # try 2", "# try 2", "# we try 3"])
def test_other_lines_are_none(line):
    assert knobs.knobs(line) == []


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_each_chapter_has_one(path):
    assert knobs.knobs(path.read_text(encoding="utf-8"))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ch04_four_tasks", "ch18_bring_your_own_simulator"])
def test_a_page_goes_on_with_another_number(name):
    """All chapters: `make knobs`."""
    command = [sys.executable, "tools/knobs.py", name]
    env = os.environ | {"INVLAB_PRESET": "quick"}
    ran = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
