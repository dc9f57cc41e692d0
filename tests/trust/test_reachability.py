"""Targets that the simulator can give are seldom flagged, those that it cannot give are found."""

import pytest
import torch
from scipy.stats import kstest

import invlab
from invlab import Box, Pairs, Task
from invlab.priors import Empirical
from invlab.priors.restricted import Restricted
from invlab.runtime import generator
from invlab.task import without_held_out
from invlab.trust import Reachability

from .cases import bend, bend_seen, bend_task, known_surrogate, three_parts


def wave(u):
    return 0.02 * torch.sin(7 * u[..., :1]).expand(*u.shape[:-1], 3)


@pytest.fixture(scope="module")
def surface():
    """A test calibrated on the curved surface, and fresh targets of it."""
    task = bend_task()
    learned, held, fresh = three_parts(task, 400, 300, 600)
    surrogate = known_surrogate(bend_seen, 2, 3, wave)
    return Reachability.calibrate(task, held, learned, surrogate=surrogate), fresh


def distance_to_the_surface(y):
    """By many simulations, in the unit of y."""
    x = bend_task().sample(40_000, generator=generator(9)).x
    return torch.cdist(y, bend(x)).amin(1)


def test_reachable_targets_are_flagged_as_often_as_it_says(surface):
    test, fresh = surface
    p = test.p_value(fresh.y)
    assert float((p <= 0.05).double().mean()) <= 0.08
    # uniform up to the grid of 301 steps and what the calibration itself scatters
    assert kstest(p.numpy(), "uniform").statistic < 0.12
    assert torch.equal(test.reachable(fresh.y), p > 0.05)


def test_the_level_holds_on_average_over_calibrations():
    task, surrogate = bend_task(), known_surrogate(bend_seen, 2, 3, wave)
    flagged = []
    for seed in range(12):
        learned, held, fresh = three_parts(task, 150, 99, 100, seed=seed)
        test = Reachability.calibrate(task, held, learned, surrogate=surrogate, level=0.1)
        flagged.append(float((~test.reachable(fresh.y)).double().mean()))
    assert sum(flagged) / 12 == pytest.approx(0.1, abs=0.04)


@pytest.mark.parametrize("kind", ["out of range", "off the surface"])
def test_targets_that_are_truly_off_are_found(surface, kind):
    test, fresh = surface
    y = fresh.y.clone()
    if kind == "out of range":
        y[:, 0] += 2.5 * y[:, 0].std()
    else:  # in the midst of the range: each number alone is an ordinary one
        y = torch.stack([y[:, 0], y[:, 1], y[:, 2].flip(0)], 1)
    off = distance_to_the_surface(y) > 0.25
    assert int(off.sum()) > 100
    assert float((~test.reachable(y[off])).double().mean()) > 0.95


def test_a_calibration_target_is_not_among_its_own_neighbours():
    task, surrogate = bend_task(), known_surrogate(bend_seen, 2, 3, wave)
    learned, held = three_parts(task, 60, 40, seed=5)
    test = Reachability.calibrate(task, held, learned, surrogate=surrogate)
    scale = learned.y.double().std(0, correction=0)
    gap = ((held.y.double()[:, None] - held.y.double()[None]) / scale).norm(dim=2)
    logs = test._strangeness.misfits.clamp_min(1e-10).log()
    for row in range(40):
        others = [k for k in gap[row].argsort().tolist() if k != row][:15]
        exact = float(logs[row] - logs[others].mean())
        assert float(test._known[row, 1]) == pytest.approx(exact, abs=0.006)  # counts in steps


def test_distance_alone_and_misfit_alone_would_each_miss_some(surface):
    test, fresh = surface
    inside = torch.tensor([[0.0, 0.0, 0.6]])  # near to learned y, and 0.6 off the surface
    assert not bool(test.reachable(inside))
    # out of range along the surface: f̂ cannot reach it, the pairs are far
    outside = bend(torch.tensor([[1.8, 0.3]]))
    assert not bool(test.reachable(outside))


def test_the_smallest_visible_misfit_is_that_of_reachable_targets(surface):
    test, fresh = surface
    # the surrogate is wrong by about 0.014: in the variance of y that is about 1e-3 at most
    assert 1e-8 < test.smallest_visible < 3e-3
    assert f"{test.smallest_visible:.2g}" in str(test)
    exact = known_surrogate(bend_seen, 2, 3)
    learned, held = three_parts(bend_task(), 200, 100, seed=3)
    better = Reachability.calibrate(bend_task(), held, learned, surrogate=exact)
    assert better.smallest_visible < test.smallest_visible / 10


def test_the_nearest_is_a_pair_of_the_simulator_and_near(surface):
    test, fresh = surface
    y = fresh.y[:40].clone()
    y[:, 2] += 1.0
    found = test.nearest(y)
    assert torch.allclose(found.y, bend(found.x), atol=1e-5)
    scale = fresh.y.std(0)
    x = bend_task().sample(40_000, generator=generator(8)).x
    best = torch.cdist(y / scale, bend(x) / scale).amin(1)
    gap = ((found.y - y) / scale).norm(dim=1)
    # as near as forty thousand simulations come, a fifth aside
    assert bool((gap < 1.2 * best + 0.05).all())


def test_without_a_simulator_the_nearest_is_what_the_surrogate_says(surface):
    _, fresh = surface
    learned, held = three_parts(bend_task(), 200, 60)
    task = invlab.Task.from_pairs(learned, name="table")
    surrogate = known_surrogate(bend_seen, 2, 3, wave)
    test = Reachability.calibrate(task, held, learned, surrogate=surrogate)
    found = test.nearest(fresh.y[:9])
    said = (bend(found.x) + wave(found.x) - found.y).abs().amax(1)
    known = (found.x[:, None] - learned.x).abs().amax(2).amin(1)
    assert bool(((said < 1e-5) | (known == 0)).all())


def test_a_number_that_never_varies_has_to_be_equal():
    def simulate(x):
        return torch.cat([bend(x), torch.full_like(x[..., :1], 3.0)], -1)

    task = invlab.Task("constant", simulate, invlab.Box([-1, -1], [1, 1]))
    learned, held, fresh = three_parts(task, 200, 99, 60)
    test = Reachability.calibrate(task, held, learned, surrogate=known_surrogate(simulate, 2, 4))
    assert bool(test.p_value(fresh.y).isfinite().all())
    assert float(test.reachable(fresh.y).double().mean()) > 0.85
    moved = fresh.y + torch.tensor([0.0, 0.0, 0.0, 0.1])
    assert test.p_value(moved).tolist() == pytest.approx([0.01] * 60)


def test_a_noisy_task_keeps_its_level():
    def simulate(x):
        y = bend(x)
        return y + 0.3 * torch.randn_like(y)

    task = invlab.Task("noisy", simulate, invlab.Box([-1, -1], [1, 1]), noisy=True)
    learned, held, fresh = three_parts(task, 400, 300, 600)
    surrogate = known_surrogate(bend_seen, 2, 3)
    test = Reachability.calibrate(task, held, learned, surrogate=surrogate)
    assert float((~test.reachable(fresh.y)).double().mean()) <= 0.08
    assert test.smallest_visible > 0.01


def test_a_context_belongs_to_the_target():
    task = bend_task(context=invlab.Box([-3], [3]))
    learned, held, fresh = three_parts(task, 400, 200, 300)
    surrogate = known_surrogate(bend_seen, 3, 3)
    test = Reachability.calibrate(task, held, learned, surrogate=surrogate)
    assert float((~test.reachable(fresh.y, fresh.c)).double().mean()) <= 0.09
    # the same y under another context is out of reach
    other = torch.where(fresh.c > 0, fresh.c - 3, fresh.c + 3)
    assert float((~test.reachable(fresh.y, other)).double().mean()) > 0.95
    found = test.nearest(fresh.y[:5], fresh.c[:5])
    assert torch.allclose(found.y, bend(found.x, fresh.c[:5]), atol=1e-5)
    with pytest.raises(ValueError, match="c: expected a context"):
        test.p_value(fresh.y)


def test_each_target_is_judged_alone(surface):
    test, fresh = surface
    whole = test.p_value(fresh.y[:6])
    assert torch.equal(torch.cat([test.p_value(y[None]) for y in fresh.y[:6]]), whole)


def test_images_are_taken_flat_or_whole():
    def simulate(x):
        return torch.einsum("...i,ijk->...jk", x, torch.arange(8.0).reshape(2, 2, 2).to(x))

    task = invlab.Task("image", simulate, invlab.Box([-1, -1], [1, 1]))
    learned, held, fresh = three_parts(task, 100, 40, 10)
    surrogate = known_surrogate(lambda u: simulate(u).flatten(-2), 2, 4)
    test = Reachability.calibrate(task, held, learned, surrogate=surrogate)
    assert torch.equal(test.p_value(fresh.y), test.p_value(fresh.y.flatten(1)))
    assert test.nearest(fresh.y).y.shape == fresh.y.shape


def test_too_few_pairs_are_called_out():
    learned, held = three_parts(bend_task(), 100, 18)
    surrogate = known_surrogate(bend_seen, 2, 3)
    with pytest.warns(UserWarning, match="18 held-out pairs flag nothing at level 0.05; give 19"):
        test = Reachability.calibrate(bend_task(), held, learned, surrogate=surrogate)
    assert bool(test.reachable(held.y + 100).all())
    with pytest.warns(UserWarning, match="flag nothing"):
        alone = Reachability.calibrate(bend_task(), held[:1], learned, surrogate=surrogate)
    assert bool(alone.p_value(held.y).isfinite().all())


def test_what_does_not_fit_is_refused(surface):
    test, fresh = surface
    learned, held = three_parts(bend_task(), 50, 40)
    surrogate = known_surrogate(bend_seen, 2, 3)
    with pytest.raises(ValueError, match="level: expected a share"):
        Reachability.calibrate(bend_task(), held, learned, surrogate=surrogate, level=5)
    with pytest.raises(ValueError, match="y: expected finite numbers"):
        test.p_value(torch.full((1, 3), torch.nan))
    with pytest.raises(ValueError, match="y: expected shape"):
        test.p_value(fresh.y[:, :2])
    for ask in (test.p_value, test.reachable, test.nearest):
        with pytest.raises(TypeError, match="y: expected a tensor .* got list; use torch"):
            ask(fresh.y.tolist())
    with pytest.raises(ValueError, match="held_out: x: expected shape"):
        Reachability.calibrate(bend_task(), Pairs(held.y, held.y), learned, surrogate=surrogate)


def test_no_held_out_row_is_among_the_draws_that_answers_are_looked_for_in():
    pairs = Pairs(torch.rand(80, 1), torch.rand(80, 1))
    for prior in (None, Restricted(Empirical(pairs.x), box=Box([0.0], [0.9]))):
        task = Task.from_pairs(pairs, name="pairs", prior=prior)
        narrow = without_held_out(task, pairs[:50])
        law = narrow.prior if prior is None else narrow.prior.law
        assert len(law.x) == 50
        if prior is not None:
            assert narrow.prior.sample(200).max() <= 0.9
