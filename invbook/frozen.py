"""How the methods are set in the recorded runs: read from ``frozen.toml``, the one place."""

from __future__ import annotations

import copy
import functools
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Chosen", "chosen", "options"]

FILE = Path(__file__).with_name("frozen.toml")


@dataclass(frozen=True)
class Chosen:
    """How the settings of one study were chosen.

    Attributes:
        paper, study: where they are used.
        options: what differs from the defaults of the library.
        chosen: on which seeds, and what else was tried.
        reported: the seeds of the records.
    """

    paper: str
    study: str
    options: dict[str, Any]
    chosen: str
    reported: str


def options(paper: str, study: str) -> dict[str, Any]:
    """The frozen options of a study, to keep or to change.

    Raises:
        KeyError: the file has no such study.
    """
    return copy.deepcopy(_read()[paper, study].options)


def chosen() -> list[Chosen]:
    """All studies, in the order of the file."""
    return list(_read().values())


@functools.cache
def _read() -> dict[tuple[str, str], Chosen]:
    papers = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return {
        (paper, study): Chosen(paper, study, _plain(own["options"]), own["chosen"], own["reported"])
        for paper, studies in papers.items()
        for study, own in studies.items()
    }


def _plain(value: Any) -> Any:
    """With None where the file says "none", and tuples in place of lists, as code writes them."""
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list):
        return tuple(_plain(part) for part in value)
    return None if value == "none" else value
