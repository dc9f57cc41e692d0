"""Ranks of true unknowns among draws, judged on laws that are known."""

import pytest
import torch
from scipy.stats import kstest

from invlab import get_task
from invlab.runtime import generator
from invlab.trust import calibration
from invlab.trust.calibration import calibration_ranks, uniformity


@pytest.fixture(scope="module")
def calibrated():
    """True unknowns of the sine task and 99 exact draws for the y of each."""
    task = get_task("sine")
    targets = task.targets(1500, seed=5, dtype=torch.float64)
    return targets.x, task.posterior(targets.y, 99, generator=generator(6))


def test_ranks_by_hand(device):
    x = torch.tensor([[2.5, 0.0], [5.0, 1.0]], device=device)
    draws = torch.tensor(
        [[[1.0, 1.0], [2.0, 2.0], [2.0, 3.0], [3.0, 4.0]], [[1.0, 0.0]] * 4], device=device
    )
    assert calibration_ranks(x, draws).tolist() == [[3, 0], [4, 4]]


def test_equal_draws_are_put_below_or_above_at_random(device):
    x = torch.ones(3000, 1, device=device)
    draws = torch.tensor([0.0, 1.0, 1.0, 2.0], device=device)[:, None].expand(3000, -1, -1)
    ranks = calibration_ranks(x, draws)[:, 0]
    # one lies below; of the two equal ones none, one or both
    share = torch.bincount(ranks.cpu(), minlength=5).double() / 3000
    assert share.tolist() == pytest.approx([0, 1 / 3, 1 / 3, 1 / 3, 0], abs=0.04)


@pytest.mark.parametrize("rate", [0.05, 0.7, 4.0])
def test_exact_draws_of_whole_numbers_are_calibrated(device, rate):
    law = torch.full((4000, 100), rate, dtype=torch.float64)
    numbers = torch.poisson(law, generator=generator(0, "counts")).to(device)
    ranks = calibration_ranks(numbers[:, :1], numbers[:, 1:, None])
    assert uniformity(ranks, 99).item() > 1e-3
    always_half = (numbers[:, 1:] < numbers[:, :1]).sum(1, keepdim=True)
    always_half += (numbers[:, 1:] == numbers[:, :1]).sum(1, keepdim=True) // 2
    assert uniformity(always_half, 99).item() < 1e-6


def test_ties_follow_the_generator_and_leave_the_random_state_alone(device):
    x, draws = torch.ones(50, 2, device=device), torch.ones(50, 9, 2, device=device)
    before = torch.get_rng_state()
    assert torch.equal(calibration_ranks(x, draws), calibration_ranks(x, draws))
    one, other = (calibration_ranks(x, draws, generator=generator(k)) for k in (1, 2))
    assert not torch.equal(one, other)
    assert torch.equal(torch.get_rng_state(), before)


def test_ranks_without_ties_do_not_depend_on_the_generator(calibrated):
    x, draws = calibrated
    assert torch.equal(
        calibration_ranks(x, draws), calibration_ranks(x, draws, generator=generator(9))
    )


def test_the_ranks_do_not_depend_on_how_many_draws_are_held(device, monkeypatch):
    draws = torch.randint(5, (20, 12, 2), generator=generator(1)).float().to(device)
    x = torch.randint(5, (20, 2), generator=generator(2)).float().to(device)
    whole = calibration_ranks(x, draws)
    monkeypatch.setattr(calibration, "BLOCK", 60)
    assert torch.equal(calibration_ranks(x, draws), whole)


def test_the_exact_posterior_is_calibrated(calibrated):
    x, draws = calibrated
    ranks = calibration_ranks(x, draws)
    assert ranks.min() >= 0
    assert ranks.max() <= 99
    assert (uniformity(ranks, 99) > 1e-3).all()


@pytest.mark.parametrize(
    "wrong",
    [lambda draws: 1.5 * draws, lambda draws: 0.7 * draws, lambda draws: draws + 0.2],
    ids=["too wide", "too narrow", "shifted"],
)
def test_draws_of_another_width_or_place_are_not_calibrated(calibrated, wrong):
    x, draws = calibrated
    assert (uniformity(calibration_ranks(x, wrong(draws)), 99) < 1e-6).all()


@pytest.mark.parametrize(("n", "bins"), [(99, 20), (50, 20), (9, 10), (19, 5)])
def test_the_p_values_of_uniform_ranks_are_uniform(device, n, bins):
    ranks = torch.randint(0, n + 1, (400, 600), generator=generator(n, bins)).to(device)
    p = uniformity(ranks, n, bins=bins)
    assert p.shape == (600,)
    assert kstest(p.numpy(), "uniform").pvalue > 1e-3


def test_the_p_value_by_hand():
    ranks = torch.tensor([[0], [0], [0], [1]])
    # 3 and 1 where 2 and 2 are expected: χ² = 1 with one degree of freedom
    assert uniformity(ranks, 1, bins=2).tolist() == pytest.approx([0.31731], rel=1e-4)


def test_a_true_x_that_does_not_fit_the_draws_is_named(device):
    x, draws = torch.ones(3, 2, device=device), torch.ones(3, 5, 1, device=device)
    with pytest.raises(ValueError, match=r"draws: expected shape \(3, n, 2\), got \(3, 5, 1\)"):
        calibration_ranks(x, draws)


@pytest.mark.parametrize(
    "ranks",
    [torch.full((30, 1), 50), torch.full((30, 1), -1), torch.rand(30, 1) * 19, torch.ones(0, 1)],
    ids=["above n", "below 0", "no whole numbers", "none"],
)
def test_ranks_that_cannot_be_are_refused(ranks):
    with pytest.raises(ValueError, match="uniformity: expected"):
        uniformity(ranks, 19)


def test_one_bin_tests_nothing():
    with pytest.raises(ValueError, match="expected at least 2 bins"):
        uniformity(torch.zeros(10, 1), 9, bins=1)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.float16, torch.int64])
def test_ranks_of_any_dtype_have_one_p_value(dtype):
    ranks = torch.arange(100)[:, None]
    assert uniformity(ranks.to(dtype), 99).item() == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("ranks", "n", "error"),
    [
        ([[1]], 99, ValueError),
        (torch.ones(3, 1), 99.5, TypeError),
        (torch.ones(3, 1), "9", TypeError),
    ],
)
def test_ranks_are_a_tensor_among_a_number_of_draws(ranks, n, error):
    with pytest.raises(error, match="expected"):
        uniformity(ranks, n)
