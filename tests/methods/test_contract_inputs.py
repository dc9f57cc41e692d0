"""Every method takes numbers of any kind, in any unit, and leaves them as they were."""

import numpy as np
import pytest
import torch

from invlab import Box, Normal, Pairs, Product, Task, runtime
from invlab.methods.sampler import Sampler

from .cases import (
    IMAGE,
    LEARNING,
    SHIFT,
    SQUARE,
    TINY,
    TRAINED,
    TWO,
    WITHOUT_SIMULATOR,
    cases,
    fitted,
    method,
    name_of,
    ready,
)

pytestmark = pytest.mark.filterwarnings("ignore:.* of the draws fell outside:UserWarning")
each_case = pytest.mark.parametrize("case", TINY)
each_learner = pytest.mark.parametrize("case", LEARNING)
FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


# Dtypes and devices


@each_case
def test_proposals_have_the_dtype_of_the_targets(case):
    y = SQUARE.targets(3, seed=0).y
    for dtype in FLOATS:
        x = ready(case).propose(y.to(dtype), 2)
        assert x.dtype == dtype
        assert x.isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16])
@each_case
def test_pairs_may_have_any_precision(case, dtype):
    data, y = TWO.sample(48), TWO.targets(3, seed=0).y
    other = fitted(case, TWO, data=Pairs(data.x.to(dtype), data.y.to(dtype)))
    x = other.propose(y, 2)
    assert x.dtype == torch.float32
    assert x.isfinite().all()


@each_case
def test_the_default_dtype_and_device_do_not_matter(case):
    data, targets = SHIFT.sample(48), SHIFT.targets(3, seed=0)
    usual = fitted(case, SHIFT, data=data).propose(targets.y, 2, targets.c)
    before = torch.get_default_dtype()
    try:
        torch.set_default_dtype(torch.float64)
        with torch.device("meta"):  # stands for any device but that of the data
            other = fitted(case, SHIFT, data=data).propose(targets.y, 2, targets.c)
    finally:
        torch.set_default_dtype(before)
    assert other.device == targets.y.device
    assert torch.equal(other, usual)


@each_case
def test_the_networks_are_float32_whatever_the_data_are(case):
    data = TWO.sample(48, dtype=torch.float64)
    assert {p.dtype for p in fitted(case, TWO, data=data).parameters()} <= {torch.float32}


# Units


def rescaled(task, unit, offset=0.0):
    def simulate(x):
        return unit * task.simulator(x) + offset

    return Task(task.name, simulate, task.prior)  # with its random streams


@pytest.mark.parametrize(("unit", "offset"), [(1e-6, 0.0), (1e6, 0.0), (1.0, 1e8)])
@each_learner
def test_neither_the_unit_nor_the_zero_of_y_matters(case, unit, offset):
    found = []
    for task in (TWO, rescaled(TWO, unit, offset)):
        data = task.sample(48, dtype=torch.float64)
        model = fitted(case, task, data=data)
        losses = torch.cat(
            [history.total.flatten() for history in model.history.values()] or [torch.zeros(1)]
        )
        found.append((losses, model.propose(task.targets(4, seed=0, dtype=torch.float64).y, 2)))
    (losses, x), (other_losses, other_x) = found
    torch.testing.assert_close(other_losses, losses, rtol=1e-3, atol=1e-3)
    if not isinstance(ready(case), Sampler):  # whose noise depends on the numbers of the target
        torch.testing.assert_close(other_x, x, rtol=1e-3, atol=1e-3)


@each_learner
def test_an_offset_of_x_costs_no_digits_in_float64(case):
    far = Task("far", lambda x: TWO.simulator(x - 1e8), Box([1e8, 1e8 + 1], [1e8 + 1, 1e8 + 3]))
    data, y = TWO.sample(48, dtype=torch.float64), TWO.targets(4, seed=0, dtype=torch.float64).y
    near = fitted(case, TWO, data=data).propose(y, 2, generator=runtime.generator(1))
    moved = Pairs(data.x + 1e8, data.y)
    found = fitted(case, far, data=moved).propose(y, 2, generator=runtime.generator(1))
    # float32 has steps of 8 there
    torch.testing.assert_close(found - 1e8, near, rtol=0, atol=0.1)


# Seeds


@each_case
def test_a_seed_may_be_a_whole_number_of_numpy(case):
    y, data = SQUARE.targets(3, seed=0).y, SQUARE.sample(48)
    usual = fitted(case, data=data, seed=3).propose(y, 2)
    assert torch.equal(fitted(case, data=data, seed=np.int64(3)).propose(y, np.int64(2)), usual)


@pytest.mark.parametrize(
    ("seed", "error"), [("three", TypeError), (2.5, TypeError), (True, TypeError), ([], ValueError)]
)
@each_case
def test_a_seed_that_is_none_is_named(case, seed, error):
    with pytest.raises(error, match=f"{name_of(case)}: .*seed"):
        fitted(case, seed=seed)


@each_case
def test_several_seeds_are_several_networks_or_are_refused(case):
    y = SQUARE.targets(3, seed=0).y
    if method(case).several_seeds:
        assert fitted(case, seed=np.array([0, 7])).invert(y).shape == (2, 3, 1)
    else:
        with pytest.raises(ValueError, match=rf"{name_of(case)}: expected one seed, got \[0, 7\]"):
            fitted(case, seed=[0, 7])


# What belongs to the caller


@each_case
def test_pairs_and_targets_that_require_a_gradient_are_taken_and_left_alone(case):
    data = SHIFT.sample(48)
    leaves = [part.requires_grad_() for part in (data.x, data.y, data.c)]
    targets = SHIFT.targets(3, seed=0)
    y, c = targets.y.requires_grad_(), targets.c.requires_grad_()
    x = fitted(case, SHIFT, data=Pairs(*leaves)).propose(y, 2, c)
    assert not x.requires_grad
    assert all(leaf.requires_grad and leaf.grad is None for leaf in (*leaves, y, c))


@each_case
def test_a_simulator_keeps_its_weights_and_their_gradients(case):
    net = torch.nn.Linear(2, 2).to(runtime.device())
    net.weight.data = torch.tensor([[1.0, 0.5], [0.3, -1.0]]).to(net.weight)
    net.weight.grad = torch.full_like(net.weight, 5.0)
    before = {name: value.clone() for name, value in net.state_dict().items()}

    def simulate(x):
        return torch.nn.functional.linear(x, net.weight.to(x), net.bias.to(x))

    task = Task("network", simulate, Box([-1.0, -1.0], [1.0, 1.0]))
    with torch.no_grad():
        data, y = task.sample(48), task.targets(3, seed=0).y.clone()
    fitted(case, task, data=data).propose(y, 2)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert all(p.requires_grad for p in net.parameters())
    assert (net.weight.grad == 5).all()
    assert net.bias.grad is None


@each_case
def test_it_proposes_while_gradients_are_off(case):
    y = SQUARE.targets(3, seed=0).y
    with torch.no_grad():
        inside = fitted(case).propose(y, 2)
    assert torch.equal(inside, fitted(case).propose(y, 2))


# Simulators that fail or are noisy


@each_learner
def test_a_target_with_a_missing_number_is_refused(case):
    y = TWO.targets(3, seed=0).y
    y[1, 2] = torch.nan
    with pytest.raises(ValueError, match=f"{name_of(case)}: y: .*got 1 NaN"):
        fitted(case, TWO).propose(y)


@each_case
def test_an_image_with_a_missing_number_is_left_out(case):
    if case not in LEARNING:
        pytest.skip("it uses no pairs")
    data, y = IMAGE.sample(40), IMAGE.targets(3, seed=0).y
    holes = data.y.clone()
    holes[3, 5, 2] = torch.nan
    with pytest.warns(UserWarning, match="image: 1 of 40 pairs left out"):
        model = fitted(case, IMAGE, data=Pairs(data.x, holes))
    whole = fitted(case, IMAGE, data=data[torch.arange(40, device=data.x.device) != 3])
    assert torch.equal(model.propose(y, 2), whole.propose(y, 2))


@pytest.mark.filterwarnings("ignore:.*pairs left out")
@each_case
def test_a_simulator_that_fails_on_a_part_of_the_prior_is_survived(case):
    def simulate(x):
        return torch.where(x < 0.2, torch.nan, x.square())

    holed, smooth = (Task("holed", f, Box([0.0], [1.0])) for f in (simulate, lambda x: x.square()))
    data = Pairs((x := smooth.sample(60).x), holed.simulator(x))
    y = torch.tensor([[0.25], [0.64]]).to(x)
    assert fitted(case, holed, data=data).propose(y, 3).isfinite().all()


@each_case
def test_a_noisy_simulator_is_taken_or_refused_by_name(case):
    def simulate(x):
        return x.square() + 0.1 * torch.randn(x.shape, device="cpu").to(x)

    noisy = Task("noisy", simulate, Box([0.0], [1.0]), noisy=True)
    data = noisy.sample(60)
    if hasattr(method(case), "require_quiet"):
        with pytest.raises(ValueError, match=f"{name_of(case)}: .*noisy says it is noisy"):
            fitted(case, noisy, data=data)
        return
    x = fitted(case, noisy, data=data).propose(data.y[:4], 3)
    assert x.isfinite().all()


# The box

HALF = Task(
    "half", lambda x: 2 * x, Box([-1.0, -1.0], [1.0, 1.0]), box=Box([-1.0, -1.0], [0.3, 1.0])
)
FAR = torch.tensor([[1.8, 0.0], [5.0, -4.0], [0.2, 0.3]])


def inside(x, box):
    """Compared in float64, so that no edge is rounded outwards."""
    return ((x.double() >= box.low.to(x.device)) & (x.double() <= box.high.to(x.device))).all()


@each_case
def test_proposals_stay_in_the_box_that_the_task_was_given(case):
    data, y = HALF.sample(60), FAR.to(runtime.device())
    model = fitted(case, HALF, data=data)
    assert model.box.high.tolist() == [0.3, 1.0]
    for dtype in (torch.float32, torch.float64):
        assert inside(model.propose(y.to(dtype), 4), HALF.box)


@each_case
def test_bounds_of_a_call_narrow_the_box(case):
    model, y = fitted(case, HALF, data=HALF.sample(60)), FAR.to(runtime.device())
    small = Box([-0.5, -0.1], [0.1, 0.1])
    assert inside(model.propose(y, 2, bounds=small), small)
    assert inside(model.propose(y, 2), HALF.box)  # that call is over


@each_case
def test_bounds_that_do_not_fit_are_named(case):
    model, y, name = (
        fitted(case, HALF, data=HALF.sample(60)),
        FAR.to(runtime.device()),
        name_of(case),
    )
    with pytest.raises(ValueError, match=f"{name}: bounds: expected a box of 2 unknowns, got 1"):
        model.propose(y, bounds=Box([0.0], [1.0]))
    with pytest.raises(ValueError, match=rf"{name}: bounds: expected a box inside Box"):
        model.propose(y, bounds=Box([-1.0, -1.0], [0.9, 1.0]))
    with pytest.raises(TypeError, match=f"{name}: bounds: expected a Box, got tuple"):
        model.propose(y, bounds=(0, 1))


@each_case
def test_answers_are_held_where_a_law_ends_and_by_a_box_that_the_task_was_given(case):
    def line(x):
        return 2 * x

    wide, box = Normal([0.0, 0.0], [1.0, 1.0]), Box([-1.0, -1.0], [1.0, 1.0])
    assert fitted(case, Task("wide", line, wide)).box is None
    mixed = Product(Normal([0.0], [1.0]), Box([-1.0], [1.0]))
    half = fitted(case, Task("mixed", line, mixed))
    assert str(half.box) == "Box([-inf, -1.0], [inf, 1.0])"
    assert half.propose(FAR.to(runtime.device()), 3)[..., 1].abs().max() <= 1
    held = fitted(case, Task("held", line, wide, box=box))
    assert inside(held.propose(FAR.to(runtime.device()), 3), box)


@pytest.mark.parametrize(
    "case", [case for case in cases(lambda m: hasattr(m, "invert")) if case != "direct encoder"]
)
def test_free_proposals_are_the_raw_answers(case):
    y = 30 * FAR.to(runtime.device())
    free = fitted(case, HALF, data=HALF.sample(60), bounds="free")
    held = fitted(case, HALF, data=HALF.sample(60))
    raw = free.invert(y)[0]
    assert not inside(raw, HALF.box)
    assert torch.equal(free.propose(y)[:, 0], raw)
    assert torch.equal(held.invert(y)[0], raw)  # only proposals are clipped
    torch.testing.assert_close(held.propose(y)[:, 0], HALF.box.clip(raw))


# Data without a task


@pytest.mark.parametrize("case", [case for case in TINY if case not in WITHOUT_SIMULATOR])
def test_a_method_that_calls_the_simulator_needs_a_task(case):
    with pytest.raises(ValueError, match=f"{name_of(case)}: calls the simulator"):
        method(case).fit(None, SQUARE.sample(20))


@pytest.mark.parametrize("case", WITHOUT_SIMULATOR)
def test_data_alone_are_enough_for_all_others(case):
    data, targets = SHIFT.sample(48), SHIFT.targets(3, seed=0)
    x = method(case).fit(None, data).propose(targets.y, 2, targets.c)
    assert x.shape == (3, 2, 1)
    assert x.isfinite().all()


@pytest.mark.parametrize("case", TRAINED)
def test_an_interrupt_ends_the_program_and_is_told(case, monkeypatch):
    def interrupted(items, *arguments, **words):
        yield 0
        raise KeyboardInterrupt

    monkeypatch.setattr(runtime, "progress", interrupted)
    model = method(case)
    with pytest.raises(KeyboardInterrupt):
        model.fit(SQUARE, SQUARE.sample(48))
    y = SQUARE.targets(2, seed=0).y
    if "interrupted while it trained on 48 pairs" in repr(model):
        assert [h.stopped for h in model.history.values()][-1] == "interrupted"
        assert model.propose(y).isfinite().all()  # with the weights so far
    else:
        assert "not trained, interrupted before it had learned" in repr(model)
        with pytest.raises(ValueError, match="interrupted before .*; call fit.* again"):
            model.propose(y)


@pytest.mark.parametrize("case", TRAINED)
def test_an_interrupt_before_the_first_epoch_ends_leaves_it_unfitted(case, monkeypatch):
    def interrupted(items, *arguments, **words):
        raise KeyboardInterrupt
        yield

    model = method(case)
    with monkeypatch.context() as at_once:
        at_once.setattr(runtime, "progress", interrupted)
        with pytest.raises(KeyboardInterrupt) as caught:
            model.fit(SQUARE, SQUARE.sample(48))
    assert f"{model.name}: interrupted before it had learned" in caught.value.__notes__[0]
    y = SQUARE.targets(2, seed=0).y
    with pytest.raises(ValueError, match="interrupted before .*; call fit.* again"):
        model.propose(y)
    with pytest.raises(ValueError, match=r"call fit\(task, data\)"):
        model.save("nowhere")
    assert model.fit(SQUARE, SQUARE.sample(48)).propose(y).isfinite().all()


# Observations of other axes


@each_learner
def test_an_image_that_is_turned_is_refused(case):
    model, y = fitted(case, IMAGE), IMAGE.targets(3, seed=0).y
    said = rf"{name_of(case)}: y: expected shape \(B, 8, 6\) or \(B, 48\), got \(3, 6, 8\)"
    with pytest.raises(ValueError, match=said):
        model.propose(y.mT)
    if model.gives_density:
        with pytest.raises(ValueError, match=said):
            model.log_density(torch.zeros(3, 1, 2).to(y), y.mT)
    # flat, or with a channel that is alone, it is the same image
    for same in (y.flatten(1), y[:, None]):
        assert torch.equal(model.propose(same, 1), model.propose(y, 1))


@each_case
def test_a_generator_that_is_none_is_named(case):
    y = SQUARE.targets(2, seed=0).y
    with pytest.raises(TypeError, match=f"{name_of(case)}: generator: expected a torch.Generator"):
        ready(case).propose(y, 2, generator=0)
