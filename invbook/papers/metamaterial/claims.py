"""What the solver and its stand-in have to reach, as rows of the ledger."""

from __future__ import annotations

from invbook.ledger import Claim
from invbook.papers.reading import NO_ROW, REN, score

__all__ = ["CLAIMS"]

OTHER_PHYSICS = "another solver and materials with losses, which make the spectra smoother"
CLAIMS = [
    Claim(
        "metamaterial/proxy/mse",
        f"{REN}, Section 5.1",
        ("metamaterial/proxy",),
        score("mse"),
        "mean squared error of the network on fresh Maxwell spectra",
        protocol=OTHER_PHYSICS,
        paper=6e-5,
    ),
    Claim(
        "metamaterial/truncation/mse",
        NO_ROW,
        ("metamaterial/truncation",),
        score("mse"),
        "mean squared difference of the spectra with M = 6 and M = 9, 16 geometries; small beside "
        "the network's error, 6e-5",
    ),
    Claim(
        "metamaterial/convergence/mse",
        NO_ROW,
        ("metamaterial/convergence",),
        score("mse/6"),
        "mean squared difference of M = 6 and M = 12 at 15 frequencies of 6 geometries",
    ),
    Claim(
        "metamaterial/interpolation/mse",
        NO_ROW,
        ("metamaterial/interpolation",),
        score("36"),
        "mean squared error of 36 frequencies and an interpolation against 300, 8 geometries",
    ),
    Claim(
        "metamaterial/seconds",
        NO_ROW,
        ("metamaterial/seconds",),
        score("median"),
        "CPU s of one spectrum on one core, median of 20",
    ),
]
