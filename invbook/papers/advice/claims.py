"""What the study measures, as rows of the ledger; there is no paper with numbers beside them.

The goals are about the untouched simulators; those that the rules were chosen on stand beside.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from invbook.ledger import Claim
from invbook.papers.advice.regret import STRATEGIES
from invbook.papers.advice.simulators import list_cases
from invbook.papers.reading import score
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
    "search": "always a search on the simulator",
    "random": "a random choice, the mean over methods",
}
MEASURES = {
    "r": "error r_T over the best method's",
    "geo": "geometric mean of the error over the best method's",
    "calls": "simulations, those of the comparison too, over the best method's",
    "seconds": "processor seconds, those of the comparison too, over the best method's",
}
SCOPES = {"": "", "alone/": ", among those that answer without further simulations"}


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
    *,
    ratio: bool = True,
    between: tuple[float, float] = (-math.inf, math.inf),
) -> Claim:
    return Claim(
        f"advice/{half}/{name}",
        f"{SOURCE}, {half} simulators",
        _records(tuned=half == "tuned"),
        values,
        rule,
        cases=True,
        geometric=ratio,
        between=between,
    )


def _of_half(half: str) -> list[Claim]:
    made = [_regret(half, strategy, measure) for strategy in STRATEGIES for measure in MEASURES] + [
        _share(half, strategy) for strategy in STRATEGIES
    ]
    # the methods that answer without the simulator, among themselves
    learned = [strategy for strategy in STRATEGIES if strategy not in ("search", "joint")]
    for strategy in learned:
        made += [_regret(half, strategy, "r", "alone/"), _share(half, strategy, "alone/")]
    return made + [
        _claim(
            half,
            f"{strategy}/over_compare",
            _over(strategy),
            f"{NAMES[strategy]}: r_T over that of the advice; geometric mean; the goal is above 1",
        )
        for strategy in STRATEGIES[1:]
    ]


def _regret(half: str, strategy: str, measure: str, scope: str = "") -> Claim:
    goal = (strategy, measure) == ("compare", "r")
    rule = f"{NAMES[strategy]}: {MEASURES[measure]}{SCOPES[scope]}; geometric mean"
    return _claim(
        half,
        f"{scope}{strategy}/{measure}",
        score(f"{scope}{strategy}/{measure}"),
        rule + (f"; the goal is at most {GOAL}" if goal else ""),
        # errors are over the lowest of all, so that their logarithms are not below zero
        between=(0.0, math.inf) if measure in ("r", "geo") else (-math.inf, math.inf),
    )


def _share(half: str, strategy: str, scope: str = "") -> Claim:
    goal = strategy == "compare"
    rule = f"{NAMES[strategy]}: share of cases whose r_T is within a factor of 2 of the best"
    return _claim(
        half,
        f"{scope}{strategy}/within_2",
        score(f"{scope}{strategy}/within_2"),
        rule + SCOPES[scope] + (f"; the goal is at least {WITHIN_GOAL}" if goal else ""),
        ratio=False,
        between=(0.0, 1.0),
    )


CLAIMS = [claim for half in ("untouched", "tuned") for claim in _of_half(half)]
