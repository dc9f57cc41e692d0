"""What is recorded: a run for each system, number of problems and seed, with all methods in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from invbook import resolved
from invbook.papers.joint_optimization.ablation import VARIANTS, ablate
from invbook.papers.joint_optimization.experiments import BILLIARDS, WAVE, measure
from invbook.papers.joint_optimization.many_unknowns import MANY, compare_many
from invbook.papers.joint_optimization.pdes import KURAMOTO, NAVIER
from invbook.papers.joint_optimization.state_recovery import STATE, recover
from invbook.papers.joint_optimization.systems import SYSTEMS
from invlab import runtime
from invlab.methods import get_method
from invlab.methods.adjoint_search import BFGSSearch
from invlab.networks.encoders import ConvolutionalEncoder, VectorEncoder
from invlab.runs.records import Run

__all__ = [
    "COUNTS",
    "FRESH",
    "MAIN",
    "PDES",
    "SETTINGS",
    "TUNING",
    "plan",
    "counts",
    "main_count",
    "name",
    "seeds_of",
]

# Of the code behind each kind of run: a change of its numbers is a new revision, and
# tests/invbook/test_revisions.py says when one is due.
REVISIONS = {"systems": 1, "ablation": 1, "many_unknowns": 1, "initial_state": 1}
# Problems solved together, and the number that the ledger is about.
COUNTS = (2, 4, 8, 16, 32, 64, 128, 256)
MAIN = 64
# Settings were chosen on other seeds, see frozen.toml. Those that chose them, 0 to 2, are recorded
# too, under "tuning".
TUNING = (0, 1, 2)
# Nobody had looked at the others when the settings were frozen.
FRESH = (40, 41, 42, 43, 44)
FEWER = FRESH[:3]
UNSEEN = (20, 21, 22, 23, 24)
# The differential equations: seeds by number of problems, the ledger's number first. A simulation
# costs a hundred times that of a packet: three seeds of each n but for that of the ledger.
PDES: dict[str, dict[int, tuple[int, ...]]] = {
    "kuramoto_sivashinsky": {MAIN: UNSEEN, **{n: UNSEEN[:3] for n in COUNTS if n != MAIN}},
    "navier_stokes": {32: UNSEEN[:3], **{n: UNSEEN[:3] for n in COUNTS if n not in (32, 256)}},
    "navier_stokes_two": {32: UNSEEN[:3]},
}

# What is varied, of one network, and the unit of BFGS in which it is compared.
VARIED: dict[str, tuple[dict[str, Any], float]] = {
    "wave_packet": ({**WAVE["joint"], "networks": 1, "keep_best": False}, 75.0),
    "billiards": (BILLIARDS["joint"], 1.0),
}
# Networks of the joint search and of regression.
ENCODERS: tuple[type[Any], ...] = (VectorEncoder, ConvolutionalEncoder)
# Packets in a signal, four unknowns each.
PACKETS = (3, 6, 12)

SETTINGS: dict[str, dict[str, Any]] = {
    "wave_packet": WAVE,
    "billiards": BILLIARDS,
    "kuramoto_sivashinsky": KURAMOTO,
    "navier_stokes": NAVIER,
    "navier_stokes_two": NAVIER,
}
# A tenth of the training and of the starts.
QUICK: dict[str, dict[str, Any]] = {
    "wave_packet": {
        "joint": {**WAVE["joint"], "iterations": 30},
        "envelope": {**WAVE["envelope"], "iterations": 20},
        "direct": {**WAVE["direct"], "iterations": 40},
        "neural_adjoint": {**WAVE["neural_adjoint"], "epochs": 60},
        "starts": (1, 8),
    },
    "billiards": {
        "joint": {**BILLIARDS["joint"], "iterations": 100},
        "direct": {**BILLIARDS["direct"], "iterations": 40},
        "neural_adjoint": {**BILLIARDS["neural_adjoint"], "epochs": 60},
        "starts": (1, 8),
        "target": BILLIARDS["target"],
    },
    **{
        system: {
            "joint": {**SETTINGS[system]["joint"], "iterations": 15},
            "direct": {**SETTINGS[system]["direct"], "iterations": 20},
            "neural_adjoint": {**SETTINGS[system]["neural_adjoint"], "epochs": 60},
            "restarts": 1,
        }
        for system in PDES
    },
}


def counts() -> tuple[int, ...]:
    """Numbers of problems in this preset, the ledger's first."""
    few: tuple[int, ...] = (MAIN, 8)
    every = (MAIN, *(n for n in COUNTS if n != MAIN))
    return runtime.by_preset(quick=few, full=every)


def main_count(system: str) -> int:
    """The number of problems that the ledger is about."""
    return next(iter(PDES[system])) if system in PDES else MAIN


def seeds_of(system: str, n: int) -> tuple[int, ...]:
    """Seeds of the records of ``n`` problems."""
    return PDES[system][n] if system in PDES else FRESH


def name(system: str, n: int, seed: int) -> str:
    """Id of a record."""
    return f"joint_optimization/{system}/n{n}/seed{seed}"


def plan() -> list[Run]:
    """All that is recorded, the first seed of every n first; a tenth of it in the quick preset."""
    main = [
        _run(system, n, seeds_of(system, n)[turn])
        for turn in range(len(FRESH))
        for n in counts()
        for system in ("wave_packet", "billiards")
    ]
    return main + _ablations() + _many() + _pdes() + _states() + _tuning()


def _run(system: str, n: int, seed: int, *, folder: str = "") -> Run:
    settings = runtime.by_preset(quick=QUICK, full=SETTINGS)[system]
    compared, task = SYSTEMS[system], SYSTEMS[system].task
    return Run(
        name(folder + system, n, seed),
        {
            "n": n,
            "system": resolved.resolved(compared),
            "task": resolved.of_task(task, **compared.options),
            **described(settings),
        },
        partial(_compute, measure, (system, n), (settings,)),
        seeds=(seed,),
        revision=REVISIONS["systems"],
    )


def described(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings with all options of the methods in them, those left at their defaults too."""
    made = dict(settings)
    for method in ("joint", "envelope"):
        if method in settings:
            made[method] = _joint(**settings[method])
    if "direct" in settings:
        made["direct"] = resolved.of_method(get_method("direct")) | settings["direct"]
    if "neural_adjoint" in settings:
        surrogate = {"held_out": 0.0, "bounds": "free", **settings["neural_adjoint"]}
        method = get_method("neural_adjoint", search=BFGSSearch(), **surrogate)
        made["neural_adjoint"] = resolved.of_method(method)
    made["restarts of BFGS"] = resolved.of_minimizer("multistart")
    made["encoders"] = {kind.__name__: resolved.of_function(kind.__init__) for kind in ENCODERS}
    return made


def _joint(*, networks: int = 1, single: bool = False, **options: Any) -> dict[str, Any]:
    own = {"networks": networks, "single": single}
    return own | resolved.of_minimizer("joint", **{"refine": False, **options})


def _pdes() -> list[Run]:
    """The ledger's numbers of problems first; in the quick preset a few problems of one seed."""
    if runtime.preset() == "quick":
        return [_run(system, 4, UNSEEN[0]) for system in PDES]
    rows = [
        (turn, seed, system, n)
        for system, seeds in PDES.items()
        for turn, n in enumerate(seeds)
        for seed in seeds[n]
    ]
    return [_run(system, n, seed) for _, seed, system, n in sorted(rows)]


def _tuning() -> list[Run]:
    """The seeds that chose the settings, at the ledger's numbers of problems."""
    return [
        _run(system, main_count(system), seed, folder="tuning/")
        for seed in runtime.by_preset(quick=(), full=TUNING)
        for system in ("wave_packet", "billiards", "kuramoto_sivashinsky", "navier_stokes")
    ]


def _ablations() -> list[Run]:
    made = []
    for seed in runtime.by_preset(quick=FEWER[:1], full=FEWER):
        for system, (options, unit) in VARIED.items():
            shorter = options["iterations"] // runtime.by_preset(quick=20, full=1)
            settings = {**options, "iterations": shorter}
            plain = {name: value for name, value in settings.items() if name != "keep_best"}
            own = {
                "n": MAIN,
                "system": resolved.resolved(SYSTEMS[system]),
                "task": resolved.of_task(system),
                "unit": unit,
                **settings,
                "joint": _joint(**plain),
                "variants": VARIANTS[system],
            }
            compute = partial(_compute, ablate, (system, MAIN), (settings, unit))
            made.append(
                Run(
                    f"joint_optimization/ablation/{system}/seed{seed}",
                    own,
                    compute,
                    (seed,),
                    REVISIONS["ablation"],
                )
            )
    return made


def _many() -> list[Run]:
    """Three seeds: twelve packets cost minutes."""
    n, shorter = runtime.by_preset(quick=(8, 20), full=(MAIN, 1))
    settings = dict(MANY)
    for method in ("joint", "envelope", "direct"):
        settings[method] = {**MANY[method], "iterations": MANY[method]["iterations"] // shorter}
    return [
        Run(
            f"joint_optimization/many_unknowns/packets{packets}/seed{seed}",
            {
                "packets": packets,
                "n": n,
                "task": resolved.of_task("wave_packets", packets=packets),
                **described(settings),
            },
            partial(_compute, compare_many, (packets, n), (settings,)),
            seeds=(seed,),
            revision=REVISIONS["many_unknowns"],
        )
        for seed in runtime.by_preset(quick=FEWER[:1], full=FEWER)
        for packets in runtime.by_preset(quick=PACKETS[:1], full=PACKETS)
    ]


def _states() -> list[Run]:
    n, shorter = runtime.by_preset(quick=(4, 20), full=(MAIN, 1))
    settings = dict(STATE)
    for method in ("joint", "direct"):
        settings[method] = {**STATE[method], "iterations": STATE[method]["iterations"] // shorter}
    settings["maxiter"] = STATE["maxiter"] // runtime.by_preset(quick=10, full=1)
    return [
        Run(
            f"joint_optimization/initial_state/seed{seed}",
            {
                "n": n,
                **described(settings),
                "task": resolved.of_task("kuramoto_sivashinsky", **settings["task"]),
            },
            partial(_compute, recover, (n,), (settings,)),
            seeds=(seed,),
            revision=REVISIONS["initial_state"],
        )
        for seed in runtime.by_preset(quick=FEWER[:1], full=FEWER)
    ]


def _compute(
    run: Callable[..., dict[str, Any]],
    which: tuple[Any, ...],
    how: tuple[Any, ...],
    seeds: Sequence[int],
) -> dict[str, Any]:
    (seed,) = seeds
    return run(*which, seed, *how)
