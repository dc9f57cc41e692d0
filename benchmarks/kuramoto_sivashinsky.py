"""The Kuramoto–Sivashinsky steps beside PhiFlow's torch backend and beside exponax.

64 trajectories of the default task, 50 steps on 32 points in float64 on one thread, and the
gradient of the mean square of the last states by (α, β). PhiFlow 3 has no such equation, so its
peer is the same ETDRK4 step written with its Fourier transforms and tensors: both sides have to
agree to rounding. exponax (JAX) brings an ETDRK4 solver of its own for α = 0 and β = 1; it keeps
one wave less and is compared on 64 points, where that wave is small, and it is compiled.

Neither peer belongs to the project's environment. In one of its own, with torch 2.13:

    pip install phiflow exponax
    OMP_NUM_THREADS=1 PYTHONPATH=. python benchmarks/kuramoto_sivashinsky.py [--rows 64]

Without PhiFlow it times ours, says so and ends with status 1; without exponax it leaves that out.
"""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Callable
from typing import Any

import torch
from clock import cpu_seconds
from torch import Tensor

from invlab.runtime import generator
from invlab.tasks.kuramoto_sivashinsky import Front, KuramotoSivashinsky, Waves

LENGTH, POINTS, STEP, HORIZON = 22.0, 32, 0.5, 25.0
Run = Callable[[Tensor, Tensor, int], Tensor]


def ours(x: Tensor, c: Tensor, steps: int) -> Tensor:
    front = Front(LENGTH, c.shape[-1], step=STEP, horizon=steps * STEP, last=True)
    return front(x, c)


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


def with_gradient(run: Run, x: Tensor, c: Tensor) -> Tensor:
    leaf = x.clone().requires_grad_()
    (slope,) = torch.autograd.grad(run(leaf, c, round(HORIZON / STEP)).square().mean(), leaf)
    return slope


def beside_exponax(rows: int, repeats: int) -> str:
    try:
        import exponax
        import jax
    except ImportError:
        return "exponax is not installed: left out"
    jax.config.update("jax_enable_x64", True)
    one = torch.tensor([[0.0, 1.0]], dtype=torch.float64).expand(rows, 2)

    def repeated(points: int, steps: int) -> Any:
        stepper = exponax.stepper.KuramotoSivashinskyConservative(
            1, LENGTH, points, STEP, order=4, num_circle_points=32
        )
        return jax.vmap(exponax.repeat(stepper, steps))

    c = Waves(2 * POINTS, 4).sample(rows, generator=generator(0))
    steps = round(HORIZON / STEP)
    theirs = jax.jit(repeated(2 * POINTS, steps))(jax.numpy.asarray(c.numpy())[:, None])
    gap = (torch.tensor(theirs.tolist(), dtype=torch.float64)[:, 0] - ours(one, c, steps)).abs()
    few = jax.numpy.asarray(Waves(POINTS, 4).sample(rows, generator=generator(0)).numpy())[:, None]
    run = repeated(POINTS, steps)
    slope = jax.jit(jax.grad(lambda u: (run(u) ** 2).mean()))
    seconds = cpu_seconds(lambda: slope(few).block_until_ready(), repeats)
    return (
        f"exponax, compiled, with the gradient by the first state: {seconds:.4g} CPU s; "
        f"largest difference at t = {HORIZON:g} on {2 * POINTS} points {gap.max():.1e}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=10)
    options = parser.parse_args()
    os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")
    torch.set_num_threads(1)
    task = KuramotoSivashinsky(LENGTH, POINTS, step=STEP, horizon=HORIZON)
    x = task.prior.sample(options.rows, generator=generator(0))
    c = task.context.sample(options.rows, generator=generator(1))
    mine = cpu_seconds(lambda: with_gradient(ours, x, c), options.repeats)
    single = cpu_seconds(lambda: with_gradient(ours, x.float(), c.float()), options.repeats)
    print(f"{options.rows} rows, {POINTS} points, {round(HORIZON / STEP)} steps, with gradient")
    print(f"ours: {mine:.4g} CPU s in float64, {single:.4g} in float32")
    print(beside_exponax(options.rows, options.repeats))
    try:
        peer = phiflow_run()
    except ImportError as missing:
        raise SystemExit(
            "the peer is missing: PhiFlow is not installed here (pip install phiflow, in an "
            "environment of its own), so there is no ratio"
        ) from missing
    steps = round(HORIZON / STEP)
    for count in (1, steps):
        gap = (peer(x, c, count) - ours(x, c, count)).abs().max()
        print(f"largest difference from PhiFlow after {count} steps: {gap:.1e}")
    slopes = with_gradient(peer, x, c), with_gradient(ours, x, c)
    print(f"largest difference of the gradients: {(slopes[0] - slopes[1]).abs().max():.1e}")
    theirs = cpu_seconds(lambda: with_gradient(peer, x, c), options.repeats)
    print(
        f"kuramoto_sivashinsky ratio={theirs / mine:.1f} ours={mine:.4g} peer={theirs:.4g} "
        "unit=cpu_s"
    )


if __name__ == "__main__":
    main()
