"""The contract of a task, clause by clause, with a verdict in words for anybody's simulator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from invlab import runtime
from invlab.priors import Box, Prior, Product
from invlab.task import Task

__all__ = ["Clause", "Verdicts", "check_task"]

# A gradient and its central difference in float64 agree to about this much on a smooth map.
GRADIENT_TOLERANCE = 1e-4
# Of a difference, in shares of the box: the short one misses the kinks of a map that is smooth in
# pieces, such as interpolation on a grid; a wrong gradient is wrong at both.
STEPS = (1e-5, 1e-7)


@dataclass(frozen=True)
class Clause:
    """One clause of the contract and what was found.

    Attributes:
        name: the clause in words.
        passed: True, False, or None where it does not apply.
        found: what breaks it and what to do, or why it does not apply.
    """

    name: str
    passed: bool | None
    found: str = ""

    def __str__(self) -> str:
        mark = {True: "ok  ", False: "FAIL", None: "skip"}[self.passed]
        return f"{mark}  {self.name}" + (f": {self.found}" if self.found else "")


class Verdicts(list[Clause]):
    """All clauses of one check; prints as one line a clause."""

    @property
    def passed(self) -> bool:
        """Whether no clause is broken."""
        return all(clause.passed is not False for clause in self)

    def __repr__(self) -> str:
        return "\n".join(map(str, self))


def check_task(task: Task, *, seed: int = 0) -> Verdicts:
    """Check that a task keeps the contract that every method relies on.

    Args:
        task: any task, yours or ours.
        seed: seed of the prior draws that the clauses are tried on.

    Returns:
        One :class:`Clause` a clause; ``check_task(task).passed`` is the verdict. It never
        raises for a broken simulator: the error becomes the finding.
    """
    generator = runtime.generator(seed, task.name, "contract")
    x = task.prior.sample(5, generator=generator)
    c = None if task.context is None else task.context.sample(5, generator=generator)
    with torch.random.fork_rng(devices=[]):
        return Verdicts(_try(name, clause, task, x, c) for name, clause in CLAUSES.items())


Finding = str | None
Check = Callable[[Task, Tensor, Tensor | None], Finding]


class NotApplicable(Exception):
    """Raised by a clause that says nothing about this task."""


def _try(name: str, clause: Check, task: Task, x: Tensor, c: Tensor | None) -> Clause:
    try:
        found = clause(task, x.clone(), c)
    except NotApplicable as reason:
        return Clause(name, None, str(reason))
    except Exception as error:  # somebody else's code: whatever it raises is the finding
        return Clause(name, False, f"raised {type(error).__name__}: {error}")
    return Clause(name, found is None, found or "")


def _run(task: Task, x: Tensor, c: Tensor | None) -> Tensor:
    torch.manual_seed(0)  # for simulators that draw noise from torch's global generator
    y = task.simulator(x) if c is None else task.simulator(x, c.to(x))
    if not isinstance(y, Tensor):
        raise TypeError(f"the simulator must return a torch tensor, got {type(y).__name__}")
    return y


def _rows_alone(task: Task, x: Tensor, c: Tensor | None) -> Finding:
    if task.noisy:
        raise NotApplicable("the task is noisy")
    for size in (1, 3, 5):
        together = _run(task, x[:size], None if c is None else c[:size])
        if together.ndim < 2 or len(together) != size:
            return f"a batch of {size} gave shape {tuple(together.shape)}; expected ({size}, dy...)"
        for i in range(size):
            alone = _run(task, x[i : i + 1], None if c is None else c[i : i + 1])
            if not torch.allclose(
                together[i : i + 1], alone, rtol=1e-9, atol=1e-12, equal_nan=True
            ):
                return f"row {i} of {size} differs from the same row alone; rows must not mix"
    return None


def _leading_shape(task: Task, x: Tensor, c: Tensor | None) -> Finding:
    flat = _run(task, x[:4], None if c is None else c[:4])
    shaped = _run(task, x[:4].reshape(2, 2, -1), None if c is None else c[:4].reshape(2, 2, -1))
    wanted = (2, 2, *flat.shape[1:])
    if shaped.shape != wanted:
        return f"x of shape (2, 2, dx) gave {tuple(shaped.shape)}; expected {wanted}"
    return None


def _input_untouched(task: Task, x: Tensor, c: Tensor | None) -> Finding:
    before = x.clone()
    _run(task, x, c)
    return None if torch.equal(before, x) else "the simulator changed x in place; work on a copy"


def _finite(task: Task, x: Tensor, c: Tensor | None) -> Finding:
    y = _run(task, x, c)
    flagged = task.valid(y.flatten(1))
    bad = ~torch.isfinite(y).flatten(1).all(1)
    if bool((bad & flagged).any()):
        count = int((bad & flagged).sum())
        return f"{count} of {len(y)} prior draws give NaN or infinity that valid(y) does not flag"
    return None


def _gradient(task: Task, x: Tensor, c: Tensor | None) -> Finding:
    if not task.differentiable or task.noisy:
        raise NotApplicable("the task is noisy or says differentiable=False")
    x = x.requires_grad_()
    y = _run(task, x, c)
    if not y.requires_grad:
        return (
            "y does not depend on x for autograd; use torch operations, or say differentiable=False"
        )
    # each observation weighs differently, so that wrong gradients do not cancel in the sum
    weights = 1 + torch.rand(y.shape[1:], generator=runtime.generator(3)).to(y)
    (slope,) = torch.autograd.grad((y * weights).sum(), x)
    x = x.detach()
    for k in range(x.shape[-1]):
        gap = min(_gap(task, x, c, k, weights, slope[:, k], step) for step in STEPS)
        if not gap <= GRADIENT_TOLERANCE:
            return f"autograd and central difference differ by {gap:.1e} (relative) in unknown {k}"
    return None


def _gap(
    task: Task, x: Tensor, c: Tensor | None, k: int, weights: Tensor, slope: Tensor, step: float
) -> float:
    """Largest difference of ``slope`` ``(N,)`` from central differences, in units of these."""
    near, far = (_quotient(task, x, c, k, weights, share) for share in (step, 2 * step))
    quotient = (4 * near - far) / 3  # extrapolated: a narrow resonance bends within a step
    scale = quotient.abs().max().clamp_min(1e-12)
    return float(((slope - quotient).abs() / scale).max())


def _quotient(
    task: Task, x: Tensor, c: Tensor | None, k: int, weights: Tensor, share: float
) -> Tensor:
    """Central difference of the weighted sum of y, for a step of a share of the box."""
    step = share * float(task.box.width[k])
    shift = torch.zeros_like(x)
    shift[:, k] = step
    ahead, behind = _run(task, x + shift, c), _run(task, x - shift, c)
    return ((ahead - behind) * weights).flatten(1).sum(1) / (2 * step)


def _dtype_and_device(task: Task, x: Tensor, c: Tensor | None) -> Finding:
    for dtype in (torch.float32, torch.float64):
        moved = x.to(runtime.device(), dtype)
        y = _run(task, moved, c)
        if y.dtype != dtype or y.device != moved.device:
            return (
                f"x is {dtype} on {moved.device}, but y is {y.dtype} on {y.device}; "
                "make constants buffers of a Simulator and cast them with .to(x)"
            )
    return None


def _noise_per_row(task: Task, x: Tensor, c: Tensor | None) -> Finding:
    same = _run(task, x[:1].expand(5, -1).clone(), None if c is None else c[:1].expand(5, -1))
    equal = bool(torch.isclose(same, same[:1], rtol=1e-9, atol=1e-12, equal_nan=True).all())
    if task.noisy and equal:
        return "equal rows of one batch got the same noise; draw it with the shape of y"
    if not task.noisy and not equal:
        return "equal rows gave different y, but the task says noisy=False"
    return None


def _same_seed(task: Task, x: Tensor, c: Tensor | None) -> Finding:
    a, b = (task.prior.sample(5, generator=runtime.generator(1)) for _ in range(2))
    if not torch.equal(a, b):
        return "the prior gave different draws for the same generator; pass generator= on to torch"
    if not torch.allclose(_run(task, x, c), _run(task, x, c), equal_nan=True):
        return "two runs with the same seed gave different y"
    return None


def _bounded(prior: Prior) -> bool:
    if isinstance(prior, Product):
        return all(map(_bounded, prior.factors))
    return isinstance(prior, Box)


def _inside_box(task: Task, x: Tensor, c: Tensor | None) -> Finding:
    if not _bounded(task.prior):
        raise NotApplicable("the prior is not bounded")
    draws = task.prior.sample(200, generator=runtime.generator(2))
    out = int((~task.box.contains(draws)).sum())
    return f"{out} of 200 prior draws lie outside task.box" if out else None


def _refuses_bad_input(task: Task, x: Tensor, c: Tensor | None) -> Finding:
    missing = torch.full_like(x, torch.nan)
    for what, bad in {
        "one column too many": torch.cat([x, x[:, :1]], -1),
        "NaN": missing,
        "an integer dtype": x.long(),
    }.items():
        try:
            task.simulate(bad, c)
        except (TypeError, ValueError) as error:
            if task.name not in str(error):
                return f"the error for {what} does not name the task"
        else:
            return f"simulate() accepted {what}"
    return None


CLAUSES: dict[str, Check] = {
    "each row of a batch gives what it gives alone": _rows_alone,
    "leading batch shapes are kept": _leading_shape,
    "the input is not changed in place": _input_untouched,
    "observations on the prior are finite or flagged": _finite,
    "the gradient equals finite differences": _gradient,
    "the output follows the input's dtype and device": _dtype_and_device,
    "noise is drawn for each row": _noise_per_row,
    "the same seed gives the same numbers": _same_seed,
    "prior samples lie in the box": _inside_box,
    "bad input is refused with a message": _refuses_bad_input,
}
