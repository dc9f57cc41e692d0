"""The two-step loss: a surrogate, frozen, and an inverse trained through it."""

import torch

from invlab import Box, Task, fit_surrogate, get_method, get_task
from invlab.networks import Standardizer

TASK = get_task("square")
TINY = {"width": 8, "epochs": 4, "batch_size": 16}


def test_the_second_step_does_not_change_the_surrogate():
    data = TASK.sample(48)
    model = get_method("tandem", inverse_layers=3, **TINY).fit(TASK, data)
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


def test_it_finds_one_branch_of_the_square():
    x, y = TASK.scalers()
    model = get_method(
        "tandem",
        width=32,
        inverse_layers=4,
        epochs=60,
        batch_size=50,
        lr=3e-3,
        x_scaler=x,
        y_scaler=y,
    ).fit(TASK, TASK.grid(400))
    targets = TASK.targets(200, seed=0).y
    effect = TASK.simulate(model.propose(targets)[:, 0])
    assert (effect - targets).square().mean().sqrt() < 40  # the mean answer, zero, errs by 487
