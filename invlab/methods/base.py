"""What a method is: fit it to pairs, then ask it for the unknowns behind new observations."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import torch
from torch import Tensor, nn

from invlab import runtime
from invlab.improve import require_slope
from invlab.methods.options import require_options
from invlab.networks.training import History
from invlab.pairs import EmptyPart, require_pairs
from invlab.priors import Box, integer_mask
from invlab.priors.box import nearest_whole, whole_edges
from invlab.task import Pairs, Task
from invlab.validation import (
    batch_shape,
    is_integer,
    require_axes,
    require_count,
    require_generator,
    require_seed,
    require_tensor,
)

__all__ = [
    "Bounds",
    "Method",
    "Seeds",
    "require_differentiable",
    "require_request",
    "split_for_validation",
    "usable_pairs",
]

# One seed trains one network; several seeds train as members of one batched network.
Seeds = int | Sequence[int]
# What a method says that was stopped too early.
INTERRUPTED = (
    "interrupted before it had learned anything to answer with; call fit(task, data) again"
)
# What becomes of a guess outside of the box, see Method.
Bounds = Literal["clip", "reject", "free"]


class Method(nn.Module):
    """An inverse method: learn from a task's pairs, then propose unknowns for new targets.

    Args:
        bounds: what happens to a guess outside of :attr:`box`: ``"clip"`` moves it to the nearest
            point of the box, ``"free"`` leaves it; samplers also know ``"reject"``.

    Attributes:
        name: in the registry.
        exchangeable: whether the order of its guesses means nothing, as for independent draws.
        takes_context: whether it may be given a context c.
        needs_gradient: whether it differentiates the true simulator.
        gives_density: whether it has :meth:`log_density`.
        calls_simulator: whether it calls the true simulator, so that it has to be given a task.
        options: as given.
        facts: what it was fitted to: ``task``, ``pairs``, ``x_dim``, ``y_shape``, ``c_dim``,
            ``seeds``, ``box``, ``whole``, and what a subclass adds; empty before. All of it is
            saved.
        history: one entry a training, in order; empty for what trains nothing.

    A subclass is a file of its own and a line in ``methods/__init__.py``. It writes:

    * ``name``, and the attributes above where they differ; one that depends on an option is set
      in ``__init__``;
    * ``__init__(self, *, its own options, **options)``, which checks their values, and calls
      ``super().__init__(**{**TheClass.defaults, **options})``. ``defaults`` are the options of its
      bases that it sets differently. Names of options are checked before, against the signatures;
    * :meth:`assemble`: make the untrained parts, in the sizes of ``facts``;
    * :meth:`learn`: train on checked pairs, and fill ``history``;
    * :meth:`guess`: unknowns for checked targets; :meth:`density` if it has one; and
      :meth:`attach` if it proposes by calling the simulator.

    Everything that a guess takes is a parameter or a buffer, or an entry of ``facts`` made of
    numbers, words, lists, a :class:`~invlab.priors.Box` or another prior: so it can be saved.
    """

    name: str = "method"
    exchangeable: bool = False
    takes_context: bool = True
    needs_gradient: bool = False
    gives_density: bool = False
    calls_simulator: bool = False
    # Whether one fit may train several networks, one a seed.
    several_seeds: ClassVar[bool] = False
    # Whether sizes and tensors are all that it needs, so that build and load_state_dict make it.
    all_in_tensors: ClassVar[bool] = True
    # The words that the option ``bounds`` may be.
    bounds_known: ClassVar[tuple[Bounds, ...]] = ("clip", "free")
    # Options of the base classes that a class sets differently.
    defaults: ClassVar[dict[str, Any]] = {}
    options: dict[str, Any]

    def __new__(cls, *arguments: Any, **options: Any) -> Self:
        """Check the names of the options, and keep them as they were given."""
        if arguments:
            raise TypeError(f"{cls.name}: options are keywords, got {arguments!r} without one")
        require_options(cls.name, cls, options)
        made = super().__new__(cls)
        # the caller's dictionaries may change afterwards
        made.__dict__["options"] = {
            name: copy.deepcopy(dict(value)) if isinstance(value, Mapping) else value
            for name, value in options.items()
        }
        return made

    def __init__(self, *, bounds: Bounds = "clip") -> None:
        super().__init__()
        if bounds not in self.bounds_known:
            raise ValueError(
                f"bounds: expected one of {', '.join(map(repr, self.bounds_known))}, got {bounds!r}"
            )
        self.bounds = bounds
        self.facts: dict[str, Any] = {}
        self.history: dict[str, History] = {}
        self._interrupted = False  # before there was anything to answer with

    # -- what a subclass writes ------------------------------------------------------------

    def assemble(self) -> None:
        """Make the untrained parts for ``facts``: ``x_dim``, ``y_shape``, ``c_dim``, ``seeds``.

        Buffers whose size depends on the data may be empty here; they take the size that they
        have in a file. Networks are float32, whatever the default dtype is.
        """

    def learn(self, task: Task, data: Pairs, seeds: list[int], **more: Any) -> None:
        """Learn from pairs.

        Args:
            task: gives prior and box. Its simulator is called by a method with
                ``calls_simulator`` alone.
            data: pairs with a valid y, detached, float32 or float64 as they came, y in its own
                shape. They are not to be changed.
            seeds: one; or several for a method with ``several_seeds``.
            more: what the subclass's ``fit`` takes beside.
        """
        raise NotImplementedError(f"{type(self).__name__}: write learn(task, data, seeds)")

    def guess(
        self,
        y: Tensor,
        n: int,
        c: Tensor | None,
        *,
        generator: torch.Generator | None,
        box: Box | None,
    ) -> Tensor:
        """``n`` guesses for each target, in any floating-point dtype: ``(B, n, dx)``.

        Args:
            y: targets, checked and flat, ``(B, dy)``, float32 or float64 as they came.
            n: at least 1.
            c: contexts, checked, ``(B, dc)``, or None.
            generator: as given.
            box: where the guesses should lie; None where everywhere. What still lies outside is
                clipped afterwards.
        """
        raise NotImplementedError(f"{type(self).__name__}: write guess(y, n, c, ...)")

    def density(self, x: Tensor, y: Tensor, c: Tensor | None) -> Tensor:
        """Log of p(x | y, c) in the units of x, ``(B, n)``.

        Args:
            x: ``(B, n, dx)``; y: ``(B, dy)``, flat; c: ``(B, dc)`` or None; all checked.
        """
        raise NotImplementedError(f"{type(self).__name__}: write density(x, y, c)")

    def attach(self, task: Task | None) -> None:
        """Take from the task what a file cannot hold, after reading one; here nothing is needed."""

    # -- what they share -------------------------------------------------------------------

    @property
    def box(self) -> Box | None:
        """The box in which proposals stay, of the task or of its prior; None without an edge."""
        return self.facts.get("box")

    @property
    def device(self) -> torch.device | None:
        """Where its tensors live; None if it has none."""
        tensor = next(itertools.chain(self.parameters(), self.buffers()), None)
        return None if tensor is None else tensor.device

    def fit(self, task: Task | None, data: Pairs, *, seed: Seeds = 0) -> Self:
        """Learn from the pairs with a valid y, and return the method itself.

        Args:
            task: gives the prior and the box. None for data without a simulator: what is needed
                is then read from the pairs, by :meth:`invlab.Task.from_pairs`.
            data: pairs; neither they nor the task are changed.
            seed: of everything random in it, an integer; several for a method that trains a
                network each.

        Torch's global generators are left as they were; inside they follow from the seed, as the
        noise of a simulator may and the dropout of a network of your own.

        Raises:
            TypeError, ValueError: pairs that do not fit the task, a context that is not taken, no
                task or no gradient where one is needed, or several seeds where one is.
            KeyboardInterrupt: it was interrupted. In its last training, after an epoch, it keeps
                the best weights so far, and :attr:`history` and ``repr`` say so; before, as in the
                first stage of ``tandem``, it is not fitted, and says that when it is asked.
        """
        return self._fit(task, data, seed)

    @runtime.differentiable()
    def _fit(self, task: Task | None, data: Pairs, seed: Seeds, **more: Any) -> Self:
        """What every ``fit`` does; ``more`` is handed on to :meth:`learn`."""
        seeds = self._require_seeds(seed)
        task = self._require_task(task, data)
        data = usable_pairs(self.name, task, data, takes_context=self.takes_context)
        data = Pairs(_plain(data.x), _plain(data.y), None if data.c is None else _plain(data.c))
        if self.needs_gradient:
            require_slope(task, data.x, data.c)
        self.history, self._interrupted = {}, False
        self.facts = facts_of(task, data, seeds)
        try:
            with runtime.seeded(runtime.next_seed(self._not_ours(seeds))):
                self.learn(task, data, seeds, **more)
        except KeyboardInterrupt as error:
            # the last training leaves its best weights; before it there is nothing to answer with
            if not (self.history and [*self.history.values()][-1].terms):
                self.facts, self.history, self._interrupted = {}, {}, True
                error.add_note(f"{self.name}: {INTERRUPTED}")
            raise
        except BaseException:
            self.facts = {}
            raise
        return self

    def _not_ours(self, seeds: Sequence[int]) -> torch.Generator:
        """Random numbers for code that draws from torch's global generator, which ours never does.

        They follow from the seeds of :meth:`fit`.
        """
        first, *others = seeds
        return runtime.generator(first, self.name, "not ours", *others)

    def build(
        self,
        x_dim: int,
        y_shape: int | Sequence[int],
        *,
        c_dim: int = 0,
        seeds: Sequence[int] = (0,),
    ) -> Self:
        """Make the untrained parts; call it before ``load_state_dict`` on a new instance.

        Args:
            x_dim: number of unknowns.
            y_shape: of an observation, or its length.
            c_dim: numbers of a context.
            seeds: one, or one for each network that trains beside the others.

        Raises:
            TypeError: a method that also remembers pairs, the prior or the task, such as
                ``nearest``, ``neural_adjoint`` and the searches: these are read from a file.
        """
        if not self.all_in_tensors:
            raise TypeError(
                f"{self.name}: remembers more than a state_dict holds, such as pairs, the prior or "
                "the task, so that build has no use; use save(path) and invlab.load_method(path)"
            )
        shape = [y_shape] if isinstance(y_shape, int) else list(y_shape)
        self.facts = self.facts | {
            "x_dim": require_count("x_dim", x_dim),
            "y_shape": shape,
            "c_dim": c_dim,
            "seeds": list(seeds),
        }
        self.assemble()
        self.eval()  # a module of the user's may answer otherwise while it trains
        return self

    @runtime.differentiable()
    def propose(
        self,
        y: Tensor,
        n: int = 1,
        c: Tensor | None = None,
        *,
        bounds: Box | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """``n`` guesses for each target: ``(B, *dy)`` to ``(B, n, dx)``.

        Args:
            y: targets.
            n: guesses a target, at least 1.
            c: contexts, ``(B, dc)``, where the task has one.
            bounds: a smaller box for this call, inside :attr:`box`.
            generator: CPU generator of what is random; the same guesses at each call if not given.

        Returns:
            A tensor of its own, in the dtype and on the device of y.

        Raises:
            TypeError, ValueError: not fitted, ``n < 1``, a context that is missing or not taken,
                a box that does not fit, a generator that is none, or targets of the wrong shape,
                device or with NaN.
        """
        flat = self._require_request(y, n, c)
        require_generator(f"{self.name}: generator", generator)
        box = self._box_for(bounds)
        c = None if c is None else _plain(c)
        x = self.guess(flat, require_count("n", n), c, generator=generator, box=box)
        x = self.whole(x.detach()).to(y.dtype)
        return (x if box is None else _clip(x, *self._edges(box))).contiguous()

    @property
    def most(self) -> int | None:
        """How many guesses a target can have; None for any number."""
        return None

    @runtime.differentiable()
    def log_density(self, x: Tensor, y: Tensor, c: Tensor | None = None) -> Tensor:
        """Natural logarithm of p(x | y) in the units of x: ``(B, n, dx)`` to ``(B, n)``.

        Args:
            x: unknowns, several a target.
            y: targets, ``(B, *dy)``.
            c: contexts, ``(B, dc)``, where the task has one.

        Raises:
            TypeError: the method has no density.
            ValueError: as :meth:`propose`, or unknowns of another shape.
        """
        if not self.gives_density:
            raise TypeError(f"{self.name}: has no density; gives_density says which methods do")
        flat = self._require_request(y, 1, c)
        shape = (len(y), "n", self.facts["x_dim"])
        require_tensor(f"{self.name}: x", x, shape, device=y.device)
        c = None if c is None else _plain(c)
        return self.density(_plain(x), flat, c).detach().to(x.dtype)

    def save(self, path: str | Path) -> None:
        """Write the fitted method to a file, whole or not at all; see :func:`invlab.load_method`.

        The file holds tensors (safetensors) and words (JSON), and no code.

        Raises:
            ValueError: not fitted.
            TypeError: an option that is code of your own, which no file can hold.
        """
        from invlab.methods.storage import save  # it reads methods too

        save(self, path)

    def __repr__(self) -> str:
        options = ", ".join(f"{name}={_brief(value)}" for name, value in self.options.items())
        return f"{type(self).__name__}({options}), {self._fitted_to()}"

    def _fitted_to(self) -> str:
        facts = self.facts
        if "pairs" not in facts:
            return f"not trained, {INTERRUPTED}" if self._interrupted else "not trained"
        numbers = math.prod(facts["y_shape"])
        sizes = f"{_count(facts['x_dim'], 'unknown')}, {_count(numbers, 'number')} of y"
        if facts["c_dim"]:
            sizes += f", {_count(facts['c_dim'], 'number')} of c"
        seeds = facts["seeds"]
        seed = f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds {', '.join(map(str, seeds))}"
        what = "trained on" if self.history else "fitted to"
        if any(history.stopped == "interrupted" for history in self.history.values()):
            what = "interrupted while it trained on"
        return f"{what} {facts['pairs']} pairs of {facts['task']} ({sizes}), {seed}"

    def whole(self, x: Tensor) -> Tensor:
        """x, with the nearest whole number where the prior has whole numbers: ``(..., dx)``."""
        mask = self.facts.get("whole")
        return nearest_whole(x, torch.tensor(mask, device="cpu")) if mask else x

    def _edges(self, box: Box) -> tuple[Tensor, Tensor]:
        """Lower and upper edge of a box, at whole numbers for unknowns that are whole numbers."""
        mask = self.facts.get("whole")
        if not mask:
            return box.low, box.high
        try:
            return whole_edges(box, torch.tensor(mask, device="cpu"))
        except ValueError as error:
            raise ValueError(f"{self.name}: {error}") from None

    def _require_seeds(self, seed: Seeds) -> list[int]:
        name = f"{self.name}: seed"
        if is_integer(seed) or isinstance(seed, str | bool | float | None):
            return [require_seed(name, seed)]
        if not self.several_seeds:
            raise ValueError(f"{self.name}: expected one seed, got {seed!r}")
        seeds = [require_seed(name, one) for one in seed]  # type: ignore[union-attr]
        if not seeds:
            raise ValueError(f"{self.name}: expected at least one seed, got {seed!r}")
        return seeds

    def _require_task(self, task: Task | None, data: Pairs) -> Task:
        require_pairs(f"{self.name}: data", data)
        if task is None and self.calls_simulator:
            raise ValueError(f"{self.name}: calls the simulator, so fit needs a task, got None")
        if task is None:
            return Task.from_pairs(data, name="pairs")
        if not isinstance(task, Task):
            raise TypeError(f"{self.name}: task: expected a Task, got {type(task).__name__}")
        require_differentiable(self.name, self, task)
        return task

    def _require_request(self, y: Tensor, n: int, c: Tensor | None) -> Tensor:
        facts = self.facts
        if self._interrupted:
            raise ValueError(f"{self.name}: {INTERRUPTED}")
        dim = math.prod(facts["y_shape"]) if facts else None
        flat = require_request(
            self.name, y, n, c, y_dim=dim, c_dim=facts.get("c_dim", 0), device=self.device
        )
        require_axes(f"{self.name}: y", y, facts["y_shape"])
        return _plain(flat)

    def _box_for(self, bounds: Box | None) -> Box | None:
        """The box of a call."""
        own = None if self.bounds == "free" else self.box
        if bounds is None:
            return own
        if not isinstance(bounds, Box):
            raise TypeError(f"{self.name}: bounds: expected a Box, got {type(bounds).__name__}")
        if bounds.dim != self.facts["x_dim"]:
            raise ValueError(
                f"{self.name}: bounds: expected a box of {self.facts['x_dim']} unknowns, "
                f"got {bounds.dim}"
            )
        if own is not None and not bool(own.contains(torch.stack([bounds.low, bounds.high])).all()):
            raise ValueError(
                f"{self.name}: bounds: expected a box inside {own}, where proposals stay, "
                f"got {bounds}"
            )
        return bounds


def facts_of(task: Task, data: Pairs, seeds: list[int]) -> dict[str, Any]:
    """What a method is fitted to, as far as all of them keep it."""
    whole = integer_mask(task.prior)
    return {
        "task": task.name,
        "pairs": len(data),
        "x_dim": data.x.shape[1],
        "y_shape": list(data.y.shape[1:]),
        "c_dim": 0 if data.c is None else data.c.shape[1],
        "seeds": seeds,
        "box": task.answer_box,
        "whole": whole.tolist() if bool(whole.any()) else [],
    }


def require_request(
    name: str,
    y: Tensor,
    n: int,
    c: Tensor | None,
    *,
    y_dim: int | None,
    c_dim: int = 0,
    device: torch.device | None = None,
) -> Tensor:
    """Check what ``propose`` was asked, for a method called ``name``.

    Args:
        name: of the method, for messages.
        y: targets, ``(B, *dy)``.
        n: guesses a target.
        c: contexts, ``(B, c_dim)``; None for a method that takes none, or whose task has none.
        y_dim: numbers of a target; None before the method is fitted.
        c_dim: numbers of a context.
        device: where the targets should be.

    Returns:
        The targets as ``(B, dy)``.

    Raises:
        TypeError, ValueError: says which of these is wrong.
    """
    require_count(f"{name}: n", n)
    if c is not None and not c_dim:
        raise ValueError(f"{name}: takes no context c, got one")
    if y_dim is None:
        raise ValueError(f"{name}: call fit(task, data) before asking for answers")
    require_tensor(f"{name}: y", y, batch_shape(y), device=device)
    flat = require_tensor(f"{name}: y", y.flatten(1), ("B", y_dim))
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


def split_for_validation(
    task: Task, data: Pairs, share: float, *, generator: torch.Generator, name: str = "fit"
) -> tuple[Pairs, Pairs]:
    """``(kept, held out)`` pairs, equal rows on one side unless all unknowns are whole numbers.

    Those repeat by law, and a network that never saw a value learns nothing about it.

    Args:
        task: says whether unknowns repeat by law.
        data: the pairs.
        share: of them that is held out.
        generator: CPU generator.
        name: of the method, for the message.

    Raises:
        ValueError: one of the two would be empty.
    """
    try:
        return data.split(share, generator=generator, together=not task.repeats)
    except EmptyPart as error:
        raise ValueError(
            f"{name}: held_out={share} of {_count(len(data), 'pair')} leaves none to learn from or "
            f"none to validate{error.reason}; give more pairs, or held_out=0"
        ) from None


def _clip(x: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """The nearest point of the box that the dtype of x can say: an edge is rounded inwards."""
    low, high = (edge.to(x.device, torch.float64) for edge in (low, high))
    up, down = (torch.full_like(low, end).to(x) for end in (math.inf, -math.inf))
    least, most = low.to(x), high.to(x)
    least = torch.where(least.double() < low, torch.nextafter(least, up), least)
    most = torch.where(most.double() > high, torch.nextafter(most, down), most)
    return torch.clamp(x, least, most)


def _plain(values: Tensor) -> Tensor:
    """Without a graph, in single precision or better."""
    values = runtime.normal_tensor(values.detach())
    return values if values.dtype == torch.float64 else values.float()


def _count(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def _brief(value: Any) -> str:
    """An option in a few letters."""
    if callable(value) and hasattr(value, "__name__"):
        return str(value.__name__)
    words = " ".join(repr(value).split())
    return words if len(words) <= 60 else f"{words[:57]}..."


def require_differentiable(name: str, method: Any, task: Task) -> None:
    """Refuse a method, or a class of methods, that needs gradients which a task has not.

    Raises:
        ValueError: with methods that need none.
    """
    if getattr(method, "needs_gradient", False) and not task.differentiable:
        raise ValueError(
            f"{name}: needs gradients, and {task.name} says it has none; use 'neural_adjoint' or "
            "'tandem', whose surrogates have them, or 'differential_evolution', which takes none"
        )
