"""SciPy's BFGS on many problems: one after the other, or all at once with a thread each.

SciPy has no batched minimiser. Where one run of a simulator costs nearly as much as that of a
hundred, its searches wait for each other: every thread asks for one point, and the points of all
threads are evaluated together. Each search sees the numbers that it would see alone.
"""

from __future__ import annotations

import queue
import threading
import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from invlab.minimizers.objective import Evaluation

__all__ = ["Ends", "alone", "together"]

# Values and gradients at points (m, d) of the rows with these numbers (m,).
Evaluate = Callable[[Tensor, Tensor], Evaluation]
Ask = Callable[[np.ndarray], tuple[float, np.ndarray]]
# Of one search: its last point, and how many iterations and evaluations it took.
End = tuple[np.ndarray, int, int]
# From a thread: where it wants to know the value, where it ended, or what went wrong.
Said = np.ndarray | End | Exception


class Ends(NamedTuple):
    """Where searches ended.

    Attributes:
        z: points, ``(n, d)``, float64.
        iterations, evaluations: of each search, ``(n,)``, float64.
    """

    z: Tensor
    iterations: Tensor
    evaluations: Tensor


def alone(evaluate: Evaluate, z: Tensor, gtol: float) -> Ends:
    """A search a row of ``z`` ``(n, d)``, one after the other."""

    def search(row: int) -> End:
        number = torch.tensor([row])

        def ask(point: np.ndarray) -> tuple[float, np.ndarray]:
            seen = evaluate(torch.from_numpy(point)[None].double(), number)
            return float(seen.value), seen.gradient[0].numpy()

        return _bfgs(ask, z[row].numpy(), gtol)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _ends([search(row) for row in range(len(z))])


def together(evaluate: Evaluate, z: Tensor, gtol: float) -> Ends:
    """The same searches at the same time: as many evaluations as the longest of them takes."""
    asked: queue.SimpleQueue[tuple[int, Said]] = queue.SimpleQueue()
    replies: list[queue.SimpleQueue[tuple[float, np.ndarray] | None]]
    replies = [queue.SimpleQueue() for _ in z]

    def search(row: int) -> None:
        def ask(point: np.ndarray) -> tuple[float, np.ndarray]:
            asked.put((row, point.copy()))
            reply = replies[row].get()
            if reply is None:
                raise InterruptedError("the evaluation failed")
            return reply

        try:
            end: Said = _bfgs(ask, z[row].numpy(), gtol)
        except Exception as error:
            end = error
        asked.put((row, end))

    threads = [threading.Thread(target=search, args=(row,), daemon=True) for row in range(len(z))]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for thread in threads:
            thread.start()
        try:
            ends = _serve(evaluate, asked, replies)
        finally:
            for reply in replies:
                reply.put(None)
            for thread in threads:
                thread.join()
    return _ends(ends)


def _serve(
    evaluate: Evaluate,
    asked: queue.SimpleQueue[tuple[int, Said]],
    replies: list[queue.SimpleQueue[tuple[float, np.ndarray] | None]],
) -> list[End]:
    """Answer the threads, a round a point of each, until all have ended."""
    ends: list[End | None] = [None] * len(replies)
    running = len(replies)
    while running:
        points: dict[int, np.ndarray] = {}
        for _ in range(running):
            row, said = asked.get()
            if isinstance(said, Exception):
                raise said
            if isinstance(said, tuple):
                ends[row] = said
            else:
                points[row] = said
        running = len(points)
        rows = sorted(points)  # whoever asked first: the same batch in each run
        if rows:
            batch = torch.from_numpy(np.stack([points[row] for row in rows])).double()
            seen = evaluate(batch, torch.tensor(rows))
            gradients = seen.gradient.numpy()
            for k, row in enumerate(rows):
                replies[row].put((float(seen.value[k]), gradients[k]))
    return [end for end in ends if end is not None]


def _bfgs(ask: Ask, z: np.ndarray, gtol: float) -> End:
    from scipy import optimize

    with np.errstate(all="ignore"):
        result = optimize.minimize(ask, z, jac=True, method="BFGS", options={"gtol": gtol})
    return result.x, result.nit, result.nfev


def _ends(each: list[End]) -> Ends:
    z, iterations, evaluations = zip(*each, strict=True)
    return Ends(
        torch.from_numpy(np.stack(z)).double(),
        torch.tensor(iterations, dtype=torch.float64),
        torch.tensor(evaluations, dtype=torch.float64),
    )
