"""Whoever works under ``torch.inference_mode()`` gets what others get, or is told what to do."""

import pytest
import torch

import invlab
from invlab import Box, Task, minimize, refine, refine_bfgs
from invlab.methods.options import options_of

WORK = {"epochs": 2, "pool": 200, "iterations": 20, "steps": 2}


def brief(name):
    """An untrained method that trains for a moment."""
    known = options_of(type(invlab.get_method(name)))
    return invlab.get_method(name, **{key: WORK[key] for key in WORK if key in known})


def solved(name, path):
    task = invlab.get_task("square")
    data, y = task.sample(80), task.targets(3, seed=0).y
    model = brief(name).fit(task, data)
    x = model.propose(y, 2)
    model.save(path)
    again = invlab.load_method(path, task=task).propose(y, 2)
    density = model.log_density(x, y) if model.gives_density else x
    return x, again, density


@pytest.mark.parametrize("name", invlab.list_methods())
def test_a_method_does_the_same_under_inference_mode(name, tmp_path):
    expected = solved(name, tmp_path / "model")
    with torch.inference_mode():
        found = solved(name, tmp_path / "model")
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)


def searched(improved):
    task = invlab.get_task("robot_arm")
    targets = task.targets(3, seed=0, dtype=torch.float64)
    return improved(task, task.sample(6, dtype=torch.float64).x.unflatten(0, (3, 2)), targets.y)


@pytest.mark.parametrize("improved", [refine, refine_bfgs])
def test_refinement_does_the_same_under_inference_mode(improved):
    expected = searched(improved)
    with torch.inference_mode():
        found = searched(improved)
    assert torch.equal(found, expected)
    assert not found.requires_grad


def nearest_to_two(method):
    options = {"bounds": Box([-3, -3], [3, 3])}
    if method == "joint":
        options |= {"features": torch.eye(4), "iterations": 20}

    def fun(x):
        return x - 2 if method == "lm" else (x - 2).square().sum(1)

    start = torch.zeros(4, 2, dtype=torch.float64)
    return minimize(fun, start, method=method, maxiter=100, **options).x


@pytest.mark.parametrize("method", invlab.minimizers.list_minimizers())
def test_minimize_does_the_same_under_inference_mode(method):
    expected = nearest_to_two(method)
    with torch.inference_mode():
        found = nearest_to_two(method)
    assert torch.equal(found, expected)
    torch.testing.assert_close(found, torch.full_like(found, 2.0), rtol=0, atol=0.2)


def test_inference_mode_is_as_before_afterwards():
    with torch.inference_mode():
        nearest_to_two("bfgs")
        assert torch.is_inference_mode_enabled()
    assert not torch.is_inference_mode_enabled()
    assert torch.is_grad_enabled()


def test_a_simulator_whose_constants_cannot_be_differentiated_is_named():
    with torch.inference_mode():
        constant = torch.full((1,), 2.0, dtype=torch.float64)
    task = Task("scaled", lambda x: x.square() * constant, Box([0], [1]))
    x, y = torch.full((2, 1, 1), 0.4), torch.full((2, 1), 0.5)
    with pytest.raises(ValueError, match=r"made under torch.inference_mode\(\) .* clone it"):
        refine(task, x.double(), y)
    with pytest.raises(ValueError, match=r"made under torch.inference_mode\(\)"):
        minimize(lambda x: (x * constant).square().sum(1), x[:, 0].double())


def test_forces_of_a_potential_are_simulated_under_inference_mode():
    def forces(x):
        return torch.autograd.grad((x.requires_grad_() ** 3).sum(), x)[0]

    task = Task("forces", forces, Box([0], [1]))
    with torch.inference_mode():
        data = task.sample(5)
    torch.testing.assert_close(data.y, 3 * data.x.square())
