"""One network for many problems: what `minimize(..., method="joint")` promises."""

import copy

import pytest
import torch
from standard_problems import assert_tells_what_was_seen
from torch import nn

from invlab import Box, get_task
from invlab.minimizers import minimize
from invlab.networks.encoders import beside

F64 = torch.float64
SHORT = {"method": "joint", "iterations": 30}


def numbers(device, *shape, seed=0, dtype=F64):
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=rng, dtype=dtype).to(device)


@pytest.fixture
def bowls(device):
    """Rows of bowls with minima ``a``, which a network can tell from the features."""
    features = numbers(device, 20, 3)
    a = torch.stack((features[:, 0] + 2, features[:, 1] * features[:, 2]), 1)
    return Bowls(features, a)


class Bowls:
    def __init__(self, features, a):
        self.features, self.a, self.x0 = features, a, torch.zeros_like(a)

    def __call__(self, x, rows):
        return (x - self.a[rows]).square().sum(1)


def ripples(a):
    """Many local minima, one global one at ``a``."""

    def fun(x, rows):
        z = x - a[rows]
        return (0.1 * z.square() + 1 - (4 * z).cos()).sum(1)

    return fun


# Known answers


def test_bowls_are_solved_exactly(bowls):
    found = minimize(bowls, bowls.x0, features=bowls.features, **SHORT)
    # gtol lets each unknown err by 5e-6
    torch.testing.assert_close(found.x, bowls.a, rtol=0, atol=5e-6)
    assert found.success.all()
    exact = minimize(bowls, bowls.x0, features=bowls.features, gtol=1e-12, **SHORT)
    torch.testing.assert_close(exact.x, bowls.a, rtol=0, atol=1e-12)


def test_the_network_alone_comes_close(bowls):
    found = minimize(
        bowls, bowls.x0, method="joint", features=bowls.features, refine=False, iterations=600
    )
    start = bowls(bowls.x0, torch.arange(20))
    assert found.fun.mean() < 0.02 * start.mean()
    assert found.fun.max() > 1e-9  # and no further
    assert not found.success.any()
    assert all("refine=True" in text for text in found.message)


def test_valleys_of_rosenbrock_are_followed(device):
    a = torch.linspace(0.5, 1.5, 6, dtype=F64, device=device)
    x0 = torch.tensor([[-1.2, 1.0]], dtype=F64, device=device).repeat(6, 1)

    def valley(x, rows):
        return 100 * (x[:, 1] - x[:, 0] ** 2) ** 2 + (a[rows] - x[:, 0]) ** 2

    found = minimize(valley, x0, features=a[:, None], **SHORT)
    torch.testing.assert_close(found.x, torch.stack((a, a**2), 1), rtol=0, atol=1e-4)


@pytest.mark.slow
def test_billiards_are_solved_far_more_often_than_by_bfgs():
    task = get_task("billiards")
    problems = task.targets(64, seed=1, dtype=F64)

    def misfit(x, rows):
        return (task.simulator(x, problems.c[rows]) - problems.y[rows]).square().sum(1)

    x0 = task.prior.center.to(problems.y).repeat(64, 1)
    found = minimize(
        misfit, x0, method="joint", features=beside(problems.y, problems.c), iterations=700
    )
    plain = minimize(misfit, x0)
    share = [(solution.fun < 1e-6).double().mean().item() for solution in (plain, found)]
    assert share[0] < 0.5
    assert share[1] > 0.75


# Fallback, the best and the last


@pytest.mark.parametrize("box", [None, Box([-3.0, -3.0], [3.0, 3.0])], ids=["free", "box"])
def test_with_fallback_no_row_is_worse_than_by_bfgs(device, box):
    a = 2 * numbers(device, 30, 2, seed=1)
    fun, x0 = ripples(a), numbers(device, 30, 2, seed=2)
    plain = minimize(fun, x0, bounds=box)
    joint, safe = (
        minimize(fun, x0, features=a, bounds=box, fallback=fallback, **SHORT)
        for fallback in (False, True)
    )
    assert (joint.fun > plain.fun + 1e-9).any()
    assert (safe.fun <= plain.fun).all()
    assert (safe.fun <= joint.fun).all()
    assert torch.equal(safe.nfev, joint.nfev + plain.nfev)
    assert torch.equal(safe.nit, joint.nit + plain.nit)
    kept = ["from x0 by BFGS" in text for text in safe.message]
    assert torch.equal(torch.tensor(kept), (plain.fun < joint.fun).cpu())


@pytest.mark.parametrize("options", [{}, {"refine": False}, {"fallback": True, "seed": (0, 1)}])
def test_never_worse_than_the_best_point_evaluated(device, options):
    a, seen = 2 * numbers(device, 8, 2, seed=1), []
    inner = ripples(a)

    def fun(x, rows):
        value = inner(x, rows)
        seen.append((rows.clone(), value.detach().clone()))
        return value

    found = minimize(fun, torch.zeros_like(a), features=a, record=True, **SHORT | options)
    assert_tells_what_was_seen(found, seen)
    torch.testing.assert_close(inner(found.x, torch.arange(8)), found.fun)
    assert torch.equal(found.history[0], inner(torch.zeros_like(a), torch.arange(8)))


def test_the_last_iterate_may_be_asked_for(device):
    a, seen = 2 * numbers(device, 8, 2, seed=1), []

    def fun(x, rows):
        seen.append(ripples(a)(x, rows).detach())
        return ripples(a)(x, rows)

    options = SHORT | {"lr": 0.3, "refine": False, "features": a}
    last = minimize(fun, torch.zeros_like(a), keep_best=False, **options)
    assert torch.equal(last.fun, seen[-1])
    best = minimize(fun, torch.zeros_like(a), **options)
    assert (best.fun < last.fun).any()
    assert (best.fun <= last.fun).all()


# Rows


def test_broken_rows_leave_the_others_alone(bowls):
    x0, features, a = (t.clone() for t in (bowls.x0, bowls.features, bowls.a))
    a[3], x0[7], features[11, 1] = torch.nan, torch.inf, torch.nan
    bad = torch.zeros(20, dtype=torch.bool, device=a.device)
    bad[[3, 7, 11]] = True
    found = minimize(Bowls(features, a), x0, features=features, **SHORT)
    assert torch.equal(found.success, ~bad)
    clean = Bowls(features[~bad], a[~bad])
    alone = minimize(clean, clean.x0, features=clean.features, **SHORT)
    assert torch.equal(found.x[~bad], alone.x)
    assert torch.equal(found.nfev[~bad], alone.nfev)
    assert found.nfev[bad].tolist() == [1, 1, 1]
    assert all(found.message[row].startswith("not started") for row in (3, 7, 11))


def test_a_row_without_features_says_that_these_are_missing(bowls):
    features = bowls.features.clone()
    features[4, 0] = torch.inf
    found = minimize(bowls, bowls.x0, features=features, **SHORT)
    assert found.success.tolist() == [row != 4 for row in range(20)]
    assert found.message[4] == "not started: its row of features is NaN or infinite"


def test_when_all_rows_are_broken_nothing_starts(bowls):
    found = minimize(bowls, bowls.x0 * torch.nan, features=bowls.features, **SHORT)
    assert not found.success.any()
    assert found.nfev.max() == 1


def test_a_row_that_meets_a_hole_is_left_out_until_it_comes_back(bowls):
    """Row 0 has no value beyond 0.05, where the others draw the network to."""

    def holed(x, rows):
        hole = (rows == 0) & (x[:, 0] > 0.05)
        return torch.where(hole, torch.nan, bowls(x, rows))

    found = minimize(holed, bowls.x0, features=bowls.features, refine=False, **SHORT)
    assert found.fun.isfinite().all()
    assert found.x[0, 0] <= 0.05
    whole = minimize(bowls, bowls.x0, features=bowls.features, refine=False, **SHORT)
    assert (found.fun[1:] < bowls(bowls.x0, torch.arange(20))[1:]).sum() > 15
    assert (found.fun[1:] - whole.fun[1:]).abs().max() < 0.5 * whole.fun.max()


def test_one_row_is_enough(device):
    a = torch.tensor([[2.0, -1.0]], dtype=F64, device=device)
    for features in (a, torch.ones(1, 64, device=device), torch.ones(1, 12, 12, device=device)):
        found = minimize(lambda x: (x - a).square().sum(1), 0 * a, features=features, **SHORT)
        torch.testing.assert_close(found.x, a, rtol=0, atol=5e-6)


def test_a_function_without_rows_gets_the_whole_batch(bowls):
    shapes = set()

    def fun(x):
        shapes.add(tuple(x.shape))
        return (x - bowls.a).square().sum(1)

    found = minimize(fun, bowls.x0, features=bowls.features, **SHORT)
    assert shapes == {(20, 2)}
    assert torch.equal(found.x, minimize(bowls, bowls.x0, features=bowls.features, **SHORT).x)


def test_given_derivatives_are_used(bowls):
    def pair(x, rows):
        z = x.detach() - bowls.a[rows]
        return z.square().sum(1), 2 * z

    given = minimize(pair, bowls.x0, jac=True, features=bowls.features, **SHORT)
    automatic = minimize(bowls, bowls.x0, features=bowls.features, **SHORT)
    torch.testing.assert_close(given.x, automatic.x)


# Boxes, units, precision


def test_no_point_outside_the_box_is_evaluated(device):
    box, seen = Box([-1.0, 2.0], [1.0, 5.0]), []
    a = 3 * numbers(device, 12, 2)
    a[0] = torch.tensor([0.5, 3.0])

    def fun(x, rows):
        seen.append(bool(box.contains(x.detach()).all()))
        return (x - a[rows]).square().sum(1)

    found = minimize(fun, torch.zeros_like(a), features=a, bounds=box, **SHORT)
    assert all(seen)
    # the nearest point of the box, as near as the flat end of the tanh allows
    torch.testing.assert_close(found.x, box.clip(a), rtol=0, atol=1e-3)


def test_bfgs_brings_rows_back_that_the_network_drove_to_the_wrong_edge(device):
    """All but row 0 want to the upper edge; at this rate row 0 goes with them."""
    features = torch.ones(9, 2, device=device)
    a = torch.full((9, 1), 9.0, dtype=F64, device=device)
    a[0] = -0.5
    options = {"features": features, "bounds": Box([-1.0], [1.0]), "lr": 0.1, "method": "joint"}
    options |= {"iterations": 100, "keep_best": False}

    def fun(x, rows):
        return (x - a[rows]).square().sum(1)

    driven, back = (
        minimize(fun, torch.zeros_like(a), refine=refine, **options) for refine in (False, True)
    )
    assert driven.x[0] > 0.99
    torch.testing.assert_close(back.x[0], a[0], rtol=0, atol=1e-4)


def test_all_start_where_bfgs_starts(bowls):
    seen = []

    def fun(x, rows):
        seen.append(x.detach().clone())
        return bowls(x, rows)

    x0 = numbers(bowls.a.device, 20, 2, seed=5)
    minimize(fun, x0, features=bowls.features, **SHORT)
    assert torch.equal(seen[0], x0)
    assert (seen[1] - x0).abs().max() < 0.02


@pytest.mark.parametrize("box", [None, Box([-4.0, -4.0], [4.0, 4.0])], ids=["free", "box"])
def test_an_output_of_one_is_a_step_of_one_scale(bowls, box):
    seen = []

    def fun(x, rows):
        seen.append(x.detach().clone())
        return bowls(x, rows)

    for scale in (1e-3, [2e-3, 3e-3]):
        minimize(
            fun, bowls.x0, features=bowls.features, bounds=box, output_scale=scale,
            encoder={"last": None}, method="joint", iterations=1, refine=False,
        )  # fmt: skip
    factor = torch.tensor([2.0, 3.0]).to(seen[1])
    torch.testing.assert_close(seen[4], seen[1] * factor, rtol=1e-4, atol=1e-9)
    assert seen[1].abs().max() > 1e-4


def test_single_precision_stays_single(bowls):
    single = Bowls(bowls.features.float(), bowls.a.float())
    found = minimize(single, single.x0, features=single.features, gtol=1e-3, **SHORT)
    assert found.x.dtype == found.fun.dtype == torch.float32
    torch.testing.assert_close(found.x.double(), bowls.a, rtol=0, atol=1e-3)
    with pytest.warns(UserWarning, match=r"float32.*x0.double\(\)"):
        minimize(single, single.x0, features=single.features, **SHORT)


# Networks


@pytest.mark.parametrize("shape", [(5,), (40,), (9, 9), (2, 8, 8), (3, 2, 1, 2)], ids=str)
def test_features_may_have_any_shape(device, shape):
    features = numbers(device, 6, *shape)
    a = features.flatten(1)[:, :2]
    found = minimize(
        lambda x: (x - a).square().sum(1), torch.zeros_like(a), features=features, **SHORT
    )
    torch.testing.assert_close(found.x, a, rtol=0, atol=5e-6)


def test_a_network_of_ones_own_serves_as_a_start(bowls):
    layer = nn.Linear(3, 2, dtype=F64).to(bowls.a.device)
    before = copy.deepcopy(layer.state_dict())
    options = SHORT | {"features": bowls.features, "encoder": layer, "refine": False, "lr": 0.1}
    found = minimize(bowls, bowls.x0, clip=1.0, **options)
    assert all(torch.equal(value, before[key]) for key, value in layer.state_dict().items())
    assert (found.fun < bowls(bowls.x0, torch.arange(20))).sum() > 15
    assert torch.equal(minimize(bowls, bowls.x0, clip=1.0, **options).x, found.x)


def test_several_networks_give_the_best_of_each(device):
    a = 2 * numbers(device, 10, 2, seed=1)
    options = SHORT | {"features": a, "refine": False, "lr": 0.1, "iterations": 10}
    both, *each = (
        minimize(ripples(a), torch.zeros_like(a), seed=seed, **options) for seed in ((0, 5), 0, 5)
    )
    best = torch.minimum(each[0].fun, each[1].fun)
    torch.testing.assert_close(both.fun, best, rtol=1e-4, atol=1e-5)
    assert not torch.equal(each[0].fun < each[1].fun, torch.zeros_like(a[:, 0]).bool())
    assert both.nfev.tolist() == [1 + 2 * 11] * 10


def test_the_same_seed_gives_the_same_answers_and_moves_no_global_state(bowls):
    options = SHORT | {"features": bowls.features, "refine": False}
    first = minimize(bowls, bowls.x0, seed=4, **options)
    torch.manual_seed(99)
    state = torch.get_rng_state()
    assert torch.equal(minimize(bowls, bowls.x0, seed=4, **options).x, first.x)
    assert torch.equal(torch.get_rng_state(), state)
    assert not torch.equal(minimize(bowls, bowls.x0, seed=5, **options).x, first.x)


def test_unit_gradients_let_no_row_outweigh_the_others(bowls):
    weight = torch.ones_like(bowls.a[:, 0])
    weight[4] = 1e6
    options = SHORT | {"features": bowls.features, "refine": False, "keep_best": False}

    def heavy(x, rows):
        return weight[rows] * bowls(x, rows)

    loud, clipped, even, plain = (
        minimize(fun, bowls.x0, clip_rows=rows, **options).x
        for fun, rows in ((heavy, None), (heavy, 1e-2), (heavy, "unit"), (bowls, "unit"))
    )
    torch.testing.assert_close(even, plain)
    # shortened to a length that all exceed is the same but for Adam's floor
    torch.testing.assert_close(clipped, even, rtol=0, atol=0.05)
    assert (loud - even).abs().max() > 0.1


def test_clipping_the_whole_network_changes_its_course(bowls):
    options = SHORT | {"features": bowls.features, "refine": False}
    free, same, clipped = (
        minimize(bowls, bowls.x0, clip=clip, **options).x for clip in (None, 1e9, 1e-2)
    )
    assert torch.equal(free, same)
    assert not torch.equal(free, clipped)


@pytest.mark.slow
def test_an_easier_objective_leads_the_network(device):
    features = numbers(device, 24, 2)
    a = 3 * features.tanh()
    options = {"features": features, "method": "joint", "iterations": 400, "lr": 1e-2}
    x0, fun = torch.zeros_like(a), ripples(a)
    led = minimize(
        fun, x0, train_on=lambda x, rows: (x - a[rows]).square().sum(1), x_scale=0.1, **options
    )
    plain = minimize(fun, x0, x_scale=0.1, **options)
    assert (led.fun < 1e-9).double().mean() > 0.9
    assert (plain.fun < 1e-9).double().mean() < 0.5
    # one at x0, one a step, one after the last, one for its answers on `fun`; then BFGS
    assert (led.nfev > 403).all()
    assert (led.fun <= fun(x0, torch.arange(24))).all()


def test_a_network_that_nothing_moves_says_so(device):
    x0 = torch.zeros(3, 1, dtype=F64, device=device)
    with pytest.warns(UserWarning, match="the gradient is zero in every row"):
        found = minimize(
            lambda x: torch.where(x[:, 0] > 5, x[:, 0] - 9, 1 + 0 * x[:, 0]), x0,
            features=torch.eye(3, device=device), **SHORT,
        )  # fmt: skip
    assert found.fun.tolist() == [1, 1, 1]
    assert "flat region" in found.message[0]


# What the caller owns


def test_the_callers_things_are_left_alone(bowls):
    x0 = bowls.x0.clone().requires_grad_()
    features = bowls.features.clone().requires_grad_()
    network = {"width": 8}
    before = x0.detach().clone(), features.detach().clone()
    found = minimize(bowls, x0, features=features, encoder=network, **SHORT)
    assert torch.equal(x0, before[0])
    assert torch.equal(features, before[1])
    assert x0.grad is None
    assert features.grad is None
    assert network == {"width": 8}
    assert not found.x.requires_grad


@pytest.mark.parametrize("after", [0, 5, 31, 34], ids=["start", "training", "end", "refinement"])
def test_an_interrupt_returns_the_best_so_far(bowls, after):
    calls = []

    def fun(x, rows):
        calls.append(bowls(x, rows).detach())
        if len(calls) > after:
            raise KeyboardInterrupt
        return bowls(x, rows)

    found = minimize(fun, bowls.x0, features=bowls.features, fallback=True, **SHORT)
    assert found.interrupted
    assert not found.success.any()
    if after:
        assert len(calls) == after + 1
        torch.testing.assert_close(found.fun, torch.stack(calls[:after]).amin(0))
        assert all(text.startswith("interrupted") for text in found.message)


GOOD = torch.ones(3, 2, dtype=F64)


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"features": None}, TypeError, "features: expected a tensor.*got NoneType"),
        ({"features": GOOD[:2]}, ValueError, "features: expected 3 rows.*got 2"),
        ({"features": GOOD[0]}, ValueError, r"features: expected shape \(B, dy\), got \(2,\)"),
        ({"features": GOOD.long()}, TypeError, "features: expected a floating-point"),
        ({"features": GOOD.to("meta")}, ValueError, "features: expected 3 rows.*on meta"),
        ({"iterations": 0}, ValueError, "iterations: expected at least 1"),
        ({"lr": 0.0}, ValueError, "lr: expected a number above 0"),
        ({"lr_end": -1.0}, ValueError, "lr_end: expected"),
        ({"clip": 0}, ValueError, "clip: expected"),
        ({"clip_rows": "row"}, ValueError, "clip_rows: expected .*got 'row'"),
        ({"clip_rows": -1}, ValueError, "clip_rows: expected"),
        ({"output_scale": 0.0}, ValueError, "output_scale: .* number above 0, or 2 of them"),
        ({"x_scale": [1.0, torch.nan]}, ValueError, "x_scale: expected"),
        ({"seed": ()}, ValueError, "seed: expected an int or several"),
        ({"seed": 1.5}, TypeError, "seed: expected"),
        ({"encoder": "conv"}, TypeError, "encoder: expected options .*got str"),
        ({"encoder": {"last": -1}}, ValueError, "last: expected"),
        ({"encoder": nn.Linear(2, 3)}, ValueError, "encoder: expected 2 numbers .* 3 rows"),
        ({"encoder": nn.Linear(2, 2), "seed": (0, 1)}, ValueError, "seed: .*one seed"),
        ({"epochs": 3}, ValueError, "'joint': expected options among .*got epochs"),
        ({"bounds": Box([0.0], [1.0])}, ValueError, "Box of 2 unknowns"),
    ],
)  # fmt: skip
def test_a_wrong_call_is_named(options, error, match):
    options = {"features": GOOD, "iterations": 2} | options
    with pytest.raises(error, match=match):
        minimize(lambda x: x.square().sum(1), GOOD, method="joint", **options)


def test_features_have_to_be_given():
    with pytest.raises(ValueError, match="features: method 'joint' needs them"):
        minimize(lambda x: x.square().sum(1), GOOD, method="joint")


def test_the_value_is_that_of_the_answer_where_a_search_starts_on_an_edge():
    def fun(x):
        return ((x - 5e-4).abs() + 0.5 * x).sum(1)

    start, features = torch.zeros(2, 1, dtype=torch.float64), torch.eye(2)
    options = {"features": features, "bounds": [(0, 1)], "refine": False, "iterations": 5}
    found = minimize(fun, start, method="joint", **options)
    torch.testing.assert_close(found.fun, fun(found.x))


def test_a_row_that_takes_no_part_has_the_value_of_its_answer_too():
    def fun(x):
        return ((x - 5e-4).abs() + 0.5 * x).sum(1)

    start, features = torch.zeros(2, 1, dtype=torch.float64), torch.eye(2)
    features[1] = torch.nan
    options = {"features": features, "bounds": [(0, 1)], "refine": False, "iterations": 5}
    found = minimize(fun, start, method="joint", **options)
    torch.testing.assert_close(found.fun, fun(found.x))


def test_a_seed_may_be_a_tensor_of_one_number():
    x0 = torch.zeros(2, 1, dtype=torch.float64)
    options = {"method": "joint", "features": torch.eye(2), "iterations": 5}
    plain, boxed = (
        minimize(lambda x: (x - 1).square().sum(1), x0, seed=seed, **options).x
        for seed in (1, torch.tensor(1))
    )
    assert torch.equal(plain, boxed)
