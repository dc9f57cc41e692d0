"""A decision chart that follows from the study's records: what somebody has, and what to take."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from invbook.papers.advice.regret import LEAST, NULLS, SEARCHING, Row, error
from invlab.comparison.advice import calibrated
from invlab.runs.records import Record

__all__ = ["QUESTIONS", "Question", "chart_table", "decisions", "in_words", "spoken"]

# Methods within this factor of the best one are named beside it.
LEVEL = 1.2
# Above these seconds an answer is not immediate.
IMMEDIATE = 0.01
MANY_UNKNOWNS = 8
# So many of these are named.
NAMED = 3
# What stands for a single simulator, so that nobody overlooks it in a column of numbers.
ALONE = "only one"


@dataclass(frozen=True)
class Question:
    """One branch of the chart.

    Attributes:
        have: what somebody has or wants, in words.
        applies: whether a simulator of the study, by its recorded facts, is such a case.
        many: whether the largest T counts, or the smallest.
        takes: whether a method, by its row, can be meant.
    """

    have: str
    applies: Callable[[Mapping[str, Any]], bool]
    many: bool = False
    takes: Callable[[Row], bool] = lambda row: True


# Methods whose names say little by themselves.
SPOKEN = {
    "bfgs": "BFGS on the simulator (`bfgs`)",
    "cinn": "conditional invertible network (`cinn`)",
    "cvae": "conditional VAE (`cvae`)",
    "inn": "invertible network (`inn`)",
    "lm": "Levenberg–Marquardt on the simulator (`lm`)",
    "mixture_density": "mixture density network (`mixture_density`)",
    "nearest": "look-up in the pairs (`nearest`)",
    "pool": "look-up in a network's simulations (`pool`)",
}


def _smooth(facts: Mapping[str, Any]) -> bool:
    return bool(facts["differentiable"] and not facts["noisy"])


def _rough(facts: Mapping[str, Any]) -> bool:
    return not _smooth(facts)


def _without_gradient(facts: Mapping[str, Any]) -> bool:
    # a search cannot be paid for on an expensive one, which has a row of its own
    return not (facts["differentiable"] or facts["noisy"] or _dear(facts))


def _noisy(facts: Mapping[str, Any]) -> bool:
    return bool(facts["noisy"])


def _dear(facts: Mapping[str, Any]) -> bool:
    return "dear" in facts["traits"]


def _many_unknowns(facts: Mapping[str, Any]) -> bool:
    return _smooth(facts) and bool(facts["x_dim"] >= MANY_UNKNOWNS)


def _any(facts: Mapping[str, Any]) -> bool:
    return True


def _immediate(row: Row) -> bool:
    return row.get("answer_s") is not None and row["answer_s"] <= IMMEDIATE


def _alone(row: Row) -> bool:
    return row["method"] not in SEARCHING


QUESTIONS = (
    Question("a simulator with gradients; one guess", _smooth),
    Question("a simulator with gradients; many guesses", _smooth, many=True),
    Question("a fast simulator without gradients; one guess", _without_gradient),
    Question("a fast simulator without gradients; many guesses", _without_gradient, many=True),
    Question("a noisy simulator; one guess", _noisy),
    Question("a noisy simulator; many guesses", _noisy, many=True),
    Question("a noisy simulator; a posterior is wanted", _noisy, takes=calibrated),
    Question("no further simulations; one guess", _any, takes=_alone),
    Question("no further simulations; many guesses", _any, many=True, takes=_alone),
    Question("an expensive simulator", _dear),
    Question(f"{MANY_UNKNOWNS} unknowns or more; a simulator with gradients", _many_unknowns),
    Question("answers within 10 ms; a simulator with gradients", _smooth, takes=_immediate),
    Question("answers within 10 ms; any other simulator", _rough, takes=_immediate),
)


def decisions(
    records: Sequence[Record], questions: Sequence[Question] = QUESTIONS
) -> list[dict[str, Any]]:
    """The method to take for each question, by one rule, from recorded results alone.

    The rule: among the methods that the question allows, the one whose error, over the best
    allowed method's on the same simulator, has the lowest geometric mean over all simulators of
    this kind. A method that took no part in a case, or is not allowed there, counts with the worst
    that took part.

    Args:
        records: of the study, one a simulator.
        questions: branches of the chart.

    Returns:
        A row a question that any record answers: ``have``, ``method``, ``also`` (others within a
        factor of 1.2 of it), ``regret`` (that geometric mean) and ``cases`` (simulators behind
        it).
    """
    rows = [_decision(question, records) for question in questions]
    return [row for row in rows if row is not None]


def _decision(question: Question, records: Sequence[Record]) -> dict[str, Any] | None:
    asked = [record for record in records if question.applies(record["facts"])]
    cases = [ratios for record in asked if (ratios := _ratios(question, record))]
    if not cases:
        return None
    methods = sorted({method for case in cases for method in case})
    total = {
        method: sum(math.log(case.get(method, max(case.values()))) for case in cases) / len(cases)
        for method in methods
    }
    best = min(methods, key=lambda method: total[method])
    near = [m for m in methods if m != best and total[m] <= total[best] + math.log(LEVEL)]
    return {
        "have": question.have,
        "method": best,
        "also": sorted(near, key=lambda method: total[method]),
        "regret": math.exp(total[best]),
        "cases": len(cases),
    }


def _ratios(question: Question, record: Record) -> dict[str, float]:
    """Error of each method that the question allows over the best of them, on one simulator."""
    rows = {row["method"]: row for row in record["rows"]["large"]}
    guesses = record["settings"]["large"]["guesses"]
    count = max(guesses) if question.many else min(guesses)
    least = max(LEAST, record["facts"]["floor"])
    found = {
        method: max(least, value)
        for method, row in rows.items()
        if method not in NULLS
        and question.takes(row)
        and (value := error(rows, method, count, key="geo")) is not None
    }
    best = min(found.values(), default=1.0)
    return {method: value / best for method, value in found.items()}


def chart_table(records: Sequence[Record]) -> list[list[str]]:
    """The chart as cells: a head, and a row a question, with the names in words."""
    rows = [
        [
            row["have"],
            spoken(row["method"]),
            _listed(row["also"]),
            ALONE if row["cases"] == 1 else str(row["cases"]),
        ]
        for row in decisions(records)
    ]
    return [["If you have", "take", "or", "simulators behind it"], *rows]


def _listed(methods: Sequence[str]) -> str:
    """The first few by name, and how many more."""
    named = list(map(spoken, methods[:NAMED]))
    more = len(methods) - NAMED
    return ", ".join(named) + (f" and {more} more" if more > 0 else "")


def spoken(method: str) -> str:
    """A method's name for people, with the one that the library knows where it differs."""
    return SPOKEN.get(method, method.replace("_", " "))


def simulators(cases: int) -> str:
    """How many simulators are behind a row, in words: what rests on one is no more than a hint."""
    return f"{ALONE} simulator" if cases == 1 else f"{cases} simulators"


def in_words(rows: Sequence[Mapping[str, Any]]) -> str:
    """The chart as text, a sentence a row: what a reader hears who does not see the figure."""
    return " ".join(
        f"{row['have'][0].upper()}{row['have'][1:]}: {' or '.join([row['method'], *row['also']])}, "
        f"from {simulators(row['cases'])}."
        for row in rows
    )
