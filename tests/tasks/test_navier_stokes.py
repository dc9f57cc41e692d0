"""The push in a box: what is seen, what is not, and what the model makes of it."""

import itertools

import pytest
import torch

from invlab import get_task, refine
from invlab.simulators.mac_grid import Flow

F64 = torch.float64


@pytest.fixture(scope="module")
def task():
    return get_task("navier_stokes", cells=16, obstacles="five")


def misfit(task, x, asked):
    return (task.simulate(x, asked.c) - asked.y).square().flatten(1).mean(1)


def test_without_an_unseen_flow_the_model_is_exact():
    still = get_task("navier_stokes", cells=16, speed=0.0)
    asked = still.targets(4, seed=0, dtype=F64)
    assert (asked.c == 0).all()
    torch.testing.assert_close(still.simulate(asked.x, asked.c), asked.y, rtol=0, atol=1e-13)


def test_what_is_not_seen_keeps_the_truth_from_fitting_exactly(task):
    asked = task.targets(64, seed=0, dtype=F64)
    at_truth = misfit(task, asked.x, asked)
    middle = task.prior.center.to(asked.x).expand_as(asked.x)
    assert (at_truth > 0).all()
    assert at_truth.mean() < misfit(task, middle, asked).mean() / 4


def test_the_random_flow_has_its_speed_and_no_divergence(task):
    flow = task.context.draw(500, generator=torch.Generator().manual_seed(0))
    size = flow.u.square().mean() + flow.v.square().mean()
    assert size.sqrt() == pytest.approx(0.1, rel=0.05)
    assert task.simulator.grid.divergence(flow).abs().max() < 1e-12
    inside = task.context.bounds.contains(task.context.sample(500))
    assert not inside.all()  # a 95 % range of each of many numbers


def test_the_context_is_the_upper_half_before_the_push(task):
    generator = torch.Generator().manual_seed(3)
    pairs = task.sample(2, generator=generator, dtype=F64)
    generator.manual_seed(3)
    task.prior.sample(2, generator=generator)
    whole = task.context.draw(2, generator=generator)
    rebuilt = task.simulator.below_at_rest(pairs.c.reshape(-1, *task.simulator.shape))
    torch.testing.assert_close(rebuilt.u[:, 8:], whole.u[:, 8:], rtol=0, atol=0)
    torch.testing.assert_close(rebuilt.v[:, 8:], whole.v[:, 8:], rtol=0, atol=0)
    assert (rebuilt.u[:, :8] == 0).all()


def test_a_mirrored_push_makes_a_mirrored_flow():
    empty = get_task("navier_stokes", cells=16, obstacles="none")
    x = torch.tensor([[35.0, 1.2, 2.0], [65.0, -1.2, 2.0]], dtype=F64)
    film = empty.film(x, torch.zeros(2, 256, dtype=F64))[-1]
    mirror = film[1].flip(-1) * torch.tensor([-1.0, 1.0], dtype=F64)[:, None, None]
    torch.testing.assert_close(film[0], mirror, rtol=0, atol=1e-10)


def test_the_film_ends_with_the_observation(task):
    asked = task.targets(2, seed=1, dtype=F64)
    film, y = task.film(asked.x, asked.c), task.simulate(asked.x, asked.c)
    assert film.shape == (15, 2, 2, 16, 16)
    across = (y[:, 0, :, :-1] + y[:, 0, :, 1:]) / 2
    torch.testing.assert_close(film[-1, :, 0, 8:, :-1], across, rtol=0, atol=1e-14)


def test_single_precision_follows_double(task):
    asked = task.targets(4, seed=2, dtype=F64)
    exact = task.simulate(asked.x, asked.c)
    rough = task.simulate(asked.x.float(), asked.c.float())
    assert (rough - exact).abs().max() < 1e-3 * exact.abs().max()


def test_the_picture_holds_both_observations_and_no_rearranged_number(task):
    asked = task.targets(3, seed=1, dtype=F64)
    picture = task.picture(asked.y, asked.c)
    assert picture.shape == (3, 4, 8, 16)
    assert torch.equal(picture[:, :2], asked.y)
    assert torch.equal(picture[:, 2:].flatten(1), asked.c)
    with pytest.raises(ValueError, match="navier_stokes: c"):
        task.picture(asked.y, asked.c[:2])


def test_gradients_are_finite_for_pushes_at_the_edge_of_the_box(task):
    asked = task.targets(4, seed=2, dtype=F64)
    x = torch.stack([task.box.low, task.box.high]).repeat(2, 1).to(asked.c).requires_grad_()
    misfit(task, x, asked).sum().backward()
    assert x.grad.isfinite().all()
    assert (x.grad != 0).all()


@pytest.mark.parametrize("unknown", range(3))
def test_forward_reverse_and_differences_agree_beside_obstacles_and_at_the_edge(task, unknown):
    asked = task.targets(4, seed=2, dtype=F64)
    # the first obstacle stands above 14 to 26; the others are near a wall and go towards it
    x = torch.tensor([[14.0, 1.0, 5.0], [26.0, -3.0, 3.0], [20.5, -3.9, 5.9], [79.5, 3.9, 5.9]])
    x, along = x.to(asked.c), torch.zeros(4, 3).to(asked.c)
    along[:, unknown] = 1

    def seen(x):
        return task.simulate(x, asked.c).flatten(1)

    y, forward = torch.func.jvp(seen, (x,), (along,))
    assert torch.equal(y, seen(x))
    weight = torch.randn(y.shape, generator=torch.Generator().manual_seed(0), dtype=F64).to(y)
    (backward,) = torch.func.vjp(seen, x)[1](weight)
    torch.testing.assert_close((forward * weight).sum(1), backward[:, unknown], rtol=1e-11, atol=0)
    step = 1e-6
    differences = (seen(x + step * along) - seen(x - step * along)) / (2 * step)
    assert (forward - differences).abs().max() < 1e-6 * forward.abs().max()


def test_refining_takes_a_derivative_an_unknown_and_none_of_the_flow_before(monkeypatch):
    task = get_task("navier_stokes", cells=16, steps=7, obstacles="five")
    asked = task.targets(4, seed=0, dtype=F64)
    guesses = asked.x + 0.03 * task.box.width.to(asked.x)
    calls = []
    jvp = torch.func.jvp
    monkeypatch.setattr(torch.func, "jvp", lambda *args: calls.append(0) or jvp(*args))
    x = refine(task, guesses[:, None], asked.y, asked.c, steps=2)[:, 0]
    assert len(calls) == 2 * 3  # steps times unknowns; there are 256 numbers in c, and in y
    before, after = misfit(task, guesses, asked), misfit(task, x, asked)
    assert (after <= before).all()
    assert after.mean() < before.mean() / 2


def test_no_obstacle_is_flowed_through(task):
    asked = task.targets(3, seed=0, dtype=F64)
    start = task.simulator.below_at_rest(asked.c.reshape(-1, *task.simulator.shape))
    flow = task.simulator.grid.project(Flow(*start))
    solid = task.simulator.grid.solid
    assert (task.simulator.grid.at_centres(flow)[..., solid].abs() < 1e-14).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cells": 15}, "even number of cells"),
        ({"cells": 512}, "from 8 to 256"),
        ({"strength": 30.0}, "take at least 68 steps"),
        ({"obstacles": "five", "steps": 7}, "crosses 15.4 cells in a step"),
        ({"obstacles": "many"}, "obstacles among"),
        ({"steps": 3}, "at least 7 steps"),
        ({"speed": 4.0}, "speed < strength"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        get_task("navier_stokes", **options)


def test_the_steps_that_are_asked_for_are_enough():
    with pytest.raises(ValueError, match="at least 68 steps"):
        get_task("navier_stokes", strength=30.0, steps=67)
    assert get_task("navier_stokes", strength=30.0, steps=68).simulator.steps == 68


@pytest.mark.parametrize(("cells", "steps"), [(16, 14), (32, 14), (48, 21), (64, 28)])
def test_a_finer_grid_takes_more_steps(cells, steps):
    assert get_task("navier_stokes", cells=cells, obstacles="five").simulator.steps == steps


def test_what_is_seen_converges_with_the_steps():
    """The numbers behind the limit on the cells that are crossed in a step."""
    few = get_task("navier_stokes", cells=16, obstacles="five", steps=7)
    asked = few.targets(8, seed=0, dtype=F64)
    push = few.prior.sample(8).to(F64)
    seen = {
        steps: get_task("navier_stokes", cells=16, obstacles="five", steps=steps).simulator(
            push, asked.c
        )
        for steps in (7, 14, 28, 56, 224)
    }
    off = [(seen[steps] - seen[224]).norm() / seen[224].norm() for steps in (7, 14, 28, 56)]
    assert all(finer < 0.7 * coarser for coarser, finer in itertools.pairwise(off))
    assert off[0] < 0.25
