"""Many independent minimisations at once, each row with its own steps and its own stop.

``minimize`` (this file) checks the call and picks the method; ``driver`` is the loop that all
stepping methods share: ``bfgs`` (with ``wolfe``, its line search), ``descent`` and ``levenberg``.
``in_box`` runs BFGS inside bounds, through the coordinates of ``reparametrization`` and, at an
edge, by ``projected_bfgs``. ``joint`` trains one network for all rows, ``multistart`` restarts
rows, ``cross_start`` tries the answers of some on others, and ``best_so_far`` keeps the account of
their searches. ``gauss_newton`` has the step of least squares; ``objective`` evaluates the
caller's function, ``arrays`` has the vectors that a line search computes on, and ``solution`` is
what comes back.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import MISSING, fields
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from invlab import runtime
from invlab.minimizers.bfgs import BFGS
from invlab.minimizers.descent import Adam, GradientDescent
from invlab.minimizers.driver import Termination
from invlab.minimizers.joint import JointNetwork
from invlab.minimizers.levenberg import LevenbergMarquardt
from invlab.minimizers.multistart import Multistart
from invlab.minimizers.objective import Objective, require_precision
from invlab.minimizers.reparametrization import default_x_scale
from invlab.minimizers.solution import Solution
from invlab.priors import Box
from invlab.priors.box import FAR
from invlab.validation import (
    did_you_mean,
    is_truth_value,
    require_annotated,
    require_count,
    require_flag,
    require_name,
    require_number,
    require_tensor,
)

__all__ = ["Solution", "list_minimizers", "minimize", "options_of"]

# The one list of methods: classes as :class:`~invlab.minimizers.driver.Minimizer` describes them,
# whose fields are the options. The tests walk it, and so does the docstring below.
METHODS: dict[str, type[Any]] = {
    "gd": GradientDescent,
    "adam": Adam,
    "bfgs": BFGS,
    "lm": LevenbergMarquardt,
    "joint": JointNetwork,
    "multistart": Multistart,
}
# A box, or one pair (low, high) an unknown, as SciPy takes it.
Bounds = Box | Sequence[Sequence[float]] | np.ndarray | Tensor
# First-order methods get a fixed number of iterations, the others SciPy's 200 an unknown.
FIRST_ORDER_ITERATIONS = 1000
ITERATIONS_PER_UNKNOWN = 200
EVALUATIONS_PER_ITERATION = 5
# Below this a gradient cannot be brought in float32, as the changes of the objective round to zero.
FLOAT32_GTOL = 1e-3


def list_minimizers() -> list[str]:
    """Names of the methods of :func:`minimize`."""
    return list(METHODS)


def options_of(method: str) -> dict[str, Any]:
    """Options of a method of :func:`minimize` with their defaults; ``...`` where one is needed.

    Raises:
        ValueError: there is no such method; names the nearest.
    """
    require_name("method", method, METHODS)
    if method not in METHODS:
        names = ", ".join(METHODS)
        hint = did_you_mean(method, METHODS)
        raise ValueError(f"method: expected one of {names}, got {method!r}{hint}")
    own = [field for field in fields(METHODS[method]) if field.name != "termination"]
    return {field.name: ... if field.default is MISSING else field.default for field in own}


@runtime.differentiable()
def minimize(
    fun: Callable[..., Any],
    x0: Tensor,
    *,
    method: str = "bfgs",
    jac: Callable[..., Tensor] | Literal[True] | None = None,
    bounds: Bounds | None = None,
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
            operations. A column ``(n, 1)`` is refused, since beside rows of data it would spread
            to a table; end with ``.squeeze(1)``. For ``method="lm"`` it returns residuals
            ``(n, m)`` instead, and their sum of squares is minimised (not half of it).
        x0: starts, ``(B, d)``, floating point, on any device; float64 for full accuracy. Rows may
            hold NaN, and then do not start.
        method: see the table below.
        jac: the gradient ``(n, d)`` (for ``"lm"`` the Jacobian ``(n, m, d)``) as a function of
            the same arguments, or True where ``fun`` returns the pair. None: autograd.
        bounds: a box to stay in; or, as in SciPy, a pair ``(low, high)`` an unknown. Starts
            outside begin at the nearest point inside, and no row ends above the objective there.
            ``"gd"``, ``"adam"`` and ``"lm"`` project their steps;
            ``"bfgs"``, ``"joint"`` and ``"multistart"`` search over coordinates that a scaled tanh
            maps into the box, and on along its edges by projection where a row comes to one.
        gtol: a row has converged when no component of its gradient exceeds this, in units of the
            objective over those of x. In a box the gradient is projected, ``x - clip(x - g)``: a
            component that presses against an edge counts as zero. There, and where ``"bfgs"``,
            ``"joint"`` and ``"multistart"`` are given an ``x_scale``, the gradient by
            ``x / x_scale`` has to be as small too.
        maxiter: iterations a row; 200 d, or 1000 for ``"gd"`` and ``"adam"``. For ``"joint"``
            and ``"multistart"`` those of each BFGS; the network has ``iterations`` of its own.
        maxfev: evaluations a row; five times ``maxiter``.
        record: whether to keep the history of the best values.
        options: those of the method, with these defaults:

            * ``"bfgs"`` for smooth objectives, with SciPy's settings: ``c1=0.0001``, ``c2=0.9``,
              ``trials=30``, ``x_scale=None``
            * ``"lm"``, Levenberg–Marquardt, for residuals and few unknowns: ``damping=0.001``
            * ``"gd"``, gradient descent: ``step_size=0.1``, ``schedule='adaptive'``,
              ``patience=1``, ``growth=1.2``
            * ``"adam"``: ``step_size=0.05``, ``schedule='cosine'``, ``patience=20``,
              ``growth=1.0``, ``betas=(0.9, 0.999)``, ``eps=1e-08``
            * ``"multistart"``, BFGS, and again from fresh ``draws`` in the rows above ``target``,
              with ``cross_start`` first from the answers of the others: ``draws=None`` (the
              bounds), ``restarts=20``, ``target=None``, ``cross_start=False``, ``x_scale=None``,
              ``seed=0``
            * ``"joint"``, for rows that are related problems: one network learns to solve them
              from a row of ``features`` each (needed), and BFGS finishes them; ``fallback=True``
              makes it never worse than ``"bfgs"``: ``encoder=None``, ``seed=0``,
              ``iterations=1000``, ``lr=0.003``, ``lr_end=None``, ``output_scale=None``,
              ``x_scale=None``, ``keep_best=True``, ``standardize=True``, ``clip=None``,
              ``clip_rows=None``, ``train_on=None``, ``refine=True``, ``fallback=False``,
              ``cross_start=False``, ``target=None``

            What each means is told by the classes in :mod:`invlab.minimizers`:
            :class:`~invlab.minimizers.bfgs.BFGS`,
            :class:`~invlab.minimizers.levenberg.LevenbergMarquardt`,
            :class:`~invlab.minimizers.descent.GradientDescent`,
            :class:`~invlab.minimizers.descent.Adam`,
            :class:`~invlab.minimizers.multistart.Multistart`,
            :class:`~invlab.minimizers.joint.JointNetwork`.

    Returns:
        The best point that each row evaluated, and why it stopped.

    Raises:
        TypeError: ``x0`` or ``fun`` is of the wrong kind.
        ValueError: a wrong shape, a dtype below float32, an unknown method or option, a number
            out of range, or values of ``fun`` that do not have one row a problem or carry no
            gradient.

    Warns:
        UserWarning: any but ``"gd"`` and ``"adam"`` below float64 with a ``gtol`` that
            rounding hides.

    Example:
        >>> import torch
        >>> import invlab
        >>> goals = torch.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=torch.float64)
        >>> def distance(x):  # one value a row
        ...     return (x - goals).square().sum(1)
        >>> found = invlab.minimize(distance, torch.zeros_like(goals), method="bfgs")
        >>> found.x.round(decimals=3).tolist(), found.success.tolist()
        ([[1.0, 2.0], [3.0, 4.0]], [True, True])
    """
    _check(x0, method, gtol, options)
    require_flag("record", record)
    box = None if bounds is None else _box(bounds, x0.shape[1])
    build = METHODS[method]
    if maxiter is None:
        each = ITERATIONS_PER_UNKNOWN * x0.shape[1]
        maxiter = FIRST_ORDER_ITERATIONS if build.first_order else each
    maxiter = require_count("maxiter", maxiter)
    if maxfev is None:
        maxfev = EVALUATIONS_PER_ITERATION * maxiter
    maxfev = require_count("maxfev", maxfev)
    x_scale = None
    if box is not None:
        # for boxes that are narrow or wide beside gtol, see Termination.flat_at
        x_scale = default_x_scale(box).to(x0)
    termination = Termination(float(gtol), maxiter, maxfev, box, x_scale)
    search = build(termination, **options)
    if x0.dtype != torch.float64 and not build.first_order and gtol < FLOAT32_GTOL:
        warnings.warn(
            f"minimize: {x0.dtype} rounds small changes of the objective away, so {method!r} may "
            f"stall before gtol = {gtol:g}; use x0.double(), or gtol = {FLOAT32_GTOL:g}",
            UserWarning,
            stacklevel=3,
        )
    with torch.no_grad():
        start = termination.clip(x0.detach().clone())
        objective = Objective(fun, jac, start, residuals=build.residuals)
        found: Solution = search.solve(objective, start, record=record)
    return found


def _box(bounds: Bounds, dim: int) -> Box:
    """The bounds as a box of ``dim`` unknowns."""
    box = bounds if isinstance(bounds, Box) else _box_of_pairs(bounds)
    if box.dim != dim:
        raise ValueError(f"bounds: expected a Box of {dim} unknowns, got {box.dim}")
    return box


def _box_of_pairs(bounds: Any) -> Box:
    try:
        pairs = [
            (-FAR if low is None else low, FAR if high is None else high) for low, high in bounds
        ]
        ends = torch.as_tensor(pairs, dtype=torch.float64, device="cpu")
        # a side that is open, as SciPy has it
        return Box(*ends.reshape(len(pairs), 2).nan_to_num(math.nan, FAR, -FAR).unbind(1))
    except (TypeError, ValueError, RuntimeError) as error:
        raise (ValueError if isinstance(error, ValueError) else TypeError)(
            "bounds: expected a Box, or a pair (low, high) of numbers for each unknown, None or "
            "infinity where a side is open, such as invlab.Box([0, 0], [1, 2]) or "
            f"[(0, 1), (0, 2)]; got {bounds!r}"
        ) from error


def _check(x0: Tensor, method: str, gtol: float, options: dict[str, Any]) -> None:
    require_tensor("x0", x0, ("B", "d"), finite=False)
    require_precision("x0", x0)
    known = options_of(method)
    if not 0 <= require_number("gtol", gtol) < math.inf:
        raise ValueError(f"gtol: expected a number of at least 0, got {gtol}")
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise ValueError(
            f"method {method!r}: expected options among {', '.join(sorted(known))}, "
            f"got {', '.join(unknown)}{did_you_mean(unknown[0], known)}"
        )
    said = {field.name: field.type for field in fields(METHODS[method])}
    for name, value in options.items():
        if is_truth_value(value) and not isinstance(known[name], bool):
            raise TypeError(f"{name}: expected no truth value, got {value!r}")
        require_annotated(name, str(said[name]), value)
    if method == "joint" and "features" not in options:
        raise ValueError(
            "features: method 'joint' needs them, a row for each problem: what tells it from the "
            "others, such as its observation"
        )
