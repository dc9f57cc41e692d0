"""The running example of Part IV: a drug that is swallowed, absorbed and cleared.

One compartment with absorption of first order (the Bateman function, in any textbook of
pharmacokinetics). Chapter 18 writes it down; the chapters after it take it from here.
"""

from __future__ import annotations

import torch
from torch import Tensor

from invlab import LogUniform, Task, runtime

__all__ = [
    "DOSE",
    "PATIENT",
    "SIGMA",
    "TIMES",
    "Posterior",
    "concentration",
    "drug",
    "measured",
    "mirrored",
]

DOSE = 100.0  # mg
TIMES = (0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0)  # h
# Standard deviation of one measured concentration, mg/L.
SIGMA = 0.1
# Prior draws that walks start from the nearest of, steps of a walk, and shares of the steps that
# exchange the rates, or go the whole way between two walkers.
POOL, STEPS, EXCHANGES, WHOLE = 20_000, 600, 0.1, 0.1
# What was measured, mg/L. Made from 0.6 per hour, 0.15 per hour and 30 L, with noise.
PATIENT = (0.90, 1.42, 1.96, 2.16, 1.99, 1.67, 1.22, 0.69, 0.52, 0.10)


def concentration(x: Tensor) -> Tensor:
    """Drug in the blood after one dose.

    Args:
        x: rates of absorption and of elimination (per hour) and volume (L), ``(..., 3)``.

    Returns:
        Concentrations at ``TIMES``, in mg/L, ``(..., 10)``. Not a number where both rates are
        equal.
    """
    absorption, elimination, volume = x[..., None, :].unbind(-1)
    times = torch.tensor(TIMES, dtype=x.dtype, device=x.device)
    gap = absorption - elimination
    shape = torch.exp(-elimination * times) * -torch.expm1(-gap * times) / gap
    return DOSE / volume * absorption * shape


def drug() -> Task:
    """The task: three unknowns, ten concentrations without noise."""
    return Task(
        "drug",
        concentration,
        LogUniform([0.1, 0.05, 5.0], [2.0, 1.0, 60.0]),
        labels=["absorption", "elimination", "volume"],
        units=["1/h", "1/h", "L"],
    )


def mirrored(x: Tensor) -> Tensor:
    """The other patient with the same concentrations: rates exchanged, in a smaller volume."""
    absorption, elimination, volume = x.unbind(-1)
    return torch.stack([elimination, absorption, volume * elimination / absorption], -1)


def measured(y: Tensor, *, seed: int, sigma: float = SIGMA) -> Tensor:
    """Concentrations with the error of a measurement.

    Args:
        y: exact, in mg/L, any shape.
        seed: of the error, any integer.
        sigma: its standard deviation, mg/L.
    """
    draws = runtime.generator(seed, "drug", "measurement")
    error = torch.randn(y.shape, generator=draws, dtype=torch.float64, device="cpu")
    return y + sigma * error.to(y)


class Posterior:
    """The exact posterior of the drug's unknowns, drawn from by random walks.

    Walkers of one target propose steps from the differences between two others (differential
    evolution Markov chain; ter Braak 2006), and now and then the mirror image of where they are.

    Args:
        sigma: standard deviation of the measurement that is believed in, mg/L.

    Attributes:
        name: for tables.
    """

    name = "exact posterior"

    def __init__(self, sigma: float = SIGMA) -> None:
        self.sigma, self.box = sigma, drug().box

    def log_density(self, x: Tensor, y: Tensor, c: Tensor | None = None) -> Tensor:
        """Log of the density of the logarithms of x, up to a constant of each target: ``(B, n)``.

        Args:
            x: ``(B, n, 3)``; y: ``(B, 10)``; c: not looked at.
        """
        gap = (concentration(x) - y[:, None]) / self.sigma
        likely = -gap.square().sum(-1) / 2
        return torch.where(self.box.contains(x) & likely.isfinite(), likely, -torch.inf)

    def propose(
        self,
        y: Tensor,
        n: int = 1,
        c: Tensor | None = None,
        *,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """``n`` draws for each target, ``(B, 10)`` to ``(B, n, 3)``; n of at least 10.

        Raises:
            ValueError: fewer draws, which make no walk.
        """
        if n < 10:
            raise ValueError(f"propose: expected n of at least 10 walkers, got {n}")
        generator = runtime.generator(0, "drug", "posterior") if generator is None else generator
        x = self._start(y, n, generator)
        density = self.log_density(x, y)
        for _ in range(STEPS):
            new = self._step(x, generator)
            there = self.log_density(new, y)
            luck = torch.rand(there.shape, generator=generator, device="cpu").to(there).log()
            accepted = luck < there - density
            x = torch.where(accepted[..., None], new, x)
            density = torch.where(accepted, there, density)
        return x

    def _start(self, y: Tensor, n: int, generator: torch.Generator) -> Tensor:
        """The n prior draws nearest to each target."""
        pool = drug().prior.sample(POOL, generator=generator).to(y)
        near = torch.cdist(y, concentration(pool)).topk(n, largest=False).indices
        return pool[near]

    def _step(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """A proposal for each walker; its density of arriving is that of going back."""
        shift = torch.randint(1, x.shape[1] // 2, (2,), generator=generator, device="cpu").tolist()
        # of two others: those some places on, and some more
        one, other = x.roll(shift[0], 1).log(), x.roll(shift[0] + shift[1], 1).log()
        whole = float(torch.rand((), generator=generator)) < WHOLE
        length = 1.0 if whole else 2.38 / (2 * x.shape[2]) ** 0.5
        jitter = torch.randn(x.shape, generator=generator, dtype=x.dtype, device="cpu").to(x)
        walked = (x.log() + length * (one - other) + 1e-4 * jitter).exp()
        luck = torch.rand(x.shape[:2], generator=generator, device="cpu").to(x.device)
        return torch.where((luck < EXCHANGES)[..., None], mirrored(x), walked)
