"""The batched minimisers beside those of jax, and beside a loop around ``torch.optim.Adam``.

One problem for all: Rosenbrock's function of two unknowns (and, for BFGS and Levenberg-Marquardt,
its chain of ten), from starts drawn evenly in [-2, 2], float64, one thread, until no component of a
row's gradient exceeds 1e-5 (Adam: 1000 steps along a cosine). The rivals of jax run under
``jax.vmap`` and ``jax.jit``, and their time is that of a call after compilation; what the first
call took is printed beside it. A rival stops at a tolerance of its own: the loosest power of ten at
which as many of its rows meet our bound as of ours. Each is skipped, by name, where it is not
installed. How to install them is told in README.md.
"""

from __future__ import annotations

import importlib.util
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from clock import cpu_seconds
from torch import Tensor

from invlab.minimizers import minimize
from invlab.runtime import generator

GTOL, ADAM_STEPS, STEP_SIZE, MOST_STEPS = 1e-5, 1000, 0.05, 1000
# Rows, unknowns and methods that are compared.
SIZES = (
    (256, 2, ("bfgs", "lm", "adam")),
    (4096, 2, ("bfgs", "lm", "adam")),
    (256, 10, ("bfgs", "lm")),
)
TOLERANCES = [10.0**-k for k in range(2, 13)]

Run = Callable[[], Any]


class Timed(NamedTuple):
    """CPU seconds of a call, of the first call, and the share of rows within ``GTOL``."""

    seconds: float
    first: float
    share: float


def starts(rows: int, dim: int = 2) -> Tensor:
    unit = torch.rand(rows, dim, generator=generator(0, "rosenbrock"), dtype=torch.float64)
    return 4 * unit - 2


def residuals(x: Tensor) -> Tensor:
    """``(n, d)`` to ``(n, 2d - 2)``."""
    if x.shape[1] == 2:
        a, b = x.unbind(1)
        return torch.stack((10 * (b - a * a), 1 - a), 1)
    a, b = x[:, :-1], x[:, 1:]
    return torch.cat((10 * (b - a * a), 1 - a), 1)


def rosenbrock(x: Tensor) -> Tensor:
    """``(n, d)`` to ``(n,)``."""
    if x.shape[1] == 2:
        a, b = x.unbind(1)
        return 100 * (b - a * a).square() + (1 - a).square()
    a, b = x[:, :-1], x[:, 1:]
    return (100 * (b - a * a).square() + (1 - a).square()).sum(1)


def share_solved(x: np.ndarray) -> float:
    """Share of points ``(n, d)`` where no component of the gradient exceeds ``GTOL``."""
    leaf = torch.from_numpy(np.array(x)).requires_grad_()
    (slope,) = torch.autograd.grad(rosenbrock(leaf).sum(), leaf)
    return float((slope.abs().amax(1) <= GTOL).double().mean())


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
    a, b = x[:-1], x[1:]
    return (100 * (b - a * a) ** 2 + (1 - a) ** 2).sum()


def jax_residuals(x: Any, _: Any = None) -> Any:
    import jax.numpy as jnp

    a, b = x[:-1], x[1:]
    return jnp.concatenate((10 * (b - a * a), 1 - a))


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
    """The same; its BFGS takes milliseconds a row and is no rival."""
    import jaxopt

    assert method == "lm"

    def row(x0: Any, tolerance: Any) -> Any:
        solver = jaxopt.LevenbergMarquardt(
            jax_residuals, maxiter=MOST_STEPS, tol=tolerance, gtol=tolerance, xtol=0.0
        )
        return solver.run(x0).params

    return row


def optax_row(method: str) -> Callable[..., Any]:
    """The same after a fixed number of steps."""
    import jax
    import optax

    assert method == "adam"
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
    "jaxopt": (jaxopt_row, ("lm",)),
    "optax": (optax_row, ("adam",)),
}


def line(peer: str, method: str, x0: Tensor, own: Timed, other: Timed, note: str = "") -> None:
    rows, dim = x0.shape
    mine, theirs = own.seconds / rows * 1e6, other.seconds / rows * 1e6
    print(
        f"minimize_{peer} ratio={theirs / mine:.3g} ours={mine:.4g} peer={theirs:.4g} "
        f"unit=cpu_us_a_row method={method} rows={rows} unknowns={dim} "
        f"solved={own.share:.3f}/{other.share:.3f} "
        f"first_call_s={own.first:.3f}/{other.first:.3f} {note}".rstrip(),
        flush=True,
    )


def beside_rivals(repeats: int) -> None:
    """Print a line for each rival, method and size: ratio = rival's time / ours."""
    first_calls()
    ready = jax_ready()
    for peer in RIVALS:
        if not ready or importlib.util.find_spec(peer) is None:
            print(f"minimize_{peer}: skipped, {peer} is not installed, see benchmarks/README.md")
    for rows, dim, methods in SIZES:
        x0 = starts(rows, dim)
        own = {method: ours(method, x0, repeats) for method in methods}
        if "adam" in methods:
            line("torch_loop", "adam", x0, own["adam"], torch_adam(x0, repeats))
        for peer, (build, theirs) in RIVALS.items():
            for method in theirs:
                if ready and importlib.util.find_spec(peer) is not None and method in methods:
                    share = -math.inf if method == "adam" else own[method].share
                    found, note = compiled(build(method), x0, share, repeats)
                    line(peer, method, x0, own[method], found, note)


def first_calls() -> None:
    """CPU seconds of the first call in a fresh process, its imports done."""
    here = Path(__file__).resolve().parent
    # relative places on the path are meant from where this was started
    env = os.environ | {
        "PYTHONPATH": os.pathsep.join(str(Path(place).resolve()) for place in sys.path)
    }
    code = "import sys, minimize_rivals as m; print(f'{m.first_call(sys.argv[1]):.3f}')"
    for method in ("bfgs", "lm", "adam"):
        command = [sys.executable, "-c", code, method]
        run = subprocess.run(command, cwd=here, env=env, capture_output=True, text=True, check=True)
        print(
            f"first call in a process, {method}, 256 rows: {run.stdout.strip()} cpu_s", flush=True
        )


def first_call(method: str) -> float:
    """CPU seconds of one call on 256 rows; Adam takes ten steps."""
    torch.set_num_threads(1)
    x0, fun = starts(256), residuals if method == "lm" else rosenbrock
    options = {"maxiter": 10} if method == "adam" else {}
    begun = time.process_time()
    minimize(fun, x0, method=method, gtol=GTOL, **options)
    return time.process_time() - begun
