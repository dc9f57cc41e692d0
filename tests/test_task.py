"""Simulators, tasks, pairs and targets."""

import re

import pytest
import torch

from invlab import Box, Pairs, Simulator, Targets, Task
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


def test_what_is_no_simulator_or_no_prior_is_refused():
    with pytest.raises(TypeError, match="lens: simulator must be callable, got int"):
        Task("lens", 3, BOX)
    with pytest.raises(TypeError, match="lens: prior must have dim, bounds and sample, got tuple"):
        Task("lens", torch.sin, (0, 1))


def test_the_box_is_the_priors_range_unless_given():
    wide = Box([-9.0, -9.0], [9.0, 9.0])
    assert lens().box is BOX
    assert lens(box=wide).box is wide


def test_valid_marks_rows_with_nan_or_infinity(device):
    y = torch.tensor([[1.0, 2.0], [torch.nan, 1.0], [1.0, torch.inf]], device=device)
    assert lens().valid(y).tolist() == [True, False, False]


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


X, Y = torch.zeros(3, 2), torch.zeros(3, 1)


@pytest.mark.parametrize(
    ("parts", "error", "message"),
    [
        ((X, Y[:2]), ValueError, "x and y of the same length, but x has 3, y has 2"),
        ((X, Y, Y[:1]), ValueError, "c has 1"),
        ((X[:, 0], Y), ValueError, r"Pairs: x: expected shape \(N, dx\), got \(3,\)"),
        ((X, Y[:, 0]), ValueError, r"Pairs: y: expected shape \(N, dy\), got \(3,\)"),
        ((X * torch.nan, Y), ValueError, "Pairs: x: expected finite"),
        ((X, Y, Y * torch.nan), ValueError, "Pairs: c: expected finite"),
        ((X.long(), Y), TypeError, "Pairs: x: .*got torch.int64"),
        ((X, Y.long()), TypeError, "Pairs: y: .*got torch.int64"),
        ((X[:0], Y[:0]), ValueError, "Pairs: x: .*empty"),
        ((X, Y.to("meta")), ValueError, "Pairs: y: expected it on cpu, got meta"),
        ((X.tolist(), Y), TypeError, "Pairs: x: .*got list"),
        ((X, Y.tolist()), TypeError, "Pairs: y: .*got list"),
        ((X, Y, Y.tolist()), TypeError, "Pairs: c: .*got list"),
    ],
)
def test_bad_pairs_are_named(parts, error, message):
    with pytest.raises(error, match=message):
        Pairs(*parts)


@pytest.mark.parametrize(
    ("parts", "error", "message"),
    [
        ((Y, None, X[:2]), ValueError, "y has 3, x has 2"),
        ((Y[:0],), ValueError, "Targets: y: .*empty"),
        ((Y.tolist(),), TypeError, "Targets: y: .*got list"),
        ((Y, Y.tolist()), TypeError, "Targets: c: .*got list"),
        ((Y, None, X.to("meta")), ValueError, "Targets: x: expected it on cpu, got meta"),
    ],
)
def test_bad_targets_are_named(parts, error, message):
    with pytest.raises(error, match=message):
        Targets(*parts)


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


def test_observations_may_have_several_axes():
    assert Pairs(X, torch.zeros(3, 4, 5)).y.shape == (3, 4, 5)
    assert len(Targets(torch.zeros(2, 4, 5))) == 2


def test_a_split_is_a_partition_and_keeps_rows_together():
    pairs = lens().sample(20)
    kept, held = pairs.split(0.25, generator=generator(0))
    assert (len(kept), len(held)) == (15, 5)
    together = torch.cat([kept.x, held.x])
    assert torch.equal(together.unique(dim=0), pairs.x.unique(dim=0))
    assert torch.equal(held.y, held.x.prod(-1, keepdim=True))


@pytest.mark.parametrize("share", [0.0, 0.01, 1.0])
def test_a_split_with_an_empty_part_is_refused(share):
    with pytest.raises(ValueError, match="leaves one part empty"):
        lens().sample(20).split(share)


def test_failed_rows_of_a_long_observation_are_left_out():
    task = Task("map", lambda x: x[..., None].expand(*x.shape, 3), Box([0.0, 0.0], [1.0, 1.0]))
    pairs = task.sample(6)
    y = pairs.y.clone()
    y[2, 1, 0] = torch.nan
    with pytest.warns(UserWarning, match="1 of 6 pairs left out"):
        kept = task.usable(Pairs(pairs.x, y))
    assert len(kept) == 5
