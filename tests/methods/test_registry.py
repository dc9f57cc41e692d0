"""Names of methods are the names of their files, or of the baseline; options are checked."""

import inspect
import re
from pathlib import Path

import numpy as np
import pytest
import torch

import invlab.methods
from invlab import get_method, list_methods
from invlab.methods import Method, base, options_of

from .cases import TRAINED, method, name_of

FOLDER = Path(invlab.methods.__file__).parent
# What the files of the folder hold beside methods, and what is no method of its own.
SHARED = {"__init__", "base", "options", "storage", "inverse_network", "sampler", "adjoint_search"}
SHARED |= {"simulator_search", "asking"}
CLASSES = {name: type(get_method(name)) for name in list_methods()}

each_method = pytest.mark.parametrize("name", list_methods())
each_trained = pytest.mark.parametrize("case", TRAINED)


@each_method
def test_a_method_knows_what_it_is_called(name):
    assert get_method(name).name == name
    assert CLASSES[name].name == name
    assert isinstance(get_method(name), Method)


def test_a_file_of_methods_is_registered():
    files = {path.stem for path in FOLDER.glob("*.py")} - SHARED
    known = {cls.__module__.rsplit(".", 1)[-1] for cls in CLASSES.values()}
    assert files <= known, (
        f"invlab/methods/__init__.py: import the method of {sorted(files - known)}, by a line "
        "such as `from invlab.methods.tandem import Tandem as Tandem` (or, if it is none, name the "
        "file in SHARED of this test)"
    )
    # what is not called as its file stands in a family's
    assert set(list_methods()) - files == {"cinn", "inn", "nearest", "pool", "prior"}


@each_method
def test_the_class_is_public(name):
    cls = CLASSES[name]
    assert getattr(invlab.methods, cls.__name__) is cls
    assert cls.__name__ in invlab.methods.__all__, (
        f"invlab/methods/__init__.py: name {cls.__name__} in __all__"
    )


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("mdn", "mixture_density"),
        ("MDN", "mixture_density"),
        ("na", "neural_adjoint"),
        ("neural-adjoint", "neural_adjoint"),
        ("fmpe", "flow_matching"),
        ("vae", "cvae"),
        ("cVAE", "cvae"),
        ("supervised", "direct"),
        ("regression", "direct"),
        ("knn", "nearest"),
        ("lookup", "nearest"),
        ("look_up", "nearest"),
        ("joint_optimization", "joint"),
        ("cINN", "cinn"),
    ],
)
def test_a_name_of_the_field_is_understood(word, name):
    assert get_method(word).name == name


@pytest.mark.parametrize(
    ("word", "near"),
    [
        ("oracle", None),
        ("tandm", "'tandem'"),
        ("npe", "'spline_flow' or 'mixture_density' or 'flow_matching'"),
        ("maf", "'spline_flow' or 'cinn'"),
        (3, None),
        (None, None),
    ],
)
def test_a_method_that_does_not_exist_is_named_with_what_is_near(word, near):
    hint = "$" if near is None else f"; did you mean {near}.$"
    with pytest.raises(ValueError, match=rf"get_method: expected one of .*, got {word!r}{hint}"):
        get_method(word)


# Options


@each_method
def test_options_are_listed_with_their_defaults(name):
    options = options_of(CLASSES[name])
    made = get_method(name, **{key: value for key, value in options.items() if value is not None})
    assert made.options.keys() <= options.keys()
    assert options["bounds"] in CLASSES[name].bounds_known
    text = inspect.getdoc(get_method)
    assert f"``{name}``: {CLASSES[name].__name__}(" in text
    for option in options:
        assert re.search(rf"\b{option}=", text), option


@each_trained
def test_the_defaults_of_a_training_are_those_that_are_listed(case):
    model = get_method(name_of(case))
    listed = options_of(type(model))
    for option, value in model.training_options.items():
        assert listed[option] == value, option


@each_method
def test_a_misspelt_option_is_refused_when_the_method_is_made(name):
    with pytest.raises(TypeError, match=rf"^{name}: .*'bonds'.*did you mean 'bounds'\?"):
        get_method(name, bonds="free")
    with pytest.raises(TypeError, match=rf"^{name}: .*'bonds'"):
        CLASSES[name](bonds="free")
    with pytest.raises(TypeError, match=rf"^{name}: options are keywords"):
        CLASSES[name](3)


@each_method
def test_bounds_are_checked_when_the_method_is_made(name):
    with pytest.raises(ValueError, match="^bounds: expected one of .*, got 'closed'"):
        get_method(name, bounds="closed")


@pytest.mark.parametrize(
    ("option", "error"),
    [
        ({"epochs": 0}, ValueError),
        ({"epochs": 2.5}, TypeError),
        ({"batch_size": 0}, ValueError),
        ({"lr": float("nan")}, ValueError),
        ({"lr": 0.0}, ValueError),
        ({"lr": "fast"}, TypeError),
        ({"lr_end": -1e-3}, ValueError),
        ({"schedule": "linear"}, ValueError),
        ({"patience": 0}, ValueError),
        ({"clip": float("inf")}, ValueError),
        ({"held_out": 1.5}, ValueError),
        ({"width": 0}, ValueError),
        ({"layers": 1.5}, TypeError),
        ({"clamp": "a"}, TypeError),
        ({"clamp": -1.0}, ValueError),
        ({"x_jitter": float("nan")}, ValueError),
        ({"x_jitter": float("inf")}, ValueError),
        ({"fourier_octaves": 2.5}, TypeError),
        ({"z_fourier_octaves": -1}, ValueError),
        ({"beta": "a"}, TypeError),
        ({"bounded": "no"}, TypeError),
        ({"ranked": 1}, TypeError),
        ({"smooth_order": 3}, ValueError),
        ({"smooth_step": 0.0}, ValueError),
        ({"x_scaler": 3}, TypeError),
        ({"y_scaler": "a"}, TypeError),
    ],
)
@each_trained
def test_values_that_make_no_sense_are_refused_when_the_method_is_made(case, option, error):
    name = next(iter(option))
    if name not in options_of(type(method(case))):
        pytest.skip(f"{case} has no {name}")
    with pytest.raises(error, match=name):
        method(case, **option)


@pytest.mark.parametrize(
    ("option", "error"),
    [
        ({"output_scale": -1}, ValueError),
        ({"x_scale": [1.0, float("nan")]}, ValueError),
        ({"output_scale": "wide"}, TypeError),
        ({"clip_rows": "a"}, ValueError),
        ({"refine": None}, TypeError),
        ({"keep_best": "yes"}, TypeError),
    ],
)
def test_options_of_a_search_are_refused_when_the_method_is_made(option, error):
    (name,) = option
    with pytest.raises(error, match=f"^{name}: expected"):
        get_method("joint", **option)


def test_flags_and_numbers_of_numpy_are_options():
    model = get_method("direct", bounded=np.True_, width=np.int64(8), held_out=np.float32(0.25))
    assert (model.bounded, model.width) == (True, 8)
    get_method("joint", output_scale=np.ones(2), clip_rows=np.float32(1), refine=np.False_)


def test_an_option_is_read_from_annotations_that_are_no_text():
    class Mine(Method):
        name = "mine"

        def __init__(self, *, depth=3, **options):
            super().__init__(**options)

    Mine.__init__.__annotations__ = {"depth": int}
    with pytest.raises(TypeError, match="^depth: expected an int, got float 2.5"):
        Mine(depth=2.5)


@each_trained
def test_epochs_are_those_of_each_training(case):
    task = invlab.get_task("square")
    model = method(case, epochs=2).fit(task, task.sample(40))
    assert {len(history.total) for history in model.history.values()} == {2}


@pytest.mark.parametrize("schedule", ["cosine", "one-cycle"])
@each_trained
def test_a_training_may_be_short_and_end_at_rate_zero(case, schedule):
    task = invlab.get_task("square")
    options = {"epochs": 9, "batch_size": None, "schedule": schedule, "lr_end": 0.0}
    model = method(case, **options).fit(task, task.sample(20))
    assert all(history.total.isfinite().all() for history in model.history.values())


def test_it_says_what_was_trained_on_what():
    task = invlab.get_task("square")
    model = get_method("mdn", components=3, epochs=2)
    assert repr(model) == "MixtureDensity(components=3, epochs=2), not trained"
    model.fit(task, task.sample(48))
    assert repr(model) == (
        "MixtureDensity(components=3, epochs=2), trained on 48 pairs of square "
        "(1 unknown, 1 number of y), seed 0"
    )


def test_a_new_method_needs_little():
    """What the docstring of Method says is enough."""
    import torch

    class Guess(base.Method):
        """The mean of the training x."""

        name = "guess"

        def __init__(self, *, factor: float = 1.0, **options):
            super().__init__(**options)
            self.factor = factor

        def learn(self, task, data, seeds, **more):
            self.register_buffer("mean", data.x.mean(0))

        def guess(self, y, n, c, *, generator, box):
            return (self.factor * self.mean).expand(len(y), n, -1)

    assert options_of(Guess) == {"factor": 1.0, "bounds": "clip"}
    task = invlab.get_task("square")
    model = Guess(factor=100.0).fit(task, data := task.sample(20))
    x = model.propose(data.y[:3], 2)
    assert torch.equal(x, task.box.clip(100 * data.x.mean(0)).expand(3, 2, 1))


def test_a_class_of_activations_is_told_to_give_an_instance():
    for name, options in {
        "direct": {"activation": torch.nn.ReLU},
        "tandem": {"activation": torch.nn.ReLU},
        "joint": {"encoder": {"activation": torch.nn.ReLU}},
    }.items():
        with pytest.raises(
            TypeError, match=r"activation: .*class ReLU; give an instance, ReLU\(\)"
        ):
            get_method(name, **options)
