"""A sign for each verdict, for tables with no room for words, and numbers in few digits."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from invbook.ledger.judging import Verdict

__all__ = [
    "MARKS",
    "Row",
    "beside",
    "mark",
    "number",
    "plain",
    "said",
    "whole",
    "with_interval",
    "words",
]

# A row of the ledger, as invbook.ledger.reading gives it.
Row = Mapping[str, Any]

# Signs of different shapes: none rests on a colour alone.
MARKS: dict[Verdict, str] = {
    "reproduced": "✓",
    "not reproduced": "✗",
    "better": "↑",
    "equal": "=",
    "not better": "↓",
    "cannot be compared": "·",
    "no record": "–",
    "measured": "",
}


def mark(verdict: Verdict) -> str:
    """The sign of a verdict as HTML, with the word for readers who hear the page."""
    sign = MARKS[verdict]
    said = f'role="img" aria-label="{verdict}" title="{verdict}"'
    return f'<span class="mark" {said}>{sign}</span>' if sign else ""


def said(verdict: Verdict) -> str:
    """The sign of a verdict and its word, which no line end parts."""
    sign = mark(verdict)
    return f"{sign}\N{NO-BREAK SPACE}{verdict}" if sign else verdict


def number(value: float | None) -> str:
    """A number in three digits; a dash where there is none.

    Small and large ones are written as papers do, 7.84e-3; what has more than three digits before
    the point keeps them.
    """
    if value is None:
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    size = abs(value)
    if value == 0 or 0.01 <= size < 100:
        return f"{value:.3g}"
    if 100 <= size < 1e5:
        return f"{value:.0f}"
    digits, _, power = f"{value:.2e}".partition("e")
    return f"{digits.rstrip('0').rstrip('.')}e{int(power)}"


def beside(row: Row) -> str:
    """The paper's number, an arrow, ours and the sign of the verdict; ours alone without a paper's.

    Args:
        row: of the ledger.
    """
    ours = [] if row["ours"] is None else [number(row["ours"])]
    start = [] if row["paper"] is None else [number(row["paper"]), "→"]
    return whole(" ".join(filter(None, [*start, *ours, mark(row["verdict"])])))


def with_interval(row: Row) -> str:
    """Our number and its 95 % interval, where there is one."""
    if row["ours"] is None:
        return mark("no record")
    ours = whole(number(row["ours"]))
    if row["low"] is None or row["high"] is None:
        return ours
    ends = f"[{number(row['low'])}, {number(row['high'])}]"
    return f"{ours} {whole(ends)}"


def whole(text: str) -> str:
    """Text that stays on one line."""
    return f'<span class="whole">{text}</span>'


def plain(text: str) -> str:
    """Text as it is, of which Markdown makes nothing."""
    return re.sub(r"([\\`*_$<&\[\]])", r"\\\1", text)


def words(text: str) -> str:
    """Text of a cell that keeps its width where a table is wider than the page."""
    return f'<span class="words">{text}</span>'
