"""Draws from the prior, and the look-up in the pairs."""

import pytest
import torch

from invlab import Box, Pairs, Task, get_method
from invlab.methods.baselines import nearest_rows
from invlab.runtime import generator

LINE = Task("line", lambda x: 10 * x, Box([0.0], [1.0]))


def test_draws_are_shared_by_the_targets_and_are_those_of_the_prior(device):
    y = torch.rand(4, 1, device=device)
    model = get_method("prior").fit(LINE, LINE.sample(3))
    x = model.propose(y, 500)
    assert torch.equal(x, x[:1].expand(4, -1, -1))
    assert LINE.prior.contains(x).all()
    assert x.std().item() == pytest.approx(12**-0.5, rel=0.1)
    expected = LINE.prior.sample(500, generator=generator(3)).to(x)
    assert torch.equal(model.propose(y, 500, generator=generator(3))[2], expected)


def test_more_draws_begin_with_the_fewer(device):
    y = torch.rand(2, 1, device=device)
    model = get_method("prior").fit(LINE, LINE.sample(3))
    assert torch.equal(model.propose(y, 10)[:, :4], model.propose(y, 4))


def test_a_draw_needs_to_know_nothing(device):
    task = Task("shift", lambda x, c: x + c, Box([0.0], [1.0]), context=Box([0.0], [1.0]))
    model = get_method("prior").fit(task, task.sample(3))
    y = torch.zeros(2, 30, 30, device=device)
    assert model.propose(y, 5, c=torch.zeros(2, 1, device=device)).shape == (2, 5, 1)


def test_the_nearest_pairs_come_in_the_order_of_their_distance(device):
    x = torch.tensor([[0.1], [0.5], [0.9], [0.4]], device=device)
    model = get_method("nearest").fit(LINE, Pairs(x, 10 * x))
    y = torch.tensor([[4.2], [9.9]], device=device)
    found = model.propose(y, 4)[..., 0]
    assert found[0].tolist() == pytest.approx([0.4, 0.5, 0.1, 0.9])
    assert found[1].tolist() == pytest.approx([0.9, 0.5, 0.4, 0.1])


def test_the_distance_is_in_standard_deviations_of_each_observation(device):
    # the second observation is a thousand times larger and says nothing
    y = torch.tensor([[0.0, 1000.0], [1.0, -1000.0]], device=device)
    x = torch.tensor([[0.0], [1.0]], device=device)
    model = get_method("nearest").fit(LINE, Pairs(x, y))
    assert model.propose(torch.tensor([[0.9, 500.0]], device=device)).item() == 1


def test_what_is_looked_up_are_training_unknowns(device):
    data = LINE.sample(30)
    found = get_method("nearest").fit(LINE, data).propose(LINE.targets(9, seed=0).y, 5)
    assert (found[..., None, 0] == data.x[:, 0]).any(-1).all()


def test_a_pair_is_found_by_its_own_observation(device):
    data = LINE.sample(200)  # more than are compared at once
    found = get_method("nearest").fit(LINE, data).propose(data.y)
    assert torch.equal(found[:, 0], data.x)


def test_close_points_are_told_apart_far_from_zero(device):
    pool = 1000 + torch.arange(50.0, device=device)[:, None].repeat(1, 3) / 1000
    assert nearest_rows(pool, pool, 1)[:, 0].tolist() == list(range(50))


def test_the_order_means_something_where_it_does():
    assert get_method("prior").exchangeable
    assert not get_method("nearest").exchangeable
