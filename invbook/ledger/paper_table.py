"""A table of the ledger in a paper's own layout, and what builds one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from invbook.ledger.marks import Row, beside, number, plain, said, whole, with_interval, words

__all__ = ["Cell", "PaperTable", "grid", "line_a_row", "null_cell", "place"]

NOTHING_LEARNED = "nothing learned"


@dataclass(frozen=True)
class Cell:
    """A cell of a table.

    Attributes:
        text: what stands in it, Markdown.
        rows: the rows of the ledger whose numbers it shows, each after its name in words, which is
            empty where the row's source says enough.
    """

    text: str
    rows: tuple[tuple[str, Row], ...] = ()


@dataclass(frozen=True)
class PaperTable:
    """A table in the layout of a paper.

    Attributes:
        title: what it is, with the paper's own number of it.
        head: a heading a column.
        body: lines of as many cells.
        note: a sentence below it.
        folded: whether a page shows it on demand only.
    """

    title: str
    head: tuple[str, ...]
    body: tuple[tuple[Cell, ...], ...]
    note: str = ""
    folded: bool = False

    def rows(self) -> list[tuple[str, Row]]:
        """All rows of the ledger that it shows, each after its name in words."""
        return [named for line in self.body for cell in line for named in cell.rows]

    def markdown(self) -> str:
        """The table alone, in Markdown."""
        lines = [self.head, ("---",) * len(self.head)]
        lines += [tuple(_escaped(cell.text) for cell in line) for line in self.body]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _escaped(text: str) -> str:
    """Without what would end a cell or a line of a Markdown table."""
    return text.replace("|", r"\|").replace("\n", " ")


def grid(
    title: str,
    corner: str,
    lines: Mapping[str, str],
    columns: Mapping[str, str],
    find: Callable[[str, str], Row | None],
    *,
    show: Callable[[Row], str] = beside,
    nulls: bool = True,
    note: str = "",
    folded: bool = False,
) -> PaperTable:
    """A table with a row of the ledger in each cell.

    Args:
        title, note, folded: as for :class:`PaperTable`.
        corner: heading of the first column.
        lines, columns: key to heading.
        find: the row for the keys of a line and a column; None where there is none.
        show: the text of a row.
        nulls: whether a last line has the best rows in which nothing is learned.

    Returns:
        The table, without lines of which no cell has a row.
    """
    body = []
    for line, named in lines.items():
        found = {column: find(line, column) for column in columns}
        if any(row is not None for row in found.values()):
            cells = [_cell(row, f"{columns[c]}, {named}", show) for c, row in found.items()]
            body.append((Cell(named), *cells))
    if nulls:
        every = [[find(line, column) for line in lines] for column in columns]
        body.append((Cell(f"*{NOTHING_LEARNED}*"), *map(null_cell, every)))
    return PaperTable(title, (corner, *columns.values()), tuple(body), note, folded)


def _cell(row: Row | None, name: str, show: Callable[[Row], str]) -> Cell:
    return Cell("") if row is None else Cell(show(row), ((name, row),))


def null_cell(rows: Sequence[Row | None]) -> Cell:
    """The best row in which nothing is learned, of the first of these rows that has one."""
    found = [row["null"]["ours"] for row in rows if row is not None and row["null"]]
    return Cell(whole(number(found[0])) if found else "–")


def line_a_row(title: str, rows: Sequence[Row], *, note: str = "") -> PaperTable:
    """Any rows, a line each: what was looked for, ours with its interval, and the verdict.

    Args:
        title: of the table.
        rows: of the ledger.
        note: as for :class:`PaperTable`.

    Returns:
        The table, without columns in which there is nothing.
    """
    often = Counter(place(row) for row in rows)
    compared = any(row["kind"] != "measurement" for row in rows)
    columns = {
        "where": [plain(place(row)) for row in rows],
        "looked for" if compared else "what": [words(plain(row["why"])) for row in rows],
        "paper": ["–" if row["paper"] is None else whole(number(row["paper"])) for row in rows],
        "ours": [with_interval(row) for row in rows],
        NOTHING_LEARNED: [null_cell([row]).text for row in rows],
        "verdict": [said(row["verdict"]) for row in rows],
    }
    kept = {name: texts for name, texts in columns.items() if set(texts) - {"–", "measured"}}
    # the place alone says which row it is, where it has one only
    names = ["" if often[place(row)] == 1 else f"`{row['id']}`" for row in rows]
    body = [
        (Cell(first, ((name, row),)), *map(Cell, others))
        for name, row, first, *others in zip(names, rows, *kept.values(), strict=True)
    ]
    return PaperTable(title, tuple(kept), tuple(body), note)


def place(row: Row) -> str:
    """Where in the paper a number stands: its source without the authors."""
    authors, _, where = row["source"].partition(", ")
    return where or authors
