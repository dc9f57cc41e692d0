"""The book's own figures of trust: do error bounds, reachability and posteriors keep their word?

A run is a simulator and a seed. Pairs are divided into those that methods learn from and those
that bounds and tests are calibrated on; fresh targets say what the promises are worth, and so do
targets that were shifted, exchanged, tilted or made noisier.
"""

from invbook.papers.paper import Paper
from invbook.papers.trust.claims import CLAIMS
from invbook.papers.trust.experiments import Size, trust
from invbook.papers.trust.layout import tables
from invbook.papers.trust.runs import plan

__all__ = ["CLAIMS", "PAPER", "Size", "plan", "tables", "trust"]

PAPER = Paper("trust", "How far to trust an answer", None, plan, CLAIMS, tables)
