"""What runs will cost, said before they start."""

import pytest

from invbook import costs
from invlab.runs.records import Run


def run(name):
    return Run(name, {}, None)


RECORDS = {
    "paper/fit/a/seed0": {"cpu_seconds": 60.0, "processor": "Fast"},
    "paper/fit/a/seed1": {"cpu_seconds": 120.0},
    "paper/fit/b/seed0": {"cpu_seconds": 600.0},
}


@pytest.mark.parametrize(
    ("name", "seconds"),
    [
        ("paper/fit/a/seed0", 60),
        ("paper/fit/a/seed9", 90),  # the median of its neighbours
        ("paper/fit/c/seed0", 120),
        ("paper/other/a/seed0", None),
        ("elsewhere/fit/a", None),
    ],
)
def test_a_run_costs_what_its_like_has_cost(name, seconds):
    assert costs.expected(run(name), RECORDS) == seconds


def test_the_longest_come_first_and_what_nobody_knows_before_them():
    names = ["paper/fit/a/seed0", "paper/fit/b/seed0", "paper/other/a"]
    ordered = costs.longest_first([run(name) for name in names], RECORDS)
    assert [found.id for found in ordered] == ["paper/other/a", names[1], names[0]]


def test_the_estimate_is_a_sentence():
    runs = [run("paper/fit/a/seed0"), run("paper/fit/b/seed0"), run("paper/other/a")]
    assert costs.said(runs, RECORDS, 2) == (
        "3 runs to make: about 11 CPU minutes on Fast, 6 minutes with 2 jobs; "
        "1 of them were never made before"
    )
    assert costs.said(runs[:1], RECORDS, 1) == "1 runs to make: about 1 CPU minutes on Fast"
