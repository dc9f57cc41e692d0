"""What any learned method has to beat: draws from the prior, and a look-up in the pairs."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import torch
from torch import Tensor

from invlab import runtime
from invlab.methods.base import Bounds, Method, Seeds, facts_of
from invlab.networks.mlp import Standardizer
from invlab.priors import Box, Prior
from invlab.task import Pairs, Task
from invlab.validation import batch_shape, require_count, require_tensor

__all__ = ["Nearest", "PriorSampler", "draws_inside", "nearest_rows"]

# Targets compared at once with the pairs, so that the table of distances stays small.
CHUNK = 64
# A tree pays for so short a y, and for so many distances.
SHORT, MANY = 8, 2**25
# How often draws outside of a box are drawn again.
ROUNDS = 50


class PriorSampler(Method):
    """Guesses without looking: independent draws from the task's prior.

    Args:
        bounds: ``"reject"`` draws again what falls outside of the task's box, which is there only
            if the task was given a narrower one than its prior has; ``"clip"`` moves it to the
            nearest point of the box, and ``"free"`` leaves it.
    """

    name = "prior"
    exchangeable = True
    all_in_tensors = False
    bounds_known: ClassVar[tuple[Bounds, ...]] = ("reject", "clip", "free")
    defaults: ClassVar[dict[str, Any]] = {"bounds": "reject"}

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**PriorSampler.defaults, **options})

    def fit(self, task: Task | None, data: Pairs, *, seed: Seeds = 0) -> Self:
        """Remember the prior; the pairs are not used, and the seed is that of the draws."""
        (seed,) = self._require_seeds(seed)
        task = self._require_task(task, data)
        self.facts = facts_of(task, data, [seed]) | {"x_dim": task.x_dim, "prior": task.prior}
        return self

    def _require_request(self, y: Tensor, n: int, c: Tensor | None) -> Tensor:
        """Any target will do: of any length, and with any context."""
        require_count(f"{self.name}: n", n)
        if not self.facts:
            raise ValueError(f"{self.name}: call fit(task, data) before asking for answers")
        return require_tensor(f"{self.name}: y", y, batch_shape(y)).detach().flatten(1)

    def guess(
        self,
        y: Tensor,
        n: int,
        c: Tensor | None,
        *,
        generator: torch.Generator | None,
        box: Box | None,
    ) -> Tensor:
        """``n`` draws for each target, the same for every target.

        Shared draws make a target's guesses independent of how many targets there are.
        """
        (seed,) = self.facts["seeds"]
        generator = runtime.generator(seed, "prior") if generator is None else generator
        inside = None if self.bounds == "clip" else box
        x = draws_inside(self.facts["prior"], n, inside, generator)
        return x.to(y.device).expand(len(y), -1, -1)


class Nearest(Method):
    """The unknowns of the training pairs whose y is nearest, nearest first.

    Distances are measured in standard deviations of each number of y, and of each number of the
    context where there is one.

    Args:
        bounds: ``"clip"`` looks up the pairs in the task's box alone, ``"free"`` all of them.

    Example:
        >>> import invlab
        >>> task = invlab.get_task("square")  # y = x²
        >>> model = invlab.get_method("nearest").fit(task, task.at([-3.0, 1.0, 3.0]))
        >>> x = model.propose(task.at([2.9]).y, n=2)
        >>> sorted(x.flatten().tolist())
        [-3.0, 3.0]
    """

    name = "nearest"
    all_in_tensors = False
    x: Tensor
    y: Tensor

    def assemble(self) -> None:
        """Empty tables, and the scales of y and c."""
        y_dim = sum(self._sizes())
        self.scaler = Standardizer.identity(y_dim)
        self.register_buffer("x", torch.empty(0, self.facts["x_dim"], device="cpu"))
        self.register_buffer("y", torch.empty(0, y_dim, device="cpu"))

    def learn(self, task: Task, data: Pairs, seeds: list[int], **more: Any) -> None:
        """Remember the pairs, with the scale of what is compared."""
        self.assemble()
        seen = _beside(data.y.flatten(1), data.c)
        self.scaler = Standardizer.fit(seen).to(seen.device)
        self.x, self.y = data.x.clone(), self.scaler(seen)

    @property
    def most(self) -> int:
        """How many guesses a target can have, the pairs in the box; all of them with ``"free"``.

        Raises:
            ValueError: not fitted.
        """
        if not self.facts:
            raise ValueError(f"{self.name}: call fit(task, data) before asking for most")
        box = self._box_for(None)
        return len(self.x) if box is None else int(box.contains(self.x).sum())

    def guess(
        self,
        y: Tensor,
        n: int,
        c: Tensor | None,
        *,
        generator: torch.Generator | None,
        box: Box | None,
    ) -> Tensor:
        """The unknowns of the ``n`` nearest pairs in the box.

        Raises:
            ValueError: more guesses than there are such pairs.
        """
        x, seen = self.x, self.y
        if box is not None:
            inside = box.contains(x)
            x, seen = x[inside], seen[inside]
        if n > len(x):
            where = "" if box is None or len(x) == len(self.x) else f" in {box}"
            raise ValueError(f"nearest: expected n of at most {len(x)} pairs{where}, got {n}")
        return x[nearest_rows(self.scaler(_beside(y, c)), seen, n)]

    def _sizes(self) -> tuple[int, int]:
        shape = self.facts["y_shape"]
        return int(torch.Size(shape).numel()), self.facts["c_dim"]


def nearest_rows(y: Tensor, pool: Tensor, n: int) -> Tensor:
    """Rows of the ``n`` points of ``pool (N, dy)`` nearest to each ``y (B, dy)``: ``(B, n)``.

    Many targets of few numbers on the CPU are looked up in a tree, others by all distances.
    """
    many = n > 0 and len(y) * len(pool) > MANY
    if many and pool.device.type == "cpu" and pool.shape[1] <= SHORT:
        from scipy.spatial import cKDTree

        rows = cKDTree(pool.double().numpy()).query(y.double().cpu().numpy(), k=n)[1]
        return torch.from_numpy(rows.reshape(len(y), n)).to(y.device)
    dtype = torch.promote_types(y.dtype, pool.dtype)
    pool = pool.to(dtype)
    found = [
        # the exact distance: the matrix-product form loses digits between close points
        torch.cdist(part.to(dtype), pool, compute_mode="donot_use_mm_for_euclid_dist")
        .topk(n, largest=False)
        .indices
        for part in y.split(CHUNK)
    ]
    return torch.cat(found)


def draws_inside(prior: Prior, n: int, box: Box | None, generator: torch.Generator) -> Tensor:
    """``n`` draws of a prior that lie in a box: ``(n, dim)``, float64, on the CPU.

    What falls outside is drawn again, a bounded number of times; what is missing then, since the
    prior hardly reaches the box, is drawn uniformly in the box.
    """
    if n == 0:
        return torch.empty(0, prior.dim, dtype=torch.float64, device="cpu")
    x = prior.sample(n, generator=generator)
    if box is None or bool(box.contains(x).all()):
        return x
    kept = x[box.contains(x)]
    for _ in range(ROUNDS):
        if len(kept) >= n:
            break
        x = prior.sample(n, generator=generator)
        kept = torch.cat([kept, x[box.contains(x)]])
    if len(kept) < n:
        kept = torch.cat([kept, box.sample(n - len(kept), generator=generator)])
    return kept[:n]


def _beside(y: Tensor, c: Tensor | None) -> Tensor:
    """Observations with the contexts behind them, in the wider dtype of both."""
    return y if c is None else torch.cat([y, c], 1)
