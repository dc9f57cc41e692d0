"""Intervals of a mean over few seeds: how often they hold it."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import binomtest

from invlab.metrics import bootstrap_interval, mean_interval

TRIALS = 400


def covered(draw, mean, **options):
    rng = np.random.default_rng(0)
    found = [mean_interval(draw(rng), **options) for _ in range(TRIALS)]
    return sum(low <= mean <= high for low, high in found) / TRIALS


# a share of 400 has a deviation of 1.1 points at 95 %
@pytest.mark.parametrize("n", [3, 5])
@pytest.mark.parametrize("scale", ["linear", "log"])
def test_normal_numbers_are_covered_as_often_as_promised(n, scale):
    share = covered(lambda rng: rng.normal(1, 0.2, n), 1, scale=scale)
    assert 0.92 <= share <= 0.985


@pytest.mark.parametrize("n", [3, 5])
@pytest.mark.parametrize("spread", [0.5, 1.0])
def test_lognormal_numbers_are_covered_on_the_logarithmic_scale_alone(n, spread):
    def draw(rng):
        return rng.lognormal(-(spread**2) / 2, spread, n)

    assert covered(draw, 1, scale="log") >= 0.88
    if spread == 1:
        assert covered(draw, 1, scale="linear") < 0.88


@pytest.mark.parametrize(("n", "trials", "p"), [(5, 64, 0.98), (3, 32, 0.9), (5, 8, 0.5)])
def test_shares_are_covered_also_where_all_seeds_agree(n, trials, p):
    def draw(rng):
        return 100 * rng.binomial(trials, p, n) / trials

    assert covered(draw, 100 * p, scale="share", trials=trials) >= 0.94


def test_the_bootstrap_of_three_seeds_covers_much_less():
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(TRIALS):
        low, high = bootstrap_interval(torch.tensor(rng.normal(1, 0.2, 3)), resamples=200)
        hits += low <= 1 <= high
    assert hits / TRIALS < 0.85


def test_the_numbers_of_students_t_and_of_coxs_formula():
    low, high = mean_interval([1.0, 2.0, 3.0])
    assert (low, high) == (
        pytest.approx(2 - 2.48414, abs=1e-4),
        pytest.approx(2 + 2.48414, abs=1e-4),
    )
    # logarithms 0 and 1: s² = 1/2, t = 12.7062
    low, high = mean_interval([1.0, math.e], scale="log")
    half = 12.7062 * math.sqrt(0.25 + 0.125)
    assert (math.log(low), math.log(high)) == (
        pytest.approx(0.75 - half, abs=1e-4),
        pytest.approx(0.75 + half, abs=1e-4),
    )


def test_a_share_of_all_is_no_certainty():
    low, high = mean_interval([100.0, 100.0], scale="share", trials=10)
    assert (low, high) == (pytest.approx(100 * 0.025 ** (1 / 20)), 100)
    low, high = mean_interval([0.0, 0.0], scale="share", trials=10)
    assert (low, high) == (0, pytest.approx(100 * (1 - 0.025 ** (1 / 20))))


@pytest.mark.parametrize("values", [[50.0, 60.0], [0.0, 90.0], [100.0, 100.0]])
def test_the_interval_of_shares_holds_that_of_student_and_the_exact_one(values):
    low, high = mean_interval(values, scale="share", trials=10)
    assert (type(low), type(high)) == (float, float)
    exact = binomtest(round(sum(values) / 10), 20).proportion_ci(0.95)
    inner = [mean_interval(values), (100 * exact.low, 100 * exact.high)]
    assert low == pytest.approx(max(0, min(one[0] for one in inner)))
    assert high == pytest.approx(min(100, max(one[1] for one in inner)))


def test_one_number_has_no_interval_and_an_infinite_one_no_upper_end():
    assert mean_interval([3.0]) is None
    assert mean_interval([]) is None
    assert mean_interval([3.0, math.inf, 5.0], scale="log") == (3.0, math.inf)


def test_numbers_that_are_not_above_zero_are_taken_as_they_are():
    assert mean_interval([0.0, 1.0], scale="log") == mean_interval([0.0, 1.0])


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        ([1.0, math.nan], {}, "numbers or infinity"),
        ([1.0, 2.0], {"scale": "logit"}, "expected 'linear', 'log' or 'share'"),
        ([1.0, 2.0], {"level": 95}, "between 0 and 1"),
        ([1.0, 2.0], {"scale": "share"}, "trials"),
        ([1.0, 2.0], {"level": "a"}, "level: expected a number, got 'a'"),
        ([130.0, 140.0], {"scale": "share", "trials": 10}, "expected per cent, 0 to 100"),
        ([-1.0, 40.0], {"scale": "share", "trials": 10}, "expected per cent, 0 to 100"),
        ([40.0, math.inf], {"scale": "share", "trials": 10}, "expected per cent, 0 to 100"),
    ],
)
def test_what_makes_no_sense_is_named(values, options, message):
    with pytest.raises((TypeError, ValueError), match=message):
        mean_interval(values, **options)


def test_values_are_one_number_a_seed():
    with pytest.raises(ValueError, match=r"one number a seed, got shape \(5, 3\)"):
        mean_interval(torch.rand(5, 3))


@pytest.mark.parametrize("kind", [torch.ones, np.ones, lambda shape: np.ones(shape).tolist()])
def test_a_table_is_not_one_number_a_seed(kind):
    with pytest.raises(ValueError, match="expected one number a seed, got"):
        mean_interval(kind((5, 3)))


def test_numbers_may_come_in_any_collection():
    seeds = [torch.tensor(float(k)) for k in (1, 2, 3)]
    expected = mean_interval([1.0, 2.0, 3.0])
    assert mean_interval(seeds) == mean_interval(dict(enumerate(seeds)).values()) == expected
