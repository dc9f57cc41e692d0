"""Many independent minimisations at once, each row with its own steps and its own stop.

``minimize`` (this file) checks the call and picks the method; ``driver`` is the loop that all
methods share; ``bfgs`` (with ``wolfe``, its line search), ``descent`` and ``levenberg`` are
the methods; ``joint`` trains one network for all rows, ``multistart`` restarts rows, ``exchange``
tries the answers of some on others, and ``answers`` keeps the account of their searches;
``objective`` evaluates the caller's function, and ``coordinates`` says in which units
a search sees the unknowns; ``solution`` is what comes back.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import fields
from typing import Any, Literal

import torch
from torch import Tensor

from invlab.minimizers.bfgs import BFGS
from invlab.minimizers.descent import Descent
from invlab.minimizers.driver import Algorithm, Termination, drive
from invlab.minimizers.joint import JointNetwork
from invlab.minimizers.levenberg import LevenbergMarquardt
from invlab.minimizers.multistart import Multistart
from invlab.minimizers.objective import Objective
from invlab.minimizers.reparametrization import Reparametrization, TransformedObjective, XScale
from invlab.minimizers.solution import RowLog, Solution
from invlab.priors import Box
from invlab.validation import require_count, require_tensor

__all__ = ["Solution", "minimize"]

# A method and the defaults of its own options. What only steps is run by `drive`; `JointNetwork`
# and `Multistart` run others, and call it.
METHODS: dict[
    str,
    tuple[Callable[..., Algorithm[Any]] | type[JointNetwork] | type[Multistart], dict[str, Any]],
] = {
    "gd": (
        Descent,
        {"adam": False, "step_size": 0.1, "schedule": "adaptive", "patience": 1, "growth": 1.2},
    ),
    "adam": (
        Descent,
        {"adam": True, "step_size": 0.05, "schedule": "cosine", "patience": 20, "growth": 1.0},
    ),
    "bfgs": (BFGS, {}),
    "lm": (LevenbergMarquardt, {}),
    "joint": (JointNetwork, {}),
    "multistart": (Multistart, {}),
}
SECOND_ORDER = ("bfgs", "lm", "joint", "multistart")
# First-order methods get a fixed number of iterations, the others SciPy's 200 an unknown.
FIRST_ORDER_ITERATIONS = 1000
ITERATIONS_PER_UNKNOWN = 200
EVALUATIONS_PER_ITERATION = 5
# Below this a gradient cannot be brought in float32, as the changes of the objective round to zero.
FLOAT32_GTOL = 1e-3


def minimize(
    fun: Callable[..., Any],
    x0: Tensor,
    *,
    method: str = "bfgs",
    jac: Callable[..., Tensor] | Literal[True] | None = None,
    bounds: Box | None = None,
    gtol: float = 1e-5,
    maxiter: int | None = None,
    maxfev: int | None = None,
    record: bool = False,
    **options: Any,
) -> Solution:
    """Minimise an objective in each row of ``x0``, as if each row were solved alone.

    The rows go through ``fun`` together, so B problems cost little more than one; a row that is
    finished, stuck or not a number leaves the others as they are. An error in one row is
    never raised: see ``success`` and ``message`` of the solution. Ctrl-C ends the search and
    returns the best points so far.

    Rows with data of their own::

        def misfit(x, rows):                    # rows: numbers of the rows that still run, (n,)
            return (simulate(x) - y[rows]).square().sum(1)

    A function with a parameter called ``rows`` is evaluated on the running rows alone, which
    pays where it is dear. Without that parameter it always gets all B rows, in order, and may
    use data of length B directly.

    Args:
        fun: ``(n, d)`` to ``(n,)``, one value a row, each from its own row only, by torch
            operations. For ``method="lm"`` it returns residuals ``(n, m)`` instead, and their
            sum of squares is minimised (not half of it).
        x0: starts, ``(B, d)``, floating point, on any device; float64 for full accuracy. Rows may
            hold NaN, and then do not start.
        method: ``"bfgs"`` (smooth objectives; SciPy's defaults, options ``c1``, ``c2``,
            ``trials``, ``x_scale``), ``"lm"`` (Levenberg–Marquardt, few unknowns; option
            ``damping``), ``"gd"`` or ``"adam"`` (options ``step_size``, ``schedule``, ``patience``,
            ``growth``; Adam also ``betas``, ``eps``), ``"multistart"``: BFGS, and again from
            fresh ``draws`` in the rows above ``target``, with ``cross_start=True`` first from the
            answers of the others (:class:`~invlab.minimizers.multistart.Multistart`), or
            ``"joint"``: the rows are related problems, one network learns to solve them from a
            row of ``features`` each, and BFGS finishes them
            (:class:`~invlab.minimizers.joint.JointNetwork`); ``fallback=True`` makes it never
            worse than ``"bfgs"``. The classes of these modules describe the options.
        jac: the gradient ``(n, d)`` (for ``"lm"`` the Jacobian ``(n, m, d)``) as a function of
            the same arguments, or True where ``fun`` returns the pair. None: autograd.
        bounds: a box to stay in, by projection; ``"bfgs"``, ``"joint"`` and ``"multistart"``
            search instead over coordinates that a scaled tanh maps into the box. Their ``gtol`` is
            measured there, so that a row driven to an edge, where the tanh is flat, counts as
            converged. Starts outside begin at the nearest point inside.
        gtol: a row has converged when no component of its gradient (projected, where there are
            bounds) exceeds this, in units of the objective over those of x.
        maxiter: iterations a row; 200 d, or 1000 for ``"gd"`` and ``"adam"``. For ``"joint"``
            and ``"multistart"`` those of each BFGS; the network has ``iterations`` of its own.
        maxfev: evaluations a row; five times ``maxiter``.
        record: whether to keep the history of the best values.
        options: those of the method, see above.

    Returns:
        The best point that each row evaluated, and why it stopped.

    Raises:
        TypeError: ``x0`` or ``fun`` is of the wrong kind.
        ValueError: a wrong shape, an unknown method or option, a number out of range, or values
            of ``fun`` that do not have one row a problem or carry no gradient.

    Warns:
        UserWarning: any but ``"gd"`` and ``"adam"`` below float64 with a ``gtol`` that
            rounding hides.
    """
    _check(x0, method, bounds, gtol, options)
    build, defaults = METHODS[method]
    if maxiter is None:
        first_order = build is Descent
        maxiter = FIRST_ORDER_ITERATIONS if first_order else ITERATIONS_PER_UNKNOWN * x0.shape[1]
    maxiter = require_count("maxiter", maxiter)
    if maxfev is None:
        maxfev = EVALUATIONS_PER_ITERATION * maxiter
    termination = Termination(gtol, maxiter, require_count("maxfev", maxfev), bounds)
    x_scale = options.pop("x_scale", None) if method == "bfgs" else None
    search = build(termination, **{**defaults, **options})
    if x0.dtype != torch.float64 and method in SECOND_ORDER and gtol < FLOAT32_GTOL:
        warnings.warn(
            f"minimize: {x0.dtype} rounds small changes of the objective away, so {method!r} may "
            f"stall before gtol = {gtol:g}; use x0.double(), or gtol = {FLOAT32_GTOL:g}",
            UserWarning,
            stacklevel=2,
        )
    with torch.no_grad():
        start = termination.clip(x0.detach().clone())
        objective = Objective(fun, jac, start, residuals=method == "lm")
        if isinstance(search, JointNetwork | Multistart):
            return search.solve(objective, start, record=record)
        if method == "bfgs" and (bounds is not None or x_scale is not None):
            log = _in_coordinates(search, objective, start, termination, x_scale, record)
        else:
            log = drive(search, objective, start, termination, name=method, record=record)
        dtype = str(x0.dtype).removeprefix("torch.")
        return log.solution(gtol=gtol, maxiter=maxiter, maxfev=maxfev, dtype=dtype)


def _in_coordinates(
    search: Algorithm[Any],
    objective: Objective,
    x0: Tensor,
    termination: Termination,
    x_scale: XScale | None,
    record: bool,
) -> RowLog:
    """A search that knows no box, over coordinates that do not need one."""
    coordinates = Reparametrization(x0, x_scale, termination.box)
    transformed, free = TransformedObjective(objective, coordinates), termination._replace(box=None)
    log = drive(search, transformed, coordinates.z(x0), free, name="bfgs", record=record)
    log.x = coordinates.x(log.x)
    return log


def _check(
    x0: Tensor, method: str, bounds: Box | None, gtol: float, options: dict[str, Any]
) -> None:
    require_tensor("x0", x0, ("B", "d"), finite=False)
    if method not in METHODS:
        raise ValueError(f"method: expected one of {', '.join(METHODS)}, got {method!r}")
    if not gtol >= 0:
        raise ValueError(f"gtol: expected a number of at least 0, got {gtol}")
    build, defaults = METHODS[method]
    known = {field.name for field in fields(build)} - {"termination", "adam"}  # type: ignore[arg-type]
    if method == "gd":
        known -= {"betas", "eps"}
    if method == "bfgs":
        known |= {"x_scale"}
    unknown = sorted(set(options) - known)
    if unknown:
        raise ValueError(
            f"method {method!r}: expected options among {', '.join(sorted(known))}, "
            f"got {', '.join(unknown)}"
        )
    if method == "joint" and "features" not in options:
        raise ValueError(
            "features: method 'joint' needs them, a row for each problem: what tells it from the "
            "others, such as its observation"
        )
    if bounds is None:
        return
    if not isinstance(bounds, Box):
        raise TypeError(f"bounds: expected a Box, got {type(bounds).__name__}")
    if bounds.dim != x0.shape[1]:
        raise ValueError(f"bounds: expected a Box of {x0.shape[1]} unknowns, got {bounds.dim}")
