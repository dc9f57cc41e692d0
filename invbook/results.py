"""Where the recorded runs lie, and what they hold."""

from __future__ import annotations

import os
from pathlib import Path

from invlab.runs.records import Record, load

__all__ = ["load_records", "results_folder"]


def results_folder() -> Path:
    """Where the recorded runs lie: ``INVLAB_RESULTS``, the repository, or the installed package.

    Raises:
        FileNotFoundError: in none of these places.
    """
    package, name = Path(__file__).parent, "results"
    named = os.environ.get("INVLAB_RESULTS")
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


def load_records(folder: Path | str | None = None) -> dict[str, Record]:
    """The records of a folder by id; those that came with the book if none is given."""
    return load(results_folder() if folder is None else Path(folder))
