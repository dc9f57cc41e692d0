"""Numbers as a reader reads them: three digits, and powers of ten as powers of ten."""

from __future__ import annotations

import math

__all__ = ["power_of_ten", "shown"]

_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def shown(number: float) -> str:
    """A number in words of digits: 0.25, 1089, 2.0·10⁻⁶, ∞; "no number" for NaN."""
    number = float(number)
    if math.isnan(number):
        return "no number"
    if math.isinf(number):
        return "∞" if number > 0 else "−∞"
    size = abs(number)
    if number == 0 or 0.01 <= size < 100:
        return f"{number:.3g}".replace("-", "−")
    if 100 <= size < 1e5:
        return f"{number:.0f}".replace("-", "−")
    return power_of_ten(number)


def power_of_ten(number: float) -> str:
    """Two digits and a power of ten, for tables whose numbers all look alike: 1.9·10¹."""
    digits, power = f"{number:.1e}".split("e")
    digits = digits.replace("-", "−")
    return f"{digits}·10{str(int(power)).translate(_RAISED)}"
