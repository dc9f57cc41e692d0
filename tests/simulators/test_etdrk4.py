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


@pytest.fixture
def ran():
    """A run of four steps of :func:`burgers`, two of them kept, and what it starts from."""
    m = burgers(8, 0.3)
    rows = torch.randn(3, 3, 8, dtype=DOUBLE, generator=torch.Generator().manual_seed(0))

    def run(v, halfway_g, g):
        return etdrk4.run(v, m.halfway, m.push, m.whole, halfway_g, g, 4, 2)

    def plain(v, halfway_g, g):
        kept = []
        for _ in range(2):
            for _ in range(2):
                v = etdrk4.step(v, m.halfway, m.push, m.whole, halfway_g, g)
            kept.append(v)
        return torch.stack(kept, 1)

    return run, plain, rows


def test_a_run_is_its_steps(ran):
    run, plain, rows = ran
    before = rows.clone()
    for wanted in (False, True):
        found = run(*rows.clone().requires_grad_(wanted))
        torch.testing.assert_close(found.detach(), plain(*rows), rtol=1e-13, atol=1e-13)
    assert torch.equal(rows, before)


@pytest.mark.parametrize("wanted", [(1, 1, 1), (1, 0, 0), (0, 1, 0), (0, 0, 1)])
def test_the_adjoint_of_a_run_and_its_second_derivative_are_right(ran, wanted):
    run, _, rows = ran
    leaves = [row.clone().requires_grad_(bool(w)) for row, w in zip(rows, wanted, strict=True)]
    assert torch.autograd.gradcheck(run, leaves, check_batched_grad=True, check_forward_ad=True)
    assert torch.autograd.gradgradcheck(run, leaves)


def test_the_adjoint_of_a_run_can_be_asked_twice(ran):
    run, _, rows = ran
    leaf = rows.clone().requires_grad_()
    states = run(*leaf).square().sum()
    slopes = [torch.autograd.grad(states, leaf, retain_graph=True)[0] for _ in range(2)]
    assert torch.equal(*slopes)


@pytest.mark.parametrize(
    "ask",
    [
        torch.func.grad,
        torch.func.jacfwd,
        torch.func.hessian,
        lambda f: torch.func.jacrev(torch.func.jacfwd(f)),
        lambda f: lambda v: torch.func.vmap(f)(torch.stack([v, 2 * v])),
    ],
)
def test_torchs_transforms_of_a_run_are_those_of_its_steps(ran, ask):
    *_, rows = ran
    found, expected = (ask(lambda v, f=f: f(v, rows[1], rows[2]).square().sum()) for f in ran[:2])
    torch.testing.assert_close(found(rows[0]), expected(rows[0]))
