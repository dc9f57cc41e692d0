"""How `minimize` may be called: per-problem data, given derivatives, and calls that are refused."""

import functools

import pytest
import torch
from standard_problems import METHODS, SMOOTH
from torch import nn
from torch.autograd.function import once_differentiable

from invlab import Box
from invlab.minimizers import minimize

F64 = torch.float64
ROSENBROCK = SMOOTH[0]


@pytest.fixture
def targets(device):
    return torch.tensor([[1.0, 2.0], [0.0, 0.0], [30.0, -4.0]], dtype=F64, device=device)


@pytest.mark.parametrize("method", METHODS)
def test_rows_name_the_problems_that_still_run(method, targets):
    sizes = []

    def misfit(x, rows):
        sizes.append(len(rows))
        # a quartic for the last row only, so that rows finish one after the other
        residual = (x - targets[rows]) * torch.where(rows == 2, 1 + x[:, 0].square(), 1.0)[:, None]
        return residual if method == "lm" else residual.square().sum(1)

    def whole(x):
        return misfit(x, torch.arange(3, device=x.device))

    x0 = torch.zeros_like(targets)
    picked = minimize(misfit, x0, method=method, maxiter=300)
    assert sizes[0] == 3
    assert sizes[-1] < 3
    assert sum(sizes) == int(picked.nfev.sum())
    full = minimize(whole, x0, method=method, maxiter=300)
    torch.testing.assert_close(full.x, picked.x)
    assert full.nfev.tolist() == picked.nfev.tolist()


def test_without_rows_a_function_always_gets_the_whole_batch(targets):
    shapes = set()

    def misfit(x):
        shapes.add(tuple(x.shape))
        return (x - targets).square().sum(1)

    found = minimize(misfit, torch.zeros_like(targets))
    assert shapes == {(3, 2)}
    torch.testing.assert_close(found.x, targets)


def test_modules_and_partial_functions_are_asked_for_rows_too(targets):
    class Misfit(nn.Module):
        def forward(self, x, rows):
            return (x - targets[rows]).square().sum(1)

    def misfit(x, y, rows):
        return (x - y[rows]).square().sum(1)

    for fun in (Misfit(), functools.partial(misfit, y=targets)):
        torch.testing.assert_close(minimize(fun, torch.zeros_like(targets)).x, targets)


def test_given_derivatives_are_used(device):
    x0 = ROSENBROCK.x0(device)

    def gradient(x):
        with torch.enable_grad():
            leaf = x.detach().clone().requires_grad_()
            return torch.autograd.grad(ROSENBROCK.value(leaf).sum(), leaf)[0]

    def jacobian(x):
        zero, one = torch.zeros_like(x[:, 0]), torch.ones_like(x[:, 0])
        rows = (torch.stack((-20 * x[:, 0], 10 * one), 1), torch.stack((-one, zero), 1))
        return torch.stack(rows, 1)

    plain = minimize(ROSENBROCK.value, x0)
    split = minimize(lambda x: ROSENBROCK.value(x).detach(), x0, jac=gradient)
    pair = minimize(lambda x: (ROSENBROCK.value(x), gradient(x)), x0, jac=True)
    for other in (split, pair):
        torch.testing.assert_close(other.x, plain.x)
        assert other.nit.tolist() == plain.nit.tolist()
    squares = minimize(ROSENBROCK.residuals, x0, method="lm")
    given = minimize(ROSENBROCK.residuals, x0, method="lm", jac=jacobian)
    torch.testing.assert_close(given.x, squares.x)


class _Once(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**2

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        return 2 * ctx.saved_tensors[0] * grad


def test_lm_copes_with_operations_that_have_one_derivative(device):
    x0 = torch.tensor([[1.0], [2.0]], dtype=F64, device=device)
    shift = torch.tensor([2.0, 2.1, 1.9], dtype=F64, device=device)
    with_it = minimize(lambda x: x**2 - shift, x0, method="lm")
    without = minimize(lambda x: _Once.apply(x) - shift, x0, method="lm")
    torch.testing.assert_close(with_it.x, without.x)
    assert with_it.x[0].item() == pytest.approx(2**0.5, abs=1e-6)


def test_gradients_work_inside_no_grad(device):
    with torch.no_grad():
        assert minimize(ROSENBROCK.value, ROSENBROCK.x0(device)).success.all()


def test_parameters_get_no_gradient(targets):
    layer = nn.Linear(2, 2, dtype=F64).to(targets.device)
    minimize(lambda x: (layer(x) - targets).square().sum(1), torch.zeros_like(targets))
    assert all(parameter.grad is None for parameter in layer.parameters())


GOOD = torch.ones(3, 2, dtype=F64)


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: minimize(ROSENBROCK.value, [1.0, 2.0]), TypeError, r"x0: expected a tensor"),
        (lambda: minimize(ROSENBROCK.value, GOOD[0]), ValueError, r"x0: expected shape \(B, d\)"),
        (lambda: minimize(ROSENBROCK.value, GOOD[:0]), ValueError, "at least one row"),
        (lambda: minimize(ROSENBROCK.value, GOOD.long()), TypeError, "floating-point"),
        (lambda: minimize(3, GOOD), TypeError, "fun: expected a function"),
        (lambda: minimize(ROSENBROCK.value, GOOD, jac=2), TypeError, "jac: expected a function"),
        (lambda: minimize(ROSENBROCK.value, GOOD, method="newton"), ValueError, "gd, adam, bfgs"),
        (lambda: minimize(ROSENBROCK.value, GOOD, step_size=1), ValueError, "'bfgs'.*got step"),
        (lambda: minimize(ROSENBROCK.value, GOOD, method="gd", eps=1.0), ValueError, "got eps"),
        (lambda: minimize(ROSENBROCK.value, GOOD, c1=0.95), ValueError, "c1 < c2"),
        (lambda: minimize(ROSENBROCK.value, GOOD, trials=0), ValueError, "trials"),
        (lambda: minimize(ROSENBROCK.value, GOOD, gtol=-1.0), ValueError, "gtol"),
        (lambda: minimize(ROSENBROCK.value, GOOD, maxiter=0), ValueError, "maxiter"),
        (lambda: minimize(ROSENBROCK.value, GOOD, maxfev=0), ValueError, "maxfev"),
        (lambda: minimize(ROSENBROCK.value, GOOD, method="gd", step_size=0), ValueError, "step_"),
        (
            lambda: minimize(ROSENBROCK.value, GOOD, method="gd", step_size=torch.ones(2)),
            ValueError,
            r"step_size: .*\(3,\), got \(2,\)",
        ),
        (
            lambda: minimize(ROSENBROCK.value, GOOD, method="adam", schedule="step"),
            ValueError,
            "schedule",
        ),
        (
            lambda: minimize(ROSENBROCK.value, GOOD, method="adam", betas=(1.0, 0.9)),
            ValueError,
            "betas",
        ),
        (
            lambda: minimize(ROSENBROCK.value, GOOD, method="gd", patience=0),
            ValueError,
            "patience",
        ),
        (
            lambda: minimize(ROSENBROCK.residuals, GOOD, method="lm", damping=0.0),
            ValueError,
            "damping",
        ),
        (lambda: minimize(ROSENBROCK.value, GOOD, x_scale=0.0), ValueError, "x_scale: .*above 0"),
        (lambda: minimize(ROSENBROCK.value, GOOD, x_scale=[1.0] * 3), ValueError, "or 2 of"),
        (lambda: minimize(ROSENBROCK.value, GOOD, method="lm", x_scale=1.0), ValueError, "got x_"),
        (
            lambda: minimize(ROSENBROCK.value, GOOD, bounds=Box([0], [1])),
            ValueError,
            "Box of 2 unknowns, got 1",
        ),
        (
            lambda: minimize(ROSENBROCK.value, GOOD, method="gd", bounds=Box([0], [1])),
            ValueError,
            "Box of 2 unknowns, got 1",
        ),
        (
            lambda: minimize(ROSENBROCK.value, GOOD, method="gd", bounds=(0, 1)),
            TypeError,
            "bounds: expected a Box",
        ),
        (lambda: minimize(lambda x: x.sum(), GOOD), ValueError, r"\(3\), got \(\); one value"),
        (lambda: minimize(lambda x: x, GOOD), ValueError, "do not sum"),
        (lambda: minimize(lambda x: 1.0, GOOD), ValueError, "floating-point tensor.*got float"),
        (lambda: minimize(lambda x: x.detach().sum(1), GOOD), ValueError, "without a gradient"),
        (
            lambda: minimize(ROSENBROCK.value, GOOD, method="lm"),
            ValueError,
            r"expected shape \(3, m\)",
        ),
        (
            lambda: minimize(ROSENBROCK.value, GOOD, jac=lambda x: x[:, 0]),
            ValueError,
            r"jac\(x\): expected shape \(3, 2\)",
        ),
    ],
)  # fmt: skip
def test_a_wrong_call_is_named(call, error, match):
    with pytest.raises(error, match=match):
        call()
