"""What ``torch.compile`` would gain in the minimisers: value and gradient of a cheap function.

Only the function can be compiled: which rows go on, shorten their step or end is decided in Python
each round. So the most that a compiled function saves of a BFGS is its share of a round.

    python benchmarks/compiled.py [--rows 256] [--repeats 200]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import torch
from clock import in_turn
from minimize_rivals import rosenbrock
from record import keep_record
from torch import Tensor

from invlab.minimizers import minimize
from invlab.runtime import generator


def gradient_of(function: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """Gradient by autograd, as the minimisers take it."""

    def gradient(x: Tensor) -> Tensor:
        leaf = x.detach().requires_grad_()
        (found,) = torch.autograd.grad(function(leaf).sum(), leaf)
        return found

    return gradient


def whole(x: Tensor) -> Tensor:
    """Gradient of each row by ``torch.func``, which compiles as one function."""
    return torch.func.vmap(torch.func.grad(lambda row: rosenbrock(row[None])[0]))(x)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=256)
    parser.add_argument("--repeats", type=int, default=200)
    options = parser.parse_args()
    torch.set_num_threads(1)
    x = torch.randn(options.rows, 2, generator=generator(0, "compiled"), dtype=torch.float64)
    compiled = {
        "function": gradient_of(torch.compile(rosenbrock, dynamic=True)),
        "gradient": torch.compile(whole, dynamic=True),
    }
    first = {}
    for name, work in compiled.items():
        begun = time.process_time()
        work(x)
        first[name] = time.process_time() - begun
    plain = gradient_of(rosenbrock)
    works = [plain, *compiled.values()]
    eager, *others = in_turn([lambda w=w: w(x) for w in works], options.repeats)
    rounds = int(minimize(rosenbrock, x).nfev.max())
    (solve,) = in_turn([lambda: minimize(rosenbrock, x)], 5)
    print(f"{options.rows} rows: a gradient takes {1e6 * eager:.0f} µs, a round of BFGS "
          f"{1e6 * solve / rounds:.0f} µs ({rounds} rounds)")  # fmt: skip
    for name, seconds in zip(compiled, others, strict=True):
        saved = solve / (solve - rounds * (eager - seconds))
        print(
            f"compiled_{name} ratio={eager / seconds:.2f} ours={1e6 * seconds:.4g} "
            f"peer={1e6 * eager:.4g} unit=cpu_us first_call_s={first[name]:.2g} bfgs={saved:.2f}"
        )


if __name__ == "__main__":
    keep_record(main)
