"""How cost grows: seconds and memory of each method against the size of what it is asked.

A run is a method. One size at a time grows from a common base, each measurement in a process of
its own, and the growth is told by the slope of the cost on logarithmic axes.
"""

from invbook.papers.paper import Paper
from invbook.papers.scaling.claims import CLAIMS
from invbook.papers.scaling.growth import exponent, straight_from
from invbook.papers.scaling.runs import plan
from invbook.papers.scaling.work import Size

__all__ = ["CLAIMS", "PAPER", "Size", "exponent", "plan", "straight_from"]

PAPER = Paper("scaling", "How cost grows", None, plan, CLAIMS)
