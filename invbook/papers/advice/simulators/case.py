"""What the study knows of a simulator: its task, whether it was looked at, and its kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from invlab.task import Task

__all__ = ["Case", "Trait"]

Trait = Literal["noise", "kinks", "jumps", "many unknowns", "few pairs", "dear", "several answers"]


@dataclass(frozen=True)
class Case:
    """One simulator of the study.

    Attributes:
        name: of its task, its file and its record.
        make: gives the task; its argument ``name`` is the name that the task bears, on which its
            random numbers depend.
        tuned: True where rules and defaults may be chosen by looking at it; False where nobody
            looks at a result of it before they are.
        traits: what makes it hard, beside what the task says of itself.
    """

    name: str
    make: Callable[..., Task]
    tuned: bool
    traits: frozenset[Trait] = frozenset()
