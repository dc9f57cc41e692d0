"""What one call of ``invert`` gives on the nine kinds of simulators: errors, bounds, cost.

A run is a simulator and a seed. The simulator and its targets are all that the call gets: it makes
pairs, chooses a method, fits, refines, ranks and bounds by itself. A look-up in as many pairs
stands beside it.
"""

from invbook.papers.answers.claims import CLAIMS
from invbook.papers.answers.layout import tables
from invbook.papers.answers.runs import plan
from invbook.papers.paper import Paper

__all__ = ["CLAIMS", "PAPER", "plan", "tables"]

PAPER = Paper("answers", "One call on nine simulators", None, plan, CLAIMS, tables)
