"""Gauss–Newton steps of least length, and refinement on the true simulator."""

import pytest
import torch

import invlab
from invlab import (
    Box,
    Integer,
    Normal,
    Pairs,
    Product,
    Task,
    fit_surrogate,
    get_task,
    improve,
    refine,
    refine_bfgs,
    refine_on_surrogate,
    resimulation_error,
    surrogate_error,
)
from invlab.improve import rank, spread, squared_distance
from invlab.methods.baselines import nearest_rows
from invlab.minimizers import gauss_newton as module
from invlab.minimizers.gauss_newton import gauss_newton
from invlab.runtime import generator


def draw(device, *shape):
    return torch.randn(*shape, generator=generator(0, *map(str, shape)), dtype=torch.float64).to(
        device
    )


def unit(x):
    return torch.ones(x.shape[1]).to(x)


# Linear systems, where one step is the whole way


@pytest.mark.parametrize(
    ("dy", "dx"), [(1, 3), (2, 5), (3, 3), (1, 1), (5, 2), (4, 1)], ids=lambda n: str(n)
)
def test_a_linear_system_takes_one_step_of_least_length(device, dy, dx):
    matrix, offset = draw(device, dy, dx), draw(device, dy)
    start, y = draw(device, 7, dx), draw(device, 7, dy)
    x, error = gauss_newton(
        lambda x: x @ matrix.T + offset,
        start,
        y,
        x_scale=unit(start),
        steps=1,
        max_step=1e9,
        damping=0,
    )
    # the pseudo-inverse gives the shortest step where there are many, else least squares
    expected = start + (y - start @ matrix.T - offset) @ torch.linalg.pinv(matrix).T
    torch.testing.assert_close(x, expected)
    left = (y - expected @ matrix.T - offset).square().mean(1)
    torch.testing.assert_close(error, left, atol=1e-14, rtol=1e-9)


def test_lengths_are_counted_in_units_of_the_scale(device):
    # the second unknown is counted in hundreds, so that it does nearly all the way
    scale = torch.tensor([1.0, 100.0], dtype=torch.float64, device=device)
    start, y = torch.zeros(1, 2).to(scale), torch.ones(1, 1).to(scale)
    x, _ = gauss_newton(
        lambda x: x.sum(1, keepdim=True), start, y, x_scale=scale, steps=1, max_step=9, damping=0
    )
    torch.testing.assert_close(x[0], scale.square() / scale.square().sum())


def test_the_default_damping_costs_next_to_nothing(device):
    matrix, start = draw(device, 3, 4), draw(device, 6, 4)
    y = draw(device, 6, 3)
    _, error = gauss_newton(lambda x: x @ matrix.T, start, y, x_scale=unit(start), max_step=1e9)
    assert error.max() < 1e-18


# What keeps a step in bounds


def test_no_step_is_longer_than_the_clip(device):
    start, y = torch.zeros(1, 2, device=device), torch.full((1, 2), 100.0, device=device)
    scale = torch.tensor([1.0, 10.0], device=device)
    x, _ = gauss_newton(lambda x: x, start, y, x_scale=scale, steps=3, max_step=0.5)
    assert x.tolist() == [[1.5, 15]]


def test_points_are_clipped_to_the_box(device):
    start, y = torch.zeros(1, 2, device=device), torch.tensor([[5.0, -0.5]], device=device)
    visited = []

    def identity(x):
        visited.append(x.detach().clone())
        return 1 * x

    box = Box([-1.0, -1.0], [1.0, 1.0])
    x, error = gauss_newton(identity, start, y, x_scale=unit(start), max_step=9, box=box)
    torch.testing.assert_close(x, torch.tensor([[1.0, -0.5]], device=device))
    assert error.item() == pytest.approx(8)
    assert all(box.contains(point).all() for point in visited)


def test_a_row_stops_at_the_tolerance(device):
    start = torch.tensor([[1.0], [3.0], [100.0]], device=device)
    sizes = []

    def square(x):
        sizes.append(len(x))
        return x.square()

    y = torch.ones(3, 1, device=device)
    x, error = gauss_newton(
        square, start, y, x_scale=unit(start), steps=6, max_step=1e9, tolerance=1e-2
    )
    # the first is there already, and the second before the third
    assert sizes == [3, 2, 2, 2, 1, 1, 1]
    assert error[:2].max() <= 1e-2 < error[2]
    assert x[0] == 1


def test_all_rows_done_end_the_search(device):
    calls = []
    start = torch.ones(2, 1, device=device)
    gauss_newton(lambda x: calls.append(0) or 1 * x, start, start, x_scale=unit(start), steps=50)
    assert len(calls) == 1


# What must never happen


@pytest.mark.parametrize("dy", [1, 2, 5])
@pytest.mark.parametrize("damping", [0.0, 1e-6])
def test_a_vanishing_jacobian_moves_nothing(device, dy, damping):
    start = torch.zeros(2, 2, device=device)

    def flat(x):
        return x.square().sum(1, keepdim=True).repeat(1, dy)

    y = torch.full((2, dy), 3.0, device=device)
    x, error = gauss_newton(flat, start, y, x_scale=unit(start), damping=damping)
    assert torch.equal(x, start)
    assert error.tolist() == [9, 9]


@pytest.mark.parametrize("dy", [1, 2, 4])
@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_a_row_that_is_no_number_leaves_the_others_alone(device, dy, bad):
    weights = draw(device, 3, dy)

    def bent(x):
        return (x @ weights).tanh()

    start = 0.3 * draw(device, 5, 3)
    y = bent(0.3 * draw(device, 5, 3).flip(0))
    alone, error = gauss_newton(bent, start[:4], y[:4], x_scale=unit(start))
    start[4] = bad
    x, errors = gauss_newton(bent, start, y, x_scale=unit(start))
    torch.testing.assert_close(x[:4], alone)
    torch.testing.assert_close(errors[:4], error)
    if bad is torch.nan:
        assert errors[4] == torch.inf
        assert x[4].isnan().all()


def test_a_step_into_a_region_without_values_is_not_taken(device):
    start = torch.tensor([[0.5]], dtype=torch.float64, device=device)
    y = torch.tensor([[-3.0]], dtype=torch.float64, device=device)
    x, error = gauss_newton(lambda x: x.sqrt(), start, y, x_scale=unit(start), max_step=9)
    assert x.item() == 0.5
    assert error.item() == pytest.approx((0.5**0.5 + 3) ** 2)


def test_what_comes_back_is_never_worse_than_the_start(device):
    def wild(x):
        return torch.stack([(9 * x[:, 0]).sin(), (7 * x.prod(1)).cos()], 1)

    start, y = draw(device, 300, 2), draw(device, 300, 2)
    x, error = gauss_newton(wild, start, y, x_scale=unit(start), max_step=2.0)
    before = (y - wild(start)).square().mean(1)
    assert (error <= before).all()
    assert (error < before).any()
    torch.testing.assert_close(error, (y - wild(x)).square().mean(1))


def test_the_start_is_not_changed_and_carries_no_gradient(device):
    start, y = draw(device, 4, 2), draw(device, 4, 2)
    kept = start.clone()
    x, error = gauss_newton(lambda x: x.sin(), start.requires_grad_(), y, x_scale=unit(start))
    assert torch.equal(start, kept)
    assert not x.requires_grad
    assert not error.requires_grad


def test_rows_in_many_parts_are_solved_as_alone(device, monkeypatch):
    start, y = draw(device, 10, 2), draw(device, 10, 2).tanh()

    def fun(x):
        return x.flip(1).sin()

    whole = gauss_newton(fun, start, y, x_scale=unit(start))
    monkeypatch.setattr(module, "CHUNK", 3)
    parts = gauss_newton(fun, start, y, x_scale=unit(start))
    for a, b in zip(whole, parts, strict=True):
        torch.testing.assert_close(a, b)


# The two ways to a Jacobian


def test_a_long_observation_uses_forward_mode_and_agrees_with_the_backward_one(device, monkeypatch):
    weights = draw(device, 2, 6)

    def bent(x):
        return (x @ weights).sin() + x.prod(1, keepdim=True)

    start, y = 0.3 * draw(device, 9, 2), bent(0.3 * draw(device, 9, 2).flip(0))
    passes = []
    jvp = torch.func.jvp

    def counted(*args):
        passes.append(0)
        return jvp(*args)

    monkeypatch.setattr(torch.func, "jvp", counted)
    long, _ = gauss_newton(bent, start, y, x_scale=unit(start), steps=2, max_step=9, damping=1e-3)
    assert len(passes) == 2 * 2  # steps times unknowns

    # Unknowns that do nothing make the observation the shorter one, and reverse mode is used.
    # Both give the same damped step, where the damping is the same: relative to the mean of 2
    # diagonal elements above, of 6 here.
    wider = torch.cat([start, torch.zeros(9, 6).to(start)], 1)
    scale = torch.cat([unit(start), torch.zeros(6).to(start)])
    passes.clear()
    wide, _ = gauss_newton(
        lambda x: bent(x[:, :2]), wider, y, x_scale=scale, steps=2, max_step=9, damping=3e-3
    )
    assert not passes
    torch.testing.assert_close(wide[:, :2], long)


# On a task


def near(task, targets, spread):
    """Four guesses a target, each near the unknowns behind it."""
    noise = torch.randn(len(targets), 4, task.x_dim, generator=generator(7), dtype=torch.float64)
    return targets.x[:, None] + spread * task.box.width.to(targets.x) * noise.to(targets.x)


@pytest.mark.parametrize("name", ["sine", "ballistics", "robot_arm"])
def test_near_guesses_reach_machine_precision(name):
    task = get_task(name)
    targets = task.targets(20, seed=0, dtype=torch.float64)
    guesses = near(task, targets, 0.01)
    before = resimulation_error(task, guesses, targets.y)
    x = refine(task, guesses, targets.y)
    assert x.shape == guesses.shape
    assert x.dtype == torch.float64
    after = resimulation_error(task, x, targets.y)
    assert (after <= before).all()
    assert before.median() > 1e-6
    assert after.max() < 1e-20


def test_a_look_up_and_a_few_steps_solve_every_target():
    task = get_task("robot_arm")
    pool = task.sample(2000, dtype=torch.float64)
    y = task.targets(50, seed=0, dtype=torch.float64).y
    x = refine(task, pool.x[nearest_rows(y, pool.y, 1)], y)
    assert resimulation_error(task, x, y).max() < 1e-20


def test_single_precision_stays_single_and_does_not_get_worse():
    task = get_task("sine")
    targets = task.targets(20, seed=0)
    guesses = near(task, targets, 0.02)
    x = refine(task, guesses, targets.y)
    assert x.dtype == torch.float32
    before, after = (resimulation_error(task, g, targets.y) for g in (guesses, x))
    assert (after <= before + 1e-12).all()
    assert after.max() < 1e-10


def bent_lens(**options):
    return Task(
        "lens",
        lambda x, c: (x[..., :1] * c + x[..., 1:]).exp(),
        Box([0.0, 0.0], [1.0, 2.0]),
        context=Box([1.0], [2.0]),
        **options,
    )


def test_each_guess_is_refined_under_the_context_of_its_target():
    task = bent_lens()
    targets = task.targets(12, seed=0, dtype=torch.float64)
    guesses = near(task, targets, 0.05)
    x = refine(task, guesses, targets.y, targets.c)
    assert x.shape == (12, 4, 2)
    assert resimulation_error(task, x, targets.y, targets.c).max() < 1e-20


def test_an_image_is_refined():
    task = Task("image", lambda x: x[..., None] * x[..., None, :], Box([0.5] * 3, [1.0] * 3))
    targets = task.targets(5, seed=0, dtype=torch.float64)
    assert targets.y.shape == (5, 3, 3)
    x = refine(task, near(task, targets, 0.05), targets.y)
    assert (x - targets.x[:, None]).abs().max() < 1e-9


def test_guesses_stay_in_the_box_where_they_are_told_to():
    task = Task("line", lambda x: 2 * x, Box([0.0], [1.0]))
    x = torch.tensor([[[0.5], [-3.0]]], dtype=torch.float64)
    y = torch.full((1, 1), 2.4, dtype=torch.float64)
    free, held = (refine(task, x, y, bounded=bounded) for bounded in (False, True))
    torch.testing.assert_close(free[..., 0], torch.full((1, 2), 1.2, dtype=torch.float64))
    assert (held == 1.0).all()
    # a guess outside comes in, even where it fitted better outside
    outside = refine(task, torch.full((1, 1, 1), 1.2).double(), y, bounded=True)
    assert (outside == 1.0).all()


def test_a_guess_that_is_no_number_leaves_the_others_alone():
    task = get_task("sine")
    targets = task.targets(3, seed=0, dtype=torch.float64)
    guesses = near(task, targets, 0.01)
    guesses[1, 2] = torch.nan
    errors = resimulation_error(task, refine(task, guesses, targets.y), targets.y)
    assert errors[1, 2] == torch.inf
    assert errors.isfinite().sum() == 11
    assert errors[errors.isfinite()].max() < 1e-20


def test_a_simulator_without_gradients_is_refused():
    task = Task("blind", lambda x: x.detach(), Box([0.0], [1.0]), differentiable=False)
    with pytest.raises(ValueError, match="refine: blind says differentiable=False; refine on a"):
        refine(task, torch.zeros(2, 3, 1), torch.zeros(2, 1))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x, y: (x[:, 0], y), r"x: expected shape \(B, T, 2\), got \(3, 2\)"),
        (lambda x, y: (x[..., :1], y), r"x: expected shape \(B, T, 2\), got \(3, 4, 1\)"),
        (lambda x, y: (x, y[:2]), "x has 3, y has 2"),
        (lambda x, y: (x, y.repeat(1, 2)), r"y: expected shape \(12, 1\), got \(12, 2\)"),
    ],
    ids=["flat", "unknowns", "length", "observation"],
)
def test_shapes_that_do_not_fit_are_named(device, change, message):
    x, y = torch.zeros(3, 4, 2, device=device), torch.zeros(3, 1, device=device)
    with pytest.raises(ValueError, match=message):
        refine(get_task("sine"), *change(x, y))


def test_a_single_column_is_not_compared_with_each(device):
    x, y = torch.zeros(3, 4, 4, device=device), torch.zeros(3, 1, device=device)
    with pytest.raises(ValueError, match=r"y: expected shape \(12, 2\), got \(12, 1\)"):
        refine(get_task("robot_arm"), x, y)


def test_a_missing_and_a_needless_context_are_named(device):
    x, y = torch.zeros(3, 4, 2, device=device), torch.zeros(3, 1, device=device)
    with pytest.raises(ValueError, match="refine: lens needs a context c"):
        refine(bent_lens(), x, y)
    with pytest.raises(ValueError, match="refine: sine takes no context c"):
        refine(get_task("sine"), x, y, y)


@pytest.mark.parametrize(("steps", "error"), [(0, ValueError), (1.5, TypeError)])
def test_a_bad_number_of_steps_is_named(device, steps, error):
    x = torch.zeros(3, 4, 2, device=device)
    with pytest.raises(error, match="steps: expected"):
        refine(get_task("sine"), x, x[:, 0, :1], steps=steps)


# Contexts

SHOTS = get_task("billiards")


def swung(x, c):
    return (x * c[:, :2] + c[:, 2:]).sin()


def test_contexts_stay_with_their_rows(device, monkeypatch):
    start, c = 0.3 * draw(device, 10, 2), draw(device, 10, 4)
    y = swung(0.3 * draw(device, 10, 2).flip(0), c)
    options = {"x_scale": unit(start), "max_step": 9, "tolerance": 1e-9}  # rows stop one by one
    whole = gauss_newton(swung, start, y, c, **options)
    monkeypatch.setattr(module, "CHUNK", 3)
    parts = gauss_newton(swung, start, y, c, **options)
    for i in range(10):
        alone = gauss_newton(
            lambda x, i=i: swung(x, c[i : i + 1]), start[i : i + 1], y[i : i + 1], **options
        )
        for one, all_at_once, part in zip(alone, whole, parts, strict=True):
            torch.testing.assert_close(all_at_once[i], one[0])
            torch.testing.assert_close(part[i], one[0])
    with pytest.raises(ValueError, match="x has 10, y has 10, c has 9"):
        gauss_newton(swung, start, y, c[:9], x_scale=unit(start))


class Undifferentiable(torch.autograd.Function):
    """What it is given, and an error where somebody asks for its derivative."""

    @staticmethod
    def forward(c):
        return c.clone()

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def backward(ctx, grad):
        raise AssertionError("differentiated by the context")

    jvp = backward


@pytest.mark.parametrize("dy", [2, 5], ids=["reverse", "forward"])
def test_refine_never_differentiates_by_the_context(dy):
    task = Task(
        "guarded",
        lambda x, c: (x.sum(-1, keepdim=True) * Undifferentiable.apply(c)[..., :dy]).tanh(),
        Box([0.0] * 3, [1.0] * 3),
        context=Box([1.0] * 40, [2.0] * 40),
    )
    targets = task.targets(6, seed=0, dtype=torch.float64)
    guesses = near(task, targets, 0.05)
    x = refine(task, guesses, targets.y, targets.c.requires_grad_())
    assert not x.requires_grad
    with torch.no_grad():
        assert resimulation_error(task, x, targets.y, targets.c).max() < 1e-20


def test_guesses_keep_their_dtype_beside_another_of_the_context():
    task = bent_lens()
    targets = task.targets(3, seed=0, dtype=torch.float64)
    guesses = near(task, targets, 0.05)
    for x, c in ((guesses.float(), targets.c), (guesses, targets.c.float())):
        assert refine(task, x, targets.y.to(x), c).dtype == x.dtype


@pytest.mark.parametrize("name", ["lens", "billiards"])
def test_a_context_does_the_same_as_unknowns_of_length_zero(name):
    task = bent_lens() if name == "lens" else SHOTS
    targets = task.targets(12, seed=0, dtype=torch.float64)
    guesses = near(task, targets, 0.005)
    x = refine(task, guesses, targets.y, targets.c)
    assert resimulation_error(task, x, targets.y, targets.c).max() < 1e-20
    rows = torch.cat([guesses, targets.c[:, None].expand(-1, 4, -1)], 2).flatten(0, 1)
    scale = torch.cat([task.box.width, torch.zeros(targets.c.shape[1]).double()]).to(rows)
    carried, _ = gauss_newton(
        lambda rows: task.simulator(rows[:, :2], rows[:, 2:]),
        rows,
        targets.y.repeat_interleave(4, 0),
        x_scale=scale,
        steps=10,
        max_step=0.5,
    )
    torch.testing.assert_close(x.flatten(0, 1), carried[:, :2], rtol=1e-12, atol=1e-12)


# Ranking


def test_rank_puts_the_best_guess_first_and_keeps_equals_in_order(device):
    x = torch.arange(12.0, device=device).reshape(2, 3, 2)
    error = torch.tensor([[2.0, 0.0, 1.0], [1.0, torch.inf, 1.0]], device=device)
    ranked = rank(x, error)
    assert ranked[0].tolist() == [[2, 3], [4, 5], [0, 1]]
    assert ranked[1].tolist() == [[6, 7], [10, 11], [8, 9]]


def test_rank_refuses_errors_of_other_targets(device):
    with pytest.raises(ValueError, match="x has 2, error has 3"):
        rank(torch.zeros(2, 3, 1, device=device), torch.zeros(3, 3, device=device))


@pytest.fixture(scope="module")
def copied():
    task = get_task("sine")
    data = task.sample(600, generator=generator(0, "pairs"))
    surrogate = fit_surrogate(data, seeds=[0, 1], epochs=5, activation=torch.tanh)
    targets = task.targets(4, seed=3)
    guesses = task.prior.sample(20, generator=generator(1)).to(targets.y).expand(4, -1, -1)
    return surrogate.requires_grad_(False), guesses, targets.y


def test_believed_error_is_the_scaled_error_of_the_mean_copy(copied):
    surrogate, guesses, y = copied
    believed = surrogate_error(surrogate, guesses, y)
    copy_of_one = surrogate(guesses[1])[..., 0].mean(0)
    expected = ((copy_of_one - y[1]) / surrogate.outputs.scale).square()
    torch.testing.assert_close(believed[1], expected.float(), rtol=1e-4, atol=1e-6)


def test_refining_on_a_surrogate_makes_no_guess_worse_for_it(copied):
    surrogate, guesses, y = copied
    before = guesses.clone()
    refined = refine_on_surrogate(surrogate, guesses, y, steps=3)
    gain = surrogate_error(surrogate, before, y) - surrogate_error(surrogate, refined, y)
    assert refined.shape == guesses.shape
    assert (gain >= -1e-6).all()
    assert gain.mean() > 0.1
    assert torch.equal(guesses, before)


def test_refining_on_a_surrogate_names_guesses_of_another_task(copied):
    surrogate, guesses, y = copied
    with pytest.raises(ValueError, match="x: expected shape"):
        refine_on_surrogate(surrogate, guesses[..., :1], y)


# BFGS on the true simulator


def test_bfgs_brings_shots_that_hit_to_their_target():
    targets = SHOTS.targets(30, seed=0, dtype=torch.float64)
    noise = 0.03 * draw(targets.x.device, 30, 4, 2)
    x = targets.x[:, None] + noise
    before = resimulation_error(SHOTS, x, targets.y, targets.c)
    after = resimulation_error(
        SHOTS, refine_bfgs(SHOTS, x, targets.y, targets.c), targets.y, targets.c
    )
    assert (after <= before).all()
    hit = SHOTS.hits(x, targets.c[:, None].expand(-1, 4, -1))
    assert hit.double().mean() > 0.5
    assert (after[hit] < 1e-6).double().mean() > 0.95
    assert torch.equal(after[~hit], before[~hit])  # no gradient, no move


def test_bfgs_is_the_same_for_guesses_together_and_alone():
    task = get_task("sine")
    targets = task.targets(3, seed=0, dtype=torch.float64)
    x = task.prior.sample(6, generator=generator(1)).to(targets.y).reshape(3, 2, 2)
    together = refine_bfgs(task, x, targets.y)
    for i in range(3):
        alone = refine_bfgs(task, x[i : i + 1, 1:], targets.y[i : i + 1])
        torch.testing.assert_close(alone, together[i : i + 1, 1:])


def test_bfgs_settles_in_the_least_squares_answer_where_there_is_no_exact_one(device):
    matrix, y = draw(device, 5, 2), draw(device, 4, 5)
    task = Task("wide", lambda x: x @ matrix.T.to(x), Box([-9.0, -9.0], [9.0, 9.0]))
    x = refine_bfgs(task, torch.zeros(4, 1, 2).to(y), y, gtol=1e-9)[:, 0]
    torch.testing.assert_close(x, y @ torch.linalg.pinv(matrix).T)


def test_bfgs_stays_in_the_box_unless_told_otherwise(device):
    task = Task("plain", lambda x: x, Box([0.0], [1.0]))
    y = torch.tensor([[3.0], [0.25]], dtype=torch.float64, device=device)
    x = torch.tensor([[[0.5], [-7.0]], [[0.9], [1.0]]], dtype=torch.float64, device=device)
    held, free = (refine_bfgs(task, x, y, bounded=bounded) for bounded in (True, False))
    assert task.box.contains(held).all()
    torch.testing.assert_close(held[0], torch.ones_like(held[0]), rtol=0, atol=1e-2)
    torch.testing.assert_close(held[1], torch.full_like(held[1], 0.25), rtol=0, atol=1e-4)
    torch.testing.assert_close(free, y[:, None].expand_as(x), rtol=0, atol=1e-4)


def test_the_unit_says_how_far_the_first_step_goes(device):
    """Beside a wave packet a small unit leads into the right valley, and a large one out of it."""
    task = get_task("wave_packet")
    targets = task.targets(40, seed=0, dtype=torch.float64)
    x = (targets.x + 0.6)[:, None]
    near, far = (
        (refine_bfgs(task, x, targets.y, x_scale=unit)[:, 0] - targets.x).abs() < 0.5
        for unit in (1.0, 75.0)
    )
    assert near.all()
    assert far.double().mean() < 0.9


def test_bfgs_keeps_the_dtype_and_leaves_the_guesses_alone():
    targets = SHOTS.targets(3, seed=0)
    x = targets.x[:, None] + 0.01
    before = x.clone()
    better = refine_bfgs(SHOTS, x, targets.y, targets.c)
    assert better.dtype == torch.float32
    assert torch.equal(x, before)
    x[1] = torch.nan
    assert refine_bfgs(SHOTS, x, targets.y, targets.c)[1].isnan().all()
    torch.testing.assert_close(refine_bfgs(SHOTS, x, targets.y, targets.c)[::2], better[::2])


def test_bfgs_refuses_what_does_not_fit():
    targets = SHOTS.targets(3, seed=0)
    x = targets.x[:, None]
    with pytest.raises(ValueError, match="refine_bfgs: billiards needs a context c"):
        refine_bfgs(SHOTS, x, targets.y)
    with pytest.raises(ValueError, match=r"y: expected shape \(3, 2\), got \(3, 1\)"):
        refine_bfgs(SHOTS, x, targets.y[:, :1], targets.c)
    blind = Task("blind", lambda x: x.detach(), Box([0.0], [1.0]), differentiable=False)
    with pytest.raises(ValueError, match="refine_bfgs: blind says differentiable=False"):
        refine_bfgs(blind, x[..., :1], targets.y[:, :1])


def test_the_squared_distance_is_that_of_the_re_simulation():
    targets = SHOTS.targets(5, seed=0, dtype=torch.float64)
    x = SHOTS.prior.sample(5, generator=generator(0)).to(targets.y)
    rows = torch.tensor([3, 0])
    value = squared_distance(SHOTS, targets.y, targets.c)(x[rows], rows)
    expected = 2 * resimulation_error(SHOTS, x[:, None], targets.y, targets.c)[rows, 0]
    torch.testing.assert_close(value, expected)


# Units


def bent(scale=1.0, offset=0.0, unit=1.0):
    """One answer an observation, in any units of x and y."""

    def simulate(x):
        a, b = x[..., 0] / unit, x[..., 1] / unit
        return offset + scale * torch.stack([a + 0.5 * b**2, b - 0.3 * a**2], -1)

    return Task("bent", simulate, Box([-unit, -unit], [unit, unit]))


@pytest.mark.parametrize("improved", [refine, refine_bfgs])
@pytest.mark.parametrize("scale", [1e-30, 1e-12, 1e-3, 1e3, 1e12])
@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_refinement_does_not_depend_on_the_units(improved, scale, unit, dtype):
    task = bent(scale, 0.0, unit)
    targets = task.targets(6, seed=0, dtype=dtype)
    x = improved(task, 0.7 * targets.x[:, None], targets.y)
    assert x.dtype == dtype
    left = (task.simulator(x[:, 0].double()) - targets.y.double()).abs() / scale
    # Gauss–Newton goes to rounding, BFGS to its tolerance
    finest = 2e-6 if dtype == torch.float32 else 1e-9
    assert left.max() < (finest if improved is refine else 1e-3)


@pytest.mark.parametrize("improved", [refine, refine_bfgs])
def test_an_offset_of_y_costs_no_more_digits_than_it_has(improved):
    task = bent(1e-3, 1e6)
    targets = task.targets(6, seed=0, dtype=torch.float64)
    x = improved(task, 0.7 * targets.x[:, None], targets.y)
    # y is known to 1e-10, a ten millionth of its spread
    torch.testing.assert_close(x[:, 0], targets.x, rtol=0, atol=1e-3)


def test_the_scale_of_y_may_be_given():
    task, seen = bent(1e-3), []
    targets = task.targets(4, seed=0, dtype=torch.float64)

    def watched(x):
        seen.append(len(x))
        return bent(1e-3).simulator(x)

    x = refine_bfgs(
        Task("bent", watched, task.prior), 0.7 * targets.x[:, None], targets.y, y_scale=1e-3
    )
    assert seen[:2] == [1, 4]  # whether there is a gradient, and no draws of the prior
    torch.testing.assert_close(x[:, 0], targets.x, rtol=0, atol=1e-3)
    fun, rows = squared_distance(task, targets.y), torch.arange(4)
    scaled = squared_distance(task, targets.y, y_scale=0.5)
    torch.testing.assert_close(scaled(targets.x + 0.1, rows), 4 * fun(targets.x + 0.1, rows))
    for wrong in (0.0, -1.0, torch.nan, torch.inf):
        with pytest.raises(ValueError, match="y_scale: expected a finite number above 0"):
            squared_distance(task, targets.y, y_scale=wrong)


@pytest.mark.parametrize("scale", [1e-200, 1e-20, 1.0, 1e20, 1e200])
def test_the_spread_is_about_the_standard_deviation(scale):
    y = scale * torch.randn(4000, 3, generator=generator(0), dtype=torch.float64)
    assert 0.6 < spread(y) / scale < 1.5
    y[::9] *= 1e6  # a few wild rows
    y[5] = torch.nan
    assert 0.6 < spread(y) / scale < 1.6
    assert spread(y + 1e3 * scale) / scale < 1.6
    assert spread(torch.full((5, 2), 3.0)) == 1
    assert spread(y[:1]) == 1
    assert spread(torch.tensor([[0.0], [0.0], [0.0], [0.0], [8.0]])) > 1  # most are equal


def test_refinement_leaves_the_random_numbers_of_the_caller_alone():
    def simulate(x):
        return x + 0 * torch.randn_like(x)

    x = torch.full((1, 1, 1), 0.4, dtype=torch.float64)
    torch.manual_seed(3)
    first = torch.rand(1)
    torch.manual_seed(3)
    improve._spread_of(Task("noisy", simulate, Box([0.0], [1.0]), noisy=True))
    assert torch.equal(torch.rand(1), first)
    assert refine_bfgs(Task("line", lambda x: 2 * x, Box([0.0], [1.0])), x, x[0]).shape == x.shape


@pytest.mark.parametrize("improved", [refine, refine_bfgs])
@pytest.mark.parametrize("dy", [2, 5], ids=["reverse", "forward"])
def test_a_simulator_may_change_its_argument(improved, dy):
    matrix = draw(torch.device("cpu"), 3, dy)

    def simulate(x):
        x -= 0.25
        return x @ matrix

    task = Task("writes", simulate, Box([-1.0] * 3, [1.0] * 3))
    x = torch.full((2, 2, 3), 0.1, dtype=torch.float64)
    y = torch.full((2, 3), 0.05, dtype=torch.float64) @ matrix
    better = improved(task, x, y)
    assert torch.equal(x, torch.full_like(x, 0.1))
    torch.testing.assert_close(
        (better - 0.25) @ matrix, y[:, None].expand(2, 2, dy), atol=1e-4, rtol=0
    )


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_half_precision_is_refused_or_searched_in_double(dtype, copied):
    task, x = get_task("sine"), torch.full((1, 2, 2), 0.1, dtype=dtype)
    y = torch.zeros(1, 1, dtype=dtype)
    with pytest.raises(ValueError, match=f"x: expected float32 or float64, got {dtype}"):
        refine(task, x, y)
    assert refine_bfgs(task, x, y).dtype == dtype
    assert refine_on_surrogate(copied[0], x, y).dtype == dtype
    assert surrogate_error(copied[0], x, y).isfinite().all()


def test_weights_of_a_simulator_get_no_gradient():
    layer = torch.nn.Linear(2, 1).double()
    task = Task("layer", layer, Box([-1.0, -1.0], [1.0, 1.0]))
    x = torch.zeros(2, 3, 2, dtype=torch.float64, requires_grad=True)
    y = torch.full((2, 1), 0.1, dtype=torch.float64)
    for improved in (refine, refine_bfgs):
        assert not improved(task, x, y).requires_grad
    assert layer.weight.grad is None
    assert x.grad is None


# Unknowns that are whole numbers


def layers():
    """y from a number of layers n and a thickness a: whole and not; twice as many numbers."""
    return Task(
        "layers",
        lambda x: torch.stack([x[..., 0] * x[..., 1], x[..., 0] + x[..., 1].square()], -1),
        Product(Integer([1], [12]), Box([0.1], [2.0])),
    )


def tiles():
    """All unknowns whole, and so coupled that the nearest rounding need not be the best."""
    matrix = torch.tensor([[1.0, 0.9], [0.9, 1.0]], dtype=torch.float64)
    return Task("tiles", lambda x: x @ matrix.to(x), Integer([0, 0], [20, 20]))


@pytest.mark.parametrize("improved", [refine, refine_bfgs])
@pytest.mark.parametrize("make", [layers, tiles])
def test_whole_unknowns_come_back_whole_and_solve_the_target(improved, make):
    task = make()
    targets = task.targets(12, seed=0, dtype=torch.float64)
    near = targets.x[:, None] + 0.3 * draw("cpu", 12, 3, 2)
    guess = task.box.clip(near)
    guess[..., task.integer] = guess[..., task.integer].round()
    x = improved(task, guess, targets.y)
    assert x[..., task.integer].eq(x[..., task.integer].round()).all()
    before, after = (resimulation_error(task, g, targets.y) for g in (guess, x))
    assert (after <= before).all()
    assert after.amin(1).max() < 1e-8, "the whole answer next to the search solves each target"


@pytest.mark.parametrize("improved", [refine, refine_bfgs])
def test_of_the_roundings_the_best_by_re_simulation_is_kept(improved):
    task = tiles()
    whole = torch.cartesian_prod(*[torch.arange(21.0, dtype=torch.float64)] * 2)
    y = task.simulator(torch.tensor([[7.4, 9.45], [3.3, 12.6]], dtype=torch.float64))
    x = improved(task, torch.full((2, 1, 2), 8.0, dtype=torch.float64), y)
    ways = (whole - torch.tensor([[[7.4, 9.45]], [[3.3, 12.6]]])).abs().lt(1).all(-1)
    error = (task.simulator(whole) - y[:, None]).square().mean(-1).where(ways, torch.inf)
    torch.testing.assert_close(x[:, 0], whole[error.argmin(1)])
    nearest = torch.tensor([[7.0, 9.0], [3.0, 13.0]], dtype=torch.float64)
    assert (x[:, 0] != nearest).any(), "rounding each by itself is not the best here"


def test_whole_answers_stay_in_the_box_and_a_lost_guess_stays_lost():
    task = Task("half", lambda x: x, Integer([0], [9]), box=Box([0.5], [6.5]))
    guess = torch.tensor([[[5.0], [torch.nan]]], dtype=torch.float64)
    for improved in (refine, refine_bfgs):
        x = improved(task, guess, torch.tensor([[8.0]], dtype=torch.float64), bounded=True)
        assert x[0, 0].item() == 6
        assert x[0, 1].isnan()
    task = Task("between", lambda x: x, Integer([0], [9]), box=Box([0.2], [0.8]))
    with pytest.raises(ValueError, match="expected room for a whole number"):
        refine(task, guess[:, :1], torch.tensor([[8.0]]), bounded=True)


def test_sizes_that_would_only_broadcast_are_refused():
    surrogate = fit_surrogate(Pairs(torch.rand(30, 2), torch.rand(30, 3)), epochs=1)
    for ask in (surrogate_error, refine_on_surrogate):
        with pytest.raises(ValueError, match="y: expected targets of 3 numbers"):
            ask(surrogate, torch.rand(2, 4, 2), torch.rand(2, 1))
    with pytest.raises(ValueError, match="rank: expected guesses"):
        rank(torch.rand(2, 5, 3), torch.rand(2, 3))


def test_refinement_reaches_beyond_the_usual_range_of_a_prior():
    task = Task("plain", lambda x: x * 1.0, Normal([0.0], [1.0]))
    y = torch.tensor([[3.0]], dtype=torch.float64)
    for found in (refine_bfgs(task, y[None] / 2, y), refine(task, y[None] / 2, y, bounded=True)):
        assert float(found) == pytest.approx(3.0, abs=1e-5)


@pytest.mark.parametrize("improve", [invlab.refine, invlab.refine_bfgs])
def test_targets_are_checked_before_anything_is_improved(improve):
    task = invlab.get_task("square")
    x, y = torch.rand(3, 2, 1), torch.rand(3, 1)
    with pytest.raises(ValueError, match="y: expected finite numbers"):
        improve(task, x, torch.full_like(y, torch.nan))
    with pytest.raises(TypeError, match="y: expected a tensor"):
        improve(task, x, y.numpy())


def test_a_surrogate_takes_whole_numbers_as_they_are():
    task = invlab.get_task("square")
    data = task.sample(200)
    surrogate = invlab.fit_surrogate(data, seeds=[0], width=8, layers=2, epochs=2)
    x, y = torch.rand(2, 4, 1), torch.tensor([[3], [7]])
    whole = invlab.surrogate_error(surrogate, x, y)
    torch.testing.assert_close(whole, invlab.surrogate_error(surrogate, x, y.double()).to(whole))
    one = surrogate(torch.tensor([[2]]))
    torch.testing.assert_close(one, surrogate(torch.tensor([[2.0]]).double()))


def test_a_simulator_in_float64_refines_guesses_in_float32():
    weight = torch.tensor([2.0], dtype=torch.float64)
    task = invlab.Task("twice", lambda x: x * weight, invlab.Box([0.0], [1.0]))
    x = invlab.refine(task, torch.full((1, 1, 1), 0.5), torch.tensor([[0.6]]))
    assert x.dtype == torch.float32
    assert float(x) == pytest.approx(0.3)


def test_contexts_in_whole_numbers_are_numbers():
    task = invlab.Task(
        "scaled", lambda x, c: x * c, invlab.Box([0.0], [1.0]), context=Box([1.0], [3.0])
    )
    x, y = torch.full((2, 1, 1), 0.5), torch.tensor([[0.4], [1.2]])
    whole = refine(task, x, y, torch.tensor([[1], [2]]))
    torch.testing.assert_close(whole[:, 0, 0], torch.tensor([0.4, 0.6]))
    with pytest.raises(ValueError, match="c: expected finite numbers"):
        refine(task, x, y, torch.tensor([[torch.nan], [2.0]]))


@pytest.mark.parametrize("improved", [refine, refine_bfgs])
def test_an_image_that_is_turned_is_refused(improved):
    task = Task("image", lambda x: x[..., None] * torch.arange(1.0, 4).to(x), Box([0, 0], [1, 1]))
    targets = task.targets(4, seed=0)
    with pytest.raises(
        ValueError, match=r"y: expected shape \(B, 2, 3\) or \(B, 6\), got \(\d+, 3, 2\)"
    ):
        improved(task, near(task, targets, 0.05), targets.y.mT)
    x = near(task, targets, 0.05)
    for same in (targets.y.flatten(1), targets.y[:, None]):
        assert torch.equal(improved(task, x, same), improved(task, x, targets.y))


@pytest.mark.parametrize("numbers", [1, 3])
def test_a_gradient_that_is_not_there_is_named(numbers):
    task = Task("silent", lambda x: x.detach().square().repeat(1, numbers), Box([0.0], [1.0]))
    targets = task.targets(2, seed=0)
    with pytest.raises(ValueError, match="silent: .* no gradient; say differentiable=False"):
        refine(task, targets.x[:, None] + 0.1, targets.y)


@pytest.mark.parametrize("max_step", [0, -0.5, float("nan")])
def test_a_step_that_leads_nowhere_is_refused(max_step):
    task = get_task("square")
    data = task.sample(20)
    surrogate = fit_surrogate(data, width=4, layers=2, epochs=1)
    for call in (
        lambda x, y: refine(task, x, y, max_step=max_step),
        lambda x, y: refine_on_surrogate(surrogate, x, y, max_step=max_step),
    ):
        with pytest.raises(ValueError, match="max_step: expected a number above 0"):
            call(data.x[:, None], data.y)


@pytest.mark.parametrize("improved", [refine, refine_bfgs])
def test_what_comes_back_has_no_graph(improved):
    for prior in (Integer([0], [9]), Product(Integer([0], [9]), Box([0.0], [1.0]))):
        task = Task("whole", lambda x: x * 2.0, prior)
        data = task.sample(3)
        assert not improved(task, data.x[:, None].requires_grad_(), data.y).requires_grad


@pytest.mark.parametrize("search", [refine, refine_bfgs])
def test_noise_is_not_refined(search):
    noisy = Task("wind", lambda x: x + torch.randn_like(x), Box([0.0], [1.0]), noisy=True)
    with pytest.raises(ValueError, match="wind says that it is noisy"):
        search(noisy, torch.full((1, 1, 1), 0.5), torch.tensor([[0.3]]))


@pytest.mark.parametrize("search", [refine, refine_bfgs])
def test_a_simulator_without_a_way_back_is_named(search):
    lost = Task("lost", lambda x: x.detach() * 2, Box([0.0], [1.0]))
    with pytest.raises(ValueError, match="lost: the task says that its simulator is different"):
        search(lost, torch.full((1, 1, 1), 0.5), torch.tensor([[0.3]]))
