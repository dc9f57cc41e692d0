"""What the study measures, as rows of the ledger; there is no paper with numbers beside them.

The goals stand for the untouched simulators; those that the rules were chosen on are shown for
comparison.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from invbook.ledger import Claim
from invbook.papers.advice.regret import STRATEGIES
from invbook.papers.advice.simulators import list_cases
from invbook.papers.reading import Bar, at_least, at_most, score
from invlab.runs.records import Record

__all__ = ["CLAIMS", "GOAL", "WITHIN_GOAL"]

SOURCE = "the study of the advice"
# Geometric mean of the regret in r_T, and the share of cases within a factor of 2.
GOAL, WITHIN_GOAL = 1.2, 0.9

NAMES = {
    "compare": "the method that a small comparison names",
    "neural_adjoint": "always the neural adjoint, as Ren et al. advise",
    "joint": "always joint optimisation, as Holl and Thuerey advise",
    "cinn": "always a cINN",
    "nearest": "always the look-up in the pairs",
    "random": "a random choice, the mean over methods",
}
MEASURES = {
    "r": "error r_T over the best method's",
    "geo": "geometric mean of the error over the best method's",
    "calls": "simulations, those of the comparison too, over the best method's",
    "seconds": "processor seconds, those of the comparison too, over the best method's",
}


def _records(tuned: bool) -> tuple[str, ...]:
    return tuple(f"advice/{name}" for name in list_cases(tuned=tuned))


def _over(strategy: str) -> Callable[[Record], Sequence[Any]]:
    """Logarithm of how much a strategy is worse than the advice, in r_T."""

    def gap(record: Record) -> Sequence[Any]:
        scores = record["scores"]
        pairs = zip(scores[f"{strategy}/r"], scores["compare/r"], strict=True)
        return [other - advised for other, advised in pairs]

    return gap


def _claim(
    half: str,
    name: str,
    values: Callable[[Record], Sequence[Any]],
    rule: str,
    bar: Bar | None = None,
    *,
    ratio: bool = True,
) -> Claim:
    return Claim(
        f"advice/{half}/{name}",
        f"{SOURCE}, {half} simulators",
        _records(tuned=half == "tuned"),
        values,
        bar if half == "untouched" else None,
        rule,
        more_is_better=None,
        cases=True,
        geometric=ratio,
    )


def _of_half(half: str) -> list[Claim]:
    made = [
        _claim(
            half,
            f"{strategy}/{measure}",
            score(f"{strategy}/{measure}"),
            f"{NAMES[strategy]}: {what}; geometric mean"
            + (f"; at most {GOAL}" if _has_goal(strategy, measure) else ""),
            at_most(GOAL) if _has_goal(strategy, measure) else None,
        )
        for strategy in STRATEGIES
        for measure, what in MEASURES.items()
    ]
    made += [
        _claim(
            half,
            f"{strategy}/within_2",
            score(f"{strategy}/within_2"),
            f"{NAMES[strategy]}: share of cases whose r_T is within a factor of 2 of the best"
            + (f"; at least {WITHIN_GOAL}" if strategy == "compare" else ""),
            at_least(WITHIN_GOAL) if strategy == "compare" else None,
            ratio=False,
        )
        for strategy in STRATEGIES
    ]
    return made + [
        _claim(
            half,
            f"{strategy}/over_compare",
            _over(strategy),
            f"{NAMES[strategy]}: r_T over that of the advice; geometric mean; above 1",
            at_least(1.0),
        )
        for strategy in STRATEGIES[1:]
    ]


def _has_goal(strategy: str, measure: str) -> bool:
    return (strategy, measure) == ("compare", "r")


CLAIMS = [claim for half in ("untouched", "tuned") for claim in _of_half(half)]
