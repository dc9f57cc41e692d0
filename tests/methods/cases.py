"""A tiny way to run each method, and small tasks to run it on."""

import functools

import torch

from invlab import Box, Task, get_method, get_task, list_methods, r_T, resimulation_error
from invlab.methods import options_of

NETWORK = {"width": 8, "layers": 3, "epochs": 3, "batch_size": 16}
DRAWS = {"epochs": 2, "batch_size": 16, "width": 8}
SEARCH = {"epochs": 2, "batch_size": 16, "width": 8, "layers": 3, "candidates": 5}
# Tiny options of each method; a word after a space names a second way to run it.
TINY = {
    "cinn": DRAWS | {"blocks": 2},
    "cvae": DRAWS,
    "direct": NETWORK,
    "direct effect": NETWORK | {"misfit": "effect", "norm": "l1"},
    "direct encoder": {"encoder": {}, "epochs": 3, "bounded": True},
    "encoder_decoder": NETWORK,
    "encoder_decoder smooth": NETWORK | {"smooth": 0.1, "smooth_points": 20},
    "flow_matching": DRAWS | {"ode_steps": 2},
    "inn": DRAWS | {"blocks": 2},
    "joint": {"iterations": 5},
    "mixture_density": DRAWS | {"components": 3},
    "mixture_density reject": DRAWS | {"components": 3, "bounds": "reject"},
    "nearest": {},
    "neural_adjoint": SEARCH | {"pool": 50},
    "neural_adjoint adam": SEARCH | {"search": "adam", "steps": 5},
    "neural_adjoint bfgs": SEARCH | {"search": "bfgs", "steps": 3},
    "pool": SEARCH | {"pool": 50},
    "prior": {},
    "tandem": NETWORK,
    "tandem boundary": NETWORK
    | {"boundary": 1.0, "held_out": 0.25, "activation": torch.nn.functional.silu},
}
# A method without a line above is tried with as little training as its options allow.
LITTLE = {
    "epochs": 2, "batch_size": 16, "width": 8, "layers": 3, "iterations": 5,
    "generations": 3, "population": 6, "starts": 3,
}  # fmt: skip
for name in sorted(set(list_methods()) - {case.split()[0] for case in TINY}):
    known = options_of(type(get_method(name)))
    TINY[name] = {option: value for option, value in LITTLE.items() if option in known}
# a draw from the prior needs to know nothing: neither pairs nor contexts
LEARNING = [case for case in TINY if case != "prior"]
# the one method whose point it is that targets which are solved together help each other
ALONE = [case for case in TINY if case != "joint"]

SQUARE = get_task("square")
# two unknowns, three observations, the last of them constant
TWO = Task(
    "two",
    lambda x: torch.stack([x[..., 0] * x[..., 1], x[..., 0] + 1, 0 * x[..., 1] + 7], -1),
    Box([0.0, 1.0], [1.0, 3.0]),
)
# two unknowns, an observation of 300 numbers
CURVE = Task(
    "curve",
    lambda x: (x[..., :1] * torch.linspace(0, 3, 300, device="cpu").to(x) + x[..., 1:]).sin(),
    Box([0.5, 0.0], [1.5, 1.0]),
)
# two unknowns, an image of 8 by 6
IMAGE = Task(
    "image", lambda x: CURVE.simulator(x)[..., ::6][..., :48].unflatten(-1, (8, 6)), CURVE.prior
)
# two answers a problem, which a context moves
SHIFT = Task(
    "shift",
    lambda x, c: (x - c).square(),
    Box([-1.0], [2.0]),
    context=Box([0.0], [1.0]),
)


def name_of(case):
    return case.split()[0]


def method(case, **options):
    return get_method(name_of(case), **TINY[case] | options)


def fitted(case, task=SQUARE, *, seed=0, data=None, **options):
    data = task.sample(48) if data is None else data
    return method(case, **options).fit(task, data, seed=seed)


@functools.cache
def ready(case):
    """One tiny fit for all tests that only ask it wrongly, or read it."""
    return fitted(case)


def cases(wanted):
    """The cases whose untrained method has some property."""
    return [case for case in TINY if wanted(method(case))]


# Those that train a network, and so take the options of a training.
TRAINED = cases(lambda model: hasattr(model, "training_options"))
WITH_CONTEXT = [case for case in cases(lambda model: model.takes_context) if case in LEARNING]
WITHOUT_SIMULATOR = cases(lambda model: not model.calls_simulator)


def best_of_8(model, task, y):
    errors = resimulation_error(task, model.propose(y, 8), y)
    return r_T(errors, exchangeable=False)[-1].item()


def drawn_best_of_8(task, y):
    return best_of_8(get_method("prior").fit(task, task.sample(1)), task, y)
