"""A mixture density network that draws as the published code does, and what that changes."""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from invlab.methods.mixture_density import MixtureDensity

__all__ = ["as_published", "covariance_of_draws", "covariance_of_mixture"]


def as_published(model: MixtureDensity) -> MixtureDensity:
    """The same trained network, with draws from precisions Λ + I in place of Λ."""

    def mixture(y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        log_weight, mean, factor = model.mixture(y)
        precision = factor.double() @ factor.double().mT
        wrong = precision + torch.eye(model.x_dim).to(precision)
        return log_weight, mean, torch.linalg.cholesky(wrong).to(factor)

    twin = copy.copy(model)
    twin.mixture = mixture  # type: ignore[method-assign]
    return twin


def covariance_of_mixture(model: MixtureDensity, y: Tensor) -> Tensor:
    """Covariance of the trained density for one target ``(1, dy)``, in scaled x, by its formula."""
    with torch.no_grad():
        seen = model.y_scaler(y.float())
        log_weight, mean, factor = (part[0, 0].double() for part in model.mixture(seen))
    weight = log_weight.exp()
    apart = mean - weight @ mean
    each = torch.linalg.inv(factor @ factor.mT) + apart[:, :, None] * apart[:, None]
    return (weight[:, None, None] * each).sum(0)


def covariance_of_draws(model: MixtureDensity, y: Tensor, count: int = 20_000) -> Tensor:
    """Covariance of draws for one target ``(1, dy)``, in scaled x, before they are clipped."""
    loose = copy.copy(model)
    loose.bounds = "free"
    return torch.atleast_2d(model.x_scaler(loose.propose(y, count)[0]).T.cov())
