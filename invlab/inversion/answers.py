"""What comes back from ``invert``: ranked answers, their errors, and how far to trust them."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from invlab.files import write_whole
from invlab.priors import Box
from invlab.validation import require_integer, require_number

__all__ = ["Answers", "Mode", "length_of"]

# Targets that are printed.
SHOWN = 10


@dataclass(frozen=True)
class Mode:
    """Answers of one target that lie close together.

    Attributes:
        x: the first of them in the order of the answers, ``(dx,)``.
        error: of that one; NaN where nothing was simulated.
        share: of the target's answers.
        count: how many.
    """

    x: Tensor
    error: float
    share: float
    count: int


@dataclass(frozen=True)
class Answers:
    """The answers to B targets, n each, best first.

    Attributes:
        x: ``(B, n, dx)``, float64.
        error: of each answer when it is simulated, ``(B, n)``: mean squared difference to what was
            measured of y, in units of ``sigma`` squared where it was given. Infinite where the
            simulator cannot take the answer; NaN where nothing was simulated.
        believed: what a network that copies the simulator says instead, ``(B, n)``.
        bound: of the error of the first answer, ``(B,)``: at most ``1 − level`` of targets that are
            drawn like the pairs lie above. The error itself where it was simulated without noise.
            NaN for a target that is flagged as not reachable, or where there is no simulator.
        reachable: whether y could come from this simulator under this prior, ``(B,)``.
        p_value: of that, ``(B,)``.
        spread: standard deviation of the answers in each unknown, ``(B, dx)``.
        calls: simulations that all of this took.
        method: whose answers these are.
        level: of the bound.
        posterior: whether the answers are draws of p(x | measured y), ranked and not refined; their
            spread then says more than their number.
        notes: what should be known beside, in words.
        labels, units: of the unknowns.
        x_length: spread of each unknown over the prior, which :meth:`modes` counts in, ``(dx,)``;
            infinite where it never varies.
        error_unit: of errors and bound: ``"y²"``, or ``"σ²"`` where ``sigma`` was given.
    """

    x: Tensor
    error: Tensor
    believed: Tensor
    bound: Tensor
    reachable: Tensor
    p_value: Tensor
    spread: Tensor
    calls: int
    method: str
    level: float
    posterior: bool = False
    notes: tuple[str, ...] = ()
    labels: Sequence[str] = field(default=(), repr=False)
    units: Sequence[str] = field(default=(), repr=False)
    x_length: Tensor | None = field(default=None, repr=False)
    error_unit: str = "y²"

    def __len__(self) -> int:
        return len(self.x)

    def modes(self, target: int = 0, *, radius: float = 0.25) -> list[Mode]:
        """The distinct answers to one target: clusters, in the order of the answers.

        Args:
            target: which.
            radius: answers that are nearer than this to each other's cluster, in spreads of the
                prior, are one.

        Raises:
            IndexError: no such target.
            ValueError: a radius that is no number from 0 on.
        """
        from scipy.cluster.hierarchy import fcluster, linkage

        if not -len(self) <= require_integer("target", target) < len(self):
            raise IndexError(f"modes: expected a target from 0 to {len(self) - 1}, got {target}")
        radius = require_number("radius", radius)
        if not radius >= 0:
            raise ValueError(f"radius: expected a number from 0 on, got {radius}")
        works = self.x[target].isfinite().all(1)  # an answer that is no number lies nowhere
        x, error, total = self.x[target][works], self.error[target][works], len(works)
        if len(x) == 0:
            return []
        if len(x) == 1:
            return [Mode(x[0], float(error[0]), 1 / total, 1)]
        length = torch.ones_like(x[0]) if self.x_length is None else self.x_length.to(x)
        tree = linkage((x / length).cpu().numpy(), method="average")
        group = torch.from_numpy(fcluster(tree, t=radius, criterion="distance"))
        found = []
        for label in group.unique():
            members = (group == label).nonzero()[:, 0]
            first = int(members[0])  # answers come best first
            mode = Mode(x[first], float(error[first]), len(members) / total, len(members))
            found.append((first, mode))
        return [mode for _, mode in sorted(found, key=lambda pair: pair[0])]

    def save(self, path: str | Path) -> Path:
        """Write a table (CSV): a row an answer, with its target, rank, errors, bound and unknowns.

        Errors and bound are in units of ``error_unit``; the bound is that of the first answer.
        ``reachable`` is 1 or 0, and ``nan`` where it was not tested.

        Raises:
            ValueError: another ending than ``.csv``.
        """
        path = Path(path)
        if path.suffix.lower() != ".csv":
            raise ValueError(f"{path}: expected a name that ends in .csv")
        head = ["target", "rank", *self.labels, "error", "believed", "bound", "reachable"]
        count, n, dx = self.x.shape
        tested = ~self.p_value.isnan().cpu().numpy()
        rows = np.column_stack(
            [
                np.repeat(np.arange(count), n),
                np.tile(np.arange(n), count),
                self.x.cpu().numpy().reshape(-1, dx),
                self.error.cpu().numpy().ravel(),
                self.believed.cpu().numpy().ravel(),
                np.where(np.arange(count * n) % n, np.nan, np.repeat(self.bound.cpu().numpy(), n)),
                np.repeat(np.where(tested, self.reachable.cpu().numpy(), np.nan), n),
            ]
        )
        content = io.StringIO()
        csv.writer(content, lineterminator="\n").writerow(head)  # labels may hold commas
        np.savetxt(content, rows, delimiter=",", fmt="%.17g")
        write_whole(path, content.getvalue().encode())
        return path

    def _unknowns(self, target: int) -> list[str]:
        """The best answer; for draws their mean and standard deviation, which takes two of them."""
        if not self.posterior or self.x.shape[1] < 2:
            return [f"{value:.4g}" for value in self.x[target, 0].tolist()]
        middle, spread = self.x[target].mean(0), self.x[target].std(0)
        pairs = zip(middle.tolist(), spread.tolist(), strict=True)
        return [f"{value:.4g} ± {width:.2g}" for value, width in pairs]

    def _reached(self, target: int) -> str:
        if not bool(self.reachable[target]):
            return "no"
        return "not tested" if bool(self.p_value[target].isnan()) else "yes"

    def _kinds(self, target: int) -> str:
        """How many different answers there are, in words."""
        count = self.x.shape[1]
        if self.posterior:
            return "1 draw" if count == 1 else f"{count} draws"
        return f"{len(self.modes(target))} distinct of {count}"

    def __str__(self) -> str:
        labels = [
            f"{label} [{unit}]" if unit else label
            for label, unit in zip(self.labels, self.units, strict=True)
        ]
        seen = not bool(self.error.isnan().all())
        kinds = {"error": self.error} if seen else {}
        kinds |= {"believed": self.believed, "bound": self.bound[:, None]}
        errors = [f"{name} [{self.error_unit}]" for name in kinds]
        cells = [["target", *labels, *errors, "reachable", "answers"]]
        for b in range(min(len(self), SHOWN)):
            cells.append(
                [
                    str(b),
                    *self._unknowns(b),
                    *(_number(float(kind[b, 0])) for kind in kinds.values()),
                    self._reached(b),
                    self._kinds(b),
                ]
            )
        widths = [max(len(row[k]) for row in cells) for k in range(len(cells[0]))]
        lines = [
            "  ".join(cell.rjust(w) for cell, w in zip(row, widths, strict=True)) for row in cells
        ]
        if len(self) > SHOWN:
            lines.append(f"... and {len(self) - SHOWN} targets more")
        head = f"{self.method}: {self.x.shape[1]} answers a target, {self.calls} simulations"
        return "\n".join([head, "", *lines, "", *self.notes])


def length_of(x: Tensor, box: Box | None) -> Tensor:
    """Spread of each unknown ``(N, dx)``, in which answers are told apart: ``(dx,)``, float64.

    Args:
        x: what was learned from, N of at least two.
        box: where answers lie, whose spread counts for what does not vary in x; without one they
            do not vary there either, and the length is infinite.
    """
    # by its ends: the mean of equal numbers is rounded, and their spread then not zero
    constant = x.amin(0) == x.amax(0)
    infinite = torch.full((x.shape[1],), torch.inf, dtype=torch.float64, device=x.device)
    instead = infinite if box is None else box.width.to(infinite) / math.sqrt(12)
    return torch.where(constant, instead, x.double().std(0)).clamp_min(1e-30)


def _number(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.2g}"
