"""What is wrong with a trained inverse, named, with the evidence and the remedy."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from invlab import runtime
from invlab.methods.base import Method
from invlab.methods.baselines import nearest_rows
from invlab.metrics import noise_floor, rmse
from invlab.metrics.effects import effects, noise_stream
from invlab.networks.mlp import Standardizer
from invlab.surrogates import Surrogate
from invlab.task import Pairs, Targets, Task
from invlab.trust.belief import believed_effect
from invlab.trust.neighbours import beside

__all__ = ["Diagnosis", "Finding", "diagnose"]

# Answers that vary less than this share of the prior's spread do not depend on the target.
CONSTANT = 0.002
# Answers closer than this share of the prior's spread to E[x|y] follow it.
AT_THE_MEAN = 0.1
# Below this share of the prior's spread the targets have one answer, and its mean is no fault.
ONE_ANSWER = 0.2
# Re-simulated errors below this share of the spread of y are small, above ten times it large.
SMALL_ERROR = 0.02
# A surrogate that believes in an error this many times too small is trusted too much.
GAP = 5.0
# A jump of the answer between neighbouring targets, as a share of the box.
JUMP = 0.25
NEIGHBOURS = 20
# Pairs whose targets are asked for, and pairs that E[x|y] is taken from, at most.
JUDGED = 1000
COMPARED = 10_000


@dataclass(frozen=True)
class Finding:
    """One state that a trained inverse can be in.

    Attributes:
        state: ``"failed answers"``, ``"collapse to the mean"``, ``"dead network"``,
            ``"surrogate gap"`` or ``"branch mix"``.
        found: whether it is.
        evidence: the numbers that decided.
        remedy: what to do about it.
    """

    state: str
    found: bool
    evidence: str
    remedy: str

    def __str__(self) -> str:
        text = f"{'FOUND' if self.found else 'no   '}  {self.state}: {self.evidence}"
        if self.found:
            text = f"{text}\n→ {self.remedy}"
        return "\n".join(
            textwrap.fill(line, 76, initial_indent=first, subsequent_indent=" " * 7)
            for line, first in zip(text.split("\n"), ("", " " * 5), strict=False)
        )


class Diagnosis(list[Finding]):
    """All findings on one model; prints as one line each, with a remedy where it is needed."""

    @property
    def states(self) -> list[str]:
        """Names of the states that were found."""
        return [finding.state for finding in self if finding.found]

    def __repr__(self) -> str:
        return "\n".join(map(str, self))


@dataclass(frozen=True)
class _Answers:
    """What a model answered for some pairs, and what became of it: the rows with a valid effect.

    Attributes:
        data: the pairs, float64, y as ``(N, dy)``.
        x_hat: answers, ``(N, dx)``, and ``effect``: what they cause, ``(N, dy)``.
        scale: spread of y, the unit of errors.
        floor: error of the truth itself, zero without noise.
    """

    data: Pairs
    x_hat: Tensor
    effect: Tensor
    scale: float
    floor: float

    def error(self, y: Tensor) -> float:
        """Root mean square distance of these effects from the targets, beyond the noise."""
        squared = float(rmse(y, self.data.y)) ** 2
        return max(squared - self.floor**2, 0.0) ** 0.5

    @property
    def missed(self) -> bool:
        """Whether the answers are far from right."""
        return self.error(self.effect) > 10 * SMALL_ERROR * self.scale


def diagnose(task: Task, model: Method, data: Pairs) -> Diagnosis:
    """Look for the known ways in which an inverse model fails.

    Of a method that draws its guesses, or ranks them, the first guess is judged. What a method
    cannot suffer from is not looked for: a collapse to the mean comes from a loss that compares
    unknowns, a surrogate gap needs a surrogate, and branches are mixed by a network with one
    answer a target.

    Args:
        task: its simulator tells the truth about the answers.
        model: any fitted method; of networks that were trained together one, ``.member(k)``.
        data: pairs that the model was trained on, or others of the same law, at least 40 with a
            valid y; the others are left out. Of many, 1000 are judged.

    Returns:
        A :class:`Diagnosis`; ``.states`` names what was found, in the order of the checks.

    Raises:
        ValueError: fewer pairs than that, or what the model refuses to answer.

    Example:
        >>> import invlab
        >>> task = invlab.get_task("square")  # y = x²: the mean of both roots is 0
        >>> pairs = task.grid()
        >>> model = invlab.get_method("direct", epochs=5).fit(task, pairs)
        >>> invlab.trust.diagnose(task, model, pairs).states
        ['collapse to the mean']
    """
    data = data.in_order_of(task.labels)
    valid = task.valid(data.y)
    count = int(valid.sum())
    if count < 2 * NEIGHBOURS:
        left_out = f"; {len(data) - count} more have an invalid y" if count < len(data) else ""
        raise ValueError(
            f"diagnose: expected at least {2 * NEIGHBOURS} pairs, got {count}{left_out}"
        )
    data = data[valid]
    pairs = _some(data, JUDGED)
    y, c = runtime.copies(pairs.y, pairs.c)
    x_hat = model.propose(y, 1, c)[:, 0].detach()
    effect = effects(task, x_hat, pairs.c, generator=noise_stream(task, "diagnosis")).flatten(1)
    works = effect.isfinite().all(1)
    lost = int((~works).sum())
    findings = [_failed(lost, len(pairs))] if lost else []
    if lost == len(pairs):
        return Diagnosis(findings)
    answers = _Answers(
        _double(pairs)[works],
        x_hat.double()[works],
        effect.double()[works],
        float(pairs.y.detach().double().flatten(1).var(0).mean().sqrt()) or 1.0,
        _floor(task, pairs),
    )
    measures, surrogate = getattr(model, "measures", None), getattr(model, "surrogate", None)
    spread = _spread(answers.x_hat) / (_spread(answers.data.x) or 1.0)
    dead = _dead(spread, answers.missed, network=measures is not None)
    if measures == "x":
        findings.append(_collapse(answers, data))
        if findings[-1].found:
            # a constant that the loss asked for is no dead network
            dead = replace(dead, found=False)
    elif measures is not None:
        findings.append(
            Finding("collapse to the mean", False, "cannot be, the loss compares effects", "")
        )
    findings.append(dead)
    if surrogate is not None:
        findings.append(_gap(surrogate, answers))
    if measures is not None and answers.data.y.shape[1] == 1 and data.c is None:
        findings.append(_branches(task, answers))
    return Diagnosis(findings)


def _some(data: Pairs, n: int) -> Pairs:
    """At most ``n`` of the pairs, at random and in their order."""
    if len(data) <= n:
        return data
    draws = runtime.generator(0, "diagnosis")
    order = torch.randperm(len(data), generator=draws, device="cpu")
    return data[order[:n].sort().values.to(data.x.device)]


def _double(pairs: Pairs) -> Pairs:
    """The pairs in float64, without a graph and with y as ``(N, dy)``."""
    c = None if pairs.c is None else pairs.c.detach().double()
    return Pairs(pairs.x.detach().double(), pairs.y.detach().double().flatten(1), c)


def _floor(task: Task, pairs: Pairs) -> float:
    """Root mean square error of the truth under fresh noise."""
    if not task.noisy:
        return 0.0
    error = noise_floor(task, Targets(pairs.y, pairs.c, pairs.x), replicates=1)
    works = error.isfinite()
    return float(error[works].mean().sqrt()) if bool(works.any()) else 0.0


def _spread(x: Tensor) -> float:
    """Standard deviation of ``(N, dx)``, all components together."""
    return float(x.std(0, correction=min(1, len(x) - 1)).norm())


def _failed(lost: int, asked: int) -> Finding:
    return Finding(
        "failed answers",
        True,
        f"{lost} of {asked} answers are no numbers, or the simulator gives nothing valid for them",
        "keep the answers where the simulator works, by the task's box or bounds=..., and train on "
        "more pairs; the other findings are about the answers that work",
    )


def _dead(spread: float, missed: bool, *, network: bool) -> Finding:
    remedy = (
        "scale x and y to about one inside the networks, look whether the surrogate has a bump "
        "where the answers lie, and try another seed"
    )
    if not network:
        remedy = (
            "the method does not look at the target, or has learned nothing about it: train "
            "longer, try another seed, or another method"
        )
    return Finding(
        "dead network",
        spread < CONSTANT and missed,
        f"the answers vary {spread:.1%} as much as the x of the data",
        remedy,
    )


def _collapse(answers: _Answers, data: Pairs) -> Finding:
    mean, within = _conditional(answers.data, data)
    prior = _spread(answers.data.x) or 1.0
    distance = float((answers.x_hat - mean).square().sum(1).mean().sqrt() / prior)
    several = float(within / prior)
    # E[x|y] is a mean of few pairs, and itself uncertain
    near = distance**2 < AT_THE_MEAN**2 + several**2 / NEIGHBOURS
    return Finding(
        "collapse to the mean",
        near and several > ONE_ANSWER and answers.missed,
        f"the answers are {distance:.1%} away from the mean of all x with the same y, and these x "
        f"differ by {several:.0%} (100% is how much x varies in the data)",
        "let the loss compare what the answers cause (by the simulator itself, a tandem or an "
        "encoder-decoder), or use a method that proposes several answers",
    )


def _gap(surrogate: nn.Module, answers: _Answers) -> Finding:
    # the mean over an ensemble, as the search sees it
    effect = _believed(surrogate, answers.x_hat, answers.data.c)
    believed = float(rmse(effect, answers.data.y))
    true = answers.error(answers.effect)
    return Finding(
        "surrogate gap",
        true > GAP * believed and answers.missed,
        f"by the surrogate the answers have an error of {believed:.3g}, in truth {true:.3g}",
        "add pairs where the answers lie, train the surrogate first and then leave it as it is, "
        "or keep the answers inside the region of the pairs",
    )


def _believed(surrogate: nn.Module, x: Tensor, c: Tensor | None) -> Tensor:
    if isinstance(surrogate, Surrogate):
        return believed_effect(surrogate, x, c)
    weight = next(iter(surrogate.parameters()), torch.empty(0, dtype=torch.float32))
    with torch.no_grad():
        effect: Tensor = surrogate(beside(x, c).to(weight.dtype)).mean(0)
    return effect


def _branches(task: Task, answers: _Answers) -> Finding:
    ordered = answers.x_hat[answers.data.y[:, 0].argsort()]
    jumps = (ordered.diff(dim=0).abs() / task.box.width.to(ordered) > JUMP).any(1)
    count = int(jumps.sum())
    return Finding(
        "branch mix",
        count > 0,
        f"the answer jumps between {count} pairs of neighbouring targets",
        "on its way from one branch to the other a network passes through wrong answers: let the "
        "loss compare effects, not unknowns, and have equally many pairs of each branch",
    )


def _conditional(judged: Pairs, data: Pairs) -> tuple[Tensor, Tensor]:
    """Mean of x over the pairs nearest in y (and c), and how much x varies around it."""
    data = _double(_some(data, COMPARED))

    given, near = (
        some.y if some.c is None else torch.cat([some.y, some.c], 1) for some in (judged, data)
    )
    scale = Standardizer.fit(near).to(near.device)
    nearest = nearest_rows(scale(given), scale(near), NEIGHBOURS)
    neighbours = data.x[nearest]
    return neighbours.mean(1), neighbours.var(1).mean(0).sum().sqrt()
