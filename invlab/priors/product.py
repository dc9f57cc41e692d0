"""Whatever stands for a prior, as one; and independent unknowns side by side."""

from __future__ import annotations

import contextlib
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution

from invlab.priors.box import Box, Law, Prior, ends_of, integer_mask, is_bounded
from invlab.priors.foreign import ScipyLaw, TorchLaw, is_scipy, name_in_scipy
from invlab.priors.laws import Normal
from invlab.validation import require_points

__all__ = ["Product", "as_prior"]


def as_prior(law: Any, name: str = "prior") -> Prior:
    """Whatever stands for a prior, as one.

    Args:
        law: a prior, which comes back itself; a frozen law of ``scipy.stats``; a
            ``torch.distributions.Distribution``; or a list of these, for independent unknowns.
        name: how the error calls it.

    Raises:
        TypeError: none of them.
        ValueError: a law of matrices.

    Example:
        >>> import torch
        >>> from scipy import stats
        >>> import invlab
        >>> prior = invlab.as_prior([stats.uniform(0, 2), torch.distributions.Normal(0.0, 1.0)])
        >>> prior.dim, prior.bounded
        (2, False)
        >>> tuple(prior.sample(5).shape)
        (5, 2)
    """
    if isinstance(law, Prior):
        return law
    if isinstance(law, Distribution):
        return TorchLaw(law)
    if is_scipy(law):
        if hasattr(law, "cov_object"):  # multivariate_normal, singular or not
            with contextlib.suppress(ValueError):
                return Normal(law.mean, cov=law.cov_object.covariance)
        return ScipyLaw(law)
    if isinstance(law, list | tuple) and law:
        return Product(*(as_prior(one, name) for one in law))
    raise TypeError(
        f"{name} must have dim, bounds and sample, or be a frozen law of scipy.stats, one of "
        f"torch.distributions or a list of these; got {type(law).__name__}{_remedy(law)}"
    )


def _remedy(law: Any) -> str:
    """What to do with what is nearly a law, for the end of a message."""
    if isinstance(law, type):
        return f" {law.__name__}; give one of its kind, as in {law.__name__}(...)"
    known = name_in_scipy(law)
    if known is not None:
        return f"; give its numbers, as in scipy.stats.{known}(...)"
    if hasattr(law, "resample"):  # a density of kernels
        return "; draw rows from it and give these, as in Empirical(law.resample(10_000).T)"
    return "; freeze it: law()" if hasattr(law, "freeze") else ""


class Product(Law):
    """Independent unknowns, each block with a prior of its own, in the given order.

    Args:
        factors: priors, or what :func:`as_prior` makes one.

    Example:
        >>> import invlab
        >>> prior = invlab.Product(invlab.Box([0.0], [1.0]), invlab.Integer([1], [5]))
        >>> prior.dim, prior.integer.tolist()
        (2, [False, True])
        >>> prior.bounds
        Box([0.0, 1.0], [1.0, 5.0])
    """

    def __init__(self, *factors: Any) -> None:
        if not factors:
            raise ValueError("Product: expected at least one prior")
        self.factors = tuple(as_prior(factor, "Product: each factor") for factor in factors)
        self.dim = sum(factor.dim for factor in self.factors)

    def __repr__(self) -> str:
        return f"Product({', '.join(map(repr, self.factors))})"

    @property
    def integer(self) -> Tensor:
        """Which unknowns are whole numbers, as a mask ``(dim,)``."""
        return torch.cat([integer_mask(factor) for factor in self.factors])

    @property
    def bounded(self) -> bool:  # type: ignore[override]
        """Whether all factors are bounded."""
        return all(map(is_bounded, self.factors))

    @property
    def ends(self) -> tuple[Tensor, Tensor]:
        """The factors' ends side by side."""
        lows, highs = zip(*map(ends_of, self.factors), strict=True)
        return torch.cat(lows), torch.cat(highs)

    @property
    def bounds(self) -> Box:
        """The factors' ranges side by side."""
        boxes = [factor.bounds for factor in self.factors]
        return Box(torch.cat([box.low for box in boxes]), torch.cat([box.high for box in boxes]))

    def sample(self, n: int, *, generator: torch.Generator | None = None) -> Tensor:
        """``n`` draws, shape ``(n, dim)``, float64, on the CPU."""
        return torch.cat([factor.sample(n, generator=generator) for factor in self.factors], -1)

    def log_prob(self, x: Tensor) -> Tensor:
        """Log density at ``x``, ``(..., dim)`` to ``(...)``.

        Raises:
            TypeError: a factor has no density.
        """
        x = require_points("Product: x", x, self.dim)
        parts = x.split([factor.dim for factor in self.factors], -1)
        logs = torch.zeros_like(x[..., 0], dtype=torch.float64)
        for factor, part in zip(self.factors, parts, strict=True):
            if not hasattr(factor, "log_prob"):
                raise TypeError(f"Product: {factor!r} has no log_prob")
            logs = logs + factor.log_prob(part)
        return logs.to(x)
