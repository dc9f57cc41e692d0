"""The batched minimisers beside those of jax, and beside a loop around ``torch.optim.Adam``.

One problem for all: Rosenbrock's function of two unknowns, from starts drawn evenly in [-2, 2]²,
float64, one thread, until no component of a row's gradient exceeds 1e-5 (Adam: 1000 steps along a
cosine). The rivals of jax run under ``jax.vmap`` and ``jax.jit``, and their time is that of a call
after compilation; what the first call took is printed beside it. A rival stops at a tolerance of
its own: the loosest power of ten at which as many of its rows meet our bound as of ours. Each is
skipped, by name, where it is not installed.
"""

from __future__ import annotations

import importlib.util
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from clock import cpu_seconds
from torch import Tensor

from invlab.minimizers import minimize
from invlab.runtime import generator

GTOL, ADAM_STEPS, STEP_SIZE, MOST_STEPS = 1e-5, 1000, 0.05, 1000
TOLERANCES = [10.0**-k for k in range(2, 13)]

Run = Callable[[], Any]


class Timed(NamedTuple):
    """CPU seconds of a call, of the first call, and the share of rows within ``GTOL``."""

    seconds: float
    first: float
    share: float


def starts(rows: int) -> Tensor:
    unit = torch.rand(rows, 2, generator=generator(0, "rosenbrock"), dtype=torch.float64)
    return 4 * unit - 2


def residuals(x: Tensor) -> Tensor:
    a, b = x.unbind(1)
    return torch.stack((10 * (b - a * a), 1 - a), 1)


def rosenbrock(x: Tensor) -> Tensor:
    a, b = x.unbind(1)
    return 100 * (b - a * a).square() + (1 - a).square()


def share_solved(x: np.ndarray) -> float:
    """Share of points ``(n, 2)`` where no component of the gradient exceeds ``GTOL``."""
    a, b = x.T
    slope = np.stack((-400 * a * (b - a * a) - 2 * (1 - a), 200 * (b - a * a)))
    return float((np.abs(slope).max(0) <= GTOL).mean())


def timed(run: Callable[[], np.ndarray], repeats: int) -> Timed:
    begun = time.process_time()
    x = run()
    first = time.process_time() - begun
    return Timed(cpu_seconds(run, repeats), first, share_solved(x))


def ours(method: str, x0: Tensor, repeats: int) -> Timed:
    options = {"step_size": STEP_SIZE, "maxiter": ADAM_STEPS} if method == "adam" else {}
    fun = residuals if method == "lm" else rosenbrock
    return timed(lambda: minimize(fun, x0, method=method, gtol=GTOL, **options).x.numpy(), repeats)


def torch_adam(x0: Tensor, repeats: int) -> Timed:
    """The loop that a user of torch writes."""

    def run() -> np.ndarray:
        x = x0.clone().requires_grad_()
        optimizer = torch.optim.Adam([x], lr=STEP_SIZE)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, ADAM_STEPS)
        for _ in range(ADAM_STEPS):
            optimizer.zero_grad()
            rosenbrock(x).sum().backward()
            optimizer.step()
            schedule.step()
        return x.detach().numpy()

    return timed(run, repeats)


def jax_ready() -> bool:
    """Bring jax to float64 and one thread, before its first import."""
    if importlib.util.find_spec("jax") is None:
        return False
    flags = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    os.environ.setdefault("XLA_FLAGS", flags)
    import jax

    jax.config.update("jax_enable_x64", True)
    return True


def jax_rosenbrock(x: Any, _: Any = None) -> Any:
    return 100 * (x[1] - x[0] * x[0]) ** 2 + (1 - x[0]) ** 2


def jax_residuals(x: Any, _: Any = None) -> Any:
    import jax.numpy as jnp

    return jnp.stack((10 * (x[1] - x[0] * x[0]), 1 - x[0]))


def optimistix_row(method: str) -> Callable[..., Any]:
    """A row's minimum from its start and a tolerance."""
    import optimistix

    def row(x0: Any, tolerance: Any) -> Any:
        if method == "lm":
            solver = optimistix.LevenbergMarquardt(rtol=tolerance, atol=tolerance)
            solve, fun = optimistix.least_squares, jax_residuals
        else:
            solver = optimistix.BFGS(rtol=tolerance, atol=tolerance)
            solve, fun = optimistix.minimise, jax_rosenbrock
        return solve(fun, solver, x0, max_steps=MOST_STEPS, throw=False).value

    return row


def jaxopt_row(method: str) -> Callable[..., Any]:
    import jaxopt

    def row(x0: Any, tolerance: Any) -> Any:
        if method == "lm":
            solver = jaxopt.LevenbergMarquardt(
                jax_residuals, maxiter=MOST_STEPS, tol=tolerance, gtol=tolerance, xtol=0.0
            )
        else:
            solver = jaxopt.BFGS(jax_rosenbrock, maxiter=MOST_STEPS, tol=tolerance)
        return solver.run(x0).params

    return row


def optax_row(method: str) -> Callable[..., Any]:
    import jax
    import optax

    adam = optax.adam(optax.cosine_decay_schedule(STEP_SIZE, ADAM_STEPS))

    def row(x0: Any, _: Any) -> Any:
        def step(carry: Any, _: Any) -> Any:
            x, state = carry
            move, state = adam.update(jax.grad(jax_rosenbrock)(x), state)
            return (optax.apply_updates(x, move), state), None

        return jax.lax.scan(step, (x0, adam.init(x0)), None, ADAM_STEPS)[0][0]

    return row


def compiled(row: Callable[..., Any], x0: Tensor, share: float, repeats: int) -> tuple[Timed, str]:
    """Time of a rival at the loosest tolerance that brings as many rows as ours to the bound."""
    import jax

    batch = jax.jit(jax.vmap(row, (0, None)))
    start = jax.numpy.asarray(x0.numpy())
    begun = time.process_time()
    np.asarray(batch(start, TOLERANCES[0]))
    first = time.process_time() - begun
    tolerance = TOLERANCES[-1]
    for tolerance in TOLERANCES:
        if share_solved(np.asarray(batch(start, tolerance))) >= share:
            break
    found = timed(lambda: np.asarray(batch(start, tolerance)), repeats)
    return found._replace(first=first), f"tolerance {tolerance:g}"


RIVALS = {
    "optimistix": (optimistix_row, ("bfgs", "lm")),
    "jaxopt": (jaxopt_row, ("bfgs", "lm")),
    "optax": (optax_row, ("adam",)),
}


def line(peer: str, method: str, rows: int, own: Timed, other: Timed, note: str = "") -> None:
    mine, theirs = own.seconds / rows * 1e6, other.seconds / rows * 1e6
    print(
        f"minimize_{peer} ratio={theirs / mine:.3g} ours={mine:.4g} peer={theirs:.4g} "
        f"unit=cpu_us_a_row method={method} rows={rows} solved={own.share:.3f}/{other.share:.3f} "
        f"first_call_s={own.first:.3f}/{other.first:.3f} {note}".rstrip()
    )


def beside_rivals(repeats: int, sizes: tuple[int, ...] = (256, 4096)) -> None:
    """Print a line for each rival, method and number of rows: ratio = rival's time / ours."""
    ready = jax_ready()
    for rows in sizes:
        x0 = starts(rows)
        own = {method: ours(method, x0, repeats) for method in ("bfgs", "lm", "adam")}
        line("torch_loop", "adam", rows, own["adam"], torch_adam(x0, repeats))
        for peer, (build, methods) in RIVALS.items():
            if not ready or importlib.util.find_spec(peer) is None:
                print(f"minimize_{peer}: skipped, {peer} is not installed (benchmarks/README.md)")
                continue
            for method in methods:
                share = -math.inf if method == "adam" else own[method].share
                line(peer, method, rows, own[method], *compiled(build(method), x0, share, repeats))


def first_calls() -> None:
    """CPU seconds of the first call in a fresh process, imports of the caller done."""
    code = (
        "import time; from minimize_rivals import *; torch.set_num_threads(1); "
        "print(f'{ours_once(sys.argv[1]):.3f}')"
    )
    for method in ("bfgs", "lm", "adam"):
        run = subprocess.run(
            [sys.executable, "-c", code, method], cwd=os.path.dirname(os.path.abspath(__file__)),
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        print(f"first call of a process, {method}, 256 rows: {run.stdout.strip()} cpu_s")


def ours_once(method: str) -> float:
    x0, fun = starts(256), residuals if method == "lm" else rosenbrock
    options = {"maxiter": 10} if method == "adam" else {}
    begun = time.process_time()
    minimize(fun, x0, method=method, gtol=GTOL, **options)
    return time.process_time() - begun
