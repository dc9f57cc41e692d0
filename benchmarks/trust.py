"""Error bounds and reachability on the papers' tasks: do they hold, and what do they see?

A task has 3000 pairs, 2100 to learn from and 900 to calibrate on, and 400 fresh targets. The peer
of a bound is the constant one, the quantile of the calibration errors. Columns: the share of fresh
targets below the bound, the same for the fifth with the largest bounds, the rank correlation of
bound and error, the mean of log10(bound/constant) and the ratio of the medians of bound and error.

For reachability: false alarms on fresh targets, the share of flagged targets among those that are
truly off after a shift by two standard deviations or an exchange of components (farther than 99 %
of reachable targets are and than a hundredth of a standard deviation, from 30,000 simulations and
from answers refined on the simulator), and silent failures, bounds that are broken without a flag.
Run with OMP_NUM_THREADS=1.
"""

from __future__ import annotations

import argparse
import math
import time

import torch
from scipy.stats import spearmanr

import invlab
from invlab import Pairs, Targets, Task, runtime
from invlab.methods.base import Method
from invlab.trust import ErrorBound, Reachability
from invlab.trust.conformal import conformal_quantile
from invlab.trust.neighbours import Neighbours

TASKS = ("square", "sine", "robot_arm", "ballistics")
METHODS = {
    "nearest": {},
    "neural_adjoint": {"candidates": 40, "pool": 5000, "epochs": 200, "batch_size": 256},
    "mixture_density": {"epochs": 60},
    "tandem": {"epochs": 100},
}
LEVEL = 0.9
SIMULATIONS = 30_000
# A target that is so near, in standard deviations of y, counts as reached.
REACHED = 0.01


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=TASKS)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--pairs", type=int, default=3000)
    parser.add_argument("--targets", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    start = time.process_time()
    print("task         method            cover  hard  rank  log10  median ratio")
    tighter = [ratio for name in options.tasks for ratio in one_task(name, options)]
    mean = 10 ** (sum(tighter) / len(tighter))
    print(f"{time.process_time() - start:.0f} CPU s")
    print(f"trust ratio={1 / mean:.2f} ours={mean:.3f} peer=1 unit=constant_bound")


def one_task(name: str, options: argparse.Namespace) -> list[float]:
    """Print the rows of a task, and return log10 of bound over constant bound of each."""
    task, seed = invlab.get_task(name), options.seed
    pairs = task.sample(options.pairs, generator=runtime.generator(seed, name, "pairs"))
    learned, held = pairs.split(0.3, generator=runtime.generator(seed, name, "parts"))
    fresh = task.targets(options.targets, seed=seed)
    searcher = METHODS["neural_adjoint"]
    adjoint = invlab.get_method("neural_adjoint", **searcher).fit(task, learned, seed=seed)
    found = []
    for method in options.methods:
        model: Method = adjoint
        if method != "neural_adjoint":
            model = invlab.get_method(method, **METHODS[method]).fit(task, learned, seed=seed)
        bound, ratio = bound_row(task, method, model, held, learned, fresh, adjoint.surrogate)
        found.append(ratio)
        if method == "neural_adjoint":
            judged = model, bound
    test = Reachability.calibrate(task, held, learned, surrogate=adjoint.surrogate)
    reachability_rows(task, test, fresh, *judged)
    return found


def bound_row(
    task: Task,
    name: str,
    model: Method,
    held: Pairs,
    learned: Pairs,
    fresh: Targets,
    surrogate: invlab.surrogates.Surrogate,
) -> tuple[ErrorBound, float]:
    def answer(y: torch.Tensor, c: torch.Tensor | None) -> torch.Tensor:
        return model.propose(y, 1, c)[:, 0]

    bound = ErrorBound.calibrate(task, answer, held, learned, surrogate=surrogate, level=LEVEL)
    x = answer(fresh.y, None)
    limit, error = bound(x, fresh.y), errors(task, x, fresh.y)
    constant = conformal_quantile(errors(task, answer(held.y, None), held.y), LEVEL)
    covered = (error <= limit).double()
    hard = limit.argsort(descending=True)[: len(limit) // 5]
    rank = spearmanr(limit, error).statistic
    ratio = float((limit / constant).log10().mean())
    shares = f"{float(covered.mean()):6.3f} {float(covered[hard].mean()):5.2f}"
    medians = float(limit.median() / error.median())
    sizes = f"{rank:5.2f} {ratio:6.2f} {medians:8.1f}"
    print(f"{task.name:12s} {name:16s} {shares} {sizes}", flush=True)
    return bound, ratio


def errors(task: Task, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return invlab.resimulation_error(task, x[:, None], y, replicates=1)[:, 0]


def reachability_rows(
    task: Task, test: Reachability, fresh: Targets, model: Method, bound: ErrorBound
) -> None:
    off = TrulyOff(task, fresh.y)
    spread = fresh.y.std(0)
    shifted = fresh.y + 2 * spread
    kinds = {"fresh": fresh.y, "shifted": shifted}
    if fresh.y.shape[1] > 1:
        kinds["one shifted"] = torch.cat([shifted[:, :1], fresh.y[:, 1:]], 1)
        kinds["exchanged"] = fresh.y.roll(1, 1)
    for kind, y in kinds.items():
        flagged = ~test.reachable(y)
        x = model.propose(y, 1)[:, 0]
        broken = errors(task, x, y) > bound(x, y)
        beyond = off(y)
        seen = float(flagged[beyond].double().mean()) if bool(beyond.any()) else math.nan
        silent = float((broken & ~flagged).double().mean())
        print(
            f"{task.name:12s} {kind:12s} flagged {float(flagged.double().mean()):5.3f}, truly off "
            f"{int(beyond.sum()):3d}, of these flagged {seen:5.3f}, silent failures {silent:5.3f}"
        )
    print(f"{task.name:12s} smallest visible misfit {test.smallest_visible:.1e} of the variance")


class TrulyOff:
    """Which targets are farther from what the simulator can give than 99 % of reachable ones."""

    def __init__(self, task: Task, reachable: torch.Tensor) -> None:
        self.task = task
        draws = runtime.generator(1, task.name, "many simulations")
        self.many = task.usable(task.sample(SIMULATIONS, generator=draws))
        self.near = Neighbours(self.many.y)
        self.limits = self.gaps(reachable).quantile(0.99, dim=0).clamp_min(REACHED)

    def __call__(self, y: torch.Tensor) -> torch.Tensor:
        return (self.gaps(y) > self.limits).all(1)

    def gaps(self, y: torch.Tensor) -> torch.Tensor:
        """Distances from the simulations, and from the best answer refined on the simulator."""
        rows = self.near.rows(y, 5)
        known = self.near.distances(y, rows)[:, 0]
        if not self.task.differentiable:
            return torch.stack([known, known], 1)
        x, goal = self.many.x[rows].double(), y.double()
        x = invlab.refine(self.task, x, goal, steps=20, bounded=True)
        error = invlab.resimulation_error(self.task, x, goal)
        x = x[torch.arange(len(x)), error.argmin(1)]
        gap = self.near.scaled(self.task.simulate(x)) - self.near.scaled(goal)
        return torch.stack([known, gap.norm(dim=1)], 1)


if __name__ == "__main__":
    main()
