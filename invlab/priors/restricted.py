"""A law cut to a part of its range: a smaller box, or where a condition holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from invlab.priors.box import Box, Law, Prior, ends_of, integer_mask
from invlab.validation import native, require_count

__all__ = ["Condition", "Restricted", "holds"]

# Unknowns ``(N, dim)`` to which of them are allowed, ``(N,)``.
Condition = Callable[[Tensor], Any]
# How many draws are tried for one that is allowed before the condition counts as hopeless.
TRIES = 100_000
# Draws at a time: at least and, where few are allowed, at most.
FEWEST, MOST = 256, 65_536


class Restricted(Law):
    """Draws of a law that lie in a box and meet a condition, by drawing again what does not.

    Args:
        law: to be cut.
        box: where draws have to lie; everywhere if not given.
        condition: unknowns ``(N, dim)``, float64, to a mask ``(N,)``; no condition if not given.

    Raises:
        ValueError: a box of another dimension.
    """

    def __init__(
        self, law: Prior, *, box: Box | None = None, condition: Condition | None = None
    ) -> None:
        if box is not None and box.dim != law.dim:
            raise ValueError(f"bounds: expected a box of {law.dim} unknowns, got {box.dim}")
        self.law, self.box, self.condition = law, box, condition
        self.dim = law.dim

    def __repr__(self) -> str:
        within = "" if self.box is None else f", box={self.box}"
        return f"Restricted({self.law}{within}, condition={self.condition})"

    @property
    def integer(self) -> Tensor:
        """As for the law that is cut."""
        return integer_mask(self.law)

    @property
    def ends(self) -> tuple[Tensor, Tensor]:
        """Those of the law or of the box, whichever is narrower."""
        low, high = ends_of(self.law)
        if self.box is None:
            return low, high
        floor, ceiling = self.box.ends
        return torch.maximum(low, floor), torch.minimum(high, ceiling)

    @property
    def bounded(self) -> bool:  # type: ignore[override]
        """Whether law and box together end on both sides of each unknown."""
        low, high = self.ends
        return bool(low.isfinite().all() & high.isfinite().all())

    @property
    def bounds(self) -> Box:
        """The range of the law, cut by the box; as wide beside it, where the box has no part of it.

        Raises:
            ValueError: no draw of the law lies in the box.
        """
        own = self.law.bounds
        if self.box is None:
            return own
        low, high = self.ends
        if not bool((low < high).all()):
            raise ValueError(f"bounds: expected a box that meets {own}, got {self.box}")
        above, below = self.box.low >= own.high, self.box.high <= own.low
        low = torch.where(below, self.box.high - own.width, own.low)
        high = torch.where(above, self.box.low + own.width, own.high)
        return Box(torch.maximum(low, self.box.low), torch.minimum(high, self.box.high))

    def allows(self, x: Tensor) -> Tensor:
        """Which unknowns ``(N, dim)`` lie in the box and meet the condition: ``(N,)``."""
        inside = torch.ones(len(x), dtype=torch.bool, device=x.device)
        if self.box is not None:
            inside &= self.box.contains(x)
        return inside if self.condition is None else inside & holds(self.condition, x)

    def sample(self, n: int, *, generator: torch.Generator | None = None) -> Tensor:
        """``n`` draws, shape ``(n, dim)``, float64, on the CPU.

        Raises:
            ValueError: too few draws of the law are allowed; the message says which share.
        """
        # a box in a box is a box: what is left to meet is the condition
        law = self.bounds if isinstance(self.law, Box) else self.law
        parts: list[Tensor] = []
        found = drawn = 0
        wanted = max(require_count("n", n), FEWEST)
        while found < n:
            x = law.sample(wanted, generator=generator)
            x = x[self.allows(x)]
            parts.append(x)
            found, drawn = found + len(x), drawn + wanted
            wanted = max(wanted, min((n - found) * drawn // (found + 1), MOST))
            if drawn > TRIES * (found + 1):
                raise ValueError(
                    f"bounds, feasible: {found} of {drawn} draws of the prior meet them; "
                    "widen them, or give a prior that is narrower (an equality holds for no draw: "
                    "put it into the simulator, with one unknown fewer)"
                )
        return torch.cat(parts)[:n]

    def log_prob(self, x: Tensor) -> Tensor:
        """Log density of the law where x is allowed, up to a constant; −∞ elsewhere."""
        law: Any = self.law
        flat = x.flatten(0, -2) if x.ndim > 1 else x[None]
        allowed = self.allows(flat).reshape(x.shape[:-1])
        found: Tensor = law.log_prob(x)
        return torch.where(allowed, found, -torch.inf)


def holds(condition: Condition, x: Tensor) -> Tensor:
    """Ask a condition of somebody's own, and check what it says.

    Args:
        condition: see :class:`Restricted`.
        x: ``(N, dim)``.

    Returns:
        A mask ``(N,)`` on the device of x.

    Raises:
        TypeError: no answers at all.
        ValueError: not one answer a row.
    """
    said = condition(x.detach().clone())
    try:
        mask = torch.as_tensor(native(np.asarray(said) if isinstance(said, list) else said))
        mask = mask.to(x.device)
    except (TypeError, ValueError, RuntimeError) as error:
        forgotten = "; does the function return its mask?" if said is None else ""
        raise TypeError(
            f"feasible: expected one True or False a row, got {said!r}{forgotten}"
        ) from error
    if mask.shape != (len(x),):
        raise ValueError(
            f"feasible: expected one True or False a row, shape ({len(x)},) for unknowns of shape "
            f"{tuple(x.shape)}, got {tuple(mask.shape)}"
        )
    if mask.dtype != torch.bool and not bool(((mask == 0) | (mask == 1)).all()):
        # a constraint function of an optimiser gives numbers, whose sign says what holds
        raise ValueError(
            f"feasible: expected True or False a row, got numbers such as {float(mask[0]):.3g}; "
            "compare them, as in lambda x: g(x) >= 0"
        )
    return mask.bool()
