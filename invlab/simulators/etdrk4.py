"""Time steps of fourth order for stiff periodic equations, v_t = Lv + A(v²) + g.

L and A multiply each wave by a number, g is constant. ETDRK4 (Cox and Matthews, J. Comput. Phys.
176, 430, 2002) takes the linear part exactly and the rest by a Runge–Kutta method. Its
coefficients cancel badly where the linear rate is small, so they are means over a circle in the
complex plane (Kassam and Trefethen, SIAM J. Sci. Comput. 26, 1214, 2005), in float64. Of N points
only the waves k < N/3 are kept: then no product of two of them comes back as a wrong one (the
2/3 rule; Orszag, J. Atmos. Sci. 28, 1074, 1971).

Everything linear becomes a real N × N matrix on the values at the points. For N up to 64 one
product with it takes less time than two Fourier transforms, and needs no complex numbers.

:func:`run` takes many steps at once. Its reverse derivative is written out by hand, since a step is
so cheap that autograd's book-keeping would take longer than the arithmetic.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd import forward_ad

__all__ = ["Matrices", "filtered", "matrices", "run", "step"]

ROOTS = 32  # points on the half circle: the means are then exact to rounding


class Matrices(NamedTuple):
    """What a step needs, float64, made for rows: ``v @ matrix``.

    Attributes:
        halfway: exp(L·step/2), ``(N, N)``.
        push: from v² to what the nonlinear term does in the first half, ``(N, N)``.
        whole: of v and of the squares of the guesses (the first, the sum of the middle two, the
            last), one under the other, ``(4N, N)``.
        halfway_source, source: from g to what it does in half a step and in a whole one.
    """

    halfway: Tensor
    push: Tensor
    whole: Tensor
    halfway_source: Tensor
    source: Tensor


def matrices(length: float, rate: Tensor, advection: Tensor, points: int) -> Matrices:
    """The matrices of a step.

    Args:
        length: of the step in time.
        rate: L of the waves k = 0, 1, ..., N // 2, real.
        advection: A of these waves, complex.
        points: N.
    """
    halfway, *parts = (length * f for f in _coefficients(length * rate))
    first, middle, last = parts
    whole = [(length * rate).exp(), *(f * advection for f in parts)]
    return Matrices(
        halfway=filtered((length * rate / 2).exp(), points),
        push=filtered(halfway * advection, points),
        whole=torch.cat([filtered(factor, points) for factor in whole]),
        halfway_source=filtered(halfway, points),
        source=filtered(first + 2 * middle + last, points),
    )


def run(
    v: Tensor,
    halfway: Tensor,
    push: Tensor,
    whole: Tensor,
    halfway_g: Tensor,
    g: Tensor,
    steps: int,
    every: int,
) -> Tensor:
    """The states after each ``every`` of ``steps`` steps, ``(n, K, N)``.

    Args:
        v, halfway_g, g: rows, see :func:`step`.
        halfway, push, whole: constants; no derivative by them is known.
        steps: how many.
        every: steps from one state of the answer to the next.
    """
    if _asks_for_more_than_a_gradient():
        return _plain(v, halfway, push, whole, halfway_g, g, steps, every)
    wanted = torch.is_grad_enabled() and any(one.requires_grad for one in (v, halfway_g, g))
    if not wanted:
        return _forward(v, (halfway, push, whole), halfway_g, g, steps, every, history=None)
    states: Tensor = _Run.apply(v, halfway, push, whole, halfway_g, g, steps, every)
    return states


def step(
    v: Tensor, halfway: Tensor, push: Tensor, whole: Tensor, halfway_g: Tensor, g: Tensor
) -> Tensor:
    """One step for rows ``v`` ``(n, N)``; ``halfway_g`` and ``g`` are what g does, ``(n, N)``."""
    base = torch.addmm(halfway_g, v, halfway)
    first = v * v
    a = torch.addmm(base, first, push)
    second = a * a
    b = torch.addmm(base, second, push)
    third = b * b
    c = torch.addmm(torch.addmm(halfway_g, a, halfway), 2 * third - first, push)
    return torch.addmm(g, torch.cat([v, first, second + third, c * c], 1), whole)


def _asks_for_more_than_a_gradient() -> bool:
    """Whether forward mode or a transform such as ``vmap`` is on, for which :func:`_plain` is made.

    torch has no public names for either. Without these each call would be a plain one.
    """
    transforms = getattr(torch._C, "_are_functorch_transforms_active", lambda: True)
    return getattr(forward_ad, "_current_level", 0) >= 0 or bool(transforms())


def _is_many(grads: Tensor) -> bool:
    """Whether ``torch.autograd.grad(is_grads_batched=True)`` pulls back many at once."""
    kinds = [
        getattr(torch._C._functorch, name, lambda _: True)
        for name in ("is_batchedtensor", "is_legacy_batchedtensor")
    ]
    return any(kind(grads) for kind in kinds)


def _plain(
    v: Tensor,
    halfway: Tensor,
    push: Tensor,
    whole: Tensor,
    halfway_g: Tensor,
    g: Tensor,
    steps: int,
    every: int,
) -> Tensor:
    """:func:`run` by operations that torch can derive in each of its ways, any number of times."""
    kept = []
    for i in range(1, steps + 1):
        v = step(v, halfway, push, whole, halfway_g, g)
        if i % every == 0:
            kept.append(v)
    return torch.stack(kept, 1)


def _forward(
    v: Tensor,
    matrices: Sequence[Tensor],
    halfway_g: Tensor,
    g: Tensor,
    steps: int,
    every: int,
    history: Tensor | None,
) -> Tensor:
    """:func:`run` in place; writes v, a, b and c of each step into ``history (steps, 4, n, N)``."""
    halfway, push, whole = matrices
    n, points = v.shape
    slots = v.new_empty(2, 4, n, points) if history is None else history
    stages = [slot.unbind() for slot in slots.unbind()]
    squares = v.new_empty(n, 4 * points)
    start, first, both, last = squares.split(points, 1)
    base, third, end = v.new_empty(3, n, points).unbind()
    states = v.new_empty(n, steps // every, points)
    stages[0][0].copy_(v)
    for i in range(steps):
        v, a, b, c = stages[i % len(stages)]
        start.copy_(v)
        torch.mul(v, v, out=first)
        torch.addmm(halfway_g, v, halfway, out=base)
        torch.addmm(base, first, push, out=a)
        torch.mul(a, a, out=both)  # the second square
        torch.addmm(base, both, push, out=b)
        torch.mul(b, b, out=third)
        both += third
        third.add_(first, alpha=-0.5)
        torch.addmm(halfway_g, a, halfway, out=c)
        c.addmm_(third, push, alpha=2)
        torch.mul(c, c, out=last)
        after = stages[(i + 1) % len(stages)][0] if history is None or i + 1 < steps else end
        torch.addmm(g, squares, whole, out=after)
        if (i + 1) % every == 0:
            states[:, (i + 1) // every - 1] = after
    return states


def _backward(
    grads: Tensor, history: Tensor, matrices: Sequence[Tensor], every: int
) -> tuple[Tensor, Tensor, Tensor]:
    """What :func:`_forward` pulls back to the first state, to ``halfway_g`` and to ``g``."""
    halfway, push, whole = matrices
    n, points = history.shape[2:]
    # d(v²) = 2v dv: the 2 goes into the matrices
    twice = 2 * whole.T
    twice[:, :points] /= 2
    by_push = 2 * push.T
    by_both = torch.cat([halfway.T, by_push], 1)
    pulled, by_c = history.new_empty(n, 4 * points), history.new_empty(n, 2 * points)
    to_v, to_first, to_both, to_last = pulled.split(points, 1)
    c_to_a, c_to_third = by_c.split(points, 1)
    to_a, to_b, to_c, square = history.new_empty(4, n, points).unbind()
    grad, to_halfway_g, to_g = history.new_zeros(3, n, points).unbind()
    for i in reversed(range(len(history))):
        if (i + 1) % every == 0:
            grad += grads[:, (i + 1) // every - 1]
        v, a, b, c = history[i].unbind()
        to_g += grad
        torch.mm(grad, twice, out=pulled)
        torch.mul(to_last, c, out=to_c)
        torch.mm(to_c, by_both, out=by_c)
        torch.add(to_both, c_to_third, alpha=2, out=to_b)
        to_b *= b
        torch.addmm(to_both, to_b, by_push, out=square)
        torch.addcmul(c_to_a, square, a, out=to_a)
        to_b += to_a  # what a and b share is the linear part
        to_halfway_g += to_b
        to_halfway_g += to_c
        to_first -= c_to_third
        torch.addmm(to_first, to_a, by_push, out=square)
        torch.addmm(to_v, to_b, halfway.T, out=grad)
        grad.addcmul_(square, v)
    return grad, to_halfway_g, to_g


class _Run(torch.autograd.Function):
    """Ties the two to autograd; second derivatives take the plain steps again."""

    @staticmethod
    def forward(
        ctx: Any,
        v: Tensor,
        halfway: Tensor,
        push: Tensor,
        whole: Tensor,
        halfway_g: Tensor,
        g: Tensor,
        steps: int,
        every: int,
    ) -> Tensor:
        history = v.new_empty(steps, 4, *v.shape)
        ctx.steps, ctx.every = steps, every
        ctx.save_for_backward(v, halfway, push, whole, halfway_g, g, history)
        return _forward(v, (halfway, push, whole), halfway_g, g, steps, every, history)

    @staticmethod
    def backward(ctx: Any, grads: Tensor) -> tuple[Tensor | None, ...]:
        v, halfway, push, whole, halfway_g, g, history = ctx.saved_tensors
        if torch.is_grad_enabled() or _is_many(grads):
            by_v, by_halfway_g, by_g = _differentiably(grads, ctx)
        else:
            found = _backward(grads, history, (halfway, push, whole), ctx.every)
            by_v, by_halfway_g, by_g = found
        return by_v, None, None, None, by_halfway_g, by_g, None, None


def _differentiably(grads: Tensor, ctx: Any) -> list[Tensor | None]:
    """The same as :func:`_backward`, as torch's own derivative, which can be derived again."""
    v, halfway, push, whole, halfway_g, g, _ = ctx.saved_tensors
    needed = [ctx.needs_input_grad[k] for k in (0, 4, 5)]
    leaves = [one for one, wanted in zip((v, halfway_g, g), needed, strict=True) if wanted]
    again = torch.is_grad_enabled()
    with torch.enable_grad():
        states = _plain(v, halfway, push, whole, halfway_g, g, ctx.steps, ctx.every)
        found = iter(torch.autograd.grad(states, leaves, grads, create_graph=again))
    return [next(found) if wanted else None for wanted in needed]


def filtered(factor: Tensor, points: int) -> Tensor:
    """Multiplies wave k of a row by ``factor[k]`` where k < N/3, and drops it elsewhere."""
    kept = factor * (3 * torch.arange(len(factor), device="cpu") < points)
    unit = torch.eye(points, dtype=torch.float64, device="cpu")
    return torch.fft.irfft(kept * torch.fft.rfft(unit), n=points).contiguous()


def _coefficients(rate: Tensor) -> list[Tensor]:
    """Halfway; then of the first guess, of each of the middle two, of the last: ``(K,)`` each.

    ``rate`` is real, so that half of the circle and the real part are enough.
    """
    angle = math.pi * (torch.arange(ROOTS, dtype=torch.float64, device="cpu") + 0.5) / ROOTS
    z = rate[:, None] + torch.polar(torch.ones_like(angle), angle)
    e = z.exp()
    values = [
        ((z / 2).exp() - 1) / z,
        (-4 - z + e * (4 - 3 * z + z**2)) / z**3,
        2 * (2 + z + e * (z - 2)) / z**3,
        (-4 - 3 * z - z**2 + e * (4 - z)) / z**3,
    ]
    return [value.real.mean(1) for value in values]
