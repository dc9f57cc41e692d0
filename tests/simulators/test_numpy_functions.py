"""Any Python function as a simulator: one row at a time, or batched."""

import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch

from invlab import Box, Task, check_task, numpy_simulator
from invlab.simulators import FailedRows
from invlab.simulators.numpy_functions import UnknownShapeError

X = torch.tensor([[0.5, 0.5], [0.05, 0.5], [0.2, 1.0], [0.01, 0.0]], dtype=torch.float64)


def picky(x):
    if x[0] < 0.1:
        raise ArithmeticError(f"no solution at {x[0]:g}")
    return np.array([x[0] * x[1], x[0] + x[1], x[1] ** 2])


def picky_batch(x):
    if (x[:, 0] < 0.1).any():
        raise ArithmeticError(f"no solution at {x[x[:, 0] < 0.1, 0][0]:g}")
    return np.stack([x[:, 0] * x[:, 1], x.sum(1), x[:, 1] ** 2], 1)


def nan_batch(x):
    with np.errstate(divide="ignore", invalid="ignore"):
        y = np.stack([x[:, 0] * x[:, 1], x.sum(1), x[:, 1] ** 2], 1)
    y[x[:, 0] < 0.1, 1] = np.nan
    return y


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    ("f", "batched", "why"),
    [
        (picky, False, "ArithmeticError: no solution at 0.05"),
        (picky_batch, True, "ArithmeticError: no solution at 0.05"),
        (nan_batch, True, "gave NaN or infinity"),
        (lambda x: nan_batch(x[None])[0], False, "gave NaN"),
    ],
)
def test_a_row_that_fails_is_nan_counted_and_warned_of_once(device, f, batched, why, dtype):
    simulator = numpy_simulator(f, batched=batched)
    x = X.to(device, dtype)
    with pytest.warns(FailedRows) as said:
        y = simulator(x)
    assert len(said) == 1
    assert f"2 of 4 rows failed and are NaN; the first, x = [0.05, 0.5]: {why}" in str(
        said[0].message
    )
    assert (y.dtype, y.device) == (x.dtype, x.device)
    assert y.isnan().all(1).tolist() == y.isnan().any(1).tolist() == [False, True, False, True]
    expected = torch.stack([x[:, 0] * x[:, 1], x.sum(1), x[:, 1] ** 2], 1)
    assert torch.allclose(y[[0, 2]], expected[[0, 2]])


@pytest.mark.parametrize(
    ("one", "batch", "shape"),
    [
        (lambda x: x.sum(), lambda x: x.sum(1), (1,)),
        (lambda x: float(x[0]), lambda x: x[:, :1], (1,)),
        (lambda x: int(x[0] > 0), lambda x: x[:, :1] > 0, (1,)),
        (lambda x: list(x), lambda x: x, (2,)),
        (lambda x: torch.tensor(x), lambda x: torch.tensor(x), (2,)),
        (lambda x: np.outer(x, [1, 2, 3]), lambda x: x[:, :, None] * [1, 2, 3], (2, 3)),
    ],
)
def test_numbers_vectors_and_images_keep_leading_shapes(one, batch, shape):
    x = torch.rand(2, 3, 2)
    found = numpy_simulator(one, batched=False)(x)
    together = numpy_simulator(batch, batched=True)(x)
    assert found.shape == together.shape == (2, 3, *shape)
    assert found.dtype == together.dtype == torch.float32
    assert torch.equal(found, together)
    assert torch.equal(numpy_simulator(one, batched=False)(x[0, 0]), found[0, 0])


def test_a_function_gets_rows_of_float64_and_their_contexts_as_copies():
    def scaled(x, c):
        assert (x.dtype, x.shape, c.shape) == (np.float64, (2,), (1,))
        x *= c[0]
        return x

    x, c = torch.rand(3, 2), torch.rand(3, 1)
    before = x.clone()
    y = numpy_simulator(scaled, batched=False)(x, c)
    assert torch.allclose(y, before * c)
    assert torch.equal(x, before)
    grown = torch.rand(3, 2, requires_grad=True)
    assert not numpy_simulator(scaled, batched=False)(grown, c).requires_grad


@pytest.mark.parametrize("batched", [False, True])
@pytest.mark.parametrize("nothing", [np.nan, np.inf, [np.nan], None], ids=str)
@pytest.mark.parametrize("order", [[0, 1, 2, 3], [1, 0, 2, 3], [3, 1, 2, 0]], ids=str)
def test_a_single_nan_is_a_failed_row_of_any_shape(batched, nothing, order):
    def bare(x):
        return nothing if x[0] < 0.1 else x * 2

    def bare_batch(x):
        if len(x) > 1:
            raise ArithmeticError("one by one")
        return nothing if x[0, 0] < 0.1 else x * 2

    simulator = numpy_simulator(bare_batch if batched else bare, batched=batched)
    x = X[order]
    with pytest.warns(FailedRows, match="2 of 4 rows failed .*gave N"):
        y = simulator(x)
    lost = x[:, 0] < 0.1
    assert y.shape == (4, 2)
    assert y[lost].isnan().all()
    assert torch.equal(y[~lost], 2 * x[~lost])


@pytest.mark.parametrize("batched", [False, True])
def test_rows_of_a_single_nan_alone_do_not_settle_the_shape(batched):
    def wide(x):
        failed = x[..., 0] < 0.1
        if failed.all():
            return np.full(failed.shape, np.nan)
        return np.where(failed[..., None], np.nan, x[..., [0, 1, 1]])

    simulator = numpy_simulator(wide, batched=batched)
    with pytest.raises(UnknownShapeError, match="wide: all 2 rows failed.*gave NaN or infinity"):
        simulator(X[[1, 3]])
    assert simulator(X[:1]).shape == (1, 3)
    with pytest.warns(FailedRows, match="2 of 2 rows failed"):
        assert simulator(X[[1, 3]]).shape == (2, 3)


def test_all_rows_may_fail_once_the_shape_is_known_and_before_it_is_an_error():
    simulator = numpy_simulator(picky, batched=False)
    bad = torch.zeros(3, 2)
    with pytest.raises(ValueError, match="picky: all 3 rows failed.*ArithmeticError: no solution"):
        simulator(bad)
    simulator(torch.ones(1, 2))
    with pytest.warns(FailedRows, match="3 of 3 rows failed"):
        assert simulator(bad).isnan().all()


@pytest.mark.parametrize("batched", [False, True])
def test_an_interrupt_is_no_failed_row(batched):
    def stopped(x):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        numpy_simulator(stopped, batched=batched)(X)


@pytest.mark.parametrize(
    ("f", "batched", "message"),
    [
        (lambda x: np.ones(1 + int(x[0] > 0.1)), False, r"shape \(2,\), as before, but row 1"),
        (lambda x: None, False, "all 4 rows failed.*: gave None; does the function return"),
        (lambda x: None, True, "expected real numbers, but all rows gave NoneType"),
        (lambda x: "far", False, "expected real numbers"),
        (lambda x: 1j * x, False, "expected real numbers, but row 0 gave complex128"),
        (lambda x: x[0], True, r"expected one observation a row, \(4, \.\.\.\), got shape"),
        (lambda x: x.sum(), True, "expected one observation a row"),
        (lambda x: [[1, 2], [3]], False, "row 0 gave no array"),
    ],
)
def test_what_is_no_observation_is_an_error_and_no_failed_row(f, batched, message):
    with pytest.raises(ValueError, match=message):
        numpy_simulator(f, batched=batched)(X)


def test_what_is_no_function_is_refused():
    with pytest.raises(TypeError, match="numpy_simulator: expected a function, got int"):
        numpy_simulator(3, batched=True)
    with pytest.raises(TypeError, match="batched: expected True or False, got 'no'"):
        numpy_simulator(abs, batched="no")


@pytest.mark.parametrize("f", [picky, lambda x: x.prod()], ids=["failing", "whole"])
def test_a_task_of_it_passes_its_check_and_draws_targets(f):
    task = Task(
        "numpy", numpy_simulator(f, batched=False), Box([0, 0], [1, 1]), differentiable=False
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        verdicts = check_task(task)
        targets = task.targets(20, seed=0)
    assert verdicts.passed, verdicts
    assert targets.y.isfinite().all()


def test_another_program_is_one_more_function():
    def program(x):
        code = f"print({x[0]} + {x[1]}, {x[0]} / {x[1]})"
        ran = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
        )
        return np.array(ran.stdout.split(), dtype=float)

    with pytest.warns(FailedRows, match="1 of 2 rows failed.*CalledProcessError"):
        y = numpy_simulator(program, batched=False)(torch.tensor([[1.0, 2.0], [1.0, 0.0]]))
    assert y[0].tolist() == [3, 0.5]


@pytest.mark.parametrize("batched", [False, True])
@pytest.mark.parametrize("bad", [np.inf, -np.inf])
def test_a_row_of_infinity_has_failed_like_one_of_nan(batched, bad):
    def pole(x):
        return np.where(x < 0.1, bad, x)

    with pytest.warns(FailedRows, match=r"2 of 4 rows failed and are NaN; .*: gave NaN or inf"):
        y = numpy_simulator(pole, batched=batched)(X[:, :1])
    assert y.isnan()[:, 0].tolist() == [False, True, False, True]


def test_whole_unknowns_do_not_cut_what_they_cause():
    third = numpy_simulator(lambda x: x / 3, batched=False)
    assert third(torch.tensor([[1, 2]])).tolist() == [[1 / 3, 2 / 3]]


@pytest.mark.parametrize("batched", [True, False])
def test_contexts_belong_to_rows(batched):
    scaled = numpy_simulator(lambda x, c: x * c, batched=batched)
    x, c = torch.rand(3, 1), torch.rand(3, 1)
    torch.testing.assert_close(scaled(x, c), x * c)
    torch.testing.assert_close(scaled(x, c[:1]), x * c[:1])
    for wrong in (c[:2], torch.rand(5, 1), torch.rand(3, 3, 1)):
        with pytest.raises(ValueError, match="expected a context for each row"):
            scaled(x, wrong)


@pytest.mark.parametrize("batched", [True, False])
def test_no_rows_are_refused_in_words(batched):
    with pytest.raises(ValueError, match="expected at least one row"):
        numpy_simulator(lambda x: x, batched=batched)(torch.zeros(0, 2))


def test_a_context_is_not_spread_over_the_wrong_axis():
    scaled = numpy_simulator(lambda x, c: x * c, batched=True)
    x = torch.rand(3, 3, 1)
    with pytest.raises(ValueError, match="expected a context for each row"):
        scaled(x, torch.rand(3, 1))
    torch.testing.assert_close(scaled(x[0, 0], torch.tensor([[2.0]])), 2 * x[0, 0])


@pytest.mark.parametrize(
    "lost", [[], [np.nan, np.nan, np.nan], np.nan, [None, None], SystemExit(1)], ids=str
)
def test_a_row_without_numbers_has_failed_and_says_nothing_of_the_shape(lost):
    def f(x):
        if x[0] < 0.1:
            if isinstance(lost, SystemExit):
                raise lost
            return lost
        return [x[0], 1.0]

    simulator = numpy_simulator(f, batched=False)
    with pytest.warns(FailedRows, match="2 of 4 rows failed"):
        y = simulator(X.flip(0))
    assert y.isnan().all(1).tolist() == [True, False, True, False]
    assert simulator(X[:1]).tolist() == [[0.5, 1.0]]


def test_an_error_leaves_no_shape_behind():
    simulator = numpy_simulator(lambda x: np.ones(1 + int(x[0] > 0.1)), batched=False)
    with pytest.raises(ValueError, match="as before, but row 1 gave"):
        simulator(X)
    assert simulator(X[1:2]).shape == (1, 1)


def test_an_observation_of_no_numbers_is_refused():
    with pytest.raises(ValueError, match="expected at least one number a row"):
        numpy_simulator(lambda x: x[:, :0], batched=True)(X)


def test_a_missing_number_of_json_is_nan():
    simulator = numpy_simulator(lambda x: [x[0], None], batched=False)
    with pytest.warns(FailedRows):
        assert simulator(X).isnan().all()


def test_a_function_that_squeezes_a_single_row_is_read_where_that_is_clear():
    one = numpy_simulator(lambda x: np.squeeze(x[:, :1] ** 2), batched=True)
    assert Task("square", one, Box([0.0], [1.0]), differentiable=False).y_shape == (1,)
    assert one(X[:1]).tolist() == [[0.25]]
    image = numpy_simulator(lambda x: np.squeeze(x[:, None, :] + np.zeros((3, 1))), batched=True)
    with pytest.raises(ValueError, match=r"single row, got shape \(3, 2\); keep the axis of rows"):
        image(X[:1])
    both = image(X[:2])
    assert torch.equal(image(X[:1]), both[:1])


def test_a_function_that_squeezes_rows_tried_one_by_one_is_told_to_keep_their_axis():
    def picky_and_squeezed(x):
        return np.squeeze(picky_batch(x))

    with pytest.raises(ValueError, match=r"row 0, got shape \(3,\); keep the axis of rows"):
        numpy_simulator(picky_and_squeezed, batched=True)(X)


def test_rows_tried_one_by_one_may_be_squeezed_once_their_shape_is_known():
    def squeezed(x):
        return np.squeeze(picky_batch(x))

    simulator = numpy_simulator(squeezed, batched=True)
    good = simulator(X[[0, 2]])
    with pytest.warns(FailedRows):
        found = simulator(X)
    assert torch.equal(found[[0, 2]], good)
    assert bool(found[[1, 3]].isnan().all())


@pytest.mark.parametrize("batched", [False, True])
def test_what_is_no_tensor_of_rows_is_named(batched):
    f = numpy_simulator(lambda x: x, batched=batched)
    with pytest.raises(TypeError, match=r"expected a tensor \(\.\.\., dx\), got ndarray"):
        f(np.ones((2, 1)))
    with pytest.raises(ValueError, match="got a single number"):
        f(torch.tensor(1.0))


def test_a_program_that_fails_is_quoted():
    code = "import sys; print('did not converge', file=sys.stderr); sys.exit(3)"

    def program(x):
        if x[0] > 0.5:
            subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
        return x

    with pytest.warns(FailedRows, match="CalledProcessError: did not converge"):
        numpy_simulator(program, batched=False)(torch.tensor([[0.2], [0.9]]))
