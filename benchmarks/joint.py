"""Joint optimisation beside multi-start: processor time until as many problems are solved.

Sixty-four billiard shots, of which BFGS from the common first guess solves three in ten. Joint
optimisation trains one network on all of them and refines its answers by BFGS; multi-start restarts
the unsolved shots from draws of the prior, until as many are solved. Both run the same batched
simulator and the same batched BFGS in float64 on one thread, and the ratio is multi-start's time
over that of the joint run: below one, multi-start is faster. The line before the last sets SciPy's
BFGS, one shot after the other from the common first guess, beside the joint run: the paper's joint
runs take three to six times as long as its BFGS, a ratio of 0.17 to 0.33. Before it stands the same
of 64 wave packets, and what their joint run is made of: as many steps of the network by itself,
forwards, backwards and by Adam, and as many evaluations of the signal with its gradient.

    python benchmarks/joint.py [--rows 64] [--seeds 10 11 12 13 14]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from record import keep_record

from invbook.papers.joint_optimization.experiments import BILLIARDS, WAVE
from invbook.papers.joint_optimization.systems import (
    SOLVED,
    Problems,
    draw_problems,
    scipy_bfgs,
)
from invlab.minimizers import minimize
from invlab.networks.encoders import encoder_for

# Rounds of restarts, after which multi-start gives up.
ROUNDS = 400
# Samples that a unit of SciPy's search stands for: the larger of the two of chapter 13.
WAVE_UNIT = 75.0


def joint(some: Problems, seed: int) -> tuple[float, int]:
    """Seconds and number of solved problems of the joint run with its refinement."""
    options = {key: value for key, value in BILLIARDS["joint"].items() if key != "networks"}
    start = time.process_time()
    found = minimize(
        some.fun, some.start, method="joint", features=some.features, seed=seed, **options
    )
    return time.process_time() - start, int((found.fun < SOLVED).sum())


def multistart(some: Problems, seed: int, enough: int) -> float:
    """Seconds until ``enough`` problems are solved, infinite where the rounds do not do it."""
    start = time.process_time()
    x, solved = some.start, torch.zeros(len(some), dtype=torch.bool)
    for round_ in range(ROUNDS):
        found = minimize(
            some.fun,
            x,
            method="multistart",
            draws=some.task.prior,
            restarts=min(round_, 1),
            target=BILLIARDS["target"],
            seed=1000 * seed + round_,
        )
        x, solved = found.x, found.fun < SOLVED
        if int(solved.sum()) >= enough:
            return time.process_time() - start
    return float("inf")


def wave_packets(rows: int, seed: int) -> dict[str, float]:
    """Seconds of the joint run with its refinement, of its parts by themselves, and of SciPy's."""
    some = draw_problems("wave_packet", rows, seed)
    options = {key: value for key, value in WAVE["joint"].items() if key != "networks"}
    steps = options["iterations"]
    encoder = encoder_for(some.features.shape[1:], some.start.shape[1], **options["encoder"])
    adam = torch.optim.Adam(encoder.parameters(), lr=options["lr"])

    def step() -> None:
        adam.zero_grad()
        encoder(some.features.float()).sum().backward()
        adam.step()

    def evaluation() -> None:
        x = some.start.clone().requires_grad_()
        some.fun(x, torch.arange(rows)).sum().backward()

    def whole() -> None:
        minimize(some.fun, some.start, method="joint", features=some.features, seed=seed, **options)

    return {
        "joint": seconds(whole, 1),
        "network": seconds(step, steps),
        "signal": seconds(evaluation, steps),
        "scipy": scipy_bfgs(some, some.start, WAVE_UNIT).cpu,
    }


def seconds(work: Callable[[], None], times: int) -> float:
    """Processor seconds of some work, done so many times."""
    start = time.process_time()
    for _ in range(times):
        work()
    return time.process_time() - start


def main() -> None:
    """Print a line a seed, and the ratio of the medians."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=64)
    parser.add_argument("--seeds", type=int, nargs="+", default=[10, 11, 12, 13, 14])
    options = parser.parse_args()
    torch.set_num_threads(1)
    times: dict[str, list[float]] = {"joint": [], "multistart": [], "scipy": []}
    for seed in options.seeds:
        some = draw_problems("billiards", options.rows, seed)
        spent, solved = joint(some, seed)
        other = multistart(some, seed, solved)
        times["joint"].append(spent)
        times["multistart"].append(other)
        times["scipy"].append(scipy_bfgs(some, some.start, 1.0).cpu)
        print(f"seed {seed}: {solved} of {options.rows}, joint {spent:.2f} s, restarts {other:.2f}")
    parts = [wave_packets(options.rows, seed) for seed in options.seeds]
    wave = {name: statistics.median(part[name] for part in parts) for name in parts[0]}
    print(
        f"{options.rows} wave packets: joint {wave['joint']:.2f} s; by itself the network "
        f"{wave['network']:.2f}, the signal {wave['signal']:.2f}"
    )
    print(
        f"joint_wave_packet ratio={wave['scipy'] / wave['joint']:.3f} ours={wave['joint']:.3f} "
        f"peer={wave['scipy']:.3f} unit=cpu_s"
    )
    ours, peer, single = (statistics.median(times[k]) for k in ("joint", "multistart", "scipy"))
    print(f"joint_scipy ratio={single / ours:.3f} ours={ours:.3f} peer={single:.3f} unit=cpu_s")
    print(f"joint ratio={peer / ours:.3f} ours={ours:.3f} peer={peer:.3f} unit=cpu_s")


if __name__ == "__main__":
    keep_record(main)
