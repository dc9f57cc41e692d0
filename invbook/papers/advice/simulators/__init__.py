"""Simulators of the study, of different fields; one a file, a few lines each.

Rules and defaults of :func:`invlab.compare` may be chosen by looking at the tuned ones. Nobody
looks at a result of the untouched ones before the study's full run: a rule that was mended on
them would prove nothing.
"""

from __future__ import annotations

from functools import partial

from invbook.papers.advice.simulators import (
    antenna,
    beam,
    dipole,
    epidemic,
    fringes,
    gene_expression,
    heat_source,
    kinked_waves,
    lens,
    pendulum,
    pharmacokinetics,
    predators,
    program,
    queue,
    reaction_front,
    reactor,
    ricker,
    spin_model,
    staircase,
    thin_film,
    transit,
    travel_times,
)
from invbook.papers.advice.simulators.case import Case, Trait
from invlab.task import Task
from invlab.tasks import get_task

__all__ = ["NINE_KINDS", "Case", "Trait", "get_case", "list_cases"]

# Tried as a new user would before there was a comparison; and in the book's tests since.
NINE_KINDS = (
    "epidemic",
    "pharmacokinetics",
    "thin_film",
    "heat_source",
    "spin_model",
    "program",
    "ricker",
    "two_moons",
    "slcp",
)


# Of the two from simulation-based inference.
MOONS: frozenset[Trait] = frozenset({"noise", "several answers"})


def _of_the_library(member: str, name: str | None = None) -> Task:
    """A task of the library under a name of the study's."""
    task = get_task(member)
    task.name = member if name is None else name
    return task


# A new simulator: its file, its import and its CASE here. First those that may be looked at.
_CASES: dict[str, Case] = {
    case.name: case
    for case in (
        Case("sine", partial(_of_the_library, "sine"), tuned=True),
        Case("robot_arm", partial(_of_the_library, "robot_arm"), tuned=True),
        Case("ballistics", partial(_of_the_library, "ballistics"), tuned=True),
        epidemic.CASE,
        pharmacokinetics.CASE,
        thin_film.CASE,
        heat_source.CASE,
        spin_model.CASE,
        program.CASE,
        ricker.CASE,
        Case("two_moons", partial(_of_the_library, "two_moons"), tuned=True, traits=MOONS),
        Case("slcp", partial(_of_the_library, "slcp"), tuned=True, traits=MOONS),
        kinked_waves.CASE,
        reactor.CASE,
        pendulum.CASE,
        dipole.CASE,
        lens.CASE,
        queue.CASE,
        staircase.CASE,
        transit.CASE,
        gene_expression.CASE,
        travel_times.CASE,
        reaction_front.CASE,
        antenna.CASE,
        beam.CASE,
        predators.CASE,
        fringes.CASE,
    )
}


def list_cases(*, tuned: bool | None = None) -> list[str]:
    """Names of the simulators; of the tuned or the untouched ones alone, where that is said."""
    return [name for name, case in _CASES.items() if tuned in (None, case.tuned)]


def get_case(name: str) -> Case:
    """A simulator of the study by name.

    Raises:
        ValueError: no such simulator.
    """
    if name not in _CASES:
        raise ValueError(f"get_case: expected one of {list_cases()}, got {name!r}")
    return _CASES[name]
