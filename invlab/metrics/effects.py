"""What guesses cause: the true simulator, run on whatever a method proposed."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor

from invlab import runtime
from invlab.task import Pairs, Task
from invlab.validation import batch_shape, require_tensor

__all__ = ["effects", "noise_stream", "require_gradient", "warn_of_noise"]

# Prior draws that tell a simulator that fails for most unknowns from one that is broken; and of
# those that are tried in any case, and the processor seconds after which no further ones are.
TRIALS, FIRST_TRIALS, TRIAL_SECONDS = 64, 8, 1.0


def noise_stream(task: Task, what: str) -> torch.Generator:
    """The generator of the noise that scores meet where the caller gives none."""
    return runtime.generator(0, task.name, what)


def effects(
    task: Task, x: Tensor, c: Tensor | None = None, *, generator: torch.Generator
) -> Tensor:
    """Run the simulator on guesses, whatever they are.

    Args:
        task: its simulator is run once on all rows.
        x: guesses, ``(N, dx)``; NaN and infinity are allowed, and are not simulated.
        c: contexts, ``(N, dc)``, where the task has one.
        generator: one number of it seeds torch's global generators while the task is simulated,
            and these are left as they were.

    Returns:
        ``(N, *dy)`` without a graph, in the dtype and on the device of x; NaN where a guess is no
        number, where its effect is not :meth:`valid <invlab.Task.valid>`, and where the simulator
        raises an error for it.

    Raises:
        Exception: what the simulator raises, if it does so for draws of the prior too.

    Warns:
        UserWarning: for how many guesses the simulator raised, and the first message.
    """
    x, c = x.detach(), None if c is None else c.detach().to(x.dtype)
    finite = torch.isfinite(x).all(1)
    with runtime.seeded(runtime.next_seed(generator)), torch.no_grad():
        if not bool(finite.any()):
            like = _trial(task, x, c)
            if like is None:
                raise ValueError(f"{task.name}: the simulator raises an error for prior draws")
            return torch.full_like(like, torch.nan).repeat(len(x), *[1] * (like.ndim - 1))
        found = _run(task, x[finite], None if c is None else c[finite])
    found = torch.where(_valid(task, found), found, torch.nan)
    if bool(finite.all()):
        return found
    caused = found.new_full((len(x), *found.shape[1:]), torch.nan)
    caused[finite] = found
    return caused


def warn_of_noise(task: Task, pairs: Pairs) -> None:
    """Simulate the first pair twice, and warn where that differs and the task says it cannot.

    Warns:
        UserWarning: equal unknowns give different y.
    """
    if task.noisy:
        return
    x, c = pairs.x[:1].double(), None if pairs.c is None else pairs.c[:1].double()
    draws = noise_stream(task, "is it noisy")
    one, other = (effects(task, x, c, generator=draws) for _ in range(2))
    if not torch.equal(one.nan_to_num(), other.nan_to_num()):
        warnings.warn(
            f"{task.name}: equal unknowns give different y, but the task says noisy=False: errors "
            "are small by luck then, and no bound holds; give noisy=True",
            stacklevel=3,
        )


def require_gradient(task: Task, x: Tensor, c: Tensor | None) -> None:
    """Simulate the first row with a graph, where the task says that there is one.

    Args:
        task: may say ``differentiable=False``, and then nothing happens.
        x: unknowns, ``(N, dx)``; c: their contexts, ``(N, dc)``, or None.

    Raises:
        ValueError: torch finds no way from y back to x.
    """
    if not task.differentiable:
        return
    x = runtime.normal_tensor(x[:1].detach()).double().requires_grad_()
    given = [] if c is None else [runtime.normal_tensor(c[:1]).double()]
    why = "its y has no gradient"
    try:
        with runtime.differentiable(), torch.enable_grad(), runtime.seeded(0):
            if task.simulator(x * 1.0, *given).requires_grad:
                return
    except RuntimeError as error:
        if "grad" not in str(error):
            raise
        why = str(error)
    raise ValueError(
        f"{task.name}: the task says that its simulator is differentiable, but {why}; say "
        "differentiable=False, or compute y by torch from x"
    )


def _run(task: Task, x: Tensor, c: Tensor | None) -> Tensor:
    """Effects of finite guesses; NaN in the rows that the simulator raises an error for."""
    try:
        return _simulate(task, x, c)
    except Warning:  # raised by a filter of the caller's; it says nothing of the guesses
        raise
    except Exception:  # somebody else's code: it may raise anything
        like = _trial(task, x, c)
        if like is None:
            raise
    raised: list[Exception] = []
    found = _row_by_row(task, x, c, like, raised)
    if raised:
        warnings.warn(
            f"{task.name}: the simulator raised an error for {len(raised)} of {len(x)} guesses, "
            f"which count as invalid; the first: {type(raised[0]).__name__}: {raised[0]}",
            stacklevel=4,
        )
    return found


def _simulate(task: Task, x: Tensor, c: Tensor | None) -> Tensor:
    # copies: a simulator that works in place must not change the caller's tensors
    found = task.simulate(x.clone(), None if c is None else c.clone())
    shape: tuple[int | str, ...] = (len(x), *batch_shape(found)[1:])
    return require_tensor(f"{task.name}: simulated y", found, shape, finite=False).detach()


def _trial(task: Task, x: Tensor, c: Tensor | None) -> Tensor | None:
    """The effect of one draw of the prior, ``(1, *dy)``, or None if each of many raises too."""
    draws = task.prior.sample(TRIALS, generator=runtime.generator(0, task.name, "trial")).to(x)
    start = runtime.cpu_seconds()
    for k, draw in enumerate(draws):
        if k >= FIRST_TRIALS and runtime.cpu_seconds() - start > TRIAL_SECONDS:
            break
        try:
            return _simulate(task, draw[None], None if c is None else c[:1])
        except Exception:
            continue
    return None


def _row_by_row(
    task: Task, x: Tensor, c: Tensor | None, like: Tensor, raised: list[Exception]
) -> Tensor:
    """Halve a batch that raises until the rows that do so stand alone; these become NaN."""
    try:
        return _simulate(task, x, c)
    except Exception as error:
        if len(x) == 1:
            raised.append(error)
            return torch.full_like(like, torch.nan)
    half = len(x) // 2
    parts = [
        _row_by_row(task, x[some], None if c is None else c[some], like, raised)
        for some in (slice(half), slice(half, None))
    ]
    return torch.cat(parts)


def _valid(task: Task, y: Tensor) -> Tensor:
    """Which rows the task calls usable, as a mask that fits ``(N, *dy)``."""
    return task.valid(y).reshape(-1, *[1] * (y.ndim - 1))
