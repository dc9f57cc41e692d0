"""The figures of Part IV compute what they show."""

import math

import matplotlib.pyplot as plt
import pytest
import torch

from invbook import drug
from invbook.figures import advice, own_problem, trust

pytestmark = pytest.mark.usefixtures("style")


def record(name, errors, *, noisy=False, differentiable=True, floor=0.0):
    rows = [{"method": key, "geo_1": value, "failed": 0.0} for key, value in errors.items()]
    facts = {"noisy": noisy, "differentiable": differentiable, "floor": floor}
    settings = {"large": {"guesses": [1, 10]}}
    return {"id": f"advice/{name}", "rows": {"large": rows}, "facts": facts, "settings": settings}


def test_tubes_are_exchanged_and_the_rest_stays():
    y = torch.arange(10.0)
    mixed = own_problem.exchange(y)
    assert mixed.tolist() == [0, 1, 7, 3, 4, 5, 6, 2, 8, 9]
    assert torch.equal(own_problem.exchange(mixed), y)


def test_curves_pass_through_what_the_drug_gives(ax, device):
    x = torch.tensor([[0.6, 0.15, 30.0]], device=device)
    own_problem.curves(ax, torch.cat([x, drug.mirrored(x)]), labels=["a", "b"])
    first, second = (torch.as_tensor(line.get_ydata()) for line in ax.lines)
    torch.testing.assert_close(first, second, rtol=1e-5, atol=1e-6)
    top = float(drug.concentration(x).max())
    assert math.isclose(float(first.max()), top, rel_tol=0.02)


def test_errors_are_over_the_best_and_the_floor():
    found = advice.errors_over_best(record("a", {"lm": 1e-12, "bfgs": 1e-5, "cinn": None}))
    assert found == pytest.approx({"lm": 1.0, "bfgs": 10.0})
    noisy = advice.errors_over_best(record("a", {"pool": 0.1, "cinn": 0.6}, floor=0.3))
    assert noisy == pytest.approx({"pool": 1.0, "cinn": 2.0})


def test_map_puts_noisy_simulators_last_and_rings_the_best(ax):
    noisy = record("a", {"pool": 0.1, "cinn": 1.0}, noisy=True)
    advice.ratio_map(ax, [noisy, record("b_c", {"lm": 1e-3, "pool": 1.0})])
    assert [text.get_text() for text in ax.get_xticklabels()] == ["b c", "a, noisy"]
    places = {tuple(map(float, line.get_xydata()[0])) for line in ax.lines}
    methods = list(advice.METHODS)
    assert places == {(0.0, methods.index("lm")), (1.0, methods.index("pool"))}


def test_regret_is_a_number_a_simulator():
    records = [{"scores": {"compare/r": [0.0, 2.0], "alone/compare/r": [3.0, 3.0]}}]
    assert advice.log_regret(records, "compare").tolist() == [1.0]
    assert advice.log_regret(records, "compare", alone=True).tolist() == [3.0]


def test_study_draws_with_its_own_records():
    found = advice.study()
    assert len({one["preset"] for one in found}) == 1
    advice.regrets(plt.subplots(1, 2, sharey=True)[1], found)
    plt.gcf().canvas.draw()


def test_coverage_counts_targets_up_to_each_level():
    levels, denser = torch.tensor([0.25, 0.5]), torch.tensor([0.1, 0.5, 0.7, 0.2])
    assert trust.coverage(levels, denser).tolist() == [0.5, 0.75]


def test_broken_bounds_are_crosses(ax, device):
    bound = torch.tensor([1.0, 1.0, 4.0], device=device)
    trust.against_bound(ax, bound, torch.tensor([0.25, 4.0, 4.0], device=device))
    kept, broken = ax.lines[:2]
    assert kept.get_ydata().tolist() == [0.5, 2.0]
    assert broken.get_ydata().tolist() == [2.0]


def test_three_doubts_draw(device):
    axes = plt.subplots(1, 3)[1]
    trust.three_doubts(axes)
    assert len(axes[2].lines[1].get_xdata()) == 300
    axes[0].figure.canvas.draw()
