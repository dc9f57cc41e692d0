"""The meta-material: heights and radii of four silicon cylinders, from a reflection spectrum."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from invlab.priors import Box
from invlab.simulators.maxwell import SYMMETRIES, FourierModal, Reflectance
from invlab.surrogates.emulator import Emulator
from invlab.task import Task

__all__ = ["BAND", "BOX", "NEURAL", "UNKNOWN_SYMMETRIES", "Metamaterial"]

HEIGHTS = (30.0, 55.0)  # µm
RADII = (42.0, 52.0)  # µm
BOX = Box([HEIGHTS[0]] * 4 + [RADII[0]] * 4, [HEIGHTS[1]] * 4 + [RADII[1]] * 4)
# Orders of the eight unknowns that leave the spectrum as it is.
UNKNOWN_SYMMETRIES = tuple((*turn, *(4 + k for k in turn)) for turn in SYMMETRIES)
# First and last frequency in THz, and how many there are.
BAND = (0.8, 1.5, 300)
# The network that comes with the package; its card stands beside it.
NEURAL = Path(__file__).with_name("metamaterial.safetensors")


class Metamaterial(Task):
    """Task D4 of Ren, Padilla and Malof (2020), with a solver of our own in place of theirs.

    Four cylinders of lossy silicon stand on the four quarters of a square cell of 210 µm in
    vacuum. The unknowns are their heights, 30 to 55 µm, and their radii, 42 to 52 µm, each
    uniform. The observation is the reflectance of the specular order for x-polarised light that
    falls straight down, at 300 equally spaced frequencies from 0.8 to 1.5 THz.

    Ranges, band and number of points are the paper's; period, permittivity and loss are not
    published and are our choice, so the spectra are like the paper's, not the same. Four
    arrangements of the same cylinders (:data:`UNKNOWN_SYMMETRIES`) have equal spectra.

    Args:
        simulator: ``"neural"``, the network that comes with the package, which knows one choice
            of solver; or ``"maxwell"``, the solver, see
            :class:`invlab.simulators.maxwell.Reflectance`.
        orders: M, Fourier orders of the solver (6, if not given).
        loss: tan δ of the silicon (0.05, if not given).
        nodes: frequencies that are solved (36, if not given); the others are interpolated.

    Raises:
        ValueError: another word for ``simulator``, or options of the solver with the network.
    """

    def __init__(
        self,
        simulator: Literal["neural", "maxwell"] = "neural",
        *,
        orders: int | None = None,
        loss: float | None = None,
        nodes: int | None = None,
    ) -> None:
        given = {"orders": orders, "loss": loss, "nodes": nodes}
        chosen = {name: value for name, value in given.items() if value is not None}
        if simulator not in ("neural", "maxwell"):
            raise ValueError(f"metamaterial: expected 'neural' or 'maxwell', got {simulator!r}")
        if simulator == "neural" and chosen:
            raise ValueError(
                f"metamaterial: {', '.join(chosen)} belong to simulator='maxwell'; the network "
                "was trained on one choice of them"
            )
        solver: nn.Module
        if simulator == "neural":
            solver = Emulator.load(NEURAL)
        else:
            modal = FourierModal(
                6 if orders is None else orders, loss=0.05 if loss is None else loss
            )
            low, high, points = BAND
            solver = Reflectance(
                modal, low=low, high=high, points=points, nodes=36 if nodes is None else nodes
            )
        super().__init__(
            "metamaterial",
            solver,
            BOX,
            labels=[f"{what} {k}" for what in ("height", "radius") for k in range(1, 5)],
            units=["µm"] * 8,
        )

    @property
    def frequencies(self) -> Tensor:
        """Where the spectrum is taken, in THz, ``(300,)``."""
        low, high, points = BAND
        return torch.linspace(low, high, points, dtype=torch.float64, device="cpu")
