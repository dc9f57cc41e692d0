"""Each state of a trained inverse is produced by a small model made for it."""

import pytest
import torch
from torch import nn

from invlab import Pairs, get_method, get_task
from invlab.networks.mlp import Standardizer
from invlab.trust.diagnosis import diagnose

TASK = get_task("square")


class Formula(nn.Module):
    """A formula in place of a trained network of one member."""

    def __init__(self, formula):
        super().__init__()
        self.formula = formula
        self.inputs = self.outputs = Standardizer.identity(1)

    def __len__(self):
        return 1

    def forward(self, v):
        return self.formula(v)[None]


def inverse(formula, device, *, misfit="effect", surrogate=None):
    model = get_method("direct", misfit=misfit).build(1, 1)
    model.inverse = Formula(formula)
    if surrogate is not None:
        model.surrogate = Formula(surrogate)
    return model.to(device)


def states(*args, **options):
    return diagnose(TASK, inverse(*args, **options), TASK.grid(400)).states


@pytest.mark.parametrize("misfit", ["inverse", "effect"])
def test_an_exact_inverse_has_nothing_wrong(device, misfit):
    found = diagnose(TASK, inverse(torch.sqrt, device, misfit=misfit), TASK.grid(400))
    assert found.states == []
    assert "→" not in repr(found)


def test_an_exact_inverse_with_an_exact_surrogate_has_no_gap(device):
    assert states(torch.sqrt, device, surrogate=torch.square) == []


def test_a_constant_answer_is_a_dead_network(device):
    assert states(lambda y: 0 * y, device) == ["dead network"]
    assert states(lambda y: 0 * y + 20, device, misfit="inverse") == ["dead network"]


def test_regression_that_answers_the_mean_of_both_branches_is_a_collapse(device):
    assert states(lambda y: 0 * y, device, misfit="inverse") == ["collapse to the mean"]


def test_the_mean_of_several_answers_is_a_collapse_though_it_varies(device):
    grid = TASK.grid(400)
    # each y occurs twice: once with an x above y/33, once with one as far below it
    data = Pairs(grid.y / 33 + torch.where(grid.x > 0, 12.0, -12.0), grid.y)
    model = inverse(lambda y: y / 33, device, misfit="inverse")
    assert diagnose(TASK, model, data).states == ["collapse to the mean"]


def test_a_surrogate_that_believes_in_wrong_answers_is_a_gap(device):
    found = states(lambda y: y / 33, device, surrogate=lambda x: 33 * x)
    assert found == ["surrogate gap"]


def test_answers_that_jump_between_branches_are_a_branch_mix(device):
    def jumps(y):
        return torch.where(y > 500, -1, 1) * y.sqrt()

    assert states(jumps, device) == ["branch mix"]


def test_what_is_found_comes_with_evidence_and_a_remedy(device):
    found = diagnose(TASK, inverse(lambda y: 0 * y, device), TASK.grid(400))
    dead = next(finding for finding in found if finding.found)
    assert "0.0%" in dead.evidence
    assert "another seed" in dead.remedy
    lines = repr(found).splitlines()
    assert sum(line.startswith("FOUND") for line in lines) == 1
    assert sum("→" in line for line in lines) == 1


def test_the_order_of_the_pairs_does_not_matter(device):
    data = TASK.grid(400)
    shuffled = data[torch.randperm(400).to(device)]
    model = inverse(lambda y: torch.where(y > 500, -1, 1) * y.sqrt(), device)
    assert diagnose(TASK, model, data).states == diagnose(TASK, model, shuffled).states


def test_too_few_pairs_are_refused(device):
    with pytest.raises(ValueError, match="expected at least 40 pairs, got 39"):
        diagnose(TASK, inverse(torch.sqrt, device), TASK.grid(39))
