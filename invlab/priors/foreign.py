"""Laws of SciPy and of torch as priors: any frozen ``scipy.stats`` one, any distribution."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cached_property, partial
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Distribution

from invlab.priors.box import Box, Law
from invlab.priors.supports import part_of, put_back, support_of
from invlab.runtime import generator as stream
from invlab.runtime import next_seed, seeded
from invlab.validation import require_count, require_points

__all__ = ["ScipyLaw", "TorchLaw", "is_scipy", "name_in_scipy", "parameters"]

# Where a law has no quantile function, its 95 % range is that of so many draws.
DRAWS = 10_000
TAILS = (0.025, 0.975)
# Of parameters that say the same thing, torch wants one.
_SAME = (("scale_tril", "covariance_matrix", "precision_matrix"), ("probs", "logits"))


class _Foreign(Law):
    """A law whose range is worked out by what its maker offers, or from draws.

    Attributes:
        law: the law as it came.
    """

    law: Any

    def __init__(self, law: Any, one: Any) -> None:
        self.law = law
        shape = tuple(one.shape)
        if len(shape) > 1 or 0 in shape:
            raise ValueError(
                f"prior: expected a law of one number or of a vector, but a draw of {law!r} has "
                f"shape {shape}; reshape it, or give a Product of several laws"
            )
        self.dim = 1 if shape == () else shape[0]

    @property
    def bounded(self) -> bool:  # type: ignore[override]
        """Whether the law ends on both sides of each unknown."""
        low, high = self._ends()
        return bool(low.isfinite().all() & high.isfinite().all())

    @property
    def ends(self) -> tuple[Tensor, Tensor]:
        """Where the law begins and ends."""
        return self._ends()

    @cached_property
    def bounds(self) -> Box:
        """From end to end where a law has two, else its central 95 % range."""
        low, high = self._ends()
        within = low.isfinite() & high.isfinite()
        if not bool(within.all()):
            inner = self._central()
            low = torch.where(within, low, inner[0])
            high = torch.where(within, high, inner[1])
        step = torch.where(self.integer, 1.0, 1e-6 * (1 + low.abs()))
        return Box(low, torch.where(high > low, high, low + step))

    def sample(self, n: int, *, generator: torch.Generator | None = None) -> Tensor:
        """``n`` draws, shape ``(n, dim)``, float64, on the CPU."""
        raise NotImplementedError

    def _ends(self) -> tuple[Tensor, Tensor]:
        """Where the law begins and ends, ``(dim,)`` each; infinite where it does not."""
        raise NotImplementedError

    def _central(self) -> tuple[Tensor, Tensor]:
        """The central 95 % range, ``(dim,)`` each."""
        draws = self.sample(DRAWS, generator=stream(0, "central range"))
        low, high = np.quantile(draws.numpy(), TAILS, axis=0)
        return torch.as_tensor(low, device="cpu"), torch.as_tensor(high, device="cpu")

    def _columns(self, values: Any) -> Tensor:
        """One number a law, or one for all, as a float64 vector ``(dim,)``."""
        numbers = torch.as_tensor(values, dtype=torch.float64, device="cpu").detach()
        return numbers.expand(self.dim).clone()


class TorchLaw(_Foreign):
    """A ``torch.distributions`` law: of one number, or of a vector by its batch or event shape.

    Its draws come from torch's global generators, started from a number of the given one, and
    leave them as they were.

    Raises:
        ValueError: a draw has more than one axis.
    """

    law: Distribution

    def __init__(self, law: Distribution) -> None:
        with seeded(0), torch.no_grad():
            one = law.sample()
            super().__init__(law, one)
            self._one, self._part = one, part_of(law)

    def __repr__(self) -> str:
        found = parameters(self.law)
        if found is None:
            return " ".join(repr(self.law).split())
        listed = (f"{key}={torch.as_tensor(value).tolist()}" for key, value in found.items())
        return f"{type(self.law).__name__}({', '.join(listed)})"

    @property
    def integer(self) -> Tensor:
        """Which unknowns are whole numbers, those of a discrete law, ``(dim,)``."""
        discrete = bool(getattr(support_of(self.law), "is_discrete", False))
        return torch.full((self.dim,), discrete, device="cpu")

    def sample(self, n: int, *, generator: torch.Generator | None = None) -> Tensor:
        """``n`` draws, shape ``(n, dim)``, float64, on the CPU."""
        count = require_count("n", n)
        with seeded(next_seed(generator)), torch.no_grad():
            draws = self.law.sample((count,))
        return draws.reshape(count, self.dim).to("cpu", torch.float64)

    def log_prob(self, x: Tensor) -> Tensor:
        """Log density or probability at ``x``, ``(..., dim)`` to ``(...)``; −∞ off its support.

        Points that are off it by the rounding of their dtype alone are on it.
        """
        x = require_points("prior: x", x, self.dim)
        value = x.to(self._one).reshape(*x.shape[:-1], *self._one.shape)
        logs = self._part.log_prob(value, torch.finfo(x.dtype).eps)
        if not value.is_floating_point():  # which cut what lies between off
            between = (x != x.round()).any(-1)
            between = between.reshape(*between.shape, *[1] * (logs.ndim - between.ndim))
            logs = torch.where(between, -torch.inf, logs)
        return self._summed(logs, x)

    def _summed(self, logs: Tensor, x: Tensor) -> Tensor:
        return (logs.sum(-1) if logs.ndim == x.ndim else logs).to(x)

    def _ends(self) -> tuple[Tensor, Tensor]:
        low, high = self._part.ends()
        return self._columns(low), self._columns(high)

    def _central(self) -> tuple[Tensor, Tensor]:
        try:
            low, high = (self.law.icdf(torch.full_like(self._one, q)) for q in TAILS)
        except (NotImplementedError, AttributeError, ValueError):
            return super()._central()
        return self._columns(low), self._columns(high)


class ScipyLaw(_Foreign):
    """A frozen ``scipy.stats`` law: ``gamma(2.0, scale=3.0)``, or with arrays, an unknown each.

    Its draws come from a NumPy generator that is started from a number of the given one.

    Raises:
        ValueError: a draw has more than one axis.
    """

    def __init__(self, law: Any) -> None:
        one = np.asarray(_draws(law, None, 0))
        if not hasattr(law, "dist") and one.ndim == 2 and len(one) == 1:
            one = one[0]  # some laws of vectors give a table of one row
        self._whole = np.issubdtype(one.dtype, np.integer)
        super().__init__(law, one)

    def __repr__(self) -> str:
        if not hasattr(self.law, "dist"):
            return f"scipy.stats.{type(self.law).__name__}"
        given = [*map(repr, self.law.args), *(f"{k}={v!r}" for k, v in self.law.kwds.items())]
        from scipy import stats  # here, since it takes longer to import than the library

        kind, name = type(self.law.dist), self.law.dist.name
        standard = type(getattr(stats, str(name), None)) is kind
        return f"{f'scipy.stats.{name}' if standard else kind.__name__}({', '.join(given)})"

    @property
    def integer(self) -> Tensor:
        """Which unknowns are whole numbers, those of a discrete law, ``(dim,)``."""
        return torch.full((self.dim,), bool(self._whole), device="cpu")

    def sample(self, n: int, *, generator: torch.Generator | None = None) -> Tensor:
        """``n`` draws, shape ``(n, dim)``, float64, on the CPU."""
        count = require_count("n", n)
        draws = _draws(self.law, (count, self.dim), next_seed(generator))
        numbers = np.asarray(draws, np.float64).reshape(count, self.dim)
        return torch.as_tensor(numbers, device="cpu")

    def log_prob(self, x: Tensor) -> Tensor:
        """Log density or probability at ``x``, ``(..., dim)`` to ``(...)``; without a gradient.

        −∞ off its support; points that are off it by the rounding of their dtype alone are on it.
        """
        x = require_points("prior: x", x, self.dim)
        eps = torch.finfo(x.dtype).eps
        value = put_back(x.detach().cpu().double(), self._ends(), eps).numpy()
        logs = self.law.logpmf if self._whole and hasattr(self.law, "logpmf") else self.law.logpdf
        if hasattr(self.law, "dist") or hasattr(self.law, "icdf"):
            found = np.asarray(logs(value)).sum(-1)
        else:  # laws of vectors differ in how they take several
            rows = value.reshape(-1, self.dim)
            logs = partial(_or_nowhere, logs, whole=bool(self._whole), slack=self.dim * eps)
            found = np.array([logs(row) for row in rows]).reshape(value.shape[:-1])
        return torch.as_tensor(found, device="cpu").to(x)

    def _ends(self) -> tuple[Tensor, Tensor]:
        if not hasattr(self.law, "support"):
            return self._columns(-torch.inf), self._columns(torch.inf)
        low, high = self.law.support()
        return self._columns(low), self._columns(high)

    def _central(self) -> tuple[Tensor, Tensor]:
        quantile = getattr(self.law, "ppf", None) or getattr(self.law, "icdf", None)
        if quantile is None:
            return super()._central()
        low, high = (self._columns(quantile(q)) for q in TAILS)
        return low, high


def parameters(law: Distribution) -> dict[str, Any] | None:
    """What makes a law of torch again: numbers and tensors by name, or None where they do not."""
    signature = dict(inspect.signature(type(law)).parameters)
    signature.pop("validate_args", None)
    for same in _SAME:
        given = [key for key in same if key in signature]
        kept = next((key for key in given if key in vars(law)), given[0] if given else None)
        for key in given:
            if key != kept:
                del signature[key]
    found = {key: getattr(law, key, None) for key in signature}
    plain = all(isinstance(value, Tensor | int | float) for value in found.values())
    return found if plain else None


def is_scipy(law: Any) -> bool:
    """Whether it is a law of SciPy that is ready to draw from."""
    if not type(law).__module__.startswith("scipy."):
        return False
    # one that waits for its numbers is called with them
    return hasattr(law, "icdf") or (hasattr(law, "rvs") and not callable(law))


def name_in_scipy(law: Any) -> str | None:
    """The name in ``scipy.stats`` of a law that waits for its numbers, None if it has none."""
    if not type(law).__module__.startswith("scipy."):
        return None
    from scipy import stats  # here, since it takes longer to import than the library

    return next((name for name, known in vars(stats).items() if known is law), None)


def _draws(law: Any, shape: tuple[int, int] | None, seed: int) -> Any:
    """Draws of shape ``(n, dim)`` up to axes of length one, or a single one."""
    random = np.random.default_rng(seed)
    if hasattr(law, "icdf"):  # the laws that SciPy made new in 1.15, such as scipy.stats.Normal
        return law.sample(() if shape is None else shape[0], rng=random)
    if shape is None:
        return law.rvs(random_state=random)
    univariate = hasattr(law, "dist")
    return law.rvs(size=shape if univariate else shape[0], random_state=random)


def _or_nowhere(
    logs: Callable[[np.ndarray], Any], row: np.ndarray, *, whole: bool, slack: float
) -> float:
    """Log density at one point; −∞ where the law refuses it, such as off its simplex.

    Args:
        logs: of the law.
        row: the point, ``(dim,)``.
        whole: whether the law is one of whole numbers, which some laws want as such.
        slack: how far the sum of a point on a simplex, or the length of one on a sphere, may be
            from 1 by rounding.
    """
    if whole and not (row == row.round()).all():
        return -np.inf
    sizes = (size for size in (row.sum(), np.linalg.norm(row)) if 0 < abs(size - 1) <= slack)
    for point in (row, *(row / size for size in sizes)):
        try:
            return float(np.squeeze(logs(point.astype(np.int64) if whole else point)))
        except ValueError:
            continue
    return -np.inf
