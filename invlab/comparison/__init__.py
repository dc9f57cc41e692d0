"""Which method for my task: all that fit are tried on it, and the result is put in words.

``compare`` (this file) lays out the trials; ``plan`` says how large they are, ``candidates`` who
takes part, ``trial`` runs one method on one seed, ``judge`` scores its guesses, ``table`` makes
the rows, ``advice`` the sentences, and ``result`` shows both.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import torch

from invlab import runtime
from invlab.comparison.advice import Facts, ranked
from invlab.comparison.candidates import Candidate, choose
from invlab.comparison.judge import Judge, fingerprint, surrogate_task
from invlab.comparison.plan import Plan, make_plan, seconds_a_simulation
from invlab.comparison.result import Comparison
from invlab.comparison.table import rows_of
from invlab.comparison.trial import Question, attempt
from invlab.runs.records import Run, run
from invlab.task import Pairs, Targets, Task

__all__ = ["Comparison", "compare"]

# Parts of the pairs of the learning curve, beside all of them.
CURVE = (4, 2)


@runtime.differentiable()
def compare(
    data: Task | Pairs,
    methods: str | Sequence[Any] = "auto",
    *,
    n: int = 1000,
    targets: int = 100,
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
            in place of a simulator, and another part serves as targets.
        methods: ``"auto"``, or names of :func:`invlab.list_methods` and objects of your own with
            ``fit`` and ``propose``.
        n: pairs to learn from, a seed.
        targets: targets a seed.
        guesses: numbers T of guesses a target.
        budget: processor seconds, or ``{"seconds": ..., "simulations": ...}``. After the seconds no
            further seed is begun; the simulations limit the sizes from the start.
        seeds: how often all of it is done.
        jobs: processes; scheduler: address of a Dask cluster instead.
        folder: where records are kept; the next call resumes from them.

    Returns:
        A :class:`Comparison`: rows, advice, ``best(T)``, ``plot()``, ``to_html(path)``.

    Raises:
        TypeError, ValueError: no task or pairs, an unknown method, or a size out of range. An error
            in one method never ends the comparison; it stands in that method's row.
    """
    task, pairs = _read(data)
    simulation_s = seconds_a_simulation(task) if pairs is None else 0.0
    chosen = choose(task, methods, n=n, simulated=pairs is None)
    running = [candidate for candidate in chosen if not candidate.reason]
    plan = make_plan(
        n=n, targets=targets, guesses=guesses, seeds=seeds, budget=budget,
        methods=len(running), simulation_s=simulation_s,
    )  # fmt: skip
    trials = _Trials(task, pairs, plan)
    where = {"jobs": jobs, "scheduler": scheduler}
    if folder is not None:
        return _compared(trials, chosen, running, Path(folder), where)
    with tempfile.TemporaryDirectory() as scratch:
        return _compared(trials, chosen, running, Path(scratch), where)


def _read(data: Task | Pairs) -> tuple[Task, Pairs | None]:
    if isinstance(data, Task):
        return data, None
    if isinstance(data, Pairs):
        return Task.from_pairs(data, name="pairs"), data
    raise TypeError(f"compare: expected a Task or Pairs, got {type(data).__name__}")


class _Trials:
    """Lays out what each seed is asked, and who judges.

    Args:
        task: the user's, or one around pairs.
        pairs: where there is no simulator.
        plan: sizes.
    """

    def __init__(self, task: Task, pairs: Pairs | None, plan: Plan) -> None:
        self.task, self.pairs, self.plan = task, pairs, plan

    def question(self, seed: int, share: int = 1) -> tuple[Question, Judge, float | None]:
        """What a seed asks, its judge, and the judge's own error where it is a network."""
        if self.pairs is None:
            return self._simulated(seed, share)
        return self._held_out(self.pairs, seed, share)

    def _simulated(self, seed: int, share: int) -> tuple[Question, Judge, float | None]:
        plan, name = self.plan, self.task.name
        draws = runtime.generator(seed, name, "comparison")
        data = self.task.sample(plan.n, generator=draws, dtype=torch.float64)
        asked = self.task.targets(plan.targets, seed=1_000_000 + seed, dtype=torch.float64)
        judge = Judge(self.task, data.y)
        return Question(_part(data, share), asked, plan.guesses, seed), judge, None

    def _held_out(self, pairs: Pairs, seed: int, share: int) -> tuple[Question, Judge, float]:
        usable = self.task.usable(pairs)
        shuffle = runtime.generator(seed, "comparison", "parts")
        rest, third = usable.split(1 / 3, generator=shuffle)
        count = min(self.plan.targets, max(1, len(rest) // 4))
        learn, asked = rest.split(count / len(rest), generator=shuffle)
        law, error = surrogate_task(third, self.task, seed=seed)
        learn = learn[: self.plan.n]
        judge = Judge(law, usable.y, refine=False)
        wanted = Targets(asked.y, asked.c, asked.x)
        return Question(_part(learn, share), wanted, self.plan.guesses, seed), judge, error

    def run(self, candidate: Candidate, seed: int, share: int = 1) -> Run:
        """One method on one seed, on 1/share of the pairs."""
        part = "" if share == 1 else f"/part{share}"
        kind = type(candidate.method)
        own = f"{kind.__module__}.{kind.__qualname__}"
        method = candidate.method if isinstance(candidate.method, str) else own
        settings = {
            "task": self.task.name,
            "data": self.fingerprint,
            "n": self.plan.n,
            "targets": self.plan.targets,
            "guesses": list(self.plan.guesses),
            "method": method,
            "options": {name: str(value) for name, value in candidate.options.items()},
            "share": share,
        }
        compute = partial(_compute, self, candidate, share)
        return Run(f"comparison/{candidate.name}{part}/seed{seed}", settings, compute, (seed,))

    @cached_property
    def fingerprint(self) -> str:
        """What tells this task or these pairs from others of the same name."""
        return fingerprint(self.task.sample(8) if self.pairs is None else self.pairs)


def _part(data: Pairs, share: int) -> Pairs:
    return data if share == 1 else data[: max(2, len(data) // share)]


def _compute(
    trials: _Trials, candidate: Candidate, share: int, seeds: Sequence[int]
) -> dict[str, Any]:
    (seed,) = seeds
    question, judge, own_error = trials.question(seed, share)
    found = attempt(candidate, question, judge)
    found["calls"] = len(question.data) if own_error is None else 0
    floor = float(judge.floor(question.targets).mean()) if own_error is None else own_error
    return {"found": found, "floor": floor}


def _compared(
    trials: _Trials,
    chosen: list[Candidate],
    running: list[Candidate],
    folder: Path,
    where: dict[str, Any],
) -> Comparison:
    start, plan = runtime.cpu_seconds(), trials.plan
    records: dict[str, list[dict[str, Any]]] = {candidate.name: [] for candidate in chosen}
    floors = []
    for seed in range(plan.seeds):
        spent = runtime.cpu_seconds() - start
        if seed and plan.seconds is not None and spent > plan.seconds:
            break
        made = run([trials.run(c, seed) for c in running], seeds=[seed], folder=folder, **where)
        for candidate, record in zip(running, made, strict=True):
            records[candidate.name].append(record["found"])
            floors.append(record["floor"])
    floor = sum(floors) / len(floors)
    notes = {candidate.name: candidate.reason for candidate in chosen}
    rows, scores = rows_of(records, plan.guesses, notes, floor)
    facts = Facts(
        rows={row["method"]: row for row in rows},
        scores=scores,
        guesses=plan.guesses,
        floor=floor,
        judged_by="simulator" if trials.pairs is None else "surrogate",
        noisy=trials.task.noisy,
        samplers=frozenset(c.name for c in running if _draws(c)),
        searching=frozenset(c.name for c in running if _searches(c)),
    )
    curve = _curve(trials, facts, {c.name: c for c in running}, folder, where)
    return Comparison(rows, replace(facts, curve=curve), plan)


def _curve(
    trials: _Trials,
    facts: Facts,
    running: Mapping[str, Candidate],
    folder: Path,
    where: dict[str, Any],
) -> dict[int, float] | None:
    """Error of the best method for one guess on a quarter and a half of the pairs, first seed."""
    n = facts.guesses[0]
    order = ranked(facts, n)
    if not order or trials.plan.n < 8 * max(CURVE):
        return None
    best = running[order[0]]
    made = run([trials.run(best, 0, part) for part in CURVE], seeds=[0], folder=folder, **where)
    whole = facts.scores[best.name]
    curve = {trials.plan.n: float(whole.logs(n)[0].mean().exp())}
    for part, record in zip(CURVE, made, strict=True):
        if "errors" not in record["found"]:
            return None
        _, scores = rows_of({best.name: [record["found"]]}, facts.guesses, {}, facts.floor)
        curve[trials.plan.n // part] = scores[best.name].geometric_mean(n)
    return curve


def _draws(candidate: Candidate) -> bool:
    method = candidate.build()
    return bool(getattr(method, "exchangeable", False)) and candidate.name != "prior"


def _searches(candidate: Candidate) -> bool:
    return bool(getattr(candidate.build(), "calls_simulator", False))
