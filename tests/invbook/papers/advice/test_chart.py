"""The decision chart follows from records by its rule."""

import pytest

from invbook.papers.advice.chart import QUESTIONS, Question, chart_table, decisions, in_words


def record(errors, *, answer_s=None, calibration=None, traits=(), guesses=(1,), **facts):
    """A record whose methods have these geometric means at T = 1, and a tenth of them at 10."""
    rows = [
        {
            "method": name,
            "r_1": value,
            "geo_1": value,
            "r_10": value / 10,
            "geo_10": value / 10,
            "failed": 0.0,
            "answer_s": (answer_s or {}).get(name, 1.0),
            **dict.fromkeys(
                ("calibration_p", "joint_p", "coverage_p"), (calibration or {}).get(name)
            ),
        }
        for name, value in errors.items()
    ]
    own = {"differentiable": True, "noisy": False, "x_dim": 3, "floor": 0.0, "traits": list(traits)}
    return {
        "rows": {"large": rows},
        "settings": {"large": {"guesses": list(guesses)}},
        "facts": own | facts,
    }


ALL = Question("anything", lambda facts: True)


def test_the_lowest_geometric_mean_over_simulators_wins():
    records = [
        record({"prior": 1e-9, "cinn": 0.1, "tandem": 0.2}),
        record({"cinn": 0.8, "tandem": 0.1}),
    ]
    (row,) = decisions(records, [ALL])
    # cinn: 1 · 8, tandem: 2 · 1; the prior is no method
    assert row == {
        "have": "anything",
        "method": "tandem",
        "also": [],
        "regret": pytest.approx(2**0.5),
        "cases": 2,
    }


def test_who_is_level_is_named_beside_it_and_the_floor_makes_level():
    (row,) = decisions([record({"cinn": 0.1, "tandem": 0.11, "direct": 0.2})], [ALL])
    assert (row["method"], row["also"]) == ("cinn", ["tandem"])
    below = record({"cinn": 0.1, "tandem": 0.11, "direct": 0.2}, floor=0.19)
    (row,) = decisions([below], [ALL])
    assert {row["method"], *row["also"]} == {"cinn", "tandem", "direct"}


def test_who_took_no_part_counts_with_the_worst():
    records = [
        record({"joint": 0.001, "cinn": 0.0015, "direct": 0.1}),
        record({"cinn": 0.1, "direct": 0.4}),
    ]
    (row,) = decisions(records, [ALL])
    assert row["method"] == "cinn"


def test_each_question_asks_its_own_simulators_and_methods():
    records = [
        record({"lm": 1e-4, "neural_adjoint": 0.01, "direct": 0.5}, answer_s={"direct": 1e-4}),
        record({"nearest": 0.01, "neural_adjoint": 0.5}, x_dim=12),
        record(
            {"nearest": 0.1, "cinn": 0.3},
            noisy=True,
            calibration={"cinn": 0.4, "nearest": None},
        ),
        record({"pool": 0.1, "direct": 0.3}, differentiable=False, traits=["dear"]),
        record({"differential_evolution": 0.01, "pool": 0.1}, differentiable=False),
    ]
    found = {row["have"]: row for row in decisions(records)}
    assert found["a noisy simulator; a posterior is wanted"]["method"] == "cinn"
    assert found["a noisy simulator; one guess"]["method"] == "nearest"
    assert found["8 unknowns or more; a simulator with gradients"]["method"] == "nearest"
    assert found["answers within 10 ms; a simulator with gradients"]["method"] == "direct"
    assert "answers within 10 ms; any other simulator" not in found  # nobody answers so fast
    assert found["an expensive simulator"]["method"] == "pool"
    assert "lm" not in found["no further simulations; one guess"]["method"]
    fast = found["a fast simulator without gradients; one guess"]
    # the expensive one, on which no search took part, has a row of its own
    assert (fast["cases"], fast["method"]) == (1, "differential_evolution")
    assert found["a simulator with gradients; one guess"]["cases"] == 2


def test_many_guesses_are_judged_by_the_most():
    records = [record({"cinn": 0.1, "direct": 0.2}, guesses=(1, 10))]
    records[0]["rows"]["large"][1]["geo_10"] = 0.001
    one, many = QUESTIONS[:2]
    assert [row["method"] for row in decisions(records, [one, many])] == ["cinn", "direct"]


def test_no_record_no_row():
    assert decisions([]) == []
    assert decisions([record({"prior": 0.1})], [ALL]) == []


def test_the_chart_in_words():
    records = [record({"cinn": 0.1, "tandem": 0.11, "direct": 0.2})]
    text = in_words(decisions(records, [ALL]))
    assert text == "Anything: cinn or tandem, from only one simulator."


def test_a_row_that_rests_on_one_simulator_says_so():
    records = [record({"nearest": 0.01, "cinn": 0.5}, x_dim=12), record({"cinn": 0.1})]
    _, *rows = chart_table(records)
    behind = {have: cases for have, _, _, cases in rows}
    assert behind["8 unknowns or more; a simulator with gradients"] == "only one"
    assert behind["no further simulations; one guess"] == "2"


@pytest.mark.parametrize("p", ["calibration_p", "joint_p", "coverage_p"])
def test_draws_that_fail_any_test_are_no_posterior_in_the_chart(p):
    both = {"cinn": 0.4, "mixture_density": 0.4}
    asked = record({"cinn": 0.1, "mixture_density": 0.2}, calibration=both, noisy=True)
    for row in asked["rows"]["large"]:
        row[p] = 1e-4 if row["method"] == "cinn" else 0.4
    (found,) = decisions(
        [asked], [question for question in QUESTIONS if "posterior" in question.have]
    )
    assert found["method"] == "mixture_density"
