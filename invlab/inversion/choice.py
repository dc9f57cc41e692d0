"""Which method answers: one that was fitted, one by name, or the best of a small comparison."""

from __future__ import annotations

import copy
import warnings
from typing import Any

from invlab import runtime
from invlab.comparison import compare
from invlab.comparison.candidates import trained
from invlab.comparison.plan import limits_of
from invlab.inversion.measurement import Measurement, honours, those_that_honour
from invlab.methods import Method, class_of, get_method
from invlab.methods.base import require_differentiable
from invlab.methods.simulator_search import SimulatorSearch
from invlab.task import Pairs, Task

__all__ = ["fitted", "require_method"]

# A small comparison: pairs, targets, guesses, and processor seconds where nobody gave a budget.
PAIRS, TARGETS, GUESSES, SECONDS = 500, 20, 10, 30.0


def require_method(method: Any, task: Task, *, weighed: bool, budget: Any) -> None:
    """Refuse what cannot answer, before anything is simulated for it.

    Args:
        method: ``"auto"``, a name, or an object, fitted or not.
        task: whose targets they are.
        weighed: whether the numbers of y are weighed by sigma.
        budget: of the comparison that ``"auto"`` makes; checked for others too.

    Raises:
        TypeError: neither a name nor an object that answers.
        ValueError: an unknown name, a method that cannot weigh by sigma or needs gradients that
            the task has not, or a wrong budget.
    """
    limits_of(budget)
    if isinstance(method, str) and method == "auto":
        return
    if isinstance(method, str):
        name, kind, came_fitted = method, class_of(method), False
        method = kind
    else:
        name, kind = getattr(method, "name", type(method).__name__), type(method)
        came_fitted = bool(getattr(method, "facts", None))
        parts = ("propose",) if came_fitted else ("fit", "propose")
        if isinstance(method, type) or not all(hasattr(method, part) for part in parts):
            raise TypeError(
                "method: expected 'auto', a name, or an object with fit and propose, got "
                f"{method!r}"
            )
    require_differentiable(name, method, task)
    if weighed:
        _require_unfitted(name, came_fitted)
        _require_weights(name, kind)


def fitted(
    method: Any,
    task: Task,
    learned: Pairs,
    measurement: Measurement,
    *,
    n: int,
    budget: Any,
    simulate: bool,
    seed: int,
) -> tuple[Any, str]:
    """A fitted method, and its name; an object that is not fitted is copied, and stays so.

    Args:
        method: ``"auto"``, a name, or an object, fitted or not.
        task, learned: as measured.
        measurement: of them.
        n: answers a target.
        budget: of the comparison, see :func:`invlab.compare`.
        simulate: whether ``"auto"`` may simulate, and take a search on the simulator.
        seed: of the training.

    Raises:
        ValueError: a method that cannot do what is asked of it; names those that can.
    """
    if isinstance(method, str) and method == "auto":
        asked = task if simulate else learned
        name = _best(asked, task.name, learned, measurement, n=n, budget=budget)
        return _fit(name, task, learned, measurement, seed), name
    if isinstance(method, str):
        return _fit(method, task, learned, measurement, seed), method
    name = getattr(method, "name", type(method).__name__)
    if getattr(method, "facts", None):
        _require_unfitted(name, not measurement.whole)
        return _counted(method, task), name
    if measurement.sigma is None:
        return trained(copy.deepcopy(method), task, learned, seed=seed), name
    kind = type(method)
    _require_weights(name, kind)
    more = measurement.options(kind, learned)
    mine = {name: value for name, value in method.options.items() if name in more}
    # the numbers of y come in units of sigma, so that a y_sigma of 1 says the same
    own = sorted(k for k, v in mine.items() if not (isinstance(v, int | float) and v == more[k]))
    if own:
        raise ValueError(
            f"{name}: has {', '.join(own)} of its own, which sigma would set; give one of them"
        )
    return trained(kind(**method.options | more), task, learned, seed=seed), name


def _counted(method: Any, task: Task) -> Any:
    """A fitted method; one that calls the simulator calls that of the task, which counts."""
    if not isinstance(method, SimulatorSearch):
        return method
    method = copy.copy(method)
    method.attach(task)
    return method


def _fit(
    name: str,
    task: Task,
    learned: Pairs,
    measurement: Measurement,
    seed: int,
) -> Method:
    kind = class_of(name)
    if measurement.sigma is not None:
        _require_weights(name, kind)
    options = measurement.options(kind, learned)
    made: Method = get_method(name, **options).fit(task, learned, seed=seed)
    return made


def _require_unfitted(name: str, came_fitted: bool) -> None:
    if came_fitted:
        raise ValueError(
            f"{name}: came fitted, to y in its own units, and with sigma a method is fitted to "
            "what was measured, in units of its error; give it by name or unfitted, one of "
            f"{', '.join(those_that_honour())}; one fitted with y_sigma answers by its own propose"
        )


def _require_weights(name: str, kind: type) -> None:
    """Refuse a method, one of the user's own too, that cannot weigh the numbers of y."""
    if not (issubclass(kind, Method) and honours(kind)):
        raise ValueError(
            f"{name}: cannot weigh the numbers of y by sigma; take one of "
            f"{', '.join(those_that_honour())}"
        )


def _best(
    asked: Task | Pairs,
    place: str,
    learned: Pairs,
    measurement: Measurement,
    *,
    n: int,
    budget: Any,
) -> str:
    """The name of the best of a small comparison that can do what is asked."""
    runtime.announce(f"invert: a small comparison on {place} chooses the method")
    sizes: dict[str, Any] = {
        "n": min(PAIRS, len(learned)),
        "targets": TARGETS,
        # the order of methods hardly changes beyond ten guesses, and their cost does
        "guesses": tuple(sorted({1, min(n, GUESSES)})),
        "seeds": 1,
        "budget": SECONDS if budget is None else budget,
    }
    with warnings.catch_warnings():
        # said of all pairs before
        warnings.filterwarnings("ignore", message=".*repeated measurements")
        found = compare(asked, **sizes)
    # a dear simulator, or a small budget, leaves the larger number of guesses out
    for name in found.order(found.plan.guesses[-1]):
        kind = class_of(name)
        if measurement.sigma is None or honours(kind):
            return name
    raise ValueError("invert: no method gave an answer in the comparison; see its rows")
