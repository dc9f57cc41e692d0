"""From Maxwell solutions to the network that comes with the package."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from invlab import runtime
from invlab.networks.training import TrainingOptions
from invlab.runs import shards
from invlab.surrogates.emulator import Emulator, fit_emulator
from invlab.task import Pairs
from invlab.tasks.metamaterial import BOX, NEURAL, UNKNOWN_SYMMETRIES, Metamaterial
from invlab.validation import require_count

__all__ = [
    "DATA",
    "QUANTILES",
    "errors",
    "folder_of",
    "simulations",
    "summary",
    "train_simulator",
]

# Where simulated pairs are kept: below the current folder, and not in the repository.
DATA = Path("data") / "metamaterial"
# Pairs of this seed are never trained on.
HELD_OUT_SEED = 1
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95, 1.0)


def folder_of(
    seed: int = 0, *, orders: int = 6, loss: float = 0.05, nodes: int = 36, below: Path = DATA
) -> Path:
    """Folder of the pairs of one seed and one choice of solver."""
    return below / f"orders{orders}-loss{loss:g}-nodes{nodes}" / f"seed{seed}"


def simulations(
    n: int,
    seed: int = 0,
    *,
    orders: int = 6,
    loss: float = 0.05,
    nodes: int = 36,
    below: Path = DATA,
    jobs: int = 1,
    scheduler: str | None = None,
) -> Pairs:
    """``n`` pairs of Maxwell's equations, made where they are not on disk yet.

    Args:
        n: number of geometries, uniform in the box.
        seed: of the geometries; 1 is for tests.
        orders, loss, nodes: of the solver, see :class:`invlab.tasks.metamaterial.Metamaterial`.
        below: folder that holds a folder for each choice.
        jobs, scheduler: as for :func:`invlab.generate`.
    """
    pairs = shards.generate(
        Metamaterial("maxwell", orders=orders, loss=loss, nodes=nodes),
        n,
        folder=folder_of(seed, orders=orders, loss=loss, nodes=nodes, below=below),
        seed=seed,
        jobs=jobs,
        scheduler=scheduler,
        shard=shards.SHARD,
        about={"orders": orders, "loss": loss, "nodes": nodes},
    )
    return pairs.to("cpu", torch.float32)  # networks learn from float32


def train_simulator(
    data: Pairs,
    held_out: Pairs,
    *,
    seeds: Sequence[int] = (0, 1, 2, 3, 4),
    width: int = 256,
    blocks: int = 3,
    components: int = 64,
    path: Path = NEURAL,
    how: dict[str, Any] | None = None,
    **training: Any,
) -> dict[str, Any]:
    """Train the network, write it with its card, and return the card.

    Args:
        data: pairs to learn from; a tenth of them, at most 500, chooses the best weights.
        held_out: fresh pairs, for the errors on the card alone.
        seeds: a member each.
        width, blocks, components: see :func:`invlab.surrogates.emulator.fit_emulator`.
        path: of the file.
        how: more to say on the card.
        training: options of :func:`invlab.networks.training.train`.
    """
    validation = min(500, require_count("pairs", len(data)) // 10)
    options: TrainingOptions = {"epochs": 200, "lr": 4e-3, **training}  # type: ignore[typeddict-item]
    start = runtime.cpu_seconds()
    simulator = fit_emulator(
        data[validation:],
        BOX,
        symmetries=UNKNOWN_SYMMETRIES,
        seeds=seeds,
        width=width,
        blocks=blocks,
        components=components,
        held_out=data[:validation],
        **options,
    )
    cpu = runtime.cpu_seconds() - start
    simulator.core.half().float()  # rounded as the file will hold it
    _, found = summary(simulator, held_out)
    card = {
        "what": "heights and radii of four cylinders in µm to 300 reflectances, 0.8 to 1.5 THz",
        "pairs": len(data),
        "validation": validation,
        "held_out": len(held_out),
        "mse": found["mse"],
        "mse_single_members": found["members"],
        "mse_quantiles": {
            f"{q:g}": value for q, value in zip(QUANTILES, found["quantiles"], strict=True)
        },
        "variance": float(held_out.y.var(0).mean()),
        "seeds": list(seeds),
        "width": width,
        "components": components,
        "training": dict(options),
        "training_cpu_seconds": round(cpu),
        **(how or {}),
    }
    simulator.save(path, card)
    return card


def summary(simulator: Emulator, pairs: Pairs) -> tuple[Tensor, dict[str, Any]]:
    """Error of each spectrum ``(N,)``, with its mean, its :data:`QUANTILES` and the members'."""
    wrong = errors(simulator, pairs)
    quantiles = wrong.double().quantile(torch.tensor(QUANTILES, dtype=torch.float64))
    return wrong, {
        "mse": float(wrong.mean()),
        "members": errors(simulator, pairs, single=True).mean(-1).tolist(),
        "quantiles": quantiles.tolist(),
    }


def errors(simulator: Emulator, pairs: Pairs, *, single: bool = False) -> Tensor:
    """Mean squared error of each spectrum ``(N,)``, or of each member's ``(K, N)``."""
    with torch.no_grad():
        parts = [
            (simulator.members(x) if single else simulator(x)) - y
            for x, y in zip(pairs.x.split(500), pairs.y.split(500), strict=True)
        ]
    return torch.cat(parts, -2).square().mean(-1)
