"""The neural adjoint's two searches on one surrogate: Gauss–Newton against the paper's Adam.

The peer is the paper's inference: 2048 starts a target, 300 steps of Adam with boundary loss, one
target at a time. Ours is the default search: a shared pool, 200 candidates, at most four
Gauss–Newton steps. Both rank their guesses by the surrogate and are scored on the same targets
by the true simulator. Run with OMP_NUM_THREADS=1.
"""

from __future__ import annotations

import argparse
import time

import torch
from record import keep_record

import invlab
from invbook.papers.neural_adjoint import TASKS, training_pairs
from invlab.methods.adjoint_search import AdamSearch
from invlab.methods.neural_adjoint import NeuralAdjoint

GUESSES = (1, 50, 200)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", choices=TASKS, default="sine")
    parser.add_argument("--targets", type=int, default=8, help="for Adam, some 10 s each")
    parser.add_argument("--many", type=int, default=200, help="for Gauss–Newton")
    parser.add_argument("--epochs", type=int, default=300, help="of the surrogate")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)

    task = invlab.get_task(options.task)
    data = training_pairs(task, options.seed)
    ours = NeuralAdjoint(epochs=options.epochs).fit(task, data, seed=options.seed)
    peer = NeuralAdjoint(search=AdamSearch(candidates=2048), bounds="free")
    peer.fit(task, data, surrogate=ours.surrogate)
    y = task.targets(options.many, seed=options.seed, dtype=torch.float64).y

    ours_seconds = timed("Gauss-Newton, all targets", task, ours, y)
    timed("Gauss-Newton, Adam's targets", task, ours, y[: options.targets])
    peer_seconds = timed("Adam, the paper's", task, peer, y[: options.targets])
    ratio = peer_seconds / ours_seconds
    times = f"ours={ours_seconds:.4f} peer={peer_seconds:.3f}"
    print(f"neural_adjoint ratio={ratio:.0f} {times} unit=cpu_s")


def timed(name: str, task: invlab.Task, model: NeuralAdjoint, y: torch.Tensor) -> float:
    """Print r_T of the 200 best guesses, and return CPU seconds a target."""
    start = time.process_time()
    x = model.propose(y, n=200)
    seconds = (time.process_time() - start) / len(y)
    r = invlab.r_T(invlab.resimulation_error(task, x, y), exchangeable=False)
    scores = "  ".join(f"r_{count} {r[count - 1]:.1e}" for count in GUESSES)
    print(f"{name:30s} {len(y):4d} targets  {scores}  {seconds:.4f} CPU s a target")
    return seconds


if __name__ == "__main__":
    keep_record(main)
