"""The neural adjoint: what the search does through a surrogate that is known."""

import copy
import functools

import pytest
import torch
from torch import nn

from invlab import (
    Box,
    Integer,
    Pairs,
    Product,
    Task,
    fit_surrogate,
    get_method,
    get_task,
    load_method,
    resimulation_error,
)
from invlab.losses import boundary_loss
from invlab.methods import adjoint_search
from invlab.methods.adjoint_search import AdamSearch, BFGSSearch, GaussNewtonSearch
from invlab.networks.mlp import Standardizer
from invlab.priors import Normal
from invlab.runtime import generator
from invlab.surrogates import fit_emulator
from invlab.surrogates.regression import Surrogate, build_surrogate

SINE = get_task("sine")
# without anchors, unless a test is about them
SMALL = {"width": 16, "layers": 3, "pool": 200, "candidates": 20, "anchors": 0.0}
# the same for the searches that have neither pool nor anchors, and are to be seen as they end
BARE = {"width": 16, "layers": 3, "candidates": 20, "bounds": "free"}
BRIEF = {"epochs": 5, "batch_size": 50}


@pytest.fixture(scope="module")
def learned():
    """A surrogate of the sine task, roughly trained: the search is judged through it alone."""
    return get_method("neural_adjoint", **SMALL, **BRIEF).fit(SINE, SINE.sample(500))


def search(learned, **options):
    small = SMALL if options.get("search", "gauss-newton") == "gauss-newton" else BARE
    method = get_method("neural_adjoint", **small | options)
    return method.fit(SINE, SINE.sample(2), surrogate=learned.surrogate)


def surrogate_error(model, x, y):
    """Mean squared error of f̂ in scaled units: ``(B, T)``."""
    predicted = model.predict(x.flatten(0, 1)).unflatten(0, x.shape[:2])
    return (predicted - model.surrogate.outputs(y)[:, None]).square().mean(-1)


# Ranking


@pytest.mark.parametrize("how", ["gauss-newton", "adam"])
def test_guesses_come_best_first_by_the_surrogate(learned, how):
    y = SINE.targets(5, seed=0).y
    model = search(learned, search=how, steps=3)
    error = surrogate_error(model, model.propose(y, 20), y)
    # equal up to rounding where the search has converged
    assert (error.diff(dim=1) >= -1e-6).all()
    assert error[:, -1].gt(error[:, 0]).any()


@pytest.mark.parametrize("how", ["gauss-newton", "adam"])
def test_fewer_guesses_are_the_best_of_the_candidates(learned, how):
    y = SINE.targets(3, seed=0).y
    model = search(learned, search=how, steps=3)
    assert torch.equal(model.propose(y, 20)[:, :4], model.propose(y, 4))


def test_without_ranking_the_order_is_that_of_the_starts(learned):
    y = SINE.targets(3, seed=0).y
    unranked, ranked = (search(learned, ranked=r, search="adam", steps=3) for r in (False, True))
    a, b = unranked.propose(y, 20), ranked.propose(y, 20)
    assert not torch.equal(a, b)
    assert torch.equal(a[0].sort(0).values, b[0].sort(0).values)
    assert unranked.exchangeable
    assert not ranked.exchangeable
    # a pool gives its nearest points first
    assert not search(learned, ranked=False).exchangeable


# Gauss–Newton through the pool


def test_gauss_newton_improves_on_the_nearest_of_the_pool(learned, monkeypatch):
    y = learned.surrogate(SINE.targets(8, seed=0).x)[0]  # within reach of f̂
    seen = {}

    def recorded(fun, x, target, c, **options):
        seen["fun"], seen["start"], seen["target"] = fun, x.clone(), target
        found = gauss_newton(fun, x, target, c, **options)
        seen["found"] = found
        return found

    gauss_newton = adjoint_search.gauss_newton
    monkeypatch.setattr(adjoint_search, "gauss_newton", recorded)
    model = search(learned, pool=60)
    model.propose(y, 20)
    before = (seen["fun"](seen["start"]) - seen["target"]).square().mean(1)
    x, after = seen["found"]
    torch.testing.assert_close(
        after.float(), (seen["fun"](x) - seen["target"]).square().mean(1), rtol=1e-3, atol=1e-9
    )
    assert (after <= before + 1e-9).all()
    assert after.median() < 1e-3 * before.median()


def test_more_steps_are_never_worse(learned):
    y = SINE.targets(5, seed=0).y
    one, four = (search(learned, steps=k, pool=60).propose(y, 5) for k in (1, 4))
    assert (surrogate_error(learned, four, y)[:, 0] <= surrogate_error(learned, one, y)[:, 0]).all()


def test_answers_stay_in_the_region_of_the_pool():
    # no answer in reach: f̂ is linear, and the targets lie far beyond what the prior gives
    task = Task("far", lambda x: x.sum(-1, keepdim=True), Normal([0.0, 5.0], [1.0, 2.0]))
    model = get_method("neural_adjoint", **SMALL, steps=30, **BRIEF)
    model.fit(task, task.sample(100))
    y = 100 * task.targets(4, seed=0).y
    pool = task.prior.sample(200, generator=generator(1)).to(y)
    x = model.propose(y, 20, generator=generator(1)).flatten(0, 1)
    assert ((x >= pool.amin(0)) & (x <= pool.amax(0))).all()
    assert ((x == pool.amin(0)) | (x == pool.amax(0))).any()


def test_starts_are_the_nearest_of_the_pool(learned):
    # at a zero step size what comes back are the starts
    y = SINE.targets(4, seed=0).y
    x = search(learned, max_step=0.0).propose(y, 7, generator=generator(2))
    pool = SINE.prior.sample(200, generator=generator(2)).to(y)
    error = surrogate_error(learned, pool.expand(4, -1, -1), y)
    expected = pool[error.argsort(1)[:, :7]]
    torch.testing.assert_close(x, expected)


def test_an_observation_of_300_numbers_is_searched(device):
    times = torch.linspace(0, 1, 300)

    def curve(x):
        return x[..., :1] * (3 * times.to(x) + x[..., 1:]).sin()

    task = Task("curve", curve, Box([0.5, 0.0], [1.5, 1.0]))
    model = get_method("neural_adjoint", **SMALL | {"width": 32}, epochs=60, batch_size=50)
    model.fit(task, task.sample(400))
    targets = task.targets(10, seed=0)
    x = model.propose(targets.y, 3)
    assert x.shape == (10, 3, 2)
    # one answer a target, and the pool's mean distance to it is about 0.5
    assert (x[:, 0] - targets.x).square().mean().sqrt() < 0.05


# Adam


def test_the_boundary_loss_keeps_adam_in_the_box(learned):
    y = 1.5 * SINE.targets(5, seed=0).y  # some out of reach, so that the search wants to leave
    free, held = (
        search(learned, search="adam", steps=40, boundary=weight).propose(y, 20)
        for weight in (0.0, 10.0)
    )
    outside = [(~SINE.box.contains(x)).sum().item() for x in (free, held)]
    assert outside[0] > 10
    assert outside[1] < outside[0] / 2
    overshoot = [boundary_loss(x, SINE.box).max().item() for x in (free, held)]
    assert overshoot[1] < overshoot[0] / 2


def test_adam_improves_on_its_starts(learned):
    y = SINE.targets(3, seed=0).y
    model = search(learned, search="adam", steps=60, ranked=False, boundary=0.0)
    x = model.propose(y, 20, generator=generator(4))
    starts = SINE.prior.sample(20, generator=generator(4)).to(y).expand(3, -1, -1)
    before, after = (surrogate_error(model, points, y) for points in (starts, x))
    assert (after <= before + 1e-6).all()
    assert after.median() < 0.01 * before.median()


def test_adam_starts_from_the_prior_or_in_the_box(learned):
    inner = Task("inner", SINE.simulator, Normal([0.5, 0.5], [1e-3, 1e-3]), box=SINE.box)
    y = SINE.targets(2, seed=0).y
    spread = []
    for starts in ("prior", "box"):
        model = search(learned, search="adam", steps=1, step_size=1e-6, starts=starts)
        model.fit(inner, inner.sample(2), surrogate=learned.surrogate)
        spread.append(model.propose(y, 20).std().item())
    assert spread[0] < 0.01
    assert spread[1] > 0.3


# BFGS


def test_bfgs_reaches_what_the_surrogate_can_reach(learned):
    y = learned.surrogate(SINE.targets(8, seed=0).x)[0]  # within reach of f̂
    model = search(learned, search="bfgs", candidates=20, starts="prior", boundary=0.0)
    error = surrogate_error(model, model.propose(y, 20), y)
    assert (error.diff(dim=1) >= -1e-6).all()
    # better than a candidate of Adam's three hundred steps
    assert error[:, 0].max() < 1e-9


def test_bfgs_starts_in_the_middle_of_the_prior_and_then_from_draws(learned):
    y = SINE.targets(2, seed=0).y
    # a unit of nothing: what comes back are the starts
    options = {"search": "bfgs", "steps": 1, "x_scale": 1e-9, "ranked": False}
    draws = SINE.prior.sample(4, generator=generator(2)).to(y)
    center = SINE.prior.center.to(y)
    for starts, expected in (
        ({}, torch.cat([center[None], draws[:3]])),
        ({"starts": "center"}, torch.cat([center[None], draws[:3]])),
        ({"starts": "prior"}, draws),
    ):
        x = search(learned, **starts, **options).propose(y, 4, generator=generator(2))
        torch.testing.assert_close(x, expected.expand(2, -1, -1), rtol=0, atol=1e-5)
    assert not search(learned, **options).exchangeable
    assert search(learned, starts="prior", **options).exchangeable


def test_the_boundary_loss_keeps_bfgs_in_the_box(learned):
    y = 1.5 * SINE.targets(5, seed=0).y  # some out of reach, so that the search wants to leave
    free, held = (
        search(learned, search="bfgs", boundary=weight).propose(y, 10) for weight in (0.0, 10.0)
    )
    overshoot = [boundary_loss(x, SINE.box).max().item() for x in (free, held)]
    assert overshoot[0] > 0.1
    assert overshoot[1] < overshoot[0] / 10


def test_an_ensemble_is_searched_by_bfgs_too(ensemble):
    y = SINE.targets(3, seed=0).y
    model = search(ensemble, search="bfgs", ensemble=3, spread=1.0)
    assert model.propose(y, 4).shape == (3, 4, 2)


# Contexts

LINES = Task(
    "lines",
    lambda x, c: torch.stack([x[..., 0] + c[..., 0], 2 * (x[..., 1] + c[..., 0])], -1),
    Box([-3.0, -1.0], [1.0, 5.0]),
    context=Box([-1.0], [1.0]),
)


@pytest.fixture(scope="module")
def lines():
    options = {"width": 48, "layers": 3, "search": "bfgs", "epochs": 120, "batch_size": 50}
    return get_method("neural_adjoint", **options).fit(LINES, LINES.sample(600))


@pytest.mark.slow
@pytest.mark.parametrize("how", ["bfgs", "adam"])
def test_a_linear_task_with_a_context_is_solved(lines, how):
    steps = {"bfgs": 50, "adam": 150}[how]
    model = get_method("neural_adjoint", search=how, candidates=2, steps=steps)
    model.fit(LINES, LINES.sample(8), surrogate=lines.surrogate)
    targets = LINES.targets(8, seed=0)
    error = (model.propose(targets.y, 2, targets.c)[:, 0] - targets.x).norm(dim=1)
    # the box is six wide; what is left is the error of f̂
    assert error.median() < 0.05
    wrong = model.propose(targets.y, 2, targets.c.flip(0))[:, 0] - targets.x
    assert wrong.norm(dim=1).median() > 0.3


def test_the_spread_of_an_ensemble_is_that_at_the_context():
    options = {"search": "adam", "steps": 2, "candidates": 6, "ensemble": 2, "spread": 1e6}
    model = get_method("neural_adjoint", **BARE | options, **BRIEF)
    model.fit(LINES, LINES.sample(100))
    targets = LINES.targets(4, seed=0)
    x = model.propose(targets.y, 6, targets.c)
    seen = torch.cat([x, targets.c[:, None].expand(-1, 6, -1)], 2).flatten(0, 1)
    spread = model.surrogate.scaled(seen).var(0).mean(1).unflatten(0, (4, 6))
    assert (spread.diff(dim=1) >= -1e-6).all()


@pytest.mark.parametrize("anchors", [0.0, 0.5])
def test_a_pool_is_evaluated_at_the_context_of_each_target(lines, anchors):
    model = get_method("neural_adjoint", pool=400, candidates=8, steps=4, anchors=anchors)
    model.fit(LINES, LINES.sample(300), surrogate=lines.surrogate)
    targets = LINES.targets(8, seed=0)
    x = model.propose(targets.y, 4, targets.c)
    assert (x[:, 0] - targets.x).norm(dim=1).median() < 0.05
    wrong = model.propose(targets.y, 4, targets.c.flip(0))[:, 0] - targets.x
    assert wrong.norm(dim=1).median() > 0.3
    # equal contexts share an evaluation, which changes nothing
    c = targets.c[:1].expand(8, -1)
    together = model.propose(targets.y, 4, c)
    alone = model.propose(targets.y[3:4], 4, c[:1])
    torch.testing.assert_close(together[3:4], alone, rtol=0, atol=1e-3)


def test_a_pool_needs_no_more_memory_for_more_contexts(lines, monkeypatch):
    rows = []
    model = get_method("pool", pool=300, candidates=5)
    model.fit(LINES, LINES.sample(20), surrogate=lines.surrogate)
    forward = model.surrogate.core.forward
    monkeypatch.setattr(
        model.surrogate.core, "forward", lambda u: rows.append(len(u)) or forward(u)
    )
    targets = LINES.targets(30, seed=0)
    model.propose(targets.y, 5, targets.c)
    assert max(rows) <= 300


def test_anchors_are_near_in_the_observation_and_in_the_context(lines):
    data = LINES.sample(300)
    model = get_method("neural_adjoint", pool=50, candidates=8, anchors=1.0, max_step=0.0)
    model.fit(LINES, data, surrogate=lines.surrogate)
    x = model.propose(data.y[:5], 1, data.c[:5])
    torch.testing.assert_close(x[:, 0], data.x[:5], rtol=0, atol=1e-5)


# The box, whole numbers, other inputs

LEFT = Task("left", lambda x: x.sum(-1, keepdim=True), SINE.prior, box=Box([-0.5, -0.5], [0.0, 1]))
HOW = {
    "gauss-newton": SMALL | {"anchors": 0.5, "steps": 2},
    "adam": BARE | {"search": "adam", "steps": 5, "bounds": "clip", "boundary": 0.0},
    "bfgs": BARE | {"search": "bfgs", "steps": 5, "bounds": "clip", "boundary": 0.0},
}
each_search = pytest.mark.parametrize("how", HOW)


@functools.cache
def learned_left():
    return get_method("neural_adjoint", **SMALL, **BRIEF).fit(LEFT, LEFT.sample(200)).surrogate


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@each_search
def test_answers_lie_in_the_box_of_the_task_and_of_the_call(how, dtype):
    model = get_method("neural_adjoint", **HOW[how])
    model.fit(LEFT, LEFT.sample(60), surrogate=learned_left())
    y = 3 * LEFT.targets(5, seed=0, dtype=dtype).y
    assert LEFT.box.contains(model.propose(y, 20)).all()
    inner = Box([-0.3, 0.1], [-0.2, 0.2])
    x = model.propose(y, 20, bounds=inner)
    assert inner.contains(x).all()
    error = (
        (
            model.predict(x.flatten(0, 1).float()).unflatten(0, (5, 20))
            - model.surrogate.outputs(y.float())[:, None]
        )
        .square()
        .mean(2)
    )
    # still ranked by what f̂ says of the answers as they are
    assert (error[:, 0] <= error.amin(1) + 1e-4).all()
    free = get_method("neural_adjoint", **HOW[how] | {"bounds": "free"})
    free.fit(LEFT, LEFT.sample(60), surrogate=learned_left())
    assert not LEFT.box.contains(free.propose(y, 20)).all()


@each_search
def test_whole_numbers_come_back_as_whole_numbers(how):
    task = Task(
        "whole", lambda x: x.sum(-1, keepdim=True), Product(Integer([0], [6]), Box([0], [1]))
    )
    model = get_method("neural_adjoint", **HOW[how])
    model.fit(task, task.sample(60), surrogate=learned_left())
    x = model.propose(task.targets(4, seed=0).y, 20)
    assert torch.equal(x[..., 0], x[..., 0].round())
    if how == "gauss-newton":  # the others end on the edge here
        assert not torch.equal(x[..., 1], x[..., 1].round())


@each_search
def test_an_offset_costs_no_digits(how):
    far = Task("far", lambda x: 1e8 + (x - 1e7).square(), Box([1e7 + 0.5], [1e7 + 1.5]))
    options = HOW[how] | {"epochs": 60, "batch_size": 50, "lr": 1e-2}
    options |= {"steps": 40} if how != "gauss-newton" else {}
    data = far.sample(300, dtype=torch.float64)
    targets = far.targets(20, seed=0, dtype=torch.float64)
    x = get_method("neural_adjoint", **options).fit(far, data).propose(targets.y, 1)
    assert (x[:, 0] - targets.x).abs().max() < 0.05


@each_search
def test_nothing_is_changed_by_another_default_dtype_or_device(how):
    data, y = SINE.sample(40), SINE.targets(3, seed=0).y
    options = HOW[how] | {"epochs": 2}
    before = get_method("neural_adjoint", **options).fit(SINE, data).propose(y, 4)
    try:
        torch.set_default_dtype(torch.float64)
        if how == "gauss-newton":  # minimize makes a few numbers there, and moves them
            torch.set_default_device("meta")
        after = get_method("neural_adjoint", **options).fit(SINE, data).propose(y, 4)
    finally:
        torch.set_default_device(None)
        torch.set_default_dtype(torch.float32)
    torch.testing.assert_close(after, before)


@each_search
def test_a_method_is_saved_and_read(how, tmp_path):
    targets = LINES.targets(4, seed=0, dtype=torch.float64)
    model = get_method("neural_adjoint", **HOW[how] | {"epochs": 2, "ensemble": 2, "spread": 1.0})
    model.fit(LINES, LINES.sample(40))
    model.save(tmp_path / "model")
    found = load_method(tmp_path / "model")
    x = model.propose(targets.y, 5, targets.c)
    assert torch.equal(found.propose(targets.y, 5, targets.c), x)
    assert found.search == model.search
    assert list(found.history) == ["surrogate"]


def test_a_method_with_a_given_surrogate_and_search_is_saved_and_read(tmp_path):
    task = get_task("square")
    surrogate = fit_surrogate(task.sample(50), width=7, layers=4, epochs=3, activation=torch.tanh)
    search = BFGSSearch(candidates=2, steps=5, x_scale=torch.tensor([2.0], dtype=torch.float64))
    model = get_method("neural_adjoint", search=search)
    model.fit(task, task.sample(20), surrogate=surrogate)
    assert model.history == {}
    model.save(tmp_path / "model")
    y = task.targets(3, seed=0).y
    assert torch.equal(load_method(tmp_path / "model").propose(y, 2), model.propose(y, 2))


def test_a_surrogate_of_other_sizes_is_refused(learned):
    task = get_task("square")
    with pytest.raises(ValueError, match="surrogate: expected one from 1 numbers .* from 2 to 1"):
        get_method("neural_adjoint").fit(task, task.sample(8), surrogate=learned.surrogate)


def test_an_interrupted_training_leaves_nothing_half_done(monkeypatch):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("invlab.methods.neural_adjoint.fit_surrogate", interrupted)
    model = get_method("neural_adjoint", **SMALL)
    with pytest.raises(KeyboardInterrupt):
        model.fit(SINE, SINE.sample(20))
    with pytest.raises(ValueError, match=r"call fit\(task, data\)"):
        model.propose(SINE.targets(1, seed=0).y)


def test_data_without_a_task_are_enough():
    data = SINE.sample(60)
    for how in HOW:
        model = get_method("neural_adjoint", **HOW[how] | {"epochs": 2}).fit(None, data)
        x = model.propose(data.y[:3], 4)
        assert x.shape == (3, 4, 2)
        assert (x >= data.x.amin(0)).all()
        assert (x <= data.x.amax(0)).all()


# The surrogate


def test_the_surrogate_is_frozen_and_the_search_leaves_it_alone(learned):
    surrogate = learned.surrogate
    assert not any(weight.requires_grad for weight in surrogate.parameters())
    before = copy.deepcopy(surrogate.state_dict())
    for how in ("gauss-newton", "adam"):
        search(learned, search=how, steps=3).propose(SINE.targets(2, seed=0).y, 3)
    assert all(torch.equal(value, before[key]) for key, value in surrogate.state_dict().items())


def test_a_surrogate_that_still_learns_is_searched_without_touching_its_gradients(learned):
    alive = copy.deepcopy(learned.surrogate).requires_grad_(True)
    y = SINE.targets(2, seed=0).y
    for how in ("gauss-newton", "adam"):
        small = SMALL if how == "gauss-newton" else BARE
        model = get_method("neural_adjoint", **small, search=how, steps=3)
        x = model.fit(SINE, SINE.sample(2), surrogate=alive).propose(y, 3)
        assert not x.requires_grad
        expected = search(learned, search=how, steps=3).propose(y, 3)
        torch.testing.assert_close(x, expected)
    assert all(weight.grad is None for weight in alive.parameters())


def test_a_saved_surrogate_gives_the_same_proposals(learned):
    y = SINE.targets(3, seed=0).y
    scales = learned.surrogate.inputs, learned.surrogate.outputs
    fresh = build_surrogate(
        *(type(s).identity(len(s.shift)) for s in scales),
        seeds=[9],
        width=16,
        layers=3,
        activation=torch.nn.functional.silu,
    ).to(y.device)
    fresh.load_state_dict(learned.surrogate.state_dict())
    model = get_method("neural_adjoint", **SMALL).fit(SINE, SINE.sample(2), surrogate=fresh)
    assert torch.equal(model.propose(y, 5), learned.propose(y, 5))


def test_the_simulator_is_not_called():
    def refused(x):
        raise AssertionError("the simulator was called")

    blind = Task("blind", refused, SINE.prior, differentiable=False)
    model = get_method("neural_adjoint", **SMALL, **BRIEF).fit(blind, SINE.sample(100))
    assert model.propose(SINE.targets(2, seed=0).y, 3).shape == (2, 3, 2)


@pytest.mark.parametrize("held_out", [0.0, 0.25])
def test_scales_come_from_the_pairs_that_are_trained_on(held_out):
    data = SINE.sample(40)
    model = get_method("neural_adjoint", **SMALL, held_out=held_out, **BRIEF)
    shift = model.fit(SINE, data).surrogate.inputs.shift
    assert torch.allclose(shift, data.x.double().mean(0)) == (held_out == 0)
    validation = model.surrogate.history.validation
    assert (validation is None) == (held_out == 0)


# Ensembles


@pytest.fixture(scope="module")
def ensemble():
    options = SMALL | BRIEF | {"ensemble": 3}
    return get_method("neural_adjoint", **options).fit(SINE, SINE.sample(100))


def test_an_ensemble_answers_with_its_mean(ensemble):
    x = SINE.sample(6).x
    assert len(ensemble.surrogate) == 3
    members = [ensemble.surrogate.member(k).core(ensemble.surrogate.inputs(x))[0] for k in range(3)]
    assert not torch.allclose(members[0], members[1])
    torch.testing.assert_close(ensemble.predict(x), torch.stack(members).mean(0))


@pytest.mark.parametrize("built_for", [1, 3])
def test_the_ranking_counts_the_spread_of_the_members(ensemble, built_for):
    y = SINE.targets(4, seed=0).y
    options = {"pool": 60, "anchors": 0.0, "ensemble": built_for}

    def spread(x):
        each = ensemble.surrogate.core(ensemble.surrogate.inputs(x.flatten(0, 1)))
        return each.var(0).mean(1).unflatten(0, x.shape[:2])

    plain = search(ensemble, **options).propose(y, 20)
    agreed = search(ensemble, spread=1e6, **options).propose(y, 20)
    assert (spread(agreed).diff(dim=1) >= -1e-6).all()
    assert (spread(agreed)[:, 0] <= spread(plain)[:, 0] + 1e-6).all()
    assert not torch.equal(plain, agreed)
    weight = 0.5
    both = search(ensemble, spread=weight, **options).propose(y, 20)
    total = surrogate_error(ensemble, both, y) + weight * spread(both)
    assert (total.diff(dim=1) >= -1e-6).all()


def test_members_of_neighbouring_seeds_are_different_networks():
    options = SMALL | {"ensemble": 2, "epochs": 1}
    data = SINE.sample(20)
    first, second = (
        get_method("neural_adjoint", **options).fit(SINE, data, seed=seed).surrogate
        for seed in (0, 1)
    )
    weights = [net.core.weights[0][k] for net in (first, second) for k in range(2)]
    assert len({tuple(w.flatten().tolist()) for w in weights}) == 4


# Options


def test_the_pool_searches_little_and_looks_far():
    model = get_method("pool")
    assert model.search == GaussNewtonSearch(pool=200_000, steps=2, anchors=0.0)
    assert get_method("neural_adjoint").search == GaussNewtonSearch()
    with pytest.raises(
        ValueError, match="search: pool takes the steps of Gauss–Newton, got 'adam'"
    ):
        get_method("pool", search="adam")


@pytest.mark.parametrize("name", ["neural_adjoint", "pool"])
def test_several_seeds_are_refused(name):
    with pytest.raises(ValueError, match=rf"{name}: expected one seed, got \[0, 1\]"):
        get_method(name).fit(SINE, SINE.sample(8), seed=[0, 1])


@pytest.mark.parametrize(
    ("option", "error"),
    [
        ({"search": "newton"}, ValueError),
        ({"starts": "here", "search": "adam"}, ValueError),
        ({"candidates": -1, "search": "bfgs"}, ValueError),
        ({"boundary": -1, "search": "bfgs"}, ValueError),
        ({"step_size": "big", "search": "adam"}, TypeError),
        ({"x_scale": 0.0, "search": "bfgs"}, ValueError),
        ({"x_scale": "a", "search": "bfgs"}, TypeError),
        ({"max_step": float("nan")}, ValueError),
        ({"spread": -1.0}, ValueError),
        ({"held_out": 1.0}, ValueError),
        ({"epochs": 0}, ValueError),
        ({"candidates": 0}, ValueError),
        ({"pool": 2.5}, TypeError),
        ({"steps": 0}, ValueError),
        ({"ensemble": 0}, ValueError),
        ({"width": 0}, ValueError),
        ({"layers": 0}, ValueError),
    ],
)
def test_bad_options_are_named(option, error):
    with pytest.raises(error, match=f"^{next(iter(option))}: expected"):
        get_method("neural_adjoint", **option)


def test_each_search_has_its_own_defaults():
    for name, plain in (
        ("gauss-newton", GaussNewtonSearch(200, 20_000, 0.5, 4, 0.2)),
        ("adam", AdamSearch(200, 300, 10.0, "prior", 0.5)),
        ("bfgs", BFGSSearch(1, 200, 10.0, "center")),
    ):
        assert get_method("neural_adjoint", search=name).search == plain


def test_a_search_may_be_an_object_or_a_name_with_its_options():
    given = AdamSearch(candidates=7, starts="box")
    by_name = get_method("neural_adjoint", search="adam", candidates=7, starts="box")
    assert get_method("neural_adjoint", search=given).search == by_name.search == given


def test_a_misspelt_training_option_is_refused():
    for options, said in (
        ({"epoch": 1}, "'epoch' is no option; did you mean 'epochs'"),
        ({"training": {"epochs": 1}}, "no option 'training': give what stood in it beside"),
        ({"candidats": 1, "search": "bfgs"}, ".*did you mean 'candidates'"),
        ({"boundary": 1.0}, "'boundary' is an option of search='adam' and 'bfgs', not of 'gauss"),
        ({"pool": 9, "search": AdamSearch()}, r".*write it into the object AdamSearch\("),
    ):
        with pytest.raises(TypeError, match=f"neural_adjoint: {said}"):
            get_method("neural_adjoint", **options)


def test_given_scales_are_kept():
    x_scaler, y_scaler = get_task("square").scalers()
    task = get_task("square")
    model = get_method(
        "neural_adjoint", **SMALL, x_scaler=x_scaler, y_scaler=y_scaler, **BRIEF
    ).fit(task, Pairs(task.sample(30).x, task.sample(30).y))
    assert model.surrogate.inputs.scale.item() == 33
    assert model.surrogate.outputs.scale.item() == 33**2


# Anchors


def anchored(learned, data, **options):
    options = SMALL | {"anchors": 0.5} | options
    return get_method("neural_adjoint", **options).fit(SINE, data, surrogate=learned.surrogate)


def test_a_training_observation_gets_its_own_unknown_back_first(learned):
    data = SINE.sample(300, generator=generator(4))
    x = anchored(learned, data).propose(data.y[:6], 20)
    # f̂ minus its known error is exact there: no step is needed
    torch.testing.assert_close(x[:, 0], data.x[:6], atol=1e-5, rtol=0)


def test_anchors_beat_the_same_search_without_them_on_the_true_simulator(learned):
    data = SINE.sample(2000, generator=generator(5))
    y = SINE.targets(50, seed=2).y
    errors = [
        resimulation_error(SINE, anchored(learned, data, anchors=share).propose(y, 5), y).amin(1)
        for share in (0.0, 1.0)
    ]
    assert errors[1].mean() < errors[0].mean() / 10


def test_more_anchors_than_pairs_are_filled_from_the_pool(learned):
    x = anchored(learned, SINE.sample(3), anchors=1.0).propose(SINE.targets(2, seed=0).y, 20)
    assert x.shape == (2, 20, 2)
    assert x[0].unique(dim=0).shape[0] > 3  # more than there are pairs


@pytest.mark.parametrize("share", [-0.1, 1.5])
def test_a_share_of_anchors_outside_zero_to_one_is_named(share):
    with pytest.raises(ValueError, match="anchors: expected"):
        get_method("neural_adjoint", anchors=share)


class Disagreeing(nn.Module):
    """Two members that agree where x is below 0.5 and part beyond; both reach y = x on average."""

    def __init__(self):
        super().__init__()
        self.one = nn.Parameter(torch.ones(2, 1), requires_grad=False)
        self.weights, self.activation = [torch.zeros(2, 1, 1)], torch.relu

    def __len__(self):
        return 2

    def forward(self, u):
        # y = (x − 0.5)²: two answers to each y, one on either side
        mean = (u - 0.5).square()
        apart = torch.relu(u - 0.5)
        return torch.stack([mean + apart, mean - apart])


def two_sided():
    """A surrogate with two equally good answers, and pairs of it; nothing is trained."""
    scales = Standardizer.identity(1), Standardizer.identity(1)
    x = torch.linspace(0, 1, 40)[:, None]
    return Surrogate(Disagreeing(), *scales), Pairs(x, (x - 0.5).square())


@pytest.mark.parametrize("kind", ["adam", "bfgs"])
@pytest.mark.parametrize("weight", [0.0, 10.0])
def test_a_search_with_a_spread_weight_answers_where_the_networks_agree(kind, weight):
    surrogate, pairs = two_sided()
    own = {"step_size": 0.02} if kind == "adam" else {}
    model = get_method(
        "neural_adjoint", search=kind, candidates=40, steps=300, starts="prior", boundary=0.0,
        spread_weight=weight, ranked=False, bounds="free", **own,
    ).fit(None, pairs, surrogate=surrogate)  # fmt: skip
    x = model.propose(torch.tensor([[0.09]]), 40)[0, :, 0]
    low, high = ((x - 0.2).abs() < 0.02), ((x - 0.8).abs() < 0.02)
    assert int(low.sum()) > 10
    # without it both answers are as good
    assert int(high.sum()) > 10 if weight == 0 else int(high.sum()) == 0


@pytest.mark.parametrize("kind", ["adam", "bfgs"])
def test_the_weighted_spread_is_the_variance_of_the_networks_in_scaled_units(kind):
    surrogate, pairs = two_sided()
    own = {"step_size": 0.02} if kind == "adam" else {}
    model = get_method(
        "neural_adjoint", search=kind, candidates=40, steps=400, starts="prior", boundary=0.0,
        spread_weight=0.05, ranked=False, bounds="free", **own,
    ).fit(None, pairs, surrogate=surrogate)  # fmt: skip
    x = model.propose(torch.tensor([[0.09]]), 40)[0, :, 0]
    # with t = x − 0.5 the variance of the two is 2 t², and (t² − 0.09)² + 0.05 · 2 t² is least
    # at t² = 0.09 − 0.05
    beyond = x[x > 0.52]
    assert len(beyond) > 5
    assert float((beyond - 0.7).abs().max()) < 0.01


def test_one_network_has_no_spread_to_weigh():
    with pytest.raises(ValueError, match="spread_weight needs several networks"):
        get_method("neural_adjoint", search="adam", spread_weight=1.0, epochs=1).fit(
            SINE, SINE.sample(50)
        )
    with pytest.raises(ValueError, match="spread_weight: expected at least 0"):
        get_method("neural_adjoint", search="bfgs", spread_weight=-1.0)


def test_a_surrogate_that_was_given_stays_the_callers():
    task = get_task("square")
    data, y = task.sample(40), task.targets(3, seed=0).y
    given = fit_surrogate(data, width=8, layers=3, epochs=2)
    given.core.double()  # what its owner computes in
    model = get_method("neural_adjoint", pool=50, candidates=5).fit(task, data, surrogate=given)
    assert {weight.dtype for weight in model.surrogate.core.parameters()} == {torch.float32}
    assert torch.equal(model.surrogate.inputs.shift, given.inputs.shift)
    before = model.propose(y, 3)
    for weight in given.parameters():
        weight.data.zero_()
    assert torch.equal(model.propose(y, 3), before)


def test_what_is_no_surrogate_is_named():
    task = get_task("square")
    emulator = fit_emulator(task.sample(20), task.box, seeds=[0], width=4, components=1, epochs=1)
    with pytest.raises(TypeError, match="surrogate: expected a Surrogate, .* got Emulator"):
        get_method("neural_adjoint").fit(task, task.sample(9), surrogate=emulator)
