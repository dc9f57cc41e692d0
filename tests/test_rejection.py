"""Draws by rejection: as many as asked for, of the right law, and an end where there are none."""

import pytest
import torch

from invlab.runtime import generator
from invlab.sampling import rejection
from invlab.sampling.rejection import sample_by_rejection


def keeps(share):
    """Candidates named by their density and numbered, of which each density keeps a share."""
    source = generator(0)
    calls = []

    def propose(rows, m):
        calls.append((rows.tolist(), m))
        points = rows[:, None, None] + torch.rand(len(rows), m, 1, generator=source)
        kept = torch.rand(len(rows), m, generator=source) < torch.tensor(share)[rows][:, None]
        return points, kept

    return propose, calls


def test_each_density_gets_its_own_draws():
    propose, calls = keeps([1.0, 0.5, 0.01])
    x = sample_by_rejection(propose, 3, 40)
    assert x.shape == (3, 40, 1)
    assert (x[..., 0].floor() == torch.arange(3.0)[:, None]).all()
    assert len(x.unique()) == 120
    # who has enough is not asked again
    assert calls[0][0] == [0, 1, 2]
    assert calls[-1][0] == [2]


def test_rounds_stay_small(monkeypatch):
    monkeypatch.setattr(rejection, "ROUND", 300)
    propose, calls = keeps([0.5, 0.5, 0.02])
    assert sample_by_rejection(propose, 3, 20).shape == (3, 20, 1)
    assert max(len(rows) * m for rows, m in calls) <= 300


def test_a_density_without_draws_ends_it(monkeypatch):
    monkeypatch.setattr(rejection, "PATIENCE", 1000)
    with pytest.raises(ValueError, match=r"but 0 of \d+ candidates were kept for density 1$"):
        sample_by_rejection(keeps([1.0, 0.0])[0], 2, 4)
