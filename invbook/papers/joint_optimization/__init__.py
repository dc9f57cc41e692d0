"""Many problems at once, after Holl and Thuerey (arXiv 2408.08119): packets, shots, waves, flows.

What is recorded: joint optimisation, supervised regression and the neural adjoint beside SciPy's
BFGS, with null rows that need no network (random draws, restarts, exchange of answers), for 2 to
256 problems.
"""

from invbook.papers.joint_optimization.claims import CLAIMS as FIRST_CLAIMS
from invbook.papers.joint_optimization.experiments import measure
from invbook.papers.joint_optimization.layout import tables
from invbook.papers.joint_optimization.pde_claims import PDE_CLAIMS
from invbook.papers.joint_optimization.reading import curves, numbers, over_counts, summary
from invbook.papers.joint_optimization.runs import COUNTS, plan
from invbook.papers.joint_optimization.systems import draw_problems, scipy_bfgs
from invbook.papers.paper import Paper

__all__ = [
    "CLAIMS",
    "PAPER",
    "COUNTS",
    "plan",
    "curves",
    "measure",
    "numbers",
    "over_counts",
    "draw_problems",
    "scipy_bfgs",
    "summary",
    "tables",
]

CLAIMS = [*FIRST_CLAIMS, *PDE_CLAIMS]

PAPER = Paper("joint_optimization", "Many problems at once", "holl2024joint", plan, CLAIMS, tables)
