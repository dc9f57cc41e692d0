"""The boundary loss: how far outside the box a guess lies."""

from __future__ import annotations

import torch
from torch import Tensor

from invlab.priors import Box
from invlab.validation import require_points

__all__ = ["boundary_loss"]


def boundary_loss(x: Tensor, box: Box) -> Tensor:
    """How far outside the box: mean over unknowns of ``ReLU(|x − μ| − R/2) / R``, ``(...)``.

    Ren, Padilla and Malof (2020), equation 5, with each unknown in units of the range R of the
    box, and with the *mean* of one guess. The published code sums over the batch what the
    misfit averages, so that there the weight grows with the number of guesses searched together.

    Raises:
        TypeError, ValueError: x is no tensor of real numbers, or has not the unknowns of the box.

    Example:
        >>> import torch
        >>> import invlab
        >>> x = torch.tensor([[0.5], [1.0], [1.5]])
        >>> invlab.losses.boundary_loss(x, invlab.Box([0.0], [1.0])).tolist()
        [0.0, 0.0, 0.5]
    """
    x = require_points("boundary_loss: x", x, box.dim)
    width = box.width.to(x)
    return torch.relu((x - box.center.to(x)).abs() / width - 0.5).mean(-1)
