"""Optimisation without derivatives: a population of guesses that evolves on the true simulator."""

from __future__ import annotations

import warnings

import numpy as np
import torch
from torch import Tensor

from invlab import runtime
from invlab.methods.base import Bounds
from invlab.methods.simulator_search import StartedSearch
from invlab.metrics import resimulation_error
from invlab.priors import Box
from invlab.validation import require_count

__all__ = ["DifferentialEvolution"]

# SciPy's least.
SMALLEST_POPULATION = 5


class DifferentialEvolution(StartedSearch):
    """SciPy's differential evolution on ``|f(x, c) − y|²``, a population a target, best first.

    For simulators without gradients. The population starts from the training pairs whose y is
    nearest and from draws of the prior, and each generation is simulated in one call. A guess
    that the simulator cannot take has an infinite misfit and dies out. Unknowns that are whole
    numbers are searched as such.

    Args:
        population: guesses in it; more where more guesses are asked for.
        generations: how often it is renewed, at most.
        bounds: ``"clip"``: the search stays in the task's box, which it cannot do without.

    Source: Storn and Price (1997), as in ``scipy.optimize.differential_evolution``.

    Example:
        >>> import invlab
        >>> def steps(x):  # its derivative is zero or not there
        ...     return (100 * x.square()).round() / 100
        >>> task = invlab.Task("steps", steps, invlab.Box([-2.0], [2.0]), differentiable=False)
        >>> model = invlab.get_method("differential_evolution").fit(task, task.sample(100))
        >>> y = task.targets(1, seed=1).y
        >>> round(invlab.resimulation_error(task, model.propose(y), y).item(), 3)
        0.0
    """

    name = "differential_evolution"
    bounds_known = ("clip",)

    def __init__(
        self, *, population: int = 30, generations: int = 40, bounds: Bounds = "clip"
    ) -> None:
        super().__init__(bounds=bounds)
        self.population = require_count("population", population)
        self.generations = require_count("generations", generations)

    def guess(
        self,
        y: Tensor,
        n: int,
        c: Tensor | None,
        *,
        generator: torch.Generator | None,
        box: Box | None,
    ) -> Tensor:
        """The best of each target's last population."""
        assert self.task is not None
        generator = self.own_generator(generator)
        inside = self.task.box if box is None or box is self.box else box
        count = max(n, self.population, SMALLEST_POPULATION)
        starts = self.started(y, count, c, generator, box, inside)
        seed = runtime.next_seed(generator, peek=True)
        found = []
        for k in runtime.progress(range(len(y)), "targets", total=len(y)):
            given = None if c is None else c[k]
            found.append(self._evolve(y[k], given, starts[k], inside, seed)[:n])
        return torch.stack(found)

    def _evolve(self, y: Tensor, c: Tensor | None, start: Tensor, box: Box, seed: int) -> Tensor:
        """A population from ``start``, best first."""
        from scipy.optimize import differential_evolution

        task = self.task
        assert task is not None
        y_scale = float(self.y_length)

        def misfit(columns: np.ndarray) -> np.ndarray:
            x = torch.from_numpy(np.ascontiguousarray(np.atleast_2d(columns.T))).to(y.device)
            given = None if c is None else c[None]
            error = resimulation_error(task, x[None], y[None], given, replicates=1)[0]
            return (error / y_scale**2).cpu().numpy()

        low, high = self._edges(box)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # of arithmetic with infinite misfits
            found = differential_evolution(
                misfit,
                list(zip(low.tolist(), high.tolist(), strict=True)),
                init=self.whole(box.clip(start)).cpu().numpy(),
                integrality=np.array(self.facts["whole"]) if self.facts["whole"] else None,
                maxiter=self.generations,
                vectorized=True,
                updating="deferred",
                polish=False,
                rng=np.random.default_rng(seed),
            )
        order = np.argsort(found.population_energies, kind="stable")
        return torch.from_numpy(found.population[order]).to(y.device)
