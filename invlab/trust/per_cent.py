"""Shares and levels in words, which never say all of what was not, nor nothing of what was."""

from __future__ import annotations

__all__ = ["level_in_words", "per_cent"]

# Digits behind the point at most.
MOST = 9


def level_in_words(level: float) -> str:
    """A level that somebody chose, with all its digits: ``"90%"``, ``"99.9%"``."""
    return f"{100 * level:.10g}%"


def per_cent(share: float, digits: int = 0) -> str:
    """A share that was found, ``"33%"``; with more digits where that would be 0 % or 100 %.

    Args:
        share: between 0 and 1.
        digits: behind the point; more where the share is neither 0 nor 1, and would seem to be.
    """
    text = f"{share:.{digits}%}"
    whole = float(text.removesuffix("%")) in (0, 100)
    if whole and share not in (0, 1) and digits < MOST:
        return per_cent(share, digits + 1)
    return text
