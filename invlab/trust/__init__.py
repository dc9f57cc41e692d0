"""How far an answer can be trusted: bounds, reachability, calibration, and what is wrong."""

from invlab.trust.calibration import calibration_ranks, uniformity
from invlab.trust.coverage import CoverageCurve, expected_coverage, rank_coverage, tarp
from invlab.trust.diagnosis import Diagnosis, Finding, diagnose
from invlab.trust.error_bound import ErrorBound
from invlab.trust.identifiability import Identifiability, undetermined
from invlab.trust.reachability import Reachability

__all__ = [
    "CoverageCurve",
    "Diagnosis",
    "ErrorBound",
    "Finding",
    "Identifiability",
    "Reachability",
    "calibration_ranks",
    "diagnose",
    "expected_coverage",
    "rank_coverage",
    "tarp",
    "undetermined",
    "uniformity",
]
