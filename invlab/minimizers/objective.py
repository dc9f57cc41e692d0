"""The caller's function, evaluated with its derivatives on the rows that still need it."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

__all__ = ["Evaluation", "Objective", "require_precision"]

Jac = Callable[..., Tensor] | Literal[True] | None


@dataclass(eq=False)
class Evaluation:
    """What is known at ``n`` points.

    Attributes:
        value: objective, ``(n,)``.
        gradient: its gradient, ``(n, d)``.
        residuals: ``(n, m)``, for methods that work on them; the value is their sum of squares.
        jacobian: of the residuals, ``(n, m, d)``.
    """

    value: Tensor
    gradient: Tensor
    residuals: Tensor | None = None
    jacobian: Tensor | None = None

    @functools.cached_property
    def sound(self) -> bool:
        """Whether all is finite, by one number; False also where the sum of all overflows."""
        total = self.value.sum() + self.gradient.sum()
        if self.jacobian is not None:
            total = total + self.jacobian.sum()
        return math.isfinite(total.item())

    @functools.cached_property
    def finite(self) -> Tensor:
        """Rows on which a step can be built, ``(n,)``, bool."""
        if self.sound:
            return torch.ones_like(self.value, dtype=torch.bool)
        usable = self.value.isfinite() & self.gradient.isfinite().all(1)
        if self.jacobian is not None:
            usable = usable & self.jacobian.isfinite().flatten(1).all(1)
        return usable


class Objective:
    """``fun`` and ``jac`` as :func:`invlab.minimize` takes them.

    A function with a parameter called ``rows`` gets the running rows alone, with their numbers;
    any other may hold data of all B problems, so it always gets all B rows, and the finished
    ones stay where they last were. Each call gets copies, which a function may change, and what
    it returns is copied, as it may be the caller's and change with the next call.
    """

    def __init__(self, fun: Callable[..., Any], jac: Jac, x0: Tensor, *, residuals: bool) -> None:
        self.fun = _Caller("fun", fun, x0)
        self.jac = jac if jac is None or jac is True else _Caller("jac", jac, x0)
        self.residuals = residuals
        self._twice = True

    def __call__(self, x: Tensor, rows: Tensor) -> Evaluation:
        """Evaluate ``x`` ``(n, d)``, the points of the rows with the numbers ``rows`` ``(n,)``."""
        if self.residuals:
            residuals, jacobian = self._residuals(x, rows)
            value = residuals.square().sum(1)
            gradient = 2 * (residuals[:, None] @ jacobian)[:, 0]
            return Evaluation(value, gradient, residuals, jacobian)
        if self.jac is None:
            return Evaluation(*self._backward(x, rows))
        value, gradient = self._given(x, rows)
        _check("fun(x)", value, (len(x),), "one value a row: do not sum or average over rows")
        _check("jac(x)", gradient, tuple(x.shape), "one gradient a row")
        return Evaluation(_own(value, x), _own(gradient, x))

    def value(self, x: Tensor, rows: Tensor) -> Tensor:
        """The objective alone, ``(n,)``, without a gradient; ``rows`` as in a call."""
        pair = self.jac is True
        with torch.no_grad():
            found = self.fun(x, rows, pair=pair)
        value = found[0] if pair else found
        _check("fun(x)", value, (len(x),), "one value a row: do not sum or average over rows")
        return _own(value, x)

    def _given(self, x: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        if isinstance(self.jac, _Caller):
            return self.fun(x, rows), self.jac(x, rows)
        return self.fun(x, rows, pair=True)

    def _backward(self, x: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        with torch.enable_grad():
            points = self.fun.points(x, rows)
            leaf = points.detach().requires_grad_()
            value = self.fun.at(leaf, rows)
            shape = leaf.shape[:1]
            _check("fun(x)", value, shape, "one value a row: do not sum or average over rows")
            # rows are independent, so one backward pass for their sum gives each its own gradient
            gradient = _gradient(value, leaf, retain=False)
        value = value.detach().to(x)
        if points is x:
            return value, gradient
        return value.index_select(0, rows), gradient.index_select(0, rows)

    def _residuals(self, x: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        hint = "for method='lm' fun returns residuals, (n, m)"
        if self.jac is not None:
            residuals, jacobian = self._given(x, rows)
            _check("fun(x)", residuals, (len(x), None), hint)
            shape = (len(x), residuals.shape[1], x.shape[1])
            _check("jac(x)", jacobian, shape, "the derivative of each residual by each unknown")
            return _own(residuals, x), _own(jacobian, x)
        with torch.enable_grad():
            points = self.fun.points(x, rows)
            leaf = points.detach().requires_grad_()
            residuals = self.fun.at(leaf, rows)
            _check("fun(x)", residuals, (len(leaf), None), hint)
            jacobian = self._jacobian(residuals, leaf).to(x)
        residuals = _own(residuals, x)
        if points is x:
            return residuals, jacobian
        return residuals.index_select(0, rows), jacobian.index_select(0, rows)

    def _jacobian(self, residuals: Tensor, x: Tensor) -> Tensor:
        """All derivatives by one pass a residual, or by one pass an unknown: the fewer."""
        if self._twice and residuals.shape[1] > x.shape[1] + 1:
            try:
                return _by_unknown(residuals, x)
            except RuntimeError:  # an operation that can be differentiated only once
                self._twice = False
        rows = [_gradient(r, x, retain=True) for r in residuals.unbind(1)]
        return torch.stack(rows, 1)


def require_precision(name: str, x: Tensor) -> Tensor:
    """Check that a search can compute in the dtype of ``x``, and return it unchanged.

    Raises:
        ValueError: half precision, bfloat16 or less.
    """
    if x.dtype not in (torch.float32, torch.float64):
        raise ValueError(
            f"{name}: expected float32 or float64, got {x.dtype}, too coarse for a search; "
            f"use {name}.double()"
        )
    return x


class _Caller:
    """A caller's function behind one signature, ``(x, rows)``."""

    def __init__(self, name: str, function: Callable[..., Any], x0: Tensor) -> None:
        if not callable(function):
            raise TypeError(f"{name}: expected a function, got {type(function).__name__}")
        self.name, self.function = name, function
        self.takes_rows = _takes_rows(function)
        self._parked = x0.detach().clone()

    def __call__(self, x: Tensor, rows: Tensor, pair: bool = False) -> Any:
        points = self.points(x, rows)
        found = self.at(points, rows)
        if pair and not (isinstance(found, tuple | list) and len(found) == 2):
            raise ValueError(
                f"jac=True: expected {self.name} to return two tensors, (value, gradient), got "
                f"{type(found).__name__}; leave jac out to differentiate by torch"
            )
        if points is x:
            return found
        return tuple(part[rows] for part in found) if pair else found[rows]

    def points(self, x: Tensor, rows: Tensor) -> Tensor:
        """Where the function is evaluated: ``x`` ``(n, d)``, or all B rows of which it is some."""
        if self.takes_rows or rows.shape[0] == self._parked.shape[0]:
            return x
        self._parked = self._parked.index_copy(0, rows, x.detach())
        return self._parked

    def at(self, points: Tensor, rows: Tensor) -> Any:
        """What the function gives at these points."""
        if self.takes_rows:
            return self.function(_copy(points), rows=rows.clone())
        return self.function(_copy(points))


def _copy(x: Tensor) -> Tensor:
    # in the memory order that a function may rely on, whatever that of a search is
    return x.clone(memory_format=torch.contiguous_format)


def _own(value: Tensor, x: Tensor) -> Tensor:
    return value.detach().to(x, copy=True)


def _takes_rows(function: Callable[..., Any]) -> bool:
    target = function.forward if isinstance(function, nn.Module) else function
    if isinstance(target, functools.partial) and "rows" in target.keywords:
        return False  # the caller has given them
    try:
        return "rows" in inspect.signature(target).parameters
    except (TypeError, ValueError):  # a builtin without a signature
        return False


def _by_unknown(residuals: Tensor, x: Tensor) -> Tensor:
    """Jacobian ``(n, m, d)`` by d passes: Jᵀu is linear in u, and its derivative by u is J."""
    weights = torch.ones_like(residuals, requires_grad=True)
    pulled = _gradient(residuals * weights, x, retain=True, again=True)
    columns = [
        torch.autograd.grad(p.sum(), weights, retain_graph=True)[0] for p in pulled.unbind(1)
    ]
    return torch.stack(columns, 2)


def _gradient(value: Tensor, x: Tensor, *, retain: bool, again: bool = False) -> Tensor:
    found = None
    if value.requires_grad:
        # of the sum, and not of many values with a one for each: at the first of such calls torch
        # imports sympy, which takes longer than many a search
        (found,) = torch.autograd.grad(
            value.sum(), x, retain_graph=retain, create_graph=again, allow_unused=True
        )
    if found is None:
        raise ValueError(
            "fun(x): expected a value that depends on x through torch operations, got one without "
            "a gradient; take out .detach(), .item() and numpy, or give jac"
        )
    return found


def _check(name: str, value: object, shape: tuple[int | None, ...], hint: str) -> None:
    if isinstance(value, Tensor) and value.shape == shape and value.is_floating_point():
        return
    wanted = "(" + ", ".join("m" if size is None else str(size) for size in shape) + ")"
    if not isinstance(value, Tensor) or not value.is_floating_point():
        kind = value.dtype if isinstance(value, Tensor) else type(value).__name__
        raise ValueError(f"{name}: expected a floating-point tensor of shape {wanted}, got {kind}")
    fits = len(shape) == value.ndim and all(
        size in (None, have) for size, have in zip(shape, value.shape, strict=True)
    )
    if not fits and len(shape) == 1 and value.shape == (*shape, 1):
        hint = f"take out the last axis, {name}.squeeze(1)"
    if not fits:
        raise ValueError(f"{name}: expected shape {wanted}, got {tuple(value.shape)}; {hint}")
