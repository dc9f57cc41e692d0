"""Advice in words: each sentence follows from the rows by one rule, and says nothing more."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from invlab.comparison.candidates import NULLS
from invlab.comparison.table import LEAST, Row, Scores, level
from invlab.trust.per_cent import per_cent

__all__ = ["Advice", "Facts", "advise", "calibrated", "ranked"]

# A method within this factor of the best in one answer is good enough to be called fast.
GOOD_ENOUGH = 2.0
# Below this p-value the ranks of the true unknowns are not uniform.
UNCALIBRATED = 0.01
# Below so many targets the test of calibration sees gross errors alone.
FEW_TARGETS = 30
# A gain of this factor for twice the pairs is worth more simulations.
WORTH_MORE = 1.3
# Below this share of valid guesses a method is warned of.
FEW_INVALID = 0.95
# From this share of invalid pairs on the prior is to be looked at.
FAILING = 0.01
# A refinement that divides the error by this is worth its simulations.
WORTH_REFINING = 3.0


@dataclass(frozen=True)
class Advice:
    """One sentence, and what it says as data.

    Attributes:
        rule: name of the rule that it follows from.
        text: the sentence.
        methods: whom it names, the best first.
    """

    rule: str
    text: str
    methods: tuple[str, ...] = ()


@dataclass(frozen=True)
class Facts:
    """What the rules look at.

    Attributes:
        rows, scores: of the methods, by name.
        guesses: numbers T, ascending.
        floor: error of the truth under fresh noise, or of the judge, over the variance of y.
        judged_by: ``"simulator"`` or ``"surrogate"``.
        noisy: whether the task is.
        invalid: share of the pairs without a valid y.
        unseen: how many numbers of y vary so little that errors hardly see them, and of how many.
        samplers: names of the methods that draw from p(x | y).
        searching: names of those that call the simulator for each answer.
        curve: error of the best method that learns, by number of pairs, where it was measured.
    """

    rows: Mapping[str, Row]
    scores: Mapping[str, Scores]
    guesses: Sequence[int]
    floor: float
    judged_by: str
    noisy: bool
    invalid: float = 0.0
    unseen: tuple[int, int] = (0, 1)
    samplers: frozenset[str] = frozenset()
    searching: frozenset[str] = frozenset()
    curve: Mapping[int, float] | None = None


def ranked(facts: Facts, n: int) -> list[str]:
    """Methods with a score at T = n or fewer, the lowest geometric mean first; no null rows.

    Of equal ones, such as two without any error, first the one that simulates less for an answer.
    """
    there = [m for m, found in facts.scores.items() if found.given(n) and m not in NULLS]

    def key(method: str) -> tuple[float, float]:
        calls = facts.rows[method].get("answer_calls") or 0.0
        return facts.scores[method].geometric_mean(n), calls

    return sorted(there, key=key)


def ties(facts: Facts, best: str, n: int, among: Sequence[str]) -> list[str]:
    """Who cannot be told apart from the best at T = n."""
    scores = facts.scores
    return [m for m in among if m != best and level(scores[m], scores[best], n)]


def advise(facts: Facts) -> list[Advice]:
    """All sentences whose rule applies, in order."""
    return [found for rule in RULES for found in rule(facts)]


def _best_for_one(facts: Facts) -> list[Advice]:
    n = facts.guesses[0]
    return _best(
        facts, n, "one_guess", "one guess a target" if n == 1 else f"the best of {n} guesses"
    )


def _best_for_many(facts: Facts) -> list[Advice]:
    if len(facts.guesses) < 2:
        return []
    n = facts.guesses[-1]
    return _best(facts, n, "many_guesses", f"the best of {n} guesses")


def _best(facts: Facts, n: int, rule: str, what: str) -> list[Advice]:
    order = ranked(facts, n)
    if not order:
        return [Advice(rule, f"For {what} no method gave an answer.")]
    best = order[0]
    equal = ties(facts, best, n, order)
    score = facts.scores[best].geometric_mean(n)
    # what is smaller counts as the floor, so that the mean is that at most
    least = max(facts.scores[best].floor, LEAST)
    about = "at most " if score <= 1.001 * least else ""
    given = facts.scores[best].given(n)
    fewer = f" (with {_guesses(given)} only)" if given < n else ""
    text = (
        f"For {what}, {best}{fewer}: its error is {about}{score:.2g} of the variance of y "
        "(geometric mean)"
    )
    text += f"; {_and(equal)} cannot be told apart from it." if equal else "."
    return [Advice(rule, text, (best, *equal))]


def _best_posterior(facts: Facts) -> list[Advice]:
    n = facts.guesses[0]
    order = [m for m in ranked(facts, n) if m in facts.samplers]
    if not order:
        return []
    sound = [m for m in order if calibrated(facts.rows[m])]
    if not sound:
        text = (
            f"No method is calibrated ({_and(order)} did not pass the test): do not "
            "read their draws as a posterior; train longer or on more pairs."
        )
        return [Advice("posterior", text, tuple(order))]
    seeds, targets = facts.scores[sound[0]].errors[n].shape
    text = (
        f"For a posterior, {sound[0]}: its draws pass the test of calibration on {targets} targets"
        f"{'' if seeds == 1 else ' a seed'}"
    )
    others = sound[1:]
    unsound = [m for m in order if m not in sound]
    if others:
        text += f", as do those of {_and(others)}"
    if unsound:
        text += f"; those of {_and(unsound)} do not"
    few = " So few targets can show gross errors only." if targets < FEW_TARGETS else ""
    return [Advice("posterior", f"{text}.{few}", tuple(sound))]


def calibrated(row: Mapping[str, Any]) -> bool:
    """Whether neither ranks and coverage of single unknowns nor the ranks of all are off.

    What was not tested is not calibrated.
    """
    found = [row.get(key) for key in ("coverage_p", "calibration_p", "joint_p")]
    return all(p is not None and p >= UNCALIBRATED / len(found) for p in found)


def _fastest(facts: Facts) -> list[Advice]:
    n = facts.guesses[0]
    order = ranked(facts, n)
    if not order:
        return []
    best = facts.scores[order[0]].geometric_mean(n)
    near = [m for m in order if facts.scores[m].geometric_mean(n) <= GOOD_ENOUGH * best]
    quick = min(near, key=lambda m: facts.rows[m]["answer_s"] or 0.0)
    seconds = facts.rows[quick]["answer_s"] or 0.0
    most = facts.scores[quick].given(facts.guesses[-1])
    guesses = "one guess" if most == 1 else f"{most} guesses"
    text = (
        f"Where an answer has to come fast, {quick}: {_duration(seconds)} of processor time "
        f"a target for {guesses}, many targets together, within a factor of {GOOD_ENOUGH:g} of "
        f"the best error for {_guesses(n)}."
    )
    return [Advice("fast", text, (quick,))]


def _duration(seconds: float) -> str:
    """Two digits, and from a second on in seconds."""
    unit, value = ("s", seconds) if seconds >= 1 else ("ms", 1000 * seconds)
    return f"{float(f'{value:.2g}'):g} {unit}"


def _no_more_simulations(facts: Facts) -> list[Advice]:
    n = facts.guesses[-1]
    order = ranked(facts, n)
    if not order or order[0] not in facts.searching:
        return []
    rest = [m for m in order if m not in facts.searching]
    if not rest:
        return []
    text = (
        f"Without further simulations, for {_guesses(n)}, {rest[0]}: {order[0]} calls the "
        "simulator for each answer."
    )
    return [Advice("no_simulations", text, (rest[0],))]


def _refine(facts: Facts) -> list[Advice]:
    n = facts.guesses[0]
    order = [m for m in ranked(facts, n) if m not in facts.searching]
    if not order:
        return []
    row = facts.rows[order[0]]
    before, after = row.get(f"r_{n}"), row.get(f"refined_{n}")
    if not before or after is None or before < WORTH_REFINING * max(after, LEAST):
        return []
    text = (
        f"Refine the answers of {order[0]} on the simulator (invlab.refine): the mean error of "
        f"{_guesses(n)} falls from {before:.2g} to {after:.2g}."
    )
    return [Advice("refine", text, (order[0],))]


def _below_the_look_up(facts: Facts) -> list[Advice]:
    n = facts.guesses[0]
    if "nearest" not in facts.scores or not facts.scores["nearest"].given(n):
        return []
    look_up = facts.scores["nearest"]
    worse = [
        m for m in ranked(facts, n)
        if m != "nearest" and facts.scores[m].geometric_mean(n) > look_up.geometric_mean(n)
        and not level(facts.scores[m], look_up, n)
    ]  # fmt: skip
    if not worse:
        return []
    text = (
        f"Do not use {_and(worse)} for {_guesses(n)}: worse than the look-up, the nearest of the "
        "training pairs."
    )
    return [Advice("below_look_up", text, tuple(worse))]


def _more_data(facts: Facts) -> list[Advice]:
    if not facts.curve or len(facts.curve) < 2:
        return []
    first, last = min(facts.curve), max(facts.curve)
    fewer, all_of_them = facts.curve[first], facts.curve[last]
    best = next((m for m in ranked(facts, facts.guesses[0]) if m not in facts.searching), "it")
    if fewer <= 1.001 * facts.floor:
        text = (
            f"Whether more simulations help cannot be seen: with {first} pairs the error of {best} "
            "is not above the floor."
        )
        return [Advice("more_data", text)]
    doublings = max(1.0, math.log2(last / first))
    gain = (fewer / max(all_of_them, LEAST)) ** (1 / doublings)
    measured = (
        f"from {first} to {last} pairs the error of {best} went from {fewer:.2g} to "
        f"{all_of_them:.2g}"
    )
    if gain >= WORTH_MORE:
        return [Advice("more_data", f"More simulations help: {measured}.")]
    return [Advice("more_data", f"More simulations would bring little: {measured}.")]


def _floor(facts: Facts) -> list[Advice]:
    if facts.judged_by == "surrogate":
        text = (
            "There is no simulator: guesses were judged by a network fitted to a third of the "
            f"pairs, whose own error is {facts.floor:.2g} of the variance of y. Differences below "
            "it mean nothing."
        )
        return [Advice("floor", text)]
    if facts.noisy:
        text = (
            "The simulator is noisy: under fresh noise the truth itself has an error of "
            f"{facts.floor:.2g} of the variance of y. Below it nothing can be told from the truth."
        )
        return [Advice("floor", text)]
    return []


def _failures(facts: Facts) -> list[Advice]:
    found = []
    for name, row in facts.rows.items():
        if row["failed"]:
            share = per_cent(row["failed"])
            text = (
                f"{name} has no valid answer for {share} of the targets; they are not in its mean."
            )
            found.append(Advice("failures", text, (name,)))
        elif row["valid"] is not None and row["valid"] < FEW_INVALID and name not in NULLS:
            share = per_cent(1 - row["valid"])
            text = f"{share} of the guesses of {name} are nothing that the simulator can take."
            found.append(Advice("failures", text, (name,)))
    return found


def _assumptions(facts: Facts) -> list[Advice]:
    found = []
    if facts.invalid >= FAILING:
        text = (
            f"Check the prior: {per_cent(facts.invalid)} of its draws have no valid y, and nothing "
            "is learned there."
        )
        found.append(Advice("assumptions", text))
    few, numbers = facts.unseen
    if few:
        vary, them = ("varies", "it") if few == 1 else ("vary", "them")
        text = (
            f"Check the units of y: {few} of its {numbers} numbers {vary} by less than a hundredth "
            f"of what the others do, and the errors hardly see {them}. Divide each number by its "
            "error of measurement, or by its typical spread."
        )
        found.append(Advice("assumptions", text))
    text = (
        "All this holds for targets that are drawn like the pairs; whether a measured y could "
        "come from this simulator at all is tested by invlab.Reachability."
    )
    return [*found, Advice("assumptions", text)]


def _left_out(facts: Facts) -> list[Advice]:
    return [
        Advice("left_out", f"{name} {_absent(row['note'])}.", (name,))
        for name, row in facts.rows.items()
        if row["note"] and name not in facts.scores
    ]


def _absent(note: str) -> str:
    return note if note.startswith("failed") else f"took no part: {note}"


def _guesses(n: int) -> str:
    return "one guess" if n == 1 else f"the best of {n} guesses"


def _and(names: Sequence[str]) -> str:
    """A list in words."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


RULES: tuple[Callable[[Facts], list[Advice]], ...] = (
    _best_for_one,
    _best_for_many,
    _best_posterior,
    _fastest,
    _no_more_simulations,
    _refine,
    _below_the_look_up,
    _more_data,
    _floor,
    _failures,
    _left_out,
    _assumptions,
)
