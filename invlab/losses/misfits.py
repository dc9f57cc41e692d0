"""Misfits: of the unknowns, of their effect, and of a surrogate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from torch import Tensor

__all__ = [
    "Map",
    "Norm",
    "effect_misfit",
    "encoder_decoder",
    "forward_misfit",
    "inverse_misfit",
    "misfit",
]

Norm = Literal["l1", "l2"]
Map = Callable[[Tensor], Tensor]


def misfit(prediction: Tensor, target: Tensor, norm: Norm = "l2") -> Tensor:
    """Mean absolute (``"l1"``) or mean squared (``"l2"``) difference, equations (4) and (5).

    Args:
        prediction: ``(..., N, d)``.
        target: ``(N, d)`` or ``(..., N, d)``.
        norm: which.

    Returns:
        ``(...)``. The mean replaces the paper's sum, and ``"l2"`` has no root: same minimiser.

    Raises:
        ValueError: unknown norm, or shapes that differ in rows or features.
    """
    if norm not in ("l1", "l2"):
        raise ValueError(f"norm: expected 'l1' or 'l2', got {norm!r}")
    if prediction.ndim < 2 or prediction.shape[-2:] != target.shape[-2:]:
        raise ValueError(
            "misfit: expected the same rows and features, (..., N, d), "
            f"got {tuple(prediction.shape)} and {tuple(target.shape)}"
        )
    residual = prediction - target
    return (residual.abs() if norm == "l1" else residual.square()).mean((-2, -1))


def inverse_misfit(x_hat: Tensor, x: Tensor, norm: Norm = "l2") -> Tensor:
    """Misfit of the inverse data, ``‖I(y) − x‖``, equation (3), in the unit of x.

    Its minimiser is the conditional mean of x given y (l2) or any conditional median (l1),
    neither of which needs to be an answer: Theorem 1.
    """
    return misfit(x_hat, x, norm)


def forward_misfit(surrogate: Map, x: Tensor, y: Tensor, norm: Norm = "l2") -> Tensor:
    """Misfit of the surrogate, ``‖f̂(x) − y‖``, in the unit of y: the first step of the two-step
    loss, equation (13), and the first term of most others.
    """
    return misfit(surrogate(x), y, norm)


def effect_misfit(simulator: Map, x_hat: Tensor, y: Tensor, norm: Norm = "l2") -> Tensor:
    """Misfit of the effect of the inverse data, ``‖f(I(y)) − y‖``, equation (11), in the unit of y.

    With a trained and frozen network in place of the simulator this is the second step of
    the two-step loss, equation (14), also called tandem.

    Example:
        >>> import torch
        >>> from invlab import losses
        >>> x, answer = torch.tensor([[5.0]]), torch.tensor([[-5.0]])
        >>> losses.inverse_misfit(answer, x).item()  # far from the x that made the target
        100.0
        >>> losses.effect_misfit(torch.square, answer, x.square()).item()  # yet explains it
        0.0
    """
    return misfit(simulator(x_hat), y, norm)


def encoder_decoder(
    surrogate: Map, x: Tensor, y: Tensor, x_hat: Tensor, y_target: Tensor, norm: Norm = "l2"
) -> dict[str, Tensor]:
    """Encoder–decoder loss, equation (12), in the unit of y.

    Args:
        surrogate: f̂, trained by both terms.
        x, y: pairs for the first term, ``(..., N, dx)`` and ``(..., N, dy)``.
        x_hat, y_target: answers and their targets for the second, ``(..., M, dx)`` and
            ``(..., M, dy)``.

    Returns:
        ``{"F": ‖f̂(x) − y‖, "FI": ‖f̂(I(y)) − y‖}``.
    """
    return {
        "F": forward_misfit(surrogate, x, y, norm),
        "FI": effect_misfit(surrogate, x_hat, y_target, norm),
    }
