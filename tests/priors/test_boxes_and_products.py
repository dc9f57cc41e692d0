"""Boxes, normal laws and their products."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from invlab import Box, Normal, Product
from invlab.priors import Prior
from invlab.runtime import generator

BOX = Box([-1.0, 0.0], [1.0, 5.0])
PRIORS = [BOX, Normal([0.0, 3.0], [1.0, 2.0]), Product(Box([0.0], [1.0]), Normal([2.0], [0.5]))]


@pytest.mark.parametrize("prior", PRIORS, ids=lambda prior: type(prior).__name__)
def test_each_prior_gives_seeded_float64_draws_on_the_cpu(prior):
    assert isinstance(prior, Prior)
    draws = prior.sample(7, generator=generator(1))
    assert draws.shape == (7, prior.dim)
    assert draws.dtype == torch.float64
    assert draws.device.type == "cpu"
    assert torch.equal(draws, prior.sample(7, generator=generator(1)))
    assert not torch.equal(draws, prior.sample(7, generator=generator(2)))


@pytest.mark.parametrize("prior", PRIORS, ids=lambda prior: type(prior).__name__)
@pytest.mark.parametrize(("n", "error"), [(0, ValueError), (-1, ValueError), (2.0, TypeError)])
def test_a_bad_number_of_draws_is_refused(prior, n, error):
    with pytest.raises(error, match="^n: expected"):
        prior.sample(n)


corners = st.lists(
    st.tuples(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6)), min_size=1, max_size=4
).map(lambda edges: Box([low for low, _ in edges], [low + width for low, width in edges]))


@settings(max_examples=40, deadline=None)
@given(box=corners)
def test_draws_center_and_clipped_points_lie_in_the_box(box):
    assert box.contains(box.sample(50, generator=generator(0))).all()
    assert box.contains(box.center)
    clipped = box.clip(box.center + 10 * torch.randn(20, box.dim).double() * box.width)
    assert box.contains(clipped).all()
    assert torch.equal(box.clip(clipped), clipped)


def test_a_box_contains_its_border_and_nothing_beyond(device):
    x = torch.tensor([[-1.0, 0.0], [1.0, 5.0], [1.01, 1.0], [0.0, -0.01]], device=device)
    assert BOX.contains(x).tolist() == [True, True, False, False]
    assert BOX.contains(x.reshape(2, 2, 2)).shape == (2, 2)


def test_width_center_and_bounds_of_a_box():
    assert BOX.width.tolist() == [2, 5]
    assert BOX.center.tolist() == [0, 2.5]
    assert BOX.bounds is BOX
    assert repr(BOX) == "Box([-1.0, 0.0], [1.0, 5.0])"


def test_clip_keeps_dtype_and_device(device):
    x = torch.full((3, 2), 9.0, device=device)
    clipped = BOX.clip(x)
    assert clipped.dtype == x.dtype
    assert clipped.device == x.device
    assert clipped.tolist() == [[1, 5]] * 3


def test_a_box_copies_the_callers_corners():
    low = torch.zeros(1, dtype=torch.float64)
    box = Box(low, [1.0])
    low += 5
    assert box.low.item() == 0


@pytest.mark.parametrize(
    ("low", "high", "message"),
    [
        ([0.0], [1.0, 2.0], "same length, got 1 and 2"),
        ([0.0, 1.0], [1.0, 1.0], "low < high"),
        ([2.0], [1.0], "low < high"),
        ([float("nan")], [1.0], "low: expected a list of finite numbers"),
        ([0.0], [float("inf")], "high: expected a list of finite numbers"),
        ([], [], "low: expected a list of finite numbers"),
    ],
)
def test_a_box_with_bad_corners_is_refused(low, high, message):
    with pytest.raises(ValueError, match=message):
        Box(low, high)


def test_single_numbers_are_the_corners_of_one_unknown():
    assert Box(0.0, 2.0).dim == 1
    assert Box(0.0, 2.0).center.tolist() == [1.0]


def test_the_box_around_points_is_the_smallest_that_holds_them(device):
    x = torch.tensor([[0.1, 5.0], [-3.0, 7.0], [0.2, 6.0]], device=device)
    box = Box.around(x)
    assert box.low.tolist() == pytest.approx([-3, 5])
    assert box.high.tolist() == pytest.approx([0.2, 7])
    assert (box.low.dtype, box.low.device.type) == (torch.float64, "cpu")
    assert box.contains(x).all()


@pytest.mark.parametrize("constant", [0.0, 0.1, -1e6])
def test_the_box_around_an_unknown_that_does_not_vary_has_a_little_room(device, constant):
    x = torch.tensor([[constant, 0.0], [constant, 1.0]], device=device)
    box = Box.around(x)
    assert 0 < box.width[0] < 1e-5 * (1 + abs(constant))
    assert box.width[1] == 1
    assert box.center[0].item() == pytest.approx(constant)
    assert box.contains(x).all()


def test_the_box_around_points_owes_nothing_to_their_gradients(device):
    x = torch.rand(4, 2, device=device, requires_grad=True)
    assert not Box.around(x).low.requires_grad


def test_the_bounds_of_a_normal_law_hold_95_percent_of_it():
    prior = Normal([10.0], [3.0])
    inside = prior.bounds.contains(prior.sample(20_000, generator=generator(0))).double().mean()
    # 20 000 draws: the share has a standard deviation of 0.0015
    assert abs(inside - 0.95) < 0.008


@pytest.mark.parametrize(("mean", "std"), [([0.0], [0.0]), ([0.0], [-1.0]), ([0.0, 0.0], [1.0])])
def test_a_normal_law_needs_one_std_above_zero_for_each_mean(mean, std):
    with pytest.raises(ValueError, match="one std above zero for each mean"):
        Normal(mean, std)


def test_a_product_keeps_the_order_of_its_factors():
    prior = Product(Box([0.0], [1.0]), Box([10.0, 20.0], [11.0, 21.0]))
    assert prior.dim == 3
    assert prior.bounds.low.tolist() == [0, 10, 20]
    assert prior.bounds.high.tolist() == [1, 11, 21]
    assert prior.bounds.contains(prior.sample(50)).all()


def test_the_factors_of_a_product_are_independent():
    draws = Product(Box([0.0], [1.0]), Box([0.0], [1.0])).sample(4000, generator=generator(0))
    assert abs(torch.corrcoef(draws.T)[0, 1]) < 0.08  # five standard deviations of 4000 pairs


def test_an_empty_product_is_refused():
    with pytest.raises(ValueError, match="at least one prior"):
        Product()


def test_a_box_does_not_round_its_corners_to_the_dtype_of_whole_numbers():
    half = Box([0.5], [2.5])
    x = torch.arange(4)[:, None]
    assert half.contains(x).tolist() == [False, True, True, False]
    assert half.clip(x)[:, 0].tolist() == [0.5, 1, 2, 2.5]
    assert half.log_prob(x).exp().tolist() == [0, 0.5, 0.5, 0]


@pytest.mark.parametrize("value", [5e-9, 3.0, -2e20, 0.0, 1e-310])
def test_an_unknown_that_does_not_vary_gets_room_in_its_own_size(value):
    box = Box.around(torch.full((4, 1), value, dtype=torch.float64))
    assert float(box.low) < value < float(box.high)
    room = 1e-6 * (abs(value) or 1.0)
    assert float(box.width) <= 2.01 * max(room, 1e-307)
