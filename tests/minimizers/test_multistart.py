"""Restarts of unsolved rows, and the exchange of answers between rows."""

import pytest
import torch
from standard_problems import PROBLEMS, SMOOTH, assert_tells_what_was_seen

from invlab import Box, Normal, get_task
from invlab.improve import squared_distance
from invlab.minimizers import minimize
from invlab.networks.encoders import beside

F64 = torch.float64
BOX = Box([-4.0, -4.0], [4.0, 4.0])


def numbers(device, *shape, seed=0):
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=rng, dtype=F64).to(device)


def ripples(a):
    """Many local minima, one global one at ``a``, where the value is zero."""

    def fun(x, rows):
        z = x - a[rows]
        return (0.1 * z.square() + 1 - (4 * z).cos()).sum(1)

    return fun


def watched(fun, seen):
    def wrapped(x, rows):
        value = fun(x, rows)
        seen.append((rows.clone(), value.detach().clone()))
        return value

    return wrapped


@pytest.fixture
def shots():
    """Billiard problems, most of which give BFGS no gradient at the first guess."""
    task = get_task("billiards")
    problems = task.targets(48, seed=3, dtype=F64)
    x0 = task.prior.center.to(problems.y).repeat(48, 1)
    return task, problems, squared_distance(task, problems.y, problems.c), x0


# Restarts


@pytest.mark.slow
def test_restarts_find_the_lowest_of_many_minima(device):
    a = numbers(device, 30, 2, seed=1)
    fun, x0 = ripples(a), torch.zeros_like(a)
    plain = minimize(fun, x0)
    found = minimize(fun, x0, method="multistart", bounds=BOX, restarts=60, target=1e-6)
    assert (plain.fun > 1e-6).any()
    solved = found.fun <= 1e-6
    assert solved.sum() >= 28
    torch.testing.assert_close(found.x[solved], a[solved], rtol=0, atol=1e-4)


@pytest.mark.slow
def test_missed_shots_are_restarted_from_the_prior(shots):
    task, problems, fun, x0 = shots
    plain = minimize(fun, x0)
    found = minimize(fun, x0, method="multistart", draws=task.prior, restarts=300, target=1e-8)
    assert (plain.fun < 1e-6).double().mean() < 0.5
    assert (found.fun < 1e-6).double().mean() > 0.9
    solved = found.fun < 1e-6
    torch.testing.assert_close(found.x[solved], problems.x[solved], rtol=0, atol=1e-2)


def test_only_unsolved_rows_are_searched_again(device):
    a, seen = numbers(device, 20, 2, seed=1), []
    fun, x0 = ripples(a), torch.zeros_like(a)
    plain = minimize(fun, x0)
    found = minimize(
        watched(fun, seen),
        x0,
        method="multistart",
        bounds=BOX,
        x_scale=1.0,
        restarts=5,
        target=1e-6,
    )
    first = minimize(fun, x0, bounds=BOX, x_scale=1.0)
    kept = first.fun <= 1e-6
    assert 0 < kept.sum() < 20, plain.fun
    # one more than BFGS: whether a row can start is seen before it does
    assert torch.equal(found.nfev[kept], first.nfev[kept] + 1)
    assert (found.nfev[~kept] > first.nfev[~kept] + 1).all()
    assert torch.equal(found.fun[kept], first.fun[kept])


def test_a_target_may_differ_between_rows(device):
    a = numbers(device, 12, 2, seed=1)
    fun, x0 = ripples(a), torch.zeros_like(a)
    goal = torch.full((12,), torch.inf, dtype=F64, device=device)
    goal[:4] = -torch.inf
    found = minimize(fun, x0, method="multistart", bounds=BOX, restarts=3, target=goal)
    first = minimize(fun, x0, bounds=BOX)
    assert torch.equal(found.nfev[4:], first.nfev[4:] + 1)
    assert (found.nfev[:4] > first.nfev[:4] + 3).all()


def test_more_rounds_are_never_worse(device):
    a = 2 * numbers(device, 20, 2, seed=1)
    values = [
        minimize(ripples(a), 0 * a, method="multistart", bounds=BOX, restarts=k).fun
        for k in (0, 1, 6)
    ]
    for few, many in zip(values, values[1:], strict=False):
        assert (many <= few).all()
    assert values[-1].sum() < values[0].sum()


def test_draws_of_a_prior_do_not_depend_on_the_other_rows(device):
    a = 2 * numbers(device, 20, 2, seed=1)
    options = {"method": "multistart", "bounds": BOX, "restarts": 3}
    every = minimize(ripples(a), 0 * a, **options)
    few = minimize(ripples(a[:7]), 0 * a[:7], **options)
    torch.testing.assert_close(few.x, every.x[:7], rtol=0, atol=1e-9)
    other = minimize(ripples(a), 0 * a, seed=1, **options)
    assert not torch.equal(other.x, every.x)


def test_draws_may_be_a_function_of_the_rows(device):
    a, asked = 2 * numbers(device, 10, 2, seed=1), []

    def near_the_answer(rows, generator):
        asked.append(rows.tolist())
        return a[rows] + 0.05 * torch.randn(len(rows), 2, generator=generator, dtype=F64).to(a)

    found = minimize(
        ripples(a), 0 * a, method="multistart", draws=near_the_answer, restarts=2, target=1e-6
    )
    assert (found.fun < 1e-6).all()
    assert len(asked) == 1
    from_draws = ["restart 1" in text for text in found.message]
    assert [row for row, drawn in enumerate(from_draws) if drawn] == asked[0]


@pytest.mark.slow
def test_without_bounds_a_normal_law_gives_the_starts(device):
    a = 2 * numbers(device, 10, 2, seed=1)
    law = Normal([0.0, 0.0], [2.0, 2.0])
    found = minimize(ripples(a), 0 * a, method="multistart", draws=law, restarts=100, target=1e-6)
    assert (found.fun < 1e-6).sum() >= 9


# Exchange


def test_exchange_brings_an_answer_to_rows_without_a_gradient(device):
    middle = torch.linspace(-0.3, 0.3, 9, dtype=F64, device=device)[:, None]

    def wells(x, rows):
        z = (x - middle[rows]).square().sum(1)
        return torch.where(z < 1, z, 1 + 0 * z)

    x0 = torch.full_like(middle, 5.0)
    x0[4] = 0.5  # the only one that starts in its well
    alone = minimize(wells, x0)
    found = minimize(wells, x0, method="multistart", restarts=0, cross_start=True, target=1e-6)
    assert (alone.fun < 1e-6).sum() == 1
    torch.testing.assert_close(found.x, middle, rtol=0, atol=1e-5)
    # 9 evaluations of answers, and a search; the solved row takes no part
    assert found.nfev[4] == alone.nfev[4] + 1
    assert (found.nfev[[0, 8]] >= alone.nfev[[0, 8]] + 1 + 9 + 1).all()
    assert "another row" in found.message[0]
    assert "another row" not in found.message[4]


def test_exchange_ends_where_the_last_row_has_no_other_answer_to_try(device):
    floor = torch.tensor([0.0, 1.0], dtype=F64, device=device)

    def wells(x, rows):
        assert len(rows)  # a search of no row would never end
        z = (x - 0.1 * rows[:, None]).square().sum(1)
        return floor[rows] + torch.where(z < 1, z, 1 + 0 * z)

    # the second row is helped by the first, and stays above the target: alone in the next round
    x0 = torch.tensor([[0.5], [5.0]], dtype=F64, device=device)
    found = minimize(wells, x0, method="multistart", restarts=0, cross_start=True, target=1e-6)
    torch.testing.assert_close(found.fun, floor, rtol=0, atol=1e-9)


def test_exchange_solves_shots_that_bfgs_misses(shots):
    _, _, fun, x0 = shots
    plain = minimize(fun, x0)
    found = minimize(fun, x0, method="multistart", restarts=0, cross_start=True, target=1e-8)
    assert (found.fun <= plain.fun).all()
    assert (found.fun < 1e-6).double().mean() > (plain.fun < 1e-6).double().mean() + 0.3


@pytest.mark.slow
def test_joint_exchanges_too(shots):
    _, problems, fun, x0 = shots
    options = {
        "method": "joint",
        "features": beside(problems.y, problems.c),
        "iterations": 60,
        "fallback": True,
    }
    alone = minimize(fun, x0, **options)
    found = minimize(fun, x0, cross_start=True, target=1e-8, **options)
    assert (found.fun <= alone.fun).all()
    assert (found.fun < 1e-6).sum() > (alone.fun < 1e-6).sum()
    solved = alone.fun <= 1e-8
    assert torch.equal(found.nfev[solved], alone.nfev[solved])


def test_exchange_works_for_functions_without_rows_and_given_derivatives(device):
    a = 2 * numbers(device, 8, 2, seed=1)
    fun = ripples(a)
    every = torch.arange(8, device=device)

    def pair(x):
        z = x - a
        return fun(x, every), 0.2 * z + 4 * (4 * z).sin()

    options = {"method": "multistart", "restarts": 1, "bounds": BOX, "cross_start": True}
    expected = minimize(fun, 0 * a, **options)
    found = minimize(pair, 0 * a, jac=True, **options)
    torch.testing.assert_close(found.fun, expected.fun, rtol=0, atol=1e-9)
    assert torch.equal(found.nfev, expected.nfev)


# The contract of all methods


@pytest.mark.parametrize("exchange", [False, True])
def test_never_worse_than_the_best_point_evaluated(device, exchange):
    a, seen = 2 * numbers(device, 8, 2, seed=1), []
    found = minimize(
        watched(ripples(a), seen),
        0 * a,
        method="multistart",
        bounds=BOX,
        restarts=3,
        cross_start=exchange,
        record=True,
    )
    assert_tells_what_was_seen(found, seen)


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda p: p.name)
def test_without_restarts_it_is_bfgs(problem, device):
    x0 = problem.x0(device)
    plain = minimize(problem.value, x0)
    found = minimize(problem.value, x0, method="multistart", restarts=0)
    torch.testing.assert_close(found.fun, plain.fun, rtol=0, atol=1e-12, equal_nan=True)
    assert torch.equal(found.success, plain.success)
    assert torch.equal(found.nit, plain.nit)


@pytest.mark.parametrize("exchange", [False, True])
def test_broken_rows_leave_the_others_alone(device, exchange):
    problem = SMOOTH[0]
    x0 = problem.x0(device)
    broken = torch.full_like(x0[:1], torch.nan)
    options = {
        "method": "multistart",
        "draws": Box([-2.0, -2.0], [2.0, 2.0]),
        "restarts": 2,
        "cross_start": exchange,
    }
    mixed = minimize(problem.value, torch.cat((x0, broken)), **options)
    clean = minimize(problem.value, x0, **options)
    torch.testing.assert_close(mixed.fun[:-1], clean.fun, rtol=1e-9, atol=1e-12)
    assert torch.isnan(mixed.x[-1]).all()
    assert torch.isnan(mixed.fun[-1])
    assert not mixed.success[-1]
    assert mixed.message[-1].startswith("not started")
    assert mixed.nfev[-1] == 1


def test_draws_that_are_not_numbers_change_nothing(device):
    a = 2 * numbers(device, 6, 2, seed=1)

    def nowhere(rows, generator):
        return torch.full((len(rows), 2), torch.nan)

    found = minimize(ripples(a), 0 * a, method="multistart", draws=nowhere, restarts=2)
    plain = minimize(ripples(a), 0 * a)
    assert torch.equal(found.x, plain.x)
    assert torch.equal(found.nfev, plain.nfev + 3)


@pytest.mark.parametrize("calls", [0, 1, 5, 40])
def test_an_interrupt_returns_the_best_so_far(device, calls):
    a, seen = 2 * numbers(device, 8, 2, seed=1), []
    inner = ripples(a)

    def fun(x, rows):
        if len(seen) == calls:
            raise KeyboardInterrupt
        value = inner(x, rows)
        seen.append((rows.clone(), value.detach().clone()))
        return value

    found = minimize(fun, 0 * a, method="multistart", bounds=BOX, restarts=50)
    assert found.interrupted
    if calls == 0:
        assert torch.isnan(found.fun).all()
        return
    best = torch.full_like(found.fun, torch.inf)
    for rows, value in seen:
        best[rows] = torch.minimum(best[rows], value)
    assert torch.equal(found.fun, best)


def test_float32_and_the_callers_things(device):
    problem = SMOOTH[0]
    x0 = problem.x0(device, torch.float32)
    before = x0.clone()
    with pytest.warns(UserWarning, match="float32"):
        minimize(problem.value, x0, method="multistart", restarts=0)
    found = minimize(problem.value, x0, method="multistart", draws=BOX, restarts=1, gtol=1e-3)
    assert found.x.dtype == found.fun.dtype == torch.float32
    assert torch.equal(x0, before)


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({}, ValueError, "draws"),
        ({"draws": 3.0}, TypeError, "draws"),
        ({"draws": BOX, "restarts": -1}, ValueError, "restarts"),
        ({"draws": BOX, "target": torch.zeros(5)}, ValueError, "target"),
        ({"draws": lambda rows, generator: torch.zeros(1, 2)}, ValueError, "draws"),
        ({"draws": BOX, "x_scale": 0.0}, ValueError, "x_scale"),
        ({"draws": BOX, "lr": 1.0}, ValueError, "lr"),
    ],
)
def test_calls_that_are_refused(options, error, text):
    a = numbers("cpu", 3, 2)
    with pytest.raises(error, match=text):
        minimize(ripples(a), 0 * a, method="multistart", **options)


@pytest.mark.parametrize("method", ["multistart", "joint"])
def test_an_answer_on_an_edge_that_helps_another_row_is_kept(method):
    """Row 1 has a valley at the edge that is narrower than where a search begins inside it."""

    def fun(x, rows):
        steep = (1e4 * (1 - x[:, 0])).clamp(max=1.0)
        return torch.where(rows == 0, 1e-7 * (1 - x[:, 0]), steep)

    x0 = torch.tensor([[1.0], [0.1]], dtype=torch.float64)
    options = {"restarts": 0}
    if method == "joint":
        options = {"features": torch.eye(2), "iterations": 3}
    found = minimize(fun, x0, method=method, bounds=[(0, 1)], cross_start=True, **options)
    assert found.x.tolist() == [[1.0], [1.0]]
    assert found.fun.tolist() == [0.0, 0.0]
