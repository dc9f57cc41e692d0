"""Laws of the unknowns beside the uniform one: normal, log-uniform, whole numbers, given rows."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from invlab.priors.box import Box, Law, Numbers, vector
from invlab.validation import (
    native,
    require_count,
    require_generator,
    require_points,
    require_tensor,
)

__all__ = ["NORMAL_95", "Empirical", "Integer", "LogUniform", "Normal", "Poisson"]

# Half-width, in standard deviations, of the interval that holds 95 % of a normal law.
NORMAL_95 = 1.959963984540054


class Normal(Law):
    """Normal laws: independent ones, or a joint one with a covariance.

    Args:
        mean: means, ``dim`` numbers in the units of x.
        std: standard deviations (not variances), ``dim`` numbers above zero.
        cov: instead of ``std``: the covariance matrix, ``(dim, dim)``, symmetric and positive
            definite.

    Attributes:
        std: standard deviations ``(dim,)``, also where a covariance was given.
        cov: the covariance matrix, or None.

    Raises:
        TypeError: both ``std`` and ``cov``, or none.
        ValueError: different lengths, numbers that are not finite, a ``std`` not above zero, or
            a matrix that is no covariance.

    Example:
        >>> import invlab
        >>> prior = invlab.Normal([0.0, 10.0], [1.0, 2.0])
        >>> prior.bounded, [round(end, 2) for end in prior.bounds.high.tolist()]
        (False, [1.96, 13.92])
        >>> joint = invlab.Normal([0.0, 10.0], cov=[[1.0, 0.5], [0.5, 4.0]])
        >>> joint.std.tolist()
        [1.0, 2.0]
    """

    def __init__(
        self, mean: Numbers, std: Numbers | None = None, *, cov: Tensor | Numbers | None = None
    ) -> None:
        self.mean = vector("mean", mean)
        self.dim = len(self.mean)
        self.cov: Tensor | None = None
        if (std is None) == (cov is None):
            raise TypeError("Normal: expected either std or cov")
        if cov is not None:
            numbers = torch.as_tensor(native(cov), dtype=torch.float64, device="cpu")
            self.cov = numbers.detach().clone()
            self._factor = _cholesky(self.cov, self.dim)
            std = self.cov.diagonal().sqrt()
        assert std is not None
        self.std = vector("std", std)
        if self.mean.shape != self.std.shape or not bool((self.std > 0).all()):
            raise ValueError(
                f"Normal: expected one std above zero for each mean, got {mean} and {std}"
            )

    def __repr__(self) -> str:
        spread = self.std.tolist() if self.cov is None else f"cov={self.cov.tolist()}"
        return f"{type(self).__name__}({self.mean.tolist()}, {spread})"

    @property
    def bounds(self) -> Box:
        """The central 95 % range of each unknown."""
        return Box(self.mean - NORMAL_95 * self.std, self.mean + NORMAL_95 * self.std)

    def sample(self, n: int, *, generator: torch.Generator | None = None) -> Tensor:
        """``n`` draws, shape ``(n, dim)``, float64, on the CPU."""
        shape = (require_count("n", n), self.dim)
        require_generator("generator", generator)
        unit = torch.randn(shape, generator=generator, dtype=torch.float64, device="cpu")
        return self.mean + (self.std * unit if self.cov is None else unit @ self._factor.mT)

    def log_prob(self, x: Tensor) -> Tensor:
        """Log density at ``x``, ``(..., dim)`` to ``(...)``."""
        x = require_points("Normal: x", x, self.dim)
        # in float64: far means and large sizes would take the digits of what is left of them
        gap = x.double() - self.mean.to(x.device)
        if self.cov is None:
            unit, scale = gap / self.std.to(x.device), self.std
        else:
            factor, scale = self._factor.to(x.device), self._factor.diagonal()
            unit = torch.linalg.solve_triangular(factor, gap[..., None], upper=False)[..., 0]
        size = scale.log().sum().to(x.device) + self.dim / 2 * math.log(2 * math.pi)
        return (-unit.square().sum(-1) / 2 - size).to(x)


class LogUniform(Law):
    """Independent unknowns above zero whose logarithms are uniform: any order of magnitude alike.

    Args:
        low: lower ends, ``dim`` numbers above zero in the units of x.
        high: upper ends.

    Raises:
        ValueError: ends that are no corners of a box, or not above zero.

    Example:
        >>> import torch
        >>> import invlab
        >>> prior = invlab.LogUniform([0.01], [100.0])
        >>> draws = prior.sample(4000, generator=torch.Generator().manual_seed(0))
        >>> share = (draws < 1).double().mean()  # as many below 1 as above
        >>> round(float(share), 1)
        0.5
    """

    bounded = True

    def __init__(self, low: Numbers, high: Numbers) -> None:
        self._box = _between("LogUniform", low, high)
        self.low, self.high, self.dim = self._box.low, self._box.high, self._box.dim
        if not bool((self.low > 0).all()):
            raise ValueError(f"LogUniform: expected low above zero, got {low}")

    def __repr__(self) -> str:
        return f"LogUniform({self.low.tolist()}, {self.high.tolist()})"

    @property
    def bounds(self) -> Box:
        """From ``low`` to ``high``."""
        return self._box

    def sample(self, n: int, *, generator: torch.Generator | None = None) -> Tensor:
        """``n`` draws, shape ``(n, dim)``, float64, on the CPU."""
        logs = Box(self.low.log(), self.high.log()).sample(n, generator=generator)
        return self._box.clip(logs.exp())  # rounding may lead out by a hair

    def log_prob(self, x: Tensor) -> Tensor:
        """Log density at ``x``, ``(..., dim)`` to ``(...)``; −∞ outside."""
        x = require_points("LogUniform: x", x, self.dim)
        inside = self._box.contains(x)
        logs = self._box.clip(x).log() + (self.high / self.low).log().log().to(x)
        return torch.where(inside, -logs.sum(-1), -torch.inf)


class Integer(Law):
    """Independent whole numbers, each as likely as the next, drawn as float64.

    Args:
        low: the smallest, ``dim`` whole numbers.
        high: the largest, which are drawn too.

    Raises:
        ValueError: ends that are not whole, of different length, or ``low >= high`` somewhere.

    Example:
        >>> import torch
        >>> import invlab
        >>> layers = invlab.Integer([1], [3])
        >>> draws = layers.sample(100, generator=torch.Generator().manual_seed(0))
        >>> draws.unique().tolist()
        [1.0, 2.0, 3.0]
    """

    bounded = True

    def __init__(self, low: Numbers, high: Numbers) -> None:
        self._box = _between("Integer", low, high)
        self.low, self.high, self.dim = self._box.low, self._box.high, self._box.dim
        if not bool((self.low == self.low.round()).all() & (self.high == self.high.round()).all()):
            raise ValueError(f"Integer: expected whole numbers, got {low} and {high}")

    def __repr__(self) -> str:
        low, high = ([int(end) for end in ends] for ends in (self.low, self.high))
        return f"Integer({low}, {high})"

    @property
    def integer(self) -> Tensor:
        """All unknowns are whole numbers, ``(dim,)``."""
        return torch.ones(self.dim, dtype=torch.bool, device="cpu")

    @property
    def bounds(self) -> Box:
        """From ``low`` to ``high``."""
        return self._box

    def sample(self, n: int, *, generator: torch.Generator | None = None) -> Tensor:
        """``n`` draws, shape ``(n, dim)``, float64, on the CPU."""
        draws = Box(self.low, self.high + 1).sample(n, generator=generator).floor()
        return torch.minimum(draws, self.high)  # a uniform draw may be rounded up to its end

    def log_prob(self, x: Tensor) -> Tensor:
        """Log probability of ``x``, ``(..., dim)`` to ``(...)``; −∞ outside and between."""
        x = require_points("Integer: x", x, self.dim)
        there = self._box.contains(x) & (x == x.round()).all(-1)
        return torch.where(there, -(self.high - self.low + 1).log().sum().to(x), -torch.inf)


class Poisson(Law):
    """Independent Poisson laws: whole numbers from 0 up, drawn as float64.

    Args:
        rate: means, ``dim`` numbers above zero; the variances are the same numbers.

    Raises:
        ValueError: a rate that is not finite or not above zero.
    """

    def __init__(self, rate: Numbers) -> None:
        self.rate = vector("rate", rate)
        if not bool((self.rate > 0).all()):
            raise ValueError(f"Poisson: expected rates above zero, got {rate}")
        self.dim = len(self.rate)

    def __repr__(self) -> str:
        return f"Poisson({self.rate.tolist()})"

    @property
    def integer(self) -> Tensor:
        """All unknowns are whole numbers, ``(dim,)``."""
        return torch.ones(self.dim, dtype=torch.bool, device="cpu")

    @property
    def ends(self) -> tuple[Tensor, Tensor]:
        """From 0 up."""
        return torch.zeros_like(self.rate), torch.full_like(self.rate, torch.inf)

    @property
    def bounds(self) -> Box:
        """From the 2.5 % to the 97.5 % point of each law, at least one number wide."""
        from scipy.stats import poisson  # here, since it takes longer to import than the library

        low, high = (
            torch.as_tensor(poisson.ppf(q, self.rate.numpy()), device="cpu") for q in (0.025, 0.975)
        )
        return Box(low, torch.maximum(high, low + 1))

    def sample(self, n: int, *, generator: torch.Generator | None = None) -> Tensor:
        """``n`` draws, shape ``(n, dim)``, float64, on the CPU."""
        rates = self.rate.expand(require_count("n", n), -1)
        return torch.poisson(rates, generator=require_generator("generator", generator))

    def log_prob(self, x: Tensor) -> Tensor:
        """Log probability of ``x``, ``(..., dim)`` to ``(...)``; −∞ below zero and between."""
        x = require_points("Poisson: x", x, self.dim)
        there = ((x >= 0) & (x == x.round()) & x.isfinite()).all(-1)
        # in float64, since large terms leave a small difference
        count, rate = x.double().clamp_min(0), self.rate.to(x.device)
        logs = (count * rate.log() - rate - torch.lgamma(count + 1)).sum(-1)
        return torch.where(there, logs, -torch.inf).to(x)


class Empirical(Law):
    """Unknowns as they came: each draw is one of the given rows, each row as likely.

    Args:
        x: the rows, ``(N, dim)``.

    Raises:
        ValueError: not a table of finite numbers.
    """

    bounded = True

    def __init__(self, x: Tensor | Numbers) -> None:
        rows = torch.as_tensor(native(x), dtype=torch.float64, device="cpu").detach().clone()
        self.x = require_tensor("Empirical: x", rows, ("N", "dim"))
        self.dim = self.x.shape[1]

    def __repr__(self) -> str:
        return f"Empirical({len(self.x)} rows in {self.bounds})"

    @property
    def bounds(self) -> Box:
        """The smallest box that holds all rows."""
        return Box.around(self.x)

    def sample(self, n: int, *, generator: torch.Generator | None = None) -> Tensor:
        """``n`` draws with replacement, shape ``(n, dim)``, float64, on the CPU."""
        size = (require_count("n", n),)
        require_generator("generator", generator)
        return self.x[torch.randint(len(self.x), size, generator=generator, device="cpu")]


def _cholesky(cov: Tensor, dim: int) -> Tensor:
    if cov.shape != (dim, dim):
        raise ValueError(
            f"Normal: expected cov of shape ({dim}, {dim}), one row a mean, got {tuple(cov.shape)}"
        )
    size = cov.diagonal().abs().sqrt()  # whatever the unit of each unknown
    uneven = (cov - cov.mT).abs() > 1e-6 * size[:, None] * size
    if not bool(torch.isfinite(cov).all()) or bool(uneven.any()):
        raise ValueError(f"Normal: expected cov finite and symmetric, got {cov.tolist()}")
    factor, failed = torch.linalg.cholesky_ex((cov + cov.mT) / 2)
    if int(failed):
        raise ValueError(f"Normal: expected cov positive definite, got {cov.tolist()}")
    return factor


def _between(law: str, low: Numbers, high: Numbers) -> Box:
    """The box of a law's ends; an error speaks of the law."""
    try:
        return Box(low, high)
    except ValueError as error:
        raise ValueError(str(error).replace("Box:", f"{law}:", 1)) from None
