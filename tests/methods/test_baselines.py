"""Draws from the prior, and the look-up in the pairs."""

import pytest
import torch

from invlab import Box, Normal, Pairs, Task, get_method, load_method
from invlab.methods.baselines import MANY, draws_inside, nearest_rows
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
    model = get_method("nearest").fit(None, Pairs(x, y))
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


# a context that moves the answer, and is measured in thousands
SHIFT = Task("shift", lambda x, c: x + c / 1000, Box([0.0], [1.0]), context=Box([0.0], [1000.0]))


def test_near_is_meant_in_the_observation_and_in_the_context(device):
    x = torch.tensor([[0.1], [0.9], [0.5]], device=device)
    c = torch.tensor([[900.0], [100.0], [500.0]], device=device)
    model = get_method("nearest").fit(SHIFT, Pairs(x, SHIFT.simulate(x, c), c))
    y = torch.ones(2, 1, device=device)
    found = model.propose(y, 1, torch.tensor([[110.0], [850.0]], device=device))
    assert found.flatten().tolist() == pytest.approx([0.9, 0.1])


def test_an_offset_of_the_observations_costs_no_digits():
    far = Task("far", lambda x: 1e8 + x.square(), Box([0.0], [1.0]))
    data = far.sample(100, dtype=torch.float64)
    found = get_method("nearest").fit(far, data).propose(data.y)
    assert torch.equal(found[:, 0], data.x)


HALF = Task("half", lambda x: 10 * x, Box([0.0], [1.0]), box=Box([0.0], [0.5]))


def test_what_is_looked_up_lies_in_the_box():
    data, y = HALF.sample(40), HALF.targets(5, seed=0).y
    model = get_method("nearest").fit(HALF, data)
    x = model.propose(y, 10)
    assert HALF.box.contains(x).all()
    assert (x[..., None, 0] == data.x[:, 0]).any(-1).all()
    inner = Box([0.2], [0.3])
    assert inner.contains(model.propose(y, 2, bounds=inner)).all()
    free = get_method("nearest", bounds="free").fit(HALF, data)
    assert not HALF.box.contains(free.propose(y, 10)).all()
    inside = int(HALF.box.contains(data.x).sum())
    with pytest.raises(ValueError, match=rf"n of at most {inside} pairs in Box.*, got 40"):
        model.propose(y, 40)


def test_draws_of_the_prior_lie_in_a_narrower_box():
    y = HALF.targets(3, seed=0).y
    found = {
        bounds: get_method("prior", bounds=bounds).fit(HALF, HALF.sample(3)).propose(y, 400)[0]
        for bounds in ("reject", "clip", "free")
    }
    assert (found["clip"] == 0.5).float().mean() > 0.3
    assert torch.equal(found["clip"], found["free"].clamp(0, 0.5))
    # again is drawn what falls outside: still uniform
    assert found["reject"].max() < 0.5
    assert found["reject"].mean().item() == pytest.approx(0.25, abs=0.03)
    assert torch.equal(
        get_method("prior").fit(HALF, HALF.sample(3)).propose(y, 400)[0], found["reject"]
    )


def test_a_box_that_the_prior_hardly_reaches_is_filled_all_the_same():
    prior, box = Normal([0.0], [1.0]), Box([30.0], [31.0])
    assert box.contains(draws_inside(prior, 20, box, generator(0))).all()


@pytest.mark.parametrize("name", ["nearest", "prior"])
def test_they_are_saved_and_read(name, tmp_path):
    model = get_method(name).fit(SHIFT, SHIFT.sample(30), seed=5)
    targets = SHIFT.targets(3, seed=0)
    model.save(tmp_path / "model")
    x = load_method(tmp_path / "model").propose(targets.y, 4, targets.c)
    assert torch.equal(x, model.propose(targets.y, 4, targets.c))
    assert x.is_contiguous()


@pytest.mark.parametrize("dy", [1, 3])
def test_many_targets_are_looked_up_as_few_are(dy):
    draws = torch.Generator().manual_seed(0)
    pool = torch.randn(9000, dy, generator=draws)
    y = torch.randn(4000, dy, generator=draws)
    assert len(y) * len(pool) > MANY
    many = nearest_rows(y, pool, 3)
    few = nearest_rows(y[:50], pool, 3)
    assert torch.equal(many[:50], few)
    assert torch.equal(nearest_rows(y, pool, 1), many[:, :1])


def test_a_look_up_says_how_many_pairs_it_can_give():
    data = HALF.sample(40)
    inside = int(HALF.box.contains(data.x).sum())
    for bounds, most in {"clip": inside, "free": 40}.items():
        model = get_method("nearest", bounds=bounds)
        with pytest.raises(ValueError, match=r"nearest: call fit\(task, data\)"):
            _ = model.most
        assert model.fit(HALF, data).most == most
        assert model.propose(data.y[:2], most).shape == (2, most, 1)
