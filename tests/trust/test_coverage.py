"""Coverage of an exact posterior, of one that is too narrow, too wide and shifted."""

import math

import pytest
import torch
from scipy.stats import chi2, norm

import invlab
from invlab.runtime import generator
from invlab.trust import expected_coverage, rank_coverage, tarp
from invlab.trust.bands import uniform_band

A = torch.tensor([[1.0, 0.3], [0.2, 0.8], [0.5, -0.6]], dtype=torch.float64)
SIGMA = 0.5


class Gaussian:
    """The exact posterior of x ~ N(0, 1), y = A x + noise; its spread scaled, its mean moved."""

    name = "gaussian"

    def __init__(self, spread=1.0, shift=0.0, seed=0):
        precision = torch.eye(2, dtype=torch.float64) + A.T @ A / SIGMA**2
        self.root = spread * torch.linalg.cholesky(torch.linalg.inv(precision))
        self.gain = torch.linalg.inv(precision) @ A.T / SIGMA**2
        self.shift, self.seed = shift, seed

    def mean(self, y):
        return y @ self.gain.T + self.shift * self.root.diagonal()

    def propose(self, y, n=1, c=None, *, generator=None):
        draws = invlab.runtime.generator(self.seed, "draws") if generator is None else generator
        z = torch.randn(len(y), n, 2, generator=draws, dtype=torch.float64)
        return self.mean(y)[:, None] + z @ self.root.T

    def log_density(self, x, y, c=None):
        gap = x - self.mean(y)[:, None]
        z = torch.linalg.solve_triangular(self.root, gap.transpose(1, 2), upper=False)
        return -0.5 * z.square().sum(1) - self.root.diagonal().log().sum()


class Prior:
    """Knows nothing of y."""

    name = "prior"

    def propose(self, y, n=1, c=None, *, generator=None):
        draws = invlab.runtime.generator(5, "draws")
        return torch.randn(len(y), n, 2, generator=draws, dtype=torch.float64)

    def log_density(self, x, y, c=None):
        return -0.5 * x.square().sum(2)


def truths(count, seed=0):
    draws = generator(seed, "truths")
    x = torch.randn(count, 2, generator=draws, dtype=torch.float64)
    return x, x @ A.T + SIGMA * torch.randn(count, 3, generator=draws, dtype=torch.float64)


def highest_density(method, x, y, **options):
    return expected_coverage(method, x, y, **options)


def random_points(method, x, y, **options):
    return tarp(x, method.propose(y, 200), **options)


def ranks(method, x, y, **options):
    return rank_coverage(x, method.propose(y, 200), **options)


TESTS = [highest_density, random_points, ranks]


@pytest.mark.parametrize("test", TESTS)
def test_the_exact_posterior_stays_in_the_band_as_often_as_it_says(test):
    inside = 0
    for seed in range(60):
        x, y = truths(150, seed)
        inside += test(
            Gaussian(seed=seed), x, y, confidence=0.8, generator=generator(seed, "ties")
        ).calibrated
    # 48 of 60 expected, three standard deviations around; the band is made of whole counts
    assert 38 <= inside <= 59


@pytest.mark.parametrize("test", TESTS)
@pytest.mark.parametrize("wrong", [{"spread": 0.6}, {"spread": 1.7}, {"shift": 1.0}])
def test_a_wrong_posterior_leaves_the_band(test, wrong):
    x, y = truths(1500)
    right, curve = test(Gaussian(), x, y), test(Gaussian(**wrong), x, y)
    assert right.calibrated
    assert not curve.calibrated
    assert "outside the band" in str(curve)
    assert "inside the band" in str(right)


@pytest.mark.parametrize("spread", [0.5, 1.0, 2.0])
@pytest.mark.slow
def test_highest_density_coverage_is_the_exact_one(spread):
    x, y = truths(4000)
    curve = expected_coverage(Gaussian(spread), x, y, n=400)
    # regions of a Gaussian are ellipses, their content is that of chi-square
    exact = chi2.cdf(spread**2 * chi2.ppf(curve.level.numpy(), 2), 2)
    assert curve.coverage[0].tolist() == pytest.approx(exact.tolist(), abs=0.03)
    assert math.copysign(1, float(curve.excess)) == (1 if spread > 1 else -1) or spread == 1


@pytest.mark.parametrize("shift", [0.0, 0.7])
@pytest.mark.slow
def test_rank_curves_are_the_exact_ones(shift):
    x, y = truths(4000)
    model = Gaussian(shift=shift)
    curve = rank_coverage(x, model.propose(y, 400), labels=("a", "b"))
    spread = (model.root @ model.root.T).diagonal().sqrt()
    for k in range(2):
        moved = shift * float(model.root.diagonal()[k] / spread[k])
        exact = norm.cdf(norm.ppf(curve.level.numpy()) + moved)
        assert curve.coverage[k].tolist() == pytest.approx(exact.tolist(), abs=0.03)
    assert curve.labels == ("a", "b")


def by_hand(x, draws, references):
    """Algorithm 2 of Lemos et al. (2023), a target and a draw at a time."""
    scale = x.std(0, correction=0)
    shares = []
    for truth, some, center in zip(x, draws, references, strict=True):
        own = float((((truth - center) / scale) ** 2).sum())
        nearer = [float((((draw - center) / scale) ** 2).sum()) < own for draw in some]
        shares.append(sum(nearer) / len(nearer))
    return torch.tensor(shares, dtype=torch.float64)


def test_tarp_is_the_published_algorithm():
    x, y = truths(120)
    draws = Gaussian(0.7).propose(y, 60)
    references = torch.randn(120, 2, generator=generator(4), dtype=torch.float64)
    curve = tarp(x, draws, references=references)
    shares = by_hand(x, draws, references)
    exact = (shares[None] <= curve.level[:, None]).double().mean(1)
    # a rank among 61 places against a share of 60
    assert (curve.coverage[0] - exact).abs().max() < 0.05
    assert (curve.coverage[0] - exact).abs().mean() < 0.01


@pytest.mark.filterwarnings("ignore")
def test_tarp_agrees_with_sbi():
    module = pytest.importorskip("sbi.diagnostics.tarp")
    x, y = truths(600)
    draws = Gaussian(0.6).propose(y, 300)
    references = torch.randn(600, 2, generator=generator(4), dtype=torch.float64)
    scale = x.std(0, correction=0)
    theirs, alpha = module._run_tarp(
        (draws / scale).transpose(0, 1), x / scale, references / scale, num_bins=40
    )
    curve = tarp(x, draws, references=references)
    ours = torch.stack([(curve.level - a).abs().argmin() for a in alpha[1:-1]])
    assert (curve.coverage[0][ours] - theirs[1:-1]).abs().max() < 0.05


@pytest.mark.parametrize("test", TESTS)
def test_the_prior_passes_although_it_learned_nothing(test):
    x, y = truths(1000)
    assert test(Prior(), x, y).calibrated


def test_tarp_with_references_that_depend_on_y_sees_the_prior():
    x, y = truths(1000)
    towards = 2 * Gaussian().mean(y)
    assert not tarp(x, Prior().propose(y, 200), references=towards).calibrated
    assert tarp(x, Gaussian().propose(y, 200), references=towards).calibrated


def test_whole_numbers_are_calibrated_by_their_ties():
    law = torch.full((1500, 101), 0.7, dtype=torch.float64)
    numbers = torch.poisson(law, generator=generator(0, "counts"))
    x, draws = numbers[:, :1], numbers[:, 1:, None]
    assert rank_coverage(x, draws).calibrated
    assert tarp(x, draws).calibrated
    assert not rank_coverage(x + (x == 0), draws).calibrated


@pytest.mark.parametrize("n", [20, 500])
@pytest.mark.parametrize("confidence", [0.5, 0.95])
@pytest.mark.slow
def test_the_band_holds_uniform_samples_as_often_as_it_says(n, confidence):
    level = torch.arange(1, 40) / 40
    low, high = uniform_band(n, level, confidence)
    u = torch.rand(3000, 1, n, generator=generator(3), dtype=torch.float64)
    share = (u <= level.double()[:, None]).double().mean(2)
    inside = ((share >= low) & (share <= high)).all(1).double().mean()
    # counts are whole: the band holds at least what it says, and with many targets no more
    assert float(inside) >= confidence - 0.03
    assert float(inside) <= confidence + (0.05 if n > 100 else 0.35)


def test_methods_of_the_library_are_tested_by_name(device):
    task = invlab.get_task("sine")
    model = invlab.get_method("mixture_density", epochs=3, width=16).fit(task, task.sample(200))
    targets = task.targets(60, seed=1)
    curve = expected_coverage(model, targets.x, targets.y, n=20)
    assert curve.targets == 60
    table = invlab.get_method("nearest").fit(task, task.sample(100))
    with pytest.raises(TypeError, match="nearest: has no density; tarp"):
        expected_coverage(table, targets.x, targets.y)


def test_the_figure_shows_a_line_a_curve():
    x, y = truths(100)
    figure = rank_coverage(x, Gaussian().propose(y, 50), labels=("mass", "speed")).plot()
    (ax,) = figure.axes
    assert "95% band" in [artist.get_label() for artist in ax.collections]
    assert {line.get_label() for line in ax.get_lines()} >= {"mass", "speed"}
    assert ax.get_xlabel() == "level"


def test_equal_calls_give_equal_curves_and_leave_the_random_state_alone():
    x, y = truths(100)
    draws = Gaussian().propose(y, 50)
    before = torch.get_rng_state()
    assert torch.equal(tarp(x, draws).coverage, tarp(x, draws).coverage)
    assert torch.equal(torch.get_rng_state(), before)


def test_what_does_not_fit_is_refused():
    x, y = truths(20)
    draws = Gaussian().propose(y, 5)
    with pytest.raises(ValueError, match="draws: expected shape"):
        tarp(x, draws[:5])
    with pytest.raises(ValueError, match="references: expected shape"):
        tarp(x, draws, references=x[:5])
    with pytest.raises(ValueError, match="confidence: expected a share"):
        tarp(x, draws, confidence=95)
    with pytest.raises(ValueError, match="labels: expected 2 names"):
        rank_coverage(x, draws, labels=("a",))
    with pytest.raises(ValueError, match="at least 2 draws"):
        expected_coverage(Gaussian(), x, y, n=1)
    with pytest.raises(ValueError, match="of the same length"):
        expected_coverage(Gaussian(), x[:5], y)


class Narrow:
    """Says that x given y is uniform within 0.1 of y, where it is uniform within 1."""

    name, gives_density = "narrow", True

    def propose(self, y, n, c=None, *, generator=None):
        noise = torch.rand(len(y), n, 1, dtype=torch.float64, generator=generator)
        return y[:, None] + 0.2 * noise - 0.1

    def log_density(self, x, y, c=None):
        inside = ((x - y[:, None]).abs() <= 0.1)[..., 0]
        return torch.where(inside, math.log(5), -math.inf).double()


def test_truths_outside_of_the_support_are_not_covered():
    y = torch.rand(200, 1, dtype=torch.float64)
    x = y + 2 * torch.rand(200, 1, dtype=torch.float64) - 1
    found = expected_coverage(Narrow(), x, y, n=50)
    assert float(found.coverage[0, -2]) < 0.5
    nothing = Narrow()
    nothing.log_density = lambda x, y, c=None: torch.full(x.shape[:2], torch.nan)
    with pytest.raises(ValueError, match="log_density: expected no NaN"):
        expected_coverage(nothing, x, y, n=50)
