"""Several networks on the same problems, trained side by side and watched: chapter 14."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from invbook.papers.joint_optimization.systems import Problems
from invlab.minimizers import minimize
from invlab.networks.encoders import FeatureScale, encoder_for

__all__ = ["Course", "refined_losses", "share_solved", "train"]


@dataclass(frozen=True)
class Course:
    """What K networks did on n problems.

    Attributes:
        last: the answers after the last step, ``(K, n, dx)``.
        best: each problem's best answer on the way, ``(K, n, dx)``.
        loss: mean loss after each step, ``(steps, K)``.
        moving: share of the problems whose gradient was not zero, ``(steps, K)``.
    """

    last: Tensor
    best: Tensor
    loss: Tensor
    moving: Tensor

    @property
    def dead(self) -> Tensor:
        """Which networks have no gradient left, ``(K,)``."""
        return self.moving[-1] == 0


def train(
    problems: Problems,
    *,
    networks: int,
    steps: int,
    lr: float = 3e-3,
    last: float | None = None,
    standardize: bool = False,
    hear: Callable[[Tensor], Tensor] | None = None,
    **network: Any,
) -> Course:
    """Joint optimisation without bounds by several networks, the answers added to the start.

    Args:
        problems: to be solved.
        networks: how many, with the seeds 0, 1, ...
        steps: of Adam.
        lr: its rate.
        last: factor of the last layer's weights at the start; None leaves PyTorch's.
        standardize: whether features are brought to mean zero and variance one.
        hear: gets the gradient by each answer, ``(K, n, dx)``, and returns the one that the
            networks are trained on.
        network: options of :func:`invlab.networks.encoders.encoder_for`.
    """
    features = problems.features
    if standardize:
        features = FeatureScale.fit(features)(features)
    features = features.float()
    size = problems.start.shape[1]
    net = encoder_for(features.shape[1:], size, seeds=range(networks), last=last, **network)
    adam = torch.optim.Adam(net.parameters(), lr=lr)
    rows = torch.arange(len(problems)).repeat(networks)
    best = torch.full((networks, len(problems)), torch.inf, dtype=torch.float64)
    best_x = problems.start.repeat(networks, 1, 1)
    losses, moving = [], []
    for _ in range(steps):
        x = problems.start + net(features).double()
        loss = problems.fun(x.flatten(0, 1), rows).reshape(networks, -1)
        (gradient,) = torch.autograd.grad(loss.sum(), x, retain_graph=True)
        loss = loss.detach()
        lower = loss < best
        best = torch.where(lower, loss, best)
        best_x = torch.where(lower[..., None], x.detach(), best_x)
        losses.append(loss.mean(1))
        moving.append((gradient != 0).any(2).double().mean(1))
        adam.zero_grad()
        x.backward(gradient if hear is None else hear(gradient))
        adam.step()
    return Course(x.detach(), best_x, torch.stack(losses), torch.stack(moving))


def refined_losses(problems: Problems, x: Tensor) -> Tensor:
    """Losses ``(K, n)`` of answers ``(K, n, dx)`` after BFGS."""
    problem = torch.arange(len(problems)).repeat(len(x))

    def fun(x: Tensor, rows: Tensor) -> Tensor:
        return problems.fun(x, problem[rows])

    return minimize(fun, x.flatten(0, 1)).fun.reshape(len(x), len(problems))


def share_solved(problems: Problems, x: Tensor) -> Tensor:
    """Share of the problems that each network's answers ``(K, n, dx)`` solve, refined: ``(K,)``."""
    return (refined_losses(problems, x) < problems.target).double().mean(1)
