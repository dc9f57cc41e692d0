"""invlab: deep-learning methods that invert a simulator, on one grammar."""

from invlab.contract import check_task
from invlab.methods import get_method, list_methods
from invlab.metrics import bootstrap_interval, r_T, resimulation_error
from invlab.minimize import Solution, minimize
from invlab.priors import Box, Normal, Poisson, Product
from invlab.refine import believed_error, rank, refine, refine_bfgs, refine_on
from invlab.surrogate import fit_surrogate
from invlab.task import Pairs, Simulator, Targets, Task
from invlab.tasks import get_task, list_tasks

__version__ = "0.1.0"

__all__ = [
    "Box",
    "Normal",
    "Pairs",
    "Poisson",
    "Product",
    "Simulator",
    "Solution",
    "Targets",
    "Task",
    "believed_error",
    "bootstrap_interval",
    "check_task",
    "fit_surrogate",
    "get_method",
    "get_task",
    "list_methods",
    "list_tasks",
    "minimize",
    "r_T",
    "rank",
    "refine",
    "refine_bfgs",
    "refine_on",
    "resimulation_error",
]
