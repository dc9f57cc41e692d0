"""Rows as a Markdown table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = ["table", "with_interval"]


def table(rows: Sequence[dict[str, Any]], columns: dict[str, str]) -> str:
    """A Markdown table.

    Args:
        rows: dictionaries such as :func:`invbook.ledger.rows` gives.
        columns: key to heading, in order. Numbers are shown with three significant digits.
    """
    lines = [
        "| " + " | ".join(columns.values()) + " |",
        "|" + "---|" * len(columns),
        *("| " + " | ".join(_shown(row.get(key)) for key in columns) + " |" for row in rows),
    ]
    return "\n".join(lines)


def with_interval(row: dict[str, Any], digits: str = ".1e") -> str:
    """Our number of a row with its interval, where there is one, or a dash."""
    if row["ours"] is None:
        return "–"
    if row["low"] is None:
        return f"{row['ours']:{digits}}"
    return f"{row['ours']:{digits}} [{row['low']:{digits}}, {row['high']:{digits}}]"


def _shown(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, list):
        return ", ".join(map(_shown, value))
    return str(value).replace("|", r"\|")
