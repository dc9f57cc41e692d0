"""Do regions that should hold the truth with a given probability hold it that often?

Each test here gives one number a target which is uniform on [0, 1] if the posterior is right, and
the curve of how many of them lie below each level, with the band that a right posterior stays in:
the rank of each unknown (simulation-based calibration), the smallest highest-density region that
holds the truth (expected coverage), and the smallest ball around a random point that does (TARP).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from invlab import runtime
from invlab.plots import pyplot
from invlab.trust.bands import uniform_band
from invlab.trust.calibration import calibration_ranks
from invlab.trust.per_cent import level_in_words
from invlab.trust.proposer import Proposer
from invlab.validation import (
    require_count,
    require_labels,
    require_same_length,
    require_share,
    require_tensor,
)

__all__ = ["CoverageCurve", "Posterior", "expected_coverage", "rank_coverage", "tarp"]

# Levels of a curve: 1/40, 2/40, ... 39/40.
STEPS = 40
# Numbers of the draws that are held at once.
BLOCK = 2**22


class Posterior(Proposer, Protocol):
    """What :func:`expected_coverage` needs of a method: draws, and their density."""

    @property
    def name(self) -> str:
        """How it is called."""

    def log_density(self, x: Tensor, y: Tensor, c: Tensor | None = None) -> Tensor:
        """log p(x | y, c), ``(B, n)``."""


@dataclass(frozen=True)
class CoverageCurve:
    """Levels, and the share of targets whose truth lies in the region of that level.

    Attributes:
        test: which test gave it.
        level: what the regions should hold, ``(L,)``.
        coverage: what they hold, a row a curve, ``(k, L)``.
        low, high: the band that a right posterior stays in, in all levels and curves at once,
            ``(L,)``.
        confidence: probability that it does.
        labels: a name a curve.
        targets: number of targets.
    """

    test: str
    level: Tensor
    coverage: Tensor
    low: Tensor
    high: Tensor
    confidence: float
    labels: tuple[str, ...]
    targets: int

    @property
    def calibrated(self) -> bool:
        """Whether each curve stays in the band."""
        return not bool(self._outside.any())

    @property
    def excess(self) -> Tensor:
        """Largest distance of each curve from the diagonal, with its sign, ``(k,)``."""
        gap = self.coverage - self.level
        return gap.gather(1, gap.abs().argmax(1, keepdim=True))[:, 0]

    def plot(self) -> Any:
        """A figure of coverage over level with the band (needs matplotlib)."""
        plt = pyplot()
        figure, ax = plt.subplots(figsize=(4.5, 4.5), layout="constrained")
        level = self.level.cpu()
        ax.fill_between(
            level,
            self.low.cpu(),
            self.high.cpu(),
            color="0.85",
            label=f"{level_in_words(self.confidence)} band",
        )
        ax.plot([0, 1], [0, 1], color="0.4", linewidth=0.8)
        for name, curve in zip(self.labels, self.coverage.cpu(), strict=True):
            ax.plot(level, curve, label=name)
        ax.set(xlim=(0, 1), ylim=(0, 1), xlabel="level", ylabel="share of targets", title=self.test)
        ax.legend(fontsize="small")
        return figure

    def __str__(self) -> str:
        lines = [
            f"{self.test}, {self.targets} targets; a right posterior stays in the band with "
            f"probability {level_in_words(self.confidence)}"
        ]
        for name, outside, curve in zip(self.labels, self._outside, self.coverage, strict=True):
            if not bool(outside.any()):
                lines.append(f"  {name}: inside the band")
                continue
            worst = int((curve - self.level).abs().argmax())
            lines.append(
                f"  {name}: outside the band at {int(outside.sum())} of {len(outside)} levels; at "
                f"level {float(self.level[worst]):.2f} the share is {float(curve[worst]):.2f}"
            )
        return "\n".join(lines)

    @property
    def _outside(self) -> Tensor:
        return (self.coverage < self.low) | (self.coverage > self.high)


def expected_coverage(
    method: Posterior,
    x: Tensor,
    y: Tensor,
    c: Tensor | None = None,
    *,
    n: int = 200,
    confidence: float = 0.95,
    generator: torch.Generator | None = None,
) -> CoverageCurve:
    """How often highest-density regions of a method hold the truth.

    Below the diagonal the posterior is too narrow or in the wrong place, above it too wide. The
    prior itself passes this test, as it passes simulation-based calibration: it says that
    probabilities are right, not that much was learned from y.

    Args:
        method: draws, with their density.
        x: unknowns that made the targets, ``(B, dx)``, drawn from the prior.
        y: targets, ``(B, *dy)``.
        c: contexts, ``(B, dc)``, where the task has one.
        n: draws a target.
        confidence: of the band.
        generator: CPU generator of draws and ties; if not given the method's own, and one of
            seed 0.

    Raises:
        TypeError: the method has no density; :func:`tarp` needs none.
        ValueError: tensors that do not fit, or fewer than 2 draws.

    Source: Hermans et al. (2022); highest-density ranks as in Deistler et al. (2022).
    """
    require_tensor("x", x, ("B", "dx"))
    require_same_length(x=x, y=y, c=c)
    if require_count("n", n) < 2:
        raise ValueError("n: expected at least 2 draws a target, got 1")
    if not getattr(method, "gives_density", True):
        raise TypeError(
            f"{method.name}: has no density; tarp(x, draws) tests the coverage of draws alone"
        )
    own_y, own_c = runtime.copies(y, c)
    draws = method.propose(own_y, n, own_c, generator=generator)
    own = method.log_density(x[:, None].to(draws), y, c)[:, 0]
    # regions grow from the highest density down: the truth is in once its own is reached
    drawn = method.log_density(draws, y, c)
    if bool(own.isnan().any() | drawn.isnan().any()):
        raise ValueError("log_density: expected no NaN, got some; a density of 0 is -inf")
    # outside of the support the truth lies beyond every draw
    u = _uniform(_finite(-own[:, None]), _finite(-drawn[..., None]), generator)
    return _curve("expected coverage", u, confidence, ("highest density",))


def _finite(surprise: Tensor) -> Tensor:
    return surprise.double().nan_to_num(posinf=torch.finfo(torch.float64).max)


def tarp(
    x: Tensor,
    draws: Tensor,
    *,
    references: Tensor | None = None,
    confidence: float = 0.95,
    generator: torch.Generator | None = None,
) -> CoverageCurve:
    """How often balls around a random point hold the truth: tests of accuracy with random points.

    It takes draws alone, and sees all unknowns together. The prior passes it too, unless the
    references depend on y.

    Args:
        x: unknowns that made the targets, ``(B, dx)``, drawn from the prior.
        draws: ``(B, n, dx)``, from the posterior of each target.
        references: centers of the balls, ``(B, dx)``, chosen without looking at x; they may
            depend on y. If not given, uniform in the range of x.
        confidence: of the band.
        generator: CPU generator of references and ties; one of seed 0 if not given.

    Distances are measured in standard deviations of each unknown.

    Raises:
        TypeError, ValueError: tensors of the wrong kind or shape, or with NaN.

    Source: Lemos et al. (2023).

    Example:
        >>> import torch
        >>> import invlab
        >>> g = torch.Generator().manual_seed(0)
        >>> x, draws = torch.randn(500, 2, generator=g), torch.randn(500, 50, 2, generator=g)
        >>> invlab.trust.tarp(x, 0.3 * draws).calibrated  # a posterior that is too narrow
        False
    """
    x = require_tensor("x", x, ("B", "dx")).detach().double()
    require_tensor("draws", draws, (len(x), "n", x.shape[1]), device=x.device)
    generator = runtime.generator(0, "tarp") if generator is None else generator
    if references is None:
        low, high = x.amin(0), x.amax(0)
        share = torch.rand(x.shape, generator=generator, dtype=torch.float64, device="cpu")
        references = low + share.to(x.device) * (high - low)
    require_tensor("references", references, tuple(x.shape), device=x.device)
    scale = x.std(0, correction=0)
    scale = torch.where(scale > 0, scale, 1.0)
    center = references.double()[:, None]
    own = ((x[:, None] - center) / scale).norm(dim=2)
    size = max(1, BLOCK // draws[0].numel())
    far = [
        ((some.double() - around) / scale).norm(dim=2)
        for some, around in zip(draws.detach().split(size), center.split(size), strict=True)
    ]
    u = _uniform(own, torch.cat(far)[..., None], generator)
    return _curve("TARP", u, confidence, ("random points",))


def rank_coverage(
    x: Tensor,
    draws: Tensor,
    *,
    labels: tuple[str, ...] | None = None,
    confidence: float = 0.95,
    generator: torch.Generator | None = None,
) -> CoverageCurve:
    """Simulation-based calibration as a curve an unknown: how many truths lie below a quantile.

    Args:
        x: unknowns that made the targets, ``(B, dx)``, drawn from the prior.
        draws: ``(B, n, dx)``, from the posterior of each target.
        labels: a name an unknown.
        confidence: of the band, which all unknowns stay in together.
        generator: CPU generator that breaks ties; one of seed 0 if not given.

    Raises:
        TypeError, ValueError: as :func:`~invlab.trust.calibration.calibration_ranks`.

    Source: Talts et al. (2018); the band is that of Säilynoja, Bürkner and Vehtari (2022).
    """
    u = _uniform(x, draws, generator)
    names = require_labels("labels", "names", labels, x.shape[1])
    return _curve("simulation-based calibration", u, confidence, tuple(names))


def _uniform(x: Tensor, draws: Tensor, generator: torch.Generator | None) -> Tensor:
    """Ranks, smeared over their place: uniform on [0, 1] for draws of the right law, ``(B, d)``."""
    generator = runtime.generator(0, "coverage") if generator is None else generator
    ranks = calibration_ranks(x, draws, generator=generator)
    within = torch.rand(ranks.shape, generator=generator, dtype=torch.float64, device="cpu")
    return (ranks + within.to(ranks.device)) / (draws.shape[1] + 1)


def _curve(test: str, u: Tensor, confidence: float, labels: tuple[str, ...]) -> CoverageCurve:
    confidence = require_share("confidence", confidence)
    level = torch.arange(1, STEPS, dtype=torch.float64, device="cpu") / STEPS
    share = (u.T.cpu()[:, None] <= level[None, :, None]).double().mean(2)
    # together: each of k curves may leave the band with a k-th of the probability
    each = 1 - (1 - confidence) / len(labels)
    low, high = uniform_band(len(u), level, each)
    return CoverageCurve(test, level, share, low, high, confidence, labels, len(u))
