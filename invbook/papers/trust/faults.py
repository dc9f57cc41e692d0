"""Targets that something is wrong with: out of range, exchanged, of another simulator, noisy."""

from __future__ import annotations

import torch
from torch import Tensor

from invlab import runtime

__all__ = ["CHECKED", "KINDS", "SHIFTED", "faults"]

# How far a target is moved, in standard deviations, and how much a simulator is tilted.
SHIFT, TILT = 2.0, 0.05
NOISES = {"noise_5": 0.05, "noise_20": 0.2}
# Those that a test of reachability has to see wherever they are truly off.
SHIFTED = ("one_shifted", "shifted", "exchanged")
# What the predictive check is shown: right data, and data of two slightly wrong simulators.
CHECKED = ("fresh", "tilted", "noise_20")
KINDS = ("fresh", *SHIFTED, "tilted", *NOISES)


def faults(y: Tensor, *, seed: int, name: str) -> dict[str, Tensor]:
    """Fresh targets, and what becomes of them under each fault.

    Args:
        y: reachable targets, ``(B, *dy)``.
        seed: of the noise.
        name: of the simulator, on which the noise depends too.

    Returns:
        ``fresh``: as they came; ``one_shifted`` and ``shifted``: the first number of y that varies
        at all, and all of them, two standard deviations larger; ``exchanged``: each number in the
        place of the next; ``tilted``: the number that varies most is 5 % larger; ``noise_5`` and
        ``noise_20``: with extra noise of so many percent of each standard deviation. What needs
        two numbers of y is left out where there is one.
    """
    flat = y.flatten(1)
    spread = flat.std(0)
    first = int((spread > 0).to(torch.uint8).argmax())
    most = int(spread.argmax())
    found = {"fresh": flat, "shifted": flat + SHIFT * spread}
    if flat.shape[1] > 1:
        found["one_shifted"] = flat.clone()
        found["one_shifted"][:, first] += SHIFT * spread[first]
        found["exchanged"] = flat.roll(1, 1)
    found["tilted"] = flat.clone()
    found["tilted"][:, most] *= 1 + TILT
    draws = torch.randn(
        flat.shape, generator=runtime.generator(seed, name, "extra noise"), device="cpu"
    ).to(flat)
    found |= {kind: flat + share * spread * draws for kind, share in NOISES.items()}
    return {kind: found[kind].reshape(y.shape) for kind in KINDS if kind in found}
