"""Networks in place of a simulator."""

from invlab.surrogates.emulator import Emulator, fit_emulator
from invlab.surrogates.regression import Surrogate, fit_surrogate

__all__ = ["Emulator", "Surrogate", "fit_emulator", "fit_surrogate"]
