"""Which method for my task: all that fit are tried on it, and the result is put in words.

``compare`` (this file) lays out the trials; ``plan`` says how large they are, ``candidates`` who
takes part, ``trial`` runs one method on one seed, ``judge`` scores its guesses, ``table`` makes
the rows, ``advice`` the sentences, and ``result`` shows both.
"""

from __future__ import annotations

import importlib
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import torch

from invlab import runtime
from invlab.comparison.advice import Facts, ranked
from invlab.comparison.candidates import NULLS, STEP_SECONDS, STEPS, Candidate, choose
from invlab.comparison.fingerprint import FEW_ROWS, ROWS, of_object, of_pairs, of_task
from invlab.comparison.judge import (
    REPLICATES,
    Judge,
    divided,
    refinement_calls,
    surrogate_task,
)
from invlab.comparison.plan import (
    CURVE,
    OverBudget,
    Plan,
    counts_of,
    limits_of,
    make_plan,
    seconds_a_simulation,
)
from invlab.comparison.result import Comparison
from invlab.comparison.table import floor_row, rows_of
from invlab.comparison.trial import Question, attempt
from invlab.metrics.effects import require_gradient, warn_of_noise
from invlab.runs.records import Run, missing, read, run
from invlab.simulators.numpy_functions import without_failed_rows
from invlab.task import Pairs, Targets, Task, without_held_out
from invlab.trust.belief import warn_of_replicates
from invlab.validation import require_count

__all__ = ["Comparison", "compare"]

# Simulations that show whether noise and gradients are as the task says.
CHECKED = 3
# A third of fewer pairs leaves the network that judges none to be tested on.
LEAST = 8
# What the progress bar counts: each method on each seed.
TRAININGS = "trainings and scores"


@runtime.differentiable()
@without_failed_rows()  # the advice says how many fail
def compare(
    data: Task | Pairs,
    methods: str | Sequence[Any] = "auto",
    *,
    n: int = 1000,
    targets: int = 50,
    guesses: Sequence[int] = (1, 10, 100),
    budget: float | Mapping[str, float] | None = None,
    seeds: int = 3,
    jobs: int = 1,
    scheduler: str | None = None,
    folder: str | Path | None = None,
) -> Comparison:
    """Try methods on one's own task, and say which to use for what.

    Each method learns from the same ``n`` pairs, answers the same targets, and has its guesses
    simulated; that again with other pairs, targets and weights for each seed. The look-up in the
    pairs, draws from the prior and a pool of surrogate simulations always take part: what any
    learned method has to beat. Trainings are short: enough to order methods, not to be used.

    Args:
        data: a task; or pairs alone, of which a third then trains the network that judges guesses
            in place of a simulator, and another part serves as targets. Where targets will come
            with an error of measurement, the simulator is to add it, with ``noisy=True``: this call
            knows no ``sigma``, and may name a method that ``invert`` cannot give one.
        methods: names of :func:`invlab.list_methods`, and objects of your own with ``fit`` and
            ``propose``; ``"auto"``, alone or among them, stands for the neural adjoint, mixture
            density, cINN, flow matching, tandem and direct. Searches on the simulator take part by
            themselves: ``bfgs`` and ``lm``, or ``differential_evolution`` without gradients.
        n: pairs to learn from, a seed.
        targets: targets a seed.
        guesses: numbers T of guesses a target.
        budget: processor seconds, or ``{"seconds": ..., "simulations": ...}``. After the seconds no
            further seed is begun; the simulations limit the sizes from the start, searches that
            they do not pay for are left out by name, and nothing is refined where they do not pay
            for that either.
        seeds: how often all of it is done.
        jobs: processes; scheduler: address of a Dask cluster instead.
        folder: where records are kept; the next call resumes from them, and tries again what
            failed. Those of another version of this library count as none.

    Returns:
        A :class:`Comparison`: rows, advice, ``best(T)``, ``plot()``, ``to_html(path)``.

    Raises:
        TypeError, ValueError: no task or pairs, an unknown method, a size out of range, or a
            simulator without a gradient whose task does not say ``differentiable=False``. An error
            in one method never ends the comparison; it stands in that method's row.

    Warns:
        UserWarning: equal unknowns give different y, though the task says ``noisy=False``; all
            pairs have the same y.

    Example:
        >>> import invlab
        >>> task = invlab.get_task("square")
        >>> result = invlab.compare(task, ["nearest"], n=20, targets=2, guesses=(1,), seeds=1)
        >>> {"nearest", "prior", "bfgs"} <= {row["method"] for row in result.rows}
        True
        >>> result.best(1) == result.order(1)[0]  # print(result) shows a table and advice
        True
    """
    task, pairs = _read(data)
    limits = limits_of(budget)
    sizes = {"n": n, "targets": targets, "seeds": seeds}
    n, targets, seeds = (require_count(name, value) for name, value in sizes.items())
    guesses = counts_of(guesses)
    _require_where(jobs, scheduler)
    methods = list(methods) if isinstance(methods, Iterator) else methods
    # names are looked at before anything is simulated
    choose(task, methods, n=n, simulated=pairs is None)
    a_refinement = 0
    if pairs is None:
        simulation_s, timed = seconds_a_simulation(task, limits.get("simulations"))
        spent, a_refinement = timed + ROWS + CHECKED, refinement_calls(task, simulation_s)
    else:
        simulation_s, spent = 0.0, 0
        n, targets = _sizes(task, pairs, n, targets, seeds)
    chosen = choose(
        task, methods, n=n, simulated=pairs is None, seconds=limits.get("seconds"), seeds=seeds,
        simulation_s=simulation_s,
    )  # fmt: skip
    chosen, plan = _planned(
        chosen, n=n, targets=targets, guesses=guesses, seeds=seeds, budget=limits,
        simulation_s=simulation_s, a_guess=REPLICATES if task.noisy else 1, spent=spent,
        a_refinement=a_refinement,
    )  # fmt: skip
    running = [candidate for candidate in chosen if not candidate.reason]
    trials = _Trials(task, pairs, plan)
    where = {"jobs": jobs, "scheduler": scheduler}
    runtime.announce(_announcement(task, plan, running))
    if folder is not None:
        _warn_of_strangers(trials)
        return _compared(trials, chosen, Path(folder), where)
    with tempfile.TemporaryDirectory() as scratch:
        return _compared(trials, chosen, Path(scratch), where)


def _warn_of_strangers(trials: _Trials) -> None:
    """Say that records in a folder will not be found again where the noise has its own stream."""
    task = trials.task
    if trials.pairs is not None or not task.noisy or trials.plan.dear:
        return
    if of_task(task, FEW_ROWS) != of_task(task, FEW_ROWS):
        warnings.warn(
            f"{task.name}: its noise does not follow torch's seed, so that its records in the "
            "folder cannot be told from another task's and nothing is resumed; draw the noise by "
            "torch, or start NumPy's generator from a number that torch draws",
            stacklevel=3,
        )


def _planned(chosen: list[Candidate], **sizes: Any) -> tuple[list[Candidate], Plan]:
    """The sizes, and who takes part: no search for which the budget in simulations is too small.

    Raises:
        OverBudget: the budget does not pay for the others either.
    """
    running = [candidate for candidate in chosen if not candidate.reason]
    searches = [candidate for candidate in running if candidate.searches]
    try:
        return chosen, make_plan(
            methods=len(running), searches=len(searches),
            a_search=max((one.least_calls for one in running), default=0), **sizes,
        )  # fmt: skip
    except OverBudget:
        if not searches:
            raise
    dearest = max(searches, key=lambda one: one.least_calls)
    return _planned([_unpaid(one) if one is dearest else one for one in chosen], **sizes)


def _unpaid(candidate: Candidate) -> Candidate:
    reason = f"a target takes some {candidate.least_calls} simulations, too many for the budget"
    return replace(candidate, reason=reason)


def _announcement(task: Task, plan: Plan, running: Sequence[Candidate]) -> str:
    count = plan.simulations(len(running), sum(one.searches for one in running))
    trials = f"{len(running)} methods × {plan.seeds} seeds on {task.name}"
    if not task.has_simulator:
        return f"compare: {trials}, {plan.targets} targets a seed"
    steps = STEP_SECONDS * STEPS * plan.seeds * len(running)
    minutes = (count * plan.simulation_s + min(steps, plan.seconds or steps)) / 60
    return f"compare: {trials}, about {count:,} simulations; some {minutes:.1f} minutes in all"


def _read(data: Task | Pairs) -> tuple[Task, Pairs | None]:
    if isinstance(data, Task):
        return data, None
    if isinstance(data, Pairs):
        task = Task.from_pairs(data, name="pairs")
        warn_of_replicates(task, data)
        return task, data
    raise TypeError(f"compare: expected a Task or Pairs, got {type(data).__name__}")


def _require_where(jobs: int, scheduler: str | None) -> None:
    if require_count("jobs", jobs) > 1 and scheduler is not None:
        raise ValueError(f"compare: expected jobs or scheduler, got {jobs} and {scheduler!r}")


def _sizes(task: Task, pairs: Pairs, n: int, targets: int, seeds: int) -> tuple[int, int]:
    """Pairs to learn from and targets that there are in each seed, and no more than asked for."""
    usable = task.usable(pairs)
    if len(usable) < LEAST:
        raise ValueError(
            f"compare: expected at least {LEAST} pairs with a valid y, to be divided among "
            "methods, targets, and the network that judges and its test, got "
            f"{len(usable)}; give more pairs"
        )
    parts = [_divided(usable, targets, seed) for seed in range(seeds)]
    learned, asked = (min(map(len, some)) for some in list(zip(*parts, strict=True))[:2])
    return min(n, learned), min(targets, asked)


def _divided(usable: Pairs, targets: int, seed: int) -> tuple[Pairs, Pairs, Pairs]:
    """Pairs to learn from, targets, and the third that the network learns from which judges."""
    shuffle = runtime.generator(seed, "comparison", "parts")
    whose = "the methods and the network that judges"
    rest, third = divided(usable, 1 / 3, whose, generator=shuffle)
    count = min(targets, max(1, len(rest) // 4))
    whose = "the methods and the targets"
    learn, asked = divided(rest, count / len(rest), whose, generator=shuffle)
    return learn, asked, third


class _Trials:
    """Lays out what each seed is asked, and who judges.

    Args:
        task: the user's, or one around pairs.
        pairs: where there is no simulator.
        plan: sizes.
    """

    def __init__(self, task: Task, pairs: Pairs | None, plan: Plan) -> None:
        self.task, self.pairs, self.plan = task, pairs, plan
        self._asked: dict[int, tuple[Question, Judge, float]] = {}
        self._seen: dict[str, str] = {}

    def question(self, seed: int) -> tuple[Question, Judge, float]:
        """What a seed asks, its judge, and the floor: of the noise, or the judge's own error.

        Made once a seed, and handed on to other processes. That of the seed before is dropped, but
        for the first, which the learning curve asks again.
        """
        if seed not in self._asked:
            lay_out = self._simulated if self.pairs is None else self._held_out
            kept = {k: asked for k, asked in self._asked.items() if k == 0}
            self._asked = kept | {seed: lay_out(seed)}
        return self._asked[seed]

    def _simulated(self, seed: int) -> tuple[Question, Judge, float]:
        plan, name = self.plan, self.task.name
        draws = runtime.generator(seed, name, "comparison")
        data = self.task.sample(plan.n, generator=draws, dtype=torch.float64)
        if seed == 0:
            warn_of_noise(self.task, data)
            require_gradient(self.task, data.x, data.c)
        if plan.dear:
            usable = self.task.usable(data)
            count = min(plan.targets, max(1, len(usable) // 4))
            whose = "the methods and the targets"
            kept, held = divided(usable, count / len(usable), whose, generator=draws)
            asked = Targets(held.y, held.c, held.x)
            # those that failed stay among what is learned from, where they are counted
            failed = ~self.task.valid(data.y)
            data = kept.joined(data[failed]) if bool(failed.any()) else kept
        else:
            asked = self.task.targets(plan.targets, seed=1_000_000 + seed, dtype=torch.float64)
        refine = plan.a_refinement > 0
        judge = Judge(self.task, data.y, refine=refine, simulation_s=plan.simulation_s)
        floor = float(judge.floor(asked).nanmean())
        return Question(data, asked, plan.guesses, seed), judge, floor

    def _held_out(self, seed: int) -> tuple[Question, Judge, float]:
        assert self.pairs is not None
        usable = self.task.usable(self.pairs)
        learn, asked, third = _divided(usable, self.plan.targets, seed)
        learn, asked = learn[: self.plan.n], asked[: self.plan.targets]
        law, error = surrogate_task(third, without_held_out(self.task, learn), seed=seed)
        judge = Judge(law, usable.y, refine=False)
        wanted = Targets(asked.y, asked.c, asked.x)
        return Question(learn, wanted, self.plan.guesses, seed), judge, error / judge.variance

    def run(self, candidate: Candidate, seed: int, share: int = 1) -> Run:
        """One method on one seed, on 1/share of the pairs."""
        part = "" if share == 1 else f"/part{share}"
        kind = type(candidate.method)
        ours = isinstance(candidate.method, str)
        own = "" if ours else f"{kind.__module__}.{kind.__qualname__} {self._own(candidate)}"
        settings = {
            # by name, since the package stands above this module
            "version": importlib.import_module("invlab").__version__,
            "task": self.task.name,
            "data": self.identity,
            "n": self.plan.n,
            "targets": self.plan.targets,
            "guesses": list(self.plan.guesses),
            "method": candidate.method if ours else own,
            "options": {name: str(value) for name, value in candidate.options.items()},
            "share": share,
            "refined": self.plan.a_refinement > 0,
        }
        compute = partial(_compute, self, candidate, share)
        # a name may hold any sign, and is not to lead out of the folder
        place = quote(candidate.name, safe=" ") if candidate.name.strip(".") else "unnamed"
        return Run(f"comparison/{place}{part}/seed{seed}", settings, compute, (seed,))

    def _own(self, candidate: Candidate) -> str:
        """What tells an object of the user's from others of its class; as it came, untrained."""
        if candidate.name not in self._seen:
            self._seen[candidate.name] = of_object(candidate.method)
        return self._seen[candidate.name]

    @cached_property
    def identity(self) -> str:
        """What tells this task or these pairs from others of the same name."""
        if self.pairs is not None:
            return of_pairs(self.pairs)
        return of_task(self.task, FEW_ROWS if self.plan.dear else ROWS)


def _part(question: Question, share: int) -> Question:
    """The same question with 1/share of the pairs."""
    if share == 1:
        return question
    return replace(question, data=question.data[: max(2, len(question.data) // share)])


@without_failed_rows()
def _compute(
    trials: _Trials, candidate: Candidate, share: int, seeds: Sequence[int]
) -> dict[str, Any]:
    (seed,) = seeds
    question, judge, floor = trials.question(seed)
    question = _part(question, share)
    most = trials.plan.search_guesses if candidate.searches else None
    found = attempt(candidate, question, judge, most)
    if "calls" in found and candidate.name not in NULLS:
        found["calls"] += len(question.data)
    invalid = 1 - float(judge.task.valid(question.data.y).double().mean())
    return {
        "found": found,
        "floor": floor,
        "invalid": invalid,
        "unseen": judge.unseen,
        "pairs": len(question.data),
    }


def _compared(
    trials: _Trials, chosen: list[Candidate], folder: Path, where: dict[str, Any]
) -> Comparison:
    plan, task = trials.plan, trials.task
    running = [candidate for candidate in chosen if not candidate.reason]
    made = _records(trials, running, folder, where)
    every = [record for several in made.values() for record in several]
    floor, invalid = (sum(r[key] for r in every) / len(every) for key in ("floor", "invalid"))
    notes = {candidate.name: candidate.reason for candidate in chosen}
    found = {c.name: [record["found"] for record in made.get(c.name, [])] for c in chosen}
    rows, scores = rows_of(found, plan.guesses, notes, floor)
    seeds = max(map(len, found.values()), default=0)  # the budget may end it before the last
    plan = replace(plan, n=every[0].get("pairs", plan.n), seeds=seeds)
    facts = Facts(
        rows={row["method"]: row for row in rows},
        scores=scores,
        guesses=plan.guesses,
        floor=floor,
        invalid=invalid,
        unseen=tuple(every[0].get("unseen", (0, 1))),
        judged_by="simulator" if trials.pairs is None else "surrogate",
        noisy=task.noisy,
        samplers=frozenset(c.name for c in running if c.draws),
        searching=frozenset(c.name for c in running if c.searches),
    )
    curve = _curve(trials, facts, {c.name: c for c in running}, folder, where)
    if task.noisy:
        rows.append(floor_row(floor, plan.guesses, "error of the truth under fresh noise"))
    elif trials.pairs is not None:
        rows.append(floor_row(floor, plan.guesses, "held-out error of the network that judges"))
    return Comparison(rows, replace(facts, curve=curve), plan)


def _records(
    trials: _Trials, running: Sequence[Candidate], folder: Path, where: dict[str, Any]
) -> dict[str, list[dict[str, Any]]]:
    """The records of each method, one a seed."""
    plan, spent = trials.plan, 0.0
    records: dict[str, list[dict[str, Any]]] = {candidate.name: [] for candidate in running}
    for seed in range(plan.seeds):
        if seed and plan.seconds is not None and spent > plan.seconds:
            break
        runs = [trials.run(one, seed) for one in running]
        _forget_failures(runs, folder)
        begun = {"before": seed * len(runs), "after": (plan.seeds - seed - 1) * len(runs)}
        start = runtime.cpu_seconds()
        _lay_out(trials, runs, seed, folder)
        spent += runtime.cpu_seconds() - start
        told = where | begun | {"description": TRAININGS}
        made = run(runs, seeds=[seed], folder=folder, **told)
        for candidate, record in zip(running, made, strict=True):
            records[candidate.name].append(record)
            spent += record["cpu_seconds"]
    return records


def _forget_failures(runs: Sequence[Run], folder: Path) -> None:
    """Take out records of methods that failed in an earlier call: they are tried again."""
    for one in runs:
        path = folder / f"{one.id}.json"
        record = read(path)
        if record is not None and "errors" not in record.get("found", {}):
            path.unlink()


def _lay_out(trials: _Trials, runs: list[Run], seed: int, folder: Path) -> None:
    """Make what a seed asks, here, so that every process is handed the same."""
    if missing(runs, seeds=[seed], folder=folder):
        trials.question(seed)


def _curve(
    trials: _Trials,
    facts: Facts,
    running: Mapping[str, Candidate],
    folder: Path,
    where: dict[str, Any],
) -> dict[int, float] | None:
    """Error of the best method that learns, for one guess, on parts of the pairs; first seed."""
    n = facts.guesses[0]
    # a search on the simulator learns nothing
    order = [name for name in ranked(facts, n) if name not in facts.searching]
    if not order or trials.plan.n < 8 * max(CURVE):
        return None
    best = running[order[0]]
    runs = [trials.run(best, 0, part) for part in CURVE]
    _forget_failures(runs, folder)
    _lay_out(trials, runs, 0, folder)
    what = f"{best.name} on fewer pairs"
    made = run(runs, seeds=[0], folder=folder, **where, description=what)
    whole = facts.scores[best.name]
    curve = {trials.plan.n: float(whole.logs(n)[0].mean().exp())}
    for part, record in zip(CURVE, made, strict=True):
        if "errors" not in record["found"]:
            return None
        _, scores = rows_of({best.name: [record["found"]]}, facts.guesses, {}, facts.floor)
        if not scores[best.name].given(n):  # a look-up in fewer pairs than guesses
            return None
        curve[trials.plan.n // part] = scores[best.name].geometric_mean(n)
    return curve
