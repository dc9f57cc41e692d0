"""Billiards: mechanics of the collision, its boundaries, a time-stepping simulation, gradients."""

import math

import numpy as np
import pytest
import torch

from invlab import check_task
from invlab.runtime import generator
from invlab.tasks.billiards import Billiards

DOUBLE = torch.float64


def rows(*values):
    return torch.tensor(values, dtype=DOUBLE)


def shots(task, n, seed=0):
    """``n`` shots that hit: velocities and places, from the prior."""
    rng = generator(seed)
    x, c = task.prior.sample(20 * n, generator=rng), task.context.sample(20 * n, generator=rng)
    hit = task.hits(x, c)
    assert hit.sum() >= n
    return x[hit][:n], c[hit][:n]


def velocities(task, x, c):
    """Before and after the collision, from the ways alone: a ball of velocity v rolls v/γ."""
    (cue, meeting, cue_rest), (ball, _, ball_rest) = (
        balls.unbind(-2) for balls in task.trajectory(x, c).unbind(-3)
    )
    drag = task.simulator.drag
    normal = (ball - meeting) / (ball - meeting).norm(dim=-1, keepdim=True)
    before = x - drag * (meeting - cue)
    return normal, before, drag * (cue_rest - meeting), drag * (ball_rest - ball)


def gradient(task, x, c):
    x = x.clone().requires_grad_()
    y = task.simulate(x, c)
    return torch.stack(
        [torch.autograd.grad(y[..., k].sum(), x, retain_graph=True)[0] for k in (0, 1)]
    )


OPTIONS = [
    {},
    {"radius": 0.1, "restitution": 0.0},
    {"restitution": 1.0, "drag": 0.4},
    {"radius": 0.19, "drag": 7.0},
]
each = pytest.mark.parametrize("options", OPTIONS)


@each
def test_the_task_keeps_its_contract(options):
    verdicts = check_task(Billiards(**options))
    assert verdicts.passed, verdicts


def test_head_on_by_hand():
    task = Billiards()
    # 0.9 m to the contact, where 2.0 − 0.9 m/s are left; the ball takes 0.9 of them
    y = task.simulate(rows([2.0, 0.0], [0.0, 2.0]), rows([-1, 0, 0, 0], [0.3, -1, 0.3, 0]))
    torch.testing.assert_close(y, rows([0.99, 0.0], [0.3, 0.99]), rtol=0, atol=1e-15)
    slow = Billiards(drag=2.0).simulate(rows([4.0, 0.0]), rows([-1, 0, 0, 0]))
    torch.testing.assert_close(slow, rows([0.99, 0.0]), rtol=0, atol=1e-15)


def test_a_cut_at_45_degrees_by_hand():
    """The cue ball passes at √2·r, so the normal is at 45° to its way."""
    task = Billiards(radius=0.1)
    side = 0.2 / math.sqrt(2)
    y = task.simulate(rows([2.0, 0.0]), rows([-1.0, 0.0, side, side]))
    # contact at the origin with 1 m/s left: 0.9·cos 45° along the normal
    torch.testing.assert_close(y, rows([side + 0.45, side + 0.45]), rtol=0, atol=1e-14)


@each
def test_momentum_energy_and_the_tangential_velocity_at_the_collision(options):
    task = Billiards(**options)
    x, c = shots(task, 300)
    normal, before, cue, ball = velocities(task, x, c)
    torch.testing.assert_close(cue + ball, before, rtol=0, atol=1e-12 * task.simulator.drag)
    e = task.simulator.restitution
    along = (before * normal).sum(-1)
    assert (along > 0).all()
    lost = (before.square().sum(-1) - cue.square().sum(-1) - ball.square().sum(-1)) / 2
    torch.testing.assert_close(lost, (1 - e**2) / 4 * along.square())
    # Newton's law of restitution, and no force across the normal
    torch.testing.assert_close(((ball - cue) * normal).sum(-1), e * along)
    across = normal.flip(-1) * rows(-1, 1)
    torch.testing.assert_close((cue * across).sum(-1), (before * across).sum(-1))
    assert ((ball * across).sum(-1).abs() < 1e-12 * task.simulator.drag).all()


@each
def test_the_drawing_meets_at_two_radii_and_ends_at_the_observation(options, device):
    task = Billiards(**options)
    pairs = task.sample(2000, dtype=DOUBLE)
    drawing, hit = task.trajectory(pairs.x, pairs.c), task.hits(pairs.x, pairs.c)
    assert drawing.shape == (2000, 2, 3, 2)
    assert drawing.device.type == device.type
    assert torch.equal(drawing[:, 1, 2], pairs.y)
    assert torch.equal(drawing[:, 0, 0], pairs.c[:, :2])
    assert torch.equal(drawing[:, 1, 0], pairs.c[:, 2:])
    assert torch.equal(drawing[:, 1, 1], pairs.c[:, 2:])
    apart = (drawing[:, 1, 1] - drawing[:, 0, 1]).norm(dim=-1)[hit]
    torch.testing.assert_close(apart, torch.full_like(apart, 2 * task.simulator.radius))
    assert torch.equal(drawing[~hit, 0, 1], drawing[~hit, 0, 2])
    torch.testing.assert_close(
        drawing[~hit, 0, 2], (pairs.c[:, :2] + pairs.x / task.simulator.drag)[~hit]
    )


@each
def test_hits_are_ways_that_come_within_two_radii(options):
    """The distance of the other ball from the cue ball's segment, by projection and clamping."""
    task = Billiards(**options)
    rng = generator(1)
    x, c = task.prior.sample(20_000, generator=rng), task.context.sample(20_000, generator=rng)
    way, gap = x / task.simulator.drag, c[:, 2:] - c[:, :2]
    nearest = ((gap * way).sum(-1) / way.square().sum(-1)).clamp(0, 1)[:, None] * way
    assert torch.equal(task.hits(x, c), (gap - nearest).norm(dim=-1) < 2 * task.simulator.radius)


def test_the_boundary_of_hits_is_an_impact_parameter_of_two_radii():
    task = Billiards(restitution=1.0)
    x = rows([2.0, 0.0])
    for side in (1, -1):
        beside = torch.tensor([0.1 - 1e-6, 0.1 - 1e-10, 0.1 + 1e-10, 0.1 + 1e-6], dtype=DOUBLE)
        c = torch.stack([-torch.ones(4), side * beside, torch.zeros(4), torch.zeros(4)], -1)
        assert task.hits(x.expand(4, 2), c).tolist() == [True, True, False, False]
        y = task.simulate(x.expand(4, 2), c)
        # √D/2r = 2·√(1 − (b/2r)²): the ball moves with the square root of how deep the hit is
        depth = (1 - (beside[:2] / 0.1).square()).sqrt() * (1 - 0.5)
        torch.testing.assert_close(y[:2].norm(dim=-1), 2 * depth, rtol=1e-3, atol=0)
        assert (y[2:] == 0).all()
        slope = gradient(task, x.expand(4, 2), c).abs().amax((0, 2))
        assert slope[0] > 100
        assert slope[1] > 10 * slope[0]
        assert (slope[2:] == 0).all()


def test_a_cue_ball_that_stops_before_does_not_hit():
    task = Billiards(drag=2.0)
    x = rows([1.8 - 1e-9, 0.0], [1.8 + 1e-9, 0.0], [-1.8, 0.0], [40.0, 0.0], [-40.0, 0.0])
    c = rows([-1.0, 0.0, 0.0, 0.0]).expand(5, 4)
    assert task.hits(x, c).tolist() == [False, True, False, True, False]
    y = task.simulate(x, c)
    assert y[1, 0].item() == pytest.approx(0.45e-9, rel=1e-4)
    assert (y[[0, 2, 4]] == 0).all()


def test_a_miss_leaves_the_ball_and_has_a_gradient_of_exactly_zero():
    task = Billiards()
    pairs = task.sample(5000, dtype=DOUBLE)
    hit = task.hits(pairs.x, pairs.c)
    assert hit.double().mean().item() == pytest.approx(0.12, abs=0.015)
    assert torch.equal(pairs.y[~hit], pairs.c[~hit, 2:])
    slope = gradient(task, pairs.x, pairs.c)
    assert (slope[:, ~hit] == 0).all()
    assert (slope[:, hit].abs().amax((0, 2)) > 0).all()


def stepped(x, c, dt, *, radius, restitution, drag, until=14.0):
    """Rest point of the other ball by explicit steps; a ball that overlaps is pushed apart."""
    place = np.stack([c[:, :2], c[:, 2:]])
    speed = np.stack([x, np.zeros_like(x)])
    for _ in range(round(until / drag / dt)):
        place = place + dt * speed
        speed = speed * (1 - drag * dt)
        gap = place[1] - place[0]
        distance = np.linalg.norm(gap, axis=1)
        normal = gap / distance[:, None]
        closing = ((speed[0] - speed[1]) * normal).sum(1)
        touch = (distance < 2 * radius) & (closing > 0)
        push = np.where(touch, (1 + restitution) / 2 * closing, 0.0)[:, None] * normal
        speed = speed + np.stack([-push, push])
    return place[1]


@pytest.mark.parametrize("options", OPTIONS[:3])
def test_small_time_steps_converge_to_the_closed_form_at_first_order(options):
    task = Billiards(**options)
    x, c = shots(task, 150, seed=2)
    # clear of the grazing boundary, where the order would be a half
    normal, before, _, _ = velocities(task, x, c)
    clear = (before * normal).sum(-1) > 0.5 * before.norm(dim=-1)
    x, c = x[clear], c[clear]
    y = task.simulate(x, c).numpy()
    constants = {k: getattr(task.simulator, k) for k in ("radius", "restitution", "drag")}
    steps = np.array([0.016, 0.008, 0.004, 0.002]) / task.simulator.drag
    errors = [
        np.linalg.norm(stepped(x.numpy(), c.numpy(), dt, **constants) - y, axis=1).mean()
        for dt in steps
    ]
    order = np.polyfit(np.log(steps), np.log(errors), 1)[0]
    assert 0.85 < order < 1.15, (order, errors)
    assert errors[-1] < 0.02


def adversarial():
    """Velocities and places for balls of radius 1/8, whose grazing is exact in binary."""
    tiny = 5e-324
    below, above = np.nextafter(0.25, 0), np.nextafter(0.25, 1)
    return {
        "head-on": ([4.0, 0.0], [-1, 0.25, 0, 0.25]),
        "grazing": ([4.0, 0.0], [-1, 0.25, 0, 0]),
        "grazing below": ([4.0, 0.0], [-1, -0.25, 0, 0]),
        "grazing, upwards": ([0.0, 2.0], [0.25, -1, 0, 0]),
        "an ulp inside": ([4.0, 0.0], [-1, below, 0, 0]),
        "an ulp outside": ([4.0, 0.0], [-1, above, 0, 0]),
        "at rest": ([0.0, 0.0], [-1, 0, 0, 0]),
        "at rest, touching": ([0.0, 0.0], [-0.25, 0, 0, 0]),
        "hardly moving": ([tiny, 0.0], [-1, 0, 0, 0]),
        "hardly moving, squared": ([1e-160, 1e-161], [-1, 0, 0, 0]),
        "stops at contact": ([0.75, 0.0], [-1, 0, 0, 0]),
        "stops while grazing": ([1.0, 0.0], [-1, 0.25, 0, 0]),
        "away": ([-4.0, 0.0], [-1, 0, 0, 0]),
        "across": ([0.0, 4.0], [-1, 0, 0, 0]),
        "touching": ([4.0, 0.0], [-0.25, 0, 0, 0]),
        "touching, across": ([0.0, 4.0], [-0.25, 0, 0, 0]),
        "overlapping": ([4.0, 0.0], [-0.125, 0, 0, 0]),
        "same place": ([4.0, 0.0], [0, 0, 0, 0]),
        "fast": ([1e6, 1.0], [-1, 0, 0, 0]),
        "too fast for squares": ([1e200, 1e198], [-1, 0, 0, 0]),
        "the same in float32": ([1e25, -1e23], [-1, 0, 0, 0]),
    }


HARD = [
    (case, dtype)
    for case, (x, _) in adversarial().items()
    for dtype in (torch.float32, DOUBLE)
    if torch.tensor(x, dtype=dtype).isfinite().all()
]


@pytest.mark.parametrize(("case", "dtype"), HARD)
def test_no_nan_gradient_in_hard_places(case, dtype):
    task = Billiards(radius=0.125)
    x, c = (torch.tensor([v], dtype=DOUBLE).to(dtype) for v in adversarial()[case])
    x, c = x.requires_grad_(), c.requires_grad_()
    y = task.simulate(x, c)
    overlap = case in ("overlapping", "same place")
    assert y.isnan().all().item() == overlap
    assert task.valid(y).item() != overlap
    for k in (0, 1):
        slopes = torch.autograd.grad(y[..., k].sum(), (x, c), retain_graph=True)
        assert all(s.isfinite().all() for s in slopes), slopes
    hit = task.hits(x.detach(), c.detach()).item()
    if not hit:
        assert (gradient(task, x.detach(), c.detach()) == 0).all()
    if case in ("head-on", "touching") or "fast" in case or "float32" in case:
        assert hit
    if case.startswith("an ulp") and dtype == DOUBLE:
        assert hit == case.endswith("inside")
    if case.startswith(("grazing", "at rest", "hardly", "away", "across", "stops")):
        assert not hit
        assert torch.equal(y, c[:, 2:])


@pytest.mark.parametrize("dtype", [torch.float32, DOUBLE])
def test_no_nan_gradient_on_ten_thousand_draws_far_beyond_the_prior(dtype):
    task = Billiards()
    rng = generator(4)
    c = task.context.sample(10_000, generator=rng)
    size = 10 ** (6 * torch.rand(10_000, 1, generator=rng, dtype=DOUBLE) - 3)
    aimed = (c[:, 2:] - c[:, :2]) + 0.1 * torch.randn(10_000, 2, generator=rng, dtype=DOUBLE)
    x, c = (size * aimed).to(dtype).requires_grad_(), c.to(dtype).requires_grad_()
    hit = task.hits(x.detach(), c.detach())
    assert 0.2 < hit.double().mean() < 0.8
    y = task.simulate(x, c)
    assert y.isfinite().all()
    slopes = torch.autograd.grad(y.square().sum(), (x, c))
    assert all(s.isfinite().all() for s in slopes)
    assert (slopes[0][~hit] == 0).all()


@each
def test_the_gradient_inverts_that_of_the_answer(options):
    """simulate(answer(y)) = y, so the product of the two Jacobians is one."""
    task = Billiards(**options)
    x, c = shots(task, 200, seed=5)
    y = task.simulate(x, c)
    torch.testing.assert_close(task.answer(y, c), x, rtol=1e-6, atol=1e-6)
    forward = gradient(task, x, c).movedim(0, -2)
    y = y.requires_grad_()
    back = torch.stack(
        [torch.autograd.grad(task.answer(y, c)[..., k].sum(), y)[0] for k in (0, 1)], -2
    )
    one = torch.eye(2, dtype=DOUBLE).expand(200, 2, 2)
    torch.testing.assert_close(forward @ back, one, rtol=0, atol=1e-5)


@pytest.mark.parametrize("x", [[2.0, 2.0], [1.0, 0.3], [0.9, -0.05], [3.0, 0.0], [-2.0, 2.0]])
def test_the_gradient_where_the_inner_scale_has_a_kink(x):
    """The scale is the larger component, at least 1; y must not notice which."""
    task, x = Billiards(radius=0.15), rows(x)
    c = torch.cat([torch.zeros(1, 2, dtype=DOUBLE), 0.4 * x / x.norm() + 0.04], -1)
    assert task.hits(x, c)
    assert torch.autograd.gradcheck(lambda x: task.simulate(x, c), x.requires_grad_())
    forward = torch.func.jacfwd(lambda x: task.simulate(x, c))(x.detach())
    torch.testing.assert_close(forward[0, :, 0], gradient(task, x.detach(), c)[:, 0])


@each
def test_every_problem_has_its_answer(options, device):
    task = Billiards(**options)
    targets = task.targets(5000, seed=0, dtype=DOUBLE)
    assert targets.y.device.type == device.type
    assert torch.equal(targets.y, rows([1.0, 0.0]).to(device).expand(5000, 2))
    assert task.context.contains(targets.c).all()
    assert task.hits(targets.x, targets.c).all()
    assert (task.simulate(targets.x, targets.c) - targets.y).abs().max() < 1e-11
    if options == {}:
        assert task.box.contains(targets.x).all()
        share = task.prior.contains(targets.x).double().mean().item()
        assert share == pytest.approx(0.96, abs=0.01)


def test_the_corners_have_answers_up_to_the_largest_radius():
    worst = rows([-0.6, 0.3, 0.0, -0.3], [-0.6, -0.3, 0.0, 0.3], [-0.8, 0.3, 0.2, -0.3])
    target = rows([1.0, 0.0]).expand(3, 2)
    assert Billiards(radius=0.1999).answer(target, worst).isfinite().all()


def test_the_first_guess_hits_where_the_heights_differ_by_less_than_two_radii():
    task = Billiards()
    start = task.box.center
    assert start.tolist() == task.prior.center.tolist() == [1.5, 0]
    c = task.targets(20_000, seed=1, dtype=DOUBLE).c.cpu()
    hit = task.hits(start.expand(20_000, 2), c)
    assert torch.equal(hit, (c[:, 1] - c[:, 3]).abs() < 0.1)
    assert hit.double().mean().item() == pytest.approx(11 / 36, abs=0.01)
    assert Billiards(drag=3.0).box.center.tolist() == [4.5, 0]


def test_targets_are_seeded_and_have_their_dtype():
    task = Billiards()
    a, b = task.targets(4, seed=0), task.targets(4, seed=0)
    assert torch.equal(a.c, b.c)
    assert not torch.equal(a.c, task.targets(4, seed=1).c)
    assert a.x.dtype == a.y.dtype == a.c.dtype == torch.float32
    assert not torch.equal(a.c, task.sample(4).c)


def test_float32_is_float64_rounded():
    task = Billiards()
    x, c = (value.float() for value in shots(task, 300))
    y, wide = task.simulate(x, c), task.simulate(x.double(), c.double())
    clear = task.hits(x.double(), c.double()) & task.hits(x, c)
    assert (y - wide)[clear].abs().max() < 1e-3
    assert (y - wide)[clear].abs().median() < 1e-6


def test_many_guesses_for_each_problem_and_a_context_of_another_dtype():
    task = Billiards()
    x, c = shots(task, 12)
    each_alone = torch.stack([task.simulate(x, row.expand(12, 4)) for row in c])
    assert torch.equal(task.simulate(x.expand(12, 12, 2), c[:, None]), each_alone)
    assert task.simulate(x.float(), c).dtype == torch.float32


def test_what_cannot_be_reached_has_no_answer():
    task = Billiards()
    c = rows([-1.0, 0.0, 0.0, 0.0])
    assert task.answer(rows([-0.5, 0.0]), c).isnan().all()  # towards the cue ball
    assert task.answer(rows([0.0, 0.0]), c).isnan().all()  # every miss does it
    assert task.answer(rows([1.0, 0.0]), rows([-0.05, 0.0, 0.0, 0.0])).isnan().all()
    assert task.answer(rows([0.99, 0.0]), c)[0].tolist() == pytest.approx([2.0, 0.0])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"radius": 0.0}, "0 < radius < 0.2"),
        ({"radius": 0.2}, "0 < radius < 0.2"),
        ({"restitution": 1.1}, "0 <= restitution <= 1"),
        ({"drag": 0.0}, "drag above 0"),
        ({"drag": math.nan}, "drag above 0"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(ValueError, match=f"^billiards: expected {message}"):
        Billiards(**options)


def test_bad_calls_are_refused():
    task = Billiards()
    x, c = torch.zeros(3, 2), torch.zeros(3, 4)
    with pytest.raises(ValueError, match="^billiards: this task needs a context c"):
        task.simulate(x)
    with pytest.raises(ValueError, match="^billiards: the shot needs the balls' places"):
        task.simulator(x)
    for call in (task.hits, task.trajectory):
        with pytest.raises(ValueError, match=r"^billiards: x: expected shape \(..., 2\)"):
            call(c, c)
        with pytest.raises(ValueError, match=r"^billiards: c: expected shape \(..., 4\)"):
            call(x, x)
    with pytest.raises(ValueError, match=r"^billiards: y: expected shape \(..., 2\)"):
        task.answer(c, c)
    with pytest.raises(ValueError, match="^k: expected at least 1"):
        task.targets(0, seed=0)
