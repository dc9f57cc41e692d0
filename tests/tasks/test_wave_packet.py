"""The wave packet: closed forms of its energy and landscape, the noise, and the bounded window."""

import math

import pytest
import torch

from invlab import check_task
from invlab.runtime import generator
from invlab.tasks.wave_packet import WavePacket

DOUBLE = torch.float64


def column(values):
    return torch.as_tensor(values, dtype=DOUBLE)[:, None]


def energy(sigma):
    """∫ sin² z · exp(−2z²/σ²) dz over the line."""
    return sigma * math.sqrt(math.pi / 2) / 2 * (1 - math.exp(-(sigma**2) / 2))


def autocorrelation(delta, sigma):
    """∫ F(z) F(z − Δ) dz: with z = s + Δ/2, two Gaussians in s and ½(cos Δ − cos 2s)."""
    wave = math.cos(delta) - math.exp(-(sigma**2) / 2)
    return sigma * math.sqrt(math.pi / 2) / 2 * math.exp(-(delta**2) / (2 * sigma**2)) * wave


@pytest.mark.parametrize(
    "options", [{}, {"samples": 40, "noise": 0.0}, {"sigma": 3.0, "reach": 127.0}]
)
def test_the_task_keeps_its_contract(options):
    verdicts = check_task(WavePacket(**options))
    assert verdicts.passed, verdicts


def test_the_signal_by_hand():
    task = WavePacket(samples=100, sigma=7.0, amplitude=1.5, spread=10.0, reach=40.0)
    u = task.simulate(column([41.3, 60.0]))
    assert u.shape == (2, 100)
    for row, t0 in enumerate([41.3, 60.0]):
        for t in (1, 40, 44, 60, 100):
            by_hand = 1.5 * math.sin(t - t0) * math.exp(-((t - t0) ** 2) / 49)
            assert u[row, t - 1].item() == pytest.approx(by_hand, rel=1e-12, abs=1e-300)


@pytest.mark.parametrize("sigma", [1.5, 6.0, 20.0])
def test_the_energy_of_a_packet_that_fits_into_the_window(sigma):
    u = WavePacket(sigma=sigma, amplitude=2.0).simulate(column([117.0, 128.0, 131.6]))
    # sums at a spacing of 1 equal integrals up to exp(−σ²(2π − 2)²/8): 6e-3 of it for σ = 1.5
    close = {"rel": 1e-2} if sigma < 2 else {"rel": 1e-10}
    assert u.square().sum(-1).tolist() == pytest.approx([4 * energy(sigma)] * 3, **close)


def test_the_landscape_without_noise_is_that_of_the_autocorrelation():
    task = WavePacket(sigma=16.0)
    truth = 128.3
    deltas = torch.linspace(-30, 30, 241, dtype=DOUBLE)
    y = task.simulate(column([truth]))
    loss = (task.simulate(column(truth + deltas)) - y).square().sum(-1)
    closed = [2 * energy(16.0) - 2 * autocorrelation(d, 16.0) for d in deltas.tolist()]
    assert loss.tolist() == pytest.approx(closed, rel=1e-9, abs=1e-9)


def test_minima_lie_two_pi_apart_and_the_deepest_is_the_truth():
    task = WavePacket(noise=0.0)
    fine = torch.arange(78, 178, 0.01, dtype=DOUBLE)
    loss = (task.simulate(column(fine)) - task.simulate(column([128.0]))).square().sum(-1)
    low = (loss[1:-1] < loss[:-2]) & (loss[1:-1] < loss[2:])
    minima = fine[1:-1][low]
    assert len(minima) == 15  # 2·⌊50/2π⌋ + 1
    # cos Δ · exp(−Δ²/2σ²) is flat where tan Δ = −Δ/σ²: they lie 1 − 1/σ² as far
    whole = (2 * math.pi * torch.arange(-7, 8, dtype=DOUBLE)) * (1 - 1 / 60**2)
    assert (minima - 128 - whole).abs().max() < 0.05
    assert loss[1:-1][low].argmin() == 7


def test_the_gradient_is_the_analytic_one():
    task = WavePacket(amplitude=1.3)
    x = column([-20.0, 53.0, 101.7, 128.0, 300.0])
    (jacobian,) = torch.autograd.functional.jacobian(
        lambda t: task.simulate(t).sum(0), x, create_graph=False
    ).split(len(x), 1)
    z = task.times.cpu() - x
    slope = -1.3 * (-((z / 60) ** 2)).exp() * (z.cos() - 2 * z * z.sin() / 60**2)
    torch.testing.assert_close(jacobian[..., 0].T, slope, rtol=1e-12, atol=1e-13)


def test_the_gradient_of_the_loss_at_a_noisy_target():
    task = WavePacket()
    targets = task.targets(6, seed=0, dtype=DOUBLE)
    x = (targets.x + 9.0).requires_grad_()

    def loss(x):
        return (task.simulate(x) - targets.y).square().sum()

    (slope,) = torch.autograd.grad(loss(x), x)
    assert torch.autograd.gradcheck(loss, x)
    assert slope.isfinite().all()


def test_the_noise_is_drawn_for_each_row_and_sample_and_only_in_what_is_observed():
    task = WavePacket(noise=0.1)
    pairs = task.sample(2000, dtype=DOUBLE)
    noise = pairs.y - task.simulate(pairs.x)
    assert noise.std().item() == pytest.approx(0.1, rel=0.01)
    assert noise.mean().item() == pytest.approx(0, abs=1e-3)
    # neighbouring rows and neighbouring samples: correlations within 5/√N of 0
    for a, b in ((noise[1:], noise[:-1]), (noise[:, 1:], noise[:, :-1])):
        assert abs((a * b).mean().item()) / 0.01 < 5 / math.sqrt(noise.numel())
    loss = noise.square().sum(1)
    assert loss.mean().item() == pytest.approx(2.56, rel=0.02)
    assert torch.equal(task.simulate(pairs.x), task.simulate(pairs.x))


def test_the_same_seed_gives_the_same_places_and_a_multiple_of_the_same_noise():
    weak, strong, silent = (
        WavePacket(noise=s).targets(5, seed=3, dtype=DOUBLE) for s in (0.1, 0.3, 0.0)
    )
    assert torch.equal(weak.x, strong.x)
    assert torch.equal(silent.y, WavePacket().simulate(silent.x))
    torch.testing.assert_close(strong.y - silent.y, 3 * (weak.y - silent.y))
    assert torch.equal(WavePacket().targets(5, seed=3).y, WavePacket().targets(5, seed=3).y)
    assert not torch.equal(WavePacket().targets(5, seed=3).y, WavePacket().sample(5).y)
    task, x = WavePacket(), torch.full((2, 3, 1), 120.0)
    assert task.observe(x).shape == (2, 3, 256)
    assert torch.equal(
        task.observe(x, generator=generator(1)), task.observe(x, generator=generator(1))
    )
    assert not torch.equal(task.observe(x, generator=generator(1)), task.observe(x))
    assert not torch.equal(task.observe(x)[0, 0], task.observe(x)[0, 1])


def test_the_prior_and_the_box_lie_around_the_middle_and_inside_the_window():
    task = WavePacket()
    assert task.prior.bounds.low.tolist() == [78]
    assert task.prior.bounds.high.tolist() == [178]
    assert task.box.center.tolist() == [128]
    assert task.box.width.tolist() == [150]
    x = column(torch.linspace(53, 203, 301))
    heard = task.simulate(x).square().sum(-1) / energy(60.0)
    assert heard.min() > 0.95


def test_leaving_the_window_would_be_cheaper_than_the_wrong_place():
    """Why the box is part of the problem: silence costs the energy of y, a wrong packet more."""
    task = WavePacket()
    targets = task.targets(200, seed=0, dtype=DOUBLE)

    def loss(x):
        return (task.simulate(x) - targets.y).square().sum(-1)

    silence = loss(torch.full_like(targets.x, 5000.0))
    assert torch.allclose(silence, targets.y.square().sum(-1))
    assert silence.mean().item() == pytest.approx(energy(60.0) + 2.56, rel=0.02)
    wrong = torch.where(targets.x > 128, 53.0, 203.0)
    assert (loss(wrong) > silence).double().mean() > 0.95
    assert (loss(targets.x) < silence / 5).all()


def test_a_shorter_window_scales_everything():
    task = WavePacket(samples=64, noise=0.2)
    assert task.times.tolist() == list(range(1, 65))
    assert task.box.low.tolist() == [13.25]
    assert task.box.high.tolist() == [50.75]
    assert task.prior.bounds.width.tolist() == [25]
    assert task.simulator.sigma == 15
    assert task.sample(3).y.shape == (3, 64)


def test_the_signal_at_other_times(device):
    task = WavePacket()
    pairs = task.sample(4)
    assert pairs.y.device.type == device.type
    assert torch.equal(task.signal(pairs.x), task.simulate(pairs.x))
    fine = torch.linspace(1, 256, 1021, dtype=DOUBLE, device=device)
    drawn = task.signal(pairs.x, fine)
    assert drawn.shape == (4, 1021)
    assert drawn.dtype == torch.float32
    torch.testing.assert_close(drawn[:, ::4], task.simulate(pairs.x), rtol=0, atol=1e-4)


def test_float32_is_float64_rounded():
    task = WavePacket()
    x = task.sample(500).x
    assert (task.simulate(x) - task.simulate(x.double())).abs().max() < 3e-5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"samples": 7}, "at least 8 samples, got 7"),
        ({"noise": -0.1}, "noise of 0 or above"),
        ({"noise": math.nan}, "noise of 0 or above"),
        ({"sigma": 0.0}, "sigma above 0"),
        ({"amplitude": math.inf}, "amplitude above 0"),
        ({"spread": 80.0}, "0 < spread <= reach < 128, .* spread=80.0 and reach=75.0"),
        ({"reach": 128.0}, "0 < spread <= reach < 128"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(ValueError, match=f"^wave_packet: expected {message}"):
        WavePacket(**options)


def test_bad_calls_are_refused():
    task = WavePacket()
    with pytest.raises(TypeError, match="^wave_packet: samples: expected an int"):
        WavePacket(samples=64.0)
    with pytest.raises(ValueError, match=r"^wave_packet: x: expected shape \(..., 1\)"):
        task.signal(torch.zeros(3, 2))
    with pytest.raises(ValueError, match=r"^wave_packet: t: expected shape \(K,\)"):
        task.signal(torch.zeros(3, 1), torch.zeros(3, 1))
    with pytest.raises(ValueError, match="^wave_packet: x: expected finite"):
        task.observe(torch.tensor([[math.nan]]))
    with pytest.raises(ValueError, match="takes no context"):
        task.simulate(torch.zeros(1, 1), torch.zeros(1, 1))
