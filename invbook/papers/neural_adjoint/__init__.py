"""Many guesses for one target: Ren, Padilla and Malof (NeurIPS 2020).

What is recorded: the neural adjoint, the baselines and nine trained models on D1 (ballistics),
D2 (sine) and D3 (robot arm), scored by r_T and against the exact posterior; and the ablation of
boundary loss and start distribution.
"""

from invbook.papers.neural_adjoint.claims import CLAIMS, PROXY_PUBLISHED, PUBLISHED
from invbook.papers.neural_adjoint.experiments import (
    GUESSES,
    PAIRS,
    PROXY_TASK,
    TASKS,
    ablation,
    compare,
    ladder,
    training_pairs,
)
from invbook.papers.neural_adjoint.layout import tables
from invbook.papers.neural_adjoint.models import MODELS, SAMPLERS, invert
from invbook.papers.neural_adjoint.runs import plan, recorded
from invbook.papers.neural_adjoint.scoring import match, score
from invbook.papers.paper import Paper

__all__ = [
    "CLAIMS",
    "GUESSES",
    "MODELS",
    "PAIRS",
    "PAPER",
    "PROXY_PUBLISHED",
    "PUBLISHED",
    "PROXY_TASK",
    "SAMPLERS",
    "TASKS",
    "ablation",
    "plan",
    "compare",
    "invert",
    "ladder",
    "match",
    "recorded",
    "score",
    "tables",
    "training_pairs",
]

PAPER = Paper(
    "neural_adjoint", "Many guesses for one target", "ren2020benchmarking", plan, CLAIMS, tables
)
