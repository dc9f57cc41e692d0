"""The staggered grid against dense linear algebra, and against a flow that is known."""

import math

import pytest
import torch

from invlab.simulators.mac_grid import Flow, MacGrid, Square

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


@pytest.mark.slow
@pytest.mark.parametrize("dt", [0.3, 5.0], ids=["near", "beyond the walls"])
def test_derivatives_of_both_modes_are_right_beside_obstacles_and_walls(dt):
    grid = MacGrid(8, size=8.0, squares=[Square(4.0, 4.0, 1.1)])
    flow = random_flow(8, n=1)
    u, v = (part.requires_grad_() for part in flow)

    def step(u, v):
        after = grid.project(grid.advect(grid.project(Flow(u, v)), dt))
        return after.u, after.v

    check = torch.autograd.gradcheck
    assert check(step, (u, v), eps=1e-7, atol=1e-6, check_forward_ad=True)


def test_a_look_back_beyond_a_wall_takes_what_is_there_and_has_no_slope():
    grid = MacGrid(8, size=8.0)
    flow = random_flow(8, n=1)
    fast = Flow(torch.full_like(flow.u, 20.0), flow.v)

    def moved(u):
        return grid.advect(Flow(u, fast.v), 1.0).v

    carried, slope = torch.func.jvp(moved, (fast.u,), (torch.ones_like(fast.u),))
    first = moved(fast.u + 7.0)  # from farther behind the wall
    assert torch.equal(carried, first)
    assert (slope == 0).all()


def test_flows_are_carried_by_vmap_as_in_a_batch():
    grid, flow = MacGrid(8), random_flow(8)
    single = torch.func.vmap(lambda u, v: tuple(grid.advect(Flow(u[None], v[None]), 3.0)))(*flow)
    for a, b in zip(single, grid.advect(flow, 3.0), strict=True):
        torch.testing.assert_close(a[:, 0], b, rtol=0, atol=1e-14)


def test_both_modes_take_the_same_side_where_there_are_two():
    # whole numbers of cells lead from one place to another, where the interpolation has a bend
    grid = MacGrid(8, size=8.0)
    generator = torch.Generator().manual_seed(0)
    flow, along, weight = (
        [
            4.0 * torch.randint(-1, 2, shape, generator=generator).double()
            for shape in ((1, 8, 9), (1, 9, 8))
        ]
        for _ in range(3)
    )

    def step(u, v):
        return tuple(grid.advect(Flow(u, v), 1.0))

    _, forward = torch.func.jvp(step, tuple(flow), tuple(along))
    _, pull_back = torch.func.vjp(step, *flow)
    backward = pull_back(tuple(weight))
    ahead, back = (
        sum((a * b).sum() for a, b in zip(*pair, strict=True))
        for pair in ((forward, weight), (backward, along))
    )
    assert ahead != 0
    torch.testing.assert_close(ahead, back, rtol=1e-13, atol=0)


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
