"""The paper's Table 2 and the sentences of its text, ours beside them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from invbook.ledger.marks import Row, beside, plain, whole, words
from invbook.ledger.paper_table import Cell, PaperTable, null_cell, place
from invbook.papers.joint_optimization.published import AS_PUBLISHED

__all__ = ["sentences", "table_2", "tables"]

Rows = Mapping[str, Row]

SYSTEMS = {
    "wave_packet": "wave packet",
    "billiards": "billiards",
    "kuramoto_sivashinsky": "Kuramoto–Sivashinsky",
    "navier_stokes": "Navier–Stokes",
}
METHODS = {
    "as_published": "joint, the paper's way",
    "direct": "supervised",
    "neural_adjoint": "neural adjoint",
    "joint": "ours, beyond the paper",
}
OURS = "joint"
WORDS = {"better_exact": "better", "equal_exact": "equal"}
SHORT = {
    "with a lower loss than SciPy's BFGS, without a tolerance": "better than BFGS",
    "of problems with a higher loss than SciPy's BFGS": "worse than BFGS",
}


def tables(rows: Rows) -> list[PaperTable]:
    """Table 2, and a line a sentence of the text with a number in it."""
    return [table_2(rows), sentences(rows)]


def table_2(rows: Rows) -> PaperTable:
    """Better and equal in per cent, a line a system and a column a method, as in the paper."""
    return PaperTable(
        "Table 2: better than BFGS, and equal, in % of the problems",
        ("system", *METHODS.values(), "nothing learned"),
        tuple(_system(rows, system) for system in SYSTEMS),
        note="Better stands above equal, both counted without a tolerance.",
    )


def _system(rows: Rows, system: str) -> tuple[Cell, ...]:
    cells = [_shares(rows, system, method) for method in METHODS]
    return Cell(SYSTEMS[system]), *cells, _nulls(rows, system)


def _shares(rows: Rows, system: str, method: str) -> Cell:
    """Better above equal."""
    found = [(_share(rows, system, method, quantity), said) for quantity, said in WORDS.items()]
    name = f"{SYSTEMS[system]}, {METHODS[method]}"
    there = tuple((f"{name}, {said}", row) for row, said in found if row is not None)
    return Cell("<br>".join(beside(row) for _, row in there), there)


def _share(rows: Rows, system: str, method: str, quantity: str) -> Row | None:
    own = AS_PUBLISHED[system] if method == "as_published" else method
    return rows.get(f"joint/{system}/{own}/{quantity}/refined/every_n")


def _nulls(rows: Rows, system: str) -> Cell:
    """Beside the paper's ways, and beside ours where it has other null rows, with more tries."""
    lines = []
    for quantity in WORDS:
        published = [_share(rows, system, method, quantity) for method in METHODS if method != OURS]
        texts = [null_cell(published).text, null_cell([_share(rows, system, OURS, quantity)]).text]
        more = texts[1] not in (texts[0], "–")
        lines.append(whole(f"{texts[0]}; more tries: {texts[1]}") if more else texts[0])
    return Cell("<br>".join(lines))


def sentences(rows: Rows) -> PaperTable:
    """A line a sentence, with all rows that speak of it: what the paper says outside Table 2."""
    apart = {row["id"] for _, row in table_2(rows).rows()}
    spoken: dict[str, list[Row]] = {}
    for row in sorted(rows.values(), key=_problems):
        if row["kind"] != "measurement" and row["id"] not in apart:
            spoken.setdefault(place(row), []).append(row)
    lines = [_sentence(said, about) for said, about in sorted(spoken.items())]
    head = ("sentence", "what is counted", "paper → ours", "nothing learned")
    note = "How near a number has to be to the paper's stands with each row in {doc}`ledger_rows`."
    return PaperTable("Sentences of the text", head, tuple(lines), note)


def _problems(row: Row) -> int:
    """The number of problems that an id ends with."""
    found = re.search(r"/n(\d+)$", row["id"])
    return int(found[1]) if found else 0


def _sentence(said: str, about: Sequence[Row]) -> tuple[Cell, ...]:
    named = tuple((f"{_system_of(row)}, {_case(row)}".strip(", "), row) for row in about)
    cells = Cell(plain(_counted(about[0]))), Cell(words(_listed(about)), named)
    return Cell(plain(said)), *cells, null_cell(about)


def _counted(row: Row) -> str:
    """What the number is, without that of the problems, in Table 2's own words."""
    counted = re.sub(r", n = \d+", "", row["why"].split("; ")[0])
    for long, short in SHORT.items():
        counted = counted.replace(long, short)
    return counted


def _listed(about: Sequence[Row]) -> str:
    """The numbers, each system named once."""
    texts, last = [], ""
    for row in about:
        system, case = _system_of(row), _case(row)
        named = ", ".join(filter(None, [system if system != last else "", case]))
        texts.append(f"{named}: {beside(row)}")
        last = system
    return "; ".join(texts)


def _system_of(row: Row) -> str:
    system = row["id"].split("/")[1]
    return SYSTEMS.get(system, system.replace("_", " "))


def _case(row: Row) -> str:
    """What tells rows of one sentence and system apart: problems, or which iterate counts."""
    if _problems(row):
        return f"n\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}{_problems(row)}"
    if row["id"].endswith("/close"):
        return "last iterate" if "/joint_last/" in row["id"] else "best iterate"
    return ""
