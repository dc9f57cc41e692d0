"""What a method is, and the inverse network that several of them train."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Literal, Protocol, Self, Unpack

import torch
from torch import Tensor, nn

from invlab import runtime
from invlab.losses import Norm
from invlab.networks.mlp import MLP, ScaledNetwork, Standardizer
from invlab.networks.training import History, TrainingOptions
from invlab.surrogates.regression import Surrogate, build_surrogate
from invlab.task import Pairs, Task
from invlab.validation import batch_shape, require_count, require_tensor

__all__ = ["InverseNetwork", "Method", "Seeds", "require_request", "usable_pairs"]

# One seed trains one network; several seeds train as members of one batched network.
Seeds = int | Sequence[int]


class Method(Protocol):
    """An inverse method: learn from a task's pairs, then propose unknowns for new targets."""

    @property
    def exchangeable(self) -> bool:
        """Whether the order of its guesses means nothing, as for independent draws."""

    def fit(self, task: Task, data: Pairs, *, seed: Seeds = 0) -> Self:
        """Learn from the pairs and return the method itself."""

    def propose(
        self,
        y: Tensor,
        n: int = 1,
        c: Tensor | None = None,
        *,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """``n`` guesses for each target: ``(B, *dy)`` to ``(B, n, dx)``."""


class InverseNetwork(nn.Module):
    """I: y → x, one answer a target. The subclasses differ in the loss that trains it.

    Where the task has a context and the method takes one, the network is I: (y, c) → x.

    Args:
        norm: ``"l1"`` or ``"l2"``.
        width: units of each hidden layer.
        layers: linear layers of I; the paper has eleven.
        activation: between them, and in f̂ where the method has one.
        x_scaler, y_scaler: scales that the networks see x and y in; mean and standard
            deviation of the training data if not given.
        held_out: share of the pairs kept for validation; its best weights are restored.
        training: passed on to :func:`invlab.networks.training.train`.
    """

    exchangeable = False
    # Linear layers of f̂, where the method trains one.
    surrogate_layers: int | None = None
    # What the loss compares: unknowns ("x") or their effect ("y").
    measures: Literal["x", "y"] = "y"
    # Whether the network may see a context beside y.
    takes_context = False

    def __init__(
        self,
        *,
        norm: Norm = "l2",
        width: int = 64,
        layers: int = 11,
        activation: Callable[[Tensor], Tensor] = torch.relu,
        x_scaler: Standardizer | None = None,
        y_scaler: Standardizer | None = None,
        held_out: float = 0.0,
        **training: Unpack[TrainingOptions],
    ) -> None:
        super().__init__()
        if norm not in ("l1", "l2"):
            raise ValueError(f"norm: expected 'l1' or 'l2', got {norm!r}")
        self.norm = norm
        self.width = require_count("width", width)
        self.layers = require_count("layers", layers)
        self.activation = activation
        self.x_scaler, self.y_scaler = x_scaler, y_scaler
        self._given = x_scaler is not None, y_scaler is not None
        self.c_scaler: Standardizer | None = None
        self.c_dim = 0
        self.held_out = held_out
        self.training_options = training
        self.history: dict[str, History] = {}
        self.surrogate: Surrogate | None = None  # f̂, where the method trains one

    @property
    def name(self) -> str:
        """Name in the registry: the file's name."""
        return type(self).__module__.rsplit(".", 1)[-1]

    def build(self, x_dim: int, y_dim: int, *, seeds: Sequence[int] = (0,), c_dim: int = 0) -> Self:
        """Make the untrained networks; call it before ``load_state_dict`` on a new instance."""
        self.x_scaler = self.x_scaler or Standardizer.identity(x_dim)
        self.y_scaler = self.y_scaler or Standardizer.identity(y_dim)
        self.c_dim = c_dim
        seen = self.y_scaler
        if c_dim:
            self.c_scaler = self.c_scaler or Standardizer.identity(c_dim)
            seen = seen.beside(self.c_scaler)
        sizes = [y_dim + c_dim, *[self.width] * (self.layers - 1), x_dim]
        core = MLP(sizes, seeds=seeds, stream="inverse", activation=self.activation)
        self.inverse = ScaledNetwork(core, seen, self.x_scaler)
        if self.surrogate_layers is not None:
            self.surrogate = build_surrogate(
                self.x_scaler,
                self.y_scaler,
                seeds=seeds,
                width=self.width,
                layers=self.surrogate_layers,
                activation=self.activation,
            )
        return self

    def fit(self, task: Task, data: Pairs, *, seed: Seeds = 0) -> Self:
        """Train on pairs. Several seeds train together; :meth:`member` takes one out."""
        raise NotImplementedError(f"{type(self).__name__}: write fit(task, data, *, seed)")

    def invert(self, y: Tensor, c: Tensor | None = None) -> Tensor:
        """Answers of all members: targets ``(B, *dy)`` to ``(K, B, dx)``, in the dtype of y."""
        return self._answers(y, 1, c)

    def _answers(self, y: Tensor, n: int, c: Tensor | None) -> Tensor:
        like = self.inverse.inputs.shift if hasattr(self, "inverse") else None
        like = None if like is None else like[: len(like) - self.c_dim]
        flat = require_request(self.name, y, n, c, like=like, c_dim=self.c_dim)
        with torch.no_grad():
            return self.inverse(self._seen(flat.float(), c)).to(y.dtype)

    def _seen(self, y: Tensor, c: Tensor | None) -> Tensor:
        """What the network sees: ``(..., dy)``, with ``(..., dc)`` behind it where there is one."""
        return y if c is None else torch.cat([y, c.to(y)], -1)

    def propose(
        self,
        y: Tensor,
        n: int = 1,
        c: Tensor | None = None,
        *,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """The answer for each target, repeated ``n`` times: ``(B, n, dx)``.

        The network is deterministic: more guesses of it are copies, and say so by being equal.

        Raises:
            ValueError: not fitted, ``n < 1``, a context that is missing or not taken, several
                members, or targets of the wrong shape, device or with NaN.
        """
        answers = self._answers(y, n, c)
        if len(answers) > 1:
            raise ValueError(f"{self.name}: holds {len(answers)} members; take one with .member(k)")
        return answers[0].unsqueeze(1).expand(-1, n, -1)

    def member(self, k: int) -> Self:
        """A copy that holds the networks of the k-th seed alone."""
        single = copy.copy(self)
        single._modules = dict(self._modules)
        single.inverse = self.inverse.member(k)
        if self.surrogate is not None:
            single.surrogate = self.surrogate.member(k)
        return single

    def _prepare(
        self, task: Task, data: Pairs, seed: Seeds
    ) -> tuple[list[int], Pairs, Pairs | None]:
        """Seeds, training pairs and held-out pairs; scales fitted on the training pairs alone."""
        seeds = [seed] if isinstance(seed, int) else list(seed)
        data = usable_pairs(self.name, task, data, takes_context=self.takes_context)
        c = None if data.c is None else data.c.float()
        data = Pairs(data.x.float(), data.y.float().flatten(1), c)
        kept: Pairs = data
        validation: Pairs | None = None
        if self.held_out:
            shuffle = runtime.generator(0, "held out")
            kept, validation = data.split(self.held_out, generator=shuffle)
        if not self._given[0]:
            self.x_scaler = Standardizer.fit(kept.x)
        if not self._given[1]:
            self.y_scaler = Standardizer.fit(kept.y)
        self.c_scaler = None if kept.c is None else Standardizer.fit(kept.c)
        c_dim = 0 if kept.c is None else kept.c.shape[1]
        self.build(kept.x.shape[1], kept.y.shape[1], seeds=seeds, c_dim=c_dim)
        self.to(kept.x.device)
        return seeds, kept, validation


def require_request(
    name: str,
    y: Tensor,
    n: int,
    c: Tensor | None,
    *,
    like: Tensor | None,
    c_dim: int = 0,
) -> Tensor:
    """Check what ``propose`` was asked, for a method called ``name``.

    Args:
        name: of the method, for messages.
        y: targets, ``(B, *dy)``.
        n: guesses a target.
        c: contexts, ``(B, c_dim)``; None for a method that takes none, or whose task has none.
        like: one number for each number of a target, on the device that targets should be on;
            None before the method is fitted.
        c_dim: numbers of a context.

    Returns:
        The targets as ``(B, dy)``.

    Raises:
        TypeError, ValueError: says which of these is wrong.
    """
    require_count(f"{name}: n", n)
    if c is not None and not c_dim:
        raise ValueError(f"{name}: takes no context c, got one")
    if like is None:
        raise ValueError(f"{name}: call fit(task, data) before asking for answers")
    require_tensor(f"{name}: y", y, batch_shape(y), device=like.device)
    flat = require_tensor(f"{name}: y", y.flatten(1), ("B", len(like)))
    if c_dim:
        if c is None:
            raise ValueError(f"{name}: needs a context c of shape (B, {c_dim}), got none")
        require_tensor(f"{name}: c", c, (len(y), c_dim), device=y.device)
    return flat


def usable_pairs(name: str, task: Task, data: Pairs, *, takes_context: bool = False) -> Pairs:
    """The pairs with a valid y, of a method called ``name``.

    Raises:
        ValueError: a context where the method takes none, or one that does not fit the task, or
            pairs with the unknowns of another task.
    """
    if not takes_context and (data.c is not None or task.context is not None):
        raise ValueError(f"{name}: takes no context c, but the task or the data has one")
    wanted = 0 if task.context is None else task.context.dim
    came = 0 if data.c is None else data.c.shape[1]
    if wanted != came:
        raise ValueError(
            f"{name}: expected pairs with the {wanted} context numbers of {task.name}, got {came}"
        )
    if data.x.shape[1] != task.x_dim:
        raise ValueError(
            f"{name}: expected pairs with the {task.x_dim} unknowns of {task.name}, "
            f"got {data.x.shape[1]}"
        )
    return task.usable(data)
