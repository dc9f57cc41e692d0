"""Searches on the true simulator: they find what is known, and refuse what they cannot do."""

import pytest
import torch
from scipy import stats

import invlab
from invlab import Box, Integer, Product, Task

SINE = invlab.get_task("sine")


def answers(method, task, k=6, n=3):
    targets = task.targets(k, seed=1, dtype=torch.float64)
    x = method.fit(task, task.sample(60)).propose(targets.y, n, targets.c)
    return invlab.resimulation_error(task, x, targets.y, targets.c)


@pytest.mark.parametrize("algorithm", ["bfgs", "lm"])
def test_a_local_search_explains_every_target_best_first(algorithm):
    error = answers(invlab.get_method("local_search", algorithm=algorithm), SINE)
    assert error[:, 0].max() < 1e-9
    assert (error.diff(dim=1) >= -1e-12).all()


def test_a_local_search_beats_its_starts():
    found = answers(invlab.get_method("local_search", starts=2), SINE, n=1)
    looked_up = answers(invlab.get_method("nearest"), SINE, n=1)
    assert (found <= looked_up).all()


def test_evolution_needs_no_gradient_and_survives_failures():
    def steps(x):
        y = (4 * x).floor() / 4 + 0.1 * x
        return torch.where(x[..., :1] < 0.2, torch.nan, y)

    task = Task("steps", steps, Box([0.0, 0.0], [1.0, 1.0]), differentiable=False)
    with pytest.warns(UserWarning, match="left out"):
        error = answers(invlab.get_method("differential_evolution"), task)
    assert error[:, 0].max() < 1e-6
    assert (error.diff(dim=1) >= 0).all()
    with pytest.raises(ValueError, match="needs gradients"):
        invlab.get_method("local_search").fit(task, SINE.sample(5))


def test_evolution_finds_whole_numbers():
    prior = Product(Integer([0], [40]), Box([0.0], [1.0]))
    task = Task("whole", lambda x: x * 1.0, prior, differentiable=False)
    method = invlab.get_method("differential_evolution", generations=60).fit(task, task.sample(60))
    x = method.propose(torch.tensor([[17.0, 0.25]], dtype=torch.float64))[0, 0]
    assert x[0] == 17
    assert x[1] == pytest.approx(0.25, abs=1e-3)


@pytest.mark.parametrize("name", ["local_search", "differential_evolution"])
def test_noise_is_not_searched(name):
    task = Task("noisy", lambda x: x + torch.randn_like(x), Box([0.0], [1.0]), noisy=True)
    with pytest.raises(ValueError, match="whose noise would be searched too"):
        invlab.get_method(name).fit(task, task.sample(9))


@pytest.mark.parametrize("unit", [1e-9, 1e9])
def test_the_unit_of_y_does_not_matter(unit):
    task = Task("unit", lambda x: unit * (x**2 + x), Box([0.0], [1.0]))
    error = answers(invlab.get_method("local_search"), task)[:, 0]
    assert error.max() < (1e-5 * unit) ** 2


def test_options_are_checked():
    with pytest.raises(ValueError, match="algorithm: expected 'bfgs' or 'lm', got 'adam'"):
        invlab.get_method("local_search", algorithm="adam")


@pytest.mark.parametrize(
    "prior", [invlab.Poisson([2.0]), invlab.as_prior(stats.gamma(1.0))], ids=["whole", "real"]
)
@pytest.mark.parametrize(
    "name", ["local_search", "nearest", "neural_adjoint", "mixture_density", "joint"]
)
def test_answers_stay_where_a_prior_ends_on_one_side(name, prior):
    task = Task("parabola", lambda x: (x - 1).square(), prior)
    short = {
        "neural_adjoint": {"epochs": 2, "candidates": 5, "pool": 50},
        "mixture_density": {"epochs": 2},
    }
    options = (short | {"joint": {"iterations": 2}}).get(name, {})
    method = invlab.get_method(name, **options).fit(task, task.sample(60), seed=0)
    x = method.propose(torch.tensor([[9.0], [0.25]]), 8)
    assert (x >= 0).all()
    assert method.box.low.tolist() == [0.0]
    assert not method.box.closed


@pytest.mark.parametrize("algorithm", ["bfgs", "lm"])
def test_a_search_finds_what_lies_far_beyond_the_usual_range(algorithm):
    task = Task("shifted", lambda x: (x + 1).log(), invlab.as_prior(stats.gamma(1.0)))
    search = invlab.get_method("local_search", algorithm=algorithm).fit(task, task.sample(60))
    x = search.propose(torch.tensor([[20.0], [-1.0]], dtype=torch.float64).log1p().nan_to_num(), 2)
    assert float(x[0, 0]) == pytest.approx(20.0, rel=1e-3)


def test_whole_numbers_are_ranked_as_they_are_proposed():
    # 2.5 is exact and no whole number; of whole numbers 7 is best
    task = Task("holes", lambda x: (x - 2.5) ** 2 * ((x - 7) ** 2 + 0.01), Integer([0], [10]))
    for algorithm in ("bfgs", "lm"):
        model = invlab.get_method(algorithm, starts=30).fit(task, task.sample(20))
        assert float(model.propose(torch.zeros(1, 1, dtype=torch.float64))) == 7


@pytest.mark.parametrize(
    "method",
    [
        invlab.get_method("local_search"),
        invlab.get_method("local_search", algorithm="lm"),
        invlab.get_method("joint", iterations=2),
    ],
    ids=lambda method: str(method).split(",")[0],
)
def test_a_simulator_in_a_dtype_of_its_own_is_told_what_to_do(method):
    network = torch.nn.Linear(2, 3).to(invlab.runtime.device())
    task = Task("network", network, Box([0.0, 0.0], [1.0, 1.0]))
    data = task.sample(20)
    with pytest.raises(TypeError, match="network: the simulator computes in a dtype of its own"):
        method.fit(task, data).propose(data.y[:2])


def test_a_noisy_task_is_refused_where_a_search_is_read_too(tmp_path):
    noisy = Task("noisy", SINE.simulator, SINE.prior, noisy=True)
    invlab.get_method("local_search").fit(SINE, SINE.sample(20)).save(tmp_path / "model")
    with pytest.raises(ValueError, match="local_search: .* noisy says it is noisy"):
        invlab.load_method(tmp_path / "model", task=noisy)
