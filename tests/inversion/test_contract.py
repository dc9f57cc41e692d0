"""Every method through compare and invert, on tasks of every kind: rows, answers or a message.

A few methods on a few tasks here; all of them by ``make contract``.
"""

import os

import pytest
import torch

import invlab
from invlab import Box, Integer, Pairs, Product, Task
from invlab.methods import options_of
from invlab.methods.base import Method

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:.*:UserWarning")]
LITTLE = {
    "epochs": 1, "batch_size": 512, "width": 8, "layers": 3, "iterations": 3, "pool": 50,
    "candidates": 5, "blocks": 2, "components": 3, "ode_steps": 2, "generations": 2,
    "population": 6, "maxiter": 3, "starts": 2,
}  # fmt: skip
EVERYTHING = os.environ.get("INVLAB_CONTRACT") == "all"
METHODS = invlab.list_methods() if EVERYTHING else ["direct", "mixture_density", "neural_adjoint"]


def little(name):
    kind = type(invlab.get_method(name))
    known = options_of(kind)
    return invlab.get_method(name, **{k: v for k, v in LITTLE.items() if k in known})


def failing(x):
    return torch.where(x[..., :1] < 0.3, torch.nan, x.square().sum(-1, keepdim=True))


def image(x):
    grid = torch.linspace(0, 2, 64, device="cpu").to(x)
    return (grid * x[..., :1] + x[..., 1:2]).sin().unflatten(-1, (8, 8))


def noisy(x):
    return x + 0.1 * torch.randn(x.shape, device="cpu").to(x)


UNIT = Box([0.0], [1.0])
PLANE = Box([0.0, 0.0], [1.0, 1.0])
WHOLE = Product(Integer([0], [9]), UNIT)
TASKS = {
    "one unknown, y of one": Task("one", lambda x: x.square(), UNIT),
    "twelve unknowns": Task(
        "twelve", lambda x: x.cumsum(-1)[..., ::2], Box([0.0] * 12, [1.0] * 12)
    ),
    "y of 300": Task("long", lambda x: x[..., :1] * torch.arange(300, device="cpu").to(x), PLANE),
    "an image": Task("image", image, PLANE),
    "failed rows": Task("failing", failing, PLANE),
    "constant y": Task("constant", lambda x: 0 * x + 3, UNIT),
    "context": Task("context", lambda x, c: x * c, UNIT, context=Box([1.0], [2.0])),
    "noise": Task("noise", noisy, UNIT, noisy=True),
    "whole numbers": Task("whole", lambda x: x * 1.0, WHOLE),
    "no gradient": Task("steps", lambda x: (5 * x).floor(), UNIT, differentiable=False),
}
QUICK = ["failed rows", "context", "noise"]
CASES = list(TASKS) if EVERYTHING else QUICK


@pytest.mark.parametrize("case", CASES)
def test_compare_ends_in_a_row_a_method(case):
    methods = [little(name) for name in METHODS if name not in ("prior", "nearest", "pool")]
    sizes = {"n": 60, "targets": 4, "guesses": (1, 2), "seeds": 1, "budget": 1e-3}
    result = invlab.compare(TASKS[case], methods, **sizes)
    rows = {row["method"]: row for row in result.rows}
    assert {method.name for method in methods} <= set(rows)
    for row in rows.values():
        assert row["r_1"] is not None or row["note"] or row["failed_1"] == 1, row
        assert not row["note"].startswith("failed:"), row
    assert result.advice
    assert "method" in str(result)


@pytest.mark.parametrize("case", CASES)
def test_invert_ends_in_answers_or_in_a_refusal_by_name(case):
    task = TASKS[case]
    targets = task.targets(2, seed=1, dtype=torch.float64)
    for name in METHODS:
        method = little(name)
        noise = task.noisy and hasattr(method, "require_quiet")
        if noise or (method.needs_gradient and not task.differentiable):
            with pytest.raises(ValueError, match=name):
                invlab.invert(task, targets.y, c=targets.c, method=method, pairs=80, n=2)
            continue
        found = invlab.invert(task, targets.y, c=targets.c, method=method, pairs=80, n=2)
        assert found.x.shape == (2, 2, task.x_dim), name
        assert found.x.isfinite().all(), name
        assert str(found), name


SIZES = {"50": 50, "50,000": 50_000} if EVERYTHING else {"50": 50}


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("repeat", [1, 5], ids=["distinct", "each row five times"])
def test_pairs_alone_of_any_number_with_or_without_repeats(size, repeat):
    few = TASKS["one unknown, y of one"].sample(size // repeat)
    data = Pairs(few.x.repeat(repeat, 1), few.y.repeat(repeat, 1))
    names = [name for name in METHODS if not little(name).calls_simulator]
    sizes = {"n": size, "targets": 4, "guesses": (1,), "seeds": 1, "budget": 1e-3}
    result = invlab.compare(data, [little(name) for name in names if name != "pool"], **sizes)
    assert all(row["r_1"] is not None or row["note"] for row in result.rows)
    for name in names:
        found = invlab.invert(data, [[0.25]], method=little(name), n=2)
        assert found.x.isfinite().all(), name


def test_the_short_options_are_known_to_some_method():
    known = {option for name in invlab.list_methods() for option in options_of(_kind(name))}
    assert set(LITTLE) <= known


def _kind(name: str) -> type[Method]:
    return type(invlab.get_method(name))
