"""What the methods share that search on the true simulator when they are asked."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from invlab import runtime
from invlab.improve import spread
from invlab.methods.base import Method, require_differentiable
from invlab.methods.baselines import Nearest, draws_inside
from invlab.priors import Box
from invlab.task import Pairs, Task

__all__ = ["SimulatorSearch", "StartedSearch"]


class SimulatorSearch(Method):
    """Nothing is learned before the targets are known; each answer costs simulations.

    Attributes:
        task: whose simulator is called, from :meth:`fit` or :func:`invlab.load_method`.
    """

    calls_simulator = True
    all_in_tensors = False
    task: Task | None = None

    def attach(self, task: Task | None) -> None:
        """The task, since proposals call its simulator."""
        if task is None:
            raise ValueError(
                f"{self.name}: calls the simulator; give the task too, load_method(path, task=...)"
            )
        self.require_quiet(task)
        require_differentiable(self.name, self, task)
        self.task = task

    def own_generator(self, generator: torch.Generator | None) -> torch.Generator:
        """The generator of a call; one that follows from the seed of :meth:`fit` if none came."""
        (seed,) = self.facts["seeds"]
        return runtime.generator(seed, self.name) if generator is None else generator

    def require_quiet(self, task: Task) -> None:
        """Refuse a noisy simulator, since the noise of single runs would be searched too."""
        if task.noisy:
            raise ValueError(
                f"{self.name}: searches through the simulator, whose noise would be searched too, "
                f"and {task.name} says it is noisy; use a method that learns p(x | y), such as "
                "'mixture_density'"
            )


class StartedSearch(SimulatorSearch):
    """One that starts from training pairs, those first whose y is nearest."""

    look_up: nn.Module
    y_length: Tensor

    def assemble(self) -> None:
        """A look-up in pairs that are not there yet."""
        empty = Nearest()
        empty.facts = dict(self.facts)
        empty.assemble()
        self.look_up = empty
        self.register_buffer("y_length", torch.tensor(1.0, dtype=torch.float64, device="cpu"))

    def learn(self, task: Task, data: Pairs, seeds: list[int], **more: Any) -> None:
        """Remember the task, and the pairs to start from."""
        self.require_quiet(task)
        self.task = task
        self.assemble()
        self._pairs.learn(task, data, seeds)
        length = torch.tensor(spread(data.y), dtype=torch.float64, device="cpu")
        self.register_buffer("y_length", length)

    def nearest(self, y: Tensor, n: int, c: Tensor | None, box: Box | None) -> Tensor:
        """Unknowns of the ``n`` pairs nearest to each target, or of all there are: float64."""
        inside = self._pairs.x if box is None else self._pairs.x[box.contains(self._pairs.x)]
        n = min(n, len(inside))
        if n == 0:
            return torch.empty(len(y), 0, self.facts["x_dim"], dtype=torch.float64, device=y.device)
        return self._pairs.guess(y, n, c, generator=None, box=box).double()

    def started(
        self,
        y: Tensor,
        count: int,
        c: Tensor | None,
        generator: torch.Generator,
        box: Box | None,
        drawn_in: Box | None,
    ) -> Tensor:
        """Starts of each target, ``(B, count, dx)``, float64.

        Half of them are the nearest pairs in ``box``, the others draws of the prior in
        ``drawn_in``, the same for all targets.
        """
        near = self.nearest(y, (count + 1) // 2, c, box)
        assert self.task is not None
        drawn = draws_inside(self.task.prior, count - near.shape[1], drawn_in, generator)
        return torch.cat([near, drawn.to(near).expand(len(y), -1, -1)], 1)

    @property
    def _pairs(self) -> Nearest:
        assert isinstance(self.look_up, Nearest)
        return self.look_up
