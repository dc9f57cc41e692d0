"""Simulators, tasks, pairs and targets."""

import re

import numpy as np
import pytest
import torch

from invlab import (
    Box,
    Normal,
    Pairs,
    Simulator,
    Task,
    check_task,
    get_task,
    list_tasks,
    runtime,
)
from invlab.runtime import generator

BOX = Box([-1.0, 0.0], [1.0, 2.0])


def lens(**options) -> Task:
    return Task("lens", lambda x: x.prod(-1, keepdim=True), BOX, **options)


def shifted() -> Task:
    return Task("shifted", lambda x, c: x + c, BOX, context=Box([5.0, 5.0], [6.0, 6.0]))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_sample_has_the_dtype_asked_for_and_lies_on_the_device(device, dtype):
    pairs = lens().sample(6, dtype=dtype)
    assert pairs.x.shape == (6, 2)
    assert pairs.y.shape == (6, 1)
    assert pairs.x.dtype == pairs.y.dtype == dtype
    assert pairs.x.device.type == pairs.y.device.type == device.type
    assert torch.equal(pairs.y, pairs.x.prod(-1, keepdim=True))
    assert BOX.contains(pairs.x).all()


def test_the_same_generator_gives_the_same_sample():
    task = lens()
    a, b = (task.sample(4, generator=generator(3)) for _ in range(2))
    assert torch.equal(a.x, b.x)
    assert torch.equal(task.sample(4).x, task.sample(4).x)
    assert not torch.equal(task.sample(4, generator=generator(4)).x, a.x)


def test_targets_are_seeded_and_never_those_of_training():
    task = lens()
    assert torch.equal(task.targets(4, seed=0).y, task.targets(4, seed=0).y)
    assert not torch.equal(task.targets(4, seed=0).y, task.targets(4, seed=1).y)
    assert not torch.equal(task.targets(4, seed=0).y, task.sample(4).y)
    targets = task.targets(4, seed=0)
    assert torch.equal(task.simulate(targets.x), targets.y)
    assert len(targets) == 4


def test_the_context_is_drawn_handed_on_and_kept():
    pairs = shifted().sample(5)
    assert pairs.c.shape == (5, 2)
    assert torch.equal(pairs.y, pairs.x + pairs.c)
    assert torch.equal(shifted().targets(3, seed=0).c, shifted().targets(3, seed=0).c)


def test_a_missing_a_needless_and_a_misshaped_context_are_named(device):
    x = torch.zeros(3, 2, device=device)
    with pytest.raises(
        ValueError, match=re.escape("shifted: this task needs a context c of shape (..., 2)")
    ):
        shifted().simulate(x)
    with pytest.raises(
        ValueError, match=re.escape("shifted: c: expected shape (..., 2), got (3, 1)")
    ):
        shifted().simulate(x, x[:, :1])
    with pytest.raises(ValueError, match="shifted: c: expected it on .*got meta"):
        shifted().simulate(x, x.to("meta"))
    with pytest.raises(ValueError, match="lens: this task takes no context c"):
        lens().simulate(x, x)


@pytest.mark.parametrize(
    ("change", "error", "came"),
    [
        (lambda x: x[:, :1], ValueError, "expected shape (..., 2), got (3, 1)"),
        (lambda x: x * torch.nan, ValueError, "got 6 NaN or infinite of 6"),
        (lambda x: x.long(), TypeError, "got torch.int64"),
        (lambda x: x[:0], ValueError, "got the empty shape (0, 2)"),
        (lambda x: x.tolist(), TypeError, "expected a tensor of shape (..., 2), got list"),
    ],
    ids=["shape", "nan", "dtype", "empty", "list"],
)
def test_bad_unknowns_are_refused_with_the_tasks_name(device, change, error, came):
    with pytest.raises(error, match=f"^lens: x: .*{re.escape(came)}"):
        lens().simulate(change(torch.zeros(3, 2, device=device)))


def test_names_have_defaults_and_are_counted():
    assert lens().labels == ["x1", "x2"]
    assert lens(labels=["a", "b"], units=["m", "s"]).units == ["m", "s"]
    with pytest.raises(ValueError, match="lens: expected 2 labels, one an unknown, got 1"):
        lens(labels=["a"])
    with pytest.raises(ValueError, match="lens: expected 2 units"):
        lens(units=["m"] * 3)


def test_names_are_words_and_each_label_is_another():
    assert lens(labels=range(2)).labels == ["0", "1"]
    assert lens(units=["m", None]).units == ["m", ""]
    assert lens(units=["m", "m"]).units == ["m", "m"]
    one = Task("one", lambda x: x * 1.0, Box([0.0], [1.0]), labels="side", units="mm")
    assert (one.labels, one.units) == (["side"], ["mm"])
    with pytest.raises(TypeError, match="lens: expected a list of 2 units, .* got 'mm'"):
        lens(units="mm")
    with pytest.raises(TypeError, match="lens: expected a list of 2 labels, .* got 2"):
        lens(labels=2)
    with pytest.raises(ValueError, match="lens: .*'a' stands 2 times in .*; rename them"):
        lens(labels=["a", "a"])


def test_what_is_no_simulator_or_no_prior_is_refused():
    with pytest.raises(TypeError, match="lens: simulator must be callable, got int"):
        Task("lens", 3, BOX)
    with pytest.raises(TypeError, match="lens: prior must have dim, bounds and sample.* got int"):
        Task("lens", torch.sin, (0, 1))


@pytest.mark.parametrize("flag", ["noisy", "differentiable"])
def test_a_flag_is_true_or_false(flag):
    with pytest.raises(TypeError, match=f"lens: {flag}: expected True or False, got 'no'"):
        lens(**{flag: "no"})
    assert getattr(lens(**{flag: np.False_}), flag) is False


def test_the_box_is_the_priors_range_unless_given():
    wide = Box([-9.0, -9.0], [9.0, 9.0])
    assert lens().box is BOX
    assert lens(box=wide).box is wide


def test_answers_are_held_by_a_box_that_was_given_though_it_be_the_usual_range():
    normal = Normal([0.0, 0.0], [1.0, 1.0])
    usual = Task("normal", lambda x: x, normal)
    assert usual.answer_box is None
    held = Task("held", lambda x: x, normal, box=usual.box)
    assert held.answer_box is usual.box
    assert lens().answer_box.low.equal(BOX.low)


def test_valid_marks_rows_with_nan_or_infinity(device):
    y = torch.tensor([[1.0], [torch.nan], [torch.inf]], device=device)
    assert lens().valid(y).tolist() == [True, False, False]
    assert lens().valid(y[:, None]).tolist() == [[True], [False], [False]]


@pytest.mark.parametrize("shape", [(), (2,), (3, 2), (1, 0)])
def test_valid_refuses_observations_of_another_shape(shape):
    with pytest.raises(ValueError, match=r"lens: y: expected shape \(..., 1\), got"):
        lens().valid(torch.ones(shape))


def test_an_unwritten_simulator_says_what_to_write():
    with pytest.raises(NotImplementedError, match=r"write forward\(x, c=None\) -> y"):
        Simulator()(torch.ones(1, 1))


def test_constants_of_a_simulator_move_with_it(device):
    class Scaled(Simulator):
        def __init__(self):
            super().__init__()
            self.register_buffer("factor", torch.tensor([2.0]))

        def forward(self, x, c=None):
            return self.factor.to(x) * x

    assert Scaled().to(device).factor.device.type == device.type


def test_failed_simulations_stay_in_the_pairs_and_are_left_out_of_what_is_usable(device):
    y = torch.tensor([[1.0], [torch.nan], [2.0], [torch.inf]], device=device)
    x = torch.arange(8.0, device=device).reshape(4, 2)
    pairs = Pairs(x, y, y.nan_to_num())
    assert len(pairs) == 4
    with pytest.warns(UserWarning, match="lens: 2 of 4 pairs left out, their y is invalid"):
        usable = lens().usable(pairs)
    assert usable.x.tolist() == [[0, 1], [4, 5]]
    assert usable.y.tolist() == usable.c.tolist() == [[1], [2]]


def test_usable_pairs_are_handed_on_without_a_warning(device):
    pairs = lens().sample(5)
    assert lens().usable(pairs) is pairs


def test_what_is_usable_is_for_the_task_to_say(device):
    class Positive(Task):
        def valid(self, y):
            return (y > 0).all(-1)

    task = Positive("positive", lambda x: x[..., :1], BOX)
    x = torch.tensor([[-1.0, 0.0], [1.0, 0.0]], device=device)
    with pytest.warns(UserWarning, match="positive: 1 of 2 pairs left out"):
        assert task.usable(Pairs(x, x[:, :1])).x.tolist() == [[1, 0]]


def test_pairs_without_one_usable_row_are_refused(device):
    x = torch.zeros(3, 2, device=device)
    with pytest.raises(ValueError, match="lens: expected pairs with a valid y, got 3 invalid ones"):
        lens().usable(Pairs(x, x[:, :1] * torch.nan))


def test_failed_rows_of_a_long_observation_are_left_out():
    task = Task("map", lambda x: x[..., None].expand(*x.shape, 3), Box([0.0, 0.0], [1.0, 1.0]))
    pairs = task.sample(6)
    y = pairs.y.clone()
    y[2, 1, 0] = torch.nan
    with pytest.warns(UserWarning, match="1 of 6 pairs left out"):
        kept = task.usable(Pairs(pairs.x, y))
    assert len(kept) == 5


def holed(share):
    """y = x², NaN for a share of the prior."""
    return Task("holed", lambda x: torch.where(x < share, torch.nan, x.square()), Box([0], [1]))


def test_failed_targets_are_drawn_again_and_the_first_ones_stay():
    task = holed(0.3)
    first = task.sample(40, generator=generator(1, "holed", "targets"))
    kept = first[task.valid(first.y)]
    for k in (1, 7, 40):
        targets = task.targets(k, seed=1)
        assert len(targets) == k
        assert targets.y.isfinite().all()
        assert torch.equal(task.targets(k, seed=1).y, targets.y)
    assert torch.equal(targets.x[: len(kept)], kept.x)
    assert torch.equal(task.simulate(targets.x), targets.y)


@pytest.mark.parametrize(
    ("share", "said"), [(1.1, "only 0 of 1029 draws"), (0.9999, "of the prior")]
)
def test_a_prior_that_gives_next_to_no_valid_target_is_named(share, said):
    with pytest.raises(ValueError, match=f"holed: expected 5 targets with a valid y, .*{said}"):
        holed(share).targets(5, seed=0)


def test_drawn_again_targets_keep_their_contexts():
    def simulate(x, c):
        return torch.where(x + c < 1, torch.nan, x + c)

    task = Task("sum", simulate, Box([0], [1]), context=Box([0], [1]))
    targets = task.targets(30, seed=0)
    assert torch.equal(targets.x + targets.c, targets.y)


def test_what_the_task_calls_invalid_is_drawn_again_too():
    class Positive(Task):
        def valid(self, y):
            return (y > 0).all(-1)

    task = Positive("positive", lambda x: x[..., :1], Box([-1, -1], [1, 1]))
    assert (task.targets(20, seed=0).y > 0).all()


def noisy():
    return Task("noisy", lambda x: x + torch.randn_like(x), BOX, noisy=True)


def test_the_seed_decides_the_noise_and_the_callers_numbers_stay(device):
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    a, b = (noisy().targets(5, seed=0).y for _ in range(2))
    assert torch.equal(a, b)
    assert torch.equal(torch.rand(2), expected)
    assert not torch.equal(a, noisy().targets(5, seed=1).y)
    c, d = (noisy().sample(5, generator=generator(3)).y for _ in range(2))
    assert torch.equal(c, d)


def test_noise_differs_from_call_to_call_of_one_generator():
    numbers = generator(0)
    one, two = (noisy().sample(5, generator=numbers) for _ in range(2))
    assert not torch.equal(one.y - one.x, two.y - two.x)


def test_the_noise_takes_nothing_from_the_generator():
    quiet = Task("quiet", lambda x: x, BOX)
    left = []
    for task in (quiet, noisy()):
        numbers = generator(0)
        task.sample(5, generator=numbers)
        left.append(torch.rand(3, generator=numbers))
    assert torch.equal(*left)
    first = BOX.sample(5, generator=generator(0))
    assert torch.equal(quiet.sample(5, generator=generator(0)).x.cpu(), first.float())


def test_a_simulator_with_weights_gives_data_without_a_graph_and_is_left_as_it_was():
    net = torch.nn.Linear(2, 3)
    task = Task("net", net.to(runtime.device()), BOX)
    for data in (task.sample(4), task.targets(4, seed=0)):
        assert not data.x.requires_grad
        assert not data.y.requires_grad
    assert all(weight.requires_grad and weight.grad is None for weight in net.parameters())
    x = task.sample(2).x.requires_grad_()
    assert torch.autograd.grad(task.simulate(x).sum(), x)[0].shape == (2, 2)


def force(x):
    """A simulator that needs gradients inside: −dU/dx of U = Σ x⁴."""
    x = x.detach().requires_grad_()
    return -torch.autograd.grad(x.pow(4).sum(), x)[0]


def test_a_simulator_with_gradients_of_its_own_works_without_grad_mode():
    task = Task("force", force, BOX, differentiable=False)
    pairs = task.sample(4)
    assert torch.allclose(pairs.y, -4 * pairs.x**3)
    with torch.no_grad():
        y = task.simulate(pairs.x)
    assert torch.equal(y, pairs.y)
    assert not y.requires_grad


@pytest.mark.parametrize("kind", [np.int64, np.int32, np.array, torch.tensor])
def test_numbers_may_be_numpys(kind):
    task = lens()
    assert len(task.sample(kind(4))) == 4
    assert torch.equal(task.targets(kind(4), seed=kind(3)).y, task.targets(4, seed=3).y)


@pytest.mark.parametrize("name", list_tasks())
def test_tasks_work_under_other_defaults_and_draw_the_same_numbers(name, device):
    task = get_task(name)
    expected, targets = task.sample(3), task.targets(2, seed=1)
    torch.set_default_device("meta")
    torch.set_default_dtype(torch.float64)
    try:
        task = get_task(name)
        found, again = task.sample(3), task.targets(2, seed=1)
    finally:
        torch.set_default_device(None)
        torch.set_default_dtype(torch.float32)
    assert torch.equal(found.x, expected.x)
    assert torch.equal(again.x, targets.x)
    assert found.y.dtype == expected.y.dtype
    assert torch.allclose(found.y, expected.y, equal_nan=True)
    assert torch.allclose(again.y, targets.y)


def test_a_box_that_is_none_or_of_another_size_is_refused():
    with pytest.raises(ValueError, match="lens: expected a box of 2 unknowns .* got one of 3"):
        lens(box=Box([0] * 3, [1] * 3))
    with pytest.raises(TypeError, match="lens: box: expected an invlab.Box, got tuple"):
        lens(box=(0, 1))


def image(**options):
    wave = torch.linspace(0, 3, 4, device=runtime.device())
    return Task("image", lambda x: x[..., :1, None] * wave.to(x) + x[..., 1:, None], BOX, **options)


def test_valid_gives_one_word_an_image(device):
    y = image().sample(6).y
    assert y.shape == (6, 1, 4)
    y[2, 0, 1] = torch.nan
    words = [True, True, False, True, True, True]
    task = image()  # which has not simulated yet
    assert task.valid(y).tolist() == words
    assert task.valid(y.flatten(1)).tolist() == words
    assert task.valid(y.reshape(2, 3, 1, 4)).tolist() == [words[:3], words[3:]]
    assert task.valid(y[0]).shape == ()
    assert task.y_shape == (1, 4)
    with pytest.raises(
        ValueError, match=r"image: y: expected shape \(\.\.\., 1, 4\), got \(6, 3\)"
    ):
        task.valid(y[..., 0, :3])


def test_valid_of_flat_observations_keeps_leading_shapes(device):
    y = torch.zeros(2, 3, 1, device=device)
    y[0, 1] = torch.inf
    assert lens().valid(y).tolist() == [[True, False, True], [True] * 3]
    assert lens().y_shape == (1,)


def test_a_task_that_judges_images_wrongly_is_told_the_shape():
    class Flat(Task):
        def valid(self, y):
            return torch.isfinite(y).all(-1)

    task = Flat("flat", lambda x: x[..., None, :].expand(*x.shape[:-1], 3, 2), BOX)
    with pytest.raises(ValueError, match=r"flat: valid\(y\) must give one entry an observation"):
        task.usable(task.sample(4))


def test_what_a_simulator_returns_is_checked(device):
    x = torch.zeros(3, 2, device=device)
    with pytest.raises(TypeError, match="must return a torch tensor, got ndarray.*numpy_simulator"):
        Task("array", lambda x: x.cpu().numpy(), BOX).simulate(x)
    with pytest.raises(ValueError, match="row: the simulator must keep the leading shape"):
        Task("row", lambda x: torch.stack([x[0], x[1]]), BOX).simulate(x)


def test_a_task_of_pairs_has_their_rows_for_a_prior_and_no_simulator():
    pairs = shifted().sample(20)
    task = Task.from_pairs(pairs, name="mine")
    assert (task.x_dim, task.c_dim, task.y_shape, task.has_simulator) == (2, 2, (2,), False)
    assert lens().has_simulator
    assert task.box.contains(pairs.x).all()
    draws = task.prior.sample(50).to(pairs.x)
    assert (draws[:, None] == pairs.x).all(-1).any(1).all()
    assert task.usable(pairs) is pairs
    assert task.valid(pairs.y).all()
    for call in (lambda: task.simulate(pairs.x, pairs.c), lambda: task.targets(2, seed=0)):
        with pytest.raises(ValueError, match="mine: this task was made from pairs and has no sim"):
            call()
    assert Task.from_pairs(pairs, name="mine", box=BOX, labels=["a", "b"]).box is BOX


def test_a_simulator_that_works_in_place_changes_nobody_elses_numbers():
    def double(x):
        return x.mul_(2)

    task = Task("in place", double, Box([0.0], [1.0]), differentiable=False)
    targets = task.targets(5, seed=0)
    assert (targets.x <= 1).all()
    torch.testing.assert_close(targets.y, 2 * targets.x)
    x = torch.full((3, 1), 0.5)
    task.simulate(x)
    assert (x == 0.5).all()


def test_observations_never_share_memory_with_unknowns():
    pairs = Task("same", lambda x: x, Box([0.0], [1.0])).sample(4)
    pairs.y[0] = 9
    assert (pairs.x <= 1).all()


def test_one_target_is_sought_as_long_as_many_are():
    task = Task("rare", lambda x: torch.where(x < 0.02, x, torch.nan), Box([0.0], [1.0]))
    for seed in range(40):
        assert len(task.targets(1, seed=seed)) == 1


def test_a_complex_y_is_told_how_to_keep_both_parts():
    task = Task("phase", lambda x: torch.polar(x, x), Box([0.1], [1.0]))
    with pytest.raises(TypeError, match=r"view_as_real\(y\)"):
        task.sample(3)


def test_a_simulator_may_give_its_own_memory_again_and_again():
    memory = torch.zeros(10_000)

    def f(x):
        return memory[: x.numel()].view(x.shape).copy_(x**2)

    task = Task("memory", f, BOX, differentiable=False)
    first = task.sample(100)
    task.sample(100, generator=generator(1, "other"))
    assert torch.equal(first.y, first.x**2)
    verdicts = check_task(Task("memory", f, Box([-1.0], [1.0]), differentiable=False))
    assert [v.passed for v in verdicts if "effect" in v.name] == [True]


def test_contexts_belong_to_the_rows_of_x():
    task = shifted()
    x, c = torch.rand(3, 4, 2), torch.rand(3, 1, 2)
    assert torch.equal(task.simulate(x, c), x + c)
    assert torch.equal(task.simulate(x, c[:1, 0]), x + c[0, 0])
    for wrong in (torch.rand(4, 2), torch.rand(4, 1, 2), torch.rand(2, 2)):
        with pytest.raises(ValueError, match="expected a context for each row of x"):
            task.simulate(x, wrong)


@pytest.mark.parametrize(
    ("draw", "got"),
    [
        (lambda n: np.zeros((n, 2)), r"got ndarray of shape \(3, 2\)"),
        (lambda n: torch.zeros(n), r"got Tensor of shape \(3,\)"),
        (lambda n: [[0.0, 0.0]] * n, "got list"),
    ],
)
def test_a_prior_of_ones_own_gives_tensors_of_a_row_a_draw(draw, got):
    class Own:
        dim, bounds = 2, BOX

        def sample(self, n, *, generator=None):
            return draw(n)

    with pytest.raises(ValueError, match=r"prior: sample\(3\) of Own must give a torch.*" + got):
        Task("own", lambda x: x, Own()).sample(3)


def test_pairs_tell_nothing_of_the_shape_of_y(device):
    """They may be those of another task: what is refused does not depend on what came before."""
    task, x = Task("fresh", lambda x: x * 1.0, BOX), torch.rand(5, 2, device=device)
    task.usable(Pairs(x, torch.rand(5, 3, device=device)))
    assert task.y_shape == (2,)
    with pytest.raises(ValueError, match=r"fresh: y: expected shape \(..., 2\), got \(5, 3\)"):
        task.usable(Pairs(x, torch.rand(5, 3, device=device)))


def test_a_function_of_one_row_is_told_what_to_do():
    task = Task("row", lambda x: x if x[0] > 0 else -x, BOX, differentiable=False)
    with pytest.raises(TypeError, match="a function of one row goes through invlab.numpy_sim"):
        task.sample(3)
