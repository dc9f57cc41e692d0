"""The figures of chapters 1 to 3 draw, without a warning, what they were given."""

import numpy as np
import pytest
import torch

import invlab
from invbook.figures import loss_design as pictures

Y = torch.linspace(1, 1089, 20)


pytestmark = pytest.mark.usefixtures("style")


@pytest.fixture(scope="module")
def task():
    return invlab.get_task("square")


@pytest.fixture(scope="module")
def model(task):
    """An encoder-decoder of three members that has learned nothing much."""
    method = invlab.get_method("encoder_decoder", epochs=1, width=8)
    return method.fit(task, task.grid(), seed=[4, 5, 6])


@pytest.fixture
def records():
    scores = {"rmse_y": [1.0, 2.0, 3.0]}
    both = {"l1": scores, "l2": {"rmse_y": [10.0, 10.0, 10.0]}}
    return {f"loss_design/direct/{norm}": {"scores": found} for norm, found in both.items()}


def words(ax):
    return ax.get_legend_handles_labels()[1]


def test_the_right_answers_of_one_target_are_marked(ax):
    record = {"curves": {"y": Y.tolist(), "x_hat": [[0.0] * len(Y)] * 2}}
    pictures.asked_of_record(ax, record, 900)
    np.testing.assert_allclose(ax.lines[-1].get_ydata(), [-30, 30])
    assert [text.get_text() for text in ax.texts] == ["+30", "-30"]
    ax.figure.canvas.draw()


def test_answers_name_the_seed(ax, model, task):
    pictures.answers_by_seed(ax, model, task.targets(20, seed=0).y)
    assert words(ax) == ["exact, ±√y", "seed 4", "seed 5", "seed 6"]
    ax.figure.canvas.draw()


@pytest.mark.parametrize("most", [1, 2, 9])
def test_as_many_seeds_are_resimulated_as_there_are(ax, model, task, most):
    pictures.resimulated_by_seed(ax, model, task.targets(20, seed=0).y, most=most)
    assert words(ax) == ["exact", "seed 4", "seed 5", "seed 6"][: 1 + min(most, 3)]


def test_curves_have_names_and_points(ax):
    x = np.linspace(-33, 33, 30)
    pictures.curves_through(ax, x, {"mine": x, "yours": -x}, points=([1.0], [1.0]))
    assert words(ax) == ["x²", "mine", "yours", "known"]
    ax.figure.canvas.draw()


@pytest.mark.parametrize("names", [["one"], ["one", "two"]])
def test_a_panel_a_surrogate(model, task, names):
    x, points = task.grid(30).x, task.at([1.0])
    figure = pictures.surrogates(dict.fromkeys(names, model.surrogate), x=x, points=points)
    assert [ax.get_title() for ax in figure.axes] == names
    assert all(len(ax.lines) == 1 + 3 + 1 for ax in figure.axes)


def test_surrogate_and_effects_stand_side_by_side(model, task):
    x, points, y = task.grid(30).x, task.at([1.0]), task.targets(20, seed=0).y
    left, right = pictures.three_pairs(model, x=x, points=points, y=y).axes
    assert len(left.lines) == 1 + 3 + 1
    assert words(right) == ["exact", "seed 4", "seed 5"]


def test_a_model_without_surrogate_is_refused(task):
    model = invlab.get_method("direct", epochs=1, width=8).fit(task, task.grid(), seed=0)
    with pytest.raises(ValueError, match="surrogate"):
        pictures.three_pairs(model, x=task.grid(30).x, points=task.at([1.0]), y=task.grid().y)


def test_recorded_errors_show_every_seed_and_the_mean(ax, records):
    pictures.recorded_errors(ax, records, {"direct": "regression"})
    seeds, mean = ax.lines[0], ax.lines[1]
    np.testing.assert_allclose(seeds.get_xdata(), [1, 2, 3])
    np.testing.assert_allclose(mean.get_xdata(), 2)
    assert words(ax) == [r"$\ell_1$", r"$\ell_2$"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["regression"]


def test_an_interval_is_over_seeds_of_the_mean_over_norms(records):
    assert pictures.interval(records, "direct", "rmse_y", norms=["l2"]) == "10 [10, 10]"
    more = pictures.interval(records, "direct", "rmse_y", norms=["l2"], digits=".1f")
    assert more == "10.0 [10.0, 10.0]"
    mean, _, low, high = pictures.interval(records, "direct", "rmse_y").replace("[", "[ ").split()
    assert float(mean) == 6
    # three means half a unit apart: Student's t of two degrees of freedom
    half = 4.303 * 0.5 / 3**0.5
    ends = float(low.strip("[,")), float(high.strip("]"))
    assert ends == pytest.approx((6 - half, 6 + half), abs=0.06)
