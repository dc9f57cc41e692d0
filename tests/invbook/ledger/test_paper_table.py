"""Tables of the ledger in a paper's layout."""

import pytest

from invbook.ledger.marks import mark, said
from invbook.ledger.paper_table import Cell, PaperTable, grid, line_a_row, null_cell, place


def test_markdown_has_a_line_a_line_and_no_column_more():
    body = ((Cell("a | b"), Cell("1\n2")),)
    made = PaperTable("", ("x", "y"), body).markdown()
    assert made.splitlines() == ["| x | y |", "| --- | --- |", r"| a \| b | 1 2 |"]


@pytest.fixture
def rows(row_of):
    made = [row_of(f"{task}/{method}") for task in ("sine", "arm") for method in ("inn", "cvae")]
    return {row["id"]: row for row in made}


def table_of(rows, **options):
    return grid(
        "Table 1",
        "method",
        {"inn": "INN", "cvae": "VAE", "other": "not recorded"},
        {"sine": "D2", "arm": "D3"},
        lambda method, task: rows.get(f"{task}/{method}"),
        **options,
    )


def test_a_grid_shows_each_row_once_after_its_name(rows):
    made = table_of(rows, nulls=False)
    assert made.head == ("method", "D2", "D3")
    assert [line[0].text for line in made.body] == ["INN", "VAE"]
    named = {name: row["id"] for name, row in made.rows()}
    assert named == {
        "D2, INN": "sine/inn",
        "D3, INN": "arm/inn",
        "D2, VAE": "sine/cvae",
        "D3, VAE": "arm/cvae",
    }
    assert len(made.rows()) == 4


def test_a_row_that_is_not_there_leaves_an_empty_cell(rows):
    del rows["arm/inn"]
    made = table_of(rows, nulls=False)
    assert [cell.text == "" for cell in made.body[0]] == [False, False, True]


def test_the_last_line_of_a_grid_has_the_best_null_rows(rows):
    rows["sine/cvae"]["null"] = {"id": "sine/draw", "ours": 0.25}
    *_, last = table_of(rows).body
    assert [cell.text for cell in last] == [
        "*nothing learned*",
        '<span class="whole">0.25</span>',
        "–",
    ]


def test_a_null_cell_of_rows_without_one():
    assert null_cell([None]).text == "–"
    assert null_cell([]).text == "–"


def test_a_line_has_what_was_looked_for_ours_and_the_mark(row_of):
    made = line_a_row("", [row_of(null={"id": "paper/draw", "ours": 7.0})])
    assert made.head == ("where", "looked for", "paper", "ours", "nothing learned", "verdict")
    ((where, looked, paper, ours, null, verdict),) = made.body
    assert where.text == "Table 1"
    assert "below 2" in looked.text
    assert ">2<" in paper.text
    assert "[1.25, 1.75]" in ours.text
    assert ">7<" in null.text
    assert verdict.text == said("reproduced")


def test_columns_in_which_there_is_nothing_are_left_out(row_of):
    measured = row_of(kind="measurement", verdict="measured", paper=None)
    assert line_a_row("", [measured]).head == ("where", "what", "ours")
    assert line_a_row("", [row_of(paper=None)]).head == ("where", "looked for", "ours", "verdict")


def test_rows_of_one_place_are_told_apart_by_their_ids(row_of):
    rows = [row_of("paper/a"), row_of("paper/b"), row_of("paper/c", source="Newer 2030, Fig. 2")]
    assert [name for name, _ in line_a_row("", rows).rows()] == ["`paper/a`", "`paper/b`", ""]


def test_one_seed_and_no_record_are_lines_like_others(row_of, unrecorded):
    one = row_of("paper/one", low=None, high=None, seeds=[0], verdict="cannot be compared")
    made = line_a_row("", [one, unrecorded()])
    assert len(made.rows()) == len(made.body) == 2
    assert mark("no record") in made.markdown()


def test_a_place_is_the_source_without_its_authors(row_of):
    assert place(row_of(source="Ren et al. 2020, Fig. 3, read off")) == "Fig. 3, read off"
    assert place(row_of(source="no such row in the paper")) == "no such row in the paper"
