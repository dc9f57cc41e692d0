"""The one training loop."""

import numpy as np
import pytest
import torch
from torch import nn

from invlab import runtime
from invlab.networks import training
from invlab.networks.encoders import OneMember
from invlab.networks.mlp import MLP
from invlab.networks.training import History, require_training, train


def column(*values):
    return torch.tensor(values, device=runtime.device())[:, None]


def line_fit(seeds=(0,), **options):
    network = MLP([1, 1], seeds=seeds).to(runtime.device())
    u = torch.linspace(-1, 1, 40, device=runtime.device())[:, None]

    def terms(u, v):
        return {"F": (network(u) - v).square().mean((-2, -1))}

    options = {"epochs": 60, "batch_size": 10, "lr": 0.1, "lr_end": 1e-3} | options
    history = train(network, terms, (u, 2 * u + 1), seeds=seeds, **options)
    return network, history


class Drift(nn.Module):
    """One number a member; training pushes it down for ever, validation wants it at a goal."""

    def __init__(self, *goals):
        super().__init__()
        self.p = nn.Parameter(torch.zeros(len(goals), device=runtime.device()))
        self.goals = torch.tensor(goals, device=runtime.device())
        self.calls = 0

    def terms(self, training):
        self.calls += 1
        share = training.mean()
        return {"loss": share * self.p + (1 - share) * (self.p - self.goals).square()}

    def train_on(self, *, terms=None, epochs=10, validation=True, **options):
        # a constant rate: Adam then moves p by 0.1 a step
        return train(
            self,
            terms or self.terms,
            (column(1.0),),
            seeds=range(len(self.goals)),
            validation=(column(0.0),) if validation else None,
            epochs=epochs,
            lr=0.1,
            lr_end=0.1,
            **options,
        )


@pytest.mark.parametrize("batch_size", [10, None])
def test_a_line_is_learned_by_every_member(batch_size):
    network, history = line_fit(
        seeds=(0, 1), epochs=300 if batch_size is None else 60, batch_size=batch_size
    )
    for k in range(2):
        assert network.weights[0][k].item() == pytest.approx(2, abs=0.02)
        assert network.biases[0][k].item() == pytest.approx(1, abs=0.02)
    assert (history.terms["F"][-1] < 1e-3 * history.terms["F"][0]).all()
    assert history.stopped == "all epochs"


def test_each_member_gets_back_its_best_weights():
    model = Drift(-0.3, -0.5)
    history = model.train_on()
    assert model.p.tolist() == pytest.approx([-0.3, -0.5], abs=1e-4)
    assert history.best_epoch.tolist() == [2, 4]


def test_without_validation_the_last_weights_stay():
    model = Drift(-0.3)
    history = model.train_on(validation=False)
    assert model.p.item() == pytest.approx(-1.0, abs=1e-4)
    assert history.validation is None
    assert history.best_epoch is None


def test_patience_stops_once_no_member_gets_better():
    history = Drift(-0.3, -0.5).train_on(epochs=50, patience=3)
    assert history.stopped == "no progress"
    assert len(history.total) == 4 + 3 + 1  # best at epoch 4, then three without progress


def test_patience_needs_validation_and_a_count():
    with pytest.raises(ValueError, match="patience: .*needs validation data"):
        Drift(-0.3).train_on(validation=False, patience=3)
    with pytest.raises(ValueError, match="patience: expected at least 1, got 0"):
        Drift(-0.3).train_on(patience=0)


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_a_term_that_is_not_finite_is_named_with_its_step(bad):
    network = MLP([1, 1]).to(runtime.device())
    calls = []

    def terms(u):
        calls.append(len(u))
        value = bad if len(calls) == 6 else 0.0
        return {"fine": network(u).mean((-2, -1)), "broken": network(u).mean((-2, -1)) + value}

    data = torch.ones(8, 1, device=runtime.device())
    with pytest.raises(FloatingPointError, match=r"'broken' became .* at step 5;"):
        train(network, terms, (data,), epochs=10, batch_size=4)


def test_a_validation_loss_that_is_not_finite_stops_the_training_too():
    model = Drift(-0.3)

    def terms(training):
        parts = model.terms(training)
        return parts if training.mean() > 0 else {"loss": parts["loss"] * torch.nan}

    with pytest.raises(FloatingPointError, match="'loss'"):
        model.train_on(terms=terms)


def stops_at(model, call, error):
    def terms(training):
        if model.calls == call:
            raise error
        return model.terms(training)

    return terms


def test_an_interrupt_keeps_the_best_weights_and_ends_the_program():
    model, history = Drift(-0.3, -0.5), History()
    # two calls an epoch: training and validation
    with pytest.raises(KeyboardInterrupt):
        model.train_on(terms=stops_at(model, 2 * 8, KeyboardInterrupt()), history=history)
    assert history.stopped == "interrupted"
    assert model.p.tolist() == pytest.approx([-0.3, -0.5], abs=1e-4)
    assert history.validation.shape == (8, 2)


def test_an_interrupt_before_the_first_epoch_ends_leaves_an_empty_history():
    model, history = Drift(-0.3), History()
    with pytest.raises(KeyboardInterrupt):
        model.train_on(terms=stops_at(model, 0, KeyboardInterrupt()), history=history)
    assert history.stopped == "interrupted"
    assert history.terms == {}


def test_the_best_weights_come_back_when_a_loss_breaks():
    model = Drift(-0.3)

    def terms(training):
        parts = model.terms(training)
        return parts if model.calls < 2 * 8 else {"loss": parts["loss"] + torch.nan}

    with pytest.raises(FloatingPointError):
        model.train_on(terms=terms)
    assert model.p.item() == pytest.approx(-0.3, abs=1e-4)


def test_other_errors_are_not_swallowed():
    model = Drift(-0.3)
    with pytest.raises(RuntimeError, match="mine"):
        model.train_on(terms=stops_at(model, 4, RuntimeError("mine")))


@pytest.mark.parametrize("members", [1, 3])
def test_the_history_holds_every_term_for_each_epoch_and_member(members):
    model = Drift(*[-0.3] * members)
    history = model.train_on(epochs=4)
    assert history.terms["loss"].shape == (4, members)
    assert history.total.shape == history.validation.shape == (4, members)
    assert history.best_epoch.shape == (members,)
    assert history.seconds >= 0
    assert not history.terms["loss"].requires_grad


def test_the_total_is_the_sum_of_the_terms():
    network = MLP([1, 1]).to(runtime.device())

    def terms(u):
        value = network(u).square().mean((-2, -1))
        return {"a": value, "b": 3 * value}

    history = train(network, terms, (column(1.0, 2.0),), epochs=3)
    torch.testing.assert_close(history.total, history.terms["a"] + history.terms["b"])
    assert history.total.shape == (3, 1)


def batches_seen(rows, batch_size, seeds=(0, 1), epochs=2):
    network = MLP([1, 1], seeds=seeds).to(runtime.device())
    seen = []

    def terms(u, v):
        assert torch.equal(u, -v)  # rows of different tensors stay together
        seen.append(u[..., 0])
        return {"F": network(u).mean((-2, -1))}

    u = torch.arange(rows, dtype=torch.float32, device=runtime.device())[:, None]
    train(network, terms, (u, -u), seeds=seeds, epochs=epochs, batch_size=batch_size)
    return seen


def test_each_member_sees_every_row_once_an_epoch_in_an_order_of_its_own():
    seen = batches_seen(10, 4)
    assert [tuple(batch.shape) for batch in seen] == [(2, 4), (2, 4), (2, 2)] * 2
    first, second = torch.cat(seen[:3], -1), torch.cat(seen[3:], -1)
    for epoch in (first, second):
        for member in epoch:
            assert member.sort().values.tolist() == list(range(10))
    assert not torch.equal(first[0], first[1])
    assert not torch.equal(first[0], second[0])


@pytest.mark.parametrize("batch_size", [None, 10, 99])
def test_the_full_batch_is_handed_over_whole(batch_size):
    assert [tuple(batch.shape) for batch in batches_seen(10, batch_size)] == [(10,)] * 2


def test_the_same_seed_gives_the_same_weights_and_another_seed_others():
    first, again, other = (line_fit(seeds=(seed,), epochs=3)[0] for seed in (0, 0, 1))
    assert torch.equal(first.weights[0], again.weights[0])
    assert not torch.equal(first.weights[0], other.weights[0])


def test_the_global_random_state_does_not_matter():
    first, _ = line_fit(epochs=3)
    torch.manual_seed(99)
    again, _ = line_fit(epochs=3)
    assert torch.equal(first.weights[0], again.weights[0])


def test_the_callers_tensors_are_not_changed():
    data, held = column(1.0, 2.0, 3.0), column(4.0, 5.0)
    network = MLP([1, 1]).to(runtime.device())
    train(
        network,
        lambda u: {"F": network(u).square().mean((-2, -1))},
        (data,),
        validation=(held,),
        epochs=2,
        batch_size=2,
    )
    assert data.flatten().tolist() == [1, 2, 3]
    assert held.flatten().tolist() == [4, 5]


def test_frozen_parameters_stay():
    network = MLP([1, 2, 1]).to(runtime.device())
    network.weights[0].requires_grad_(False)
    before = [p.detach().clone() for p in network.parameters()]
    train(network, lambda u: {"F": network(u).square().mean((-2, -1))}, (column(1.0),), epochs=2)
    same = [torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=True)]
    assert same[0]
    assert not same[-1]


def test_the_rate_falls_along_half_a_cosine(monkeypatch):
    rates = []
    step = torch.optim.Adam.step

    def spy(self, *args, **kwargs):
        rates.append(self.param_groups[0]["lr"])
        return step(self, *args, **kwargs)

    monkeypatch.setattr(torch.optim.Adam, "step", spy)
    line_fit(epochs=10, batch_size=None, lr=1.0, lr_end=0.1)
    expected = [
        0.1 + 0.45 * (1 + torch.cos(torch.tensor(torch.pi * i / 10)).item()) for i in range(10)
    ]
    assert rates == pytest.approx(expected)


class Pulled(nn.Module):
    """Weights of two shapes whose gradient is the given one, a row a member."""

    def __init__(self, *gradients):
        super().__init__()
        pull = torch.tensor(gradients, device=runtime.device())
        self.pulls = pull[:, :1], pull[:, 1:, None]
        self.weights = nn.ParameterList(torch.zeros_like(pull) for pull in self.pulls)

    def terms(self, u):
        pairs = zip(self.weights, self.pulls, strict=True)
        return {"F": sum((weight * pull).flatten(1).sum(1) for weight, pull in pairs)}

    def last_gradients(self, **options):
        train(
            self, self.terms, (column(1.0),), seeds=range(len(self.pulls[0])), epochs=1, **options
        )
        return torch.cat([weight.grad.flatten(1) for weight in self.weights], 1)


def test_a_long_gradient_is_shortened_a_short_one_stays_and_members_do_not_mix():
    pulls = [[3.0, 4.0, 0.0], [0.3, 0.0, -0.4], [2.0, 1.0, -2.0], [0.0, 0.0, 0.0]]
    shortened = Pulled(*pulls).last_gradients(clip=2.0)
    expected = torch.tensor(pulls)
    expected[0] *= 2 / 5
    expected[2] *= 2 / 3
    torch.testing.assert_close(shortened.cpu(), expected)
    assert shortened.norm(dim=1).tolist() == pytest.approx([2, 0.5, 2, 0])
    for k, pull in enumerate(pulls):
        torch.testing.assert_close(Pulled(pull).last_gradients(clip=2.0)[0], shortened[k])


def test_without_clip_a_gradient_keeps_its_length():
    assert Pulled([300.0, 400.0, 0.0]).last_gradients().tolist() == [[300, 400, 0]]


def test_clipping_survives_frozen_and_unused_weights():
    network = MLP([1, 2, 1]).to(runtime.device())
    network.weights[0].requires_grad_(False)
    network.unused = nn.Parameter(torch.ones(1, 2, device=runtime.device()))

    def terms(u):
        return {"F": 1e3 * network(u).square().mean((-2, -1))}

    train(network, terms, (column(1.0),), epochs=2, clip=0.1)
    used = [w.grad.flatten(1) for w in network.parameters() if w.grad is not None]
    assert torch.cat(used, 1).norm().item() == pytest.approx(0.1, rel=1e-4)
    assert network.unused.tolist() == [[1, 1]]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"epochs": 0}, ValueError, "epochs: expected at least 1, got 0"),
        ({"epochs": 2.5}, TypeError, "epochs: expected an int"),
        ({"batch_size": 0}, ValueError, "batch_size: expected at least 1, got 0"),
    ],
)
def test_bad_counts_are_named(options, error, message):
    with pytest.raises(error, match=message):
        line_fit(**options)


def test_data_of_different_lengths_are_named():
    network = MLP([1, 1])
    with pytest.raises(ValueError, match=r"data\[0\] has 2, data\[1\] has 1"):
        train(network, lambda u, v: {}, (column(1.0, 2.0), column(1.0)))


def test_a_single_members_weights_may_have_any_shape(device):
    """As those of a network that was not made for several members."""
    layer = torch.nn.Linear(2, 3).to(device)
    rows = torch.ones(4, 2, device=device)
    seen = []

    def terms(u):
        if layer.weight.grad is not None:
            seen.append([p.grad.clone() for p in layer.parameters()])
        return {"loss": (layer(u) - 9).square().sum()}

    train(layer, terms, (rows,), epochs=2, batch_size=None, clip=0.5)
    norm = torch.cat([grad.flatten() for grad in seen[0]]).norm()
    torch.testing.assert_close(norm, torch.tensor(0.5).to(norm))


# Options


@pytest.mark.parametrize("lr_end", [1e-3, 0.0])
@pytest.mark.parametrize("epochs", [1, 2, 8, 9, 10, 30])
def test_one_cycle_has_any_number_of_steps_and_may_end_at_zero(epochs, lr_end):
    history = line_fit(epochs=epochs, batch_size=None, schedule="one-cycle", lr_end=lr_end)[1]
    assert history.total.shape == (epochs, 1)
    assert history.total.isfinite().all()


def test_one_cycle_takes_the_rates_of_pytorch():
    weights = [nn.Parameter(torch.zeros(1))]
    ours, theirs = (torch.optim.Adam(weights, lr=0.1) for _ in range(2))
    schedules = (
        training._OneCycle(ours, 40, 0.1, 1e-3),
        torch.optim.lr_scheduler.OneCycleLR(
            theirs, 0.1, 41, pct_start=0.1, cycle_momentum=False, final_div_factor=0.1 / 25 / 1e-3
        ),
    )
    weights[0].grad = torch.ones(1)
    for _ in range(40):
        assert ours.param_groups[0]["lr"] == pytest.approx(theirs.param_groups[0]["lr"], rel=1e-12)
        for part in (ours, theirs, *schedules):
            part.step()
    assert ours.param_groups[0]["lr"] == pytest.approx(1e-3)


@pytest.mark.parametrize(
    ("option", "error"),
    [
        ({"lr": float("nan")}, ValueError),
        ({"lr": -1.0}, ValueError),
        ({"lr": None}, TypeError),
        ({"lr_end": float("inf")}, ValueError),
        ({"clip": 0}, ValueError),
        ({"epochs": 2.5}, TypeError),
        ({"patience": -1}, ValueError),
        ({"schedule": "linear"}, ValueError),
    ],
)
def test_options_that_make_no_sense_are_named(option, error):
    with pytest.raises(error, match=f"^{next(iter(option))}: expected"):
        require_training(option)
    with pytest.raises(error, match=f"^{next(iter(option))}: expected"):
        line_fit(**option)


def test_whole_numbers_of_numpy_are_whole_numbers():
    options = {"epochs": np.int64(3), "batch_size": np.int32(10)}
    assert require_training(options) == {"epochs": 3, "batch_size": 10}
    network = MLP([1, 1], seeds=[np.int64(0)]).to(runtime.device())
    u = column(*map(float, range(20)))
    train(network, lambda u: {"F": network(u).mean((-2, -1))}, (u,), seeds=[np.int64(0)], **options)


def test_weights_of_others_in_the_loss_keep_their_gradients():
    other = nn.Linear(1, 1).to(runtime.device())
    other.weight.grad = torch.full_like(other.weight, 7.0)
    network = MLP([1, 1]).to(runtime.device())
    u = column(*map(float, range(20)))
    train(network, lambda u: {"F": other(network(u)).square().mean((-2, -1))}, (u,), epochs=2)
    assert (other.weight.grad == 7).all()
    assert other.bias.grad is None


def test_a_network_made_elsewhere_gets_its_best_weights_back():
    network = nn.Sequential(nn.Linear(1, 5), nn.Tanh(), nn.Linear(5, 1)).to(runtime.device())
    u = column(*range(20)) / 20

    def terms(u):
        return {"F": (network(u) - u).square().mean()}

    options = {"epochs": 10, "batch_size": None, "lr": 0.5}
    history = train(network, terms, (u,), validation=(u,), **options)
    kept = terms(u)["F"].item()
    assert kept == pytest.approx(history.validation.min().item())


def test_a_network_made_elsewhere_answers_in_evaluation_mode():
    network = nn.Sequential(nn.Linear(1, 8), nn.Dropout(0.5), nn.Linear(8, 1))
    modes = []

    def terms(x):
        modes.append(network.training)
        return {"loss": network(x).square().mean()}

    x = torch.rand(20, 1)
    train(network, terms, [x], validation=[x], epochs=2, batch_size=10)
    # two steps and one validation an epoch
    assert modes == [True, True, False] * 2
    assert not network.training


@pytest.mark.parametrize(("rows", "sizes"), [(9, [4, 5]), (5, [5]), (10, [4, 4, 2]), (4, [4])])
def test_a_single_row_joins_the_batch_before_where_a_network_is_made_elsewhere(rows, sizes):
    for network, wanted in (
        (OneMember(nn.Linear(1, 1), (1,)), sizes),
        (nn.Linear(1, 1), [min(4, rows - i) for i in range(0, rows, 4)]),
    ):
        seen = []

        def terms(u, network=network, seen=seen):
            seen.append(u.shape[-2])
            return {"F": network(u).square().mean()}

        train(network, terms, [torch.rand(rows, 1)], epochs=1, batch_size=4)
        assert seen == wanted
