"""Draw the picture of the first page, assets/two_answers.svg, and assets/preview.png for links.

Trains the two networks of it, in seconds: a regression, and one that is trained through y = x².
"""

from __future__ import annotations

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from notebooks import ROOT

import invlab
from invbook import figures

LEVEL = 900.0


def main() -> None:
    """Train, draw and write both files."""
    mpl.use("agg")
    mpl.rcParams["svg.hashsalt"] = "two answers"
    figures.use_style()
    task = invlab.get_task("square")
    y = task.targets(120, seed=3).y
    answers = {}
    for misfit in ("inverse", "effect"):
        model = invlab.get_method("direct", misfit=misfit, epochs=60)
        model.fit(task, task.grid(), seed=1)
        answers[misfit] = model.propose(y, 1)[:, 0, 0].cpu().numpy()
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.4))
    x = np.linspace(-33, 33, 200)
    left.plot(x, x**2, color=figures.BLUE)
    left.axhline(LEVEL, color=figures.ORANGE, linestyle="--")
    left.plot([-30, 30], [LEVEL, LEVEL], "o", color=figures.ORANGE)
    left.annotate("one y, two answers", (0, LEVEL), (0, LEVEL - 150), ha="center", va="top")
    left.set(xlabel="unknown x", ylabel="y = x²")
    dense = np.linspace(0, 1089, 400)
    for sign in (1, -1):
        right.plot(dense, sign * np.sqrt(dense), color=figures.BLUE)
    targets = y[:, 0].cpu().numpy()
    right.plot(targets, answers["inverse"], "s", ms=3.5, color=figures.ORANGE, label="regression")
    right.plot(
        targets, answers["effect"], "o", ms=3.5, color=figures.GREEN, label="through the simulator"
    )
    right.set(xlabel="target y", ylabel="answer x̂")
    right.legend(loc="center right", bbox_to_anchor=(1.0, 0.66))
    figure.savefig(ROOT / "assets" / "two_answers.svg", metadata={"Date": None})
    figure.set_size_inches(12, 6.3)
    figure.savefig(ROOT / "assets" / "preview.png", dpi=60)


if __name__ == "__main__":
    main()
