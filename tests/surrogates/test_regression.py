"""f̂ from values, and from values and derivatives."""

import pytest
import torch

from invlab import Pairs, fit_surrogate, runtime
from invlab.losses import jacobian, misfit
from invlab.networks.mlp import Standardizer

SLOPES = torch.tensor([[2.0, -30.0], [0.1, 5.0]])  # dy_i / dx_j


def linear_pairs(n=20, dtype=torch.float32):
    draws = torch.rand(n, 2, generator=runtime.generator(0)).to(runtime.device(), dtype)
    x = draws * torch.tensor([10.0, 0.1]).to(draws)
    return Pairs(x, x @ SLOPES.T.to(x) + 7)


def fit_line(**options):
    # one linear layer can be exact, in any units
    options = {"layers": 1, "epochs": 600, "batch_size": None, "lr": 0.05, "lr_end": 1e-3} | options
    return fit_surrogate(options.pop("data", linear_pairs()), **options)


def test_a_linear_simulator_is_copied_in_original_units():
    data = linear_pairs()
    copied = fit_line()(data.x)
    assert copied.shape == (1, 20, 2)
    torch.testing.assert_close(copied[0], data.y, rtol=0, atol=0.02 * data.y.std().item())


@pytest.mark.parametrize("norm", ["l1", "l2"])
def test_values_and_derivatives_of_a_linear_simulator_agree_in_scaled_units(norm):
    data = linear_pairs()
    surrogate = fit_line(
        data=data, norm=norm, derivatives=SLOPES.expand(20, 2, 2).to(data.x), seeds=(0, 1)
    )
    assert list(surrogate.history.terms) == ["F", "DER"]
    # in other units for the derivative the two terms could not both vanish
    for term in surrogate.history.terms.values():
        assert (term[-1] < 0.02 * term[0]).all()
    found = jacobian(surrogate, data.x).detach()
    torch.testing.assert_close(found, SLOPES.expand(2, 20, 2, 2).to(found), rtol=0.05, atol=0.05)


def test_the_weight_multiplies_the_derivative_term():
    slopes = SLOPES.expand(20, 2, 2).to(runtime.device())
    once, thrice = (
        fit_line(derivatives=slopes, derivative_weight=w, epochs=1).history.terms
        for w in (1.0, 3.0)
    )
    torch.testing.assert_close(thrice["DER"], 3 * once["DER"])
    torch.testing.assert_close(thrice["F"], once["F"])


def test_derivatives_of_the_wrong_shape_are_named():
    with pytest.raises(
        ValueError, match=r"derivatives: expected shape \(20, 2, 2\), got \(20, 2\)"
    ):
        fit_line(derivatives=torch.zeros(20, 2, device=runtime.device()))


def test_the_scales_are_those_of_the_data_unless_given():
    data = linear_pairs()
    surrogate = fit_line(epochs=1)
    torch.testing.assert_close(surrogate.inputs.shift, data.x.double().mean(0))
    torch.testing.assert_close(surrogate.outputs.scale, data.y.double().std(0, correction=0))
    own = Standardizer([1.0, 2.0], [3.0, 4.0])
    assert fit_line(x_scaler=own, epochs=1).inputs.shift.tolist() == [1, 2]


def test_width_layers_and_members_are_as_asked():
    surrogate = fit_surrogate(linear_pairs(), seeds=(4, 5, 6), width=7, layers=3, epochs=1)
    shapes = [tuple(w.shape) for w in surrogate.core.weights]
    assert shapes == [(3, 2, 7), (3, 7, 7), (3, 7, 2)]
    assert len(surrogate) == 3


def test_float64_pairs_are_accepted_and_not_changed():
    data = linear_pairs(dtype=torch.float64)
    before = data.x.clone()
    assert fit_surrogate(data, epochs=1)(data.x.float()).dtype == torch.float32
    assert torch.equal(data.x, before)


def test_held_out_pairs_give_a_validation_loss():
    history = fit_line(held_out=linear_pairs(8), epochs=3).history
    assert history.validation.shape == (3, 1)


@pytest.mark.parametrize("rows", [8, 20])
def test_held_out_pairs_are_judged_by_their_values_alone(rows):
    data, held = linear_pairs(), linear_pairs(40)[20 : 20 + rows]
    surrogate = fit_line(
        data=data, derivatives=SLOPES.expand(20, 2, 2).to(data.x), held_out=held, epochs=1
    )
    scale = surrogate.outputs
    expected = misfit(scale(surrogate(held.x)), scale(held.y)).detach().cpu()
    torch.testing.assert_close(surrogate.history.validation[0], expected)


def test_a_context_becomes_further_inputs_in_scales_of_their_own():
    data = linear_pairs()
    c = 1000 + 50 * torch.rand(20, 1, generator=runtime.generator(1)).to(data.x)
    shifted = Pairs(data.x, data.y + 0.01 * c, c)
    surrogate = fit_line(data=shifted)
    assert len(surrogate.inputs.shift) == 3
    torch.testing.assert_close(surrogate.inputs.shift[2:], c.double().mean(0))
    found = surrogate(torch.cat([data.x, c], 1))[0]
    torch.testing.assert_close(found, shifted.y, rtol=0, atol=0.02 * data.y.std().item())
    # given scales are those of x alone
    own = fit_line(data=shifted, x_scaler=Standardizer([1.0, 2.0], [3.0, 4.0]), epochs=1)
    assert own.inputs.shift[:2].tolist() == [1, 2]
    torch.testing.assert_close(own.inputs.scale[2:], c.double().std(0, correction=0))


def test_a_context_counts_in_the_derivatives_and_in_the_held_out_pairs():
    data = linear_pairs()
    c = torch.rand(20, 1, generator=runtime.generator(1)).to(data.x)
    shifted = Pairs(data.x, data.y + 4 * c, c)
    slopes = torch.cat([SLOPES, torch.full((2, 1), 4.0)], 1).expand(20, 2, 3).to(data.x)
    surrogate = fit_line(data=shifted, derivatives=slopes, held_out=shifted)
    found = jacobian(surrogate, torch.cat([data.x, c], 1)).detach()[0]
    torch.testing.assert_close(found, slopes, rtol=0.05, atol=0.1)
    assert surrogate.history.validation[-1] < 0.02 * surrogate.history.validation[0]


def test_an_offset_of_double_pairs_costs_no_digits():
    data = linear_pairs()
    # large numbers, and small changes of them: float32 has no place for both
    far = Pairs(data.x.double() + 1e8, data.y.double() + 1e9)
    near, moved = fit_line(data=data), fit_line(data=far)
    found = moved.scaled(far.x)[0]
    torch.testing.assert_close(found, near.scaled(data.x)[0], rtol=0, atol=1e-3)
    torch.testing.assert_close(moved(far.x)[0] - 1e9, near(data.x)[0].double(), rtol=0, atol=0.01)


def test_pairs_that_failed_are_left_out_with_a_warning():
    data = linear_pairs()
    holes = data.y.clone()
    holes[::4] = torch.nan
    with pytest.warns(UserWarning, match="surrogate: 5 of 20 pairs left out"):
        found = fit_line(data=Pairs(data.x, holes), epochs=2)
    kept = torch.arange(20) % 4 != 0
    expected = fit_line(data=Pairs(data.x[kept], data.y[kept]), epochs=2)
    assert torch.equal(found(data.x), expected(data.x))
    with pytest.raises(
        ValueError, match="surrogate: expected pairs with a finite y, got 20 without"
    ):
        fit_line(data=Pairs(data.x, data.y * torch.nan))


def test_pairs_that_require_a_gradient_are_left_alone():
    data = linear_pairs()
    alive = Pairs(data.x.clone().requires_grad_(), data.y.clone().requires_grad_())
    found = fit_line(data=alive, epochs=2)
    assert alive.x.grad is None
    assert torch.equal(found(data.x), fit_line(data=data, epochs=2)(data.x))


def test_scales_are_copied_and_compared_with_the_data():
    data, options = linear_pairs(), {"width": 4, "epochs": 1}
    given = Standardizer([1.0, 0.0], [2.0, 1.0])
    surrogate = fit_surrogate(data, x_scaler=given, y_scaler=given, **options)
    for own in (surrogate.inputs, surrogate.outputs):
        assert own is not given
        assert own.shift.tolist() == given.shift.tolist()
    for name in ("x_scaler", "y_scaler"):
        with pytest.raises(ValueError, match=f"{name}: expected 2 numbers, got 1"):
            fit_surrogate(data, **{name: Standardizer([1.0], [2.0])}, **options)


def test_what_is_no_pairs_is_named():
    data = linear_pairs()
    with pytest.raises(TypeError, match=r"data: expected Pairs, got tuple; Pairs\(x, y\) makes"):
        fit_surrogate((data.x, data.y))
    for share in (0.2, data.split(0.2)):
        with pytest.raises(TypeError, match=r"held_out: expected Pairs, got .*split\(0.2\) gives"):
            fit_surrogate(data, epochs=1, held_out=share)


def test_a_row_without_its_batch_is_named():
    surrogate = fit_line(epochs=1)
    for ask in (surrogate, surrogate.effect):
        with pytest.raises(ValueError, match=r"expected shape \(N, 2\) or .*, got \(2,\)"):
            ask(linear_pairs().x[0])


def test_one_number_is_no_list_of_seeds_and_a_class_no_activation():
    for seeds, error in ((3, TypeError), ("12", TypeError), ([], ValueError), ([0.5], TypeError)):
        with pytest.raises(error, match="seeds: expected"):
            fit_surrogate(linear_pairs(), seeds=seeds)
    with pytest.raises(TypeError, match=r"activation: .*give an instance, ReLU\(\)"):
        fit_surrogate(linear_pairs(), activation=torch.nn.ReLU)
