"""The vectors of a search: NumPy's on the CPU and torch's elsewhere, with the same result."""

import numpy as np
import pytest
import torch
from standard_problems import PROBLEMS

from invlab import Box
from invlab.minimizers import arrays, minimize
from invlab.minimizers.objective import Evaluation

F64 = torch.float64


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda p: p.name)
@pytest.mark.parametrize("boxed", [False, True], ids=["free", "boxed"])
def test_a_search_on_tensors_is_that_on_arrays(problem, boxed, monkeypatch):
    """What runs on a GPU, run here."""
    x0 = problem.x0("cpu")
    bounds = Box([-3.0] * x0.shape[1], [2.0] * x0.shape[1]) if boxed else None
    on_arrays = minimize(problem.value, x0, bounds=bounds)
    monkeypatch.setattr(arrays, "of", lambda tensor: tensor)
    on_tensors = minimize(problem.value, x0, bounds=bounds)
    torch.testing.assert_close(on_tensors.fun, on_arrays.fun, rtol=1e-8, atol=1e-9, equal_nan=True)
    if problem.smooth:
        torch.testing.assert_close(on_tensors.x, on_arrays.x, rtol=0, atol=1e-5)
        assert on_tensors.nfev.tolist() == on_arrays.nfev.tolist()
        assert on_tensors.message == on_arrays.message


def test_rows_and_columns_are_each_others_inverse():
    x = torch.randn(5, 2, dtype=F64)
    array = arrays.columns(x)
    assert isinstance(array, np.ndarray)
    assert array.flags.c_contiguous
    assert torch.equal(arrays.rows(array), x)
    array[0, 0] = 7.0
    assert x[0, 0] != 7.0  # its own memory
    chosen = arrays.take([array, array[0]], torch.tensor([3, 1]))
    assert np.array_equal(chosen[0], array[:, [3, 1]])
    assert np.array_equal(chosen[1], array[0, [3, 1]])
    unit = arrays.identity(array)
    assert unit.shape == (2, 2, 5)
    assert np.array_equal(unit[..., 4], np.eye(2))


def test_a_function_gets_rows_in_their_usual_order(device):
    """However a search keeps them, ``x.view(-1)`` works."""

    def fun(x):
        assert x.is_contiguous()
        return x.view(-1, 2).square().sum(1)

    for method in ("bfgs", "adam", "gd"):
        x0 = torch.ones(3, 2, dtype=F64, device=device)
        minimize(fun, x0, method=method, maxiter=20)


def evaluation(value, gradient, jacobian=None):
    residuals = None if jacobian is None else torch.ones(2, 1)
    parts = (torch.tensor(part, dtype=F64) for part in (value, gradient))
    return Evaluation(*parts, residuals, None if jacobian is None else torch.tensor(jacobian))


@pytest.mark.parametrize(
    ("seen", "finite"),
    [
        (evaluation([1.0, 2.0], [[1.0], [2.0]]), [True, True]),
        (evaluation([1.0, torch.nan], [[1.0], [2.0]]), [True, False]),
        (evaluation([1.0, 2.0], [[torch.inf], [2.0]]), [False, True]),
        (evaluation([torch.inf, -torch.inf], [[1.0], [2.0]]), [False, False]),
        (evaluation([1.0, 2.0], [[1.0], [2.0]], [[[torch.inf]], [[0.0]]]), [False, True]),
        # the sum of all overflows, and each number is finite
        (evaluation([1e308, 1e308], [[1e308], [1e308]]), [True, True]),
    ],
)
def test_finite_rows_are_found(seen, finite):
    assert seen.finite.tolist() == finite
    assert seen.sound == (all(finite) and float(seen.value[0]) < 1e308)


def test_finished_rows_without_a_value_leave_the_others_their_gradient():
    """A function without ``rows`` gets all of them, also those that broke on the way."""
    x0 = torch.tensor([[2.0], [-1.0], [9.0]], dtype=F64)
    found = minimize(lambda x: (x[:, 0].log() - 1).square(), x0, gtol=1e-10)
    assert found.success.tolist() == [True, False, True]
    torch.testing.assert_close(found.x[[0, 2], 0], torch.full((2,), torch.e, dtype=F64))


def adam_by_hand(slope, value, x, lr, steps):
    """Adam on one number that goes back to its best point where there is no value."""
    best, best_value, mean, square, age = x, value(x), 0.0, 0.0, 0
    gradient = slope(x)
    for _ in range(steps):
        age += 1
        mean, square = 0.9 * mean + 0.1 * gradient, 0.999 * square + 0.001 * gradient**2
        move = mean / (1 - 0.9**age) / ((square / (1 - 0.999**age)) ** 0.5 + 1e-8)
        trial = x - lr * move
        if np.isfinite(value(trial)):
            x, gradient = trial, slope(trial)
            if value(x) < best_value:
                best, best_value = x, value(x)
        else:
            x, gradient, lr, mean, square, age = best, slope(best), lr / 2, 0.0, 0.0, 0
    return best_value


def test_adam_goes_back_to_its_best_point_where_there_is_no_value():
    """Each row on its own: the second never leaves the region with a value."""
    starts = [0.9, 30.0]

    def value(x):
        return float((np.log(x) + 2) ** 2) if x > 0 else np.nan

    x0 = torch.tensor(starts, dtype=F64)[:, None]
    found = minimize(
        lambda x: (x[:, 0].log() + 2).square(), x0,
        method="adam", schedule="constant", step_size=0.5, maxiter=40, gtol=0.0,
    )  # fmt: skip
    for row, start in enumerate(starts):
        by_hand = adam_by_hand(lambda x: 2 * (np.log(x) + 2) / x, value, start, lr=0.5, steps=40)
        assert float(found.fun[row]) == pytest.approx(by_hand, rel=1e-9)


def test_descent_that_runs_away_returns_to_its_best_point():
    x0 = torch.tensor([[3.0], [0.5]], dtype=F64)
    found = minimize(
        lambda x: x[:, 0].pow(4), x0, method="gd", schedule="constant", step_size=0.2, maxiter=60
    )
    # the steps of the first row, 108 times 0.2, grow until nothing is finite, and are then halved
    assert found.fun[0] < 1.0
    assert found.fun[1] < 1e-3
