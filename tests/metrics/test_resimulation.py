"""Errors of guesses: what they cause, simulated again, beside what was asked for."""

import math
import warnings

import pytest
import torch

from invlab import Box, Targets, Task, get_task, resimulation_error
from invlab.metrics import noise_floor, rmse
from invlab.runtime import generator, set_clock


def column(device, *values):
    return torch.tensor(values, device=device)[:, None]


def test_the_error_is_the_mean_squared_difference_of_the_effects(device):
    x = torch.tensor([[[1.0], [2.0]], [[3.0], [-3.0]]], device=device)
    found = resimulation_error(get_task("square"), x, column(device, 1.0, 10.0))
    assert found.tolist() == [[0, 9], [1, 1]]


def test_the_error_averages_over_features(device):
    task = Task("two", lambda x: torch.cat([x, 2 * x], -1), Box([0.0], [1.0]))
    y = torch.tensor([[1.0, 4.0]], device=device)
    assert resimulation_error(task, torch.ones(1, 1, 1, device=device), y).item() == (0 + 4) / 2


def test_a_known_answer_has_no_error(device):
    task = get_task("square")
    targets = task.targets(20, seed=0)
    found = resimulation_error(task, task.branches(targets.y)[..., None], targets.y)
    assert found.shape == (20, 2)
    assert found.max() < 1e-5  # roots of numbers to 1089 in float32


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_a_guess_that_is_no_number_costs_infinity_and_harms_no_other(device, bad):
    x = torch.tensor([[[1.0], [bad]], [[2.0], [3.0]]], device=device)
    found = resimulation_error(get_task("square"), x, column(device, 1.0, 4.0))
    assert found.tolist() == [[0, torch.inf], [0, 25]]


def test_an_invalid_observation_costs_infinity(device):
    task = Task("root", torch.sqrt, Box([-1.0], [1.0]), differentiable=False)
    x = torch.tensor([[[1.0], [-1.0]]], device=device)
    assert resimulation_error(task, x, column(device, 1.0)).tolist() == [[0, torch.inf]]


def test_each_guess_of_a_target_gets_its_context(device):
    task = Task("shift", lambda x, c: x + c, Box([0.0], [1.0]), context=Box([0.0], [9.0]))
    c, y = column(device, 1.0, 5.0), column(device, 2.0, 6.0)
    assert resimulation_error(task, torch.ones(2, 3, 1, device=device), y, c).eq(0).all()


X, Y = torch.ones(2, 3, 1), torch.ones(2, 1)


@pytest.mark.parametrize(
    ("x", "y", "error", "message"),
    [
        (X[:, :0], Y, ValueError, "x: .*empty shape"),
        (X[:, 0], Y, ValueError, r"x: expected shape \(B, T, 1\), got \(2, 1\)"),
        (X, Y[:1], ValueError, "x has 2, y has 1"),
        (X, Y * torch.nan, ValueError, "y: expected finite"),
        (X.long(), Y, TypeError, "x: .*torch.int64"),
        (X, Y.long(), TypeError, "y: .*torch.int64"),
        (X, Y.to("meta"), ValueError, "y: expected it on .*, got meta"),
        (X, Y.tolist(), TypeError, "y: .*got list"),
        (X.tolist(), Y, TypeError, "x: .*got list"),
    ],
)
def test_bad_guesses_and_targets_are_named(device, x, y, error, message):
    def move(v):
        return v.to(device) if isinstance(v, torch.Tensor) and v.device.type != "meta" else v

    with pytest.raises(error, match=message):
        resimulation_error(get_task("square"), move(x), move(y))


def test_an_observation_of_another_length_is_not_broadcast(device):
    x, y = torch.zeros(2, 3, 4, device=device), torch.zeros(2, 1, device=device)
    with pytest.raises(ValueError, match=r"y: expected shape \(B, 2\), got \(2, 1\)"):
        resimulation_error(get_task("robot_arm"), x, y)


def test_images_are_compared_pixel_by_pixel(device):
    task = Task("image", lambda x: x[..., None].repeat(1, 2, 2).sqrt(), Box([0.0], [1.0]))
    x = torch.tensor([[[1.0], [4.0], [-1.0]], [[0.0], [1.0], [9.0]]], device=device)
    found = resimulation_error(task, x, torch.ones(2, 2, 2, device=device))
    assert found.tolist() == [[0, 1, torch.inf], [1, 0, 4]]


def test_rmse_by_hand_keeps_leading_axes(device):
    a = torch.tensor([[[1.0], [3.0]], [[0.0], [0.0]]], device=device)
    assert rmse(a, torch.zeros(2, 1, device=device)).tolist() == pytest.approx([5**0.5, 0])


# Numbers of any size, dtype and device


@pytest.mark.parametrize("scale", [1e-30, 1e-24, 1.0, 1e24, 1e35])
def test_errors_are_float64_and_keep_the_unit_of_y(device, scale):
    task = Task("scaled", lambda x: scale * x, Box([0.0], [1.0]))
    x = torch.tensor([[[0.25], [0.5]]], device=device)
    found = resimulation_error(task, x, task.simulate(x[:, 1]))
    assert found.dtype == torch.float64
    assert found[0].tolist() == pytest.approx([(scale / 4) ** 2, 0], rel=1e-6, abs=0)


def test_a_difference_that_float32_cannot_hold_is_not_invalid(device):
    task = Task("large", lambda x: 3e38 * x, Box([-1.0], [1.0]))
    found = resimulation_error(task, column(device, 1.0)[None], column(device, -3e38))
    assert found.item() == pytest.approx(6e38**2, rel=1e-6)


@pytest.mark.parametrize("half", [torch.float16, torch.bfloat16])
def test_guesses_in_half_precision_are_simulated_in_a_wider_dtype(device, half):
    seen = []

    def simulate(x):
        seen.append(x.dtype)
        return 1000 * x**2

    task = Task("wide", simulate, Box([0.0], [20.0]))
    x = torch.full((1, 1, 1), 16.0, dtype=half, device=device)
    # 256000 is beyond float16
    assert resimulation_error(task, x, column(device, 4.0).to(half)).item() == (256000 - 4) ** 2
    assert seen == [torch.float32]


def test_guesses_and_targets_of_two_dtypes_meet_in_the_wider_one(device):
    task = Task("third", lambda x, c: x / c, Box([0.0], [9.0]), context=Box([1.0], [9.0]))
    x, c = torch.ones(1, 1, 1, device=device), column(device, 3.0)
    third = torch.ones(1, 1, dtype=torch.float64, device=device) / 3
    for some_x, some_c in ((x, c), (x.double(), c), (x, c.double())):
        assert resimulation_error(task, some_x, third, some_c).item() < 1e-30
    # the nearest number of float32 is 1e-8 away
    assert 0 < resimulation_error(task, x.double(), third.float(), c).item() < 1e-15


def test_guesses_targets_and_contexts_on_two_devices_are_named():
    task = Task("sum", lambda x, c: x + c, Box([0.0], [1.0]), context=Box([0.0], [1.0]))
    with pytest.raises(ValueError, match="c: expected it on cpu, got meta"):
        resimulation_error(task, X.cpu(), Y.cpu(), Y.to("meta"))


# Simulators of any kind


def test_an_image_is_not_compared_with_one_of_another_shape(device):
    task = Task("image", lambda x: x[..., None].repeat(1, 2, 3), Box([0.0], [1.0]))
    x = torch.ones(1, 1, 1, device=device)
    assert resimulation_error(task, x, torch.ones(1, 6, device=device)).item() == 0
    with pytest.raises(ValueError, match=r"y: expected shape \(B, 2, 3\), got \(1, 3, 2\)"):
        resimulation_error(task, x, torch.ones(1, 3, 2, device=device))


def picky(x):
    if bool((x < 0).any()):
        raise ArithmeticError("no root below zero")
    return x.sqrt()


PICKY = Task("picky", picky, Box([0.0], [4.0]))


def test_a_guess_that_the_simulator_refuses_costs_infinity_and_harms_no_other(device):
    x = torch.tensor([[[4.0], [-1.0], [1.0]], [[-2.0], [9.0], [torch.nan]]], device=device)
    said = "picky: the simulator raised an error for 2 of 5 guesses.*no root below zero"
    with pytest.warns(UserWarning, match=said):
        found = resimulation_error(PICKY, x, column(device, 2.0, 2.0))
    assert found.tolist() == [[0, torch.inf, 1], [torch.inf, 1, torch.inf]]


def test_guesses_that_are_all_refused_cost_infinity(device):
    with pytest.warns(UserWarning, match="for 1 of 1 guesses"):
        found = resimulation_error(PICKY, -torch.ones(1, 1, 1, device=device), column(device, 1.0))
    assert found.tolist() == [[torch.inf]]
    nothing = torch.full((1, 2, 1), torch.nan, device=device)
    assert resimulation_error(PICKY, nothing, column(device, 1.0)).isinf().all()


def test_a_broken_simulator_is_not_taken_for_bad_guesses(device):
    def broken(x):
        raise RuntimeError("a bug")

    task = Task("broken", broken, Box([0.0], [1.0]))
    with pytest.raises(RuntimeError, match="a bug"):
        resimulation_error(task, torch.ones(2, 3, 1, device=device), column(device, 1.0, 1.0))


@pytest.mark.parametrize(("seconds", "most"), [(0.0, 64), (0.3, 12)])
def test_a_simulator_that_nearly_always_fails_is_not_taken_for_a_broken_one(seconds, most):
    rows = []

    def rarely_works(x):
        rows.append(len(x))
        if float(x.max()) > 0.05:
            raise ArithmeticError("no root")
        return x

    task = Task("rarely", rarely_works, Box([0.0], [1.0]))
    x, y = torch.ones(1, 1, 1), torch.zeros(1, 1)
    # each trial takes so long; eight are made in any case, and further ones where they are cheap
    with set_clock(lambda: seconds * len(rows)):
        if seconds:
            with pytest.raises(ArithmeticError, match="no root"):
                resimulation_error(task, x, y)
            assert len(rows) < most
        else:
            with pytest.warns(UserWarning, match="for 1 of 1 guesses"):
                assert resimulation_error(task, x, y).isinf().all()
            assert 8 < len(rows) <= most + 2


def test_an_interrupt_is_no_invalid_guess(device):
    def stopped(x):
        raise KeyboardInterrupt

    task = Task("stopped", stopped, Box([0.0], [1.0]))
    with pytest.raises(KeyboardInterrupt):
        resimulation_error(task, torch.ones(1, 1, 1, device=device), column(device, 1.0))


def test_an_effect_without_an_axis_of_its_own_is_named(device):
    task = Task("flat", lambda x: x[:, 0], Box([0.0], [1.0]))
    with pytest.raises(ValueError, match=r"flat: simulated y: expected shape \(3, dy\)"):
        resimulation_error(task, torch.ones(1, 3, 1, device=device), column(device, 1.0))


def test_simulators_with_weights_or_slopes_of_their_own_leave_no_graph(device):
    net = torch.nn.Linear(1, 1).to(device)

    def slope(x):
        x = x.requires_grad_()
        return torch.autograd.grad((x**2).sum(), x)[0]

    x = torch.ones(1, 2, 1, device=device, requires_grad=True)
    for simulate in (net, slope):
        found = resimulation_error(
            Task("own", simulate, Box([0.0], [1.0])), x, column(device, 2.0).requires_grad_()
        )
        assert not found.requires_grad
    assert found.tolist() == [[0, 0]]
    assert net.weight.requires_grad


def test_a_simulator_that_works_in_place_does_not_change_the_guesses(device):
    task = Task("in place", lambda x: x.mul_(2), Box([0.0], [1.0]))
    x = torch.ones(1, 2, 1, device=device)
    assert resimulation_error(task, x, column(device, 2.0)).tolist() == [[0, 0]]
    assert x.eq(1).all()


# Noise


def scattered(x):
    return x + 0.1 * torch.randn(x.shape, dtype=x.dtype, device=x.device)


NOISY = Task("scattered", scattered, Box([0.0], [1.0]), noisy=True)


def test_a_noisy_task_without_replicates_is_warned_of(device):
    x, y = torch.zeros(1, 3, 1, device=device), column(device, 0.0)
    with pytest.warns(UserWarning, match="scattered is noisy.*replicates=.*held_out"):
        resimulation_error(NOISY, x, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        resimulation_error(NOISY, x, y, replicates=2)
        resimulation_error(PICKY, x, y, replicates=2)


def test_replicates_average_the_error_over_fresh_noise(device):
    x, y = torch.full((1, 2000, 1), 0.3, device=device), column(device, 0.0)
    once, often = (resimulation_error(NOISY, x, y, replicates=r) for r in (1, 16))
    assert once.mean().item() == pytest.approx(0.3**2 + 0.01, rel=0.05)
    assert often.mean().item() == pytest.approx(0.3**2 + 0.01, rel=0.05)
    assert (once.std() / often.std()).item() == pytest.approx(4, rel=0.1)


def test_a_task_without_noise_is_simulated_once(device):
    calls = []
    task = Task("counted", lambda x: calls.append(1) or x, Box([0.0], [1.0]))
    x = torch.zeros(1, 3, 1, device=device)
    assert resimulation_error(task, x, column(device, 0.0), replicates=5).eq(0).all()
    assert len(calls) == 1


def test_noise_follows_the_generator_and_leaves_the_random_state_alone(device):
    x, y = torch.zeros(2, 3, 1, device=device), column(device, 0.0, 0.0)

    def errors(seed=None):
        draws = None if seed is None else generator(seed)
        return resimulation_error(NOISY, x, y, replicates=2, generator=draws)

    before = torch.get_rng_state()
    assert torch.equal(errors(), errors())
    assert torch.equal(errors(3), errors(3))
    assert not torch.equal(errors(3), errors(4))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("bad", [0, -1, 1.5, True])
def test_replicates_are_a_count(device, bad):
    with pytest.raises((TypeError, ValueError), match="replicates: expected"):
        resimulation_error(NOISY, X.to(device), Y.to(device), replicates=bad)


def test_one_failed_replicate_makes_a_guess_invalid(device):
    def flaky(x):
        return torch.where(torch.rand(x.shape) < 0.2, math.nan, x.cpu()).to(x)

    task = Task("flaky", flaky, Box([0.0], [1.0]), noisy=True)
    x = torch.zeros(1, 1000, 1, device=device)
    found = resimulation_error(task, x, column(device, 0.0), replicates=3)
    assert found.isinf().double().mean().item() == pytest.approx(1 - 0.8**3, abs=0.05)


def test_the_floor_is_what_the_truth_scores(device):
    targets = NOISY.targets(2000, seed=0)
    found = noise_floor(NOISY, targets, replicates=20)
    assert found.shape == (2000,)
    # noise of the target and noise of the simulation, each of variance 0.01
    assert found.mean().item() == pytest.approx(0.02, rel=0.05)
    # what the noise of a target adds stays, that of the simulations is averaged away
    gap = (targets.y - targets.x)[:, 0].double() ** 2 + 0.01
    torch.testing.assert_close(found, gap, rtol=0, atol=0.06)


def test_the_floor_without_noise_is_zero_and_needs_the_truth(device):
    task = Task("sum", lambda x, c: x + c, Box([0.0], [1.0]), context=Box([0.0], [1.0]))
    targets = task.targets(5, seed=0)
    assert noise_floor(task, targets).eq(0).all()
    with pytest.raises(ValueError, match="noise_floor: expected targets with the unknowns"):
        noise_floor(task, Targets(targets.y, targets.c))


def test_rmse_of_tables_of_different_shape_is_refused():
    a = torch.rand(5, 1)
    with pytest.raises(ValueError, match=r"one shape, got \(5, 1\) and \(5,\)"):
        rmse(a, a[:, 0])
    with pytest.raises(ValueError, match="one shape"):
        rmse(a, a.T)


def test_what_is_no_tensor_and_what_are_no_targets_is_named():
    with pytest.raises(
        TypeError, match="rmse: b: expected a tensor, got list; use torch.as_tensor"
    ):
        rmse(torch.ones(1, 2), [[1.0, 2.0]])
    with pytest.raises(TypeError, match="noise_floor: expected Targets, .* got list"):
        noise_floor(get_task("square"), [1.0])


def test_tables_whose_leading_axes_do_not_fit_are_refused():
    assert rmse(torch.zeros(3, 1, 5, 2), torch.ones(4, 5, 2)).shape == (3, 4)
    with pytest.raises(ValueError, match="rmse: expected two tables"):
        rmse(torch.rand(3, 5, 2), torch.rand(2, 5, 2))
