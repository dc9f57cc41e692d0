"""Kuramoto–Sivashinsky: independent integrators, symmetries, chaos, gradients, limits."""

import math

import numpy as np
import pytest
import torch

from invlab import check_task
from invlab.runtime import generator
from invlab.tasks.kuramoto_sivashinsky import Front, KuramotoSivashinsky, Waves

DOUBLE = torch.float64
EXTENDED = {"unknown": "state", "length": 48.0, "points": 48, "step": 0.25, "modes": 7}


def problems(n, length=22.0, points=32, seed=0):
    """Parameters and first states, ``(n, 2)`` and ``(n, N)``."""
    task, rng = KuramotoSivashinsky(length, points), generator(seed)
    return task.prior.sample(n, generator=rng), task.context.sample(n, generator=rng)


def last(x, c, *, length=22.0, step=0.5, horizon=25.0):
    return Front(length, c.shape[-1], step=step, horizon=horizon, last=True)(x, c)


def relative(found, expected):
    return (found - expected).norm(dim=-1) / expected.norm(dim=-1)


@pytest.mark.parametrize("options", [{"observe": "final"}, {"unknown": "state"}, EXTENDED])
def test_the_task_keeps_its_contract(options):
    verdicts = check_task(KuramotoSivashinsky(**options))
    assert verdicts.passed, verdicts


def test_the_matrices_do_what_fourier_transforms_do():
    """ETDRK4 as it is usually written: complex amplitudes and a transform at each stage."""
    x, c = problems(6)
    h, points, length = 0.5, 32, 22.0
    k = 2 * math.pi / length * torch.arange(points // 2 + 1, dtype=DOUBLE)
    rate, kept = k**2 - k**4, (torch.arange(points // 2 + 1) <= 10).double()
    z = h * rate[:, None] + torch.exp(2j * math.pi * (torch.arange(64, dtype=DOUBLE) + 0.5) / 64)
    e = z.exp()
    q = h * (((z / 2).exp() - 1) / z).mean(1)
    f1 = h * ((-4 - z + e * (4 - 3 * z + z**2)) / z**3).mean(1)
    f2 = h * ((2 + z + e * (z - 2)) / z**3).mean(1)
    f3 = h * ((-4 - 3 * z - z**2 + e * (4 - z)) / z**3).mean(1)
    force = torch.fft.rfft(torch.cos(4 * math.pi / points * torch.arange(points, dtype=DOUBLE)))

    def rest(u):
        square = torch.fft.rfft(torch.fft.irfft(u, n=points).square())
        return kept * (x[:, :1] * force - 0.5j * k * x[:, 1:] * square)

    u, whole, half = kept * torch.fft.rfft(c), (h * rate).exp(), (h * rate / 2).exp()
    for _ in range(50):
        n = rest(u)
        a = half * u + q * n
        na = rest(a)
        nb = rest(half * u + q * na)
        nc = rest(half * a + q * (2 * nb - n))
        u = whole * u + f1 * n + 2 * f2 * (na + nb) + f3 * nc
    expected = torch.fft.irfft(u, n=points)
    torch.testing.assert_close(last(x, c), expected, rtol=0, atol=1e-11)


def test_scipys_stiff_integrator_finds_the_same_trajectory():
    from scipy.integrate import solve_ivp

    (alpha, beta), u0 = (0.7, 1.2), problems(1)[1][0].numpy()
    points, k = 32, 2 * np.pi / 22 * np.arange(17)
    force = np.cos(4 * np.pi * np.arange(points) / points)

    def slope(t, u):
        waves, square = np.fft.rfft(u), np.fft.rfft(u * u)
        change = (k**2 - k**4) * waves - 0.5j * k * beta * square
        change[11:] = 0
        return alpha * force + np.fft.irfft(change, n=points)

    found = solve_ivp(slope, (0, 6), u0, "Radau", t_eval=[3, 6], rtol=1e-9, atol=1e-10)
    front = Front(step=1 / 64, horizon=6.0, every=3.0)
    ours = front(torch.tensor([[alpha, beta]], dtype=DOUBLE), torch.tensor(u0)[None])[0]
    torch.testing.assert_close(ours, torch.tensor(found.y.T), rtol=0, atol=1e-6)


def test_the_error_is_of_fourth_order_in_the_step():
    x, c = problems(8, points=24)
    exact = last(x, c, step=4 / 2048, horizon=4.0)
    errors = [
        relative(last(x, c, step=4 / n, horizon=4.0), exact).mean().item() for n in (128, 256, 512)
    ]
    orders = [math.log2(a / b) for a, b in zip(errors, errors[1:], strict=False)]
    assert errors[0] < 1e-6
    assert orders == pytest.approx([4, 4], abs=0.2)


def test_the_default_step_and_points_are_as_good_as_documented():
    x, c = problems(60)
    fine = Waves(64, 4)
    amplitudes = torch.linalg.lstsq(Waves(32, 4).basis.T, c.T).solution.T
    exact = last(x, amplitudes @ fine.basis, step=1 / 64)[:, ::2]
    assert relative(last(x, c), exact).median() < 1e-2
    assert relative(last(x, c, step=0.25), exact).median() < 5e-3


def test_without_advection_each_wave_grows_or_decays_alone():
    """β tends to 0: u_k(t) = exp(λt)·u_k + α·(exp(λt) − 1)/λ·g_k with λ = k² − k⁴."""
    x, c = torch.tensor([[0.8, 1e-9]], dtype=DOUBLE), problems(1)[1]
    k = 2 * math.pi / 22 * torch.arange(17, dtype=DOUBLE)
    grown = 5 * (k**2 - k**4)
    seen = torch.fft.rfft(last(x, c, horizon=5.0))
    force = torch.zeros(17, dtype=DOUBLE)
    force[2] = 16  # the transform of a cosine on 32 places
    expected = torch.fft.rfft(c) * grown.exp() + 0.8 * force * (
        torch.expm1(grown) / torch.where(grown == 0, 1.0, grown / 5)
    )
    torch.testing.assert_close(seen, expected, rtol=0, atol=1e-5)


def test_the_mean_stays_and_moves_the_front_along():
    """With the mean U the front is the one without it, U higher and βUt further to the right."""
    x, c = problems(5)
    x = torch.stack([torch.zeros(5), torch.tensor([0.5, 0.8, 1.0, 1.25, 1.5])], 1).to(DOUBLE)
    places = 3  # to the right within the horizon
    mean = places * 22 / 32 / (10 * x[:, 1:])
    still, moved = (last(x, c + u, step=1 / 16, horizon=10.0) for u in (0 * mean, mean))
    torch.testing.assert_close(moved.mean(1, keepdim=True), mean, rtol=0, atol=1e-12)
    assert still.mean(1).abs().max() < 1e-12
    torch.testing.assert_close(moved, still.roll(places, 1) + mean, rtol=0, atol=1e-4)


def test_the_mirror_image_of_a_front_is_a_front():
    x, c = problems(5)
    x[:, 0] = 0
    mirrored = last(x, -c.flip(1).roll(1, 1))
    torch.testing.assert_close(mirrored, -last(x, c).flip(1).roll(1, 1), rtol=0, atol=1e-9)


def test_advection_only_sets_the_size_where_there_is_no_force():
    x, c = problems(5)
    one = torch.tensor([[0.0, 1.0]], dtype=DOUBLE).expand(5, 2)
    x[:, 0] = 0
    beta = x[:, 1:]
    torch.testing.assert_close(beta * last(x, c), last(one, beta * c), rtol=0, atol=1e-11)


def test_float32_is_float64_to_five_digits_at_the_horizon():
    x, c = problems(200)
    gap = relative(last(x.float(), c.float()).double(), last(x, c))
    assert gap.median() < 5e-6
    assert gap.max() < 1e-4


def on_the_attractor(rows, seed=0):
    """Parameters (0, 1), and states after 100 units of time."""
    x = torch.tensor([[0.0, 1.0]], dtype=DOUBLE).expand(rows, 2)
    return x, last(x, Waves(32, 4).sample(rows, generator=generator(seed)), horizon=100.0)


def test_the_largest_lyapunov_exponent():
    """By the growth of a small difference, renewed each 5 (Benettin et al., Meccanica 15, 9, 1980).

    At L = 22 it is 0.048 in Cvitanović, Davidchack and Siminos (SIAM J. Appl. Dyn. Syst. 9, 1,
    2010) and 0.043 in Edson et al. (ANZIAM J. 61, 270, 2019).
    """
    x, u = on_the_attractor(32)
    front = Front(horizon=5.0, last=True)
    apart = torch.randn(u.shape, generator=generator(1), dtype=DOUBLE)
    apart = 1e-7 * (apart - apart.mean(1, keepdim=True)) / apart.norm(dim=1, keepdim=True)
    growth = []
    for _ in range(210):
        near, u = front(x, u + apart), front(x, u)
        size = (near - u).norm(dim=1, keepdim=True)
        growth.append((size / 1e-7).log())
        apart = 1e-7 * (near - u) / size
    exponent = torch.stack(growth[10:]).mean().item() / 5
    assert exponent == pytest.approx(0.0465, abs=0.006)


def slope_of_last_state(x, c, horizon, direction):
    x = x.clone().requires_grad_()
    seen = (last(x, c, horizon=horizon) @ direction).sum()
    return torch.autograd.grad(seen, x)[0].norm(dim=1)


def test_gradients_grow_with_the_horizon_as_differences_do():
    x, u = on_the_attractor(48)
    direction = torch.randn(32, generator=generator(2), dtype=DOUBLE)
    early, late = (slope_of_last_state(x, u, t, direction).log() for t in (50.0, 150.0))
    assert late.isfinite().all()
    assert (late - early).mean().item() / 100 == pytest.approx(0.048, abs=0.015)


@pytest.mark.parametrize("options", [{}, {"unknown": "state"}])
def test_the_gradient_is_right(options):
    task = KuramotoSivashinsky(horizon=4.0, every=2.0, **options)
    pairs = task.sample(2, dtype=DOUBLE)
    x, c = pairs.x.cpu().requires_grad_(), pairs.c.cpu()
    assert torch.autograd.gradcheck(lambda x: task.simulate(x, c), x)


def test_the_gradient_of_the_misfit_over_the_whole_horizon():
    task = KuramotoSivashinsky()
    targets = task.targets(6, seed=0, dtype=DOUBLE)
    x = task.prior.sample(6, generator=generator(4)).to(targets.y).requires_grad_()

    def misfit(x):
        return (task.simulate(x, targets.c) - targets.y).square().mean((1, 2))

    (slope,) = torch.autograd.grad(misfit(x).sum(), x)
    for k in range(2):
        step = torch.zeros_like(x)
        step[:, k] = 1e-6
        with torch.no_grad():
            quotient = (misfit(x + step) - misfit(x - step)) / 2e-6
        torch.testing.assert_close(slope[:, k], quotient, rtol=1e-5, atol=1e-6)


def test_corners_of_the_box_stay_finite_to_the_last_horizon_allowed():
    corners = torch.tensor([[a, b] for a in (-1.0, 1.0) for b in (0.5, 1.5)], dtype=DOUBLE)
    for length, points, step in ((22.0, 32, 0.5), (32.0, 32, 0.5), (64.0, 64, 0.25)):
        task = KuramotoSivashinsky(length, points, step=step, horizon=200.0)
        c = task.context.sample(40, generator=generator(5))
        y = task.simulate(corners.repeat_interleave(10, 0), c)
        assert y.isfinite().all()
        assert y.abs().max() < 20


def test_what_blows_up_is_flagged():
    task = KuramotoSivashinsky()
    y = task.simulate(torch.tensor([[1e9, 1.0], [0.0, 0.0], [0.5, 1.0]]), problems(3)[1].float())
    assert task.valid(y.flatten(1)).tolist() == [False, False, True]


def test_the_law_of_the_first_states():
    waves = Waves(32, 4)
    u = waves.sample(20_000, generator=generator(6))
    assert u.std(0).numpy() == pytest.approx(np.ones(32), rel=0.03)
    assert u.mean(1).abs().max() < 1e-12
    power = torch.fft.rfft(u).abs().square().mean(0)
    assert power[1:5].numpy() == pytest.approx([32**2 / 8] * 4, rel=0.05)
    assert power[5:].max() < 1e-20
    assert waves.bounds.high.tolist() == pytest.approx([1.96] * 32, abs=1e-3)
    assert repr(waves) == "Waves(32, 4)"


def test_final_is_the_last_of_the_trajectory_and_the_drawing_holds_both(device):
    task, final = KuramotoSivashinsky(), KuramotoSivashinsky(observe="final")
    pairs = task.sample(4)
    assert pairs.y.shape == (4, 25, 32)
    assert pairs.y.device.type == device.type
    assert torch.equal(final.simulate(pairs.x, pairs.c), pairs.y[:, -1])
    drawing = task.trajectory(pairs.x, pairs.c)
    assert drawing.shape == (4, 51, 32)
    assert torch.equal(drawing[:, 0], pairs.c)
    assert torch.equal(drawing[:, 2::2], pairs.y)
    assert torch.equal(final.trajectory(pairs.x, pairs.c), drawing)
    assert task.places.tolist() == pytest.approx([22 / 32 * i for i in range(32)])


def test_both_forms_tell_one_story():
    forward, backward = KuramotoSivashinsky(), KuramotoSivashinsky(unknown="state")
    pairs = backward.sample(3, dtype=DOUBLE)
    first = backward.trajectory(pairs.x, pairs.c)[:, 0]
    assert torch.equal(forward.simulate(pairs.c, first), pairs.y)
    assert backward.labels[:2] == ["cos 1", "cos 2"]
    assert backward.labels[-1] == "sin 4"
    torch.testing.assert_close(
        torch.fft.rfft(first)[:, 1:5], 16 * torch.complex(pairs.x[:, :4], -pairs.x[:, 4:])
    )


def test_pictures():
    for task, shape in (
        (KuramotoSivashinsky(), (5, 26, 32)),
        (KuramotoSivashinsky(observe="final"), (5, 2, 32)),
        (KuramotoSivashinsky(unknown="state"), (5, 3, 25, 32)),
    ):
        pairs = task.sample(5)
        picture = task.picture(pairs.y, pairs.c)
        assert picture.shape == shape
        if task.unknown == "parameters":
            assert torch.equal(picture[:, 0], pairs.c)
            assert torch.equal(picture[:, 1:].flatten(1), pairs.y.flatten(1))
        else:
            assert torch.equal(picture[:, 0], pairs.y)
            assert (picture[:, 1:] == pairs.c[:, :, None, None]).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"length": 9.0}, "length from 10 to 64, got 9.0"),
        ({"length": 65.0, "points": 128}, "length from 10 to 64, got 65.0"),
        ({"length": 40.5, "step": 0.25}, "at least 41 points on a length of 40.5, got 32"),
        ({"modes": 11}, "modes below 10.7, a third of the points, got 11"),
        ({"step": 1.0}, "step above 0 and at most 0.5 .* got 1.0; larger ones blow up"),
        ({"step": math.nan}, "step above 0"),
        ({"length": 48.0, "points": 48}, "step above 0 and at most 0.25"),
        ({"horizon": 201.0}, "horizon above 0 and at most 200, got 201.0"),
        ({"every": 0.7}, "every a multiple of step, got 0.7 and 0.5"),
        ({"horizon": 2.5}, "horizon a multiple of every, got 2.5 and 1.0"),
        ({"every": 0.0}, "every a multiple of step"),
        ({"observe": "all"}, "observe 'trajectory' or 'final', got 'all'"),
        ({"unknown": "start"}, "unknown 'parameters' or 'state', got 'start'"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(ValueError, match=f"^kuramoto_sivashinsky: expected {message}"):
        KuramotoSivashinsky(**options)


def test_bad_calls_are_refused():
    task, x, c = KuramotoSivashinsky(), torch.ones(3, 2), torch.zeros(3, 32)
    with pytest.raises(TypeError, match="^kuramoto_sivashinsky: points: expected an int"):
        KuramotoSivashinsky(points=32.0)
    with pytest.raises(ValueError, match="^kuramoto_sivashinsky: this task needs a context c"):
        task.simulate(x)
    with pytest.raises(ValueError, match="^kuramoto_sivashinsky: the front needs its first states"):
        task.simulator(x)
    with pytest.raises(ValueError, match="^kuramoto_sivashinsky: the front needs its parameters"):
        KuramotoSivashinsky(unknown="state").simulator(c[:, :8])
    with pytest.raises(ValueError, match=r"^kuramoto_sivashinsky: x: expected shape \(..., 2\)"):
        task.trajectory(c, c)
    with pytest.raises(ValueError, match=r"^kuramoto_sivashinsky: c: expected shape \(..., 32\)"):
        task.trajectory(x, x)
    with pytest.raises(ValueError, match=r"^kuramoto_sivashinsky: y: expected shape \(B, 25, 32\)"):
        task.picture(c, c)
