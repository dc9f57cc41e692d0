"""What the docstrings show must run as it stands, and print what stands below it."""

import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import invlab
from invlab import runtime

# Names that are reached as invlab.X or invlab.room.X, with an example: so many at least.
FEWEST = 25
# Lines of one example, what it prints included: it is read in passing.
SHORTEST, LONGEST = 3, 12
# What simulates and trains for a second or more.
SLOW = ("compare", "invert", "ErrorBound", "Reachability")


def modules():
    """All of invlab but the one that is run as a program."""
    names = [found.name for found in pkgutil.walk_packages(invlab.__path__, "invlab.")]
    return [invlab, *(importlib.import_module(name) for name in names if "__main__" not in name)]


def collected():
    """The docstrings of invlab that have a line to be typed in, by name."""
    finder = doctest.DocTestFinder()
    found = {}
    for module in modules():
        for test in finder.find(module, module.__name__, module=module):
            if test.examples:
                found[test.name] = test
    return found


TESTS = collected()


def lines_of(test):
    return "".join(one.source + one.want for one in test.examples).splitlines()


def failures(test):
    """What is wrong with the examples of a docstring, in words; empty where nothing is."""
    said = []
    test.globs = {"__name__": "__main__"}  # nothing else: an example imports what it needs
    runner = doctest.DocTestRunner(optionflags=doctest.DONT_ACCEPT_TRUE_FOR_1, verbose=False)
    runner.run(test, out=said.append)
    return "".join(said)


def tried(name):
    marks = pytest.mark.slow if name.rpartition(".")[2] in SLOW else ()
    return pytest.param(name, marks=marks)


@pytest.mark.parametrize("name", map(tried, TESTS))
def test_an_example_prints_what_it_says(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # some of them write a file
    # a reader's random numbers start anywhere, and afterwards ours are as before
    with runtime.seeded(987_654_321):
        said = failures(TESTS[name])
    assert not said, said


def test_an_example_is_short_and_begins_with_its_imports():
    for name, test in TESTS.items():
        assert SHORTEST <= len(lines_of(test)) <= LONGEST, name
        assert test.examples[0].source.startswith(("import ", "from ")), name
        assert not any(one.options for one in test.examples), f"{name}: skips or leaves out"


def test_what_people_need_has_an_example():
    rooms = [invlab, *(getattr(invlab, name) for name in invlab._ROOMS)]
    reached = [getattr(room, name) for room in rooms for name in getattr(room, "__all__", ())]
    shown = {one.__qualname__ for one in reached if callable(one) and ">>> " in (one.__doc__ or "")}
    assert len(shown) >= FEWEST
    assert shown >= {"Task", "Pairs", "Box", "check_task", "compare", "get_method", "invert"}


def test_no_example_is_overlooked():
    """One in a docstring that is not collected would be shown and never run."""
    texts = [
        path.read_text(encoding="utf-8") for path in Path(invlab.__file__).parent.rglob("*.py")
    ]
    written = sum(len(re.findall(r"^ *>>> ", text, re.M)) for text in texts)
    assert sum(len(test.examples) for test in TESTS.values()) == written


@pytest.mark.parametrize(
    ("docstring", "why"),
    [
        (">>> 1 + 1\n2\n", ""),
        (">>> 1 + 1\n3\n", "Expected:\n    3\nGot:\n    2\n"),
        (">>> 1 + 1\n", "Expected nothing\nGot:\n    2\n"),
        (">>> 1 == 1\n1\n", "Expected:\n    1\nGot:\n    True\n"),
        (">>> invlab.list_tasks()[:0]\n[]\n", "NameError: name 'invlab' is not defined"),
    ],
)
def test_a_wrong_example_is_seen(docstring, why):
    said = failures(doctest.DocTestParser().get_doctest(docstring, {}, "made up", None, 0))
    assert why in said
    assert bool(said) == bool(why)
