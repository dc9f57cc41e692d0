"""How large a comparison is: pairs, targets, guesses and seeds, within what it may cost."""

from __future__ import annotations

import copy
import math
import numbers
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch

from invlab import runtime
from invlab.comparison.judge import refined_guesses
from invlab.simulators.counted import Counted
from invlab.task import Task
from invlab.validation import is_integer, require_count

__all__ = [
    "OverBudget",
    "Plan",
    "counts_of",
    "limits_of",
    "make_plan",
    "seconds_a_simulation",
]

# A simulation that takes longer than this is dear: one answer a target, and few targets.
DEAR_SECONDS = 0.05
DEAR_TARGETS = 20
# Parts of the pairs of the learning curve, beside all of them.
CURVE = (4, 2)
# A simulation is timed on few rows, and on more where these were quick.
ROWS_FIRST, ROWS_THEN, TRIAL_SECONDS = 8, 512, 0.5
# What a search on the simulator takes a guess, roughly, and the processor seconds that its answers
# to the targets of one seed may take.
SEARCH_CALLS, SEARCH_SECONDS = 100, 30.0
# A simulator that takes so many times the processor's time waits for something: what counts then
# is the clock on the wall. Of a budget in simulations a hundredth may go into this question.
WAITING, SHARE_TIMED = 10.0, 0.01


class OverBudget(ValueError):
    """A budget in simulations does not even pay for the smallest comparison."""


@dataclass(frozen=True)
class Plan:
    """Sizes of a comparison.

    Attributes:
        n: pairs that each method learns from.
        targets: targets a seed.
        guesses: numbers T, ascending.
        seeds: how many.
        seconds: of processor time that all seeds may take, or None.
        simulation_s: seconds of one simulation, measured.
        a_search: simulations that a search takes for a target at least.
        a_guess: simulations that judge a guess.
        spent: simulations beside all of that, such as those that were timed.
        a_refinement: simulations that refine and judge a guess at most; 0 where nothing is refined.
        unpaid: whether nothing is refined since the budget in simulations does not pay for it.
    """

    n: int
    targets: int
    guesses: tuple[int, ...]
    seeds: int
    seconds: float | None = None
    simulation_s: float = 0.0
    a_search: int = 0
    a_guess: int = 1
    spent: int = 0
    a_refinement: int = 0
    unpaid: bool = False

    @property
    def dear(self) -> bool:
        """Whether a simulation is; then held-out pairs are the targets, and answers are few."""
        return self.simulation_s > DEAR_SECONDS

    @property
    def search_guesses(self) -> int:
        """Guesses a target that a search on the simulator can afford; at least the fewest."""
        a_guess = self.targets * SEARCH_CALLS * self.simulation_s
        return max(
            (n for n in self.guesses if n * a_guess <= SEARCH_SECONDS), default=self.guesses[0]
        )

    def simulations(self, methods: int, searches: int = 0) -> int:
        """Simulations over all seeds, those of searches roughly, of the others at most.

        Of pairs, targets, judging, refinement and answers.

        Args:
            methods: rows that are judged.
            searches: those among them that search on the simulator.
        """
        refined = min(self.guesses[-1], refined_guesses(self.targets, self.simulation_s))
        a_row = self.guesses[-1] * self.a_guess + refined * self.a_refinement
        judged = methods * self.targets * a_row
        # the truth is judged too where it has an error
        floor = self.targets * self.a_guess if self.a_guess > 1 else 0
        a_target = max(self.a_search, self.search_guesses * SEARCH_CALLS)
        searched = searches * self.targets * a_target
        asked = 0 if self.dear else self.targets
        curve = len(CURVE) * self.targets * a_row
        return self.seeds * (self.n + asked + judged + floor + searched) + curve + self.spent


def seconds_a_simulation(task: Task, most: float | None = None) -> tuple[float, int]:
    """Seconds of one simulation among many, from prior draws simulated together.

    Processor seconds; those on the wall for a simulator that waits, as for another computer.

    Args:
        task: with a simulator.
        most: simulations that there are in all, a small part of which is spent here.

    Returns:
        The seconds, and how many were simulated.
    """
    counted = copy.copy(task)
    counted.simulator = counter = Counted(task.simulator)
    rows_then = ROWS_THEN if most is None else min(ROWS_THEN, int(most * SHARE_TIMED))
    for rows in (ROWS_FIRST, rows_then):
        if rows < ROWS_FIRST:
            break
        seconds, on_the_wall = _timed(counted, rows)
        waits = on_the_wall > max(DEAR_SECONDS, WAITING * seconds)
        # a busy machine may stop anything once, and hardly three times in a row
        if waits and all(_timed(counted, 1)[1] > DEAR_SECONDS for _ in range(2)):
            seconds = on_the_wall
        if seconds * ROWS_THEN > TRIAL_SECONDS:
            break
    task.note_shape(torch.empty(counted.y_shape, device="cpu"))  # spares a simulation
    return seconds, counter.rows


def _timed(task: Task, rows: int) -> tuple[float, float]:
    """Seconds a row of the processor and on the wall."""
    start, began = runtime.cpu_seconds(), runtime.wall_seconds()
    task.sample(rows)
    took, passed = runtime.cpu_seconds() - start, runtime.wall_seconds() - began
    return took / rows, passed / rows


def limits_of(budget: float | Mapping[str, float] | None) -> dict[str, float]:
    """A budget as limits: ``seconds``, ``simulations``.

    Raises:
        TypeError, ValueError: another word, or no number above zero.
    """
    if budget is None:
        return {}
    limits = dict(budget) if isinstance(budget, Mapping) else {"seconds": budget}
    unknown = sorted(set(limits) - {"seconds", "simulations"})
    if unknown:
        raise ValueError(f"budget: expected 'seconds' and 'simulations', got {', '.join(unknown)}")
    for name, value in limits.items():
        if isinstance(value, bool) or not isinstance(value, numbers.Real):
            raise TypeError(f"budget: expected a number of {name}, got {value!r}")
        if not value > 0:
            raise ValueError(f"budget: expected {name} above 0, got {value}")
    # plain numbers, which a file of JSON takes
    return {name: float(value) for name, value in limits.items() if value < math.inf}


def counts_of(guesses: Sequence[int]) -> tuple[int, ...]:
    """Numbers of guesses, ascending, each once.

    Raises:
        TypeError, ValueError: no sequence of whole numbers, none at all, or one below one.
    """
    if is_integer(guesses) or isinstance(guesses, str) or not isinstance(guesses, Iterable):
        raise TypeError(
            f"guesses: expected numbers of guesses such as (1, 10, 100), got {guesses!r}"
        )
    counts = tuple(sorted({require_count("guesses", count) for count in guesses}))
    if not counts:
        raise ValueError("guesses: expected numbers of guesses such as (1, 10, 100), got none")
    return counts


def make_plan(
    *,
    n: int,
    targets: int,
    guesses: Sequence[int],
    seeds: int,
    budget: float | Mapping[str, float] | None,
    methods: int,
    searches: int = 0,
    simulation_s: float = 0.0,
    a_search: int = 0,
    a_guess: int = 1,
    spent: int = 0,
    a_refinement: int = 0,
) -> Plan:
    """Sizes within a budget.

    Args:
        n, targets, guesses, seeds: as asked for.
        budget: processor seconds, or ``{"seconds": ..., "simulations": ...}``.
        methods: rows that are judged; searches: those that search on the simulator.
        simulation_s: seconds of one simulation.
        a_search: simulations that a search takes for a target, however few guesses it gives.
        a_guess, spent, a_refinement: see :class:`Plan`.

    Raises:
        TypeError: a size that is no whole number, or no sequence of guesses.
        ValueError: a size below one, or another word in the budget.
        OverBudget: a budget in simulations that does not even pay for one answer a target.
    """
    limits = limits_of(budget)
    plan = Plan(
        require_count("n", n),
        require_count("targets", targets),
        counts_of(guesses),
        require_count("seeds", seeds),
        limits.get("seconds"),
        simulation_s,
        a_search,
        a_guess,
        spent,
        a_refinement,
    )
    if plan.dear:
        few = min(plan.targets, DEAR_TARGETS, max(1, plan.n // 4))
        plan = replace(plan, targets=few, guesses=plan.guesses[:1])
    return _within(plan, limits.get("simulations"), methods, searches)


def _within(plan: Plan, simulations: float | None, methods: int, searches: int) -> Plan:
    """Fewer guesses first, then fewer seeds, then fewer targets, until the calls fit.

    The refinement takes part where what is left pays for it: it decides no size.
    """
    if simulations is None:
        return plan
    a_refinement, plan = plan.a_refinement, replace(plan, a_refinement=0)
    while plan.simulations(methods, searches) > simulations:
        if len(plan.guesses) > 1:
            plan = replace(plan, guesses=plan.guesses[:-1])
        elif plan.seeds > 1:
            plan = replace(plan, seeds=plan.seeds - 1)
        elif plan.targets > 5:
            plan = replace(plan, targets=max(5, plan.targets // 2))
        else:
            raise OverBudget(
                f"budget: {simulations:g} simulations do not pay for {plan.n} pairs and one "
                f"answer to {plan.targets} targets by {methods} methods, which take "
                f"{plan.simulations(methods, searches)}; give more, a smaller n or fewer methods"
            )
    refined = replace(plan, a_refinement=a_refinement)
    if refined.simulations(methods, searches) <= simulations:
        return refined
    return replace(plan, unpaid=True)
