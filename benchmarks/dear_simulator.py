"""A dear simulator and few targets: the same number of simulations, spent in three ways.

Ours is ``invlab.invert(..., calls=N)``: rounds of fit, search and simulation that serve all targets
together. The peers solve each target by itself with its share of the simulations: Bayesian
optimisation (``bayesian-optimization``, optional) on the logarithm of the misfit, and SciPy's
differential evolution; draws from the prior that serve all targets stand beside. Errors are the
best of what each simulated, over the variance of y, geometric means over targets and seeds. Run
with OMP_NUM_THREADS=1.
"""

from __future__ import annotations

import argparse
import math
import warnings
from collections.abc import Callable

import numpy as np
import torch
from record import keep_record
from scipy.optimize import differential_evolution
from torch import Tensor

import invlab
from invlab import Task

TASKS = ("sine", "robot_arm", "ballistics")
Misfit = Callable[[np.ndarray], float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=200, help="simulations for all targets")
    parser.add_argument("--targets", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    logs: dict[str, list[float]] = {}
    for name in TASKS:
        for seed in range(options.seeds):
            found = compared(invlab.get_task(name), options.calls, options.targets, seed)
            line = "  ".join(f"{way} {math.exp(np.mean(log)):.1e}" for way, log in found.items())
            print(f"{name:12s} seed {seed}  {line}", flush=True)
            for way, log in found.items():
                logs.setdefault(way, []).extend(log)
    errors = {way: math.exp(float(np.mean(log))) for way, log in logs.items()}
    for way, error in errors.items():
        if way != "rounds":
            ratio = error / errors["rounds"]
            print(
                f"dear_{way} ratio={ratio:.3g} ours={errors['rounds']:.2e} peer={error:.2e} unit=r"
            )


def compared(task: Task, calls: int, count: int, seed: int) -> dict[str, list[float]]:
    """Logarithms of the best errors, one a target, by who found them."""
    y = task.targets(count, seed=500 + seed, dtype=torch.float64).y
    draws = torch.Generator().manual_seed(seed)
    chance = task.sample(calls, generator=draws, dtype=torch.float64)
    unit = float(chance.y.var(0, correction=0).mean())
    ours = invlab.invert(task, y, calls=calls, n=1, seed=seed).error[:, 0]
    by_chance = (chance.y[None] - y[:, None]).square().mean(-1).amin(1)
    found = {"rounds": ours, "prior_draws": by_chance}
    ways = {"differential_evolution": evolution}
    if bayesian is not None:
        ways["bayesian_optimization"] = bayesian
    for name, solve in ways.items():
        best = [solve(task, misfit(task, goal), calls // count, seed) for goal in y]
        found[name] = torch.tensor(best, dtype=torch.float64)
    return {name: (error / unit).clamp_min(1e-12).log().tolist() for name, error in found.items()}


def misfit(task: Task, y: Tensor) -> Misfit:
    """The error of one answer to one target."""

    def error(x: np.ndarray) -> float:
        effect = task.simulate(torch.from_numpy(np.asarray(x, dtype=float))[None])[0]
        return float((effect - y).square().mean().nan_to_num(1e30))

    return error


def evolution(task: Task, error: Misfit, calls: int, seed: int) -> float:
    """SciPy's differential evolution, stopped after its calls."""
    seen: list[float] = []

    def counted(x: np.ndarray) -> float:
        if len(seen) >= calls:
            return math.inf
        seen.append(error(x))
        return seen[-1]

    population = max(5, calls // 5)
    edges = list(zip(task.box.low.tolist(), task.box.high.tolist(), strict=True))
    start = task.box.sample(population, generator=torch.Generator().manual_seed(seed)).numpy()
    differential_evolution(
        counted, edges, init=start, maxiter=5, polish=False, rng=np.random.default_rng(seed)
    )
    return min(seen)


try:
    from bayes_opt import BayesianOptimization
except ImportError:
    print("bayesian-optimization is not installed; its line is left out")
    bayesian = None
else:

    def bayesian(task: Task, error: Misfit, calls: int, seed: int) -> float:
        """Gaussian process and expected improvement, as the library does by itself."""
        edges = zip(task.box.low.tolist(), task.box.high.tolist(), strict=True)
        names = [f"x{k}" for k in range(task.x_dim)]
        seen: list[float] = []

        def value(**x: float) -> float:
            seen.append(error(np.array([x[name] for name in names])))
            return -math.log(seen[-1] + 1e-12)

        search = BayesianOptimization(
            value, dict(zip(names, edges, strict=True)), random_state=seed, verbose=0
        )
        search.maximize(init_points=max(2, calls // 5), n_iter=calls - max(2, calls // 5))
        return min(seen)


if __name__ == "__main__":
    keep_record(main)
