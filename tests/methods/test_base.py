"""What the trained inverse networks share, beside the contract of every method."""

import pytest
import torch

from invlab import Box, Task, get_method, get_task
from invlab.methods.inverse_network import InverseNetwork

TINY = {"width": 8, "layers": 3, "epochs": 3, "batch_size": 16}
SQUARE = get_task("square")
# two unknowns, three observations, the last of them constant
TWO = Task(
    "two",
    lambda x: torch.stack([x[..., 0] * x[..., 1], x[..., 0] + 1, 0 * x[..., 1] + 7], -1),
    Box([0.0, 1.0], [1.0, 3.0]),
)

pytestmark = pytest.mark.parametrize("name", ["direct", "encoder_decoder", "tandem"])


def fitted(name, task=SQUARE, *, seed=0, data=None, **options):
    data = task.sample(48) if data is None else data
    return get_method(name, **TINY | options).fit(task, data, seed=seed)


def test_it_is_an_inverse_network(name):
    assert isinstance(get_method(name), InverseNetwork)


def test_scales_come_from_the_training_data_and_stay(name):
    data = TWO.sample(48)
    model = fitted(name, TWO, data=data)
    torch.testing.assert_close(model.inverse.inputs.shift, data.y.double().mean(0))
    torch.testing.assert_close(model.inverse.outputs.scale, data.x.double().std(0, correction=0))
    before = {key: value.clone() for key, value in model.state_dict().items()}
    model.propose(100 * TWO.targets(5, seed=0).y)
    for key, value in model.state_dict().items():
        assert torch.equal(value, before[key]), key


def test_more_guesses_are_copies(name):
    x = fitted(name).propose(SQUARE.targets(4, seed=0).y, 3)
    assert torch.equal(x, x[:, :1].expand(-1, 3, -1))


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


def test_the_history_is_finite(name):
    history = fitted(name).history
    assert history
    for part in history.values():
        assert part.total.shape == (3, 1)
        assert part.total.isfinite().all()


@pytest.mark.parametrize("norm", ["l1", "l2"])
def test_training_lowers_the_loss(name, norm):
    model, longer = fitted(name, norm=norm), fitted(name, norm=norm, epochs=40)
    for key, history in longer.history.items():
        assert history.total[-1].item() < model.history[key].total[0].item()


@pytest.mark.parametrize(
    ("option", "error"),
    [({"norm": "l3"}, ValueError), ({"width": 0}, ValueError), ({"layers": 0}, ValueError)],
)
def test_bad_options_are_named(name, option, error):
    with pytest.raises(error, match=f"^{next(iter(option))}: expected"):
        get_method(name, **option)
