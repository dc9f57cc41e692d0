"""What the tests of the built book share: where it is and which pages it should have."""

from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
HTML = ROOT / "_build" / "html"
NOT_BUILT = "the book is not built: run `make book` first"


def page_names() -> list[str]:
    """Every page of _toc.yml, the root first, without suffix."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    parts = toc.get("parts", [])
    return [toc["root"], *(entry["file"] for part in parts for entry in part["chapters"])]


def chapter_names() -> list[str]:
    """The pages that are notebooks."""
    return [name for name in page_names() if name.startswith("chapters/")]


def html_of(name: str) -> Path:
    """The built file of a page."""
    return HTML / f"{name}.html"
