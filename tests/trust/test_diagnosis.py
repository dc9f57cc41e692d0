"""Each state of a trained inverse is produced by a small model made for it."""

import pytest
import torch
from torch import nn

from invlab import Box, Pairs, Task, get_method, get_task, list_methods
from invlab.networks.mlp import Standardizer
from invlab.runtime import generator
from invlab.trust import diagnosis
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


def test_the_mean_of_both_branches_is_a_collapse_on_random_pairs_too(device):
    # the mean over the nearest 20 of them is itself a fifth of the spread away from zero
    data = TASK.sample(500)
    model = inverse(lambda y: 0 * y, device, misfit="inverse")
    assert diagnose(TASK, model, data).states == ["collapse to the mean"]
    model = inverse(lambda y: 0 * y + 15, device, misfit="inverse")
    assert diagnose(TASK, model, data).states == ["dead network"]


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


# Any method, any task

WAVE = torch.linspace(0, 3, 16)


def image(x):
    wave = WAVE.to(x)
    return (x[..., :1, None] * wave[:, None] + x[..., 1:, None] * wave).sin()


def holed(x):
    return torch.where(x < 0.2, torch.nan, x.square())


def scattered(x):
    return x + 0.3 * torch.randn(x.shape, dtype=x.dtype, device=x.device)


TASKS = {
    "square": TASK,
    "context": Task("shift", lambda x, c: x + c, Box([0.0], [1.0]), context=Box([0.0], [9.0])),
    "failing": Task("holed", holed, Box([0.0], [1.0])),
    "image": Task("image", image, Box([0.0, 0.0], [1.0, 1.0])),
    "noisy": Task("scattered", scattered, Box([0.0], [1.0]), noisy=True),
}


def brief(name):
    """A method with a short training, in whichever words it takes its options."""
    tries = [{"epochs": 2}, {"training": {"epochs": 2}}, {"iterations": 5}, {}]
    if name in ("neural_adjoint", "pool"):
        tries = [{"pool": 500, **words} for words in tries[:2]]
        if name == "neural_adjoint":
            tries = [{"candidates": 20, "steps": 2, **words} for words in tries]
    elif name == "joint":
        tries = tries[2:]
    elif name == "differential_evolution":
        tries = [{"generations": 2, "population": 6}]
    for words in tries:
        try:
            return get_method(name, **words)
        except (TypeError, ValueError):
            continue
    raise AssertionError(f"{name}: takes none of {tries}")


def fitted(name, task):
    """A method fitted to pairs of the task, or a skip where it says that it does not take it."""
    data = task.sample(60, generator=generator(1))
    try:
        return brief(name).fit(task, data), data
    except (ImportError, ValueError) as error:
        if isinstance(error, ImportError) or "context" in str(error) or "is noisy" in str(error):
            pytest.skip(str(error))
        raise


@pytest.mark.parametrize("case", TASKS)
@pytest.mark.parametrize("name", list_methods())
@pytest.mark.filterwarnings("ignore:holed. .* pairs left out")
def test_any_method_on_any_task_has_findings(name, case):
    task = TASKS[case]
    model, data = fitted(name, task)
    found = diagnose(task, model, data)
    assert len(found) >= 1
    assert all(finding.evidence for finding in found)
    looked_for = {finding.state for finding in found}
    if not hasattr(model, "measures"):
        assert "collapse to the mean" not in looked_for
        assert "branch mix" not in looked_for


class Answer:
    """A method that answers by a formula of y and c."""

    exchangeable = True

    def __init__(self, formula):
        self.formula = formula

    def propose(self, y, n=1, c=None, *, generator=None):
        x = self.formula(y) if c is None else self.formula(y, c)
        return x[:, None].expand(-1, n, -1)


def test_a_context_reaches_the_method_and_the_simulator(device):
    task = TASKS["context"]
    data = task.sample(100)
    assert diagnose(task, Answer(lambda y, c: y - c), data).states == []
    assert diagnose(task, Answer(lambda y, c: 0 * y + 0.5), data).states == []
    far = Answer(lambda y, c: 0 * y - 5)
    assert diagnose(task, far, data).states == ["dead network"]


def test_answers_that_the_simulator_fails_for_are_counted(device):
    task = TASKS["failing"]
    data = task.sample(200)
    lost = int((data.y > 0.8**2).sum())
    wrong = Answer(lambda y: torch.where(y > 0.8**2, 0.1, y.sqrt()))
    found = diagnose(task, wrong, data)
    assert found.states == ["failed answers"]
    assert f"{lost} of {int(data.y.isfinite().sum())} answers" in found[0].evidence
    nothing = diagnose(task, Answer(lambda y: torch.nan * y), data)
    assert nothing.states == ["failed answers"]
    assert len(nothing) == 1


def test_pairs_with_an_invalid_y_are_left_out_and_counted(device):
    task = TASKS["failing"]
    data = task.sample(44)
    lost = int(data.y.isnan().sum())
    assert lost > 4
    with pytest.raises(ValueError, match=f"got {44 - lost}; {lost} more have an invalid y"):
        diagnose(task, Answer(torch.sqrt), data)


def test_noise_is_no_fault_of_the_answers(device):
    task = TASKS["noisy"]
    data = task.sample(400, generator=generator(0))
    model = Answer(lambda y: y)
    model.surrogate = Formula(lambda x: x)
    before = torch.get_rng_state()
    # the surrogate believes in no error at all, and the simulator adds its noise
    assert diagnose(task, model, data).states == []
    assert torch.equal(torch.get_rng_state(), before)
    model.surrogate = Formula(lambda x: x + 3)
    model.formula = lambda y: y - 3
    assert diagnose(task, model, data).states == ["surrogate gap"]


def test_a_gap_between_images_is_found(device):
    task = TASKS["image"]
    data = task.sample(100)
    model = Answer(lambda y: torch.stack([y[:, 3, 0], y[:, 0, 3]], 1) + 1)
    model.surrogate = Formula(lambda x: data.y.flatten(1))
    assert "surrogate gap" in diagnose(task, model, data).states


def test_an_ensemble_believes_in_its_mean(device):
    class Ensemble(nn.Module):
        def forward(self, x):
            return torch.stack([x**2 + 300, x**2 - 300])

    model = Answer(torch.sqrt)
    model.surrogate = Ensemble()
    found = diagnose(TASK, model, TASK.grid(400))
    gap = next(finding for finding in found if finding.state == "surrogate gap")
    assert not gap.found
    believed = float(gap.evidence.split("error of ")[1].split(",")[0])
    assert believed < 0.01


def test_networks_that_were_trained_together_are_named(device):
    model = get_method("direct", epochs=1)
    data = TASK.grid(60)
    model.fit(TASK, data, seed=[0, 1])
    with pytest.raises(ValueError, match="holds 2 members"):
        diagnose(TASK, model, data)
    assert len(diagnose(TASK, model.member(1), data))


def test_pairs_that_require_a_gradient_are_fine(device):
    grid = TASK.grid(100)
    data = Pairs(grid.x.requires_grad_(), grid.y.clone().requires_grad_())
    assert diagnose(TASK, inverse(torch.sqrt, device, misfit="inverse"), data).states == []


@pytest.mark.parametrize("constant", ["x", "y"])
def test_data_that_do_not_vary_divide_by_nothing(device, constant):
    data = TASK.grid(60)
    if constant == "y":
        data = Pairs(data.x, torch.full_like(data.y, 4.0))
        model = inverse(lambda y: 0 * y + 2, device, misfit="inverse")
    else:
        data = Pairs(torch.full_like(data.x, 2.0), data.y)
        model = inverse(torch.sqrt, device, misfit="inverse")
    assert diagnose(TASK, model, data).states == []


def test_of_many_pairs_some_are_judged_and_compared(device, monkeypatch):
    asked, compared = [], []
    nearest = diagnosis.nearest_rows
    monkeypatch.setattr(diagnosis, "JUDGED", 100)
    monkeypatch.setattr(diagnosis, "COMPARED", 500)
    monkeypatch.setattr(
        diagnosis,
        "nearest_rows",
        lambda y, pool, n: compared.append(len(pool)) or nearest(y, pool, n),
    )
    model = inverse(lambda y: 0 * y, device, misfit="inverse")
    propose = model.propose
    model.propose = lambda y, *more: asked.append(len(y)) or propose(y, *more)
    assert diagnose(TASK, model, TASK.grid(3000)).states == ["collapse to the mean"]
    assert asked == [100]
    assert compared == [500]


def test_the_numbers_that_are_judged_at_once_are_few():
    # 64 targets at a time are compared with that many pairs
    assert diagnosis.JUDGED <= 2000
    assert diagnosis.COMPARED <= 20_000


def test_a_surrogate_is_judged_as_exactly_with_an_offset():
    believed = []
    for offset in (0.0, 1e8):
        task = Task("offset", lambda x, o=offset: o + x.square(), Box([0.5], [1.0]))
        data = task.sample(200, generator=generator(0), dtype=torch.float64)
        model = get_method("tandem", epochs=5).fit(task, data)
        gap = next(f for f in diagnose(task, model, data) if f.state == "surrogate gap")
        believed.append(gap.evidence)
    assert believed[0] == believed[1]
