"""Who takes part in a comparison, with which options, and who is left out for which reason."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from invlab.methods import get_method
from invlab.methods.options import options_of
from invlab.task import Task

__all__ = ["BASELINES", "Candidate", "choose"]

# Rows that stand in every table: what any learned method has to beat.
BASELINES = ("prior", "nearest", "pool")
# Learned methods that "auto" tries. The others teach something, or are beaten by one of these
# wherever both were measured (chapter 11).
LEARNED = ("neural_adjoint", "mixture_density", "cinn", "flow_matching", "tandem", "direct")
# Steps of training that a comparison gives a method, and its batch: enough to order the methods, a
# tenth of what a final fit takes.
STEPS, BATCH = 2500, 64
FEWEST_EPOCHS, MOST_EPOCHS = 20, 200


@dataclass(frozen=True)
class Candidate:
    """One row of the comparison to be.

    Attributes:
        name: in the table.
        method: name in the registry, or an object of the user's with ``fit`` and ``propose``.
        options: of the registered method.
        reason: why it is left out; empty where it takes part.
    """

    name: str
    method: Any
    options: dict[str, Any] = field(default_factory=dict)
    reason: str = ""

    def build(self) -> Any:
        """An untrained method; one of the user's is copied, so that seeds do not meet in it."""
        if isinstance(self.method, str):
            return get_method(self.method, **self.options)
        return copy.deepcopy(self.method)


def choose(task: Task, methods: str | Sequence[Any], *, n: int, simulated: bool) -> list[Candidate]:
    """The baselines, and the methods asked for or, for ``"auto"``, those that are tried first.

    Args:
        task: decides who can take part.
        methods: ``"auto"``, or names and objects.
        n: pairs that each method learns from, which decides how long it trains.
        simulated: whether the task has a simulator to call.

    Raises:
        ValueError: an unknown name, or two methods of one name.
    """
    if methods == "auto":
        asked: list[Any] = list(LEARNED)
    else:
        asked = [methods] if isinstance(methods, str) else list(methods)
    named = [*BASELINES, *(one for one in asked if one not in BASELINES)]
    made = [_candidate(task, one, n, simulated) for one in named]
    labels = [candidate.name for candidate in made]
    twice = sorted({label for label in labels if labels.count(label) > 1})
    if twice:
        raise ValueError(f"methods: expected one of each name, got more of {', '.join(twice)}")
    return made


def _candidate(task: Task, method: Any, n: int, simulated: bool) -> Candidate:
    blank = get_method(method) if isinstance(method, str) else method
    options = brief_options(type(blank), n) if isinstance(method, str) else {}
    name = getattr(blank, "name", type(blank).__name__)
    return Candidate(name, method, options, _reason(task, blank, simulated))


def _reason(task: Task, method: Any, simulated: bool) -> str:
    """Why a method cannot take part, or nothing."""
    if getattr(method, "calls_simulator", False) and not simulated:
        return "needs a simulator, and there are only pairs"
    if getattr(method, "needs_gradient", False) and not task.differentiable:
        return "needs gradients, and the task says differentiable=False"
    if task.context is not None and not getattr(method, "takes_context", True):
        return "takes no context c"
    return ""


def brief_options(kind: type, n: int) -> dict[str, Any]:
    """Options of a short training on ``n`` pairs; none for what trains nothing."""
    if "epochs" not in options_of(kind):
        return {}
    epochs = STEPS // max(1, n // BATCH)
    return {"epochs": min(MOST_EPOCHS, max(FEWEST_EPOCHS, epochs)), "batch_size": BATCH}
