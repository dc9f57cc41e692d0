"""The meta-material of Ren, Padilla and Malof (2020): the solver, and the network it trained.

What is recorded: truncation, interpolation and cost of the solver, what the loss tangent decides,
the error of networks against the number of simulations, and that of the one in the package.
"""

from invlab.papers.metamaterial.cells import cells
from invlab.papers.metamaterial.claims import CLAIMS
from invlab.papers.metamaterial.production import errors, simulations, train_simulator
from invlab.papers.metamaterial.runs import (
    interpolation,
    learning_curve,
    loss,
    proxy,
    seconds,
    truncation,
)

__all__ = [
    "CLAIMS",
    "cells",
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
