"""The network that stands in for a simulator: what it learns, its symmetry, its file."""

import json

import pytest
import torch

from invlab import Box, runtime
from invlab.surrogates.emulator import Emulator, fit_emulator
from invlab.task import Pairs

BOX = Box([0.0, 10.0], [2.0, 20.0])
SWAPS = [[0, 1], [1, 0]]
SQUARE = Box([0.0, 0.0], [2.0, 2.0])


def known(x):
    """Twelve numbers of two, smooth and without symmetry."""
    u, v = x[..., :1], x[..., 1:] / 10
    return torch.sin(u + torch.arange(12) / 6) * v + v.square()


def symmetric(x):
    """The same whichever unknown comes first."""
    total, product = x.sum(-1, keepdim=True), x.prod(-1, keepdim=True)
    return torch.cat([torch.cos(total), product, total.square()], -1)


def pairs(function, box, n, seed=0):
    x = box.sample(n, generator=runtime.generator(seed, "test")).float()
    return Pairs(x, function(x))


@pytest.fixture(scope="module")
def fitted():
    return fit_emulator(
        pairs(known, BOX, 1000), BOX, seeds=(0, 1), width=32, blocks=1, components=6, epochs=40
    )


def test_it_learns_a_known_map(fitted):
    fresh = pairs(known, BOX, 200, seed=1)
    error = (fitted(fresh.x) - fresh.y).square().mean()
    assert error < 1e-3 * fresh.y.var(0).mean()


def test_the_mean_of_members_is_what_it_says(fitted):
    x = pairs(known, BOX, 5).x
    assert fitted.members(x).shape == (2, 5, 12)
    torch.testing.assert_close(fitted(x), fitted.members(x).mean(0))
    assert not torch.allclose(*fitted.members(x))


def test_leading_shapes_and_dtype_are_the_callers(fitted):
    x = pairs(known, BOX, 6).x
    double = fitted(x.double().reshape(2, 3, 2))
    assert double.shape == (2, 3, 12)
    assert double.dtype == torch.float64
    torch.testing.assert_close(double.reshape(6, 12).float(), fitted(x), rtol=1e-4, atol=1e-4)


def test_the_gradient_is_that_of_its_own_output(fitted):
    x = pairs(known, BOX, 3).x.double().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: fitted(x).sum(-1), (x,), atol=1e-6)


def test_symmetric_copies_get_the_same_answer():
    data = pairs(symmetric, SQUARE, 400)
    simulator = fit_emulator(
        data, SQUARE, symmetries=SWAPS, seeds=(0,), width=16, blocks=1, components=3, epochs=20
    )
    torch.testing.assert_close(simulator(data.x), simulator(data.x.flip(-1)), rtol=0, atol=1e-6)


def test_half_the_box_is_one_unit(fitted):
    corners = torch.stack([BOX.low, BOX.high]).float()
    scaled = (corners - fitted.center) / fitted.half_width
    torch.testing.assert_close(scaled, torch.tensor([[-1.0, -1.0], [1.0, 1.0]]).to(scaled))


def test_a_saved_one_says_the_same(fitted, tmp_path):
    path = tmp_path / "known.safetensors"
    fitted.save(path, {"why": "a test"})
    again, x = Emulator.load(path), pairs(known, BOX, 50).x
    assert json.loads(path.with_suffix(".json").read_text())["why"] == "a test"
    assert len(again) == 2
    torch.testing.assert_close(again(x), fitted(x), rtol=0, atol=0.02)  # half precision
    assert not any(p.requires_grad for p in again.parameters())


def test_a_damaged_file_is_refused(fitted, tmp_path):
    path = tmp_path / "known.safetensors"
    fitted.save(path, {})
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(ValueError, match="expected the checksum .* of its card"):
        Emulator.load(path)


def test_more_components_than_y_has_are_refused():
    with pytest.raises(ValueError, match="components: expected at most 3, got 4"):
        fit_emulator(pairs(symmetric, SQUARE, 50), SQUARE, components=4)


def test_same_seed_same_network():
    data = pairs(symmetric, SQUARE, 50)
    one, other = (
        fit_emulator(data, SQUARE, symmetries=SWAPS, width=8, components=2, epochs=2)
        for _ in range(2)
    )
    assert torch.equal(one(data.x), other(data.x))


def test_forward_derivatives_work_in_double_precision(fitted):
    x = pairs(known, BOX, 3).x.double()
    along = torch.tensor([1.0, 0.0], dtype=torch.float64).expand_as(x)
    _, slope = torch.func.jvp(fitted, (x,), (along,))
    step = 1e-5 * along
    quotient = (fitted(x + step) - fitted(x - step)) / 2e-5
    torch.testing.assert_close(slope, quotient, rtol=1e-5, atol=1e-6)


def test_an_offset_of_double_pairs_costs_no_digits():
    near, options = pairs(known, BOX, 300), {"seeds": (0,), "width": 16, "blocks": 1}
    box = Box(BOX.low + 1e8, BOX.high + 1e8)
    far = Pairs(near.x.double() + 1e8, near.y.double() + 1e9)
    first, second = (
        fit_emulator(data, law, components=4, epochs=4, **options)
        for data, law in ((near, BOX), (far, box))
    )
    torch.testing.assert_close(
        second(far.x) - 1e9, first(near.x).double(), rtol=0, atol=0.01 * near.y.std().item()
    )


def test_what_an_emulator_does_not_take_is_refused(fitted):
    x = pairs(known, BOX, 5).x
    with pytest.raises(ValueError, match="Emulator: takes no context c"):
        fitted(x, x)
    for data, said in (
        (Pairs(x, x, x), "fit_emulator: takes no context c, got one; fit_surrogate takes it"),
        (Pairs(x, x[..., None]), r"fit_emulator: y: expected shape \(N, dy\)"),
        (Pairs(x, x * torch.nan), "fit_emulator: y: expected finite numbers"),
        (Pairs(x[:, :1], x), r"fit_emulator: x: expected shape \(N, 2\)"),
    ):
        with pytest.raises(ValueError, match=said):
            fit_emulator(data, BOX, components=1)


def test_what_is_no_pairs_is_named():
    data = pairs(known, BOX, 20)
    with pytest.raises(TypeError, match="fit_emulator: data: expected Pairs, got tuple"):
        fit_emulator((data.x, data.y), BOX)
    with pytest.raises(TypeError, match=r"held_out: expected Pairs, got float; .*split\(0.2\)"):
        fit_emulator(data, BOX, epochs=1, components=2, held_out=0.2)


def test_members_are_asked_for_rows(fitted):
    assert fitted(torch.zeros(2)).shape == (12,)
    for shape in ((2,), (3, 1), (1, 3, 2)):
        with pytest.raises(ValueError, match=r"Emulator: x: expected shape \(N, 2\), got"):
            fitted.members(torch.zeros(shape))


def test_a_path_may_be_a_string(fitted, tmp_path):
    fitted.save(str(tmp_path / "known.safetensors"), {})
    again = Emulator.load(str(tmp_path / "known.safetensors"))
    assert len(again) == 2
    assert Emulator.fingerprint(str(tmp_path / "known.safetensors"))


def test_sizes_and_checksum_are_those_of_the_file(fitted, tmp_path):
    path = tmp_path / "known.safetensors"
    fitted.save(path, {"why": "first", "members": 7, "sha256": "of another"})
    first = Emulator.card(path)
    assert (first["members"], first["why"]) == (2, "first")
    other = tmp_path / "other.safetensors"
    Emulator.load(path).save(other, Emulator.card(path) | {"blocks": 9})  # a card handed on
    assert Emulator.load(other)(BOX.low[None]).shape == (1, 12)
    card = Emulator.card(other)
    for wrong, said in (({"members": "two"}, "got two and 1"), ({"sha256": None}, "checksum None")):
        other.with_suffix(".json").write_text(json.dumps(card | wrong))
        with pytest.raises(ValueError, match=said):
            Emulator.load(other)


@pytest.mark.parametrize("unit", [2.0**-80, 2.0**60, 1e-24, 1e20])
def test_the_unit_of_y_does_not_matter(unit):
    data = pairs(known, BOX, 60)
    double = Pairs(data.x.double(), data.y.double())
    one, other = (
        fit_emulator(
            Pairs(double.x, double.y * scale), BOX, seeds=(0,), width=8, components=3, epochs=3
        )
        for scale in (1.0, unit)
    )
    torch.testing.assert_close(other(double.x) / unit, one(double.x), rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(other.history.total, one.history.total, rtol=1e-3, atol=1e-3)


def test_pairs_that_do_not_vary_are_learned_without_a_division_by_zero():
    data = pairs(known, BOX, 6)
    for few in (data[:1], Pairs(data.x, data.y[:1].repeat(6, 1))):
        model = fit_emulator(few, BOX, seeds=(0,), width=4, components=1, epochs=2)
        torch.testing.assert_close(model(few.x), few.y)


def test_one_number_is_no_list_of_seeds():
    with pytest.raises(TypeError, match=r"seeds: expected seeds, one a member, .* got 3"):
        fit_emulator(pairs(known, BOX, 6), BOX, seeds=3, components=1)
