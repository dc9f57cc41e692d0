"""The layered stack: thicknesses of five films between graphene sheets from what they absorb."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from invlab.priors import Box
from invlab.task import Simulator, Task
from invlab.validation import require_points

__all__ = ["Graphene", "GrapheneStack", "LayeredStack", "graphene_index", "thin_films"]

Graphene = Literal["constant", "dispersive"]

FILMS = 5
THICKNESS = (5.0, 50.0)  # nm, of each film of silicon nitride
SHEET = 0.35  # nm, of one layer of graphene
NITRIDE_INDEX, GLASS_INDEX, AIR_INDEX = 2.0, 1.46, 1.0
WAVELENGTHS = (240.0, 2000.0)  # nm, in vacuum
POINTS = 256

# Where the table of the published data begins, and stays for all shorter wavelengths.
CONSTANT_INDEX = 3.306459758 + 3.152632723j
# Of Bruna and Borini (2009): real part, and slope of the imaginary part per µm.
DISPERSIVE_INDEX = (3.0, 5.446 / 3.0)

# Rows computed together: 0.3 MB each where a gradient is wanted.
CHUNK = 256


def graphene_index(wavelengths: Tensor, graphene: Graphene = "constant") -> Tensor:
    """Complex refractive index of one sheet of graphene, 0.35 nm thick.

    Args:
        wavelengths: in vacuum in nm, ``(W,)``.
        graphene: see :class:`LayeredStack`.

    Returns:
        ``(W,)``, complex128; the imaginary part is above zero for time dependence exp(−iωt).

    Raises:
        ValueError: another word for ``graphene``.
    """
    wide = wavelengths.double()
    if graphene == "constant":
        return torch.full_like(wide, CONSTANT_INDEX, dtype=torch.complex128)
    if graphene == "dispersive":
        real, slope = DISPERSIVE_INDEX
        return torch.complex(torch.full_like(wide, real), slope * wide / 1000)
    raise ValueError(f"layered_stack: expected 'constant' or 'dispersive', got {graphene!r}")


def thin_films(
    films: Sequence[tuple[Tensor, Tensor]],
    wavelengths: Tensor,
    *,
    before: float,
    after: float,
) -> tuple[Tensor, Tensor]:
    """Reflectance and transmittance of flat films for light that falls straight on them.

    The transfer-matrix method: the electric and the magnetic field of the wave that leaves are
    carried back through each film. Differentiable.

    Args:
        films: index and thickness of each, the one that the light meets first in front: indices
            ``(W,)``, real or complex with an imaginary part above zero where the film absorbs, in
            double precision; thicknesses in nm, ``(...)``, of shapes that broadcast.
        wavelengths: in vacuum in nm, ``(W,)``, float64.
        before: real index of the half-space that the light comes from.
        after: real index of the half-space behind the films.

    Returns:
        Shares of the incoming power, ``(..., W)`` each; what is missing to 1 is absorbed.

    Source: Macleod, Thin-Film Optical Filters (2010), chapter 2.
    """
    k = 2 * math.pi / wavelengths
    electric = torch.ones_like(k, dtype=torch.complex128)
    magnetic = after * electric
    for index, thickness in reversed(films):
        phase = index * k * thickness[..., None]
        cosine, sine = phase.cos(), phase.sin()
        electric, magnetic = (
            cosine * electric - 1j * (sine / index * magnetic),
            cosine * magnetic - 1j * (sine * index * electric),
        )
    incoming = _power(before * electric + magnetic)
    reflected = _power(before * electric - magnetic)
    return reflected / incoming, 4 * before * after / incoming


def _power(amplitude: Tensor) -> Tensor:
    return amplitude.real.square() + amplitude.imag.square()


class GrapheneStack(Simulator):
    """Five times graphene and silicon nitride, on glass: light falls in from the glass.

    Args:
        graphene: see :class:`LayeredStack`.

    Raises:
        ValueError: another word for ``graphene``.
    """

    wavelengths: Tensor
    sheet: Tensor

    def __init__(self, graphene: Graphene = "constant") -> None:
        super().__init__()
        low, high = WAVELENGTHS
        # Chebyshev points of the second kind
        angle = torch.linspace(0, math.pi, POINTS, dtype=torch.float64, device="cpu")
        wavelengths = low + (high - low) * (1 - angle.cos()) / 2
        self.register_buffer("wavelengths", wavelengths)
        self.register_buffer("sheet", graphene_index(wavelengths, graphene))

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Thicknesses of the films of silicon nitride in nm to absorptances.

        Args:
            x: ``(..., 5)``, the film next to the glass first.
            c: none.

        Returns:
            Share of the light that is absorbed, ``(..., 256)``, with the dtype of ``x``, computed
            in float64. NaN for a thickness below zero. Memory grows with the number of rows by
            x and y only: where there are many, a backward pass computes them again.
        """
        x = require_points("GrapheneStack: x", x, FILMS)
        parts = x.reshape(-1, FILMS).double().split(CHUNK)
        if len(parts) > 1 and x.requires_grad and torch.is_grad_enabled():
            y = [checkpoint(self._absorptance, part, use_reentrant=False) for part in parts]
        else:
            y = [self._absorptance(part) for part in parts]
        return torch.cat(y).reshape(*x.shape[:-1], -1).to(x.dtype)

    def powers(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Reflectance and transmittance, ``(..., 256)`` each, float64, of x in nm, ``(..., 5)``."""
        wide = x.double()
        wavelengths, sheet = self.wavelengths.to(wide), self.sheet.to(x.device)
        nitride = torch.full_like(wavelengths, NITRIDE_INDEX)
        films = []
        for thickness in wide.unbind(-1):
            films += [(sheet, wide.new_tensor(SHEET)), (nitride, thickness)]
        return thin_films(films, wavelengths, before=GLASS_INDEX, after=AIR_INDEX)

    def _absorptance(self, rows: Tensor) -> Tensor:
        reflectance, transmittance = self.powers(rows)
        possible = (rows >= 0).all(-1, keepdim=True)
        return torch.where(possible, 1 - reflectance - transmittance, torch.nan)


class LayeredStack(Task):
    """Films of silicon nitride between sheets of graphene: how thick is each, if this is absorbed?

    On glass (index 1.46) lie five pairs of a sheet of graphene, 0.35 nm, and a film of silicon
    nitride (index 2) of 5 nm to 50 nm, uniformly; air follows. Light falls straight on the stack
    through the glass. The observation is the absorptance, the share of the light that is absorbed,
    at 256 wavelengths in vacuum from 240 nm to 2000 nm, dense at both ends (Chebyshev points).

    First posed by Chen et al. (2019); geometry and wavelengths are those of the task "Stack" of Ren
    et al. (2022).

    The default index of graphene is the one behind the published data, so that errors can be
    compared with published ones: their table begins at 2000 nm, and its first entry,
    3.306 + 3.153i, serves all wavelengths. A constant index makes graphene absorb in proportion to
    frequency, in the ultraviolet up to seven times more than it does; y is 0.05 to 0.48, with a
    variance over designs of 6e-4 at a wavelength. Take ``"dispersive"`` where the physics counts:
    the index 3 + 1.815i·λ/µm, fitted in the visible, which gives a sheet in air the absorptance
    πα = 2.3 % at all wavelengths. Then y is 0.03 to 0.10, with a variance of 9e-5.
    In both, compare a mean squared error with the variance, or scale y.

    Args:
        graphene: ``"constant"`` (published data) or ``"dispersive"`` (Bruna and Borini, 2009).

    Raises:
        ValueError: another word for ``graphene``.
    """

    simulator: GrapheneStack

    def __init__(self, graphene: Graphene = "constant") -> None:
        super().__init__(
            "layered_stack",
            GrapheneStack(graphene),
            Box([THICKNESS[0]] * FILMS, [THICKNESS[1]] * FILMS),
            labels=[f"film {i + 1}" for i in range(FILMS)],
            units=["nm"] * FILMS,
        )
        self.graphene = graphene
        self.wavelengths = self.simulator.wavelengths
