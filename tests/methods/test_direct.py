"""Direct regression, and training through the true simulator."""

import pytest
import torch

from invlab import Box, Pairs, Task, get_method, get_task

TASK = get_task("square")
SMALL = {"width": 32, "layers": 4, "lr": 3e-3}


def test_l2_learns_the_conditional_mean(device):
    # x = y + 1 in a quarter of the pairs, y − 1 in the rest: the mean is y − 1/2
    y = torch.linspace(0, 1, 200, device=device).repeat(4)[:, None]
    above = torch.arange(800, device=device)[:, None] < 200
    task = Task("line", lambda x: x, Box([-2.0], [2.0]))
    data = Pairs(y + torch.where(above, 1.0, -1.0), y)
    model = get_method("direct", epochs=40, **SMALL).fit(task, data)
    targets = torch.linspace(0.1, 0.9, 9, device=device)[:, None]
    # the spread of x around its mean is 0.87
    torch.testing.assert_close(model.propose(targets)[:, 0], targets - 0.5, rtol=0, atol=0.1)


def test_l1_learns_the_conditional_median(device):
    y = torch.linspace(0, 1, 200, device=device).repeat(4)[:, None]
    above = torch.arange(800, device=device)[:, None] < 200
    task = Task("line", lambda x: x, Box([-2.0], [2.0]))
    data = Pairs(y + torch.where(above, 1.0, -1.0), y)
    model = get_method("direct", norm="l1", epochs=40, **SMALL).fit(task, data)
    targets = torch.linspace(0.1, 0.9, 9, device=device)[:, None]
    torch.testing.assert_close(model.propose(targets)[:, 0], targets - 1, rtol=0, atol=0.1)


def test_the_misfit_of_the_effect_finds_an_answer():
    x_scaler, y_scaler = TASK.scalers()
    model = get_method(
        "direct",
        misfit="effect",
        epochs=60,
        batch_size=50,
        x_scaler=x_scaler,
        y_scaler=y_scaler,
        **SMALL,
    ).fit(TASK, TASK.grid(400))
    y = TASK.targets(200, seed=0).y
    effect = TASK.simulate(model.propose(y)[:, 0])
    # the mean answer, zero, errs by 487
    assert (effect - y).square().mean().sqrt() < 40


def test_the_misfit_of_the_effect_ignores_the_x_of_the_pairs():
    data = TASK.sample(48)
    options = {"misfit": "effect", "epochs": 2, "x_scaler": TASK.scalers()[0]}
    y = TASK.targets(4, seed=0).y
    first, again = (
        get_method("direct", **options).fit(TASK, pairs).propose(y)
        for pairs in (data, Pairs(-data.x.flip(0), data.y))
    )
    assert torch.equal(first, again)


def test_the_misfit_of_the_effect_refuses_a_task_without_gradients():
    blind = Task("blind", lambda x: x.detach(), Box([0.0], [1.0]), differentiable=False)
    with pytest.raises(ValueError, match="direct: needs gradients, and blind .*'tandem'"):
        get_method("direct", misfit="effect").fit(blind, blind.sample(8))
    get_method("direct", epochs=1).fit(blind, blind.sample(8))


def test_an_unknown_misfit_is_refused():
    with pytest.raises(ValueError, match="misfit: expected 'inverse' or 'effect', got 'both'"):
        get_method("direct", misfit="both")


def test_what_the_loss_compares_is_said():
    assert get_method("direct").measures == "x"
    assert get_method("direct", misfit="effect").measures == "y"


@pytest.mark.parametrize("misfit", ["inverse", "effect"])
def test_held_out_pairs_are_not_trained_on(misfit):
    data = TASK.sample(40)
    model = get_method("direct", misfit=misfit, held_out=0.25, epochs=3).fit(TASK, data)
    assert model.history["inverse"].validation.shape == (3, 1)
    # scaled by the thirty rows that are left, not by all forty
    assert not torch.allclose(model.inverse.inputs.shift, data.y.double().mean(0))


def test_held_out_pairs_do_not_depend_on_which_seeds_train_together():
    data, y = TASK.sample(40), TASK.targets(4, seed=0).y
    options = {"held_out": 0.25, "epochs": 3, "width": 8, "layers": 3}
    together = get_method("direct", **options).fit(TASK, data, seed=[0, 7]).member(1)
    alone = get_method("direct", **options).fit(TASK, data, seed=7)
    torch.testing.assert_close(together.propose(y), alone.propose(y), rtol=1e-3, atol=1e-2)


# With a context

SHOTS = get_task("billiards")


@pytest.mark.parametrize("misfit", ["inverse", "effect"])
@pytest.mark.parametrize("batch_size", [50, None])
def test_a_linear_task_with_a_context_is_learned(misfit, batch_size):
    task = Task("sum", lambda x, c: x + 2 * c, Box([-1.0], [1.0]), context=Box([0.0], [3.0]))
    options = {"misfit": misfit, "epochs": 400 if batch_size is None else 60}
    model = get_method("direct", batch_size=batch_size, **options, **SMALL)
    model.fit(task, task.sample(300), seed=[0, 1])
    targets = task.targets(50, seed=0)
    answers = model.invert(targets.y, targets.c)
    assert answers.shape == (2, 50, 1)
    assert (answers - targets.x).square().mean().sqrt() < 0.1
    # a regression on y alone would err by 0.5
    alone = model.member(1).propose(targets.y, c=targets.c)[:, 0]
    torch.testing.assert_close(alone, answers[1], rtol=1e-3, atol=1e-4)


@pytest.mark.slow
def test_something_is_learned_of_billiards():
    """Of shots that hit: where to aim, given both balls and the rest point."""
    data = SHOTS.sample(3000)
    data = data[SHOTS.hits(data.x, data.c)]
    test, data = data[:60], data[60:]
    assert len(data) > 200
    model = get_method("direct", width=64, layers=4, epochs=150, lr=3e-3, batch_size=50)
    x = model.fit(SHOTS, data).propose(test.y, c=test.c)[:, 0]
    wrong = model.propose(test.y, c=test.c.roll(1, 0))[:, 0]
    mean = data.x.mean(0)
    error = [(guess - test.x).square().mean().item() for guess in (x, wrong, mean)]
    assert error[0] < 0.3 * error[2]
    assert error[0] < 0.3 * error[1]


def test_a_saved_model_with_a_context_loads_into_a_fresh_one():
    model = get_method("direct", epochs=1, **SMALL).fit(SHOTS, SHOTS.sample(100))
    fresh = get_method("direct", **SMALL).build(2, 2, c_dim=4)
    fresh.load_state_dict(model.state_dict())
    targets = SHOTS.targets(3, seed=0)
    fresh = fresh.to(targets.y.device)
    given = (targets.y, 1, targets.c)
    assert torch.equal(fresh.propose(*given), model.propose(*given))


def test_without_a_context_nothing_of_one_is_stored():
    model = get_method("direct", epochs=1, **SMALL).fit(TASK, TASK.sample(20))
    assert not [name for name in model.state_dict() if name.startswith("c_")]
    model.fit(SHOTS, SHOTS.sample(50)).fit(TASK, TASK.sample(20))
    assert not [name for name in model.state_dict() if name.startswith("c_")]
    assert model.propose(TASK.targets(2, seed=0).y).shape == (2, 1, 1)


# With an encoder, in a box, through simulators that fail


def test_an_encoder_is_chosen_by_the_shape_of_y():
    task = get_task("wave_packet")
    data, y = task.sample(40), task.targets(5, seed=0).y
    model = get_method("direct", encoder={"head": 8}, bounded=True, epochs=3, batch_size=None)
    x = model.fit(task, data, seed=[0, 1]).invert(y)
    assert x.shape == (2, 5, 1)
    assert task.box.contains(x).all()
    # a row alone gets the same answer, since the norm is that of its own numbers
    torch.testing.assert_close(model.invert(y[:1]), x[:, :1], rtol=1e-4, atol=1e-4)


def test_an_encoder_sees_the_context():
    task = Task("sum", lambda x, c: x + 2 * c, Box([-1.0], [1.0]), context=Box([0.0], [3.0]))
    model = get_method("direct", encoder={}, epochs=300, batch_size=None, lr=1e-2)
    targets = task.targets(50, seed=0)
    x = model.fit(task, task.sample(300)).propose(targets.y, 1, targets.c)[:, 0]
    assert (x - targets.x).square().mean().sqrt() < 0.1


def test_a_module_of_your_own_is_copied():
    own = torch.nn.Sequential(torch.nn.Linear(1, 16), torch.nn.Tanh(), torch.nn.Linear(16, 1))
    before = [p.detach().clone() for p in own.parameters()]
    task = Task("half", lambda x: 2 * x, Box([-1.0], [1.0]))
    model = get_method("direct", encoder=own, epochs=60, lr=1e-2, held_out=0.2)
    data = task.sample(200)
    x = model.fit(task, data).propose(data.y)[:, 0]
    assert (x - data.x).abs().mean() < 0.1
    assert all(torch.equal(p, q) for p, q in zip(own.parameters(), before, strict=True))
    with pytest.raises(ValueError, match="direct: an encoder of your own is one start"):
        model.fit(task, data, seed=[0, 1])


@pytest.mark.parametrize(
    ("encoder", "message"),
    [
        ({"widht": 8}, r"encoder: no option 'widht'; did you mean 'width'\?"),
        ("mlp", "encoder: expected options of encoder_for or a module, got str"),
    ],
)
def test_an_encoder_that_is_none_is_named_when_the_method_is_made(encoder, message):
    for name in ("direct", "joint"):
        with pytest.raises(TypeError, match=message):
            get_method(name, encoder=encoder)


def test_scales_that_do_not_fit_are_named():
    two = Task("two", lambda x: x[..., :1], Box([0.0, 0.0], [1.0, 1.0]))
    model = get_method("direct", x_scaler=TASK.scalers()[0])
    with pytest.raises(ValueError, match="x_scaler: expected 2 numbers, got 1"):
        model.fit(two, two.sample(20))
    with pytest.raises(ValueError, match="x_scaler: with bounded=True the box is the scale"):
        get_method("direct", x_scaler=TASK.scalers()[0], bounded=True)


def test_the_misfit_of_the_effect_passes_over_answers_whose_simulation_fails():
    def simulate(x):
        return torch.where(x < 0.2, torch.nan, x.square())

    task = Task("holed", simulate, Box([0.0], [1.0]))
    x = torch.linspace(0.2, 1, 200, device=TASK.sample(1).x.device)[:, None]
    model = get_method("direct", misfit="effect", epochs=40, batch_size=50, **SMALL)
    found = model.fit(task, Pairs(x, x.square())).propose(x.square())[:, 0]
    assert (found - x).abs().mean() < 0.05


def test_a_simulator_that_fails_everywhere_ends_the_training_with_a_word():
    task = Task("lost", lambda x: x * torch.nan, Box([0.0], [1.0]))
    data = Task("sound", lambda x: x, Box([0.0], [1.0])).sample(50)
    with pytest.raises(FloatingPointError, match="'effect' became .*in the simulator"):
        get_method("direct", misfit="effect", epochs=2, **SMALL).fit(task, data)


@pytest.fixture
def nothing_is_written_yet():
    """Memory that torch hands out unwritten holds NaN, and not what was there before."""
    torch.use_deterministic_algorithms(True, warn_only=True)
    yield
    torch.use_deterministic_algorithms(False)


@pytest.mark.usefixtures("nothing_is_written_yet")
def test_an_encoder_beside_a_context_reads_no_memory_that_nobody_wrote():
    task = Task("shift", lambda x, c: x + c, Box([-1.0], [1.0]), context=Box([0.0], [1.0]))
    data, targets = task.sample(48), task.targets(3, seed=0)
    model = get_method("direct", encoder={}, epochs=1).fit(None, data)
    assert model.propose(targets.y, 2, targets.c).isfinite().all()


def test_the_misfit_of_the_effect_gives_the_simulator_rows_of_unknowns():
    shapes = set()

    def simulate(x, c):
        shapes.add((x.ndim, c.ndim))
        return x[:, :1] * c[:, :1]  # would take a column of three axes for all of it

    task = Task("rows", simulate, Box([0.5], [1.0]), context=Box([1.0], [2.0]))
    data = task.sample(40)
    for batch_size in (16, None):
        model = get_method("direct", misfit="effect", epochs=2, batch_size=batch_size, **SMALL)
        assert model.fit(task, data, seed=[0, 1]).history["inverse"].total.isfinite().all()
    assert shapes == {(2, 2)}


def test_pairs_of_another_simulator_are_refused_and_not_spread():
    task = Task("two", lambda x: x * 1.0, Box([0.0, 0.0], [1.0, 1.0]))
    data = Pairs(*(part.to(TASK.sample(1).x) for part in (torch.rand(9, 2), torch.rand(9, 1))))
    with pytest.raises(ValueError, match=r"direct: expected two to give 1 numbers of y .*, 2\)"):
        get_method("direct", misfit="effect", epochs=1).fit(task, data)


@pytest.mark.parametrize("name", ["direct", "local_search", "joint"])
def test_a_gradient_that_is_not_there_is_named_before_anything_is_learned(name):
    silent = Task("silent", lambda x: x.detach() ** 2, Box([0.0], [1.0]))
    model = get_method(name, **{"misfit": "effect"} if name == "direct" else {})
    with pytest.raises(ValueError, match="silent: .* has no gradient; say differentiable=False"):
        model.fit(silent, silent.sample(8))
    assert "not trained" in repr(model)


def test_the_seed_decides_what_is_drawn_from_torchs_generator():
    noisy = Task("noisy", lambda x: x + torch.randn_like(x), Box([0.0], [1.0]), noisy=True)
    dropping = torch.nn.Sequential(torch.nn.Dropout(0.5), torch.nn.Linear(1, 1))
    data, y = noisy.sample(40), noisy.targets(3, seed=0).y
    for options in ({"misfit": "effect"}, {"encoder": dropping}):
        found = []
        for seed in (0, 0, 1):
            torch.manual_seed(len(found))
            before = torch.get_rng_state()
            model = get_method("direct", epochs=3, **SMALL, **options).fit(noisy, data, seed=seed)
            assert torch.equal(torch.get_rng_state(), before)
            found.append(model.propose(y))
        assert torch.equal(found[0], found[1])
        assert not torch.equal(found[0], found[2])


def test_a_norm_of_your_own_over_the_batch_meets_no_single_row():
    own = torch.nn.Sequential(torch.nn.Linear(1, 4), torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 1))
    for rows in (33, 17):
        model = get_method("direct", encoder=own, epochs=2, batch_size=16)
        assert model.fit(TASK, TASK.sample(rows)).history["inverse"].total.isfinite().all()


def test_options_of_an_encoder_that_change_afterwards_change_nothing():
    options = {"width": 8}
    model = get_method("direct", encoder=options, epochs=1)
    options["width"] = 64
    assert "'width': 8" in repr(model)
    assert model.fit(TASK, TASK.sample(9)).inverse.core.weights[0].shape[-1] == 8
