"""A simulator that counts what it is asked for, for those who have to say what an answer cost."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from torch import Tensor

__all__ = ["Counted"]


class Counted:
    """Calls a simulator, and counts the rows.

    Args:
        simulator: any; its other attributes are reached through this one. Those that simulate rows
            of x too are named in its ``simulating``.

    Attributes:
        rows: simulated so far.
    """

    def __init__(self, simulator: Callable[..., Tensor]) -> None:
        self.simulator, self.rows = simulator, 0

    def __call__(self, x: Tensor, *c: Tensor) -> Tensor:
        self.rows += x[..., 0].numel()
        return self.simulator(x, *c)

    def __getattr__(self, name: str) -> Any:
        if name == "simulator":  # not there yet while it is unpickled
            raise AttributeError(name)
        found = getattr(self.simulator, name)
        if name in getattr(self.simulator, "simulating", ()):
            return partial(self._counting, found)
        return found

    def _counting(self, call: Callable[..., Any], x: Tensor, *more: Any, **options: Any) -> Any:
        self.rows += x[..., 0].numel()
        return call(x, *more, **options)
