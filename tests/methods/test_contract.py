"""Every registered method keeps the contract of a method."""

import re

import pytest
import torch

from invlab import Pairs, get_method, get_task, list_methods, runtime

from .cases import (
    ALONE,
    CURVE,
    IMAGE,
    LEARNING,
    SHIFT,
    SQUARE,
    TINY,
    TRAINED,
    TWO,
    WITH_CONTEXT,
    best_of_8,
    drawn_best_of_8,
    fitted,
    method,
    name_of,
    ready,
)

# a network that is hardly trained draws outside of the box
pytestmark = pytest.mark.filterwarnings("ignore:.* of the draws fell outside:UserWarning")
each_case = pytest.mark.parametrize("case", TINY)
SEARCHES = [case for case in TINY if name_of(case) in ("neural_adjoint", "pool")]
COUPLED = "joint"


def test_every_method_is_walked():
    assert {name_of(case) for case in TINY} == set(list_methods())


@pytest.mark.parametrize("task", [SQUARE, TWO, CURVE, IMAGE], ids=lambda task: task.name)
@each_case
def test_proposals_have_a_row_for_each_target_and_guess(case, task):
    y, model = task.targets(5, seed=0).y, fitted(case, task)
    for n in (1, 3, 8):
        x = model.propose(y, n)
        assert x.shape == (5, n, task.x_dim)
        assert x.device == y.device
        assert x.isfinite().all()
        # no view of a row that several guesses share
        assert x.is_contiguous()


@pytest.mark.parametrize("case", ALONE)
def test_proposals_do_not_change_when_other_targets_join(case):
    model, y = fitted(case), SQUARE.targets(9, seed=0).y
    together = model.propose(y, 2)
    for i in range(9):
        # products of another size may sum in another order
        torch.testing.assert_close(
            model.propose(y[i : i + 1], 2), together[i : i + 1], rtol=1e-4, atol=1e-4
        )


def test_the_joint_method_is_the_named_exception():
    y = TWO.targets(9, seed=0).y
    model = fitted(COUPLED, TWO, iterations=40, refine=False)
    alone = model.propose(y[:1])
    assert not torch.allclose(model.propose(y)[:1], alone, rtol=1e-4, atol=1e-4)
    assert torch.equal(model.propose(y[:1]), alone)


@each_case
def test_the_same_seed_gives_the_same_proposals(case):
    y = SQUARE.targets(4, seed=0).y
    first, again = (fitted(case, seed=3).propose(y, 3) for _ in range(2))
    assert torch.equal(first, again)


@pytest.mark.parametrize("case", TRAINED)
def test_another_seed_gives_other_proposals(case):
    y = SQUARE.targets(4, seed=0).y
    assert not torch.equal(fitted(case, seed=0).propose(y), fitted(case, seed=1).propose(y))


@each_case
def test_the_same_generator_gives_the_same_proposals(case):
    model, y = fitted(case), SQUARE.targets(4, seed=0).y
    draws = [model.propose(y, 3, generator=runtime.generator(k)) for k in (5, 5, 6)]
    assert torch.equal(draws[0], draws[1])
    if model.exchangeable:
        assert not torch.equal(draws[0], draws[2])


@each_case
def test_the_global_random_state_neither_matters_nor_moves(case):
    y = SQUARE.targets(4, seed=0).y
    first = fitted(case).propose(y)
    torch.manual_seed(1234)
    before = torch.get_rng_state()
    assert torch.equal(fitted(case).propose(y), first)
    assert torch.equal(torch.get_rng_state(), before)


@each_case
def test_proposing_leaves_the_method_as_it_was(case):
    model, y = fitted(case, TWO), TWO.targets(5, seed=0).y
    first = model.propose(y, 2)
    model.propose(100 * y, 4)
    assert torch.equal(model.propose(y, 2), first)


@each_case
def test_a_second_fit_owes_nothing_to_the_first(case):
    y = SQUARE.targets(4, seed=0).y
    narrow = get_task("square", half_width=2.0)
    model = fitted(case, narrow).fit(SQUARE, SQUARE.sample(48))
    torch.testing.assert_close(model.propose(y), fitted(case).propose(y))


@each_case
def test_a_constant_feature_is_survived(case):
    data = TWO.sample(48)
    constant = Pairs(torch.cat([data.x[:, :1], torch.full_like(data.x[:, 1:], 1.5)], -1), data.y)
    x = fitted(case, TWO, data=constant).propose(TWO.targets(5, seed=0).y)
    assert x.isfinite().all()


@each_case
def test_pairs_with_an_invalid_observation_are_left_out_with_a_warning(case):
    y = SQUARE.targets(4, seed=0).y
    data = SQUARE.sample(48)
    failed = torch.arange(48, device=data.y.device)[:, None] % 4 == 1
    holes = Pairs(data.x, data.y.masked_fill(failed, torch.nan))
    if case == "prior":  # it uses no pairs
        assert fitted(case, data=holes).propose(y, 3).isfinite().all()
        return
    with pytest.warns(UserWarning, match="square: 12 of 48 pairs left out, their y is invalid"):
        model = fitted(case, data=holes)
    whole = fitted(case, data=data[~failed[:, 0]])
    assert torch.equal(model.propose(y, 3), whole.propose(y, 3))


@pytest.mark.parametrize("case", LEARNING)
def test_pairs_without_a_valid_observation_are_refused(case):
    data = SQUARE.sample(8)
    with pytest.raises(ValueError, match="square: expected pairs with a valid y, got 8 invalid"):
        fitted(case, data=Pairs(data.x, data.y * torch.nan))


@each_case
def test_fitting_and_proposing_change_neither_the_pairs_nor_the_targets(case):
    data, y = SQUARE.sample(48), SQUARE.targets(3, seed=0).y
    before = data.x.clone(), data.y.clone(), y.clone()
    fitted(case, data=data).propose(y, 3)
    assert all(torch.equal(a, b) for a, b in zip(before, (data.x, data.y, y), strict=True))


@each_case
def test_fit_returns_the_method(case):
    untrained = method(case)
    assert untrained.fit(SQUARE, SQUARE.sample(48)) is untrained


def test_more_guesses_than_there_are_pairs_to_look_up_are_refused():
    y = SQUARE.targets(2, seed=0).y
    model = fitted("nearest", data=SQUARE.sample(10))
    assert model.propose(y, 10).shape == (2, 10, 1)
    with pytest.raises(ValueError, match="nearest: expected n of at most 10 pairs, got 11"):
        model.propose(y, 11)


@pytest.mark.parametrize("case", SEARCHES)
def test_more_guesses_than_candidates_or_pool_are_all_different(case):
    pool = {"pool": 4} if "pool" in TINY[case] else {}
    x = fitted(case, candidates=2, **pool).propose(SQUARE.targets(2, seed=0).y, 20)
    assert x.shape == (2, 20, 1)
    assert len(x[0].unique()) > 10


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


# a draw from the prior suits an observation of any length and device
BAD = [
    (case, what)
    for case in TINY
    for what in bad_targets()
    if not (case == "prior" and what in ("shape", "device"))
]


@pytest.mark.parametrize(("case", "what"), BAD)
def test_bad_targets_are_named(case, what):
    y, error, came = bad_targets()[what]
    if isinstance(y, torch.Tensor) and y.device.type != "meta":
        y = y.to(runtime.device())
    with pytest.raises(error, match=f"{name_of(case)}: y: .*{re.escape(came)}"):
        ready(case).propose(y)


@pytest.mark.parametrize(("n", "error"), [(0, ValueError), (-2, ValueError), (1.5, TypeError)])
@each_case
def test_a_bad_number_of_guesses_is_named(case, n, error):
    with pytest.raises(error, match=rf"{name_of(case)}: n: expected .*got {n}"):
        ready(case).propose(SQUARE.targets(2, seed=0).y, n)


@pytest.mark.parametrize("case", LEARNING)
def test_pairs_of_another_task_are_refused(case):
    with pytest.raises(ValueError, match=rf"{name_of(case)}: .*1 unknowns? of square, got 2"):
        fitted(case, SQUARE, data=TWO.sample(48))


@pytest.mark.parametrize("case", LEARNING)
def test_a_context_that_the_task_does_not_have_is_refused(case):
    y = SQUARE.targets(2, seed=0).y
    with pytest.raises(ValueError, match=f"{name_of(case)}: takes no context c"):
        ready(case).propose(y, c=y)


@pytest.mark.parametrize("case", [case for case in LEARNING if case not in WITH_CONTEXT])
def test_a_context_is_refused(case):
    with pytest.raises(ValueError, match=f"{name_of(case)}: takes no context c"):
        fitted(case, SHIFT)


@pytest.mark.parametrize("case", WITH_CONTEXT)
def test_a_context_is_taken_and_matters(case):
    targets = SHIFT.targets(5, seed=0)
    longer = {"epochs": 20} if case in TRAINED else {}
    longer |= {"epochs": 100, "width": 32} if case in SEARCHES else {}
    model = fitted(case, SHIFT, data=SHIFT.sample(48), **longer)
    y, c = torch.full_like(targets.y, 0.3), targets.c
    for n in (1, 3):
        x = model.propose(y, n, c)
        assert x.shape == (5, n, 1)
        assert x.isfinite().all()
        assert torch.equal(model.propose(y, n, c), x)
        assert not torch.equal(model.propose(y, n, c.flip(0)), x)


@pytest.mark.parametrize("case", [case for case in WITH_CONTEXT if case in ALONE])
def test_proposals_with_a_context_do_not_change_when_other_targets_join(case):
    targets = SHIFT.targets(5, seed=0)
    model = fitted(case, SHIFT)
    together = model.propose(targets.y, 2, targets.c)
    for i in range(5):
        alone = model.propose(targets.y[i : i + 1], 2, targets.c[i : i + 1])
        torch.testing.assert_close(alone, together[i : i + 1], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("case", WITH_CONTEXT)
def test_a_context_that_does_not_fit_is_named(case):
    targets, name = SHIFT.targets(5, seed=0), name_of(case)
    model = fitted(case, SHIFT)
    with pytest.raises(ValueError, match=rf"{name}: needs a context c of shape \(B, 1\), got none"):
        model.propose(targets.y)
    for c, came in (
        (targets.c[:4], r"expected shape \(5, 1\), got \(4, 1\)"),
        (targets.c.repeat(1, 2), r"expected shape \(5, 1\), got \(5, 2\)"),
        (targets.c * torch.nan, "got 5 NaN"),
    ):
        with pytest.raises(ValueError, match=f"{name}: c: .*{came}"):
            model.propose(targets.y, c=c)
    data = SHIFT.sample(8)
    for pairs, count in (
        (Pairs(data.x, data.y), 0),
        (Pairs(data.x, data.y, data.x.repeat(1, 3)), 3),
    ):
        with pytest.raises(ValueError, match=f"{name}: .*1 context numbers of shift, got {count}"):
            fitted(case, SHIFT, data=pairs)
    with pytest.raises(ValueError, match=f"{name}: .*0 context numbers of square, got 1"):
        fitted(case, SQUARE, data=data)


@each_case
def test_proposing_before_fitting_is_refused(case):
    with pytest.raises(ValueError, match=rf"{name_of(case)}: call fit\(task, data\)"):
        method(case).propose(SQUARE.targets(2, seed=0).y)


@pytest.mark.parametrize("name", ["sine", "square"])
def test_a_look_up_beats_draws_from_the_prior(name):
    task = get_task(name)
    y = task.targets(50, seed=0).y
    model = get_method("nearest").fit(task, task.sample(600))
    assert best_of_8(model, task, y) < 0.8 * drawn_best_of_8(task, y)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sine", "square"])
def test_a_search_through_a_surrogate_beats_draws_from_the_prior(name):
    task = get_task(name)
    y, data = task.targets(20, seed=0).y, task.sample(2000)
    training = {"epochs": 100, "batch_size": 100}
    learned = fitted("neural_adjoint", task, data=data, width=64, layers=4, **training)
    for case in SEARCHES:
        steps = {"adam": 40, "bfgs": 30}.get(case.split()[-1], 2)
        pool = {"pool": 2000} if "pool" in TINY[case] else {}
        model = method(case, candidates=20, steps=steps, **pool)
        model.fit(task, data, surrogate=learned.surrogate)
        assert best_of_8(model, task, y) < 0.1 * drawn_best_of_8(task, y), case


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sine", "square"])
def test_the_joint_method_beats_draws_from_the_prior(name):
    task = get_task(name)
    y = task.targets(20, seed=0).y
    model = fitted("joint", task, iterations=100)
    assert best_of_8(model, task, y) < 0.1 * drawn_best_of_8(task, y)


# One answer a target: on square, where a branch is quickly learned, and with losses of the effect.
@pytest.mark.slow
@pytest.mark.parametrize(
    ("case", "options"),
    [("direct", {"misfit": "effect"}), ("encoder_decoder", {}), ("tandem", {})],
)
def test_one_answer_trained_on_its_effect_beats_draws_from_the_prior(case, options):
    y = SQUARE.targets(50, seed=0).y
    longer = {"width": 32, "layers": 4, "epochs": 40, "batch_size": 50, "lr": 3e-3}
    model = fitted(case, data=SQUARE.sample(500), **longer, **options)
    assert best_of_8(model, SQUARE, y) < 0.5 * drawn_best_of_8(SQUARE, y)


# Short trainings, where an invertible network has room beside the single unknown of square.
SHORT = {
    "square": {
        "cinn": {"blocks": 4, "width": 32, "layers": 2, "epochs": 12, "fourier_octaves": 1},
        "cvae": {"width": 64, "layers": 3, "epochs": 25, "fourier_octaves": 1, "latent": 1},
        "flow_matching": {"width": 48, "layers": 3, "epochs": 20},
        "inn": {"blocks": 4, "width": 32, "layers": 2, "epochs": 12, "fourier_octaves": 1},
        "mixture_density": {"components": 8, "width": 32, "layers": 3, "epochs": 10},
    },
    # rings take the others longer
    "sine": {
        "cinn": {"blocks": 4, "width": 24, "layers": 2, "epochs": 20},
        "flow_matching": {"width": 64, "layers": 3, "epochs": 70},
        "mixture_density": {"components": 32, "width": 48, "layers": 3, "epochs": 40},
    },
}


@pytest.mark.slow
@pytest.mark.parametrize(("name", "case"), [(name, case) for name in SHORT for case in SHORT[name]])
def test_a_sampler_beats_draws_from_the_prior(name, case):
    task = get_task(name)
    y, data = task.targets(100, seed=0).y, task.sample(2000)
    model = get_method(case, batch_size=64, lr=5e-3, **SHORT[name][case]).fit(task, data)
    assert best_of_8(model, task, y) < 0.6 * drawn_best_of_8(task, y)
