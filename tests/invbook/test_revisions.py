"""A change of what the recorded experiments compute asks for a new revision of them.

Each kind of run is made once, tiny, and its numbers are compared with those of the file beside.
Where they differ, the records in results/ are those of other code: raise the revision that the
message names, so that they count as stale, and write the new numbers by

    python tests/invbook/test_revisions.py

Which takes each run with the kernels of several processors, and keeps the numbers that are the
same with all: a search through a network that is hardly trained may end anywhere.
"""

import itertools
import json
import math
import os
import subprocess
import sys
import warnings
from functools import partial
from pathlib import Path

import pytest

from invbook.papers.advice import runs as advice_runs
from invbook.papers.joint_optimization import ablation, experiments, many_unknowns, state_recovery
from invbook.papers.joint_optimization import runs as joint_runs
from invbook.papers.loss_design import runs as loss_runs
from invbook.papers.metamaterial import experiments as metamaterial
from invbook.papers.metamaterial import runs as metamaterial_runs
from invbook.papers.neural_adjoint import experiments as adjoint
from invbook.papers.neural_adjoint import models
from invbook.papers.neural_adjoint import runs as adjoint_runs
from invbook.papers.trust import runs as trust_runs
from invlab import runtime
from invlab.methods.adjoint_search import AdamSearch

FILE = Path(__file__).with_name("fingerprints.json")
# Numbers kept of a run, how far they may be off on other processors, and how far those may be off
# that are kept, with the kernels of these.
KEPT, OFF, STEADY = 12, 0.02, 0.005
KERNELS = (
    {},
    {"MKL_CBWR": "COMPATIBLE"},
    {"MKL_CBWR": "AVX2"},
    {"ATEN_CPU_CAPABILITY": "default"},
    {"ATEN_CPU_CAPABILITY": "avx2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"},
)
FEW = {"targets": 3, "guesses": 4, "epochs": 2}
SHORT = {"iterations": 3, "lr": 3e-3}
SMALL = {"width": 16, "layers": 3, "epochs": 2}


def loss_design():
    made = loss_runs._inverse({"loss": "two_step", "epochs": 2}, "l2", [0])["scores"]
    forward = loss_runs._forward({"derivatives": True, "steps": 3}, "l1", [0])["scores"]
    return {f"inverse/{k}": v[0] for k, v in made.items()} | {
        f"forward/{k}": v[0] for k, v in forward.items()
    }


def of_methods(make):
    """r_T of each method, T = 1 and as many as there are, and the error of its network."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("invbook.papers.neural_adjoint.scoring.DRAWS", 50)
        # a long search multiplies the rounding of the first step
        short = partial(AdamSearch, steps=3)
        patch.setattr("invbook.papers.neural_adjoint.experiments.AdamSearch", short)
        found = make()
    numbers = {
        f"{method}/{end}": float(result["r_T"][end])
        for method, result in found.items()
        if "r_T" in result
        for end in (0, -1)
    }
    networks = {
        f"{method}/validation": result["validation"]
        for method, result in found.items()
        if "validation" in result
    }
    return numbers | networks


def of_systems():
    scores = {}
    for system in ("wave_packet", "billiards"):
        settings = {
            **joint_runs.SETTINGS[system],
            "joint": {**joint_runs.SETTINGS[system]["joint"], "iterations": 3},
            "envelope": SHORT,
            "direct": SHORT,
            "neural_adjoint": SMALL,
            "starts": (1, 2),
        }
        found = experiments.measure(system, 4, 0, settings)
        scores |= {f"{system}/{name}": value[0] for name, value in found["scores"].items()}
    return {
        name: value
        for name, value in scores.items()
        if name.endswith("unrefined/loss") or name.endswith("bfgs/refined/loss")
    }


def of_ablation():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ablation, "VARIANTS", {"billiards": {"frozen": {}, "rate": {"lr": 1e-2}}})
        settings = {**joint_runs.SETTINGS["billiards"]["joint"], "iterations": 3}
        scores = ablation.ablate("billiards", 4, 0, settings, 1.0)["scores"]
    return {k: v[0] for k, v in scores.items() if k.endswith("unrefined/loss")}


def short(settings):
    made = dict(settings, maxiter=10)
    for method in ("joint", "envelope", "direct"):
        if method in made:
            made[method] = {**made[method], "iterations": 3}
    return made


def of_many():
    return of_budget(
        lambda: many_unknowns.compare_many(2, 3, 0, short(many_unknowns.MANY))["scores"],
        ("bfgs/excess", "envelope_bfgs/excess", "direct/excess"),
    )


def of_states():
    settings = short(state_recovery.STATE)
    settings["task"] = {**settings["task"], "horizon": 6.0}
    return of_budget(
        lambda: state_recovery.recover(2, 0, settings)["scores"],
        ("bfgs/excess", "early_bfgs/excess", "direct/excess"),
    )


def of_advice():
    size = advice_runs.Size(n=20, targets=2, guesses=(1,), seeds=1)
    made = advice_runs.study("sine", small=size, large=size, methods=["direct"])
    rows = [(part, row) for part, rows in made["rows"].items() for row in rows]
    return {f"{part}/{row['method']}": row["r_1"] for part, row in rows if row["r_1"]}


def of_trust():
    size = trust_runs.Size(pairs=400, targets=20, simulations=500, draws=20)
    methods = {"neural_adjoint": {"candidates": 5, "pool": 50, "epochs": 2}, "nearest": {}}
    scores = trust_runs.trust("square", 0, size=size, methods=methods)["scores"]
    return {name: value[0] for name, value in scores.items() if value[0] is not None}


def of_budget(make, names):
    """Scores of what is bounded by processor time, by a clock that ticks with each look at it."""
    ticks = itertools.count(step=10.0)
    with runtime.set_clock(lambda: next(ticks)):
        scores = make()
    return {name: scores[name][0] for name in names}


KINDS = {
    "loss_design": (loss_runs, "REVISION", loss_design),
    "neural_adjoint/compare": (
        adjoint_runs,
        "compare",
        lambda: of_methods(lambda: adjoint.compare("sine", 0, pairs=100, pool=50, steps=2, **FEW)),
    ),
    "neural_adjoint/models": (
        adjoint_runs,
        "models",
        lambda: of_methods(
            lambda: models.invert(
                "sine", 0, model="cvae", targets=3, guesses=4, pairs=100, shorter=100
            )
        ),
    ),
    "neural_adjoint/published": (
        adjoint_runs,
        "published",
        lambda: of_methods(lambda: adjoint.published("sine", 0, candidates=5, **FEW)),
    ),
    "neural_adjoint/ablation": (
        adjoint_runs,
        "ablation",
        lambda: of_methods(lambda: adjoint.ablation("sine", 0, **FEW)),
    ),
    "neural_adjoint/ablation_raw": (
        adjoint_runs,
        "ablation_raw",
        lambda: of_methods(lambda: adjoint.ablation("sine", 0, network="paper", **FEW)),
    ),
    "neural_adjoint/ladder": (
        adjoint_runs,
        "ladder",
        lambda: of_methods(lambda: adjoint.ladder("sine", 0, **FEW)),
    ),
    "metamaterial": (
        metamaterial_runs,
        "REVISION",
        lambda: {"mse": float(metamaterial.truncation(0, orders=1, reference=2, geometries=1)[0])},
    ),
    "advice": (advice_runs, "REVISION", of_advice),
    "trust": (trust_runs, "REVISION", of_trust),
    "joint_optimization/systems": (joint_runs, "systems", of_systems),
    "joint_optimization/ablation": (joint_runs, "ablation", of_ablation),
    "joint_optimization/many_unknowns": (joint_runs, "many_unknowns", of_many),
    "joint_optimization/initial_state": (joint_runs, "initial_state", of_states),
}


def revision(kind):
    module, name, _ = KINDS[kind]
    return module.REVISION if name == "REVISION" else module.REVISIONS[name]


def fingerprint(kind):
    """The numbers of a tiny run, by name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        numbers = KINDS[kind][2]()
    return {name: float(f"{value:.4g}") for name, value in numbers.items() if math.isfinite(value)}


def with_kernels(kernels):
    """The numbers of all kinds, by a process that takes these kernels."""
    command = [sys.executable, __file__, "--print"]
    made = subprocess.run(
        command, env=os.environ | kernels, stdout=subprocess.PIPE, check=True, encoding="utf-8"
    )
    return json.loads(made.stdout.splitlines()[-1])


def steady(several):
    """A few of the numbers that are the same in several dictionaries: the first one's."""
    first = several[0]
    names = sorted(
        name
        for name, value in first.items()
        if all(found.get(name) == pytest.approx(value, rel=STEADY, abs=1e-9) for found in several)
    )
    return {name: first[name] for name in names[:: math.ceil(len(names) / KEPT)]}


def kept():
    return json.loads(FILE.read_text(encoding="utf-8"))


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_change_of_the_numbers_comes_with_a_new_revision(kind):
    entry, found = kept()[kind], fingerprint(kind)
    numbers = {name: found.get(name) for name in entry["numbers"]}
    module, name, _ = KINDS[kind]
    where = f"{module.__name__}: {name}"
    remedy = f"then run `python tests/invbook/{Path(__file__).name}`"
    assert revision(kind) == entry["revision"], f"{where} has changed: {remedy}"
    assert numbers == pytest.approx(entry["numbers"], rel=OFF, abs=1e-9), (
        f"the numbers of {kind} have changed, so its records are stale: raise {where}, {remedy}"
    )


def test_every_kind_of_run_has_a_fingerprint_and_no_other():
    assert kept().keys() == KINDS.keys()
    for module in (adjoint_runs, joint_runs):
        names = {name for other, name, _ in KINDS.values() if other is module}
        assert names == set(module.REVISIONS), f"{module.__name__}: REVISIONS"
    assert all(len(entry["numbers"]) for entry in kept().values())


if __name__ == "__main__":
    if sys.argv[1:] == ["--print"]:
        print(json.dumps({kind: fingerprint(kind) for kind in KINDS}))
        sys.exit()
    made = [with_kernels(kernels) for kernels in KERNELS]
    entries = {
        kind: {"revision": revision(kind), "numbers": steady([found[kind] for found in made])}
        for kind in KINDS
    }
    FILE.write_text(json.dumps(entries, indent=1) + "\n", encoding="utf-8")
    print(f"{FILE.name}: written")
