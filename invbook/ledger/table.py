"""Rows as a Markdown table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = ["table"]


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


def _shown(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, list):
        return ", ".join(map(_shown, value))
    return str(value).replace("|", r"\|")
