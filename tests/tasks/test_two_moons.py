"""Two moons: the crescent, and its posterior against a grid of the plain definition."""

import math

import pytest
import torch
from scipy.stats import chisquare

from invlab.runtime import generator, seeded
from invlab.tasks.two_moons import TwoMoons

TASK = TwoMoons()


def test_moons_are_thin_crescents_that_the_unknowns_shift():
    x = torch.tensor([0.3, -0.5], dtype=torch.float64)
    with seeded(0):
        y = TASK.simulate(x.expand(4000, -1))
    shift = torch.tensor([-0.2, -0.8], dtype=torch.float64) / math.sqrt(2)
    moon = y - shift - torch.tensor([0.25, 0.0])
    assert float(moon.norm(dim=-1).mean()) == pytest.approx(0.1, abs=0.001)
    assert float(moon.norm(dim=-1).std()) == pytest.approx(0.01, rel=0.06)
    assert (moon[:, 0] > 0).double().mean() > 0.99
    # evenly in the angle
    angle = torch.atan2(moon[:, 1], moon[:, 0]) / math.pi + 0.5
    assert chisquare((10 * angle).long().clamp(0, 9).bincount(minlength=10)).pvalue > 1e-3


def test_only_the_size_of_the_sum_counts():
    x = torch.tensor([[0.3, -0.5], [0.5, -0.3]])
    found = []
    for row in x:
        with seeded(0):
            found.append(TASK.simulate(row))
    torch.testing.assert_close(*found)


def density(x, y):
    """Of y given x, by the definition: a normal radius and an even angle, ``(...)``."""
    total, gap = x[..., 0] + x[..., 1], x[..., 1] - x[..., 0]
    a = y[0] + total.abs() / math.sqrt(2) - 0.25
    b = y[1] - gap / math.sqrt(2)
    radius = torch.hypot(a, b)
    normal = torch.exp(-0.5 * ((radius - 0.1) / 0.01) ** 2)
    return torch.where(a > 0, normal / radius, 0.0)  # half a turn of angles


@pytest.mark.parametrize(
    "y",
    [[0.0, 0.0], [-0.6, 0.5], [0.28, 0.1], [0.3, -0.2], [-0.9, 0.2], [0.05, 1.2]],
    ids=["middle", "off the middle", "one heap", "cut at zero", "cut by the box", "near a corner"],
)
def test_the_posterior_is_that_of_a_fine_grid(y):
    """The shares of a 24 by 24 board, from a grid of 1200 by 1200 points of the definition."""
    side, n = 1200, 20_000
    line = (torch.arange(side, dtype=torch.float64) + 0.5) / side * 2 - 1
    weight = density(torch.stack(torch.meshgrid(line, line, indexing="ij"), -1), y)
    share = weight.reshape(24, 50, 24, 50).sum((1, 3)).flatten() / weight.sum()
    x = TASK.posterior(torch.tensor([y], dtype=torch.float64), n, generator=generator(1))[0]
    assert TASK.box.contains(x).all()
    place = ((x + 1) * 12).long().clamp_max(23)
    count = (24 * place[:, 0] + place[:, 1]).bincount(minlength=576).double()
    filled = share * n > 5
    seen = torch.cat([count[filled], count[~filled].sum()[None]])
    expected = torch.cat([share[filled], share[~filled].sum()[None]]) * n
    # a rest of less than a draw is none
    keep = expected > 1
    assert seen[~keep].sum() <= 5
    expected = expected[keep] * seen[keep].sum() / expected[keep].sum()
    assert chisquare(seen[keep], expected).pvalue > 1e-3


def test_bad_calls_are_refused():
    with pytest.raises(ValueError, match="^two_moons: y: expected shape"):
        TASK.posterior(torch.zeros(1, 3), 1)
    with pytest.raises(ValueError, match="^n: expected"):
        TASK.posterior(torch.zeros(1, 2), 0)
    with pytest.raises(ValueError, match=r"candidates were kept for density 1"):
        TASK.posterior(torch.tensor([[0.0, 0.0], [3.0, 0.0]]), 1)
