"""True is no number: who writes ``noise=True`` means a switch, and is told that there is none."""

import inspect
import re

import pytest
import torch

import invlab
from invlab import losses, metrics, trust, validation
from invlab.methods import adjoint_search, class_of, get_method, options_of
from invlab.minimizers import list_minimizers
from invlab.minimizers import options_of as options_of_minimizer
from invlab.minimizers.gauss_newton import gauss_newton
from invlab.simulators import MacGrid
from invlab.simulators.maxwell import FourierModal, Reflectance

# An annotation such as ``float | None`` and none such as ``bool | float``.
NUMBER = re.compile(r"^(?!.*\bbool\b).*(\b(int|float)\b|Literal\[\d)")
LINE = invlab.Task("line", lambda x: x * 1.0, invlab.Box([0.0], [1.0]))
ONE, FEW = torch.rand(1, 1), torch.rand(4, 1, dtype=torch.float64)
MODAL = FourierModal(1)


def same(x):
    return x


def annotated(kind):
    """The parameters of a class that are numbers by their annotations."""
    for base in kind.__mro__:
        if "__init__" in vars(base):
            parameters = inspect.signature(vars(base)["__init__"]).parameters.values()
            yield from (one.name for one in parameters if NUMBER.search(str(one.annotation)))


def of_methods():
    for name in invlab.list_methods():
        numbers = set(annotated(class_of(name))) & set(options_of(class_of(name)))
        yield from ((name, option) for option in sorted(numbers))


def of_tasks():
    for name in invlab.list_tasks():
        kind = type(invlab.get_task(name))
        yield from ((name, option) for option in sorted(set(annotated(kind))))


@pytest.mark.parametrize(("name", "option"), of_methods())
def test_no_option_of_a_method_that_is_a_number_takes_a_truth_value(name, option):
    with pytest.raises(TypeError, match=option):
        get_method(name, **{option: True})


@pytest.mark.parametrize(("name", "option"), of_tasks())
def test_no_option_of_a_task_that_is_a_number_takes_a_truth_value(name, option):
    more = {"simulator": "maxwell"} if name == "metamaterial" else {}
    with pytest.raises(TypeError, match=option):
        invlab.get_task(name, **{option: True}, **more)


@pytest.mark.parametrize("search", adjoint_search.SEARCHES)
def test_no_option_of_a_search_that_is_a_number_takes_a_truth_value(search):
    kind = adjoint_search.SEARCHES[search]
    for option in set(annotated(kind)):
        with pytest.raises(TypeError, match=option):
            kind(**{option: True})


@pytest.mark.parametrize("method", list_minimizers())
def test_no_option_of_a_minimiser_takes_a_truth_value_unless_it_is_a_switch(method):
    known = options_of_minimizer(method)
    given = {"features": FEW} if "features" in known else {}
    for option, default in known.items():
        if not isinstance(default, bool) and option != "features":
            with pytest.raises(TypeError, match=option):
                invlab.minimize(
                    lambda x: x.square().sum(1), FEW, method=method, **given, **{option: True}
                )


CALLS = {
    "sigma": lambda true: invlab.invert(LINE, [[0.5]], sigma=true),
    "sigma in a list": lambda true: invlab.invert(LINE, [[0.5]], sigma=[true]),
    "level": lambda true: invlab.invert(LINE, [[0.5]], level=true),
    "noise": lambda true: trust.undetermined(LINE, ONE, noise=true),
    "level of a bound": lambda true: invlab.ErrorBound.calibrate(
        LINE, None, LINE.sample(20), LINE.sample(20), level=true
    ),
    "level of a test": lambda true: invlab.Reachability.calibrate(
        LINE, LINE.sample(20), LINE.sample(20), level=true
    ),
    "confidence": lambda true: trust.rank_coverage(FEW, FEW[:, None], confidence=true),
    "level of an interval": lambda true: metrics.bootstrap_interval(FEW[:, 0], level=true),
    "least": lambda true: metrics.mode_recall(ONE.long(), ONE.long(), least=true),
    "step": lambda true: losses.smoothness(same, FEW, step=true),
    "order": lambda true: losses.smoothness(same, FEW, order=true),
    "step of a difference": lambda true: losses.finite_difference(same, FEW, step=true),
    "weight": lambda true: losses.hermite(same, FEW, FEW, FEW[..., None], weight=true),
    "max_step": lambda true: gauss_newton(same, FEW, FEW, x_scale=FEW[0], max_step=true),
    "max_step of a refinement": lambda true: invlab.refine(LINE, FEW[None], FEW[:1], max_step=true),
    "gtol": lambda true: invlab.minimize(lambda x: x.square().sum(1), FEW, gtol=true),
    "y_scale": lambda true: invlab.refine_bfgs(LINE, FEW[None], FEW[:1], y_scale=true),
    "x_scale": lambda true: invlab.refine_bfgs(LINE, FEW[None], FEW[:1], x_scale=true),
    "share": lambda true: LINE.sample(4).split(true),
    "low": lambda true: invlab.Box([false := not true], [1.0]) and false,
    "budget": lambda true: invlab.compare(LINE, budget=true),
    "size": lambda true: MacGrid(8, size=true),
    "cells": lambda true: MacGrid(true),
    "period": lambda true: FourierModal(1, period=true),
    "low of a band": lambda true: Reflectance(MODAL, low=true),
    "y_max": lambda true: invlab.tasks.square.branch_scores(FEW, FEW, y_max=true),
}


@pytest.mark.parametrize("name", CALLS)
def test_no_number_of_a_function_takes_a_truth_value(name):
    with pytest.raises(TypeError, match=name.split()[0]):
        CALLS[name](True)


SWITCHES = {
    "simulate": lambda value: invlab.invert(LINE, [[0.5]], simulate=value),
    "unbiased": lambda value: metrics.mmd2(FEW[None], FEW[None], unbiased=value),
    "bounded": lambda value: invlab.refine(LINE, FEW[None], FEW[:1], bounded=value),
    "bounded too": lambda value: invlab.refine_bfgs(LINE, FEW[None], FEW[:1], bounded=value),
    "together": lambda value: LINE.sample(4).split(0.5, together=value),
    "normals": lambda value: FourierModal(1, normals=value),
    "record": lambda value: invlab.minimize(lambda x: x.square().sum(1), FEW, record=value),
    "batched": lambda value: invlab.numpy_simulator(same, batched=value),
}


@pytest.mark.parametrize("name", SWITCHES)
@pytest.mark.parametrize("value", ["no", 0, None])
def test_a_switch_is_true_or_false_and_nothing_that_python_takes_for_it(name, value):
    with pytest.raises(TypeError, match=f"{name.split()[0]}: expected True or False"):
        SWITCHES[name](value)


@pytest.mark.parametrize("value", [True, torch.tensor(True), torch.ones(1).bool().numpy()[0]])
def test_truth_values_of_all_libraries_are_no_numbers(value):
    for check in (validation.require_number, validation.require_numbers, validation.require_share):
        with pytest.raises(TypeError, match="share: expected a number"):
            check("share", value)


@pytest.mark.parametrize("value", [0.25, torch.tensor(0.25), torch.tensor([0.25]).numpy()[0]])
def test_numbers_of_all_libraries_come_back_plain(value):
    assert validation.require_number("share", value) == 0.25
    assert type(validation.require_number("share", value)) is float
    assert validation.require_numbers("share", [value, 1]).tolist() == [0.25, 1.0]
    assert validation.require_share("share", value) == 0.25


@pytest.mark.parametrize("value", ["1", None, 1j, [1.0, 2.0], torch.ones(2)])
def test_what_is_no_number_is_refused(value):
    with pytest.raises(TypeError, match="noise: expected a number"):
        validation.require_number("noise", value)


@pytest.mark.parametrize("value", [0, 1, -0.1, 1.5, float("nan")])
def test_shares_lie_between_their_ends(value):
    with pytest.raises(ValueError, match="held_out: expected a share between 0 and 1"):
        validation.require_share("held_out", value)
    assert validation.require_share("held_out", 0, zero=True) == 0.0
