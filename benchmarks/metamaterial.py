"""Time of one spectrum by our Fourier modal method beside meent's RCWA.

Both compute the reflectance of four silicon cylinders at 300 frequencies from 0.8 to 1.5 THz, in
float64 on one thread, on the same harmonics: orders −M to M along x and along y. The peer, meent
(MIT licence, ``pip install meent --no-deps``), is given a cell drawn on a grid of 256 × 256 points
and solves one frequency after the other, which is its way to use it; its time for a few
frequencies is scaled to all 300. Ours uses the mirror symmetry of the cell, all frequencies of a
batch at once, and for the spectrum 36 frequencies with rational interpolation. So there are two
ratios: of a solved frequency, and of a spectrum.

Its rule for the products at round walls is another one, so the two agree only as far as both have
converged; the difference of the reflectances is printed.

    OMP_NUM_THREADS=1 python benchmarks/metamaterial.py [--orders 6] [--frequencies 4] [--repeats 3]
"""

from __future__ import annotations

import argparse
import sys

import numpy as np
import torch
from clock import cpu_seconds
from record import keep_record

from invlab.simulators.maxwell import FourierModal, Reflectance
from invlab.simulators.maxwell.cylinders import POSITIONS
from invlab.simulators.maxwell.fourier_modal import LIGHT_SPEED

HEIGHTS, RADII = (33.0, 41.0, 47.0, 53.0), (44.0, 50.0, 47.0, 51.5)  # µm
POINTS, SPECTRUM = 256, 300


def drawn(modal: FourierModal) -> np.ndarray:
    """Refractive index on a grid, a layer below each top, from above: ``(4, points, points)``."""
    place = (np.arange(POINTS) + 0.5) / POINTS
    index = np.ones((4, POINTS, POINTS), complex)
    # meent counts time as exp(+iωt): what is complex is conjugate
    silicon = np.sqrt(complex(modal.eps).conjugate())
    for layer, top in enumerate(sorted(HEIGHTS, reverse=True)):
        for height, radius, (a, b) in zip(HEIGHTS, RADII, POSITIONS, strict=True):
            x, y = ((place - c / 2 + 0.5) % 1 - 0.5 for c in (a, b))
            if height >= top:
                index[layer][np.hypot(x, y[:, None]) * modal.period < radius] = silicon
    return index


def peer(modal: FourierModal, index: np.ndarray, orders: int, frequency: float) -> float:
    """Reflectance of the specular order by meent."""
    import meent

    solver = meent.call_mee(
        backend=0,  # NumPy
        theta=0.0,
        phi=0.0,
        pol=1.0,
        period=[modal.period, modal.period],
        wavelength=LIGHT_SPEED / frequency,
        thickness=np.diff(sorted([0.0, *HEIGHTS]))[::-1],
        fto=[orders, orders],
        ucell=index,
        enhanced_dfs=False,
    )
    return float(solver.conv_solve().res.de_ri[orders, orders])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--orders", type=int, default=6)
    parser.add_argument("--frequencies", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    try:
        import meent  # noqa: F401
    except ImportError:
        sys.exit("meent is not installed, and it is the peer here: pip install meent --no-deps")
    torch.set_num_threads(1)
    modal = FourierModal(options.orders)
    heights, radii = (torch.tensor(row, dtype=torch.float64) for row in (HEIGHTS, RADII))
    some = torch.linspace(0.85, 1.4, options.frequencies, dtype=torch.float64)
    index, spectrum = drawn(modal), Reflectance(modal)
    sheet = torch.cat([heights, radii])[None]

    found = modal(heights, radii, some).r.abs().square()
    theirs = torch.tensor([peer(modal, index, options.orders, float(f)) for f in some])
    solved = cpu_seconds(lambda: modal(heights, radii, spectrum.nodes), options.repeats)
    whole = cpu_seconds(lambda: spectrum(sheet), options.repeats)
    slow = cpu_seconds(
        lambda: [peer(modal, index, options.orders, float(f)) for f in some], options.repeats
    )
    ours, other = solved / len(spectrum.nodes), slow / len(some)
    print(f"M = {options.orders}: largest difference {float((found - theirs).abs().max()):.1e}")
    print(f"frequency ratio={other / ours:.1f} ours={ours:.4g} peer={other:.4g} unit=cpu_s")
    other *= SPECTRUM
    print(f"spectrum ratio={other / whole:.0f} ours={whole:.4g} peer={other:.4g} unit=cpu_s")


if __name__ == "__main__":
    keep_record(main)
