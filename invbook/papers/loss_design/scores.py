"""What is measured on each of them."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from invbook.papers.loss_design.fits import NORMS, THREE_POINTS
from invlab import losses
from invlab.metrics import rmse
from invlab.surrogates.regression import Surrogate
from invlab.tasks.square import Square, branch_scores

__all__ = ["forward_scores", "inverse_scores"]

TEST_SEED = 1
TEST_POINTS = 2000


class Inverts(Protocol):
    """What is scored: an inverse network, or what stands in its place."""

    @property
    def surrogate(self) -> Surrogate | None:
        """The forward map that it was trained with, if any."""

    def invert(self, y: Tensor) -> Tensor:
        """Answers of each member to targets ``(N, 1)``: ``(K, N, 1)``."""


def inverse_scores(model: Inverts) -> dict[str, Tensor]:
    """Scores of an inverse on 2000 random targets, one number a member.

    Besides :func:`~invlab.tasks.square.branch_scores`: the loss (3) on the grid in original
    units, ``inverse_l1`` and ``inverse_l2``; and where there is a surrogate, ``surrogate_rmse_y``,
    the error it believes in, and ``forward_rmse``, its own error.
    """
    task = Square()
    targets, grid = task.targets(TEST_POINTS, seed=TEST_SEED), task.grid()
    x_hat = model.invert(targets.y)
    scores = branch_scores(x_hat, targets.y)
    for norm in NORMS:
        answers = model.invert(grid.y).double()
        scores[f"inverse_{norm}"] = losses.inverse_misfit(answers, grid.x.double(), norm)
    if model.surrogate is not None:
        with torch.no_grad():
            scores["surrogate_rmse_y"] = rmse(model.surrogate(x_hat), targets.y)
        scores |= forward_scores(model.surrogate)
    return scores


def forward_scores(surrogate: Surrogate) -> dict[str, Tensor]:
    """Errors of f̂ against x² on 6601 points, in the unit of y, one number a member.

    ``forward_rmse`` over all, ``near_rmse`` within 1 of the three points, ``far_rmse`` more than
    5 away from each, ``zero_rmse`` for ``|x| < 5``, ``at_points`` the largest at the three, and
    ``slope`` the largest error of the derivative there.
    """
    task = Square()
    dense = task.grid(6601)
    points = task.at(THREE_POINTS)
    distance = (dense.x - points.x.T).abs().amin(1)
    with torch.no_grad():
        copied = surrogate(dense.x)
        at_points = (surrogate(points.x) - points.y).abs().amax((-2, -1))

    def error(rows: Tensor) -> Tensor:
        return rmse(copied[:, rows], dense.y[rows])

    gap = losses.jacobian(surrogate, points.x).detach() - task.derivative(points.x)
    return {
        "forward_rmse": error(distance >= 0),
        "near_rmse": error(distance <= 1),
        "far_rmse": error(distance > 5),
        "zero_rmse": error(dense.x[:, 0].abs() < 5),
        "at_points": at_points,
        "slope": gap.abs().amax((-3, -2, -1)),
    }
