"""Kuramoto–Sivashinsky: parameters, or the start, of a chaotic wave from how it went on."""

from __future__ import annotations

import math
from typing import Any, Literal

import torch
from torch import Tensor

from invlab.priors import Box, Normal
from invlab.simulators import etdrk4
from invlab.task import Simulator, Task
from invlab.validation import require_count, require_number, require_tensor

__all__ = ["Front", "FrontFromState", "KuramotoSivashinsky", "Waves"]

PARAMETERS = Box([-1.0, 0.5], [1.0, 1.5])  # α and β
# Where this integrator was tried: 4000 draws each, to t = 200, all finite, at lengths 22, 32, 64.
SHORTEST, LONGEST = 10.0, 64.0
LARGEST_STEP = 0.5
# Above it a few of 10 000 draws blow up at steps of 0.5, none at half of that.
LONG = 32.0
COARSEST = (
    1.0  # length between two points; at 0.7 the error at t = 25 is below that of a step of 0.5
)
LATEST = 200.0
REACH = 4.0  # standard deviations, of the box for an unknown start


class Waves:
    """A law of periodic states: waves of the first ``modes`` lengths with normal amplitudes.

    u(x) = Σ_k a_k cos(2πkx/L) + b_k sin(2πkx/L), k = 1, ..., modes, where all a and b are
    independent with variance 1/modes, so that u has variance 1 at each place and mean zero over x.

    Args:
        points: number N of places, equally spaced over one period.
        modes: number of wave lengths.
    """

    def __init__(self, points: int, modes: int) -> None:
        self.dim, self.points, self.modes = points, points, modes
        self.amplitudes = Normal([0.0] * 2 * modes, [modes**-0.5] * 2 * modes)
        phase = 2 * math.pi / points * torch.arange(points, dtype=torch.float64, device="cpu")
        waves = torch.arange(1, modes + 1, dtype=torch.float64, device="cpu")[:, None] * phase
        self.basis = torch.cat([waves.cos(), waves.sin()])

    def __repr__(self) -> str:
        return f"Waves({self.dim}, {self.modes})"

    @property
    def bounds(self) -> Box:
        """The central 95 % range of u at each place."""
        return Normal([0.0] * self.dim, [1.0] * self.dim).bounds

    def sample(self, n: int, *, generator: torch.Generator | None = None) -> Tensor:
        """``n`` states, shape ``(n, N)``, float64, on the CPU."""
        return self.amplitudes.sample(n, generator=generator) @ self.basis


class Front(Simulator):
    """The equation u_t = α·cos(4πx/L) − u_xx − u_xxxx − β·u·u_x on a period L, from t = 0.

    −u_xx feeds waves longer than 2π, −u_xxxx takes from the shorter ones, and β carries from the
    first to the second: without the force, v = βu obeys one equation for all β. The steps are
    those of :mod:`invlab.simulators.etdrk4`. Neither the force nor a derivative has a mean, so the
    mean of u stays. Waves k ≥ N/3 in the first state are dropped.

    Args:
        length: L.
        points: N.
        step: time step.
        horizon: last time, a multiple of ``every``.
        every: time between two states of the answer, a multiple of ``step``.
        last: whether the answer is the last state alone.
    """

    whole: Tensor
    halfway: Tensor
    push: Tensor
    force: Tensor
    halfway_force: Tensor

    def __init__(
        self,
        length: float = 22.0,
        points: int = 32,
        *,
        step: float = 0.5,
        horizon: float = 25.0,
        every: float = 1.0,
        last: bool = False,
    ) -> None:
        super().__init__()
        self.steps, self.last = round(horizon / step), last
        self.per_state = self.steps if last else round(every / step)
        wave = (
            2 * math.pi / length * torch.arange(points // 2 + 1, dtype=torch.float64, device="cpu")
        )
        steps = etdrk4.matrices(step, wave.square() - wave**4, -0.5j * wave, points)
        force = torch.cos(
            4 * math.pi / points * torch.arange(points, dtype=torch.float64, device="cpu")
        )
        self.register_buffer("whole", steps.whole)
        self.register_buffer("halfway", steps.halfway)
        self.register_buffer("push", steps.push)
        self.register_buffer("force", force @ steps.source)
        self.register_buffer("halfway_force", force @ steps.halfway_source)

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Parameters (α, β) ``(..., 2)``, first states ``(..., N)`` to states ``(..., K, N)``.

        Only the last, ``(..., N)``, where that was asked for. NaN at β = 0.
        """
        states = self.states(x, c, self.per_state)
        return states[..., -1, :] if self.last else states

    def states(self, x: Tensor, c: Tensor | None, per_state: int) -> Tensor:
        """The states after each ``per_state`` steps, ``(..., K, N)``."""
        parameters, u = self.problem(x, c)
        lead = torch.broadcast_shapes(parameters.shape[:-1], u.shape[:-1])
        alpha, beta = parameters.expand(*lead, 2).reshape(-1, 2).split(1, 1)
        # v = βu has no factor at its square
        v = beta * u.expand(*lead, -1).reshape(-1, u.shape[-1])
        halfway, push, whole = (m.to(v) for m in (self.halfway, self.push, self.whole))
        force, halfway_force = (alpha * beta * f.to(v) for f in (self.force, self.halfway_force))
        kept = etdrk4.run(v, halfway, push, whole, halfway_force, force, self.steps, per_state)
        return (kept / beta[:, :, None]).unflatten(0, lead)

    def problem(self, x: Tensor, c: Tensor | None) -> tuple[Tensor, Tensor]:
        """Parameters ``(..., 2)`` and first state ``(..., N)`` of an unknown and its context."""
        return x, _given(c, "first states c, of shape (..., N)").to(x)


class FrontFromState(Front):
    """The same equation, asked for its start: x are amplitudes of waves, c the parameters.

    Args:
        waves: which waves; a comes before b, see :class:`Waves`.
        length, options: see :class:`Front`.
    """

    basis: Tensor

    def __init__(self, waves: Waves, length: float = 22.0, **options: Any) -> None:
        super().__init__(length, waves.dim, **options)
        self.register_buffer("basis", waves.basis)

    def problem(self, x: Tensor, c: Tensor | None) -> tuple[Tensor, Tensor]:
        """Parameters ``(..., 2)`` and first state ``(..., N)`` of an unknown and its context."""
        return _given(c, "parameters c, of shape (..., 2)").to(x), x @ self.basis.to(x)


class KuramotoSivashinsky(Task):
    """The Kuramoto–Sivashinsky experiment, section 4.3 of Holl and Thuerey.

    The paper is "Can neural networks improve classical optimization of inverse problems?", the
    first form of arXiv 2408.08119. The unknown x is (α, β) in [−1, 1] × [½, 3/2], the context c
    the state at t = 0 on N equally spaced places, and the observation y the states at t = 1, 2,
    ..., 25, of shape ``(..., 25, N)``, or only the last, ``(..., N)``; see :class:`Front` for the
    equation. There is no noise: each target has an answer without misfit. The paper gives
    neither the length, the force, the law of the first states nor what of the trajectory is
    compared; ours are L = 22, cos(4πx/L) and :class:`Waves` of four lengths.

    With ``unknown="state"`` the roles change: x are the 2·modes amplitudes of the first state,
    normal with variance 1/modes, and c is (α, β), uniform in its box. Waves shorter than 2π
    decay within a few units of time, so at most L/2π of the modes can be seen well in y.

    **How far it can be trusted.** At L = 22 and steps of 0.5 the median relative error at t = 25
    is 4e-3; the order four shows below steps of about 0.05. Where the motion is chaotic, errors,
    rounding and gradients grow e-fold in about 20 units of time: without force and with β = 1,
    the gradient of the last state by x is 40 at t = 25, 130 at 50 and 2e5 at 200 (geometric
    means), so that near t = 200 a misfit is smooth only over 1e-5 of the box. float32 keeps five
    digits of most rows even there, and none of the most sensitive ones. Later horizons, lengths
    over 64 or below 10, more than 1 between two places, and steps above 0.5 (0.25 where L > 32,
    as a few starts in 10 000 blow up there) are refused.

    Args:
        length: L, from 10 to 64.
        points: N, at least L.
        step: time step.
        horizon: last time, at most 200.
        every: time between observed states; horizon, every and step divide each other.
        observe: ``"trajectory"`` or ``"final"``.
        unknown: ``"parameters"`` or ``"state"``.
        modes: wave lengths in the first state, fewer than N/3.

    Raises:
        TypeError: points or modes are no ints.
        ValueError: an option out of these ranges.
    """

    simulator: Front

    def __init__(
        self,
        length: float = 22.0,
        points: int = 32,
        *,
        step: float = 0.5,
        horizon: float = 25.0,
        every: float = 1.0,
        observe: Literal["trajectory", "final"] = "trajectory",
        unknown: Literal["parameters", "state"] = "parameters",
        modes: int = 4,
    ) -> None:
        for name, value, known in (
            ("observe", observe, ("trajectory", "final")),
            ("unknown", unknown, ("parameters", "state")),
        ):
            if value not in known:
                raise ValueError(
                    f"kuramoto_sivashinsky: expected {name} {' or '.join(map(repr, known))}, "
                    f"got {value!r}"
                )
        _require_resolved(length, points, modes)
        _require_times(length, step, every, horizon)
        self.length, self.observe, self.unknown = length, observe, unknown
        self.waves = Waves(points, modes)
        options: Any = {"step": step, "horizon": horizon, "every": every}
        options["last"] = observe == "final"
        if unknown == "parameters":
            super().__init__(
                "kuramoto_sivashinsky",
                Front(length, points, **options),
                PARAMETERS,
                context=self.waves,
                labels=["force α", "advection β"],
            )
            return
        edge = REACH * self.waves.amplitudes.std
        super().__init__(
            "kuramoto_sivashinsky",
            FrontFromState(self.waves, length, **options),
            self.waves.amplitudes,
            box=Box(-edge, edge),
            context=PARAMETERS,
            labels=[f"{wave} {k}" for wave in ("cos", "sin") for k in range(1, modes + 1)],
        )

    @property
    def places(self) -> Tensor:
        """Where u is known, shape ``(N,)``, float64."""
        points = self.waves.dim
        return self.length / points * torch.arange(points, dtype=torch.float64, device="cpu")

    def trajectory(self, x: Tensor, c: Tensor) -> Tensor:
        """The state at each time step, for drawing.

        Args:
            x, c: unknowns and contexts, as for :meth:`Task.simulate`.

        Returns:
            ``(..., steps + 1, N)``, from t = 0, with the dtype and on the device of ``x``.

        Raises:
            TypeError, ValueError: a tensor of another shape or kind, or NaN in it.
        """
        assert self.context is not None
        require_tensor(f"{self.name}: x", x, ("...", self.x_dim))
        require_tensor(f"{self.name}: c", c, ("...", self.context.dim), device=x.device)
        later = self.simulator.states(x, c, 1)
        start = self.simulator.problem(x, c)[1]
        return torch.cat([start.expand_as(later[..., 0, :])[..., None, :], later], -2)

    def picture(self, y: Tensor, c: Tensor) -> Tensor:
        """What is known of each problem as an image of time and space, for a network.

        Args:
            y: observations, ``(B, K, N)`` or ``(B, N)``.
            c: contexts, ``(B, dc)``.

        Returns:
            ``(B, K + 1, N)``, the first state and those observed. Where the start is unknown,
            ``(B, 3, K, N)``: y, and a constant image for each of α and β.

        Raises:
            TypeError, ValueError: a tensor of another shape or kind, or NaN in it.
        """
        points = self.waves.dim
        shape: tuple[int | str, ...] = ("B", points)
        if self.observe == "trajectory":
            shape = ("B", self.simulator.steps // self.simulator.per_state, points)
        require_tensor(f"{self.name}: y", y, shape)
        assert self.context is not None
        require_tensor(f"{self.name}: c", c, (len(y), self.context.dim), device=y.device)
        image = y.reshape(len(y), -1, points)
        if self.unknown == "parameters":
            return torch.cat([c.to(y)[:, None], image], 1)
        constant = c.to(y)[:, :, None, None].expand(-1, -1, *image.shape[1:])
        return torch.cat([image[:, None], constant], 1)


def _given(c: Tensor | None, what: str) -> Tensor:
    if c is None:
        raise ValueError(f"kuramoto_sivashinsky: the front needs its {what}")
    return c


def _require_resolved(length: float, points: int, modes: int) -> None:
    require_count("kuramoto_sivashinsky: points", points)
    require_count("kuramoto_sivashinsky: modes", modes)
    if not SHORTEST <= require_number("kuramoto_sivashinsky: length", length) <= LONGEST:
        raise ValueError(
            f"kuramoto_sivashinsky: expected length from {SHORTEST:g} to {LONGEST:g}, got {length}"
        )
    if points < length / COARSEST:
        raise ValueError(
            f"kuramoto_sivashinsky: expected at least {math.ceil(length / COARSEST)} points "
            f"on a length of {length:g}, got {points}"
        )
    if not 3 * modes < points:
        raise ValueError(
            f"kuramoto_sivashinsky: expected modes below {points / 3:.3g}, a third of the points, "
            f"got {modes}"
        )


def _require_times(length: float, step: float, every: float, horizon: float) -> None:
    for name, value in (("step", step), ("every", every), ("horizon", horizon)):
        require_number(f"kuramoto_sivashinsky: {name}", value)
    largest = LARGEST_STEP if length <= LONG else LARGEST_STEP / 2
    if not 0 < step <= largest:
        raise ValueError(
            f"kuramoto_sivashinsky: expected step above 0 and at most {largest:g} for a length "
            f"of {length:g}, got {step}; larger ones blow up"
        )
    if not 0 < horizon <= LATEST:
        raise ValueError(
            f"kuramoto_sivashinsky: expected horizon above 0 and at most {LATEST:g}, got {horizon}"
        )
    if not math.isfinite(every):
        raise ValueError(f"kuramoto_sivashinsky: expected every finite, got {every}")
    for name, whole, part in (("every", every, step), ("horizon", horizon, every)):
        ratio = whole / part if part > 0 else 0.0
        if round(ratio) < 1 or abs(ratio - round(ratio)) > 1e-9 * ratio:
            other = "step" if name == "every" else "every"
            raise ValueError(
                f"kuramoto_sivashinsky: expected {name} a multiple of {other}, "
                f"got {whole} and {part}"
            )
