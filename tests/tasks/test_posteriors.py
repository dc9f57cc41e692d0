"""The exact posteriors: re-simulation, simulation-based calibration, and rejection sampling."""

import math

import pytest
import torch
from scipy.stats import chisquare, ks_2samp, kstest

from invlab.runtime import generator
from invlab.sampling import grid
from invlab.sampling.grid import sample_on_grid
from invlab.tasks import ballistics, robot_arm
from invlab.tasks.ballistics import Ballistics
from invlab.tasks.robot_arm import RobotArm
from invlab.tasks.sine import Sine
from invlab.tasks.slcp import SLCP
from invlab.tasks.two_moons import TwoMoons

TASKS = {
    "sine": Sine(),
    "arm-difference": RobotArm("difference"),
    "arm-cumulative": RobotArm("cumulative"),
    "ball-exact": Ballistics(),
    "ball-grid": Ballistics("grid"),
}
# whose draws simulate to another y each time
NOISY = ("two_moons", "slcp")
by_task = pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)


def features(x, center):
    """Each unknown, and products that see how they hang together: ``(..., d) -> (..., f)``."""
    middle = x - center
    pairs = [middle[..., i] * middle[..., j] for i in range(x.shape[-1]) for j in range(i)]
    return torch.cat([x, torch.stack(pairs, -1)], -1)


def rank_p_values(truth, draws):
    """p-values of the chi-square test that the ranks of ``(B, f)`` in ``(B, n, f)`` are uniform."""
    below = (draws < truth[:, None]).sum(1)
    equal = (draws == truth[:, None]).sum(1)
    luck = torch.rand(truth.shape, generator=generator(7), dtype=torch.float64)
    ranks = below + (luck * (equal + 1)).floor()
    bins = (ranks * 16 / (draws.shape[1] + 1)).long()
    return [chisquare(column.bincount(minlength=16).numpy()).pvalue for column in bins.T]


@by_task
def test_each_draw_simulates_to_its_target(task):
    y = task.targets(20, seed=1, dtype=torch.float64).y
    x = task.posterior(y, 30)
    assert x.shape == (20, 30, task.x_dim)
    assert (task.simulate(x) - y[:, None]).abs().max() < 1e-9
    # no draw twice: resampling from a finite pool would repeat itself
    assert len(x.reshape(-1, task.x_dim).unique(dim=0)) == 600


@by_task
def test_seed_dtype_and_device(task, device):
    y = task.targets(3, seed=2).y
    x = task.posterior(y, 4, generator=generator(5))
    assert x.dtype == torch.float32
    assert x.device.type == device.type
    assert torch.equal(x, task.posterior(y, 4, generator=generator(5)))
    assert torch.equal(task.posterior(y, 4), task.posterior(y, 4))
    assert not torch.equal(x, task.posterior(y, 4, generator=generator(6)))


@pytest.mark.slow
@pytest.mark.parametrize("task", [*TASKS.values(), TwoMoons(), SLCP()], ids=[*TASKS, *NOISY])
def test_simulation_based_calibration(task):
    """Drawn from the prior, the truth has a uniform rank among posterior draws of its own y."""
    few = task is TASKS["ball-grid"] or task.name == "slcp"  # the slow ones
    targets = task.targets(160 if few else 640, seed=3, dtype=torch.float64)
    draws = task.posterior(targets.y, 63, generator=generator(4)).cpu()
    center = task.box.center
    p_values = rank_p_values(features(targets.x.cpu(), center), features(draws, center))
    assert min(p_values) > 1e-3, p_values


def test_calibration_notices_a_missing_jacobian():
    """The same test with u = sin 3πx₁ uniform along the ring, as if the slope did not matter."""
    task = TASKS["sine"]
    targets = task.targets(1000, seed=3, dtype=torch.float64)
    unit = torch.rand(1000, 63, generator=generator(4), dtype=torch.float64)
    y = targets.y.cpu()
    u = y / 2 + (1 - y.abs() / 2) * (2 * unit - 1)
    truth = (3 * math.pi * targets.x.cpu()[:, :1]).sin()
    assert min(rank_p_values(truth.abs(), u.abs()[..., None])) < 1e-6


@pytest.mark.parametrize("name", ["arm-difference", "arm-cumulative", "ball-exact"])
@pytest.mark.slow
def test_the_acceptance_step_loses_next_to_nothing(name, monkeypatch):
    """Where a density exceeds 3 times its cell's entry, what is beyond is lost: how much is it?"""
    lost = []

    def measured(table, log_density, cells, widths, n, *, generator):
        cell = torch.multinomial(table.softmax(-1), 2000, replacement=True, generator=generator)
        inside = torch.rand(*cell.shape, len(widths), generator=generator, dtype=torch.float64)
        points = cells[cell] + widths * (inside - 0.5)
        ratio = (log_density(points) - table.gather(-1, cell)).exp()
        lost.append((ratio - grid.BOUND).clamp_min(0).mean(-1) / ratio.mean(-1))
        return sample_on_grid(table, log_density, cells, widths, n, generator=generator)

    for module in (ballistics, robot_arm):
        monkeypatch.setattr(module, "sample_on_grid", measured)
    task = TASKS[name]
    task.posterior(task.targets(200, seed=5, dtype=torch.float64).y, 1)
    share = torch.cat(lost)
    assert share.mean() < 1e-3
    assert share.max() < 2e-2


def test_sampling_on_a_coarse_grid_is_exact():
    """A standard normal law beside an exponential one, from cells as wide as half a deviation."""

    def log_density(points):
        x = points[..., 0]
        # -1e4 stands for a density of zero
        both = torch.stack([-(x**2) / 2, torch.where(x > 0, -x, -1e4)])
        return both if points.ndim == 2 else torch.stack([both[0, 0], both[1, 1]])

    cells = (torch.arange(-20, 40, dtype=torch.float64)[:, None] + 0.5) * 0.5
    widths = torch.tensor([0.5], dtype=torch.float64)
    x = sample_on_grid(
        log_density(cells), log_density, cells, widths, 20_000, generator=generator(1)
    )[..., 0]
    assert kstest(x[0].numpy(), "norm").pvalue > 1e-3
    assert kstest(x[1].numpy(), "expon").pvalue > 1e-3


@pytest.mark.parametrize(
    ("name", "y", "tolerance"),
    [
        ("sine", [-0.3], 0.004),
        ("sine", [1.6], 0.004),
        ("arm-difference", [1.5, 0.3], 0.02),
        ("arm-difference", [0.9, -0.8], 0.03),
        ("arm-cumulative", [1.0, 1.2], 0.04),
        ("ball-exact", [5.0], 0.01),
        ("ball-exact", [12.0], 0.02),
    ],
)
@pytest.mark.slow
def test_agreement_with_rejection_sampling(name, y, tolerance):
    """Against prior draws whose y falls within the tolerance: Kolmogorov–Smirnov and moments."""
    task = TASKS[name]
    target = torch.tensor([y], dtype=torch.float64)
    pool = task.prior.sample(1_500_000, generator=generator(8))
    near = ((task.simulator(pool) - target).abs() < tolerance).all(-1)
    ours = task.posterior(target, 8000, generator=generator(9))[0]
    center = ours.mean(0)
    ours, peer = features(ours, center), features(pool[near], center)
    assert len(peer) > 400
    for column in range(peer.shape[1]):
        test = ks_2samp(ours[:, column].numpy(), peer[:, column].numpy())
        assert test.pvalue > 1e-3, (column, test)
    error = (ours.var(0) / len(ours) + peer.var(0) / len(peer)).sqrt()
    assert ((ours.mean(0) - peer.mean(0)).abs() < 5 * error).all()
