"""The one training loop: Adam on named loss terms, in batches or on all rows at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypedDict, cast

import torch
from torch import Tensor, nn

from invlab import runtime
from invlab.networks.encoders import OneMember
from invlab.validation import require_count, require_same_length

__all__ = ["History", "TrainingOptions", "epochs_within", "require_training", "train"]

# How the learning rate moves from lr to lr_end: down along half a cosine, or up from a
# twenty-fifth of lr during the first tenth of the steps and then down ("one-cycle").
SCHEDULES = ("cosine", "one-cycle")
Schedule = Literal["cosine", "one-cycle"]
# Terms of the loss by name, each of shape () or (K,), for one batch.
Terms = Callable[..., dict[str, Tensor]]


class TrainingOptions(TypedDict, total=False):
    """What every trained method accepts and hands on to :func:`train`."""

    epochs: int
    batch_size: int | None
    lr: float
    lr_end: float
    schedule: Schedule
    patience: int | None
    clip: float | None


@dataclass
class History:
    """What happened during a training.

    Attributes:
        terms: each loss term by name, mean over an epoch's batches, shape ``(epochs, K)``.
        validation: total loss on held-out rows after each epoch, ``(epochs, K)``, or None.
        best_epoch: the epoch whose weights were kept, ``(K,)``.
        stopped: why it ended: ``"all epochs"``, ``"no progress"`` or ``"interrupted"``.
        seconds: processor seconds of this process.
    """

    terms: dict[str, Tensor] = field(default_factory=dict)
    validation: Tensor | None = None
    best_epoch: Tensor | None = None
    stopped: str = "all epochs"
    seconds: float = 0.0

    @property
    def total(self) -> Tensor:
        """Sum of the terms, ``(epochs, K)``."""
        return torch.stack(list(self.terms.values())).sum(0)


@runtime.differentiable()
def train(
    network: nn.Module,
    terms: Terms,
    data: Sequence[Tensor],
    *,
    seeds: Sequence[int] = (0,),
    validation: Sequence[Tensor] | None = None,
    epochs: int = 300,
    batch_size: int | None = 100,
    lr: float = 1e-3,
    lr_end: float = 1e-5,
    schedule: Schedule = "cosine",
    patience: int | None = None,
    clip: float | None = None,
    description: str = "training",
    history: History | None = None,
) -> History:
    """Train a network of ``K = len(seeds)`` members in place.

    The network is in training mode during the steps, and in evaluation mode for the validation and
    afterwards. With a validation set the best weights of each member are restored at the end, also
    when the run is interrupted from the keyboard, which ends it as it ends any call; without one
    the last weights are kept.

    Args:
        network: what is trained: its parameters that require a gradient, each ``(K, ...)``.
        terms: the loss terms of one batch; called with the tensors of ``data``, each
            ``(K, batch, ...)`` (every member shuffles for itself), or whole when full batch.
        data: tensors with the same number of rows.
        seeds: one a member; orders the batches.
        validation: held-out tensors like ``data``.
        epochs: passes over the data.
        batch_size: rows a step; None, or at least the number of rows, means all at once. Where a
            network made elsewhere learns (:class:`~invlab.networks.encoders.OneMember`), a last
            batch of one row joins the one before, since its norm may need two.
        lr, lr_end: highest and last learning rate; the last may be zero.
        schedule: ``"cosine"`` falls from the one to the other along half a cosine;
            ``"one-cycle"`` first rises to ``lr`` during a tenth of the steps.
        patience: stop when no member's validation loss improved for that many epochs.
        clip: largest Euclidean norm of a member's gradient; a longer one is shortened to it.
        description: what the progress bar says.
        history: filled in and returned; give one to have it after an interrupt too.

    Raises:
        FloatingPointError: a term became NaN or infinite; names the step and the term. The
            best weights so far are restored first.
        KeyboardInterrupt: the run was interrupted; the history says so, and the best weights
            so far are restored first.
        TypeError, ValueError: data of different lengths, a patience without validation, or
            options that make no sense, see :func:`require_training`.
    """
    rows = require_same_length(**{f"data[{i}]": tensor for i, tensor in enumerate(data)})
    given: Any = {"epochs": epochs, "batch_size": batch_size, "lr": lr, "lr_end": lr_end}
    options = require_training({**given, "schedule": schedule, "patience": patience, "clip": clip})
    epochs, batch_size = options["epochs"], options["batch_size"]
    size = rows if batch_size is None else min(batch_size, rows)
    if patience is not None and validation is None:
        raise ValueError("patience: stopping early needs validation data, got none")
    weights = [p for p in network.parameters() if p.requires_grad]
    optimizer = torch.optim.Adam(weights, lr=lr)
    starts = _starts(network, rows, size)
    steps = len(starts)
    rate = _rate(optimizer, epochs * steps, lr, lr_end, schedule)
    best = _Best(weights, len(seeds))
    shuffles = [runtime.generator(seed, "batches") for seed in seeds]
    history = History() if history is None else history
    names: list[str] = []
    curves: list[Tensor] = []
    held_out: list[Tensor] = []
    start = runtime.cpu_seconds()
    try:
        for epoch in runtime.progress(range(epochs), description, total=epochs):
            network.train()
            batches = _batches(data, starts, shuffles)
            names, values = _pass(batches, terms, optimizer, rate, weights, clip, len(seeds))
            _demand_finite(values, names, epoch * steps)
            curves.append(values.mean(0))
            if validation is not None:
                network.eval()
                held_out.append(_held_out(terms, validation, (epoch + 1) * steps - 1))
                best.update(held_out[-1], epoch)
                if patience is not None and epoch - int(best.epoch.max()) >= patience:
                    history.stopped = "no progress"
                    break
    except KeyboardInterrupt:
        history.stopped = "interrupted"
        raise
    finally:
        network.eval()
        best.restore()
        history.seconds = runtime.cpu_seconds() - start
        _write(history, names, curves, held_out, best)
    return history


def epochs_within(rows: int, batch_size: int, *, steps: int, most: int) -> int:
    """Epochs of a training that takes no more than so many steps, and ``most`` at the most.

    Args:
        rows, batch_size: of the data.
        steps: that it may take; one epoch is the least.
        most: epochs for little data.
    """
    return max(1, min(most, steps // math.ceil(rows / batch_size)))


def require_training(options: TrainingOptions) -> TrainingOptions:
    """Check the values of training options, and return them, whole numbers as ``int``.

    Raises:
        TypeError: not a number, or not a whole one, where one is due.
        ValueError: a count below 1, a rate or norm that is NaN, infinite, zero or negative
            (``lr_end`` may be zero), or a schedule that there is not.
    """
    checked = dict(options)
    for name in ("epochs", "batch_size", "patience"):
        if name in checked and not (checked[name] is None and name != "epochs"):
            checked[name] = require_count(name, checked[name])
    for name in ("lr", "lr_end", "clip"):
        if name in checked and not (checked[name] is None and name == "clip"):
            _require_rate(name, checked[name], zero=name == "lr_end")
    if checked.get("schedule", "cosine") not in SCHEDULES:
        raise ValueError(f"schedule: expected 'cosine' or 'one-cycle', got {checked['schedule']!r}")
    return cast(TrainingOptions, checked)


def _require_rate(name: str, value: Any, *, zero: bool) -> None:
    if isinstance(value, bool | str | Tensor) or not hasattr(value, "__float__"):
        raise TypeError(f"{name}: expected a number, got {value!r}")
    if not math.isfinite(value) or value < 0 or (value == 0 and not zero):
        wanted = "of at least 0" if zero else "above 0"
        raise ValueError(f"{name}: expected a finite number {wanted}, got {value}")


def _write(
    history: History, names: list[str], curves: list[Tensor], held_out: list[Tensor], best: _Best
) -> None:
    """Enter the epochs that were finished."""
    if curves:
        stacked = torch.stack(curves).reshape(len(curves), len(names), -1)
        history.terms = {name: stacked[:, i].cpu() for i, name in enumerate(names)}
    if held_out:
        history.validation = torch.stack(held_out).reshape(len(held_out), -1).cpu()
        history.best_epoch = best.epoch


def _pass(
    batches: list[list[Tensor]],
    terms: Terms,
    optimizer: torch.optim.Optimizer,
    rate: torch.optim.lr_scheduler.LRScheduler,
    weights: list[nn.Parameter],
    clip: float | None,
    members: int,
) -> tuple[list[str], Tensor]:
    """A step a batch: the names of the terms, and their values ``(steps, terms, ...)``."""
    values: list[Tensor] = []
    names: list[str] = []
    for batch in batches:
        with torch.enable_grad():
            parts = terms(*batch)
            _step(optimizer, parts, weights, clip, members)
        rate.step()
        names = list(parts)
        values.append(torch.stack([part.detach() for part in parts.values()]))
    return names, torch.stack(values)


def _step(
    optimizer: torch.optim.Optimizer,
    parts: dict[str, Tensor],
    weights: list[nn.Parameter],
    clip: float | None,
    members: int,
) -> None:
    total = torch.stack(list(parts.values())).sum()
    # by these weights alone: a simulator in the loss may have weights of its own, and keeps their
    # gradients as they are
    gradients = torch.autograd.grad(total, weights, allow_unused=True)
    for weight, gradient in zip(weights, gradients, strict=True):
        weight.grad = gradient
    if clip is not None:
        _shorten(weights, clip, members)
    if optimizer.state:
        optimizer.step()
        return
    # Adam counts its steps in tensors on the default device, which is the caller's to set
    with torch.device("cpu"):
        optimizer.step()


def _shorten(weights: list[nn.Parameter], clip: float, members: int) -> None:
    """Scale each member's gradient down to the norm ``clip``."""
    moved = [weight for weight in weights if weight.grad is not None]
    gradients = [weight.grad for weight in moved if weight.grad is not None]
    norm = torch.stack([g.reshape(members, -1).norm(dim=1) for g in gradients]).norm(dim=0)
    factor = (clip / norm.clamp_min(1e-12)).clamp_max(1.0)
    for weight, g in zip(moved, gradients, strict=True):
        # a single member's weights may have any shape, as in a network made elsewhere
        weight.grad = g * (factor[0] if members == 1 else factor.reshape(-1, *[1] * (g.ndim - 1)))


class _Best:
    """The weights of each member at its lowest validation loss."""

    def __init__(self, weights: list[nn.Parameter], members: int) -> None:
        self.weights = weights
        self.loss = torch.full((members,), torch.inf, dtype=torch.float64, device="cpu")
        self.epoch = torch.zeros(members, dtype=torch.long, device="cpu")
        self.copies: list[Tensor] = []

    def update(self, loss: Tensor, epoch: int) -> None:
        loss = loss.reshape(-1).cpu().double()
        better = loss < self.loss
        if not bool(better.any()):
            return
        if not self.copies:
            self.copies = [weight.detach().clone() for weight in self.weights]
        self.loss = torch.where(better, loss, self.loss)
        self.epoch[better] = epoch
        for kept, weight in zip(self.copies, self.weights, strict=True):
            # a single member's weights may have any shape, as in a network made elsewhere
            chosen = better.to(weight.device) if len(better) > 1 else ...
            kept[chosen] = weight.detach()[chosen]

    def restore(self) -> None:
        with torch.no_grad():
            for kept, weight in zip(self.copies, self.weights, strict=False):
                weight.copy_(kept)


def _rate(
    optimizer: torch.optim.Optimizer, steps: int, lr: float, lr_end: float, schedule: Schedule
) -> torch.optim.lr_scheduler.LRScheduler:
    if schedule == "cosine":
        return torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps, eta_min=lr_end)
    return _OneCycle(optimizer, steps, lr, lr_end)


class _OneCycle(torch.optim.lr_scheduler.LRScheduler):
    """Half a cosine up from lr/25 to lr, then half a cosine down to lr_end.

    The numbers of PyTorch's ``OneCycleLR``, which divides by zero for nine steps, where its rise
    has no length, and for an end rate of zero.
    """

    def __init__(
        self, optimizer: torch.optim.Optimizer, steps: int, lr: float, lr_end: float
    ) -> None:
        self.top, self.steps, self.rates = 0.1 * (steps + 1) - 1, steps, (lr / 25, lr, lr_end)
        super().__init__(optimizer)

    def get_lr(self) -> list[float | Tensor]:
        first, highest, last = self.rates
        if self.top > 0 and self.last_epoch <= self.top:
            rate = _half_cosine(first, highest, self.last_epoch / self.top)
        else:
            part = (self.last_epoch - self.top) / (self.steps - self.top)
            rate = _half_cosine(highest, last, part)
        return [rate for _ in self.optimizer.param_groups]


def _half_cosine(start: float, end: float, part: float) -> float:
    return end + (start - end) / 2 * (math.cos(math.pi * part) + 1)


def _starts(network: nn.Module, rows: int, size: int) -> list[int]:
    """Where each batch of ``size`` rows begins."""
    starts = list(range(0, rows, size))
    foreign = any(isinstance(part, OneMember) for part in network.modules())
    if foreign and 1 < size < rows and rows % size == 1:
        starts.pop()
    return starts


def _batches(
    data: Sequence[Tensor], starts: list[int], shuffles: list[torch.Generator]
) -> list[list[Tensor]]:
    rows = len(data[0])
    # as they are, without the axis of members, where the caller asked for all rows at once
    if len(starts) == 1:
        return [list(data)]
    order = torch.stack([torch.randperm(rows, generator=g, device="cpu") for g in shuffles])
    order = order.to(data[0].device)
    ends = [*starts[1:], rows]
    return [[t[order[:, start:end]] for t in data] for start, end in zip(starts, ends, strict=True)]


def _held_out(terms: Terms, validation: Sequence[Tensor], step: int) -> Tensor:
    with torch.no_grad():
        parts = terms(*validation)
    values = torch.stack(list(parts.values()))
    _demand_finite(values[None], list(parts), step)
    return values.sum(0)


def _demand_finite(values: Tensor, names: list[str], first_step: int) -> None:
    """``values``: (steps, terms) or (steps, terms, K)."""
    bad = ~torch.isfinite(values)
    if not bool(bad.any()):
        return
    step, term = (int(i) for i in bad.nonzero()[0][:2])
    found = values[step, term].flatten().tolist()
    raise FloatingPointError(
        f"loss term {names[term]!r} became {found} at step {first_step + step}; "
        "lower the learning rate, or look for NaN in the data and for square roots or "
        "divisions at zero in the simulator"
    )
