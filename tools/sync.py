"""Write the sources of each .ipynb from its .py, never the other way.

Outputs stay where a cell's source did not change. Run the chapter again afterwards
(`make execute CHAPTER=...`): the tests demand that every cell was executed in order.
"""

from __future__ import annotations

import sys
from collections import defaultdict, deque
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from notebooks import chapter_sources, read_source, write_notebook


def keep_outputs(new: NotebookNode, old: NotebookNode) -> None:
    """Give each code cell of `new` the outputs that the same source has in `old`."""
    # A source may stand twice in a chapter; its outputs are then used in order.
    known: dict[str, deque[NotebookNode]] = defaultdict(deque)
    for cell in old.cells:
        if cell.cell_type == "code":
            known[cell.source].append(cell)
    for cell in new.cells:
        if cell.cell_type == "code" and known[cell.source]:
            same = known[cell.source].popleft()
            cell.outputs, cell.execution_count = same.outputs, same.execution_count


def sync(path: Path) -> bool:
    """Bring one notebook up to its .py; return whether it changed."""
    new, target = read_source(path), path.with_suffix(".ipynb")
    old = nbformat.read(target, as_version=4) if target.exists() else None
    if old is not None:
        keep_outputs(new, old)
        new.metadata = nbformat.from_dict({**old.metadata, **new.metadata})
    if new == old:
        return False
    write_notebook(target, new)
    return True


def main() -> int:
    """Sync the chapters named on the command line, or all of them."""
    for path in chapter_sources(sys.argv[1:]):
        print(f"{path.stem}: {'written' if sync(path) else 'unchanged'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
