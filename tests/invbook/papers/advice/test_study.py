"""The study runs on one simulator in tiny size, and its claims find what they need."""

import json
import math
from types import SimpleNamespace

import pytest
import torch

from invbook import ledger, papers
from invbook.papers.advice import decisions
from invbook.papers.advice.claims import CLAIMS
from invbook.papers.advice.regret import STRATEGIES
from invbook.papers.advice.runs import plan
from invbook.papers.advice.simulators import get_case, list_cases
from invbook.papers.advice.study import Size, noise_floor, study
from invlab import Box, Task
from invlab.runs.records import Run, run

pytestmark = pytest.mark.slow

TINY = {
    "small": Size(n=20, targets=2, guesses=(1, 3), seeds=1),
    "large": Size(n=30, targets=3, guesses=(1, 3), seeds=1),
    "methods": ["direct"],
    "more": ["mixture_density"],
    "joint": {"guesses": (1,), "iterations": 3},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """One record of the study."""
    folder = tmp_path_factory.mktemp("records")
    one = Run("advice/sine", {"large": vars(TINY["large"])}, lambda seeds: study("sine", **TINY))
    with pytest.MonkeyPatch.context() as patch:
        # the pool of simulations would take most of the time
        patch.setattr("invlab.comparison.candidates.BASELINES", ("prior", "nearest"), raising=False)
        run([one], seeds=[0], folder=folder)
    return folder


@pytest.fixture(scope="module")
def record(folder):
    return json.loads((folder / "advice/sine.json").read_text(encoding="utf-8"))


def test_a_record_holds_rows_of_both_comparisons_and_what_they_cost(record):
    small, large = (
        {row["method"]: row for row in record["rows"][size]} for size in ("small", "large")
    )
    assert set(small) >= {"prior", "nearest", "direct"}
    assert set(large) == set(small) | {"mixture_density", "joint"}
    # other pairs and targets
    assert small["prior"]["r_1"] != large["prior"]["r_1"]
    assert small["direct"]["calls"] == 20
    assert large["joint"]["r_1"] is not None
    # the pairs, targets and guesses at least were simulated
    assert record["spent"]["calls"] >= 20 + 2 + len(small) * 2 * 3
    assert record["spent"]["seconds"] > 0
    assert record["facts"] == {
        "tuned": True,
        "traits": [],
        "x_dim": 2,
        "differentiable": True,
        "noisy": False,
        "floor": 0.0,
    }


def test_scores_follow_from_the_cases(record):
    assert set(record["named"]) == {"1", "3"}
    assert [len(cases) for cases in record["cases"].values()] == [2, 2]
    scores = record["scores"]
    for strategy in STRATEGIES:
        assert all(math.isfinite(number) for number in scores[f"{strategy}/r"])
        assert scores[f"{strategy}/r"][0] >= 0
    logs = [math.log(case["compare"]["r"][0]) for case in record["cases"]["any"]]
    assert scores["compare/r"] == [pytest.approx(sum(logs) / 2)]
    # without those that search on the simulator, joint optimisation is left to look up
    alone = record["cases"]["alone"][0]
    assert alone["joint"] == alone["nearest"] == alone["search"]
    assert scores["alone/compare/r"][0] >= 0


def test_the_chart_is_made_of_records(record):
    found = {row["have"]: row for row in decisions([record])}
    assert found["a simulator with gradients; one guess"]["cases"] == 1
    assert "an expensive simulator" not in found


def test_a_dear_simulator_is_asked_for_one_guess(monkeypatch):
    """The comparison itself leaves the other T out, and so do the cases."""
    rows = [
        {"method": name, "r_1": value, "geo_1": value, "failed": 0.0, "calls": 9, "fit_s": 1.0}
        | {"answer_s": 0.0}
        for name, value in {"nearest": 0.4, "pool": 0.1, "direct": 0.2}.items()
    ]
    small = SimpleNamespace(
        rows=rows, plan=SimpleNamespace(guesses=(1,)), best={1: "direct"}.__getitem__
    )
    monkeypatch.setattr("invbook.papers.advice.study.compare", lambda *args, **options: small)
    found = study("two_moons", **TINY | {"more": [], "joint": None})
    assert found["named"] == {"1": "direct"}
    (case,) = found["cases"]["any"]
    assert case["compare"]["r"] == [pytest.approx(2)]


def test_the_floor_is_the_error_of_the_truth_under_fresh_noise():
    def noisy(x):
        return x + 0.3 * torch.randn(x.shape).to(x)

    task = Task("noisy", noisy, Box([0.0], [1.0]), noisy=True)
    assert noise_floor(task) == pytest.approx(2 * 0.09 / (1 / 12 + 0.09), rel=0.15)
    assert noise_floor(get_case("two_moons").make()) > 0
    assert noise_floor(Task("exact", lambda x: x, Box([0.0], [1.0]))) == 0


def test_the_quick_preset_never_looks_at_an_untouched_simulator(monkeypatch):
    quick = [run.id for run in plan()]
    assert quick == [f"advice/{name}" for name in list_cases(tuned=True)]
    monkeypatch.setenv("INVLAB_PRESET", "full")
    full = {run.id: run for run in plan()}
    assert set(full) == {f"advice/{name}" for name in list_cases()}
    assert full["advice/reaction_front"].settings["large"]["n"] == 600
    assert full["advice/beam"].seeds == (0, 1)
    assert {name for claim in CLAIMS for name in claim.records} == set(full)
    json.dumps([run.settings for run in full.values()])


def test_claims_have_distinct_names_and_are_measurements_with_their_goals_in_words():
    assert len({claim.id for claim in CLAIMS}) == len(CLAIMS)
    assert {(claim.kind, claim.paper) for claim in CLAIMS} == {("measurement", None)}
    goals = {claim.id for claim in CLAIMS if "the goal is" in claim.rule}
    for name in ("compare/r", "compare/within_2", "alone/compare/r", "alone/compare/within_2"):
        assert f"advice/untouched/{name}" in goals


def made(folder, name, regret):
    """A record of one simulator, whose other strategies are twice as bad."""
    numbers = {
        f"{strategy}/{measure}": [math.log(regret if strategy == "compare" else 2 * regret)]
        for strategy in STRATEGIES
        for measure in ("r", "geo", "calls", "seconds")
    }
    numbers |= {f"{strategy}/within_2": [float(regret <= 2)] for strategy in STRATEGIES}
    numbers |= {f"alone/{key}": values for key, values in numbers.items()}
    path = folder / f"advice/{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "id": f"advice/{name}",
        "seeds": [0, 1],
        "preset": "full",
        "device": "cpu",
        "scores": numbers,
    }
    path.write_text(json.dumps(content), encoding="utf-8")


def test_claims_are_geometric_means_over_simulators_with_their_interval(tmp_path):
    names = list_cases(tuned=False)
    for k, name in enumerate(names):
        made(tmp_path, name, 1.0 if k % 2 else 1.44)
    rows = {row["id"]: row for row in ledger.rows(papers.claims("advice"), tmp_path)}
    there = {name for name, row in rows.items() if row["verdict"] != "no record"}
    assert there == {name for name in rows if name.startswith("advice/untouched/")}
    own = rows["advice/untouched/compare/r"]
    share = (len(names) + 1) // 2 / len(names)
    assert own["ours"] == pytest.approx(1.44**share)
    assert 1 <= own["low"] < own["ours"] < own["high"] <= 1.44
    assert own["verdict"] == "measured"
    assert own["seeds"] == [0, 1]
    over = rows["advice/untouched/joint/over_compare"]
    assert over["ours"] == pytest.approx(2)
    assert rows["advice/untouched/compare/within_2"]["ours"] == 1
