"""Gauss–Newton: the residuals are linearised, and the step is the shortest of the best ones.

The one place where that step is computed: for a few plain steps of many rows
(:func:`gauss_newton`), and for Levenberg–Marquardt, which chooses the damping.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from invlab.minimizers.objective import require_precision
from invlab.priors import Box
from invlab.validation import require_count, require_number, require_same_length

__all__ = ["gauss_newton", "residual", "shortest_step"]

# Rows per pass: small enough for the activations of a network to stay in the cache.
CHUNK = 4096
Map = Callable[..., Tensor]


def gauss_newton(
    fun: Map,
    x: Tensor,
    y: Tensor,
    c: Tensor | None = None,
    *,
    x_scale: Tensor,
    steps: int = 4,
    max_step: float = 0.2,
    tolerance: float = 0.0,
    damping: float = 1e-6,
    box: Box | None = None,
) -> tuple[Tensor, Tensor]:
    """Gauss–Newton with the shortest step, every row a problem of its own.

    For fewer observations than unknowns the linearised equation ``J Δ = y − f(x)`` has many
    solutions, and the shortest keeps a guess near where it started, on its own branch.

    Args:
        fun: maps ``(M, dx)``, and ``(M, dc)`` where c is given, to ``(M, dy)``, each row on its
            own. It is differentiated by the first alone.
        x: where to start, ``(M, dx)``; it is not changed.
        y: what to reach, ``(M, dy)``, in any unit.
        c: contexts, ``(M, dc)``.
        x_scale: length of each unknown that counts as one, ``(dx,)``.
        steps: at most this many.
        max_step: largest component of a step, in units of ``x_scale``.
        tolerance: a row stops where its mean squared residual is at most this.
        damping: added to ``J Jᵀ``, relative to its trace.
        box: points are clipped to it after each step.

    Returns:
        The best point each row has visited, ``(M, dx)``, and its mean squared residual,
        ``(M,)``, both in the dtype of x; infinite where ``fun`` was finite nowhere.
    """
    steps, max_step = require_count("steps", steps), require_number("max_step", max_step)
    tolerance, damping = require_number("tolerance", tolerance), require_number("damping", damping)
    require_precision("x", x)
    require_same_length(x=x, y=y, c=c)
    columns = [k.detach().split(CHUNK) for k in (x, y, c) if k is not None]
    parts = [
        _descend(fun, a, b, given, x_scale.to(a), steps, max_step, tolerance, damping, box)
        for a, b, *given in zip(*columns, strict=True)
    ]
    return torch.cat([p[0] for p in parts]), torch.cat([p[1] for p in parts]).to(x.dtype)


def shortest_step(jacobian: Tensor, side: Tensor, ridge: Callable[[Tensor], Tensor]) -> Tensor:
    """The shortest Δ with ``J Δ = side``, or the least-squares one where there is none; damped.

    It solves ``(JᵀJ + λ) Δ = Jᵀ side``. With fewer residuals than unknowns the same step is
    ``Jᵀ (J Jᵀ + λ)⁻¹ side``, a smaller system.

    Args:
        jacobian: J, ``(n, m, d)``, of any size: it is scaled before it is squared.
        side: what the step is to bring, ``(n, m)``.
        ridge: the damping λ ``(n,)`` from the Jacobian, in the unit of its squares.

    Returns:
        ``(n, d)``; down the gradient where rounding spoils the solution, and not finite where J
        or the side is not.
    """
    # to a power of two, which costs no digits
    size = torch.frexp(jacobian.abs().flatten(1).amax(1)).exponent.clamp(-1000, 1000)
    size = torch.ldexp(torch.ones_like(jacobian[:, 0, 0]), size)
    size = torch.where((size > 0) & size.isfinite(), size, 1.0)
    jacobian, side = jacobian / size[:, None, None], side / size[:, None]
    across = jacobian.mT
    wide = jacobian.shape[1] <= jacobian.shape[2]
    matrix = jacobian @ across if wide else across @ jacobian
    # the tiny constant keeps a row with a zero Jacobian solvable: its step is zero
    weight = ridge(jacobian) + torch.finfo(matrix.dtype).tiny
    unit = torch.eye(matrix.shape[-1], dtype=matrix.dtype, device=matrix.device)
    matrix = matrix + weight[:, None, None] * unit
    pulled = across @ side[..., None]
    right = side[..., None] if wide else pulled
    solved = right / matrix if matrix.shape[-1] == 1 else torch.linalg.solve_ex(matrix, right)[0]
    step = (across @ solved if wide else solved)[..., 0]
    pulled = pulled[..., 0]
    downhill = (step * pulled).sum(1) > 0  # false for NaN
    plain = pulled / (matrix.diagonal(dim1=1, dim2=2).amax(1) + weight)[:, None]
    return torch.where(downhill[:, None], step, plain)


def _descend(
    fun: Map,
    x: Tensor,
    y: Tensor,
    contexts: list[Tensor],
    x_scale: Tensor,
    steps: int,
    max_step: float,
    tolerance: float,
    damping: float,
    box: Box | None,
) -> tuple[Tensor, Tensor]:
    # squares in float64: those of float32 residuals in a small or large unit leave its range
    best = x.clone()
    error = torch.full(x.shape[:1], torch.inf, dtype=torch.float64, device=x.device)
    rows = torch.arange(len(x), device=x.device)
    point = x
    # one forward pass an unknown, or one backward pass a number of y: the fewer
    forward = y.shape[1] > x.shape[1]

    def ridge(jacobian: Tensor) -> Tensor:
        # relative to the mean of the diagonal that it is added to
        return damping * jacobian.square().sum((1, 2)) / min(jacobian.shape[1:])

    for step in range(steps + 1):
        last = step == steps
        given = [c[rows] for c in contexts]
        goal = y[rows]
        left, jacobian, forward = _linearise(fun, point, goal, given, forward, derivative=not last)
        here = left.double().square().mean(1)
        better = here < error[rows]
        best[rows[better]] = point[better]
        error[rows[better]] = here[better]
        active = (error[rows] > tolerance) & torch.isfinite(here)
        if last or not bool(active.any()):
            break
        assert jacobian is not None
        move = shortest_step(jacobian[active] * x_scale, left[active], ridge)
        move = move.nan_to_num(0.0, 0.0, 0.0).clamp(-max_step, max_step)
        rows, point = rows[active], point[active] + move * x_scale
        if box is not None:
            point = box.clip(point)
    return best, error


def _linearise(
    fun: Map, x: Tensor, y: Tensor, given: list[Tensor], forward: bool, *, derivative: bool
) -> tuple[Tensor, Tensor | None, bool]:
    """Residual ``y − f(x)`` and Jacobian ``(M, dy, dx)``; what is given beside x is a constant.

    Also whether to go forward the next time: not where an operation cannot.
    """
    if not derivative:
        with torch.no_grad():
            return residual(y, fun(x.clone(), *given)).to(x), None, forward
    if forward:
        try:
            y_hat, jacobian = _forward(fun, x, given)
        except RuntimeError:  # an operation that knows its derivative backwards alone
            forward = False
        else:
            return residual(y, y_hat).to(x), jacobian.to(x), forward
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        y_hat = fun(x.clone(), *given)
        components = y_hat.unbind(1)
        slopes = [
            torch.autograd.grad(component.sum(), x, retain_graph=k < len(components) - 1)[0]
            for k, component in enumerate(components)
        ]
    return residual(y, y_hat.detach()).to(x), torch.stack(slopes, 1), forward


def _forward(fun: Map, x: Tensor, given: list[Tensor]) -> tuple[Tensor, Tensor]:
    """``f(x)`` and its Jacobian, by one forward pass an unknown."""
    columns = []
    for unit in torch.eye(x.shape[1], dtype=x.dtype, device=x.device):
        passed: tuple[Tensor, ...] = torch.func.jvp(
            lambda x: fun(x.clone(), *given), (x,), (unit.expand_as(x),)
        )
        columns.append(passed[1])
    return passed[0].detach(), torch.stack(columns, 2).detach()


def residual(y: Tensor, y_hat: Tensor) -> Tensor:
    """``y − y_hat``, both ``(M, dy)``.

    Raises:
        ValueError: other shapes; a single column is not compared with each.
    """
    if y_hat.shape != y.shape:
        raise ValueError(f"y: expected shape {tuple(y_hat.shape)}, got {tuple(y.shape)}")
    return y - y_hat
