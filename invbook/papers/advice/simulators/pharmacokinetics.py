"""Pharmacokinetics: clearances and volumes of two compartments, from drug in the blood."""

from __future__ import annotations

from torch import Tensor

from invbook.papers.advice.simulators.case import Case
from invbook.papers.advice.simulators.numerics import line
from invlab import LogUniform, Task

__all__ = ["CASE", "simulate", "task"]

DOSE = 100.0  # mg


def simulate(x: Tensor) -> Tensor:
    """Logarithm of the concentration (mg/l) at 12 times in 24 h after one dose, ``(..., 12)``.

    Unknowns: clearance (l/h), central volume (l), exchange (l/h), peripheral volume (l). The
    solution is a sum of two exponentials.
    """
    clearance, central, exchange, peripheral = x[..., None, :].unbind(-1)
    out, there, back = clearance / central, exchange / central, exchange / peripheral
    total = out + there + back
    root = (total.square() - 4 * out * back).sqrt()
    fast, slow = (total + root) / 2, (total - root) / 2
    time = line(0.5, 24.0, 12, x)
    amount = (fast - back) * (-fast * time).exp() + (back - slow) * (-slow * time).exp()
    return (DOSE / central * amount / root).log()


def task(name: str = "pharmacokinetics") -> Task:
    """Four unknowns above zero, 12 numbers."""
    prior = LogUniform([2.0, 5.0, 1.0, 10.0], [20.0, 30.0, 20.0, 100.0])
    return Task(name, simulate, prior, labels=["clearance", "central", "exchange", "peripheral"])


CASE = Case("pharmacokinetics", task, tuned=True)
