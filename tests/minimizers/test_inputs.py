"""What callers bring: functions that write, other defaults of torch, numbers of NumPy."""

import functools

import numpy as np
import pytest
import scipy.optimize
import torch
from standard_problems import CASES, SMOOTH
from torch import nn

from invlab import Box
from invlab.minimizers import minimize

F64 = torch.float64
BOX = Box([-3.0, -3.0], [3.0, 3.0])
ROSENBROCK = SMOOTH[0]
every_method = pytest.mark.parametrize("method", CASES)


@pytest.fixture
def center(device):
    return torch.tensor([1.0, -2.0], dtype=F64, device=device)


# Functions that change what they are given


@every_method
@pytest.mark.parametrize("bounds", [None, BOX], ids=["free", "box"])
@pytest.mark.parametrize("given", [False, True], ids=["autograd", "jac"])
@pytest.mark.parametrize("rows", [False, True], ids=["whole", "rows"])
def test_a_function_may_change_its_arguments(method, bounds, given, rows, center):
    residuals = method == "lm"

    def misfit(x):
        x -= center
        return x if residuals else x.square().sum(1)

    def misfit_of_rows(x, rows):
        value = misfit(x)
        rows.zero_()
        return value

    def slope(x):
        if residuals:
            return torch.eye(2, dtype=F64, device=x.device).expand(len(x), 2, 2)
        x -= center
        x *= 2
        return x

    x0 = torch.zeros(3, 2, dtype=F64, device=center.device)
    fun = misfit_of_rows if rows else misfit
    options = CASES[method].options(x0) | ({"jac": slope} if given else {})
    found = minimize(fun, x0, method=method, bounds=bounds, **options)
    torch.testing.assert_close(found.x, center.expand(3, 2), rtol=0, atol=1e-3)
    assert torch.equal(x0, torch.zeros_like(x0))


@every_method
def test_a_derivative_may_come_in_the_same_tensor_each_time(method, center):
    residuals = method == "lm"
    shape = (3, 2, 2) if residuals else (3, 2)
    buffer = torch.zeros(shape, dtype=F64, device=center.device)
    values = torch.zeros(shape[: 2 if residuals else 1], dtype=F64, device=center.device)

    def fun(x):
        values.copy_(x - center if residuals else (x - center).square().sum(1))
        return values

    def jac(x):
        buffer.copy_(torch.eye(2).expand(3, 2, 2) if residuals else 2 * (x - center))
        return buffer

    x0 = torch.zeros(3, 2, dtype=F64, device=center.device)
    found = minimize(fun, x0, jac=jac, method=method, **CASES[method].options(x0))
    torch.testing.assert_close(found.x, center.expand(3, 2), rtol=0, atol=1e-3)


@every_method
def test_weights_of_a_function_get_no_gradient(method, center):
    layer = nn.Linear(2, 2, dtype=F64).to(center.device)
    before = [p.detach().clone() for p in layer.parameters()]

    def fun(x):
        return layer(x) - 1 if method == "lm" else (layer(x) - 1).square().sum(1)

    x0 = torch.zeros(3, 2, dtype=F64, device=center.device, requires_grad=True)
    found = minimize(fun, x0, method=method, bounds=BOX, **CASES[method].options(x0))
    assert all(p.grad is None for p in layer.parameters())
    assert all(torch.equal(p, b) for p, b in zip(layer.parameters(), before, strict=True))
    assert x0.grad is None
    assert not found.x.requires_grad
    assert not found.fun.requires_grad


# Defaults of torch


# an encoder of one's own, since what these do to networks is tested there
ALONE = [name for name in CASES if name != "joint"]


@pytest.mark.parametrize("method", ALONE)
@pytest.mark.parametrize("dtype", [torch.float32, F64], ids=str)
@pytest.mark.parametrize("bounds", [None, BOX], ids=["free", "box"])
def test_the_default_dtype_changes_nothing(method, dtype, bounds, device):
    x0 = ROSENBROCK.x0(device, dtype)
    options = {"method": method, "bounds": bounds, "gtol": 1e-3, "maxiter": CASES[method].maxiter}
    options |= CASES[method].options(x0)
    plain = minimize(ROSENBROCK.fun(method), x0, **options)
    torch.set_default_dtype(F64)
    try:
        found = minimize(ROSENBROCK.fun(method), x0, **options)
    finally:
        torch.set_default_dtype(torch.float32)
    assert found.x.dtype == found.fun.dtype == dtype
    assert torch.equal(found.x, plain.x)
    assert torch.equal(found.nfev, plain.nfev)


@pytest.mark.parametrize("method", ALONE)
@pytest.mark.parametrize("bounds", [None, BOX], ids=["free", "box"])
def test_the_default_device_changes_nothing(method, bounds, device):
    x0 = ROSENBROCK.x0(device)
    options = {"method": method, "bounds": bounds, "maxiter": CASES[method].maxiter}
    options |= CASES[method].options(x0)
    if method == "multistart":
        draws = torch.rand(len(x0), 2, dtype=F64)
        options |= {"draws": lambda rows, generator: draws[rows.cpu()], "restarts": 1}
        options |= {"target": 1e-9, "cross_start": True}
    elif method in ("gd", "adam"):
        options["step_size"] = 0.01
    elif method == "bfgs":
        options["x_scale"] = [0.3, 0.5]
    plain = minimize(ROSENBROCK.fun(method), x0, **options)
    torch.set_default_device("meta")
    try:
        found = minimize(ROSENBROCK.fun(method), x0, **options)
    finally:
        torch.set_default_device(None)
    assert found.x.device == x0.device
    assert torch.equal(found.x, plain.x)


@every_method
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_a_dtype_too_coarse_to_search_in_is_refused(method, dtype, device):
    x0 = ROSENBROCK.x0(device, dtype)
    with pytest.raises(ValueError, match=rf"x0: expected float32 or float64, got {dtype}.*double"):
        minimize(ROSENBROCK.fun(method), x0, method=method, **CASES[method].options(x0))


# Numbers


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("bfgs", {"maxiter": np.int64(7), "maxfev": np.int32(9), "trials": np.int64(5)}),
        ("gd", {"patience": np.int64(2), "step_size": np.float64(0.01)}),
        ("multistart", {"restarts": np.int64(2), "seed": np.int64(3), "bounds": BOX}),
        ("joint", {"iterations": np.int64(4), "seed": np.int64(3)}),
        ("joint", {"seed": np.arange(2), "lr": np.float64(0.01), "target": np.float64(0.1)}),
        ("joint", {"clip_rows": np.float32(1), "clip": np.float32(2), "refine": np.False_}),
        ("bfgs", {"x_scale": np.array([0.3, 0.5]), "gtol": np.float64(1e-4)}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_numbers_of_numpy_are_numbers(method, options, device):
    def plain(value):
        return value.tolist() if isinstance(value, np.ndarray | np.generic) else value

    x0 = ROSENBROCK.x0(device)
    options = CASES[method].options(x0) | options
    found = minimize(ROSENBROCK.value, x0, method=method, **options)
    same = {name: plain(value) for name, value in options.items()}
    assert torch.equal(found.x, minimize(ROSENBROCK.value, x0, method=method, **same).x)


NAN = float("nan")


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"gtol": NAN}, ValueError, "gtol: .*got nan"),
        ({"gtol": torch.inf}, ValueError, "gtol: .*got inf"),
        ({"gtol": "1e-5"}, TypeError, "gtol: expected a number"),
        ({"gtol": True}, TypeError, "gtol: expected a number"),
        ({"maxiter": True}, TypeError, "maxiter: expected an int"),
        ({"maxiter": NAN}, TypeError, "maxiter: expected an int"),
        ({"maxfev": 2.5}, TypeError, "maxfev: expected an int"),
        ({"c1": NAN}, ValueError, "c1: expected a finite number, got nan"),
        ({"trials": NAN}, TypeError, "trials: expected an int"),
        ({"x_scale": NAN}, ValueError, "x_scale: expected a number above 0"),
        ({"bounds": ([0, 0], [1, 1])}, ValueError, r"bounds: .* a pair \(low, high\) of numbers"),
        ({"bounds": [(0, 1), (0, NAN)]}, ValueError, r"bounds: .* a pair \(low, high\) of numbers"),
        ({"bounds": [(0, 1)]}, ValueError, "expected a Box of 2 unknowns, got 1"),
        ({"bounds": [(0, 1, 2), (0, 1, 2)]}, ValueError, r"bounds: .* a pair \(low, high\)"),
        ({"bounds": 3.0}, TypeError, r"bounds: .* a pair \(low, high\)"),
        ({"method": "gd", "step_size": NAN}, ValueError, "step_size: expected"),
        ({"method": "gd", "step_size": torch.inf}, ValueError, "step_size: expected"),
        ({"method": "gd", "step_size": "big"}, TypeError, "step_size: expected a number"),
        ({"method": "adam", "betas": (0.9,)}, ValueError, "betas: expected two numbers"),
        ({"method": "adam", "betas": 0.9}, ValueError, "betas: expected two numbers"),
        ({"method": "multistart", "bounds": BOX, "target": "a"}, TypeError, "target: expected a n"),
        ({"gtol": torch.ones(2)}, TypeError, "gtol: expected a number"),
        (
            {"method": "joint", "features": torch.eye(4), "target": [1.0, 2.0]},
            ValueError,
            "target: expected one number or 4",
        ),
        (
            {"method": "joint", "features": torch.eye(4), "train_on": 3},
            TypeError,
            "train_on: expected a function, got int",
        ),
        (
            {"method": "joint", "features": torch.eye(4), "encoder": {"widht": 3}},
            TypeError,
            "encoder: no option 'widht'; did you mean 'width'",
        ),
        (
            {"method": "multistart", "bounds": [(0, None), (0, 1)]},
            ValueError,
            "bounds with both ends",
        ),
        ({"method": "gd", "growth": NAN}, ValueError, "growth: expected"),
        ({"method": "gd", "patience": NAN}, TypeError, "patience: expected an int"),
        ({"method": "adam", "eps": NAN}, ValueError, "eps: expected a finite number"),
        ({"method": "multistart", "bounds": BOX, "target": NAN}, ValueError, "target: .*got NaN"),
        ({"method": "multistart", "bounds": BOX, "restarts": True}, TypeError, "restarts: "),
        ({"method": "multistart", "bounds": BOX, "seed": 1.5}, TypeError, "seed: expected an int"),
        ({"method": "joint", "features": torch.eye(4), "lr": NAN}, ValueError, "lr: expected"),
        (
            {"method": "joint", "features": torch.eye(4), "refine": "no"},
            TypeError,
            "refine: .*True",
        ),
        ({"method": "joint", "features": torch.eye(4), "fallback": 1}, TypeError, "fallback: "),
        (
            {"method": "joint", "features": torch.eye(4), "clip_rows": "a"},
            ValueError,
            "clip_rows: ",
        ),
        (
            {"method": "joint", "features": torch.eye(4), "clip": "a"},
            TypeError,
            "clip: expected a n",
        ),
        ({"record": "no"}, TypeError, "record: expected True or False, got 'no'"),
    ],
)
def test_a_number_that_is_none_is_refused(options, error, match):
    with pytest.raises(error, match=match):
        minimize(ROSENBROCK.value, ROSENBROCK.x0("cpu"), **options)


@pytest.mark.parametrize("method", [None, 3, ["bfgs"]], ids=repr)
def test_a_method_that_is_no_name_is_refused_with_the_names(method):
    with pytest.raises(ValueError, match=r"method: expected one of 'gd', .*'bfgs'.*, got [^;]*$"):
        minimize(ROSENBROCK.value, ROSENBROCK.x0("cpu"), method=method)


@pytest.mark.parametrize(
    "form", [list, tuple, np.array, torch.tensor], ids=["list", "tuple", "array", "tensor"]
)
def test_bounds_may_be_pairs_as_in_scipy(form):
    def fun(x):
        return (x - torch.tensor([5.0, 0.5])).square().sum(1)

    pairs = [(0.0, 1.0), (-2.0, 3.0)]
    start = torch.full((1, 2), 0.7, dtype=F64)
    expected = scipy.optimize.minimize(
        lambda x: float(fun(torch.as_tensor(x)[None])), start[0].numpy(), bounds=pairs
    )
    for method in ("bfgs", "adam"):
        found = minimize(fun, start, method=method, bounds=form(pairs)).x[0]
        boxed = minimize(fun, start, method=method, bounds=Box([0, -2], [1, 3])).x[0]
        assert torch.equal(found, boxed)
        torch.testing.assert_close(found, torch.as_tensor(expected.x), rtol=0, atol=1e-3)


def test_a_column_of_values_is_refused_with_the_remedy():
    with pytest.raises(ValueError, match=r"\(4\), got \(4, 1\); take out .*fun\(x\).squeeze\(1\)"):
        minimize(lambda x: x.square().sum(1, keepdim=True), ROSENBROCK.x0("cpu"))


def test_a_function_that_gives_no_gradient_beside_its_value_is_named():
    for method, fun in (("bfgs", lambda x: x.square().sum(1)), ("lm", lambda x: x - 1)):
        with pytest.raises(ValueError, match=r"jac=True: expected fun to return two tensors"):
            minimize(fun, torch.ones(3, 2).double(), method=method, jac=True)


def test_rows_that_the_caller_has_given_stay():
    data = torch.arange(6.0).double()[:, None]

    def misfit(x, rows):
        return (x - data[rows]).square().sum(1)

    own = functools.partial(misfit, rows=torch.tensor([3, 5]))
    found = minimize(own, torch.zeros(2, 1).double())
    assert found.x[:, 0].tolist() == pytest.approx([3, 5])
