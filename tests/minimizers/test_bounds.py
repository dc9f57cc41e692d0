"""Searches in a box: a success is a minimum there, also on a face and in a corner."""

import math

import numpy as np
import pytest
import torch
from scipy import optimize

from invlab import Box
from invlab.minimizers import minimize

F64 = torch.float64
TANH = ("bfgs", "multistart", "joint")


def numbers(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=F64)


def options_for(method, x0):
    return {
        "bfgs": {},
        "multistart": {"restarts": 0},
        "joint": {"features": torch.eye(len(x0)), "iterations": 20},
    }.get(method, {})


def left_over(fun, x, box):
    """The projected gradient of a function of all rows, its largest component a row."""
    x = x.detach().clone().requires_grad_()
    (slope,) = torch.autograd.grad(fun(x, torch.arange(len(x))).sum(), x)
    return (x - box.clip(x - slope)).abs().amax(1).detach()


def scipys(fun, x0, box):
    """Values where SciPy's L-BFGS-B ends, a row."""

    def value_and_slope(x, row):
        leaf = torch.from_numpy(x)[None].requires_grad_()
        value = fun(leaf, torch.tensor([row]))
        (slope,) = torch.autograd.grad(value.sum(), leaf)
        return value.item(), slope[0].numpy()

    bounds = list(zip(box.low.tolist(), box.high.tolist(), strict=True))
    options = {"ftol": 1e-15, "gtol": 1e-10, "maxiter": 5000}
    found = [
        optimize.minimize(
            value_and_slope, row.numpy(), args=(i,), jac=True, method="L-BFGS-B",
            bounds=bounds, options=options,
        )
        for i, row in enumerate(x0)
    ]  # fmt: skip
    return torch.tensor([one.fun for one in found], dtype=F64)


# Convex problems, so that each has one minimum; their optima lie inside, on faces and in corners


def bowls(n, d):
    """Skew bowls with centres around the box [-2, 2]."""
    skew, centre = numbers(n, d, d), 2.5 * numbers(n, d, seed=1)
    hessian = skew @ skew.mT + 0.3 * torch.eye(d, dtype=F64)

    def fun(x, rows):
        z = x - centre[rows]
        return torch.einsum("ni,nij,nj->n", z, hessian[rows], z)

    return fun


def slopes(n, d):
    """Planes: the minimum is a corner."""
    tilt = numbers(n, d, seed=2) * torch.logspace(0, -1.5, d, dtype=F64)
    return lambda x, rows: (x * tilt[rows]).sum(1)


def softs(n, d):
    """Rounded cones, nearly flat far away."""
    centre = 2.5 * numbers(n, d, seed=3)
    return lambda x, rows: (1 + (x - centre[rows]).square().sum(1)).sqrt()


CONVEX = {"bowls": bowls, "slopes": slopes, "cones": softs}
each_convex = pytest.mark.parametrize("name", CONVEX)


def starts(n, d):
    x0 = 4 * torch.rand(n, d, generator=torch.Generator().manual_seed(5), dtype=F64) - 2
    x0[0], x0[1] = -2, 2  # corners
    x0[2, 0] = 2  # a face
    x0[3] = 9  # outside
    return x0


@each_convex
@pytest.mark.parametrize("d", [1, 2, 5])
@pytest.mark.parametrize("method", TANH)
def test_the_minimum_in_the_box_is_scipys(name, d, method):
    fun, x0, box = CONVEX[name](10, d), starts(10, d), Box([-2.0] * d, [2.0] * d)
    found = minimize(fun, x0, method=method, bounds=box, **options_for(method, x0))
    assert found.success.all(), found
    assert box.contains(found.x).all()
    assert left_over(fun, found.x, box).max() <= 2e-5
    torch.testing.assert_close(found.fun, scipys(fun, box.clip(x0), box), rtol=1e-7, atol=1e-7)
    edge = (found.x.abs() == 2).any(1)
    assert edge.any()
    for row, text in enumerate(found.message):
        # a row that starts at its minimum says that it did not move
        assert bool(edge[row]) == ("an edge of the bounds" in text) or "did not move" in text


@each_convex
@pytest.mark.parametrize("unit", [1e-6, 1e-3, 1e3, 1e6])
def test_the_unit_of_the_unknowns_does_not_matter(name, unit):
    inner, x0, box = CONVEX[name](10, 3), starts(10, 3), Box([-2.0] * 3, [2.0] * 3)
    wide = Box(unit * box.low, unit * box.high)
    found = minimize(lambda x, rows: inner(x / unit, rows), unit * x0, bounds=wide)
    torch.testing.assert_close(found.fun, scipys(inner, box.clip(x0), box), rtol=1e-7, atol=1e-7)
    # in small units a gradient of 1e-5 may be below rounding, and a row then says so
    assert found.success.sum() >= 9
    assert all(text.startswith("stalled") for text in np.array(found.message)[~found.success])


@each_convex
@pytest.mark.parametrize("unit", [1e-6, 1e-3, 1e3, 1e6])
def test_nor_does_that_of_the_objective_beside_gtol(name, unit):
    inner, x0, box = CONVEX[name](10, 3), starts(10, 3), Box([-2.0] * 3, [2.0] * 3)
    found = minimize(lambda x, rows: unit * inner(x, rows), x0, bounds=box, gtol=1e-5 * unit)
    assert found.success.all(), found
    expected = scipys(inner, box.clip(x0), box)
    torch.testing.assert_close(found.fun / unit, expected, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("method", ["gd", "adam", "lm", *TANH])
def test_a_box_narrower_than_gtol_is_searched_too(method):
    """There ``x - clip(x - g)`` is below gtol wherever x is."""
    box = Box([0.0, 0.0], [1e-6, 1e-6])
    x0 = torch.tensor([[5e-7, 5e-7], [0.0, 1e-6]], dtype=F64)

    def residuals(x):
        return x * 1e6 - torch.tensor([0.25, 3.0], dtype=F64)

    def fun(x):
        return residuals(x) if method == "lm" else residuals(x).square().sum(1)

    options = options_for(method, x0)
    if method in ("gd", "adam"):
        options["step_size"] = 1e-13 if method == "gd" else 2e-7
    found = minimize(fun, x0, method=method, bounds=box, **options)
    expected = torch.tensor([[2.5e-7, 1e-6]] * 2, dtype=F64)
    torch.testing.assert_close(found.x, expected, rtol=0, atol=2e-9)
    assert "did not move" not in found.message[0]


# A problem that drives rows into edges: the diffusion of a spot on a plate


class Spots:
    """Where, how strong and how old a spot is, from its picture; logs of the last two."""

    box = Box([0.0, 0.0, -1.0, -3.0], [1.0, 1.0, 1.0, -1.0])

    def __init__(self, n):
        line = torch.linspace(0, 1, 12, dtype=F64)
        self.across, self.down = torch.meshgrid(line, line, indexing="ij")
        self.truth = self.box.sample(n, generator=torch.Generator().manual_seed(1))
        self.y = self.picture(self.truth)
        self.x0 = self.box.center.repeat(n, 1)

    def picture(self, x):
        a, b, strength, age = (x[:, i, None, None] for i in range(4))
        spread = 10**age
        distance = (self.across - a).square() + (self.down - b).square()
        return 10**strength * (-distance / (4 * spread)).exp() / spread

    def __call__(self, x, rows):
        y = self.y[rows]
        return ((self.picture(x) - y) / y.std((1, 2), keepdim=True)).square().mean((1, 2))


@pytest.mark.parametrize("method", TANH)
def test_no_row_calls_an_edge_a_minimum_that_has_a_slope_inside(method):
    spots = Spots(24)
    options = options_for(method, spots.x0)
    found = minimize(spots, spots.x0, method=method, bounds=spots.box, **options)
    left = left_over(spots, found.x, spots.box)
    assert found.success.sum() >= 22
    assert left[found.success].max() <= 2e-5
    assert (found.fun < 1e-6).sum() >= 20


def test_rows_in_a_batch_end_as_they_do_alone():
    spots = Spots(8)
    found = minimize(spots, spots.x0, bounds=spots.box)
    for i in range(8):
        alone = minimize(
            lambda x, rows, i=i: spots(x, rows + i), spots.x0[i : i + 1], bounds=spots.box
        )
        torch.testing.assert_close(alone.fun[0], found.fun[i], rtol=1e-6, atol=1e-10)
        assert bool(alone.success) == bool(found.success[i])


def test_a_network_alone_calls_no_edge_a_minimum():
    x0, box = torch.zeros(4, 1, dtype=F64), Box([-1.0], [1.0])

    def trap(x, rows):
        return -x[:, 0] * (rows < 3) + 0.5 * x[:, 0] * (rows == 3)

    features = torch.ones(4, 2)
    found = minimize(
        trap, x0, method="joint", features=features, bounds=box, refine=False,
        lr=0.3, iterations=200, keep_best=False,
    )  # fmt: skip
    assert found.x[3] > 0.99
    assert not found.success[3]


# Starts on an edge


@pytest.mark.parametrize("method", ["gd", "adam", "lm", *TANH])
def test_a_start_in_the_best_corner_stays_there(method):
    def residuals(x):
        return 0.03 * (x - 2)

    def fun(x):
        return residuals(x) if method == "lm" else residuals(x).square().sum(1)

    x0 = torch.tensor([[1.0, 1.0], [1.0, 0.9999], [7.0, 9.0]], dtype=F64)
    found = minimize(
        fun, x0, method=method, bounds=Box([0.0, 0.0], [1.0, 1.0]), **options_for(method, x0)
    )
    assert torch.equal(found.x[[0, 2]], torch.ones(2, 2, dtype=F64))
    assert (found.fun <= residuals(x0.clamp(0, 1)).square().sum(1)).all()
    assert found.success[[0, 2]].all()


@pytest.mark.parametrize("method", TANH)
@pytest.mark.parametrize("seed", range(4))
def test_no_row_ends_above_its_clipped_start(method, seed):
    """Also where the search jumps into another valley, or x0 is an exact minimum inside."""
    centre, x0 = 2 * numbers(30, 2, seed=seed), 3 * numbers(30, 2, seed=seed + 9)
    box = Box([-2.0, -2.0], [2.0, 2.0])
    x0[:5] = centre[:5]
    x0[5:10, 0] = 2.0

    def ripples(x, rows):
        z = x - centre[rows]
        return (0.1 * z.square() + 1 - (7 * z).cos()).sum(1)

    found = minimize(ripples, x0, method=method, bounds=box, **options_for(method, x0))
    rows = torch.arange(30)
    assert (found.fun <= ripples(box.clip(x0), rows)).all()
    torch.testing.assert_close(found.fun, ripples(found.x, rows), rtol=1e-12, atol=1e-12)
    assert left_over(ripples, found.x, box)[found.success].max() <= 2e-5


def test_a_start_on_an_edge_without_a_value_begins_inside():
    x0 = torch.tensor([[0.0], [1.0]], dtype=F64)
    found = minimize(lambda x: (x[:, 0].log() + 1).square(), x0, bounds=Box([0.0], [1.0]))
    torch.testing.assert_close(found.x[:, 0], torch.full((2,), np.exp(-1.0), dtype=F64))
    assert found.success.all()


# Counts


@pytest.mark.parametrize("most", [1, 2, 3, 10, 40])
def test_counts_are_kept_and_told_over_all_stages(most):
    spots, seen = Spots(12), torch.zeros(12, dtype=torch.long)
    spots.x0[:4, 0] = 1.0  # on an edge
    best = torch.full((12,), torch.inf, dtype=F64)

    def fun(x, rows):
        value = spots(x, rows)
        seen[rows] += 1
        best[rows] = torch.minimum(best[rows], value.detach())
        return value

    found = minimize(fun, spots.x0, bounds=spots.box, maxfev=most, record=True)
    assert torch.equal(found.nfev, seen)
    assert seen.max() <= most
    assert torch.equal(found.fun, best)
    assert found.history.shape == (int(seen.max()), 12)
    assert (found.history.diff(dim=0) <= 0).all()
    assert torch.equal(found.history[-1], found.fun)
    assert torch.equal(found.history[0], spots(spots.x0, torch.arange(12)))
    few = minimize(spots, spots.x0, bounds=spots.box, maxiter=most)
    assert few.nit.max() <= most


@pytest.mark.parametrize("calls", [0, 1, 2, 20, 45, 50])
def test_an_interrupt_in_any_stage_returns_the_best_so_far(calls):
    spots, seen = Spots(12), []
    spots.x0[:4, 0] = 1.0
    best = torch.full((12,), torch.inf, dtype=F64)

    def fun(x, rows):
        if len(seen) == calls:
            raise KeyboardInterrupt
        seen.append(0)
        value = spots(x, rows)
        best[rows] = torch.minimum(best[rows], value.detach())
        return value

    found = minimize(fun, spots.x0, bounds=spots.box)
    assert found.interrupted
    known = best.isfinite()
    assert torch.equal(found.fun[known], best[known])
    assert found.fun[~known].isnan().all()
    assert not found.success.all()


def test_float32_converges_in_a_box():
    fun, x0, box = softs(10, 2), starts(10, 2), Box([-2.0] * 2, [2.0] * 2)
    high = minimize(fun, x0, bounds=box)

    def single(x, rows):
        return fun(x.double(), rows).float()

    low = minimize(single, x0.float(), bounds=box, gtol=1e-3)
    assert low.x.dtype == low.fun.dtype == torch.float32
    assert low.success.all()
    torch.testing.assert_close(low.fun.double(), high.fun, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("method", ["bfgs", "lm", "adam"])
def test_a_box_that_is_open_on_a_side_holds_on_the_other(method):
    open_box = Box([0.0, -1e38], [1e38, 1.0])
    goal = torch.tensor([[3.0, -4.0], [-2.0, 0.5], [5.0, 7.0]], dtype=F64)

    def fun(x, rows):
        gap = x - goal[rows]
        return gap if method == "lm" else gap.square().sum(1)

    options = {"step_size": 0.1, "maxiter": 3000} if method == "adam" else {}
    found = minimize(
        fun, torch.full((3, 2), 0.5, dtype=F64), method=method, bounds=open_box, **options
    )
    wanted = torch.tensor([[3.0, -4.0], [0.0, 0.5], [5.0, 1.0]], dtype=F64)
    torch.testing.assert_close(found.x, wanted, atol=1e-3, rtol=0)
    assert found.success.all() or method == "adam"


def test_restarts_in_an_open_box_need_to_know_where():
    with pytest.raises(ValueError, match="draws: method 'multistart' needs to know"):
        minimize(
            lambda x: x.square().sum(1), torch.ones(1, 1, dtype=F64),
            method="multistart", bounds=Box([0.0], [1e38]),
        )  # fmt: skip


@pytest.mark.parametrize("end", [None, math.inf, 1e38])
def test_a_side_may_be_open_as_in_scipy(end):
    x0 = torch.zeros(1, 1, dtype=torch.float64)
    found = minimize(lambda x: (x - 3).square().sum(1), x0, bounds=[(0, end)])
    assert found.x.item() == pytest.approx(3)
    kept = minimize(lambda x: (x + 3).square().sum(1), x0 + 1, bounds=[(0, end)])
    assert kept.x.tolist() == [[0.0]]


@pytest.mark.parametrize("size", [1.0, 1e9, 2e11])
def test_least_squares_moves_unknowns_in_large_numbers(size):
    def residuals(x):
        return torch.stack([x[:, 0] / size - 0.3, (x[:, 0] / size) ** 2 - 0.09], 1)

    start = torch.full((1, 1), 0.8 * size, dtype=F64)
    found = minimize(residuals, start, bounds=[(0.0, size)], method="lm")
    assert bool(found.success)
    assert (found.x / size).item() == pytest.approx(0.3, abs=1e-4)
