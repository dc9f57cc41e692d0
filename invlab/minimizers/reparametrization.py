"""The unknowns as a search sees them: in a unit of its own, and free even inside a box."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from invlab.minimizers.objective import Evaluation, Objective
from invlab.priors.box import FAR, Box
from invlab.validation import require_numbers

__all__ = [
    "Reparametrization",
    "TransformedObjective",
    "XScale",
    "default_x_scale",
    "require_lengths",
]

# A length for all unknowns, or one for each.
XScale = float | Sequence[float] | Tensor
# In a box a start keeps this share of the half-width away from the edge, where the tanh is flat.
MARGIN = 1e-3
# The default x_scale where a box is known, as a share of its half-width. The best of 0.01 to 1 over
# five tasks, from starts near the answer: with less the robot arm stops early (gtol), with more
# a wave packet jumps out of its valley.
SHARE = 0.1


class Reparametrization:
    """Free coordinates z of unknowns x: ``x = x_scale · z``, or with a scaled tanh inside a box.

    With the middle m and the half-width h of the box, ``x = m + h · tanh(x_scale · z / h)``: in the
    middle one of z is one ``x_scale`` of x, towards the edges less and less. A method whose first
    step has length one, as that of BFGS, first moves by about one ``x_scale``. A box that is open
    on a side has no middle: there x is ``x_scale · z``, moved to the nearest point of the box.

    Args:
        start: where the rows of a search start, ``(B, d)``, inside the box.
        x_scale: length of x that counts as one. 1 if not given, and :func:`default_x_scale` the
            box if there is one.
        box: where x stays; None for everywhere.

    Attributes:
        start_z: coordinates of the starts, ``(B, d)``; of those in the margin at the edge of the
            box, where the tanh is flat, the coordinates of points a little inside.
        moved: which starts those are, ``(B,)``.

    Raises:
        ValueError: an ``x_scale`` that is not above zero, or not one number or one an unknown.
    """

    def __init__(
        self, start: Tensor, x_scale: XScale | None = None, box: Box | None = None
    ) -> None:
        self.box = box
        self.by_tanh = box is not None and box.closed
        if self.by_tanh:
            assert box is not None
            self.middle, self.half = box.center.to(start), box.width.to(start) / 2
        if x_scale is None:
            x_scale = 1.0 if box is None else default_x_scale(box)
        self.x_scale = length("x_scale", x_scale, start)
        self.start, self.start_z = start, self.z(start)
        self.moved = torch.zeros_like(start[:, 0], dtype=torch.bool)
        if self.by_tanh:
            self.moved = (((start - self.middle) / self.half).abs() > 1 - MARGIN).any(1)

    def x(self, z: Tensor) -> Tensor:
        """Unknowns of coordinates, ``(..., d)`` to ``(..., d)``."""
        if self.box is None:
            return self.x_scale * z
        if not self.by_tanh:
            return self.box.clip(self.x_scale * z)
        # rounding may lift the edge by a digit
        return self.box.clip(self.middle + self.half * torch.tanh(self.x_scale * z / self.half))

    def x_of(self, z: Tensor, rows: Tensor) -> Tensor:
        """Unknowns ``(n, d)`` of coordinates of the rows with the numbers ``rows`` ``(n,)``.

        Those of a start are that start to the last digit, so that no search ends above it.
        """
        started = (z == self.start_z[rows]).all(1) & ~self.moved[rows]
        return torch.where(started[:, None], self.start[rows], self.x(z))

    def z(self, x: Tensor) -> Tensor:
        """Coordinates of unknowns; in a box, of the nearest point a little inside."""
        if not self.by_tanh:
            return x / self.x_scale
        share = ((x - self.middle) / self.half).clamp(MARGIN - 1, 1 - MARGIN)
        return share.atanh() * self.half / self.x_scale

    def slope(self, z: Tensor) -> Tensor:
        """dx/dz for each unknown, ``(..., d)``."""
        if not self.by_tanh:
            return self.x_scale.expand_as(z)
        # 1/cosh², which has no cancelling digits near the edge
        return self.x_scale / torch.cosh(self.x_scale * z / self.half).square()


class TransformedObjective:
    """An objective in the coordinates z, on some of the rows.

    Args:
        objective: of x.
        coordinates: from z to x.
        chosen: numbers of the rows that are searched, ``(n,)``; None for all.
    """

    def __init__(
        self, objective: Objective, coordinates: Reparametrization, chosen: Tensor | None = None
    ) -> None:
        self.objective, self.coordinates = objective, coordinates
        everyone = torch.arange(len(coordinates.start), device=coordinates.start.device)
        self.chosen = everyone if chosen is None else chosen

    def __call__(self, z: Tensor, rows: Tensor) -> Evaluation:
        """Value and gradient by z at ``z`` ``(n, d)``; ``rows`` counts among the chosen ones."""
        rows = self.chosen[rows]
        seen = self.objective(self.coordinates.x_of(z, rows), rows)
        return Evaluation(seen.value, seen.gradient * self.coordinates.slope(z))

    def at(self, x: Tensor, rows: Tensor) -> Evaluation:
        """Value and gradient by x at ``x`` ``(n, d)``; ``rows`` counts among the chosen ones."""
        return self.objective(x, self.chosen[rows])

    def some(self, rows: Tensor) -> TransformedObjective:
        """The same on some of these rows, given by their numbers among them, ``(m,)``."""
        return TransformedObjective(self.objective, self.coordinates, self.chosen[rows])


def default_x_scale(box: Box) -> Tensor:
    """The default ``x_scale`` in a box: a tenth of its half-width, 1 where it is open, ``(d,)``."""
    there = (box.low > -FAR) & (box.high < FAR)
    return torch.where(there, SHARE * box.width / 2, 1.0)


def length(name: str, value: XScale, like: Tensor) -> Tensor:
    """A positive length an unknown, ``(d,)``, in the dtype and on the device of ``like``."""
    found = require_numbers(name, value).to(like)
    if found.shape not in ((), (like.shape[1],)) or not _is_positive(found):
        raise ValueError(
            f"{name}: expected a number above 0, or {like.shape[1]} of them, one an unknown, "
            f"got {value}"
        )
    return found.expand(like.shape[1])


def require_lengths(name: str, value: XScale) -> Tensor:
    """Check one length or one an unknown, before their number is known; float64, on the CPU.

    Raises:
        TypeError: no numbers.
        ValueError: zero, negative, NaN or infinite, or more than one axis.
    """
    found = require_numbers(name, value)
    if found.ndim > 1 or not _is_positive(found):
        raise ValueError(f"{name}: expected a length above 0, or one an unknown, got {value}")
    return found


def _is_positive(found: Tensor) -> bool:
    return bool((found > 0).all() & found.isfinite().all())
