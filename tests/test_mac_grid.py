"""The grid of a flow: exact projection with obstacles, advection, derivatives of both."""

import math

import numpy as np
import pytest
import torch

from invlab.mac_grid import MacGrid
from invlab.runtime import generator

DOUBLE = torch.float64
# the last one is a ring of solid cells around a pocket of fluid
OBSTACLES = {
    "none": (),
    "one": ((40.0, 50.0, 14.0),),
    "touching": ((30.0, 30.0, 14.0), (55.0, 40.0, 14.0), (95.0, 60.0, 8.0)),
    "ring": tuple(
        (12.5 * i + 6.25, 12.5 * j + 6.25, 6.0)
        for i in range(1, 6)
        for j in range(2, 7)
        if i in (1, 5) or j in (2, 6)
    ),
}
each = pytest.mark.parametrize("obstacles", OBSTACLES.values(), ids=OBSTACLES)


def flows(grid, n=3, seed=0):
    shape = (n, 2, grid.cells, grid.cells - 1)
    return torch.randn(shape, generator=generator(seed), dtype=DOUBLE)


def dense_projection(grid, solid):
    """On the null space of all conditions: no cell gains fluid, nothing passes a solid side."""
    cells = grid.cells
    shape = (2, cells, cells - 1)
    rows = []
    for j in range(cells):
        for i in range(cells):
            row = torch.zeros(shape, dtype=DOUBLE)
            for k, (number, across) in enumerate([(i, j), (j, i)]):
                if number < cells - 1:
                    row[k, across, number] += 1
                if number > 0:
                    row[k, across, number - 1] -= 1
            rows.append(row)
    for j in range(cells):
        for i in range(cells - 1):
            if solid[j, i] or solid[j, i + 1]:
                rows.append(torch.zeros(shape, dtype=DOUBLE))
                rows[-1][0, j, i] = 1
            if solid[i, j] or solid[i + 1, j]:
                rows.append(torch.zeros(shape, dtype=DOUBLE))
                rows[-1][1, j, i] = 1
    conditions = torch.stack(rows).flatten(1)
    return torch.eye(conditions.shape[1], dtype=DOUBLE) - (
        torch.linalg.pinv(conditions, rtol=1e-12) @ conditions
    )


@each
def test_the_projection_is_that_of_a_dense_solve(obstacles):
    grid = MacGrid(8, 100.0, obstacles)
    flow = flows(grid)
    expected = flow.flatten(1) @ dense_projection(grid, grid.solid_cells(obstacles))
    torch.testing.assert_close(grid.project(flow).flatten(1), expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize("cells", [16, 32, 64])
@each
def test_no_cell_gains_fluid_and_no_obstacle_is_passed(cells, obstacles):
    grid = MacGrid(cells, 100.0, obstacles)
    flow = grid.project(flows(grid))
    assert grid.outflow(flow).abs().max() < 1e-12
    solid = grid.solid_cells(obstacles)
    speed = flow.abs().amax(0)
    for component, blocked in ((0, solid), (1, solid.T)):
        touched = blocked[:, 1:] | blocked[:, :-1]
        assert speed[component][touched].sum() < 1e-10
    torch.testing.assert_close(grid.project(flow), flow, rtol=0, atol=1e-13)
    assert flow.square().sum() < flows(grid).square().sum()


@each
def test_in_float32_the_outflow_is_rounding(obstacles):
    grid = MacGrid(32, 100.0, obstacles)
    flow = grid.project(flows(grid).float())
    assert flow.dtype == torch.float32
    assert grid.outflow(flow).abs().max() < 2e-5
    torch.testing.assert_close(flow.double(), grid.project(flows(grid)), rtol=0, atol=1e-5)


@each
def test_the_projection_is_its_own_transpose(obstacles):
    grid = MacGrid(16, 100.0, obstacles)
    a, b = flows(grid, 2)
    assert (grid.project(a) * b).sum().item() == pytest.approx(
        (a * grid.project(b)).sum().item(), rel=1e-12
    )


def test_a_gradient_is_taken_away_and_a_curl_is_kept():
    grid = MacGrid(16, 100.0)
    pressure = torch.randn(16, 16, generator=generator(1), dtype=DOUBLE)
    push = torch.stack([pressure, pressure.T]).diff(dim=-1)
    assert grid.project(push).abs().max() < 1e-13
    stream = torch.randn(4, 15, 15, generator=generator(2), dtype=DOUBLE)
    flow = grid.curl(stream)
    assert flow.shape == (4, 2, 16, 15)
    torch.testing.assert_close(grid.project(flow), flow, rtol=0, atol=1e-13)
    # rows are y: from the wall to the first corner, over one cell
    assert flow[0, 0, 0, 3].item() == pytest.approx(stream[0, 0, 3].item() / 6.25)
    assert flow[0, 1, 0, 3].item() == pytest.approx(-stream[0, 3, 0].item() / 6.25)


def test_where_the_sides_are():
    x, y = MacGrid(4, 8.0).sides()
    assert x[0, 0].tolist() == [2, 4, 6]  # of the lowest row of cells
    assert y[0, :, 1].tolist() == [1, 3, 5, 7]
    assert y[1, 0].tolist() == [2, 4, 6]
    assert x[1, :, 1].tolist() == [1, 3, 5, 7]


@each
def test_advection_finds_what_was_there_before(obstacles):
    """By SciPy, one component at a time, on coordinates in units of cells."""
    from scipy.ndimage import map_coordinates

    grid, time = MacGrid(16, 100.0, obstacles), 5.0
    flow = grid.project(flows(grid))
    u, v = (np.pad(w.numpy(), ((0, 0), (1, 1))) for w in flow[1])  # v is transposed
    found = grid.advect(flow, time)[1].numpy()
    for own, other, seen in ((u, v, found[0]), (v, u, found[1])):
        # the other component in the middle of cells, then at the sides
        middle = (other[:, 1:] + other[:, :-1]).T / 2
        across = (middle[:, 1:] + middle[:, :-1]) / 2
        rows, sides = np.mgrid[0:16, 1:16].astype(float)
        back = [rows - time * across / 6.25, sides - time * own[:, 1:-1] / 6.25]
        expected = map_coordinates(own, back, order=1, mode="nearest")
        np.testing.assert_allclose(seen, expected, rtol=0, atol=1e-12)


def test_turning_the_box_turns_the_flow():
    grid = MacGrid(16, 100.0, ((30.0, 30.0, 12.0), (70.0, 70.0, 9.0)))
    flow = grid.project(flows(grid))
    after = grid.project(grid.advect(flow, 4.0))
    turned = grid.project(grid.advect(flow.flip(1), 4.0))
    torch.testing.assert_close(turned, after.flip(1), rtol=0, atol=1e-12)


def taylor_green_error(cells):
    """Four vortices would go on for ever: how far from it are they at t = 56?"""
    grid = MacGrid(cells, 100.0)
    x, y = grid.sides() * math.pi / 100
    flow = torch.stack([x[0].sin() * y[0].cos(), -x[1].cos() * y[1].sin()])[None]
    assert grid.outflow(flow).abs().max() < 1e-14
    later, step = flow, 64 / cells
    for _ in range(round(56 / step)):
        later = grid.project(grid.advect(later, step))
    return ((later - flow).norm() / flow.norm()).item()


def test_taylor_green_vortices_to_first_order():
    errors = [taylor_green_error(cells) for cells in (16, 32, 64)]
    assert errors[0] < 0.14
    orders = [math.log2(a / b) for a, b in zip(errors, errors[1:], strict=False)]
    assert orders == pytest.approx([1, 1], abs=0.12)


def test_the_flow_never_gains_energy():
    grid = MacGrid(32, 100.0, OBSTACLES["touching"])
    flow = grid.project(flows(grid))
    energies = []
    for _ in range(20):
        energies.append(flow.square().sum().item())
        flow = grid.project(grid.advect(flow, 4.0))
    assert all(b < a for a, b in zip(energies, energies[1:], strict=False))


@each
def test_derivatives_of_a_step_are_right_both_ways(obstacles):
    grid = MacGrid(8, 100.0, obstacles)
    flow, direction, weight = grid.project(flows(grid, 3)).split(1)
    flow = 3 * flow

    def step(flow):
        return grid.project(grid.advect(flow, 3.0))

    passed = torch.func.jvp(step, (flow,), (direction,))[1]
    quotient = (step(flow + 1e-7 * direction) - step(flow - 1e-7 * direction)) / 2e-7
    torch.testing.assert_close(passed, quotient, rtol=0, atol=1e-6)
    leaf = flow.clone().requires_grad_()
    (slope,) = torch.autograd.grad((step(leaf) * weight).sum(), leaf)
    assert (slope * direction).sum().item() == pytest.approx(
        (passed * weight).sum().item(), abs=1e-12
    )


def test_places_outside_count_as_the_nearest_edge_in_both_derivatives():
    """Fast flows, whose fluid would come from beyond the walls."""
    grid = MacGrid(8, 100.0)
    flow, direction, weight = (40 * flows(grid, 3)).split(1)
    passed = torch.func.jvp(lambda w: grid.advect(w, 3.0), (flow,), (direction,))[1]
    quotient = (
        grid.advect(flow + 1e-8 * direction, 3.0) - grid.advect(flow - 1e-8 * direction, 3.0)
    ) / 2e-8
    torch.testing.assert_close(passed, quotient, rtol=1e-5, atol=1e-4)
    leaf = flow.clone().requires_grad_()
    (slope,) = torch.autograd.grad((grid.advect(leaf, 3.0) * weight).sum(), leaf)
    assert (slope * direction).sum().item() == pytest.approx((passed * weight).sum().item())


def test_gradients_beside_obstacles_are_finite_and_those_inside_zero():
    obstacles = OBSTACLES["touching"]
    grid = MacGrid(16, 100.0, obstacles)
    leaf = flows(grid).requires_grad_()
    flow = grid.project(leaf)
    for _ in range(10):
        flow = grid.project(grid.advect(flow, 4.0))
    (slope,) = torch.autograd.grad(flow.square().sum(), leaf)
    assert slope.isfinite().all()
    solid = grid.solid_cells(obstacles)
    touched = solid[:, 1:] | solid[:, :-1]
    beside = torch.zeros_like(touched)
    beside[:, 1:] |= touched[:, :-1] & ~touched[:, 1:]
    assert slope[:, 0, touched].abs().max() == 0
    assert (slope[:, 0, beside] != 0).all()


def test_it_runs_where_it_is_sent(device):
    grid = MacGrid(16, 100.0, OBSTACLES["one"])
    flow = flows(grid)
    here = grid.project(grid.advect(flow, 4.0))
    there = grid.to(device).project(grid.advect(flow.to(device), 4.0))
    assert there.device.type == device.type
    torch.testing.assert_close(there.cpu(), here, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((3, 100.0), "cells: expected at least 4, got 3"),
        ((8, 0.0), "size: expected a number above 0"),
        ((8, 100.0, [(50.0, 50.0, 1.0)]), "obstacles: expected each to hold the middle of a cell"),
        ((8, 100.0, [(200.0, 50.0, 9.0)]), "obstacles: expected each to hold the middle"),
        ((8, 100.0, [(50.0, 50.0, 60.0)]), "obstacles: expected some fluid"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        MacGrid(*arguments)
