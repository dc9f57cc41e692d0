"""Several wave packets: their sum by hand, one packet as its own task, the noise, the slots."""

import math

import pytest
import torch

from invlab import check_task
from invlab.tasks.wave_packet import WavePacket
from invlab.tasks.wave_packets import WavePackets

DOUBLE = torch.float64


@pytest.mark.parametrize("packets", [1, 3, 12])
def test_the_task_keeps_its_contract(packets):
    verdicts = check_task(WavePackets(packets))
    assert verdicts.passed, verdicts


def test_the_signal_by_hand():
    packets = [(20.3, 0.7, 8.0, 0.4), (101.0, 1.2, 6.5, -1.9)]
    x = torch.tensor([[number for packet in packets for number in packet]], dtype=DOUBLE)
    u = WavePackets(2).simulate(x)
    assert u.shape == (1, 128)
    for t in (1, 19, 64, 100, 128):
        by_hand = sum(
            a * math.sin(t - t0 + phase) * math.exp(-(((t - t0) / width) ** 2))
            for t0, a, width, phase in packets
        )
        assert u[0, t - 1].item() == pytest.approx(by_hand, rel=1e-12, abs=1e-300)


def test_one_packet_without_phase_is_the_wave_packet():
    x = torch.tensor([[25.0, 1.0, 9.0, 0.0], [40.2, 1.0, 9.0, 0.0]], dtype=DOUBLE)
    single = WavePacket(64, sigma=9.0)
    torch.testing.assert_close(WavePackets(1).simulate(x), single.simulate(x[:, :1]))


def test_packets_in_their_slots_hardly_overlap():
    task = WavePackets(4)
    x = task.prior.sample(50, generator=torch.Generator().manual_seed(0))
    each = x.unflatten(1, (4, 4))
    lone = each[:, :, 1:2] * torch.eye(4, dtype=DOUBLE)
    energy = 0.0
    for k in range(4):
        only = each.clone()
        only[:, :, 1] = lone[:, k]
        energy = energy + task.simulate(only.flatten(1)).square().sum(1)
    both = task.simulate(x).square().sum(1)
    assert ((both - energy).abs() < 0.2 * energy).all()
    assert torch.equal(task.positions(x), each[:, :, 0])
    assert ((each[:, :, 0] / 64).floor() == torch.arange(4)).all()


def test_samples_hold_the_noise_and_the_simulator_does_not():
    task = WavePackets(3, noise=0.2)
    pairs = task.sample(400, dtype=DOUBLE)
    error = pairs.y - task.simulate(pairs.x)
    assert error.std().item() == pytest.approx(0.2, rel=0.02)
    again = task.sample(400, dtype=DOUBLE)
    assert torch.equal(pairs.y, again.y)
    assert torch.equal(WavePackets(3, noise=0.0).sample(400, dtype=DOUBLE).x, pairs.x)


@pytest.mark.parametrize(
    ("options", "text"), [({"packets": 0}, "packets"), ({"noise": -1}, "noise")]
)
def test_impossible_tasks_are_refused(options, text):
    with pytest.raises(ValueError, match=text):
        WavePackets(**options)
