"""What is measured: every method on the same n problems of a system, beside SciPy's BFGS."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from invbook import frozen
from invbook.papers.joint_optimization import learned, pdes
from invbook.papers.joint_optimization.courses import Course
from invbook.papers.joint_optimization.scoreboard import (
    SMALL,
    Scoreboard,
    batched,
    curves_of,
    draws,
    exchange,
    multistart,
    timed,
)
from invbook.papers.joint_optimization.systems import Result, draw_problems, envelope
from invlab.minimizers import minimize

__all__ = ["BILLIARDS", "WAVE", "aimed", "measure"]

WAVE = frozen.options("joint_optimization", "wave_packet")
BILLIARDS = frozen.options("joint_optimization", "billiards")
# m/s: the fastest shot that is tried where the direction may be any.
FASTEST = 4.0


def measure(system: str, n: int, seed: int, settings: dict[str, Any]) -> dict[str, Any]:
    """All methods on n problems of one seed, as a record holds them.

    Returns:
        ``scores``, one number each under ``S<unit>/<method>/<stage>/<quantity>``: the quantities
        of :func:`~invbook.papers.joint_optimization.systems.compare`, ``cpu`` (seconds, those of
        the training or search alone before refinement, of both after it), ``evaluations`` (of
        the model, a problem) and, where there were any, ``iterations`` (of BFGS on the model, a
        problem); the stages are ``unrefined`` and ``refined``. ``curves``: the mean loss of the
        answers at some ``iteration`` of the training (``joint``, the first network) and the mean
        of the best losses after each evaluation of the batched BFGS (``bfgs``, by unit), and
        the same of ``direct`` and ``neural_adjoint`` as they learn and search,
        what multi-start has ``solved`` at what ``cpu`` after how many ``starts``; see
        :func:`~invbook.papers.joint_optimization.pdes.search` for the differential equations.
    """
    problems = draw_problems(system, n, seed)
    run = Scoreboard(problems)
    if system == "wave_packet":
        curves = _wave(run, seed, settings)
    elif system == "billiards":
        curves = _billiards(run, seed, settings)
    else:
        curves = pdes.search(run, seed, settings)
    return {"scores": {name: [value] for name, value in run.scores.items()}, "curves": curves}


def aimed(rows: Tensor, generator: torch.Generator) -> Tensor:
    """Shots in any direction at any speed up to 4 m/s: draws that know nothing of the table."""
    unit = torch.rand(len(rows), 2, generator=generator, dtype=torch.float64)
    angle, speed = 2 * torch.pi * unit[:, 0], FASTEST * unit[:, 1]
    return torch.stack((speed * angle.cos(), speed * angle.sin()), 1)


def _wave(run: Scoreboard, seed: int, settings: dict[str, Any]) -> dict[str, Any]:
    problems = run.problems
    last, best, course = learned.joint(problems, seed, **settings["joint"])
    ends = run.refine("joint", last)
    for unit in run.units:
        run.enter(unit, "joint_single", "unrefined", last[0])
        run.enter(unit, "joint_single", "refined", ends[unit][0])
    run.refine("joint_best", best)
    drawn = draws(problems, seed, settings["joint"]["networks"])
    ends = run.refine("draws", drawn)
    for unit in run.units:
        run.enter(unit, "draw", "unrefined", drawn[0])
        run.enter(unit, "draw", "refined", ends[unit][0])
    run.refine("envelope", [learned.envelope_joint(problems, seed, **settings["envelope"])])
    smooth = envelope(problems)
    ahead = timed(lambda: minimize(smooth, problems.start, bounds=problems.box, x_scale=SMALL))
    ahead = Result(ahead.x, problems.loss(ahead.x), ahead.cpu, ahead.evaluations)
    run.refine("envelope_bfgs", [ahead])
    courses: dict[str, Course] = {"direct": {}, "neural_adjoint": {}}
    taught = learned.direct(problems, seed, course=courses["direct"], **settings["direct"])
    run.refine("direct", [taught])
    guessed = learned.neural_adjoint(
        problems,
        seed,
        run.units,
        course=courses["neural_adjoint"],
        **settings["neural_adjoint"],
    )
    for unit in run.units:
        run.refine("neural_adjoint", [guessed[unit]], [unit])
    ours, descent = batched(problems)
    run.end("bfgs_batched", ours)
    run.end("exchange", exchange(problems, problems.start))
    found, noted = multistart(
        problems, seed, settings["starts"], problems.start, draws=problems.task.prior
    )
    run.end("multistart", found)
    return curves_of(course, descent) | courses | {"multistart": noted}


def _billiards(run: Scoreboard, seed: int, settings: dict[str, Any]) -> dict[str, Any]:
    problems, goal = run.problems, settings["target"]
    last, best, course = learned.joint(problems, seed, **settings["joint"])
    run.refine("joint_last", last)
    (joint,) = run.refine("joint", best)[SMALL]
    run.refine("draw", draws(problems, seed, 1))
    courses: dict[str, Course] = {"direct": {}, "neural_adjoint": {}}
    taught = learned.direct(problems, seed, course=courses["direct"], **settings["direct"])
    run.refine("direct", [taught])
    guessed = learned.neural_adjoint(
        problems,
        seed,
        run.units,
        course=courses["neural_adjoint"],
        **settings["neural_adjoint"],
    )
    run.refine("neural_adjoint", [guessed[SMALL]])
    ours, descent = batched(problems)
    run.end("bfgs_batched", ours)
    run.end("exchange", exchange(problems, problems.start, goal))
    run.end("joint_exchange", joint.then(exchange(problems, joint.x, goal)))
    options = {"target": goal, "draws": problems.task.prior}
    found, noted = multistart(problems, seed, settings["starts"], problems.start, **options)
    run.end("multistart", found)
    wide, widely = multistart(
        problems, seed, settings["starts"], problems.start, target=goal, draws=aimed
    )
    run.end("multistart_aimed", wide)
    # the better of the network's answer and BFGS's, then exchange, then restarts
    safe = Result.best([joint, ours])
    for name, first in (("all", safe), ("all_without_network", ours)):
        shared = exchange(problems, first.x, goal)
        rest, _ = multistart(problems, seed, settings["starts"], shared.x, **options)
        run.end(name, first.then(shared).then(rest))
    noted_starts = {"multistart": noted, "multistart_aimed": widely}
    return curves_of(course, descent) | courses | noted_starts
