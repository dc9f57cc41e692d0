"""Encoders: which one reads what, and what their members and rows owe to each other."""

import pytest
import torch

from invlab.networks.encoders import (
    ConvolutionalEncoder,
    FeatureScale,
    VectorEncoder,
    beside,
    encoder_for,
    kind_of,
)

# an observation of each kind, without the axis of rows
SHAPES = {(3,): "vector", (2, 4): "vector", (256,): "signal", (12, 20): "image"}
SHAPES |= {(2, 16, 16): "image", (33,): "signal", (1, 40): "image", (5, 5, 5): "image"}
each_shape = pytest.mark.parametrize("shape", SHAPES, ids=str)


def observations(device, *shape, seed=0):
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=rng).to(device)


# Which encoder


@each_shape
def test_the_shape_chooses_the_encoder(device, shape):
    assert kind_of(shape) == SHAPES[shape]
    encoder = encoder_for(shape, 3).to(device)
    wanted = VectorEncoder if SHAPES[shape] == "vector" else ConvolutionalEncoder
    assert isinstance(encoder, wanted)
    assert encoder(observations(device, 6, *shape)).shape == (1, 6, 3)


def test_the_kind_may_be_said(device):
    u = observations(device, 6, 3, 50)
    assert isinstance(encoder_for((3, 50), 2, kind="vector"), VectorEncoder)
    signal = encoder_for((3, 50), 2, kind="signal").to(device)
    assert signal.weights[0].shape == (1, 8, 3, 3)  # members, to, from, width
    assert signal(u).shape == (1, 6, 2)
    assert encoder_for((3, 50), 2).weights[0].shape == (1, 8, 1, 3, 3)


def test_a_signal_of_256_samples_is_read_as_in_the_paper():
    encoder = encoder_for((256,), 1)
    # five convolutions and two linear layers
    assert [tuple(w.shape[1:]) for w in encoder.weights] == [
        (8, 1, 3), (16, 8, 3), (16, 16, 3), (32, 16, 3), (32, 32, 3), (256, 32), (32, 1),
    ]  # fmt: skip
    assert [tuple(g.shape[1:]) for g in encoder.gains] == [(8,), (16,), (16,), (32,), (32,)]


def test_small_images_are_pooled_as_often_as_they_can_be(device):
    for shape in ((33,), (1, 40), (9, 4), (2, 3, 6)):
        encoder = encoder_for(shape, 2, kind="signal" if len(shape) == 1 else "image").to(device)
        assert encoder(observations(device, 1, *shape)).isfinite().all()


def test_sizes_may_be_chosen(device):
    vector = encoder_for((3,), 2, width=5, layers=2, fourier_octaves=0)
    assert [tuple(w.shape[1:]) for w in vector.weights] == [(3, 5), (5, 5), (5, 2)]
    waves = encoder_for((3,), 2, width=5, layers=1, fourier_octaves=2)
    assert waves.weights[0].shape == (1, 15, 5)
    image = encoder_for((16, 16), 2, widths=(3, 5), head=7)
    assert [tuple(w.shape[1:]) for w in image.weights[-2:]] == [(5 * 4 * 4, 7), (7, 2)]


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: kind_of(()), ValueError, "kind_of: expected at least one number"),
        (lambda: kind_of((3, 0)), ValueError, r"got \(3, 0\)"),
        (lambda: kind_of((2, 3, 4, 5)), ValueError, "at most three axes"),
        (lambda: encoder_for((3,), 2, kind="text"), ValueError, "kind: expected one of vector"),
        (lambda: encoder_for((3,), 2, last=-1.0), ValueError, "last: expected"),
        (lambda: encoder_for((3,), 2, widths=(3,)), TypeError, "widths"),
        (lambda: encoder_for((99,), 2, fourier_octaves=1), TypeError, "fourier_octaves"),
        (lambda: encoder_for((3,), 2, fourier_octaves=-1), ValueError, "fourier_octaves: expected"),
        (lambda: encoder_for((3,), 2, width=0), ValueError, "width: expected"),
        (lambda: encoder_for((99,), 2, normalization="layer"), ValueError, "normalization:"),
        (lambda: encoder_for((3, 4, 5), 2, kind="signal"), ValueError, r"signal: .*\(C, L\)"),
        (lambda: encoder_for((99,), 2, kind="image"), ValueError, r"image: .*\(C, H, W\)"),
        (lambda: encoder_for((3,), 0), ValueError, "out: expected at least 1"),
        (lambda: encoder_for((99,), 0), ValueError, "out: expected at least 1"),
        (lambda: encoder_for((3,), 2)(torch.ones(4, 5)), ValueError, r"\(3,\)\), got \(4, 5\)"),
        (lambda: encoder_for((99,), 2)(torch.ones(99)), ValueError, r"got \(99,\)"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_named(call, error, match):
    with pytest.raises(error, match=match):
        call()


# Members and rows


@each_shape
def test_members_do_not_mix(device, shape):
    u = observations(device, 5, *shape)
    together = encoder_for(shape, 2, seeds=(0, 7)).to(device)
    alone = [encoder_for(shape, 2, seeds=(seed,)).to(device)(u)[0] for seed in (0, 7)]
    torch.testing.assert_close(together(u), torch.stack(alone), rtol=1e-4, atol=1e-5)
    assert len(together) == 2
    # one batch a member
    pair = torch.stack((u, u.flip(0)))
    for k, part in enumerate(together(pair)):
        expected = encoder_for(shape, 2, seeds=((0, 7)[k],)).to(device)(pair[k])[0]
        torch.testing.assert_close(part, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("norm", "alone"), [("batch", False), ("group", True), (None, True)])
def test_only_batch_norm_makes_an_answer_depend_on_the_other_rows(device, norm, alone):
    u = observations(device, 6, 64)
    encoder = encoder_for((64,), 2, normalization=norm).to(device)
    together, first = encoder(u)[:, :1], encoder(u[:1])
    assert torch.allclose(together, first, atol=1e-5) == alone
    # and it is so in evaluation mode too
    torch.testing.assert_close(encoder.eval()(u)[:, :1], together)


@pytest.mark.parametrize("shape", [(64,), (16, 16)], ids=str)
def test_batch_norm_forgets_the_size_of_its_input_and_group_norm_that_of_each_row(device, shape):
    u = observations(device, 6, *shape)
    for norm in ("batch", "group"):
        encoder = encoder_for(shape, 2, normalization=norm).to(device)
        with torch.no_grad():
            for bias in encoder.biases[: encoder.blocks]:
                bias.zero_()
        torch.testing.assert_close(encoder(50 * u), encoder(u), rtol=1e-2, atol=1e-3)


@each_shape
def test_a_single_row_is_read(device, shape):
    encoder = encoder_for(shape, 2).to(device)
    output = encoder(observations(device, 1, *shape))
    assert output.isfinite().all()
    output.sum().backward()
    assert all(weight.grad.isfinite().all() for weight in encoder.parameters())


@each_shape
def test_the_same_seed_gives_the_same_weights_and_moves_no_global_state(shape):
    state = torch.get_rng_state()
    first, again, other, stream = (
        encoder_for(shape, 2, seeds=(seed,), stream=stream)
        for seed, stream in ((3, "a"), (3, "a"), (4, "a"), (3, "b"))
    )
    assert torch.equal(torch.get_rng_state(), state)
    for a, b in zip(first.weights, again.weights, strict=True):
        assert torch.equal(a, b)
    assert not torch.equal(first.weights[0], other.weights[0])
    assert not torch.equal(first.weights[0], stream.weights[0])


@each_shape
def test_a_small_last_layer_answers_near_zero(device, shape):
    u = observations(device, 6, *shape)
    usual, small, none = (
        encoder_for(shape, 2, last=last).to(device)(u) for last in (None, 0.01, 0.0)
    )
    # without the bias, a hundredth
    torch.testing.assert_close(small.std(1), usual.std(1) / 100, rtol=1e-3, atol=1e-6)
    assert small.abs().max() < 0.02
    assert not none.any()


@pytest.mark.parametrize("shape", [(4,), (64,), (16, 16)], ids=str)
def test_an_encoder_learns(device, shape):
    u = observations(device, 40, *shape)
    goal = u.flatten(1)[:, :2] - u.flatten(1)[:, 2:4]
    encoder = encoder_for(shape, 2).to(device)
    optimizer = torch.optim.Adam(encoder.parameters(), lr=1e-2)
    for _ in range(80):
        optimizer.zero_grad()
        loss = (encoder(u)[0] - goal).square().mean()
        loss.backward()
        optimizer.step()
    assert loss < 0.3 * goal.square().mean()


# Scales and contexts


def test_each_number_of_a_vector_is_scaled_and_each_channel_of_the_others(device):
    vector = 5 * observations(device, 50, 3) + torch.tensor([1.0, 2.0, 300.0], device=device)
    scaled = FeatureScale.fit(vector)(vector)
    torch.testing.assert_close(scaled.mean(0), torch.zeros(3).to(scaled), rtol=0, atol=1e-4)
    torch.testing.assert_close(scaled.std(0, correction=0), torch.ones(3).to(scaled))
    image = observations(device, 50, 2, 9, 9) * torch.tensor([[[1.0]], [[9.0]]], device=device)
    scaled = FeatureScale.fit(image)(image)
    assert scaled.shape == image.shape
    size = scaled.square().mean((0, 2, 3)).sqrt()
    torch.testing.assert_close(size, torch.ones(2).to(scaled), rtol=1e-3, atol=0)
    ramp = torch.arange(64.0, device=device).expand(4, -1)
    # one scale for the whole signal keeps its form
    step = FeatureScale.fit(ramp)(ramp).diff(dim=1)
    torch.testing.assert_close(step, step[:1, :1].expand_as(step), rtol=1e-3, atol=0)


def test_what_is_constant_stays_finite(device):
    for shape in ((3,), (64,), (2, 9, 9)):
        same = torch.full((4, *shape), 7.0, device=device)
        assert not FeatureScale.fit(same)(same).any()


def test_a_context_stands_beside_its_observation(device):
    c = observations(device, 6, 2, seed=1)
    vector = observations(device, 6, 3)
    assert torch.equal(beside(vector, c), torch.cat((vector, c), 1))
    assert beside(vector, None) is vector
    signal, image = observations(device, 6, 64), observations(device, 6, 3, 8, 9)
    joined = beside(signal, c)
    assert joined.shape == (6, 3, 64)
    assert torch.equal(joined[:, 0], signal)
    assert torch.equal(joined[:, 1:], c[:, :, None].expand(-1, -1, 64))
    joined = beside(image, c)
    assert joined.shape == (6, 5, 8, 9)
    assert torch.equal(joined[:, 3:, 4, 4], c)
    assert encoder_for((3, 64), 1, kind="signal").to(device)(beside(signal, c)).shape == (1, 6, 1)
    with pytest.raises(ValueError, match=r"c: expected shape \(6, dc\), got \(5, 2\)"):
        beside(vector, c[:5])
