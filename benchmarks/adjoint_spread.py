"""What keeps the neural adjoint where its surrogate is right: the box, nothing, or an ensemble?

One ensemble of five networks a task and seed, and the BFGS search through its mean from eight draws
of the prior: with the boundary loss about the task's box ("fence"), with nothing ("none"), and with
the variance of the networks in its place ("spread", and "+ ranked" where the same variance counts
in the ranking). Answers are free to leave the box. r_T is the mean over targets, in the variance of
y, geometric mean over seeds. On the meta-material its emulator stands for the simulator. Where y or
the context has hundreds of numbers, pairs and targets are fewer. Run with OMP_NUM_THREADS=1.
"""

from __future__ import annotations

import argparse
import math
import time

import torch
from record import keep_record

import invlab
from invlab import Task, runtime
from invlab.methods.adjoint_search import BFGSSearch
from invlab.methods.neural_adjoint import NeuralAdjoint
from invlab.surrogates import Surrogate

# All tasks, those of the paper first.
PAPER = ("sine", "robot_arm", "ballistics", "metamaterial")
TASKS = (*PAPER, *(name for name in invlab.list_tasks() if name not in PAPER))
# Pairs and targets at most, where hundreds of numbers make each search, or a simulation, dear.
FEW = {
    "metamaterial": (2000, 25),
    "layered_stack": (2000, 25),
    "multilayer_sphere": (2000, 25),
    "wave_packet": (2000, 25),
    "wave_packets": (2000, 25),
    "kuramoto_sivashinsky": (1000, 10),
    "navier_stokes": (500, 10),
}
# Name: weights of boundary loss, of the spread in the search, and of the spread in the ranking.
WAYS = {
    "fence": (10.0, 0.0, 0.0),
    "none": (0.0, 0.0, 0.0),
    "spread 0.1": (0.0, 0.1, 0.0),
    "spread 1": (0.0, 1.0, 0.0),
    "spread 1 + ranked": (0.0, 1.0, 1.0),
    "spread 10": (0.0, 10.0, 0.0),
}
GUESSES = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=TASKS)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--pairs", type=int, default=2000)
    parser.add_argument("--targets", type=int, default=100)
    parser.add_argument("--epochs", type=int, default=150)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print("task                 way                 r_1      median   r_8      in the box   CPU s")
    seconds: dict[str, float] = dict.fromkeys(WAYS, 0.0)
    for name in options.tasks:
        task = invlab.get_task(name)
        rows = {way: [] for way in WAYS}
        for seed in options.seeds:
            most, some = FEW.get(name, (options.pairs, options.targets))
            draws = runtime.generator(seed, name, "pairs")
            data = task.usable(task.sample(min(options.pairs, most), generator=draws))
            f = NeuralAdjoint(ensemble=5, width=64, epochs=options.epochs, batch_size=256)
            f.fit(task, data, seed=seed)
            targets = task.targets(min(options.targets, some), seed=seed)
            for way in WAYS:
                start = time.process_time()
                scores = judged(task, f.surrogate, data, targets, way)
                rows[way].append(scores)
                seconds[way] += time.process_time() - start
        for way, found in rows.items():
            first, middle, best, inside = zip(*found, strict=True)
            print(
                f"{name:20s} {way:18s} {mean(first):8.1e} {mean(middle):8.1e} {mean(best):8.1e} "
                f"{sum(inside) / len(inside):8.3f} {seconds[way]:12.1f}",
                flush=True,
            )
    ours, peer = seconds["spread 1"], seconds["fence"]
    print(f"adjoint_spread ratio={peer / ours:.2f} ours={ours:.1f} peer={peer:.1f} unit=cpu_s")


def judged(
    task: Task, surrogate: Surrogate, data: invlab.Pairs, targets: invlab.Targets, way: str
) -> tuple[float, float, float, float]:
    """r_1, median error of the first guess, r_8 and the share of answers in the box."""
    boundary, weight, ranking = WAYS[way]
    search = BFGSSearch(
        candidates=GUESSES, steps=100, boundary=boundary, starts="prior", spread_weight=weight
    )
    model = NeuralAdjoint(search=search, bounds="free", spread=ranking)
    y, c = targets.y, targets.c
    x = model.fit(task, data, surrogate=surrogate).propose(y, GUESSES, c)
    error = invlab.resimulation_error(task, x, y, c, replicates=1)
    error = error / data.y.double().flatten(1).var(0).mean()
    finite = error.clamp_max(1e6)
    inside = float(task.box.contains(x.flatten(0, 1)).double().mean())
    best = float(finite.amin(1).mean())
    return float(finite[:, 0].mean()), float(finite[:, 0].median()), best, inside


def mean(values: tuple[float, ...]) -> float:
    # an answer may be exact
    return math.exp(sum(math.log(max(value, 1e-30)) for value in values) / len(values))


if __name__ == "__main__":
    keep_record(main)
