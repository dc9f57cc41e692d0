"""What the figures of trust measure, as rows of the ledger; no paper has numbers beside them.

Mean and interval are over the records, a simulator and a seed each. A goal stands where the bound
or the test promises something, or where it would be of no use otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from invbook.ledger import Claim
from invbook.papers.trust.bound_scores import coverage_band
from invbook.papers.trust.experiments import LEVEL
from invbook.papers.trust.faults import CHECKED, KINDS, SHIFTED
from invbook.papers.trust.runs import METHODS, ids
from invlab.runs.records import Record

__all__ = ["CLAIMS", "claims_over"]

SOURCE = "how far to trust an answer"
# Shares that the bound may cover on average over methods and simulators, at level 0.9.
COVERAGE = 0.89, 0.92
HARD, FALSE_ALARMS, POWER, SILENT = 0.80, 0.07, 0.95, 0.10
# Rank correlation of bound and error at least, and bound over constant one at most: the neural
# adjoint has minimised what its surrogate believes, which then says little about the error. Noise
# sets a limit: a bound that knew the 90 % quantile of each answer's own error would be 0.71 of the
# constant one on ricker and 0.79 on two_moons (mixture density, 150 targets), so that no bound does
# better than 0.195 over the five simulators of the quick preset.
SHARP = {"neural_adjoint": (0.5, 0.5)}
OTHERS = (0.9, 0.2)

SAID = {
    "fresh": "fresh reachable targets",
    "one_shifted": "targets with one number of y two deviations larger",
    "shifted": "targets with all of y two deviations larger",
    "exchanged": "targets with the numbers of y exchanged",
    "tilted": "targets of a simulator with one number of y 5 % larger",
    "noise_5": "targets with extra noise of 5 % of the deviation",
    "noise_20": "targets with extra noise of 20 % of the deviation",
}
TESTS = {"expected": "expected coverage", "tarp": "TARP"}


def claims_over(records: Sequence[str], methods: Sequence[str] = tuple(METHODS)) -> list[Claim]:
    """The rows over chosen records, such as those of the quick preset.

    Args:
        records: their ids.
        methods: that took part in them.
    """
    made = _together(methods)
    for method in methods:
        made += _of_method(method)
    for kind in KINDS:
        made += _of_kind(kind, methods)
    made += _of_check()
    return [Claim(records=tuple(records), **options) for options in made]


def _row(
    name: str,
    rule: str,
    values: Callable[[Record], Sequence[Any]],
    **options: Any,
) -> dict[str, Any]:
    """Options of a claim without its records."""
    own = {"id": f"trust/{name}", "source": SOURCE, "rule": rule, "values": values}
    # all but correlations and ratios are shares, distances of shares or p-values
    share = not options.get("geometric") and not name.endswith("/rank")
    ends = {"between": (0.0, 1.0)} if share else {}
    return own | {"cases": True} | ends | options


def _there(*names: str, factor: float = 1.0) -> Callable[[Record], Sequence[Any]]:
    """The numbers of a record that are defined, of one or more scores."""

    def numbers(record: Record) -> Sequence[Any]:
        scores = record["scores"]
        found = [value for name in names for value in scores.get(name, [])]
        return [factor * value for value in found if value is not None]

    return numbers


def _mean(*names: str) -> Callable[[Record], Sequence[Any]]:
    """One number a record, the mean over its scores: scores of one record depend on each other."""

    def numbers(record: Record) -> Sequence[Any]:
        found = _there(*names)(record)
        return [sum(found) / len(found)] if found else []

    return numbers


def _together(methods: Sequence[str]) -> list[dict[str, Any]]:
    low, high = COVERAGE
    coverage = _mean(*(f"bound/{method}/coverage" for method in methods))
    inside = _mean(*(f"bound/{method}/inside" for method in methods))
    return [
        _row(
            "bound/coverage",
            f"targets below the bound of level 0.9, over methods too; the goal is {low} to {high}",
            coverage,
        ),
        _row(
            "bound/inside",
            "cases whose coverage lies in its 99.9 % beta-binomial band, over methods too; "
            "the goal is all",
            inside,
        ),
        _row(
            "bound/ties",
            "answers without any error, ties that every bound covers; the case with most of them",
            _there(*(f"bound/{method}/exact" for method in methods)),
            worst=True,
        ),
        _row(
            "reach/visible",
            "smallest misfit that can be seen, in the variance of y; geometric mean",
            lambda record: [math.log(value) for value in _there("reach/visible")(record)],
            geometric=True,
        ),
    ]


def _of_method(method: str) -> list[dict[str, Any]]:
    rank, ratio = SHARP.get(method, OTHERS)
    start = f"bound/{method}"
    made = [
        _row(
            f"{start}/coverage", f"{method}: targets below its bound", _there(f"{start}/coverage")
        ),
        _row(
            f"{start}/inside",
            f"{method}: cases whose coverage lies in its 99.9 % band; the goal is all",
            _there(f"{start}/inside"),
        ),
        _row(
            f"{start}/hard",
            f"{method}: coverage of the fifth with the largest bounds; the goal is at least {HARD}",
            _there(f"{start}/hard"),
        ),
        _row(
            f"{start}/rank",
            f"{method}: rank correlation of bound and error; the goal is at least {rank}",
            _there(f"{start}/rank"),
        ),
        _row(
            f"{start}/ratio",
            f"{method}: bound over the constant one, geometric mean; the goal is at most {ratio}",
            _there(f"{start}/log10", factor=math.log(10)),
            geometric=True,
        ),
    ]
    made += [_without_noise(made[-2]), _without_noise(made[-1])]
    return made + (_of_sampler(method) if method in SAMPLERS else [])


def _without_noise(row: dict[str, Any]) -> dict[str, Any]:
    """The same over simulators without noise: no bound can follow the noise of an answer."""
    values = row["values"]

    def numbers(record: Record) -> Sequence[Any]:
        return [] if record["facts"]["noisy"] else values(record)

    rule = row["rule"].split(";")[0] + "; simulators without noise alone"
    return row | {"id": f"{row['id']}/noiseless", "rule": rule, "values": numbers}


# Whose guesses claim to be draws of the posterior.
SAMPLERS = ("mixture_density", "cinn")


def _of_sampler(method: str) -> list[dict[str, Any]]:
    made = []
    for test, words in TESTS.items():
        name = f"calibration/{method}/{test}"
        made += [
            _row(name, f"{method}: largest distance of {words} from the diagonal", _there(name)),
            _row(
                f"{name}/inside",
                f"{method}: cases in which {words} stays in its 95 % band",
                _there(f"{name}/inside"),
            ),
        ]
    return made


def _of_kind(kind: str, methods: Sequence[str]) -> list[dict[str, Any]]:
    alarms = kind == "fresh"
    flagged = f"{SAID[kind]} that are flagged at 5 %"
    silent = f"{SAID[kind]}: broken bounds without a flag"
    scores = [f"silent/{method}/{kind}" for method in methods]
    made = [
        _row(
            f"reach/{kind}/flagged",
            flagged + (f"; the goal is at most {FALSE_ALARMS}" if alarms else ""),
            _there(f"reach/{kind}/flagged"),
        ),
        _row(
            f"silent/{kind}",
            f"{silent}, over methods too" + ("" if alarms else f"; the goal is at most {SILENT}"),
            _mean(*scores),
        ),
        _row(f"silent/{kind}/worst", f"{silent}, the worst case", _there(*scores), worst=True),
        _row(
            f"silent/{kind}/inside",
            f"{silent}, cases in which they are no more than chance lets an exact bound break "
            "(99.9 %); the goal is all",
            _by_chance(scores),
        ),
    ]
    return made if alarms else [*made, _power(kind)]


def _by_chance(scores: Sequence[str]) -> Callable[[Record], Sequence[Any]]:
    """Whether each share of broken bounds is inside the band of an exact bound, 1 or 0."""

    def numbers(record: Record) -> Sequence[Any]:
        facts = record["facts"]
        low, _ = coverage_band(facts["calibrated_on"], facts["targets"], LEVEL)
        return [float(share <= 1 - low + 1e-9) for share in _there(*scores)(record)]

    return numbers


def _power(kind: str) -> dict[str, Any]:
    goal = kind in SHIFTED
    return _row(
        f"reach/{kind}/power",
        f"{SAID[kind]} that are truly out of reach: share of them that is flagged"
        + (f"; the goal is at least {POWER}" if goal else ""),
        _there(f"reach/{kind}/power"),
    )


def _of_check() -> list[dict[str, Any]]:
    return [
        _row(
            f"check/{kind}",
            f"{SAID[kind]}, noisy simulators: p of the predictive check",
            _there(f"check/{kind}"),
        )
        for kind in CHECKED
    ]


CLAIMS = claims_over(ids())
