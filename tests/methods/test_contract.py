"""Every registered method keeps the contract of a method."""

import re

import pytest
import torch

from invlab import Box, Pairs, Task, get_method, get_task, list_methods, runtime

TINY = {"width": 8, "inverse_layers": 3, "epochs": 3, "batch_size": 16}
SQUARE = get_task("square")
# two unknowns, three observations, the last of them constant
TWO = Task(
    "two",
    lambda x: torch.stack([x[..., 0] * x[..., 1], x[..., 0] + 1, 0 * x[..., 1] + 7], -1),
    Box([0.0, 1.0], [1.0, 3.0]),
)

pytestmark = pytest.mark.parametrize("name", list_methods())


def fitted(name, task=SQUARE, *, seed=0, data=None, **options):
    data = task.sample(48) if data is None else data
    return get_method(name, **TINY, **options).fit(task, data, seed=seed)


@pytest.mark.parametrize("task", [SQUARE, TWO], ids=lambda task: task.name)
@pytest.mark.parametrize("n", [1, 3])
def test_proposals_have_a_row_for_each_target_and_guess(name, task, n):
    y = task.targets(5, seed=0).y
    x = fitted(name, task).propose(y, n)
    assert x.shape == (5, n, task.x_dim)
    assert x.device == y.device
    assert x.isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_proposals_have_the_dtype_of_the_targets(name, dtype):
    assert fitted(name).propose(SQUARE.targets(3, seed=0, dtype=dtype).y).dtype == dtype


def test_proposals_do_not_change_when_other_targets_join(name):
    model, y = fitted(name), SQUARE.targets(9, seed=0).y
    together = model.propose(y, 2)
    for i in range(9):
        # products of another size may sum in another order
        torch.testing.assert_close(
            model.propose(y[i : i + 1], 2), together[i : i + 1], rtol=1e-4, atol=1e-4
        )


def test_the_same_seed_gives_the_same_proposals_and_another_seed_others(name):
    y = SQUARE.targets(4, seed=0).y
    first, again, other = (fitted(name, seed=seed).propose(y) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_the_global_random_state_does_not_matter(name):
    y = SQUARE.targets(4, seed=0).y
    first = fitted(name).propose(y)
    torch.manual_seed(1234)
    assert torch.equal(fitted(name).propose(y), first)


def test_scales_come_from_the_training_data_and_stay(name):
    data = TWO.sample(48)
    model = fitted(name, TWO, data=data)
    torch.testing.assert_close(model.inverse.inputs.shift, data.y.mean(0))
    torch.testing.assert_close(model.inverse.outputs.scale, data.x.std(0, correction=0))
    before = {key: value.clone() for key, value in model.state_dict().items()}
    model.propose(100 * TWO.targets(5, seed=0).y)
    for key, value in model.state_dict().items():
        assert torch.equal(value, before[key]), key


def test_a_second_fit_owes_nothing_to_the_first(name):
    y = SQUARE.targets(4, seed=0).y
    narrow = get_task("square", half_width=2.0).sample(48)
    model = fitted(name, data=narrow).fit(SQUARE, SQUARE.sample(48))
    torch.testing.assert_close(model.propose(y), fitted(name).propose(y))


def test_a_constant_feature_is_survived(name):
    data = TWO.sample(48)
    constant = Pairs(torch.cat([data.x[:, :1], torch.full_like(data.x[:, 1:], 0.1)], -1), data.y)
    x = fitted(name, TWO, data=constant).propose(TWO.targets(5, seed=0).y)
    assert x.isfinite().all()


def test_a_saved_model_loads_into_a_fresh_one(name):
    model, y = fitted(name, TWO), TWO.targets(5, seed=0).y
    fresh = get_method(name, **TINY).build(2, 3).to(y.device)
    assert not torch.equal(fresh.propose(y), model.propose(y))
    fresh.load_state_dict(model.state_dict())
    assert torch.equal(fresh.propose(y), model.propose(y))


def test_several_seeds_together_equal_each_alone(name):
    y = SQUARE.targets(6, seed=0).y
    together = fitted(name, seed=[0, 7])
    assert together.invert(y).shape == (2, 6, 1)
    for k, seed in enumerate((0, 7)):
        # round-off of nine steps, against answers of the order of 10
        torch.testing.assert_close(
            together.member(k).propose(y), fitted(name, seed=seed).propose(y), rtol=1e-3, atol=1e-2
        )
        torch.testing.assert_close(together.invert(y)[k], together.member(k).propose(y)[:, 0])


def test_several_members_do_not_propose_as_one(name):
    with pytest.raises(ValueError, match=rf"{name}: holds 2 members; take one with .member\(k\)"):
        fitted(name, seed=[0, 1]).propose(SQUARE.targets(2, seed=0).y)


def test_fitting_changes_neither_the_pairs_nor_the_targets(name):
    data, y = SQUARE.sample(48), SQUARE.targets(3, seed=0).y
    before = data.x.clone(), data.y.clone(), y.clone()
    fitted(name, data=data).propose(y)
    assert all(torch.equal(a, b) for a, b in zip(before, (data.x, data.y, y), strict=True))


def test_fit_returns_the_method_and_keeps_a_finite_history(name):
    method = get_method(name, **TINY)
    assert method.fit(SQUARE, SQUARE.sample(48)) is method
    assert method.history
    for history in method.history.values():
        assert history.total.shape == (3, 1)
        assert history.total.isfinite().all()


@pytest.mark.parametrize("norm", ["l1", "l2"])
def test_training_lowers_the_loss(name, norm):
    model = fitted(name, norm=norm)
    longer = get_method(name, **TINY | {"epochs": 40}, norm=norm).fit(SQUARE, SQUARE.sample(48))
    for key, history in longer.history.items():
        assert history.total[-1].item() < model.history[key].total[0].item()


def bad_targets():
    y = torch.ones(3, 1)
    return {
        "shape": (y.repeat(1, 2), ValueError, "expected shape (B, 1), got (3, 2)"),
        "one axis": (y[:, 0], ValueError, "got (3,)"),
        "nan": (y * torch.nan, ValueError, "got 3 NaN or infinite of 3"),
        "integer": (y.long(), TypeError, "got torch.int64"),
        "empty": (y[:0], ValueError, "got the empty shape (0, 1)"),
        "device": (y.to("meta"), ValueError, "got meta"),
        "list": (y.tolist(), TypeError, "got list"),
    }


@pytest.mark.parametrize("what", bad_targets())
def test_bad_targets_are_named(name, what):
    y, error, came = bad_targets()[what]
    if isinstance(y, torch.Tensor) and y.device.type != "meta":
        y = y.to(runtime.device())
    with pytest.raises(error, match=f"{name}: y: .*{re.escape(came)}"):
        fitted(name).propose(y)


@pytest.mark.parametrize(("n", "error"), [(0, ValueError), (-2, ValueError), (1.5, TypeError)])
def test_a_bad_number_of_guesses_is_named(name, n, error):
    with pytest.raises(error, match=rf"{name}: n: expected .*got {n}"):
        fitted(name).propose(SQUARE.targets(2, seed=0).y, n)


def test_pairs_of_another_task_are_refused(name):
    with pytest.raises(ValueError, match=rf"{name}: .*1 unknowns? of square, got 2"):
        fitted(name, SQUARE, data=TWO.sample(48))


def test_a_context_is_refused(name):
    y = SQUARE.targets(2, seed=0).y
    with pytest.raises(ValueError, match=f"{name}: takes no context c"):
        fitted(name).propose(y, c=y)
    task = Task("shift", lambda x, c: x + c, Box([0.0], [1.0]), context=Box([0.0], [1.0]))
    with pytest.raises(ValueError, match=f"{name}: takes no context c"):
        fitted(name, task)


def test_proposing_before_fitting_is_refused(name):
    with pytest.raises(ValueError, match=rf"{name}: call fit\(task, data\)"):
        get_method(name).propose(SQUARE.targets(2, seed=0).y)


@pytest.mark.parametrize(
    ("option", "error"),
    [({"norm": "l3"}, ValueError), ({"width": 0}, ValueError), ({"inverse_layers": 0}, ValueError)],
)
def test_bad_options_are_named(name, option, error):
    with pytest.raises(error, match=f"^{next(iter(option))}: expected"):
        get_method(name, **option)


def test_a_misspelt_option_is_refused(name):
    with pytest.raises(TypeError, match="epoch"):
        get_method(name, epoch=3).fit(SQUARE, SQUARE.sample(8))
