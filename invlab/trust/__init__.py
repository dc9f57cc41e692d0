"""How far a method can be trusted: calibration of its draws, and what is wrong with it."""

from invlab.trust.calibration import calibration_ranks, uniformity
from invlab.trust.diagnosis import Diagnosis, Finding, diagnose

__all__ = ["Diagnosis", "Finding", "calibration_ranks", "diagnose", "uniformity"]
