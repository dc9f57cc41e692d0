"""Checks: what counts as true, what is shown, and what happens where a claim does not hold."""

import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from invbook import checks
from invbook.checks import Check, answered, as_html, check

ONE = [True, 1, 0.5, np.True_, np.float32(2), np.array([True]), torch.tensor(True), torch.ones(1)]
NONE = [False, 0, 0.0, None, np.False_, np.array(0), torch.tensor(False), torch.zeros(1, 1)]
NAN = [float("nan"), np.nan, np.float32("nan"), torch.tensor(torch.nan), complex("nan")]
SEVERAL = [
    torch.ones(2, dtype=torch.bool),
    torch.zeros(0),
    np.array([True, False]),
    np.ones((2, 2)),
]
NO_TRUTH = [[False], [], (True,), {"a": 1}, "no", (x for x in [False]), print]


@pytest.fixture
def strict(monkeypatch):
    monkeypatch.setenv("INVLAB_STRICT", "1")


@pytest.fixture
def lenient(monkeypatch):
    monkeypatch.delenv("INVLAB_STRICT", raising=False)


@pytest.fixture
def cell(monkeypatch):
    """A cell of a notebook that runs; call it to end the cell and see what it displayed."""
    ends, displayed = [], []
    events = SimpleNamespace(register=lambda _, end: ends.append(end))
    monkeypatch.setattr(checks.runtime, "notebook_shell", lambda: SimpleNamespace(events=events))
    monkeypatch.setattr(checks, "_table", checks._Table())
    monkeypatch.setattr("IPython.display.display", lambda data, raw: displayed.append(data))

    def end():
        for one in ends:
            one(None)
        return displayed

    return end


@pytest.mark.parametrize("value", ONE, ids=lambda value: type(value).__name__)
def test_what_is_true_holds(value, capsys):
    check("a claim", value)
    assert capsys.readouterr().out == "holds: a claim\n"


@pytest.mark.parametrize("value", NONE + NAN, ids=lambda value: type(value).__name__)
def test_what_is_false_or_no_number_fails(value, capsys, strict):
    with pytest.raises(AssertionError, match="a claim"):
        check("a claim", value)
    assert capsys.readouterr().out == "FAILS: a claim\n"


@pytest.mark.parametrize("value", SEVERAL, ids=lambda value: type(value).__name__)
def test_several_truth_values_are_named(value, capsys):
    with pytest.raises(
        TypeError, match="check.'a claim'.: expected one truth value, got .* of shape"
    ):
        check("a claim", value)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("value", NO_TRUTH, ids=lambda value: type(value).__name__)
def test_what_would_always_count_as_true_is_named(value):
    kind = type(value).__name__
    with pytest.raises(TypeError, match=f"expected one truth value, got {kind}"):
        check("a claim", value)


@pytest.mark.slow
def test_a_false_claim_fails_where_python_leaves_assertions_out():
    code = "from invbook.checks import check; check('one is two', 1 == 2)"
    run = [sys.executable, "-O", "-c", code]
    env = {**os.environ, "INVLAB_STRICT": "1"}
    ran = subprocess.run(run, capture_output=True, text=True, env=env)
    assert ran.returncode == 1
    assert ran.stdout == "FAILS: one is two\n"
    assert "AssertionError: one is two" in ran.stderr


MEASURED = [
    (2, "<", 2, False, "2", "< 2"),
    (1.5, "<", 2, True, "1.5", "< 2"),
    (2, "<=", 2, True, "2", "≤ 2"),
    (2, ">", 2, False, "2", "> 2"),
    (2, ">=", 2, True, "2", "≥ 2"),
    (torch.tensor([1.0, 3.0]), "<", 2, False, "1 to 3", "< 2"),
    (torch.tensor([1.0, 3.0]), "<", 4, True, "1 to 3", "< 4"),
    (np.array([[5, 5]]), "==", 5, True, "5", "= 5"),
    (2.5e-6, "in", (1e-6, 3e-6), True, "2.5·10⁻⁶", "1.0·10⁻⁶ to 3.0·10⁻⁶"),
    (4e-6, "in", (1e-6, 3e-6), False, "4.0·10⁻⁶", "1.0·10⁻⁶ to 3.0·10⁻⁶"),
    (float("nan"), "<", 2, False, "no number", "< 2"),
    (torch.tensor([1.0, torch.nan]), "<", 2, False, "no number", "< 2"),
    (torch.tensor([]), "<", 2, False, "nothing", "< 2"),
    (torch.tensor([True, True]), "==", True, True, "1", "= 1"),
]


@pytest.mark.parametrize(("value", "relation", "limit", "holds", "measured", "expected"), MEASURED)
def test_what_was_measured_stands_beside_the_limit(
    value, relation, limit, holds, measured, expected, cell, lenient
):
    check("a claim", value, relation, limit)
    (shown,) = cell()
    assert shown["text/plain"] == f"{'holds' if holds else 'FAILS'}: a claim"
    for text in (f"<td>{measured}</td>", f"<td>{expected}</td>".replace("<td><", "<td>&lt;")):
        assert text.replace("<td>>", "<td>&gt;") in shown["text/html"]


def test_the_checks_of_a_cell_are_one_table_and_the_next_cell_starts_anew(cell):
    check("one", True)
    check("two", 1, "<", 2)
    assert [shown["text/plain"] for shown in cell()] == ["holds: one\nholds: two"]
    assert len(cell()) == 1
    check("three", True)
    assert [shown["text/plain"] for shown in cell()][1:] == ["holds: three"]


def test_for_a_reader_a_claim_that_fails_is_a_warning_and_the_page_goes_on(cell, lenient):
    check("it is small", 3.0, "<", 2)
    (shown,) = cell()
    assert "1 of 1 checks do not hold" in shown["text/html"]
    assert " open>" in shown["text/html"]
    assert "The page goes on" in shown["text/html"]


def test_outside_of_a_notebook_it_is_a_python_warning(lenient):
    with pytest.warns(UserWarning, match="it is small: .*The page goes on"):
        check("it is small", 3.0, "<", 2)


def test_where_checks_are_strict_the_table_comes_before_the_error(cell, strict):
    check("one", True)
    with pytest.raises(AssertionError, match="it is small: 3"):
        check("it is small", 3.0, "<", 2)
    assert [shown["text/plain"] for shown in cell()] == ["holds: one\nFAILS: it is small"]


@pytest.mark.parametrize("value", ["no", [1j]])
def test_what_is_no_number_is_named(value):
    with pytest.raises(TypeError, match="expected a number or a tensor"):
        check("a claim", value, "<", 2)


def test_an_unknown_relation_is_named():
    with pytest.raises(ValueError, match="expected a relation among <, .* in, got '~'"):
        check("a claim", 1, "~", 2)


def test_claims_are_text_and_no_markup():
    assert "<td>a &lt;b&gt; &amp; c</td>" in as_html([Check("a <b> & c", True)])


def test_an_exercise_says_what_is_missing(capsys):
    assert not answered(slope=..., offset=1, power=...)
    assert "set slope and power in the cell above" in capsys.readouterr().out
    assert answered(slope=0.0, offset=None)
    assert capsys.readouterr().out == ""
