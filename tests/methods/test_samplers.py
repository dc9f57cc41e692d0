"""What the models of p(x | y) share, and what each of them adds to it."""

import copy
import math
import sys

import pytest
import torch
from torch.distributions import Normal as NormalLaw
from torch.distributions import kl_divergence

from invlab import (
    Box,
    Integer,
    Normal,
    Pairs,
    Product,
    Task,
    compare,
    get_method,
    get_task,
    load_method,
)
from invlab.methods.flow_matching import adams_bashforth, runge_kutta, times
from invlab.methods.sampler import Sampler, normal_like
from invlab.networks.mlp import Standardizer
from invlab.runtime import device as device_of_tests
from invlab.runtime import generator

BRIEF = {"epochs": 2, "batch_size": 16, "width": 8, "layers": 2}
TINY = {
    "mixture_density": BRIEF | {"components": 3},
    "cvae": BRIEF,
    "inn": BRIEF | {"blocks": 2},
    "cinn": BRIEF | {"blocks": 2},
    "flow_matching": BRIEF | {"ode_steps": 2},
    "spline_flow": BRIEF | {"transforms": 2, "bins": 3},
}
SQUARE = get_task("square")

each_model = pytest.mark.parametrize("name", TINY)


def task_of(dx, dy):
    """``dx`` unknowns, ``dy`` observations: waves of their weighted sum."""
    waves = torch.linspace(0.5, 1.5, dy)

    def simulate(x):
        weighted = (x * torch.arange(1, dx + 1).to(x)).sum(-1, keepdim=True)
        return (weighted * waves.to(x)).sin()

    return Task(f"{dx} to {dy}", simulate, Box([-1.0] * dx, [2.0] * dx))


def fitted(name, task=SQUARE, *, seed=0, data=None, **options):
    data = task.sample(48) if data is None else data
    return get_method(name, **TINY[name] | options).fit(task, data, seed=seed)


def built(name, dx, dy, **options):
    """Untrained, in unit scales, in double precision, with weights that do something."""
    model = get_method(name, **TINY[name] | options).build(dx, dy)
    with torch.no_grad():
        for i, weight in enumerate(model.parameters()):
            weight += 0.3 * torch.randn(weight.shape, generator=generator(0, i))
    return model.to(device_of_tests(), torch.float64).requires_grad_(False)


def rows(*shape, stream="rows"):
    """Normal numbers, in double precision."""
    draws = torch.randn(shape, generator=generator(4, stream), dtype=torch.float64)
    return draws.to(device_of_tests())


# What they share


@each_model
def test_it_is_a_sampler_whose_guesses_have_no_order(name):
    model = get_method(name)
    assert isinstance(model, Sampler)
    assert model.exchangeable


@pytest.mark.parametrize("dy", [1, 3, 300])
@pytest.mark.parametrize("dx", [1, 2, 3])
@each_model
def test_unknowns_and_observations_may_be_few_or_many(name, dx, dy):
    task = task_of(dx, dy)
    model, y = fitted(name, task), task.targets(4, seed=0).y
    x = model.propose(y, 5)
    assert x.shape == (4, 5, dx)
    assert x.isfinite().all()
    # no two draws are the same
    assert len(model.propose(y[:1], 50)[0].unique(dim=0)) > (25 if dx == 1 else 45)
    assert list(model.history) == ["density"]
    assert model.history["density"].total.isfinite().all()
    assert model.history["density"].validation.shape == (2, 1)


@pytest.mark.parametrize(("dx", "dy"), [(1, 1), (2, 3), (2, 300)])
@each_model
def test_a_saved_model_loads_into_a_fresh_one(name, dx, dy):
    task = task_of(dx, dy)
    model, y = fitted(name, task), task.targets(4, seed=0).y
    fresh = get_method(name, **TINY[name]).build(dx, dy).to(y.device)
    assert not torch.equal(fresh.propose(y, 3), model.propose(y, 3))
    fresh.load_state_dict(model.state_dict())
    assert torch.equal(fresh.propose(y, 3), model.propose(y, 3))


@each_model
def test_clipped_draws_are_free_ones_moved_into_the_range_of_the_training_x(name):
    data = SQUARE.sample(60)
    model = fitted(name, data=data)
    free = copy.copy(model)
    free.bounds = "free"
    y = 100 * SQUARE.targets(20, seed=0).y
    far, held = free.propose(y, 30), model.propose(y, 30)
    # the training x are at least a part of the pairs
    assert data.x.amin() <= model.low < model.high <= data.x.amax()
    assert ((far < model.low) | (far > model.high)).any()
    torch.testing.assert_close(held, far.clamp(model.low, model.high).to(held))


@each_model
def test_the_range_and_the_scales_come_from_the_training_split_alone(name):
    data = SQUARE.sample(100)
    held = data.split(0.3, generator=generator(5, "held out"))[1]
    kept = data.split(0.3, generator=generator(5, "held out"))[0]
    model = fitted(name, data=data, seed=5, held_out=0.3)
    assert torch.equal(model.low, kept.x.amin(0).double())
    assert torch.equal(model.high, kept.x.amax(0).double())
    for scaler, values in ((model.x_scaler, kept.x), (model.y_scaler, kept.y)):
        torch.testing.assert_close(scaler.shift, values.double().mean(0))
        torch.testing.assert_close(scaler.scale, values.double().std(0, correction=0))
    # other held-out pairs, same training pairs: the scales stay
    order = torch.randperm(100, generator=generator(5, "held out")).to(data.x.device)
    moved = Pairs(data.x.clone(), data.y.clone())
    moved.x[order[:30]] = 3 * held.x
    again = fitted(name, data=moved, seed=5, held_out=0.3)
    assert torch.equal(again.x_scaler.scale, model.x_scaler.scale)
    assert torch.equal(again.high, model.high)


@each_model
def test_given_scales_are_kept(name):
    x_scaler, y_scaler = Standardizer([1.0], [20.0]), Standardizer([5.0], [300.0])
    model = fitted(name, x_scaler=x_scaler, y_scaler=y_scaler)
    assert (model.x_scaler.shift.item(), model.x_scaler.scale.item()) == (1, 20)
    assert (model.y_scaler.shift.item(), model.y_scaler.scale.item()) == (5, 300)


@pytest.mark.parametrize("bounds", ["clip", "free"])
@each_model
def test_targets_far_away_give_finite_draws(name, bounds):
    task = task_of(2, 3)
    y = 100 * task.targets(20, seed=0).y
    assert fitted(name, task, bounds=bounds).propose(y, 20).isfinite().all()


@each_model
def test_fewer_guesses_are_the_first_of_more(name):
    model, y = fitted(name), SQUARE.targets(4, seed=0).y
    # products of another size may sum in another order
    torch.testing.assert_close(model.propose(y, 20)[:, :3], model.propose(y, 3), rtol=0, atol=1e-3)


@each_model
def test_many_guesses_are_made_in_pieces(name, monkeypatch):
    model, y = fitted(name), SQUARE.targets(7, seed=0).y
    whole = model.propose(y, 9)
    monkeypatch.setattr("invlab.methods.sampler.CHUNK", 10)
    torch.testing.assert_close(model.propose(y, 9), whole, rtol=0, atol=1e-3)


@each_model
def test_equal_targets_get_equal_draws_and_others_get_others(name):
    y = SQUARE.targets(2, seed=0).y[[0, 1, 0]]
    x = fitted(name, bounds="free").propose(y, 5)
    torch.testing.assert_close(x[0], x[2], rtol=0, atol=1e-3)
    assert not (x[0] == x[1]).any()


@each_model
def test_pairs_too_few_for_a_split_are_refused(name):
    data = SQUARE.sample(3)
    assert fitted(name, data=data).propose(data.y, 2).isfinite().all()
    said = rf"^{name}: held_out=0.2 of 2 pairs leaves none .* give more pairs, or held_out=0$"
    with pytest.raises(ValueError, match=said):
        fitted(name, data=data[:2])
    with pytest.raises(ValueError, match="of 30 pairs leaves none .*; all of them are equal, and"):
        fitted(name, data=data[[0] * 30])


@each_model
def test_several_seeds_are_refused(name):
    with pytest.raises(ValueError, match=rf"{name}: expected one seed, got \[0, 1\]"):
        fitted(name, seed=[0, 1])


@each_model
def test_a_fitted_model_is_frozen_and_can_be_fitted_again(name):
    model = fitted(name)
    assert not any(weight.requires_grad for weight in model.parameters())
    task = task_of(2, 3)
    y = task.targets(3, seed=0).y
    again = model.fit(task, task.sample(48)).propose(y, 2)
    torch.testing.assert_close(again, fitted(name, task).propose(y, 2))


@each_model
def test_noise_on_the_training_x_is_for_training_alone(name):
    y = SQUARE.targets(4, seed=0).y
    calm, shaken = (fitted(name, x_jitter=jitter) for jitter in (0.0, 0.5))
    assert not torch.equal(calm.propose(y, 2), shaken.propose(y, 2))
    assert torch.equal(calm.x_scaler.scale, shaken.x_scaler.scale)
    assert torch.equal(calm.high, shaken.high)


BAD = {
    "bounds": ("box", "bounds: expected one of 'clip', 'reject', 'free', got 'box'"),
    "fourier_octaves": (-1, "expected fourier_octaves >= 0"),
    "x_jitter": (-0.1, "x_jitter >= 0"),
    "width": (0, "^width: expected at least 1, got 0"),
    "layers": (0, "^layers: expected at least 1, got 0"),
}


@pytest.mark.parametrize("option", BAD)
@each_model
def test_bad_options_are_named(name, option):
    value, message = BAD[option]
    with pytest.raises(ValueError, match=message):
        get_method(name, **{option: value})


@pytest.mark.parametrize(
    ("name", "option", "message"),
    [
        ("mixture_density", {"components": 0}, "^components: expected at least 1"),
        ("cvae", {"latent": 0}, "^latent: expected at least 1"),
        ("cvae", {"beta": -1.0}, "cvae: expected beta >= 0"),
        ("cvae", {"warm_up": 1.5}, "cvae: expected .*warm_up from 0 to 1"),
        ("cvae", {"sigma": 0.0}, "cvae: expected .*sigma > 0"),
        ("inn", {"latent_norm": "l2"}, "^latent_norm: expected 'output' or 'dead', got 'l2'"),
        ("inn", {"sigma": 0.0}, "^sigma: expected a width above 0 and at most 1, got 0.0"),
        ("inn", {"sigma": 2.0}, "^sigma: expected a width above 0 and at most 1, got 2.0"),
        ("inn", {"blocks": 0}, "^blocks: expected at least 1"),
        ("cinn", {"blocks": 0}, "^blocks: expected at least 1"),
        ("cinn", {"padding": -1}, "cinn: expected a padding of at least 0, got -1"),
        ("flow_matching", {"ode_steps": 0}, "^ode_steps: expected at least 1"),
    ],
)
def test_bad_options_of_one_model_are_named(name, option, message):
    with pytest.raises(ValueError, match=message):
        get_method(name, **option)


@pytest.mark.parametrize("name", [name for name in TINY if name != "inn"])
def test_features_of_a_long_y_are_learned_and_a_short_one_is_taken_as_it_is(name):
    assert list(built(name, 2, 16).encoder.parameters()) == []
    assert built(name, 2, 17).encoder(rows(4, 17)).shape == (1, 4, 32)
    assert built(name, 2, 3, summary_dim=5).encoder(rows(4, 3)).shape == (1, 4, 5)
    with pytest.raises(ValueError, match="^summary_dim: expected at least 1"):
        get_method(name, summary_dim=0)


# Contexts

# one answer, which y and the context say together
SHIFT = Task(
    "shift",
    lambda x, c: torch.cat([x + c, x - 2 * c], -1),
    Box([0.0], [1.0]),
    context=Box([10.0], [30.0]),
)


@each_model
@pytest.mark.slow
def test_what_is_drawn_follows_the_context(name):
    options = {"epochs": 25, "batch_size": 50, "width": 24, "layers": 3, "lr": 1e-2}
    more = {"inn": {"blocks": 2}, "cinn": {"blocks": 2, "padding": 0}}.get(name, {})
    if name == "mixture_density":
        more = {"components": 2}
    line = Task("line", lambda x, c: x + c, Box([0.0], [1.0]), context=Box([-1.0], [1.0]))
    model = get_method(name, **options, **more, fourier_octaves=0).fit(line, line.sample(500))
    targets = line.targets(30, seed=0)
    x = model.propose(targets.y, 20, targets.c)
    # y alone leaves x open by 0.3 or so
    assert (x.mean(1) - targets.x).square().mean().sqrt() < 0.12
    wrong = model.propose(targets.y, 20, targets.c.flip(0)).mean(1) - targets.x
    assert wrong.square().mean().sqrt() > 0.2


@each_model
def test_targets_of_one_observation_and_other_contexts_get_other_noise(name):
    model = fitted(name, SHIFT, bounds="free")
    y = SHIFT.targets(1, seed=0).y.repeat(2, 1)
    c = torch.tensor([[12.0], [25.0]], device=y.device)
    x = model.propose(y, 4, c)
    assert not torch.equal(x[0].argsort(0), x[1].argsort(0)) or not torch.allclose(x[0], x[1])
    torch.testing.assert_close(model.propose(y[:1], 4, c[:1])[0], x[0], rtol=0, atol=1e-4)


@each_model
def test_a_learned_summary_of_y_leaves_the_context_as_it_is(name):
    if name == "inn":
        return
    model = get_method(name, **TINY[name]).build(2, 40, c_dim=3)
    seen = model._seen(torch.zeros(5, 40), torch.ones(5, 3))
    assert seen.shape == (1, 5, 35)
    assert (seen[..., 32:] == 1).all()


# The box of a task, of a call, and draws made again

NARROW = Task("narrow", lambda x: x.square(), Box([-1.0], [1.0]), box=Box([-0.25], [0.5]))


@pytest.mark.filterwarnings("ignore:.*fell outside:UserWarning")
@pytest.mark.parametrize("bounds", ["clip", "reject"])
@each_model
def test_draws_lie_in_the_box_that_was_given_to_the_task(name, bounds):
    model = fitted(name, NARROW, bounds=bounds)
    for dtype in (torch.float32, torch.float64):
        x = model.propose(NARROW.targets(5, seed=0, dtype=dtype).y, 40)
        assert NARROW.box.contains(x).all()
        inner = Box([-0.1], [0.3])
        assert inner.contains(model.propose(NARROW.targets(5, seed=0).y, 40, bounds=inner)).all()
    with pytest.raises(ValueError, match=f"{name}: bounds: expected a box inside"):
        model.propose(NARROW.targets(5, seed=0).y, bounds=Box([-1.0], [0.3]))
    with pytest.raises(ValueError, match=f"{name}: bounds: expected a box of 1 unknowns, got 2"):
        model.propose(NARROW.targets(5, seed=0).y, bounds=Box([-0.1] * 2, [0.3] * 2))


@each_model
def test_free_draws_may_leave_the_box(name):
    x = fitted(name, NARROW, bounds="free").propose(NARROW.targets(5, seed=0).y, 40)
    assert not NARROW.box.contains(x).all()


def drawn(name, bounds, y, n=200, **options):
    model = fitted(name, NARROW, bounds=bounds)
    return model, model.propose(y, n, **options)


@pytest.mark.filterwarnings("ignore:.*fell outside:UserWarning")
@each_model
def test_what_falls_outside_is_drawn_again_and_its_share_is_told(name):
    y = NARROW.targets(4, seed=0).y
    _, free = drawn(name, "free", y)
    model, again = drawn(name, "reject", y)
    inside = NARROW.box.contains(free)
    # what was inside stays
    torch.testing.assert_close(again[inside], free[inside])
    # nothing piles up on the edge, as it does by clipping
    low, high = NARROW.box.low.to(again), NARROW.box.high.to(again)
    assert ((again > low) & (again < high)).float().mean() > 0.99
    assert 0 < model.rejected < 1
    assert model.rejected > 0.5 * (~inside).float().mean()
    # fewer are the first of more, and a target's draws are its own
    torch.testing.assert_close(model.propose(y, 7), again[:, :7], rtol=0, atol=1e-4)
    torch.testing.assert_close(model.propose(y[1:2], 200)[0], again[1], rtol=0, atol=1e-4)


@pytest.mark.filterwarnings("ignore:.*fell outside:UserWarning")
def test_the_draws_of_a_rejecting_model_are_those_of_its_density_in_the_box():
    model = built("mixture_density", 1, 1, bounds="reject").float()
    box, y = Box([-0.4], [0.7]), torch.zeros(1, 1, device=device_of_tests())
    model.facts["box"] = box
    x = model.propose(y, 20_000)[0, :, 0]
    points = torch.linspace(-0.4, 0.7, 2001, device=y.device)
    density = model.log_density(points[None, :, None], y)[0].exp()
    for cut in (-0.2, 0.0, 0.2, 0.5):
        expected = density[points <= cut].sum() / density.sum()
        # four standard errors
        assert (x <= cut).float().mean().item() == pytest.approx(expected.item(), abs=0.014)


def test_a_model_that_misses_the_box_says_so_and_does_not_draw_for_ever(monkeypatch):
    model = built("mixture_density", 1, 1, bounds="reject").float()
    model.facts["box"] = Box([1e3], [1e3 + 1])
    calls = []
    original = model.transform
    monkeypatch.setattr(model, "transform", lambda z, y: calls.append(1) or original(z, y))
    with pytest.warns(
        UserWarning, match=r"mixture_density: 100% of the draws .* 6 of 6 were still"
    ):
        x = model.propose(torch.zeros(2, 1, device=device_of_tests()), 3)
    assert (x == 1e3).all()
    assert model.rejected == 1
    assert len(calls) < 100


@pytest.mark.filterwarnings("ignore:.*fell outside:UserWarning")
def test_a_call_with_the_same_generator_does_not_depend_on_the_call_before():
    model = built("mixture_density", 1, 1, bounds="reject").float()
    model.facts["box"] = Box([-0.5], [0.5])
    y = torch.zeros(2, 1, device=device_of_tests())
    after = []
    for first in (y[:1], y):
        draws = generator(3)
        model.propose(first, 50, generator=draws)
        after.append(model.propose(y, 5, generator=draws))
    assert torch.equal(*after)


# Densities

WITH_DENSITY = ["cinn", "flow_matching", "mixture_density", "spline_flow"]


def test_which_models_have_a_density():
    found = [name for name in TINY if get_method(name).gives_density]
    assert sorted(found) == WITH_DENSITY
    assert not get_method("cinn", padding=2).gives_density
    for model in (fitted("cvae"), fitted("cinn", padding=2)):
        with pytest.raises(TypeError, match="has no density"):
            model.log_density(torch.zeros(3, 2, 1), torch.zeros(3, 1))


@pytest.mark.parametrize("task", ["sine", "square"])
@pytest.mark.parametrize("name", WITH_DENSITY)
def test_a_density_integrates_to_one_in_the_units_of_x(name, task):
    task = get_task(task)
    options = {"epochs": 4, "batch_size": 50, "width": 16, "layers": 3, "lr": 3e-3}
    model = get_method(name, **options, fourier_octaves=0).fit(task, task.sample(500))
    y = task.targets(2, seed=0).y
    # beyond the box too, as far as a model of few epochs puts something
    low, width = task.box.low.to(y), task.box.width.to(y)
    count = 801 if task.x_dim == 1 else 121
    axis = torch.linspace(-1.5, 2.5, count, device=y.device)
    points = torch.stack(torch.meshgrid(*[axis] * task.x_dim, indexing="ij"), -1).flatten(0, -2)
    x = (low + width * points).expand(2, -1, -1)
    density = model.log_density(x, y).double().exp().sum(1)
    volume = (width.double() * 4 / (count - 1)).prod()
    torch.testing.assert_close(density * volume, torch.ones_like(density), rtol=0, atol=0.03)


@pytest.mark.parametrize("name", WITH_DENSITY)
def test_a_density_is_that_of_the_draws(name):
    model = fitted(name, bounds="free")
    y = SQUARE.targets(1, seed=0).y
    x = model.propose(y, 4000)[0, :, 0]
    points = torch.linspace(-150, 150, 3001, device=y.device)
    density = model.log_density(points[None, :, None], y)[0].exp() * 0.1
    for cut in x.quantile(torch.tensor([0.1, 0.3, 0.5, 0.7, 0.9], device=x.device)):
        # four standard errors of the draws, and half a step of the grid
        expected = (x <= cut).float().mean().item()
        assert density[points <= cut].sum().item() == pytest.approx(expected, abs=0.04)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cinn", "mixture_density"])
def test_a_density_is_that_of_a_known_posterior(name, device):
    # x ~ N(3, 2²), y = x + c + noise of 1: the posterior is N(3 + 0.8 (y − c − 3), 0.8)
    def simulate(x, c):
        noise = torch.randn(x.shape, generator=generator(1), dtype=x.dtype).to(x)
        return x + c + noise

    law = Normal([3.0], [2.0])
    task = Task("noisy", simulate, law, context=Box([-1.0], [1.0]), noisy=True)
    more = {"cinn": {"padding": 0, "blocks": 2}, "mixture_density": {"components": 1}}
    options = {"width": 24, "layers": 3, "epochs": 20, "batch_size": 100, "lr": 1e-2}
    model = get_method(name, **options | more[name], fourier_octaves=0)
    model.fit(task, task.sample(4000))
    y = torch.tensor([[1.0], [3.0], [5.0]], device=device)
    c = torch.tensor([[0.5], [0.0], [-0.5]], device=device)
    mean = 3 + 0.8 * (y - c - 3)
    x = mean[:, None] + torch.linspace(-1.5, 1.5, 7, device=device)[:, None]
    expected = NormalLaw(mean[:, None], 0.8**0.5).log_prob(x)[..., 0]
    # a wrong unit of x would shift all by ln 2
    found = model.log_density(x, y, c)
    torch.testing.assert_close(found, expected, rtol=0, atol=0.5)
    assert (found - expected).mean().abs() < 0.1


def test_a_density_does_not_depend_on_what_is_asked_with_it():
    for name in WITH_DENSITY:
        model, y = fitted(name), SQUARE.targets(3, seed=0).y
        x = 10 * rows(3, 5, 1).to(y)
        together = model.log_density(x, y)
        alone = model.log_density(x[1:2, 2:3], y[1:2])
        torch.testing.assert_close(together[1:2, 2:3], alone, rtol=1e-3, atol=1e-3)
        with pytest.raises(ValueError, match=rf"{name}: x: expected shape \(3, n, 1\)"):
            model.log_density(x[:2], y)


def test_the_density_of_a_flow_is_that_of_its_draws():
    # a velocity −x shrinks normal noise to a standard deviation of exp(−1)
    model = flowing(lambda x, t, y: -x[None], 32)
    x, y = 0.3 * rows(20, 2), rows(20, 1)
    expected = NormalLaw(0, math.exp(-1)).log_prob(x).sum(-1)
    torch.testing.assert_close(model.log_prob(x, y), expected, rtol=0, atol=1e-5)


# Inputs of other kinds


@each_model
@pytest.mark.slow
def test_an_offset_costs_no_digits(name):
    plain = Task("plain", lambda x: x.square(), Box([0.5], [1.5]))
    far = Task("far", lambda x: 1e8 + (x - 1e7).square(), Box([1e7 + 0.5], [1e7 + 1.5]))
    found, asked = [], plain.targets(20, seed=0, dtype=torch.float64).y
    for task, zero, offset in ((plain, 0.0, 0.0), (far, 1e7, 1e8)):
        model = fitted(name, task, data=task.sample(200, dtype=torch.float64), epochs=8)
        found.append((model.propose(asked + offset, 200) - zero).mean(1))
    # the same law of x, by other noise
    assert (found[0] - found[1]).abs().mean() < 0.05
    assert len(found[1].unique()) == 20
    y = far.targets(2, seed=0, dtype=torch.float64).y
    x = fitted(name, far, data=far.sample(60, dtype=torch.float64)).propose(y, 3)
    # two targets which float32 takes for one have noise of their own
    assert not torch.equal(x[0] - x[0].mean(), x[1] - x[1].mean())


@each_model
def test_whole_numbers_come_back_as_whole_numbers(name):
    law = Product(Integer([0], [6]), Box([0.0], [1.0]))
    task = Task("whole", lambda x: x.sum(-1, keepdim=True), law)
    data = task.sample(60)
    for bounds in ("clip", "free"):
        x = fitted(name, task, data=data, bounds=bounds).propose(data.y[:5], 20)
        assert torch.equal(x[..., 0], x[..., 0].round())
        assert not torch.equal(x[..., 1], x[..., 1].round())
    model = fitted(name, task, data=data)
    x = model.propose(data.y[:5], 20, bounds=Box([1.5, 0.0], [3.5, 1.0]))
    assert set(x[..., 0].unique().tolist()) <= {2.0, 3.0}
    with pytest.raises(ValueError, match=f"{name}: bounds: expected room for a whole number"):
        model.propose(data.y[:5], 20, bounds=Box([1.2, 0.0], [1.8, 1.0]))


@each_model
def test_nothing_is_changed_by_another_default_dtype_or_device(name):
    y, data = SQUARE.targets(3, seed=0).y, SQUARE.sample(48)
    before = fitted(name, data=data).propose(y, 4)
    try:
        torch.set_default_dtype(torch.float64)
        # a device that no number may stray to
        torch.set_default_device("meta")
        after = fitted(name, data=data).propose(y, 4)
    finally:
        torch.set_default_device(None)
        torch.set_default_dtype(torch.float32)
    assert torch.equal(after, before)


@each_model
def test_pairs_and_targets_that_require_a_gradient_are_left_alone(name):
    data, y = SQUARE.sample(48), SQUARE.targets(3, seed=0).y
    alive = Pairs(data.x.clone().requires_grad_(), data.y.clone().requires_grad_())
    x = fitted(name, data=alive).propose(y.clone().requires_grad_(), 4)
    assert not x.requires_grad
    assert alive.x.grad is None
    assert torch.equal(x, fitted(name, data=data).propose(y, 4))


@each_model
def test_half_precision_is_taken_and_given_back(name):
    data, y = get_task("sine").sample(48), get_task("sine").targets(3, seed=0).y
    half = Pairs(data.x.half(), data.y.half())
    x = fitted(name, get_task("sine"), data=half).propose(y.half(), 4)
    assert x.dtype == torch.float16
    assert x.isfinite().all()


@each_model
def test_without_held_out_pairs_the_last_weights_are_kept(name):
    model = fitted(name, data=SQUARE.sample(2), held_out=0)
    assert model.propose(SQUARE.targets(2, seed=0).y, 3).isfinite().all()
    assert model.history["density"].validation is None
    with pytest.raises(ValueError, match="held_out: expected a share from 0 to below 1, got 1"):
        get_method(name, held_out=1.0)


@each_model
def test_given_scales_stay_the_callers(name):
    given = Standardizer([1.0], [20.0])
    model = fitted(name, x_scaler=given)
    model.x_scaler.shift += 1
    assert given.shift.tolist() == [1]
    with pytest.raises(ValueError, match="x_scaler: expected 1 numbers, got 2"):
        fitted(name, x_scaler=Standardizer([1.0, 1.0], [2.0, 2.0]))


@each_model
def test_proposals_are_a_tensor_of_their_own(name):
    model, y = fitted(name), SQUARE.targets(3, seed=0).y
    x = model.propose(y, 4)
    assert x.is_contiguous()
    x.zero_()
    assert model.propose(y, 4).ne(0).any()


@each_model
def test_a_model_is_saved_with_its_context_and_read(name, tmp_path):
    targets = SHIFT.targets(4, seed=0, dtype=torch.float64)
    model = fitted(name, SHIFT)
    model.save(tmp_path / "model")
    found = load_method(tmp_path / "model")
    assert torch.equal(
        found.propose(targets.y, 5, targets.c), model.propose(targets.y, 5, targets.c)
    )
    assert repr(found) == repr(model)


# On a problem whose posterior is known: x ~ N(0, I), y = x₁ + x₂

SUM = Task("sum", lambda x: x.sum(-1, keepdim=True), Normal([0.0, 0.0], [1.0, 1.0]))
SHORT = {
    "mixture_density": {"components": 4, "width": 32, "layers": 3, "epochs": 15},
    "cvae": {"width": 48, "layers": 3, "epochs": 60, "fourier_octaves": 0, "lr": 3e-3},
    "inn": {"blocks": 3, "width": 24, "layers": 2, "epochs": 30, "fourier_octaves": 0},
    "cinn": {"blocks": 3, "width": 24, "layers": 2, "epochs": 25, "fourier_octaves": 0},
    "flow_matching": {"width": 48, "layers": 3, "epochs": 70, "fourier_octaves": 0},
    "spline_flow": {"bins": 4, "width": 24, "epochs": 15, "fourier_octaves": 0},
}


@pytest.mark.slow
@each_model
def test_draws_have_the_mean_and_covariance_of_a_known_posterior(name, device):
    model = get_method(name, **{"batch_size": 100, "lr": 5e-3} | SHORT[name])
    model.fit(SUM, SUM.sample(1500))
    y = torch.tensor([[-1.5], [-0.5], [0.0], [1.0], [1.5]], device=device)
    x = model.propose(y, 2000).double()
    # mean y/2 for both; variance 1 along (1, −1)/√2, that is 1/2 each, and none across
    assert (x.mean(1) - y / 2).abs().max() < 0.12
    along, across = (x[..., 0] - x[..., 1]) / 2**0.5, (x.sum(-1) - y) / 2**0.5
    assert ((along.var(1) - 1).abs() < 0.3).all()
    assert (across.var(1) < 0.05).all()
    covariance = torch.stack([torch.cov(draws.T) for draws in x]).mean(0)
    expected = torch.tensor([[0.5, -0.5], [-0.5, 0.5]]).to(x)
    torch.testing.assert_close(covariance, expected, rtol=0, atol=0.12)


# Mixture density network


def grid(dim, reach, count):
    """Points of a regular grid, and the volume of a cell of it."""
    axis = torch.linspace(-reach, reach, count, dtype=torch.float64, device=device_of_tests())
    points = torch.stack(torch.meshgrid(*[axis] * dim, indexing="ij"), -1).reshape(-1, dim)
    return points, (2 * reach / (count - 1)) ** dim


@pytest.mark.parametrize(("dim", "count"), [(1, 4001), (2, 401)])
def test_the_density_of_the_mixture_integrates_to_one(dim, count):
    model = built("mixture_density", dim, 2)
    points, volume = grid(dim, 40.0, count)
    for y in 0.3 * rows(3, 2):
        density = model.log_density(points[None], y[None])[0].exp()
        assert density.sum().item() * volume == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_draws_have_the_mean_and_covariance_of_the_mixture(dim):
    model, y = built("mixture_density", dim, 2, bounds="free").float(), rows(3, 2).float()
    log_weight, mean, factor = (part[0].double() for part in model.mixture(y))
    weight = log_weight.exp()[..., None]
    middle = (weight * mean).sum(1)
    own = torch.linalg.inv(factor @ factor.mT) + mean[..., None] * mean[..., None, :]
    covariance = (weight[..., None] * own).sum(1) - middle[..., None] * middle[:, None]
    x = model.propose(y, 20_000).double()
    spread = covariance.diagonal(dim1=1, dim2=2).amax().sqrt().item()
    torch.testing.assert_close(x.mean(1), middle, rtol=0, atol=4 * spread / 20_000**0.5)
    found = torch.stack([torch.cov(draws.T).reshape(dim, dim) for draws in x])
    # a fourth moment of three variances squared, or somewhat more
    torch.testing.assert_close(found, covariance, rtol=0, atol=8 * spread**2 / 20_000**0.5)


def test_the_components_start_in_different_places():
    model = get_method("mixture_density", components=5).build(2, 1)
    mean = model.mixture(torch.zeros(1, 1))[1][0, 0]
    assert torch.pdist(mean).min() > 0.1


def test_points_far_from_every_component_have_a_finite_cost():
    model = built("mixture_density", 2, 1)
    cost = model.cost(1e4 * rows(5, 2), rows(5, 1), 1.0, generator(0))["nll"]
    assert cost.isfinite().all()
    assert (cost > 1e3).all()


# Conditional variational autoencoder


def vae_cost(model, share, seed=0):
    x, y = rows(6, 2, stream="x"), rows(6, 3, stream="y")
    return model.cost(x, y, share, generator(seed)), x, y


def test_the_divergence_is_that_of_two_normal_laws():
    model = built("cvae", 2, 3)
    parts, x, y = vae_cost(model, 1.0)
    mean, log_variance = model.latent_law(x, y)
    law = NormalLaw(mean, (0.5 * log_variance).exp())
    expected = kl_divergence(law, NormalLaw(torch.zeros_like(mean), 1.0)).sum(-1)
    assert expected.shape == (1, 6)
    torch.testing.assert_close(parts["divergence"], expected)


def test_the_reconstruction_is_the_likelihood_of_the_decoder():
    model = built("cvae", 2, 3)
    parts, x, y = vae_cost(model, 1.0)
    mean, log_variance = model.latent_law(x, y)
    noise = torch.randn(mean.shape, generator=generator(0)).to(mean)
    decoded = model.decoded(mean + (0.5 * log_variance).exp() * noise, y[None])
    law = NormalLaw(decoded, model.log_sigma.exp())
    expected = -(law.log_prob(x) + 0.5 * math.log(2 * math.pi)).sum(-1)
    torch.testing.assert_close(parts["reconstruction"], expected)


def test_the_weight_of_the_divergence_rises_during_the_warm_up():
    model = built("cvae", 2, 3, warm_up=0.4, beta=2.0)
    shares = (0.0, 0.1, 0.2, 0.4, 0.7, 1.0)
    found = torch.stack([vae_cost(model, share)[0]["divergence"] for share in shares])
    expected = torch.tensor([0, 0.25, 0.5, 1, 1, 1]).to(found)
    torch.testing.assert_close(found / found[-1], expected[:, None, None].expand_as(found))
    once = vae_cost(built("cvae", 2, 3, warm_up=0.0), 1e-3)[0]["divergence"]
    torch.testing.assert_close(found[-1], 2 * once)


def test_without_a_weight_the_divergence_is_left_out():
    parts = vae_cost(built("cvae", 2, 3, beta=0.0), 1.0)[0]
    assert (parts["divergence"] == 0).all()
    assert parts["reconstruction"].ne(0).all()


def test_the_width_of_the_decoder_is_learned_unless_it_is_given():
    learned, given = (fitted("cvae", sigma=sigma) for sigma in (None, 0.2))
    assert learned.log_sigma.item() != -1
    assert given.log_sigma.exp().item() == pytest.approx(0.2)


def test_the_latent_has_one_number_more_than_x_or_as_many_as_asked_for():
    assert built("cvae", 2, 3).noise_dim() == 3
    assert built("cvae", 2, 3, latent=5).noise_dim() == 5


# Invertible networks


def test_the_likelihood_of_a_conditional_flow_integrates_to_one():
    for dim, count in ((1, 4001), (2, 401)):
        model = built("cinn", dim, 2, clamp=0.5, padding=0)
        points, volume = grid(dim, 25.0, count)
        y = rows(1, 2).expand(len(points), -1)
        parts = model.cost(points, y, 1.0, generator(0))
        log_density = -sum(parts.values()) - 0.5 * dim * math.log(2 * math.pi)
        assert log_density.exp().sum().item() * volume == pytest.approx(1, abs=5e-3), dim


def test_a_conditional_flow_pads_a_single_unknown_unless_told_otherwise():
    assert [built("cinn", dx, 2).noise_dim() for dx in (1, 2, 3)] == [2, 2, 3]
    assert built("cinn", 1, 2, padding=0).noise_dim() == 1
    assert built("cinn", 2, 2, padding=3).noise_dim() == 5


@pytest.mark.parametrize(
    ("dx", "dy", "dim"), [(1, 1, 2), (2, 1, 4), (3, 1, 4), (4, 1, 4), (4, 2, 5), (1, 3, 4)]
)
def test_padding_makes_room_for_y_and_the_latent(dx, dy, dim):
    model = built("inn", dx, dy)
    assert model.flow.dim == dim
    assert model.noise_dim() == dim - dy
    assert built("inn", dx, dy, padding=5).flow.dim == dx + 5


def test_too_little_padding_is_refused():
    assert built("inn", 1, 3, padding=3).noise_dim() == 1
    with pytest.raises(ValueError, match="inn: expected a padding of at least 3, .* got 2"):
        built("inn", 1, 3, padding=2)


def test_an_inn_takes_y_as_it_is():
    with pytest.raises(ValueError, match="inn: y leaves the flow as it is"):
        get_method("inn", summary_dim=8)


@pytest.mark.parametrize("name", ["inn", "cinn"])
def test_a_draw_runs_the_flow_backwards(name):
    model = built(name, 2, 1, padding=2)
    z, y = rows(5, model.noise_dim(), stream="z"), rows(5, 1, stream="y")
    x = model.transform(z, y)
    assert x.shape == (5, 2)
    if name == "inn":
        expected = model.flow.inverse(torch.cat([y, z], -1))
    else:
        expected = model.flow.inverse(z, y)
    assert torch.equal(x, expected[0, :, :2])


def test_the_width_of_the_misfit_falls_during_the_first_half():
    model = built("inn", 2, 1, sigma=0.01)
    x, y = rows(6, 2), rows(6, 1)
    found = torch.stack(
        [
            model.cost(x, y, share, generator(0))["misfit"].mean()
            for share in (0.0, 0.25, 0.5, 0.75, 1.0)
        ]
    )
    expected = torch.tensor([1.0, 1e2, 1e4, 1e4, 1e4]).to(found)
    torch.testing.assert_close(found / found[0], expected)


def test_a_dead_norm_has_no_gradient_and_the_other_parts_have():
    for norm, live in (("dead", False), ("output", True)):
        model = built("inn", 2, 1, latent_norm=norm).requires_grad_(True)
        parts = model.cost(rows(6, 2), rows(6, 1), 1.0, generator(0))
        assert parts["norm"].requires_grad == live
        assert parts["misfit"].requires_grad
        assert parts["log-determinant"].requires_grad
        assert (parts["norm"] > 0).all()


FLOW = {"blocks": 3, "width": 24, "layers": 2, "epochs": 20, "batch_size": 100, "lr": 5e-3}


def latent_of_held_out(name, **options):
    """Standard deviation of each latent number on fresh pairs, after a short training."""
    task = get_task("sine")
    model = get_method(name, **FLOW, **options).fit(task, task.sample(1500))
    fresh = task.targets(1000, seed=3)
    x, y = model.x_scaler(fresh.x), model.y_scaler(fresh.y)
    z = model.outputs(x, generator(0))[1] if name == "inn" else model.flow(x, y)[0]
    return z[0].std(0)


@pytest.mark.slow
def test_a_dead_norm_lets_the_latent_grow():
    dead, output = (latent_of_held_out("inn", latent_norm=norm) for norm in ("dead", "output"))
    assert (dead > 5).all()
    assert ((output > 0.8) & (output < 1.2)).all()


@pytest.mark.slow
def test_the_latent_of_a_conditional_flow_is_standard_normal_on_fresh_pairs():
    found = latent_of_held_out("cinn")
    assert ((found > 0.8) & (found < 1.2)).all()


# Flow matching


def flowing(velocity, steps):
    model = built("flow_matching", 2, 1, ode_steps=steps)
    model.velocity = velocity
    return model


@pytest.mark.parametrize(
    ("velocity", "exact"),
    [
        (lambda x, t, y: -1.5 * x, lambda z, y: z * math.exp(-1.5)),
        (lambda x, t, y: y * x, lambda z, y: z * y.exp()),
        (lambda x, t, y: 3 * t.square() * x.cos(), None),
    ],
    ids=["x alone", "y too", "time too"],
)
def test_half_a_step_errs_by_an_eighth(velocity, exact):
    z, y = rows(20, 2, stream="z"), rows(20, 1, stream="y")

    def transformed(steps):
        return flowing(lambda x, t, y: velocity(x, t, y)[None], steps).transform(z, y)

    expected = transformed(256) if exact is None else exact(z, y)
    errors = [(transformed(n) - expected).square().mean().sqrt().item() for n in (16, 32, 64)]
    assert errors[0] < 0.02
    for coarse, fine in zip(errors, errors[1:], strict=False):
        assert coarse / fine == pytest.approx(8, rel=0.25)


def test_the_velocity_towards_a_point_has_no_error():
    goal = torch.tensor([0.3, -2.0], dtype=torch.float64, device=device_of_tests())
    model = flowing(lambda x, t, y: ((goal - x) / (1 - t))[None], 4)
    cost = model.cost(goal.expand(50, 2), rows(50, 1), 1.0, generator(0))["velocity"]
    assert cost.shape == (1, 50)
    assert cost.max() < 1e-15


def test_the_error_of_no_velocity_is_that_of_the_lines():
    model = flowing(lambda x, t, y: torch.zeros_like(x)[None], 4)
    x = rows(4000, 2)
    cost = model.cost(x, rows(4000, 1), 1.0, generator(0))["velocity"]
    # E‖x − ε‖² = 2 for each unknown, and independent of time; a standard error of 0.03
    assert cost.mean().item() == pytest.approx(2, abs=0.15)


@pytest.mark.slow
def test_a_spline_flow_says_what_it_needs(monkeypatch):
    monkeypatch.setitem(sys.modules, "zuko", None)
    with pytest.raises(ImportError, match="needs zuko; pip install"):
        get_method("spline_flow")
    task = get_task("square")
    found = compare(task, ["spline_flow"], n=30, targets=3, guesses=(1,), seeds=1)
    row = next(row for row in found.rows if row["method"] == "spline_flow")
    assert "needs zuko" in row["note"]


@pytest.mark.slow
def test_a_spline_flow_tears_a_heap_in_two():
    task = Task("two", lambda x: x.square(), Box([-1.0], [1.0]))
    model = get_method("spline_flow", epochs=30, batch_size=128, lr=3e-3).fit(
        task, task.sample(1000)
    )
    draws = model.propose(torch.tensor([[0.49]]), 2000)[0, :, 0]
    near = ((draws.abs() - 0.7).abs() < 0.05).double().mean()
    assert near > 0.9
    assert (draws > 0).double().mean() == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("steps", [10, 20])
def test_a_path_is_followed_with_the_order_of_the_method(steps):
    # dx/dt = −x + t has the solution t − 1 + 2 exp(−t) from x = 1
    def slope(x, t):
        return t - x

    start = torch.ones(3, 1, dtype=torch.float64)
    exact = 2 * math.exp(-1.0)
    error = {
        solve.__name__: abs(solve(slope, start, times(steps))[0, 0].item() - exact)
        for solve in (adams_bashforth, runge_kutta)
    }
    assert error["adams_bashforth"] < 2e-3 * (10 / steps) ** 2.8
    assert error["runge_kutta"] < 3e-6 * (10 / steps) ** 3.5
    back = runge_kutta(slope, runge_kutta(slope, start, times(steps)), times(steps)[::-1])
    assert torch.allclose(back, start, atol=1e-5)


@pytest.mark.slow
def test_draws_of_a_flow_follow_its_own_density():
    task = Task("two", lambda x: x.square(), Box([-1.0], [1.0]))
    options = {"epochs": 40, "batch_size": 128, "width": 64, "layers": 4, "bounds": "free"}
    model = get_method("flow_matching", **options).fit(task, task.sample(1000))
    y = torch.tensor([[0.36]])
    draws = model.propose(y, 20_000)[0, :, 0].sort().values.double()
    grid = torch.linspace(-3, 3, 2001)[None, :, None]
    density = model.log_density(grid, y)[0].double().exp()
    cumulative = density.cumsum(0) * (grid[0, 1, 0] - grid[0, 0, 0])
    assert cumulative[-1].item() == pytest.approx(1, abs=0.02)
    share = torch.searchsorted(draws, grid[0, :, 0].double()) / len(draws)
    assert (share - cumulative).abs().max() < 0.03


def test_a_small_sigma_that_was_given_is_taken_as_it_is():
    model = built("cvae", 1, 1, sigma=1e-4)
    assert model.log_sigma.item() < -7
    x, y = rows(5, 1), rows(5, 1, stream="y")
    found = model.cost(x, y, 1.0, generator(0))["reconstruction"]
    mean, log_variance = model.latent_law(x, y)
    z = mean + (0.5 * log_variance).exp() * normal_like(mean, generator(0))
    law = NormalLaw(model.decoded(z, y.expand(*z.shape[:-1], -1)), model.log_sigma.exp())
    by_hand = -law.log_prob(x).sum(-1)
    torch.testing.assert_close(found, by_hand - math.log(2 * math.pi) / 2)
