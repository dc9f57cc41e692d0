"""The meta-material's Maxwell side: its prior, its names, and spectra that physics allows."""

import pytest
import torch

from invlab import Box, get_task
from invlab.simulators.maxwell import SYMMETRIES, FourierModal


@pytest.fixture(scope="module")
def task():
    """A quick one of few orders."""
    return get_task("metamaterial", simulator="maxwell", orders=3)


def test_the_unknowns_are_heights_and_radii_in_the_papers_box(task):
    assert task.x_dim == 8
    assert isinstance(task.prior, Box)
    assert task.box.low.tolist() == [30] * 4 + [42] * 4
    assert task.box.high.tolist() == [55] * 4 + [52] * 4
    assert task.units == ["µm"] * 8
    assert task.labels == [f"height {k}" for k in range(1, 5)] + [
        f"radius {k}" for k in range(1, 5)
    ]
    assert not task.noisy
    assert task.differentiable


def test_spectra_are_reflectances_of_300_frequencies(task):
    pairs = task.sample(5)
    assert pairs.x.shape == (5, 8)
    assert pairs.y.shape == (5, 300)
    assert pairs.y.dtype == torch.float32
    assert ((pairs.y >= 0) & (pairs.y <= 1)).all()
    assert (pairs.y.amax(-1) - pairs.y.amin(-1) > 0.3).all()  # resonances, not a plain slab
    assert task.valid(pairs.y).all()


def test_spectra_are_the_solvers_from_08_to_15_thz(task):
    x = task.prior.sample(2, generator=torch.Generator().manual_seed(0))
    few = torch.tensor([0, 77, 150, 299])
    frequencies = 0.8 + 0.7 * few.double() / 299
    amplitude = FourierModal(3, loss=0.05)(x[:, :4], x[:, 4:], frequencies).r
    assert torch.allclose(task.simulate(x)[:, few], amplitude.abs().square(), atol=1e-4)


def test_four_orders_of_the_cylinders_give_one_spectrum(task):
    x = task.prior.sample(1, generator=torch.Generator().manual_seed(0))
    orders = torch.tensor(SYMMETRIES)
    y = task.simulate(x[0, torch.cat([orders, 4 + orders], -1)])
    assert (y - y[0]).abs().max() < 1e-4
    exchanged = task.simulate(x[:, [0, 2, 1, 3, 4, 6, 5, 7]])
    assert (exchanged - y[0]).abs().max() > 0.1


def test_options_reach_the_solver():
    task = get_task("metamaterial", simulator="maxwell", orders=2, loss=0.0, nodes=40)
    assert task.simulator.modal.eps == 11.7
    assert task.simulator.modal.orders == 2
    assert len(task.simulator.nodes) == 40


def test_another_simulator_is_refused():
    with pytest.raises(ValueError, match="^metamaterial: expected 'neural' or 'maxwell', got 'cs"):
        get_task("metamaterial", simulator="cst")
