"""Run chapters and store their outputs.

python tools/execute.py [NAME ...] [--preset quick|full] [--timeout SECONDS] [--store]

The .py of a chapter is the source of truth. Its paired .ipynb is written whole, with stable
cell ids and without time stamps, so that a second run changes nothing but numbers that changed.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from pathlib import Path

import torch
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from notebooks import CHAPTERS, chapter_sources, read_source, write_notebook

from invlab import runtime


def execute(notebook: NotebookNode, timeout: int) -> int:
    """Run a notebook in the folder of the chapters; return its whole seconds of processor time.

    On an idle machine it takes as long: pages compute on one thread. On a busy one it does not.
    """
    client = NotebookClient(
        notebook,
        timeout=timeout,
        kernel_name="python3",
        record_timing=False,
        # pages show flip-books in place of widgets, whose scripts would weigh 3.6 MB
        store_widget_state=False,
        extra_arguments=["--log-level=ERROR"],
        resources={"metadata": {"path": str(CHAPTERS)}},
    )
    before = os.times()
    client.execute()
    after = os.times()  # the kernel has ended, and counts
    return round(
        after.children_user - before.children_user + after.children_system - before.children_system
    )


def provenance(preset: str, seconds: int) -> dict[str, str | int]:
    """Where the stored outputs came from."""
    return {
        "preset": preset,
        "device": str(runtime.device()),
        "torch": torch.__version__.split("+")[0],
        "python": ".".join(platform.python_version_tuple()[:2]),
        "seconds": seconds,
    }


def last_cell(notebook: NotebookNode) -> int:
    """The position of the last cell that left a trace, where a run stopped."""
    traces = (i for i, cell in enumerate(notebook.cells) if cell.get("outputs"))
    return max(traces, default=0)


def run(path: Path, preset: str, timeout: int, store: bool) -> bool:
    """Run one chapter, store it if asked to, and say how it went."""
    notebook = read_source(path)
    try:
        seconds = execute(notebook, timeout)
    except CellExecutionError as error:
        print(f"{path.stem}, cell {last_cell(notebook)}, failed.\n{error}", file=sys.stderr)
        return False
    except (CellTimeoutError, DeadKernelError) as error:
        print(f"{path.stem} stopped. {error}", file=sys.stderr)
        return False
    if store:
        notebook.metadata["invlab"] = provenance(preset, seconds)
        write_notebook(path.with_suffix(".ipynb"), notebook)
    print(f"{path.stem}: {seconds} s, outputs {'stored' if store else 'NOT stored'}", flush=True)
    return True


def main() -> int:
    """Run the chapters named on the command line, or all of them."""
    parser = argparse.ArgumentParser(description="Run chapters and store their outputs.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="chapters (default: all)")
    parser.add_argument("--preset", choices=["quick", "full"], default="quick")
    parser.add_argument("--timeout", type=int, default=900, help="seconds a cell may take")
    parser.add_argument("--store", action="store_true", help="store the outputs of a full run too")
    options = parser.parse_args()

    os.environ["INVLAB_PRESET"] = options.preset
    os.environ["INVLAB_PROGRESS"] = "off"
    os.environ["INVLAB_STRICT"] = os.environ["INVLAB_STATIC"] = "1"
    # The pages hold outputs of one preset only; a full run enters them through results/.
    store = options.preset == "quick" or options.store
    if not store:
        print("A full run is not stored (the pages show the quick preset); --store forces it.")
    paths = chapter_sources(options.names)
    succeeded = [run(path, options.preset, options.timeout, store) for path in paths]
    return 0 if all(succeeded) else 1


if __name__ == "__main__":
    sys.exit(main())
