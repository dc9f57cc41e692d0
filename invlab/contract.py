"""The contract of a task, clause by clause, with a verdict in words for anybody's simulator."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from invlab import runtime
from invlab.priors import is_bounded
from invlab.priors.box import ends_of
from invlab.simulators import FailedRows
from invlab.simulators.numpy_functions import NumpySimulator, without_failed_rows
from invlab.task import Task

__all__ = ["Clause", "Verdicts", "check_task"]

# Draws of the prior that a simulator is run on, and how many of them the clauses are tried on.
DRAWS, ROWS = 64, 5
# Draws where so many take no longer than this, in processor seconds: a failure on 1 % of the prior
# is among them in 99 % of the cases, and among 64 in half of them.
MANY, CHEAP = 512, 1.0
# Of the clock on the wall a busy machine may take so many times the processor seconds.
WAITING = 10.0
# A gradient and its central difference in float64 agree to about this much on a smooth map.
GRADIENT_TOLERANCE = 1e-4
# Of a difference, in shares of the box: the short one misses the kinks of a map that is smooth in
# pieces, such as interpolation on a grid; a wrong gradient is wrong at both.
STEPS = (1e-5, 1e-7)
# The same in shares of the way to where the prior ends, behind which a simulator may be undefined.
NEAR = 1e-2
# A change of y below this share of y is rounding, and no effect of an unknown.
ROUNDING = 1e-13
# Where float32 keeps less than this share of the different values in each part of y, or overflows
# for more than that share of the draws, it is not enough for the units of this task.
KEPT, OVERFLOWN = 0.25, 0.05

KEEP_AXIS = "keep an axis for the numbers of y, as by y[..., None]"


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


@dataclass(frozen=True)
class Seen:
    """What a simulator did on draws of the prior.

    Attributes:
        task: the task.
        drawn, drawn_c: all draws, ``(N, dx)`` and ``(N, dc)`` or None, float64.
        drawn_y: what the simulator gave for them, ``(N, *dy)``.
        good: which of them give a valid and finite y, ``(N,)``.
        x, c: a few of those, which the clauses are tried on.
        rows_differ: whether equal rows of one batch gave different y.
        calls_differ: whether equal calls, one after the other, did.
    """

    task: Task
    drawn: Tensor
    drawn_c: Tensor | None
    drawn_y: Tensor
    good: Tensor
    x: Tensor
    c: Tensor | None
    rows_differ: bool
    calls_differ: bool

    @property
    def noise(self) -> str:
        """Why a clause says nothing about a noisy simulator; empty where it is not noisy."""
        if self.task.noisy:
            return "the task is noisy"
        return "equal x give different y, see the clause on noise" if self.calls_differ else ""


@runtime.differentiable()
def check_task(task: Task, *, seed: int = 0) -> Verdicts:
    """Check that a task keeps the contract that every method relies on.

    A simulator that gives no valid y for a part of the prior may pass; the first clause says
    which share works, and where the first draw failed.

    Args:
        task: any task, yours or ours.
        seed: seed of the prior draws that the clauses are tried on.

    Returns:
        One :class:`Clause` a clause; ``check_task(task).passed`` is the verdict. It never
        raises for a broken simulator: the error becomes the finding. Where the simulator does
        not run at all, the other clauses are left out.

    Raises:
        TypeError: no task.

    Example:
        >>> import invlab
        >>> def careless(x):  # unbinds the rows, and not the unknowns
        ...     a, b = x.unbind()
        ...     return (a + b)[..., None]
        >>> task = invlab.Task("careless", careless, prior=invlab.Box([0, 0], [1, 1]))
        >>> invlab.check_task(task).passed
        False
        >>> invlab.check_task(invlab.get_task("square")).passed
        True
    """
    if not isinstance(task, Task):
        raise TypeError(f"check_task: expected a Task, got {type(task).__name__}")
    if not task.has_simulator:
        return Verdicts([Clause(RUNS, None, "the task was made from pairs, without a simulator")])
    generator = runtime.generator(seed, task.name, "contract")
    try:
        x, *given = task.draw(MANY, generator=generator, dtype=torch.float64)
    except ValueError as error:
        return _runs_not(Clause(RUNS, False, str(error)))
    c = given[0] if given else None
    start, began = runtime.cpu_seconds(), runtime.wall_seconds()
    verdict, good, y = _survey(task, x[:DRAWS], None if c is None else c[:DRAWS])
    # one that waits, as for another computer, takes the time on the wall; so does a busy machine
    took = max(runtime.cpu_seconds() - start, (runtime.wall_seconds() - began) / WAITING)
    if verdict.passed and MANY / DRAWS * took < CHEAP:
        verdict, good, y = _survey(task, x, c)
    x, c = x[: len(good)], None if c is None else c[: len(good)]
    if verdict.passed is False:
        return _runs_not(verdict)
    # a few good rows, some more than once where there are fewer
    few = good.nonzero()[:, 0][torch.arange(ROWS, device="cpu") % int(good.sum())]
    tried, tried_c = x[few], None if c is None else c[few]
    with without_failed_rows():  # the first clause has said so
        try:
            noise = _noise(task, tried, tried_c)
        except Exception as error:
            return _runs_not(
                Clause(RUNS, False, f"raised {_line(error)} for a batch of equal rows")
            )
        seen = Seen(task, x, c, y, good, tried, tried_c, *noise)
        return Verdicts([verdict, *(_try(name, clause, seen) for name, clause in TRIED.items())])


def _runs_not(verdict: Clause) -> Verdicts:
    rest = [Clause(name, None, "left out, since the simulator does not run") for name in TRIED]
    return Verdicts([verdict, *rest])


Finding = str | None
Check = Callable[[Seen], Finding]


class NotApplicable(Exception):
    """Raised by a clause that says nothing about this task."""


def _try(name: str, clause: Check, seen: Seen) -> Clause:
    try:
        found = clause(seen)
    except NotApplicable as reason:
        return Clause(name, None, str(reason))
    except Exception as error:  # somebody else's code: whatever it raises is the finding
        return Clause(name, False, f"raised {_line(error)}")
    return Clause(name, found is None, found or "")


def _line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _run(task: Task, x: Tensor, c: Tensor | None) -> Tensor:
    """The simulator, whose noise (where it is torch's) is the same in each call."""
    with runtime.seeded(0):
        return _call(task, x, c)


def _call(task: Task, x: Tensor, c: Tensor | None) -> Tensor:
    x = x.clone()  # copies: a simulator may work in place
    y = task.traced(x) if c is None else task.traced(x, c.to(x, copy=True))
    if not isinstance(y, Tensor):
        raise TypeError(
            f"the simulator must return a torch tensor, got {type(y).__name__}; wrap a NumPy "
            "function by invlab.numpy_simulator"
        )
    return y if y.requires_grad else y.clone()  # the next call may write where it stands


# -- the first clause: does it run, and where ------------------------------------------------


def _survey(task: Task, x: Tensor, c: Tensor | None) -> tuple[Clause, Tensor, Tensor]:
    """Whether the simulator runs on draws of the prior, which give a usable y, and that."""
    nothing = torch.zeros(len(x))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", FailedRows)
        try:
            y = _run(task, x, c)
        except Exception as error:
            return Clause(RUNS, False, _where_it_raises(task, x, c, error)), nothing, nothing
    if y.layout != torch.strided:
        found = f"expected a dense tensor, got the layout {y.layout}; give y.to_dense()"
        return Clause(RUNS, False, found), nothing, nothing
    if y.ndim < 2 or len(y) != len(x):
        found = f"a batch of {len(x)} gave shape {tuple(y.shape)}; expected ({len(x)}, dy...); "
        remedy = KEEP_AXIS if y.shape == x.shape[:1] else _wrapping(task)
        return Clause(RUNS, False, found + remedy), nothing, nothing
    task.note_shape(y[0])
    good = torch.isfinite(y).flatten(1).all(1).cpu()
    flagged = _flagged(task, y)
    good = good if flagged is None else good & flagged
    if bool(good.all()):
        return Clause(RUNS, True), good, y
    why = [str(one.message) for one in said if issubclass(one.category, FailedRows)]
    first = f"the first that gives none is x = {_row(x[~good][0])}"
    where = why[0] if why else first
    share = f"{100 * int(good.sum()) / len(good):.3g} % of {len(good)} prior draws give a valid y"
    return Clause(RUNS, bool(good.any()), f"{share}; {where}"), good, y


def _where_it_raises(task: Task, x: Tensor, c: Tensor | None, error: Exception) -> str:
    """What raised, for which share of the draws, and what to do."""
    raised: dict[int, Exception] = {}
    for i in range(len(x)):
        try:
            _run(task, x[i : i + 1], None if c is None else c[i : i + 1])
        except Exception as alone:
            raised[i] = alone
    if not raised:
        return (
            f"raised {_line(error)} for a batch of {len(x)}, but not for one row; {_wrapping(task)}"
        )
    first, why = next(iter(raised.items()))
    if len(raised) < len(x):
        return (
            f"raised for {100 * len(raised) / len(x):.3g} % of {len(x)} prior draws, first at "
            f"x = {_row(x[first])}: {_line(why)}; one such row ends a whole run: return NaN for it"
            + ("" if _is_wrapped(task) else ", or wrap the function by invlab.numpy_simulator")
        )
    try:
        _run(task, x.float(), None if c is None else c.float())
    except Exception:
        return f"raised {_line(error)}; {_wrapping(task)}"
    return (
        f"raised {_line(error)} for float64, but runs for float32; cast weights and constants "
        "to the dtype of x, by .to(x)"
    )


def _is_wrapped(task: Task) -> bool:
    return isinstance(task.simulator, NumpySimulator)


def _wrapping(task: Task) -> str:
    """What to do where a simulator copes with other rows than it gets."""
    if not _is_wrapped(task):
        return (
            "a function of one row goes through invlab.numpy_simulator(f, batched=False), one of "
            "NumPy arrays of all rows through invlab.numpy_simulator(f)"
        )
    other = not task.simulator.batched  # type: ignore[attr-defined]
    rows = "all rows at a time" if other else "one row alone"
    return (
        f"if the function takes {rows}, say batched={other}; else try it on one draw of the prior"
    )


def _flagged(task: Task, y: Tensor) -> Tensor | None:
    """Which observations the task calls valid; None where it cannot say, which a clause finds."""
    try:
        mask = task.valid(y)
    except Exception:
        return None
    return mask.cpu() if mask.shape == y.shape[:1] else None


def _row(x: Tensor) -> str:
    shown = ", ".join(f"{number:.4g}" for number in x[:8].tolist())
    return f"[{shown}, ...]" if len(x) > 8 else f"[{shown}]"


def _noise(task: Task, x: Tensor, c: Tensor | None) -> tuple[bool, bool]:
    """Whether equal rows of one batch, and equal calls one after the other, give different y."""
    same = x[:1].expand(ROWS, -1)
    same_c = None if c is None else c[:1].expand(ROWS, -1)
    with runtime.seeded(0):
        first, second = _call(task, same, same_c), _call(task, same, same_c)
    return not _equal(first, first[:1]), not _equal(first, second)


def _equal(a: Tensor, b: Tensor, tolerance: float = 1e-9) -> bool:
    """Whether two sets of observations are the same, in shares of the largest of them."""
    floor = 1e-3 * tolerance * _size(a)
    return bool(torch.isclose(a, b, rtol=tolerance, atol=floor, equal_nan=True).all())


# -- the other clauses -----------------------------------------------------------------------


def _rows_alone(seen: Seen) -> Finding:
    if seen.noise:
        raise NotApplicable(seen.noise)
    task, x, c = seen.task, seen.x, seen.c
    for size in (1, 3, 5):
        together = _run(task, x[:size], None if c is None else c[:size])
        if together.ndim < 2 or len(together) != size:
            return f"a batch of {size} gave shape {tuple(together.shape)}; expected ({size}, dy...)"
        for i in range(size):
            alone = _run(task, x[i : i + 1], None if c is None else c[i : i + 1])
            if not _equal(together[i : i + 1], alone):
                return f"row {i} of {size} differs from the same row alone; rows must not mix"
    return None


def _leading_shape(seen: Seen) -> Finding:
    task, x, c = seen.task, seen.x, seen.c
    flat = _run(task, x[:4], None if c is None else c[:4])
    shaped = _run(task, x[:4].reshape(2, 2, -1), None if c is None else c[:4].reshape(2, 2, -1))
    wanted = (2, 2, *flat.shape[1:])
    if shaped.shape != wanted:
        return f"x of shape (2, 2, dx) gave {tuple(shaped.shape)}; expected {wanted}"
    return None


def _input_untouched(seen: Seen) -> Finding:
    x, c = seen.x.clone(), None if seen.c is None else seen.c.clone()
    with runtime.seeded(0):
        seen.task.simulator(x) if c is None else seen.task.simulator(x, c)
    if c is not None and not torch.equal(c, seen.c):  # type: ignore[arg-type]
        return "the simulator changed c in place; work on a copy"
    return None if torch.equal(x, seen.x) else "the simulator changed x in place; work on a copy"


def _finite(seen: Seen) -> Finding:
    y = seen.drawn_y
    flagged = seen.task.valid(y)
    if flagged.shape != y.shape[:1]:
        return (
            f"valid(y) gave shape {tuple(flagged.shape)} for y of shape {tuple(y.shape)}; "
            f"expected one entry an observation, ({len(y)},)"
        )
    bad = ~torch.isfinite(y).flatten(1).all(1)
    if bool((bad & flagged).any()):
        count = int((bad & flagged).sum())
        return f"{count} of {len(y)} prior draws give NaN or infinity that valid(y) does not flag"
    return None


def _every_unknown(seen: Seen) -> Finding:
    """Each unknown takes the values of other draws, alone: y has to change somewhere."""
    good = seen.drawn[seen.good]
    c = None if seen.drawn_c is None else seen.drawn_c[seen.good]
    if len(good) < 2:
        raise NotApplicable("too few prior draws give a valid y")
    if not _equal(_run(seen.task, seen.x, seen.c), _run(seen.task, seen.x, seen.c)):
        raise NotApplicable("the noise does not follow the seed")
    blind = [k for k in range(seen.task.x_dim) if not _has_effect(seen.task, good, c, k)]
    if not blind:
        return None
    if len(blind) == seen.task.x_dim:
        return f"y is the same for all {len(good)} prior draws, whatever x"
    names = ", ".join(seen.task.labels[k] for k in blind)
    return f"no effect on y: {names}; does the simulator use it? An unknown like this has no answer"


def _has_effect(task: Task, x: Tensor, c: Tensor | None, k: int) -> bool:
    for rows in (min(ROWS, len(x)), len(x)):
        part, part_c = x[:rows], None if c is None else c[:rows]
        other = part.clone()
        other[:, k] = x.roll(1, 0)[:rows, k]
        try:
            before, after = _run(task, part, part_c), _run(task, other, part_c)
        except Exception:  # outside of a prior whose unknowns depend on each other
            return True
        if not _equal(before, after, ROUNDING):
            return True
    return False


def _gradient(seen: Seen) -> Finding:
    task, c = seen.task, seen.c
    if not task.differentiable:
        raise NotApplicable("the task says differentiable=False")
    if seen.noise:
        raise NotApplicable(seen.noise)
    x = seen.x.clone().requires_grad_()
    try:
        y = _run(task, x, c)
    except Exception as error:
        return f"raised {_line(error)} for x that asks for gradients; say differentiable=False"
    # each observation weighs differently, so that wrong gradients do not cancel in the sum
    weights = 1 + torch.rand(y.shape[1:], generator=runtime.generator(3), device="cpu").to(y)
    slope = None
    if y.requires_grad:
        (slope,) = torch.autograd.grad((y * weights).sum(), x, allow_unused=True)
    if slope is None:
        return (
            "y does not depend on x for autograd; use torch operations, or say differentiable=False"
        )
    whole = task.integer.tolist()
    for k in range(x.shape[-1]):
        if whole[k]:  # there is nothing between whole numbers
            continue
        gap = _least_gap(task, seen.x, c, k, weights, slope[:, k])
        if not gap <= GRADIENT_TOLERANCE:
            return (
                f"autograd and central difference differ by {gap:.1e} (relative) in unknown {k} "
                f"({task.labels[k]})"
            )
    if slope.count_nonzero() == 0 and not all(whole) and _is_flat(seen):
        return (
            "the gradient is zero at all draws though y changes with x, as where a simulator "
            "rounds or counts: no search finds its way; say differentiable=False"
        )
    return None


def _is_flat(seen: Seen) -> bool:
    """Whether y differs between the draws, and its gradient is zero at each of them."""
    x, y = seen.drawn[seen.good].clone().requires_grad_(), seen.drawn_y[seen.good]
    if _equal(y, y[:1], ROUNDING):
        return False
    y = _run(seen.task, x, None if seen.drawn_c is None else seen.drawn_c[seen.good])
    (slope,) = torch.autograd.grad(y.sum(), x)
    return bool(slope.count_nonzero() == 0)


def _least_gap(
    task: Task, x: Tensor, c: Tensor | None, k: int, weights: Tensor, slope: Tensor
) -> float:
    """The smallest gap over the steps; last over short ones that stay where the prior has draws."""
    low, high = (end.to(x)[k] for end in ends_of(task.prior))
    room = torch.minimum(x[:, k] - low, high - x[:, k])
    widths = [share * float(task.box.width[k]) * torch.ones_like(room) for share in STEPS]
    steps = [*widths, torch.where(room > 0, (NEAR * room).minimum(widths[0]), widths[-1])]
    gap = math.inf
    for step in steps:
        found = _gap(task, x, c, k, weights, slope, step)
        gap = found if found < gap else gap
        if gap <= GRADIENT_TOLERANCE:
            break
    return gap


def _gap(
    task: Task, x: Tensor, c: Tensor | None, k: int, weights: Tensor, slope: Tensor, step: Tensor
) -> float:
    """Largest difference of ``slope`` ``(N,)`` from central differences, in units of these."""
    near, rounding = _quotient(task, x, c, k, weights, step)
    far, _ = _quotient(task, x, c, k, weights, 2 * step)
    quotient = (4 * near - far) / 3  # extrapolated: a narrow resonance bends within a step
    scale = quotient.abs().max().clamp_min(torch.finfo(x.dtype).tiny)
    return float((((slope - quotient).abs() - rounding).clamp_min(0) / scale).max())


def _quotient(
    task: Task, x: Tensor, c: Tensor | None, k: int, weights: Tensor, step: Tensor
) -> tuple[Tensor, Tensor]:
    """Central difference of the weighted sum of y, for a step ``(N,)``.

    And how far the rounding of y alone may lead it astray.
    """
    shift = torch.zeros_like(x)
    shift[:, k] = step
    ahead, behind = _run(task, x + shift, c).detach(), _run(task, x - shift, c).detach()
    size = (ahead.abs() * weights).flatten(1).sum(1)
    change = ((ahead - behind) * weights).flatten(1).sum(1)
    return change / (2 * step), 8 * torch.finfo(x.dtype).eps * size / step


def _dtype_and_device(seen: Seen) -> Finding:
    for dtype in (torch.float32, torch.float64):
        moved = seen.x.to(runtime.device(), dtype)
        try:
            y = _run(seen.task, moved, seen.c)
        except Exception as error:
            return (
                f"raised {_line(error)} for {dtype} on {moved.device}; cast weights and "
                "constants to x, by .to(x)"
            )
        if y.dtype != dtype or y.device != moved.device:
            return (
                f"x is {dtype} on {moved.device}, but y is {y.dtype} on {y.device}; "
                "make constants buffers of a Simulator and cast them with .to(x)"
            )
    return None


def _enough_in_float32(seen: Seen) -> Finding:
    """Training and targets are of float32 by default: it must hold what float64 tells apart."""
    x = seen.drawn[seen.good][:DRAWS]
    c = None if seen.drawn_c is None else seen.drawn_c[seen.good][:DRAWS]
    try:
        wide, narrow = _run(seen.task, x, c), _run(seen.task, x.float(), c)
    except Exception as error:
        raise NotApplicable("it does not run in float32, see the clause on dtype") from error
    lost = wide.isfinite().flatten(1).all(1) & ~narrow.isfinite().flatten(1).all(1)
    remedy = (
        "change the units of x or y (or subtract what is constant), or take dtype=torch.float64"
    )
    if int(lost.sum()) > OVERFLOWN * len(x):
        return f"y is infinite or NaN in float32 for {int(lost.sum())} of {len(x)} draws; {remedy}"
    before, after = _different(wide), _different(narrow)
    # a part that is dark, such as the edge of an image, says nothing while others are not
    enough = (after > 1) & (after >= KEPT * before)
    if bool((before > 1).any()) and not bool(enough.any()):
        return (
            f"{int(before.max())} different values of y in float64 are {int(after.max())} in "
            f"float32, where targets cannot be told apart (y is up to {_size(wide):.2g}); {remedy}"
        )
    return None


def _different(y: Tensor) -> Tensor:
    """How many different values each part of y has among the rows, ``(dy,)``."""
    return 1 + y.detach().flatten(1).sort(0).values.diff(dim=0).ne(0).sum(0)


def _size(y: Tensor) -> float:
    """The largest of some observations, without its sign."""
    return float(y.detach().abs().nan_to_num(0, 0, 0).max())


def _noise_per_row(seen: Seen) -> Finding:
    if seen.task.noisy and not seen.rows_differ:
        return (
            "equal rows of one batch got the same noise; draw it with the shape of y, or say "
            "noisy=False where there is none"
        )
    if not seen.task.noisy and seen.calls_differ:
        return "equal x gave different y, but the task says noisy=False; say noisy=True"
    return None


def _same_seed(seen: Seen) -> Finding:
    task = seen.task
    a, b = (task.prior.sample(5, generator=runtime.generator(1)) for _ in range(2))
    if not torch.equal(a, b):
        return "the prior gave different draws for the same generator; pass generator= on to torch"
    if seen.noise and not task.noisy:
        raise NotApplicable(seen.noise)
    if not _equal(_run(task, seen.x, seen.c), _run(task, seen.x, seen.c)):
        return (
            "the noise does not follow the seed, so that targets(seed) do not repeat: it comes "
            "from NumPy or from a generator of the simulator's own; draw it by torch, as by "
            "torch.randn, or make NumPy's generator inside the simulator from torch's: "
            "np.random.default_rng(int(torch.randint(2**31, ())))"
        )
    return None


def _inside_box(seen: Seen) -> Finding:
    task = seen.task
    if not is_bounded(task.prior):
        raise NotApplicable("the prior is not bounded")
    draws = task.prior.sample(200, generator=runtime.generator(2))
    out = int((~task.box.contains(draws)).sum())
    return f"{out} of 200 prior draws lie outside task.box" if out else None


def _refuses_bad_input(seen: Seen) -> Finding:
    task, x = seen.task, seen.x
    for what, bad in {
        "one column too many": torch.cat([x, x[:, :1]], -1),
        "NaN": torch.full_like(x, torch.nan),
        "an integer dtype": x.long(),
    }.items():
        try:
            task.simulate(bad, seen.c)
        except (TypeError, ValueError) as error:
            if task.name not in str(error):
                return f"the error for {what} does not name the task"
        else:
            return f"simulate() accepted {what}"
    return None


RUNS = "the simulator runs on the prior"
TRIED: dict[str, Check] = {
    "each row of a batch gives what it gives alone": _rows_alone,
    "leading batch shapes are kept": _leading_shape,
    "the input is not changed in place": _input_untouched,
    "observations on the prior are finite or flagged": _finite,
    "every unknown has an effect on y": _every_unknown,
    "the gradient equals finite differences": _gradient,
    "the output follows the input's dtype and device": _dtype_and_device,
    "float32 holds the differences of y": _enough_in_float32,
    "noise is drawn for each row": _noise_per_row,
    "the same seed gives the same numbers": _same_seed,
    "prior samples lie in the box": _inside_box,
    "bad input is refused with a message": _refuses_bad_input,
}
# Names of all clauses, in the order in which they are tried.
CLAUSES = (RUNS, *TRIED)
