"""Where the recorded runs lie, and what they hold."""

from __future__ import annotations

import os
from pathlib import Path

from invlab.runs.records import Record, load
from invlab.runtime import Preset

__all__ = ["load_records", "results_folder"]


# Folders of the records, by preset.
FOLDERS = {"full": "results", "quick": "results-quick"}


def results_folder(preset: Preset = "full") -> Path:
    """Where the recorded runs lie: ``INVLAB_RESULTS``, the repository, or the installed package.

    Args:
        preset: the size of the runs; small ones came with the book for a few papers alone, and
            ``INVLAB_RESULTS`` says nothing about them.

    Raises:
        FileNotFoundError: in none of these places.
    """
    package, name = Path(__file__).parent, FOLDERS[preset]
    named = os.environ.get("INVLAB_RESULTS") if preset == "full" else None
    # beside an installed package lies whatever else is installed
    beside = [package.parent / name] if (package.parent / "pyproject.toml").exists() else []
    places = [Path(named)] if named else [*beside, package / name]
    for place in places:
        if place.is_dir():
            return place
    raise FileNotFoundError(
        f"no recorded results in {', '.join(map(str, places))}; "
        "run `python -m invbook bench --help`"
    )


def load_records(folder: Path | str | None = None, *, preset: Preset = "full") -> dict[str, Record]:
    """The records of a folder by id; those that came with the book if none is given."""
    return load(results_folder(preset) if folder is None else Path(folder))
