"""invlab: deep-learning methods that invert a simulator, on one grammar."""

import importlib
from typing import TYPE_CHECKING, Any

from invlab.contract import check_task
from invlab.improve import rank, refine, refine_bfgs, refine_on_surrogate, surrogate_error
from invlab.methods import get_method, list_methods, load_method
from invlab.metrics import bootstrap_interval, invalid_share, noise_floor, r_T, resimulation_error
from invlab.minimizers import Solution, list_minimizers, minimize
from invlab.pairs import Pairs, Targets
from invlab.priors import Box, Integer, LogUniform, Normal, Poisson, Product, as_prior
from invlab.simulators import numpy_simulator
from invlab.surrogates import fit_surrogate
from invlab.task import Simulator, Task
from invlab.tasks import get_task, list_tasks

if TYPE_CHECKING:
    from invlab.comparison import Comparison, compare
    from invlab.inversion import Answers, invert
    from invlab.runs import generate
    from invlab.trust import ErrorBound, Reachability

__version__ = "0.2.0"

# Folders and modules whose names are used with their own in front, such as invlab.losses.hermite.
_ROOMS = (
    "comparison",
    "inversion",
    "losses",
    "methods",
    "metrics",
    "minimizers",
    "networks",
    "plots",
    "priors",
    "runs",
    "runtime",
    "sampling",
    "simulators",
    "surrogates",
    "tasks",
    "trust",
)

# Names whose room is opened when they are asked for.
_LATER = {
    "Answers": "inversion",
    "Comparison": "comparison",
    "ErrorBound": "trust",
    "Reachability": "trust",
    "compare": "comparison",
    "generate": "runs",
    "invert": "inversion",
}

__all__ = [
    "Answers",
    "Box",
    "Comparison",
    "ErrorBound",
    "Integer",
    "LogUniform",
    "Normal",
    "Pairs",
    "Poisson",
    "Product",
    "Reachability",
    "Simulator",
    "Solution",
    "Targets",
    "Task",
    "as_prior",
    "bootstrap_interval",
    "check_task",
    "compare",
    "fit_surrogate",
    "generate",
    "get_method",
    "get_task",
    "invalid_share",
    "invert",
    "list_methods",
    "list_minimizers",
    "list_tasks",
    "load_method",
    "minimize",
    "noise_floor",
    "numpy_simulator",
    "r_T",
    "rank",
    "refine",
    "refine_bfgs",
    "refine_on_surrogate",
    "resimulation_error",
    "surrogate_error",
]


def __getattr__(name: str) -> Any:
    """Rooms that nothing above needs are opened when they are asked for."""
    if name in _LATER:
        return getattr(importlib.import_module(f"invlab.{_LATER[name]}"), name)
    if name in _ROOMS:
        return importlib.import_module(f"invlab.{name}")
    raise AttributeError(f"module 'invlab' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, *_ROOMS, "__version__"])
