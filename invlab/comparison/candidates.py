"""Who takes part in a comparison, with which options, and who is left out for which reason."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from invlab.comparison.exact import ExactPosterior
from invlab.comparison.plan import DEAR_SECONDS, SEARCH_CALLS
from invlab.methods import Method, class_of, get_method, known_as
from invlab.methods.neural_adjoint import NeuralAdjoint
from invlab.methods.options import options_of
from invlab.task import Pairs, Task

__all__ = ["BASELINES", "NULLS", "SEARCHES", "Candidate", "choose", "trained"]

# Rows that stand in every table: what any learned method has to beat.
BASELINES = ("prior", "nearest", "pool")
# Plain optimisation on the simulator, which stands in every table too: the first two where there
# are gradients, the last where there are none.
SEARCHES = ("bfgs", "lm", "differential_evolution")
# Simulations of a target, however few guesses are asked for: ten starts, or a population of thirty
# and its forty generations.
LEAST_CALLS = {"bfgs": 300, "lm": 300, "local_search": 300, "differential_evolution": 30 * 41}
# Rows that are no method to use: draws without looking, and what only an invented task knows.
NULLS = ("prior", "exact", "floor")
# Names of rows that the comparison makes itself: no object of the user's is to be taken for one.
RESERVED = ("exact", "floor")
# Learned methods that "auto" tries. The others teach something, are beaten by one of these wherever
# both were measured (chapter 11), or need a package that is not always there (spline_flow).
LEARNED = ("neural_adjoint", "mixture_density", "cinn", "flow_matching", "tandem", "direct")
# Steps of training that a comparison gives a method, and its batch: enough to order the methods, a
# tenth of what a final fit takes.
STEPS, BATCH = 1500, 64
FEWEST_STEPS = 200
FEWEST_EPOCHS, MOST_EPOCHS = 5, 200
# Draws of the pool, a quarter of what it has by itself.
BRIEF_POOL = 50_000
# Processor seconds of one step of training, roughly; only the budget looks at it.
STEP_SECONDS = 0.003


@dataclass(frozen=True)
class Candidate:
    """One row of the comparison to be.

    Attributes:
        name: in the table.
        method: name in the registry, or an object of the user's with ``fit`` and ``propose``.
        options: of the registered method.
        reason: why it is left out; empty where it takes part.
        draws: whether its guesses are independent draws, so that they may be a posterior.
        searches: whether it calls the simulator for each answer.
    """

    name: str
    method: Any
    options: dict[str, Any] = field(default_factory=dict)
    reason: str = ""
    draws: bool = False
    searches: bool = False

    @property
    def least_calls(self) -> int:
        """Simulations that a target takes, however few guesses are asked for; roughly."""
        if not self.searches:
            return 0
        return LEAST_CALLS.get(self.name, SEARCH_CALLS)

    def build(self) -> Any:
        """An untrained method; one of the user's is copied, so that seeds do not meet in it."""
        if isinstance(self.method, str):
            return get_method(self.method, **self.options)
        return copy.deepcopy(self.method)


def choose(
    task: Task,
    methods: str | Sequence[Any],
    *,
    n: int,
    simulated: bool,
    seconds: float | None = None,
    seeds: int = 1,
    simulation_s: float = 0.0,
) -> list[Candidate]:
    """The baselines, and the methods asked for or, for ``"auto"``, those that are tried first.

    Args:
        task: decides who can take part.
        methods: ``"auto"``, or names and objects.
        n: pairs that each method learns from.
        simulated: whether the task has a simulator to call.
        seconds: of processor time for all of it, or None; seeds: how often it is done. Both say
            how long a training may be.
        simulation_s: processor seconds of a simulation.

    Raises:
        TypeError: neither names nor objects.
        ValueError: an unknown name, two methods of one name, or an object with that of a row
            which the comparison makes itself.
    """
    asked = _asked(methods)
    searches = [name for name in SEARCHES if task.differentiable == (name in ("bfgs", "lm"))]
    always: list[Any] = [*BASELINES, *searches]
    if simulated and callable(getattr(task, "posterior", None)):
        always.append(ExactPosterior(task))
    # an object of the user's takes the place of the baseline of its name
    own = {_name(one) for one in asked if not isinstance(one, str)}
    if own & set(RESERVED):
        raise ValueError(
            f"methods: {min(own & set(RESERVED))!r} names a row that is never ranked; give your "
            "method another name"
        )
    always = [one for one in always if _name(one) not in own]
    named = [*always, *(one for one in asked if not _among(one, always))]
    # a name given twice, or in two words, is one row
    named = list({one if isinstance(one, str) else id(one): one for one in named}.values())
    made = [_candidate(task, one, simulated) for one in named]
    if simulation_s > DEAR_SECONDS:
        made = [_too_dear(candidate, simulation_s) for candidate in made]
    labels = [candidate.name for candidate in made]
    twice = sorted({label for label in labels if labels.count(label) > 1})
    if twice:
        raise ValueError(f"methods: expected one of each name, got more of {', '.join(twice)}")
    steps = steps_within(seconds, sum(not one.reason for one in made), seeds)
    return [_brief(one, n, steps) for one in made]


def _asked(methods: Any) -> list[Any]:
    """Names and objects; ``"auto"``, alone or beside others, stands for the learned ones."""
    alone = isinstance(methods, str) or not isinstance(methods, Iterable)
    named: list[Any] = []
    for one in [methods] if alone else methods:
        if one is None or isinstance(one, type):
            raise TypeError(
                f"methods: expected names, or objects with fit and propose, got {one!r}"
            )
        named += LEARNED if isinstance(one, str) and one == "auto" else [one]
    return [known_as(one) if isinstance(one, str) else one for one in named]


def trained(method: Any, task: Task, data: Pairs, *, seed: int) -> Any:
    """Fit a method and return it; ``fit`` of the user's own may return nothing."""
    made = method.fit(task, data, seed=seed)
    return method if made is None else made


def _too_dear(candidate: Candidate, seconds: float) -> Candidate:
    """Left out where it searches, since a simulation is dear."""
    if not candidate.searches or candidate.reason:
        return candidate
    reason = (
        f"a target takes some {candidate.least_calls} simulations of {seconds:.2g} s each; "
        "invlab.invert(..., calls=N) spends a fixed number"
    )
    return replace(candidate, reason=reason)


def _name(method: Any) -> str:
    """What a row is called."""
    if isinstance(method, str):
        return method
    return str(getattr(method, "name", type(method).__name__))


def _among(method: Any, always: Sequence[Any]) -> bool:
    return isinstance(method, str) and method in always


def steps_within(seconds: float | None, methods: int, seeds: int) -> int:
    """Steps of a training, so that all of them take about half of the seconds there are."""
    if seconds is None:
        return STEPS
    affordable = seconds / 2 / max(1, methods * seeds) / STEP_SECONDS
    return int(min(STEPS, max(FEWEST_STEPS, affordable)))


def _candidate(task: Task, method: Any, simulated: bool) -> Candidate:
    try:
        blank = get_method(method) if isinstance(method, str) else method
    except ImportError as error:  # an optional package that is not installed
        return Candidate(str(method), method, reason=str(error))
    name = _name(method)
    searches = bool(getattr(blank, "calls_simulator", False))
    reason = _reason(task, blank, simulated)
    return Candidate(name, method, {}, reason, draws_given_y(blank, name), searches)


def draws_given_y(method: Any, name: str) -> bool:
    """Whether guesses are independent draws given y, so that they may be a posterior.

    Not those of the prior, nor those of a search that does not rank what it finds.
    """
    searches = getattr(method, "calls_simulator", False) or isinstance(method, NeuralAdjoint)
    return bool(getattr(method, "exchangeable", False)) and not searches and name not in NULLS


def _brief(candidate: Candidate, n: int, steps: int) -> Candidate:
    """The same with the options of a short training, where it takes part and is one of ours."""
    if candidate.reason or not isinstance(candidate.method, str):
        return candidate
    return replace(candidate, options=brief_options(class_of(candidate.method), n, steps))


def _reason(task: Task, method: Any, simulated: bool) -> str:
    """Why a method cannot take part, or nothing."""
    if getattr(method, "calls_simulator", False) and not simulated:
        return "needs a simulator, and there are only pairs"
    if getattr(method, "needs_gradient", False) and not task.differentiable:
        return "needs gradients, and the task says differentiable=False"
    if task.noisy and hasattr(method, "require_quiet"):
        return "searches on the simulator, and would search the noise of single runs too"
    if task.context is not None and not getattr(method, "takes_context", True):
        return "takes no context c"
    return ""


def brief_options(kind: type[Method], n: int, steps: int = STEPS) -> dict[str, Any]:
    """Options of a short training on ``n`` pairs; none for what trains nothing."""
    if "epochs" not in options_of(kind):
        return {}
    epochs = steps // max(1, n // BATCH)
    brief = {"epochs": min(MOST_EPOCHS, max(FEWEST_EPOCHS, epochs)), "batch_size": BATCH}
    return brief | ({"pool": BRIEF_POOL} if kind.name == "pool" else {})
