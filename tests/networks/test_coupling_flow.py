"""Coupling flows: what goes in comes back, and the log-determinant is that of the map."""

import pytest
import torch

from invlab.networks.coupling_flow import CouplingFlow
from invlab.runtime import generator

TINY = {"blocks": 3, "width": 12, "layers": 3}
DIMS = pytest.mark.parametrize("dim", [1, 2, 3, 5])
CONDITIONS = pytest.mark.parametrize("y_dim", [0, 2])
OCTAVES = pytest.mark.parametrize("fourier_octaves", [0, 2])


def flow(device, dim, y_dim=0, *, stirred=True, dtype=torch.float32, **options):
    """A small flow; ``stirred`` gives weights to it that are no permutation."""
    made = CouplingFlow(dim, y_dim, **TINY | options)
    if stirred:
        with torch.no_grad():
            for i, weight in enumerate(made.parameters()):
                noise = torch.randn(weight.shape[1:], generator=generator(0, i))
                weight += 0.3 * noise  # members stay as different as they were
    return made.to(device, dtype)


def rows(device, dim, *, n=40, dtype=torch.float32, seed=1):
    return torch.randn(n, dim, generator=generator(seed, "rows"), dtype=dtype).to(device)


def condition(device, y_dim, **options):
    return rows(device, y_dim, seed=2, **options) if y_dim else None


@pytest.mark.parametrize(("dtype", "close"), [(torch.float32, 1e-4), (torch.float64, 1e-10)])
@DIMS
@CONDITIONS
@OCTAVES
def test_the_inverse_leads_back(device, dim, y_dim, fourier_octaves, dtype, close):
    made = flow(device, dim, y_dim, fourier_octaves=fourier_octaves, dtype=dtype)
    u, y = rows(device, dim, dtype=dtype), condition(device, y_dim, dtype=dtype)
    z, log_det = made(u, y)
    assert z.shape == (1, 40, dim)
    assert log_det.shape == (1, 40)
    assert (z - u).abs().max() > 0.1
    assert (made.inverse(z, y)[0] - u).abs().max() < close
    assert (made(made.inverse(u, y), y)[0][0] - u).abs().max() < close


@DIMS
@CONDITIONS
@OCTAVES
def test_the_log_determinant_is_that_of_the_jacobian(device, dim, y_dim, fourier_octaves):
    made = flow(device, dim, y_dim, fourier_octaves=fourier_octaves, dtype=torch.float64)
    u, y = (f(device, d, n=3, dtype=torch.float64) for f, d in ((rows, dim), (condition, y_dim)))
    jacobian = torch.autograd.functional.jacobian(lambda u: made(u, y)[0][0].sum(0), u)
    expected = torch.linalg.slogdet(jacobian.movedim(1, 0)).logabsdet
    torch.testing.assert_close(made(u, y)[1][0], expected, rtol=0, atol=1e-10)
    assert expected.abs().max() > 0.1


@DIMS
@CONDITIONS
def test_a_fresh_flow_is_a_permutation(device, dim, y_dim):
    u = rows(device, dim)
    z, log_det = flow(device, dim, y_dim, stirred=False)(u, condition(device, y_dim))
    assert torch.equal(z[0].sort(-1).values, u.sort(-1).values)
    assert (log_det == 0).all()


@DIMS
def test_every_number_is_moved(device, dim):
    made, u = flow(device, dim, 1), rows(device, dim)
    y = condition(device, 1)
    here, there = made(u, y)[0], made(u, y + 1)[0]
    assert ((here - there).abs() > 1e-6).all()


@pytest.mark.parametrize("dim", [1, 3])
@CONDITIONS
def test_each_member_answers_as_it_would_alone(device, dim, y_dim):
    together = flow(device, dim, y_dim, seeds=(0, 7))
    u, y = rows(device, dim), condition(device, y_dim)
    z, log_det = together(u, y)
    back = together.inverse(z, y)
    assert z.shape == back.shape == (2, 40, dim)
    for k, seed in enumerate((0, 7)):
        alone = flow(device, dim, y_dim, seeds=(seed,))
        # batched and single products may sum in another order
        torch.testing.assert_close(z[k], alone(u, y)[0][0], rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(log_det[k], alone(u, y)[1][0], rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(back[k], u, rtol=0, atol=1e-4)
    # with one number and no condition nothing is drawn, so that members start as one
    assert torch.equal(z[0], z[1]) == (dim == 1 and y_dim == 0)


def test_members_given_batches_of_their_own_do_not_mix(device):
    made = flow(device, 3, 2, seeds=(0, 1))
    u = torch.stack([rows(device, 3), rows(device, 3) + 1])
    y = condition(device, 2).expand(2, -1, -1)
    changed = u.clone()
    changed[1] += 10
    for a, b in zip(made(changed, y), made(u, y), strict=True):
        assert torch.equal(a[0], b[0])
        assert not torch.allclose(a[1], b[1])


def test_a_saved_flow_brings_its_permutations_along(device):
    saved, fresh = (flow(device, 5, 2, stirred=s) for s in (True, False))
    saved.orders.copy_(saved.orders.flip(0).flip(1))
    assert not torch.equal(saved.orders, fresh.orders)
    fresh.load_state_dict(saved.state_dict())
    assert torch.equal(saved.orders, fresh.orders)
    u, y = rows(device, 5), condition(device, 2)
    for a, b in zip(saved(u, y), fresh(u, y), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("clamp", [0.1, 2.0])
@DIMS
def test_the_clamp_bounds_the_log_determinant(device, dim, clamp):
    made = flow(device, dim, 2, clamp=clamp)
    u, y, bound = rows(device, dim), condition(device, 2), clamp * TINY["blocks"] * dim
    with torch.no_grad():
        for network in made.networks:
            for weight in network.parameters():
                weight *= 100
    assert made(u, y)[1].abs().max() <= 1.0001 * bound
    with torch.no_grad():  # every log-scale as large as it may become
        for network in made.networks:
            *others, last = network.parameters()
            for weight in others:
                weight.zero_()
            last[..., : last.shape[-1] // 2] = 1e6
    torch.testing.assert_close(made(u, y)[1], torch.full((1, 40), bound, device=device))


def test_a_flow_can_be_trained_backwards_too(device):
    made = flow(device, 2, 1)
    made.inverse(rows(device, 2), condition(device, 1)).square().sum().backward()
    assert all(weight.grad.isfinite().all() for weight in made.parameters())
    assert all(weight.grad.abs().max() > 0 for weight in made.parameters())


@pytest.mark.parametrize("option", [{"dim": 0}, {"blocks": 0}])
def test_bad_counts_are_named(option):
    name = next(iter(option))
    with pytest.raises(ValueError, match=f"^{name}: expected at least 1, got 0"):
        CouplingFlow(**{"dim": 2} | option)


def test_octaves_below_zero_are_named():
    with pytest.raises(ValueError, match="fourier_octaves: expected at least 0, got -1"):
        CouplingFlow(2, fourier_octaves=-1)
