"""The runs and the claims of the paper on loss design, and its recorded runs."""

import json
import math

import pytest

from invbook import ledger, papers
from invbook.papers import loss_design
from invbook.results import load_records
from invlab import runtime

LOOK_UP = "loss_design/nearest"  # nothing is trained, so no seed and no curve
CELLS = [run.id for run in papers.plan("loss_design")]
IDS = [
    "effect/rmse_y",
    "encoder_decoder/rmse_y",
    "two_step/rmse_y",
    "direct_l2/loss",
    "direct_l1/loss",
    "direct_l1/inside",
    "literal_two_step/collapsed",
    "hermite/near_rmse",
    "plain/near_rmse",
    "reduced/true_rmse_y",
    "smooth/near_zero_rmse",
]


def by_id():
    return {run.id: run for run in papers.plan("loss_design")}


@pytest.fixture
def shortest(monkeypatch):
    """One epoch, or one step, of each training."""
    monkeypatch.setattr(runtime, "by_preset", lambda **_: 1)


@pytest.mark.parametrize("name", [name for name in CELLS if name != LOOK_UP])
def test_a_cell_gives_finite_scores_one_a_seed_and_curves_for_the_record(shortest, name):
    outcome = by_id()[name].compute([0, 3])
    for score, values in outcome["scores"].items():
        assert len(values) == 2, score
        assert all(math.isfinite(value) for value in values), score
    for curve, values in outcome["curves"].items():
        if curve not in ("x", "y", "epoch"):
            assert len(values) == 2, curve
    json.dumps(outcome, allow_nan=False)


def test_the_scores_of_a_seed_do_not_depend_on_the_others(shortest):
    run = by_id()["loss_design/two_step/l2"]
    both, alone = run.compute([0, 3])["scores"], run.compute([3])["scores"]
    for name, values in alone.items():
        # round-off in networks of eleven layers
        assert both[name][1] == pytest.approx(values[0], rel=1e-3, abs=1e-3), name


def test_every_cell_has_a_name_and_settings_of_its_own():
    runs = papers.plan("loss_design")
    assert len(set(CELLS)) == len(runs)
    json.dumps([run.settings for run in runs])
    written = [json.dumps([run.id.split("/")[1], run.settings], sort_keys=True) for run in runs]
    assert len(set(written)) == len(runs)


def test_the_quick_preset_shrinks_lengths_and_skips_no_run(monkeypatch):
    quick = by_id()
    monkeypatch.setenv("INVLAB_PRESET", "full")
    full = by_id()
    assert quick.keys() == full.keys()
    for name, run in full.items():
        for length in {"epochs", "steps"} & run.settings.keys():
            assert quick[name].settings[length] < run.settings[length]


@pytest.mark.parametrize("name", IDS)
def test_the_ledger_has_a_claim_on(name):
    assert [claim.id for claim in papers.claims()].count(f"loss_design/{name}") == 1


def test_every_claim_reads_records_that_a_cell_makes():
    for claim in loss_design.CLAIMS:
        assert set(claim.records) <= set(CELLS), claim.id


def test_a_paper_that_does_not_exist_is_named():
    with pytest.raises(ValueError, match=r"expected one of \[.*'loss_design', .*\], got 'loss'"):
        papers.plan("loss")


@pytest.fixture(scope="module")
def records():
    """The recorded runs by the name of their run, without the paper."""
    found = load_records()
    missing = set(CELLS) - found.keys()
    if missing:
        pytest.skip(f"{len(missing)} records of loss_design are missing: run `make records`")
    return {name.removeprefix("loss_design/"): found[name] for name in CELLS}


def worst(records, name, score):
    return max(max(records[f"{name}/{norm}"]["scores"][score]) for norm in ("l1", "l2"))


def test_the_records_are_full_runs_of_five_seeds(records):
    # whether their settings are those of today is what `report --check` says
    for name in by_id():
        record = records[name.removeprefix("loss_design/")]
        assert record["preset"] == "full"
        assert record["seeds"] == ([0] if name == LOOK_UP else [0, 1, 2, 3, 4])


def test_a_look_up_comes_as_near_as_the_networks(records):
    made = by_id()[LOOK_UP].compute([0])["scores"]
    (error,) = made["rmse_y"]
    assert error == pytest.approx(records["nearest"]["scores"]["rmse_y"][0], rel=1e-4)
    assert worst(records, "effect", "rmse_y") < error < worst(records, "encoder_decoder", "rmse_y")


@pytest.mark.parametrize(
    ("name", "limit"), [("effect", 0.6), ("encoder_decoder", 3), ("two_step", 1)]
)
def test_recorded_inverses_are_exact_on_one_branch(records, name, limit):
    assert worst(records, name, "rmse_y") <= limit
    assert worst(records, name, "switches") == 0
    for norm in ("l1", "l2"):
        assert records[f"{name}/{norm}"]["scores"]["purity"] == [1] * 5
        assert records[f"{name}/{norm}"]["settings"]["epochs"] == 300


def test_recorded_regression_ends_at_the_closed_forms(records):
    l1, l2 = records["direct/l1"]["scores"], records["direct/l2"]["scores"]
    for loss in l2["inverse_l2"]:
        assert loss == pytest.approx(363.727, rel=0.005)
    for loss in l1["inverse_l1"]:
        assert loss == pytest.approx(16.5165, rel=0.005)
    assert min(l1["inside"]) >= 0.99


def test_the_recorded_hermite_fit_is_a_fifth_of_the_plain_one_or_less(records):
    for norm in ("l1", "l2"):
        plain, hermite = (records[f"{name}/{norm}"]["scores"] for name in ("plain", "hermite"))
        ratios = [h / p for h, p in zip(hermite["near_rmse"], plain["near_rmse"], strict=True)]
        assert max(ratios) <= 1 / 5
        assert min(plain["forward_rmse"]) >= 90
        assert min(hermite["forward_rmse"]) > 20
        assert max(plain["at_points"]) <= 2


def test_recorded_reduced_samples_fool_the_surrogate_and_smoothness_mends_it_near_zero(records):
    for norm in ("l1", "l2"):
        reduced = records[f"reduced/{norm}"]["scores"]
        assert max(reduced["surrogate_rmse_y"]) <= 5
        assert min(reduced["rmse_y"]) >= 100
    smooth = records["smooth/l2"]["scores"]
    assert max(smooth["zero_rmse"]) <= 150
    assert max(records["reduced/l2"]["scores"]["zero_rmse"]) > 300
    assert min(smooth["forward_rmse"]) > 100
    for term in ("F", "FI"):
        assert all(r > t for r, t in zip(smooth["last_REG"], smooth[f"last_{term}"], strict=True))


def test_every_claim_on_the_records_is_reached(records):
    rows = ledger.rows(loss_design.CLAIMS)
    assert len(rows) == len(loss_design.CLAIMS)
    assert [row["id"] for row in rows if row["verdict"] == "not reached"] == []
