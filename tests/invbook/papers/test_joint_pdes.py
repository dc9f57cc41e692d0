"""Joint optimisation of the differential equations: SciPy's searches together, loss, records."""

import itertools
import threading
from dataclasses import replace

import pytest
import torch

from invbook.papers.joint_optimization import (
    experiments,
    learned,
    pdes,
    scipy_rows,
    scoreboard,
    state_recovery,
    study,
    systems,
)
from invbook.papers.joint_optimization.pde_claims import PDE_CLAIMS
from invbook.papers.joint_optimization.runs import PDES, QUICK, main_count, seeds_of
from invbook.papers.joint_optimization.systems import (
    Result,
    compare,
    draw_problems,
    scipy_bfgs,
)
from invlab import runtime
from invlab.minimizers.objective import Evaluation

# The systems as they are, on small grids and for short times.
SMALL = {
    "kuramoto_sivashinsky": {"points": 22, "horizon": 5.0, "modes": 2},
    "navier_stokes": {"obstacles": "five", "cells": 12, "steps": 7},
    "navier_stokes_two": {"obstacles": "two", "cells": 12, "steps": 7},
}
each_system = pytest.mark.parametrize("system", list(PDES))
flows_are_slow = pytest.mark.parametrize(
    "system",
    [
        pytest.param(name, marks=[pytest.mark.slow] if name.startswith("navier") else [])
        for name in PDES
    ],
)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    for name, options in SMALL.items():
        system = systems.SYSTEMS[name]
        # the last digits of a search cost half its time
        smaller = replace(system, options=options, gtol=100 * system.gtol)
        monkeypatch.setitem(systems.SYSTEMS, name, smaller)


def rosenbrock(z, rows):
    """Valleys that turn the more the larger the number of the row."""
    a, b, bend = z[:, 0], z[:, 1], 1.0 + rows
    value = (1 - a).square() + bend * (b - a * a).square()
    first = -2 * (1 - a) - 4 * bend * a * (b - a * a)
    return Evaluation(value, torch.stack([first, 2 * bend * (b - a * a)], 1))


# SciPy's searches


def test_searches_together_take_the_same_steps_as_one_after_the_other():
    z = torch.tensor([[-1.2, 1.0], [0.0, 0.0], [1.0, 1.0], [2.0, -3.0], [0.3, 5.0]]).double()
    one, all_ = (search(rosenbrock, z, 1e-8) for search in (scipy_rows.alone, scipy_rows.together))
    for a, b in zip(one, all_, strict=True):
        assert torch.equal(a, b)
    assert len(one.iterations.unique()) > 2  # some wait for others, and some end first
    torch.testing.assert_close(one.z, torch.ones_like(z))


@pytest.mark.slow
@flows_are_slow
def test_they_do_so_through_a_simulator_too(system):
    problems = draw_problems(system, 4, 0)
    both = scipy_bfgs(problems, problems.start, 1.0)
    alone = replace(problems, system=replace(problems.system, together=False))
    single = scipy_bfgs(alone, alone.start, 1.0)
    torch.testing.assert_close(both.x, single.x, rtol=1e-4, atol=1e-4)
    assert both.iterations == pytest.approx(single.iterations, rel=0.1)
    assert both.evaluations >= both.iterations > 0


def test_what_goes_wrong_in_an_evaluation_is_raised_and_leaves_no_thread():
    def broken(z, rows):
        raise FloatingPointError("no such point")

    before = threading.active_count()
    with pytest.raises(FloatingPointError, match="no such point"):
        scipy_rows.together(broken, torch.zeros(5, 2).double(), 1e-5)
    assert threading.active_count() == before


# The problems


def test_the_losses_are_those_that_are_stated():
    problems = draw_problems("kuramoto_sivashinsky", 3, 0)
    off = problems.task.simulate(problems.start, problems.c) - problems.y
    torch.testing.assert_close(problems.at_start, off.square().mean((1, 2)))
    assert (problems.at_truth == 0).all()
    flow = draw_problems("navier_stokes", 3, 0)
    off = flow.task.simulate(flow.truth, flow.c) - flow.y
    torch.testing.assert_close(flow.at_truth, 1000 * off.square().mean((1, 2, 3)))
    assert (flow.at_truth > 0).all()  # nobody saw the lower half
    assert flow.solved(flow.truth, flow.at_truth).all()
    assert not flow.solved(flow.truth, 1.6 * flow.at_truth).any()


@each_system
def test_a_unit_of_one_is_half_the_width_of_the_box(system):
    problems = draw_problems(system, 2, 0)
    torch.testing.assert_close(problems.lengths(1.0), problems.box.width / 2)
    edge = Result(problems.truth + problems.box.width / 2, problems.at_start, 0.0, 0.0)
    off = compare(problems, edge, problems.at_start)["error"]
    assert off == pytest.approx(problems.truth.shape[1] ** 0.5)


@each_system
def test_networks_see_images_of_start_and_end(system):
    problems = draw_problems(system, 3, 0)
    assert problems.features.ndim == (3 if system == "kuramoto_sivashinsky" else 4)
    # what is known of a problem, all of it and once
    assert problems.features[0].numel() == problems.y[0].numel() + problems.c[0].numel()


# The methods


def test_training_in_single_precision_does_the_same_and_is_judged_in_double():
    problems = draw_problems("kuramoto_sivashinsky", 6, 0)
    options = {"iterations": 5, "lr": 3e-3, "encoder": {"last": None}}
    (double,), _, _ = learned.joint(problems, 0, **options)
    (single,), _, _ = learned.joint(problems, 0, single=True, **options)
    torch.testing.assert_close(single.x, double.x, rtol=0, atol=1e-3)
    assert torch.equal(single.loss, problems.loss(single.x))


def test_the_clock_keeps_what_was_found_in_time():
    problems = draw_problems("kuramoto_sivashinsky", 8, 0)
    clock = pdes.restart(problems, 0, 2, budget=0.0)
    assert clock.within.evaluations == 1  # the budget is spent by the first evaluation
    torch.testing.assert_close(clock.within.loss, problems.at_start)
    assert (clock.found.loss <= clock.within.loss).all()
    curve = clock.curve()
    assert curve["cpu"] == sorted(curve["cpu"])
    assert curve["solved"] == sorted(curve["solved"])
    assert curve["solved"][-1] == compare(problems, clock.found, problems.at_start)["solved"]
    later = pdes.restart(problems, 0, 2, budget=1e9)
    assert later.within is later.found


@pytest.mark.slow
@flows_are_slow
def test_a_record_holds_every_claimed_score(system):
    settings = dict(QUICK[system])
    for method in ("joint", "direct"):
        settings[method] = {**settings[method], "iterations": 3}
    settings["neural_adjoint"] = {**settings["neural_adjoint"], "epochs": 4}
    found = experiments.measure(system, 3, 0, settings)
    rows = [claim for claim in PDE_CLAIMS if claim.records[0].split("/")[1] == system]
    assert rows
    for claim in rows:
        # logarithms of ratios may have any sign
        assert all(claim.geometric or value >= 0 for value in claim.values(found))
    scores = {name: value for name, (value,) in found["scores"].items()}
    assert scores["S1/bfgs/refined/equal"] == 100
    assert scores["S1/joint_or_bfgs/refined/worse"] == 0
    assert scores["S1/truth/unrefined/error"] == 0
    assert scores["S1/multistart/refined/loss"] <= scores["S1/bfgs_batched/refined/loss"] + 1e-9
    for method in ("joint", "joint_last", "direct", "neural_adjoint", "draw"):
        total = sum(scores[f"S1/{method}/refined/{q}"] for q in ("better", "equal", "worse"))
        assert total == pytest.approx(100, abs=0.01)
        assert scores[f"S1/{method}/refined/loss"] <= scores[f"S1/{method}/unrefined/loss"]
    assert scores["S1/joint/unrefined/loss"] <= scores["S1/joint_last/unrefined/loss"] + 1e-6
    assert all(len(losses) == 3 for losses in found["curves"]["losses"].values())


def test_exchange_takes_the_answers_of_others():
    problems = draw_problems("kuramoto_sivashinsky", 8, 0)
    alone, _ = scoreboard.batched(problems)
    shared = scoreboard.exchange(problems, problems.start, 1e-7)
    assert (shared.loss <= alone.loss + 1e-12).all()
    assert shared.evaluations > alone.evaluations


def test_the_ledgers_number_of_problems_has_three_fresh_seeds():
    for system in PDES:
        seeds = seeds_of(system, main_count(system))
        assert len(seeds) >= 3
        assert min(seeds) > 2  # 0 to 2 chose the settings


# The first state


def test_a_first_state_is_recovered_from_the_early_states_first():
    settings = {**state_recovery.STATE, "maxiter": 60}
    settings["task"] = {**settings["task"], "length": 22.0, "points": 22, "horizon": 8.0}
    settings["task"]["modes"] = 3
    for method in ("joint", "direct"):
        settings[method] = {**settings[method], "iterations": 3}
    ticks = itertools.count()
    with runtime.set_clock(lambda: next(ticks)):
        scores = state_recovery.recover(5, 0, {**settings, "early": 3.0})["scores"]
    for method in ("bfgs", "early_bfgs", "joint", "early_joint", "direct", "multistart"):
        assert 0 <= scores[f"{method}/solved"][0] <= 100
        assert scores[f"{method}/excess"][0] >= 0
    assert scores["early_bfgs/solved"][0] >= 80
    assert scores["early_bfgs/error"][0] < 0.1
    # its time is that of the joint search, and each look at the clock counts
    assert 1 <= scores["multistart/evaluations"][0] < scores["bfgs/evaluations"][0]


@pytest.mark.slow
def test_restarts_stop_when_their_time_is_spent():
    problems = draw_problems("kuramoto_sivashinsky", 8, 0)

    class Plain(study.Study):
        def measured(self, x):
            return {}

    # no problem is ever solved by this margin, so that only the time ends it
    searched = Plain(problems, -1.0, torch.Generator().manual_seed(0))
    ticks = itertools.count()
    with runtime.set_clock(lambda: next(ticks)):
        searched.restart("few", 5, searched.anywhere)
        searched.restart("more", 300, searched.anywhere)
    assert searched.scores["few/evaluations"] == 5
    assert searched.scores["few/rounds"] == 0
    assert searched.scores["more/rounds"] >= 1
    assert searched.scores["more/excess"] < searched.scores["few/excess"]
