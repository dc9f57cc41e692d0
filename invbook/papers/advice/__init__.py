"""The book's own study: does the advice of :func:`invlab.compare` hold, and that of the papers?

For each simulator, a small comparison names a method for T = 1, 10 and 100 guesses; a large one,
on other pairs and targets, says what every method reaches. The regret of the advice is the error
of the named method over that of the best one. Beside it stand the choices of somebody who takes
one method each time, as each paper advises, or a random one.
"""

from invbook.papers.advice.chart import chart_table, decisions, in_words
from invbook.papers.advice.claims import CLAIMS
from invbook.papers.advice.layout import tables
from invbook.papers.advice.runs import plan
from invbook.papers.paper import Paper

__all__ = ["CLAIMS", "PAPER", "chart_table", "decisions", "in_words", "plan", "tables"]

PAPER = Paper("advice", "Does the advice hold?", None, plan, CLAIMS, tables)
