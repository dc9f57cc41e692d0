"""The rows of the ledger about Kuramoto–Sivashinsky and Navier–Stokes."""

from __future__ import annotations

from invbook.ledger import Claim
from invbook.papers.joint_optimization.claims import (
    COLUMN,
    HOLL,
    TABLE,
    WORDS,
    bar,
    cost,
    mean_over,
)
from invbook.papers.joint_optimization.runs import FEWER, MAIN, PDES, main_count, name, seeds_of
from invbook.papers.reading import NO_ROW, Bar, at_least, score

__all__ = ["PDE_CLAIMS"]

KS, NS, EASY = "kuramoto_sivashinsky", "navier_stokes", "navier_stokes_two"
# Better and equal in per cent, with refinement, counted without a tolerance.
TABLE_2 = {
    KS: {
        "joint": (62.3, 0.0),
        "joint_last": (62.3, 0.0),
        "direct": (57.7, 0.0),
        "neural_adjoint": (23.9, 62.2),
    },
    NS: {
        "joint": (64.1, 0.0),
        "joint_last": (64.1, 0.0),
        "direct": (66.2, 0.1),
        "neural_adjoint": (56.9, 0.1),
    },
    EASY: {},
}
SHARES = ("better", "equal", "worse", "better_exact", "equal_exact", "solved")
SAID = WORDS | {
    "worse": "% of problems with a higher loss than SciPy's BFGS",
    "close": "% of problems below a twentieth of the loss at the start",
    "iterations": "iterations of BFGS, mean over the problems",
}
# Numbers from a lowest to a highest one; what is not here has to come near the paper's, or only
# to be there.
BETWEEN = {
    (KS, "joint", "solved"): (90.0, 100.0),
    (KS, "joint", "better_exact"): (58.0, 67.0),
    (KS, "joint", "better"): (20.0, 30.0),
    (KS, "joint", "worse"): (0.0, 5.0),
    (KS, "joint_or_bfgs", "solved"): (95.0, 100.0),
    (KS, "joint_or_bfgs", "worse"): (0.0, 0.0),
    (NS, "joint_or_bfgs", "worse"): (0.0, 0.0),
    (EASY, "joint_or_bfgs", "worse"): (0.0, 0.0),
    (EASY, "bfgs", "solved"): (95.0, 100.0),
    (KS, "bfgs", "iterations"): (12.0, 22.0),
    (KS, "joint", "iterations"): (4.0, 17.0),
}
TRAINED = ("joint", "joint_last", "direct", "neural_adjoint")
STARTED = ("draw", "truth")
SEARCHED = ("bfgs", "joint_or_bfgs", "exchange", "multistart", "multistart_equal")
# Numbers of problems with seeds in common, for the mean over n.
EVERY = {KS: (2, 16, 64, 256), NS: (8, 32)}
# Highest CPU time over that of BFGS, from the paper.
COST = {KS: 6.0, NS: 22.0}
STATE_METHODS = ("bfgs", "early_bfgs", "joint", "early_joint", "direct", "multistart")


def _records(system: str) -> tuple[str, ...]:
    n = main_count(system)
    return tuple(name(system, n, seed) for seed in seeds_of(system, n))


def _row(system: str, method: str, stage: str, quantity: str, *, suffix: str = "") -> Claim:
    """A number at the n of the ledger."""
    refined = stage == "refined"
    table = TABLE_2[system].get(method) if refined else None
    column = COLUMN.get(quantity)
    paper = table[column] if table is not None and column is not None else None
    text = f"{SAID[quantity]}, n = {main_count(system)}"
    if quantity in ("better", "equal", "worse"):
        text += ", with a tolerance"
        if paper is not None:
            text += ", which the paper's number has not"
    ours = "bfgs_batched" if method == "bfgs" and quantity in COLUMN else method
    if ours != method:
        text = f"our own BFGS beside SciPy's, from the same start: {text}"
    accept, rule = _bar(system, method, quantity, paper, text) if refined else (None, text)
    return Claim(
        f"joint/{system}/{method}/{quantity}{suffix}",
        TABLE if paper is not None else NO_ROW,
        _records(system),
        score(f"S1/{ours}/{stage}/{quantity}"),
        accept,
        rule,
        paper=paper,
        more_is_better=quantity != "worse" if not quantity.startswith("equal") else None,
    )


def _bar(
    system: str, method: str, quantity: str, paper: float | None, text: str
) -> tuple[Bar | None, str]:
    limits = BETWEEN.get((system, method, quantity))
    if limits is None:
        return bar(None, paper, text)
    low, high = limits
    return (lambda ours: low <= ours <= high), f"{text}; from {low:g} to {high:g}"


def _shares(system: str) -> list[Claim]:
    made = [_row(system, method, "unrefined", q) for method in TRAINED for q in SHARES]
    made += [
        _row(system, method, "refined", q, suffix="/refined")
        for method in (*TRAINED, *STARTED)
        for q in SHARES
    ]
    return made + [_row(system, method, "refined", q) for method in SEARCHED for q in SHARES]


def _every_n(system: str) -> list[Claim]:
    rows, counts = TABLE_2[system], EVERY[system]
    units = dict.fromkeys(rows, 1.0)
    listed = ", ".join(map(str, counts))
    return mean_over(counts, listed, system, rows, units, ("better_exact", "equal_exact"))


def _losses(system: str) -> list[Claim]:
    """Mean losses, with that at the truth: what fits better than it fits noise."""
    methods = {"truth": "unrefined"} | dict.fromkeys(("bfgs", "joint", "joint_or_bfgs"), "refined")
    return [
        Claim(
            f"joint/{system}/{method}/loss",
            NO_ROW,
            _records(system),
            score(f"S1/{method}/{stage}/loss"),
            None,
            f"mean loss ({stage}), n = {main_count(system)}",
        )
        for method, stage in methods.items()
    ]


def _close() -> Claim:
    """How far the network comes by itself."""
    return Claim(
        f"joint/{KS}/joint/close",
        f"{HOLL}, Section 4: over 80 correct",
        _records(KS),
        score("S1/joint/unrefined/close"),
        at_least(80.0),
        f"{SAID['close']}, n = {main_count(KS)}, before refinement; at least 80",
        more_is_better=True,
    )


def _cost(system: str) -> Claim:
    searched = f" on all problems together, n = {main_count(system)}"
    paper = "3 to 6" if system == KS else "22"
    return cost(system, 1.0, _records(system), paper, COST[system], searched)


def _state(method: str) -> Claim:
    return Claim(
        f"joint/initial_state/{method}/solved",
        NO_ROW,
        tuple(f"joint_optimization/initial_state/seed{seed}" for seed in FEWER),
        score(f"{method}/solved"),
        None,
        f"{WORDS['solved']}, 16 unknowns, n = {MAIN}",
        more_is_better=True,
    )


PDE_CLAIMS = [
    *[claim for system in PDES for claim in _shares(system)],
    *[claim for system in EVERY for claim in _every_n(system)],
    *[claim for system in (NS, EASY) for claim in _losses(system)],
    _row(KS, "bfgs", "refined", "iterations"),
    _row(KS, "joint", "refined", "iterations", suffix="/refined"),
    _close(),
    *[_cost(system) for system in COST],
    *[_state(method) for method in STATE_METHODS],
]
