"""Bootstrap intervals of a mean or of the worst case."""

import math

import numpy as np
import pytest
import torch

from invlab import bootstrap_interval
from invlab.metrics import intervals
from invlab.runtime import generator

INF = math.inf


def test_the_interval_holds_the_mean_about_as_often_as_it_says():
    covered = 0
    for seed in range(100):
        values = torch.randn(20, generator=generator(seed, "coverage"))
        low, high = bootstrap_interval(values, resamples=400)
        assert low < values.mean() < high
        covered += low <= 0 <= high
    # percentile intervals of 20 draws cover a little less than 95 %; the count has a
    # standard deviation of 2.5
    assert 82 <= covered <= 100


def test_a_higher_level_gives_a_wider_interval_and_the_seed_repeats_it():
    values = torch.arange(10.0)
    narrow, wide = bootstrap_interval(values, level=0.5), bootstrap_interval(values, level=0.99)
    assert wide[0] < narrow[0] < narrow[1] < wide[1]
    assert bootstrap_interval(values) == bootstrap_interval(values)


def test_the_worst_case_ends_at_the_largest_value():
    low, high = bootstrap_interval(torch.tensor([1.0, 5.0, 2.0, 3.0, 4.0]), statistic="max")
    assert high == 5
    assert 1 <= low < 5


def test_one_value_is_its_own_interval():
    assert bootstrap_interval(torch.tensor([3.0])) == (3, 3)


def test_targets_of_one_seed_are_resampled_like_seeds_of_one_target():
    values = torch.rand(40, generator=generator(0))
    among_seeds = bootstrap_interval(values)
    among_targets = bootstrap_interval(values[None])
    assert among_targets == pytest.approx(among_seeds, rel=0.05)
    assert bootstrap_interval(values[:, None]) == among_seeds


def test_seeds_that_differ_widen_the_interval_of_many_targets():
    targets = torch.rand(5, 400, generator=generator(0))
    shifted = targets + torch.arange(5.0)[:, None]
    same, different = bootstrap_interval(targets), bootstrap_interval(shifted)
    assert same[0] < targets.mean() < same[1]
    # five seeds from 0 to 4: their mean has a standard error of 2 ** 0.5 / 5 ** 0.5
    assert same[1] - same[0] < 0.1
    assert different[1] - different[0] == pytest.approx(2 * 1.96 * (2 / 5) ** 0.5, rel=0.15)


def test_bad_values_are_named():
    with pytest.raises(ValueError, match=r"values: expected shape \(n, B\), got \(2, 1, 1\)"):
        bootstrap_interval(torch.zeros(2, 1, 1))
    with pytest.raises(ValueError, match="values: .*empty"):
        bootstrap_interval(torch.zeros(0))
    with pytest.raises(ValueError, match="resamples: expected at least 1"):
        bootstrap_interval(torch.zeros(2), resamples=0)
    with pytest.raises(ValueError, match="values: expected numbers or infinity, got 1 NaN"):
        bootstrap_interval(torch.tensor([1.0, torch.nan, 2.0]))


@pytest.mark.parametrize("level", [-1, 0, 1, 1.5, math.nan, INF])
def test_a_level_that_is_no_share_is_named(level):
    with pytest.raises(ValueError, match="level: expected a share between 0 and 1"):
        bootstrap_interval(torch.rand(5), level=level)


def test_another_statistic_is_named():
    with pytest.raises(ValueError, match="statistic: expected 'mean' or 'max', got 'median'"):
        bootstrap_interval(torch.rand(5), statistic="median")


@pytest.mark.parametrize("statistic", ["mean", "max"])
@pytest.mark.parametrize("lost", [1, 2, 4, 5])
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("level", [0.2, 0.5, 0.95])
def test_infinite_values_make_ends_infinite_and_never_nan(statistic, lost, sign, level):
    values = torch.arange(5.0)
    values[:lost] = sign * INF
    low, high = bootstrap_interval(values, statistic=statistic, level=level, resamples=101)
    assert low <= high  # not so if one is NaN
    if lost == 5:
        assert low == high == sign * INF


def test_the_ends_are_finite_where_infinity_is_rarely_drawn():
    values = torch.rand(1000, generator=generator(0))
    values[0] = INF
    # nearly a third of the resamples leave it out
    low, high = bootstrap_interval(values, level=0.6)
    assert 0.4 < low < 0.6
    assert high == INF


def test_infinities_of_both_signs_have_no_mean():
    values = torch.tensor([1.0, INF, -INF])
    with pytest.raises(ValueError, match="values: infinities of both signs"):
        bootstrap_interval(values)
    assert bootstrap_interval(values, statistic="max")[1] == INF


@pytest.mark.parametrize("values", [[1.0, 2.0, 3.0], (1, 2, 3), [[1.0, 2.0], [3.0, 4.0]]], ids=str)
def test_lists_and_arrays_are_numbers_too(values):
    expected = bootstrap_interval(torch.tensor(values, dtype=torch.float64))
    assert bootstrap_interval(values) == bootstrap_interval(np.array(values)) == expected


@pytest.mark.parametrize("values", ["abc", [True, False], None], ids=str)
def test_what_is_no_number_is_named(values):
    with pytest.raises(TypeError, match="values: expected a number or a list of them"):
        bootstrap_interval(values)


def test_counts_may_be_numpy_integers():
    values = torch.rand(8, generator=generator(0))
    assert bootstrap_interval(values, resamples=np.int64(50)) == bootstrap_interval(
        values, resamples=50
    )


@pytest.mark.parametrize("shape", [(7,), (1, 30), (3, 20)])
@pytest.mark.parametrize("block", [1, 50, 333])
def test_the_draws_do_not_depend_on_how_many_are_held_at_a_time(monkeypatch, shape, block):
    values = torch.rand(shape, generator=generator(0))
    whole = bootstrap_interval(values, resamples=60)
    held = []
    resample = intervals._of_resamples
    monkeypatch.setattr(intervals, "BLOCK", block)
    monkeypatch.setattr(
        intervals, "_of_resamples", lambda drawn, how: held.append(drawn) or resample(drawn, how)
    )
    assert bootstrap_interval(values, resamples=60) == pytest.approx(whole, rel=1e-12)
    assert max(drawn.numel() for drawn in held) <= max(block, values.numel())


def test_the_draws_are_those_of_one_table_of_rows_and_one_of_columns():
    values = torch.rand(4, 6, generator=generator(0), dtype=torch.float64)
    draws = generator(3, "bootstrap")
    row = torch.randint(4, (200, 4), generator=draws)
    column = torch.randint(6, (200, 6), generator=draws)
    means = values[row[:, :, None], column[:, None, :]].mean((1, 2))
    q = torch.tensor([0.025, 0.975], dtype=torch.float64)
    found = bootstrap_interval(values, resamples=200, seed=3)
    assert found == pytest.approx(means.quantile(q).tolist(), rel=1e-12)
