"""Figures and tables of chapters 7 to 9 show what the rows say, gaps where there is nothing."""

import matplotlib.pyplot as plt
import pytest
import torch

import invlab
from invbook.figures import inverse_models
from invbook.papers import neural_adjoint
from invbook.papers.neural_adjoint.runs import COUNTS

pytestmark = pytest.mark.usefixtures("style")


@pytest.fixture
def rows():
    """A row for each claim of the paper's, without records."""
    row = {"ours": 2e-3, "low": 1e-3, "high": 4e-3}
    return {claim.id: row | {"paper": claim.paper} for claim in neural_adjoint.CLAIMS}


def test_a_pose_ends_where_the_simulator_says(ax, device):
    arm = invlab.get_task("robot_arm")
    x = arm.sample(3).x
    inverse_models.poses(ax, arm, x, torch.tensor([1.0, 0.5], device=device))
    tips = next(line for line in ax.lines if line.get_markerfacecolor() == "white")
    drawn = torch.tensor(tips.get_xydata(), dtype=torch.float32)
    torch.testing.assert_close(drawn, arm.simulate(x).cpu(), rtol=1e-4, atol=1e-5)


def test_a_line_a_number_and_a_gap_where_there_is_none(ax):
    lines = {
        "paper": [("theirs", 3e-2, None)],
        "ours": [("ours", None, None), ("b", 1e-3, (1e-4, 1))],
    }
    inverse_models.scatter_rows(ax, lines)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["theirs", "ours", "b"]
    assert sorted(line.get_ydata()[0] for line in ax.lines) == [0, 2, 2]
    assert ax.get_xscale() == "log"


@pytest.mark.parametrize("task", list(inverse_models.NAMES))
def test_recorded_figures_show_our_number_and_the_papers(ax, rows, task):
    inverse_models.over_guesses(ax, rows, task, "cvae", "ours")
    drawn = {line.get_label(): list(line.get_ydata()) for line in ax.lines}
    assert drawn["ours"] == [2e-3] * len(COUNTS)
    assert drawn["the paper's"] == [rows[f"r_T/{task}/cvae/{T}"]["paper"] for T in COUNTS]
    other = plt.subplots()[1]
    inverse_models.one_guess(other, rows, task)
    assert len(other.get_yticks()) == 8


def test_tables_have_at_most_seven_columns(rows):
    for text in (
        inverse_models.errors_table(rows, "cvae"),
        inverse_models.matching_table(rows, "mixture_density"),
    ):
        widths = {line.count("|") - 1 for line in text.splitlines()}
        assert len(widths) == 1
        assert widths.pop() <= 7


def test_an_interval_is_written_where_there_is_one():
    row = {"ours": 2e-6, "low": 1e-6, "high": 3e-6}
    assert inverse_models.with_interval(row) == "2.0·10⁻⁶ (1.0·10⁻⁶ to 3.0·10⁻⁶)"
    assert inverse_models.with_interval(row | {"low": None}) == "2.0·10⁻⁶"
    assert inverse_models.with_interval(row | {"ours": None}) == "–"


def test_errors_of_all_seeds_stand_in_one_row():
    errors = inverse_models.per_target("sine", "tandem")
    assert errors.ndim == 1
    assert len(errors) >= 500
    assert (errors >= 0).all()
