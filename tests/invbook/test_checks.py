"""Verdict lines: what counts as true, and what is no truth value at all."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from invbook.checks import check

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


@pytest.mark.parametrize("value", ONE, ids=lambda value: type(value).__name__)
def test_what_is_true_holds(value, capsys):
    check("a claim", value)
    assert capsys.readouterr().out == "holds: a claim\n"


@pytest.mark.parametrize("value", NONE + NAN, ids=lambda value: type(value).__name__)
def test_what_is_false_or_no_number_fails(value, capsys):
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
    ran = subprocess.run([sys.executable, "-O", "-c", code], capture_output=True, text=True)
    assert ran.returncode == 1
    assert ran.stdout == "FAILS: one is two\n"
    assert "AssertionError: one is two" in ran.stderr
