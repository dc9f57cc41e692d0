"""A queue: how many servers, places and customers, from what is seen at the desk."""

from __future__ import annotations

import torch
from torch import Tensor

from invbook.papers.advice.simulators.case import Case
from invlab import Integer, Task

__all__ = ["CASE", "simulate", "task"]

MOST = 30  # customers in the house


def simulate(x: Tensor) -> Tensor:
    """Steady state of a queue M/M/c/K, ``(..., 4)``.

    Unknowns, whole numbers: servers, places to wait, customers an hour; a service takes a quarter
    of an hour. Numbers: shares of time with an empty house and with a full one, customers in the
    house, and busy servers. Unknowns are rounded first.
    """
    servers, places, arrivals = x.round().unbind(-1)
    count = torch.arange(1, MOST + 1, dtype=x.dtype, device=x.device)
    # each state is as likely as the one before, times arrivals over departures
    steps = arrivals[..., None] / (4 * torch.minimum(count, servers[..., None]))
    there = count <= (servers + places)[..., None]
    weight = torch.where(there, steps, 0.0).cumprod(-1)
    empty = 1 / (1 + weight.sum(-1))
    share = weight * empty[..., None]
    last = (servers + places).long().clamp(1, MOST)[..., None] - 1
    busy = (torch.minimum(count, servers[..., None]) * share).sum(-1)
    return torch.stack([empty, share.gather(-1, last)[..., 0], (count * share).sum(-1), busy], -1)


def task(name: str = "queue") -> Task:
    """Three whole numbers, four numbers, no gradient."""
    prior = Integer([1, 0, 1], [8, 20, 30])
    labels = ["servers", "places", "arrivals"]
    return Task(name, simulate, prior, labels=labels, differentiable=False)


CASE = Case("queue", task, tuned=False, traits=frozenset({"jumps"}))
