"""Each registered minimiser is run, documented and found by name."""

import importlib
import inspect
import re
from dataclasses import is_dataclass
from pathlib import Path

import pytest
import standard_problems
import torch
from standard_problems import CASES, SMOOTH

import invlab
from invlab import Box
from invlab.minimizers import METHODS, list_minimizers, minimize, options_of

every_minimizer = pytest.mark.parametrize("method", list_minimizers())


def case(method):
    """How to run a method; a forgotten one is named with the line to add."""
    if method not in CASES:
        path = Path(standard_problems.__file__)
        lines = path.read_text(encoding="utf-8").splitlines()
        line = next(i for i, text in enumerate(lines, 1) if text.startswith("CASES = {"))
        pytest.fail(
            f"no test runs the minimiser {method!r}: add a line for it to CASES, "
            f"tests/minimizers/{path.name}, line {line}"
        )
    return CASES[method]


@every_minimizer
def test_every_minimizer_is_run(method, device):
    """It comes down on a standard problem, in the box and without, and says how."""
    x0 = SMOOTH[0].x0(device)
    options = {"maxiter": case(method).maxiter} | case(method).options(x0)
    for bounds in (None, Box([-3.0, -3.0], [3.0, 3.0])):
        found = minimize(SMOOTH[0].fun(method), x0, method=method, bounds=bounds, **options)
        assert (found.fun <= SMOOTH[0].value(x0)).all()
        assert (found.fun[:3] < 0.5 * SMOOTH[0].value(x0)[:3]).all()
        assert len(found.message) == len(x0)
        assert not found.interrupted
        assert found.success[3]  # which starts at the minimum


def test_every_class_of_a_minimizer_is_registered():
    folder = Path(invlab.minimizers.__file__).parent
    classes = {}
    for path in sorted(folder.glob("*.py")):
        module = importlib.import_module(f"invlab.minimizers.{path.stem}")
        for cls in vars(module).values():
            own = inspect.isclass(cls) and cls.__module__ == module.__name__
            if own and is_dataclass(cls) and callable(getattr(cls, "solve", None)):
                classes[cls] = path.name
    forgotten = {cls.__name__: file for cls, file in classes.items() if cls not in METHODS.values()}
    assert not forgotten, f"invlab/minimizers/__init__.py: add to METHODS {forgotten}"


def test_a_minimizer_that_no_test_runs_is_named_with_the_line_to_add(monkeypatch):
    monkeypatch.setitem(METHODS, "newton", METHODS["bfgs"])
    assert "newton" in list_minimizers()
    with pytest.raises(pytest.fail.Exception, match=r"'newton': .*standard_problems.py, line \d+"):
        case("newton")
    unknown = set(CASES) - set(list_minimizers())
    assert not unknown, f"tests/minimizers/standard_problems.py: {unknown} is registered no more"


@every_minimizer
def test_the_help_shows_each_option_with_its_default(method):
    text = inspect.getdoc(invlab.minimize)
    assert f'* ``"{method}"``' in text, (
        f'minimize: add `* "{method}"` and its options to the docstring in '
        "invlab/minimizers/__init__.py"
    )
    # what follows the method's name, up to the next method
    part = re.split(r"\* ``\"", text.split(f'* ``"{method}"``')[1])[0]
    for name, default in options_of(method).items():
        wanted = f"``{name}``" if default is ... else f"``{name}={default!r}``"
        assert wanted in part, f"minimize: add {wanted} to the options of {method!r}"


@every_minimizer
def test_the_class_of_a_method_describes_its_options(method):
    text = "".join(inspect.getdoc(cls) or "" for cls in METHODS[method].__mro__)
    for name in options_of(method):
        assert re.search(rf"^ *(\w+, )*{name}(, \w+)*: ", text, re.MULTILINE), name


@pytest.mark.parametrize(
    ("wrong", "right"),
    [("bgfs", "bfgs"), ("Adam", "adam"), ("multi_start", "multistart"), ("jont", "joint")],
)
def test_a_misspelt_method_is_answered_with_the_nearest(wrong, right):
    x0 = torch.ones(2, 2, dtype=torch.float64)
    with pytest.raises(ValueError, match=f"got '{wrong}'; did you mean '{right}'"):
        minimize(SMOOTH[0].value, x0, method=wrong)
    with pytest.raises(ValueError, match=f"did you mean '{right}'"):
        options_of(wrong)


@pytest.mark.parametrize(
    ("method", "wrong", "right"),
    [
        ("bfgs", "trails", "trials"),
        ("bfgs", "xscale", "x_scale"),
        ("adam", "stepsize", "step_size"),
        ("lm", "dampening", "damping"),
        ("joint", "iteration", "iterations"),
        ("multistart", "restart", "restarts"),
    ],
)
def test_a_misspelt_option_is_answered_with_the_nearest(method, wrong, right):
    x0 = torch.ones(2, 2, dtype=torch.float64)
    with pytest.raises(ValueError, match=f"got {wrong}; did you mean '{right}'"):
        minimize(SMOOTH[0].value, x0, method=method, **{wrong: 3})
