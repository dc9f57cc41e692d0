"""What was not reproduced, and why, in a paragraph each."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Sequence

from invbook.ledger.marks import Row, mark, number, plain, with_interval
from invbook.ledger.paper_table import PaperTable, place

__all__ = ["unmet"]

# A row of the ledger after its name in words.
Named = tuple[str, Row]

# Verdicts that ask for a reason, row by row.
FAILED = ("not reproduced", "not better")
NOTHING_DIFFERENT = "nothing that we know of"


def unmet(tables: Sequence[PaperTable]) -> list[str]:
    """Paragraphs about the rows that are not reproduced or cannot be compared, in Markdown.

    Rows of one place in the paper that were made in one way share a paragraph, and so do all that
    cannot be compared for one reason, and all that have no record.

    Args:
        tables: of one paper; what they call a row names it here.
    """
    named = [pair for table in tables for pair in table.rows()]
    failed = _grouped([pair for pair in named if pair[1]["verdict"] in FAILED], _way)
    apart = _grouped([p for p in named if p[1]["verdict"] == "cannot be compared"], _reason)
    absent = [pair for pair in named if pair[1]["verdict"] == "no record"]
    paragraphs = [_failed(group) for group in failed] + [_apart(group) for group in apart]
    return [*paragraphs, *([_absent(absent)] if absent else [])]


def _grouped(named: Sequence[Named], key: Callable[[Row], Hashable]) -> list[list[Named]]:
    """Rows of one key together, in the order in which the keys come first."""
    groups: dict[Hashable, list[Named]] = {}
    for pair in named:
        groups.setdefault(key(pair[1]), []).append(pair)
    return list(groups.values())


def _way(row: Row) -> tuple[str, str, str]:
    return place(row), row["protocol"], row["verdict"]


def _failed(group: Sequence[Named]) -> str:
    first = group[0][1]
    numbers = "; ".join(_numbers(name, row) for name, row in group)
    asked = plain(_asked([row for _, row in group]))
    different = plain(first["protocol"]) or NOTHING_DIFFERENT
    return (
        f"{mark(first['verdict'])} **{plain(place(first))}**: {numbers}. "
        f"{f'Looked for: {asked}. ' if asked else ''}Done differently: {different}."
    )


def _numbers(name: str, row: Row) -> str:
    """A row's name, the paper's number and ours."""
    start = f"{name}: " if name else ""
    paper = "" if row["paper"] is None else f"{number(row['paper'])} → "
    return f"{start}{paper}{with_interval(row)}"


def _asked(rows: Sequence[Row]) -> str:
    """What was asked of all these rows alike."""
    parts = [row["why"].split("; ") for row in rows]
    return "; ".join(part for part in parts[0] if all(part in other for other in parts))


def _reason(row: Row) -> str:
    """Why a row cannot be compared: what its verdict says last, without the number."""
    return re.sub(r" \([^()]*\)$", "", row["why"].rpartition("; ")[2])


def _apart(group: Sequence[Named]) -> str:
    places = _grouped(group, place)
    listed = "; ".join(
        plain(place(same[0][1])) + (f" ({names})" if (names := _names(same)) else "")
        for same in places
    )
    reason = plain(_reason(group[0][1]))
    return f"{mark('cannot be compared')} **Cannot be compared**, {reason}: {listed}."


def _names(named: Sequence[Named]) -> str:
    return "; ".join(name for name, _ in named if name)


def _absent(named: Sequence[Named]) -> str:
    commands = " and ".join(dict.fromkeys(f"`{row['command']}`" for _, row in named))
    rows = "1 row has" if len(named) == 1 else f"{len(named)} rows have"
    return f"{mark('no record')} {rows} no record yet; {commands} makes what is missing."
