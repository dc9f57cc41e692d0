"""SLCP: the simulator, and its posterior against Markov chains on the plain definition."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import kstest, multivariate_normal

from invlab.runtime import generator, seeded
from invlab.sampling import rejection
from invlab.tasks.slcp import SLCP

TASK = SLCP()


def test_points_have_the_mean_and_covariance_that_they_say():
    x = torch.tensor([0.7, -2.0, 1.2, 0.8, 0.5], dtype=torch.float64)
    with seeded(0):
        y = TASK.simulate(x.expand(5000, -1)).reshape(-1, 2)
    np.testing.assert_allclose(y.mean(0), x[:2], atol=0.05)
    np.testing.assert_allclose(np.cov(y.T.numpy()), covariance(x.numpy()), rtol=0.08)


def covariance(x):
    wide, high, tilt = x[2] ** 2, x[3] ** 2, math.tanh(x[4])
    return np.array([[wide**2, tilt * wide * high], [tilt * wide * high, high**2]])


def log_likelihood(x, y):
    """Of four points given ``(..., 5)``, by the inverse matrix of the definition."""
    wide, high, tilt = x[..., 2] ** 2, x[..., 3] ** 2, x[..., 4].tanh()
    rest = 1 - tilt.square()
    gap = (y.reshape(4, 2) - x[..., None, :2]) / torch.stack([wide, high], -1)[..., None, :]
    a, b = gap.unbind(-1)
    form = (a * a - 2 * tilt[..., None] * a * b + b * b).sum(-1) / rest
    return -form / 2 - 4 * (wide * high).log() - 2 * rest.log()


def test_the_likelihood_that_the_chains_see_is_scipys():
    x = torch.tensor([0.7, -2.0, 1.2, -0.8, 0.5], dtype=torch.float64)
    y = torch.tensor([[0.1, 0.3, 1.0, -2.0, 0.5, 0.5, -1.0, 0.2]], dtype=torch.float64)
    law = multivariate_normal(x[:2].numpy(), covariance(x.numpy()))
    expected = law.logpdf(y.reshape(4, 2).numpy()).sum() + 4 * math.log(2 * math.pi)
    assert float(log_likelihood(x, y[0])) == pytest.approx(expected)


def chains(y, many=2000, steps=1500):
    """The last states of independent chains in the box, ``(many, 5)``.

    They start at random and move by differences of other chains (ter Braak, 2006).
    """
    source = generator(3)
    rand = {"generator": source, "dtype": torch.float64}
    x = 6 * torch.rand(many, 5, **rand) - 3
    density = log_likelihood(x, y)
    for step in range(steps):
        # two halves in turn, so that a move and its reverse are as likely
        for some, other in (
            (slice(0, None, 2), slice(1, None, 2)),
            (slice(1, None, 2), slice(0, None, 2)),
        ):
            pool, mine = x[other], x[some]
            a, b = (pool[torch.randint(len(pool), (len(mine),), generator=source)] for _ in "ab")
            size = 1.0 if step % 10 == 0 else 2.38 / math.sqrt(10)
            new = mine + size * (a - b) + 1e-4 * torch.randn(len(mine), 5, **rand)
            log_new = torch.where(
                (new.abs() <= 3).all(-1), log_likelihood(new, y), -torch.inf
            ).nan_to_num(nan=-torch.inf)
            kept = torch.rand(len(mine), **rand).log() < log_new - density[some]
            x[some] = torch.where(kept[:, None], new, mine)
            density[some] = torch.where(kept, log_new, density[some])
    return x


def features(x):
    """Without the signs that do not count; and two products that see how they hang together."""
    wide, high = x[:, 2].abs(), x[:, 3].abs()
    return torch.stack([x[:, 0], x[:, 1], wide, high, x[:, 4], wide * high, x[:, 0] * x[:, 4]], 1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_posterior_is_that_of_long_chains(seed):
    y = TASK.targets(1, seed=seed, dtype=torch.float64).y
    peer = features(chains(y[0]))
    ours = features(TASK.posterior(y, 20_000, generator=generator(1))[0])
    for mine, other in zip(ours.T, peer.T, strict=True):
        # chains that moved by each other hang together a little
        assert kstest(mine.numpy(), other.numpy()).statistic < 0.05


@pytest.mark.slow
def test_signs_do_not_count():
    y = TASK.targets(3, seed=0, dtype=torch.float64).y
    x = TASK.posterior(y, 4000)
    heap = (x[..., 2] > 0).long() + 2 * (x[..., 3] > 0).long()
    for row in heap:
        share = row.bincount(minlength=4).double() / 4000
        assert (share - 0.25).abs().max() < 0.03
    assert TASK.box.contains(x).all()


@pytest.mark.parametrize("scale", [1e-3, 8.0])
def test_points_that_lie_close_or_far_have_their_posterior(scale):
    """Deviations follow the points as far as the box allows."""
    y = scale * torch.tensor([[1.0, 0.2, -1.0, 0.1, 0.3, -1.0, -0.3, 0.7]], dtype=torch.float64)
    x = TASK.posterior(y, 200)[0]
    assert TASK.box.contains(x).all()
    middle = float(x[:, 2].square().median())
    assert middle == pytest.approx(scale, rel=1) if scale < 1 else 4 < middle < 9


def test_bad_calls_are_refused(monkeypatch):
    with pytest.raises(ValueError, match="^slcp: y: expected shape"):
        TASK.posterior(torch.zeros(1, 3), 1)
    with pytest.raises(ValueError, match="^n: expected"):
        TASK.posterior(torch.ones(1, 8), 0)
    monkeypatch.setattr(rejection, "PATIENCE", 1000)
    far = torch.arange(8, dtype=torch.float64)[None] + 1e4
    with pytest.raises(ValueError, match="candidates were kept for density 0"):
        TASK.posterior(far, 1)
