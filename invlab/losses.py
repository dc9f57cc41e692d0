"""Every named loss, as plain functions of tensors.

Each returns one number for every leading index: rows and features, the last two axes, are
averaged, and a leading axis of ``K`` members is kept, so that seeds trained together do not
mix. A loss with several terms returns them by name; the loss is their sum.

Units: an ``"l1"`` loss has the unit of its residual, an ``"l2"`` loss that unit squared. A
derivative has the unit of y over that of x, so a weight on it only means something together
with the units: scale x and y first, and say how.

Equation numbers are those of Rivera, Pardo and Alberdi (ICCS 2020).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from invlab.priors import Box
from invlab.validation import require_same_length

__all__ = [
    "Norm",
    "boundary_loss",
    "directional_derivative",
    "effect_misfit",
    "encoder_decoder",
    "finite_difference",
    "forward_misfit",
    "hermite",
    "inverse_misfit",
    "jacobian",
    "misfit",
    "smoothness",
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
    if prediction.shape[-2:] != target.shape[-2:]:
        raise ValueError(
            "misfit: expected the same rows and features, "
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


def hermite(
    surrogate: Map,
    x: Tensor,
    y: Tensor,
    derivative: Tensor,
    norm: Norm = "l2",
    *,
    weight: float = 1.0,
    differentiate: Callable[[Map, Tensor], Tensor] | None = None,
) -> dict[str, Tensor]:
    """Hermite loss, equation (16): values and first derivatives at the samples.

    Args:
        surrogate: f̂.
        x, y: pairs, ``(N, dx)`` and ``(N, dy)``.
        derivative: what ``differentiate`` should give, from wherever you have it: an adjoint
            solver, autograd, a formula. ``(N, dy, dx)`` for a Jacobian.
        weight: weight of the second term; its unit is that of x (l1) or x² (l2).
        differentiate: how f̂ is differentiated. :func:`jacobian` (default) is exact,
            :func:`finite_difference` is the paper's, :func:`directional_derivative` costs one
            pass however many unknowns there are.

    Returns:
        ``{"F": ‖f̂(x) − y‖, "DER": weight · ‖f̂'(x) − derivative‖}``.
    """
    require_same_length(x=x, y=y, derivative=derivative)
    slope = (differentiate or jacobian)(surrogate, x)
    if slope.shape[-derivative.ndim :] != derivative.shape:
        raise ValueError(
            f"hermite: expected derivatives of shape {tuple(slope.shape[-derivative.ndim :])}, "
            f"got {tuple(derivative.shape)}"
        )
    gap = slope - derivative
    return {
        "F": forward_misfit(surrogate, x, y, norm),
        "DER": weight * misfit(gap.flatten(-2), torch.zeros_like(gap).flatten(-2), norm),
    }


def smoothness(
    surrogate: Map,
    x: Tensor,
    norm: Norm = "l2",
    *,
    order: Literal[1, 2] = 1,
    step: float = 1e-3,
) -> Tensor:
    """Size of the first or second difference quotient of f̂, the third term of equation (17).

    Args:
        surrogate: f̂.
        x: points, ``(N, dx)``; each unknown is varied in turn.
        order: 1 is the paper's; 2 penalises bending, and its l2 minimiser through given
            points is the natural cubic spline.
        step: h of the quotient, in the unit of x.

    Returns:
        Unit of y over x (order 1) or x² (order 2), squared for l2.

    Raises:
        ValueError: another order, or a step not above zero.
    """
    if order not in (1, 2) or not step > 0:
        raise ValueError(f"smoothness: expected order 1 or 2 and step > 0, got {order} and {step}")
    here = surrogate(x)
    quotients = []
    for shift in step * torch.eye(x.shape[-1], dtype=x.dtype, device=x.device):
        ahead = surrogate(x + shift)
        if order == 1:
            quotients.append((ahead - here) / step)
        else:
            quotients.append((ahead - 2 * here + surrogate(x - shift)) / step**2)
    stacked = torch.cat(quotients, -1)
    return misfit(stacked, torch.zeros_like(stacked), norm)


def jacobian(surrogate: Map, x: Tensor) -> Tensor:
    """Exact derivatives of f̂ by autograd.

    Args:
        surrogate: maps ``(N, dx)`` to ``(..., N, dy)``, each row on its own.
        x: ``(N, dx)``.

    Returns:
        ``(..., N, dy, dx)``; can be differentiated again by the network's weights.
    """
    with torch.enable_grad():
        lead = surrogate(x).shape[:-1]
        # one copy of x for each member, so that each keeps its own derivative
        points = x.detach().expand(*lead, x.shape[-1]).clone().requires_grad_()
        outputs = surrogate(points)
        rows = [
            torch.autograd.grad(outputs[..., j].sum(), points, create_graph=True)[0]
            for j in range(outputs.shape[-1])
        ]
    return torch.stack(rows, -2)


def finite_difference(surrogate: Map, x: Tensor, *, step: float = 1e-3) -> Tensor:
    """The paper's derivative: ``(f̂(x + ε e_k) − f̂(x)) / ε`` for each unknown k.

    Returns ``(..., N, dy, dx)``. In float32 a small ε loses digits to round-off, and a ReLU
    network may hide a kink inside the step: :func:`jacobian` has neither fault.
    """
    here = surrogate(x)
    shifts = step * torch.eye(x.shape[-1], dtype=x.dtype, device=x.device)
    return torch.stack([(surrogate(x + shift) - here) / step for shift in shifts], -1)


def directional_derivative(surrogate: Map, x: Tensor, direction: Tensor) -> Tensor:
    """Derivative of f̂ along one direction a row, by one forward-mode pass (JVP).

    Args:
        surrogate: maps ``(N, dx)`` to ``(..., N, dy)``.
        x, direction: ``(N, dx)``.

    Returns:
        ``(..., N, dy, 1)``, to be compared with ``(J v)[..., None]``.
    """
    pass_through: tuple[Tensor, ...] = torch.func.jvp(surrogate, (x,), (direction,))
    return pass_through[1].unsqueeze(-1)


def boundary_loss(x: Tensor, box: Box) -> Tensor:
    """How far outside the box: mean over unknowns of ``ReLU(|x − μ| − R/2) / R``, ``(...)``.

    Ren, Padilla and Malof (2020), equation 5, with each unknown in units of the range R of the
    box, and with the *mean* of one guess. The published code sums over the batch what the
    misfit averages, so that there the weight grows with the number of guesses searched together.
    """
    width = box.width.to(x)
    return torch.relu((x - box.center.to(x)).abs() / width - 0.5).mean(-1)
