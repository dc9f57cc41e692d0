"""What the tests of the built book share: where it is and which pages it should have."""

from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
HTML = ROOT / "_build" / "html"
NOT_BUILT = "the book is not built: run `make book` first"


def page_names() -> list[str]:
    """Every page of _toc.yml, the root first, without suffix."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    entries = [entry for part in toc["parts"] for entry in part["chapters"]]
    families = [[entry, *entry.get("sections", [])] for entry in entries]
    return [toc["root"], *(page["file"] for family in families for page in family)]


def chapter_names() -> list[str]:
    """The pages that are notebooks."""
    return [name for name in page_names() if name.startswith("chapters/")]


def html_of(name: str) -> Path:
    """The built file of a page."""
    return HTML / f"{name}.html"
