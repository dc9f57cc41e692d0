"""Verdicts: what follows from our number, the paper's, and a row that learns nothing."""

import pytest

from invbook.ledger import Claim, verdict


def claim(**options):
    return Claim("paper/error", "Paper, Table 1", ("paper/a",), lambda made: [], "rule", **options)


def improvement(**options):
    return claim(kind="improvement", paper=2.0, **options)


def reproduction(limit=2.0, **options):
    return claim(kind="reproduction", accept=lambda ours: ours <= limit, **options)


@pytest.mark.parametrize(
    ("low", "high", "less", "more"),
    [
        (1.0, 1.9, "better", "not better"),
        (1.0, 2.0, "equal", "equal"),
        (2.0, 3.0, "equal", "equal"),
        (2.1, 3.0, "not better", "better"),
    ],
)
def test_an_improvement_is_decided_by_its_interval_and_not_by_its_mean(low, high, less, more):
    for mean in (low, high):
        assert verdict(improvement(), mean, (low, high))[0] == less
        assert verdict(improvement(more_is_better=True), mean, (low, high))[0] == more


def test_what_a_row_that_learns_nothing_meets_too_is_no_bar():
    better = 0.5, (0.4, 0.6)
    decided, why = verdict(improvement(), *better, [0.1])
    assert decided == "cannot be compared"
    assert "no bar" in why
    # better than both
    assert verdict(improvement(), *better, [1.0])[0] == "better"
    # the null row does not meet the paper's number
    assert verdict(improvement(), *better, [3.0])[0] == "better"
    assert verdict(improvement(), 3.0, (2.5, 3.5), [0.1])[0] == "not better"


def test_a_reproduction_is_decided_by_its_rule_and_by_the_row_that_learns_nothing():
    assert verdict(reproduction(), 1.0, None) == ("reproduced", "")
    assert verdict(reproduction(), 3.0, None, [1.0])[0] == "not reproduced"
    decided, why = verdict(reproduction(), 1.0, None, [1.5])
    assert decided == "cannot be compared"
    assert "1.5" in why
    assert verdict(reproduction(), 1.0, None, [2.5])[0] == "reproduced"


def test_one_seed_decides_no_improvement():
    assert verdict(improvement(), 0.5, None)[0] == "cannot be compared"


def test_a_measurement_has_no_verdict_whatever_the_paper_says():
    assert verdict(claim(paper=2.0), 1.0, (0.9, 1.1), [0.5]) == ("measured", "")


def test_a_reason_why_not_comes_before_all_numbers():
    reason = "another estimator"
    for made in (improvement(incomparable=reason), reproduction(incomparable=reason)):
        assert verdict(made, 1.0, (0.9, 1.1)) == ("cannot be compared", reason)


def test_nothing_follows_from_no_record():
    for made in (claim(), improvement(), reproduction()):
        assert verdict(made, None, None, [1.0])[0] == "no record"


@pytest.mark.parametrize(
    "options",
    [
        {"kind": "reproduction"},
        {"kind": "measurement", "accept": bool},
        {"kind": "improvement"},
        {"kind": "improvement", "paper": 1.0, "accept": bool},
    ],
)
def test_a_claim_whose_kind_and_question_do_not_fit_is_refused(options):
    with pytest.raises(ValueError, match="paper/error"):
        claim(**options)
