"""The same cell by meent, somebody else's RCWA (MIT licence), where it is installed."""

import numpy as np
import pytest
import textbook
import torch

from invlab.simulators.maxwell import FourierModal

meent = pytest.importorskip("meent", reason="meent is not installed: pip install meent --no-deps")

F64 = torch.float64
HEIGHTS, RADII, PERIOD = (33.0, 41.0, 47.0, 53.0), (44.0, 50.0, 47.0, 51.5), 210.0


def ours(orders, frequency, **options):
    modal = FourierModal(orders, **options)
    rows = (torch.tensor(values, dtype=F64) for values in (HEIGHTS, RADII))
    return modal.eps, modal(*rows, torch.tensor([frequency], dtype=F64))


def theirs(orders, frequency, cell):
    """meent's solver: x-polarised, straight down, layers from the top."""
    tops = sorted([0.0, *HEIGHTS])
    return meent.call_mee(
        backend=0,
        theta=0.0,
        phi=0.0,
        pol=1.0,
        period=[PERIOD, PERIOD],
        wavelength=textbook.LIGHT_SPEED / frequency,
        thickness=np.diff(tops)[::-1],
        fto=[orders, orders],
        ucell=cell,
        enhanced_dfs=False,
    )


@pytest.mark.parametrize("loss", [0.0, 0.02])
@pytest.mark.parametrize("frequency", [1.1, 1.6])
def test_the_same_matrices_give_the_same_waves(frequency, loss):
    eps, found = ours(3, frequency, loss=loss, normals=False)
    # meent counts time the other way, exp(+iωt): all that is complex is conjugate
    matrices = np.stack(
        [
            textbook.product(textbook.permittivity(eps.conjugate(), inside.T), 3)
            for _, inside in textbook.cylinders(HEIGHTS, RADII, PERIOD, 3)
        ][::-1]
    )
    solver = theirs(3, frequency, np.ones((4, 8, 8)))
    result = solver.solve_for_conv(
        solver.wavelength, matrices, matrices, np.linalg.inv(matrices)
    ).res
    # its amplitude is that of H, up to a constant phase
    assert abs(result.R_p[3, 3] - -1j * found.r.item().conjugate()) < 1e-11
    assert abs(result.de_ri[3, 3] - found.r.abs().item() ** 2) < 1e-11
    assert abs(result.de_ri.sum() - found.reflected.item()) < 1e-11
    assert abs(result.de_ti.sum() - found.transmitted.item()) < 1e-11


@pytest.mark.parametrize("frequency", [1.1, 1.5])
def test_a_drawn_cell_and_other_rules_of_products_come_near(frequency):
    eps, found = ours(6, frequency)
    points = 256
    place = (np.arange(points) + 0.5) / points
    index = np.ones((4, points, points), complex)
    for layer, top in enumerate(sorted(HEIGHTS, reverse=True)):
        for height, radius, (a, b) in zip(HEIGHTS, RADII, textbook.PLACES, strict=True):
            x, y = ((place - c + 0.5) % 1 - 0.5 for c in (a, b))
            if height >= top:
                within = np.hypot(x, y[:, None]) * PERIOD < radius
                index[layer][within] = np.sqrt(eps.conjugate())
    result = theirs(4, frequency, index).conv_solve().res
    # at ±4 orders its staircase rule is off by about 0.005
    assert abs(result.de_ri[4, 4] - found.r.abs().item() ** 2) < 0.015
    assert abs(result.de_ri.sum() - found.reflected.item()) < 0.015
    assert abs(result.de_ti.sum() - found.transmitted.item()) < 0.04
