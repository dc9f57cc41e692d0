"""What data leave free, on simulators whose posterior or whose invariance is known."""

import numpy as np
import pytest
import torch

import invlab
from invlab import Box, Integer, Normal, Product, Task
from invlab.runtime import generator
from invlab.trust import undetermined

from .cases import bend, bend_seen, known_surrogate

A = torch.tensor([[1.0, 0.0, 2.0], [0.0, 3.0, -1.0]], dtype=torch.float64)


def linear(x):
    return x @ A.T.to(x)


def linear_task(spread=(1.0, 2.0, 0.5)):
    prior = Normal([0.0, 0.0, 0.0], list(spread))
    return Task("linear", linear, prior, labels=["mass", "speed", "angle"])


@pytest.mark.parametrize("noise", [0.3, [0.1, 2.0]])
def test_what_is_left_is_the_spread_of_the_exact_posterior(noise):
    task = linear_task()
    found = undetermined(task, torch.zeros(4, 3), noise=noise)
    sigma = torch.as_tensor(noise, dtype=torch.float64).expand(2)
    prior = torch.tensor([1.0, 2.0, 0.5], dtype=torch.float64)
    precision = torch.diag(1 / prior**2) + A.T @ torch.diag(1 / sigma**2) @ A
    exact = torch.linalg.inv(precision).diagonal().sqrt() / prior
    assert found.spread[2].tolist() == pytest.approx(exact.tolist(), rel=0.03)
    assert found.singular_values[:, 2].tolist() == [0.0] * 4
    assert found.left[:, 2].tolist() == [1.0] * 4


def test_the_free_direction_is_the_one_that_changes_nothing():
    found = undetermined(linear_task(), torch.randn(5, 3, generator=generator(0)))
    assert found.free.tolist() == [[False, False, True]] * 5
    step = found.directions[:, 2] * torch.tensor([1.0, 2.0, 0.5])
    assert (linear(step).norm(dim=1) < 0.03 * step.norm(dim=1)).all()
    assert float(step.norm(dim=1).min()) > 0.1


def test_an_unknown_that_the_simulator_does_not_see_is_named():
    task = Task("blind", lambda x: x[..., :1], Box([0, 0], [1, 1]), labels=["seen", "unseen"])
    words = str(undetermined(task, torch.full((1, 2), 0.5)))
    assert "1 of 2 directions are free; left are 1 along unseen" in words
    assert "0.001 of its spread" in words


def test_a_sum_leaves_the_difference_free():
    task = Task(
        "sum", lambda x: x.sum(-1, keepdim=True), Normal([0.0, 0.0], [1.0, 1.0]), labels=["a", "b"]
    )
    (line,) = [
        line for line in str(undetermined(task, torch.zeros(1, 2))).split("\n") if "free" in line
    ]
    assert "1 along" in line
    assert " − 0.7" in line
    assert "a" in line.split("along")[1]
    assert "b" in line.split("along")[1]


def test_a_determined_answer_says_so_and_what_is_least_known():
    found = undetermined(Task("both", bend, Box([-1, -1], [1, 1])), torch.tensor([[0.2, 0.1]]))
    assert "all 2 directions are determined" in str(found)
    assert float(found.left.max()) < 0.01


def test_where_the_slope_vanishes_nothing_is_known():
    task = invlab.get_task("square")
    found = undetermined(task, torch.tensor([[0.0], [20.0]]))
    assert found.free.tolist() == [[True], [False]]
    # y' = 2 x: 40 · std(x) over a thousandth of std(y)
    x = torch.rand(200_000, generator=generator(1), dtype=torch.float64) * 66 - 33
    exact = 40 * x.std() / (1e-3 * x.square().std())
    assert float(found.singular_values[1]) == pytest.approx(float(exact), rel=0.1)


def test_a_number_that_is_not_measured_tells_nothing():
    found = undetermined(linear_task(), torch.zeros(1, 3), noise=[torch.inf, 0.1])
    assert found.free.sum() == 2
    with_both = undetermined(linear_task(), torch.zeros(1, 3), noise=[0.1, 0.1])
    assert with_both.free.sum() == 1


def test_a_surrogate_is_asked_as_well():
    x = torch.tensor([[0.3, -0.2]])
    task = Task("bend", bend, Box([-1, -1], [1, 1]), labels=["a", "b"])
    theirs = undetermined(known_surrogate(bend_seen, 2, 3), x, noise=0.1, labels=["a", "b"])
    ours = undetermined(task, x, noise=0.1)
    # scales of one against the prior's spread, here equal for both unknowns
    ratio = theirs.singular_values / ours.singular_values
    assert ratio.flatten().tolist() == pytest.approx([ratio.mean().item()] * 2, rel=0.05)
    assert theirs.labels == ("a", "b")


def test_contexts_are_given_to_both():
    def scaled(x, c):
        return x * c

    task = Task("scaled", scaled, Normal([0.0], [1.0]), context=Box([1], [5]))
    x, c = torch.zeros(2, 1), torch.tensor([[1.0], [4.0]])
    found = undetermined(task, x, c, noise=1.0)
    assert float(found.singular_values[1] / found.singular_values[0]) == pytest.approx(4.0)
    surrogate = known_surrogate(lambda u: u[..., :1] * u[..., 1:], 2, 1)
    found = undetermined(surrogate, x, c, noise=1.0)
    assert found.singular_values.flatten().tolist() == pytest.approx([1.0, 4.0])


def test_a_derivative_that_is_not_finite_is_said():
    task = Task("root", lambda x: x.sqrt(), Box([0], [1]))
    found = undetermined(task, torch.tensor([[0.0], [0.25]]))
    assert found.failed.tolist() == [True, False]
    assert found.singular_values.isnan().tolist() == [[True], [False]]
    assert "answer 1: the derivative is not finite" in str(found)
    found.plot()


def test_a_constant_number_of_y_and_images_do_no_harm():
    def simulate(x):
        return torch.stack([linear(x), torch.ones_like(x[..., :2])], -1)

    task = Task("image", simulate, Normal([0.0] * 3, [1.0] * 3))
    found = undetermined(task, torch.zeros(7, 3))
    assert found.singular_values.shape == (7, 3)
    assert found.free.tolist() == [[False, False, True]] * 7
    assert "2 more, with 1.0 free directions" in str(found)


def test_the_figure_names_the_unknowns():
    figure = undetermined(linear_task(), torch.randn(6, 3)).plot()
    one, two = figure.axes
    assert [label.get_text() for label in two.get_xticklabels()] == ["mass", "speed", "angle"]
    assert one.get_yscale() == "log"


def test_what_does_not_fit_is_refused():
    x = torch.zeros(1, 3)
    for noise in (0.0, [1.0, 2.0, 3.0], -1.0):
        with pytest.raises(ValueError, match="noise: expected one standard deviation above 0"):
            undetermined(linear_task(), x, noise=noise)
    with pytest.raises(TypeError, match="expected a Task or a Surrogate, got function"):
        undetermined(linear, x)
    table = Task.from_pairs(linear_task().sample(50), name="table")
    with pytest.raises(ValueError, match="table: has no simulator; fit a surrogate"):
        undetermined(table, x)
    with pytest.raises(ValueError, match="x: expected 2 numbers for the surrogate"):
        undetermined(known_surrogate(bend_seen, 2, 3), x)
    with pytest.raises(ValueError, match="labels: expected 3 names"):
        undetermined(linear_task(), x, labels=["a"])


def test_a_missing_context_and_a_cut_graph_are_named():
    box = Box([0.0], [1.0])
    scaled = Task("scaled", lambda x, c: x * c, box, context=Box([1.0], [2.0]))
    with pytest.raises(ValueError, match="c: scaled takes a context c for each answer"):
        undetermined(scaled, torch.ones(1, 1))
    plain = Task("plain", lambda x: x * 1.0, box)
    with pytest.raises(ValueError, match="c: plain takes no context c"):
        undetermined(plain, torch.ones(1, 1), torch.ones(1, 1))
    cut = Task("cut", lambda x: x.detach() * 1.0, box)
    with pytest.raises(ValueError, match="cut: y does not depend on x for torch"):
        undetermined(cut, torch.ones(1, 1))


def wavy(x, c=None):
    """Two unknowns to three numbers, in fractions of their own."""
    shift = 0.0 if c is None else c
    a, b = x[..., :1], x[..., 1:]
    return torch.cat([(a + shift).sin(), a * b.exp(), (a - b).square()], -1)


@pytest.mark.parametrize("context", [None, Box([0.0], [1.0])])
def test_differences_of_simulations_say_the_same_as_gradients(context):
    box = Box([-1.0, 0.0], [1.0, 3.0])
    x = box.sample(20, generator=generator(2))
    x[0], x[1] = box.low, box.high  # where a difference can look to one side alone
    c = None if context is None else context.sample(20, generator=generator(3))
    smooth, rough = (
        Task("wavy", wavy, box, context=context, differentiable=d) for d in (True, False)
    )
    exact, found = undetermined(smooth, x, c), undetermined(rough, x, c)
    assert torch.allclose(found.singular_values[2:], exact.singular_values[2:], rtol=1e-3)
    assert torch.allclose(found.singular_values, exact.singular_values, rtol=0.05)
    assert torch.allclose(found.spread, exact.spread, rtol=0.01)
    assert "differences of simulations" in str(found)
    assert "differences" not in str(exact)


def test_differences_take_two_simulations_an_unknown_and_stay_in_the_box():
    seen = []

    def looked(x):
        seen.append(x.clone())
        return x * 2.0

    box = Box([0.0, 0.0], [1.0, 9.0])
    undetermined(Task("looked", looked, box, differentiable=False), torch.tensor([[0.0, 9.0]] * 5))
    ends = torch.cat([rows for rows in seen if len(rows) == 10])
    assert len(ends) == 20
    assert box.contains(ends).all()


def test_differences_of_whole_unknowns_are_whole():
    prior = Product(Integer([0], [10]), Box([0.0], [1.0]))

    def counted(x):
        assert torch.equal(x[..., 0], x[..., 0].round())
        return torch.cat([3 * x[..., :1], x[..., 1:]], -1)

    found = undetermined(
        Task("counted", counted, prior, differentiable=False), torch.tensor([[5.0, 0.5]]), noise=1.0
    )
    # 3 · the spread of eleven whole numbers, over a noise of one
    assert float(found.singular_values[0, 0]) == pytest.approx(3 * 10**0.5, rel=0.02)


def test_noise_is_the_same_at_both_ends_or_is_refused():
    def noisy(x):
        return 2 * x + torch.randn(x.shape, dtype=x.dtype)

    box = Box([0.0], [1.0])
    found = undetermined(
        Task("noisy", noisy, box, noisy=True, differentiable=False), torch.tensor([[0.5]]), noise=1
    )
    assert float(found.singular_values[0, 0]) == pytest.approx(2 * (1 / 12) ** 0.5, rel=0.02)
    numpys = np.random.default_rng(0)

    def own(x):
        return x + torch.from_numpy(numpys.normal(size=tuple(x.shape)))

    with pytest.raises(ValueError, match="its noise does not follow torch's generators"):
        undetermined(Task("own", own, box, noisy=True, differentiable=False), torch.tensor([[0.5]]))


@pytest.mark.filterwarnings("ignore:picky:UserWarning")
def test_answers_at_which_a_simulator_fails_are_said():
    def picky(x):
        return torch.where(x > 0.5, torch.nan, x)

    task = Task("picky", picky, Box([0.0], [1.0]), differentiable=False)
    found = undetermined(task, torch.tensor([[0.2], [0.8]]))
    assert found.failed.tolist() == [False, True]


@pytest.mark.parametrize("correlation", [0.0, 0.95])
def test_unknowns_that_are_not_independent_in_the_prior_are_said(correlation):
    both = torch.tensor([[1.0, correlation], [correlation, 1.0]], dtype=torch.float64)
    task = Task("pair", lambda x: x.sum(-1, keepdim=True), Normal([0.0, 0.0], cov=both))
    found = undetermined(task, torch.zeros(1, 2), noise=0.3)
    assert found.correlation == pytest.approx(correlation, abs=0.03)
    assert ("correlation of 0.95" in str(found)) is (correlation > 0)


def test_the_answers_that_are_asked_about_stay_as_they_are():
    x = torch.rand(3, 1, dtype=torch.float64)
    before = x.clone()
    undetermined(Task("in place", lambda x: x.mul_(2), Box([0.0], [1.0])), x)
    torch.testing.assert_close(x, before)


def test_a_noisy_simulator_is_asked_under_the_same_noise_each_time():
    task = invlab.get_task("two_moons")
    x = torch.rand(3, 2, dtype=torch.float64)
    state = torch.get_rng_state()
    first, again = (undetermined(task, x).singular_values for _ in range(2))
    torch.testing.assert_close(first, again, rtol=0, atol=0)
    assert torch.equal(torch.get_rng_state(), state)


def test_where_no_further_derivative_is_finite_nothing_is_averaged():
    # torch's derivative of this is NaN everywhere
    task = Task("half", lambda x: torch.where(x < 0.5, x, x * torch.nan), Box([0.0], [0.49]))
    x = torch.cat([torch.full((5, 1), 0.2), torch.full((2, 1), 0.8)]).double()
    words = str(undetermined(task, x))
    assert "nan" not in words
    assert "2 more, whose derivative is not finite" in words


def test_an_unknown_that_cannot_vary_leaves_the_slopes_of_the_others():
    fixed = invlab.priors.Empirical(torch.stack([torch.rand(50), torch.full((50,), 3.0)], 1))
    x = torch.tensor([[0.5, 3.0]])
    found = [
        undetermined(
            Task("product", lambda x: x[..., :1] * x[..., 1:], fixed, differentiable=way), x
        ).singular_values
        for way in (True, False)
    ]
    torch.testing.assert_close(found[0], found[1], rtol=1e-6, atol=1e-9)
