"""Conditional flow matching: a learned velocity carries noise to unknowns."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import silu

from invlab.methods.sampler import Sampler, normal_like
from invlab.networks.mlp import MLP, fourier_features
from invlab.validation import require_count

__all__ = ["FlowMatching"]


# What a velocity field is: scaled unknowns ``(M, d)`` and times ``(M, 1)`` to their rate of change.
Slope = Callable[[Tensor, Tensor], Tensor]
# Power by which the steps shorten, and steps of the density, which needs more digits.
SHORTER, DENSITY_STEPS = 1.5, 10


class FlowMatching(Sampler):
    """A velocity field v(x, t, y), trained by regression and followed from t = 0 to 1.

    On the straight line ``x_t = (1 − t) ε + t x`` from noise ε to a training x the velocity is
    ``x − ε``. Its average over all pairs that pass through a point is what the squared error
    learns, and following that average from noise gives draws of p(x | y). Following it back
    gives their density: along the way its logarithm changes by minus the divergence of v
    (the instantaneous change of variables), which takes one backward pass an unknown.

    Args:
        width, layers: of the network; ``layers`` counts linear layers.
        ode_steps: steps of a draw, by the third-order method of Adams and Bashforth, one evaluation
            of the network each and one more at the start. They grow shorter towards t = 1, where
            the velocity bends most.
        options: see :class:`~invlab.methods.sampler.Sampler`.

    Source: Lipman et al. (2023), and Chen et al. (2018) for the density. It came after the paper,
    which has no such row.
    """

    name = "flow_matching"
    gives_density = True
    defaults: ClassVar[dict[str, Any]] = {"epochs": 400, "batch_size": 512, "lr": 2e-3}

    def __init__(
        self, *, width: int = 192, layers: int = 5, ode_steps: int = 10, **options: Any
    ) -> None:
        super().__init__(**{**FlowMatching.defaults, **options})
        self.width, self.layers = require_count("width", width), require_count("layers", layers)
        self.ode_steps = require_count("ode_steps", ode_steps)

    def build_networks(self, x_dim: int, y_dim: int, seeds: Sequence[int]) -> None:
        """One network on x_t with its waves, t with one wave, and y."""
        self.x_dim = x_dim
        seen = x_dim * (1 + 2 * self.fourier_octaves) + 3 + y_dim
        sizes = [seen, *[self.width] * (self.layers - 1), x_dim]
        self.network = MLP(sizes, seeds=seeds, stream="velocity", activation=silu)

    def velocity(self, x: Tensor, t: Tensor, y: Tensor) -> Tensor:
        """dx/dt at scaled ``x (..., N, dx)`` and ``t (..., N, 1)``."""
        time = torch.cat([t, t.sin(), t.cos()], -1)
        return self.network(torch.cat([fourier_features(x, self.fourier_octaves), time, y], -1))

    def cost(self, x: Tensor, y: Tensor, share: float, draws: torch.Generator) -> dict[str, Tensor]:
        """Squared error of the velocity at a random time on a random line, mean over unknowns."""
        noise = normal_like(x, draws)
        t = torch.rand(*x.shape[:-1], 1, generator=draws, dtype=torch.float32, device="cpu").to(x)
        error = self.velocity((1 - t) * noise + t * x, t, y) - (x - noise)
        return {"velocity": error.square().mean(-1)}

    def noise_dim(self) -> int:
        """A draw starts from as many normal numbers as x has."""
        return self.x_dim

    def transform(self, z: Tensor, y: Tensor) -> Tensor:
        """Follow the velocity from noise at t = 0 to unknowns at t = 1."""
        return adams_bashforth(lambda x, t: self.velocity(x, t, y)[0], z, times(self.ode_steps))

    def log_prob(self, x: Tensor, y: Tensor) -> Tensor:
        """Follow the velocity back to the noise, and collect its divergence."""

        def slope(state: Tensor, t: Tensor) -> Tensor:
            velocity, divergence = self._divergence(state[:, : self.x_dim], t, y)
            return torch.cat([velocity, divergence], 1)

        start = torch.cat([x, torch.zeros_like(x[:, :1])], 1)
        end = runge_kutta(slope, start, times(DENSITY_STEPS)[::-1])
        z, collected = end[:, : self.x_dim], end[:, self.x_dim]
        constant = 0.5 * self.x_dim * math.log(2 * math.pi)
        # backwards the integral has the sign that the logarithm changes by
        return collected - 0.5 * z.square().sum(-1) - constant

    def _divergence(self, x: Tensor, t: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """The velocity ``(M, dx)``, and the exact trace of its derivative by x ``(M, 1)``."""
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            velocity = self.velocity(x, t, y)[0]
            parts = [
                torch.autograd.grad(velocity[:, k].sum(), x, retain_graph=k < self.x_dim - 1)[0]
                for k in range(self.x_dim)
            ]
        trace = sum(part[:, k] for k, part in enumerate(parts))
        assert isinstance(trace, Tensor)
        return velocity.detach(), trace[:, None]


def times(steps: int) -> list[float]:
    """Where the steps from 0 to 1 begin and end, closer together towards 1."""
    return [1 - (1 - k / steps) ** SHORTER for k in range(steps + 1)]


def runge_kutta(slope: Slope, x: Tensor, grid: Sequence[float]) -> Tensor:
    """Solve ``dx/dt = slope(x, t)`` along a grid by the classical method of fourth order."""
    for begin, end in itertools.pairwise(grid):
        h, t = end - begin, torch.full_like(x[:, :1], begin)
        first = slope(x, t)
        second = slope(x + h / 2 * first, t + h / 2)
        third = slope(x + h / 2 * second, t + h / 2)
        fourth = slope(x + h * third, t + h)
        x = x + h / 6 * (first + 2 * second + 2 * third + fourth)
    return x


def adams_bashforth(slope: Slope, x: Tensor, grid: Sequence[float]) -> Tensor:
    """The same with one evaluation a step: through the last three slopes goes a parabola.

    The first step is one of the midpoint rule.
    """
    known: list[tuple[float, Tensor]] = []
    for begin, end in itertools.pairwise(grid):
        here = slope(x, torch.full_like(x[:, :1], begin))
        known = [*known[-2:], (begin, here)]
        if len(known) == 1:
            half = (end - begin) / 2
            x = x + 2 * half * slope(x + half * here, torch.full_like(x[:, :1], begin + half))
            continue
        weights = _weights([t for t, _ in known], begin, end)
        x = x + sum(weight * past for weight, (_, past) in zip(weights, known, strict=True))
    return x


def _weights(places: Sequence[float], begin: float, end: float) -> list[float]:
    """What each value counts in the integral of the polynomial through them."""
    shifted = np.array(places) - begin
    powers = np.vander(shifted, increasing=True).T
    moments = [(end - begin) ** (k + 1) / (k + 1) for k in range(len(places))]
    found: list[float] = np.linalg.solve(powers, moments).tolist()
    return found
