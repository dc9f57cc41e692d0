"""Diagrams of methods: every sign is drawn, and what is not there cannot be compared."""

import matplotlib.pyplot as plt
import pytest

from invbook.diagram import chain

NODES = [("y", "data"), ("I", "network", "trained"), ("x̂", "value"), ("f", "simulator")]


def texts(figure):
    return {text.get_text() for text in figure.axes[0].texts}


def test_all_signs_and_losses_are_written():
    figure = chain(NODES, losses=[("y", "x̂", "misfit")], into={"I": "z"}, moves="y")
    assert {"y", "I", "x̂", "f", "trained", "misfit", "z", "gradient"} <= texts(figure)
    plt.close(figure)


def test_everything_lies_inside_of_the_axes():
    figure = chain(NODES, losses=[("y", "x̂", "one"), ("x̂", "f", "two")], into={"I": "z"})
    ax = figure.axes[0]
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    for text in ax.texts:
        x, y = text.get_position()
        assert left < x < right
        assert low < y < high
    plt.close(figure)


def test_no_arrow_leads_to_a_target():
    arrows = [
        sum(type(patch).__name__ == "FancyArrowPatch" for patch in figure.axes[0].patches)
        for figure in (chain([("x", "data"), ("y", kind)]) for kind in ("value", "target"))
    ]
    assert arrows == [1, 0]
    plt.close("all")


@pytest.mark.parametrize(
    "wrong", [{"losses": [("y", "q", "m")]}, {"into": {"q": "z"}}, {"moves": "q"}]
)
def test_a_sign_that_is_not_there_is_named(wrong):
    with pytest.raises(ValueError, match="expected one of y, I, x̂, f, got 'q'"):
        chain(NODES, **wrong)
