"""Bars of better and worse, tolerances, and the courses of searches."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from invbook.figures import searches, waves
from invlab import get_task


@pytest.fixture
def axes():
    figure, axes = plt.subplots(1, 2)
    yield axes
    plt.close(figure)


def test_apart_counts_differences_above_the_bar():
    loss, baseline = np.array([1.0, 2.0, 3.0, 5.0]), np.array([1.0, 2.5, 5.0, 4.0])
    shares = searches.apart(loss, baseline, [0.0, 0.7, 10.0])
    assert shares["better"].tolist() == [50, 25, 0]
    assert shares["equal"].tolist() == [25, 50, 100]
    assert shares["worse"].tolist() == [25, 25, 0]


def test_share_bars_fill_a_hundred_and_say_what_is_missing(axes):
    searches.share_bars(axes[0], {"one": (30.0, 50.0), "none": (float("nan"), 0.0)})
    assert sum(bar.get_width() for bar in axes[0].patches) == 100
    assert [text.get_text() for text in axes[0].texts] == ["not recorded"]
    assert [label.get_text() for label in axes[0].get_yticklabels()] == ["one", "none"]


def test_descents_draws_no_more_problems_than_there_are(axes):
    searches.descents(axes, torch.rand(5, 3), torch.rand(4, 3), torch.rand(2, 3), level=0.1)
    # three problems, their mean and the level; on the right the change to BFGS too
    assert [len(ax.lines) for ax in axes] == [5, 6]
    assert len(axes[1].lines[0].get_xdata()) == 6


def test_spread_losses_of_no_problem_are_not_recorded(axes):
    none = torch.empty(0)
    searches.spread_losses(axes, {"a": none, "b": none}, 1e-7)
    assert all(ax.texts for ax in axes)


def test_tie_table_has_both_ways_to_count():
    shares = {"better": 10.0, "equal": 85.2, "worse": 4.8, "better_exact": 50, "equal_exact": 0}
    line = searches.tie_table("joint", shares)
    assert line == {"method": "joint", "tolerance": "10 / 85 / 5", "exact": "50 / 0"}


def test_valleys_are_counted_inside_a_line():
    assert waves.valleys(torch.tensor([1.0, 0.0, 1.0, 0.5, 2.0])) == 2
    assert waves.valleys(torch.tensor([0.0, 1.0, 2.0])) == 0


def test_losses_of_a_wave_vanish_at_the_truth():
    first = torch.randn(32, dtype=torch.float64)
    truth = torch.tensor([0.2, 0.9], dtype=torch.float64)
    tried = torch.stack([truth, truth + 0.1])
    for loss in waves.losses(tried, truth, first, 5).values():
        assert loss[0] == 0 < loss[1]


def test_gradients_are_steeper_inside_the_chaotic_band():
    inside, outside = (
        waves.gradients(50, "final", 16, band=band).median() for band in ((0.0, 0.15), (0.75, 1.0))
    )
    assert inside > outside


def test_a_trajectory_is_drawn_up_to_its_last_time(axes):
    task = get_task("kuramoto_sivashinsky", horizon=5.0)
    x = torch.tensor([0.1, 1.0], dtype=torch.float64)
    image = waves.picture(axes[0], task, x, torch.zeros(32, dtype=torch.float64))
    assert image.get_array().shape == (11, 32)
    assert image.get_extent()[-1] == 5


def test_losses_over_both_unknowns_stand_where_they_belong(axes):
    alpha, beta = torch.arange(3.0), torch.arange(2.0)
    grid = torch.cartesian_prod(alpha, beta)
    image = waves.loss_map(axes[0], alpha, beta, grid[:, 0] + 10 * grid[:, 1], 20)
    assert image.get_array().tolist() == [[0, 1, 2], [10, 11, 12]]


def test_cuts_and_growth_name_their_lines(axes):
    waves.cut(axes[0], torch.rand(4), {"final": torch.rand(4)}, 0.1, 0.2)
    waves.growth(axes[1], (1, 2), {"trajectory": torch.rand(2, 4)})
    texts = [[text.get_text() for text in ax.get_legend().get_texts()] for ax in axes]
    assert texts == [["final", "truth", "BFGS ended"], ["trajectory"]]


def test_shares_over_the_tolerance_are_drawn(axes):
    searches.tolerances(axes[0], np.array([1.0, 2.0]), np.array([1.5, 2.0]), np.array([0.1, 1.0]))
    assert [line.get_ydata().tolist() for line in axes[0].lines] == [[50, 0], [50, 100], [0, 0]]


def test_a_slope_along_beta_is_the_difference_of_its_losses():
    line = torch.linspace(0.9, 1.1, 201, dtype=torch.float64)
    truth = torch.tensor([0.2, 1.0], dtype=torch.float64)
    first = get_task("kuramoto_sivashinsky").context.sample(1)[0].double()
    loss, slope = waves.along_beta(line, truth, first, 5)
    for name, values in loss.items():
        assert values[100] < 1e-20
        middle = (values[2:] - values[:-2]) / (line[2] - line[0])
        torch.testing.assert_close(slope[name][1:-1], middle, rtol=1e-2, atol=1e-3)


def test_slopes_have_a_line_each(axes):
    waves.slopes(axes[0], torch.rand(4), {"final": torch.rand(4)}, 0.1)
    assert len(axes[0].lines) == 3
