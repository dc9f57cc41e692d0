"""A dear simulator: spend a fixed number of simulations in rounds of fit, search and simulation."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from invlab import runtime
from invlab.inversion.answers import Answers, length_of
from invlab.inversion.measurement import Measurement
from invlab.inversion.request import Asked
from invlab.methods import get_method
from invlab.methods.base import Method
from invlab.metrics.effects import effects
from invlab.priors.restricted import Restricted
from invlab.task import Pairs, Task

__all__ = ["in_rounds"]

# Share of the simulations that is drawn from the prior, before anything is learned.
FIRST = 0.4
# Rounds at most, and fewest simulations that a round is worth.
ROUNDS, FEWEST = 8, 4
# Fewest simulations in all: ten, of which the shape of y may have taken one.
LEAST = 9
# Guesses a target among which the next simulations are chosen, at least.
CANDIDATES = 20
# Guesses that are farther apart than this share of the box, in some unknown, are other answers.
APART = 0.15
# Said where the search came to too few new points.
SPARED = (
    "{} simulations were not spent: search and prior came to no other points than those that were "
    "simulated before."
)
# Networks, whose disagreement says where f̂ knows least.
MEMBERS = 3


def in_rounds(asked: Asked, calls: int, known: Pairs | None = None) -> Answers:
    """Answers that were all simulated, with ``calls`` simulations in all.

    At most: where y has no noise, a point that was simulated before is not simulated again, and the
    rounds end where neither search nor prior come to another.

    Each round fits a few networks to all simulations so far, searches through their mean for
    each target, and simulates the best guess of each target, the one that the networks disagree on
    most, and, where there is one, the best of those that lie far from the first and look as good.

    Args:
        asked: a part of a request.
        calls: at least 10.
        known: pairs of the task that were simulated before. Where there are a few, no
            simulations go into draws of the prior.

    Raises:
        ValueError: fewer, or known pairs whose y has more or fewer numbers than the simulator's.
    """
    if calls < LEAST:
        kinds = f" for each of {asked.parts} kinds of targets" if asked.parts > 1 else ""
        raise ValueError(f"calls: expected at least 10 simulations{kinds}, got {calls} to spend")
    measurement, task = asked.measurement, asked.measurement.task(asked.task)
    draws = runtime.generator(asked.seed, task.name, "rounds")
    if known is None or len(known) < LEAST:
        first = max(5, round(FIRST * calls))
        data = _first(task, first, draws)
        first = len(data)
        data = data if known is None else _joined(measurement.pairs(known), data)
    else:
        first, data = 0, measurement.pairs(known)
    noise = runtime.generator(asked.seed, task.name, "rounds", "noise")
    left, turn = calls - first, 0
    if asked.c is not None and left < len(asked.y):
        raise ValueError(
            f"calls: expected at least one simulation under the context of each of {len(asked.y)} "
            f"targets after the first {first}, got {left}"
        )
    while left > 0 and turn < ROUNDS:
        each = max(FEWEST, -(-left // (ROUNDS - turn)))
        x, c = _next(task, data, asked, measurement, min(each, left), calls - left)
        if not len(x):
            break
        data = _joined(data, Pairs(x, effects(task, x, c, generator=noise), c))
        left, turn = left - len(x), turn + 1
    found = _best_of(task, data, asked)
    return found if not left else replace(found, notes=(*found.notes, SPARED.format(left)))


def _joined(known: Pairs, simulated: Pairs) -> Pairs:
    """Both; a y of ``known`` that is flat gets the axes that the simulator gives.

    Raises:
        ValueError: it has another number of numbers.
    """
    shape = simulated.y.shape[1:]
    if known.y[0].numel() != shape.numel():
        raise ValueError(
            f"data: expected y of shape (N, {', '.join(map(str, shape))}), as the simulator gives, "
            f"got {tuple(known.y.shape)}"
        )
    return replace(known, y=known.y.reshape(len(known), *shape)).joined(simulated)


def _first(task: Task, n: int, draws: torch.Generator) -> Pairs:
    """Draws of the prior, simulated; each once where whole numbers repeat by law, without noise."""
    if task.noisy or not task.repeats:
        return task.sample(n, generator=draws, dtype=torch.float64)
    drawn = task.draw(n, generator=draws, dtype=torch.float64)
    x, *c = torch.cat(drawn, 1).unique(dim=0).split([part.shape[1] for part in drawn], 1)
    given = c[0] if c else None
    return Pairs(x, effects(task, x, given, generator=draws), given)


def _next(
    task: Task, data: Pairs, asked: Asked, measurement: Measurement, count: int, begin: int
) -> tuple[Tensor, Tensor | None]:
    """Unknowns to be simulated, ``(count, dx)`` or fewer, with the contexts of their targets.

    ``begin`` counts the simulations so far: the turn begins with that target.
    """
    candidates = max(CANDIDATES, -(-count // len(asked.y)))
    model = _fit(task, task.usable(data), measurement, asked.seed + begin)
    guesses = model.propose(asked.y, candidates, asked.c).double()
    doubt = model.disagreement(guesses, asked.c)
    # by turns the best that f̂ sees of each target, the best far from it, and the most doubtful
    ranks = torch.arange(candidates, device=guesses.device).expand(len(guesses), -1).clone()
    worst = doubt[:, 1:].argmax(1) + 1
    other = _another(model, guesses, doubt, asked, task)
    # under a context of its own each target is to have one before any has a second
    turns = (1, 2) if asked.c is not None else (0, 0)
    for extra, turn in zip((worst, other), turns, strict=True):
        ranks.scatter_reduce_(1, extra[:, None], torch.full_like(ranks[:, :1], turn), "amin")
    # all targets in turn, so that the last is reached too where a round is shorter than the list
    place = (torch.arange(len(guesses), device=guesses.device) - begin) % len(guesses)
    order = (ranks * len(guesses) + place[:, None]).flatten().argsort(stable=True)
    target = torch.arange(len(guesses), device=guesses.device).repeat_interleave(candidates)[order]
    x, box = guesses.flatten(0, 1)[order], task.answer_box
    x = x if box is None else box.clip(x)  # the usual range of an unbounded prior is no limit
    if isinstance(task.prior, Restricted):
        x, target = _allowed(task.prior, x, target, count, asked.seed + begin)
    if not task.noisy:  # behind them draws of the prior, where the search ends in few points
        more = task.prior.sample(
            count, generator=runtime.generator(asked.seed + begin, task.name, "more")
        )
        x = torch.cat([x, more.to(x)])
        target = torch.cat([target, torch.arange(count, device=x.device) % len(guesses)])
    if asked.c is None or data.c is None:
        return x[_distinct(x, data.x, count, task.box.width, again=task.noisy)], None
    c = asked.c[target]
    # the same unknowns under another context are another simulation
    length = torch.cat([task.box.width.to(c), c.abs().amax(0).clamp_min(1e-30)])
    both = torch.cat([x, c], 1), torch.cat([data.x, data.c], 1)
    chosen = _distinct(*both, count, length, again=task.noisy)
    return x[chosen], c[chosen]


def _another(model: Any, x: Tensor, doubt: Tensor, asked: Asked, task: Task) -> Tensor:
    """Which guess ``(B, T, dx)`` may be another answer, ``(B,)``; the best, 0, where none may.

    The first that is far from the best and, as far as the networks can tell, no worse.
    """
    each = None if asked.c is None else asked.c.repeat_interleave(x.shape[1], 0)
    effect = model.predict(x.flatten(0, 1), each).double().unflatten(0, x.shape[:2])
    error = (effect - model.surrogate.outputs(asked.y)[:, None]).square().mean(2)
    far = ((x - x[:, :1]).abs() > APART * task.box.width.to(x)).any(2)
    return (far & (error <= error[:, :1] + doubt)).to(torch.uint8).argmax(1)


def _allowed(
    prior: Restricted, x: Tensor, target: Tensor, count: int, seed: int
) -> tuple[Tensor, Tensor]:
    """The unknowns that are allowed, with their targets; draws of the prior where too few are."""
    keep = prior.allows(x)
    missing = count - int(keep.sum())
    if missing <= 0:
        return x[keep], target[keep]
    drawn = prior.sample(missing, generator=runtime.generator(seed, "rounds", "allowed")).to(x)
    of = torch.arange(seed, seed + missing, device=x.device) % (int(target.max()) + 1)
    return torch.cat([x[keep], drawn]), torch.cat([target[keep], of])


def _fit(task: Task, data: Pairs, measurement: Measurement, seed: int) -> Any:
    kind: type[Method] = type(get_method("neural_adjoint"))
    options = measurement.options(kind, data)
    model = get_method(
        "neural_adjoint", ensemble=MEMBERS, width=64, layers=4, epochs=150, batch_size=32,
        candidates=CANDIDATES, pool=2000, held_out=0.0, **options,
    )  # fmt: skip
    return model.fit(task, data, seed=seed)


def _distinct(x: Tensor, known: Tensor, count: int, length: Tensor, *, again: bool) -> Tensor:
    """Rows of the first ``count`` points that were not simulated yet.

    Two are one that differ by less than a millionth of ``length`` in each number. Where there are
    too few, others follow if they may be simulated ``again``, as under noise.
    """
    length = length.to(x)
    seen = [row for row in known / length]
    chosen: list[int] = []
    spare: list[int] = []
    for k, row in enumerate(x / length):
        near = torch.stack(seen).sub(row).abs().amax(1).amin()
        (chosen if near > 1e-6 else spare).append(k)
        if near > 1e-6:
            seen.append(row)
        if len(chosen) == count:
            break
    rows = (chosen + spare)[:count] if again else chosen
    return torch.tensor(rows, dtype=torch.long, device=x.device)


def _best_of(task: Task, data: Pairs, asked: Asked) -> Answers:
    """The simulated unknowns whose effect is nearest to each target."""
    data = task.usable(data)
    gap = data.y.double().flatten(1)[None] - asked.y[:, None]
    error = gap.square().mean(-1)
    if data.c is not None and asked.c is not None:
        # a simulation under another context says nothing about this target
        same = (data.c[None] == asked.c[:, None]).all(-1)
        error = torch.where(same, error, torch.inf)
    n = min(asked.n, len(data))
    if data.c is not None:  # others are no answers under this context
        n = min(n, max(1, int(error.isfinite().sum(1).min())))
    error, rows = error.topk(n, largest=False)
    x = data.x[rows]
    notes = [
        "Every answer is one of the simulations; reachability was not tested.",
        "Each round also tried a guess far from the best one, where one looked as good; other "
        "answers than these may exist that the rounds never came near.",
    ]
    if task.noisy:
        notes.append(
            "The simulator is noisy: each error is that of one simulation, and the smallest of "
            "many is small by luck, so that there is no bound."
        )
    nothing = torch.full((len(x),), torch.nan, dtype=torch.float64, device=x.device)
    return Answers(
        x=x,
        error=error,
        believed=error,
        bound=nothing if task.noisy else error[:, 0],
        reachable=torch.ones(len(x), dtype=torch.bool, device=x.device),
        p_value=nothing,
        spread=x.std(1, correction=0),
        calls=0,
        method="rounds",
        level=asked.level,
        notes=tuple(notes),
        labels=task.labels,
        units=task.units,
        x_length=length_of(data.x, task.box),
        error_unit=asked.measurement.error_unit,
    )
