"""A comparison ends in rows and advice, whatever the task and whoever fails."""

import itertools
import json
import math
import warnings

import numpy as np
import pytest
import torch

import invlab
from invlab import Box, Pairs, Task, runtime
from invlab.comparison import judge
from invlab.comparison.candidates import Candidate
from invlab.comparison.fingerprint import of_pairs
from invlab.comparison.judge import Judge, refinement_calls, surrogate_task
from invlab.comparison.plan import limits_of, make_plan, seconds_a_simulation
from invlab.comparison.trial import Question, attempt
from invlab.priors import Integer, Product
from invlab.simulators import FailedRows
from invlab.task import Targets, without_held_out

SMALL = {"n": 60, "targets": 6, "guesses": (1, 3), "seeds": 2}
ALWAYS = {"prior", "nearest", "pool", "bfgs", "lm"}
SQUARE = invlab.get_task("square")
pytestmark = pytest.mark.filterwarnings("ignore:.*:UserWarning")


class Broken:
    """A method of somebody's own that always fails."""

    name, exchangeable = "broken", False

    def fit(self, task, data, *, seed):
        raise RuntimeError("no luck\nat all")


class Truth:
    """One that knows the answer of the square task for positive x."""

    name, exchangeable = "truth", False

    def fit(self, task, data, *, seed):
        return self

    def propose(self, y, n, c=None):
        return y.sqrt()[:, None].repeat(1, n, 1)


@pytest.fixture(autouse=True, scope="module")
def short_trainings():
    """Who is better does not matter here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("invlab.comparison.candidates.STEPS", 60)
        patch.setattr("invlab.comparison.candidates.BRIEF_POOL", 500)
        yield


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("comparison")
    result = invlab.compare(SQUARE, [Truth(), Broken(), "direct"], folder=folder, **SMALL)
    return result, folder


@pytest.mark.slow
def test_each_method_and_the_baselines_have_a_row(found):
    rows = {row["method"]: row for row in found[0].rows}
    assert set(rows) == ALWAYS | {"truth", "broken", "direct"}
    assert rows["truth"]["r_1"] < 1e-20
    assert rows["prior"]["low_3"] <= rows["prior"]["r_3"] <= rows["prior"]["high_3"]
    assert rows["prior"]["r_3"] < rows["prior"]["r_1"]
    assert rows["direct"]["fit_s"] > 0
    assert rows["direct"]["calls"] == 60
    assert rows["direct"]["answer_calls"] == 0
    assert rows["prior"]["calls"] == 0
    # one more shows that there is a gradient
    assert rows["bfgs"]["calls"] == 61 + 6 * rows["bfgs"]["answer_calls"] > 200
    assert rows["lm"]["r_1"] < 1e-12


def test_a_method_that_fails_says_so_in_its_row(found):
    row = next(row for row in found[0].rows if row["method"] == "broken")
    assert row["note"] == "failed: RuntimeError: no luck"
    assert row["r_1"] is None
    assert "broken failed: RuntimeError: no luck." in found[0].advice


def test_the_time_of_an_answer_is_that_of_one_target_however_many_guesses_it_has():
    data, asked, ticks = SQUARE.sample(20), SQUARE.targets(4, seed=0), itertools.count()
    judge, candidate = Judge(SQUARE, data.y, refine=False), Candidate("truth", Truth())
    with runtime.set_clock(lambda: 12.0 * next(ticks)):
        found = [
            attempt(candidate, Question(data, asked, guesses, seed=0), judge)
            for guesses in ((1,), (1, 3))
        ]
    assert [record["fit_s"] for record in found] == [12, 12]
    assert [record["answer_s"] for record in found] == [12 / 4, 12 / 4]


def test_the_best_is_named_and_the_table_printed(found, tmp_path):
    result, _ = found
    assert result.best(1) == result.best() == "truth"
    with pytest.raises(ValueError, match=r"expected T among \(1, 3\), got 7"):
        result.best(7)
    lines = str(result).splitlines()
    assert all(any(row["method"] in line for line in lines) for row in result.rows)
    assert result.advice in str(result)
    page = result.to_html(tmp_path / "report.html").read_text(encoding="utf-8")
    assert "truth" in page
    assert "http" not in page
    assert page.count("<table>") == 2
    assert all(f"<th>{key}</th>" in page for key in ("low_1", "median_3", "refined_1", "calls"))
    saved = json.loads(result.save(tmp_path).read_text(encoding="utf-8"))
    assert len(saved["rows"]) == len(result.rows)


@pytest.fixture
def tried(monkeypatch):
    """Names of the methods that are tried, one a time."""
    names = []

    def counting(candidate, *rest):
        names.append(candidate.name)
        return attempt(candidate, *rest)

    monkeypatch.setattr("invlab.comparison.attempt", counting)
    return names


def test_it_resumes_from_its_folder_and_tries_again_what_failed(found, tried):
    result, folder = found
    again = invlab.compare(SQUARE, [Truth(), Broken(), "direct"], folder=folder, **SMALL)
    assert again.rows == result.rows
    assert tried == ["broken"] * SMALL["seeds"]


def test_records_of_another_version_count_as_none(tried, monkeypatch, tmp_path):
    sizes = {"n": 30, "targets": 3, "guesses": (1,), "seeds": 1, "folder": tmp_path}
    count = len(invlab.compare(SQUARE, [], **sizes).rows)
    tried.clear()
    invlab.compare(SQUARE, [], **sizes)
    assert not tried
    monkeypatch.setattr(invlab, "__version__", "0.0.1")
    invlab.compare(SQUARE, [], **sizes)
    assert len(tried) == count


@pytest.mark.slow
def test_pairs_alone_are_judged_by_a_surrogate():
    data = SQUARE.sample(90)
    result = invlab.compare(data, ["direct", "joint"], n=40, targets=5, guesses=(1,), seeds=1)
    rows = {row["method"]: row for row in result.rows}
    assert rows["joint"]["note"] == "needs a simulator, and there are only pairs"
    assert rows["direct"]["r_1"] is not None
    assert "There is no simulator" in result.advice


@pytest.mark.slow
def test_noise_is_chosen_by_some_replicates_and_scored_by_others():
    def noisy(x):
        return x + 0.3 * torch.randn(x.shape).to(x)

    task = Task("noisy", noisy, Box([0.0], [1.0]), noisy=True)
    result = invlab.compare(task, [], n=60, targets=60, guesses=(1, 30), seeds=1)
    prior = next(row for row in result.rows if row["method"] == "prior")
    floor = result.facts.floor
    assert floor == pytest.approx(2 * 0.09 / (1 / 12 + 0.09), rel=0.3)
    # the best of 30 that is chosen by luck would lie far below what the noise leaves
    assert prior["r_30"] > 0.5 * floor
    assert "noisy" in result.advice


def test_a_budget_of_seconds_begins_no_further_seed():
    ticks = iter(range(10**6))
    with runtime.set_clock(lambda: 100.0 * next(ticks)):
        result = invlab.compare(SQUARE, [], n=30, targets=4, guesses=(1,), seeds=3, budget=1.0)
    assert result.facts.scores["prior"].errors[1].shape == (1, 4)


def test_a_budget_of_simulations_shrinks_the_sizes():
    sizes = {"n": 100, "targets": 40, "guesses": (1, 10, 100), "seeds": 3, "methods": 5}
    plan = make_plan(**sizes, budget={"simulations": 7500})
    assert plan.simulations(5) <= 7500
    assert plan.guesses == (1, 10)
    with pytest.raises(ValueError, match="do not pay for 100 pairs"):
        make_plan(**sizes, budget={"simulations": 100})
    with pytest.raises(ValueError, match="budget: expected 'seconds' and 'simulations', got euro"):
        make_plan(**sizes, budget={"euro": 1})
    assert make_plan(**sizes, budget=None, simulation_s=1.0).guesses == (1,)


def test_no_more_simulations_than_the_budget_where_each_guess_is_simulated_four_times():
    rows = [0]

    def simulate(x):
        rows[0] += len(x.reshape(-1, 1))
        return x + 0.1 * torch.randn(x.shape, device="cpu").to(x)

    task = Task("noisy", simulate, Box([0.0], [1.0]), noisy=True)
    sizes = {"n": 100, "targets": 40, "guesses": (1, 5), "seeds": 2}
    invlab.compare(task, ["direct"], budget={"simulations": 2000}, **sizes)
    assert 1000 < rows[0] <= 2000


@pytest.mark.parametrize(("budget", "refined"), [(1000, False), (9000, True)])
def test_a_refinement_counts_in_a_budget_of_simulations(budget, refined):
    rows = [0]

    def simulate(x):
        rows[0] += x[..., 0].numel()
        return torch.cat([x, x.square()], -1)  # more numbers than unknowns: forward derivatives

    task = Task("counted", simulate, Box([0.0, 0.0], [1.0, 1.0]))
    sizes = {"n": 50, "targets": 5, "guesses": (1, 3), "seeds": 1}
    result = invlab.compare(task, [], budget={"simulations": budget}, **sizes)
    assert rows[0] <= budget
    assert any(row["refined_1"] is not None for row in result.rows) is refined
    assert ("pays for no refinement" in str(result)) is not refined
    assert result.plan.guesses == (1, 3)


def test_a_refinement_takes_no_more_than_is_counted():
    rows = [0]

    def simulate(x):
        rows[0] += x[..., 0].numel()
        return torch.cat([(3 * x).sin(), x.square()], -1)

    box = Box([0.0, 0.0], [4.0, 4.0])
    for prior in (box, Integer([0, 0], [4, 4]), Product(Box([0.0], [4.0]), Integer([0], [4]))):
        task = Task("counted", simulate, prior)
        data = task.sample(20, dtype=torch.float64)
        judge = Judge(task, data.y)
        x = task.sample(4 * 5, dtype=torch.float64).x.unflatten(0, (4, 5))
        rows[0] = 0
        judge.scores(
            judge.refined(x, Targets(data.y[:4])), Targets(data.y[:4]), (1, 5), exchangeable=False
        )
        assert 0 < rows[0] <= 20 * refinement_calls(task, 0.0)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"methods": ["tandm"]}, "did you mean 'tandem'"),
        ({"n": 0}, "n: expected at least 1, got 0"),
        ({"targets": 0}, "targets: expected at least 1, got 0"),
        ({"seeds": 0}, "seeds: expected at least 1, got 0"),
        ({"guesses": (0,)}, "guesses: expected at least 1, got 0"),
        ({"jobs": 0}, "jobs: expected at least 1, got 0"),
        ({"jobs": 2, "scheduler": "tcp://a:1"}, "compare: expected jobs or scheduler"),
    ],
)
def test_arguments_are_looked_at_before_anything_is_simulated(wrong, message):
    def simulate(x):
        raise AssertionError("simulated")

    task = Task("dear", simulate, Box([0.0], [1.0]))
    with pytest.raises(ValueError, match=message):
        invlab.compare(task, **wrong)


def test_a_budget_in_numbers_of_numpy_is_saved(tmp_path):
    sizes = {"n": 30, "targets": 3, "guesses": (1,), "seeds": 1}
    result = invlab.compare(SQUARE, [], budget=np.int64(60), **sizes)
    assert json.loads(result.save(tmp_path).read_text(encoding="utf-8"))["plan"]["seconds"] == 60


def test_a_page_leaves_no_figure_open(found, tmp_path):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    before = pyplot.get_fignums()
    found[0].to_html(tmp_path / "report.html")
    assert pyplot.get_fignums() == before


@pytest.mark.parametrize(("waits", "dear"), [(0.06, True), (0.001, False)])
def test_a_simulator_that_waits_for_another_computer_is_dear(monkeypatch, waits, dear):
    passed = [0.0]

    def simulate(x):
        passed[0] += waits * len(x)
        return x

    monkeypatch.setattr(runtime, "_wall", lambda: passed[0])
    task = Task("remote", simulate, Box([0.0], [1.0]))
    with runtime.set_clock(lambda: 1e-3 * passed[0]):
        seconds, rows = seconds_a_simulation(task)
    assert (seconds > 0.05) is dear
    assert rows == (10 if dear else 520)
    assert passed[0] == pytest.approx(waits * rows)


def test_a_machine_that_stops_once_makes_no_simulation_dear(monkeypatch):
    stops = itertools.chain([0.0, 5.0], itertools.count(10.0, 1e-4))
    monkeypatch.setattr(runtime, "_wall", lambda: next(stops))
    assert seconds_a_simulation(SQUARE)[0] < 0.05


def test_one_target_has_a_score_and_no_test_of_calibration():
    result = invlab.compare(SQUARE, ["mixture_density"], n=60, targets=1, seeds=1, guesses=(1, 3))
    (row,) = [row for row in result.rows if row["method"] == "mixture_density"]
    assert row["note"] == ""
    assert row["r_3"] is not None
    assert row["calibration_p"] is None
    assert row["low_1"] is row["high_1"] is None
    assert "Do not use" not in result.advice
    assert "No method is calibrated" in result.advice


class Point:
    """The middle of the box, again and again, in the guise of draws."""

    name, exchangeable = "point", True

    def fit(self, task, data, *, seed):
        return self

    def propose(self, y, n, c=None):
        return torch.full((len(y), n, 1), 0.1, dtype=torch.float64)


def test_a_point_is_no_posterior_however_few_the_targets():
    result = invlab.compare(SQUARE, [Point()], n=60, targets=10, seeds=1, guesses=(1, 3))
    (row,) = [row for row in result.rows if row["method"] == "point"]
    assert row["coverage"] == 0
    assert row["coverage_p"] < 1e-6
    assert "For a posterior, point" not in result.advice


@pytest.mark.parametrize("unit", [1.0, 1e4])
def test_the_floor_of_a_network_that_judges_is_in_the_unit_of_the_errors(unit):
    """Few held-out pairs vary less than all of them by chance, and their own spread is no unit."""
    task = Task("steep", lambda x: unit * (4 * x).exp(), Box([0.0], [1.0]))
    pairs = task.sample(30, dtype=torch.float64)
    result = invlab.compare(pairs, [], n=10, targets=3, seeds=1, guesses=(1,))
    _, _, third = invlab.comparison._divided(pairs, 3, 0)
    _, error = surrogate_task(third, Task.from_pairs(pairs, name="pairs"), seed=0)
    assert error > 0
    variance = float(pairs.y.double().var(0, correction=0).mean())
    assert result.facts.floor == pytest.approx(error / variance)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: invlab.compare("sine"), TypeError, "expected a Task or Pairs, got str"),
        (lambda: invlab.compare(SQUARE, ["tandm"]), ValueError, "did you mean 'tandem'"),
        (lambda: invlab.compare(SQUARE, [Truth(), Truth()]), ValueError, "got more of truth"),
        (lambda: invlab.compare(SQUARE, guesses=()), ValueError, "guesses: expected numbers"),
        (lambda: invlab.compare(SQUARE, guesses=3), TypeError, "guesses: expected numbers .*got 3"),
        (
            lambda: invlab.compare(SQUARE.sample(6)),
            ValueError,
            "^compare: expected at least 8 pairs with a valid y, .* got 6; give more pairs",
        ),
        (
            lambda: invlab.compare(SQUARE.sample(1)[[0] * 30]),
            ValueError,
            "^compare: expected pairs for the methods and the network .*all of them are equal",
        ),
    ],
)
def test_what_cannot_be_compared_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_as_few_pairs_as_compare_asks_for_are_enough():
    data = SQUARE.sample(invlab.comparison.LEAST)
    for seed in range(20):
        learn, asked, third = invlab.comparison._divided(data, 50, seed)
        assert len(learn) + len(asked) + len(third) == len(data)
        judge.divided(third, 0.2, "the network that judges", generator=runtime.generator(seed))
    with pytest.raises(ValueError, match="^compare: expected pairs for the network that judges"):
        surrogate_task(data[:2], Task.from_pairs(data, name="pairs"), seed=0)


def test_of_equal_guesses_under_noise_the_first_is_scored():
    choose, score = torch.tensor([[1.0, 1.0, 0.5]]), torch.tensor([[3.0, 4.0, 5.0]])
    assert judge._chosen(choose, score).tolist() == [[3.0, 3.0, 5.0]]


def test_the_pairs_of_a_record_are_recognised():
    one, other = (
        Pairs(torch.ones(9, 1), torch.ones(9, 1)),
        Pairs(torch.ones(9, 1), torch.zeros(9, 1)),
    )
    assert of_pairs(one) == of_pairs(one)
    assert of_pairs(one) != of_pairs(other)


def test_a_task_that_knows_its_posterior_has_an_exact_row_that_is_never_advised():
    sine = invlab.get_task("sine")
    result = invlab.compare(sine, [], n=60, targets=6, guesses=(1,), seeds=1)
    rows = {row["method"]: row for row in result.rows}
    assert rows["exact"]["r_1"] < 1e-20
    assert result.best(1) in ("bfgs", "lm")


def test_without_gradients_a_search_without_derivatives():
    task = Task("steps", lambda x: (9 * x).round(), Box([0.0], [1.0]), differentiable=False)
    result = invlab.compare(task, [], n=30, targets=4, guesses=(1,), seeds=1)
    names = {row["method"] for row in result.rows}
    assert names == {"prior", "nearest", "pool", "differential_evolution"}
    assert result.rows[-1]["refined_1"] is None


def test_what_all_methods_of_a_seed_are_asked_is_simulated_once():
    calls = []

    def simulate(x):
        calls.append(len(x))
        return x.square()

    task = Task("counted", simulate, Box([0.0], [1.0]), differentiable=False)
    invlab.compare(task, ["prior", "nearest"], n=70, targets=4, guesses=(1,), seeds=2)
    assert calls.count(70) == 2  # the learning curve asks the first seed again


def test_one_bar_counts_the_trainings_of_all_seeds(monkeypatch, tmp_path):
    bars = []

    def bar(items, description, *, total=None, done=0):
        bars.append((description, done, total))
        return items

    monkeypatch.setattr(runtime, "progress", bar)
    sizes = {"n": 30, "targets": 3, "guesses": (1,), "seeds": 2, "folder": tmp_path}
    count = len(invlab.compare(SQUARE, "nearest", **sizes).rows)
    wanted = "trainings and scores"
    assert [found for found in bars if found[0] == wanted] == [
        (wanted, 0, 2 * count),
        (wanted, count, 2 * count),
    ]
    bars.clear()
    invlab.compare(SQUARE, "nearest", **sizes | {"seeds": 3})
    # what stands in the folder is done
    assert bars[0] == (wanted, count, 3 * count)
    assert bars[2] == (wanted, 2 * count, 3 * count)


def test_a_noisy_task_has_a_row_of_the_floor_and_no_search():
    task = Task("n", lambda x: x + torch.randn(x.shape).to(x), Box([0.0], [1.0]), noisy=True)
    result = invlab.compare(task, ["mdn"], n=60, targets=6, guesses=(1, 2), seeds=1)
    rows = {row["method"]: row for row in result.rows}
    assert rows["floor"]["r_1"] == rows["floor"]["r_2"] == result.facts.floor > 0
    assert "noise of single runs" in rows["bfgs"]["note"]
    assert rows["mixture_density"]["log_density"] < 1


def test_a_budget_of_seconds_shortens_the_trainings(monkeypatch):
    from invlab.comparison.candidates import STEPS, choose, steps_within

    assert steps_within(None, 10, 3) == STEPS
    monkeypatch.setattr("invlab.comparison.candidates.STEPS", 1500)
    assert steps_within(60, 10, 3) < 500
    assert steps_within(1e-3, 10, 3) == 200
    brief = choose(SQUARE, "direct", n=640, simulated=True, seconds=1e-3)[-1]
    assert brief.options == {"epochs": 20, "batch_size": 64}


def test_an_object_takes_the_place_of_the_baseline_of_its_name():
    own = invlab.get_method("nearest", bounds="free")
    result = invlab.compare(SQUARE, [own, Truth()], n=30, targets=3, guesses=(1,), seeds=1)
    names = [row["method"] for row in result.rows]
    assert sorted(names) == sorted(ALWAYS | {"truth"})


def test_a_dear_simulator_is_asked_little():
    calls = []

    def simulate(x):
        calls.append(len(x))
        return x.square()

    task = Task("dear", simulate, Box([0.0], [1.0]))
    ticks = iter(range(10**9))
    with runtime.set_clock(lambda: 10.0 * next(ticks)):  # every simulation seems to take seconds
        result = invlab.compare(task, ["nearest"], n=40, targets=100, guesses=(1, 10), seeds=1)
    assert result.plan.dear
    assert result.plan.targets == 10
    assert result.plan.guesses == (1,)
    rows = {row["method"]: row for row in result.rows}
    assert rows["nearest"]["refined_1"] is None
    assert rows["nearest"]["calls"] == 30  # ten of the forty pairs are the targets
    assert "spends a fixed number" in rows["bfgs"]["note"]
    # each other answer is judged by one simulation, and so is the learning curve of the best
    assert calls.count(10) == len(rows) - 2 + 2


def test_the_sizes_are_those_that_there_were():
    data = SQUARE.sample(90)
    names = {"methods": [], "guesses": (1,), "seeds": 1}
    result = invlab.compare(data, **names, n=1000, targets=100)
    assert (result.plan.n, result.plan.targets) == (45, 15)  # a third of 90 trains the judge
    assert str(result).startswith("45 pairs, 15 targets")
    assert result.facts.scores["nearest"].errors[1].shape == (1, 15)
    assert set(result.facts.curve) == {45, 22, 11}


@pytest.mark.slow
def test_seeds_with_other_numbers_of_targets_are_cut_to_the_fewest():
    repeats = torch.arange(30) % 7
    data = SQUARE.sample(7)[repeats]
    result = invlab.compare(data, [], n=50, targets=9, guesses=(1,), seeds=3)
    errors = result.facts.scores["nearest"].errors[1]
    assert errors.shape == (3, result.plan.targets)


@pytest.mark.parametrize("gradients", [True, False])
def test_no_more_is_simulated_than_the_budget_allows(gradients):
    rows = [0]

    def simulator(x):
        rows[0] += len(x)
        return x.square()

    task = Task("counted", simulator, Box([0.1], [1.0]), differentiable=gradients)
    sizes = {"n": 24, "targets": 20, "guesses": (1, 10), "seeds": 1}
    result = invlab.compare(task, ["nearest"], **sizes, budget={"simulations": 9000})
    assert rows[0] <= 9000
    assert result.plan.targets < 20


def test_a_name_given_twice_is_one_row():
    sizes = {"n": 30, "targets": 3, "guesses": (1,), "seeds": 1, "budget": 1e-3}
    result = invlab.compare(SQUARE, ["mdn", "mixture_density", "look_up"], **sizes)
    names = [row["method"] for row in result.rows]
    assert sorted(names) == sorted(ALWAYS | {"mixture_density"})


@pytest.mark.slow
def test_an_offset_of_pairs_changes_no_score():
    x = torch.rand(300, 1, dtype=torch.float64, generator=runtime.generator(0, "offset"))
    scores = []
    for x_off, y_off in ((0.0, 0.0), (1e8, 0.0), (0.0, 1e8)):
        pairs = Pairs(x_off + x, y_off + x.square())
        found = invlab.compare(pairs, ["nearest"], n=100, targets=10, guesses=(1,), seeds=1)
        scores.append({row["method"]: row["r_1"] for row in found.rows if row["r_1"] is not None})
    assert scores[1] == pytest.approx(scores[0], rel=1e-2)
    assert scores[2] == pytest.approx(scores[0], rel=1e-2)


def test_rows_that_fail_are_said_once_and_not_at_each_call():
    def fails(x):
        if x[0] < 0.2:
            raise ArithmeticError("too small")
        return x

    simulator = invlab.numpy_simulator(fails, batched=False)
    task = Task("fails", simulator, Box([0.0], [1.0]), differentiable=False)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        result = invlab.compare(task, ["direct"], n=60, targets=4, guesses=(1,), seeds=1)
    assert not [one for one in said if isinstance(one.message, FailedRows)]
    assert "Check the prior" in result.advice


class Backwards(torch.autograd.Function):
    """x and its powers, by a function that knows its derivative backwards alone."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.cat([x, x**2, x**3], -1)

    @staticmethod
    def backward(ctx, slope):
        (x,) = ctx.saved_tensors
        first, second, third = slope.chunk(3, -1)
        return first + 2 * x * second + 3 * x**2 * third


def test_a_simulator_with_derivatives_backwards_alone_is_refined_and_compared():
    task = Task("adjoint", Backwards.apply, Box([0.2, 0.2], [1.0, 1.0]))
    target = task.targets(2, seed=0, dtype=torch.float64)
    better = invlab.refine(task, (target.x + 0.05)[:, None], target.y)
    torch.testing.assert_close(better[:, 0], target.x, atol=1e-7, rtol=0)
    found = invlab.compare(task, ["direct"], n=40, targets=4, guesses=(1,), seeds=1, budget=2.0)
    rows = {row["method"]: row for row in found.rows}
    assert rows["nearest"]["refined_1"] < 1e-9
    assert not any("failed" in row["note"] for row in found.rows)


def test_a_simulator_with_gradients_of_its_own_inside_is_refined():
    def slope(x):
        x = x if x.requires_grad else x.detach().requires_grad_()
        (force,) = torch.autograd.grad(x.pow(3).sum(), x, create_graph=True)
        return force

    task = Task("force", slope, Box([0.2], [1.0]))
    found = invlab.refine(task, torch.full((1, 1, 1), 0.5).double(), torch.tensor([[1.0]]).double())
    assert float(found) == pytest.approx(3**-0.5, abs=1e-9)


def test_a_refinement_that_fails_leaves_the_guesses_their_scores(monkeypatch):
    def broken(*_):
        raise RuntimeError("no derivative\nmore lines")

    monkeypatch.setattr("invlab.comparison.judge.Judge.refined", broken)
    found = invlab.compare(SQUARE, ["nearest"], n=30, targets=4, guesses=(1,), seeds=1)
    row = next(row for row in found.rows if row["method"] == "nearest")
    assert row["geo_1"] is not None
    assert row["note"] == "refinement failed: RuntimeError: no derivative"


def test_a_replicate_that_fails_leaves_a_floor():
    def simulate(x):
        y = x + 0.1 * torch.randn_like(x)
        return torch.where(torch.rand_like(x) < 0.05, torch.nan, y)

    task = Task("flaky", simulate, Box([0.0], [1.0]), noisy=True, differentiable=False)
    found = invlab.compare(task, ["nearest"], n=100, targets=30, guesses=(1,), seeds=1)
    floor = next(row for row in found.rows if row["method"] == "floor")
    assert floor["r_1"] == pytest.approx(0.02 * 12, rel=0.5)
    answers = invlab.invert(task, [[0.4]], method="nearest", pairs=200, n=1)
    assert "off by inf" not in str(answers)
    assert "the truth itself is off by" in str(answers)


def test_the_head_names_the_seeds_and_pairs_that_there_were(monkeypatch):
    ticks = iter(range(0, 10**9, 5))  # a second of any kind takes five
    with runtime.set_clock(lambda: float(next(ticks))):
        found = invlab.compare(SQUARE, [], n=30, targets=4, guesses=(1,), seeds=3, budget=1.0)
    assert found.plan.seeds == 1
    assert "1 seeds" in str(found)
    monkeypatch.setattr("invlab.comparison.seconds_a_simulation", lambda *_: (1.0, 1))

    def simulate(x):
        return torch.where(x < 0.5, torch.nan, x)

    task = Task("dear", simulate, Box([0.0], [1.0]), differentiable=False)
    found = invlab.compare(task, ["nearest"], n=60, targets=4, guesses=(1,), seeds=1)
    assert found.plan.n == 56
    assert found.facts.invalid == pytest.approx(0.5, abs=0.2)
    assert "Check the prior" in found.advice


def test_the_simulation_of_pairs_counts_in_the_budget_of_seconds():
    now = [0.0]

    def simulate(x):
        now[0] += len(x)
        return x.square()

    task = Task("slow", simulate, Box([0.0], [1.0]), differentiable=False)
    with runtime.set_clock(lambda: now[0]):
        found = invlab.compare(task, [], n=30, targets=4, guesses=(1,), seeds=3, budget=20.0)
    assert found.plan.seeds == 1


def test_searches_that_a_budget_does_not_pay_are_left_out_by_name():
    found = invlab.compare(
        SQUARE, ["direct"], n=100, targets=5, guesses=(1,), seeds=1, budget={"simulations": 500}
    )
    rows = {row["method"]: row for row in found.rows}
    assert "too many for the budget" in rows["bfgs"]["note"]
    assert rows["direct"]["r_1"] is not None
    with pytest.raises(ValueError, match="do not pay for 100 pairs"):
        invlab.compare(SQUARE, ["direct"], n=100, seeds=1, budget={"simulations": 50})


def test_an_infinite_budget_is_none():
    assert limits_of({"simulations": math.inf}) == {}
    assert limits_of({"seconds": 3, "simulations": math.inf}) == {"seconds": 3}


def test_a_look_up_in_few_pairs_keeps_the_guesses_that_it_has():
    found = invlab.compare(SQUARE, [], n=30, targets=5, guesses=(1, 40), seeds=1)
    (row,) = (row for row in found.rows if row["method"] == "nearest")
    assert row["r_1"] is not None
    assert row["r_40"] is None
    assert "has 30 guesses a target only" in row["note"]


def test_the_prior_of_pairs_alone_does_not_know_the_targets():
    pairs = Pairs(torch.rand(60, 1), torch.rand(60, 1))
    task = Task.from_pairs(pairs, name="pairs")
    learned = pairs[:40]
    narrow = without_held_out(task, learned)
    assert (len(narrow.prior.x), len(task.prior.x)) == (40, 60)
    assert without_held_out(SQUARE, learned) is SQUARE


def test_a_learning_curve_needs_as_many_pairs_as_guesses():
    # of a quarter of the pairs the look-up has fewer than were asked for
    found = invlab.compare(SQUARE, [], n=40, targets=5, guesses=(20,), seeds=1)
    assert {"nearest", "lm"} <= {row["method"] for row in found.rows}


def test_targets_of_pairs_alone_are_not_in_the_prior_of_the_methods():
    seen = []

    class Spy:
        name, exchangeable = "spy", False

        def fit(self, task, data, *, seed):
            seen.append((task.prior.x, data.x))
            return self

        def propose(self, y, n):
            return torch.zeros(len(y), n, 1)

    spy = Spy()
    kept = {"n": 1000, "targets": 5, "guesses": (1,), "seeds": 1}
    # a copy of the object takes part, and shares the list
    invlab.compare(Pairs(torch.rand(90, 1), torch.rand(90, 1)), [spy], **kept)
    ((prior, learned),) = seen
    assert set(prior.flatten().tolist()) == set(learned.double().flatten().tolist())


def test_nothing_asks_the_network(monkeypatch):
    def refuse(*arguments, **options):
        raise OSError("no network here")

    monkeypatch.setattr("socket.socket", refuse)
    monkeypatch.setattr("socket.create_connection", refuse)
    kept = {"n": 40, "targets": 5, "guesses": (1,), "seeds": 1}
    found = invlab.compare(SQUARE, ["direct"], **kept)
    assert {row["method"] for row in found.rows if row["r_1"] is not None} >= {"direct", "nearest"}
    assert invlab.invert(SQUARE, [[4.0]], method="nearest", pairs=40, n=1).x.shape == (1, 1, 1)


def test_a_number_of_y_in_a_small_unit_is_named():
    def simulate(x):
        return torch.cat([x * torch.tensor([1.0, 2.0, 1e-3]), torch.ones_like(x[..., :1])], -1)

    task = Task("units", simulate, Box([0.0] * 3, [1.0] * 3))
    # a constant is no matter of units
    assert Judge(task, task.sample(50).y, refine=False).unseen == (1, 4)
