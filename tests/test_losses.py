"""The named losses: values by hand, units, derivatives and errors."""

import importlib
import inspect
import re
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from invlab import Box, losses, runtime
from invlab.networks.mlp import MLP

# torch's own forward mode still calls its deprecated script compiler when first used
FORWARD_MODE = pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")
NORMS = pytest.mark.parametrize("norm", ["l1", "l2"])


def column(*values):
    return torch.tensor(values, dtype=torch.float64, device=runtime.device())[:, None]


def network(members=2, sizes=(2, 6, 3)):
    """Smooth members in float64, so that a difference quotient can judge a derivative."""
    core = MLP(sizes, seeds=range(members), activation=torch.tanh)
    return core.to(runtime.device()).double()


def points(n=4, d=2):
    draws = torch.randn(n, d, dtype=torch.float64, generator=runtime.generator(0))
    return draws.to(runtime.device())


@pytest.mark.parametrize(("norm", "by_hand"), [("l1", (1 + 3) / 2), ("l2", (1 + 9) / 2)])
def test_the_misfit_by_hand(norm, by_hand):
    assert losses.misfit(column(1, 2), column(2, 5), norm) == by_hand
    assert losses.inverse_misfit(column(1, 2), column(2, 5), norm) == by_hand


@pytest.mark.parametrize(("norm", "by_hand"), [("l1", (0 + 5) / 2), ("l2", (0 + 25) / 2)])
def test_the_effect_is_compared_after_the_simulator(norm, by_hand):
    assert losses.effect_misfit(torch.square, column(-2, 3), column(4, 4), norm) == by_hand


@NORMS
def test_members_keep_a_number_each(norm):
    y = points(5, 1)
    prediction = torch.stack([y, y + 2])
    expected = [0, 2 if norm == "l1" else 4]
    assert losses.misfit(prediction, y, norm).tolist() == pytest.approx(expected)


numbers = st.lists(st.floats(-100, 100), min_size=1, max_size=6)


@settings(max_examples=40, deadline=None)
@given(a=numbers, factor=st.floats(0.01, 100))
@NORMS
def test_the_misfit_has_the_unit_of_its_residual_or_its_square(norm, a, factor):
    prediction, target = column(*a), column(*reversed(a)) + 1
    once = losses.misfit(prediction, target, norm)
    scaled = losses.misfit(factor * prediction, factor * target, norm)
    power = 1 if norm == "l1" else 2
    torch.testing.assert_close(scaled, factor**power * once, rtol=1e-9, atol=1e-9)


@settings(max_examples=40, deadline=None)
@given(a=numbers, shift=st.floats(-100, 100))
@NORMS
def test_the_misfit_ignores_the_origin_and_the_sign(norm, a, shift):
    prediction, target = column(*a), column(*sorted(a))
    once = losses.misfit(prediction, target, norm)
    torch.testing.assert_close(losses.misfit(target, prediction, norm), once)
    moved = losses.misfit(prediction + shift, target + shift, norm)
    torch.testing.assert_close(moved, once, rtol=1e-9, atol=1e-9)


@settings(max_examples=30, deadline=None)
@given(root=st.floats(0.1, 33), guess=st.floats(-1, 1))
def test_theorem_1_l1_does_not_care_inside_the_interval_and_l2_wants_zero(root, guess):
    x = column(-root, root)
    answer = column(guess * root, guess * root)
    assert losses.inverse_misfit(answer, x, "l1").item() == pytest.approx(root)
    l2 = losses.inverse_misfit(answer, x, "l2").item()
    assert l2 == pytest.approx((guess * root) ** 2 + root**2)


def test_an_unknown_norm_and_other_shapes_are_refused():
    with pytest.raises(ValueError, match="norm: expected 'l1' or 'l2', got 'l3'"):
        losses.misfit(column(1), column(1), "l3")
    with pytest.raises(ValueError, match=re.escape("got (2, 1) and (3, 1)")):
        losses.misfit(column(1, 2), column(1, 2, 3))


@NORMS
def test_encoder_decoder_is_both_misfits_by_name(norm):
    f_hat = network(2, (1, 4, 1))
    x, y, x_hat, y_target = points(5, 1), points(5, 1) + 1, points(3, 1), points(3, 1) - 1
    terms = losses.encoder_decoder(f_hat, x, y, x_hat, y_target, norm)
    assert list(terms) == ["F", "FI"]
    torch.testing.assert_close(terms["F"], losses.misfit(f_hat(x), y, norm))
    torch.testing.assert_close(terms["FI"], losses.misfit(f_hat(x_hat), y_target, norm))


def test_the_jacobian_is_that_of_autograd_member_by_member():
    f_hat, x = network(), points()
    found = losses.jacobian(f_hat, x)
    assert found.shape == (2, 4, 3, 2)
    for k in range(2):
        for i in range(4):

            def one(v, k=k):
                return f_hat(v[None])[k, 0]

            expected = torch.autograd.functional.jacobian(one, x[i])
            torch.testing.assert_close(found[k, i], expected)


def test_the_jacobian_is_the_limit_of_difference_quotients():
    f_hat, x = network(), points()
    quotient = losses.finite_difference(f_hat, x, step=1e-6)
    # the quotient errs by half a step times the second derivative, of order one here
    torch.testing.assert_close(quotient, losses.jacobian(f_hat, x), rtol=0, atol=1e-5)


def test_the_jacobian_can_be_trained_and_leaves_x_alone():
    f_hat, x = network(), points()
    losses.jacobian(f_hat, x).square().sum().backward()
    assert f_hat.weights[0].grad.abs().sum() > 0
    assert not x.requires_grad
    assert x.grad is None


def test_the_jacobian_works_where_gradients_are_off():
    with torch.no_grad():
        found = losses.jacobian(torch.square, column(1, 2, 3))
    assert found.flatten().tolist() == [2, 4, 6]


def test_the_difference_quotient_is_one_sided_as_in_the_paper():
    # ((x + h)² − x²) / h = 2x + h
    found = losses.finite_difference(torch.square, column(1, 3), step=0.5)
    assert found.flatten().tolist() == pytest.approx([2.5, 6.5])


@FORWARD_MODE
def test_a_directional_derivative_is_the_jacobian_times_the_direction():
    f_hat, x, direction = network(), points(), points() + 1
    found = losses.directional_derivative(f_hat, x, direction)
    expected = losses.jacobian(f_hat, x) @ direction[..., None]
    torch.testing.assert_close(found, expected)


@NORMS
@pytest.mark.parametrize("slope", [-3.0, 0.5])
def test_smoothness_of_a_line_is_its_slope_or_nothing(norm, slope):
    x = torch.linspace(-1, 1, 7, dtype=torch.float64, device=runtime.device())[:, None]

    def line(v):
        return slope * v + 2

    first = losses.smoothness(line, x, norm, order=1, step=0.1)
    assert first.item() == pytest.approx(abs(slope) if norm == "l1" else slope**2)
    assert losses.smoothness(line, x, norm, order=2, step=0.1).item() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(("norm", "by_hand"), [("l1", 6), ("l2", 36)])
def test_the_second_difference_of_a_parabola_is_its_curvature(norm, by_hand):
    found = losses.smoothness(lambda v: 3 * v.square(), column(-1, 0, 2), norm, order=2, step=0.1)
    assert found.item() == pytest.approx(by_hand)


def test_smoothness_varies_each_unknown_in_turn_and_keeps_members_apart():
    def plane(v):
        value = v @ torch.tensor([[1.0], [3.0]], dtype=v.dtype, device=v.device)
        return torch.stack([value, 2 * value])

    found = losses.smoothness(plane, points(), "l1", order=1, step=0.1)
    assert found.tolist() == pytest.approx([(1 + 3) / 2, (2 + 6) / 2])


@pytest.mark.parametrize(("order", "step"), [(3, 0.1), (0, 0.1), (1, 0.0), (2, -1.0)])
def test_smoothness_of_another_order_or_step_is_refused(order, step):
    with pytest.raises(ValueError, match=f"order 1 or 2 and step > 0, got {order} and {step}"):
        losses.smoothness(torch.square, column(1), order=order, step=step)


@NORMS
def test_hermite_by_hand(norm):
    x = column(1, 2)
    # f = x² against y = 1, 6 and slopes 2, 1: residuals 0, −2 and 0, 3
    terms = losses.hermite(torch.square, x, column(1, 6), column(2, 1)[..., None], norm, weight=10)
    expected = {"F": 1, "DER": 10 * 1.5} if norm == "l1" else {"F": 2, "DER": 10 * 4.5}
    assert {name: term.item() for name, term in terms.items()} == pytest.approx(expected)


@FORWARD_MODE
@NORMS
def test_hermite_vanishes_for_the_function_itself_however_it_is_differentiated(norm):
    f_hat, x = network(), points()
    y = f_hat(x)[0].detach()
    direction = points() + 1
    jacobian = losses.jacobian(f_hat, x)[0].detach()
    ways = {
        None: jacobian,
        (lambda f, v: losses.finite_difference(f, v, step=1e-7)): jacobian,
        (lambda f, v: losses.directional_derivative(f, v, direction)): jacobian
        @ direction[..., None],
    }
    for differentiate, derivative in ways.items():
        terms = losses.hermite(f_hat, x, y, derivative, norm, differentiate=differentiate)
        total = sum(terms.values())
        # only the quotient errs, by its step
        assert total[0] < 1e-6
        assert total[1] > 1e-3


def test_hermite_refuses_derivatives_of_the_wrong_shape():
    x, y = points(), points()[:, :1]
    f_hat = network(2, (2, 4, 1))
    with pytest.raises(ValueError, match="x has 4, y has 4, derivative has 3"):
        losses.hermite(f_hat, x, y, torch.zeros(3, 1, 2).to(x))
    with pytest.raises(
        ValueError, match=re.escape("expected derivatives of shape (4, 1, 2), got (4, 2, 1)")
    ):
        losses.hermite(f_hat, x, y, torch.zeros(4, 2, 1).to(x))


def test_the_boundary_loss_by_hand(device):
    box = Box([0.0, -1.0], [2.0, 3.0])  # widths 2 and 4
    x = torch.tensor([[1.0, 1.0], [2.0, 3.0], [3.0, 1.0], [-1.0, 7.0]], device=device)
    # outside by 0, 0 | 0, 0 | 1/2, 0 | 1/2, 1 widths
    assert losses.boundary_loss(x, box).tolist() == pytest.approx([0, 0, 0.25, 0.75])


def test_the_boundary_loss_of_a_guess_does_not_depend_on_the_others(device):
    box = Box([0.0, 0.0], [1.0, 1.0])
    x = 3 * torch.randn(50, 2, generator=runtime.generator(0)).to(device)
    together = losses.boundary_loss(x, box)
    assert torch.equal(together, torch.cat([losses.boundary_loss(row[None], box) for row in x]))
    assert losses.boundary_loss(x.reshape(5, 10, 2), box).shape == (5, 10)


def test_the_boundary_loss_pulls_straight_back(device):
    x = torch.tensor([[2.0, 0.5]], device=device, requires_grad=True)
    losses.boundary_loss(x, Box([0.0, 0.0], [1.0, 1.0])).sum().backward()
    assert x.grad.tolist() == [[0.5, 0]]


FILES = sorted(
    path for path in Path(losses.__file__).parent.glob("*.py") if path.stem != "__init__"
)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_loss_can_be_reached(path):
    module = importlib.import_module(f"invlab.losses.{path.stem}")
    functions = [name for name in module.__all__ if inspect.isfunction(getattr(module, name))]
    missing = [name for name in functions if not inspect.isfunction(getattr(losses, name, None))]
    assert not missing, f"invlab/losses/__init__.py: import {', '.join(missing)} from {path.name}"
    unnamed = sorted(set(functions) - set(losses.__all__))
    assert not unnamed, f"invlab/losses/__init__.py: name {', '.join(unnamed)} in __all__"


def test_the_boundary_loss_spreads_nothing():
    box = Box([0.0], [2.5])
    assert float(losses.boundary_loss(torch.tensor([[3]]), box)) == pytest.approx(0.2)
    with pytest.raises(ValueError, match=r"boundary_loss: x: expected shape \(..., 1\)"):
        losses.boundary_loss(torch.tensor([0.1, 2.0, 3.0]), box)
    with pytest.raises(ValueError, match=r"boundary_loss: x: expected shape \(..., 2\)"):
        losses.boundary_loss(torch.rand(5, 1), Box([0.0, 0.0], [1.0, 1.0]))


def test_a_misfit_is_over_rows_and_features():
    with pytest.raises(ValueError, match="expected the same rows and features"):
        losses.misfit(torch.rand(5), torch.rand(5))


@pytest.mark.parametrize("step", [0, float("nan"), float("inf")])
def test_a_difference_quotient_needs_a_step(step):
    with pytest.raises(ValueError, match="step: expected a finite number other than 0"):
        losses.finite_difference(torch.square, column(1, 3), step=step)
