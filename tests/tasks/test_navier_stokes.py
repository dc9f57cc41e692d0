"""Navier–Stokes: the push, what is seen, mirror images, gradients, the unseen half."""

import math

import pytest
import torch

from invlab import check_task
from invlab.runtime import generator
from invlab.tasks.navier_stokes import (
    OBSTACLES,
    Eddies,
    NavierStokes,
    Tank,
    at_rest_below,
    middles,
    top_half,
)

DOUBLE = torch.float64


@pytest.mark.parametrize(
    "options",
    [
        {"obstacles": "five", "strongest": 6.0},
        {"cells": 16, "obstacles": "none", "step": 4.0},
        {"cells": 24, "obstacles": [(50.0, 50.0, 10.0)], "step": 2.0, "horizon": 20.0},
    ],
)
def test_the_task_keeps_its_contract(options):
    verdicts = check_task(NavierStokes(**options))
    assert verdicts.passed, verdicts


def test_the_push_by_hand():
    tank = Tank(32)
    push = tank.push(torch.tensor([[40.0, 1.5, -2.0]], dtype=DOUBLE))
    # sides 12 to the right of x = 0 and cells 4 up: (40.625, 14.0625) and (39.0625, 15.625)
    u = 1.5 * math.exp(-(0.625**2 + 0.9375**2) / 98)
    v = -2.0 * math.exp(-(0.9375**2 + 0.625**2) / 98)
    assert push[0, 0, 4, 12].item() == pytest.approx(u)
    assert push[0, 1, 12, 4].item() == pytest.approx(v)


def test_what_is_seen():
    flow = torch.arange(2 * 4 * 3, dtype=DOUBLE).reshape(1, 2, 4, 3)
    seen = top_half(flow)[0]
    # u of the two upper rows of cells, the wall first; v at their lower sides, which is transposed
    assert seen[0].tolist() == [[0, 6, 7, 8], [0, 9, 10, 11]]
    assert seen[1].tolist() == [[13, 16, 19, 22], [14, 17, 20, 23]]
    back = at_rest_below(top_half(flow))
    assert back[0, 0].tolist() == [[0, 0, 0], [0, 0, 0], [6, 7, 8], [9, 10, 11]]
    assert back[0, 1].tolist() == [[0, 13, 14], [0, 16, 17], [0, 19, 20], [0, 22, 23]]
    assert torch.equal(top_half(back), top_half(flow))
    assert middles(flow)[0, 0, 1].tolist() == [1.5, 3.5, 4.5, 2.5]
    assert middles(flow)[0, 1, :, 0].tolist() == [6, 12.5, 13.5, 7]


def test_a_mirrored_push_gives_the_mirrored_flow():
    tank = Tank(32, ((50.0, 60.0, 9.0),))
    x = torch.tensor([[35.0, 1.0, 2.5], [65.0, -1.0, 2.5]], dtype=DOUBLE)
    flow = middles(tank.run(x, torch.zeros(2, 2, 32, 31, dtype=DOUBLE)))
    sign = torch.tensor([-1.0, 1.0], dtype=DOUBLE)[:, None, None]
    torch.testing.assert_close(flow[1], sign * flow[0].flip(-1), rtol=0, atol=1e-12)
    assert flow[0].abs().max() > 0.1


def test_the_law_of_the_first_flows():
    grid = Tank(32, OBSTACLES["none"]).grid
    eddies = Eddies(grid, 0.3)
    flows = eddies.flows(400, generator=generator(0))
    assert grid.outflow(flows).abs().max() < 1e-12
    assert flows.square().mean().sqrt().item() == pytest.approx(0.3, rel=0.05)
    seen = eddies.sample(400, generator=generator(0))
    assert torch.equal(seen, top_half(flows).flatten(1))
    inside = eddies.bounds.contains(seen).double().mean()
    each = ((seen >= eddies.bounds.low) & (seen <= eddies.bounds.high)).double().mean()
    assert inside < 0.9
    assert each.item() == pytest.approx(0.95, abs=0.03)
    assert repr(eddies) == "Eddies(strength=0.3)"


def test_first_flows_pass_no_obstacle():
    grid = Tank(32, OBSTACLES["five"]).grid
    flows = Eddies(grid, 0.1).flows(5)
    assert grid.outflow(flows).abs().max() < 1e-12
    assert (flows * (1 - grid.open_sides)).abs().max() < 1e-14


@pytest.mark.parametrize("obstacles", ["two", "five"])
def test_the_observation_comes_from_the_whole_flow_and_the_simulator_from_the_top(obstacles):
    task = NavierStokes(obstacles=obstacles)
    targets = task.targets(40, seed=0, dtype=DOUBLE)
    assert targets.y.shape == (40, 2, 16, 32)
    assert targets.c.shape == (40, 1024)
    truth = task.loss(targets.x, targets.y, targets.c)
    middle = task.loss(task.box.center.to(targets.x).expand(40, 3), targets.y, targets.c)
    # the unseen half: some tenths of a thousandth, far less than what a wrong push costs
    assert 0.1 < truth.mean() < 0.6
    assert middle.mean() > 2 * truth.mean()
    rng = generator(0, "navier_stokes", "targets")
    x, flow = task.prior.sample(40, generator=rng), task.context.flows(40, generator=rng)
    y = top_half(task.simulator.run(x.to(targets.x), flow.to(targets.x)))
    assert torch.equal(y, targets.y)


def test_the_same_seed_gives_the_same_targets_and_another_one_others():
    task = NavierStokes(16)
    one, two = (task.targets(3, seed=1) for _ in range(2))
    assert torch.equal(one.y, two.y)
    assert torch.equal(one.c, two.c)
    assert not torch.equal(one.y, task.targets(3, seed=2).y)
    assert not torch.equal(one.y, task.sample(3).y)


@pytest.mark.parametrize("obstacles", ["two", "five"])
def test_the_gradient_of_the_loss(obstacles):
    """The extrapolated difference; a place that changes cells within the step costs 1e-5."""
    task = NavierStokes(obstacles=obstacles, strongest=6.0)
    targets = task.targets(8, seed=3, dtype=DOUBLE)
    x = task.prior.sample(8, generator=generator(3)).to(targets.y).requires_grad_()
    (slope,) = torch.autograd.grad(task.loss(x, targets.y, targets.c).sum(), x)
    with torch.no_grad():
        for k in range(3):
            step = torch.zeros_like(x)
            step[:, k] = 1e-7 * task.box.width[k]
            ahead, behind = (task.loss(x + s, targets.y, targets.c) for s in (step, -step))
            quotient = (ahead - behind) / (2 * step[:, k])
            gap = (slope[:, k] - quotient).abs() / quotient.abs().max()
            assert gap.median() < 1e-6
            assert gap.max() < 1e-4


def test_forward_derivatives_agree_with_backward_ones():
    task = NavierStokes(16, obstacles="five")
    pairs = task.sample(2, dtype=DOUBLE)
    direction = torch.tensor([3.0, -0.2, 0.1]).to(pairs.x).expand(2, 3)
    passed = torch.func.jvp(lambda x: task.simulator(x, pairs.c), (pairs.x,), (direction,))[1]
    x = pairs.x.clone().requires_grad_()
    weight = torch.randn(passed.shape, generator=generator(4), dtype=DOUBLE).to(passed)
    (slope,) = torch.autograd.grad((task.simulator(x, pairs.c) * weight).sum(), x)
    assert (slope * direction).sum().item() == pytest.approx((passed * weight).sum().item())


def test_gradients_stay_of_one_size_to_the_last_horizon():
    """There is no chaos here to make them grow, since the flow slows down."""
    sizes = []
    for horizon in (28.0, 56.0, 200.0):
        task = NavierStokes(obstacles="five", strongest=6.0, horizon=horizon)
        pairs = task.sample(12, dtype=DOUBLE)
        x = pairs.x.clone().requires_grad_()
        weight = torch.randn(pairs.y.shape, generator=generator(5), dtype=DOUBLE).to(pairs.y)
        (slope,) = torch.autograd.grad((task.simulator(x, pairs.c) * weight).sum(), x)
        assert slope.isfinite().all()
        sizes.append((slope * task.box.width.to(x)).norm(dim=1).median().item())
    assert max(sizes) < 10 * min(sizes)


def test_float32_is_float64_to_four_digits_even_for_the_largest_push_allowed():
    task = NavierStokes(obstacles="five", strongest=12.0)
    pairs = task.sample(30, dtype=DOUBLE)
    assert pairs.y.isfinite().all()
    seen = task.simulate(pairs.x.float(), pairs.c.float())
    exact = task.simulate(pairs.x, pairs.c)
    assert (seen - exact).abs().max() < 1e-3 * exact.abs().max()


def test_pictures_and_frames(device):
    task = NavierStokes(16)
    pairs = task.sample(3)
    assert pairs.y.device.type == device.type
    picture = task.picture(pairs.y, pairs.c)
    assert picture.shape == (3, 4, 8, 16)
    assert torch.equal(picture[:, :2].flatten(1), pairs.c)
    assert torch.equal(picture[:, 2:], pairs.y)
    frames = task.frames(pairs.x, pairs.c)
    assert frames.shape == (3, 8, 2, 16, 16)
    seen = task.simulate(pairs.x, pairs.c)
    # in the middle of the highest row: between its lower side and the wall
    torch.testing.assert_close(frames[:, -1, 1, -1], seen[:, 1, -1] / 2)
    flow = at_rest_below(picture[:, :2])
    torch.testing.assert_close(task.frames(pairs.x, flow), frames)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cells": 14}, "an even number of cells from 16 to 128, got 14"),
        ({"cells": 33}, "an even number of cells"),
        ({"cells": 130}, "an even number of cells"),
        ({"step": 16.0}, "step above 0 and at most 8, got 16.0"),
        ({"horizon": 202.0}, "horizon above 0 and at most 200, got 202.0"),
        ({"horizon": 58.0}, "horizon a multiple of step, got 58.0 and 4.0"),
        ({"strongest": 13.0}, "strongest above 0 and at most 12, got 13.0"),
        ({"eddies": 0.0}, "eddies above 0 and at most 1, got 0.0"),
        ({"obstacles": "six"}, "obstacles 'none', 'two', 'five' or squares, got 'six'"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(ValueError, match=f"^navier_stokes: expected {message}"):
        NavierStokes(**options)


def test_bad_calls_are_refused():
    task, x, c = NavierStokes(16), torch.ones(2, 3), torch.zeros(2, 256)
    with pytest.raises(TypeError, match="^navier_stokes: cells: expected an int"):
        NavierStokes(32.0)
    with pytest.raises(ValueError, match="^navier_stokes: this task needs a context c"):
        task.simulate(x)
    with pytest.raises(ValueError, match="^navier_stokes: the tank needs the first flow c"):
        task.simulator(x)
    with pytest.raises(ValueError, match=r"^navier_stokes: x: expected shape \(B, 3\)"):
        task.frames(c, c)
    with pytest.raises(ValueError, match=r"^navier_stokes: c: expected shape \(B, 256\)"):
        task.frames(x, x)
    with pytest.raises(ValueError, match=r"^navier_stokes: y: expected shape \(B, 2, 8, 16\)"):
        task.picture(c, c)
