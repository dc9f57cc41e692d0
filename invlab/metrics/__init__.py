"""Scores of guesses: by simulating them again, and against the exact posterior."""

from invlab.metrics.intervals import bootstrap_interval
from invlab.metrics.posterior import c2st, mmd2, mode_recall
from invlab.metrics.resimulation import best_of, r_T, resimulation_error, rmse

__all__ = [
    "best_of",
    "bootstrap_interval",
    "c2st",
    "mmd2",
    "mode_recall",
    "r_T",
    "resimulation_error",
    "rmse",
]
