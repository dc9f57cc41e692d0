"""Several wave packets in one signal: many unknowns, each packet with local minima of its own."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from invlab import runtime
from invlab.priors import Box
from invlab.task import Pairs, Simulator, Task
from invlab.tasks.wave_packet import with_noise
from invlab.validation import require_count, require_number

__all__ = ["Packets", "WavePackets"]

SLOT = 64  # samples of the signal for each packet
# Lowest and highest of prior and box: position in the slot, amplitude, width and phase.
DRAWN = ((12.0, 52.0), (0.5, 1.5), (6.0, 12.0), (-math.pi, math.pi))
ALLOWED = ((2.0, 62.0), (0.2, 2.0), (3.0, 18.0), (-2 * math.pi, 2 * math.pi))
NAMES = ("position", "amplitude", "width", "phase")
UNITS = ("samples", "", "samples", "rad")


class Packets(Simulator):
    """The signal without noise, ``Σ_k A_k·sin(t − t_k + φ_k)·exp(−(t − t_k)²/σ_k²)``.

    Args:
        packets: how many.
        samples: N; t = 1, ..., N.
    """

    times: Tensor

    def __init__(self, packets: int, samples: int) -> None:
        super().__init__()
        self.packets = packets
        self.register_buffer(
            "times", torch.arange(1, samples + 1, dtype=torch.float64, device="cpu")
        )

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """``(..., 4m) -> (..., N)``; t_k, A_k, σ_k and φ_k of one packet after the other."""
        position, amplitude, width, phase = x.unflatten(-1, (self.packets, 4))[..., None].unbind(-2)
        z = self.times.to(x) - position
        each = amplitude * (z + phase).sin() * (-(z / width).square()).exp()
        return each.sum(-2)


class WavePackets(Task):
    """``m`` wave packets in one noisy signal, each with position, amplitude, width and phase.

    An extension of the wave packet of Holl and Thuerey to 4m unknowns, ours: it asks what restarts
    are worth where every packet has to be right at once. The signal has 64 samples a packet,
    and packet k lies in the k-th 64 of them, so that the answer is unique and that a packet is as
    hard to find whatever their number. Positions are drawn within 20 samples of the middle of
    the slot, amplitudes in [0.5, 1.5], widths in [6, 12] samples, phases in [−π, π]; the box is
    wider. As in ``wave_packet``, the simulator is without noise, and targets and samples hold it.

    Args:
        packets: m.
        noise: standard deviation of the normal noise of each sample; 0 for none.

    Raises:
        TypeError: ``packets`` is no int.
        ValueError: no packet, or negative noise.
    """

    simulator: Packets

    def __init__(self, packets: int = 3, *, noise: float = 0.1) -> None:
        require_count("wave_packets: packets", packets)
        noise = require_number("wave_packets: noise", noise)
        if not 0 <= noise < math.inf:
            raise ValueError(f"wave_packets: expected noise of 0 or above, got {noise}")
        super().__init__(
            "wave_packets",
            Packets(packets, SLOT * packets),
            _box(DRAWN, packets),
            box=_box(ALLOWED, packets),
            labels=[f"{name} {k + 1}" for k in range(packets) for name in NAMES],
            units=list(UNITS) * packets,
        )
        self.packets, self.noise = packets, noise

    def positions(self, x: Tensor) -> Tensor:
        """Where the packets are, in samples: ``(..., 4m)`` to ``(..., m)``."""
        return x[..., ::4]

    def sample(
        self,
        n: int,
        *,
        generator: torch.Generator | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> Pairs:
        """``n`` pairs: ``(n, 4m)`` and noisy signals ``(n, 64m)``; see :meth:`Task.sample`."""
        if generator is None:
            generator = runtime.generator(0, self.name, "sample")
        clean = super().sample(n, generator=generator, dtype=dtype)
        return Pairs(clean.x, with_noise(clean.y, self.noise, generator))


def _box(each: tuple[tuple[float, float], ...], packets: int) -> Box:
    sides = [
        (low + SLOT * k * (name == "position"), high + SLOT * k * (name == "position"))
        for k in range(packets)
        for name, (low, high) in zip(NAMES, each, strict=True)
    ]
    return Box([low for low, _ in sides], [high for _, high in sides])
