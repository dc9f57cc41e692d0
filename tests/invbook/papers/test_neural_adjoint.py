"""The runs, the scores and the claims of the comparison of many inverse models."""

import importlib
import itertools
import json
import math
from types import SimpleNamespace

import pytest
import torch

from invbook import papers
from invbook.papers import neural_adjoint
from invbook.papers.neural_adjoint import experiments, model_claims, models, scoring
from invbook.papers.neural_adjoint.experiments import PROXY_TASK, TASKS, training_pairs
from invbook.papers.neural_adjoint.models import MODELS, invert, settings
from invlab import Box, Pairs, Targets, Task, get_method, get_task, runtime
from invlab.networks.mlp import MLP
from invlab.networks.training import TrainingOptions
from invlab.runtime import generator

# the package has a function of this module's name
cells_of_paper = importlib.import_module("invbook.papers.neural_adjoint.runs")
TINY = {"targets": 5, "guesses": 4, "pairs": 200, "shorter": 100, "matching": False}
EACH = [(model, task) for model in MODELS for task in TASKS]

each_model_and_task = pytest.mark.parametrize(("model", "task"), EACH)


class Known:
    """A method that proposes what it is told to."""

    def __init__(self, propose, exchangeable=True):
        self.answer, self.exchangeable = propose, exchangeable

    def propose(self, y, n=1, *, generator=None):
        return self.answer(y, n, generator)


# Runs and claims


def by_id():
    return {run.id: run for run in papers.plan("neural_adjoint")}


def test_every_cell_has_a_name_and_settings_of_its_own():
    runs = papers.plan("neural_adjoint")
    assert len(by_id()) == len(runs)
    kinds = {run.id.split("/")[1] for run in runs}
    assert kinds == set(cells_of_paper.REVISIONS)
    written = [
        json.dumps([run.id.split("/")[1], run.settings, run.seeds], sort_keys=True) for run in runs
    ]
    assert len(set(written)) == len(runs)


def test_every_model_has_a_cell_for_each_task_and_seed():
    found = [name for name in by_id() if "/models/" in name and PROXY_TASK not in name]
    assert len(found) == len(MODELS) * len(TASKS) * len(cells_of_paper.SEEDS)
    for model, task in EACH:
        assert f"neural_adjoint/models/{task}/{model}/seed20" in found
    on_proxy = {name.split("/")[3] for name in by_id() if f"/models/{PROXY_TASK}/" in name}
    assert on_proxy == set(MODELS) - {"tandem_plain"}


def test_a_model_is_recorded_where_no_seed_of_it_is_missing():
    tasks = (*TASKS, PROXY_TASK)
    ids = {
        f"neural_adjoint/models/{task}/{model}/seed{seed}"
        for task in tasks
        for model in MODELS
        for seed in cells_of_paper.seeds_of(task)
    }
    assert neural_adjoint.recorded(ids, tasks) == MODELS
    ids.remove(f"neural_adjoint/models/sine/spline_flow/seed{cells_of_paper.seeds_of('sine')[3]}")
    assert "spline_flow" not in neural_adjoint.recorded(ids, tasks)
    assert neural_adjoint.recorded(ids, ["robot_arm", PROXY_TASK]) == MODELS
    assert neural_adjoint.recorded([], tasks) == ()


def test_the_quick_preset_shrinks_lengths_and_skips_no_run(monkeypatch):
    quick = by_id()
    monkeypatch.setenv("INVLAB_PRESET", "full")
    full = by_id()
    assert quick.keys() == full.keys()
    for name, run in full.items():
        assert quick[name].settings["targets"] < run.settings["targets"]
        for length in {"epochs", "pool"} & run.settings.keys():
            assert quick[name].settings[length] < run.settings[length]
        if "/models/" in name:
            assert quick[name].settings["shorter"] > run.settings["shorter"] == 1


def test_the_settings_of_a_cell_name_no_place_in_memory():
    # else each process would take a record for one of other settings, and compute it anew
    for run in papers.plan("neural_adjoint"):
        assert " at 0x" not in json.dumps(run.settings), run.id


@each_model_and_task
def test_the_settings_of_a_model_are_options_of_its_method(model, task):
    options = settings(model, task)
    made = get_method(model.removesuffix("_plain"), **options)
    assert made.training_options.keys() <= TrainingOptions.__annotations__.keys()
    assert made.training_options["epochs"] == options.get("epochs", made.training_options["epochs"])
    before = settings(model, task)
    options["epochs"] = -1
    assert settings(model, task) == before


def test_the_two_tandems_differ_by_the_boundary_loss_alone():
    held, plain = settings("tandem", "sine"), settings("tandem_plain", "sine")
    assert held.pop("boundary") > plain.pop("boundary") == 0
    assert held == plain


def test_every_claim_has_a_name_of_its_own_and_reads_records_that_a_cell_makes():
    names = [claim.id for claim in papers.claims()]
    assert len(set(names)) == len(names)
    there = by_id().keys()
    for claim in neural_adjoint.CLAIMS:
        assert {planned(name) for name in claim.records} <= there, claim.id


def planned(name):
    """The id of a run that takes the place of a record that is still read."""
    start, _, seed = name.rpartition("seed")
    fresh = dict(zip(cells_of_paper.OLDER, cells_of_paper.SEEDS, strict=True))
    return f"{start}seed{fresh.get(int(seed), seed)}"


@pytest.mark.parametrize("table", model_claims.PAPER_TABLES)
def test_a_table_of_the_paper_has_a_number_above_zero_for_each_task_and_model(table):
    rows = model_claims.PAPER_TABLES[table]
    assert set(rows) - {PROXY_TASK} == set(TASKS)
    for row in rows.values():
        assert len(row) == len(model_claims.COLUMNS)
        assert min(row) > 0
    first = rows[TASKS[0]][model_claims.COLUMNS.index("cvae")]
    assert model_claims.paper_value(table, TASKS[0], "cvae") == first
    assert model_claims.paper_value(table, TASKS[0], "flow_matching") is None


def test_the_claims_on_a_model_find_their_numbers_in_its_record(monkeypatch):
    def tiny(name, seed, **options):
        return invert(name, seed, **options | {"targets": 5, "pairs": 200, "shorter": 100})

    monkeypatch.setattr(cells_of_paper, "invert", tiny)
    monkeypatch.setattr(scoring, "DRAWS", 60)
    for model in ("mixture_density", "tandem"):
        run = by_id()[f"neural_adjoint/models/sine/{model}/seed21"]
        record = run.compute(run.seeds)
        json.dumps(record, allow_nan=False)
        own = run.id.replace("seed21", "seed1")
        claims = [claim for claim in neural_adjoint.CLAIMS if own in claim.records]
        assert len(claims) >= 7
        for claim in claims:
            (values,) = claim.values(record)
            values = values if isinstance(values, list) else [values]
            assert all(math.isfinite(value) for value in values), claim.id


# One model on one task

KEYS = {"errors", "best", "r_T", "invalid", "outside", "mean", "infer", "infer_wall"}
KEYS |= {"q5", "q25", "q50", "q75", "q95", "evaluations", "train", "train_wall"}
KEYS |= {"simulations", "parameters"}
FREE = {"free", "free_invalid", "moved"}
COSTS = {"infer", "infer_wall", "evaluations", "train", "train_wall", "simulations", "parameters"}


@pytest.mark.parametrize("model", ["mixture_density", "tandem"])
def test_a_model_is_scored_ranked_and_refined(model):
    found = invert("sine", 7, model=model, **TINY, refined=1)
    assert list(found) == [model, f"{model} ranked", f"{model} refined"]
    plain, ranked, refined = found.values()
    assert plain.keys() == KEYS | (FREE if model == "mixture_density" else set())
    assert ranked.keys() == refined.keys() == KEYS - COSTS
    for row in found.values():
        assert row["errors"].shape == row["best"].shape == (5, 4)
        assert row["r_T"].shape == (4,)
        assert row["errors"].isfinite().all()
        assert 0 <= row["q5"] <= row["q50"] <= row["q95"]
    # ranked guesses are the same ones in another order
    assert torch.equal(ranked["errors"].sort(1).values, plain["errors"].sort(1).values)
    assert plain["simulations"] == 200
    assert plain["parameters"] > 1000
    assert plain["train"] > 0
    # once a target, for all its draws
    assert plain["evaluations"] == 1
    if model == "mixture_density":
        assert 0 <= plain["moved"] <= 1
    else:
        assert (plain["errors"] == plain["errors"][:, :1]).all()


def test_a_model_of_one_seed_gives_the_same_scores_again():
    first, again = (invert("sine", 7, model="direct", **TINY)["direct"] for _ in range(2))
    assert torch.equal(first["errors"], again["errors"])
    assert not torch.equal(
        first["errors"], invert("sine", 8, model="direct", **TINY)["direct"]["errors"]
    )


# Targets

STUDIES = {
    "compare": lambda: experiments.compare("sine", 7, targets=5, epochs=1),
    "ablation": lambda: experiments.ablation("sine", 7, targets=5, epochs=1),
    "published": lambda: experiments.published("sine", 7, targets=5, epochs=1),
    "ladder": lambda: experiments.ladder("sine", 7, targets=5, epochs=1),
    "invert": lambda: invert("sine", 7, model="direct", **TINY),
    "on Maxwell": lambda: scoring.score_on_maxwell("sine", None, seed=7, targets=5, guesses=1),
}


class Asked(Exception):
    """Ends a study where it asks for the answers to its targets."""


def test_the_pairs_of_a_seed_are_none_of_its_targets():
    task = get_task("sine")
    learned, targets = training_pairs(task, 7, 60), task.targets(60, seed=7)
    assert not (targets.x[:, None] == learned.x).all(-1).any()


@pytest.mark.parametrize("study", STUDIES)
def test_the_targets_are_none_of_the_pairs_that_are_learned_from(study, monkeypatch):
    learned, asked = training_pairs(get_task("sine"), 7, 60), []

    def ask(first, targets, *more, **options):
        asked.append(targets)
        raise Asked

    places = [(experiments, "score"), (experiments, "draw"), (models, "draw"), (scoring, "draw")]
    for module, name in places:
        monkeypatch.setattr(module, name, ask)
    for module in (experiments, models):
        monkeypatch.setattr(module, "training_pairs", lambda *_: learned)
    monkeypatch.setattr(scoring, "get_task", lambda name, simulator: get_task(name))
    with pytest.raises(Asked):
        STUDIES[study]()
    (targets,) = asked
    assert len(targets.x) == 5
    assert not (targets.x.float()[:, None] == learned.x).all(-1).any()


# Scores


def test_the_time_of_an_answer_is_that_of_a_target_however_many_guesses_it_has(monkeypatch):
    asked, many = Targets(torch.zeros(4, 1)), Known(lambda y, n, _: torch.zeros(len(y), n, 1))
    cpu, wall = itertools.count(), itertools.count()
    monkeypatch.setattr(scoring, "time", SimpleNamespace(perf_counter=lambda: 20 * next(wall)))
    with runtime.set_clock(lambda: 12 * next(cpu)):
        found = [scoring.draw(many, asked, guesses)[1] for guesses in (1, 3)]
    assert [cost["infer"] for cost in found] == [12 / 4, 12 / 4]
    assert [cost["infer_wall"] for cost in found] == [20 / 4, 20 / 4]


def test_work_costs_the_rows_that_go_through_its_networks(device):
    one, three = MLP([2, 4, 1]).to(device), MLP([2, 4, 1], seeds=(0, 1, 2)).to(device)
    u = torch.ones(7, 2, device=device)

    def work():
        three(u.expand(3, -1, -1))
        return one(u[:5])

    ticks = itertools.count()
    with runtime.set_clock(lambda: next(ticks)):
        result, spent = scoring.spend(work)
    assert torch.equal(result, one(u[:5]))
    assert spent.evaluations == 7 + 5
    assert spent.cpu == 1
    assert scoring.spend(lambda: None)[1].evaluations == 0


def test_rows_are_no_longer_counted_when_the_work_fails(device):
    hooks = torch.nn.modules.module._global_forward_hooks

    def fails():
        raise RuntimeError("mine")

    before = len(hooks)
    with pytest.raises(RuntimeError, match="mine"):
        scoring.spend(fails)
    assert len(hooks) == before


ROOT = Task("root", lambda x: x.sqrt(), Box([0.0], [4.0]), differentiable=False)


def test_an_invalid_guess_is_charged_with_twice_the_variance_of_y(device):
    data = Pairs(torch.ones(3, 1, device=device), torch.tensor([[0.0], [2.0], [4.0]]).to(device))
    asked = Targets(torch.tensor([[1.0], [2.0]], dtype=torch.float64, device=device))
    guesses = torch.tensor([[1.0, -1.0], [-1.0, 1.0]], dtype=torch.float64, device=device)
    model = Known(lambda y, n, _: guesses[:, :n, None])
    found = scoring.score(ROOT, asked, model, 2, data)
    # variance 4; errors 0 and 1 where they are valid
    assert found["errors"].tolist() == [[0, 8], [8, 1]]
    assert found["best"].tolist() == [[4, 0], [4.5, 1]]
    assert found["r_T"].tolist() == [4.25, 0.5]
    assert found["invalid"] == 0.5
    assert found["outside"] == 0.5
    assert found["mean"] == pytest.approx((0 + 8 + 8 + 1) / 4 / 4)
    assert found["q50"] == pytest.approx((1 + 8) / 2 / 4)
    infinite = scoring.score(ROOT, asked, model, 2)
    assert infinite["errors"].tolist() == [[0, torch.inf], [torch.inf, 1]]
    assert "mean" not in infinite


def test_ranked_guesses_are_scored_in_their_order(device):
    asked = Targets(torch.tensor([[1.0]], device=device))
    model = Known(lambda y, n, _: torch.tensor([[[4.0], [1.0]]]).to(y), exchangeable=False)
    assert scoring.score(ROOT, asked, model, 2)["r_T"].tolist() == [1, 0]


@pytest.fixture
def few_draws(monkeypatch):
    """Two-sample scores of fewer draws than those recorded."""
    monkeypatch.setattr(scoring, "DRAWS", 200)


@pytest.mark.slow
def test_exact_draws_match_and_prior_draws_do_not(few_draws):
    task = get_task("sine")
    asked = task.targets(400, seed=3, dtype=torch.float64)
    scale = task.sample(1000).x.double().std(0)

    def from_prior(y, n, draws):
        return task.prior.sample(len(y) * n, generator=draws).to(y).unflatten(0, (len(y), n))

    exact = Known(lambda y, n, draws: task.posterior(y, n, generator=draws))
    found = scoring.match(task, exact, asked, scale, seed=0)
    assert {name: len(values) for name, values in found.items()} == {
        "mmd": 50,
        "mmd_biased": 50,
        "c2st": 10,
        "recall": 50,
        "calibration": 2,
    }
    mmd = torch.tensor(found["mmd"])
    assert abs(mmd.mean()) < 3 * mmd.std() / 50**0.5
    assert sum(found["c2st"]) / 10 == pytest.approx(0.5, abs=0.05)
    # some of twelve and more modes hold few of 200 draws
    assert min(found["recall"]) > 0.7
    assert min(found["calibration"]) > 1e-3
    floor = scoring.posterior_floor(task, asked, scale, seed=0)
    assert {name: len(values) for name, values in floor.items()} == {
        "mmd": 50,
        "mmd_biased": 50,
        "c2st": 10,
    }
    assert min(floor["mmd_biased"]) > 0
    wrong = scoring.match(task, Known(from_prior), asked, scale, seed=0)
    assert torch.tensor(wrong["mmd"]).mean() > 0.02
    # calibrated on average over y, and yet wrong for each
    assert min(wrong["calibration"]) > 1e-3


def test_one_answer_a_target_matches_badly_and_finds_one_mode(few_draws):
    task = get_task("sine")
    asked = task.targets(20, seed=3, dtype=torch.float64)
    point = Known(lambda y, n, _: task.posterior(y, 1).expand(-1, n, -1), exchangeable=False)
    found = scoring.match(task, point, asked, task.sample(1000).x.double().std(0), seed=0)
    assert min(found["mmd"]) > 1.5
    assert min(found["c2st"]) > 0.9
    assert max(found["recall"]) <= 1 / 9


@pytest.mark.slow
def test_the_draws_of_a_match_come_from_its_seed(few_draws):
    task, used = get_task("sine"), []
    asked = task.targets(8, seed=3, dtype=torch.float64)

    def recorded(y, n, draws):
        used.append(draws.initial_seed())
        return task.posterior(y, n, generator=draws)

    scale = torch.ones(2, dtype=torch.float64)
    found = [scoring.match(task, Known(recorded), asked, scale, seed=s) for s in (1, 1, 2)]
    assert found[0]["mmd"] == found[1]["mmd"] != found[2]["mmd"]
    assert generator(1, "exact").initial_seed() not in used
