"""How far an answer can be trusted: bounds, reachability, calibration, and what is wrong."""

from invlab.trust.calibration import calibration_ranks, uniformity
from invlab.trust.coverage import CoverageCurve, expected_coverage, rank_coverage, tarp
from invlab.trust.diagnosis import Diagnosis, Finding, diagnose
from invlab.trust.error_bound import ErrorBound
from invlab.trust.identifiability import Identifiability, undetermined
from invlab.trust.reachability import Reachability
from invlab.trust.wrong_model import (
    BoundWorth,
    PredictiveCheck,
    predictive_check,
    worth_of_bound,
)

__all__ = [
    "BoundWorth",
    "CoverageCurve",
    "Diagnosis",
    "ErrorBound",
    "Finding",
    "Identifiability",
    "PredictiveCheck",
    "Reachability",
    "calibration_ranks",
    "diagnose",
    "expected_coverage",
    "predictive_check",
    "rank_coverage",
    "tarp",
    "undetermined",
    "uniformity",
    "worth_of_bound",
]
