"""Scales, and networks whose members share a product and nothing else."""

import pytest
import torch

from invlab import runtime
from invlab.networks.mlp import MLP, ResidualMLP, ScaledNetwork, Standardizer, fourier_features
from invlab.networks.training import train

SIZES = [2, 8, 8, 3]


def mlp(*seeds, device, **options):
    return MLP(SIZES, seeds=seeds, **options).to(device)


def rows(n, device):
    return torch.randn(n, 2, generator=torch.Generator().manual_seed(1)).to(device)


def test_each_member_answers_as_it_would_alone(device):
    u = rows(5, device)
    together = mlp(0, 7, 3, device=device)(u)
    assert together.shape == (3, 5, 3)
    for k, seed in enumerate((0, 7, 3)):
        # batched and single products may sum in another order
        torch.testing.assert_close(
            together[k], mlp(seed, device=device)(u)[0], rtol=1e-5, atol=1e-6
        )


def test_members_given_batches_of_their_own_do_not_mix(device):
    u = torch.stack([rows(5, device), rows(5, device) + 1])
    network = mlp(0, 1, device=device)
    changed = u.clone()
    changed[1] += 10
    torch.testing.assert_close(network(changed)[0], network(u)[0])
    assert not torch.allclose(network(changed)[1], network(u)[1])


def test_a_member_trained_in_a_batch_is_trained_as_alone(device):
    u, v = rows(30, device), rows(30, device).prod(-1, keepdim=True).expand(-1, 3)

    def trained(*seeds):
        network = mlp(*seeds, device=device)
        train(
            network,
            lambda u, v: {"F": (network(u) - v).square().mean((-2, -1))},
            (u, v),
            seeds=seeds,
            epochs=4,
            batch_size=8,
            lr=0.01,
        )
        return network

    together, alone = trained(0, 5), trained(5)
    for a, b in zip(together.parameters(), alone.parameters(), strict=True):
        # round-off of 16 Adam steps of 0.01
        torch.testing.assert_close(a[1:], b, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    "made", [MLP([3, 4, 2], seeds=(0, 1)), ResidualMLP(3, 2, width=4, blocks=1, seeds=(0, 1))]
)
@pytest.mark.parametrize("shape", [(3,), (), (5, 2), (3, 5, 3), (1, 2, 5, 3)])
def test_inputs_that_are_no_batch_of_rows_are_named(made, shape):
    with pytest.raises(ValueError, match=r"MLP: expected shape \(N, 3\) or \(2, N, 3\), got"):
        made(torch.zeros(shape))


def test_the_first_weights_are_uniform_within_one_over_the_root_of_the_fan_in(device):
    network = MLP([4, 100, 9], seeds=range(3)).to(device)
    for weights, biases, fan_in in zip(network.weights, network.biases, (4, 100), strict=True):
        bound = fan_in**-0.5
        for values in (weights, biases):
            assert values.abs().max() <= bound
        assert weights.abs().max() > 0.9 * bound
        # 1200 or 2700 draws: the mean has a standard deviation of at most 0.017 bounds
        assert weights.mean().abs() < 0.1 * bound


def test_seeds_and_streams_give_other_weights_and_repeat(device):
    def first(seed, stream):
        return mlp(seed, device=device, stream=stream).weights[0]

    assert torch.equal(first(0, "a"), first(0, "a"))
    assert not torch.equal(first(0, "a"), first(1, "a"))
    assert not torch.equal(first(0, "a"), first(0, "b"))


def test_the_last_layer_is_linear_and_hidden_ones_are_activated(device):
    network = mlp(0, device=device)
    hidden = network.hidden(rows(50, device))
    assert [tuple(h.shape) for h in hidden] == [(1, 50, 8)] * 2
    assert all((h >= 0).all() for h in hidden)
    expected = hidden[-1] @ network.weights[-1] + network.biases[-1]
    torch.testing.assert_close(network(rows(50, device)), expected)
    assert (network(rows(50, device)) < 0).any()


def test_another_activation_is_used(device):
    hidden = mlp(0, device=device, activation=torch.tanh).hidden(rows(50, device))
    assert (hidden[0] < 0).any()


@pytest.mark.parametrize("sizes", [[2, 0, 1], [2, -1]])
def test_an_empty_layer_is_refused(sizes):
    with pytest.raises(ValueError, match="MLP: sizes: expected at least 1"):
        MLP(sizes)


def test_a_scale_brings_columns_to_mean_zero_and_deviation_one(device):
    values = torch.randn(400, 2, device=device) * torch.tensor([3.0, 0.01], device=device) + 50
    scaled = Standardizer.fit(values).to(device)(values)
    # 50 in float32 is known to 4e-6, that is to 4e-4 deviations of the second column
    torch.testing.assert_close(scaled.mean(0), torch.zeros(2, device=device), rtol=0, atol=1e-3)
    torch.testing.assert_close(
        scaled.std(0, correction=0), torch.ones(2, device=device), rtol=1e-3, atol=0
    )


@pytest.mark.parametrize("constant", [0.0, 0.1, 1e6])
def test_a_constant_column_keeps_scale_one(device, constant):
    values = torch.full((1000, 1), constant, device=device)
    scaler = Standardizer.fit(values)
    assert scaler.scale.tolist() == [1]
    assert (scaler(values) == 0).all()


def test_scaling_back_is_the_inverse(device):
    scaler = Standardizer([1.0, -2.0], [3.0, 0.5]).to(device)
    v = rows(10, device)
    torch.testing.assert_close(scaler.inverse(scaler(v)), v)
    assert scaler(torch.tensor([[4.0, -2.5]], device=device)).tolist() == [[1, -1]]


def test_a_scale_follows_the_dtype_of_its_input(device):
    assert Standardizer.identity(2).to(device)(rows(3, device).double()).dtype == torch.float64


def test_a_scale_is_saved_and_loaded():
    saved = Standardizer([1.0, 2.0], [3.0, 4.0]).state_dict()
    fresh = Standardizer.identity(2)
    fresh.load_state_dict(saved)
    assert fresh.shift.tolist() == [1, 2]
    assert fresh.scale.tolist() == [3, 4]


def test_a_scale_copies_the_callers_numbers():
    shift = torch.zeros(1)
    scaler = Standardizer(shift, torch.ones(1))
    shift += 5
    assert scaler.shift.item() == 0


@pytest.mark.parametrize(
    ("shift", "scale"), [([0.0], [0.0]), ([0.0], [-1.0]), ([0.0], [1.0, 1.0]), ([0.0], [torch.nan])]
)
def test_a_scale_not_above_zero_is_refused(shift, scale):
    with pytest.raises(ValueError, match="a scale above zero for each shift"):
        Standardizer(shift, scale)


def test_a_scale_fitted_on_nothing_or_nan_is_refused():
    with pytest.raises(ValueError, match="Standardizer.fit: values: .*empty"):
        Standardizer.fit(torch.zeros(0, 2))
    with pytest.raises(ValueError, match="Standardizer.fit: values: .*NaN"):
        Standardizer.fit(torch.full((2, 2), torch.nan))


def test_fourier_features_by_hand(device):
    u = torch.tensor([[0.5, -1.0]], device=device)
    low, high = 1.5 * u, 3 * u
    expected = torch.cat([u, low.sin(), low.cos(), high.sin(), high.cos()], -1)
    assert torch.equal(fourier_features(u, 2), expected)
    assert fourier_features(u, 1).tolist() == [expected[0, :6].tolist()]


@pytest.mark.parametrize("dim", [0, 1, 3])
def test_fourier_features_keep_leading_axes_and_none_are_no_change(device, dim):
    u = torch.randn(2, 5, dim, device=device, dtype=torch.float64)
    assert torch.equal(fourier_features(u, 0), u)
    features = fourier_features(u, 3)
    assert features.shape == (2, 5, 7 * dim)
    assert features.dtype == torch.float64
    assert torch.equal(features[1, 4], fourier_features(u[1, 4], 3))


def scaled(*seeds, device):
    core = MLP([1, 4, 1], seeds=seeds)
    return ScaledNetwork(core, Standardizer([1.0], [2.0]), Standardizer([10.0], [5.0])).to(device)


def test_a_scaled_network_takes_and_gives_original_units(device):
    network = scaled(0, device=device)
    v = torch.tensor([[5.0]], device=device)
    expected = 10 + 5 * network.core((v - 1) / 2)
    torch.testing.assert_close(network(v), expected)


def test_a_member_taken_out_answers_the_same_and_is_a_copy(device):
    network = scaled(0, 1, 2, device=device)
    v = torch.linspace(-3, 3, 7, device=device)[:, None]
    before = network(v)
    single = network.member(1)
    torch.testing.assert_close(single(v)[0], before[1], rtol=1e-5, atol=1e-5)
    assert len(single) == 1
    with torch.no_grad():
        single.core.weights[0].zero_()
    assert torch.equal(network(v), before)


@pytest.mark.parametrize("k", [-1, 3])
def test_a_member_that_is_not_there_is_refused(device, k):
    with pytest.raises(ValueError, match=rf"member: expected 0 <= k < 3, got {k}"):
        scaled(0, 1, 2, device=device).member(k)


def test_a_column_that_varies_by_rounding_alone_keeps_scale_one():
    constant = torch.full((48, 1), 0.1, dtype=torch.float64)
    constant[::2] += 1e-17
    assert Standardizer.fit(constant).scale.item() == 1


def test_two_scales_beside_each_other_are_one(device):
    first = Standardizer([1.0, 2.0], [3.0, 4.0]).to(device)
    second = Standardizer([5.0], [6.0])
    v = torch.randn(7, 3, generator=torch.Generator().manual_seed(0)).to(device)
    both = first.beside(second)
    parts = first(v[:, :2]), second.to(device)(v[:, 2:])
    assert torch.equal(both(v), torch.cat(parts, 1))
    assert both.shift.device == v.device


def test_an_offset_costs_no_digits_in_float64(device):
    x = torch.linspace(0, 1, 11, dtype=torch.float64, device=device)[:, None]
    near, far = Standardizer.fit(x), Standardizer.fit(1e8 + x)
    torch.testing.assert_close(far(1e8 + x), near(x), rtol=0, atol=1e-6)
    torch.testing.assert_close(far.inverse(far(1e8 + x)) - 1e8, x, rtol=0, atol=1e-6)
    assert far.scale.dtype == torch.float64


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_a_scaled_network_answers_in_the_dtype_that_it_was_asked_in(dtype, device):
    scale = Standardizer([1.0], [2.0])
    network = ScaledNetwork(MLP([1, 4, 1]), scale, scale).to(device)
    v = torch.ones(3, 1, dtype=dtype, device=device)
    assert network(v).dtype == scale(v).dtype == scale.inverse(v).dtype == dtype
    assert network.scaled(v).dtype == torch.float32


@pytest.mark.parametrize("values", [[float("nan")], [float("inf")], [0.0], [-1.0], [1.0, 2.0]])
def test_a_scale_that_is_none_is_refused(values):
    with pytest.raises(ValueError, match="Standardizer: expected finite numbers"):
        Standardizer([0.0], values)


def test_networks_are_float32_on_the_cpu_whatever_the_defaults_are():
    usual = MLP([2, 3, 1])
    before = torch.get_default_dtype()
    try:
        torch.set_default_dtype(torch.float64)
        with torch.device("meta"):
            other = MLP([2, 3, 1])
    finally:
        torch.set_default_dtype(before)
    for a, b in zip(usual.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b)


def test_a_scale_keeps_whole_numbers_and_spreads_nothing():
    scale = Standardizer([5.0, 5.0], [2.0, 2.0])
    torch.testing.assert_close(
        scale(torch.tensor([[6, 4]])), torch.tensor([[0.5, -0.5]], dtype=torch.float64)
    )
    with pytest.raises(ValueError, match=r"expected shape \(..., 2\), got \(3, 1\)"):
        scale(torch.rand(3, 1))
    with pytest.raises(ValueError, match=r"expected shape \(..., 2\), got \(3, 1\)"):
        scale.inverse(torch.rand(3, 1))


@pytest.mark.parametrize("size", [1e-10, 0.7, 1e12])
def test_a_column_of_float32_that_varies_by_rounding_alone_is_constant_too(device, size):
    v = torch.rand(100, 1, generator=runtime.generator(0)).to(device)
    rounded = size * ((v + 0.7) - v)
    assert rounded.std() > 0
    scale = Standardizer.fit(rounded)
    assert scale.scale.item() == pytest.approx(max(1.0, 0.7 * size), rel=1e-3)
    assert scale(rounded).abs().max() < 1e-5
    # in float64 the same numbers would mean something
    doubles = rounded.double()
    assert Standardizer.fit(doubles).scale.item() == pytest.approx(doubles.std(correction=0).item())


def test_an_activation_that_is_none_is_named():
    with pytest.raises(TypeError, match=r"class ReLU; give an instance, ReLU\(\)"):
        MLP([2, 3, 1], activation=torch.nn.ReLU)
    with pytest.raises(TypeError, match="activation: expected a function of a tensor, got 'relu'"):
        MLP([2, 3, 1], activation="relu")
