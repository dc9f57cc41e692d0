"""How cost grows: slopes, processes of their own, and axes that end in time."""

import os

import pytest
import torch

from invbook import papers
from invbook.papers.scaling import claims, exponent, fresh, runs, straight_from, work
from invbook.papers.scaling.fresh import Cost, Died, FreshProcesses
from invbook.papers.scaling.work import Size


def test_the_exponent_is_that_of_a_power_and_of_its_upper_half_alone():
    sizes = [1, 10, 100, 1000, 10_000]
    assert exponent(sizes, [3 * size**1.5 for size in sizes]) == pytest.approx(1.5)
    assert exponent(sizes, [7, 7, 100, 1000, 10_000]) == pytest.approx(1)
    assert exponent([2, 8], [1, 4]) == pytest.approx(1)
    with pytest.raises(ValueError, match="two sizes or more"):
        exponent([1], [1])


def test_the_line_begins_where_costs_stop_to_be_fixed():
    sizes = [1, 10, 100, 1000, 10_000]
    assert straight_from(sizes, [size**2 for size in sizes]) == 1
    assert straight_from(sizes, [50 + size for size in sizes]) == 100
    assert straight_from(sizes, [1, 1, 1, 1, 1]) == 1


def allocate(megabytes):
    return fresh.cost(lambda: torch.ones(round(megabytes * 1e6 / 8), dtype=torch.float64))


def identity():
    return os.getpid()


def ended():
    os._exit(3)


def refused():
    raise KeyError("no")


@pytest.mark.slow
def test_each_call_has_a_process_and_a_peak_of_its_own():
    processes = FreshProcesses()
    large, small = (processes.call(allocate, megabytes) for megabytes in (200, 20))
    assert large.megabytes == pytest.approx(200, rel=0.2)
    assert small.megabytes == pytest.approx(20, rel=0.5)
    assert len({processes.call(identity) for _ in range(2)} | {os.getpid()}) == 3
    assert processes.seconds >= large.seconds + small.seconds > 0


@pytest.mark.slow
def test_a_process_that_dies_is_told_from_one_that_raises():
    with pytest.raises(Died, match="ended: ended with 3"):
        FreshProcesses().call(ended)
    with pytest.raises(KeyError, match="no"):
        FreshProcesses().call(refused)


def grown(costs, most=10.0):
    """Values that are measured where they cost so much, and what was found."""
    seen = []

    def measure(size):
        seen.append(size.draws)
        if costs[size.draws] is None:
            raise Died if size.draws < 1000 else ValueError
        return {"answer": costs[size.draws]}

    found = runs._grown(measure, Size(), "draws", list(costs), most)
    assert [value for value, _ in found["answer/draws"]] == [v for v in seen if costs[v]]
    return seen


def test_an_axis_ends_where_the_next_point_would_cost_too_much():
    assert grown({1: Cost(1, 1), 10: Cost(1, 1), 100: Cost(1, 1)}) == [1, 10, 100]
    assert grown({1: Cost(0.1, 1), 10: Cost(0.9, 1), 100: Cost(9, 1), 1000: None}) == [1, 10, 100]
    assert grown({1: Cost(11, 1), 10: Cost(1, 1)}) == [1]
    assert grown({1: Cost(1, 1), 10: Cost(1, 900), 100: Cost(1, 1)}) == [1, 10]
    assert grown({1: Cost(1, 1), 10: None, 100: Cost(1, 1)}) == [1, 10]
    assert grown({1: Cost(1, 1), 1000: None, 2000: Cost(1, 1)}) == [1, 1000]


@pytest.mark.slow
def test_fits_answers_and_searches_are_measured_at_their_size(tmp_path):
    size = Size(pairs=50, unknowns=2, numbers=3, targets=4, draws=5, problems=3)
    task = work.task_of(size)
    assert (task.x_dim, task.y_shape) == (2, (3,))
    for name in ("nearest", "local_search"):
        path = tmp_path / name
        assert work.fit(name, runs.METHODS[name], size, path).seconds > 0
        assert work.answer(size, path).seconds > 0
    for name, options in runs.MINIMIZERS.items():
        assert work.solve(name, {**options, "maxiter": 2}, size).seconds > 0


@pytest.mark.slow
def test_a_record_has_an_exponent_for_each_curve():
    base = Size(pairs=30, targets=2, draws=2)
    axes = {
        "pairs": (30, 60),
        "unknowns": (1, 2),
        "numbers": (1, 2),
        "targets": (1, 2),
        "draws": (1,),
    }
    made = runs._compute(runs._method, "nearest", {}, base, axes, 5.0, [0])
    assert set(made["curves"]) == {
        f"{what}/{axis}" for what in ("fit", "answer") for axis in runs.FITS
    } | {f"answer/{axis}" for axis in runs.ANSWERS}
    assert made["curves"]["fit/pairs"]["sizes"] == [30, 60]
    assert "answer/targets/seconds" in made["scores"]
    assert "answer/draws/seconds" not in made["scores"]  # one point has no slope
    assert made["cpu_seconds"] > 0


def test_every_claim_is_read_from_runs_of_the_full_plan(monkeypatch):
    monkeypatch.setenv("INVLAB_PRESET", "full")
    planned = {run.id for run in papers.plan("scaling")}
    assert {name for claim in claims.CLAIMS for name in claim.records} == planned
    quick = {"scores": {"fit/pairs/seconds": [1.1]}}
    values = {claim.id: claim.values(quick) for claim in claims.CLAIMS}
    assert values.pop("scaling/fit/pairs/seconds") == [1.1]
    assert not any(values.values())
