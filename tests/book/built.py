"""What the tests of the built book share: where it is and which pages it should have."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from notebooks import pages as page_names  # noqa: E402

HTML = ROOT / "_build" / "html"
NOT_BUILT = "the book is not built: run `make book` first"


def chapter_names() -> list[str]:
    """The pages that are notebooks."""
    return [name for name in page_names() if name.startswith("chapters/")]


def html_of(name: str) -> Path:
    """The built file of a page."""
    return HTML / f"{name}.html"
