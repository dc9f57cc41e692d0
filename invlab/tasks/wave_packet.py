"""Find a wave packet in a noisy signal: one unknown, and a local minimum every 2π samples."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from invlab import runtime
from invlab.priors import Box
from invlab.task import Pairs, Simulator, Task
from invlab.validation import require_count, require_number, require_tensor

__all__ = ["Packet", "WavePacket", "with_noise"]

WINDOW = 256  # samples of the paper's signal; the three lengths below belong to it
SIGMA = 60.0  # samples, of the envelope exp(−(t − t₀)²/σ²)
SPREAD = 50.0  # samples to each side of the middle, where the truth is drawn
REACH = 75.0  # samples to each side of the middle, where an answer may lie


class Packet(Simulator):
    """The signal without noise, F(t) = A·sin(t − t₀)·exp(−(t − t₀)²/σ²) at t = 1, ..., N.

    Args:
        samples: N.
        sigma: σ in samples.
        amplitude: A.
    """

    times: Tensor

    def __init__(
        self, samples: int = WINDOW, *, sigma: float = SIGMA, amplitude: float = 1.0
    ) -> None:
        super().__init__()
        self.sigma, self.amplitude = sigma, amplitude
        self.register_buffer(
            "times", torch.arange(1, samples + 1, dtype=torch.float64, device="cpu")
        )

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """``(..., 1) -> (..., N)``; x is t₀ in samples."""
        return self.at(x, self.times)

    def at(self, x: Tensor, t: Tensor) -> Tensor:
        """The signal of ``(..., 1)`` at other times ``(K,)``, in samples: ``(..., K)``."""
        z = t.to(x) - x
        return self.amplitude * z.sin() * (-(z / self.sigma).square()).exp()


class WavePacket(Task):
    """Wave packet localisation, section 4.1 of Holl and Thuerey.

    The paper is "Can neural networks improve classical optimization of inverse problems?", the
    first form of arXiv 2408.08119. The unknown is t₀, where the packet is; the observation is

        u(t) = A·sin(t − t₀)·exp(−(t − t₀)²/σ²) + ε(t)  at t = 1, ..., 256.

    The simulator is the packet alone and the same for every call (``noisy`` is False):
    :meth:`sample` and :meth:`targets` add ε to its output, independently in each row and sample.
    The paper's loss, Σ_t (F(t | t₀) − u(t))², is therefore the squared distance between
    ``simulate(x)`` and a target y, twice the misfit ``½|f(x) − y|²``. At the truth it is the sum
    of the squared noise, 2.56 in the mean, and no answer brings it to 0.

    The paper gives neither A, σ, the noise nor the prior. Ours: A = 1, σ = 60, normal noise of
    standard deviation 0.1, and t₀ uniform within 50 samples of the middle, t = 128.

    **The box is part of the problem.** A packet far outside the window leaves a silent signal,
    whose loss, the energy of y, is about half that of a packet in the wrong place: whoever may
    leave the window "improves" without finding anything. So an answer has to lie within 75
    samples of the middle, where at least 95 % of the packet's energy is heard. The simulator
    itself computes any t₀; each method keeps to ``box``.

    Args:
        samples: N, at least 8. The lengths that follow are scaled with it unless given.
        noise: standard deviation of ε; 0 for none.
        sigma: σ in samples; 60 for N = 256.
        amplitude: A.
        spread: the prior's half-width in samples; 50 for N = 256.
        reach: the box's half-width in samples; 75 for N = 256.

    Raises:
        TypeError: ``samples`` is no int.
        ValueError: too few samples, a number out of range, or not spread ≤ reach < N/2.
    """

    simulator: Packet

    def __init__(
        self,
        samples: int = WINDOW,
        *,
        noise: float = 0.1,
        sigma: float | None = None,
        amplitude: float = 1.0,
        spread: float | None = None,
        reach: float | None = None,
    ) -> None:
        if require_count("wave_packet: samples", samples) < 8:
            raise ValueError(f"wave_packet: expected at least 8 samples, got {samples}")
        scale = samples / WINDOW
        sigma = SIGMA * scale if sigma is None else sigma
        spread = SPREAD * scale if spread is None else spread
        reach = REACH * scale if reach is None else reach
        sigma, amplitude, noise, spread, reach = (
            require_number(f"wave_packet: {name}", value)
            for name, value in (
                ("sigma", sigma), ("amplitude", amplitude), ("noise", noise),
                ("spread", spread), ("reach", reach),
            )
        )  # fmt: skip
        for name, value in {"sigma": sigma, "amplitude": amplitude}.items():
            if not 0 < value < math.inf:
                raise ValueError(f"wave_packet: expected {name} above 0, got {value}")
        if not 0 <= noise < math.inf:
            raise ValueError(f"wave_packet: expected noise of 0 or above, got {noise}")
        if not 0 < spread <= reach < samples / 2:
            raise ValueError(
                f"wave_packet: expected 0 < spread <= reach < {samples / 2:g}, half the window, "
                f"got spread={spread} and reach={reach}"
            )
        middle = samples / 2
        super().__init__(
            "wave_packet",
            Packet(samples, sigma=sigma, amplitude=amplitude),
            Box([middle - spread], [middle + spread]),
            box=Box([middle - reach], [middle + reach]),
            labels=["position"],
            units=["samples"],
        )
        self.noise = noise

    @property
    def times(self) -> Tensor:
        """The window, t = 1, ..., N, of shape ``(N,)`` and in float64."""
        return self.simulator.times

    def signal(self, x: Tensor, t: Tensor | None = None) -> Tensor:
        """The packet without noise, at any times: a drawing needs more than 6 points a wave.

        Args:
            x: positions t₀ in samples, shape ``(..., 1)``.
            t: times in samples, shape ``(K,)``; the window if not given.

        Returns:
            ``(..., K)`` with the dtype and on the device of ``x``.

        Raises:
            TypeError, ValueError: a tensor of another shape or kind, or NaN in it.
        """
        require_tensor(f"{self.name}: x", x, ("...", 1))
        t = self.times if t is None else require_tensor(f"{self.name}: t", t, ("K",))
        return self.simulator.at(x, t)

    def observe(self, x: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
        """One noisy measurement of each packet.

        Args:
            x: positions t₀ in samples, shape ``(..., 1)``.
            generator: CPU generator; a fresh one of seed 0 if not given.

        Returns:
            Signals ``(..., N)`` with the dtype and on the device of ``x``. The same generator
            gives the same noise on each device, and at another level its multiple.
        """
        if generator is None:
            generator = runtime.generator(0, self.name, "noise")
        return with_noise(self.simulate(x), self.noise, generator)

    def sample(
        self,
        n: int,
        *,
        generator: torch.Generator | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> Pairs:
        """``n`` pairs (t₀, noisy signal): ``(n, 1)`` and ``(n, N)``; see :meth:`Task.sample`."""
        if generator is None:
            generator = runtime.generator(0, self.name, "sample")
        clean = super().sample(n, generator=generator, dtype=dtype)
        return Pairs(clean.x, with_noise(clean.y, self.noise, generator))


def with_noise(signal: Tensor, level: float, generator: torch.Generator) -> Tensor:
    """A signal with normal noise of standard deviation ``level``, drawn in float64 on the CPU."""
    unit = torch.randn(signal.shape, generator=generator, dtype=torch.float64, device="cpu")
    return signal + (level * unit).to(signal)
