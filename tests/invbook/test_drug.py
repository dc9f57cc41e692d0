"""The running example of Part IV is the solution of its equations, and has a mirror image."""

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

import invlab
from invbook import drug


@pytest.mark.parametrize("x", [(0.6, 0.15, 30.0), (0.12, 0.9, 6.0), (2.0, 0.05, 60.0)])
def test_concentrations_solve_the_equations(x):
    """Gut and blood as two differential equations, solved step by step."""
    absorption, elimination, volume = x

    def flow(_, amount):
        gut, blood = amount
        return [-absorption * gut, absorption * gut - elimination * blood]

    times = np.array(drug.TIMES)
    exact = solve_ivp(flow, (0, 24), [drug.DOSE, 0.0], t_eval=times, rtol=1e-10, atol=1e-10)
    found = drug.concentration(torch.tensor([x], dtype=torch.float64))[0]
    np.testing.assert_allclose(found.cpu(), exact.y[1] / volume, rtol=1e-6)


def test_the_mirror_image_has_the_same_concentrations(device):
    x = drug.drug().sample(50, dtype=torch.float64).x.to(device)
    mirror = drug.mirrored(x)
    torch.testing.assert_close(drug.concentration(mirror), drug.concentration(x))
    torch.testing.assert_close(drug.mirrored(mirror), x)
    assert not torch.allclose(mirror, x)


def test_the_task_keeps_the_contract():
    verdict = invlab.check_task(drug.drug())
    assert verdict.passed, str(verdict)


def test_the_patient_is_explained_within_the_noise():
    truth = torch.tensor([0.6, 0.15, 30.0], dtype=torch.float64)
    gap = (drug.concentration(truth) - torch.tensor(drug.PATIENT, dtype=torch.float64)) / drug.SIGMA
    assert 0.1 < float(gap.square().mean()) < 2


@pytest.mark.slow
def test_the_walks_find_the_posterior_that_weighted_prior_draws_give():
    """A million draws of the prior, weighted by their likelihood, need no walk."""
    y = torch.tensor([drug.PATIENT], dtype=torch.float64)
    sigma = 0.3  # wide enough for weights that many draws share
    pool = drug.drug().prior.sample(1_000_000, generator=torch.Generator().manual_seed(1)).double()
    gap = (drug.concentration(pool) - y) / sigma
    weight = torch.softmax(-gap.square().sum(1) / 2, 0)
    draws = drug.Posterior(sigma).propose(y, 400)[0]
    # where the middle of each unknown lies, and how far the draws stray from the best fit
    middle = (weight[:, None] * pool.log()).sum(0)
    torch.testing.assert_close(draws.log().mean(0), middle, rtol=0.06, atol=0.1)
    misfit = float((weight * gap.square().sum(1)).sum())
    found = float(((drug.concentration(draws) - y) / sigma).square().sum(1).mean())
    assert found == pytest.approx(misfit, rel=0.15)


def test_too_few_walkers_are_refused():
    with pytest.raises(ValueError, match="at least 10"):
        drug.Posterior().propose(torch.tensor([drug.PATIENT]), 3)


def test_a_draw_outside_of_the_box_has_no_density():
    x = torch.tensor([[[0.6, 0.15, 30.0], [3.0, 0.15, 30.0]]])
    inside, outside = drug.Posterior().log_density(x, torch.tensor([drug.PATIENT]))[0].tolist()
    assert np.isfinite(inside)
    assert outside == -np.inf


def test_the_error_of_a_measurement_follows_its_seed():
    y = torch.zeros(2000)
    error = drug.measured(y, seed=1)
    assert torch.equal(error, drug.measured(y, seed=1))
    assert not torch.equal(error, drug.measured(y, seed=2))
    assert float(error.std()) == pytest.approx(drug.SIGMA, rel=0.1)
