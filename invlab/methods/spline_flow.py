"""A neural spline flow: monotone curves in place of the affine maps of a cINN."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from invlab import runtime
from invlab.methods.sampler import Sampler
from invlab.validation import require_count

__all__ = ["SplineFlow"]

# Up to so many unknowns each sees all before it; a draw then takes a pass for each of them.
AUTOREGRESSIVE = 4


class SplineFlow(Sampler):
    """A flow from x to normal noise z by rational-quadratic splines whose knots y chooses.

    An affine block moves and stretches all of a line by one number each, so that it cannot tear a
    heap in two. A spline may be steep in one place and flat in another, and pulls one heap of
    noise apart into two of unknowns. The layers come from ``zuko``.

    Args:
        transforms: flow layers.
        bins: pieces of each spline, on the range ±5 of scaled x; outside it is the identity.
        width, layers: of the network of each flow layer; ``layers`` counts linear layers.
        options: see :class:`~invlab.methods.sampler.Sampler`. There are no Fourier features.

    Raises:
        ImportError: zuko is not installed.

    Source: Durkan et al. (2019). It came after the paper, which has no such row.
    """

    name = "spline_flow"
    gives_density = True
    defaults: ClassVar[dict[str, Any]] = {"epochs": 150, "x_jitter": 3e-3, "fourier_octaves": 0}

    def __init__(
        self,
        *,
        transforms: int = 3,
        bins: int = 8,
        width: int = 128,
        layers: int = 3,
        **options: Any,
    ) -> None:
        super().__init__(**{**SplineFlow.defaults, **options})
        if self.fourier_octaves:
            raise ValueError(
                f"fourier_octaves: spline_flow has no Fourier features; expected 0, "
                f"got {self.fourier_octaves}"
            )
        self.transforms, self.bins = require_count("transforms", transforms), bins
        if require_count("bins", bins) < 2:
            raise ValueError(f"bins: expected at least 2, got {bins}")
        self.width, self.layers = require_count("width", width), require_count("layers", layers)
        _zuko()

    def build_networks(self, x_dim: int, y_dim: int, seeds: Sequence[int]) -> None:
        """The flow."""
        (seed,) = seeds
        self.x_dim = x_dim
        # zuko draws its weights from torch's own generator, on the default device and dtype
        with runtime.seeded(seed), torch.device("cpu"), _single_precision():
            self.flow = _zuko().flows.NSF(
                x_dim,
                y_dim,
                transforms=self.transforms,
                bins=self.bins,
                hidden_features=[self.width] * (self.layers - 1),
                activation=torch.nn.SiLU,
                passes=None if x_dim <= AUTOREGRESSIVE else 2,
                randperm=False,
            )

    def cost(self, x: Tensor, y: Tensor, share: float, draws: torch.Generator) -> dict[str, Tensor]:
        """Negative log-likelihood in nats, of scaled unknowns."""
        with x.device:  # zuko makes numbers of its own on the default device
            return {"nll": -self.flow(y).log_prob(x)}

    def noise_dim(self) -> int:
        """As many numbers as x has."""
        return self.x_dim

    def transform(self, z: Tensor, y: Tensor) -> Tensor:
        """Run the flow backwards."""
        with z.device:
            found: Tensor = self.flow(y).transform.inv(z)
        return found

    def log_prob(self, x: Tensor, y: Tensor) -> Tensor:
        """By the change of variables."""
        with x.device:
            z, log_det = self.flow(y).transform.call_and_ladj(x)
        constant = 0.5 * self.x_dim * math.log(2 * math.pi)
        found: Tensor = log_det - 0.5 * z.square().sum(-1) - constant
        return found


@contextlib.contextmanager
def _single_precision() -> Iterator[None]:
    """The default dtype is float32 inside."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def _zuko() -> Any:
    try:
        import zuko
    except ImportError as error:
        message = 'spline_flow: needs zuko; pip install "invlab[flows]"'
        raise ImportError(message, name="zuko") from error
    return zuko
