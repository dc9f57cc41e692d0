"""The thrown ball: Lambert's W, the landing, the papers' grid, the prior."""

import math

import pytest
import torch
from scipy.integrate import solve_ivp
from scipy.optimize import brentq
from scipy.special import lambertw
from torch.autograd import gradcheck, gradgradcheck

from invlab import check_task
from invlab.priors import Poisson
from invlab.runtime import generator
from invlab.tasks.ballistics import Ballistics, lambert_w

EXACT, GRID = Ballistics(), Ballistics("grid")
BRANCH = -math.exp(-1)


@pytest.fixture(scope="module")
def throws():
    return EXACT.prior.sample(3000, generator=generator(3))


# -- Lambert's W


def test_lambert_w_agrees_with_scipy():
    z = torch.cat(
        [
            torch.linspace(-0.3678, 10, 50_001, dtype=torch.float64),
            torch.logspace(-300, 300, 601, dtype=torch.float64),
            -torch.logspace(-300, -0.5, 601, dtype=torch.float64),
        ]
    )
    w, peer = lambert_w(z), torch.as_tensor(lambertw(z.numpy()).real)
    assert ((w - peer).abs() <= 1e-13 * peer.abs()).all()
    # Next to the branch point W changes as √(z + 1/e), so that rounding z costs half the digits.
    z = BRANCH + torch.logspace(-16, -4, 200, dtype=torch.float64)
    assert (lambert_w(z) - torch.as_tensor(lambertw(z.numpy()).real)).abs().max() < 3e-8


def test_lambert_w_at_special_points():
    z = torch.tensor([BRANCH - 1e-9, BRANCH, 0.0, math.e, math.inf], dtype=torch.float64)
    w = lambert_w(z)
    assert w[0].isnan()
    assert w[1:].tolist() == pytest.approx([-1, 0, 1, math.inf], abs=1e-7)
    assert lambert_w(torch.tensor([1.0])).dtype == torch.float32


def test_lambert_w_has_right_first_and_second_derivatives():
    z = torch.tensor([-0.36, -0.2, -1e-3, 0.0, 0.5, 40.0], dtype=torch.float64, requires_grad=True)
    w = lambert_w(z)
    (slope,) = torch.autograd.grad(w.sum(), z)
    assert torch.allclose(slope, (-w).exp() / (1 + w), rtol=1e-12)
    assert gradcheck(lambert_w, z)
    assert gradgradcheck(lambert_w, z)


# -- the exact landing


@pytest.mark.parametrize("task", [EXACT, GRID], ids=["exact", "grid"])
def test_the_task_keeps_its_contract(task):
    verdicts = check_task(task)
    assert verdicts.passed, verdicts


def test_the_landing_is_a_root_to_1e_12(throws):
    """Against a bracketing search on the height, for throws of the prior and very low ones."""
    low = torch.tensor([[0.0, 0.0, 0.16, 1.0], [0.0, 0.0, 0.16, 0.1], [0.0, 1e-6, -0.5, 3.0]])
    for x in torch.cat([throws[:300], low.double()]):
        _, x2, angle, speed = x.tolist()
        fall, rise = 9.81 * 0.8, speed * math.sin(angle)

        def height(t, x2=x2, fall=fall, rise=rise):
            return x2 - 0.8 * (fall + rise) * math.expm1(-t / 0.8) - fall * t

        peak = 0.8 * math.log1p(max(rise, 0) / fall)
        root = brentq(height, peak, 9, xtol=1e-15, rtol=1e-15)
        assert EXACT.impact_time(x).item() == pytest.approx(root, rel=1e-12)


def test_the_landing_is_that_of_the_equation_of_motion(throws):
    """m·dv/dt = −k·v − m·g, integrated step by step until the ball is down."""

    def motion(_, state):
        return [state[2], state[3], -1.25 * state[2], -1.25 * state[3] - 9.81]

    def down(t, state):
        return state[1] if t > 0 else 1.0

    down.terminal, down.direction = True, -1
    for x in throws[:20]:
        x1, x2, angle, speed = x.tolist()
        start = [x1, x2, speed * math.cos(angle), speed * math.sin(angle)]
        path = solve_ivp(motion, (0, 10), start, events=down, rtol=1e-11, atol=1e-12)
        assert path.t_events[0][0] == pytest.approx(EXACT.impact_time(x).item(), rel=1e-8)
        assert path.y_events[0][0][0] == pytest.approx(EXACT.simulate(x).item(), rel=1e-8, abs=1e-8)


def test_throws_by_hand():
    x = torch.tensor(
        [
            [0.3, 2.0, math.pi / 2, 9.0],
            [0.3, 2.0, 0.7, 0.0],
            [0.3, 0.0, 0.7, 0.0],
            [0.3, 0.0, -1, 5],
        ]
    ).double()
    assert EXACT.simulate(x)[:, 0].tolist() == pytest.approx([0.3] * 4, abs=1e-6)
    assert EXACT.impact_time(x[2:]).tolist() == pytest.approx([0, 0], abs=1e-7)
    mirrored = torch.tensor([0.0, 2.0, math.pi - 0.7, 9.0]).double()
    forward = EXACT.simulate(torch.tensor([0.0, 2.0, 0.7, 9.0]).double())
    assert EXACT.simulate(mirrored).item() == pytest.approx(-forward.item(), rel=1e-6)


def test_first_and_second_derivatives(throws):
    x = throws[:8].clone().requires_grad_()
    assert gradcheck(EXACT.simulate, x)
    assert gradgradcheck(EXACT.simulate, x, atol=1e-4)
    (slope,) = torch.autograd.grad(EXACT.simulate(x).sum(), x)
    assert torch.equal(slope[:, 0], torch.ones(8).double())
    assert (slope[:, 1] > 0).all()  # from higher up it flies farther


def test_float32_is_the_rounded_float64_result(throws):
    x = throws.float()
    assert torch.equal(EXACT.simulate(x), EXACT.simulate(x.double()).float())


def test_what_is_no_throw_is_flagged_and_keeps_its_row():
    x = torch.tensor(
        [[0.0, -0.1, 0.7, 9.0], [0.0, 1.0, 0.7, 9.0], [0.0, 1.0, 0.7, -1.0], [0.0, 0.0, 0.7, 9.0]],
        requires_grad=True,
    )
    y = EXACT.simulate(x)
    assert y.shape == (4, 1)
    assert EXACT.valid(y).tolist() == [False, True, False, True]
    (slope,) = torch.autograd.grad(y[EXACT.valid(y)].sum(), x)
    assert torch.isfinite(slope[[1, 3]]).all()


# -- the papers' grid


def test_the_grid_falls_short_by_a_floor_of_2e_5(throws):
    short = EXACT.simulate(throws) - GRID.simulate(throws)
    assert (short >= 0).all()
    assert short.mean().item() == pytest.approx(2.9e-3, rel=0.1)
    assert short.square().mean().item() == pytest.approx(2.0e-5, rel=0.2)
    assert short.max() < 0.04


def test_the_grid_has_jumps_and_no_useful_gradient():
    x = torch.tensor([0.0, 1.5, 0.7, 15.0], dtype=torch.float64, requires_grad=True)
    (exact,) = torch.autograd.grad(EXACT.simulate(x).sum(), x)
    (grid,) = torch.autograd.grad(GRID.simulate(x).sum(), x)
    assert exact[1] > 0.1
    assert grid[1] == 0
    heights = torch.linspace(1.4, 1.6, 1001, dtype=torch.float64)
    line = x.detach().repeat(1001, 1)
    line[:, 1] = heights
    assert len(GRID.simulate(line).unique()) < 50
    assert len(EXACT.simulate(line).unique()) == 1001


def test_what_the_published_simulator_cannot_land_is_flagged():
    x = torch.tensor(
        [
            [0.0, 1.5, 2.0, 9.0],  # backwards: a good throw, but not there
            [0.0, 1.5, 1.4, 80.0],  # in the air after 6 s
            [0.0, -1.0, -0.7, 1.0],  # down from below the ground
        ]
    )
    assert GRID.valid(GRID.simulate(x)).tolist() == [False, False, False]
    assert EXACT.valid(EXACT.simulate(x)).tolist() == [True, True, False]


def test_the_published_simulator_lands_what_is_under_the_ground():
    x = torch.tensor([[0.0, -0.1, 0.7, 9.0], [0.0, -1.0, 0.7, 1.0]])
    y = GRID.simulate(x)
    assert GRID.valid(y).all()
    path = GRID.simulator.position(x[1], torch.linspace(0, 1, 2000))
    assert path[:, 1].max() < 0  # it never comes out, and y is where it is highest
    assert y[1].item() == pytest.approx(path[path[:, 1].argmax(), 0].item(), abs=5e-3)
    assert not EXACT.valid(EXACT.simulate(x)).any()


# -- prior, names, drawing


def test_moments_of_the_prior():
    x = EXACT.prior.sample(200_000, generator=generator(0))
    angle = math.radians(72) / math.sqrt(12)
    assert x.mean(0).tolist() == pytest.approx([0, 1.5, math.pi / 4, 15], abs=0.05)
    assert x.std(0).tolist() == pytest.approx([0.5, 0.5, angle, math.sqrt(15)], rel=0.01)
    assert torch.equal(x[:, 3], x[:, 3].round())
    on_the_ground = (x[:, 1] == 0).double().mean().item()
    assert on_the_ground == pytest.approx(0.00135, abs=0.0005)  # Φ(−3)
    y = EXACT.simulate(x)
    assert EXACT.valid(y).all()
    assert (y.mean().item(), y.std().item()) == pytest.approx((6.77, 3.12), abs=0.04)


def test_the_box_is_95_percent_and_the_names_fit():
    low, high = EXACT.box.low.tolist(), EXACT.box.high.tolist()
    assert low == pytest.approx([-0.98, 0.52, math.radians(9), 8], abs=1e-3)
    assert high == pytest.approx([0.98, 2.48, math.radians(81), 23], abs=1e-3)
    assert EXACT.labels == ["start", "height", "angle", "speed"]
    assert EXACT.units == ["m", "m", "rad", "m/s"]


def test_poisson_draws_and_bounds():
    prior = Poisson([0.01, 4.0])
    x = prior.sample(100_000, generator=generator(0))
    assert x.mean(0).tolist() == pytest.approx([0.01, 4], abs=0.03)
    assert x[:, 1].var().item() == pytest.approx(4, rel=0.05)
    assert prior.bounds.low.tolist() == [0, 1]
    assert prior.bounds.high.tolist() == [1, 8]
    assert torch.equal(
        prior.sample(5, generator=generator(1)), prior.sample(5, generator=generator(1))
    )
    assert repr(prior) == "Poisson([0.01, 4.0])"
    with pytest.raises(ValueError, match="^Poisson: expected rates above zero"):
        Poisson([0.0])


def test_the_trajectory_runs_from_the_throw_to_the_impact(throws, device):
    x = throws[:12].reshape(3, 4, 4).to(device)
    path = EXACT.trajectory(x, 30)
    assert path.shape == (3, 4, 30, 2)
    assert path.device == x.device
    assert torch.allclose(path[..., 0, :], x[..., :2])
    assert torch.allclose(path[..., -1, :1], EXACT.simulate(x))
    assert path[..., -1, 1].abs().max() < 1e-12
    assert (path[..., 1:-1, 1] > 0).all()


def test_bad_calls_are_refused():
    with pytest.raises(ValueError, match="^ballistics: expected at least 2 points, got 1"):
        EXACT.trajectory(torch.ones(4), 1)
    with pytest.raises(ValueError, match="^ballistics: y: expected shape"):
        EXACT.posterior(torch.ones(4), 1)
    with pytest.raises(ValueError, match="^n: expected"):
        EXACT.posterior(torch.ones(4, 1), 0)
    with pytest.raises(ValueError, match="^ballistics: expected impact='exact' or 'grid'"):
        Ballistics("root")
