"""Each score in each setting of torch that a caller may have made, and on inputs of each kind."""

import pytest
import torch

from invlab import Box, Pairs, Targets, Task, get_method
from invlab.metrics import (
    best_of,
    bootstrap_interval,
    c2st,
    invalid_share,
    mmd2,
    mode_recall,
    noise_floor,
    r_T,
    resimulation_error,
    rmse,
)
from invlab.runtime import generator
from invlab.trust import calibration_ranks, diagnose, uniformity

# On an eighth, numbers in half precision are exact.
NOISY = Task("noisy", lambda x: x + torch.randn_like(x) / 8, Box([0.0], [4.0]), noisy=True)


def eighths(*shape, seed=0):
    return torch.randint(1, 30, shape, generator=generator(seed), device="cpu").float() / 8


def fitted():
    y = torch.linspace(0.125, 4, 48, device="cpu")[:, None]
    return Pairs(y, y), get_method("nearest").fit(NOISY, Pairs(y, y))


def errors():
    found = eighths(3, 6)
    found[0, 2] = torch.inf
    return found


def number(values):
    return torch.tensor(values, dtype=torch.float64, device="cpu")


SCORES = {
    "resimulation_error": lambda f: resimulation_error(
        NOISY, f(eighths(3, 4, 1)), f(eighths(3, 1, seed=1)), replicates=2
    ),
    "noise_floor": lambda f: noise_floor(NOISY, Targets(f(eighths(3, 1)), x=f(eighths(3, 1)))),
    "rmse": lambda f: rmse(f(eighths(3, 2)), f(eighths(3, 2, seed=1))),
    "r_T drawn": lambda f: r_T(f(errors()), exchangeable=True),
    "r_T ranked": lambda f: r_T(f(errors()), exchangeable=False),
    "best_of": lambda f: best_of(f(errors()), exchangeable=True, invalid="skip"),
    "held out": lambda f: best_of(f(errors()), exchangeable=True, held_out=f(eighths(3, 6))),
    "invalid_share": lambda f: number(invalid_share(f(errors()))),
    "bootstrap_interval": lambda f: number(bootstrap_interval(f(eighths(3, 4)))),
    "mmd2": lambda f: mmd2(f(eighths(2, 9, 2)), f(eighths(2, 7, 2, seed=1))),
    "mmd2 median": lambda f: mmd2(f(eighths(2, 9, 2)), f(eighths(2, 7, 2)), widths="median"),
    "c2st": lambda f: c2st(f(eighths(2, 12, 2)), f(eighths(2, 12, 2, seed=1)), epochs=2),
    "mode_recall": lambda f: mode_recall(eighths(2, 9).long(), eighths(2, 8, seed=1).long()),
    "calibration_ranks": lambda f: calibration_ranks(f(eighths(5, 1)), f(eighths(5, 40, 1))),
    "uniformity": lambda f: uniformity(
        calibration_ranks(f(eighths(5, 1)), f(eighths(5, 40, 1))), 40
    ),
}

each_score = pytest.mark.parametrize("score", SCORES.values(), ids=SCORES)


def as_it_is(values):
    return values


@each_score
def test_the_default_device_does_not_matter(score):
    expected = score(as_it_is)
    torch.set_default_device("meta")
    try:
        found = score(as_it_is)
    finally:
        torch.set_default_device(None)
    assert found.device.type == "cpu"
    torch.testing.assert_close(found, expected)


@each_score
def test_the_default_dtype_does_not_matter(score):
    expected = score(as_it_is)
    torch.set_default_dtype(torch.float64)
    try:
        found = score(as_it_is)
    finally:
        torch.set_default_dtype(torch.float32)
    assert found.dtype == expected.dtype
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)


@each_score
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_numbers_of_any_precision_give_the_same_score(score, dtype):
    found, expected = score(lambda v: v.to(dtype)), score(as_it_is)
    assert found.dtype == expected.dtype
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)


@each_score
def test_scores_of_what_requires_a_gradient_have_none(score):
    found = score(lambda v: v.clone().requires_grad_())
    assert not found.requires_grad
    torch.testing.assert_close(found, score(as_it_is))


@each_score
def test_scores_are_float64_or_whole_numbers_and_leave_the_random_state_alone(score):
    before = torch.get_rng_state()
    found = score(as_it_is)
    assert torch.equal(torch.get_rng_state(), before)
    assert found.dtype in (torch.float64, torch.int64)


@pytest.mark.parametrize("setting", ["device", "dtype"])
def test_the_diagnosis_works_in_each_setting(setting):
    data, model = fitted()
    expected = repr(diagnose(NOISY, model, data))
    if setting == "device":
        torch.set_default_device("meta")
    else:
        torch.set_default_dtype(torch.float64)
    try:
        found = repr(diagnose(NOISY, model, data))
    finally:
        torch.set_default_device(None)
        torch.set_default_dtype(torch.float32)
    assert found == expected
