"""What is wrong with a trained inverse, named, with the evidence and the remedy."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

import torch
from torch import Tensor

from invlab.methods.inverse_network import InverseNetwork
from invlab.metrics import rmse
from invlab.task import Pairs, Task

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


@dataclass(frozen=True)
class Finding:
    """One state that a trained inverse can be in.

    Attributes:
        state: ``"dead network"``, ``"collapse to the mean"``, ``"surrogate gap"`` or
            ``"branch mix"``.
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


def diagnose(task: Task, model: InverseNetwork, data: Pairs) -> Diagnosis:
    """Look for the known ways in which an inverse network fails.

    Args:
        task: its simulator tells the truth about the answers.
        model: a fitted method with one member.
        data: pairs that the model was trained on, or others of the same law, at least 40.

    Returns:
        A :class:`Diagnosis`; ``.states`` names what was found, in the order of the checks.

    Raises:
        ValueError: fewer pairs than that.
    """
    if len(data) < 2 * NEIGHBOURS:
        raise ValueError(f"diagnose: expected at least {2 * NEIGHBOURS} pairs, got {len(data)}")
    x_hat = model.propose(data.y)[:, 0]
    y = data.y.flatten(1)
    effect = task.simulate(x_hat).flatten(1)
    error = float(rmse(effect, y)) / float(y.std(0).norm())
    spread = float(x_hat.std(0).norm() / data.x.std(0).norm())
    findings = [_collapse(model, data, x_hat, error), _dead(spread, error)]
    if model.measures == "x" and findings[0].found:
        # a constant that the loss asked for is no dead network
        findings[1] = Finding("dead network", False, findings[1].evidence, "")
    if model.measures == "y":
        findings[0] = Finding("collapse to the mean", False, "the loss compares effects", "")
    if model.surrogate is not None:
        findings.append(_gap(model, x_hat, y, effect))
    if y.shape[1] == 1:
        findings.append(_branches(task, x_hat, y))
    return Diagnosis(findings)


def _dead(spread: float, error: float) -> Finding:
    return Finding(
        "dead network",
        spread < CONSTANT and error > 10 * SMALL_ERROR,
        f"the answers vary by {spread:.1%} of what x varies",
        "scale x and y to about one inside the networks, check for a surrogate with a false "
        "extremum, and try another seed",
    )


def _collapse(model: InverseNetwork, data: Pairs, x_hat: Tensor, error: float) -> Finding:
    mean, within = _conditional(data)
    prior = data.x.std(0).norm()
    distance = float((x_hat - mean).square().sum(1).mean().sqrt() / prior)
    several = float(within / prior)
    return Finding(
        "collapse to the mean",
        distance < AT_THE_MEAN and several > ONE_ANSWER and error > 10 * SMALL_ERROR,
        f"the answers are {distance:.1%} of the spread of x from the mean of all x with that y, "
        f"around which x still varies by {several:.0%}",
        "train on the misfit of the effect (two-step, encoder-decoder or the simulator itself), "
        "or use a method that proposes several answers",
    )


def _gap(model: InverseNetwork, x_hat: Tensor, y: Tensor, effect: Tensor) -> Finding:
    assert model.surrogate is not None
    with torch.no_grad():
        believed = float(rmse(model.surrogate(x_hat.float())[0], y))
    true = float(rmse(effect, y))
    return Finding(
        "surrogate gap",
        true > GAP * believed and true > 10 * SMALL_ERROR * float(y.std(0).norm()),
        f"the surrogate believes in an error of {believed:.3g}, the simulator says {true:.3g}",
        "more pairs where the answers lie, freeze the surrogate before the inverse is trained, "
        "or keep the answers inside the region of the pairs",
    )


def _branches(task: Task, x_hat: Tensor, y: Tensor) -> Finding:
    ordered = x_hat[y[:, 0].argsort()]
    jumps = (ordered.diff(dim=0).abs() / task.box.width.to(ordered) > JUMP).any(1)
    count = int(jumps.sum())
    return Finding(
        "branch mix",
        count > 0,
        f"{count} jumps of the answer between neighbouring targets",
        "a continuous network cannot jump without passing through wrong answers: compare "
        "effects instead of unknowns, and keep the data balanced between the branches",
    )


def _conditional(data: Pairs) -> tuple[Tensor, Tensor]:
    """Mean of x over the pairs nearest in y, and how much x varies around it."""
    y = data.y.flatten(1)
    nearest = torch.cdist(y, y).topk(NEIGHBOURS, largest=False).indices
    neighbours = data.x[nearest]
    return neighbours.mean(1), neighbours.var(1).mean(0).sum().sqrt()
