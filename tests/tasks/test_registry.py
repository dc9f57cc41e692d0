"""The registry of tasks: names, options, and that no file is forgotten."""

import inspect
from pathlib import Path

import pytest

from invlab import get_task, list_tasks, tasks


def test_each_file_of_a_task_is_registered():
    registry = Path(tasks.__file__)
    for path in sorted(registry.parent.glob("*.py")):
        if not path.name.startswith("_"):
            assert path.stem in list_tasks(), (
                f"invlab/tasks/{registry.name}: import the task of {path.name}, "
                f"`from invlab.tasks.{path.stem} import Name as Name`"
            )


@pytest.mark.parametrize("name", list_tasks())
def test_a_task_stands_in_the_file_of_its_name_and_its_options_are_named(name):
    task = get_task(name)
    assert type(task).__module__ == f"invlab.tasks.{name}"
    options = inspect.signature(type(task)).parameters.values()
    assert all(option.kind is not option.VAR_KEYWORD for option in options)


@pytest.mark.parametrize(
    ("name", "hint"),
    [("cube", ""), ("squre", "; did you mean 'square'?"), ("Sine", "; did you mean 'sine'?")],
)
def test_a_task_that_does_not_exist_is_answered_with_the_nearest(name, hint):
    with pytest.raises(ValueError, match="get_task: expected one of .*'square'") as caught:
        get_task(name)
    assert str(caught.value).endswith(f"got {name!r}{hint}")


@pytest.mark.parametrize("name", [None, 3, ["sine"], {}], ids=repr)
def test_what_is_no_name_is_refused_with_the_names(name):
    with pytest.raises(ValueError, match=r"get_task: expected one of .*'sine', .*, got [^;]*$"):
        get_task(name)


@pytest.mark.parametrize(
    ("name", "option", "message"),
    [
        ("sine", "dimm", "sine has no option 'dimm', it takes dim; did you mean 'dim'"),
        ("square", "half_widht", "no option 'half_widht', .*did you mean 'half_width'"),
        ("layered_stack", "zzz", "layered_stack has no option 'zzz'"),
    ],
)
def test_a_misspelt_option_is_answered_with_the_nearest(name, option, message):
    with pytest.raises(TypeError, match=f"get_task: .*{message}"):
        get_task(name, **{option: 2})


def test_options_reach_the_task():
    assert get_task("square", half_width=2.0).box.high.item() == 2
