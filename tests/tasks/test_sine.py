"""The sine tasks: formulas, prior, and the closed-form posterior."""

import math

import pytest
import torch
from scipy.integrate import quad
from scipy.stats import kstest

from invlab import check_task
from invlab.runtime import generator
from invlab.tasks.sine import Sine


@pytest.mark.parametrize("dim", [1, 2])
def test_the_task_keeps_its_contract(dim):
    verdicts = check_task(Sine(dim))
    assert verdicts.passed, verdicts


def test_values_by_hand(device):
    x = torch.tensor([[0.0, 0.0], [1 / 6, 0.0], [-1 / 6, 1 / 3], [0.5, 0.5]], device=device)
    assert Sine().simulate(x)[:, 0].tolist() == pytest.approx([1, 2, -2, -1], abs=1e-6)
    assert Sine(1).simulate(torch.tensor([[math.pi / 6]]))[0, 0] == pytest.approx(0.5)


def test_y_has_mean_0_and_variance_1_and_x_is_not_a_grid():
    pairs = Sine().sample(100_000, dtype=torch.float64)
    assert pairs.y.mean().item() == pytest.approx(0, abs=0.016)  # 5 standard errors
    assert pairs.y.var().item() == pytest.approx(1, abs=0.012)
    assert len(pairs.x[:, 0].unique()) == 100_000


def test_training_validation_and_test_rows_are_disjoint():
    task = Sine()
    parts = [task.sample(1000).x, task.targets(1000, seed=0).x]
    parts.append(task.sample(1000, generator=generator(0, task.name, "validation")).x)
    assert len(torch.cat(parts).unique(dim=0)) == 3000


@pytest.mark.parametrize("y", [-1.7, -0.3, 0.01, 1.2])
def test_the_law_of_the_sine_along_the_ring(y):
    """Against the density [(1 − u²)(1 − (y − u)²)]^(−1/2), integrated by quadrature."""
    middle, half = y / 2, 1 - abs(y) / 2

    def mass(phi):
        u = middle + half * math.sin(phi)
        side = math.copysign(1, y)
        return ((1 + side * u) * (1 + side * (y - u))) ** -0.5

    total = quad(mass, -math.pi / 2, math.pi / 2, epsabs=1e-10)[0]
    x = Sine().posterior(torch.tensor([[y]], dtype=torch.float64), 4000)[0]
    u = (3 * math.pi * x[:, 0]).sin()
    phi = ((u - middle) / half).clamp(-1, 1).asin().sort().values.tolist()
    parts = [quad(mass, a, b)[0] for a, b in zip([-math.pi / 2, *phi[:-1]], phi, strict=True)]
    share = torch.tensor(parts, dtype=torch.float64).cumsum(0) / total
    assert kstest(share.numpy(), "uniform").pvalue > 1e-3


def test_all_36_pre_images_of_a_pair_are_equally_likely():
    x = Sine().posterior(torch.tensor([[0.8]]), 36_000)[0]
    periods = ((x + 1) * 1.5).floor().clamp(max=2)
    branch = torch.stack([(3 * math.pi * x[:, 0]).cos() > 0, (3 * math.pi * x[:, 1]).sin() > 0], 1)
    cells = torch.cat([periods, branch.float()], 1)
    # The third period of x₁ is counted from −1, so a branch moves between the halves: 36 in all.
    counts = cells.unique(dim=0, return_counts=True)[1].double()
    assert len(counts) == 36
    assert float(((counts - 1000) ** 2 / 1000).sum()) < 70  # chi-square, 35 degrees: p = 4e-4


def test_the_edges_and_the_degenerate_levels_are_finite():
    y = torch.tensor([[-2.0], [2.0], [0.0], [1e-14], [-1e-9]], dtype=torch.float64)
    task = Sine()
    x = task.posterior(y, 50)
    assert task.box.contains(x).all()
    assert (task.simulate(x) - y[:, None]).abs().max() < 1e-9


def test_a_line_has_two_answers_taken_equally_often():
    task = Sine(1)
    y = torch.tensor([[0.6], [-0.6], [1.0]], dtype=torch.float64)
    x = task.posterior(y, 4000)
    assert task.box.contains(x).all()
    assert (task.simulate(x) - y[:, None]).abs().max() < 1e-12
    near = x[:2].abs() < math.pi / 2
    assert (near.double().mean(1) - 0.5).abs().max() < 0.04  # 5 standard errors
    # Both answers to 0.6 lie in the right half, as in the supplement's Figure 6.
    assert (x[0] > 0).all()


@pytest.mark.parametrize("dim", [1, 2])
def test_bad_calls_are_refused(dim):
    task = Sine(dim)
    with pytest.raises(ValueError, match=rf"^{task.name}: expected targets in \[-{dim}, {dim}\]"):
        task.posterior(torch.tensor([[dim + 0.1]]), 1)
    with pytest.raises(ValueError, match=f"^{task.name}: y: expected shape"):
        task.posterior(torch.zeros(3), 1)
    with pytest.raises(ValueError, match="^n: expected"):
        task.posterior(torch.zeros(1, 1), 0)
    with pytest.raises(ValueError, match="^sine: expected dim=1 or dim=2, got 3"):
        Sine(3)
