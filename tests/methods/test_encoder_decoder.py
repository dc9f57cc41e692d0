"""The surrogate and the inverse learning together."""

import pytest
import torch

from invlab import Box, Pairs, Targets, Task, get_method, get_task
from invlab.losses import smoothness

TASK = get_task("square")
TINY = {"width": 8, "layers": 3, "epochs": 3, "batch_size": 16}
THREE = [-33.0, 1.0, 33.0]


def fit(targets=None, data=None, **options):
    method = get_method("encoder_decoder", **TINY | options)
    return method.fit(TASK, TASK.sample(48) if data is None else data, targets=targets)


def test_both_networks_learn():
    model, start = fit(), get_method("encoder_decoder", **TINY).build(1, 1)
    for part in ("inverse", "surrogate"):
        trained, untrained = getattr(model, part), getattr(start, part)
        assert not torch.equal(trained.core.weights[0].cpu(), untrained.core.weights[0])
    assert model.surrogate.history is model.history["joint"]


@pytest.mark.parametrize(("smooth", "terms"), [(0.0, ["F", "FI"]), (0.1, ["F", "FI", "REG"])])
def test_the_history_holds_each_term(smooth, terms):
    assert list(fit(smooth=smooth).history["joint"].terms) == terms


def test_targets_of_their_own_come_in_batches_beside_all_the_pairs(device):
    y = torch.linspace(0, 1089, 64, device=device)[:, None]
    model = fit(Targets(y), TASK.at(THREE), epochs=5)
    assert model.history["joint"].total.shape == (5, 1)
    torch.testing.assert_close(model.inverse.inputs.shift, TASK.at(THREE).y.double().mean(0))


def test_other_targets_give_another_inverse(device):
    y = torch.linspace(0, 1089, 64, device=device)[:, None]
    one, other = (fit(Targets(values), TASK.at(THREE)) for values in (y, y / 10))
    assert not torch.equal(one.propose(y), other.propose(y))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (
            lambda y: y.repeat(1, 2),
            ValueError,
            r"targets: y: expected shape \(B, 1\), got \(64, 2\)",
        ),
        (lambda y: y.to("meta"), ValueError, "got meta"),
    ],
)
def test_bad_targets_are_named(device, change, error, message):
    y = torch.linspace(0, 1089, 64, device=device)[:, None]
    with pytest.raises(error, match=message):
        fit(Targets(change(y)), TASK.at(THREE))


@pytest.mark.parametrize("order", [1, 2])
def test_the_smoothness_term_is_that_of_the_loss_in_half_widths_of_the_box(order, device):
    # a full batch, so that the first term is that of the untrained networks
    x_scaler, y_scaler = TASK.scalers()
    options = {"smooth": 3.0, "smooth_order": order, "smooth_step": 0.1, "smooth_points": 50}
    scales = {"x_scaler": x_scaler, "y_scaler": y_scaler}
    model = fit(epochs=1, batch_size=None, **options, **scales)
    start = get_method("encoder_decoder", **TINY, **scales).build(1, 1).to(device)
    points = torch.linspace(-1, 1, 50, device=device)[:, None]

    def scaled(u):
        return start.surrogate(33 * u) / 1089

    expected = 3 * smoothness(scaled, points, order=order, step=0.1)
    # second differences of 1e-2 lose digits to round-off
    torch.testing.assert_close(
        model.history["joint"].terms["REG"][0], expected.detach().cpu(), rtol=1e-2, atol=1e-4
    )


@pytest.mark.slow
def test_a_strong_penalty_flattens_the_surrogate(device):
    data, x = TASK.grid(100), TASK.grid(50).x
    flat, free = (fit(data=data, smooth=smooth, epochs=30, lr=0.01) for smooth in (100.0, 0.0))
    with torch.no_grad():
        assert flat.surrogate(x).std() < 0.5 * free.surrogate(x).std()


def test_several_unknowns_are_smoothed_too():
    task = Task("two", lambda x: x.prod(-1, keepdim=True), Box([0.0, 0.0], [1.0, 2.0]))
    model = get_method("encoder_decoder", smooth=0.1, **TINY).fit(task, task.sample(32))
    assert model.history["joint"].terms["REG"].isfinite().all()


def test_the_simulator_is_not_called():
    data = TASK.sample(32)

    def untouchable(x):
        raise AssertionError("the simulator was called")

    blind = Task("blind", untouchable, Box([-33.0], [33.0]), differentiable=False)
    get_method("encoder_decoder", smooth=0.1, **TINY).fit(blind, Pairs(data.x, data.y))


@pytest.mark.parametrize(
    "option", [{"smooth": -1.0}, {"smooth_points": 0}, {"surrogate_layers": 0}]
)
def test_bad_options_are_named(option):
    with pytest.raises(ValueError, match=f"^{next(iter(option))}: expected"):
        get_method("encoder_decoder", **option)


@pytest.mark.parametrize("option", [{"smooth_order": 3}, {"smooth_step": 0.0}])
def test_a_bad_difference_is_refused(option):
    with pytest.raises(ValueError, match=f"{next(iter(option))}: expected"):
        fit(smooth=0.1, **option)


@pytest.mark.slow
def test_a_context_is_seen_by_both_networks_and_by_targets_of_their_own():
    task = Task("sum", lambda x, c: x + 2 * c, Box([-1.0], [1.0]), context=Box([0.0], [3.0]))
    options = {"width": 32, "layers": 3, "lr": 1e-2, "epochs": 60, "batch_size": 50, "smooth": 1e-3}
    targets = task.targets(200, seed=0)
    for given in (None, targets):
        model = get_method("encoder_decoder", **options).fit(task, task.sample(300), targets=given)
        x = model.propose(targets.y, 1, targets.c)[:, 0]
        # without the context the best answer errs by 0.5
        assert (x - targets.x).square().mean().sqrt() < 0.15
    with pytest.raises(ValueError, match=r"encoder_decoder: targets: needs a context c"):
        model.fit(task, task.sample(30), targets=Targets(targets.y))


def test_held_out_pairs_are_what_it_says():
    task = get_task("square")
    data = task.sample(100)
    options = {"width": 8, "layers": 2, "surrogate_layers": 2, "epochs": 4}
    model = get_method("encoder_decoder", held_out=0.5, **options).fit(task, data)
    history = model.history["joint"]
    assert history.validation.shape == (4, 1)
    assert int(history.best_epoch[0]) == int(history.validation[:, 0].argmin())
    # stopping early is possible, since there is something to look at
    get_method("encoder_decoder", held_out=0.5, patience=1, **options).fit(task, data)


def test_held_out_pairs_beside_targets_are_refused():
    task = get_task("square")
    model = get_method("encoder_decoder", held_out=0.2, epochs=1)
    with pytest.raises(ValueError, match="held_out: expected 0 with targets"):
        model.fit(task, task.sample(50), targets=Targets(torch.rand(9, 1)))


def test_what_are_no_targets_is_named(device):
    with pytest.raises(TypeError, match="targets: expected Targets, .* got Tensor"):
        fit(torch.zeros(4, 1, device=device))
    task = Task("image", lambda x: x[..., None] * torch.ones(2).to(x), Box([0.0] * 3, [1.0] * 3))
    data = task.sample(20)
    with pytest.raises(ValueError, match=r"targets: y: expected shape \(B, 3, 2\) or \(B, 6\)"):
        get_method("encoder_decoder", **TINY).fit(task, data, targets=Targets(data.y.mT))
