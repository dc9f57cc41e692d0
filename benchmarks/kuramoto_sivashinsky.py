"""The Kuramoto–Sivashinsky steps and their gradient beside exponax and PhiFlow's torch backend.

Trajectories of the default task, 50 steps on 32 points in float64 on one thread, and the gradient
of the mean square of the last states by (α, β); 1024 rows, then 64. All three take the same
ETDRK4 steps with the same waves kept, so they have to agree to rounding.

exponax (JAX) brings the stepper; its force is added to its nonlinear term, and it is told to keep
the waves below a third of the points instead of one less. It is compiled, its time is that of a
call after the first, and what the first took stands beside it. PhiFlow 3 has no such equation: its
peer is the same step written with its Fourier transforms and tensors, not compiled.

Neither peer belongs to the project's environment. In one of its own, with torch 2.13:

    pip install phiflow exponax
    OMP_NUM_THREADS=1 PYTHONPATH=. python benchmarks/kuramoto_sivashinsky.py [--rows 1024 64]

A peer that is not installed is left out by name. The last line is the ratio to exponax.
"""

from __future__ import annotations

import argparse
import importlib.util
import math
import os
import time
from collections.abc import Callable
from typing import Any

import torch
from clock import cpu_seconds, in_turn
from record import keep_record
from torch import Tensor

from invlab.runtime import generator
from invlab.tasks.kuramoto_sivashinsky import Front, KuramotoSivashinsky

LENGTH, POINTS, STEP, HORIZON = 22.0, 32, 0.5, 25.0
STEPS = round(HORIZON / STEP)
Run = Callable[[Tensor, Tensor, int], Tensor]


def front(points: int, steps: int) -> Front:
    return Front(LENGTH, points, step=STEP, horizon=steps * STEP, last=True)


def phiflow_run() -> Run:
    """The same step on complex amplitudes, coefficients by its usual formulas on a circle."""
    from phi.torch.flow import batch, spatial
    from phi.torch.flow import math as phi

    phi.set_global_precision(64)
    number = torch.fft.fftfreq(POINTS, 1 / POINTS, dtype=torch.float64)
    wave = 2 * math.pi / LENGTH * number
    kept = (number.abs() * 3 < POINTS).double()
    rate = STEP * (wave**2 - wave**4)
    z = rate[:, None] + torch.exp(2j * math.pi * (torch.arange(64, dtype=torch.float64) + 0.5) / 64)
    e = z.exp()
    factors = [
        rate.exp(),
        (rate / 2).exp(),
        STEP * (((z / 2).exp() - 1) / z).mean(1).real,
        STEP * ((-4 - z + e * (4 - 3 * z + z**2)) / z**3).mean(1).real,
        2 * STEP * ((2 + z + e * (z - 2)) / z**3).mean(1).real,
        STEP * ((-4 - 3 * z - z**2 + e * (4 - z)) / z**3).mean(1).real,
        -0.5j * wave * kept,
        kept,
        torch.fft.fft(torch.cos(4 * math.pi / POINTS * torch.arange(POINTS, dtype=torch.float64))),
    ]
    whole, half, q, f1, f2, f3, advect, kept, force = (
        phi.tensor(factor, spatial("x")) for factor in factors
    )

    def run(x: Tensor, c: Tensor, steps: int) -> Tensor:
        alpha, beta = (phi.tensor(x[:, k], batch("rows")) for k in (0, 1))
        v = phi.fft(phi.tensor(c, batch("rows"), spatial("x"))) * kept

        def rest(v: Any) -> Any:
            u = phi.real(phi.ifft(v))
            return alpha * force + beta * advect * phi.fft(u * u)

        for _ in range(steps):
            first = rest(v)
            a = half * v + q * first
            second = rest(a)
            third = rest(half * v + q * second)
            last = rest(half * a + q * (2 * third - first))
            v = whole * v + f1 * first + f2 * (second + third) + f3 * last
        return phi.real(phi.ifft(v)).native("rows,x")

    return run


def with_gradient(run: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    leaf = x.clone().requires_grad_()
    (slope,) = torch.autograd.grad(run(leaf).square().mean(), leaf)
    return slope


def exponax_run() -> Callable[[Any, Any], Any]:
    """(α, β) and first states ``(n, N)`` to the last states, to be compiled."""
    import equinox
    import exponax
    import jax
    from jax import numpy as jnp

    class Forced(exponax.nonlin_fun.ConvectionNonlinearFun):
        strength: Any
        force: Any

        def __init__(self, points: int, derivative_operator: Any) -> None:
            # 0.7 of the half grid keeps k ≤ 10, as ours does; 2/3 would keep k ≤ 9
            super().__init__(
                1,
                points,
                derivative_operator=derivative_operator,
                dealiasing_fraction=0.7,
                conservative=True,
            )
            wave = jnp.cos(4 * jnp.pi * jnp.arange(points) / points)
            self.strength, self.force = 0.0, jnp.fft.rfft(wave)[None]

        def __call__(self, u_hat: Any) -> Any:
            return super().__call__(u_hat) + self.strength * self.force

    class Stepper(exponax.stepper.KuramotoSivashinskyConservative):
        def _build_nonlinear_fun(self, derivative_operator: Any) -> Any:
            return Forced(POINTS, derivative_operator)

    stepper = Stepper(1, LENGTH, POINTS, STEP, order=4, num_circle_points=32)

    def parameters(stepper: Any) -> Any:
        term = stepper._integrator._nonlinear_fun
        return term.strength, term.scale

    def row(x: Any, u: Any) -> Any:
        chosen = equinox.tree_at(parameters, stepper, (x[0], x[1]))
        return exponax.RepeatedStepper(chosen, STEPS)(u[None])[0]

    return jax.vmap(row)


def beside_exponax(x: Tensor, c: Tensor, repeats: int) -> None:
    """Print how far the two agree, and the ratio."""
    import jax

    jax.config.update("jax_enable_x64", True)
    run = exponax_run()
    slope = jax.jit(jax.grad(lambda x, u: (run(x, u) ** 2).mean()))
    given = jax.numpy.asarray(x.numpy()), jax.numpy.asarray(c.numpy())
    own = front(POINTS, STEPS)
    gaps = [
        (torch.tensor(theirs.tolist(), dtype=torch.float64) - ours).abs().max()
        for theirs, ours in (
            (jax.jit(run)(*given), own(x, c)),
            (slope(*given), with_gradient(lambda x: own(x, c), x)),
        )
    ]
    print(f"largest difference from exponax: states {gaps[0]:.1e}, gradients {gaps[1]:.1e}")
    jax.clear_caches()
    begun = time.process_time()
    slope(*given).block_until_ready()
    first = time.process_time() - begun
    times = in_turn(
        [lambda: with_gradient(lambda x: own(x, c), x), lambda: slope(*given).block_until_ready()],
        repeats,
    )
    line("kuramoto_sivashinsky", *times, len(x), f"first_call_s={first:.2g}")


def beside_phiflow(x: Tensor, c: Tensor, repeats: int) -> None:
    """Print how far the two agree, and the ratio."""
    peer = phiflow_run()
    for count in (1, STEPS):
        gap = (peer(x, c, count) - front(POINTS, count)(x, c)).abs().max()
        print(f"largest difference from PhiFlow after {count} steps: {gap:.1e}")
    own = front(POINTS, STEPS)
    both = (own, lambda x, c: peer(x, c, STEPS))
    slopes = [with_gradient(lambda x, f=f: f(x, c), x) for f in both]
    print(f"largest difference of the gradients: {(slopes[0] - slopes[1]).abs().max():.1e}")
    times = in_turn(
        [lambda f=f: with_gradient(lambda x: f(x, c), x) for f in both], max(1, repeats // 4)
    )
    line("kuramoto_sivashinsky_phiflow", *times, len(x))


def line(name: str, mine: float, theirs: float, rows: int, rest: str = "") -> None:
    print(
        f"{name} ratio={theirs / mine:.2f} ours={mine:.4g} peer={theirs:.4g} unit=cpu_s "
        f"rows={rows} {rest}".rstrip(),
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[1024, 64])
    parser.add_argument("--repeats", type=int, default=20)
    options = parser.parse_args()
    flags = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    os.environ.setdefault("XLA_FLAGS", flags)
    torch.set_num_threads(1)
    task, own = (
        KuramotoSivashinsky(LENGTH, POINTS, step=STEP, horizon=HORIZON),
        front(POINTS, STEPS),
    )
    for rows in options.rows:
        x = task.prior.sample(rows, generator=generator(0))
        c = task.context.sample(rows, generator=generator(1))
        mine, single = (
            cpu_seconds(lambda x=x, c=c: with_gradient(lambda x: own(x, c), x), options.repeats)
            for x, c in ((x, c), (x.float(), c.float()))
        )
        print(f"{rows} rows, {POINTS} points, {STEPS} steps, with gradient")
        print(f"ours: {mine:.4g} CPU s in float64, {single:.4g} in float32")
        for peer, beside in (("phi", beside_phiflow), ("exponax", beside_exponax)):
            if importlib.util.find_spec(peer) is None:
                print(f"{peer} is not installed: left out, see benchmarks/README.md")
            else:
                beside(x, c, options.repeats)


if __name__ == "__main__":
    keep_record(main)
