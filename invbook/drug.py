"""The running example of Part IV: a drug that is swallowed, absorbed and cleared.

One compartment with absorption of first order (the Bateman function, in any textbook of
pharmacokinetics). Chapter 18 writes it down; the chapters after it take it from here.
"""

from __future__ import annotations

import torch
from torch import Tensor

from invlab import LogUniform, Task

__all__ = ["DOSE", "PATIENT", "SIGMA", "TIMES", "concentration", "drug", "mirrored"]

DOSE = 100.0  # mg
TIMES = (0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0)  # h
# Standard deviation of one measured concentration, mg/L.
SIGMA = 0.1
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
