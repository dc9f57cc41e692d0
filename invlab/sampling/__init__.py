"""Random numbers: of a target's own, and from densities known up to a factor."""

from invlab.sampling.grid import sample_on_grid
from invlab.sampling.per_target import normal_for, uniform_for

__all__ = ["normal_for", "sample_on_grid", "uniform_for"]
