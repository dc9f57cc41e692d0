"""What is recorded of trust: a run a simulator and seed.

The quick preset took 120 CPU seconds on one thread. In the size of the full one, one seed took 49
CPU seconds on the two moons, 60 on the robot arm and 111 on the epidemic, three to four times what
it takes in the quick size; all 26 runs took 50 CPU minutes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from invbook import frozen
from invbook.papers.advice.simulators import NINE_KINDS
from invbook.papers.trust.experiments import HELD, LEVEL, Size, make_task, trust
from invbook.papers.trust.faults import NOISES, SHIFT, TILT
from invbook.resolved import of_method, of_simulator
from invlab import get_method, runtime
from invlab.runs.records import Run

__all__ = ["METHODS", "REVISION", "SEEDS", "SIMULATORS", "ids", "plan"]

# Of the code behind the numbers; raise it when they change.
REVISION = 2

SIMULATORS = ("square", "sine", "robot_arm", "ballistics", *NINE_KINDS)
SEEDS = (0, 1)
# Two of these have noise.
QUICK_SIMULATORS = ("square", "robot_arm", "epidemic", "two_moons", "ricker")
QUICK_METHODS = ("nearest", "neural_adjoint", "mixture_density")

QUICK = Size(pairs=1000, targets=150, simulations=10_000, draws=50)

# The methods in trainings of their own, after the size.
METHODS: dict[str, dict[str, Any]] = frozen.options("trust", "trust")
FULL = Size(**METHODS.pop("size"))


def ids(simulators: Sequence[str] = SIMULATORS, seeds: Sequence[int] = SEEDS) -> list[str]:
    """Where the records of simulators and seeds go."""
    return [f"trust/{name}/seed_{seed}" for name in simulators for seed in seeds]


def plan() -> list[Run]:
    """A run a simulator and seed; five simulators, one seed, three methods in the quick preset."""
    size = runtime.by_preset(quick=QUICK, full=FULL)
    names = runtime.by_preset(quick=QUICK_SIMULATORS, full=SIMULATORS)
    seeds = runtime.by_preset(quick=SEEDS[:1], full=SEEDS)
    chosen = runtime.by_preset(quick=QUICK_METHODS, full=tuple(METHODS))
    methods = {name: METHODS[name] for name in chosen}
    return [_run(name, seed, size, methods) for name in names for seed in seeds]


def _run(name: str, seed: int, size: Size, methods: dict[str, dict[str, Any]]) -> Run:
    settings = {
        "simulator": name,
        **of_simulator(make_task(name)),
        "size": vars(size),
        "level": LEVEL,
        "held_out": HELD,
        "faults": {"shift": SHIFT, "tilt": TILT, "noises": NOISES},
        "methods": {key: of_method(get_method(key, **own)) for key, own in methods.items()},
    }
    compute = partial(_compute, name, size, methods)
    return Run(ids([name], [seed])[0], settings, compute, (seed,), REVISION)


def _compute(
    name: str, size: Size, methods: dict[str, dict[str, Any]], seeds: Sequence[int]
) -> dict[str, Any]:
    (seed,) = seeds
    return trust(name, seed, size=size, methods=methods)
