"""Plain optimisation: local searches on the true simulator, from several starts a target."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from invlab.improve import differences, rank, squared_distance
from invlab.methods.base import Bounds
from invlab.methods.simulator_search import StartedSearch
from invlab.minimizers import minimize
from invlab.minimizers.reparametrization import default_x_scale
from invlab.priors import Box
from invlab.task import Task
from invlab.validation import require_count

__all__ = ["LocalSearch"]

# Rows that search side by side, so that memory does not grow with targets times starts.
CHUNK = 4096


class LocalSearch(StartedSearch):
    """Minimise ``Σ (f(x, c) − y)²`` over x on the true simulator, best answer first.

    What a scientist without a network would do: half of the starts are the training pairs whose y
    is nearest, the others are draws from the prior. All searches of all targets run side by side,
    in float64, with y in units of its spread over the pairs.

    Args:
        algorithm: ``"bfgs"``, or ``"lm"`` (Levenberg–Marquardt), which takes fewer steps and
            needs the whole Jacobian.
        starts: searches a target, and more where more guesses are asked for.
        maxiter: steps of a search, at most.
        bounds: ``"clip"`` searches inside the task's box, ``"free"`` everywhere.

    Example:
        >>> import invlab
        >>> task = invlab.get_task("square")  # y = x²
        >>> model = invlab.get_method("local_search", algorithm="lm").fit(task, task.sample(100))
        >>> x = model.propose(task.at([5.0]).y, n=10)
        >>> sorted({round(value, 2) for value in x.flatten().tolist()})
        [-5.0, 5.0]
    """

    name = "local_search"
    needs_gradient = True

    def __init__(
        self,
        *,
        algorithm: Literal["bfgs", "lm"] = "bfgs",
        starts: int = 10,
        maxiter: int = 100,
        bounds: Bounds = "clip",
    ) -> None:
        super().__init__(bounds=bounds)
        if algorithm not in ("bfgs", "lm"):
            raise ValueError(f"algorithm: expected 'bfgs' or 'lm', got {algorithm!r}")
        self.algorithm = algorithm
        self.starts = require_count("starts", starts)
        self.maxiter = require_count("maxiter", maxiter)

    def guess(
        self,
        y: Tensor,
        n: int,
        c: Tensor | None,
        *,
        generator: torch.Generator | None,
        box: Box | None,
    ) -> Tensor:
        """The ends of the searches from all starts, in the order of their true misfit."""
        assert self.task is not None
        start = self.started(y, max(n, self.starts), c, self.own_generator(generator), box, box)
        rows = torch.arange(len(y), device=y.device).repeat_interleave(start.shape[1])
        parts = [
            self._search(self.task, x, y[some], None if c is None else c[some], box)
            for x, some in zip(start.flatten(0, 1).split(CHUNK), rows.split(CHUNK), strict=True)
        ]
        x, misfit = (torch.cat(ends) for ends in zip(*parts, strict=True))
        x, misfit = self._settled(x, misfit, y[rows], None if c is None else c[rows], box)
        shape = start.shape[:2]
        return rank(x.unflatten(0, shape), misfit.unflatten(0, shape))[:, :n]

    def _settled(
        self, x: Tensor, misfit: Tensor, y: Tensor, c: Tensor | None, box: Box | None
    ) -> tuple[Tensor, Tensor]:
        """The ends as whole numbers where the prior has them, with the misfit there."""
        assert self.task is not None
        whole = self.whole(x)
        if box is not None:
            whole = torch.clamp(whole, *(edge.to(whole) for edge in self._edges(box)))
        moved = (whole != x).any(1)
        if not bool(moved.any()):
            return x, misfit
        fun = squared_distance(self.task, y.double(), c, y_scale=float(self.y_length))
        rows = moved.nonzero()[:, 0]
        with torch.no_grad():
            there = torch.cat([fun(whole[some], some) for some in rows.split(CHUNK)]).to(misfit)
        return whole, misfit.index_copy(0, rows, there.nan_to_num(torch.inf))

    def _search(
        self, task: Task, start: Tensor, y: Tensor, c: Tensor | None, box: Box | None
    ) -> tuple[Tensor, Tensor]:
        """Where the searches end, and the true misfit there."""
        y_scale, goal = float(self.y_length), y.double()
        if self.algorithm == "bfgs":
            fun = squared_distance(task, goal, c, y_scale=y_scale)
            x_scale = default_x_scale(task.box if box is None or box is self.box else box)
            found = minimize(fun, start, bounds=box, x_scale=x_scale, maxiter=self.maxiter)
        else:
            apart = differences(task, goal, c, y_scale=y_scale)
            found = minimize(apart, start, method="lm", bounds=box, maxiter=self.maxiter)
        return found.x, found.fun
