"""Losses that compare derivatives too, and three ways to differentiate a network."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from invlab.losses.misfits import Map, Norm, forward_misfit, misfit
from invlab.validation import require_number, require_same_length

__all__ = ["directional_derivative", "finite_difference", "hermite", "jacobian"]


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

    Example:
        >>> import torch
        >>> from invlab import losses
        >>> x = torch.tensor([[1.0], [2.0]])
        >>> terms = losses.hermite(torch.square, x, x.square(), derivative=2 * x[..., None])
        >>> {name: term.item() for name, term in terms.items()}
        {'F': 0.0, 'DER': 0.0}
    """
    require_same_length(x=x, y=y, derivative=derivative)
    weight = require_number("weight", weight)
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

    Raises:
        TypeError, ValueError: a step that is no number, zero or not finite.
    """
    step = require_number("step", step)
    if step == 0 or not math.isfinite(step):
        raise ValueError(f"step: expected a finite number other than 0, got {step}")
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
