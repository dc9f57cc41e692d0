"""The rows of the ledger: the paper's Table 2, what is claimed at n = 64, and the null rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from invbook.ledger import Claim
from invbook.papers.joint_optimization.runs import COUNTS, FEWER, MAIN, PACKETS, name, seeds_of
from invbook.papers.reading import NO_ROW, Bar, at_least, at_most, score
from invlab.runs.records import Record

__all__ = [
    "CLAIMS",
    "COLUMN",
    "HOLL",
    "TABLE",
    "WORDS",
    "bar",
    "cost",
    "mean_over",
]

HOLL = "Holl and Thuerey"
TABLE = f"{HOLL}, Table 2, mean over n"
# Better and equal in per cent, with refinement: reparameterised, supervised, neural adjoint.
TABLE_2 = {
    "wave_packet": {
        "joint": (86.0, 1.8),
        "direct": (65.1, 14.4),
        "neural_adjoint": (40.2, 47.4),
    },
    "billiards": {
        "joint": (61.7, 9.0),
        "direct": (27.0, 27.2),
        "neural_adjoint": (1.6, 98.4),
    },
}
SHARES = ("better", "equal", "better_exact", "solved")
WORDS = {
    "better": "% of problems with a lower loss than SciPy's BFGS",
    "equal": "% of problems with the loss of SciPy's BFGS",
    "better_exact": "% with a lower loss than SciPy's BFGS, without a tolerance",
    "equal_exact": "% with the very loss of SciPy's BFGS",
    "solved": "% at the global optimum",
}
# What a row has to reach, with refinement; where nothing stands here, ours has to come near the
# paper's, or only has to be there.
LEAST = {
    ("wave_packet", "joint", "better"): 80.0,
    ("wave_packet", "envelope", "better"): 92.0,
    ("wave_packet", "envelope", "solved"): 95.0,
    ("billiards", "joint", "solved"): 85.0,
    ("billiards", "joint", "better_exact"): 55.0,
}
# Points: the paper gives neither its constants nor a spread.
NEAR = 15.0
# Which part of Table 2 a quantity stands beside.
COLUMN = {"better": 0, "better_exact": 0, "equal": 1, "equal_exact": 1}
# Methods by the unit S that their rows are in, and those that have no answer before refinement or
# none of interest.
TRAINED = {
    "wave_packet": {"joint": 75.0, "envelope": 1.0, "direct": 75.0, "neural_adjoint": 75.0},
    "billiards": {"joint": 1.0, "direct": 1.0, "neural_adjoint": 1.0},
}
STARTED = {
    "wave_packet": {"envelope_bfgs": 1.0, "draws": 75.0, "draw": 75.0},
    "billiards": {"draw": 1.0},
}
SEARCHED = {
    "wave_packet": {"bfgs": 75.0, "multistart": 1.0, "exchange": 1.0},
    "billiards": {"bfgs": 1.0, "multistart": 1.0, "exchange": 1.0},
}
MANY_METHODS = ("bfgs", "envelope_bfgs", "joint", "envelope", "direct", "multistart", "hop")


def _share(
    system: str,
    method: str,
    unit: float,
    stage: str,
    quantity: str,
    *,
    label: str | None = None,
    suffix: str = "",
) -> Claim:
    """A row at n = 64; ``label`` stands for the system in its id where the unit is another."""
    at_home = stage == "refined" and label is None
    column = COLUMN.get(quantity)
    row = TABLE_2[system].get(method) if at_home else None
    paper = row[column] if row is not None and column is not None else None
    least = LEAST.get((system, method, quantity)) if at_home else None
    text = f"{WORDS[quantity]}, n = {MAIN}, unit {unit:g} {_unit(system)}"
    source = method
    if method == "bfgs" and quantity != "solved":
        # beside SciPy's: in the paper's unit what the unit alone does, else what rounding does
        source = "bfgs_batched"
        what = "in unit 1 " if unit != 1 else ""
        text = f"our own BFGS {what}beside SciPy's, from the same start: {text}"
    accept, rule = bar(least, paper, text)
    return Claim(
        f"joint/{label or system}/{method}/{quantity}{suffix}",
        TABLE if paper is not None else NO_ROW,
        tuple(name(system, MAIN, seed) for seed in seeds_of(system, MAIN)),
        score(f"S{unit:g}/{source}/{stage}/{quantity}"),
        accept,
        rule,
        paper=paper,
        more_is_better=None if quantity.startswith("equal") else True,
    )


def bar(least: float | None, paper: float | None, text: str) -> tuple[Bar | None, str]:
    """What has to hold of a number, if anything, and the same in words after what it is."""
    if least is not None:
        return at_least(least), f"{text}; at least {least:g}"
    if paper is not None:
        return _within(paper, NEAR), f"{text}; within {NEAR:g} points of the paper"
    return None, text


def _unit(system: str) -> str:
    return "samples" if system == "wave_packet" else "m/s"


def _within(paper: float, points: float) -> Bar:
    return lambda ours: abs(ours - paper) <= points


def _shares(system: str) -> list[Claim]:
    """All methods of a system, each in the unit that it is at home in."""
    made = []
    for method, unit in TRAINED[system].items():
        made += [_share(system, method, unit, "unrefined", quantity) for quantity in SHARES]
    for method, unit in (TRAINED[system] | STARTED[system]).items():
        made += [
            _share(system, method, unit, "refined", quantity, suffix="/refined")
            for quantity in SHARES
        ]
    for method, unit in SEARCHED[system].items():
        made += [_share(system, method, unit, "refined", quantity) for quantity in SHARES]
    return made


def _small_unit() -> list[Claim]:
    """The wave packet again where BFGS takes one sample for one."""
    label = "wave_packet_small_unit"
    made = [
        _share("wave_packet", method, 1.0, "refined", q, label=label, suffix="/refined")
        for method in ("joint", "direct", "neural_adjoint", "draws", "draw")
        for q in SHARES
    ]
    return made + [_share("wave_packet", "bfgs", 1.0, "refined", q, label=label) for q in SHARES]


def mean_over(
    counts: Sequence[int],
    listed: str,
    system: str,
    methods: Mapping[str, tuple[float, float]],
    units: Mapping[str, float],
    quantities: Sequence[str],
) -> list[Claim]:
    """The mean over several n, as in the paper's table, with as many seeds of each.

    Args:
        counts: numbers of problems; ``listed`` names them in words.
        system: of the records.
        methods: the paper's better and equal, in per cent, by method.
        units: of BFGS, by method.
        quantities: rows of each method.
    """
    seeds = min((seeds_of(system, n) for n in counts), key=len)
    records = tuple(name(system, n, seed) for seed in seeds for n in counts)
    made = []
    for method, row in methods.items():
        for quantity in quantities:
            paper = row[COLUMN[quantity]]
            text = f"{WORDS[quantity]}, mean over n = {listed}"
            accept, rule = bar(None, paper, text)
            claim = Claim(
                f"joint/{system}/{method}/{quantity}/refined/every_n",
                TABLE,
                records,
                score(f"S{units[method]:g}/{method}/refined/{quantity}"),
                accept,
                rule,
                paper=paper,
                more_is_better=None if quantity.startswith("equal") else True,
            )
            made.append(claim)
    return made


def _over_counts(system: str) -> list[Claim]:
    rows, units = TABLE_2[system], TRAINED[system]
    return mean_over(COUNTS, "2, 4, ..., 256", system, rows, units, tuple(COLUMN))


def _solved(n: int, method: str, least: float) -> Claim:
    return Claim(
        f"joint/billiards/{method}/solved/n{n}",
        NO_ROW,
        tuple(name("billiards", n, seed) for seed in seeds_of("billiards", n)),
        score(f"S1/{method}/refined/solved"),
        at_least(least),
        f"{WORDS['solved']}, n = {n}; at least {least:g}",
    )


def cost(
    system: str, unit: float, records: tuple[str, ...], paper: str, limit: float, searched: str
) -> Claim:
    """CPU time of the joint search over that of SciPy's BFGS; ``searched`` says how that ran."""

    def ratio(record: Record) -> Sequence[Any]:
        whole, alone = (
            record["scores"][f"S{unit:g}/{method}/refined/cpu"][0] for method in ("joint", "bfgs")
        )
        return [whole / alone]

    return Claim(
        f"joint/{system}/cost",
        f"{HOLL}, Section 4: {paper}",
        records,
        ratio,
        at_most(limit),
        f"CPU time of training and refinement over that of SciPy's BFGS{searched}; at most "
        f"{limit:g}",
    )


def _cost(system: str) -> Claim:
    records = tuple(name(system, MAIN, seed) for seed in seeds_of(system, MAIN))
    searched = f", one problem after the other, n = {MAIN}"
    return cost(system, TRAINED[system]["joint"], records, "3 to 6", 6, searched)


def _many(packets: int, method: str) -> Claim:
    return Claim(
        f"joint/wave_packets/{method}/solved/packets{packets}",
        NO_ROW,
        tuple(f"joint_optimization/many_unknowns/packets{packets}/seed{seed}" for seed in FEWER),
        score(f"{method}/solved"),
        None,
        f"{WORDS['solved']}, {4 * packets} unknowns, n = {MAIN}",
    )


CLAIMS = [
    *_shares("wave_packet"),
    *_small_unit(),
    *_over_counts("wave_packet"),
    _cost("wave_packet"),
    *_shares("billiards"),
    *_over_counts("billiards"),
    *[_solved(n, "joint", 93.0) for n in (128, 256)],
    *[_solved(n, "all", 98.0) for n in COUNTS],
    _cost("billiards"),
    *[_many(packets, method) for packets in PACKETS for method in MANY_METHODS],
]
