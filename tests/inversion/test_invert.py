"""Answers in one call: against known inverses, with what was measured and what is allowed."""

import math

import numpy as np
import pytest
import torch
from scipy.optimize import Bounds, LinearConstraint

import invlab
from invlab import Box, Integer, Product, Task

pytestmark = pytest.mark.filterwarnings("ignore:.*:UserWarning")
# each number of y is one unknown
SAME = Task("same", lambda x: x * 1.0, Box([0.0, 0.0], [1.0, 1.0]), labels=["a", "b"])
TWO_WAYS = Task("two_ways", lambda x: x.square(), Box([-1.0], [1.0]), units=["m"])
QUICK = {"pairs": 200, "n": 4}


def test_both_answers_of_a_square_are_found_and_told_apart():
    found = invlab.invert(TWO_WAYS, [[0.25], [0.81]], method="local_search", pairs=200, n=10)
    assert found.x.shape == (2, 10, 1)
    assert torch.allclose(found.x.abs(), torch.tensor([0.5, 0.9]).double()[:, None, None])
    for target, root in enumerate((0.5, 0.9)):
        ways = found.modes(target)
        assert sorted(round(float(way.x[0]), 6) for way in ways) == [-root, root]
        assert math.fsum(way.share for way in ways) == pytest.approx(1)
    assert (found.error < 1e-12).all()
    assert torch.equal(found.bound, found.error[:, 0])
    assert found.reachable.all()
    assert "2 distinct of 10" in str(found)
    assert "x1 [m]" in str(found)


def test_a_single_target_as_a_list_and_a_method_that_was_fitted():
    method = invlab.get_method("neural_adjoint", epochs=20).fit(SAME, SAME.sample(200))
    found = invlab.invert(SAME, [0.3, 0.6], method=method, **QUICK)
    assert torch.allclose(found.x[0, 0], torch.tensor([0.3, 0.6]).double(), atol=1e-6)
    assert (found.error.diff(dim=1) >= 0).all()
    assert found.method == "neural_adjoint"


@pytest.mark.parametrize("missing", ["nan", "sigma"])
def test_a_number_that_was_not_measured_counts_for_nothing(missing):
    y, sigma = torch.tensor([[0.3, 0.9]]), [0.01, math.inf]
    if missing == "nan":
        y, sigma = torch.tensor([[0.3, math.nan]]), None
    found = invlab.invert(SAME, y, method="local_search", sigma=sigma, pairs=200, n=40)
    assert torch.allclose(found.x[0, :, 0], torch.tensor(0.3).double(), atol=1e-4)
    assert found.x[0, :, 1].std() > 0.15
    assert found.error.max() < 1e-4


@pytest.mark.slow
def test_targets_with_other_numbers_missing_keep_their_places():
    y = torch.tensor([[0.3, 0.9], [math.nan, 0.2], [0.6, math.nan], [0.1, 0.4]])
    found = invlab.invert(SAME, y, method="local_search", **QUICK)
    seen = y.isfinite()
    assert torch.allclose(found.x[:, 0][seen], y[seen].double(), atol=1e-4)


@pytest.mark.slow
def test_sigma_weighs_what_contradicts():
    task = Task("twice", lambda x: torch.cat([x, x], -1), Box([0.0], [1.0]))
    y = [[0.2, 0.8]]
    for method in ("local_search", "neural_adjoint"):
        found = invlab.invert(task, y, method=method, sigma=[0.1, 0.2], **QUICK)
        # the mean with weights 1/σ²: (0.2 · 100 + 0.8 · 25) / 125
        assert found.x[0, 0, 0] == pytest.approx(0.32, abs=2e-3)
        chi2 = ((0.32 - 0.2) / 0.1) ** 2 + ((0.32 - 0.8) / 0.2) ** 2
        assert found.error[0, 0] == pytest.approx(chi2 / 2, rel=0.02)


@pytest.mark.slow
def test_draws_with_sigma_are_the_posterior_of_the_measurement():
    task = Task("line", lambda x: x**2, Box([0.0], [1.0]))
    method = invlab.get_method("mixture_density", epochs=40, batch_size=128, y_sigma=1.0)
    found = invlab.invert(task, [[0.4]], method=method, sigma=0.15, pairs=1500, n=1000)
    x = torch.linspace(0, 1, 2001, dtype=torch.float64)
    weight = (-0.5 * ((x**2 - 0.4) / 0.15).square()).exp()
    mean = (weight * x).sum() / weight.sum()
    spread = ((weight * (x - mean).square()).sum() / weight.sum()).sqrt()
    assert found.x[0, :, 0].mean() == pytest.approx(float(mean), abs=0.03)
    assert found.spread[0, 0] == pytest.approx(float(spread), rel=0.25)


@pytest.mark.parametrize(
    "bounds", [Box([0.0], [1.0]), Bounds([0.0], [1.0]), [(0.0, 1.0)], [(0.0, 9.0)]]
)
def test_answers_stay_in_smaller_bounds(bounds):
    found = invlab.invert(TWO_WAYS, [[0.25]], method="local_search", bounds=bounds, **QUICK)
    assert torch.allclose(found.x, torch.tensor(0.5).double())


@pytest.mark.slow
@pytest.mark.parametrize(
    "feasible",
    [
        lambda x: x[:, 0] + x[:, 1] <= 0.8,
        lambda x: (x.sum(1) <= 0.8).numpy(),
        LinearConstraint([[1.0, 1.0]], -np.inf, 0.8),
        [LinearConstraint([[1.0, 1.0]], -np.inf, 0.8), lambda x: x[:, 0] > 0],
    ],
)
def test_answers_are_feasible(feasible):
    y = torch.tensor([[0.3, 0.4], [0.9, 0.9]])
    for method in ("neural_adjoint", "prior", "local_search"):
        found = invlab.invert(SAME, y, method=method, feasible=feasible, **QUICK)
        assert found.x.shape == (2, 4, 2)
        assert (found.x.sum(-1) <= 0.8 + 1e-6).all()
    assert torch.allclose(found.x[0, 0], torch.tensor([0.3, 0.4]).double(), atol=1e-4)


@pytest.mark.slow
def test_whole_numbers_come_back_whole():
    task = Task("whole", lambda x: x * 1.0, Product(Integer([0], [40]), Box([0.0], [1.0])))
    for method in ("neural_adjoint", "mixture_density"):
        found = invlab.invert(task, [[17.0, 0.5]], method=method, **QUICK)
        assert torch.equal(found.x[..., 0], found.x[..., 0].round())


@pytest.mark.slow
def test_without_simulations_there_is_a_bound_and_far_targets_get_none():
    fresh = SAME.targets(60, seed=5, dtype=torch.float64)
    y = torch.cat([fresh.y, torch.tensor([[4.0, 4.0]])])
    method = invlab.get_method("nearest")
    found = invlab.invert(SAME, y, method=method, pairs=700, n=1, simulate=False)
    assert found.error.isnan().all()
    truth = invlab.resimulation_error(SAME, found.x[:60], fresh.y)[:, 0]
    told = ~found.bound[:60].isnan()
    assert told.double().mean() > 0.85
    assert (truth <= found.bound[:60])[told].double().mean() > 0.8
    assert not found.reachable[60]
    assert found.bound[60].isnan()
    assert "could hardly come from" in str(found)
    assert found.calls == 700 + 210  # pairs, and one simulation for each that is held out


@pytest.mark.slow
def test_of_many_pairs_no_more_calibrate_than_the_coverage_needs(monkeypatch):
    monkeypatch.setattr(invlab.trust.belief, "STEPS", 30)
    data = SAME.sample(8000, dtype=torch.float64)
    found = invlab.invert(SAME, [0.3, 0.6], method="nearest", n=1, data=data, simulate=False)
    assert found.calls == 2000
    assert "the 2000 held-out ones" in str(found)


def test_pairs_alone_are_enough():
    found = invlab.invert(SAME.sample(300), [[0.3, 0.4]], method="nearest", n=2)
    assert found.calls == 0
    assert found.error.isnan().all()
    assert found.bound.isnan().all()
    assert "No bound" in str(found)


@pytest.mark.slow
def test_auto_takes_the_best_of_a_comparison():
    task = Task("steps", lambda x: x.square(), Box([0.0], [1.0]), differentiable=False)
    found = invlab.invert(task, [[0.25]], budget=1.0, pairs=120, n=2)
    assert found.method in (*invlab.list_methods(), "bfgs", "lm")
    assert found.error[0, 0] < 1e-3


@pytest.mark.slow
def test_a_budget_of_calls_is_kept_and_better_spent_than_by_chance():
    def simulate(x):
        calls.append(len(x))
        return torch.stack([(3 * x[..., 0]).sin() + x[..., 1], x[..., 0] * x[..., 1]], -1)

    calls = []
    task = Task("dear", simulate, Box([0.0, 0.0], [1.0, 1.0]))
    y = task.targets(2, seed=1, dtype=torch.float64).y
    calls.clear()
    found = invlab.invert(task, y, calls=80, n=3)
    assert sum(calls) == found.calls == 80
    chance = task.sample(80, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    by_chance = (chance.y[None] - y[:, None]).square().mean(-1).amin(1)
    assert (found.error[:, 0] < 0.1 * by_chance).all()
    again = invlab.resimulation_error(task, found.x, y)
    assert torch.allclose(again, found.error)


@pytest.mark.slow
def test_a_context_belongs_to_its_target():
    task = Task("shift", lambda x, c: x + c, Box([0.0], [1.0]), context=Box([0.0], [1.0]))
    y, c = [[0.9], [0.9]], [[0.2], [0.6]]
    found = invlab.invert(task, y, c=c, method="local_search", **QUICK)
    assert torch.allclose(found.x[:, 0, 0], torch.tensor([0.7, 0.3]).double(), atol=1e-4)
    found = invlab.invert(task, y, c=c, calls=40, n=1)
    assert (found.x[:, 0, 0] - torch.tensor([0.7, 0.3]).double()).abs().max() < 0.05


def test_images_are_targets():
    grid = torch.linspace(0, 3, 20)
    task = Task(
        "image", lambda x: (grid.to(x) * x[..., :1] + x[..., 1:]).sin().unflatten(-1, (4, 5)),
        Box([0.5, 0.0], [1.5, 1.0]),
    )  # fmt: skip
    target = task.targets(1, seed=0)
    found = invlab.invert(task, target.y[0], method="local_search", **QUICK)
    assert torch.allclose(found.x[0, 0], target.x[0].double(), atol=1e-4)


def test_the_table_is_saved(tmp_path):
    found = invlab.invert(SAME, [[0.3, 0.4]], method="local_search", **QUICK)
    lines = found.save(tmp_path / "x.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "target,rank,a,b,error,believed,bound,reachable"
    assert len(lines) == 1 + 4
    assert float(lines[1].split(",")[2]) == pytest.approx(0.3, abs=1e-4)
    with pytest.raises(ValueError, match=r"ends in \.csv"):
        found.save(tmp_path / "x.txt")


FITTED = invlab.get_method("nearest").fit(SAME, SAME.sample(50))


@pytest.mark.parametrize(
    ("more", "error", "message"),
    [
        ({"y": [[0.1, 0.2, 0.3]]}, ValueError, r"y: expected targets of shape \(B, 2\)"),
        ({"y": [[0.1, math.inf]]}, ValueError, "or NaN where nothing was measured"),
        ({"y": [[math.nan, math.nan]]}, ValueError, "nothing was measured of target 0"),
        ({"y": "much"}, TypeError, "y: expected numbers"),
        ({"c": [[1.0]]}, ValueError, "takes no context"),
        ({"sigma": [0.1, 0.1, 0.1]}, ValueError, "sigma: expected one number, or one for each"),
        ({"sigma": -1.0}, ValueError, "sigma: expected numbers above 0"),
        ({"sigma": 0.1, "method": "nearest"}, ValueError, "nearest: cannot weigh .*local_search"),
        ({"sigma": 0.1, "method": FITTED}, ValueError, "came fitted, to y in its own units"),
        ({"bounds": Box([0.0], [1.0])}, ValueError, "expected a box of 2 unknowns"),
        ({"bounds": [(5.0, 6.0), (5.0, 6.0)]}, ValueError, "expected a box that meets"),
        ({"bounds": 3}, TypeError, "bounds: expected a Box"),
        ({"feasible": lambda x: x[:, 0] > 7}, ValueError, "feasible: 0 of"),
        ({"feasible": lambda x: True}, ValueError, "one True or False a row"),
        ({"feasible": "all"}, TypeError, "feasible: expected a function"),
        ({"feasible": LinearConstraint([[1.0]], 0, 1)}, ValueError, "on 2 unknowns"),
        ({"level": 1.0}, ValueError, "level: expected a share"),
        ({"n": 0}, ValueError, "n: expected"),
        ({"calls": 3}, ValueError, "at least 10 simulations"),
        ({"method": "tandm"}, ValueError, "did you mean 'tandem'"),
    ],
)
def test_what_cannot_be_asked_is_named(more, error, message):
    asked = {"y": [[0.3, 0.4]], "method": "local_search", **QUICK} | more
    with pytest.raises(error, match=message):
        invlab.invert(SAME, asked.pop("y"), **asked)


@pytest.mark.slow
def test_the_default_device_and_dtype_do_not_matter():
    y = torch.tensor([[0.25], [0.81]], dtype=torch.float64)
    more = {"bounds": [(0.0, 1.0)], "sigma": 0.1, **QUICK}
    usual = invlab.invert(TWO_WAYS, y, method="local_search", **more)
    before = torch.get_default_dtype()
    try:
        torch.set_default_dtype(torch.float64)
        with torch.device("meta"):  # stands for any device but that of the data
            other = invlab.invert(TWO_WAYS, y, method="local_search", **more)
            found = invlab.compare(TWO_WAYS, ["direct"], n=40, targets=3, guesses=(1,), seeds=1)
    finally:
        torch.set_default_dtype(before)
    assert torch.allclose(other.x, usual.x)
    assert all(row["note"] == "" for row in found.rows)
