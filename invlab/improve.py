"""Improve guesses, through a surrogate or the simulator: a few Gauss–Newton steps, or BFGS."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from invlab.minimizers import minimize
from invlab.minimizers.reparametrization import XScale, default_x_scale
from invlab.priors import Box
from invlab.surrogates.regression import Surrogate
from invlab.task import Task
from invlab.validation import require_count, require_same_length, require_tensor

__all__ = [
    "surrogate_error",
    "gauss_newton",
    "rank",
    "refine",
    "refine_bfgs",
    "refine_on_surrogate",
    "squared_distance",
]

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
        y: what to reach, ``(M, dy)``.
        c: contexts, ``(M, dc)``.
        x_scale: length of each unknown that counts as one, ``(dx,)``.
        steps: at most this many.
        max_step: largest component of a step, in units of ``x_scale``.
        tolerance: a row stops where its mean squared residual is at most this.
        damping: added to ``J Jᵀ``, relative to its trace.
        box: points are clipped to it after each step.

    Returns:
        The best point each row has visited, ``(M, dx)``, and its mean squared residual,
        ``(M,)``; infinite where ``fun`` was finite nowhere.
    """
    require_count("steps", steps)
    require_same_length(x=x, y=y, c=c)
    columns = [k.detach().split(CHUNK) for k in (x, y, c) if k is not None]
    parts = [
        _descend(fun, a, b, given, x_scale.to(a), steps, max_step, tolerance, damping, box)
        for a, b, *given in zip(*columns, strict=True)
    ]
    return torch.cat([p[0] for p in parts]), torch.cat([p[1] for p in parts])


def surrogate_error(surrogate: Surrogate, x: Tensor, y: Tensor) -> Tensor:
    """The error that a surrogate sees: mean over its members, in its scaled units of y squared.

    Args:
        surrogate: f̂.
        x: guesses, ``(B, T, dx)``.
        y: targets, ``(B, *dy)``.

    Returns:
        ``(B, T)``, what :func:`rank` sorts guesses by without a call of the simulator.
    """
    require_tensor("x", x, ("B", "T", len(surrogate.inputs.shift)))
    require_same_length(x=x, y=y)
    goal = surrogate.outputs(y.flatten(1).float())[:, None]
    with torch.no_grad():
        seen = surrogate.scaled_mean(x.flatten(0, 1).float()).unflatten(0, x.shape[:2])
    return (seen - goal).square().mean(2)


def refine_on_surrogate(
    surrogate: Surrogate, x: Tensor, y: Tensor, *, steps: int = 2, max_step: float = 0.5
) -> Tensor:
    """A few Gauss–Newton steps through a surrogate, for the guesses of any sampler.

    Args:
        surrogate: f̂.
        x: guesses, ``(B, T, dx)``.
        y: targets, ``(B, *dy)``.
        steps, max_step: see :func:`gauss_newton`; a unit is that of the surrogate's scaled x.

    Returns:
        ``(B, T, dx)`` in the dtype of x, none worse than before as the surrogate sees it.
    """
    require_tensor("x", x, ("B", "T", len(surrogate.inputs.shift)))
    require_same_length(x=x, y=y)
    better, _ = gauss_newton(
        surrogate.scaled_mean,
        x.flatten(0, 1).float(),
        surrogate.outputs(y.flatten(1).float()).repeat_interleave(x.shape[1], 0),
        x_scale=surrogate.inputs.scale,
        steps=steps,
        max_step=max_step,
    )
    return better.unflatten(0, x.shape[:2]).to(x.dtype)


def rank(x: Tensor, error: Tensor) -> Tensor:
    """Guesses of each target, best first: ``(B, T, dx)`` by ``(B, T)``."""
    require_same_length(x=x, error=error)
    order = error.argsort(dim=1, stable=True)
    return x.take_along_dim(order[..., None], 1)


def refine(
    task: Task,
    x: Tensor,
    y: Tensor,
    c: Tensor | None = None,
    *,
    steps: int = 10,
    max_step: float = 0.5,
    bounded: bool = False,
) -> Tensor:
    """Polish guesses on the true simulator; none gets worse.

    Args:
        task: differentiable. A step costs a guess one simulation with its derivative an unknown;
            or one simulation and a backward pass a number of y, where these are no more than the
            unknowns. The length of the context does not matter.
        x: guesses, ``(B, T, dx)``; float64 reaches machine precision.
        y: targets, ``(B, *dy)``.
        c: contexts, ``(B, dc)``, where the task has one, taken in the dtype of x.
        steps, max_step: see :func:`gauss_newton`; a unit is the width of the task's box.
        bounded: whether answers stay in the task's box. A guess outside is first moved to the
            nearest point of it, and not to be worse is then meant from there.

    Returns:
        ``(B, T, dx)``.

    Raises:
        ValueError: the task says ``differentiable=False``, a context is missing or needless, or
            shapes do not fit.
    """
    _require("refine", task, x, y, c)
    box = task.box if bounded else None
    flat, targets, contexts = _one_row_a_guess(x, y, c, box)

    def effect(*rows: Tensor) -> Tensor:
        return task.simulator(*rows).flatten(1)

    scale = task.box.width.to(flat)
    better, _ = gauss_newton(
        effect,
        flat,
        targets.flatten(1),
        contexts,
        x_scale=scale,
        steps=steps,
        max_step=max_step,
        box=box,
    )
    return better.unflatten(0, x.shape[:2])


def refine_bfgs(
    task: Task,
    x: Tensor,
    y: Tensor,
    c: Tensor | None = None,
    *,
    x_scale: XScale | None = None,
    bounded: bool = True,
    gtol: float = 1e-5,
    maxiter: int | None = None,
) -> Tensor:
    """Bring guesses into the nearest minimum of :func:`squared_distance` by BFGS; none gets worse.

    Where :func:`refine` asks for an exact answer and takes the shortest way there, this also
    settles where noise or too few unknowns leave none, and it sees the squared distance alone.

    Args:
        task: differentiable; all guesses run through its simulator together, in float64.
        x: guesses, ``(B, T, dx)``. One that is NaN stays so.
        y: targets, ``(B, *dy)``.
        c: contexts, ``(B, dc)``, where the task has one.
        x_scale: length of x that counts as one, and about the length of the first step; see
            :class:`~invlab.minimizers.reparametrization.Reparametrization`. If not given, a tenth
            of the half-width of the task's box.
        bounded: whether answers stay in the task's box. A guess outside is first moved to the
            nearest point of it, and not to be worse is then meant from there.
        gtol, maxiter: see :func:`invlab.minimize`.

    Returns:
        ``(B, T, dx)`` in the dtype of x.

    Raises:
        ValueError: the task says ``differentiable=False``, a context is missing or needless, or
            shapes do not fit.
    """
    _require("refine_bfgs", task, x, y, c)
    box = task.box if bounded else None
    start, targets, contexts = _one_row_a_guess(x.detach().double(), y, c, box)
    fun = squared_distance(task, targets, contexts)
    x_scale = default_x_scale(task.box) if x_scale is None else x_scale
    found = minimize(fun, start, bounds=box, x_scale=x_scale, gtol=gtol, maxiter=maxiter)
    with torch.no_grad():
        before = fun(start, torch.arange(len(start), device=start.device))
    better = found.fun < before
    return torch.where(better[:, None], found.x, start).to(x.dtype).unflatten(0, x.shape[:2])


def squared_distance(
    task: Task, y: Tensor, c: Tensor | None = None
) -> Callable[[Tensor, Tensor], Tensor]:
    """The objective ``Σ (f(x, c) − y)²`` of each target, for :func:`invlab.minimize`.

    Args:
        task: gives the simulator f.
        y: targets, ``(B, *dy)``.
        c: contexts, ``(B, dc)``, where the task has one.

    Returns:
        A function of unknowns ``(n, dx)`` and the numbers of their rows ``(n,)``, to ``(n,)`` in
        the unit of y squared and the dtype of the unknowns.
    """
    goal = y.flatten(1)

    def fun(x: Tensor, rows: Tensor) -> Tensor:
        effect = task.simulator(x) if c is None else task.simulator(x, c[rows].to(x))
        return _residual(goal[rows].to(x), effect.flatten(1)).square().sum(1)

    return fun


def _one_row_a_guess(
    x: Tensor, y: Tensor, c: Tensor | None, box: Box | None
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Guesses ``(B T, dx)``, in the box where there is one, with their targets and contexts."""
    flat, repeats = x.flatten(0, 1), x.shape[1]
    return (
        flat if box is None else box.clip(flat),
        y.repeat_interleave(repeats, 0),
        None if c is None else c.to(x).repeat_interleave(repeats, 0),
    )


def _require(name: str, task: Task, x: Tensor, y: Tensor, c: Tensor | None) -> None:
    require_tensor("x", x, ("B", "T", task.x_dim), finite=False)
    require_same_length(x=x, y=y, c=c)
    if not task.differentiable:
        raise ValueError(f"{name}: {task.name} says differentiable=False; refine on a surrogate")
    if (c is None) != (task.context is None):
        what = "needs a" if c is None else "takes no"
        raise ValueError(f"{name}: {task.name} {what} context c")


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
    best, error = x.clone(), torch.full(x.shape[:1], torch.inf, dtype=x.dtype, device=x.device)
    rows = torch.arange(len(x), device=x.device)
    point = x
    for step in range(steps + 1):
        last = step == steps
        given = [c[rows] for c in contexts]
        residual, jacobian = _linearise(fun, point, y[rows], given, derivative=not last)
        here = residual.square().mean(1)
        better = here < error[rows]
        best[rows[better]] = point[better]
        error[rows[better]] = here[better]
        active = (error[rows] > tolerance) & torch.isfinite(here)
        if last or not bool(active.any()):
            break
        assert jacobian is not None
        move = _shortest(jacobian[active] * x_scale, residual[active], damping)
        move = move.nan_to_num(0.0, 0.0, 0.0).clamp(-max_step, max_step)
        rows, point = rows[active], point[active] + move * x_scale
        if box is not None:
            point = box.clip(point)
    return best, error


def _linearise(
    fun: Map, x: Tensor, y: Tensor, given: list[Tensor], *, derivative: bool
) -> tuple[Tensor, Tensor | None]:
    """Residual ``y − f(x)`` and Jacobian ``(M, dy, dx)``; what is given beside x is a constant.

    One backward pass a component of y, or one forward pass an unknown where these are fewer.
    """
    if not derivative:
        with torch.no_grad():
            return _residual(y, fun(x, *given)), None
    if y.shape[1] > x.shape[1]:
        columns = []
        for unit in torch.eye(x.shape[1], dtype=x.dtype, device=x.device):
            passed: tuple[Tensor, ...] = torch.func.jvp(
                lambda x: fun(x, *given), (x,), (unit.expand_as(x),)
            )
            columns.append(passed[1])
        return _residual(y, passed[0].detach()), torch.stack(columns, 2).detach()
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        y_hat = fun(x, *given)
        components = y_hat.unbind(1)
        slopes = [
            torch.autograd.grad(component.sum(), x, retain_graph=k < len(components) - 1)[0]
            for k, component in enumerate(components)
        ]
    return _residual(y, y_hat.detach()), torch.stack(slopes, 1)


def _residual(y: Tensor, y_hat: Tensor) -> Tensor:
    if y_hat.shape != y.shape:  # else a single column would be compared with each
        raise ValueError(f"y: expected shape {tuple(y_hat.shape)}, got {tuple(y.shape)}")
    return y - y_hat


def _shortest(jacobian: Tensor, residual: Tensor, damping: float) -> Tensor:
    """The shortest Δ with ``J Δ = residual``, or the least-squares one where there is none."""
    wide = jacobian.shape[1] <= jacobian.shape[2]
    gram = jacobian @ jacobian.mT if wide else jacobian.mT @ jacobian
    size = gram.shape[-1]
    trace = gram.diagonal(dim1=1, dim2=2).mean(1)
    # the tiny constant keeps a row with a zero Jacobian solvable: its step is zero
    ridge = (damping * trace + torch.finfo(gram.dtype).tiny)[:, None, None]
    gram = gram + ridge * torch.eye(size, dtype=gram.dtype, device=gram.device)
    side = residual[..., None] if wide else jacobian.mT @ residual[..., None]
    if size == 1:
        solved = side / gram
    else:
        solved, _ = torch.linalg.solve_ex(gram, side)
    return (jacobian.mT @ solved if wide else solved)[..., 0]
