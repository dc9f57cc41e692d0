"""What the solver and its stand-in have to reach, as rows of the ledger."""

from __future__ import annotations

from invbook.ledger import Claim
from invbook.papers.reading import NO_ROW, REN, at_most, score

__all__ = ["CLAIMS"]

CLAIMS = [
    Claim(
        "metamaterial/proxy/mse",
        f"{REN}, Section 5.1",
        ("metamaterial/proxy",),
        score("mse"),
        at_most(6e-5),
        "mean squared error on fresh Maxwell spectra; at most the paper's",
        paper=6e-5,
    ),
    Claim(
        "metamaterial/truncation/mse",
        NO_ROW,
        ("metamaterial/truncation",),
        score("mse"),
        at_most(6e-5),
        "M = 6 against M = 9 over 16 geometries; at most 6e-5",
    ),
    Claim(
        "metamaterial/convergence/mse",
        NO_ROW,
        ("metamaterial/convergence",),
        score("mse/6"),
        at_most(6e-5),
        "M = 6 against M = 12 at 15 frequencies of 6 geometries; at most 6e-5",
    ),
    Claim(
        "metamaterial/interpolation/mse",
        NO_ROW,
        ("metamaterial/interpolation",),
        score("36"),
        at_most(1e-7),
        "36 frequencies against 300 over 8 geometries; at most 1e-7",
    ),
    Claim(
        "metamaterial/seconds",
        NO_ROW,
        ("metamaterial/seconds",),
        score("median"),
        at_most(0.5),
        "CPU s of one spectrum on one core, median of 20; at most 0.5",
    ),
]
