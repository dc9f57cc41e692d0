"""Gene expression in bursts: rates of a gene that turns on and off, from molecules in cells."""

from __future__ import annotations

import torch
from torch import Tensor

from invbook.papers.advice.simulators.case import Case
from invlab import LogUniform, Task

__all__ = ["CASE", "molecules", "simulate", "task"]

CELLS = 100


def molecules(x: Tensor) -> Tensor:
    """Molecules in each of 100 cells, ``(..., 100)``.

    Unknowns, over the rate at which molecules decay: rates of turning on and off, and of making
    molecules while on. The steady state of this telegraph model is a Poisson law whose mean is
    the last rate times a beta law of the first two (Peccoud and Ycart 1995).
    """
    on, off, made = x[..., None, :].expand(*x.shape[:-1], CELLS, 3).unbind(-1)
    # torch draws no gamma with a seed of its own: from its global generator, as all noise here
    active, idle = (torch._standard_gamma(rate.contiguous()) for rate in (on, off))
    share = active / (active + idle).clamp_min(1e-30)
    return torch.poisson(made * share)


def simulate(x: Tensor) -> Tensor:
    """Mean and deviation of log(1 + molecules), share of empty cells and five quantiles: (8,)."""
    logs = molecules(x).log1p()
    levels = x.new_tensor([0.1, 0.25, 0.5, 0.75, 0.9])
    quantiles = logs.quantile(levels, -1).movedim(0, -1)
    first = [logs.mean(-1), logs.std(-1, correction=0), (logs == 0).to(x).mean(-1)]
    return torch.cat([torch.stack(first, -1), quantiles], -1)


def task(name: str = "gene_expression") -> Task:
    """Three unknowns above zero, eight noisy numbers, no gradient."""
    prior = LogUniform([0.1, 0.1, 5.0], [5.0, 5.0, 100.0])
    labels = ["on", "off", "made"]
    return Task(name, simulate, prior, labels=labels, differentiable=False, noisy=True)


CASE = Case("gene_expression", task, tuned=False, traits=frozenset({"noise"}))
