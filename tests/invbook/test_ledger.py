"""The ledger, its tables, and where its records lie."""

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from invbook import ledger, papers, results
from invbook.ledger import Claim


def record(folder, name, scores, **options):
    made = {
        "id": name,
        "settings": {},
        "seeds": list(range(len(scores))),
        "preset": "full",
        "device": "cpu",
        "scores": {"error": scores},
    } | options
    path = folder / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(made), encoding="utf-8")


def claim(*records, limit=2.0, **options):
    return Claim(
        "paper/error",
        "Paper, Fig. 1",
        records,
        lambda made: made["scores"]["error"],
        lambda ours: ours <= limit,
        f"at most {limit}",
        **options,
    )


def row(folder, *claims):
    (found,) = ledger.rows(claims, folder)
    return found


def test_a_number_of_which_nothing_is_asked_stands_there_for_comparison(tmp_path):
    record(tmp_path, "paper/a", [1.0, 2.0, 3.0])
    found = row(tmp_path, replace(claim("paper/a", paper=1.5), accept=None))
    assert found["verdict"] == "for comparison"
    assert found["ours"] == 2.0


def test_a_row_has_the_keys_that_programs_read(tmp_path):
    record(tmp_path, "paper/a", [1.0, 2.0, 3.0])
    found = row(tmp_path, claim("paper/a", paper=1.5))
    keys = "id source paper ours low high seeds preset device command verdict why"
    assert list(found) == keys.split()
    assert found["seeds"] == [0, 1, 2]
    assert found["paper"] == 1.5
    assert found["command"] == "python -m invbook bench paper --preset full"
    assert found["why"] == "at most 2.0"
    json.dumps(found)


@pytest.mark.parametrize(("limit", "verdict"), [(2.0, "reached"), (1.9, "not reached")])
def test_ours_is_the_mean_over_seeds_and_records_inside_its_interval(tmp_path, limit, verdict):
    record(tmp_path, "paper/a", [1.0, 2.0, 3.0])
    record(tmp_path, "paper/b", [1.5, 2.0, 2.5])
    found = row(tmp_path, claim("paper/a", "paper/b", limit=limit))
    assert found["ours"] == 2
    assert 1.25 <= found["low"] < 2 < found["high"] <= 2.75
    assert found["verdict"] == verdict


def test_the_worst_is_the_largest_over_seeds_and_records(tmp_path):
    record(tmp_path, "paper/a", [1.0, 2.0, 3.0])
    record(tmp_path, "paper/b", [9.0, 0.0, 0.0])
    found = row(tmp_path, claim("paper/a", "paper/b", worst=True))
    assert found["ours"] == found["high"] == 9
    assert 2 <= found["low"] <= 9
    assert found["verdict"] == "not reached"


@pytest.mark.parametrize(
    ("more", "paper", "verdict"),
    [
        (False, 5.0, "better"),
        (True, 5.0, "reached"),
        (None, 5.0, "reached"),
        (False, 0.5, "reached"),
        (True, 0.5, "better"),
        (None, 0.5, "reached"),
    ],
)
def test_which_side_of_the_papers_number_is_better(tmp_path, more, paper, verdict):
    record(tmp_path, "paper/a", [1.0, 2.0, 3.0])
    found = row(tmp_path, claim("paper/a", paper=paper, more_is_better=more))
    assert found["verdict"] == verdict


def test_records_that_are_cases_have_their_interval_over_the_records(tmp_path):
    for k, errors in enumerate(([1.0, 3.0], [5.0, 7.0], [9.0, 11.0])):
        record(tmp_path, f"paper/{k}", errors)
    names = [f"paper/{k}" for k in range(3)]
    found = row(tmp_path, claim(*names, cases=True, limit=6))
    assert found["ours"] == 6
    assert found["seeds"] == [0, 1]
    # over the seeds alone it would lie between 5 and 7
    assert found["low"] < 5
    assert found["high"] > 7


def test_cases_count_where_their_number_is_defined(tmp_path):
    record(tmp_path, "paper/a", [1.0], seeds=[0])
    record(tmp_path, "paper/b", [], seeds=[0])
    record(tmp_path, "paper/c", [2.0, 6.0], seeds=[0, 1])
    found = row(tmp_path, claim("paper/a", "paper/b", "paper/c", cases=True))
    assert found["ours"] == 3
    assert found["seeds"] == [0, 1]
    assert ledger.rows([claim("paper/b", cases=True)], tmp_path) == []


def test_values_that_are_logarithms_are_shown_as_what_they_are_of(tmp_path):
    record(tmp_path, "paper/a", [math.log(2), math.log(8)])
    found = row(tmp_path, claim("paper/a", geometric=True, limit=4.1))
    assert found["ours"] == pytest.approx(4)
    assert (found["low"], found["high"]) == (pytest.approx(2), pytest.approx(8))
    assert found["verdict"] == "reached"


def test_seeds_of_several_records_are_counted_once(tmp_path):
    for n in (2, 4):
        for seed in (10, 11):
            record(tmp_path, f"paper/n{n}/seed{seed}", [float(seed)], seeds=[seed])
    names = [f"paper/n{n}/seed{seed}" for seed in (10, 11) for n in (2, 4)]
    found = row(tmp_path, claim(*names, limit=11))
    assert found["seeds"] == [10, 11]
    assert found["ours"] == 10.5


def test_a_claim_without_all_its_records_has_no_row(tmp_path):
    record(tmp_path, "paper/a", [1.0])
    assert ledger.rows([claim("paper/a", "paper/b")], tmp_path) == []


def test_a_table_is_markdown_with_three_digits():
    rows = [{"id": "a", "ours": 1.23456, "paper": None, "seeds": [0, 1]}, {"id": "b"}]
    made = ledger.table(rows, {"id": "name", "ours": "ours", "paper": "paper", "seeds": "seeds"})
    assert made.splitlines() == [
        "| name | ours | paper | seeds |",
        "|---|---|---|---|",
        "| a | 1.23 | – | 0, 1 |",
        "| b | – | – | – |",
    ]


def test_a_bar_in_a_cell_makes_no_new_column():
    made = ledger.table([{"why": "for |x| < 5"}], {"why": "why"})
    assert made.splitlines()[-1] == r"| for \|x\| < 5 |"


def test_the_results_are_those_named_in_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("INVLAB_RESULTS", str(tmp_path))
    assert results.results_folder() == tmp_path
    record(tmp_path, "paper/a", [1.0])
    assert len(ledger.rows([claim("paper/a")])) == 1


def test_a_folder_of_results_that_is_not_there_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("INVLAB_RESULTS", str(tmp_path / "nowhere"))
    with pytest.raises(FileNotFoundError, match="nowhere; run `python -m invbook bench"):
        results.results_folder()


@pytest.mark.parametrize("place", ["results", "package/results"])
def test_the_results_lie_beside_the_package_or_in_it(tmp_path, monkeypatch, place):
    monkeypatch.delenv("INVLAB_RESULTS", raising=False)
    (tmp_path / place).mkdir(parents=True)
    monkeypatch.setattr(results, "__file__", str(tmp_path / "package" / "results.py"))
    assert results.results_folder() == tmp_path / place


def test_a_folder_may_be_a_str(tmp_path):
    record(tmp_path, "paper/a", [1.0, 2.0])
    assert len(ledger.rows([claim("paper/a")], str(tmp_path))) == 1
    assert list(results.load_records(str(tmp_path))) == ["paper/a"]


def test_an_infinite_number_has_an_interval(tmp_path):
    record(tmp_path, "paper/a", [1.0, 2.0, float("inf")])
    found = row(tmp_path, claim("paper/a"))
    assert found["ours"] == found["high"] == float("inf")
    assert found["verdict"] == "not reached"


def test_the_default_device_of_torch_does_not_matter(tmp_path):
    record(tmp_path, "paper/a", [1.0, 2.0])
    expected = row(tmp_path, claim("paper/a"))
    torch.set_default_device("meta")
    try:
        assert row(tmp_path, claim("paper/a")) == expected
    finally:
        torch.set_default_device(None)


def test_every_folder_of_a_paper_is_registered():
    folder = Path(papers.__file__).parent
    folders = {path.parent.name for path in folder.glob("*/__init__.py")}
    missing = sorted(folders - set(papers.list_papers()))
    assert not missing, f"invbook/papers/__init__.py: import {', '.join(missing)}, add its PAPER"


@pytest.mark.parametrize("name", papers.list_papers())
def test_a_paper_is_cited_and_its_runs_bear_its_name(name):
    paper = papers.get_paper(name)
    bibliography = Path(papers.__file__).parents[2] / "references.bib"
    if paper.citation is not None:  # a study of the book's own
        assert f"{{{paper.citation}," in bibliography.read_text(encoding="utf-8")
    assert all(run.id.startswith(f"{name}/") for run in paper.plan())
    assert paper.claims
