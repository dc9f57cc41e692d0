"""Networks and the scales they see the world in. Nothing here is trained.

Every network holds ``K`` members, one a seed, whose weights are stacked and applied in one
batched product: the seeds of an experiment train together and never mix.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any, Self

import torch
from torch import Tensor, nn

from invlab import runtime
from invlab.validation import require_count, require_integer, require_points, require_tensor

__all__ = [
    "Bounded",
    "MLP",
    "ResidualMLP",
    "ScaledNetwork",
    "Standardizer",
    "fourier_features",
    "require_activation",
    "require_octaves",
    "uniform_weights",
]


# A column that varies by no more than so many steps of its dtype is constant but for rounding.
ROUNDINGS = 4


class Standardizer(nn.Module):
    """A linear change of scale for each feature: ``u = (v - shift) / scale``.

    Its numbers are float64, and so is what it computes; the result has the dtype that came. Data
    with an offset, such as 1e8 + x², keep their digits if they are scaled in float64 first and
    cast to the float32 of a network then.

    Args:
        shift: what becomes zero, ``d`` numbers in the units of v.
        scale: what becomes one, ``d`` finite numbers above zero.

    Raises:
        ValueError: other lengths, numbers that are not finite, or a scale not above zero.
    """

    shift: Tensor
    scale: Tensor

    def __init__(self, shift: Sequence[float] | Tensor, scale: Sequence[float] | Tensor) -> None:
        super().__init__()
        self.register_buffer("shift", _vector(shift))
        self.register_buffer("scale", _vector(scale))
        finite = bool(torch.isfinite(torch.cat([self.shift, self.scale])).all())
        if self.shift.shape != self.scale.shape or not bool((self.scale > 0).all()) or not finite:
            raise ValueError(
                "Standardizer: expected finite numbers, and a scale above zero for each shift, "
                f"got shift {shift} and scale {scale}"
            )

    def __repr__(self) -> str:
        return f"Standardizer({self.shift.tolist()}, {self.scale.tolist()})"

    @classmethod
    def fit(cls, values: Tensor) -> Self:
        """Mean and standard deviation of each column of ``values``, shape ``(N, d)``.

        A constant column keeps scale one, so that nothing is divided by zero. One that varies by
        the rounding of its dtype alone counts as constant too: its scale is its size, at least one.
        """
        require_tensor("Standardizer.fit: values", values, ("N", "d"))
        rounding = ROUNDINGS * torch.finfo(values.dtype).eps
        values = values.double()
        scale, size = values.std(0, correction=0), values.abs().amax(0)
        # not one for large numbers, whose rounding would be large too
        noise = torch.where(scale > 1e-12 * size, size.clamp_min(1.0), 1.0)
        varies = scale > max(1e-12, rounding) * size
        return cls(values.mean(0), torch.where(varies, scale, noise))

    @classmethod
    def identity(cls, dim: int) -> Self:
        """The change that changes nothing."""
        return cls([0.0] * dim, [1.0] * dim)

    def beside(self, other: Standardizer) -> Standardizer:
        """One change of scale for these features and those of ``other`` behind them."""
        pairs = (self.shift, other.shift.to(self.shift)), (self.scale, other.scale.to(self.scale))
        return Standardizer(*map(torch.cat, pairs)).to(self.shift.device)

    def forward(self, v: Tensor) -> Tensor:
        """From original units to the network's: ``(..., d) -> (..., d)``.

        Raises:
            TypeError, ValueError: no tensor of real numbers, or another number of features.
        """
        v = require_points("Standardizer: v", v, len(self.shift))
        return ((v - self.shift.to(v.device)) / self.scale.to(v.device)).to(v.dtype)

    def inverse(self, u: Tensor) -> Tensor:
        """From the network's units back to the original ones.

        Where an offset is large beside the scale, call it on ``u.double()``: float32 has no place
        for the digits.
        """
        u = require_points("Standardizer: u", u, len(self.shift))
        return (u * self.scale.to(u.device) + self.shift.to(u.device)).to(u.dtype)


def copied_scale(name: str, given: Standardizer | None, dim: int) -> Standardizer | None:
    """A copy of a scale that a caller gave: it moves with the method, and the caller's stays.

    Raises:
        ValueError: of another number of features.
    """
    if given is not None and len(given.shift) != dim:
        raise ValueError(f"{name}: expected {dim} numbers, got {len(given.shift)}")
    return copy.deepcopy(given)


def require_activation(given: Any) -> Callable[[Tensor], Tensor]:
    """Check the option ``activation``, a function of a tensor, and return it.

    Raises:
        TypeError: something else, such as a class of torch's in place of an instance.
    """
    if isinstance(given, type):
        raise TypeError(
            f"activation: expected a function of a tensor, got the class {given.__name__}; give an "
            f"instance, {given.__name__}()"
        )
    if not callable(given):
        raise TypeError(f"activation: expected a function of a tensor, got {given!r}")
    return given


class MLP(nn.Module):
    """A fully connected network with a linear output, for ``K`` seeds at once.

    Weights and biases start uniform in ±1/√(fan-in), PyTorch's own rule for ``nn.Linear``.

    Args:
        sizes: widths from input to output; ``len(sizes) - 1`` linear layers.
        seeds: one member for each seed.
        stream: name of the random stream, so that two networks of one seed differ.
        activation: between the layers, never after the last.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        *,
        seeds: Sequence[int] = (0,),
        stream: str = "network",
        activation: Callable[[Tensor], Tensor] = torch.relu,
    ) -> None:
        super().__init__()
        for size in sizes:
            require_count("MLP: sizes", size)
        self.activation = require_activation(activation)
        generators = [runtime.generator(seed, stream, "weights") for seed in seeds]
        self.weights = nn.ParameterList()
        self.biases = nn.ParameterList()
        for fan_in, fan_out in zip(sizes, sizes[1:], strict=False):
            self.weights.append(uniform_weights((fan_in, fan_out), fan_in, generators))
            self.biases.append(uniform_weights((1, fan_out), fan_in, generators))

    def __len__(self) -> int:
        """Number of members K."""
        return len(self.weights[0])

    def hidden(self, u: Tensor) -> list[Tensor]:
        """Activations of each hidden layer, shapes ``(K, N, width)``; see :meth:`forward`."""
        return self._layers(u)[:-1]

    def forward(self, u: Tensor) -> Tensor:
        """Apply all members.

        Args:
            u: ``(N, d_in)``, shared by the members, or ``(K, N, d_in)``, one batch a member.

        Returns:
            ``(K, N, d_out)``.

        Raises:
            ValueError: u of another shape, such as a row without its batch.
        """
        return self._layers(u)[-1]

    def _for_each(self, u: Tensor) -> Tensor:
        """A batch for each member, ``(K, N, d_in)``."""
        members, size = len(self), self.weights[0].shape[1]
        if (
            u.ndim not in (2, 3)
            or u.shape[-1] != size
            or u.shape[:-2] not in ((), (1,), (members,))
        ):
            raise ValueError(
                f"{type(self).__name__}: expected shape (N, {size}) or ({members}, N, {size}), got "
                f"{tuple(u.shape)}"
            )
        return u.expand(members, *u.shape[-2:])

    def _layers(self, u: Tensor) -> list[Tensor]:
        h = self._for_each(u)
        outputs: list[Tensor] = []
        for weight, bias in zip(self.weights, self.biases, strict=True):
            h = torch.baddbmm(bias, h, weight)
            if len(outputs) < len(self.weights) - 1:
                h = self.activation(h)
            outputs.append(h)
        return outputs


class ResidualMLP(MLP):
    """A deep network whose hidden layers work in pairs, each pair adding to what entered it.

    Args:
        d_in, d_out: numbers of inputs and outputs.
        width: of each hidden layer.
        blocks: pairs of hidden layers behind the first one.
        seeds, stream, activation: as for :class:`MLP`.

    Source: He et al. (2016), with the activation before each layer.
    """

    def __init__(
        self,
        d_in: int,
        d_out: int,
        *,
        width: int,
        blocks: int,
        seeds: Sequence[int] = (0,),
        stream: str = "network",
        activation: Callable[[Tensor], Tensor] = torch.nn.functional.silu,
    ) -> None:
        hidden = [require_count("ResidualMLP: width", width)] * (2 * blocks + 1)
        super().__init__([d_in, *hidden, d_out], seeds=seeds, stream=stream, activation=activation)

    def _layers(self, u: Tensor) -> list[Tensor]:
        layers = list(zip(self.biases, self.weights, strict=True))
        h = torch.baddbmm(layers[0][0], self._for_each(u), layers[0][1])
        outputs = [h]
        for first, second in zip(layers[1:-1:2], layers[2:-1:2], strict=True):
            inner = torch.baddbmm(first[0], self.activation(h), first[1])
            h = h + torch.baddbmm(second[0], self.activation(inner), second[1])
            outputs.append(h)
        return [*outputs, torch.baddbmm(layers[-1][0], self.activation(h), layers[-1][1])]


def fourier_features(u: Tensor, octaves: int) -> Tensor:
    """``u`` with the sine and cosine of ``1.5 · 2^k · u`` beside it, ``k < octaves``.

    A network is slow to learn what oscillates in its inputs (its spectral bias); given waves,
    it is not.

    Args:
        u: scaled inputs, ``(..., d)``.
        octaves: 0 returns ``u`` itself.

    Returns:
        ``(..., d · (1 + 2 · octaves))``.
    """
    waves = [1.5 * 2**k * u for k in range(octaves)]
    return torch.cat([u, *(f(w) for w in waves for f in (torch.sin, torch.cos))], -1)


def require_octaves(name: str, value: Any) -> int:
    """Check a number of octaves for :func:`fourier_features`, and return it as a plain int.

    Raises:
        TypeError: not a whole number.
        ValueError: below zero.
    """
    octaves = require_integer(name, value)
    if octaves < 0:
        raise ValueError(f"{name}: expected at least 0, got {octaves}")
    return octaves


class Bounded(nn.Module):
    """A network whose outputs stay between −1 and 1, by a tanh behind it.

    Args:
        core: its parameters are ``(K, ...)``.
    """

    core: Any

    def __init__(self, core: nn.Module) -> None:
        super().__init__()
        self.core = core

    def __len__(self) -> int:
        """Number of members K."""
        return len(self.core)

    def forward(self, u: Tensor) -> Tensor:
        """What the core gives, in a tanh."""
        return torch.tanh(self.core(u))


class ScaledNetwork(nn.Module):
    """A network between two scales: original units go in, original units come out.

    Args:
        core: maps scaled inputs to scaled outputs; all its parameters are ``(K, ...)``, or it
            holds one member.
        inputs: scale of the inputs.
        outputs: scale of the outputs.

    The core keeps its dtype, usually float32, whatever comes in.
    """

    # a module of ours, with a length and parameters
    core: Any
    inputs: Any
    outputs: Standardizer

    def __init__(self, core: nn.Module, inputs: nn.Module, outputs: Standardizer) -> None:
        super().__init__()
        self.core = core
        self.inputs = inputs
        self.outputs = outputs

    def __len__(self) -> int:
        """Number of members K."""
        return len(self.core)

    def forward(self, v: Tensor) -> Tensor:
        """``(N, d_in)`` or ``(K, N, d_in)`` to ``(K, N, d_out)``, both in original units."""
        dtype = v.dtype if v.is_floating_point() else torch.float64
        return self.outputs.inverse(self.scaled(v).to(dtype))

    def scaled(self, v: Tensor) -> Tensor:
        """The same in the scaled units of the output, as losses and searches measure it.

        The dtype is the core's.
        """
        return self.core(self.inputs(v).to(next(self.core.parameters()).dtype))

    def member(self, k: int) -> Self:
        """A copy that holds member ``k`` alone."""
        if not 0 <= k < len(self):
            raise ValueError(f"member: expected 0 <= k < {len(self)}, got {k}")
        single = copy.deepcopy(self)
        for parameter in single.core.parameters() if len(self) > 1 else ():
            # all parameters have the members in front
            parameter.data = parameter.data[k : k + 1].clone()
        return single


def uniform_weights(
    shape: tuple[int, ...], fan_in: int, generators: Sequence[torch.Generator]
) -> nn.Parameter:
    """Weights uniform in ±1/√(fan-in), one member a generator: ``(K, *shape)``, float32, CPU."""
    # float32 and the CPU are said, since a caller may have other defaults
    draws = [torch.rand(shape, generator=g, dtype=torch.float32, device="cpu") for g in generators]
    return nn.Parameter((2 * torch.stack(draws) - 1) / fan_in**0.5)


def _vector(values: Sequence[float] | Tensor) -> Tensor:
    """A copy in float64; a list on the CPU, a tensor where it is."""
    if isinstance(values, Tensor):
        return values.detach().to(torch.float64, copy=True)
    return torch.tensor(values, dtype=torch.float64, device="cpu")
