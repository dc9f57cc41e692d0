"""How far an answer can be trusted: bounds, reachability, calibration, and what is wrong."""

from invlab.trust.calibration import calibration_ranks, uniformity
from invlab.trust.diagnosis import Diagnosis, Finding, diagnose
from invlab.trust.error_bound import ErrorBound
from invlab.trust.reachability import Reachability

__all__ = [
    "Diagnosis",
    "ErrorBound",
    "Finding",
    "Reachability",
    "calibration_ranks",
    "diagnose",
    "uniformity",
]
