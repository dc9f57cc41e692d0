"""What is recorded of one call of ``invert``: errors, bounds that hold, flags."""

import math

import pytest
import torch

from invbook.papers import answers, claims
from invbook.papers.answers import claims as rows
from invbook.papers.answers import runs
from invlab import Task, get_task, priors
from invlab.inversion import Answers


def found_for(targets, x, bound, reachable):
    empty = torch.full((len(x), 1), torch.nan)
    return Answers(
        x=x[:, None], error=empty, believed=empty, bound=bound, reachable=reachable,
        p_value=empty[:, 0], spread=empty, calls=30, method="none", level=0.9,
    )  # fmt: skip


def test_a_bound_counts_where_there_is_one_and_the_error_lies_below():
    task = get_task("square")
    targets = task.targets(4, seed=0, dtype=torch.float64)
    off = targets.x + torch.tensor([[0.0], [0.0], [1.0], [1.0]])
    bound = torch.tensor([0.1, torch.nan, 0.1, 1e9], dtype=torch.float64)
    reachable = torch.tensor([True, False, True, True])
    scores = runs._scores(task, targets, found_for(targets, off, bound, reachable))
    assert scores["held"] == pytest.approx(2 / 3)
    assert scores["flagged"] == 0.25
    wrong = (off[2:] ** 2 - targets.y[2:]).square().sum() / 4
    assert scores["r_1"] == pytest.approx(float(wrong / targets.y.var(correction=0)))


def test_the_truth_of_a_noisy_simulator_has_an_error_and_that_of_another_none():
    for noisy in (False, True):
        task = Task(
            "sum",
            lambda x, noisy=noisy: x + (0.1 * torch.randn_like(x) if noisy else 0),
            priors.Box([0.0], [1.0]),
            noisy=noisy,
        )
        scores = runs._nulls(task, task.targets(300, seed=1), 500, 1)
        # twice the variance of the noise over that of a uniform number and the noise
        expected = 0.02 / (1 / 12 + 0.01) if noisy else 0.0
        assert scores["floor"] == pytest.approx(expected, rel=0.2, abs=1e-12)
        assert scores["lookup"] < (1 if noisy else 1e-4)


def test_below_the_floor_two_errors_are_the_same():
    def ratio(ours, theirs, floor):
        scores = {"r_1": [ours], "lookup": [theirs], "floor": [floor]}
        return math.exp(rows._over_lookup({"scores": scores})[0])

    assert ratio(1e-20, 1e-4, 0.0) == pytest.approx(1e-2)
    assert ratio(1e-20, 1e-9, 0.0) == 1
    assert ratio(0.2, 0.4, 0.1) == pytest.approx(0.5)
    assert ratio(0.05, 0.4, 0.1) == pytest.approx(0.25)


def test_each_simulator_and_seed_has_a_run_and_each_row_its_records(monkeypatch):
    monkeypatch.setenv("INVLAB_PRESET", "full")
    planned = {run.id for run in answers.plan()}
    assert len(planned) == 18
    assert {record for claim in claims("answers") for record in claim.records} == planned
