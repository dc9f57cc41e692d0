"""How much worse a choice of method was than the best choice, from the rows of a comparison."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from invlab.comparison.candidates import NULLS

__all__ = [
    "CONSTANTS",
    "LEAST",
    "MEASURES",
    "NULLS",
    "SEARCHING",
    "STRATEGIES",
    "Row",
    "answering_alone",
    "best_of",
    "error",
    "regrets",
    "summary",
]

# A row of invlab.compare.
Row = Mapping[str, Any]

# Errors below this, over the variance of y, count as equal.
LEAST = 1e-6
# Seconds below this count as equal.
A_MOMENT = 1.0
# Whoever follows one paper, or none at all, takes the same method each time.
CONSTANTS = ("neural_adjoint", "joint", "cinn", "nearest")
STRATEGIES = ("compare", *CONSTANTS, "search", "random")
# Methods that call the simulator for each answer, by the names of their rows; the first that takes
# part is what somebody does who always searches on the simulator.
SEARCHING = ("lm", "bfgs", "differential_evolution", "local_search", "joint")
# Mean error, its geometric mean, simulations, and processor seconds.
MEASURES = ("r", "geo", "calls", "seconds")
# What somebody uses whose method cannot take part; anybody can.
FALLBACK = "nearest"
# Two draws of one law lie, in the mean of squares, twice its variance apart.
PRIOR_ERROR = 2.0
# Whoever is within this factor of the best has chosen well.
WITHIN = 2.0


def error(rows: Mapping[str, Row], method: str, guesses: int, *, key: str = "r") -> float | None:
    """Error of a method's best of T guesses, over the variance of y.

    Targets without a valid answer count with the error of a draw of the prior. A method that
    was asked for fewer guesses counts with what those reached.

    Args:
        rows: of :func:`invlab.compare`, by method.
        method: one of them.
        guesses: T.
        key: ``"r"`` for the mean over targets, ``"geo"`` for the geometric mean.

    Returns:
        The error, or None where the method took no part.
    """
    row = rows.get(method, {})
    counts = [int(name.removeprefix(f"{key}_")) for name in row if name.startswith(f"{key}_")]
    there = [n for n in counts if n <= guesses and row[f"{key}_{n}"] is not None]
    if not there:
        return None
    found = float(row[f"{key}_{max(there)}"])
    if key == "geo":  # it counts failures already
        return found
    failed = row.get("failed") or 0.0
    return (1 - failed) * found + failed * PRIOR_ERROR


def answering_alone(rows: Mapping[str, Row]) -> dict[str, Row]:
    """The rows of methods that answer without calling the simulator again."""
    return {method: row for method, row in rows.items() if method not in SEARCHING}


def best_of(rows: Mapping[str, Row], guesses: int) -> str:
    """Name of the method of the lowest geometric mean at T guesses, as ``Comparison.best`` says.

    Raises:
        ValueError: no method has a score.
    """
    found = {m: error(rows, m, guesses, key="geo") for m in rows if m not in NULLS}
    there = {m: value for m, value in found.items() if value is not None}
    if not there:
        raise ValueError(f"best_of: expected a method with a score at T = {guesses}, got none")
    return min(there, key=lambda method: there[method])


def regrets(
    rows: Mapping[str, Row],
    named: str,
    guesses: int,
    *,
    floor: float,
    targets: int,
    calls: float,
    seconds: float,
) -> dict[str, dict[str, list[float]]]:
    """Regret of each strategy at T guesses: a ratio to the best method's, at least 1 for errors.

    The best method is the one of the lowest error among all rows, the fastest of equals; its
    simulations and seconds are what somebody would have paid who knew it beforehand. A constant
    choice that cannot take part falls back to the look-up in the pairs.

    Args:
        rows: of the large comparison, by method.
        named: method that the small comparison named.
        guesses: T.
        floor: error of the truth under fresh noise over the variance of y; errors below it, or
            below ``LEAST``, count as equal.
        targets: how many are to be answered, in the count of seconds.
        calls, seconds: simulations and processor seconds that the small comparison took.

    Returns:
        Strategy to measure to regrets: one, or for the random choice one a method.

    Raises:
        ValueError: no method has a score.
    """
    there = [m for m in rows if m not in NULLS and error(rows, m, guesses) is not None]
    if not there:
        raise ValueError(f"regrets: expected a method with a score at T = {guesses}, got none")
    costs = {
        "r": _errors(rows, there, guesses, "r", floor),
        "geo": _errors(rows, there, guesses, "geo", floor),
        "calls": {m: float(rows[m]["calls"] or 0) for m in there},
        "seconds": {m: _seconds(rows[m], targets) for m in there},
    }
    best = min(there, key=lambda m: (costs["r"][m], costs["seconds"][m]))
    least = {"r": min(costs["r"].values()), "geo": min(costs["geo"].values())}
    least |= {"calls": max(costs["calls"][best], 1.0), "seconds": costs["seconds"][best]}
    spent = {"calls": calls, "seconds": seconds}
    searching = [m for m in SEARCHING if m in there]
    choices = {"compare": [named], "search": searching[:1] or [FALLBACK], "random": there}
    found = {}
    for strategy in STRATEGIES:
        chosen = [m if m in there else FALLBACK for m in choices.get(strategy, [strategy])]
        more = spent if strategy == "compare" else {}
        found[strategy] = {
            measure: [(cost[m] + more.get(measure, 0.0)) / least[measure] for m in chosen]
            for measure, cost in costs.items()
        }
    return found


def _errors(
    rows: Mapping[str, Row], methods: Sequence[str], guesses: int, key: str, floor: float
) -> dict[str, float]:
    least = max(floor, LEAST)
    return {m: max(error(rows, m, guesses, key=key) or 0.0, least) for m in methods}


def _seconds(row: Row, targets: int) -> float:
    """Processor seconds to fit and to answer all targets, from a moment up."""
    return max(A_MOMENT, (row["fit_s"] or 0.0) + targets * (row["answer_s"] or 0.0))


def summary(cases: Sequence[Mapping[str, Mapping[str, Sequence[float]]]]) -> dict[str, float]:
    """Numbers of one simulator, over its T.

    Args:
        cases: of :func:`regrets`, one a T.

    Returns:
        ``"<strategy>/<measure>"``: the mean logarithm of the regret; ``"<strategy>/within_2"``:
        the share of cases whose regret in the mean error is at most 2.
    """
    numbers = {}
    for strategy in STRATEGIES:
        for measure in MEASURES:
            logs = [_mean([math.log(v) for v in case[strategy][measure]]) for case in cases]
            numbers[f"{strategy}/{measure}"] = _mean(logs)
        near = [_mean([float(v <= WITHIN) for v in case[strategy]["r"]]) for case in cases]
        numbers[f"{strategy}/within_2"] = _mean(near)
    return numbers


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
