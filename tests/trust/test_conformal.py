"""Quantiles and p-values by hand, and their exact laws by simulation."""

import math

import pytest
import torch

from invlab.runtime import generator
from invlab.trust import conformal
from invlab.trust.conformal import conformal_p_values, conformal_quantile


def test_the_quantile_is_the_one_of_n_plus_one():
    scores = torch.tensor([3.0, 1.0, 2.0, 9.0, 5.0, 4.0, 8.0, 7.0, 6.0])
    assert conformal_quantile(scores, 0.9) == 9.0
    assert conformal_quantile(scores, 0.8) == 8.0
    assert conformal_quantile(scores, 0.81) == 9.0
    assert conformal_quantile(scores, 0.91) == math.inf
    assert conformal_quantile(scores[:8], 0.9) == math.inf
    assert conformal_quantile(torch.tensor([1.0, torch.inf]), 0.5) == torch.inf


@pytest.mark.parametrize("n", [9, 19, 30])
def test_a_further_score_is_below_it_as_often_as_it_says(n):
    draws = torch.randn(6000, n + 1, generator=generator(n), dtype=torch.float64)
    below = [float(row[-1]) <= conformal_quantile(row[:-1], 0.9) for row in draws]
    exact = math.ceil(0.9 * (n + 1) - 1e-9) / (n + 1)
    assert sum(below) / len(below) == pytest.approx(exact, abs=0.015)


def test_p_values_of_one_kind_by_hand():
    known = torch.tensor([[1.0], [2.0], [2.0], [4.0]])
    new = torch.tensor([[0.0], [2.0], [3.0], [5.0], [torch.inf]])
    assert conformal_p_values(known, new).tolist() == [1.0, 0.8, 0.4, 0.2, 0.2]


@pytest.mark.parametrize("law", ["independent", "equal", "opposite", "whole numbers"])
@pytest.mark.slow
def test_p_values_of_two_kinds_keep_their_level(law):
    n, trials = 39, 4000
    a = torch.randn(trials, n + 1, generator=generator(1), dtype=torch.float64)
    b = torch.randn(trials, n + 1, generator=generator(2), dtype=torch.float64)
    b = {"independent": b, "equal": a, "opposite": -a, "whole numbers": b.round()}[law]
    a = a.round() if law == "whole numbers" else a
    rows = torch.stack([a, b], 2)
    p = torch.cat([conformal_p_values(row[:-1], row[-1:]) for row in rows])
    for level in (0.05, 0.1, 0.5):
        share = float((p <= level).double().mean())
        assert share <= level + 0.02
        if law == "equal":  # continuous, and one score in truth: nothing is given away
            assert share == pytest.approx(level, abs=0.02)


def test_a_row_that_is_strange_in_one_way_only_is_found():
    known = torch.randn(199, 2, generator=generator(3))
    new = torch.tensor([[9.0, 0.0], [0.0, 9.0], [0.0, 0.0]])
    p = conformal_p_values(known, new)
    assert p[0] <= 0.015
    assert p[1] <= 0.015
    assert p[2] > 0.3


def test_p_values_do_not_depend_on_the_company_or_on_how_much_is_held(monkeypatch):
    known, new = torch.randn(50, 2, generator=generator(4)), torch.randn(30, 2)
    whole = conformal_p_values(known, new)
    monkeypatch.setattr(conformal, "BLOCK", 300)
    assert torch.equal(conformal_p_values(known, new), whole)
    one = torch.cat([conformal_p_values(known, row[None]) for row in new])
    assert torch.equal(one, whole)
