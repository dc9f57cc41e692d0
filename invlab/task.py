"""The nouns of an inverse problem: simulator, task, training pairs and targets."""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from invlab import runtime
from invlab.pairs import Pairs, Targets
from invlab.priors import Box, Empirical, Prior, as_prior, certain_box, integer_mask
from invlab.priors.restricted import Restricted
from invlab.simulators.numpy_functions import UnknownShapeError, without_failed_rows
from invlab.validation import (
    one_a_row,
    require_count,
    require_dtype,
    require_flag,
    require_generator,
    require_labels,
    require_tensor,
)

__all__ = ["Pairs", "Simulator", "Targets", "Task", "without_held_out"]

# Failed targets are drawn again in at most so many rounds.
ROUNDS = 100
# Draws of a round at least, once a round has found no target; and how many may find none.
FEWEST, IN_VAIN = 64, 1000
# One draw tells the shape of y, and some more where that one fails.
SHAPE_DRAWS = (1, 8, 64)


class Simulator(nn.Module):
    """A forward map ``y = f(x)`` or ``y = f(x, c)``, written for batches.

    Subclass it when the map has constants: register them as buffers, so that ``.to(device)``
    moves them. Any callable with the same signature is accepted wherever a simulator is.

    Example:
        >>> import torch
        >>> import invlab
        >>> class Spring(invlab.Simulator):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.register_buffer("mass", torch.tensor(2.0))
        ...     def forward(self, x, c=None):  # stiffness to angular frequency
        ...         return (x / self.mass.to(x)).sqrt()
        >>> Spring()(torch.tensor([[8.0], [18.0]])).tolist()
        [[2.0], [3.0]]
    """

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Map unknowns ``(..., dx)``, and contexts ``(..., dc)``, to ``(..., *dy)``."""
        raise NotImplementedError(f"{type(self).__name__}: write forward(x, c=None) -> y")


class Task:
    """One inverse problem: a simulator, what is known of its unknowns, and how to name them.

    Args:
        name: a short name, used in messages and records.
        simulator: any callable ``f(x)`` or ``f(x, c)`` on batches.
        prior: law of the unknowns; what :func:`invlab.as_prior` takes.
        box: where answers are meant to lie; the prior's range if not given.
        context: law of the contexts c, for simulators that take one.
        labels: a name for each unknown, another for each.
        units: a unit for each unknown.
        differentiable: whether gradients of y with respect to x are right.
        noisy: whether equal unknowns may give different observations.

    Attributes:
        given_box: the box as it was given, None where it is the prior's range.

    Raises:
        TypeError: the simulator is not callable, the prior is no law, the box no Box, labels or
            units are no list, or ``differentiable`` or ``noisy`` not True or False.
        ValueError: a box, labels or units of the wrong number, or a label that comes twice.

    Example:
        >>> import torch
        >>> import invlab
        >>> def lens(x):  # radius and index to focal length
        ...     return x[..., :1] / (x[..., 1:] - 1)
        >>> task = invlab.Task("lens", lens, prior=invlab.Box([0.1, 1.3], [1.0, 1.9]))
        >>> task.simulate(torch.tensor([[0.5, 1.5]])).tolist()
        [[1.0]]
        >>> task.sample(100)
        Pairs(x: (100, 2), y: (100, 1))
    """

    def __init__(
        self,
        name: str,
        simulator: Callable[..., Tensor],
        prior: Any,
        *,
        box: Box | None = None,
        context: Any = None,
        labels: Sequence[str] | None = None,
        units: Sequence[str] | None = None,
        differentiable: bool = True,
        noisy: bool = False,
    ) -> None:
        if not callable(simulator):
            raise TypeError(f"{name}: simulator must be callable, got {type(simulator).__name__}")
        self.name = name
        self.simulator = simulator
        self.prior: Prior = as_prior(prior, f"{name}: prior")
        self.given_box = None if box is None else self._checked(box)
        self.box = self.prior.bounds if self.given_box is None else self.given_box
        # a law of any kind, such as one of a task's own with more to offer
        self.context: Any = None if context is None else as_prior(context, f"{name}: context")
        units = [""] * self.x_dim if units is None else units
        self.labels = require_labels(name, "labels", labels, self.x_dim)
        self.units = require_labels(name, "units", units, self.x_dim, distinct=False)
        self.differentiable = require_flag(f"{name}: differentiable", differentiable)
        self.noisy = require_flag(f"{name}: noisy", noisy)
        self._y_shape: tuple[int, ...] | None = None

    @classmethod
    def from_pairs(
        cls,
        pairs: Pairs,
        *,
        name: str,
        box: Box | None = None,
        prior: Any = None,
        labels: Sequence[str] | None = None,
        units: Sequence[str] | None = None,
    ) -> Task:
        """A task without a simulator, for data that exist.

        Args:
            pairs: the data.
            name: of the task.
            box: where answers are meant to lie; around the x of the pairs if not given.
            prior: law of the unknowns; one whose draws are rows of the pairs if not given.
            labels, units: as for a task; the labels of the pairs if not given. The same labels in
                another order put the unknowns into this order.

        Example:
            >>> import invlab
            >>> table = invlab.get_task("sine").sample(200)  # or invlab.Pairs.from_file(...)
            >>> task = invlab.Task.from_pairs(table, name="measured")
            >>> task.x_dim, task.y_shape, task.has_simulator
            (2, (1,), False)
        """
        if labels is not None:
            labels = require_labels(name, "labels", labels, pairs.x.shape[1])
            pairs = pairs.in_order_of(labels)
        task = Task(
            name,
            _NoSimulator(name),
            Empirical(pairs.x) if prior is None else prior,
            box=Box.around(pairs.x) if box is None else box,
            context=None if pairs.c is None else Empirical(pairs.c),
            labels=pairs.labels if labels is None else labels,
            units=units,
            differentiable=False,
        )
        task._y_shape = tuple(pairs.y.shape[1:])
        return task

    def __repr__(self) -> str:
        return f"Task({self.name!r}, x: {self.x_dim}, prior={self.prior})"

    @property
    def x_dim(self) -> int:
        """Number of unknowns, dx."""
        return self.prior.dim

    @property
    def c_dim(self) -> int:
        """Number of contexts, dc; 0 where the simulator takes none."""
        return 0 if self.context is None else self.context.dim

    @property
    def integer(self) -> Tensor:
        """Which unknowns are whole numbers, as a mask ``(dx,)`` on the CPU."""
        return integer_mask(self.prior)

    @property
    def repeats(self) -> bool:
        """Whether equal draws are the rule, since all unknowns are whole numbers.

        Such rows may stand among learned and held-out pairs alike, as a fresh one would.
        """
        return bool(self.integer.all())

    @property
    def answer_box(self) -> Box | None:
        """Where answers lie for certain, by the box that was given or where the prior ends.

        None where an unbounded prior says nothing: its range, such as 95 % of a normal law, gives
        the scale of x, and one target in twenty lies beyond it.
        """
        return certain_box(self.prior) if self.given_box is None else self.given_box

    @property
    def has_simulator(self) -> bool:
        """Whether the task can simulate; one made by :meth:`from_pairs` cannot."""
        return not isinstance(self.simulator, _NoSimulator)

    @property
    def y_shape(self) -> tuple[int, ...]:
        """Shape ``dy`` of one observation; the first time, it may cost a simulation.

        Raises:
            ValueError: there is no simulator; and whatever the simulator raises.
        """
        if self._y_shape is None:
            self._y_shape = self._shape_of(*SHAPE_DRAWS)
        return self._y_shape

    def _shape_of(self, n: int, *more: int) -> tuple[int, ...]:
        """From ``n`` draws; from more where all of them failed before one had a shape."""
        try:
            with without_failed_rows():
                pairs = self.sample(n, generator=runtime.generator(0, self.name, "shape"))
        except UnknownShapeError:
            if more:
                return self._shape_of(*more)
            raise
        return tuple(pairs.y.shape[1:])

    def note_shape(self, y: Tensor) -> None:
        """Keep the shape of one observation that came by, which spares a simulation later."""
        self._y_shape = tuple(y.shape)

    def simulate(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Run the simulator on checked input.

        Args:
            x: unknowns, shape ``(..., dx)``; c: contexts, shape ``(..., dc)``.

        Returns:
            Observations of shape ``(..., *dy)`` with the dtype and on the device of ``x``.

        Raises:
            TypeError: ``x`` is not a floating-point tensor, the simulator returns no tensor, or it
                computes in a dtype of its own.
            ValueError: wrong shape, no rows, NaN, a context missing or on another device, no
                simulator, or one that returns another number of rows.
        """
        require_tensor(f"{self.name}: x", x, ("...", self.x_dim))
        if self.context is None:
            if c is not None:
                raise ValueError(f"{self.name}: this task takes no context c, got one")
            return self._run(x)
        if c is None:
            raise ValueError(
                f"{self.name}: this task needs a context c of shape (..., {self.context.dim})"
            )
        require_tensor(f"{self.name}: c", c, ("...", self.context.dim), device=x.device)
        return self._run(x, one_a_row(f"{self.name}: c", x, c))

    def sample(
        self,
        n: int,
        *,
        generator: torch.Generator | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> Pairs:
        """``n`` training pairs: unknowns from the prior and what they cause.

        The generator decides the noise of y too, where that comes from torch's global one, which
        is left as it was.

        Args:
            n: number of pairs, at least 1.
            generator: CPU generator; a fresh one of seed 0 if not given.
            dtype: float32 for training (default), float64 for optimisation.

        Returns:
            Pairs on ``runtime.device()``, without a graph. Invalid rows are kept;
            ``valid(pairs.y)`` marks them.
        """
        generator = runtime.generator(0, self.name, "sample") if generator is None else generator
        drawn = self.draw(n, generator=generator, dtype=dtype)
        # a peek: what is drawn from the generator next does not depend on the noise here
        with runtime.seeded(runtime.next_seed(generator, peek=True)), torch.no_grad():
            y = self.simulate(*drawn)
        return Pairs(drawn[0], y, *drawn[1:])

    def draw(
        self, n: int, *, generator: torch.Generator, dtype: torch.dtype = torch.float32
    ) -> list[Tensor]:
        """Inputs of the simulator, from their laws: ``[x]`` or ``[x, c]``, ``(n, ...)`` each."""
        n = require_count("n", n)
        require_generator(f"{self.name}: generator", generator)
        require_dtype(f"{self.name}: dtype", dtype)
        laws = {"prior": self.prior} | ({} if self.context is None else {"context": self.context})
        drawn = {name: law.sample(n, generator=generator) for name, law in laws.items()}
        for name, law in laws.items():
            if not isinstance(drawn[name], Tensor) or drawn[name].shape != (n, law.dim):
                kind, shape = type(drawn[name]).__name__, getattr(drawn[name], "shape", None)
                raise ValueError(
                    f"{self.name}: {name}: sample({n}) of {type(law).__name__} must give a torch "
                    f"tensor of shape ({n}, {law.dim}), got {kind}"
                    + ("" if shape is None else f" of shape {tuple(shape)}")
                )
        return [values.to(runtime.device(), dtype) for values in drawn.values()]

    def targets(self, k: int, *, seed: int, dtype: torch.dtype = torch.float32) -> Targets:
        """``k`` fresh targets to invert, drawn from a stream that training never uses.

        Draws whose y is not valid are drawn again.

        Args:
            k: number of targets, at least 1.
            seed: any integer; it decides the noise too, where that is torch's.
            dtype: of the tensors.

        Raises:
            ValueError: too few draws of the prior give a valid y; the message says which share.
        """
        k = require_count("k", k)
        generator = runtime.generator(seed, self.name, "targets")
        parts: list[Pairs] = []
        found = drawn = 0
        for _ in range(ROUNDS):
            # as many as are missing, and more where some will fail
            wanted = min(k, math.ceil((k - found) * drawn / max(found, 1))) if drawn else k
            if drawn and not found:  # few targets are no reason to give up early
                if drawn >= max(IN_VAIN, ROUNDS * k):
                    break
                wanted = max(wanted, FEWEST)
            with without_failed_rows():
                pairs = self.sample(wanted, generator=generator, dtype=dtype)
            valid = self._valid_rows(pairs.y)
            drawn, found = drawn + wanted, found + int(valid.sum())
            parts += [pairs[valid]] if bool(valid.any()) else []
            if found >= k:
                return _first_targets(parts, k)
        raise ValueError(
            f"{self.name}: expected {k} targets with a valid y, but only {found} of {drawn} draws "
            f"of the prior give one ({100 * found / drawn:.2g} %); narrow the prior to where the "
            "simulator works"
        )

    def valid(self, y: Tensor) -> Tensor:
        """Which observations are usable: all finite.

        Args:
            y: observations with their own axes, ``(..., *dy)``, or flattened, ``(..., dy)``.

        Returns:
            A mask ``(...)``, one entry an observation.

        Raises:
            ValueError: y is of another shape than this task's observations.
        """
        own = self.y_shape
        if len(own) != 1 and tuple(y.shape[y.ndim - len(own) :]) == own:
            return torch.isfinite(y).flatten(-len(own)).all(-1)
        if y.ndim > 0 and y.shape[-1] == math.prod(own):
            return torch.isfinite(y).all(-1)
        shape = ", ".join(map(str, own))
        raise ValueError(f"{self.name}: y: expected shape (..., {shape}), got {tuple(y.shape)}")

    def usable(self, data: Pairs) -> Pairs:
        """The pairs whose y is valid; every method learns from these alone.

        Unknowns that the pairs name as the task does, in another order, are put into its order.

        The shape of y that they show is not kept: they may be another task's.

        Raises:
            ValueError: there is none.

        Warns:
            UserWarning: how many were left out.
        """
        data = data.in_order_of(self.labels)
        before = self._y_shape
        if before is None:  # spares a simulation
            self.note_shape(data.y[0])
        try:
            valid = self._valid_rows(data.y)
        finally:
            self._y_shape = before
        lost = int((~valid).sum())
        if lost == len(data):
            raise ValueError(f"{self.name}: expected pairs with a valid y, got {lost} invalid ones")
        if lost:
            message = f"{self.name}: {lost} of {len(data)} pairs left out, their y is invalid"
            warnings.warn(message, stacklevel=2)
        return data[valid] if lost else data

    def _valid_rows(self, y: Tensor) -> Tensor:
        """``valid(y)`` of observations ``(N, *dy)``: a mask ``(N,)``."""
        mask = self.valid(y)
        if mask.shape != y.shape[:1]:
            raise ValueError(
                f"{self.name}: valid(y) must give one entry an observation, shape ({len(y)},) for "
                f"y of shape {tuple(y.shape)}, but gave {tuple(mask.shape)}"
            )
        return mask

    def traced(self, *inputs: Tensor) -> Tensor:
        """The simulator itself, unchecked, as searches call it that differentiate it.

        One with gradients of its own, such as forces of a potential, takes them under
        ``torch.no_grad()`` too.

        Raises:
            TypeError: it computes in a dtype of its own, or takes one row alone.
            RuntimeError: it would have ended Python.
        """
        try:
            return self.simulator(*inputs)
        except SystemExit as error:
            raise RuntimeError(
                f"{self.name}: the simulator ended by sys.exit({error.code})"
            ) from error
        except RuntimeError as error:
            if "same dtype" in str(error) or "expected scalar type" in str(error):
                raise TypeError(
                    f"{self.name}: the simulator computes in a dtype of its own, and got x in "
                    f"{inputs[0].dtype} ({error}); bring its constants to x, as by weight.to(x)"
                ) from error
            if "Boolean value of Tensor" in str(error):
                raise TypeError(
                    f"{self.name}: the simulator asks whether a whole batch is true ({error}); a "
                    "function of one row goes through invlab.numpy_simulator, and torch.where "
                    "chooses row by row"
                ) from error
            if torch.is_grad_enabled() or "does not require grad" not in str(error):
                raise
            with runtime.differentiable(), torch.enable_grad():
                return self.simulator(*map(runtime.normal_tensor, inputs)).detach()

    def _run(self, *inputs: Tensor) -> Tensor:
        # copies: a simulator may work in place, and its y may be the x that it was given
        inputs = tuple(given.clone() for given in inputs)
        y = self.traced(*inputs)
        if not isinstance(y, Tensor):
            raise TypeError(
                f"{self.name}: the simulator must return a torch tensor, got {type(y).__name__}; "
                "wrap a NumPy function by invlab.numpy_simulator"
            )
        lead = inputs[0].shape[:-1]
        if y.shape[: len(lead)] != lead:
            raise ValueError(
                f"{self.name}: the simulator must keep the leading shape of x, "
                f"{tuple(inputs[0].shape)}, but returned {tuple(y.shape)}; wrap a function of one "
                "row by invlab.numpy_simulator"
            )
        self.note_shape(y[(0,) * len(lead)])
        # a copy: a simulator may give its own memory, which its next call overwrites
        return y if y.requires_grad else y.clone()

    def _checked(self, box: Any) -> Box:
        if not isinstance(box, Box):
            raise TypeError(f"{self.name}: box: expected an invlab.Box, got {type(box).__name__}")
        if box.dim != self.x_dim:
            raise ValueError(
                f"{self.name}: expected a box of {self.x_dim} unknowns like the prior, "
                f"got one of {box.dim}"
            )
        return box


class _NoSimulator:
    """In place of a simulator, for a task that is made from pairs."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, *inputs: Tensor) -> Tensor:
        raise ValueError(
            f"{self.name}: this task was made from pairs and has no simulator; "
            "give Task(...) one, or keep some pairs for testing by pairs.split(0.1)"
        )


def without_held_out(task: Task, learned: Pairs) -> Task:
    """A task around pairs whose prior draws the rows that may be learned from, and no others.

    Any other task is returned as it is.
    """
    law = task.prior
    if task.has_simulator or not isinstance(getattr(law, "law", law), Empirical):
        return task
    task, rows = copy.copy(task), Empirical(learned.x)
    task.prior = rows
    if isinstance(law, Restricted):
        task.prior = Restricted(rows, box=law.box, condition=law.condition)
    return task


def _first_targets(parts: list[Pairs], k: int) -> Targets:
    if len(parts) > 1:
        x, y = (torch.cat([getattr(part, name) for part in parts]) for name in "xy")
        c = (
            torch.cat([part.c for part in parts if part.c is not None])
            if parts[0].c is not None
            else None
        )
    else:
        x, y, c = parts[0].x, parts[0].y, parts[0].c
    return Targets(y[:k], None if c is None else c[:k], x[:k])
