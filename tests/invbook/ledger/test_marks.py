"""Signs and numbers of the ledger's tables."""

from typing import get_args

import pytest

from invbook.ledger.judging import Verdict
from invbook.ledger.marks import MARKS, beside, mark, number, plain, said, with_interval


def test_each_verdict_has_a_sign_of_its_own_and_a_measurement_none():
    assert set(MARKS) == set(get_args(Verdict))
    assert MARKS["measured"] == mark("measured") == ""
    signs = [sign for verdict, sign in MARKS.items() if verdict != "measured"]
    assert len(set(signs)) == len(signs)
    assert all(len(sign) == 1 for sign in signs)


@pytest.mark.parametrize("verdict", [verdict for verdict in MARKS if MARKS[verdict]])
def test_a_sign_is_said_in_words_too(verdict):
    assert f'aria-label="{verdict}"' in mark(verdict)
    assert f">{MARKS[verdict]}<" in mark(verdict)
    assert said(verdict).endswith(f"\N{NO-BREAK SPACE}{verdict}")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "–"),
        (0.0, "0"),
        (5e-3, "5e-3"),
        (7.84e-3, "7.84e-3"),
        (2.5e-7, "2.5e-7"),
        (0.0231, "0.0231"),
        (86.0, "86"),
        (100 / 3, "33.3"),
        (-0.5, "-0.5"),
        (488.246, "488"),
        (6774.0, "6774"),
        (1.234e6, "1.23e6"),
        (float("inf"), "∞"),
        (float("-inf"), "−∞"),
    ],
)
def test_numbers_have_three_digits(value, shown):
    assert number(value) == shown


@pytest.mark.parametrize("verdict", MARKS)
def test_beside_has_the_mark_of_the_verdict(row_of, verdict):
    shown = beside(row_of(verdict=verdict))
    assert "2 → 1.5" in shown
    assert mark(verdict) in shown
    others = {sign for other, sign in MARKS.items() if other != verdict and sign}
    assert not any(f">{sign}<" in shown for sign in others)


def test_beside_a_missing_number(row_of, unrecorded):
    assert ">1.5 <" in beside(row_of(paper=None))
    assert f">2 → {mark('no record')}<" in beside(unrecorded())
    assert f">{mark('no record')}<" in beside(unrecorded(paper=None))
    assert beside(row_of(paper=0.0, ours=0.0, verdict="measured")).count("0 → 0") == 1


def test_an_interval_where_there_is_one(row_of, unrecorded):
    assert "[1.25, 1.75]" in with_interval(row_of())
    assert "[" not in with_interval(row_of(low=None, high=None))
    assert with_interval(unrecorded()) == mark("no record")


def test_markdown_makes_nothing_of_plain_text():
    assert plain("r_T of <x> for *a* [0]") == r"r\_T of \<x> for \*a\* \[0\]"
    assert plain("f̂ is 5 % off, |x| < 5") == r"f̂ is 5 % off, |x| \< 5"
