"""The Fourier modal method against closed forms, textbook RCWA, and what physics demands."""

import math

import numpy as np
import pytest
import textbook
import torch
from scipy import special

from invlab.simulators.maxwell import SYMMETRIES, FourierModal, cylinders, fourier_modal

F64 = torch.float64


def tensor(*numbers):
    return torch.tensor(numbers, dtype=F64)


def cells(n, seed=0):
    """Heights and radii from the box of the task."""
    unit = torch.rand(n, 8, generator=torch.Generator().manual_seed(seed), dtype=F64)
    return 30 + 25 * unit[:, :4], 42 + 10 * unit[:, 4:]


def gap(a, b):
    """The largest difference between a tensor and a tensor, an array or a number."""
    return np.abs(a.detach().numpy() - np.asarray(b)).max()


def homogeneous(modal, *thickness):
    """Slabs of the cylinders' material, without any pattern."""
    inside = torch.zeros(len(thickness), 2 * modal.orders + 1, 2 * modal.orders + 1, dtype=F64)
    inside[..., 0, 0] = 1
    return modal.layer(inside, tensor(*thickness))


def lamellar(orders, fill, *, tm, **options):
    """A solver and the coefficients of grooves along x (TE) or along y (TM)."""
    modal = FourierModal(orders, normals=False, **options)
    inside = torch.zeros(1, 2 * orders + 1, 2 * orders + 1, dtype=F64)
    series = torch.from_numpy(fill * np.sinc(np.arange(2 * orders + 1) * fill))
    if tm:
        inside[0, :, 0] = series
        # E_x, which comes first, is normal to the walls
        modal.normals = (torch.arange(len(modal.bases)) < (orders + 1) ** 2).diag().to(modal.curl)
    else:
        inside[0, 0] = series
    return modal, inside


# ---------------------------------------------------------------------- against closed forms


@pytest.mark.parametrize("loss", [0.0, 0.02, 0.5])
@pytest.mark.parametrize("thickness", [20.0, 300.0, 2000.0])  # the last is cut into many slabs
def test_a_homogeneous_slab_is_fresnels(thickness, loss):
    modal = FourierModal(3, loss=loss)
    frequencies = torch.linspace(0.5, 2.6, 7, dtype=F64)
    found = modal.scatter(homogeneous(modal, thickness), frequencies)
    r, t = textbook.slab(11.7 * (1 + 1j * loss), thickness, frequencies.numpy())
    assert gap(found.r, r) < 1e-12
    assert gap(found.t, t) < 1e-12
    assert gap(found.reflected, abs(r) ** 2) < 1e-12
    assert gap(found.transmitted, abs(t) ** 2) < 1e-12


@pytest.mark.parametrize("total", [100.0, 2000.0])
def test_stacked_slabs_are_one_of_the_whole_thickness(total):
    modal = FourierModal(3)
    frequencies = torch.linspace(0.5, 2.6, 7, dtype=F64)
    found = modal.scatter(homogeneous(modal, 0.3 * total, 0.7 * total), frequencies)
    r, t = textbook.slab(modal.eps, total, frequencies.numpy())
    assert gap(found.r, r) < 1e-12
    assert gap(found.t, t) < 1e-12


@pytest.mark.parametrize("first", [50.0, 900.0])
def test_fields_are_given_at_the_interfaces_alone(first):
    modal = FourierModal(3)
    frequencies = tensor(0.9, 1.7)
    found = modal.scatter(homogeneous(modal, first, 30.0), frequencies)
    assert found.fields.shape == (2, 3, len(modal.bases))
    assert gap(found.fields[:, 0, 0], found.t) < 1e-14
    assert gap(found.fields[:, 2, 0], 1 + found.r) < 1e-14
    # between the two slabs: the wave that comes through the lower one, followed upwards
    k = 2 * math.pi / textbook.LIGHT_SPEED * frequencies.numpy()
    n = np.sqrt(modal.eps)
    within = np.cos(n * k * first) - 1j / n * np.sin(n * k * first)
    assert gap(found.fields[:, 1, 0] / found.t, within) < 1e-10 * abs(within).max()
    assert found.fields[..., 1:].abs().max() < 1e-14  # nothing scatters into other orders


# ---------------------------------------------------------------------- against textbook RCWA


@pytest.mark.parametrize("tm", [False, True], ids=["TE", "TM"])
@pytest.mark.parametrize("thickness", [20.0, 300.0])
@pytest.mark.parametrize("frequency", [0.9, 1.7, 3.1])  # one, three and five orders travel
def test_a_lamellar_grating_is_the_textbooks(frequency, thickness, tm):
    modal, inside = lamellar(5, 0.4, tm=tm)
    found = modal.scatter(modal.layer(inside, tensor(thickness)), tensor(frequency))
    wanted = textbook.grating(modal.eps, 0.4, 210.0, thickness, frequency, 5, tm=tm)
    for ours, theirs in zip(found, wanted, strict=False):
        assert gap(ours[0], theirs) < 1e-11
    diffracted = 1 - abs(wanted[0]) ** 2 / wanted[2]
    assert (diffracted > 0.01) == (frequency > modal.cutoff)


@pytest.mark.parametrize("normals", [False, True])
@pytest.mark.parametrize(
    ("orders", "frequency", "loss"), [(2, 1.1, 0.0), (3, 1.6, 0.02), (2, 2.3, 0.02)]
)
def test_cylinders_are_the_textbooks(orders, frequency, loss, normals):
    heights, radii = (41.0, 33.0, 53.0, 47.0), (44.0, 50.0, 47.0, 51.5)
    modal = FourierModal(orders, loss=loss, normals=normals)
    found = modal(tensor(*heights), tensor(*radii), tensor(frequency))
    wanted = textbook.cell(
        heights, radii, modal.eps, modal.period, frequency, orders, normals=normals
    )
    for ours, theirs in zip(found, wanted, strict=False):
        assert gap(ours[0], theirs) < 1e-11


def test_four_equal_cylinders_are_a_lattice_of_half_the_period():
    large = FourierModal(4, normals=False)
    small = FourierModal(2, period=large.period / 2, normals=False)
    height, radius, frequencies = tensor(40.0), 47.0, tensor(0.9, 1.3, 1.5, 2.4)
    order = 2 * math.pi / small.period * torch.arange(5, dtype=F64)
    wave = torch.hypot(order[:, None], order).numpy()
    wave[0, 0] = 1e-9
    inside = 2 * math.pi * radius / small.period**2 / wave * special.j1(wave * radius)
    one = small.scatter(small.layer(torch.from_numpy(inside)[None], height), frequencies)
    four = large(height.expand(4), tensor(radius).expand(4), frequencies)
    for ours, theirs in zip(four[:4], one[:4], strict=True):
        assert gap(ours, theirs) < 1e-12


# ---------------------------------------------------------------------- what physics demands

BELOW_AND_ABOVE = (0.8, 1.1, 1.4, 1.43, 1.5, 2.2)  # the cutoff is at 1.4276 THz
# equal heights make layers of no thickness; cylinders of 52.5 µm touch
EDGES = (
    ([40.0, 40.0, 40.0, 40.0], [47.0, 47.0, 47.0, 47.0]),
    ([30.0, 30.0, 45.0, 45.0], [50.0, 42.0, 50.0, 42.0]),
    ([30.0, 40.0, 40.0, 55.0], [52.0, 52.0, 52.0, 52.0]),
    ([33.0, 41.0, 47.0, 53.0], [52.5, 52.5, 52.5, 52.5]),
)


def edges():
    return tuple(torch.tensor(values, dtype=F64) for values in zip(*EDGES, strict=True))


@pytest.mark.parametrize(("heights", "radii"), [cells(3, seed=1), edges()], ids=["box", "edges"])
def test_without_loss_all_power_comes_out(heights, radii):
    frequencies = tensor(*BELOW_AND_ABOVE)
    found = FourierModal(4, loss=0.0)(heights, radii, frequencies)
    assert gap(found.reflected + found.transmitted, 1.0) < 1e-10
    below = frequencies < FourierModal(4).cutoff
    other = found.reflected - found.r.abs().square()
    assert other[:, below].abs().max() < 1e-12
    # four equal cylinders repeat after half the period: nothing travels aside yet
    equal = (heights == heights[:, :1]).all(-1) & (radii == radii[:, :1]).all(-1)
    assert (other[equal].abs() < 1e-12).all()
    assert other[~equal][:, ~below].min() > 1e-4


def test_with_loss_some_power_stays():
    frequencies = tensor(*BELOW_AND_ABOVE)
    found = FourierModal(4)(*cells(3, seed=1), frequencies)
    assert (found.reflected + found.transmitted).max() < 0.995
    assert (found.reflected - found.r.abs().square()).min() > -1e-13
    assert (found.transmitted - found.t.abs().square()).min() > -1e-13


def test_the_symmetries_of_the_cell_and_no_others():
    modal, (heights, radii) = FourierModal(3), cells(3, seed=2)
    frequencies = torch.linspace(0.8, 1.5, 9, dtype=F64)
    found = modal(heights, radii, frequencies).r
    assert len(set(SYMMETRIES)) == 4
    for order in map(list, SYMMETRIES):
        assert gap(modal(heights[:, order], radii[:, order], frequencies).r, found) < 1e-12
    # exchange of x and y: that is the other polarisation
    order = [0, 2, 1, 3]
    assert gap(modal(heights[:, order], radii[:, order], frequencies).r, found) > 0.1


def test_more_orders_come_nearer_and_radial_normals_pay():
    heights, radii = cells(1)
    frequencies = tensor(0.9, 1.05, 1.2, 1.35, 1.47)
    right = FourierModal(8)(heights, radii, frequencies).r

    def error(orders, normals):
        found = FourierModal(orders, normals=normals)(heights, radii, frequencies).r
        return (found.abs().square() - right.abs().square()).square().mean().item()

    four, six = error(4, True), error(6, True)
    assert six < 0.5 * four
    assert six < 2e-4
    assert error(4, False) > 5 * four
    assert error(6, False) > 5 * six


# ---------------------------------------------------------------------- how it is computed


def test_gradients_are_the_differences_of_the_values():
    modal = FourierModal(2)
    heights, radii = cells(2, seed=3)
    frequencies = tensor(1.0, 1.6)

    def observed(heights, radii):
        found = modal(heights, radii, frequencies)
        return found.r.real, found.r.imag, found.transmitted

    inputs = heights.requires_grad_(), radii.requires_grad_()
    assert torch.autograd.gradcheck(observed, inputs, eps=1e-5, atol=1e-7, rtol=1e-5)


def test_rows_together_are_the_rows_alone():
    modal, (heights, radii) = FourierModal(3), cells(4, seed=4)
    frequencies = torch.linspace(0.8, 1.5, 9, dtype=F64)
    together = modal(heights, radii, frequencies)
    for k in range(4):
        alone = modal(heights[k], radii[k], frequencies)
        for ours, theirs in zip(together[:4], alone[:4], strict=True):
            # rounding, and a series that ends one doubling later where another row is larger
            assert gap(ours[k], theirs) < 5e-12
    shaped = modal(heights.reshape(2, 2, 4), radii.reshape(2, 2, 4), frequencies)
    assert torch.equal(shaped.r, together.r.reshape(2, 2, 9))


def test_all_frequencies_at_once_are_one_by_one(monkeypatch):
    modal, (heights, radii) = FourierModal(3), cells(2, seed=5)
    frequencies = torch.linspace(0.8, 1.5, 40, dtype=F64)
    nodes = []
    original = fourier_modal._chebyshev

    def counted(*arguments):
        nodes.append(arguments[2])
        return original(*arguments)

    monkeypatch.setattr(fourier_modal, "_chebyshev", counted)
    together = modal(heights, radii, frequencies)
    assert len(nodes) == 4  # a layer each
    assert max(nodes) < 20
    for k, frequency in enumerate(frequencies):
        alone = modal(heights, radii, frequency[None])
        for ours, theirs in zip(together[:4], alone[:4], strict=True):
            assert gap(ours[..., k], theirs[..., 0]) < 1e-11
    assert len(nodes) == 4


def test_a_frequency_may_come_twice():
    modal, (heights, radii) = FourierModal(2), cells(1)
    once = modal(heights, radii, tensor(1.1)).r
    assert gap(modal(heights, radii, tensor(*[1.1] * 40)).r, once) < 1e-14


def test_the_transform_of_a_disc_is_right_to_rounding():
    # torch.special.bessel_j1 is wrong by 5e-7 between 5 and 8
    x = torch.linspace(0, 60, 6001, dtype=F64).requires_grad_()
    values = cylinders.jinc(x)
    (slopes,) = torch.autograd.grad(values.sum(), x)
    assert (values[0], slopes[0]) == (1, 0)
    u = x.detach().numpy()[1:]
    assert gap(values[1:], 2 * special.j1(u) / u) < 1e-14
    # d/du (2 J₁/u), from J₁' = J₀ − J₁/u; its series where that would lose digits
    wanted = 2 * (special.j0(u) - 2 * special.j1(u) / u) / u
    series = -u / 4 + u**3 / 48 - u**5 / 1536 + u**7 / 92160
    assert gap(slopes[1:], np.where(u > 0.1, wanted, series)) < 1e-14


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"orders": 0}, "orders: expected at least 1, got 0"),
        ({"period": 0.0}, "expected period > 0, eps > 0 and loss >= 0, got 0.0"),
        ({"eps": -1.0}, "expected period > 0, eps > 0 and loss >= 0, got 210.0, -1.0"),
        ({"loss": -0.1}, "expected period > 0, eps > 0 and loss >= 0, got 210.0, 11.7, -0.1"),
    ],
)
def test_bad_calls_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        FourierModal(**options)
