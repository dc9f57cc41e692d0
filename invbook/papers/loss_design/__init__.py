"""Loss design on y = x²: Rivera, Pardo and Alberdi (ICCS 2020), Figures 2 to 13.

What the paper leaves open (width, optimiser, batches, epochs, initial weights) is chosen here
once. "Normalised" networks see x divided by 33; "literal" ones rescale y alone, as the paper
does. Scores are in original units: y from 0 to 1089, x from −33 to 33.
"""

from invbook.papers.loss_design.claims import CLAIMS, DIRECT_L1, DIRECT_L2
from invbook.papers.loss_design.fits import (
    SECOND_DIFFERENCE,
    SEEDS,
    THREE_POINTS,
    fit_forward,
    fit_inverse,
    fit_reduced,
)
from invbook.papers.loss_design.layout import tables
from invbook.papers.loss_design.runs import plan
from invbook.papers.loss_design.scores import forward_scores, inverse_scores
from invbook.papers.paper import Paper

__all__ = [
    "CLAIMS",
    "DIRECT_L1",
    "DIRECT_L2",
    "PAPER",
    "SECOND_DIFFERENCE",
    "SEEDS",
    "THREE_POINTS",
    "plan",
    "fit_forward",
    "fit_inverse",
    "fit_reduced",
    "forward_scores",
    "inverse_scores",
    "tables",
]

PAPER = Paper("loss_design", "Design of loss functions", "rivera2020loss", plan, CLAIMS, tables)
