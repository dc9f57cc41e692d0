"""The paper's numbers for the trained models, as rows of the ledger."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from invbook.ledger import Claim
from invbook.papers.neural_adjoint.experiments import MAXWELL_GUESSES, PROXY_TASK, TASKS
from invbook.papers.neural_adjoint.models import MODELS
from invbook.papers.neural_adjoint.runs import COUNTS, SEEDS, seeds_of
from invbook.papers.reading import (
    NO_ROW,
    REN,
    SOURCES,
    targets,
    value,
)
from invlab.runs.records import Record

__all__ = ["MODEL_CLAIMS", "PAPER_TABLES"]

# The paper's columns in the order tandem, cvae, inn, cinn, mixture density network.
COLUMNS = ("tandem", "cvae", "inn", "cinn", "mixture_density")
# Figures by table and task. "r_1" is Table 7, "r_50" read off Figure 3, "r_200" Table 3 (whose T
# is 200 by our deduction), "mmd" Table 4, "size" Table 8 in millions, "megabytes" Table 9, "train"
# Table 10 in s and "infer" Table 2 in s per thousand inferences, both on a GTX 1080.
PAPER_TABLES: dict[str, dict[str, tuple[float, ...]]] = {
    "r_1": {
        "ballistics": (7.84e-3, 1.35e-2, 2.09e-2, 2.78e-2, 9.88e-2),
        "sine": (2.31e-2, 7.56e-1, 6.70e-1, 6.45e-1, 4.46e-1),
        "robot_arm": (7.00e-4, 2.51e-2, 2.66e-2, 2.01e-3, 4.81e-3),
        "metamaterial": (2.53e-3, 8.60e-3, 3.89e-2, 5.70e-3, 4.60e-3),
    },
    "r_50": {
        "ballistics": (8e-3, 4.5e-6, 3e-3, 2.5e-5, 1.3e-4),
        "sine": (2.3e-2, 8e-4, 1.6e-3, 4e-4, 8e-4),
        "robot_arm": (5.5e-4, 1.3e-2, 6e-4, 4.3e-6, 7.5e-5),
        "metamaterial": (2.6e-3, 9e-4, 3.8e-2, 9e-4, 9e-4),
    },
    "r_200": {
        "ballistics": (7.84e-3, 2.80e-7, 2.20e-3, 1.18e-6, 6.6e-6),
        "sine": (1.17e-2, 4.34e-5, 1.24e-4, 2.72e-5, 5.21e-5),
        "robot_arm": (5.44e-4, 1.25e-2, 2.12e-4, 8.80e-7, 1.82e-5),
        "metamaterial": (2.53e-3, 5.49e-4, 3.83e-2, 4.45e-4, 5.15e-4),
    },
    "mmd": {
        "ballistics": (2.62, 0.07, 2.03, 0.04, 0.04),
        "sine": (2.84, 0.03, 1.07, 0.03, 0.03),
        "robot_arm": (2.70, 1.62, 0.11, 0.04, 0.03),
    },
    "size": {
        "ballistics": (0.5, 3.0, 3.2, 3.2, 3.0),
        "sine": (1.5, 2.5, 2.1, 5.3, 4.0),
        "robot_arm": (0.3, 3.0, 2.6, 3.2, 1.5),
        "metamaterial": (3.4, 19.0, 7.2, 11.8, 6.0),
    },
    "megabytes": {
        "ballistics": (3, 14, 15, 15, 14),
        "sine": (7, 12, 9.7, 24, 19),
        "robot_arm": (2, 7, 12, 15, 7),
        "metamaterial": (16, 88, 54, 56, 31),
    },
    "train": {
        "ballistics": (168, 155, 345, 987, 187),
        "sine": (135, 110, 191, 291, 241),
        "robot_arm": (127, 227, 932, 663, 120),
        "metamaterial": (256, 540, 335, 882, 122),
    },
    "infer": {
        "ballistics": (0.31, 0.29, 0.35, 0.78, 0.08),
        "sine": (0.19, 0.19, 0.19, 0.20, 0.53),
        "robot_arm": (0.19, 0.31, 0.21, 0.23, 0.62),
        "metamaterial": (0.50, 0.47, 0.22, 0.25, 0.41),
    },
}
# The same for the neural adjoint. One target has a thousand candidates or more, so that a thousand
# inferences are one target.
PAPER_ADJOINT: dict[str, dict[str, float]] = {
    "size": {"ballistics": 0.5, "sine": 0.7, "robot_arm": 0.8, "metamaterial": 3.1},
    "megabytes": {"ballistics": 2, "sine": 3, "robot_arm": 3, "metamaterial": 15},
    "train": {"ballistics": 86, "sine": 82, "robot_arm": 70, "metamaterial": 224},
    "infer": {"ballistics": 1.36, "sine": 1.22, "robot_arm": 1.12, "metamaterial": 46.10},
    "mmd": {"ballistics": 0.07, "sine": 0.04, "robot_arm": 0.06},
}
OUR_TRAINING = (
    "our network, scales and training, each model tuned for the task on other seeds; the mean over "
    "trainings and not the best of ten"
)
OTHER_PHYSICS = (
    "our physics: a solver of our own and a loss tangent of 0.05, which smooths the spectra"
)
OTHER_SEARCH = "Gauss–Newton in place of Adam"
SECONDS = "processor seconds of one core here, of a GTX 1080 there"
CHOICE = "sizes are choices"
ESTIMATOR = "the paper's estimator is biased, of draws whose number it does not give"
# T of the errors under Maxwell's equations.
MAXWELL_COUNTS = (1, MAXWELL_GUESSES)


def paper_value(table: str, task: str, method: str) -> float | None:
    """A number of the paper, or None where it has no such row."""
    if method == "neural_adjoint" and table in PAPER_ADJOINT:
        return PAPER_ADJOINT[table][task]
    if method not in COLUMNS:
        return None
    return float(PAPER_TABLES[table][task][COLUMNS.index(method)])


def _records(task: str, method: str) -> tuple[str, ...]:
    if method in MODELS:
        return tuple(f"neural_adjoint/models/{task}/{method}/seed{s}" for s in seeds_of(task))
    return tuple(f"neural_adjoint/compare/{task}/seed{s}" for s in seeds_of(task))


def _matched(method: str) -> Callable[[Record], Sequence[Any]]:
    return lambda record: [record["matching"][method]["mmd"]]


def _biased(method: str) -> Callable[[Record], Sequence[Any]]:
    return lambda record: [record["matching"][method]["mmd_biased"]]


def _source(paper: float | None, where: str) -> str:
    return NO_ROW if paper is None else f"{REN}, {where}"


def _errors(task: str, method: str) -> list[Claim]:
    """r_T; on D4 the physics are others, so that nothing follows from the paper's number."""
    made = []
    for count in COUNTS:
        paper = paper_value(f"r_{count}", task, method)
        own = paper is not None and task != PROXY_TASK
        made.append(
            Claim(
                f"r_T/{task}/{method}/{count}",
                _source(paper, SOURCES[count]),
                _records(task, method),
                targets(method, count),
                f"mean squared error of the best of {count} guesses" if count > 1 else "one guess",
                kind="improvement" if own else "measurement",
                protocol=OTHER_PHYSICS if task == PROXY_TASK else OUR_TRAINING,
                paper=paper,
                nulls=tuple(f"r_T/{task}/{null}/{count}" for null in ("prior", "nearest")),
                scale="log",
            )
        )
    return made


def _matching(task: str, method: str) -> list[Claim]:
    """How far the draws are from the exact posterior."""
    paper = paper_value("mmd", task, method)
    searched = f"{OTHER_SEARCH}; " if method == "neural_adjoint" else ""
    return [
        Claim(
            f"mmd/{task}/{method}",
            _source(paper, "Table 4"),
            _records(task, method),
            _matched(method),
            "MMD², unbiased, 1000 draws, x in prior deviations",
            protocol="" if paper is None else f"{searched}an unbiased estimator; {ESTIMATOR}",
            paper=paper,
            nulls=(f"mmd/{task}/prior",),
        ),
        Claim(
            f"mmd_biased/{task}/{method}",
            _source(paper, "Table 4"),
            _records(task, method),
            _biased(method),
            "MMD², biased, 200 draws, x in prior deviations",
            protocol="" if paper is None else searched + ESTIMATOR,
            paper=paper,
            nulls=(f"mmd_biased/{task}/prior",),
            scale="log",
        ),
    ]


def _published_search(task: str) -> Claim:
    """The same for the paper's own search, which gives 200 guesses a target."""
    return Claim(
        f"mmd_biased/{task}/neural_adjoint_adam",
        f"{REN}, Table 4",
        tuple(f"neural_adjoint/published/{task}/seed{seed}" for seed in SEEDS),
        _biased("adam"),
        "MMD², biased, the 200 guesses, x in prior deviations",
        protocol=ESTIMATOR,
        paper=paper_value("mmd", task, "neural_adjoint"),
        nulls=(f"mmd_biased/{task}/prior",),
        scale="log",
    )


def _floors(task: str) -> list[Claim]:
    said = "exact draws against exact draws"
    return [
        Claim(f"mmd/{task}/floor", NO_ROW, _records(task, "pool"), _matched("exact"), said),
        Claim(
            f"mmd_biased/{task}/floor",
            NO_ROW,
            _records(task, "pool"),
            _biased("exact"),
            f"{said}, 200 of each",
            scale="log",
        ),
    ]


def _tandems(task: str) -> list[Claim]:
    paper = paper_value("r_1", task, "tandem")
    nulls = tuple(f"r_T/{task}/{null}/1" for null in ("prior", "nearest"))
    return [
        Claim(
            f"tandem/{task}/boundary",
            f"{REN}, Table 7",
            _records(task, "tandem"),
            targets("tandem", 1),
            f"boundary loss of weight 1; judged as r_T/{task}/tandem/1, the same number",
            protocol=OUR_TRAINING,
            paper=paper,
            nulls=nulls,
            scale="log",
        ),
        Claim(
            f"tandem/{task}/plain",
            NO_ROW,
            _records(task, "tandem_plain"),
            targets("tandem_plain", 1),
            "without boundary loss",
            nulls=nulls,
            scale="log",
        ),
    ]


def _costs(task: str, method: str) -> list[Claim]:
    size, train, infer = (paper_value(t, task, method) for t in ("size", "train", "infer"))
    said: list[tuple[str, str, Callable[[Record], Sequence[Any]], str, float | None, str]] = [
        (
            "time",
            "/train",
            value(f"{method}/train"),
            "CPU s of one core",
            train,
            "Table 10 (GPU s)",
        ),
        (
            "time",
            "/infer",
            # the record has the seconds of 200 draws
            value(f"{method}/infer", 1000 / 200),
            "CPU s for a thousand draws, one core",
            infer,
            "Table 2 (GPU s)",
        ),
        (
            "size",
            "",
            value(f"{method}/parameters", 1e-6),
            "millions of parameters",
            size,
            "Table 8",
        ),
    ]
    return [
        Claim(
            f"{kind}/{task}/{method}{end}",
            _source(paper, where),
            _records(task, method),
            values,
            rule,
            protocol="" if paper is None else CHOICE if kind == "size" else SECONDS,
            paper=paper,
            scale="log",
        )
        for kind, end, values, rule, paper, where in said
    ]


def _all() -> list[Claim]:
    made = []
    for task in TASKS:
        made += [claim for method in MODELS for claim in _errors(task, method)]
        matched = (*MODELS, "pool", "neural_adjoint", "prior")
        made += [claim for method in matched for claim in _matching(task, method)]
        made += [_published_search(task), *_floors(task), *_tandems(task)]
        made += [claim for method in MODELS for claim in _costs(task, method)]
        made += _costs(task, "neural_adjoint")[2:]
    models = [model for model in MODELS if model != "tandem_plain"]
    made += [claim for method in models for claim in _errors(PROXY_TASK, method)]
    made += [on_maxwell(method, count) for method in models for count in MAXWELL_COUNTS]
    made += [claim for method in models for claim in _costs(PROXY_TASK, method)]
    return made + _costs(PROXY_TASK, "neural_adjoint")[2:]


def on_maxwell(method: str, count: int) -> Claim:
    """What the proxy hides; the paper re-simulated nothing."""
    return Claim(
        f"r_T/{PROXY_TASK}_maxwell/{method}/{count}",
        NO_ROW,
        _records(PROXY_TASK, method)[:1],
        targets(f"{method} on maxwell", count),
        "re-simulated with Maxwell's equations, one seed",
        protocol=OTHER_PHYSICS,
        scale="log",
    )


MODEL_CLAIMS = _all()
