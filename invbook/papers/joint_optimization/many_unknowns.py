"""Too many unknowns for restarts? Several packets in one signal, at equal processor time."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from invbook import frozen
from invbook.papers.joint_optimization import learned
from invbook.papers.joint_optimization.study import Study
from invbook.papers.joint_optimization.systems import Problems, System, smoothed_loss
from invlab import runtime
from invlab.improve import squared_distance
from invlab.minimizers import minimize
from invlab.runtime import generator
from invlab.tasks.wave_packets import WavePackets

__all__ = ["MANY", "compare_many"]

MANY = frozen.options("joint_optimization", "many_unknowns")
# Loss above that at the truth: the global optimum lies below it (by half the noise of 4m samples),
# and one missing packet costs at least 0.9.
MARGIN = 0.5
# Samples: further off than the noise of a weak packet brings it.
FOUND = 2.0


def compare_many(packets: int, n: int, seed: int, settings: dict[str, Any]) -> dict[str, Any]:
    """Every method on n signals of some packets, as a record holds it.

    ``multistart`` restarts all unknowns of an unsolved signal, ``hop`` those of one packet after
    the other, keeping what is better; both know the loss at the truth and stop there, and both
    get the processor time of ``joint`` with its refinement.

    Returns:
        ``scores`` under ``<method>/<quantity>``: ``solved`` (% of signals at the global optimum),
        ``found`` (% of packets within 2 samples), ``excess`` (mean loss above that at the truth),
        ``cpu`` in seconds, ``evaluations`` a signal, and for the last two ``rounds``.
    """
    study = _Study(packets, n, seed, settings)
    problems, start = study.problems, study.problems.start
    study.search("bfgs", start)
    smooth = smoothed_loss(problems, settings["smoothing"])
    begin = runtime.cpu_seconds()
    ahead = minimize(smooth, start, bounds=problems.box, **study.limits)
    study.search("envelope_bfgs", ahead.x, runtime.cpu_seconds() - begin, ahead.nfev)
    _, best, _ = learned.joint(problems, seed, **settings["joint"])
    budget = study.search("joint", best[0].x, best[0].cpu, best[0].evaluations)
    last, _, _ = learned.joint(problems, seed, train_on=smooth, **settings["envelope"])
    study.search("envelope", last[0].x, last[0].cpu, last[0].evaluations)
    guess = learned.direct(problems, seed, **settings["direct"])
    study.search("direct", guess.x, guess.cpu, guess.evaluations)
    study.restart("multistart", budget, study.anywhere)
    study.restart("hop", budget, study.one_packet)
    return {"scores": {name: [value] for name, value in study.scores.items()}, "curves": {}}


class _Study(Study):
    """Signals of some packets."""

    def __init__(self, packets: int, n: int, seed: int, settings: dict[str, Any]) -> None:
        self.task = WavePackets(packets)
        targets = self.task.targets(n, seed=seed, dtype=torch.float64)
        assert targets.x is not None
        y, truth = targets.y.cpu(), targets.x.cpu()
        problems = Problems(
            System("wave_packets", (), bounded=True),
            self.task,
            y,
            None,
            truth,
            squared_distance(self.task, y),
            self.task.prior.bounds.center.repeat(n, 1),
        )
        limits = {"gtol": settings["gtol"], "maxiter": settings["maxiter"]}
        super().__init__(problems, MARGIN, generator(seed, "wave packets", "restarts"), **limits)

    def one_packet(self, x: Tensor, rows: Tensor, k: int) -> Tensor:
        """New unknowns for the k-th packet, counted around, beside the best of the others."""
        fresh, problems = self.anywhere(x, rows, k), x[rows].clone()
        own = slice(4 * (k % self.task.packets), 4 * (k % self.task.packets) + 4)
        problems[:, own] = fresh[:, own]
        return problems

    def measured(self, x: Tensor) -> dict[str, float]:
        """The share of packets near their place."""
        off = (self.task.positions(x) - self.task.positions(self.problems.truth)).abs()
        return {"found": 100 * (off < FOUND).double().mean().item()}
