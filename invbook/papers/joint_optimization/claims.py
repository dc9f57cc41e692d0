"""The rows of the ledger about wave packets and billiards, and what those of all systems share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from invbook.ledger import Claim
from invbook.papers.joint_optimization.published import (
    AS_PUBLISHED,
    BEYOND,
    COSTS,
    HOLL,
    TABLE_2,
)
from invbook.papers.joint_optimization.runs import COUNTS, FEWER, MAIN, PACKETS, name, seeds_of
from invbook.papers.reading import NO_ROW, at_least, score
from invlab.runs.records import Record

__all__ = [
    "CLAIMS",
    "CONSTANTS",
    "NEAR",
    "NULLS",
    "TABLE",
    "WORDS",
    "costs",
    "mean_over",
    "near",
    "over_bfgs",
    "printed",
    "share",
    "table_2",
]

TABLE = f"{HOLL}, Table 2, mean over n"
SHARES = ("better", "equal", "better_exact", "solved")
WORDS = {
    "better": "% of problems with a lower loss than SciPy's BFGS",
    "equal": "% of problems with the loss of SciPy's BFGS",
    "worse": "% of problems with a higher loss than SciPy's BFGS",
    "better_exact": "% with a lower loss than SciPy's BFGS, without a tolerance",
    "equal_exact": "% with the very loss of SciPy's BFGS",
    "solved": "% at the global optimum",
    "close": "% of problems below a twentieth of the loss at the start",
    "iterations": "iterations of BFGS, mean over the problems",
}
# Points: the paper gives neither its constants nor a spread.
NEAR = 15.0
# A factor: a cost depends on the machine and on how both sides are written.
COSTS_NEAR = 2.0
# Which part of Table 2 a quantity stands beside: it counts without a tolerance.
COLUMN = {"better_exact": 0, "equal_exact": 1}
# Methods by the unit S that their rows are in, and those that have no answer before refinement or
# none of interest.
TRAINED = {
    "wave_packet": {
        "joint": 75.0,
        "joint_single": 75.0,
        "envelope": 1.0,
        "direct": 75.0,
        "neural_adjoint": 75.0,
    },
    "billiards": {"joint": 1.0, "joint_last": 1.0, "direct": 1.0, "neural_adjoint": 1.0},
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
# Rows in which nothing is learned: random draws and BFGS from there; and our own BFGS beside
# SciPy's from the same start. They differ in the last digits, since ours stops a little later, and
# now and then in the valley; for the wave packet ours works in a unit of one sample and SciPy's in
# one of 75.
NULLS = ("draw", "bfgs_batched")
CONSTANTS = "constants of the system are ours: the paper does not give them"


def near(paper: float, points: float = NEAR) -> Callable[[float], bool]:
    """Within so many points of the paper's number."""
    return lambda ours: abs(ours - paper) <= points


def share(
    system: str,
    method: str,
    unit: float,
    stage: str,
    quantity: str,
    n: int,
    *,
    label: str | None = None,
    suffix: str = "",
) -> Claim:
    """A measured row at one number of problems; ``label`` stands in its id for the system."""
    text = f"{WORDS[quantity]}, n = {n}, unit {unit:g} {_unit(system)}".rstrip()
    source = method
    if method == "bfgs" and quantity in ("better", "equal", "better_exact", "equal_exact"):
        # beside SciPy's: in the paper's unit what the unit alone does, else what rounding does
        source = "bfgs_batched"
        what = "in unit 1 " if unit != 1 else ""
        text = f"our own BFGS {what}beside SciPy's, from the same start: {text}"
    percent = quantity != "iterations"
    return Claim(
        f"joint/{label or system}/{method}/{quantity}{suffix}",
        NO_ROW,
        tuple(name(system, n, seed) for seed in seeds_of(system, n)),
        score(f"S{unit:g}/{source}/{stage}/{quantity}"),
        text,
        more_is_better=quantity not in ("worse", "iterations"),
        scale="share" if percent else "log",
        trials=n if percent else None,
    )


def printed(
    row: str,
    source: str,
    system: str,
    n: int,
    key: str,
    paper: float,
    rule: str,
    *,
    nulls: Sequence[str] = (),
    points: float = NEAR,
    protocol: str = CONSTANTS,
) -> Claim:
    """A percentage that the paper prints for one number of problems."""
    return Claim(
        row,
        f"{HOLL}, {source}",
        tuple(name(system, n, seed) for seed in seeds_of(system, n)),
        score(key),
        f"{rule}; within {points:g} points of the paper",
        kind="reproduction",
        accept=near(paper, points),
        protocol=protocol,
        paper=paper,
        more_is_better=True,
        nulls=tuple(nulls),
        scale="share",
        trials=n,
    )


def _unit(system: str) -> str:
    return {"wave_packet": "samples", "billiards": "m/s"}.get(system, "")


def _shares(system: str) -> list[Claim]:
    """All methods of a system at n = 64, each in the unit that it is at home in."""
    made = []
    for method, unit in TRAINED[system].items():
        made += [share(system, method, unit, "unrefined", q, MAIN) for q in SHARES]
    for method, unit in (TRAINED[system] | STARTED[system]).items():
        made += [share(system, method, unit, "refined", q, MAIN, suffix="/refined") for q in SHARES]
    for method, unit in SEARCHED[system].items():
        made += [share(system, method, unit, "refined", q, MAIN) for q in SHARES]
    return made


def _small_unit() -> list[Claim]:
    """The wave packet again where BFGS takes one sample for one."""
    system, label = "wave_packet", "wave_packet_small_unit"
    made = [
        share(system, method, 1.0, "refined", q, MAIN, label=label, suffix="/refined")
        for method in ("joint", "direct", "neural_adjoint", "draws", "draw")
        for q in SHARES
    ]
    return made + [share(system, "bfgs", 1.0, "refined", q, MAIN, label=label) for q in SHARES]


def mean_over(
    counts: Sequence[int],
    system: str,
    method: str,
    unit: float,
    quantity: str,
    **more: Any,
) -> Claim:
    """The mean over several n, as in the paper's table, with as many seeds of each."""
    seeds = min((seeds_of(system, n) for n in counts), key=len)
    listed = ", ".join(map(str, counts))
    rule = f"{WORDS[quantity]}, mean over n = {listed}"
    paper = more.get("paper")
    if more.get("kind") == "reproduction":
        rule += f"; within {NEAR:g} points of the paper"
        more["accept"] = near(paper or 0.0)
    return Claim(
        f"joint/{system}/{method}/{quantity}/refined/every_n",
        NO_ROW if paper is None else TABLE,
        tuple(name(system, n, seed) for seed in seeds for n in counts),
        score(f"S{unit:g}/{method}/refined/{quantity}"),
        rule,
        more_is_better=True,
        scale="share",
        # as many answers as would spread a share of their own as much as the mean of these
        trials=round(len(counts) ** 2 / sum(1 / n for n in counts)),
        **more,
    )


def table_2(
    counts: Sequence[int],
    system: str,
    units: Mapping[str, float],
    published: Mapping[str, tuple[float, float]],
    as_published: str,
    beyond: str,
) -> list[Claim]:
    """The rows of Table 2 for one system: the paper's way, ours beyond it, and the null rows.

    Args:
        counts: numbers of problems.
        system: of the records.
        units: of BFGS, by method.
        published: better and equal in per cent by method.
        as_published: the method whose records are made the paper's way.
        beyond: what ours does beyond that, in words.
    """
    made = []
    for quantity, column in COLUMN.items():
        nulls = {method: f"joint/{system}/{method}/{quantity}/refined/every_n" for method in NULLS}
        unit = units["joint"]
        made += [mean_over(counts, system, method, unit, quantity) for method in nulls]
        for method, row in published.items():
            ours = as_published if method == "joint" else method
            own = {"paper": row[column], "nulls": tuple(nulls.values()), "protocol": CONSTANTS}
            own["kind"] = "reproduction"
            made.append(mean_over(counts, system, ours, units[method], quantity, **own))
    paper = published["joint"][0]
    improved = {"kind": "improvement", "paper": paper, "nulls": tuple(_stronger_nulls(system))}
    improved["protocol"] = f"{beyond}; {CONSTANTS}"
    made += [mean_over(counts, system, m, units["joint"], "better_exact") for m in _further(system)]
    return [*made, mean_over(counts, system, "joint", units["joint"], "better_exact", **improved)]


def _further(system: str) -> tuple[str, ...]:
    """Null rows that have as many tries as ours."""
    return ("draws",) if system == "wave_packet" else ()


def _stronger_nulls(system: str) -> list[str]:
    return [
        f"joint/{system}/{method}/better_exact/refined/every_n"
        for method in (*NULLS, *_further(system))
    ]


def _over_counts(system: str) -> list[Claim]:
    units = {method: TRAINED[system][method] for method in TABLE_2[system]}
    published, way = TABLE_2[system], AS_PUBLISHED[system]
    made = table_2(COUNTS, system, units, published, way, BEYOND[system])
    made.append(mean_over(COUNTS, system, "joint", units["joint"], "equal_exact"))
    # with a tolerance, so that rounding does not decide
    for quantity in ("better", "equal"):
        for method, unit in units.items():
            made.append(mean_over(COUNTS, system, method, unit, quantity))
    return made


def _sentences() -> list[Claim]:
    """Numbers in the text of Section 4."""
    large = COUNTS[-1]
    return [
        printed(
            f"joint/wave_packet/joint_single/better_exact/n{large}",
            "Section 4: around 80 % better",
            "wave_packet",
            large,
            "S75/joint_single/unrefined/better_exact",
            80.0,
            f"{WORDS['better_exact']}, n = {large}, before refinement",
            nulls=[_draw_of_many().id],
        ),
        printed(
            f"joint/wave_packet/neural_adjoint/better_exact/n{large}",
            "Section 4: about a third better",
            "wave_packet",
            large,
            "S75/neural_adjoint/unrefined/better_exact",
            100 / 3,
            f"{WORDS['better_exact']}, n = {large}, before refinement",
            nulls=[_draw_of_many().id],
            protocol=f"{CONSTANTS}; the sentence does not say whether before or after refinement: "
            "read as before, as the sentences around it",
        ),
        _draw_of_many(),
        *[_almost_all(n) for n in COUNTS if n >= MAIN],
    ]


def _draw_of_many() -> Claim:
    """Random draws at the largest number of problems, before refinement."""
    n, system = COUNTS[-1], "wave_packet"
    return Claim(
        f"joint/{system}/draw/better_exact/n{n}",
        NO_ROW,
        tuple(name(system, n, seed) for seed in seeds_of(system, n)),
        score("S75/draw/unrefined/better_exact"),
        f"{WORDS['better_exact']}, n = {n}, before refinement",
        more_is_better=True,
        scale="share",
        trials=n,
    )


def _almost_all(n: int) -> Claim:
    return Claim(
        f"joint/billiards/joint_last/solved/n{n}",
        f"{HOLL}, Section 4 and Fig. 3d: almost all solved",
        tuple(name("billiards", n, seed) for seed in seeds_of("billiards", n)),
        score("S1/joint_last/refined/solved"),
        f"{WORDS['solved']}, n = {n}, last iterate; at least 90",
        kind="reproduction",
        accept=at_least(90.0),
        protocol=CONSTANTS,
        more_is_better=True,
        nulls=("joint/billiards/draw/solved/refined",),
        scale="share",
        trials=n,
    )


def _solved(n: int, method: str) -> Claim:
    return Claim(
        f"joint/billiards/{method}/solved/n{n}",
        NO_ROW,
        tuple(name("billiards", n, seed) for seed in seeds_of("billiards", n)),
        score(f"S1/{method}/refined/solved"),
        f"{WORDS['solved']}, n = {n}",
        more_is_better=True,
        scale="share",
        trials=n,
    )


def costs(
    system: str,
    unit: float,
    records: tuple[str, ...],
    paper: tuple[float, float],
    as_published: str,
    searched: str,
) -> list[Claim]:
    """CPU time over that of SciPy's BFGS: the paper's way, ours beyond it, and a random start.

    Args:
        system: of the records.
        unit: of BFGS.
        records: their ids.
        paper: from where to where the paper's costs go.
        as_published: the method whose records are made the paper's way.
        searched: how BFGS ran, in words.
    """
    low, high = paper
    printed_as = f"{high:g}" if low == high else f"{low:g} to {high:g}"
    rule = f"over that of SciPy's BFGS{searched}"
    null = f"joint/{system}/draw/cost"
    return [
        Claim(
            f"joint/{system}/cost",
            f"{HOLL}, Section 5: {printed_as} times",
            records,
            over_bfgs(unit, as_published, "cpu"),
            f"CPU time of training and refinement {rule}; within a factor of {COSTS_NEAR:g} of "
            f"{printed_as}",
            kind="reproduction",
            accept=lambda ours: low / COSTS_NEAR <= ours <= COSTS_NEAR * high,
            protocol="processor time of one core, refinement included; the paper speaks of the "
            "training, and does not say which time",
            paper=high,
            nulls=(null,),
            scale="log",
        ),
        Claim(
            f"joint/{system}/joint/cost",
            NO_ROW,
            records,
            over_bfgs(unit, "joint", "cpu"),
            f"the same of ours: CPU time {rule}",
            scale="log",
        ),
        Claim(
            null,
            NO_ROW,
            records,
            over_bfgs(unit, "draw", "cpu"),
            f"random draws and BFGS from there: CPU time {rule}",
            scale="log",
        ),
    ]


def over_bfgs(unit: float, method: str, quantity: str) -> Callable[[Record], Sequence[Any]]:
    """A score of a method after refinement, over that of SciPy's BFGS."""

    def ratio(record: Record) -> Sequence[Any]:
        ours, bfgs = (
            record["scores"][f"S{unit:g}/{who}/refined/{quantity}"][0] for who in (method, "bfgs")
        )
        return [ours / bfgs]

    return ratio


def _costs(system: str) -> list[Claim]:
    records = tuple(name(system, MAIN, seed) for seed in seeds_of(system, MAIN))
    searched = f", one problem after the other, n = {MAIN}"
    unit = TRAINED[system]["joint"]
    return costs(system, unit, records, COSTS[system], AS_PUBLISHED[system], searched)


def _many(packets: int, method: str) -> Claim:
    return Claim(
        f"joint/wave_packets/{method}/solved/packets{packets}",
        NO_ROW,
        tuple(f"joint_optimization/many_unknowns/packets{packets}/seed{seed}" for seed in FEWER),
        score(f"{method}/solved"),
        f"{WORDS['solved']}, {4 * packets} unknowns, n = {MAIN}",
        more_is_better=True,
        scale="share",
        trials=MAIN,
    )


CLAIMS = [
    *_shares("wave_packet"),
    *_small_unit(),
    *_over_counts("wave_packet"),
    *_costs("wave_packet"),
    *_shares("billiards"),
    *_over_counts("billiards"),
    *_sentences(),
    *[_solved(n, "joint") for n in (128, 256)],
    *[_solved(n, m) for m in ("all", "all_without_network") for n in COUNTS],
    *_costs("billiards"),
    *[_many(packets, method) for packets in PACKETS for method in MANY_METHODS],
]
