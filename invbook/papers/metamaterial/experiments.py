"""How exact the solver and its stand-in are: what is measured, each as one function."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from invbook.papers.metamaterial.production import HELD_OUT_SEED, errors, simulations, summary
from invlab import runtime
from invlab.simulators.maxwell import FourierModal, Reflectance
from invlab.surrogates.emulator import Emulator, fit_emulator
from invlab.task import Pairs
from invlab.tasks.metamaterial import BAND, BOX, NEURAL, UNKNOWN_SYMMETRIES

__all__ = [
    "convergence",
    "interpolation",
    "learning_curve",
    "loss",
    "proxy",
    "seconds",
    "truncation",
]


def truncation(
    seed: int, *, orders: int = 6, reference: int = 9, loss: float = 0.05, geometries: int = 16
) -> Tensor:
    """Mean squared error of spectra at M = ``orders`` against a larger M, ``(geometries,)``."""
    x = _geometries(seed, geometries, "truncation")
    few, many = (
        _spectra(x, Reflectance(FourierModal(m, loss=loss), nodes=44)) for m in (orders, reference)
    )
    return (few - many).square().mean(-1)


def convergence(
    seed: int, *, orders: Sequence[int] = (6, 9, 12), frequencies: int = 15, geometries: int = 6
) -> tuple[Tensor, Tensor, dict[int, Tensor]]:
    """Reflectance at each M, without interpolation.

    Returns:
        Geometries ``(geometries, 8)``, frequencies in THz over the band, and for each M the
        reflectances ``(geometries, frequencies)``.
    """
    x = _geometries(seed, geometries, "convergence")
    band = torch.linspace(*BAND[:2], frequencies, dtype=torch.float64)
    found = {}
    with torch.no_grad():
        for m in orders:
            modal = FourierModal(m)
            # one by one: at M = 12 the matrices of a batch would take gigabytes
            amplitudes = [[modal(one[:4], one[4:], f[None]).r for f in band] for one in x]
            found[m] = torch.stack([torch.cat(row) for row in amplitudes]).abs().square()
    return x, band, found


def interpolation(
    seed: int, *, orders: int = 6, nodes: Sequence[int] = (24, 28, 32, 36, 40), geometries: int = 8
) -> dict[int, Tensor]:
    """Mean squared error of spectra through a few frequencies, by their number."""
    x, modal = _geometries(seed, geometries, "interpolation"), FourierModal(orders)
    direct = _spectra(x, Reflectance(modal, nodes=300))
    return {n: (_spectra(x, Reflectance(modal, nodes=n)) - direct).square().mean(-1) for n in nodes}


def seconds(seed: int, *, orders: int = 6, geometries: int = 20) -> list[float]:
    """CPU seconds of each spectrum on one core, after one that is not counted."""
    solver = Reflectance(FourierModal(orders))
    spent = []
    for x in _geometries(seed, geometries + 1, "seconds").split(1):
        start = runtime.cpu_seconds()
        _spectra(x, solver)
        spent.append(runtime.cpu_seconds() - start)
    return spent[1:]


def loss(
    seed: int, *, pairs: int = 1500, orders: int = 3, epochs: int = 400, geometries: int = 10
) -> dict[str, dict[str, float]]:
    """What tan δ decides: the error of a network at equal data, and the truncation error.

    The network learns from spectra at a small M, whose resonances are as sharp.
    """
    found = {}
    for tangent in (0.02, 0.05):
        made = simulations(pairs + 300, seed, orders=orders, loss=tangent)
        network = _network(made[300:], [seed], epochs)
        wrong = truncation(seed, loss=tangent, geometries=geometries)
        found[f"{tangent:g}"] = {
            "network": float(errors(network, made[:300]).mean()),
            "truncation": float(wrong.mean()),
            "variance": float(made.y.var(0).mean()),
        }
    return found


def learning_curve(
    seed: int, *, sizes: Sequence[int], orders: int = 6, steps: int = 8000, held_out: int = 1000
) -> dict[str, list[float]]:
    """Error of one network against the number of simulations it saw, with equal training.

    Returns:
        ``"one"``: on held-out spectra; ``"training"``: on those it saw.
    """
    made = simulations(max(sizes), 0, orders=orders)
    fresh = simulations(held_out, HELD_OUT_SEED, orders=orders)
    found: dict[str, list[float]] = {"one": [], "training": []}
    for size in sizes:
        epochs = max(1, steps * 128 // size)
        network = _network(made[:size], [seed], epochs)
        found["one"].append(float(errors(network, fresh).mean()))
        found["training"].append(float(errors(network, made[:size]).mean()))
    return found


def proxy(*, held_out: int = 1000) -> dict[str, Any]:
    """Errors of the network that comes with the package, on fresh Maxwell spectra."""
    fresh = simulations(held_out, HELD_OUT_SEED)
    network = Emulator.load(NEURAL)
    wrong, found = summary(network, fresh)
    with torch.no_grad():
        spread = torch.cat([network.members(x).std(0) for x in fresh.x.split(500)])
    told = torch.corrcoef(torch.stack([spread.square().mean(-1).log(), wrong.log()]))[0, 1]
    return {**found, "spread_correlation": float(told)}


def _network(pairs: Pairs, seeds: Sequence[int], epochs: int) -> Emulator:
    return fit_emulator(
        pairs, BOX, symmetries=UNKNOWN_SYMMETRIES, seeds=seeds, epochs=epochs, lr=4e-3
    )


def _geometries(seed: int, n: int, stream: str) -> Tensor:
    generator = runtime.generator(seed, "metamaterial", stream)
    return BOX.sample(n, generator=generator).double()


def _spectra(x: Tensor, solver: Reflectance) -> Tensor:
    with torch.no_grad():
        return solver(x)
