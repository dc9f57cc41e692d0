"""The regret of a choice, on rows made by hand."""

import math

import pytest

from invbook.papers.advice.regret import (
    STRATEGIES,
    answering_alone,
    best_of,
    error,
    regrets,
    summary,
)


def row(method, r_1, r_10=None, *, geo=None, failed=0.0, calls=100, fit_s=10.0, answer_s=0.0):
    return {
        "method": method,
        "r_1": r_1,
        "r_10": r_10,
        "geo_1": geo or r_1,
        "geo_10": r_10,
        "failed": failed,
        "calls": calls,
        "fit_s": fit_s,
        "answer_s": answer_s,
    }


def by_name(*rows):
    return {row["method"]: row for row in rows}


ROWS = by_name(
    row("prior", 2.0, 0.5),
    row("nearest", 0.4, 0.2, fit_s=0.001),
    row("neural_adjoint", 0.1, 0.01, fit_s=20.0, answer_s=1.0),
    row("cinn", 0.8, 0.002, geo=0.05, fit_s=40.0, calls=300),
    row("joint", None, None),
    row("floor", 1e-3, 1e-3, calls=None, fit_s=None, answer_s=None),
)
OPTIONS = {"floor": 0.0, "targets": 5, "calls": 60, "seconds": 15.0}


def test_the_error_is_that_of_the_most_guesses_that_were_asked_for():
    assert error(ROWS, "cinn", 1) == 0.8
    assert error(ROWS, "cinn", 1, key="geo") == 0.05
    assert error(ROWS, "cinn", 10) == error(ROWS, "cinn", 100) == 0.002
    assert error(ROWS, "joint", 1) is None
    assert error(ROWS, "nobody", 1) is None
    only_one = by_name(row("joint", 0.3))
    assert error(only_one, "joint", 100) == 0.3


def test_a_target_without_an_answer_counts_as_a_draw_of_the_prior():
    rows = by_name(row("tandem", 0.1, failed=0.25))
    assert error(rows, "tandem", 1) == pytest.approx(0.75 * 0.1 + 0.25 * 2)


def test_regret_is_the_error_over_the_best_method():
    one, ten = (regrets(ROWS, "neural_adjoint", n, **OPTIONS) for n in (1, 10))
    assert tuple(one) == STRATEGIES
    assert one["compare"]["r"] == one["neural_adjoint"]["r"] == [1.0]
    assert one["cinn"]["r"] == [pytest.approx(8)]
    assert one["compare"]["geo"] == [pytest.approx(2)]
    assert ten["compare"]["r"] == [pytest.approx(5)]
    assert ten["cinn"]["r"] == [1.0]
    # the random choice: each method once, and neither prior, floor nor who took no part
    assert one["random"]["r"] == [pytest.approx(v) for v in (4, 1, 8)]


def test_who_cannot_take_part_looks_up_instead():
    found = regrets(ROWS, "joint", 1, **OPTIONS)
    assert found["joint"]["r"] == found["compare"]["r"] == found["nearest"]["r"]
    assert found["joint"]["r"] == [pytest.approx(4)]


def test_who_always_searches_takes_what_the_simulator_allows():
    lm, evolution = row("lm", 1e-9), row("differential_evolution", 0.2)
    smooth = regrets(ROWS | by_name(lm, evolution), "cinn", 1, **OPTIONS)
    assert smooth["search"]["r"] == [1.0]
    rough = regrets(ROWS | by_name(evolution), "cinn", 1, **OPTIONS)
    assert rough["search"]["r"] == [pytest.approx(2)]
    neither = regrets(ROWS, "cinn", 1, **OPTIONS)
    assert neither["search"] == neither["nearest"]


def test_methods_that_answer_without_the_simulator_are_compared_among_themselves():
    rows = answering_alone(ROWS | by_name(row("bfgs", 1e-9), row("lm", 1e-9)))
    assert set(rows) == {"prior", "nearest", "neural_adjoint", "cinn", "floor"}
    # by the geometric mean, and neither prior nor floor
    assert best_of(rows, 1) == "cinn"
    assert regrets(rows, "neural_adjoint", 1, **OPTIONS)["compare"]["r"] == [1.0]
    with pytest.raises(ValueError, match="best_of: expected a method"):
        best_of(by_name(row("prior", 1.0)), 1)


def test_the_comparison_is_paid_for_in_simulations_and_seconds():
    found = regrets(ROWS, "cinn", 1, **OPTIONS)
    # the best is the neural adjoint: 100 simulations, 20 s to fit and 1 s for each of 5 targets
    assert found["compare"]["calls"] == [pytest.approx((300 + 60) / 100)]
    assert found["cinn"]["calls"] == [pytest.approx(3)]
    assert found["compare"]["seconds"] == [pytest.approx((40 + 15) / 25)]
    assert found["cinn"]["seconds"] == [pytest.approx(40 / 25)]
    # less than a second counts as a second
    assert found["nearest"]["seconds"] == [pytest.approx(1 / 25)]


@pytest.mark.parametrize(("floor", "least"), [(0.05, 0.05), (0.0, 1e-6)])
def test_errors_below_the_floor_are_equal(floor, least):
    rows = by_name(row("cinn", 1e-9), row("tandem", 3e-8), row("nearest", 0.2))
    found = regrets(rows, "tandem", 1, **OPTIONS | {"floor": floor})
    assert found["compare"]["r"] == [1.0]
    assert found["nearest"]["r"] == [pytest.approx(0.2 / least)]


def test_of_equal_methods_the_fastest_is_the_best():
    rows = by_name(
        row("cinn", 1e-9, fit_s=30.0, calls=10), row("nearest", 1e-7, fit_s=2.0, calls=50)
    )
    found = regrets(rows, "cinn", 1, **OPTIONS | {"calls": 0, "seconds": 0})
    assert found["cinn"]["seconds"] == [pytest.approx(15)]
    assert found["cinn"]["calls"] == [pytest.approx(0.2)]


def test_no_score_is_an_error():
    with pytest.raises(ValueError, match="expected a method with a score at T = 1"):
        regrets(by_name(row("prior", 2.0), row("joint", None)), "joint", 1, **OPTIONS)


def test_a_simulator_is_summed_up_by_means_of_logarithms_over_its_guesses():
    found = summary([regrets(ROWS, "neural_adjoint", n, **OPTIONS) for n in (1, 10)])
    assert found["compare/r"] == pytest.approx((math.log(1) + math.log(5)) / 2)
    assert found["compare/within_2"] == 0.5
    assert found["nearest/r"] == pytest.approx((math.log(4) + math.log(100)) / 2)
    assert found["random/r"] == pytest.approx((math.log(4 * 8) + math.log(5 * 100)) / 6)
    assert found["random/within_2"] == pytest.approx(1 / 3)
    assert len(found) == len(STRATEGIES) * 5
