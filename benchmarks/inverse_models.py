"""Our samplers and those of sbi and zuko: the same pairs, the same seconds, the same scores.

Tasks with an exact posterior, 10,000 pairs each: ballistics, sine and robot arm with the settings
of the book's records, two moons and SLCP with the defaults. Everyone trains for so many processor
seconds at most (``--seconds``): ours and sbi's by a number of epochs, for which a few are timed,
and sbi's and zuko's with early stopping. r_T is of 500 targets, MMD² of 50 and C2ST of 10 of them,
1000 draws each, in deviations of the training x; where the simulator is noisy r_T is left out.
Draws outside of the box are drawn again where the prior is a box, else clipped to the range of the
training x, for all alike. The neural adjoint stands beside: it is a search, whose guesses are draws
of no model, its surrogate keeps its own number of epochs, and noisy tasks are none of its business.

    python benchmarks/inverse_models.py --seeds 30 31 32 33 34 --seconds 60 --out models.json

Each result enters the file at once, and what stands there is not computed again. The last line is
the score at which the best of our samplers is least ahead of the best rival (the ratio is above one
where it is ahead), and the lines before it say the same of each of our samplers alone.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from inverse_models_rivals import RIVALS, Rival, epochs_within
from record import keep_record
from torch import Tensor

from invbook.papers.neural_adjoint.experiments import training_pairs
from invbook.papers.neural_adjoint.models import settings
from invlab.files import write_whole
from invlab.methods import get_method
from invlab.metrics import r_T, resimulation_error
from invlab.metrics.posterior import c2st, mmd2
from invlab.priors import is_bounded
from invlab.runtime import generator
from invlab.task import Pairs, Targets, Task
from invlab.tasks import get_task

TASKS = ("ballistics", "sine", "robot_arm", "two_moons", "slcp")
SAMPLERS = ("spline_flow", "flow_matching", "mixture_density", "cinn")
SEARCH = "neural_adjoint"
SCORES = ("r_1", "r_50", "r_200", "MMD²", "C2ST")
TARGETS, GUESSES, MATCHED, TOLD, DRAWS, ROUNDS = 500, 200, 50, 10, 1000, 50
# MMD² of exact draws with exact draws scatters by about so much.
FLOOR = 5e-4

Draw = Callable[[Tensor, int], Tensor]
# Scores and costs by the name of a cell, and their means by task and method.
Cells = dict[str, dict[str, float]]
Means = dict[str, dict[str, dict[str, float]]]


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """What it returns, and its processor seconds."""
    begun = time.process_time()
    found = work()
    return found, time.process_time() - begun


def ours(name: str, task: Task, data: Pairs, seconds: float, seed: int) -> tuple[Draw, float]:
    """Draws of one of our methods, and the processor seconds that its training took."""
    options: dict[str, Any] = {}
    if name in SAMPLERS:
        options = {k: v for k, v in settings(name, task.name).items() if k != "epochs"}
        options["bounds"] = "reject" if is_bounded(task.prior) else "clip"

        def spent_on(epochs: int) -> float:
            return timed(lambda: get_method(name, **options, epochs=epochs).fit(task, data))[1]

        options["epochs"] = epochs_within(seconds, spent_on)
    model, spent = timed(lambda: get_method(name, **options).fit(task, data, seed=seed))
    model.facts["whole"] = []  # the rivals know nothing of whole numbers
    return model.propose, spent


def theirs(rival: Rival, task: Task, data: Pairs, seconds: float, seed: int) -> tuple[Draw, float]:
    """The same for a rival."""
    spent = rival.fit(data, seconds, seed)
    low, high = data.x.amin(0).double(), data.x.amax(0).double()

    def draw(y: Tensor, n: int) -> Tensor:
        x = rival.draw(y, n)
        for _ in range(ROUNDS if is_bounded(task.prior) else 0):
            outside = ~task.box.contains(x)
            count = outside.sum(1)
            rows, most = count > 0, int(count.max())
            if not most:
                break
            again = torch.arange(most) < count[rows, None]
            x[outside] = rival.draw(y[rows], most)[again]
        return x.clamp(low, high)

    return draw, spent


def measure(task: Any, method: str, seed: int, seconds: float) -> dict[str, float]:
    """One cell: what a method that is trained on one task and seed scores and costs."""
    data = training_pairs(task, seed)
    asked = task.targets(TARGETS, seed=seed, dtype=torch.float64)
    rivals = {rival.name: rival for rival in RIVALS}
    if method in rivals:
        draw, spent = theirs(rivals[method], task, data, seconds, seed)
    else:
        draw, spent = ours(method, task, data, seconds, seed)
    return {"train": spent, **scores(task, data, asked, draw, seed)}


def scores(task: Any, data: Pairs, asked: Targets, draw: Draw, seed: int) -> dict[str, float]:
    """The five scores, and processor seconds of a thousand draws."""
    few, scale = asked.y[:MATCHED], data.x.double().std(0)
    exact = task.posterior(few, DRAWS, generator=generator(seed, "exact")) / scale
    x, spent = timed(lambda: draw(few, DRAWS) / scale)
    found = {
        "draws": spent / MATCHED,
        "MMD²": float(mmd2(x, exact).mean()),
        "C2ST": float(c2st(x[:TOLD], exact[:TOLD], seed=seed).mean()),
    }
    return found if task.noisy else found | errors_of(task, data, asked, draw)


def errors_of(task: Task, data: Pairs, asked: Targets, draw: Draw) -> dict[str, float]:
    """r_T; an invalid guess is charged with twice the variance of y, as in the records."""
    errors = resimulation_error(task, draw(asked.y, GUESSES), asked.y)
    variance = float(task.usable(data).y.double().flatten(1).var(0).mean())
    curve = r_T(torch.where(errors.isinf(), 2 * variance, errors), exchangeable=True)
    return {f"r_{count}": float(curve[count - 1]) for count in (1, 50, 200)}


def key_of(task: str, method: str, seed: int, seconds: float) -> str:
    """The name of a cell in the file."""
    return f"{task}/{method}/{seconds:g} s/{seed}"


def means_of(found: Cells, asked: argparse.Namespace) -> Means:
    """Means over the seeds that are there, by task and method."""
    means: Means = {}
    for task in asked.tasks:
        for method in (*SAMPLERS, SEARCH, *(rival.name for rival in RIVALS)):
            keys = [key_of(task, method, seed, asked.seconds) for seed in asked.seeds]
            cells = [found[key] for key in keys if key in found]
            if cells:
                mean = {name: sum(cell[name] for cell in cells) / len(cells) for name in cells[0]}
                means.setdefault(task, {})[method] = {"seeds": len(cells), **mean}
    return means


def show(means: Means) -> None:
    heads = "".join(f"{score:>9}" for score in SCORES)
    print(f"\n{'task':11} {'method':17} seeds  train {heads}  s/1000")
    for task, rows in means.items():
        for method, row in rows.items():
            shown = "".join(f"{row[s]:9.2g}" if s in row else f"{'-':>9}" for s in SCORES)
            cost = f"{row['train']:6.1f} {shown} {row['draws']:7.4f}"
            print(f"{task:11} {method:17} {row['seeds']:5} {cost}")


def least_ahead(means: Means, samplers: Sequence[str]) -> str:
    """Where the best of these samplers is least ahead of the best rival, as the end of a line."""
    made = []
    for task, rows in means.items():
        peers = [rows[rival.name] for rival in RIVALS if rival.name in rows]
        mine = [rows[name] for name in samplers if name in rows]
        for name in (s for s in SCORES if peers and mine and s in peers[0]):
            best, peer = (min(row[name] for row in side) for side in (mine, peers))
            if name == "MMD²":
                best, peer = max(best, FLOOR), max(peer, FLOOR)
            made.append((peer / best, best, peer, name, task))
    if not made:
        return ""
    ratio, best, peer, name, task = min(made)
    return f"ratio={ratio:.3g} ours={best:.3g} peer={peer:.3g} unit={name} task={task}"


def main() -> None:
    parser = argparse.ArgumentParser(description="Our samplers beside those of sbi and zuko.")
    parser.add_argument("--tasks", nargs="+", default=list(TASKS), choices=TASKS)
    parser.add_argument("--seeds", nargs="+", type=int, default=[30])
    parser.add_argument("--seconds", type=float, default=60.0, help="of training, processor time")
    parser.add_argument("--out", type=Path, default=Path("inverse_models.json"))
    asked = parser.parse_args()
    torch.set_num_threads(1)
    found: Cells = json.loads(asked.out.read_text()) if asked.out.exists() else {}
    for method, missing in ((rival.name, rival.missing()) for rival in RIVALS):
        if missing:
            print(f"{method}: skipped, {', '.join(missing)} is not installed")
    there = [rival.name for rival in RIVALS if not rival.missing()]
    for seed, method, name in itertools.product(
        asked.seeds, (*SAMPLERS, *there, SEARCH), asked.tasks
    ):
        key, task = key_of(name, method, seed, asked.seconds), get_task(name)
        if key not in found and not (task.noisy and method == SEARCH):
            found[key] = measure(task, method, seed, asked.seconds)
            write_whole(asked.out, json.dumps(found, indent=1).encode())
            shown = {score: float(f"{value:.3g}") for score, value in found[key].items()}
            print(key, shown, flush=True)
    means = means_of(found, asked)
    show(means)
    for name in SAMPLERS:
        print(f"by {name} alone: {least_ahead(means, [name])}")
    print(f"inverse_models {least_ahead(means, SAMPLERS)}")


if __name__ == "__main__":
    keep_record(main)
