"""The band of an exact bound, and scores of bounds by hand."""

import math

import pytest
import torch
from scipy.stats import betabinom

from invbook.papers.trust.bound_scores import bound_scores, coverage_band
from invlab.runtime import generator
from invlab.trust.conformal import conformal_quantile


def chance(count, n, m, rank):
    """That so many of m new scores lie below the rank-th of n: by counting orders."""
    below = math.comb(rank - 1 + count, count)
    return below * math.comb(n - rank + m - count, m - count) / math.comb(n + m, m)


@pytest.mark.parametrize(("n", "m", "level"), [(300, 150, 0.9), (99, 40, 0.8), (900, 400, 0.95)])
def test_the_band_is_that_of_the_beta_binomial_law(n, m, level):
    rank = math.ceil(level * (n + 1) - 1e-9)
    low, high = (round(share * m) for share in coverage_band(n, m, level))
    assert low / m < level < high / m
    # each end is the first count that leaves at most a half of a thousandth beyond it
    law = [chance(count, n, m, rank) for count in range(m + 1)]
    assert sum(law) == pytest.approx(1)
    assert sum(law[:low]) < 0.0005 <= sum(law[: low + 1])
    assert sum(law[high + 1 :]) <= 0.0005 < sum(law[high:])
    ends = betabinom(m, rank, n + 1 - rank).interval(0.999)
    assert (low, high) == tuple(map(round, ends))


def test_the_rank_is_not_one_too_high_by_rounding():
    # 0.9 · 10 is 9 and no more, the largest of nine scores; one fewer has no bound
    assert coverage_band(9, 50, 0.9)[0] < 1
    assert coverage_band(8, 50, 0.9) == (1.0, 1.0)


@pytest.mark.parametrize(
    "asked",
    [(300, 150, 1.0, 0.9), (300, 150, 0.9, 0.0), (0, 150, 0.9, 0.9), (300, 0, 0.9, 0.9)],
)
def test_what_has_no_band_is_refused(asked):
    with pytest.raises(ValueError, match="coverage_band: expected"):
        coverage_band(*asked)


def scored(factor, trial):
    """A conformal bound, made smaller or larger by a factor."""
    draws = generator(trial, "errors")
    known, error = torch.rand(700, generator=draws, dtype=torch.float64).square().split([300, 400])
    constant = conformal_quantile(known, 0.9)
    limit = torch.full_like(error, factor * constant)
    return bound_scores(limit, error, constant=constant, calibrated_on=300, level=0.9)


def test_a_right_bound_lies_in_its_band_and_a_small_or_large_one_outside():
    assert all(scored(1.0, trial)["inside"] == 1 for trial in range(40))
    for trial in range(5):
        small, large = scored(0.7, trial), scored(1.4, trial)
        assert small["inside"] == large["inside"] == 0
        assert small["coverage"] < small["low"]
        assert large["coverage"] > large["high"]


def test_scores_by_hand():
    limit = torch.tensor([1.0, 2.0, 4.0, 8.0, 16.0, 1.0, 1.0, 1.0, 1.0, 1.0], dtype=torch.float64)
    error = torch.tensor([0.0, 1.5, 3.0, 7.0, 99.0, 0.1, 0.2, 0.3, 0.4, 2.0], dtype=torch.float64)
    found = bound_scores(limit, error, constant=2.0, calibrated_on=99, level=0.9)
    assert found["coverage"] == pytest.approx(0.8)
    assert found["hard"] == 0.5  # of the bounds 16 and 8
    assert found["exact"] == pytest.approx(0.1)
    assert found["log10"] == pytest.approx((10 - 10) / 10 * math.log10(2))
    # ranks of the bounds: six times 3.5, then 7 to 10; of the errors: 1, 7, 8, 9, 10, 2, ...
    ranks = [3.5, 7, 8, 9, 10, 3.5, 3.5, 3.5, 3.5, 3.5]
    others = [1, 6, 8, 9, 10, 2, 3, 4, 5, 7]
    expected = torch.corrcoef(torch.tensor([ranks, others], dtype=torch.float64))[0, 1]
    assert found["rank"] == pytest.approx(float(expected))


def test_what_is_not_defined_is_none():
    error = torch.tensor([1.0, 2.0, torch.inf], dtype=torch.float64)
    limit = torch.full_like(error, torch.inf)
    found = bound_scores(limit, error, constant=math.inf, calibrated_on=8, level=0.9)
    assert found["rank"] is None
    assert found["log10"] is None
    assert found["coverage"] == found["inside"] == 1
