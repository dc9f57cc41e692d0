"""Every recurring figure draws, without a warning, what it was given."""

import inspect

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

import invlab
from invbook import figures

pytestmark = pytest.mark.usefixtures("style")


@pytest.fixture(params=["tensor", "array", "list"])
def give(request, device):
    """Numbers as a tensor on the device with a gradient, as an array, or as lists."""
    if request.param == "tensor":
        return lambda values: torch.as_tensor(values, device=device).requires_grad_()
    return np.asarray if request.param == "array" else lambda values: np.asarray(values).tolist()


Y = np.linspace(0, 1089, 20)


def last(ax, which=-1):
    line = ax.lines[which]
    return line.get_xdata(), line.get_ydata()


def words(ax):
    return ax.get_legend_handles_labels()[1]


@pytest.mark.parametrize("members", [1, 7])
def test_answers_of_each_seed_lie_over_both_branches(ax, give, members):
    x_hat = np.stack([np.sqrt(Y) * (k + 1) / members for k in range(members)])
    figures.answers(ax, give(Y), give(x_hat), labels=["first"])
    assert len(ax.lines) == 2 + members
    x, y = last(ax)
    # each seed shows every K-th target, so that none hides the others
    np.testing.assert_allclose(x, Y[members - 1 :: members])
    np.testing.assert_allclose(y, np.sqrt(x))
    np.testing.assert_allclose(ax.lines[0].get_ydata(), np.sqrt(ax.lines[0].get_xdata()))
    assert words(ax) == ["exact, ±√y", "first"]
    ax.figure.canvas.draw()


def test_one_seed_may_come_without_its_axis(ax, give):
    figures.answers(ax, give(Y), give(np.sqrt(Y)))
    assert len(ax.lines) == 3


def test_the_resimulated_lie_beside_the_diagonal(ax, give):
    figures.resimulated(ax, give(Y), give(Y + 1), label="mine")
    x, y = last(ax)
    np.testing.assert_allclose(y - x, 1)
    assert words(ax) == ["exact", "mine"]
    ax.figure.canvas.draw()


@pytest.mark.parametrize("members", [1, 7])
def test_a_surrogate_of_each_seed_lies_beside_the_square(ax, give, members):
    x = np.linspace(-33, 33, 30)
    f_hat = np.stack([x**2 + k for k in range(members)])
    figures.forward_fit(ax, give(x), give(f_hat), points=(give([1.0, 2.0]), give([1.0, 4.0])))
    assert len(ax.lines) == 1 + members + 1
    np.testing.assert_allclose(last(ax, -2)[1], x**2 + members - 1)
    assert words(ax) == ["exact, x²", "surrogate f̂", "training points"]
    ax.figure.canvas.draw()


@pytest.mark.parametrize("shape", [(6,), (6, 3)])
def test_the_total_is_the_sum_of_the_terms(ax, give, shape):
    first = np.arange(1.0, 1 + np.prod(shape)).reshape(shape)
    figures.loss_terms(ax, {"F": give(first), "DER": give(2 * first)}, names={"F": "loss F"})
    assert words(ax) == ["loss F", "DER", "total"]
    np.testing.assert_allclose(last(ax)[1], np.median(3 * first.reshape(6, -1), axis=1))
    assert ax.get_yscale() == "log"
    ax.figure.canvas.draw()


def test_the_total_can_be_left_out(ax):
    figures.loss_terms(ax, {"F": [1.0, 0.5]}, total=False)
    assert words(ax) == ["F"]


@pytest.mark.parametrize(
    ("share", "l1", "l2"),
    [(0.5, (-10, 10), (0, 0)), (0.7, (10, 10), (4, 4)), (1.0, (10, 10), (10, 10))],
)
def test_the_minimisers_of_both_norms_are_marked(share, l1, l2):
    # l2: the mean of ±10 with weights share and 1 − share; the guesses are 0.1 apart
    axes = plt.subplots(1, 2)[1]
    figures.guess_losses(axes, 100.0, share=share)
    for ax, expected in zip(axes, (l1, l2), strict=True):
        minimisers = next(line for line in ax.lines if line.get_label() == "minimisers")
        np.testing.assert_allclose(minimisers.get_xdata(), expected, atol=0.06)
    axes[0].figure.canvas.draw()


@pytest.mark.parametrize("y", [0.0, 1.0, 1089.0])
def test_the_losses_of_a_guess_draw_at_both_ends(y):
    axes = plt.subplots(1, 2)[1]
    figures.guess_losses(axes, y)
    axes[0].figure.canvas.draw()


def test_each_throw_lands_at_its_mark(ax, give):
    paths = np.cumsum(np.ones((7, 4, 2)), axis=1)
    figures.throws(ax, give(paths))
    assert len(ax.lines) == 1 + 3 * 7
    assert last(ax) == ([4.0], [4.0])
    ax.figure.canvas.draw()


def test_each_arm_ends_at_its_mark(ax, give):
    joints = np.arange(7 * 5 * 2, dtype=float).reshape(7, 5, 2)
    figures.arms(ax, give(joints), labels=["first"])
    assert len(ax.lines) == 1 + 2 * 7
    # the origin of the slider is no part of the arm
    np.testing.assert_allclose(last(ax, -2)[0], joints[-1, 1:, 0])
    assert last(ax) == ([joints[-1, -1, 0]], [joints[-1, -1, 1]])
    assert words(ax) == ["first"]
    ax.figure.canvas.draw()


@pytest.mark.parametrize("y", [-2.0, -0.3, 0.0, 2.0])
def test_the_rings_are_where_the_sine_task_says(ax, give, y):
    guesses = np.array([[0.1, 0.2], [-0.5, 0.4]])
    figures.rings(ax, y, give(guesses))
    np.testing.assert_allclose(np.stack(last(ax), 1), guesses)
    contours = [part for part in ax.collections if hasattr(part, "levels")]
    assert len(contours) == (abs(y) < 2)
    for contour in contours:
        x = torch.as_tensor(np.concatenate([path.vertices for path in contour.get_paths()]))
        assert (invlab.get_task("sine").simulate(x) - y).abs().max() < 1e-2
    ax.figure.canvas.draw()


def test_the_loss_map_has_the_first_unknown_across(ax, give):
    error = np.array([[1e-9, 1.0, np.inf], [1e-2, 1e3, 1.0]])
    mesh = figures.loss_map(ax, give([0.0, 1.0]), give([0.0, 1.0, 2.0]), give(error))
    shown = mesh.get_array()
    assert shown.shape == (3, 2)
    assert shown.mask.tolist() == [[False, False], [False, False], [True, False]]
    np.testing.assert_allclose(shown.compressed(), [1e-4, 1e-2, 1, 10, 1])
    assert (mesh.norm.vmin, mesh.norm.vmax) == (1e-4, 10)
    ax.figure.canvas.draw()


@pytest.mark.parametrize("length", [1, 200])
def test_error_curves_start_at_one_guess_and_skip_what_is_infinite(ax, give, length):
    r = 1 / np.arange(1, length + 1) ** 2
    r[0] = np.inf
    figures.error_curves(ax, {"mine": give(r)}, paper={1: 1e-2, 50: 1e-5})
    count, shown = ax.lines[0].get_data()
    assert count[0] == 1
    assert len(count) == length
    assert np.isnan(shown[0])
    np.testing.assert_allclose(shown[1:], r[1:])
    np.testing.assert_allclose(last(ax), [[1, 50], [1e-2, 1e-5]])
    assert words(ax) == ["mine", "the paper's NA"]
    ax.figure.canvas.draw()


def test_the_numbers_are_not_changed(ax):
    values = np.ones((4, 2))
    figures.loss_terms(ax, {"F": values})
    figures.answers(ax, Y, np.sqrt(Y))
    figures.loss_map(ax, range(4), range(2), values)
    figures.error_curves(ax, {"mine": values[:, 0]})
    assert (values == 1).all()


def test_the_style_has_a_white_ground():
    assert plt.rcParams["figure.facecolor"] == plt.rcParams["axes.facecolor"] == "white"


def test_every_figure_is_named():
    own = {
        name
        for name, value in vars(figures).items()
        if inspect.isfunction(value)
        and value.__module__ == figures.__name__
        and not name.startswith("_")
    }
    missing = sorted(own - set(figures.__all__))
    assert not missing, f"invbook/figures.py: name {', '.join(missing)} in __all__"


@pytest.mark.parametrize("title", ["", "a title"])
def test_a_legend_above_hides_neither_the_panel_nor_its_title(ax, title):
    ax.plot([0, 1], label="a line")
    ax.set_title(title)
    figures.legend_above(ax)
    ax.figure.canvas.draw()
    legend, panel, words = (part.get_window_extent() for part in (ax.get_legend(), ax, ax.title))
    assert legend.y0 >= max(panel.y1, words.y1 if title else 0)


def test_a_legend_below_has_each_label_once():
    figure, axes = plt.subplots(1, 2)
    for panel in axes:
        panel.plot([0, 1], label="in both")
    axes[1].plot([1, 0], label="in one")
    figures.legend_below(figure)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["in both", "in one"]
    plt.close(figure)


def test_a_decision_chart_shows_each_question_beside_its_method(ax):
    rows = [
        {"have": "noise", "method": "cinn", "also": ["flow_matching"], "regret": 1.05, "cases": 1},
        {"have": "gradients", "method": "neural_adjoint", "also": [], "regret": 1.3, "cases": 7},
        {"have": "haste", "method": "cinn", "also": [], "regret": 2.0, "cases": 9},
    ]
    figures.decision_chart(ax, rows)
    texts = {text.get_text(): text for text in ax.texts if text.get_text()}
    for have, take, behind in (
        ("noise", "cinn or flow matching", "1.1 × the best, only one simulator"),
        ("gradients", "neural adjoint", "1.3 × the best, 7 simulators"),
        ("haste", "cinn", "2 × the best, 9 simulators"),
    ):
        assert texts[have].get_position()[1] == texts[take].get_position()[1] or take == "cinn"
        assert behind in texts
    assert texts["What do you have?"]
    # one method has one colour and one dash, other methods have others
    edges = {name: texts[name].get_bbox_patch() for name in ("noise", "gradients", "haste")}
    assert edges["noise"].get_edgecolor() == edges["haste"].get_edgecolor()
    assert edges["noise"].get_edgecolor() != edges["gradients"].get_edgecolor()
    assert edges["noise"].get_linestyle() != edges["gradients"].get_linestyle()
    ax.figure.canvas.draw()
    with pytest.raises(ValueError, match="record the study first"):
        figures.decision_chart(ax, [])
