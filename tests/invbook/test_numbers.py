"""Numbers as readers see them."""

import math

import pytest

from invbook.numbers import shown

SHOWN = {
    0: "0",
    0.25: "0.25",
    -3.14159: "−3.14",
    99.94: "99.9",
    1089: "1089",
    12345.6: "12346",
    0.009: "9.0·10⁻³",
    2e-6: "2.0·10⁻⁶",
    -1.25e12: "−1.2·10¹²",
    math.inf: "∞",
    -math.inf: "−∞",
}


@pytest.mark.parametrize("number", SHOWN)
def test_a_number_has_three_digits_or_a_power_of_ten(number):
    assert shown(number) == SHOWN[number]


def test_nan_is_no_number():
    assert shown(math.nan) == "no number"
