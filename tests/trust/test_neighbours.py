"""Distances in standard deviations, with numbers that never vary."""

import pytest
import torch

from invlab.runtime import generator
from invlab.trust.neighbours import Neighbours, beside


def test_distances_are_in_standard_deviations_of_each_number():
    points = torch.tensor([[0.0, 0.0], [2.0, 200.0]])
    near = Neighbours(points)
    assert near.nearest(torch.tensor([[0.0, 100.0], [3.0, 200.0]])).tolist() == [1.0, 1.0]
    assert near.rows(torch.tensor([[0.1, 30.0]]), 2).tolist() == [[0, 1]]


def test_a_number_that_never_varies_is_left_out_and_watched():
    points = torch.randn(40, 3, generator=generator(0))
    points[:, 1] = 7.0
    near = Neighbours(points)
    assert near.varies.tolist() == [True, False, True]
    moved = points[:3].clone()
    moved[:, 1] = torch.tensor([7.0, 7.0 + 1e-6, 8.0])
    assert near.nearest(moved).tolist() == pytest.approx([0.0, 0.0, 0.0])
    assert near.breaks_constants(moved).tolist() == [False, False, True]


@pytest.mark.parametrize("shift", [1e-3, 1.0])
def test_a_zero_that_is_not_zero_is_seen(shift):
    points = torch.randn(40, 2, generator=generator(1)) * torch.tensor([1.0, 0.0])
    moved = points[:1] + torch.tensor([0.0, shift])
    assert Neighbours(points).breaks_constants(moved).tolist() == [True]


def test_rounding_of_a_large_constant_is_no_variation():
    points = torch.randn(40, 2, generator=generator(2))
    points[:, 1] = 1000.0 + 1e-4 * torch.arange(40) / 40
    assert Neighbours(points).varies.tolist() == [True, False]


def test_points_that_are_all_equal_have_no_distance():
    near = Neighbours(torch.ones(5, 2))
    assert near.nearest(torch.ones(2, 2)).tolist() == [0.0, 0.0]
    assert near.breaks_constants(torch.tensor([[1.0, 1.0], [1.0, 2.0]])).tolist() == [False, True]


def test_contexts_stand_behind_flat_points():
    points, c = torch.zeros(2, 2, 2), torch.ones(2, 1, dtype=torch.float64)
    together = beside(points, c)
    assert together.shape == (2, 5)
    assert together.dtype == torch.float64
    assert together[:, -1].tolist() == [1.0, 1.0]
