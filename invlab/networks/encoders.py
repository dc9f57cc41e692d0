"""Networks that read an observation of any kind: a few numbers, a signal, an image.

Every encoder holds ``K`` members, one a seed, as the networks of :mod:`invlab.networks.mlp` do.
"""

from __future__ import annotations

import copy
import inspect
import math
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, Literal, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from invlab import runtime
from invlab.networks.mlp import (
    MLP,
    Standardizer,
    fourier_features,
    require_octaves,
    uniform_weights,
)
from invlab.validation import did_you_mean, require_count, require_tensor

__all__ = [
    "ConvolutionalEncoder",
    "FeatureScale",
    "Kind",
    "OneMember",
    "VectorEncoder",
    "beside",
    "encoder_for",
    "kind_of",
    "name_unknown",
]

Kind = Literal["vector", "signal", "image"]
KINDS = ("vector", "signal", "image")
# Up to so many numbers an observation is read as a list of numbers, whatever its axes.
FEW = 32
# Channels after each convolution; each halves the places, and five turn 256 of them into 8.
WIDTHS = {"signal": (8, 16, 16, 32, 32), "image": (8, 16, 16, 32)}
GROUPS = 4  # of group normalisation, where the channels can be divided so


def kind_of(shape: Sequence[int]) -> Kind:
    """What an observation of this shape is, the axis of rows left out.

    Up to 32 numbers are a ``"vector"``; more of them a ``"signal"`` where they have one axis,
    and an ``"image"`` where they have two (rows and columns) or three (channels before them).

    Raises:
        ValueError: more than three axes, none, or an empty one.
    """
    if not shape or min(shape) < 1:
        raise ValueError(f"kind_of: expected at least one number and one axis, got {tuple(shape)}")
    if math.prod(shape) <= FEW:
        return "vector"
    if len(shape) > 3:
        raise ValueError(
            f"kind_of: expected at most three axes, got {tuple(shape)}; take kind='vector', or "
            "give a network of your own"
        )
    return "signal" if len(shape) == 1 else "image"


def encoder_for(
    shape: Sequence[int],
    out: int,
    *,
    kind: Kind | None = None,
    seeds: Sequence[int] = (0,),
    stream: str = "encoder",
    last: float | None = None,
    **options: Any,
) -> VectorEncoder | ConvolutionalEncoder:
    """An untrained network from observations to ``out`` numbers, chosen by their shape.

    Args:
        shape: of one observation: ``(d,)``; ``(L,)`` or ``(C, L)`` for a signal; ``(H, W)`` or
            ``(C, H, W)`` for an image.
        out: numbers to return.
        kind: what to read it as; :func:`kind_of` its shape if not given. A signal of several
            channels has to be called one, since its shape is that of an image.
        seeds, stream: as for :class:`~invlab.networks.mlp.MLP`.
        last: factor of the weights of the last layer, whose biases then start at zero: with a
            small one all outputs start near zero. None leaves PyTorch's start.
        options: of :class:`VectorEncoder` or :class:`ConvolutionalEncoder`.

    Raises:
        ValueError: a kind that is none, or that does not fit the shape.
        TypeError: an option that the encoder does not have.
    """
    require_count("out", out)
    kind = kind_of(shape) if kind is None else kind
    if kind not in KINDS:
        raise ValueError(f"kind: expected one of {', '.join(KINDS)}, got {kind!r}")
    if last is not None and not last >= 0:
        raise ValueError(f"last: expected a factor of at least 0, got {last}")
    _require_options(VectorEncoder if kind == "vector" else ConvolutionalEncoder, options)
    encoder: VectorEncoder | ConvolutionalEncoder
    if kind == "vector":
        encoder = VectorEncoder(shape, out, seeds=seeds, stream=stream, **options)
    else:
        encoder = ConvolutionalEncoder(shape, out, kind=kind, seeds=seeds, stream=stream, **options)
    if last is not None:
        with torch.no_grad():
            encoder.weights[-1] *= last
            encoder.biases[-1].zero_()
    return encoder


def _require_options(maker: type, options: Iterable[str]) -> None:
    """Name what an encoder does not take."""
    known = {"kind", "last", *inspect.signature(maker).parameters}
    known -= {"shape", "out", "seeds", "stream"}
    name_unknown(options, known)


def name_unknown(options: Iterable[str], known: Collection[str]) -> None:
    """Refuse an option of an encoder that is not among the known ones.

    Raises:
        TypeError: naming it, with the nearest that there is.
    """
    for option in options:
        if option not in known:
            raise TypeError(
                f"encoder: no option {option!r}{did_you_mean(option, known)} "
                f"(it takes {', '.join(sorted(known))})"
            )


class VectorEncoder(MLP):
    """A fully connected network on a few numbers and waves of them (positional encoding).

    Args:
        shape: of one observation; its numbers are taken as a list.
        out: numbers to return.
        fourier_octaves: see :func:`~invlab.networks.mlp.fourier_features`; 0 for none.
        width, layers: hidden layers, their units and their number.
        activation: between the layers. The smooth default moves all rows a little, where a ReLU
            leaves many as they are.
        seeds, stream: as for :class:`~invlab.networks.mlp.MLP`.

    Source: three layers of 64 units with sigmoids reproduce the billiards experiment of Holl and
    Thuerey (arXiv 2408.08119), whose text gives neither widths nor frequencies.
    """

    def __init__(
        self,
        shape: Sequence[int],
        out: int,
        *,
        fourier_octaves: int = 1,
        width: int = 64,
        layers: int = 3,
        activation: Callable[[Tensor], Tensor] = torch.sigmoid,
        seeds: Sequence[int] = (0,),
        stream: str = "encoder",
    ) -> None:
        fourier_octaves = require_octaves("fourier_octaves", fourier_octaves)
        hidden = [require_count("width", width)] * require_count("layers", layers)
        size = math.prod(shape)
        sizes = [size * (1 + 2 * fourier_octaves), *hidden, out]
        super().__init__(sizes, seeds=seeds, stream=stream, activation=activation)
        self.shape, self.fourier_octaves = tuple(shape), fourier_octaves

    def forward(self, u: Tensor) -> Tensor:
        """Scaled observations ``(N, *shape)`` or ``(K, N, *shape)`` to ``(K, N, out)``."""
        lead = _lead(u, self.shape)
        return super().forward(fourier_features(u.reshape(*lead, -1), self.fourier_octaves))


class ConvolutionalEncoder(nn.Module):
    """Convolutions of width 3, each with a norm, a ReLU and a max-pool; then two linear layers.

    Args:
        shape: of one observation, see :func:`encoder_for`.
        out: numbers to return.
        kind: ``"signal"`` convolves along one axis, ``"image"`` along two.
        widths: channels after each convolution; by default 8, 16, 16, 32, 32 for a signal and
            8, 16, 16, 32 for an image, fewer where no place would be left to pool.
        head: units of the hidden linear layer.
        normalization: ``"batch"``: each channel gets mean zero and variance one over the rows that
            are given together, always, so that an answer depends on the other rows; ``"group"``:
            over the channels and places of a row alone; None.
        seeds, stream: as for :class:`~invlab.networks.mlp.MLP`.

    Source: five convolutions with batch norm and two linear layers, Holl and Thuerey
    (arXiv 2408.08119), whose text gives no widths. No norm stands between the linear layers: of
    two rows a batch norm would leave only the signs.
    """

    def __init__(
        self,
        shape: Sequence[int],
        out: int,
        *,
        kind: Kind,
        widths: Sequence[int] | None = None,
        head: int = 32,
        normalization: Literal["batch", "group"] | None = "batch",
        seeds: Sequence[int] = (0,),
        stream: str = "encoder",
    ) -> None:
        super().__init__()
        if normalization not in ("batch", "group", None):
            raise ValueError(
                f"normalization: expected 'batch', 'group' or None, got {normalization!r}"
            )
        axes = 1 if kind == "signal" else 2
        if len(shape) not in (axes, axes + 1):
            wanted = "(L,) or (C, L)" if kind == "signal" else "(H, W) or (C, H, W)"
            raise ValueError(f"{kind}: expected shape {wanted}, got {tuple(shape)}")
        self.shape, self.axes, self.normalization = tuple(shape), axes, normalization
        channels = shape[0] if len(shape) > axes else 1
        places = list(shape[-axes:])
        # the last convolution still sees two places, over which a norm can average for one row
        blocks = max(1, max(places).bit_length() - 1)
        widths = WIDTHS[kind][:blocks] if widths is None else widths
        generators = [runtime.generator(seed, stream, "weights") for seed in seeds]
        self.weights, self.biases = nn.ParameterList(), nn.ParameterList()
        self.gains, self.shifts = nn.ParameterList(), nn.ParameterList()
        self.blocks = len(widths)
        for width in widths:
            fan_in = channels * 3**axes
            size = (require_count("widths", width), channels, *[3] * axes)
            self.weights.append(uniform_weights(size, fan_in, generators))
            self.biases.append(uniform_weights((width,), fan_in, generators))
            if normalization is not None:
                each = torch.zeros(len(seeds), width, dtype=torch.float32, device="cpu")
                self.gains.append(nn.Parameter(each + 1))
                self.shifts.append(nn.Parameter(each))
            channels = width
            places = [_halved(size) for size in places]
        sizes = [channels * math.prod(places), require_count("head", head), out]
        for fan_in, fan_out in zip(sizes, sizes[1:], strict=False):
            self.weights.append(uniform_weights((fan_in, fan_out), fan_in, generators))
            self.biases.append(uniform_weights((1, fan_out), fan_in, generators))

    def __len__(self) -> int:
        """Number of members K."""
        return len(self.weights[0])

    def forward(self, u: Tensor) -> Tensor:
        """Scaled observations ``(N, *shape)`` or ``(K, N, *shape)`` to ``(K, N, out)``."""
        lead, members = _lead(u, self.shape), len(self)
        h = u.reshape(*lead, -1, *self.shape[-self.axes :])
        h = h.expand(members, *h.shape[-self.axes - 2 :]).transpose(0, 1).flatten(1, 2)
        for i in range(self.blocks):
            h = torch.relu(self._normal(self._convolved(h, i), i))
            kernel = [min(2, size) for size in h.shape[2:]]
            h = functional.max_pool1d(h, kernel) if self.axes == 1 else _pooled(h, kernel)
        h = h.unflatten(1, (members, -1)).transpose(0, 1).flatten(2)
        h = torch.relu(torch.baddbmm(self.biases[-2], h, self.weights[-2]))
        return torch.baddbmm(self.biases[-1], h, self.weights[-1])

    def _convolved(self, h: Tensor, i: int) -> Tensor:
        convolve = functional.conv1d if self.axes == 1 else functional.conv2d
        # the members are groups of channels, which do not mix
        weight, bias = self.weights[i].flatten(0, 1), self.biases[i].flatten()
        return convolve(h, weight, bias, padding=1, groups=len(self))

    def _normal(self, h: Tensor, i: int) -> Tensor:
        if self.normalization is None:
            return h
        gain, shift = self.gains[i].flatten(), self.shifts[i].flatten()
        if self.normalization == "batch":
            return functional.batch_norm(h, None, None, gain, shift, training=True)
        groups = len(self) * math.gcd(GROUPS, len(gain) // len(self))
        return functional.group_norm(h, groups, gain, shift)


class OneMember(nn.Module):
    """A copy of a network made elsewhere, ``(N, *shape)`` to ``(N, out)``, as the only member.

    Args:
        network: it stays as it is.
        shape: of one observation.
    """

    def __init__(self, network: nn.Module, shape: Sequence[int]) -> None:
        super().__init__()
        self.network, self.shape = copy.deepcopy(network), tuple(shape)

    def __len__(self) -> int:
        """Number of members K: one."""
        return 1

    def forward(self, u: Tensor) -> Tensor:
        """Scaled observations ``(N, *shape)`` or ``(1, N, *shape)`` to ``(1, N, out)``."""
        u = u[0] if len(_lead(u, self.shape)) == 2 else u
        return self.network(u.to(next(self.network.parameters(), u).dtype))[None]


class FeatureScale(nn.Module):
    """Mean zero and variance one for each number of a vector, for each channel of the others.

    Args:
        scale: with as many features as there are numbers or channels.
        kind: see :func:`kind_of`.
    """

    def __init__(self, scale: Standardizer, kind: Kind) -> None:
        super().__init__()
        self.scale, self.kind = scale, kind

    @classmethod
    def identity(cls, shape: Sequence[int], kind: Kind) -> Self:
        """The change that changes nothing, for observations of this shape."""
        axes = {"vector": 0, "signal": 1, "image": 2}[kind]
        channels = shape[0] if len(shape) > axes else 1
        return cls(Standardizer.identity(channels if axes else math.prod(shape)), kind)

    @classmethod
    def fit(cls, features: Tensor, kind: Kind | None = None) -> Self:
        """The scale of observations ``(N, *shape)``; what is constant keeps scale one."""
        kind = kind_of(features.shape[1:]) if kind is None else kind
        columns = _columns(features, kind)
        return cls(
            Standardizer.fit(columns.reshape(-1, columns.shape[-1])).to(features.device), kind
        )

    def forward(self, features: Tensor) -> Tensor:
        """``(N, *shape)`` to the same shape, scaled."""
        scaled = self.scale(_columns(features, self.kind))
        if self.kind == "vector":
            return scaled.reshape(features.shape)
        return scaled.movedim(-1, 1).reshape(features.shape)


def beside(y: Tensor, c: Tensor | None, kind: Kind | None = None) -> Tensor:
    """Observations with their context as one feature tensor.

    Args:
        y: ``(B, *dy)``.
        c: ``(B, dc)``, or None.
        kind: of y; :func:`kind_of` its shape if not given.

    Returns:
        A vector with c behind y, ``(B, dy + dc)``; a signal or an image with a further, constant
        channel for each number of c.
    """
    kind = kind_of(y.shape[1:]) if kind is None else kind
    if c is None:
        return y
    require_tensor("c", c, (len(y), "dc"), device=y.device)
    if kind == "vector":
        return torch.cat([y.flatten(1), c.to(y)], 1)
    axes = 1 if kind == "signal" else 2
    y = y[:, None] if y.ndim == axes + 1 else y
    constant = c.to(y).reshape(*c.shape, *[1] * axes).expand(-1, -1, *y.shape[2:])
    return torch.cat([y, constant], 1)


def _columns(features: Tensor, kind: Kind) -> Tensor:
    """What is scaled alike along the last axis."""
    if kind == "vector":
        return features.flatten(1)
    axes = 1 if kind == "signal" else 2
    channels = features[:, None] if features.ndim == axes + 1 else features
    return channels.movedim(1, -1)


def _lead(u: Tensor, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The axes before those of an observation: ``(N,)`` or ``(K, N)``."""
    axes = u.ndim - len(shape)
    if axes not in (1, 2) or tuple(u.shape[axes:]) != shape:
        raise ValueError(f"encoder: expected observations (..., {shape}), got {tuple(u.shape)}")
    return tuple(u.shape[:axes])


def _halved(size: int) -> int:
    """Places left after pooling ``size`` of them in pairs; a single one stays."""
    return max(1, size // 2)


def _pooled(h: Tensor, kernel: list[int]) -> Tensor:
    return functional.max_pool2d(h, (kernel[0], kernel[1]))
