"""A network that stands in for an expensive simulator, in a file small enough to share."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self, Unpack

import torch
from torch import Tensor

from invlab import runtime
from invlab.files import write_whole
from invlab.networks.mlp import ResidualMLP
from invlab.networks.training import History, TrainingOptions, train
from invlab.priors import Box
from invlab.surrogates.regression import require_training_pairs
from invlab.task import Pairs, Simulator
from invlab.validation import require_count, require_seeds, require_tensor

__all__ = ["Emulator", "fit_emulator"]


class Emulator(Simulator):
    """The mean of an ensemble, over its members and over the symmetric copies of x.

    A member maps x, scaled to [−1, 1] by its box, to coefficients of y in a basis that the
    training data chose (their principal components).

    Args:
        core: members, from scaled x to coefficients.
        box: range of x.
        mean: of the training y, ``(dy,)``.
        components: what a coefficient of one adds to y, ``(P, dy)``.
        symmetries: orders of the unknowns that leave y as it is, ``(S, dx)``, the first of them
            the order as given.
    """

    center: Tensor
    half_width: Tensor
    mean: Tensor
    components: Tensor
    symmetries: Tensor

    def __init__(
        self,
        core: ResidualMLP,
        box: Box,
        mean: Tensor,
        components: Tensor,
        symmetries: Tensor | None = None,
    ) -> None:
        super().__init__()
        dx = len(box.low)
        if symmetries is None:
            symmetries = torch.arange(dx, device="cpu")[None]
        self.core = core
        # float64, since what is subtracted from large numbers has to have all their digits
        self.register_buffer("center", box.center.clone())
        self.register_buffer("half_width", box.width / 2)
        self.register_buffer("mean", mean.double())
        self.register_buffer("components", components.float())
        self.register_buffer("symmetries", symmetries)
        self.history = History()

    def __len__(self) -> int:
        """Number of members K."""
        return len(self.core)

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """``(..., dx) -> (..., dy)``, in the dtype of ``x``."""
        if c is not None:
            raise ValueError("Emulator: takes no context c, got one")
        rows = x.reshape(-1, x.shape[-1])
        return self.members(rows).mean(0).reshape(*x.shape[:-1], -1)

    def members(self, x: Tensor) -> Tensor:
        """What each member says, ``(N, dx) -> (K, N, dy)``; their spread is a warning sign.

        Raises:
            ValueError: x of another shape.
        """
        if x.ndim != 2 or x.shape[1] != len(self.center):
            wanted = f"(N, {len(self.center)})"
            raise ValueError(f"Emulator: x: expected shape {wanted}, got {tuple(x.shape)}")
        scaled = (x - self.center.to(x)) / self.half_width.to(x)
        copies = scaled[:, self.symmetries].flatten(0, 1)  # (N · S, dx)
        # stored in float32, computed as the caller computes
        weights = {name: weight.to(x.dtype) for name, weight in self.core.named_parameters()}
        outputs = torch.func.functional_call(self.core, weights, (copies,))
        coefficients = outputs.unflatten(1, (len(x), -1)).mean(2)
        return self.mean.to(x) + coefficients @ self.components.to(x)

    def save(self, path: str | Path, card: dict[str, Any]) -> None:
        """Write weights, in half precision, to ``path`` (safetensors), and a card beside it.

        Args:
            path: ending in ``.safetensors``; the card has the same name and ends in ``.json``.
            card: how it was made and how wrong it is. Sizes and checksum are those of the file,
                also where the card of another one has its own.
        """
        from safetensors.torch import save

        path = Path(path)
        if path.suffix != ".safetensors":
            raise ValueError(f"{path}: expected a name that ends in .safetensors")
        tensors = {
            name: value.half() if value.is_floating_point() and "core" in name else value
            for name, value in self.state_dict().items()
        }
        content = save({name: value.cpu().contiguous() for name, value in tensors.items()})
        sizes = {
            "members": len(self),
            "blocks": (len(self.core.weights) - 2) // 2,
            "sha256": hashlib.sha256(content).hexdigest(),
        }
        write_whole(path, content)
        text = json.dumps({**sizes, **card, **sizes}, indent=1, ensure_ascii=False) + "\n"
        write_whole(path.with_suffix(".json"), text.encode())

    @staticmethod
    def card(path: str | Path) -> dict[str, Any]:
        """What stands on the card beside ``path``: the file's checksum, and all that was given."""
        found: dict[str, Any] = json.loads(
            Path(path).with_suffix(".json").read_text(encoding="utf-8")
        )
        return found

    @staticmethod
    def fingerprint(path: str | Path) -> str:
        """Twelve digits of the checksum: what changes where another network is in the file."""
        return str(Emulator.card(path)["sha256"])[:12]

    @classmethod
    @runtime.differentiable()
    def load(cls, path: str | Path) -> Self:
        """Read what :meth:`save` wrote.

        Raises:
            FileNotFoundError: the file or its card is missing.
            ValueError: the file is not the one that the card describes.
        """
        from safetensors.torch import load

        card = cls.card(path)
        content = Path(path).read_bytes()
        found, wanted = hashlib.sha256(content).hexdigest(), str(card.get("sha256"))
        if found != wanted:
            raise ValueError(
                f"{path}: expected the checksum {wanted[:12]}… of its card, got "
                f"{found[:12]}…; the file is damaged, install the package again"
            )
        tensors = {k: v.float() if v.dtype == torch.half else v for k, v in load(content).items()}
        members, dx, width = tensors["core.weights.0"].shape
        blocks = (sum(name.startswith("core.weights.") for name in tensors) - 2) // 2
        if (card.get("members"), card.get("blocks")) != (members, blocks):
            raise ValueError(
                f"{path}: expected a card that says {members} members and {blocks} blocks, as the "
                f"file has, got {card.get('members')} and {card.get('blocks')}; write both again "
                "by save(path, card)"
            )
        with torch.device("cpu"):  # where the tensors of the file are, whatever the default
            core = ResidualMLP(
                dx,
                len(tensors["components"]),
                width=width,
                blocks=blocks,
                seeds=range(members),
            )
            center, half = tensors["center"], tensors["half_width"]
            simulator = cls(
                core,
                Box(center - half, center + half),
                tensors["mean"],
                tensors["components"],
                tensors["symmetries"],
            )
        simulator.load_state_dict(tensors)
        return simulator.requires_grad_(False)


@runtime.differentiable()
def fit_emulator(
    data: Pairs,
    box: Box,
    *,
    symmetries: Sequence[Sequence[int]] | None = None,
    seeds: Sequence[int] = (0, 1, 2, 3, 4),
    width: int = 256,
    blocks: int = 3,
    components: int = 64,
    held_out: Pairs | None = None,
    **training: Unpack[TrainingOptions],
) -> Emulator:
    """Train an ensemble on simulated pairs.

    Every step shows the network one of the symmetric copies of its batch, so that it learns from
    as many pairs as there are symmetries times simulations.

    Args:
        data: simulated pairs.
        box: range of x.
        symmetries: orders of the unknowns that leave y as it is; the first must be ``0, 1, …``.
        seeds: a member each.
        width, blocks: size of a member, see :class:`invlab.networks.mlp.ResidualMLP`.
        components: principal components of y that a member predicts.
        held_out: pairs that choose the best weights, without the mean over copies.
        training: passed on to :func:`invlab.networks.training.train`.

    Raises:
        TypeError, ValueError: no pairs, or a share of them in their place; more components than
            y has numbers, or than there are pairs; pairs with a context, whose y is no row of
            numbers, or whose y is not finite somewhere; or seeds that are no list.

    Source: Ren, Padilla and Malof (2020), Section 5.1, which averages five networks.

    Example:
        >>> import invlab
        >>> task = invlab.get_task("robot_arm")
        >>> emulator = invlab.surrogates.fit_emulator(
        ...     task.sample(200), task.box, seeds=(0, 1), width=8, components=2, epochs=2
        ... )
        >>> faster = invlab.Task("emulated", emulator, task.prior)
        >>> faster.sample(5)
        Pairs(x: (5, 4), y: (5, 2))
    """
    require_training_pairs("fit_emulator", data, held_out)
    for pairs in (data, held_out):
        _require_plain(pairs, len(box.low))
    seeds = require_seeds("seeds", seeds)
    x, y = data.x.detach(), data.y.detach()
    most = min(len(y), y.shape[1])
    if require_count("components", components) > most:
        raise ValueError(f"components: expected at most {most}, got {components}")
    unit = _unit(y)
    mean, basis = _principal(y.double() / unit, components)
    orders = [list(range(x.shape[1]))] if symmetries is None else symmetries
    copies = torch.tensor(orders, device="cpu")
    core = ResidualMLP(
        x.shape[1], components, width=width, blocks=blocks, seeds=seeds, stream="simulator"
    ).to(x.device)
    simulator = Emulator(core, box, mean * unit, basis * unit, copies.to(x.device)).to(x.device)
    turns = runtime.generator(seeds[0], "symmetries")
    variance = _variance(y.double() / unit)

    def terms(u: Tensor, v: Tensor) -> dict[str, Tensor]:
        if torch.is_grad_enabled():
            turn = int(torch.randint(len(copies), (), generator=turns, device="cpu"))
            u = u[..., simulator.symmetries[turn]]
        error = core(u) @ basis - v
        return {"misfit": error.square().mean((-2, -1)) / variance}

    def scaled(pairs: Pairs) -> tuple[Tensor, Tensor]:
        u = (pairs.x.detach() - simulator.center) / simulator.half_width
        return u.float(), (pairs.y.detach().double() / unit - mean).float()

    options: TrainingOptions = {
        "epochs": 100,
        "batch_size": 128,
        "lr": 2e-3,
        "lr_end": 1e-6,
        "schedule": "one-cycle",
        **training,
    }
    simulator.history = train(
        core,
        terms,
        scaled(data),
        seeds=seeds,
        validation=None if held_out is None else scaled(held_out),
        description="neural simulator",
        **options,
    )
    return simulator.requires_grad_(False)


def _unit(y: Tensor) -> float:
    """A length of y, so that squares of it stay in the range of float32; 1 where nothing varies.

    A power of two, which costs no digits.
    """
    flat = y.double()
    largest = float((flat - flat.mean(0)).abs().amax())
    return 2.0 ** math.frexp(largest)[1] if largest > 0 else 1.0


def _variance(y: Tensor) -> Tensor:
    """Of y ``(N, dy)``, mean over its numbers; 1 where nothing varies."""
    variance = y.var(0, correction=min(1, len(y) - 1)).mean().float()
    return torch.where(variance > 0, variance, 1.0)


def _principal(y: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Mean ``(dy,)`` and the first principal components, each as long as y varies along it."""
    mean = y.double().mean(0)
    centred = y.double() - mean
    values, vectors = torch.linalg.eigh(centred.T @ centred / len(y))
    values, vectors = values[-count:].flip(0), vectors[:, -count:].flip(1)
    return mean, (vectors * values.clamp_min(0).sqrt()).T.float()


def _require_plain(data: Pairs | None, x_dim: int) -> None:
    """Pairs as an emulator takes them, or none: a row of finite numbers for x and for y."""
    if data is None:
        return
    if data.c is not None:
        raise ValueError("fit_emulator: takes no context c, got one; fit_surrogate takes it")
    require_tensor("fit_emulator: x", data.x, ("N", x_dim))
    require_tensor("fit_emulator: y", data.y, ("N", "dy"))
