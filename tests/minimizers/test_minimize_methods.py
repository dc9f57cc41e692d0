"""Each method by itself: against SciPy, against theory, and its options."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize
from standard_problems import METHODS, PROBLEMS, SMOOTH

from invlab import Box, get_task
from invlab.minimizers import minimize

F64 = torch.float64
smooth = pytest.mark.parametrize("problem", SMOOTH, ids=lambda p: p.name)


def scipy_bfgs(fun, x0, **options):
    """The loop that the batched method replaces."""

    def value_and_gradient(z):
        leaf = torch.from_numpy(z)[None].requires_grad_()
        value = fun(leaf)
        (gradient,) = torch.autograd.grad(value, leaf, torch.ones_like(value))
        return value.item(), gradient[0].numpy()

    rows = x0.cpu().numpy()
    return [
        optimize.minimize(value_and_gradient, row, jac=True, method="BFGS", options=options)
        for row in rows
    ]


@smooth
def test_bfgs_matches_scipy(problem, device):
    x0 = problem.x0(device)
    ours = minimize(problem.value, x0)
    theirs = scipy_bfgs(problem.value, x0)
    np.testing.assert_allclose(ours.fun.cpu(), [s.fun for s in theirs], atol=1e-8)
    np.testing.assert_allclose(ours.x.cpu(), [s.x for s in theirs], atol=1e-8)
    assert ours.nit.tolist() == [s.nit for s in theirs]
    assert ours.success.tolist() == [s.success for s in theirs]


@smooth
def test_lm_finds_scipys_minima(problem, device):
    x0 = problem.x0(device)
    ours = minimize(problem.residuals, x0, method="lm", gtol=1e-10)
    assert ours.success.all()
    for row, start in enumerate(x0):
        theirs = optimize.least_squares(
            lambda z: problem.residuals(torch.from_numpy(z)[None])[0].numpy(),
            start.cpu().numpy(),
            method="lm",
            xtol=1e-15,
            ftol=1e-15,
            gtol=1e-15,
        )
        assert float(ours.fun[row]) == pytest.approx(2 * theirs.cost, abs=1e-8)
        if problem.name not in ("himmelblau", "powell"):  # four minima; a singular one
            np.testing.assert_allclose(ours.x[row].cpu(), theirs.x, atol=1e-8)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_reaches_scipys_minimum_of_himmelblau(method, device):
    problem = next(p for p in PROBLEMS if p.name == "himmelblau")
    x0 = problem.x0(device)[1:]
    # a first step short enough to stay in the basin
    options = {"step_size": 0.01} if method == "gd" else {}
    ours = minimize(problem.fun(method), x0, method=method, gtol=1e-9, **options)
    theirs = scipy_bfgs(problem.value, x0, gtol=1e-9)
    assert ours.success.all()
    np.testing.assert_allclose(ours.x.cpu(), [s.x for s in theirs], atol=1e-8)
    np.testing.assert_allclose(ours.fun.cpu(), [s.fun for s in theirs], atol=1e-8)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 6))
def test_bfgs_follows_scipy_from_random_starts(seed, dim):
    rng = torch.Generator().manual_seed(seed)
    x0 = 2 * torch.randn(3, dim, generator=rng, dtype=F64)
    centre = torch.randn(dim, generator=rng, dtype=F64)
    scale = 10 ** torch.rand(dim, generator=rng, dtype=F64)

    def fun(x):
        z = (x - centre) * scale
        return (1 + z.square().sum(1)).log() + 0.1 * z.square().sum(1)

    ours, theirs = minimize(fun, x0), scipy_bfgs(fun, x0)
    np.testing.assert_allclose(ours.fun, [s.fun for s in theirs], atol=1e-8)
    assert ours.success.all()


def test_bfgs_gets_round_holes_and_beside_kinks_better_than_scipy(device):
    hole, kink = PROBLEMS[-2], PROBLEMS[-1]
    found = minimize(hole.value, hole.x0(device))
    assert found.success.tolist() == [True, True, True, False]
    assert float(found.fun[:3].max()) < 1e-8
    stuck = minimize(kink.value, kink.x0(device))
    assert float(stuck.fun.max()) < 2 + 1e-3
    assert stuck.message[0].startswith("stalled")
    assert int(stuck.nfev.max()) < 500


def test_bfgs_says_when_there_is_no_minimum(device):
    x0 = torch.ones(2, 1, dtype=F64, device=device)
    sinking = minimize(lambda x: -x[:, 0], x0)
    assert sinking.message[0].startswith("stalled")
    assert float(sinking.fun[0]) < -1e6
    falling = minimize(lambda x: torch.where(x[:, 0] > 0, x[:, 0], -torch.inf), x0)
    assert falling.message[0].startswith("stopped: the objective reached minus infinity")
    assert torch.isneginf(falling.fun).all()


def test_lm_takes_the_shortest_of_all_steps(device):
    # one residual, three unknowns: the nearest point of a plane
    x0 = torch.tensor([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]], dtype=F64, device=device)
    normal = torch.tensor([1.0, -1.0, 2.0], dtype=F64, device=device)
    found = minimize(lambda x: (x @ normal - 4)[:, None], x0, method="lm", gtol=1e-12)
    nearest = x0 - ((x0 @ normal - 4) / normal.square().sum())[:, None] * normal
    torch.testing.assert_close(found.x, nearest, rtol=0, atol=1e-10)
    dependent = minimize(lambda x: (x @ normal - 4)[:, None].expand(-1, 5), x0, method="lm")
    torch.testing.assert_close(dependent.x, nearest, rtol=0, atol=1e-6)


@pytest.mark.parametrize("method", ["gd", "adam", "lm"])
def test_a_box_holds(method, device):
    box = Box([-2.0, -2.0], [0.5, 2.0])
    residuals, seen = SMOOTH[0].residuals, []

    def fun(x):
        seen.append(bool(box.contains(x.detach()).all()))
        r = residuals(x)
        return r if method == "lm" else r.square().sum(1)

    x0 = torch.tensor([[-1.2, 1.0], [3.0, 9.0]], dtype=F64, device=device)
    found = minimize(fun, x0, method=method, bounds=box, maxiter=3000, gtol=1e-6)
    assert all(seen)
    # with the first unknown at its bound the second is free to be its square
    expected = torch.tensor([[0.5, 0.25]] * 2, dtype=F64, device=device)
    torch.testing.assert_close(found.x, expected, rtol=0, atol=1e-4)
    assert found.success.all()


@pytest.mark.parametrize("unit", [0.3, [0.1, 2.0], None], ids=str)
def test_bfgs_in_a_box_is_bfgs_on_the_argument_of_a_scaled_tanh(unit, device):
    box = Box([-2.0, -1.0], [1.5, 4.0])
    x0 = torch.tensor([[-1.2, 1.0], [0.5, 3.9]], dtype=F64, device=device)
    half = box.width.to(x0) / 2
    length = 0.1 * half if unit is None else torch.tensor(unit).to(x0)

    def bounded(z):
        return box.center.to(z) + half * (length * z / half).tanh()

    def noted(x):
        points.append(x.detach().clone())
        return SMOOTH[0].value(x)

    z0 = ((x0 - box.center.to(x0)) / half).atanh() * half / length
    for row in range(2):
        points, start = [], x0[row : row + 1]
        by_hand = minimize(lambda z: noted(bounded(z)), z0[row : row + 1])
        walked, points = points, []
        ours = minimize(noted, start, bounds=box, x_scale=unit)
        # the valley makes much of the last digits
        torch.testing.assert_close(points[: len(walked)], walked, rtol=0, atol=1e-3)
        # it goes on where by x, in whose units the slope is steeper, it has not converged yet
        leaf = walked[-1].requires_grad_()
        (slope,) = torch.autograd.grad(SMOOTH[0].value(leaf).sum(), leaf)
        further = int(ours.nfev) - int(by_hand.nfev)
        assert (further == 0) == bool(slope.abs().max() <= 1e-5)
        assert 0 <= further <= 2
    ours = minimize(SMOOTH[0].value, x0, bounds=box, x_scale=unit)
    # the minimum (1, 1) is inside
    torch.testing.assert_close(ours.x, torch.ones_like(x0), rtol=0, atol=1e-4)


def test_bfgs_stays_in_its_box_and_may_start_outside(device):
    box, seen = Box([-2.0, -2.0], [0.5, 2.0]), []

    def fun(x):
        seen.append(bool(box.contains(x.detach())[:2].all()))
        return SMOOTH[0].value(x)

    x0 = torch.tensor([[-1.2, 1.0], [3.0, 9.0], [torch.nan, 0.0]], dtype=F64, device=device)
    found = minimize(fun, x0, bounds=box)
    assert all(seen)
    assert box.contains(found.x[:2]).all()
    # with the first unknown at its bound the second is free to be its square
    expected = torch.tensor([[0.5, 0.25]] * 2, dtype=F64, device=device)
    torch.testing.assert_close(found.x[:2], expected, rtol=0, atol=1e-6)
    assert found.success[:2].all()
    assert found.message[0].startswith("converged at an edge of the bounds")
    assert found.message[2].startswith("not started")


def test_the_unit_is_the_length_of_the_first_step(device):
    seen = []

    def fun(x):
        seen.append(x.detach().clone())
        return 100 * (x[:, 0] - 5).square()

    for unit in (1.0, 0.02):
        seen.clear()
        found = minimize(fun, torch.zeros(1, 1, dtype=F64, device=device), x_scale=unit)
        assert seen[1].item() == pytest.approx(1.01 * unit)
        assert found.x.item() == pytest.approx(5)


# Units of the position of a wave packet, in samples, and share of rows that have to agree
@pytest.mark.parametrize(("unit", "share"), [(1.0, 1.0), (5.0, 1.0), (75.0, 0.95)])
def test_bfgs_follows_scipy_into_the_local_minima_of_wave_packets(unit, share):
    """A search of this kind is decided by its first trial steps, which are SciPy's."""
    task = get_task("wave_packet")
    y = task.targets(64, seed=11, dtype=F64).y

    def misfit(x, rows):
        return (task.simulator(x) - y[rows]).square().sum(1)

    ours = minimize(misfit, torch.full((64, 1), 128.0).to(y), bounds=task.box, x_scale=unit)
    theirs = [
        scipy_bfgs(
            lambda z, row=row: misfit(128 + 75 * (unit * z / 75).tanh(), torch.tensor([row])),
            torch.zeros(1, 1, dtype=F64),
        )[0]
        for row in range(64)
    ]
    same = np.isclose(ours.fun.cpu(), [s.fun for s in theirs], rtol=1e-5, atol=1e-7)
    steps = ours.nit.cpu().numpy() == [s.nit for s in theirs]
    assert same.mean() >= share
    assert steps.mean() >= share


@pytest.mark.slow
def test_bfgs_follows_scipy_through_a_chaotic_equation():
    """Also into its local minima: a third of these rows ends in one."""
    task = get_task("kuramoto_sivashinsky")
    targets = task.targets(12, seed=0, dtype=F64)
    half = task.box.width.to(targets.y) / 2

    def misfit(x, rows):
        return (task.simulator(x, targets.c[rows]) - targets.y[rows]).square().mean((1, 2))

    middle = task.box.center.to(targets.y)
    ours = minimize(misfit, middle.expand(12, 2).contiguous(), bounds=task.box, x_scale=half)
    theirs = [
        scipy_bfgs(
            lambda z, row=row: misfit(middle + half * z.to(middle).tanh(), torch.tensor([row])),
            torch.zeros(1, 2, dtype=F64),
        )[0]
        for row in range(12)
    ]
    # where the tanh is flat ours goes on after SciPy's came to rest, and may well find more
    inside = np.array([np.abs(np.tanh(s.x)).max() < 0.95 for s in theirs])
    assert 6 < inside.sum() < 12
    steps = ours.nit.cpu().numpy() == [s.nit for s in theirs]
    assert steps[inside].mean() > 0.8
    values, lowest = ours.fun.cpu().numpy(), np.array([s.fun for s in theirs])
    np.testing.assert_allclose(values[inside], lowest[inside], rtol=1e-4, atol=1e-7)
    assert (values <= lowest + 1e-7).all()
    assert 0 < (ours.fun > 1e-2).sum() < 6


@pytest.mark.parametrize("lr", [0.01, torch.tensor([0.01, 0.05])], ids=["one", "each"])
def test_adam_is_torchs_adam(lr):
    x0 = torch.tensor([[1.0, 2.0], [-1.0, 0.5]], dtype=F64)
    found = minimize(
        SMOOTH[0].value,
        x0,
        method="adam",
        step_size=lr,
        schedule="constant",
        maxiter=50,
        record=True,
    )
    for row in range(2):
        x = x0[row : row + 1].clone().requires_grad_()
        rate = lr if isinstance(lr, float) else float(lr[row])
        optimiser = torch.optim.Adam([x], lr=rate)
        lowest = torch.inf
        for _ in range(51):
            optimiser.zero_grad()
            value = SMOOTH[0].value(x)
            lowest = min(lowest, value.item())
            value.sum().backward()
            optimiser.step()
        assert float(found.fun[row]) == pytest.approx(lowest, rel=1e-9)


@pytest.mark.parametrize("schedule", ["adaptive", "constant", "cosine"])
@pytest.mark.parametrize("method", ["gd", "adam"])
def test_schedules_reach_a_bowls_bottom(method, schedule, device):
    x0 = torch.tensor([[1.0, -2.0], [0.1, 10.0]], dtype=F64, device=device)
    found = minimize(
        lambda x: x.square().sum(1),
        x0,
        method=method,
        schedule=schedule,
        step_size=0.1,
        maxiter=2000,
    )
    assert found.success.all()
    assert float(found.fun.max()) < 1e-8


def test_maxiter_and_maxfev_are_kept(device):
    x0 = SMOOTH[0].x0(device)
    few = minimize(SMOOTH[0].value, x0, maxiter=3)
    assert few.nit.tolist() == [3, 3, 3, 0]
    assert "maxiter = 3" in few.message[0]
    for most in (1, 2, 4):
        capped = minimize(SMOOTH[0].value, x0, maxfev=most)
        assert int(capped.nfev.max()) == most
        assert f"maxfev = {most}" in capped.message[0]
        assert capped.message[3].startswith("did not move")


def test_one_row_one_unknown_and_a_large_batch(device):
    one = minimize(lambda x: (x[:, 0] - 3) ** 2, torch.zeros(1, 1, dtype=F64, device=device))
    assert one.x.item() == pytest.approx(3)
    assert repr(one).startswith("Solution: 1 of 1 rows converged")
    x0 = torch.randn(5000, 3, dtype=F64, device=device)
    many = minimize(lambda x: (x - 1).pow(4).sum(1), x0)
    assert many.success.all()
