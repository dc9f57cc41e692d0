"""Draws that belong to a target: their laws, and what they do and do not depend on."""

import pytest
import torch
from scipy.stats import kstest

from invlab.runtime import generator
from invlab.sampling.per_target import normal_for, uniform_for

EACH = pytest.mark.parametrize("draw", [normal_for, uniform_for])


def targets(device, count=40, dim=2):
    return torch.randn(count, dim, generator=generator(3)).to(device)


def correlations(draws):
    """Between all pairs of rows, in standard deviations of uncorrelated numbers."""
    flat = draws.flatten(1)
    pairs = torch.corrcoef(flat) * flat.shape[1] ** 0.5
    return pairs[tuple(torch.triu_indices(*pairs.shape, 1))]


@pytest.mark.parametrize(("draw", "law"), [(normal_for, "norm"), (uniform_for, "uniform")])
def test_the_draws_have_their_law_within_a_target_and_across_targets(device, draw, law):
    draws = draw(targets(device, 100), 200, 3, generator(0)).cpu().numpy()
    for numbers in (draws[7], draws[:, 5], draws[..., 0], draws[..., 2], draws):
        assert kstest(numbers.ravel(), law).pvalue > 1e-3


def test_normal_draws_have_the_moments_of_a_normal_law(device):
    z = normal_for(targets(device, 100), 1000, 2, generator(1)).flatten()
    for power, expected, variance in [(1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)]:
        error = (z**power).mean().item() - expected
        assert abs(error) < 4 * (variance / len(z)) ** 0.5, power


def test_uniform_draws_have_mean_one_half_and_variance_one_twelfth(device):
    u = uniform_for(targets(device, 100), 1000, 2, generator(1)).flatten()
    assert 0 < u.min() < u.max() < 1
    assert u.mean().item() == pytest.approx(1 / 2, abs=4 * (1 / 12 / len(u)) ** 0.5)
    assert u.var().item() == pytest.approx(1 / 12, abs=4 * (1 / 180 / len(u)) ** 0.5)


def test_the_numbers_of_a_draw_and_the_draws_of_a_target_are_uncorrelated(device):
    z = normal_for(targets(device, 200), 5, 4, generator(2))
    assert correlations(z.flatten(1).T).abs().max() < 4.5  # 190 pairs
    assert correlations(z.square().flatten(1).T).abs().max() < 4.5


@EACH
def test_draws_are_float64_on_the_device_of_the_targets(device, draw):
    for dim in (1, 2, 3):
        draws = draw(targets(device), 5, dim, generator(0))
        assert draws.shape == (40, 5, dim)
        assert draws.dtype == torch.float64
        assert draws.device.type == device.type


@EACH
def test_the_draws_of_a_target_do_not_depend_on_the_others(device, draw):
    y = targets(device)
    together = draw(y, 6, 3, generator(0))
    assert torch.equal(draw(y[5:6], 6, 3, generator(0)), together[5:6])
    assert torch.equal(draw(y.flip(0), 6, 3, generator(0)), together.flip(0))


@EACH
def test_fewer_draws_are_the_first_of_more(device, draw):
    y = targets(device)
    assert torch.equal(draw(y, 3, 3, generator(0)), draw(y, 9, 3, generator(0))[:, :3])


@EACH
def test_the_dtype_of_the_targets_does_not_matter(device, draw):
    y = targets(device)
    assert torch.equal(draw(y, 6, 3, generator(0)), draw(y.double(), 6, 3, generator(0)))


@EACH
def test_both_zeros_are_one_target(device, draw):
    y = torch.tensor([[0.0, 1.0], [-0.0, 1.0]], device=device)
    draws = draw(y, 6, 3, generator(0))
    assert torch.equal(draws[0], draws[1])


@EACH
def test_the_axes_of_a_target_do_not_matter(device, draw):
    y = targets(device, dim=6)
    image = draw(y.reshape(-1, 2, 3), 5, 2, generator(0))
    assert torch.equal(image, draw(y, 5, 2, generator(0)))


@EACH
def test_the_same_generator_repeats_the_draws_and_another_does_not(device, draw):
    y = targets(device)
    first, again, other = (draw(y, 50, 2, generator(seed)) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not (first == other).any()
    assert correlations(torch.stack([first, other])).abs() < 4


@EACH
def test_a_generator_goes_on(device, draw):
    y, draws = targets(device), generator(0)
    assert not (draw(y, 5, 2, draws) == draw(y, 5, 2, draws)).any()


def in_the_last_place(device):
    """300 numbers; the last one in steps of rounding."""
    y = targets(device, 1, 300).repeat(20, 1)
    steps = torch.arange(20, device=device, dtype=torch.int32)
    y[:, -1] = (y[:, -1].contiguous().view(torch.int32) + steps).view(torch.float32)
    return y


ALIKE = {
    "a line": lambda device: torch.linspace(-1, 1, 20, device=device)[:, None],
    "whole numbers": lambda device: torch.arange(20.0, device=device)[:, None],
    "the last of 300": in_the_last_place,
    "one among zeros": lambda device: torch.eye(20, device=device),
}


@pytest.mark.parametrize("alike", ALIKE)
def test_the_draws_of_different_targets_are_uncorrelated(device, alike):
    y = ALIKE[alike](device)
    z = normal_for(y, 1000, 2, generator(0))
    assert len(z[:, 0, 0].unique()) == 20
    found = correlations(z)  # 190 pairs
    assert found.abs().max() < 4.5
    assert kstest(found.cpu().numpy(), "norm").pvalue > 1e-3


@EACH
def test_two_numbers_that_change_places_make_another_target(device, draw):
    y = targets(device)
    assert not (draw(y, 5, 2, generator(0)) == draw(y.flip(1), 5, 2, generator(0))).any()
