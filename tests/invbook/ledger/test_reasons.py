"""What was not reproduced, and why."""

import pytest

from invbook.ledger.marks import mark
from invbook.ledger.paper_table import Cell, PaperTable
from invbook.ledger.reasons import unmet


def table_of(*named):
    return PaperTable("", ("all",), tuple((Cell("", (pair,)),) for pair in named))


def failed(row_of, name="paper/a", **more):
    return row_of(name, verdict="not reproduced", protocol="another rate", **more)


def test_nothing_is_said_of_what_was_reproduced_or_measured(row_of):
    good = [row_of(verdict=verdict) for verdict in ("reproduced", "better", "equal", "measured")]
    assert unmet([table_of(*(("", row) for row in good))]) == []


def test_a_paragraph_has_place_numbers_bar_and_protocol(row_of):
    (said,) = unmet([table_of(("sine", failed(row_of)))])
    assert said.startswith(f"{mark('not reproduced')} **Table 1**: sine: 2 → ")
    assert "[1.25, 1.75]" in said
    assert said.endswith("Looked for: below 2. Done differently: another rate.")


def test_a_paper_without_a_number_and_a_protocol_without_a_difference(row_of):
    (said,) = unmet([table_of(("", row_of(verdict="not better", paper=None)))])
    assert "→" not in said
    assert said.endswith("Done differently: nothing that we know of.")


def test_rows_of_one_place_and_one_way_share_a_paragraph(row_of):
    first = failed(row_of, why="error of inn; within 15 points")
    second = failed(row_of, "paper/b", why="error of cvae; within 15 points")
    apart = failed(row_of, "paper/c", source="Newer 2030, Fig. 2")
    said = unmet([table_of(("inn", first), ("elsewhere", apart)), table_of(("cvae", second))])
    assert len(said) == 2
    assert said[0].index("inn: ") < said[0].index("; cvae: ")
    # what was asked of one alone is not said of both
    assert "Looked for: within 15 points." in said[0]
    assert "**Fig. 2**" in said[1]


def test_another_way_is_another_paragraph(row_of):
    rows = [failed(row_of), failed(row_of, "paper/b") | {"protocol": "another network"}]
    assert len(unmet([table_of(*(("", row) for row in rows))])) == 2


def test_what_cannot_be_compared_is_gathered_by_its_reason(row_of):
    said = "no bar: a row that learns nothing meets it too"
    rows = [
        row_of("paper/a", verdict="cannot be compared", why=f"below 2; {said} (1.9)"),
        row_of("paper/b", verdict="cannot be compared", why=f"below 3; {said} (2.5)"),
        row_of("paper/c", verdict="cannot be compared", why="one seed has no interval"),
    ]
    named = [("inn", rows[0]), ("cvae", rows[1]), ("", rows[2])]
    first, second = unmet([table_of(*named)])
    assert first == (
        f"{mark('cannot be compared')} **Cannot be compared**, {said}: Table 1 (inn; cvae)."
    )
    assert second.endswith("one seed has no interval: Table 1.")


@pytest.mark.parametrize(("count", "said"), [(1, "1 row has"), (2, "2 rows have")])
def test_missing_records_are_counted_with_the_command_that_makes_them(unrecorded, count, said):
    (found,) = unmet([table_of(*[("", unrecorded())] * count)])
    assert f"{said} no record yet" in found
    assert found.count("python -m invbook bench paper --preset full") == 1
