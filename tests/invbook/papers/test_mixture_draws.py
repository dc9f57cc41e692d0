"""Draws come from the trained density, and those from Λ + I are narrower where it is wide."""

import pytest
import torch

import invlab
from invbook.papers.neural_adjoint.mixture_draws import (
    as_published,
    covariance_of_draws,
    covariance_of_mixture,
)


@pytest.fixture(scope="module")
def model():
    task = invlab.get_task("square")
    made = invlab.get_method("mixture_density", components=3, width=8, layers=2, epochs=2)
    return made.fit(task, task.sample(200), seed=0)


@pytest.fixture
def y(model):
    return torch.full((1, 1), 4.0, dtype=torch.float64, device=model.low.device)


def test_draws_have_the_covariance_of_the_mixture(model, y):
    formula, drawn = covariance_of_mixture(model, y), covariance_of_draws(model, y)
    torch.testing.assert_close(drawn.double(), formula, rtol=0.1, atol=0.02)


def test_added_precision_narrows_each_gaussian(model, y):
    seen = model.y_scaler(y.float())
    factor = model.mixture(seen)[2].double()
    narrowed = as_published(model).mixture(seen)[2].double()
    expected = factor @ factor.mT + torch.eye(model.x_dim).to(factor)
    torch.testing.assert_close(narrowed @ narrowed.mT, expected, rtol=1e-5, atol=1e-5)
    assert covariance_of_mixture(as_published(model), y) < covariance_of_mixture(model, y)


def test_the_trained_model_is_left_alone(model, y):
    before = covariance_of_mixture(model, y)
    as_published(model)
    assert torch.equal(covariance_of_mixture(model, y), before)
