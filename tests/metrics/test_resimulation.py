"""Scores and their intervals."""

from itertools import combinations

import pytest
import torch

from invlab import Box, Task, bootstrap_interval, get_task, r_T, resimulation_error
from invlab.metrics import rmse
from invlab.runtime import generator


def column(device, *values):
    return torch.tensor(values, device=device)[:, None]


def test_the_error_is_the_mean_squared_difference_of_the_effects(device):
    x = torch.tensor([[[1.0], [2.0]], [[3.0], [-3.0]]], device=device)
    found = resimulation_error(get_task("square"), x, column(device, 1.0, 10.0))
    assert found.tolist() == [[0, 9], [1, 1]]


def test_the_error_averages_over_features(device):
    task = Task("two", lambda x: torch.cat([x, 2 * x], -1), Box([0.0], [1.0]))
    y = torch.tensor([[1.0, 4.0]], device=device)
    assert resimulation_error(task, torch.ones(1, 1, 1, device=device), y).item() == (0 + 4) / 2


def test_a_known_answer_has_no_error(device):
    task = get_task("square")
    targets = task.targets(20, seed=0)
    found = resimulation_error(task, task.branches(targets.y)[..., None], targets.y)
    assert found.shape == (20, 2)
    assert found.max() < 1e-5  # roots of numbers to 1089 in float32


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_a_guess_that_is_no_number_costs_infinity_and_harms_no_other(device, bad):
    x = torch.tensor([[[1.0], [bad]], [[2.0], [3.0]]], device=device)
    found = resimulation_error(get_task("square"), x, column(device, 1.0, 4.0))
    assert found.tolist() == [[0, torch.inf], [0, 25]]


def test_an_invalid_observation_costs_infinity(device):
    task = Task("root", torch.sqrt, Box([-1.0], [1.0]), differentiable=False)
    x = torch.tensor([[[1.0], [-1.0]]], device=device)
    assert resimulation_error(task, x, column(device, 1.0)).tolist() == [[0, torch.inf]]


def test_each_guess_of_a_target_gets_its_context(device):
    task = Task("shift", lambda x, c: x + c, Box([0.0], [1.0]), context=Box([0.0], [9.0]))
    c, y = column(device, 1.0, 5.0), column(device, 2.0, 6.0)
    assert resimulation_error(task, torch.ones(2, 3, 1, device=device), y, c).eq(0).all()


X, Y = torch.ones(2, 3, 1), torch.ones(2, 1)


@pytest.mark.parametrize(
    ("x", "y", "error", "message"),
    [
        (X[:, :0], Y, ValueError, "x: .*empty shape"),
        (X[:, 0], Y, ValueError, r"x: expected shape \(B, T, 1\), got \(2, 1\)"),
        (X, Y[:1], ValueError, "x has 2, y has 1"),
        (X, Y * torch.nan, ValueError, "y: expected finite"),
        (X.long(), Y, TypeError, "x: .*torch.int64"),
        (X, Y.long(), TypeError, "y: .*torch.int64"),
        (X, Y.to("meta"), ValueError, "y: expected it on .*, got meta"),
        (X, Y.tolist(), TypeError, "y: .*got list"),
        (X.tolist(), Y, TypeError, "x: .*got list"),
    ],
)
def test_bad_guesses_and_targets_are_named(device, x, y, error, message):
    def move(v):
        return v.to(device) if isinstance(v, torch.Tensor) and v.device.type != "meta" else v

    with pytest.raises(error, match=message):
        resimulation_error(get_task("square"), move(x), move(y))


def test_the_best_of_exchangeable_guesses_is_the_mean_over_all_subsets(device):
    errors = torch.rand(3, 6, generator=generator(0), dtype=torch.float64).to(device)
    expected = []
    for size in range(1, 7):
        subsets = list(combinations(range(6), size))
        best = [errors[:, list(chosen)].amin(1) for chosen in subsets]
        expected.append(torch.stack(best).mean().item())
    assert r_T(errors, exchangeable=True).tolist() == pytest.approx(expected)


def test_the_best_of_ranked_guesses_is_that_of_the_first(device):
    errors = torch.tensor([[4.0, 1.0, 2.0], [3.0, 5.0, 1.0]], device=device)
    assert r_T(errors, exchangeable=False).tolist() == [3.5, 2, 1]


@pytest.mark.parametrize("exchangeable", [True, False])
def test_the_best_of_more_guesses_is_never_worse(device, exchangeable):
    errors = torch.rand(5, 200, generator=generator(0)).to(device)
    found = r_T(errors, exchangeable=exchangeable)
    # logarithms of large factorials are known to about 1e-12
    assert (found.diff() <= 1e-9).all()
    assert found[-1].item() == pytest.approx(errors.amin(1).mean().item())
    if exchangeable:
        assert found[0].item() == pytest.approx(errors.mean().item())


def test_invalid_guesses_count_until_a_valid_one_is_certain(device):
    errors = torch.tensor([[torch.inf, 1.0, 3.0]], device=device)
    assert r_T(errors, exchangeable=False).tolist() == [torch.inf, 1, 1]
    # two of three always hold a valid one: subsets {inf, 1}, {inf, 3}, {1, 3}
    expected = [torch.inf, (1 + 3 + 1) / 3, 1]
    assert r_T(errors, exchangeable=True).tolist() == pytest.approx(expected)


@pytest.mark.parametrize("lost", [1, 3, 5])
def test_the_mean_over_subsets_is_exact_with_infinite_guesses(device, lost):
    errors = torch.rand(2, 6, generator=generator(1), dtype=torch.float64)
    errors[0, 1 : 1 + lost] = torch.inf
    expected = [
        torch.stack([errors[:, list(s)].amin(1) for s in combinations(range(6), k)]).mean().item()
        for k in range(1, 7)
    ]
    found = r_T(errors.to(device), exchangeable=True)
    assert found.tolist() == pytest.approx(expected)
    assert found.isinf().sum() == lost


def test_a_target_without_any_valid_guess_is_not_dropped(device):
    errors = torch.tensor([[1.0, 2.0], [torch.inf, torch.inf]], device=device)
    for exchangeable in (True, False):
        assert r_T(errors, exchangeable=exchangeable).tolist() == [torch.inf, torch.inf]


def test_the_order_of_exchangeable_guesses_means_nothing(device):
    errors = torch.rand(4, 9, generator=generator(2), dtype=torch.float64).to(device)
    found, turned = (r_T(e, exchangeable=True) for e in (errors, errors.flip(1)))
    torch.testing.assert_close(found, turned)


def test_thousands_of_guesses_are_weighted_without_overflow(device):
    errors = torch.linspace(1, 2, 2048, device=device)[None]
    found = r_T(errors, exchangeable=True)
    # the smallest of T of n equidistant numbers lies at (n + 1) / (T + 1)
    size = torch.arange(1, 2049, device=device).double()
    expected = 1 + (2049 / (size + 1) - 1) / 2047
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=0)


@pytest.mark.parametrize(("name", "dy"), [("sine", 1), ("robot_arm", 2)])
def test_draws_from_the_prior_follow_the_law_of_their_number(name, dy):
    # the nearest of T draws in dy dimensions: error like T ** (−2 / dy)
    task = get_task(name)
    y = task.targets(300, seed=0, dtype=torch.float64).y
    drawn = task.prior.sample(1000, generator=generator(3)).to(y).expand(300, -1, -1)
    found = r_T(resimulation_error(task, drawn, y), exchangeable=True)
    # where the density of y is bounded away from zero; rare targets keep the mean up
    slope = (found[199] / found[19]).log() / torch.tensor(10.0).log()
    assert slope.item() == pytest.approx(-2 / dy, rel=0.3)


@pytest.mark.parametrize("exchangeable", [True, False])
def test_a_single_nan_is_refused(device, exchangeable):
    errors = torch.ones(3, 4, device=device)
    errors[1, 2] = torch.nan
    with pytest.raises(ValueError, match="errors: expected numbers or infinity, got NaN"):
        r_T(errors, exchangeable=exchangeable)


def test_an_observation_of_another_length_is_not_broadcast(device):
    x, y = torch.zeros(2, 3, 4, device=device), torch.zeros(2, 1, device=device)
    with pytest.raises(ValueError, match=r"y: expected shape \(B, 2\), got \(2, 1\)"):
        resimulation_error(get_task("robot_arm"), x, y)


def test_images_are_compared_pixel_by_pixel(device):
    task = Task("image", lambda x: x[..., None].repeat(1, 2, 2).sqrt(), Box([0.0], [1.0]))
    x = torch.tensor([[[1.0], [4.0], [-1.0]], [[0.0], [1.0], [9.0]]], device=device)
    found = resimulation_error(task, x, torch.ones(2, 2, 2, device=device))
    assert found.tolist() == [[0, 1, torch.inf], [1, 0, 4]]


def test_bad_errors_are_named(device):
    with pytest.raises(ValueError, match="errors: .*got NaN"):
        r_T(torch.full((2, 2), torch.nan, device=device), exchangeable=True)
    with pytest.raises(ValueError, match="errors: .*empty"):
        r_T(torch.zeros(2, 0, device=device), exchangeable=True)
    with pytest.raises(ValueError, match=r"errors: expected shape \(B, T\), got \(2,\)"):
        r_T(torch.zeros(2, device=device), exchangeable=True)


def test_rmse_by_hand_keeps_leading_axes(device):
    a = torch.tensor([[[1.0], [3.0]], [[0.0], [0.0]]], device=device)
    assert rmse(a, torch.zeros(2, 1, device=device)).tolist() == pytest.approx([5**0.5, 0])


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
