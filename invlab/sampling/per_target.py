"""Random numbers that belong to a target: its draws do not depend on what is asked with it."""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["normal_for", "uniform_for"]

# Multipliers and shifts of the SplitMix64 finaliser (Steele, Lea and Flood 2014), as signed
# numbers: int64 arithmetic wraps around on every device.
_MIX = ((30, 0xBF58476D1CE4E5B9 - 2**64), (27, 0x94D049BB133111EB - 2**64))
_GOLDEN = 0x9E3779B97F4A7C15 - 2**64


def normal_for(y: Tensor, n: int, dim: int, generator: torch.Generator) -> Tensor:
    """Standard normal draws for each target: ``(B, dy)`` to ``(B, n, dim)``, float64.

    A row's draws are fixed by its own numbers (rounded to float32) and by the generator, so
    that they stay the same when other targets join, and differ between different targets.

    Args:
        y: targets.
        n: draws a target.
        dim: numbers a draw.
        generator: CPU generator; one number is taken from it.
    """
    pairs = (dim + 1) // 2
    u = uniform_for(y, n, 2 * pairs, generator)
    radius, angle = (-2 * u[..., :pairs].log()).sqrt(), 2 * math.pi * u[..., pairs:]
    return torch.cat([radius * angle.cos(), radius * angle.sin()], -1)[..., :dim]


def uniform_for(y: Tensor, n: int, dim: int, generator: torch.Generator) -> Tensor:
    """Uniform draws in (0, 1) for each target, like :func:`normal_for`.

    They come from counters instead of a state: number j of draw i of a target is a hash of
    the target, i and j (the idea of Salmon et al. 2011, "Parallel random numbers: as easy
    as 1, 2, 3").
    """
    key = torch.randint(-(2**62), 2**62, (1,), generator=generator, device="cpu").to(y.device)
    # + 0.0 turns −0 into 0, which has other bits
    bits = (y.detach().flatten(1).float() + 0.0).view(torch.int32).long()
    place = torch.arange(bits.shape[1], device=y.device)
    own = _mix(_mix(bits + key) * _mix(place + 1)).sum(1)
    counter = torch.arange(n * dim, device=y.device) * _GOLDEN
    mixed = _mix(_mix(own)[:, None] + counter)
    # the upper 53 bits, and half a step up so that 0 and 1 cannot come
    return ((_shift(mixed, 11).double() + 0.5) * 2.0**-53).reshape(len(y), n, dim)


def _mix(h: Tensor) -> Tensor:
    for shift, factor in _MIX:
        h = (h ^ _shift(h, shift)) * factor
    return h ^ _shift(h, 31)


def _shift(h: Tensor, by: int) -> Tensor:
    """A shift to the right that brings in zeros; ``>>`` on int64 brings in the sign."""
    return (h >> by) & ((1 << (64 - by)) - 1)
