"""Flows of monotone splines: what goes in comes back, and the log-determinant is the map's."""

import sys

import pytest
import torch

from invlab.networks.spline_flow import SplineFlowNetwork
from invlab.runtime import generator

DIMS = pytest.mark.parametrize("dim", [1, 2, 4, 11])
OCTAVES = pytest.mark.parametrize("fourier_octaves", [0, 2])


def flow(device, dim, *, stirred=True, dtype=torch.float64, **options):
    """A small flow; ``stirred`` gives weights to it that are no permutation."""
    made = SplineFlowNetwork(dim, 2, **{"blocks": 3, "bins": 5, "width": 12} | options)
    if stirred:
        with torch.no_grad():
            for i, weight in enumerate(made.parameters()):
                weight += 0.1 * torch.randn(weight.shape, generator=generator(0, i))
    return made.to(device, dtype)


def rows(device, dim, *, n=40, seed=1):
    return torch.randn(n, dim, generator=generator(seed, "rows"), dtype=torch.float64).to(device)


@DIMS
@OCTAVES
def test_the_inverse_leads_back(device, dim, fourier_octaves):
    made = flow(device, dim, fourier_octaves=fourier_octaves)
    # some of them outside of the splines
    u, y = 3 * rows(device, dim), rows(device, 2, seed=2)
    z, log_det = made(u, y)
    assert z.shape == (40, dim)
    assert log_det.shape == (40,)
    assert (z - u).abs().max() > 0.1
    assert (made.inverse(z, y) - u).abs().max() < 1e-9
    assert (made(made.inverse(u, y), y)[0] - u).abs().max() < 1e-9


@DIMS
@OCTAVES
def test_the_log_determinant_is_that_of_the_jacobian(device, dim, fourier_octaves):
    made = flow(device, dim, fourier_octaves=fourier_octaves)
    u, y = rows(device, dim, n=3), rows(device, 2, n=3, seed=2)
    jacobian = torch.autograd.functional.jacobian(lambda u: made(u, y)[0].sum(0), u)
    expected = torch.linalg.slogdet(jacobian.movedim(1, 0)).logabsdet
    torch.testing.assert_close(made(u, y)[1], expected, rtol=0, atol=1e-9)
    assert expected.abs().max() > 0.1


@DIMS
def test_untrained_it_is_a_permutation(device, dim):
    made = flow(device, dim, stirred=False)
    u = rows(device, dim)
    z, log_det = made(u, rows(device, 2, seed=2))
    torch.testing.assert_close(z.sort(-1).values, u.sort(-1).values)
    assert log_det.abs().max() < 1e-12


@pytest.mark.parametrize("dim", [4, 11])
def test_every_number_depends_on_every_other_and_on_y(device, dim):
    made = flow(device, dim)
    u, y = rows(device, dim, n=3), rows(device, 2, n=3, seed=2)
    jacobian = torch.autograd.functional.jacobian(lambda *both: made(*both)[0].sum(0), (u, y))
    for part in jacobian:
        assert (part.abs().amax(1) > 0).all()


def test_seeds_give_other_weights(device):
    def weights(seed):
        return torch.cat(
            [w.flatten() for w in flow(device, 3, stirred=False, seed=seed).parameters()]
        )

    assert torch.equal(weights(0), weights(0))
    first, second = weights(0), weights(1)
    drawn = first != 0
    assert (first[drawn] != second[drawn]).all()
    # groups and blocks differ, too
    assert len(first[drawn].unique()) > 0.99 * int(drawn.sum())


def test_it_says_what_it_needs(monkeypatch, device):
    monkeypatch.setitem(sys.modules, "zuko", None)
    monkeypatch.setitem(sys.modules, "zuko.transforms", None)
    with pytest.raises(ImportError, match=r"needs zuko; pip install \"invlab\[flows\]\""):
        flow(device, 2)(rows(device, 2), rows(device, 2))


def test_octaves_below_zero_are_named():
    with pytest.raises(ValueError, match="fourier_octaves: expected at least 0, got -1"):
        SplineFlowNetwork(2, 1, fourier_octaves=-1)
