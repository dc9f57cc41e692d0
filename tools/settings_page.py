"""The page on how the settings of recorded runs were chosen."""

from __future__ import annotations

from typing import Any

from invbook import frozen, papers
from invbook.papers.neural_adjoint.runs import AWAITED, OLDER

__all__ = ["settings_page"]

HEAD = """
# How settings were chosen

Every setting of a recorded run was chosen on seeds that are not reported, and then left alone.
Where somebody looked at fresh seeds and changed a setting after that, other seeds were taken, and
the entry says so. Three exceptions are named where they stand: the study of trust was run again on
the same seeds after a bound was mended, one simulator of the study of advice was looked at, and for
some settings it was not written down on which seeds they were chosen. What has no entry (the study
of answers, the study of cost, the tables of the meta-material) runs with the library's defaults.
The experiments read `invbook/frozen.toml`, and so does this page.
"""


def settings_page(note: str) -> str:
    """The frozen settings, with how they were chosen: a section a paper, a paragraph a study.

    Args:
        note: first line of the page, which says who writes it.
    """
    found = frozen.chosen()
    page = f"{note}\n{HEAD}"
    for paper in dict.fromkeys(entry.paper for entry in found):
        page += f"\n## {papers.get_paper(paper).heading}\n{awaited(paper)}"
        for entry in found:
            if entry.paper == paper:
                options = "".join(f"\n* `{k}`: {short(v)}" for k, v in entry.options.items())
                page += (
                    f"\n**{entry.study.replace('_', ' ')}**, reported on the seeds "
                    f"{entry.reported}. {entry.chosen}\n{options}\n"
                )
    return page


def awaited(paper: str) -> str:
    """Which records are not those of the seeds below yet, and what stands in their place."""
    if paper != "neural_adjoint" or not AWAITED:
        return ""
    tasks = ", ".join(name.replace("_", " ") for name in AWAITED)
    return (
        f"\n**Still to be recorded** on the seeds below: {tasks}. Until then ledger and chapters "
        f"show there the older records, of seeds from {OLDER[0]} to {OLDER[-1]} at most, with the "
        "settings below; they were looked at when the tandem's rate was changed.\n"
    )


def short(value: Any) -> str:
    """An option as Python would take it, without the marks of a dictionary."""
    if isinstance(value, dict):
        return ", ".join(f"{name} = {inner(part)}" for name, part in value.items())
    return f"{value:g}" if isinstance(value, float) else str(value)


def inner(value: Any) -> str:
    """The same inside another option."""
    return f"({short(value)})" if isinstance(value, dict) else short(value)
