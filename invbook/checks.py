"""Checks of a page: a claim, what was measured, the limit, and whether the claim holds."""

from __future__ import annotations

import html
import operator
import os
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from numbers import Number
from typing import Any

import numpy as np
from torch import Tensor

from invbook.numbers import shown
from invlab import runtime

__all__ = ["Check", "answered", "check", "is_strict"]

RELATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
}
SIGNS = {"<=": "≤", ">=": "≥", "==": "="}
# What a reader is told of a claim that no longer holds.
CHANGED = (
    "The number that you changed, or this machine, makes a difference here. The page goes on; its "
    "text speaks of the numbers as they were."
)


@dataclass(frozen=True)
class Check:
    """One claim and its verdict.

    Attributes:
        claim: in words.
        holds: the verdict.
        measured, limit: as they are shown; empty where the claim is a plain yes or no.
    """

    claim: str
    holds: bool
    measured: str = ""
    limit: str = ""

    @property
    def line(self) -> str:
        """The verdict in one line, without what was measured."""
        return f"{'holds' if self.holds else 'FAILS'}: {self.claim}"


def check(claim: str, value: Any, relation: str | None = None, limit: Any = None) -> None:
    """Check a claim; what a cell checks is shown below it, as one table.

    A reader who changed a number gets a warning where a claim no longer holds, and the page goes
    on. With ``INVLAB_STRICT=1`` a claim that does not hold is an error.

    Args:
        claim: in words.
        value: a truth value (a bool, a number, a tensor or array with one entry) or, with a
            relation, what was measured: a number, or a tensor or array, all of whose entries have
            to keep to the limit. NaN never holds, and neither does an empty tensor.
        relation: ``"<"``, ``"<="``, ``">"``, ``">="``, ``"=="`` or ``"in"``.
        limit: a number; for ``"in"`` a pair, both ends included.

    Raises:
        AssertionError: it does not hold, and checks are strict.
        TypeError: several truth values, or something that is none, such as a list.
        ValueError: an unknown relation.
    """
    if relation is None:
        made = Check(claim, _truth(claim, value))
    else:
        numbers = _numbers(claim, value)
        made = Check(claim, _keeps(numbers, relation, limit), *_shown(numbers, relation, limit))
    _table.add(made)
    if not made.holds and is_strict():
        _table.show()
        raise AssertionError(claim + (f": {made.measured}" if made.measured else ""))


def answered(**answers: Any) -> bool:
    """Whether all answers of an exercise are there; the missing ones (``...``) are named."""
    missing = [name for name, answer in answers.items() if answer is ...]
    if missing:
        print(f"Not answered yet: set {' and '.join(missing)} in the cell above, and run it.")
    return not missing


def is_strict() -> bool:
    """Whether a claim that does not hold is an error: ``INVLAB_STRICT=1``, as CI sets it."""
    return os.environ.get("INVLAB_STRICT", "") not in ("", "0")


class _Table:
    """The checks of the cell that runs; shown when it ends, or at once outside of a notebook."""

    def __init__(self) -> None:
        self.checks: list[Check] = []
        self.waits = False

    def add(self, made: Check) -> None:
        shell = runtime.notebook_shell()
        if shell is None:
            print(made.line)
            if not made.holds and not is_strict():
                warnings.warn(f"{made.claim}: {CHANGED}", stacklevel=3)
            return
        self.checks.append(made)
        if not self.waits:
            shell.events.register("post_run_cell", self.show)
            self.waits = True

    def show(self, _result: Any = None) -> None:
        from IPython.display import display

        made, self.checks = self.checks, []
        if made:
            plain = "\n".join(one.line for one in made)
            display({"text/plain": plain, "text/html": as_html(made)}, raw=True)


_table = _Table()


def as_html(checks: Sequence[Check]) -> str:
    """A folded table that opens by itself where a claim does not hold."""
    broken = sum(not one.holds for one in checks)
    total = "1 check holds" if len(checks) == 1 else f"{len(checks)} checks hold"
    summary = total if not broken else f"{broken} of {len(checks)} checks do not hold"
    note = f"<p>{CHANGED}</p>" if broken else ""
    measured = any(one.measured for one in checks)
    rows = "".join(_row(one, measured) for one in checks)
    head = "<th>measured</th><th>expected</th>" if measured else ""
    return (
        f'<details class="checks"{" open" if broken else ""}><summary>{summary}</summary>{note}'
        f"<table><thead><tr><th></th><th>claim</th>{head}</tr></thead>"
        f"<tbody>{rows}</tbody></table></details>"
    )


def _row(one: Check, measured: bool) -> str:
    sign, word = ("✓", "holds") if one.holds else ("✗", "does not hold")
    texts = (one.claim, one.measured, one.limit) if measured else (one.claim,)
    cells = "".join(f"<td>{html.escape(text)}</td>" for text in texts)
    return f'<tr><td title="{word}">{sign}</td>{cells}</tr>'


def _numbers(claim: str, value: Any) -> np.ndarray:
    if isinstance(value, Tensor):
        value = value.detach().cpu().numpy()
    numbers = np.asarray(value)
    if numbers.dtype.kind not in "biuf":
        raise TypeError(f"check({claim!r}): expected a number or a tensor, got {value!r}")
    return numbers.astype(float).reshape(-1)


def _keeps(numbers: np.ndarray, relation: str, limit: Any) -> bool:
    if not numbers.size or np.isnan(numbers).any():
        return False
    if relation == "in":
        low, high = limit
        return bool(((low <= numbers) & (numbers <= high)).all())
    if relation not in RELATIONS:
        known = ", ".join([*RELATIONS, "in"])
        raise ValueError(f"check: expected a relation among {known}, got {relation!r}")
    return bool(RELATIONS[relation](numbers, float(limit)).all())


def _shown(numbers: np.ndarray, relation: str, limit: Any) -> tuple[str, str]:
    """What was measured, and what was expected of it."""
    measured = "nothing"
    if numbers.size:
        least, most = shown(numbers.min()), shown(numbers.max())
        measured = least if least == most else f"{least} to {most}"
    if relation == "in":
        return measured, f"{shown(limit[0])} to {shown(limit[1])}"
    return measured, f"{SIGNS.get(relation, relation)} {shown(limit)}"


def _truth(claim: str, holds: Any) -> bool:
    if isinstance(holds, Tensor | np.ndarray | np.generic):
        size = holds.numel() if isinstance(holds, Tensor) else holds.size
        if size != 1:
            raise TypeError(
                f"check({claim!r}): expected one truth value, got {size} of shape "
                f"{tuple(holds.shape)}; use .all() or .any()"
            )
        holds = holds.item()
    if holds is not None and not isinstance(holds, Number):
        # a list, even of False, and a generator would always count as true
        raise TypeError(
            f"check({claim!r}): expected one truth value, got {type(holds).__name__}; "
            "use all(...), any(...) or a comparison"
        )
    # NaN is the number that differs from itself
    return bool(holds == holds and holds)
