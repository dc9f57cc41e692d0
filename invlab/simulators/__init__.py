"""Simulators' engines: light on a lattice, incompressible flow, stiff equations, any function."""

from invlab.simulators import etdrk4
from invlab.simulators.mac_grid import Flow, MacGrid, Square
from invlab.simulators.maxwell import SYMMETRIES, FourierModal, Reflectance, Scattering
from invlab.simulators.numpy_functions import FailedRows, NumpySimulator, numpy_simulator

__all__ = [
    "SYMMETRIES",
    "FailedRows",
    "Flow",
    "FourierModal",
    "MacGrid",
    "NumpySimulator",
    "Reflectance",
    "Scattering",
    "Square",
    "etdrk4",
    "numpy_simulator",
]
