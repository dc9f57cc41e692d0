"""Requests of a sceptic: budgets of simulations, odd limits, objects of one's own."""

import math
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy.optimize import Bounds, LinearConstraint
from scipy.sparse import csr_array

import invlab
from invlab import Box, Integer, Task, runtime
from invlab.inversion import rounds
from invlab.inversion.answers import length_of
from invlab.inversion.constraints import as_box, constrained, keep_allowed
from invlab.methods.asking import guesses_of
from invlab.priors import Empirical
from invlab.priors.restricted import Restricted, holds

pytestmark = pytest.mark.filterwarnings("ignore:.*:UserWarning")
SAME = Task("same", lambda x: x * 1.0, Box([0.0, 0.0], [1.0, 1.0]))
TARGETS = [[0.3, 0.6], [0.8, 0.1]]


def counting(f):
    """A simulator that counts its rows, and the count."""
    rows = [0]

    def simulator(x, *c):
        rows[0] += len(x)
        return f(x, *c)

    return simulator, rows


@pytest.mark.parametrize(
    ("y", "calls"), [(TARGETS, 20), ([[0.3, math.nan], [0.8, 0.1]], 41)], ids=["one", "two kinds"]
)
@pytest.mark.slow
def test_no_more_simulations_than_the_budget(y, calls):
    simulator, rows = counting(lambda x: x * 1.0)
    found = invlab.invert(Task("dear", simulator, SAME.prior), y, calls=calls, n=2)
    assert found.calls == rows[0] <= calls
    assert rows[0] >= calls - 2  # a remainder may be left
    assert found.x.shape == (2, 2, 2)


def test_a_budget_that_is_too_small_for_two_kinds_of_targets():
    with pytest.raises(ValueError, match="for each of 2 kinds of targets, got 7"):
        invlab.invert(SAME, [[0.3, math.nan], [0.8, 0.1]], calls=15)


def test_pairs_that_are_all_equal_are_named():
    with pytest.raises(
        ValueError, match="^invert: expected pairs to learn from .*got 30; all of th"
    ):
        invlab.invert(SAME.sample(1)[[0] * 30], TARGETS)


def test_rounds_simulate_what_is_allowed_and_nothing_else():
    seen = []

    def simulator(x):
        seen.append(x.clone())
        return x * 1.0

    task = Task("dear", simulator, SAME.prior)
    # the nearest points lie outside of what is allowed
    found = invlab.invert(task, TARGETS, calls=30, n=3, feasible=lambda x: x.sum(1) < 0.7)
    assert (torch.cat(seen).sum(1) < 0.7).all()
    assert found.x.shape == (2, 3, 2)
    assert (found.x.sum(2) < 0.7).all()


@pytest.mark.slow
def test_rounds_reach_each_of_many_targets():
    y = SAME.targets(12, seed=0, dtype=torch.float64).y
    found = invlab.invert(SAME, y, calls=80, n=1)
    by_chance = SAME.sample(80, dtype=torch.float64).y
    nearest = (by_chance[None] - y[:, None]).square().mean(2).amin(1)
    assert found.error[:, 0].sqrt().mean() < 0.5 * nearest.sqrt().mean()


@pytest.mark.slow
def test_rounds_answer_each_target_under_its_own_context():
    task = Task("scaled", lambda x, c: x * c, Box([0.0], [1.0]), context=Box([1.0], [2.0]))
    c = torch.linspace(1, 2, 6)[:, None].double()
    found = invlab.invert(task, c * 0.5, c=c, calls=40, n=3)
    assert found.error.isfinite().all()
    assert torch.allclose((found.x * c[:, None] - 0.5 * c[:, None]).square()[..., 0], found.error)
    with pytest.raises(ValueError, match="under the context of each of 6 targets"):
        invlab.invert(task, c * 0.5, c=c, calls=11)


def test_rounds_simulate_no_whole_number_twice():
    simulator, rows = counting(lambda x: (x - 3.0).square())
    task = Task("ten", simulator, Integer([0], [9]))
    found = invlab.invert(task, [[4.0]], calls=100, n=2)
    assert sorted(found.x.flatten().tolist()) == [1.0, 5.0]
    assert found.calls == rows[0] <= 11  # one for the shape of y
    assert f"{100 - rows[0]} simulations were not spent" in str(found)


def test_many_simulations_for_one_target_are_no_more_rounds(monkeypatch):
    turns = []

    def fit(task, data, *more):
        turns.append(len(data))
        return fits(task, data, *more)

    fits = rounds._fit
    monkeypatch.setattr(rounds, "_fit", fit)
    simulator, rows = counting(lambda x: x * 1.0)
    invlab.invert(Task("dear", simulator, SAME.prior), [[0.3, 0.4]], calls=600, n=1)
    assert len(turns) <= rounds.ROUNDS
    assert 400 < rows[0] <= 600


def test_noise_leaves_rounds_without_a_bound():
    def noisy(x):
        return x + 0.1 * torch.randn(x.shape, dtype=x.dtype)

    found = invlab.invert(Task("noisy", noisy, SAME.prior, noisy=True), TARGETS, calls=20, n=2)
    assert found.bound.isnan().all()
    assert "The simulator is noisy" in str(found)


def test_a_search_that_was_fitted_before_is_counted():
    simulator, rows = counting(lambda x: x * 1.0)
    task = Task("counted", simulator, SAME.prior)
    data = task.sample(60)
    method = invlab.get_method("local_search", starts=2).fit(task, data)
    rows[0] = 0
    found = invlab.invert(task, TARGETS, method=method, data=data, n=2)
    assert found.calls == rows[0] > 0
    assert method.task is task


@pytest.mark.parametrize(
    ("bounds", "low", "high"),
    [
        (np.array([[0.2, 0.4], [0.0, 0.5]]), [0.2, 0.0], [0.4, 0.5]),
        ([(0.2, None), (None, 0.5)], [0.2, 0.0], [1.0, 0.5]),
        (Bounds(0.2, np.inf), [0.2, 0.2], [1.0, 1.0]),
        (Bounds([-np.inf, 0.3], [0.5, 0.6]), [0.0, 0.3], [0.5, 0.6]),
        (torch.tensor([[0.25, 0.5], [0.0, 0.5]]), [0.25, 0.0], [0.5, 0.5]),
    ],
)
def test_bounds_of_many_kinds(bounds, low, high):
    box = as_box(bounds, SAME.prior)
    assert box.low.tolist() == low
    assert box.high.tolist() == high


@pytest.mark.parametrize(
    ("bounds", "error", "message"),
    [
        ((0, 1), TypeError, r"bounds: expected a Box, .* got \(0, 1\)"),
        ("ab", TypeError, "bounds: expected a Box, .* got 'ab'"),
        ([], TypeError, r"bounds: expected a Box, .* got \[\]"),
        ([(0, 1)], ValueError, "bounds: expected a box of 2 unknowns, got 1"),
        ([(1, 0), (0, 1)], ValueError, "expected low < high"),
        ([("low", 1), (0, 1)], TypeError, "bounds: expected numbers, or None, got .'low', 0"),
        ({"x3": (0, 1)}, ValueError, "bounds: expected labels among x1, x2, got 'x3'"),
    ],
)
def test_what_is_no_box_is_named(bounds, error, message):
    with pytest.raises(error, match=message):
        invlab.invert(SAME, TARGETS, bounds=bounds)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"feasible": lambda x: x[:, 0] - 0.5}, "expected True or False a row, got numbers"),
        ({"feasible": lambda x: x[:, 0] == x[:, 1]}, "an equality holds for no draw"),
    ],
)
def test_what_is_no_condition_is_named(more, message):
    with pytest.raises(ValueError, match=message):
        invlab.invert(SAME, TARGETS, **more)


def test_bounds_may_come_by_label():
    found = invlab.invert(SAME, TARGETS, bounds={"x2": (0.0, 0.05)}, method="nearest", pairs=400)
    assert float(found.x[..., 1].max()) <= 0.05
    assert float(found.x[..., 0].max()) > 0.05


def test_a_condition_that_returns_nothing_is_named():
    with pytest.raises(TypeError, match="feasible: expected .* got None; does the function return"):
        invlab.invert(SAME, TARGETS, feasible=lambda x: None)


def test_a_linear_constraint_may_be_sparse():
    limit = LinearConstraint(csr_array([[1.0, 1.0]]), -np.inf, 0.3)
    found = invlab.invert(SAME, TARGETS, feasible=limit, method="nearest", pairs=200, n=2)
    assert float(found.x.sum(2).max()) <= 0.3 + 1e-6


class NoFit:
    name = "no_fit"

    def propose(self, y, n):
        return y


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        ({"method": "nearst"}, ValueError, "did you mean 'nearest'"),
        ({"method": None}, TypeError, "method: expected 'auto', a name, or an object"),
        ({"method": NoFit}, TypeError, "method: expected 'auto', a name, or an object"),
        ({"method": NoFit()}, TypeError, "method: expected 'auto', a name, or an object"),
        ({"method": "nearest", "sigma": 0.1}, ValueError, "nearest: cannot weigh"),
        ({"method": "auto", "budget": {"euro": 1}}, ValueError, "budget: expected 'seconds'"),
        ({"pairs": 0}, ValueError, "pairs: expected at least 1"),
        ({"calls": 0}, ValueError, "calls: expected at least 1"),
    ],
)
def test_arguments_are_looked_at_before_anything_is_simulated(wrong, error, message):
    def simulator(x):
        raise AssertionError("simulated")

    with pytest.raises(error, match=message):
        invlab.invert(Task("dear", simulator, SAME.prior), TARGETS, **wrong)


def test_no_targets_are_named():
    with pytest.raises(ValueError, match=r"y: expected at least one target, got shape \(0, 2\)"):
        invlab.invert(SAME, np.empty((0, 2)))


def test_noise_that_nobody_spoke_of_is_warned_of():
    def noisy(x):
        return x + 0.1 * torch.randn(x.shape, dtype=x.dtype)

    task = Task("noisy", noisy, SAME.prior)
    with pytest.warns(UserWarning, match="noisy: equal unknowns give different y"):
        invlab.invert(task, TARGETS, method="nearest", pairs=20, n=2)


def test_answers_that_are_no_numbers_are_printed_and_lie_nowhere():
    class Nowhere:
        def fit(self, task, data, *, seed):
            return self

        def propose(self, y, n):
            return torch.full((len(y), n, 2), torch.nan)

    found = invlab.invert(SAME, TARGETS, method=Nowhere(), pairs=30, n=2)
    assert found.modes(0) == []
    assert found.error.isinf().all()
    assert "0 distinct of 2" in str(found)


def test_few_pairs_say_what_is_missing_and_nothing_else():
    found = invlab.invert(SAME, TARGETS, method="nearest", pairs=20, n=2)
    assert "No test of reachability: 6 held-out pairs are too few" in str(found)
    assert "no bound" not in str(found)
    assert torch.equal(found.bound, found.error[:, 0])
    blind = invlab.invert(SAME, TARGETS, method="nearest", pairs=20, n=2, simulate=False)
    assert "No test of reachability and no bound: 6 held-out pairs" in str(blind)
    assert blind.bound.isnan().all()


def test_labels_with_commas_keep_their_columns(tmp_path):
    import csv

    task = Task("commas", SAME.simulator, SAME.prior, labels=["a, b", 'the "c"'])
    found = invlab.invert(task, TARGETS, method="nearest", pairs=20, n=2)
    path = found.save(tmp_path / "made" / "answers.csv")
    with path.open(newline="", encoding="utf-8") as file:
        head, *rows = csv.reader(file)
    assert head[2:4] == ["a, b", 'the "c"']
    assert {len(row) for row in rows} == {len(head)}


@pytest.mark.parametrize(
    "simulator", [lambda x: x.detach() * 1.0, lambda x: torch.tensor(x.numpy())]
)
@pytest.mark.parametrize("ask", ["invert", "compare"])
def test_a_gradient_that_is_not_there_is_named(simulator, ask):
    task = Task("cut", simulator, SAME.prior)
    call = {
        "invert": lambda: invlab.invert(task, TARGETS, method="nearest", pairs=20, n=2),
        "compare": lambda: invlab.compare(task, [], n=24, targets=4, guesses=(1,), seeds=1),
    }
    with pytest.raises(ValueError, match="cut: the task says .* say differentiable=False"):
        call[ask]()


@pytest.mark.slow
def test_pairs_alone_are_answered_with_the_error_of_a_measurement():
    data = Task("same", lambda x: x * 1.0, Box([0.0, 0.0], [1.0, 1.0])).sample(200)
    method = invlab.get_method("neural_adjoint", epochs=20)
    y = [[0.3, 0.6]]
    found = invlab.invert(data, y, method="neural_adjoint", sigma=[0.1, 0.2], n=2)
    assert (found.x[0, 0] - torch.tensor([0.3, 0.6]).double()).abs().max() < 0.05
    assert found.calls == 0
    assert invlab.invert(data, y, method=method, n=2).error.isnan().all()


@pytest.mark.slow
def test_answers_to_a_noisy_simulator_are_not_ranked_by_one_lucky_run():
    def simulate(x):
        return x + 0.3 * torch.randn(x.shape, device="cpu").to(x)

    task = Task("noisy", simulate, Box([0.0], [1.0]), noisy=True)
    method = invlab.get_method("neural_adjoint", epochs=30)
    found = invlab.invert(task, [[0.5]], method=method, n=8, pairs=300)
    assert (found.believed[0].diff() >= 0).all()
    drawn = invlab.invert(task, [[0.5]], method="mixture_density", n=8, pairs=100)
    assert drawn.posterior
    assert "±" in str(drawn)
    assert "does not say how sure" in str(found)


def test_a_look_up_under_a_condition_takes_the_pairs_that_there_are():
    quick = {"method": "nearest", "pairs": 100, "feasible": lambda x: x.sum(1) < 0.8}
    found = invlab.invert(SAME, [[0.3, 0.2]], n=30, **quick)
    assert found.x.shape == (1, 30, 2)
    assert (found.x.sum(2) < 0.8).all()
    with pytest.raises(ValueError, match="n: nearest answers with the 70 pairs .* got n=80"):
        invlab.invert(SAME, [[0.3, 0.2]], n=80, **quick)


def test_rounds_pick_another_answer_where_one_is_far_and_looks_as_good():
    model = SimpleNamespace(
        predict=lambda x, c: x.square(), surrogate=SimpleNamespace(outputs=lambda y: y)
    )
    task = invlab.Task("two_ways", lambda x: x.square(), Box([-1.0], [1.0]))
    # the root, a neighbour, a far one that is wrong, and the other root, a little off
    x = torch.tensor([[0.5, 0.55, 0.9, -0.51, -0.5], [0.5, 0.51, 0.49, 0.52, 0.48]]).double()
    asked = SimpleNamespace(y=torch.tensor([[0.25], [0.25]]).double(), c=None)
    for doubt, other in ((1e-3, 3), (1e-6, 4)):
        every = torch.full((2, 5), doubt, dtype=torch.float64)
        assert rounds._another(model, x[..., None], every, asked, task).tolist() == [other, 0]


def test_rounds_simulate_both_answers_of_a_square_and_say_what_they_looked_for():
    task = invlab.Task("two_ways", lambda x: x.square(), Box([-1.0], [1.0]))
    found = invlab.invert(task, [[0.36]], calls=30, n=10)
    near = found.x[0, :, 0][found.error[0] < 0.02]
    assert near.min() < 0 < near.max()
    assert "other answers than these may exist" in str(found)
    assert "error [y²]" in str(found)


def test_with_sigma_errors_count_in_its_square():
    task = invlab.Task("same", lambda x: x * 1.0, Box([0.0], [1.0]))
    found = invlab.invert(task, [[0.4]], sigma=0.1, method="local_search", pairs=100, n=2)
    assert "error [σ²]" in str(found)
    assert "bound [σ²]" in str(found)


def of_the_truth(found):
    """What the notes say that the truth would be off by."""
    (note,) = [note for note in found.notes if "the truth itself is off by" in note]
    return float(note.partition("off by ")[2].split()[0])


def test_the_error_of_the_truth_stands_beside_errors_that_carry_noise():
    noisy = Task(
        "noisy",
        lambda x: x + 0.1 * torch.randn_like(x),
        SAME.prior,
        noisy=True,
        differentiable=False,
    )
    found = invlab.invert(noisy, TARGETS, method="nearest", pairs=400, n=2)
    assert of_the_truth(found) == pytest.approx(0.02, rel=0.5)  # twice the variance
    found = invlab.invert(SAME, TARGETS, sigma=0.1, method="local_search", pairs=400, n=2)
    assert of_the_truth(found) == pytest.approx(1.0, rel=0.5)  # sigma squared is the unit
    for asked in ({}, {"sigma": 0.1, "simulate": False}):
        found = invlab.invert(SAME, TARGETS, method="pool", pairs=100, n=2, **asked)
        assert "the truth" not in str(found)


PLAIN = Task("plain", lambda x: x * 1.0, invlab.Normal([0.0, 0.0], [1.0, 1.0]))
FAR_OUT = [[2.6, -3.1], [0.1, -0.2]]


@pytest.mark.parametrize("method", ["nearest", "local_search"])
@pytest.mark.parametrize("bounds", [None, Box([-5.0] * 2, [5.0] * 2), [(-5, None), (None, None)]])
def test_an_answer_beyond_the_usual_range_of_a_prior_is_found(method, bounds):
    found = invlab.invert(PLAIN, FAR_OUT, method=method, pairs=100, n=1, bounds=bounds)
    torch.testing.assert_close(found.x[:, 0], torch.tensor(FAR_OUT).double(), atol=1e-4, rtol=0)


@pytest.mark.parametrize("method", ["nearest", "local_search"])
def test_a_bound_on_one_side_holds_on_an_unbounded_prior(method):
    bounds = [(-1, None), (-1, None)]
    found = invlab.invert(PLAIN, FAR_OUT, method=method, pairs=100, n=1, bounds=bounds)
    wanted = torch.tensor(FAR_OUT).double().clamp_min(-1)
    torch.testing.assert_close(found.x[:, 0], wanted, atol=1e-4, rtol=0)


def test_a_bound_is_cut_by_a_box_that_the_task_was_given():
    task = Task("boxed", lambda x: x * 1.0, PLAIN.prior, box=Box([-2.0] * 2, [2.0] * 2))
    found = invlab.invert(
        task, FAR_OUT, method="nearest", pairs=100, n=1, bounds=[(-5, None), (-1, 5)]
    )
    wanted = torch.tensor([[2.0, -1.0], [0.1, -0.2]]).double()
    torch.testing.assert_close(found.x[:, 0], wanted, atol=1e-4, rtol=0)


def test_conditions_in_a_list_are_asked_as_one_alone_is():
    def spoiling(x):
        return x.mul_(0)[:, 0] == 0

    both = [lambda x: x[:, 0] > 0.5, spoiling, lambda x: x[:, 1] > 0.5]
    found = invlab.invert(SAME, [[0.3, 0.6]], method="nearest", pairs=200, n=3, feasible=both)
    assert (found.x > 0.5).all()
    numbers = [lambda x: x[:, 0] - 0.5, lambda x: x[:, 1] - 0.5]
    with pytest.raises(ValueError, match="expected True or False a row, got numbers"):
        invlab.invert(SAME, TARGETS, feasible=numbers)
    assert len(invlab.invert(SAME, TARGETS, method="nearest", pairs=50, n=2, feasible=[]).x) == 2


def test_what_a_target_masks_is_not_measured():
    y = np.ma.masked_array([[0.5, 9.0]], mask=[[False, True]])
    found = invlab.invert(SAME, y, method="nearest", pairs=200, n=2)
    assert float(found.x[0, 0, 0]) == pytest.approx(0.5, abs=1e-6)


def test_a_table_of_answers_keeps_their_digits(tmp_path):
    task = Task("offset", lambda x: x - 1e8, Box([1e8], [1e8 + 1]))
    found = invlab.invert(task, [[0.123456789]], method="nearest", pairs=100, n=1)
    path = found.save(tmp_path / "x.csv")
    read = float(path.read_text().splitlines()[1].split(",")[2])
    assert read == float(found.x[0, 0, 0])


NORMAL = Task(
    "normal", lambda x: x * 1.0, torch.distributions.Normal(torch.zeros(1), torch.ones(1))
)
WEIGHED = Task("weighed", lambda x: torch.cat([x, x], -1), Box([-1.0], [1.0]))


@pytest.mark.slow
def test_an_object_that_is_not_fitted_honours_sigma_as_its_name_does():
    by_name, by_object = (
        invlab.invert(NORMAL, [[1.0]], sigma=1.0, method=method, n=300, pairs=600)
        for method in ("mixture_density", invlab.get_method("mixture_density"))
    )
    assert torch.equal(by_name.x, by_object.x)
    # the posterior is N(0.5, 0.5), and without the error it would be a point at 1
    assert 0.3 < float(by_object.x.mean()) < 0.7
    assert float(by_object.spread) > 0.5


@pytest.mark.parametrize("method", ["direct", "neural_adjoint"])
def test_an_object_weighs_what_contradicts(method):
    options = {"epochs": 60} if method == "direct" else {}
    asked = {"sigma": [0.1, 10.0], "n": 2, "simulate": False, "pairs": 300}
    own = invlab.get_method(method, **options)
    found = invlab.invert(WEIGHED, [[0.5, -0.5]], method=own, **asked)
    assert float(found.x[0, 0]) == pytest.approx(0.5, abs=0.15)
    assert not own.facts  # the user's object stays as it was


def test_an_object_with_a_sigma_of_its_own_and_one_of_the_users_are_named():
    method = invlab.get_method("mixture_density", y_sigma=0.5)
    with pytest.raises(ValueError, match="mixture_density: has y_sigma of its own"):
        invlab.invert(NORMAL, [[1.0]], sigma=1.0, method=method)
    own = SimpleNamespace(name="mine", fit=None, propose=None)
    for name, other in (("mine", own), ("nearest", invlab.get_method("nearest"))):
        with pytest.raises(ValueError, match=f"{name}: cannot weigh the numbers of y by sigma"):
            invlab.invert(NORMAL, [[1.0]], sigma=1.0, method=other)


def test_a_box_that_was_not_given_is_none_beside_sigma_either():
    """The usual range of a normal law ends at 1.96."""
    found = invlab.invert(NORMAL, [[3.0]], sigma=0.01, method="lm", pairs=100)
    assert float(found.x[0, 0]) == pytest.approx(3.0, abs=0.01)


def test_draws_of_the_prior_are_no_posterior():
    noisy = Task("noisy", lambda x: x + 0.1 * torch.randn_like(x), Box([0.0], [1.0]), noisy=True)
    assert not invlab.invert(noisy, [[0.9]], method="prior", pairs=100).posterior


def test_whole_numbers_that_repeat_raise_no_false_alarm():
    task = Task("whole", lambda x: x**2, invlab.Integer(0, 9))
    y = (torch.arange(10, dtype=torch.float64) ** 2)[:, None]
    for seed in range(3):
        found = invlab.invert(task, y, method="nearest", simulate=False, n=1, seed=seed)
        assert found.reachable.all()
        assert found.x[:, 0, 0].tolist() == list(range(10))


def test_copies_of_few_rows_are_no_evidence_against_a_target():
    def law(x):
        return torch.stack([x[:, 0] ** 2 + x[:, 1], x[:, 0] * x[:, 1]], 1)

    draws = torch.Generator().manual_seed(0)
    few, fresh = (2 * torch.rand(n, 2, generator=draws, dtype=torch.float64) - 1 for n in (30, 200))
    x = few.repeat_interleave(20, 0)
    found = invlab.invert(invlab.Pairs(x, law(x)), law(fresh), method="nearest", n=1)
    assert found.reachable.all()
    assert "9 held-out pairs are too few" in str(found)
    assert "not tested" in str(found)


def drag(x):
    """Fails for the draw that is asked for the shape of y, and for a few others."""
    first = FIRST.prior.sample(1, generator=runtime.generator(0, "drag", "shape"))[0].numpy()
    if abs(x[0] - first[0]) < 0.05:
        raise ArithmeticError("too much")
    return np.array([x[0] + x[1], x[0] * x[1]])


FIRST = Task("drag", lambda x: x, Box([0.0, 0.0], [1.0, 1.0]))


def test_a_single_draw_that_fails_does_not_hide_the_shape_of_y(tmp_path):
    for _ in range(2):  # the second time the pairs are there already
        simulator = invlab.numpy_simulator(drag, batched=False)
        task = Task("drag", simulator, FIRST.prior, differentiable=False)
        pairs = invlab.generate(task, 40, folder=tmp_path)
        found = invlab.invert(task, [1.1, 0.3], method="nearest", data=pairs, n=1)
        assert found.x.isfinite().all()
    fresh = Task("drag", invlab.numpy_simulator(drag, batched=False), FIRST.prior)
    assert fresh.y_shape == (2,)


def test_no_simulation_at_all_succeeds():
    def fails(x):
        raise ArithmeticError("never")

    task = Task("fails", invlab.numpy_simulator(fails, batched=False), FIRST.prior)
    with pytest.raises(ValueError, match="all 64 rows failed"):
        task.y_shape  # noqa: B018


def test_answers_from_pairs_alone_come_in_the_order_of_what_is_believed():
    x = torch.rand(80, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    y = x**2 + 0.1 * torch.randn(80, 2, generator=torch.Generator().manual_seed(1))
    found = invlab.invert(invlab.Pairs(x, y), [[0.3, 0.4]], method="neural_adjoint", n=6)
    assert (found.believed.diff(dim=1) >= 0).all()
    assert found.error.isnan().all()
    assert "believed [y²]" in str(found)


def test_the_bound_in_a_file_is_that_of_the_first_answer(tmp_path):
    found = invlab.invert(SAME, TARGETS, method="direct", n=3, pairs=200, simulate=False)
    table = np.genfromtxt(found.save(tmp_path / "x.csv"), delimiter=",", names=True)
    assert (np.isnan(table["bound"]) == (table["rank"] > 0)).all()


def test_a_task_from_pairs_asks_for_them():
    pairs = SAME.sample(60)
    task = Task.from_pairs(pairs, name="oven", labels=["time", "heat"])
    with pytest.raises(ValueError, match="oven was made from pairs .* as data=pairs"):
        invlab.invert(task, TARGETS, method="nearest")
    found = invlab.invert(task, TARGETS, method="nearest", data=pairs, n=1)
    assert "heat" in str(found)


@pytest.mark.filterwarnings("default::UserWarning")
@pytest.mark.parametrize("times", [1, 6])
def test_settings_that_were_measured_several_times_are_said(times):
    x = torch.rand(12, 2, generator=torch.Generator().manual_seed(0)).repeat(times, 1)
    y = x + 0.1 * torch.randn(len(x), 2, generator=torch.Generator().manual_seed(1))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        invlab.invert(invlab.Pairs(x, y), [[0.3, 0.4]], method="nearest", n=1)
    repeated = [str(one.message) for one in said if "measured before" in str(one.message)]
    assert len(repeated) == (times > 1)
    assert times == 1 or "12 different x with 60 repeated" in repeated[0]


def test_draws_say_what_stands_beside_their_mean():
    noisy = Task("noisy", lambda x: x + 0.1 * torch.randn_like(x), Box([0.0], [1.0]), noisy=True)
    found = invlab.invert(noisy, [[0.5]], method="mixture_density", pairs=100, n=3)
    assert "error and bound are the first draw's" in str(found)


def test_a_single_draw_has_no_spread():
    noisy = Task("noisy", lambda x: x + 0.1 * torch.randn_like(x), Box([0.0], [1.0]), noisy=True)
    one, some = (
        invlab.invert(noisy, [[0.5]], method="mixture_density", pairs=100, n=n) for n in (1, 3)
    )
    assert "±" not in str(one)
    assert "1 draw" in str(one)
    x = some.x[0, :, 0]
    assert f"{float(x.mean()):.4g} ± {float(x.std()):.2g}" in str(some)


def test_data_are_pairs():
    with pytest.raises(TypeError, match="data: expected Pairs, got tuple"):
        invlab.invert(SAME, TARGETS, data=(1, 2))


def test_draws_that_were_cut_off_are_said():
    task = Task("line", lambda x: x * 1.0, Box([0.0], [1.0]))
    method = invlab.get_method("mixture_density", epochs=20)
    inside, beyond = (
        str(invlab.invert(task, [[y]], sigma=0.1, method=method, pairs=300, n=50))
        for y in (0.5, 1.1)
    )
    assert "lie on an edge" not in inside
    assert "Of 1 of 1 targets more than 20% of the draws lie on an edge" in beyond


def test_a_method_that_learned_from_the_pairs_gets_a_bound_from_others():
    simulator, rows = counting(lambda x: x * 1.0)
    task = Task("line", simulator, SAME.prior)
    pairs = task.sample(300, dtype=torch.float64)
    look_up = invlab.get_method("nearest").fit(task, pairs)
    fresh = task.targets(300, seed=3, dtype=torch.float64)
    found = invlab.invert(task, fresh.y, method=look_up, data=pairs, simulate=False, n=1)
    error = invlab.resimulation_error(task, found.x, fresh.y)[:, 0]
    assert (error <= found.bound).double().mean() > 0.8


def test_what_breaks_a_condition_is_no_answer():
    far = {"feasible": lambda x: (x - 0.5).abs().amax(1) > 0.3, "pairs": 60}
    with pytest.raises(ValueError, match="only .* meet bounds and feasible, got n=100"):
        invlab.invert(SAME, [[0.5, 0.5]], method="direct", n=100, **far)
    found = invlab.invert(SAME, [[0.5, 0.5]], method="direct", n=20, **far)
    assert far["feasible"](found.x[0]).all()


def test_each_target_is_simulated_under_its_context_before_any_is_twice():
    task = Task("scaled", lambda x, c: x * c, Box([0.0], [1.0]), context=Box([1.0], [2.0]))
    c = torch.linspace(1, 2, 4, dtype=torch.float64)[:, None]
    found = invlab.invert(task, c * 0.5, c=c, calls=10, n=1)
    assert found.error.isfinite().all()


def test_rounds_with_contexts_and_missing_numbers_have_as_many_answers():
    task = Task(
        "both", lambda x, c: torch.cat([x * c, x + c], -1), Box([0.0], [1.0]),
        context=Box([1.0], [2.0]),
    )  # fmt: skip
    y = [[0.5, 1.5], [0.5, math.nan], [0.6, math.nan], [0.7, math.nan]]
    found = invlab.invert(task, y, c=[[1.0], [1.2], [1.4], [1.6]], calls=40, n=10)
    assert found.x.shape[:2] == found.error.shape
    assert len(found) == 4


def test_rounds_begin_with_the_pairs_that_there_are():
    simulator, rows = counting(lambda x: x * 1.0)
    task = Task("dear", simulator, SAME.prior)
    pairs = SAME.sample(200, dtype=torch.float64)
    found = invlab.invert(task, TARGETS, calls=12, data=pairs, n=1)
    assert rows[0] <= 12
    known = torch.cdist(pairs.y, torch.tensor(TARGETS).double()).square().amin(0) / 2
    assert (found.error[:, 0] <= known + 1e-12).all()


def test_noise_of_the_rounds_is_not_that_of_the_first_draws():
    seen = []

    def simulate(x):
        noise = torch.rand_like(x)
        seen.append(noise.clone())
        return x + 0.1 * noise

    task = Task("n", simulate, Box([0.0], [1.0]), noisy=True, differentiable=False)
    invlab.invert(task, [[0.5]], calls=40, n=1)
    first, rest = seen[1], torch.cat(seen[2:])
    assert not torch.isin(rest, first).any()


def test_what_a_task_calls_valid_counts_beside_sigma_too():
    class Positive(Task):
        def valid(self, y):
            return super().valid(y) & (y > 0).all(-1)

    task = Positive("positive", lambda x: x[..., :1], Box([-1.0, -1.0], [1.0, 1.0]))
    asked = {"method": "pool", "pairs": 200, "n": 1}
    for sigma in (None, 0.1):
        found = invlab.invert(task, [[-0.5]], sigma=sigma, **asked)
        assert found.x[0, 0, 0] > -0.05 or found.error.isinf().all()


def test_draws_that_were_cut_off_are_said_whichever_pairs_were_held_out():
    task = Task("line", lambda x: x * 1.0, Box([0.0], [1.0]))
    for seed in range(6):
        method = invlab.get_method("mixture_density", epochs=20)
        found = invlab.invert(
            task, [[1.1]], sigma=0.1, method=method, pairs=150, n=50, seed=seed, simulate=False
        )
        assert "were cut off" in str(found), seed


def test_a_search_that_does_not_rank_is_no_posterior():
    search = invlab.get_method("neural_adjoint", search="adam", ranked=False, epochs=2)
    found = invlab.invert(SAME, TARGETS, sigma=0.1, method=search, pairs=60, n=4)
    assert not found.posterior


def test_one_start_is_enough_for_one_guess():
    pairs = SAME.sample(40, dtype=torch.float64)
    search = invlab.get_method("local_search", starts=1).fit(SAME, pairs)
    assert search.propose(pairs.y[:2], 1).shape == (2, 1, 2)


@pytest.mark.slow
def test_the_small_comparison_may_leave_the_larger_number_of_guesses_out():
    # as where a simulation is dear, or a budget is small
    budget = {"simulations": 3500, "seconds": 1.0}
    found = invlab.invert(SAME, TARGETS, budget=budget, pairs=100, n=3)
    assert found.x.shape == (2, 3, 2)


def test_without_simulations_no_search_on_the_simulator_is_chosen():
    simulator, rows = counting(lambda x: x * 1.0)
    task = Task("same", simulator, SAME.prior)
    found = invlab.invert(task, TARGETS, simulate=False, pairs=200, n=2, budget=1.0)
    assert found.method not in ("bfgs", "lm")
    # the pairs, a first look at the shape of y, and one answer a held-out target for the bound
    assert rows[0] <= 200 + 1 + 100


def test_rounds_go_beyond_the_usual_range_of_an_unbounded_prior():
    task = Task("far", lambda x: x * 1.0, invlab.Normal([0.0], [1.0]))
    found = invlab.invert(task, [[2.5]], calls=30, n=1)
    assert found.x[0, 0, 0] > 2.2  # 95 % of the prior end at 1.96


def test_one_context_each_may_stand_in_one_axis():
    task = Task("scaled", lambda x, c: x * c, Box([0.0], [1.0]), context=Box([1.0], [2.0]))
    y, c = torch.tensor([[0.5], [0.6], [0.7]]), torch.tensor([1.0, 1.5, 2.0])
    request = {"method": "nearest", "pairs": 50, "n": 1}
    column = invlab.invert(task, y, c=c[:, None], **request)
    torch.testing.assert_close(invlab.invert(task, y, c=c, **request).x, column.x)
    with pytest.raises(ValueError, match=r"shape \(3, 1\), got \(2,\)"):
        invlab.invert(task, y, c=c[:2], **request)


def test_pairs_are_given_once():
    pairs = SAME.sample(40)
    with pytest.raises(ValueError, match="data: expected none beside pairs"):
        invlab.invert(pairs, TARGETS, data=pairs)


def test_simulations_that_a_task_runs_by_itself_are_counted():
    task = invlab.get_task("navier_stokes")
    found = task.targets(1, seed=0)
    request = {"method": "nearest", "pairs": 6, "simulate": False, "n": 1}
    assert invlab.invert(task, found.y, c=found.c, **request).calls >= 6


def test_levenberg_marquardt_is_itself():
    found = invlab.invert(SAME, TARGETS, method="levenberg_marquardt", pairs=40, n=1)
    assert found.method == "levenberg_marquardt"
    assert invlab.get_method("levenberg_marquardt").algorithm == "lm"
    assert invlab.get_method("lm", starts=3).starts == 3
    assert invlab.get_method("bfgs").algorithm == "bfgs"


@pytest.mark.parametrize("method", ["lm", "bfgs", "joint", "local_search"])
def test_a_search_along_gradients_is_refused_before_anything_is_simulated(method):
    simulator, rows = counting(lambda x: x * 1.0)
    task = Task("rough", simulator, SAME.prior, differentiable=False)
    with pytest.raises(ValueError, match="needs gradients, and rough says it has none"):
        invlab.invert(task, TARGETS, method=method)
    assert rows[0] <= 1  # which tells the shape of y


def test_pairs_alone_have_no_simulator_to_spend_calls_on():
    with pytest.raises(ValueError, match="calls: pairs has no simulator"):
        invlab.invert(SAME.sample(100), TARGETS, calls=50)


def test_what_a_flag_may_come_from_is_said():
    asked = {"method": "nearest", "n": 2, "pairs": 300}
    plain = invlab.invert(SAME, [[4.0, 4.0]], **asked)
    assert "If y was measured with an error, give sigma=." in str(plain)
    narrow = invlab.invert(SAME, [[0.9, 0.9]], bounds=Box([0.0, 0.0], [0.5, 0.5]), **asked)
    assert "within these bounds and conditions" in str(narrow)
    sure = invlab.invert(SAME, [[4.0, 4.0]], sigma=0.01, **asked | {"method": "pool"})
    assert "could hardly come from this simulator and prior (" in str(sure)
    assert "give sigma=." not in str(sure)


def test_numbers_of_y_in_units_far_apart_are_said():
    task = Task("units", lambda x: x * torch.tensor([1e3, 1e-3]).to(x), SAME.prior)
    asked = {"method": "lm", "n": 2, "pairs": 50}
    said = "The numbers of y differ in spread by a factor of 1e"
    assert said in str(invlab.invert(task, [[300.0, 6e-4]], **asked))
    assert said not in str(invlab.invert(task, [[300.0, 6e-4]], sigma=[10.0, 1e-5], **asked))
    assert said not in str(invlab.invert(SAME, TARGETS, **asked))


@pytest.mark.parametrize("unit", [1.0, 1e-12, 1e12])
def test_a_linear_constraint_holds_in_any_unit(unit):
    task = Task("sum", lambda x: x.sum(-1, keepdim=True), Box([0, 0], [unit, unit]))
    apart = LinearConstraint([[1, -1]], 0.5 * unit, np.inf)
    found = invlab.invert(task, [[0.8 * unit]], method="nearest", n=5, feasible=apart, pairs=200)
    assert ((found.x[..., 0] - found.x[..., 1]) / unit >= 0.5 - 1e-6).all()


@pytest.mark.parametrize("bounds", [[(0.0, 0.3)], [(0.3, 1.0)]])
def test_pairs_in_float32_may_lie_on_an_edge(bounds):
    x = torch.tensor([[0.1], [0.3], [0.7]])
    data = invlab.Pairs(x, 10 * x)
    task = constrained(Task.from_pairs(data, name="edge"), bounds, None)
    assert 0.3 in keep_allowed(task, data).x.double().round(decimals=6)


@pytest.mark.parametrize("kind", [">f8", np.longdouble, float])
def test_arrays_of_any_order_of_bytes_and_any_stride_are_taken(kind):
    y, sigma = np.array(TARGETS, dtype=kind)[::-1], np.array([0.2, 0.1], dtype=kind)[::-1]
    found = invlab.invert(SAME, y, sigma=sigma, method="lm", n=1, pairs=100)
    expected = invlab.invert(SAME, TARGETS[::-1], sigma=[0.1, 0.2], method="lm", n=1, pairs=100)
    assert torch.equal(found.x, expected.x)


def test_conditions_and_methods_may_answer_in_any_array():
    def feasible(x):
        return (x[:, 0] < 0.5).flip(0).numpy()[::-1]

    class Backwards:
        def propose(self, y, n):
            return np.full((len(y), n, 2), 0.5)[:, ::-1]

    class Big:
        def propose(self, y, n):
            return np.full((len(y), n, 2), 0.5, dtype=">f8")

    x = torch.rand(4, 2, dtype=torch.float64)
    assert torch.equal(holds(feasible, x), x[:, 0] < 0.5)
    assert torch.equal(holds(lambda x: feasible(x).astype(">i4"), x), x[:, 0] < 0.5)
    for method in (Backwards(), Big()):
        guesses = guesses_of(method, torch.zeros(3, 2), 2, None, x_dim=2)
        assert guesses.tolist() == [[[0.5, 0.5]] * 2] * 3


def test_labels_that_are_numbers_name_the_bounds():
    task = Task("numbered", SAME.simulator, SAME.prior, labels=[1, 2])
    found = invlab.invert(task, [[0.3, 0.6]], bounds={2: (0, 0.5)}, method="lm", n=1, pairs=100)
    assert float(found.x[0, 0, 1]) <= 0.5
    assert str(found).splitlines()[2].split()[:3] == ["target", "1", "2"]
    with pytest.raises(ValueError, match="expected labels among 1, 2, got '3'"):
        invlab.invert(task, [[0.3, 0.6]], bounds={3: (0, 1)})


def turned(x):
    """An image ``(..., 2, 3)``."""
    return torch.stack(
        [x[..., :1] * torch.arange(1.0, 4.0), x[..., 1:].expand(*x.shape[:-1], 3)], -2
    )


@pytest.mark.parametrize("known", [True, False], ids=["known shape", "fresh"])
def test_pairs_whose_images_are_flat_answer_targets_that_are_images(known):
    task = Task("image", turned, SAME.prior)
    x = runtime_draws(40)
    y = turned(x)
    if known:
        task.note_shape(y[0])
    flat = invlab.Pairs(x, y.flatten(1))
    found = invlab.invert(task, y[:2], data=flat, method="nearest", n=1)
    assert float(found.error.max()) < 1e-9
    for targets, pairs, more in (
        (y[:2], flat, {}),
        (y[:2].flatten(1), flat[:3], {}),
        (y[:2].flatten(1), flat, {"sigma": 0.1}),
    ):
        assert invlab.invert(task, targets, data=pairs, calls=12, n=1, **more).calls <= 12


def runtime_draws(n):
    """Draws of the prior of SAME, ``(n, 2)``."""
    return SAME.prior.sample(n, generator=torch.Generator().manual_seed(0))


def test_pairs_of_another_width_are_refused_by_name():
    task = Task("image", turned, SAME.prior)
    x = runtime_draws(40)
    y = turned(x)
    wide, given = invlab.Pairs(torch.rand(40, 3), y.float()), invlab.Pairs(x, y, x)
    with pytest.raises(ValueError, match=r"data: expected x of shape \(N, 2\), .*got \(40, 3\)"):
        invlab.invert(task, y[:2], data=wide)
    with pytest.raises(ValueError, match=r"data: expected no c, .*got \(40, 2\)"):
        invlab.invert(task, y[:2], data=given)
    short = invlab.Pairs(x, y.flatten(1)[:, 1:])
    for options in ({}, {"calls": 12}):
        with pytest.raises(ValueError, match=r"data: expected y of shape \(N, 2, 3\), as image"):
            invlab.invert(task, y[:2], data=short, **options)
    with pytest.raises(
        ValueError, match=r"data: expected y of shape \(N, 2, 3\), as the simulator"
    ):
        invlab.invert(task, short.y[:2], data=short, calls=12)


def test_fewer_answers_than_asked_for_are_said():
    few = invlab.invert(SAME, TARGETS, calls=10, n=50)
    assert few.notes[-1] == f"n = 50 were asked for, there are {few.x.shape[1]} simulations."
    kinds = invlab.invert(SAME, [[0.3, math.nan], [0.8, 0.1]], calls=21, n=50)
    assert "n = 50 were asked for, there are" in kinds.notes[-1]
    assert kinds.notes[-1].endswith("for the target that has fewest, and all get as many.")
    context = Task("shift", lambda x, c: x + c, SAME.prior, context=Box([0.0, 0.0], [1.0, 1.0]))
    each = invlab.invert(context, TARGETS, c=[[0.1, 0.2], [0.3, 0.4]], calls=12, n=50)
    assert f"there are {each.x.shape[1]} simulations for the target" in each.notes[-1]


@pytest.mark.parametrize(
    ("value", "method"), [(5e-9, "neural_adjoint"), (3.0, "direct"), (0.0, "mixture_density")]
)
def test_an_unknown_that_never_varies_keeps_its_value_where_nothing_is_simulated(value, method):
    x = runtime_draws(60)
    x[:, 1] = value
    pairs = invlab.Pairs(x, torch.stack([x[:, 0], x[:, 0].square()], 1))
    found = invlab.invert(pairs, pairs.y[:2], method=method, n=3)
    assert found.x[..., 1].unique().tolist() == [value]
    assert float(found.x_length[1]) == math.inf


def test_modes_do_not_count_the_room_of_an_unknown_that_never_varies():
    x = runtime_draws(60)
    assert length_of(torch.cat([x, x[:, :1] * 0 + 0.1], 1), None)[2] == math.inf
    wide = Box([0.0, 0.0, 0.0], [1.0, 1.0, 12**0.5])
    length = length_of(torch.cat([x, x[:, :1] * 0 + 0.1], 1), wide)
    assert torch.allclose(length[2:], torch.ones(1, dtype=torch.float64))
    assert torch.equal(length[:2], x.std(0))


def test_draws_of_an_unknown_that_never_varies_are_not_cut_off():
    x = runtime_draws(200)
    x[:, 1] = 3.0
    task = Task("still", lambda x: x[..., :1] * 1.0, Empirical(x), box=Box([0, 2], [1, 4]))
    found = invlab.invert(task, [[0.5]], sigma=0.01, method="mixture_density", n=20, pairs=200)
    assert not any("lie on an edge" in note for note in found.notes)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"bounds": [(math.inf, -math.inf), (0, 1)]}, ValueError, "got inf and -inf for unknown 0"),
        ({"bounds": [(0, 1), (0.5, 0.5)]}, ValueError, "got 0.5 and 0.5 for unknown 1; a value"),
        ({"bounds": {"x1": 0.5}}, ValueError, r"expected a pair \(low, high\) for x1, got 0.5"),
        ({"method": "nearest", "budget": {"secs": 1}}, ValueError, "budget: .*got secs"),
        ({"method": "nearest", "budget": "many"}, TypeError, "budget: .*got 'many'"),
    ],
)
def test_limits_and_budgets_that_are_none_are_named(options, error, message):
    with pytest.raises(error, match=message):
        invlab.invert(SAME, TARGETS, **options)


def test_a_narrow_box_takes_no_search_for_draws():
    narrow = Restricted(SAME.prior, box=Box([0.4, 0.0], [0.4 + 1e-9, 2.0]))
    x = narrow.sample(1000)
    assert x[:, 0].min() >= 0.4
    assert x[:, 0].max() <= 0.4 + 1e-9
    assert 0.99 < x[:, 1].max() <= 1.0
    cut = Restricted(SAME.prior, box=Box([0.0, 0.0], [0.5, 1.0]), condition=lambda x: x[:, 1] < 0.5)
    assert bool((cut.sample(500) <= 0.5).all())


def test_what_was_not_tested_is_not_saved_as_reachable(tmp_path):
    few = SAME.sample(20, dtype=torch.float64)
    answer = invlab.invert(SAME, TARGETS, method="nearest", data=few, n=2)
    assert "not tested" in str(answer)
    table = np.genfromtxt(answer.save(tmp_path / "x.csv"), delimiter=",", names=True)
    assert np.isnan(table["reachable"]).all()


def test_modes_are_those_of_a_target_at_a_radius():
    answer = invlab.invert(SAME, TARGETS, method="nearest", n=2, pairs=50)
    with pytest.raises(IndexError, match="modes: expected a target from 0 to 1, got 5"):
        answer.modes(5)
    with pytest.raises(ValueError, match="radius: expected a number from 0 on, got nan"):
        answer.modes(radius=math.nan)
    assert [str(mode) for mode in answer.modes(-1)] == [str(mode) for mode in answer.modes(1)]


def test_scalar_limits_of_a_constraint_say_nothing_of_torch():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        task = constrained(SAME, None, LinearConstraint([[1, 1]], 0, 1))
    assert bool(task.prior.allows(torch.tensor([[0.2, 0.3]])).all())
