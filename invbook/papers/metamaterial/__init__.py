"""The meta-material of Ren, Padilla and Malof (2020): the solver, and the network it trained.

What is recorded: truncation and where it is largest, interpolation and cost of the solver, what the
loss tangent decides, the error of networks against the number of simulations, and that of the one
in the package.
"""

from invbook.papers.metamaterial.claims import CLAIMS
from invbook.papers.metamaterial.experiments import (
    convergence,
    interpolation,
    learning_curve,
    loss,
    proxy,
    seconds,
    truncation,
)
from invbook.papers.metamaterial.production import errors, simulations, train_simulator
from invbook.papers.metamaterial.runs import plan
from invbook.papers.paper import Paper

__all__ = [
    "CLAIMS",
    "PAPER",
    "plan",
    "convergence",
    "errors",
    "interpolation",
    "learning_curve",
    "loss",
    "proxy",
    "seconds",
    "simulations",
    "train_simulator",
    "truncation",
]

PAPER = Paper("metamaterial", "The meta-material", "ren2020benchmarking", plan, CLAIMS)
