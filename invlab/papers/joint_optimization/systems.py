"""The two systems as sets of problems: objective, baseline, and how answers are compared."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from invlab.encoders import beside
from invlab.minimize.coordinates import Coordinates, Moved
from invlab.minimize.objective import Objective
from invlab.priors import Box
from invlab.refine import squared_distance
from invlab.task import Task
from invlab.tasks import get_task

__all__ = [
    "SYSTEMS",
    "Found",
    "Problems",
    "System",
    "compare",
    "envelope",
    "problems",
    "scipy_bfgs",
    "smoothed_loss",
]

# Standard deviation in samples of the Gaussian that smooths the squared signal. Its carrier has a
# period of 6.3 samples, so that the square's is gone and the envelope is left.
SMOOTHING = 8.0
# Half-width in samples of a packet that counts as found: its neighbours are 6.3 away.
FOUND = 1.0
# A shot this good (squared metres) stops on the target; one in a local minimum misses by more.
SOLVED = 1e-6


@dataclass(frozen=True)
class System:
    """What decides a comparison, beside the task.

    Attributes:
        task: its name.
        units: lengths S of x that count as one for BFGS, the paper-like one last.
        bounded: whether every search stays in the task's box.
        relative, absolute: losses that differ by less than ``relative`` of the baseline's plus
            ``absolute`` count as equal.
    """

    task: str
    units: tuple[float, ...]
    bounded: bool
    relative: float = 0.0
    absolute: float = 0.0


# With S = 75 samples, the half-width of the box, the unknown of BFGS is the argument of the tanh
# itself; with S = 1 it is t₀. A shot is searched in m/s, as it stands.
SYSTEMS = {
    "wave_packet": System("wave_packet", (1.0, 75.0), bounded=True, relative=1e-5),
    "billiards": System("billiards", (1.0,), bounded=False, absolute=1e-7),
}


@dataclass(frozen=True)
class Problems:
    """n problems of one system, float64.

    Attributes:
        system: what they are compared by.
        task: gives the simulator.
        y: targets, ``(n, *dy)``.
        c: contexts, ``(n, dc)``, or None.
        truth: the unknowns behind the targets, ``(n, dx)``.
        fun: the loss of unknowns ``(m, dx)`` in the rows ``(m,)``, ``(m,)``.
        start: the mean of the prior, ``(n, dx)``.
    """

    system: System
    task: Task
    y: Tensor
    c: Tensor | None
    truth: Tensor
    fun: Callable[[Tensor, Tensor], Tensor]
    start: Tensor

    def __len__(self) -> int:
        return len(self.truth)

    @property
    def features(self) -> Tensor:
        """What a network sees of each problem."""
        return beside(self.y, self.c)

    @property
    def box(self) -> Box | None:
        """Where every search has to stay."""
        return self.task.box if self.system.bounded else None

    def loss(self, x: Tensor) -> Tensor:
        """Of one answer a problem, ``(n, dx)`` to ``(n,)``."""
        with torch.no_grad():
            return self.fun(x, torch.arange(len(self)))

    def solved(self, x: Tensor, loss: Tensor) -> Tensor:
        """Which answers are the global optimum, ``(n,)``."""
        if self.system.task == "wave_packet":
            return (x - self.truth).norm(dim=1) < FOUND
        return loss < SOLVED


@dataclass(frozen=True)
class Found:
    """Answers of one method.

    Attributes:
        x: ``(n, dx)``.
        loss: ``(n,)``.
        cpu: seconds of processor time.
        evaluations: of the model, with or without its gradient, for each problem.
    """

    x: Tensor
    loss: Tensor
    cpu: float
    evaluations: float

    @classmethod
    def best(cls, several: list[Found]) -> Found:
        """For each problem the best of several answers, at the cost of all."""
        loss = torch.stack([found.loss for found in several])
        which = loss.argmin(0)
        x = torch.stack([found.x for found in several])[which, torch.arange(len(which))]
        cpu = sum(found.cpu for found in several)
        return cls(x, loss.amin(0), cpu, sum(found.evaluations for found in several))


def problems(name: str, n: int, seed: int) -> Problems:
    """``n`` problems of a seed, on the CPU: timings here compare single threads.

    Raises:
        ValueError: no such system.
    """
    if name not in SYSTEMS:
        raise ValueError(f"system: expected one of {', '.join(SYSTEMS)}, got {name!r}")
    task = get_task(name)
    targets = task.targets(n, seed=seed, dtype=torch.float64)
    assert targets.x is not None
    y, c = targets.y.cpu(), None if targets.c is None else targets.c.cpu()
    start = task.prior.bounds.center.repeat(n, 1)
    fun = squared_distance(task, y, c)
    return Problems(SYSTEMS[name], task, y, c, targets.x.cpu(), fun, start)


def envelope(some: Problems) -> Callable[[Tensor, Tensor], Tensor]:
    """The loss between smoothed squares of the signals, which has one valley instead of many."""
    return smoothed_loss(some, SMOOTHING)


def smoothed_loss(some: Problems, width: float) -> Callable[[Tensor, Tensor], Tensor]:
    """The loss between squares that are smoothed by a Gaussian of ``width`` samples."""
    times = torch.arange(some.y.shape[1], dtype=torch.float64)
    weights = (-((times[:, None] - times) / width).square() / 2).exp()
    weights = weights / weights.sum(0)
    goal = some.y.square() @ weights

    def fun(x: Tensor, rows: Tensor) -> Tensor:
        return (some.task.simulator(x).square() @ weights - goal[rows]).square().sum(1)

    return fun


def scipy_bfgs(some: Problems, start: Tensor, unit: float, *, gtol: float = 1e-5) -> Found:
    """SciPy's BFGS, one problem after the other.

    Args:
        some: the problems.
        start: ``(n, dx)``; in a box, one at the edge begins a little inside.
        unit: length of x that counts as one.
        gtol: gradient at which a search is done, in those units.
    """
    from scipy import optimize

    coordinates = Coordinates(start, unit, some.box)
    moved = Moved(Objective(some.fun, None, start, residuals=False), coordinates)
    begin = time.process_time()
    evaluations, ends = 0, []
    for row, z in enumerate(coordinates.z(start).numpy()):
        number = torch.tensor([row])

        def value_and_gradient(z: np.ndarray, number: Tensor = number) -> tuple[float, np.ndarray]:
            seen = moved(torch.from_numpy(z)[None].double(), number)
            return float(seen.value), seen.gradient[0].numpy()

        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            result = optimize.minimize(
                value_and_gradient, z, jac=True, method="BFGS", options={"gtol": gtol}
            )
        ends.append(torch.from_numpy(result.x))
        evaluations += result.nfev
    x = coordinates.x(torch.stack(ends))
    loss = some.loss(x)
    return Found(x, loss, time.process_time() - begin, evaluations / len(some))


def compare(some: Problems, found: Found, baseline: Tensor) -> dict[str, float]:
    """How answers stand against the losses ``(n,)`` of a baseline, in per cent of the problems.

    Returns:
        ``better``, ``equal`` and ``worse`` with the system's tolerance; ``better_exact`` and
        ``equal_exact`` without one, as the paper counts; ``solved``; and the mean and median of
        the loss (``loss``, ``median_loss``) and the mean distance to the true unknowns
        (``error``).
    """
    tolerance = some.system.relative * baseline.abs() + some.system.absolute
    gain = baseline - found.loss

    def share(mask: Tensor) -> float:
        return 100 * mask.double().mean().item()

    return {
        "better": share(gain > tolerance),
        "equal": share(gain.abs() <= tolerance),
        "worse": share(gain < -tolerance),
        "better_exact": share(gain > 0),
        "equal_exact": share(gain == 0),
        "solved": share(some.solved(found.x, found.loss)),
        "loss": found.loss.mean().item(),
        "median_loss": found.loss.median().item(),
        "error": (found.x - some.truth).norm(dim=1).mean().item(),
    }
