"""The steps of ETDRK4: coefficients, the exact linear part, the 2/3 rule, and order four."""

import math

import pytest
import torch

from invlab.simulators import etdrk4

DOUBLE = torch.float64


def waves(points):
    return torch.arange(points // 2 + 1, dtype=DOUBLE)


def test_the_coefficients_are_the_textbook_quotients_where_these_do_not_cancel():
    z = torch.tensor([-60.0, -12.0, -3.0, 2.5, 6.0], dtype=DOUBLE)
    e = z.exp()
    quotients = [
        ((z / 2).exp() - 1) / z,
        (-4 - z + e * (4 - 3 * z + z * z)) / z**3,
        2 * (2 + z + e * (z - 2)) / z**3,
        (-4 - 3 * z - z * z + e * (4 - z)) / z**3,
    ]
    for found, expected in zip(etdrk4._coefficients(z), quotients, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=0)


def test_the_coefficients_at_a_rate_of_zero_are_those_of_runge_and_kutta():
    found = [f.item() for f in etdrk4._coefficients(torch.zeros(1, dtype=DOUBLE))]
    assert found == pytest.approx([1 / 2, 1 / 6, 1 / 3, 1 / 6], abs=1e-15)


@pytest.mark.parametrize("points", [8, 9, 10, 32])
def test_the_filter_multiplies_each_wave_below_a_third_and_drops_the_others(points):
    places = 2 * math.pi / points * torch.arange(points, dtype=DOUBLE)
    matrix = etdrk4.filtered(torch.exp(-1j * 0.7 * waves(points)), points)  # a shift by 0.7
    for k in range(points // 2 + 1):
        seen = torch.cos(k * places + 0.3)[None] @ matrix
        expected = torch.cos(k * (places - 0.7) + 0.3) if 3 * k < points else torch.zeros(points)
        torch.testing.assert_close(seen[0], expected.to(DOUBLE), rtol=0, atol=1e-13)


def test_squares_of_kept_waves_have_no_aliases():
    """On four times the points the same product of waves has the same low part."""
    points = 16
    kept = etdrk4.filtered(torch.ones(9, dtype=torch.complex128), points)
    v = torch.randn(5, points, dtype=DOUBLE) @ kept
    fine = torch.fft.irfft(4 * torch.fft.rfft(v), n=4 * points)
    low = torch.fft.rfft(fine.square())[:, :6] / 4
    torch.testing.assert_close(torch.fft.rfft((v * v) @ kept)[:, :6], low)


def burgers(points, step):
    """v_t = ¼v_xx − ½(v²)_x + g on a period of 2π, as one step's matrices."""
    k = waves(points)
    return etdrk4.matrices(step, -0.25 * k.square(), -0.5j * k, points)


def advance(m, v, g, steps):
    for _ in range(steps):
        v = etdrk4.step(v, m.halfway, m.push, m.whole, g @ m.halfway_source, g @ m.source)
    return v


def test_without_squares_a_step_is_exact():
    """exp(Lt)v + (exp(Lt) − 1)/L g for each wave, in one step of any length."""
    points, k = 16, torch.arange(6, dtype=DOUBLE)
    rate = 0.3 - 0.2 * waves(points).square()
    m = etdrk4.matrices(2.0, rate, torch.zeros(9, dtype=torch.complex128), points)
    v, g = torch.randn(2, 3, points, dtype=DOUBLE)
    rate = 0.3 - 0.2 * k.square()
    expected = torch.fft.rfft(v)[:, :6] * (2 * rate).exp()
    expected = expected + torch.fft.rfft(g)[:, :6] * torch.expm1(2 * rate) / rate
    found = torch.fft.rfft(advance(m, v, g, 1))
    torch.testing.assert_close(found[:, :6], expected)
    assert found[:, 6:].abs().max() < 1e-14


def test_the_error_is_of_fourth_order():
    points = 16
    places = 2 * math.pi / points * torch.arange(points, dtype=DOUBLE)
    v, g = (torch.sin(places) + 0.5 * torch.cos(2 * places))[None], torch.cos(places)[None]
    exact = advance(burgers(points, 1 / 640), v, g, 640)
    errors = [
        (advance(burgers(points, 1 / n), v, g, n) - exact).norm().item() for n in (10, 20, 40)
    ]
    orders = [math.log2(a / b) for a, b in zip(errors, errors[1:], strict=False)]
    assert errors[0] < 1e-3
    assert orders == pytest.approx([4, 4], abs=0.25)
