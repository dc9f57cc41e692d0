"""The two-step loss: a surrogate, frozen, and an inverse trained through it."""

import pytest
import torch

from invlab import Box, Pairs, Task, fit_surrogate, get_method, get_task
from invlab.losses import boundary_loss
from invlab.networks.mlp import Standardizer
from invlab.runtime import generator

TASK = get_task("square")
TINY = {"width": 8, "epochs": 4, "batch_size": 16}


def test_the_second_step_does_not_change_the_surrogate():
    data = TASK.sample(48)
    model = get_method("tandem", layers=3, **TINY).fit(TASK, data)
    x, y = Standardizer.fit(data.x), Standardizer.fit(data.y)
    first_step = fit_surrogate(data, x_scaler=x, y_scaler=y, **TINY)
    pairs = zip(model.surrogate.parameters(), first_step.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def test_the_surrogate_is_frozen_and_the_inverse_is_not():
    model = get_method("tandem", **TINY).fit(TASK, TASK.sample(48))
    assert not any(p.requires_grad for p in model.surrogate.parameters())
    assert all(p.requires_grad for p in model.inverse.parameters())


def test_both_steps_are_in_the_history():
    model = get_method("tandem", **TINY).fit(TASK, TASK.sample(48))
    assert {step: list(h.terms) for step, h in model.history.items()} == {
        "forward": ["F"],
        "inverse": ["FI"],
    }
    assert model.measures == "y"


def test_the_simulator_is_not_called():
    data = TASK.sample(48)

    def untouchable(x):
        raise AssertionError("the simulator was called")

    blind = Task("blind", untouchable, Box([-33.0], [33.0]), differentiable=False)
    get_method("tandem", **TINY).fit(blind, data)


def test_held_out_pairs_serve_both_steps():
    model = get_method("tandem", held_out=0.25, **TINY).fit(TASK, TASK.sample(48))
    assert all(h.validation.shape == (4, 1) for h in model.history.values())


@pytest.mark.slow
def test_it_finds_one_branch_of_the_square():
    x, y = TASK.scalers()
    model = get_method(
        "tandem",
        width=32,
        layers=4,
        epochs=60,
        batch_size=50,
        lr=3e-3,
        x_scaler=x,
        y_scaler=y,
    ).fit(TASK, TASK.grid(400))
    targets = TASK.targets(200, seed=0).y
    effect = TASK.simulate(model.propose(targets)[:, 0])
    assert (effect - targets).square().mean().sqrt() < 40  # the mean answer, zero, errs by 487


def test_the_boundary_loss_is_a_term_of_the_second_step_alone():
    data = TASK.sample(48)
    plain, held = (get_method("tandem", boundary=b, **TINY).fit(TASK, data) for b in (0.0, 1.0))
    assert list(held.history["forward"].terms) == ["F"]
    assert list(held.history["inverse"].terms) == ["FI", "boundary"]
    pairs = zip(plain.surrogate.parameters(), held.surrogate.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def test_the_boundary_loss_is_weighted():
    data = TASK.sample(48)
    first = [
        get_method("tandem", boundary=b, **TINY | {"epochs": 1, "batch_size": None})
        .fit(TASK, data)
        .history["inverse"]
        .terms
        for b in (1.0, 3.0)
    ]
    torch.testing.assert_close(first[1]["FI"], first[0]["FI"])
    torch.testing.assert_close(first[1]["boundary"], 3 * first[0]["boundary"])


@pytest.mark.slow
def test_the_boundary_loss_holds_the_answers_in_the_range_of_the_training_x():
    # y = x with noise as large as x: a third of the y have no x in the range
    data = Task("line", torch.clone, Box([-1.0], [1.0])).sample(200)
    noise = torch.randn(200, 1, generator=generator(0)).to(data.x)
    noisy, box, farthest = Pairs(data.x, data.y + noise), Box.around(data.x), []
    options = {"width": 16, "layers": 3, "epochs": 40, "batch_size": 20, "lr": 3e-3}
    for weight in (0.0, 10.0):
        model = get_method("tandem", boundary=weight, **options).fit(TASK, noisy)
        farthest.append(boundary_loss(model.propose(noisy.y)[:, 0], box).max().item())
    assert farthest[0] > 0.2
    assert farthest[1] < 0.2 * farthest[0]


def test_seeds_trained_together_with_the_boundary_loss_do_not_mix():
    data, options = TASK.sample(48), TINY | {"layers": 3, "boundary": 2.0}
    together = get_method("tandem", **options).fit(TASK, data, seed=[0, 7])
    for k, seed in enumerate((0, 7)):
        alone = get_method("tandem", **options).fit(TASK, data, seed=seed)
        # round-off of twelve steps, against answers of the order of 10
        torch.testing.assert_close(
            together.member(k).propose(data.y), alone.propose(data.y), rtol=1e-3, atol=1e-2
        )


def test_another_activation_is_used_by_both_networks():
    data = TASK.sample(48)
    model = get_method("tandem", activation=torch.tanh, **TINY).fit(TASK, data)
    for core in (model.inverse.core, model.surrogate.core):
        assert core.activation is torch.tanh


def test_a_negative_weight_of_the_boundary_is_named():
    with pytest.raises(ValueError, match="boundary: expected a weight of at least 0, got -1"):
        get_method("tandem", boundary=-1)


@pytest.mark.parametrize("batch_size", [50, None])
@pytest.mark.slow
def test_a_context_is_seen_by_both_networks(batch_size):
    task = Task("sum", lambda x, c: x + 2 * c, Box([-1.0], [1.0]), context=Box([0.0], [3.0]))
    options = {"width": 32, "layers": 3, "lr": 1e-2, "epochs": 300 if batch_size is None else 60}
    model = get_method("tandem", batch_size=batch_size, **options).fit(task, task.sample(300))
    targets = task.targets(50, seed=0)
    x = model.propose(targets.y, 1, targets.c)[:, 0]
    # without the context the best answer errs by 0.5
    assert (x - targets.x).square().mean().sqrt() < 0.1
