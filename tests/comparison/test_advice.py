"""Every sentence of the advice follows from rows by its rule, and is silent otherwise."""

import torch

from invlab.comparison.advice import Facts, advise, ranked
from invlab.comparison.table import Scores


def scores(value, *, spread=0.05, seed=0, failed=0):
    """Errors of 3 seeds and 40 targets around a value, at T = 1 and 10."""
    draws = torch.randn(3, 40, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    errors = value * (spread * draws).exp()
    errors[0, :failed] = torch.inf
    return Scores({1: errors, 10: errors / 2})


def row(name, **values):
    blank = {"failed": 0.0, "valid": 1.0, "answer_s": 0.1, "note": ""}
    blank |= {"coverage_p": 0.5, "calibration_p": None, "joint_p": None, "answer_calls": 0.0}
    return {"method": name, **blank, **values}


def facts(found, rows=None, **more):
    rows = {name: row(name) for name in found} | (rows or {})
    given = {"guesses": (1, 10), "floor": 0.0, "judged_by": "simulator", "noisy": False} | more
    return Facts(rows=rows, scores=found, **given)


def said(case, rule):
    return [sentence for sentence in advise(case) if sentence.rule == rule]


def test_the_lowest_geometric_mean_is_best_and_the_prior_is_no_method():
    case = facts({"prior": scores(1e-6), "a": scores(0.2), "b": scores(0.1)})
    assert ranked(case, 1) == ["b", "a"]
    (sentence,) = said(case, "one_guess")
    assert sentence.methods == ("b",)
    assert "For one guess a target, b:" in sentence.text
    assert said(case, "many_guesses")[0].methods == ("b",)


def test_what_cannot_be_told_apart_is_named_as_a_tie():
    case = facts({"a": scores(0.1, spread=1.0), "b": scores(0.1, spread=1.0, seed=1)})
    (sentence,) = said(case, "one_guess")
    assert set(sentence.methods) == {"a", "b"}
    assert "cannot be told apart" in sentence.text


def test_differences_below_the_floor_are_ties():
    far, near = scores(1e-5), scores(1e-7)
    floored = {name: Scores(s.errors, floor=1e-3) for name, s in {"a": far, "b": near}.items()}
    assert set(said(facts(floored, floor=1e-3), "one_guess")[0].methods) == {"a", "b"}
    assert said(facts({"a": far, "b": near}), "one_guess")[0].methods == ("b",)


def test_a_method_below_the_look_up_is_not_to_be_used():
    case = facts({"nearest": scores(0.1), "good": scores(0.01), "poor": scores(0.5)})
    (sentence,) = said(case, "below_look_up")
    assert sentence.methods == ("poor",)
    assert not said(facts({"nearest": scores(0.1), "good": scores(0.01)}), "below_look_up")


def test_a_posterior_is_that_of_a_calibrated_sampler():
    found = {"search": scores(0.01), "flow": scores(0.2), "mixture": scores(0.1)}
    rows = {
        "flow": row("flow", calibration_p=0.4, joint_p=0.3),
        "mixture": row("mixture", calibration_p=1e-6, joint_p=0.5),
    }
    case = facts(found, rows, samplers=frozenset({"flow", "mixture"}))
    assert said(case, "posterior")[0].methods == ("flow",)
    rows["flow"] = row("flow", calibration_p=0.4, joint_p=0.3, coverage_p=1e-9)
    case = facts(found, rows, samplers=frozenset({"flow", "mixture"}))
    assert "No method is calibrated" in said(case, "posterior")[0].text
    rows["flow"] = row("flow", calibration_p=0.5, joint_p=1e-9)
    case = facts(found, rows, samplers=frozenset({"flow", "mixture"}))
    assert "No method is calibrated" in said(case, "posterior")[0].text
    assert not said(facts(found, rows), "posterior")


def test_the_fast_one_is_nearly_as_good_as_the_best():
    found = {"best": scores(0.1), "near": scores(0.15), "bad": scores(5.0)}
    rows = {
        "near": row("near", answer_s=0.01),
        "bad": row("bad", answer_s=1e-6),
    }
    assert said(facts(found, rows), "fast")[0].methods == ("near",)


def test_without_simulations_the_best_that_calls_none():
    found = {"joint": scores(0.01), "flow": scores(0.2)}
    case = facts(found, searching=frozenset({"joint"}))
    assert said(case, "no_simulations")[0].methods == ("flow",)
    assert not said(facts(found), "no_simulations")


def test_more_data_help_where_the_curve_falls():
    found = {"a": scores(0.1)}
    assert "help" in said(facts(found, curve={100: 0.4, 200: 0.2, 400: 0.1}), "more_data")[0].text
    flat = said(facts(found, curve={100: 0.11, 200: 0.1, 400: 0.1}), "more_data")[0].text
    assert "little" in flat
    assert not said(facts(found), "more_data")


def test_floors_failures_and_who_took_no_part_are_said():
    found = {"a": scores(0.1, failed=3), "b": scores(0.1)}
    rows = {
        "a": row("a", failed=0.025),
        "b": row("b", valid=0.5),
        "c": row("c", note="takes no context c"),
    }
    case = facts(found, rows, judged_by="surrogate", floor=0.02)
    assert "0.02 of the variance" in said(case, "floor")[0].text
    assert [sentence.methods for sentence in said(case, "failures")] == [("a",), ("b",)]
    assert said(case, "left_out")[0].text == "c took no part: takes no context c."
    assert "truth itself" in said(facts(found, noisy=True, floor=0.5), "floor")[0].text


def test_of_two_without_error_the_one_that_simulates_less():
    found = {"search": scores(1e-20), "known": scores(1e-30)}
    case = facts(found, {"search": row("search", answer_calls=80.0)})
    assert ranked(case, 1) == ["known", "search"]
    found = {"search": scores(1e-20), "network": scores(1e-6)}
    assert ranked(facts(found, {"search": row("search", answer_calls=80.0)}), 1)[0] == "search"


def test_a_refinement_is_advised_where_it_pays():
    found = {"a": scores(0.1)}
    case = facts(found, {"a": row("a", r_1=0.1, refined_1=1e-9)})
    assert "falls from 0.1 to 1e-09" in said(case, "refine")[0].text
    assert not said(facts(found, {"a": row("a", r_1=0.1, refined_1=0.05)}), "refine")
    assert not said(facts(found, {"a": row("a", r_1=0.1, refined_1=None)}), "refine")


def test_a_prior_that_fails_is_to_be_checked():
    found = {"a": scores(0.1)}
    assert "30% of its draws" in said(facts(found, invalid=0.3), "assumptions")[0].text
    assert len(said(facts(found), "assumptions")) == 1
    units = said(facts(found, unseen=(1, 3)), "assumptions")[0].text
    assert "1 of its 3 numbers varies by less than a hundredth" in units


def test_few_failures_are_some():
    case = facts({"a": scores(0.1)}, {"a": row("a", failed=1 / 300)})
    assert "no valid answer for 0.3% of the targets" in said(case, "failures")[0].text


def test_what_is_said_of_one_guess_holds_for_one_guess():
    found = {"nearest": scores(0.1), "good": scores(0.01), "poor": scores(0.5)}
    values = {name: Scores({5: one.errors[1], 50: one.errors[10]}) for name, one in found.items()}
    rows = {"good": row("good", r_5=0.01, refined_5=1e-6)}
    case = facts(values, rows, guesses=(5, 50))
    text = " ".join(sentence.text for sentence in advise(case))
    assert text.count("the best of 5 guesses") == 4
    assert "one guess" not in text


def test_an_error_at_the_floor_is_an_upper_bound():
    found = {"a": Scores({1: torch.full((1, 4), 1e-9).double()}, floor=0.01)}
    case = facts(found, guesses=(1,), floor=0.01, curve={10: 0.01, 20: 0.01})
    assert "its error is at most 0.01 of" in said(case, "one_guess")[0].text
    assert "cannot be seen" in said(case, "more_data")[0].text
    above = {"a": Scores({1: torch.full((1, 4), 0.5).double()}, floor=0.01)}
    assert "its error is 0.5 of" in said(facts(above, guesses=(1,)), "one_guess")[0].text


def test_who_fails_the_test_of_calibration_is_named():
    found = {"flow": scores(0.2), "mixture": scores(0.1)}
    rows = {
        "flow": row("flow", calibration_p=0.4, joint_p=0.3),
        "mixture": row("mixture", calibration_p=1e-6, joint_p=0.5),
    }
    case = facts(found, rows, samplers=frozenset(found))
    assert said(case, "posterior")[0].text.endswith("; those of mixture do not.")
    alone = facts({"flow": found["flow"]}, rows, samplers=frozenset({"flow"}))
    assert "do not" not in said(alone, "posterior")[0].text


def test_one_that_raised_an_error_did_take_part():
    case = facts({"a": scores(0.1)}, {"b": row("b", note="failed: ValueError: no")})
    assert said(case, "left_out")[0].text == "b failed: ValueError: no."


def test_a_search_that_gave_one_guess_is_not_passed_over_where_ten_are_allowed():
    # ten guesses of the network are worse than the one of the search
    single = Scores({1: scores(1e-6).errors[1]})
    case = facts({"search": single, "network": scores(1e-2)})
    assert ranked(case, 10) == ["search", "network"]
    (sentence,) = said(case, "many_guesses")
    assert sentence.methods == ("search",)
    assert "search (with one guess only): its error" in sentence.text
    assert "only" not in said(case, "one_guess")[0].text


def test_the_time_is_that_of_the_guesses_that_were_given():
    case = facts({"search": Scores({1: scores(1e-6).errors[1]})})
    assert "a target for one guess, many targets" in said(case, "fast")[0].text
