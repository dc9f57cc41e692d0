"""Many guesses for one target: Ren, Padilla and Malof (NeurIPS 2020), first half.

What is recorded so far: the neural adjoint and the baselines on D1 (ballistics), D2 (sine) and
D3 (robot arm), scored by r_T, and the ablation of boundary loss and start distribution.
"""

from invlab.papers.neural_adjoint.cells import cells
from invlab.papers.neural_adjoint.claims import CLAIMS, PAPER
from invlab.papers.neural_adjoint.runs import (
    GUESSES,
    PAIRS,
    TASKS,
    ablation,
    compare,
    ladder,
    score,
    training_pairs,
)

__all__ = [
    "CLAIMS",
    "GUESSES",
    "PAIRS",
    "PAPER",
    "TASKS",
    "ablation",
    "cells",
    "compare",
    "ladder",
    "score",
    "training_pairs",
]
