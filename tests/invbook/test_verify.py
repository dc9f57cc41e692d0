"""Records made again: a sample is chosen, and numbers are compared as near as can be asked."""

import pytest

from invbook import papers, verify
from invbook.__main__ import main
from invlab import runtime
from invlab.runs import records
from invlab.runs.records import Run


def run(name):
    return Run(name, {}, None)


COSTS = {"paper/a/seed0": 30, "paper/a/seed1": 10, "paper/b/seed0": 50, "paper/c/seed0": 5}
RECORDS = {name: {"id": name, "cpu_seconds": seconds} for name, seconds in COSTS.items()}


@pytest.mark.parametrize(
    ("seconds", "chosen"),
    [
        (100, ["paper/c/seed0", "paper/a/seed1", "paper/b/seed0"]),
        (20, ["paper/c/seed0", "paper/a/seed1"]),
        (1, []),
    ],
)
def test_the_cheapest_of_each_kind_are_taken_while_time_is_left(seconds, chosen):
    found = verify.sample([run(name) for name in RECORDS], RECORDS, seconds)
    assert [one.id for one in found] == chosen


@pytest.mark.parametrize(
    ("record", "name", "before", "after", "near"),
    [
        ("metamaterial/truncation", "mse", 1.0, 1.0005, True),
        ("metamaterial/truncation", "mse", 1.0, 1.01, False),
        ("neural_adjoint/models/sine/cvae/seed20", "cvae/mean", 1.0, 2.9, True),
        ("neural_adjoint/models/sine/cvae/seed20", "cvae/mean", 1.0, 3.1, False),
        ("neural_adjoint/models/sine/cvae/seed20", "cvae/mean", 3.1, 1.0, False),
        ("joint_optimization/billiards/n8/seed30", "S1/joint/refined/solved", 50.0, 75.0, True),
        ("joint_optimization/billiards/n8/seed30", "S1/joint/refined/solved", 50.0, 100.0, False),
        ("joint_optimization/billiards/n8/seed30", "S1/joint/refined/loss", 0.0, 0.0, True),
        ("joint_optimization/billiards/n8/seed30", "S1/joint/refined/loss", 0.0, 1e-9, True),
        ("neural_adjoint/models/sine/cinn/seed20", "cinn/invalid", 0.0, 0.05, True),
        ("neural_adjoint/models/sine/cinn/seed20", "cinn/invalid", 0.0, 1.0, False),
        ("neural_adjoint/models/sine/cinn/seed20", "cinn/invalid", 0.0, float("nan"), False),
        ("trust/sine/seed_0", "bound/nearest/log10", -2.0, -1.5, True),
        ("trust/sine/seed_0", "bound/nearest/log10", -5.0, 5.0, False),
        ("trust/sine/seed_0", "bound/nearest/log10", -5.0, -1.0, False),
    ],
)
def test_a_number_may_be_off_as_far_as_its_kind_is(record, name, before, after, near):
    assert verify.tolerance(record, name, before, after) is near


def test_costs_are_not_compared_and_lists_are_number_by_number():
    before = {"id": "paper/a", "scores": {"fit/mean": [1.0, 2.0], "fit/train": [5.0]}}
    now = {"id": "paper/a", "scores": {"fit/mean": [1.0, 20.0], "fit/train": [500.0]}}
    found = verify.compare(before, now)
    assert [(one.name, one.allowed) for one in found] == [("fit/mean", True), ("fit/mean", False)]


def test_what_is_no_longer_there_is_too_far_off_and_what_time_decides_is_left_out():
    scores = {"fit/pairs/seconds/from": [1e5], "power": [0.5], "mean": [1.0, 2.0], "gone": [1.0]}
    now = {"scores": {"fit/pairs/seconds/from": [1.0], "power": [None], "mean": [1.0]}}
    found = verify.compare({"id": "paper/a", "scores": scores}, now)
    assert [(one.name, one.allowed) for one in found] == [
        ("power", False), ("mean", True), ("mean", False), ("gone", False)
    ]  # fmt: skip


@pytest.mark.parametrize("minutes", ["nan", "0", "-1", "inf"])
def test_no_time_is_refused(capsys, minutes):
    assert main(["verify", "--minutes", minutes]) == 2
    assert "--minutes: expected a number above 0" in capsys.readouterr().err


@pytest.mark.parametrize(("value", "status"), [(0.5, 0), (50.0, 1)])
def test_the_command_makes_them_again(tmp_path, monkeypatch, capsys, value, status):
    now = [0.5]

    def compute(seeds):
        return {"scores": {"fit/mean": [now[0]]}}

    monkeypatch.setattr(papers, "list_papers", lambda: ["loss_design"])
    monkeypatch.setattr(papers, "plan", lambda paper: [Run("loss_design/x", {}, compute, (0,))])
    monkeypatch.setenv("INVLAB_PRESET", "full")
    records.run(papers.plan("loss_design"), seeds=(), folder=tmp_path)
    now[0] = value
    assert main(["verify", "--folder", str(tmp_path)]) == status
    assert f"{1 - status} of 1 records come again" in capsys.readouterr().out


@pytest.mark.parametrize(("off", "status"), [(2, 0), (4, 1)])
def test_a_few_numbers_of_a_record_may_be_farther_off(tmp_path, monkeypatch, off, status):
    now = [0.5] * 10

    def compute(seeds):
        return {"scores": {f"fit/{k}": [value] for k, value in enumerate(now)}}

    monkeypatch.setattr(papers, "list_papers", lambda: ["loss_design"])
    monkeypatch.setattr(papers, "plan", lambda paper: [Run("loss_design/x", {}, compute, (0,))])
    monkeypatch.setenv("INVLAB_PRESET", "full")
    records.run(papers.plan("loss_design"), seeds=(), folder=tmp_path)
    now[:off] = [50.0] * off
    assert main(["verify", "--folder", str(tmp_path)]) == status


def test_no_record_to_check_is_no_success(tmp_path, monkeypatch):
    monkeypatch.setattr(papers, "list_papers", lambda: [])
    assert main(["verify", "--folder", str(tmp_path)]) == 1
    # the command works on the full preset, its caller goes on in their own
    assert runtime.preset() == "quick"
