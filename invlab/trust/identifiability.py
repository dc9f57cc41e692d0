"""Which directions of x do the data leave free? Singular values of the simulator's Jacobian."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from invlab import runtime
from invlab.losses.derivatives import jacobian
from invlab.metrics.effects import effects, noise_stream
from invlab.plots import pyplot
from invlab.surrogates import Surrogate
from invlab.task import Task
from invlab.validation import (
    require_labels,
    require_numbers,
    require_same_length,
    require_tensor,
)

__all__ = ["Identifiability", "undetermined"]

# Without a noise that was given, y counts as known to this share of its spread over the prior.
ASSUMED_NOISE = 1e-3
# Draws of the prior that tell how much x varies, and simulations that tell how much y does.
DRAWS, SIMULATED = 10_000, 256
# Half the length of a difference that stands for a derivative, in the prior's spread: what a
# program prints in six digits then has a slope in four, and a bend counts for a ten-thousandth.
STEP = 1e-2
# Answers that are written out in words, and shares of a direction too small to be named.
SHOWN, NAMED = 5, 0.1
# Smallest singular value that a plot shows.
FOOT = 1e-6
# From this correlation between two unknowns on it is said that they are not independent.
CORRELATED = 0.2


@dataclass(frozen=True)
class Identifiability:
    """What y says about x around each answer, to first order.

    Unknowns are measured in standard deviations of the prior, and y in those of its noise. A
    singular value s then says that the data know their direction s times better than the prior
    does; together they leave ``1/√(1 + s²)`` of the prior's spread (a Gaussian prior and noise).

    Attributes:
        singular_values: ``(B, dx)``, largest first; zero where there are fewer y than x.
        directions: unit vectors, a row each in the order of the singular values, in standard
            deviations of the prior: ``(B, dx, dx)``.
        labels: a name an unknown.
        noise: in words, what y counts as known to.
        differences: whether derivatives are differences of simulations.
        failed: answers whose derivative is not finite, ``(B,)``, bool; their values are NaN.
        correlation: largest between two unknowns in the prior, in size. Each unknown is measured
            by its own spread, as if they were independent: where they are not, the prior leaves
            less than it says here, and the free directions are others.
    """

    singular_values: Tensor
    directions: Tensor
    labels: tuple[str, ...]
    noise: str
    failed: Tensor
    differences: bool = False
    correlation: float = 0.0

    @property
    def left(self) -> Tensor:
        """Share of the prior's spread that y leaves in each direction, ``(B, dx)``."""
        return 1 / (1 + self.singular_values.square()).sqrt()

    @property
    def free(self) -> Tensor:
        """Which directions the prior knows better than the data, ``(B, dx)``, bool."""
        return self.singular_values < 1

    @property
    def spread(self) -> Tensor:
        """Share of the prior's spread that y leaves of each unknown, ``(B, dx)``."""
        return (self.directions * self.left[..., None]).square().sum(1).sqrt()

    def plot(self) -> Any:
        """Two panels over all answers: singular values, and what is left of each unknown."""
        plt = pyplot()
        figure, (one, two) = plt.subplots(1, 2, figsize=(8, 3.5), layout="constrained")
        works = ~self.failed
        values = self.singular_values[works].cpu()
        place = torch.arange(1, len(self.labels) + 1, device="cpu")
        # zero has no logarithm: it is drawn at the foot
        one.plot(place, values.clamp_min(FOOT).T, color="C0", marker="o", alpha=0.3)
        one.axhline(1, color="0.4", linewidth=0.8)
        one.set(yscale="log", xlabel="direction", ylabel="singular value (prior / noise)")
        one.set_xticks(place.tolist())
        two.boxplot(self.spread[works].cpu().numpy(), tick_labels=list(self.labels))
        two.set(ylim=(0, 1.05), ylabel="left of the prior's spread")
        return figure

    def __str__(self) -> str:
        how = " (derivatives are differences of simulations)" if self.differences else ""
        lines = [f"y counts as known to {self.noise}{how}; of the prior's spread"]
        if self.correlation > CORRELATED:
            lines.insert(
                0,
                "Unknowns count as independent here; in the prior two of them have a correlation "
                f"of {self.correlation:.2f} in size, which leaves less than this:",
            )
        for row in range(min(SHOWN, len(self.failed))):
            lines.append(f"  answer {row + 1}: {self._words(row)}")
        more = len(self.failed) - SHOWN
        if more > 0:
            free = self.free[SHOWN:][~self.failed[SHOWN:]].sum(1).double()
            what = ", whose derivative is not finite"
            if len(free):
                what = f", with {float(free.mean()):.1f} free directions on average"
            lines.append(f"  {more} more{what}")
        return "\n".join(lines)

    def _words(self, row: int) -> str:
        if bool(self.failed[row]):
            return "the derivative is not finite here"
        free = self.free[row]
        weakest = f"{float(self.left[row, -1]):.2g} along {self._named(row, -1)}"
        if not bool(free.any()):
            return f"all {len(free)} directions are determined; most is left, {weakest}"
        parts = [
            f"{float(self.left[row, k]):.2g} along {self._named(row, k)}"
            for k in range(len(free))
            if bool(free[k])
        ]
        return f"{int(free.sum())} of {len(free)} directions are free; left are " + ", ".join(parts)

    def _named(self, row: int, direction: int) -> str:
        """A direction such as ``0.8 angle − 0.6 length``, the largest part first and positive."""
        vector = self.directions[row, direction]
        order = vector.abs().argsort(descending=True).tolist()
        sign = -1.0 if float(vector[order[0]]) < 0 else 1.0
        words = ""
        for k in order:
            share = sign * float(vector[k])
            if abs(share) < NAMED:
                continue
            joint = "" if not words else (" + " if share > 0 else " − ")
            words += joint + (
                self.labels[k] if abs(share) > 0.995 else f"{abs(share):.2g} {self.labels[k]}"
            )
        return words


def undetermined(
    model: Task | Surrogate,
    x: Tensor,
    c: Tensor | None = None,
    *,
    noise: float | Sequence[float] | Tensor | None = None,
    labels: Sequence[str] | None = None,
) -> Identifiability:
    """What the data leave free around each answer.

    Args:
        model: a task, or f̂. The spread of x is that of the task's prior and the spread of y that
            of 256 simulations; or both are what f̂ was scaled by, those of the pairs it learned
            from. A task that says ``differentiable=False`` is simulated at two more points an
            unknown and answer, a hundredth of the prior's spread (for whole numbers: one) to both
            sides, no farther than its box; steps of y that are smaller than what such a
            difference sees do not exist for it.
        x: answers, ``(B, dx)``.
        c: contexts, ``(B, dc)``, where there is one.
        noise: standard deviation of the measurement, one for all or one a number of y; infinite
            for what is not measured. If not given, 1e-3 of the spread of each number of y.
        labels: a name an unknown; the task's if not given.

    Returns:
        Singular values and directions; NaN where a derivative is not finite.

    Raises:
        TypeError: neither a task nor a surrogate.
        ValueError: a task without a simulator; a noisy one without gradients whose noise is not
            drawn from torch's generators, so that differences are noise alone; a context that is
            missing or not taken, a noise that is not above zero, or shapes that do not fit.

    Example:
        >>> import torch
        >>> import invlab
        >>> def total(x):
        ...     return x.sum(-1, keepdim=True)
        >>> task = invlab.Task("total", total, invlab.Box([0, 0], [1, 1]))
        >>> found = invlab.trust.undetermined(task, torch.tensor([[0.5, 0.5]]))
        >>> found.free.tolist()  # the sum is known, the difference is not
        [[False, True]]
    """
    require_tensor("x", x, ("B", "dx"))
    require_same_length(x=x, c=c)
    x, c = x.detach().double(), None if c is None else c.detach().double()
    correlation = 0.0
    if isinstance(model, Task):
        slopes, x_spread, y_spread, correlation = _of_task(model, x, c)
        labels = model.labels if labels is None else labels
    elif isinstance(model, Surrogate):
        slopes, x_spread, y_spread = _of_surrogate(model, x, c)
    else:
        raise TypeError(f"model: expected a Task or a Surrogate, got {type(model).__name__}")
    names = tuple(require_labels("labels", "names", labels, x.shape[1]))
    sigma = _noise(noise, y_spread)
    values, directions, failed = _decomposed(slopes * x_spread / sigma[:, None])
    words = "its noise" if noise is not None else f"{ASSUMED_NOISE:g} of its spread"
    differences = isinstance(model, Task) and not model.differentiable
    return Identifiability(values, directions, names, words, failed, differences, correlation)


def _of_task(task: Task, x: Tensor, c: Tensor | None) -> tuple[Tensor, Tensor, Tensor, float]:
    """Derivatives of y by x at each answer, ``(B, dy, dx)``, and what the prior says."""
    if not task.has_simulator:
        raise ValueError(
            f"{task.name}: has no simulator; fit a surrogate, fit_surrogate(pairs), and ask it"
        )
    require_tensor("x", x, ("B", task.x_dim))
    if (c is None) != (task.context is None):
        need = "no context c" if task.context is None else "a context c for each answer"
        raise ValueError(f"c: {task.name} takes {need}")
    draws = runtime.generator(0, task.name, "identifiability")
    unknowns = task.prior.sample(DRAWS, generator=draws).double()
    x_spread, correlation = unknowns.std(0, correction=0), _correlation(unknowns)
    pairs = task.usable(task.sample(SIMULATED, generator=draws, dtype=torch.float64))
    y_spread = pairs.y.flatten(1).std(0, correction=0).to(x)
    x_spread = x_spread.to(x)
    if not task.differentiable:
        return _differences(task, x, c, STEP * x_spread), x_spread, y_spread, correlation

    def effect(x: Tensor) -> Tensor:
        inputs = (x,) if c is None else (x, c)
        # copies: a simulator may work in place; and the same noise whoever asks
        with runtime.seeded(runtime.next_seed(noise_stream(task, "identifiability"))):
            y = task.traced(*(given.clone() for given in inputs))
        if x.requires_grad and not y.requires_grad:
            raise ValueError(
                f"{task.name}: y does not depend on x for torch, but the task says it is "
                "differentiable; say differentiable=False, or compute y by torch from x"
            )
        return y.flatten(1)

    return jacobian(effect, x).detach(), x_spread, y_spread, correlation


def _correlation(x: Tensor) -> float:
    """The largest between two unknowns of draws ``(N, dx)``, in size."""
    x = x[:, x.std(0) > 0]
    if x.shape[1] < 2:
        return 0.0
    return float(torch.corrcoef(x.T).fill_diagonal_(0.0).abs().amax())


def _differences(task: Task, x: Tensor, c: Tensor | None, step: Tensor) -> Tensor:
    """Central differences of the simulator, ``(B, dy, dx)``; at an edge of the box to one side."""
    step = torch.where(task.integer.to(x.device), 1.0, step)
    shifts = torch.diag(step)
    box = task.box
    # points outside of the box, such as answers of a free search, are not brought into it
    low, high = x.minimum(box.low.to(x)), x.maximum(box.high.to(x))
    ends = [
        torch.minimum(torch.maximum(x[:, None] + sign * shifts, low[:, None]), high[:, None])
        for sign in (1.0, -1.0)
    ]
    each = None if c is None else c.repeat_interleave(x.shape[1], 0)

    def seen(points: Tensor) -> Tensor:
        # the same noise at both ends, where it is torch's
        draws = noise_stream(task, "identifiability")
        y = effects(task, points.flatten(0, 1), each, generator=draws)
        return y.flatten(1).unflatten(0, points.shape[:2])

    ahead, behind = map(seen, ends)
    if task.noisy and not torch.equal(seen(ends[0]).nan_to_num(), ahead.nan_to_num()):
        raise ValueError(
            f"{task.name}: is noisy, and its noise does not follow torch's generators: differences "
            "of single runs are noise; fit a surrogate, fit_surrogate(pairs), and ask it"
        )
    length = (ends[0] - ends[1]).diagonal(dim1=1, dim2=2)[..., None]
    # an unknown that cannot vary has no step, and its slope is multiplied by a spread of zero
    return torch.where(length == 0, 0.0, (ahead - behind) / length).mT


def _of_surrogate(f: Surrogate, x: Tensor, c: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    wanted = len(f.inputs.shift)
    came = x.shape[1] + (0 if c is None else c.shape[1])
    if came != wanted:
        raise ValueError(
            f"x: expected {wanted} numbers for the surrogate, unknowns and contexts behind them, "
            f"got {came}"
        )

    def effect(x: Tensor) -> Tensor:
        seen = x if c is None else torch.cat([x, c], 1)
        return f.outputs.inverse(f.scaled(seen).mean(0).double())

    x_spread = f.inputs.scale[: x.shape[1]].to(x)
    return jacobian(effect, x).detach(), x_spread, f.outputs.scale.to(x)


def _noise(noise: float | Sequence[float] | Tensor | None, spread: Tensor) -> Tensor:
    """Standard deviation of each number of y, ``(dy,)``."""
    if noise is None:
        # a number that never varies says nothing, whatever its noise
        return torch.where(spread > 0, ASSUMED_NOISE * spread, 1.0)
    sigma = require_numbers("noise", noise).to(spread.device).flatten()
    if len(sigma) not in (1, len(spread)) or not bool((sigma > 0).all()):
        raise ValueError(
            f"noise: expected one standard deviation above 0, or {len(spread)}, one a number of y, "
            f"got {noise}"
        )
    return sigma.expand(len(spread))


def _decomposed(slope: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """All singular values and directions of x, ``(B, dx)`` and ``(B, dx, dx)``; what failed."""
    failed = ~slope.isfinite().flatten(1).all(1)
    whole = torch.where(failed[:, None, None], 0.0, slope)
    _, values, directions = torch.linalg.svd(whole, full_matrices=True)
    missing = slope.shape[2] - values.shape[1]
    values = torch.cat([values, values.new_zeros(len(values), missing)], 1)
    values = torch.where(failed[:, None], torch.nan, values)
    return values, torch.where(failed[:, None, None], torch.nan, directions), failed
