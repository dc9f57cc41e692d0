"""Nine kinds of simulators, each from a plain function to advice and answers in a few lines."""

import ast
import inspect

import pytest
import torch

import invlab
from invbook.papers.advice import simulators
from invbook.papers.advice.simulators import NINE_KINDS, get_case

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::invlab.simulators.FailedRows"),
    pytest.mark.filterwarnings("ignore:.*left out, their y is invalid:UserWarning"),
]
# below 32 pairs there is no learning curve, which would train the best again
SMALL = {"n": 30, "targets": 4, "guesses": (1, 3), "seeds": 1}


@pytest.fixture(autouse=True)
def without_the_pool(monkeypatch):
    """The pool of simulations, and the searches on the simulator, would take most of the time."""
    candidates = "invlab.comparison.candidates"
    monkeypatch.setattr(f"{candidates}.BASELINES", ("prior", "nearest"), raising=False)
    monkeypatch.setattr(f"{candidates}.SEARCHES", {}, raising=False)


def from_function_to_task(name):
    """Lines of the function that makes the task, beside its docstring."""
    (tree,) = ast.parse(inspect.getsource(getattr(simulators, name).task)).body
    return tree.end_lineno - tree.body[1].lineno + 2


@pytest.mark.slow
@pytest.mark.parametrize("name", NINE_KINDS)
def test_a_plain_function_gets_advice(name):
    task = get_case(name).make()
    found = invlab.compare(task, ["direct", "mixture_density"], **SMALL)
    rows = {row["method"]: row for row in found.rows}
    for method in ("nearest", "direct", "mixture_density"):
        assert rows[method]["r_1"] is not None, rows[method]["note"]
    assert found.best(1) in rows
    assert found.best(3) != "prior"
    assert f"For one guess a target, {found.best(1)}: " in found.advice
    assert ("The simulator is noisy" in found.advice) == task.noisy
    if hasattr(simulators, name):  # the others are tasks of the library
        assert from_function_to_task(name) + 2 <= 15  # compare and invert take a line each


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(invlab, "invert"), reason="needs invlab.invert")
@pytest.mark.parametrize("name", NINE_KINDS)
def test_a_plain_function_gets_answers(name):
    task = get_case(name).make()
    targets = task.targets(3, seed=5, dtype=torch.float64)
    found = invlab.invert(task, targets.y, method="mixture_density", n=2, pairs=100)
    assert found.x.shape == (3, 2, task.x_dim)
    assert found.error.shape == (3, 2)
    assert found.bound.shape == (3,)
    assert task.box.contains(found.x).all()
    there = torch.isfinite(found.error).all(1)
    assert there.any()
    # best first, and the errors are those of one simulation
    if not task.noisy:
        assert (found.error.diff(dim=1)[there] >= 0).all()
        again = (task.simulate(found.x[:, 0]) - targets.y).flatten(1).square().mean(1)
        assert torch.allclose(again[there], found.error[there, 0].double(), rtol=1e-4, atol=1e-12)
