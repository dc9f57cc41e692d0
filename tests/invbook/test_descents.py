"""Pictures of descents: crossings are found, right and wrong ends are told apart."""

import math

import matplotlib.pyplot as plt
import pytest
import torch

from invbook.figures.descents import LEAST, crossings, curves, descents, misfits


@pytest.fixture
def axes():
    yield plt.subplots(2, sharex=True)[1]
    plt.close("all")


def test_crossings_of_a_sine():
    found = crossings(torch.sin, 0.5, reach=math.pi)
    torch.testing.assert_close(found, torch.tensor([math.pi / 6, 5 * math.pi / 6]))


def test_a_level_that_is_never_reached_has_no_crossing():
    assert len(crossings(torch.sin, 2.0, reach=9.0)) == 0
    assert len(crossings(torch.zeros_like, 0.0, reach=9.0)) == 0


def test_right_and_wrong_ends_are_told_apart(axes):
    curves(axes[0], torch.sin, torch.sin, 0.5, 3.0, reach=9.0)
    before = len(axes[0].lines)
    starts, ends = torch.tensor([0.0, 1.0, 2.0]), torch.tensor([math.pi / 6, -4.0, 2.0])
    descents(axes, torch.sin, torch.sin, ends, starts, 0.5)
    right, wrong = axes[0].lines[before:]
    assert right.get_xdata().tolist() == [ends[0]]
    assert wrong.get_xdata().tolist() == ends[1:].tolist()
    assert len(axes[1].texts) == 3  # an arrow is an annotation
    axes[0].figure.canvas.draw()


def test_starts_and_ends_stand_on_the_error_that_the_search_sees(axes):
    axes[0].set_xlim(-3, 3)
    starts, ends = torch.tensor([0.0, 1.0]), torch.tensor([math.pi / 6, 1.0])
    misfits(axes[0], torch.sin, starts, ends, 0.5)
    surface, first, last = axes[0].lines
    assert (surface.get_xdata()[0], surface.get_xdata()[-1]) == (-3, 3)
    assert first.get_ydata()[0] == pytest.approx(0.25)
    assert last.get_ydata().tolist() == pytest.approx([LEAST, (math.sin(1) - 0.5) ** 2])
