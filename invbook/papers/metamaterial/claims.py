"""What the solver and its stand-in have to reach, as rows of the ledger."""

from __future__ import annotations

from collections.abc import Sequence

from invbook.ledger import Claim
from invbook.papers.reading import NO_ROW, REN, score
from invlab.runs.records import Record

__all__ = ["CLAIMS"]

OTHER_PHYSICS = "another solver and materials with losses, which make the spectra smoother"


def _of_loss(tangent: str) -> Claim:
    """How well a network of 1500 pairs stands in for the solver: less loss, narrower resonances."""

    def relative(record: Record) -> Sequence[float]:
        wrong, varies = (
            record["scores"][f"{tangent}/{name}"][0] for name in ("network", "variance")
        )
        return [wrong / varies]

    which = "the harder one, which we did not take" if tangent == "0.02" else "that of D4 here"
    return Claim(
        f"metamaterial/loss/{tangent}",
        NO_ROW,
        ("metamaterial/loss",),
        relative,
        f"error of a network of 1500 pairs over the variance of y, tan δ = {tangent} ({which})",
    )


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
        "mean squared difference of the spectra with M = 6 and M = 9, 16 geometries; below "
        "the error of the paper's networks, 6e-5, above that of ours",
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
    *[_of_loss(tangent) for tangent in ("0.02", "0.05")],
]
