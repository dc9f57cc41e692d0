"""Each paper's tables show all of its rows that are compared, whatever has been recorded."""

import pytest

from invbook import ledger, papers
from invbook.ledger.marks import mark
from invbook.papers.joint_optimization import layout as joint
from invbook.papers.neural_adjoint import layout as adjoint
from invbook.papers.paper import line_a_claim, with_the_rest

NAMES = papers.list_papers()


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    """The rows of each paper, as they are before any run."""
    folder = tmp_path_factory.mktemp("results")
    made = {name: ledger.rows(papers.claims(name), folder) for name in NAMES}
    return {name: {row["id"]: row for row in rows} for name, rows in made.items()}


def filled(rows):
    """The same with a number and the worst verdict each, one seed."""
    worst = {"reproduction": "not reproduced", "improvement": "not better"}
    number = {"ours": 0.5, "seeds": [0]}
    return {
        name: row | number | {"verdict": worst.get(row["kind"], "measured")}
        for name, row in rows.items()
    }


def shown(name, rows):
    return [row["id"] for table in papers.get_paper(name).tables(rows) for _, row in table.rows()]


@pytest.mark.parametrize("fill", [dict, filled])
@pytest.mark.parametrize("name", NAMES)
def test_every_row_that_is_compared_stands_in_a_table_once(empty, name, fill):
    rows = fill(empty[name])
    compared = sorted(key for key, row in rows.items() if row["kind"] != "measurement")
    found = shown(name, rows)
    assert sorted(key for key in found if rows[key]["kind"] != "measurement") == compared
    assert len(set(found)) == len(found)


@pytest.mark.parametrize("fill", [dict, filled])
@pytest.mark.parametrize("name", NAMES)
def test_all_lines_of_a_table_are_as_long_as_its_head(empty, name, fill):
    for table in papers.get_paper(name).tables(fill(empty[name])):
        assert table.body
        assert {len(line) for line in table.body} == {len(table.head)}


@pytest.mark.parametrize("name", NAMES)
def test_the_cell_of_a_row_has_its_mark(empty, name):
    rows = filled(empty[name])
    for table in papers.get_paper(name).tables(rows):
        for line in table.body:
            texts = "".join(cell.text for cell in line)
            marks = [mark(row["verdict"]) for cell in line for _, row in cell.rows]
            for sign in set(marks) - {""}:
                assert texts.count(sign) == marks.count(sign)


def test_what_a_layout_forgets_is_added_at_the_end(row_of):
    rows = {"a": row_of("a"), "b": row_of("b"), "c": row_of("c", kind="measurement")}
    first = line_a_claim({"a": rows["a"]})
    *_, last = with_the_rest(first, rows)
    assert [row["id"] for _, row in last.rows()] == ["b"]
    assert with_the_rest(line_a_claim(rows), rows) == line_a_claim(rows)


def test_a_paper_without_a_layout_shows_what_is_compared_or_else_all(row_of):
    compared, measured = row_of("a"), row_of("b", kind="measurement", verdict="measured")
    (both,) = line_a_claim({"a": compared, "b": measured})
    assert [row["id"] for _, row in both.rows()] == ["a"]
    (alone,) = line_a_claim({"b": measured})
    assert [row["id"] for _, row in alone.rows()] == ["b"]


def test_the_tables_of_errors_are_the_papers(empty):
    rows = empty["neural_adjoint"]
    table = adjoint.errors(rows, 1)
    assert table.title.startswith("Table 7")
    assert len(table.body) == 2 + 5 + 1  # two searches, five models, what learns nothing
    cell = next(c for line in table.body for c in line if dict(c.rows).get("D2 sine, tandem"))
    assert "0.0231 → " in cell.text


def test_the_share_of_table_2_has_better_above_equal(empty):
    rows = empty["joint_optimization"]
    line = next(line for line in joint.table_2(rows).body if line[0].text == "billiards")
    better, equal = line[1].text.split("<br>")
    assert "61.7 → " in better
    assert "9 → " in equal


def test_a_sentence_stands_once_with_all_numbers_of_problems_in_order(empty):
    lines = joint.sentences(empty["joint_optimization"]).body
    said = [line[0].text for line in lines]
    assert len(set(said)) == len(said)
    (cells,) = [line for line in lines if "larger mean loss for all n" in line[0].text]
    counts = [int(name.rsplit("\N{NO-BREAK SPACE}", 1)[1]) for name, _ in cells[2].rows]
    assert counts == sorted(counts)
    assert len(counts) == 7
    assert cells[2].text.count("Navier–Stokes") == 1
