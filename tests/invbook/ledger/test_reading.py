"""The ledger, its tables, and where its records lie."""

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from invbook import ledger, papers, results
from invbook.ledger import Claim
from invlab.metrics import mean_interval
from invlab.runs import records


def record(folder, name, errors, **options):
    made = {
        "id": name,
        "settings": {},
        "seeds": list(range(len(errors))),
        "preset": "full",
        "device": "cpu",
        "scores": {"error": errors},
    } | options
    path = folder / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(made), encoding="utf-8")


def claim(*records, **options):
    return Claim(
        "paper/error",
        "Paper, Fig. 1",
        records,
        lambda made: made["scores"]["error"],
        "mean error",
        **options,
    )


def reproduction(*records, limit=2.0, **options):
    return claim(*records, kind="reproduction", accept=lambda ours: ours <= limit, **options)


def row(folder, *claims):
    (found,) = ledger.rows(claims, folder)
    return found


def test_a_row_has_the_keys_that_programs_read(tmp_path):
    record(tmp_path, "paper/a", [1.0, 2.0, 3.0])
    found = row(tmp_path, claim("paper/a", paper=1.5, protocol="another unit"))
    keys = (
        "id source kind protocol paper ours low high seeds null preset device command verdict why"
    )
    assert list(found) == keys.split()
    assert found["seeds"] == [0, 1, 2]
    assert found["paper"] == 1.5
    assert found["command"] == "python -m invbook bench paper --preset full"
    assert (found["kind"], found["verdict"]) == ("measurement", "measured")
    assert (found["protocol"], found["why"]) == ("another unit", "mean error")
    json.dumps(found)


@pytest.mark.parametrize(("limit", "verdict"), [(2.0, "reproduced"), (1.9, "not reproduced")])
def test_ours_is_the_mean_over_seeds_and_records_inside_its_interval(tmp_path, limit, verdict):
    record(tmp_path, "paper/a", [1.0, 2.0, 3.0])
    record(tmp_path, "paper/b", [1.5, 2.0, 2.5])
    found = row(tmp_path, reproduction("paper/a", "paper/b", limit=limit))
    assert found["ours"] == 2
    # Student's t of the means of each seed, 1.25, 2 and 2.75
    half = 4.30265 * 0.75 / math.sqrt(3)
    assert (found["low"], found["high"]) == (
        pytest.approx(2 - half, rel=1e-4),
        pytest.approx(2 + half, rel=1e-4),
    )
    assert found["verdict"] == verdict


def test_what_an_interval_holds_is_not_called_better_though_the_mean_is(tmp_path):
    record(tmp_path, "paper/a", [1.0, 2.0, 3.0])
    for paper, more_is_better, verdict in (
        (3.0, False, "equal"),
        (5.0, False, "better"),
        (1.0, True, "equal"),
        (-1.0, True, "better"),
    ):
        options = {"kind": "improvement", "paper": paper, "more_is_better": more_is_better}
        found = row(tmp_path, claim("paper/a", **options))
        assert found["ours"] == 2
        assert found["verdict"] == verdict, paper


def test_the_worst_is_the_largest_over_seeds_and_records_and_has_no_interval(tmp_path):
    record(tmp_path, "paper/a", [1.0, 2.0, 3.0])
    record(tmp_path, "paper/b", [9.0, 0.0, 0.0])
    found = row(tmp_path, reproduction("paper/a", "paper/b", worst=True))
    assert found["ours"] == 9
    assert found["low"] is found["high"] is None
    assert found["verdict"] == "not reproduced"


def test_one_seed_has_no_interval(tmp_path):
    record(tmp_path, "paper/a", [1.0])
    found = row(tmp_path, claim("paper/a", kind="improvement", paper=5.0))
    assert found["low"] is found["high"] is None
    assert found["verdict"] == "cannot be compared"
    assert "one seed has no interval" in found["why"]


def test_targets_of_a_seed_count_as_one_number(tmp_path):
    for seed, errors in enumerate(([1.0, 3.0], [3.0, 5.0])):
        record(tmp_path, f"paper/{seed}", [errors], seeds=[seed])
    found = row(tmp_path, claim("paper/0", "paper/1"))
    assert found["ours"] == 3
    # of the means 2 and 4
    assert found["high"] == pytest.approx(3 + 12.7062, rel=1e-4)


def test_seeds_that_differ_by_powers_of_ten_have_the_range_of_five_or_nothing(tmp_path):
    record(tmp_path, "paper/a", [1e-9, 1e-7, 1e-6, 1e-4, 1e-3])
    found = row(tmp_path, claim("paper/a", scale="log", kind="improvement", paper=1e-2))
    assert (found["low"], found["high"]) == (1e-9, 1e-3)
    # a range is shown, and decides nothing
    assert found["verdict"] == "cannot be compared"
    assert "range of 5" in found["why"]
    record(tmp_path, "paper/b", [1e-9, 1e-6, 1e-3])
    found = row(tmp_path, claim("paper/b", scale="log", kind="improvement", paper=1e-2))
    assert found["low"] is None
    assert found["verdict"] == "cannot be compared"


def test_the_best_row_that_learns_nothing_stands_beside(tmp_path):
    record(tmp_path, "paper/a", [1.0, 1.1, 0.9])
    record(tmp_path, "paper/draw", [3.0, 3.0])
    record(tmp_path, "paper/near", [2.0, 2.0])
    nulls = [replace(claim(f"paper/{name}"), id=name) for name in ("draw", "near")]
    ours = claim("paper/a", nulls=("draw", "near", "unknown"))
    found = ledger.rows([*nulls, ours], tmp_path)[-1]
    assert found["null"] == {"id": "near", "ours": 2.0}
    found = ledger.rows([*nulls, replace(ours, more_is_better=True)], tmp_path)[-1]
    assert found["null"] == {"id": "draw", "ours": 3.0}
    assert row(tmp_path, ours)["null"] is None


def test_records_that_are_cases_have_their_interval_over_the_records(tmp_path):
    for k, errors in enumerate(([1.0, 3.0], [5.0, 7.0], [9.0, 11.0])):
        record(tmp_path, f"paper/{k}", errors)
    names = [f"paper/{k}" for k in range(3)]
    found = row(tmp_path, claim(*names, cases=True))
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
    # what one record holds several of is one case
    assert found["ours"] == 2.5
    assert found["seeds"] == [0, 1]
    assert row(tmp_path, claim("paper/b", cases=True))["verdict"] == "no record"


def test_values_that_are_logarithms_are_shown_as_what_they_are_of(tmp_path):
    record(tmp_path, "paper/a", [math.log(2), math.log(8)])
    found = row(tmp_path, claim("paper/a", geometric=True))
    assert found["ours"] == pytest.approx(4)
    assert found["low"] * found["high"] == pytest.approx(16)
    assert found["low"] < 2 < 8 < found["high"]


def test_seeds_of_several_records_are_counted_once(tmp_path):
    for n in (2, 4):
        for seed in (10, 11):
            record(tmp_path, f"paper/n{n}/seed{seed}", [float(seed)], seeds=[seed])
    names = [f"paper/n{n}/seed{seed}" for seed in (10, 11) for n in (2, 4)]
    found = row(tmp_path, claim(*names))
    assert found["seeds"] == [10, 11]
    assert found["ours"] == 10.5


def test_a_claim_without_all_its_records_keeps_its_row_and_says_what_is_missing(tmp_path):
    record(tmp_path, "paper/a", [1.0])
    found = row(tmp_path, claim("paper/a", "paper/b", paper=2.0))
    assert found["ours"] is found["low"] is found["high"] is None
    assert found["verdict"] == "no record"
    assert found["why"] == "mean error; no record of paper/b"
    assert found["paper"] == 2.0


def test_a_record_that_was_changed_after_it_was_made_counts_as_none(tmp_path):
    run = records.Run(
        "paper/a", {"epochs": 3}, lambda seeds: {"scores": {"error": [0.5] * len(seeds)}}
    )
    records.run([run], seeds=[0, 1], folder=tmp_path)
    wanted = reproduction("paper/a")
    assert row(tmp_path, wanted)["verdict"] == "reproduced"
    path = tmp_path / "paper/a.json"
    made = json.loads(path.read_text(encoding="utf-8"))
    made["settings"] = {"epochs": 1}
    path.write_text(json.dumps(made), encoding="utf-8")
    found = row(tmp_path, wanted)
    assert (found["ours"], found["verdict"]) == (None, "no record")
    assert "paper/a was changed after it was made" in found["why"]


@pytest.mark.parametrize(
    ("scores", "options"),
    [
        ({"other": [1.0]}, {}),
        ({"error": []}, {}),
        ({"error": [1.0]}, {"seeds": [0, 1]}),
        ({"error": ["x"]}, {}),
        ({"error": [None]}, {}),
        ({"error": [float("nan")]}, {}),
        ({"error": [[]]}, {}),
    ],
)
def test_a_record_that_does_not_hold_the_number_drops_no_row(tmp_path, scores, options):
    there = {"seeds": [0], **options, "scores": scores}
    record(tmp_path, "paper/a", [], **there)
    found = row(tmp_path, claim("paper/a"))
    assert found["verdict"] == "no record"
    assert len(found["why"]) > len("mean error")


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
    (tmp_path / "pyproject.toml").write_text("")
    monkeypatch.setattr(results, "__file__", str(tmp_path / "package" / "results.py"))
    assert results.results_folder() == tmp_path / place


def test_results_beside_an_installed_package_are_somebody_elses(tmp_path, monkeypatch):
    monkeypatch.delenv("INVLAB_RESULTS", raising=False)
    for place in ("results", "package/results"):
        (tmp_path / place).mkdir(parents=True)
    monkeypatch.setattr(results, "__file__", str(tmp_path / "package" / "results.py"))
    assert results.results_folder() == tmp_path / "package/results"


def test_a_folder_may_be_a_str(tmp_path):
    record(tmp_path, "paper/a", [1.0, 2.0])
    assert len(ledger.rows([claim("paper/a")], str(tmp_path))) == 1
    assert list(results.load_records(str(tmp_path))) == ["paper/a"]


def test_an_infinite_number_has_an_interval(tmp_path):
    record(tmp_path, "paper/a", [1.0, 2.0, float("inf")])
    found = row(tmp_path, claim("paper/a"))
    assert found["ours"] == found["high"] == float("inf")


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


def test_a_number_is_shown_with_its_interval_where_there_is_one():
    row = {"ours": 0.00123, "low": 0.001, "high": 0.002}
    assert ledger.with_interval(row) == "1.2e-03 [1.0e-03, 2.0e-03]"
    assert ledger.with_interval(row, ".1g") == "0.001 [0.001, 0.002]"
    assert ledger.with_interval({**row, "low": None, "high": None}) == "1.2e-03"
    assert ledger.with_interval({"ours": None, "low": None, "high": None}) == "–"


def test_an_interval_ends_where_the_quantity_does(tmp_path):
    for k, share in enumerate((1.0, 1.0, 0.5)):
        record(tmp_path, f"paper/{k}", [share])
    names = [f"paper/{k}" for k in range(3)]
    (free,) = ledger.rows([replace(claim(*names), cases=True)], tmp_path)
    (held,) = ledger.rows([replace(claim(*names), cases=True, between=(0.0, 1.0))], tmp_path)
    assert free["high"] > 1
    assert held["high"] == 1
    assert held["low"] == free["low"]


def test_two_seeds_of_one_simulator_are_one_case(tmp_path):
    for name, number, simulator in (("a", 1.0, "lens"), ("b", 3.0, "lens"), ("c", 8.0, "mill")):
        record(tmp_path, f"paper/{name}", [number], settings={"simulator": simulator})
    found = row(tmp_path, claim("paper/a", "paper/b", "paper/c", cases=True))
    assert found["ours"] == 5
    assert (found["low"], found["high"]) == pytest.approx(mean_interval([2.0, 8.0]))


@pytest.mark.parametrize("paper", [1e-8, 1e-7, 1e-5, 1e-3])
def test_a_worse_seed_never_makes_a_row_better(tmp_path, paper):
    found = []
    for worst in (1e-9, 1e-8, 1.2e-7, 2e-7, 6e-7, 1e-6, 1e-4, 1.0, 1e3):
        record(tmp_path, "paper/a", [2.2e-9, 5.5e-9, 1.5e-9, worst, 1.6e-9])
        own = claim("paper/a", scale="log", kind="improvement", paper=paper)
        found.append(row(tmp_path, own)["verdict"] == "better")
    assert found == sorted(found, reverse=True)


def test_equal_numbers_have_no_interval(tmp_path):
    record(tmp_path, "paper/a", [1.0, 1.0, 1.0])
    found = row(tmp_path, claim("paper/a"))
    assert (found["ours"], found["low"]) == (1.0, None)
    assert "3 equal numbers have no interval" in found["why"]


def test_any_null_row_that_meets_a_bar_makes_it_none(tmp_path):
    for name, number in (("a", 54.7), ("b", 65.5), ("c", 48.1)):
        record(tmp_path, f"paper/{name}", [number, number + 1])
    nulls = [replace(claim("paper/b"), id="far"), replace(claim("paper/c"), id="near")]
    own = claim(
        "paper/a", kind="reproduction", accept=lambda ours: abs(ours - 40.2) < 16,
        nulls=("far", "near"), more_is_better=True,
    )  # fmt: skip
    found = ledger.rows([own, *nulls], tmp_path)[0]
    assert found["null"]["id"] == "far"
    assert found["verdict"] == "cannot be compared"
