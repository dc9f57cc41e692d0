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


def pieces(y, n=3000):
    """Draws of each mode of an exact posterior, by its number."""
    target = torch.tensor([[y]], dtype=torch.float64)
    x = Sine().posterior(target, n)
    number = Sine().modes(x, target)
    assert number.shape == (1, n)
    assert number.dtype == torch.int64
    return {k: x[number == k] for k in number.unique().tolist()}


@pytest.mark.parametrize(
    ("y", "count"), [(0.7, 12), (-0.3, 16), (1.8, 9), (0.05, 12), (-1.6, 12), (-1.9, 12)]
)
def test_the_modes_are_the_connected_pieces_of_the_solutions(y, count):
    modes = pieces(y)
    assert len(modes) == count
    boxes = [(x.amin(0), x.amax(0)) for x in modes.values()]
    for i, (low, high) in enumerate(boxes):
        assert (high - low <= 2 / 3).all()
        for other_low, other_high in boxes[:i]:
            assert ((high < other_low) | (other_high < low)).any()


@pytest.mark.parametrize("y", [0.7, -0.3, 1.2, -1.7])
def test_draws_of_one_mode_hang_together(y):
    for x in pieces(y, 6000).values():
        near = torch.cdist(x, x) < 0.08
        reached = torch.zeros(len(x), dtype=torch.bool)
        reached[0] = True
        while (grown := near[reached].any(0)).sum() > reached.sum():
            reached = grown
        assert reached.all()


def test_a_guess_outside_the_square_or_off_the_ring_has_a_mode_too():
    y = torch.tensor([[0.7], [-0.7]])
    x = torch.tensor([[[5.0, 5.0], [-5.0, 0.0], [0.0, 0.1]]]).expand(2, -1, -1)
    assert Sine().modes(x, y).shape == (2, 3)


def test_modes_are_whole_numbers_from_zero_up_within_the_square():
    y = torch.tensor([[0.7], [-0.7]])
    x = Sine().prior.sample(2000, generator=generator(0)).float().expand(2, -1, -1)
    modes = Sine().modes(x, y)
    assert modes.min() >= 0
    # the cells of another sign are shifted by half a wave
    assert (modes[0] != modes[1]).any()


def test_modes_asked_for_wrongly_are_refused():
    x, y = torch.zeros(2, 3, 2), torch.ones(2, 1)
    with pytest.raises(ValueError, match="sine_1d: modes are defined for .* two unknowns"):
        Sine(1).modes(x[..., :1], y)
    with pytest.raises(ValueError, match=r"sine: x: expected shape \(B, n, 2\), got \(2, 2\)"):
        Sine().modes(x[:, 0], y)
    with pytest.raises(ValueError, match="x has 2, y has 1"):
        Sine().modes(x, y[:1])


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
