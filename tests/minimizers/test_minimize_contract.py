"""What every method promises, on every standard problem."""

import copy
import warnings

import pytest
import torch
from standard_problems import CASES, METHODS, PROBLEMS, SMOOTH

from invlab import Box
from invlab.minimizers import minimize

every_method = pytest.mark.parametrize("method", METHODS)
every_problem = pytest.mark.parametrize("problem", PROBLEMS, ids=lambda p: p.name)


def solve(problem, method, x0, **options):
    maxiter = CASES[method].maxiter
    return minimize(problem.fun(method), x0, method=method, maxiter=maxiter, **options)


def watched(fun, method, seen):
    """``fun`` that notes each evaluation: ``(row, value)`` of the rows it got."""

    def wrapped(x, rows):
        value = fun(x)
        total = value.square().sum(1) if method == "lm" else value
        seen.append((rows.clone(), total.detach().clone()))
        return value

    return wrapped


@every_method
@every_problem
def test_a_batch_equals_its_rows_alone(problem, method, device):
    x0 = problem.x0(device)
    together = solve(problem, method, x0)
    alone = [solve(problem, method, row[None]) for row in x0]
    assert torch.equal(together.success.cpu(), torch.tensor([bool(s.success) for s in alone]))
    torch.testing.assert_close(
        together.fun, torch.cat([s.fun for s in alone]), rtol=1e-9, atol=1e-12, equal_nan=True
    )
    if problem.smooth:
        # beside a kink the last digit decides where a line search ends
        torch.testing.assert_close(
            together.x, torch.cat([s.x for s in alone]), rtol=1e-7, atol=1e-9
        )
        assert together.message == [s.message[0] for s in alone]


@every_method
@every_problem
def test_broken_rows_leave_the_others_alone(problem, method, device):
    x0 = problem.x0(device)
    broken = torch.full_like(x0[:1], torch.nan)
    infinite = torch.full_like(x0[:1], torch.inf)
    mixed = solve(problem, method, torch.cat((broken, x0, infinite)))
    clean = solve(problem, method, x0)
    torch.testing.assert_close(mixed.fun[1:-1], clean.fun, rtol=1e-9, atol=1e-12, equal_nan=True)
    assert torch.equal(mixed.success[1:-1], clean.success)
    assert mixed.success[[0, -1]].tolist() == [False, False]
    assert mixed.message[0].startswith("not started")
    assert mixed.message[-1].startswith("not started")
    assert torch.isnan(mixed.x[0]).all()
    assert mixed.nfev[[0, -1]].tolist() == [1, 1]
    assert mixed.nit[[0, -1]].tolist() == [0, 0]


@every_method
@every_problem
def test_never_worse_than_the_best_point_evaluated(problem, method, device):
    x0, seen = problem.x0(device), []
    solution = minimize(
        watched(problem.fun(method), method, seen),
        x0,
        method=method,
        maxiter=CASES[method].maxiter,
        record=True,
    )
    best = torch.full_like(solution.fun, torch.inf)
    count = torch.zeros_like(solution.nfev)
    for rows, value in seen:
        best[rows] = torch.minimum(best[rows], value.nan_to_num(torch.inf))
        count[rows] += 1
    started = ~solution.fun.isnan()
    assert torch.equal(solution.fun[started], best[started])
    torch.testing.assert_close(problem.value(solution.x)[started], solution.fun[started])
    assert torch.equal(count, solution.nfev)
    assert solution.history.shape == (int(solution.nfev.max()), len(x0))
    assert bool((solution.history.diff(dim=0)[:, started] <= 0).all())
    assert torch.equal(solution.history[-1][started], solution.fun[started])
    assert bool((solution.fun[started] <= problem.value(x0)[started]).all())


@every_method
@every_problem
def test_success_and_message_agree(problem, method, device):
    solution = solve(problem, method, problem.x0(device))
    assert solution.success.dtype == torch.bool
    assert len(solution.message) == len(solution)
    x = solution.x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(problem.value(x).sum(), x)
    for row, text in enumerate(solution.message):
        good = text.startswith(("converged", "did not move"))
        assert bool(solution.success[row]) == good
        if good:
            # the best point can be a neighbour of the one that was within gtol
            assert float(gradient[row].abs().max()) < 1e-4


@every_method
@every_problem
def test_the_callers_things_are_left_alone(problem, method, device):
    x0 = problem.x0(device).requires_grad_()
    options = {"step_size": torch.full((len(x0),), 0.05)} if method in ("gd", "adam") else {}
    before, settings = x0.detach().clone(), copy.deepcopy(options)
    box = Box([-6.0] * x0.shape[1], [6.0] * x0.shape[1])
    solution = solve(problem, method, x0, bounds=box, **options)
    assert torch.equal(x0, before)
    assert x0.grad is None
    assert options.keys() == settings.keys()
    assert all(torch.equal(options[key], settings[key]) for key in options)
    assert not solution.x.requires_grad
    assert solution.x.data_ptr() != x0.data_ptr()


@every_method
@every_problem
def test_float32_stays_float32_and_comes_close(problem, method, device):
    x0 = problem.x0(device, torch.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        low = solve(problem, method, x0)
    high = solve(problem, method, problem.x0(device))
    assert low.x.dtype == low.fun.dtype == torch.float32
    torch.testing.assert_close(low.fun.double(), high.fun, rtol=2e-2, atol=2e-2, equal_nan=True)


@pytest.mark.parametrize("method", ["bfgs", "lm"])
def test_float32_warns_where_it_will_stall(method, device):
    problem = SMOOTH[0]
    x0 = problem.x0(device, torch.float32)
    with pytest.warns(UserWarning, match="float32.*double"):
        minimize(problem.fun(method), x0, method=method)
    minimize(problem.fun(method), x0, method=method, gtol=1e-3)  # no warning


@every_method
def test_a_start_on_a_plateau_says_so(method, device):
    problem = next(p for p in PROBLEMS if p.name == "plateau")
    solution = solve(problem, method, problem.x0(device))
    assert solution.message[1].startswith("did not move")
    assert float(solution.fun[1]) == pytest.approx(1.0)
    assert solution.nit[1] == 0
    # the same number of iterations brings the start inside the bowl down
    assert solution.nit[0] > 0
    assert float(solution.fun[0]) < 1e-2


@every_method
def test_an_interrupt_returns_the_best_so_far(method, device):
    problem, calls = SMOOTH[0], []

    def fun(x):
        calls.append(1)
        if len(calls) == 6:
            raise KeyboardInterrupt
        return problem.fun(method)(x)

    solution = minimize(fun, problem.x0(device), method=method)
    assert solution.interrupted
    assert bool((solution.fun <= problem.value(problem.x0(device))).all())
    assert solution.message[0].startswith("interrupted")
    # the last start is the minimum: that row had finished before
    assert solution.message[3].startswith("did not move")
    assert int(solution.nfev.max()) == 5


def test_an_interrupt_before_anything_is_known():
    def fun(x):
        raise KeyboardInterrupt

    solution = minimize(fun, torch.ones(2, 2, dtype=torch.float64))
    assert solution.interrupted
    assert solution.success.tolist() == [False, False]
    assert torch.isnan(solution.fun).all()
