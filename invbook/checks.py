"""Verdict lines: a claim of a page, and whether it holds."""

from __future__ import annotations

from typing import Any

__all__ = ["check"]


def check(claim: str, holds: Any) -> None:
    """Print a claim and its verdict, and stop with an error where it does not hold.

    Raises:
        AssertionError: the claim does not hold.
    """
    print(f"{'holds' if holds else 'FAILS'}: {claim}")
    assert holds, claim
