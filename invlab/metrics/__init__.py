"""Scores of guesses: by simulating them again, and against the exact posterior."""

from invlab.metrics.intervals import bootstrap_interval, mean_interval
from invlab.metrics.posterior import c2st, mmd2, mode_recall
from invlab.metrics.resimulation import noise_floor, resimulation_error, rmse
from invlab.metrics.scores import best_of, invalid_share, r_T

__all__ = [
    "best_of",
    "bootstrap_interval",
    "c2st",
    "invalid_share",
    "mean_interval",
    "mmd2",
    "mode_recall",
    "noise_floor",
    "r_T",
    "resimulation_error",
    "rmse",
]
