"""The staggered grid against dense linear algebra, and against a flow that is known."""

import math

import pytest
import torch

from invlab.mac_grid import Flow, MacGrid, Square

FIVE = [
    Square(20, 40, 6),
    Square(50, 55, 7),
    Square(80, 40, 6),
    Square(35, 72, 5),
    Square(66, 75, 5),
]


def random_flow(cells, n=3, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    u = torch.randn(n, cells, cells + 1, generator=generator, dtype=dtype)
    return Flow(u, torch.randn(n, cells + 1, cells, generator=generator, dtype=dtype))


def flat(flow):
    return torch.cat([flow.u.flatten(1), flow.v.flatten(1)], 1)


@pytest.mark.parametrize("squares", [[], FIVE])
def test_a_projected_flow_has_no_divergence_and_crosses_nothing(squares):
    grid = MacGrid(32, squares=squares)
    flow = grid.project(random_flow(32))
    assert grid.divergence(flow).abs().max() < 1e-12
    closed = torch.cat([grid.open_u.flatten(), grid.open_v.flatten()]) == 0
    assert (flat(flow)[:, closed] == 0).all()
    assert grid.solid.any() == bool(squares)


def test_single_precision_is_as_good_as_it_can_be():
    grid = MacGrid(32, squares=FIVE)
    flow = grid.project(random_flow(32, dtype=torch.float32))
    assert flow.u.dtype == torch.float32
    assert grid.divergence(flow).abs().max() < 1e-5


def test_to_project_twice_is_to_project_once():
    grid = MacGrid(16, squares=FIVE)
    once = grid.project(random_flow(16))
    torch.testing.assert_close(flat(grid.project(once)), flat(once), rtol=0, atol=1e-12)


def test_it_is_the_orthogonal_projection_of_dense_linear_algebra():
    grid = MacGrid(8, size=8.0, squares=[Square(3.0, 4.0, 1.1), Square(6.5, 3.5, 0.6)])
    unit = torch.eye(2 * 8 * 9, dtype=torch.float64)
    every = Flow(unit[:, :72].reshape(-1, 8, 9), unit[:, 72:].reshape(-1, 9, 8))
    free = torch.cat([grid.open_u.flatten(), grid.open_v.flatten()]) > 0
    divergence = grid.divergence(every).flatten(1)[free].T  # cells by open faces
    null = torch.eye(int(free.sum()), dtype=torch.float64)
    null -= torch.linalg.pinv(divergence) @ divergence
    flow = random_flow(8)
    expected = torch.zeros_like(flat(flow))
    expected[:, free] = flat(flow)[:, free] @ null
    torch.testing.assert_close(flat(grid.project(flow)), expected, rtol=0, atol=1e-12)


def vortex(grid):
    """Taylor and Green's flow: steady without viscosity."""
    x_u, y_u, x_v, y_v = (math.pi * place for place in grid.faces())
    return Flow((x_u.sin() * y_u.cos())[None], -(x_v.cos() * y_v.sin())[None])


def vortex_error(cells):
    grid = MacGrid(cells, size=1.0)
    begun = grid.project(vortex(grid))
    flow, steps = begun, cells // 4
    for _ in range(steps):
        flow = grid.project(grid.advect(flow, 0.5 / steps))
    return float((flat(flow) - flat(begun)).norm() / flat(begun).norm())


def test_the_steady_vortex_is_lost_to_first_order():
    errors = [vortex_error(cells) for cells in (16, 32, 64)]
    orders = [math.log2(a / b) for a, b in zip(errors, errors[1:], strict=False)]
    assert errors[-1] < 0.05
    assert all(0.8 < order < 1.3 for order in orders), orders


def test_an_even_stream_carries_a_bump_by_its_speed():
    grid = MacGrid(32, size=32.0)
    _, _, x_v, y_v = grid.faces()

    def bump(x, y):
        return (-((x_v - x).square() + (y_v - y).square()) / 18).exp()

    small = 1e-6 * bump(12.0, 16.0)
    flow = Flow(torch.full((1, 32, 33), 2.0, dtype=torch.float64), small[None])
    moved = grid.advect(flow, 3.0).v[0]
    inside = (slice(4, -4), slice(8, -4))
    torch.testing.assert_close(moved[inside], 1e-6 * bump(18.0, 16.0)[inside], rtol=0, atol=1e-12)


def test_energy_never_grows_by_projection():
    grid = MacGrid(16, squares=FIVE)
    flow = random_flow(16)
    assert (flat(grid.project(flow)).norm(dim=1) <= flat(flow).norm(dim=1)).all()


def test_gradients_are_right_and_finite_beside_an_obstacle():
    grid = MacGrid(8, size=8.0, squares=[Square(4.0, 4.0, 1.1)])
    flow = random_flow(8, n=1)
    u, v = (part.requires_grad_() for part in flow)

    def step(u, v):
        after = grid.project(grid.advect(grid.project(Flow(u, v)), 0.3))
        return after.u, after.v

    assert torch.autograd.gradcheck(step, (u, v), eps=1e-7, atol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cells": 3}, "at least 4 cells"),
        ({"cells": 16, "squares": [Square(50, 50, 0.5)]}, "cover a cell"),
        ({"cells": 16, "squares": [Square(5, 50, 10)]}, "leave the walls free"),
    ],
)
def test_bad_grids_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        MacGrid(**options)
