"""Light on a lattice of cylinders: a Maxwell solver, and spectra from it."""

from __future__ import annotations

from invlab.simulators.maxwell.cylinders import SYMMETRIES
from invlab.simulators.maxwell.fourier_modal import FourierModal, Scattering
from invlab.simulators.maxwell.spectrum import Reflectance

__all__ = ["SYMMETRIES", "FourierModal", "Reflectance", "Scattering"]
