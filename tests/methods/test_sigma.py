"""Samplers that learn p(x | measured y) from pairs without noise, against the exact posterior."""

import emcee
import numpy as np
import pytest
import torch

import invlab
from invlab import Box, Task

SIGMA = 0.15
LINE = Task("line", lambda x: x**2, Box([0.0], [1.0]))


def exact(y, sigma):
    """Mean and standard deviation of x given x² + noise, on a grid."""
    x = torch.linspace(0, 1, 4001, dtype=torch.float64)
    weight = (-0.5 * ((x**2 - y[:, None]) / sigma).square()).exp()
    weight = weight / weight.sum(1, keepdim=True)
    mean = (weight * x).sum(1)
    return mean, ((weight * x**2).sum(1) - mean**2).sqrt()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mixture_density", "flow_matching"])
def test_noise_in_the_training_gives_the_posterior_of_a_measurement(name):
    options = {"epochs": 40, "batch_size": 128, "y_sigma": SIGMA}
    method = invlab.get_method(name, **options).fit(LINE, LINE.sample(1500))
    y = torch.tensor([[0.1], [0.4], [0.9]])
    draws = method.propose(y, 4000)[..., 0].double()
    mean, spread = exact(y.double()[:, 0, None][:, 0], SIGMA)
    assert (draws.mean(1) - mean).abs().max() < 0.03
    assert (draws.std(1) / spread - 1).abs().max() < 0.3


@pytest.mark.slow
def test_two_unknowns_are_drawn_as_by_a_markov_chain():
    task = Task(
        "bend", lambda x: torch.stack([x[..., 0] + x[..., 1] ** 2, x[..., 1]], -1),
        Box([-1.0, -1.0], [1.0, 1.0]),
    )  # fmt: skip
    y, sigma = np.array([0.5, 0.4]), np.array([0.1, 0.4])

    def log_density(x):
        seen = np.stack([x[:, 0] + x[:, 1] ** 2, x[:, 1]], -1)
        inside = (np.abs(x) <= 1).all(1)
        return np.where(inside, -0.5 * (((seen - y) / sigma) ** 2).sum(1), -np.inf)

    chain = emcee.EnsembleSampler(32, 2, log_density, vectorize=True)
    draws = np.random.default_rng(0)
    chain.random_state = np.random.RandomState(0).get_state()
    chain.run_mcmc(draws.uniform(-0.5, 0.5, (32, 2)), 1500)
    exact = torch.from_numpy(chain.get_chain(discard=300, flat=True))

    options = {"epochs": 80, "batch_size": 128, "y_sigma": sigma.tolist()}
    method = invlab.get_method("mixture_density", **options).fit(task, task.sample(3000))
    x = method.propose(torch.from_numpy(y)[None], 20_000)[0]
    assert (x.mean(0) - exact.mean(0)).abs().max() < 0.05
    assert (x.std(0) / exact.std(0) - 1).abs().max() < 0.15
    assert (x.T.corrcoef() - exact.T.corrcoef()).abs().max() < 0.1


@pytest.mark.slow
def test_without_sigma_the_spread_is_that_of_the_pairs():
    method = invlab.get_method("mixture_density", epochs=40, batch_size=128)
    draws = method.fit(LINE, LINE.sample(1000)).propose(torch.tensor([[0.4]]), 1000)
    assert draws.std() < 0.05


@pytest.mark.slow
def test_a_level_for_each_number_of_y():
    task = Task("two", lambda x: x * 1.0, Box([0.0, 0.0], [1.0, 1.0]))
    options = {"epochs": 40, "batch_size": 128, "y_sigma": [0.02, 0.5]}
    method = invlab.get_method("mixture_density", **options).fit(task, task.sample(1000))
    spread = method.propose(torch.tensor([[0.5, 0.5]]), 1000)[0].std(0)
    assert spread[0] < 0.06
    assert spread[1] > 0.15


@pytest.mark.parametrize(
    ("sigma", "error", "message"),
    [
        (-1.0, ValueError, "y_sigma: expected finite numbers of at least 0"),
        (float("nan"), ValueError, "y_sigma: expected finite"),
        ("much", TypeError, "y_sigma: expected a number"),
    ],
)
def test_a_level_is_a_number(sigma, error, message):
    with pytest.raises(error, match=message):
        invlab.get_method("cinn", y_sigma=sigma)


def test_as_many_levels_as_numbers_of_y():
    method = invlab.get_method("cinn", y_sigma=[0.1, 0.2], epochs=1)
    with pytest.raises(ValueError, match="expected one number, or 1, one for each of y, got 2"):
        method.fit(LINE, LINE.sample(20))


@pytest.mark.slow
def test_both_branches_of_a_square_are_drawn_with_the_width_of_the_measurement():
    task = Task("square", lambda x: x**2, Box([-1.0], [1.0]))
    options = {"epochs": 80, "batch_size": 128, "y_sigma": SIGMA}
    method = invlab.get_method("mixture_density", **options).fit(task, task.sample(3000))
    y = torch.tensor([[0.2], [0.6]])
    draws = method.propose(y, 4000)[..., 0].double()
    # the two branches are alike: the size of x has the posterior of one of them
    mean, spread = exact(y[:, 0].double(), SIGMA)
    assert ((draws > 0).double().mean(1) - 0.5).abs().max() < 0.1
    assert (draws.abs().mean(1) - mean).abs().max() < 0.03
    assert (draws.abs().std(1) / spread - 1).abs().max() < 0.3


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mixture_density", "flow_matching"])
def test_the_six_branches_of_a_sine_are_drawn_with_the_law_of_the_measurement(name):
    sigma = 0.4
    task = Task("wave", lambda x: (3 * torch.pi * x).sin(), Box([-1.0], [1.0]))
    options = {"fourier_octaves": 3, "epochs": 120, "batch_size": 128, "y_sigma": sigma}
    options |= {"components": 12} if name == "mixture_density" else {"lr": 5e-3}
    method = invlab.get_method(name, **options).fit(task, task.sample(4000))
    y = torch.tensor([[-0.9], [0.0], [0.7]])
    x = method.propose(y, 4000)[..., 0].double()
    # the exact posterior on a grid, weighed by the measurement
    line = torch.linspace(-1, 1, 4001, dtype=torch.float64)
    weight = (-0.5 * (((3 * torch.pi * line).sin() - y.double()) / sigma).square()).exp()
    weight = weight / weight.sum(1, keepdim=True)
    edges = torch.linspace(-1, 1, 25, dtype=torch.float64)
    for drawn, law in zip(x, weight, strict=True):
        found = torch.histogram(drawn, edges).hist / len(drawn)
        exact = torch.histogram(line, edges, weight=law).hist
        assert (found - exact).abs().sum() / 2 < 0.3  # total variation; the prior has 0.38 and more
