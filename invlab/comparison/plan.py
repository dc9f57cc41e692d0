"""How large a comparison is: pairs, targets, guesses and seeds, within what it may cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from invlab import runtime
from invlab.task import Task
from invlab.validation import require_count

__all__ = ["Plan", "make_plan", "seconds_a_simulation"]

# A simulation that takes longer than this is dear: one answer a target, and few targets.
DEAR_SECONDS = 0.05
DEAR_TARGETS = 20


@dataclass(frozen=True)
class Plan:
    """Sizes of a comparison.

    Attributes:
        n: pairs that each method learns from.
        targets: targets a seed.
        guesses: numbers T, ascending.
        seeds: how many.
        seconds: of processor time that all seeds may take, or None.
        simulation_s: processor seconds of one simulation, measured.
    """

    n: int
    targets: int
    guesses: tuple[int, ...]
    seeds: int
    seconds: float | None = None
    simulation_s: float = 0.0

    def simulations(self, methods: int) -> int:
        """Simulations that ``methods`` rows take over all seeds: pairs, targets and judging."""
        a_seed = self.n + self.targets + methods * self.targets * self.guesses[-1]
        return self.seeds * a_seed


def seconds_a_simulation(task: Task, rows: int = 8) -> float:
    """Processor seconds of one simulation, from a few prior draws simulated together."""
    start = runtime.cpu_seconds()
    task.sample(rows)
    return (runtime.cpu_seconds() - start) / rows


def make_plan(
    *,
    n: int,
    targets: int,
    guesses: Sequence[int],
    seeds: int,
    budget: float | Mapping[str, float] | None,
    methods: int,
    simulation_s: float = 0.0,
) -> Plan:
    """Sizes within a budget.

    Args:
        n, targets, guesses, seeds: as asked for.
        budget: processor seconds, or ``{"seconds": ..., "simulations": ...}``.
        methods: rows that are judged.
        simulation_s: seconds of one simulation.

    Raises:
        ValueError: a size below one, another word in the budget, or a budget in simulations that
            does not even pay for one answer a target.
    """
    counts = tuple(sorted({require_count("guesses", count) for count in guesses}))
    if not counts:
        raise ValueError("guesses: expected numbers of guesses such as (1, 10, 100), got none")
    limits = dict(budget) if isinstance(budget, Mapping) else {"seconds": budget}
    unknown = sorted(set(limits) - {"seconds", "simulations"})
    if unknown:
        raise ValueError(f"budget: expected 'seconds' and 'simulations', got {', '.join(unknown)}")
    plan = Plan(
        require_count("n", n),
        require_count("targets", targets),
        counts,
        require_count("seeds", seeds),
        limits.get("seconds"),
        simulation_s,
    )
    if simulation_s > DEAR_SECONDS:
        plan = replace(plan, targets=min(plan.targets, DEAR_TARGETS), guesses=plan.guesses[:1])
    return _within(plan, limits.get("simulations"), methods)


def _within(plan: Plan, simulations: float | None, methods: int) -> Plan:
    """Fewer guesses first, then fewer seeds, then fewer targets, until the calls fit."""
    if simulations is None:
        return plan
    while plan.simulations(methods) > simulations:
        if len(plan.guesses) > 1:
            plan = replace(plan, guesses=plan.guesses[:-1])
        elif plan.seeds > 1:
            plan = replace(plan, seeds=plan.seeds - 1)
        elif plan.targets > 5:
            plan = replace(plan, targets=max(5, plan.targets // 2))
        else:
            raise ValueError(
                f"budget: {simulations:g} simulations do not pay for {plan.n} pairs and one "
                f"answer to {plan.targets} targets by {methods} methods, which take "
                f"{plan.simulations(methods)}; give a smaller n or fewer methods"
            )
    return plan
