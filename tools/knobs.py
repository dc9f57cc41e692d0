"""Change numbers that a chapter offers, one at a time, and run the page as a reader would.

python tools/knobs.py [NAME ...]

A line such as `target = 0.6  # try 0.3` is a knob. A reader who turns it may see claims that no
longer hold, and never an error.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import jupytext
from execute import execute
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from notebooks import chapter_sources, read_source

KNOB = re.compile(r"(?m)^(?P<head>.*?=\s*)(?P<value>[^=\n]+?)(?P<comma>,?)  # try (?P<new>\S.*)$")


def knobs(text: str) -> list[re.Match[str]]:
    """The lines of a chapter that ask to be changed."""
    return list(KNOB.finditer(text))


def turned(text: str, knob: re.Match[str]) -> str:
    """The chapter with one number changed."""
    line = f"{knob['head']}{knob['new'].strip()}{knob['comma']}"
    return text[: knob.start()] + line + text[knob.end() :]


def changed(path: Path) -> Iterator[tuple[str, NotebookNode]]:
    """What was changed, and the page with it."""
    text = path.read_text(encoding="utf-8")
    for knob in knobs(text):
        notebook = read_source(path)
        notebook.cells = jupytext.reads(turned(text, knob), fmt="py:percent").cells
        yield f"{path.stem}: {knob.group().strip()}", notebook


def main() -> int:
    """Turn the knobs of the chapters named on the command line, or of all."""
    parser = argparse.ArgumentParser(description="Run chapters with a number changed.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="chapters (default: all)")
    parser.add_argument("--timeout", type=int, default=1800, help="seconds a cell may take")
    options = parser.parse_args()
    os.environ |= {"INVLAB_PROGRESS": "off", "INVLAB_STRICT": "0", "INVLAB_STATIC": "1"}
    failed = 0
    for path in chapter_sources(options.names):
        for what, notebook in changed(path):
            try:
                print(f"{what}: {execute(notebook, options.timeout)} s", flush=True)
            except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
                failed += 1
                print(f"{what}: an error\n{error}", file=sys.stderr, flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
