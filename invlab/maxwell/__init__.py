"""Light on a lattice of cylinders: a Maxwell solver, and spectra from it."""

from __future__ import annotations

from invlab.maxwell.cylinders import SYMMETRIES
from invlab.maxwell.fourier_modal import FourierModal, Scattering
from invlab.maxwell.spectrum import Reflectance

__all__ = ["SYMMETRIES", "FourierModal", "Reflectance", "Scattering"]
