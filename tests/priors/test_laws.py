"""Laws of other kinds: covariances, orders of magnitude, whole numbers, SciPy's and torch's."""

import json
import math

import numpy as np
import pytest
import torch
import torch.distributions as td
from scipy import stats

from invlab import Box, Integer, LogUniform, Normal, Poisson, Product, Task, as_prior
from invlab.priors import (
    NORMAL_95,
    Empirical,
    Prior,
    certain_box,
    from_json,
    integer_mask,
    is_bounded,
    to_json,
)
from invlab.priors.box import FAR, ends_of
from invlab.priors.restricted import Restricted
from invlab.runtime import generator
from invlab.tasks.ballistics import _StartHeight

COV = [[2.0, 0.5], [0.5, 1.0]]
TWO = torch.tensor([1.0, 2.0])

# law, whole numbers?, bounded?
OWN = [
    (Box([0.0], [2.0]), False, True),
    (Normal([0.0, 1.0], cov=COV), False, False),
    (Normal([0.0], [2.0]), False, False),
    (LogUniform([1e-3, 1.0], [10.0, 2.0]), False, True),
    (Integer([1, -3], [3, 9]), True, True),
    (Poisson([3.0]), True, False),
    (Empirical(torch.rand(40, 2)), False, True),
    (_StartHeight([1.5], [0.5]), False, False),
]
SCIPY = [
    (stats.gamma(2.0, scale=3.0), False, False),
    (stats.norm([0, 1], [1, 2]), False, False),
    (stats.beta(2, 3), False, True),
    (stats.truncnorm(-1, 2, loc=3), False, True),
    (stats.poisson(3), True, False),
    (stats.randint(1, 5), True, True),
    (stats.binom(10, 0.3), True, True),
    (stats.multivariate_normal([0, 1], COV), False, False),
]
TORCH = [
    (td.Normal(0.0, TWO), False, False),
    (td.Independent(td.Normal(torch.zeros(2), TWO), 1), False, False),
    (td.MultivariateNormal(torch.zeros(2), torch.tensor(COV)), False, False),
    (td.Uniform(1.0, 2.0), False, True),
    (td.Gamma(2.0, 3.0), False, False),
    (td.LogNormal(0.0, 1.0), False, False),
    (td.Dirichlet(torch.ones(3)), False, True),
    (td.Poisson(3.0), True, False),
    (td.Categorical(torch.tensor([0.2, 0.3, 0.5])), True, True),
    (td.Multinomial(5, torch.tensor([0.2, 0.8])), True, False),
]


def moved(law, *transforms):
    return td.TransformedDistribution(law, list(transforms))


def mixed(law):
    return td.MixtureSameFamily(td.Categorical(TWO), law)


UNIT = td.Uniform(0.0, 1.0)
UNIT_TWO = td.Uniform(torch.zeros(2), torch.ones(2))
APART = td.Uniform(torch.tensor([0.0, 2.0]), torch.tensor([1.0, 3.0]))
LOGIT = td.SigmoidTransform().inv
STACK = td.transforms.StackTransform([td.ExpTransform(), td.AffineTransform(1.0, 2.0)], dim=-1)
# without a description of their own
STRANGE = [
    stats.dirichlet([1.0, 2.0]),
    stats.multinomial(5, [0.2, 0.8]),
    td.MixtureSameFamily(td.Categorical(TWO), td.Normal(torch.tensor([-3.0, 3.0]), TWO)),
    td.TransformedDistribution(td.Normal(0.0, 1.0), [td.ExpTransform()]),
    moved(UNIT, td.AffineTransform(1.0, -2.0), td.ExpTransform()),
    moved(UNIT, LOGIT),
    moved(UNIT_TWO, STACK),
    moved(td.Normal(TWO, 1.0), td.StickBreakingTransform()),
    mixed(APART),
    mixed(td.Pareto(TWO, TWO)),
    mixed(moved(APART, td.ExpTransform())),
    mixed(td.Poisson(TWO)),
    stats.rv_histogram(np.histogram([1.0, 2.0, 2.5]))(),
]
KNOWN = [*OWN, *SCIPY, *TORCH]
every = pytest.mark.parametrize(
    "law",
    [*(law for law, *_ in KNOWN), *STRANGE],
    ids=lambda law: type(law).__name__ + getattr(getattr(law, "dist", None), "name", ""),
)


@every
def test_a_law_gives_seeded_float64_draws_and_leaves_the_callers_alone(law):
    prior = as_prior(law)
    before = torch.get_rng_state()
    assert isinstance(prior, Prior)
    draws = prior.sample(np.int64(7), generator=generator(1))
    assert draws.shape == (7, prior.dim)
    assert (draws.dtype, draws.device.type) == (torch.float64, "cpu")
    assert torch.equal(draws, prior.sample(7, generator=generator(1)))
    assert not torch.equal(draws, prior.sample(7, generator=generator(2)))
    assert torch.equal(torch.get_rng_state(), before)
    with pytest.raises(ValueError, match="n: expected at least 1"):
        prior.sample(0)


@every
def test_the_range_holds_all_or_95_percent_of_each_unknown(law):
    prior = as_prior(law)
    draws = prior.sample(4000, generator=generator(0))
    inside = (draws >= prior.bounds.low) & (draws <= prior.bounds.high)
    if is_bounded(prior):
        assert inside.all()
    # of 4000 draws the share has a standard deviation of 0.0035
    assert inside.double().mean(0).min() > 0.935
    narrower = (draws - prior.bounds.center).abs() < 0.45 * prior.bounds.width
    if not is_bounded(prior) and not integer_mask(prior).any():
        assert narrower.double().mean(0).max() < 0.99


@every
def test_a_density_keeps_leading_shapes_and_the_dtype(law):
    prior = as_prior(law)
    if not hasattr(prior, "log_prob"):
        pytest.skip("a law of rows has no density")
    draws = prior.sample(50, generator=generator(0))
    logs = prior.log_prob(draws)
    assert logs.shape == (50,)
    assert logs.isfinite().all()
    assert prior.log_prob(draws.float().reshape(5, 10, -1)).shape == (5, 10)
    assert prior.log_prob(draws.float()).dtype == torch.float32


@pytest.mark.parametrize(("law", "whole", "bounded"), KNOWN, ids=lambda law: type(law).__name__)
def test_which_unknowns_are_whole_and_whether_the_law_ends(law, whole, bounded):
    prior = as_prior(law)
    assert integer_mask(prior).tolist() == [whole] * prior.dim
    assert is_bounded(prior) is bounded
    if whole:
        draws = prior.sample(50)
        assert torch.equal(draws, draws.round())
        assert (prior.log_prob(draws + 0.5) == -torch.inf).all()


@pytest.mark.parametrize(("law", "whole", "bounded"), KNOWN, ids=lambda law: type(law).__name__)
def test_json_brings_the_same_law_back(law, whole, bounded):
    prior = as_prior(law)
    said = json.loads(json.dumps(to_json(prior)))
    again = from_json(said)
    draws = [one.sample(9, generator=generator(3)) for one in (prior, again)]
    assert torch.equal(*draws)
    assert torch.equal(again.bounds.low, prior.bounds.low)
    assert to_json(again) == said
    both = Product(Box([0.0], [1.0]), law)
    mixed = from_json(json.loads(json.dumps(to_json(both))))
    assert torch.equal(*(one.sample(3, generator=generator(0)) for one in (both, mixed)))


@pytest.mark.parametrize("law", STRANGE, ids=lambda law: type(law).__name__)
def test_a_law_that_json_cannot_hold_is_named(law):
    with pytest.raises(TypeError, match="cannot be described as JSON; use a Box"):
        to_json(as_prior(law))


class Mine:
    dim, bounds = 1, Box([0.0], [1.0])

    def sample(self, n, *, generator=None):
        return self.bounds.sample(n, generator=generator)


def test_a_prior_of_somebody_else_is_taken_as_it_is_and_named_where_json_is_asked():
    mine = Mine()
    assert as_prior(mine) is mine
    assert integer_mask(mine).tolist() == [False]
    assert not is_bounded(mine)
    with pytest.raises(TypeError, match="Mine object.*cannot be described as JSON"):
        to_json(mine)


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"kind": "Cone"},
        {"kind": "Box", "low": [0.0]},
        {"kind": "os:system"},
        {"kind": "scipy", "name": "ttest_ind", "args": [], "kwargs": {}},
        {"kind": "torch", "name": "kl_divergence", "parameters": {}, "dtypes": {}},
    ],
)
def test_what_describes_no_prior_is_refused(said):
    with pytest.raises(ValueError, match="prior: cannot be made of"):
        from_json(said)


@pytest.mark.parametrize(
    ("law", "came"),
    [
        (stats.norm, r"give its numbers, as in scipy.stats.norm\(...\)"),
        (stats.dirichlet, r"give its numbers, as in scipy.stats.dirichlet\(...\)"),
        (stats.multivariate_normal, r"as in scipy.stats.multivariate_normal\(...\)"),
        (stats.rv_histogram(np.histogram([1.0, 2.0])), r"got rv_histogram; freeze it: law\(\)"),
        (stats.rv_discrete(values=([1, 2], [0.5, 0.5])), r"freeze it: law\(\)"),
        (stats.gaussian_kde([1.0, 2.0, 4.0]), r"Empirical\(law.resample\(10_000\).T\)"),
        (td.Normal, r"got type Normal; give one of its kind, as in Normal\(...\)"),
        (3, "got int"),
        ((0, 1), "got int"),
        ([], "got list"),
    ],
)
def test_what_is_no_law_is_refused(law, came):
    with pytest.raises(TypeError, match=f"must have dim, bounds and sample.*{came}"):
        as_prior(law)


def test_a_law_of_matrices_is_refused():
    for law in (stats.wishart(3, np.eye(2)), td.Normal(torch.zeros(2, 2), 1.0)):
        with pytest.raises(ValueError, match=r"a draw of .* has shape \(2, 2\)"):
            as_prior(law)


def test_a_task_takes_laws_where_it_takes_priors():
    prior = [stats.norm(0, 2), td.Uniform(0.0, 1.0), Integer([1], [6])]
    task = Task("dice", lambda x, c: x * c, prior, context=stats.gamma(2))
    pairs = task.sample(5)
    assert pairs.x.shape == (5, 3)
    assert pairs.c.shape == (5, 1)
    assert task.integer.tolist() == [False, False, True]


def test_correlated_draws_have_the_covariance():
    prior = Normal([1.0, -1.0], cov=COV)
    draws = prior.sample(20_000, generator=generator(0))
    assert torch.allclose(draws.T.cov(), torch.tensor(COV).double(), atol=0.08)
    assert prior.std.tolist() == pytest.approx([math.sqrt(2), 1])
    expected = stats.multivariate_normal([1, -1], COV).logpdf(draws[:9].numpy())
    assert prior.log_prob(draws[:9]).numpy() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("law", "peer"),
    [
        (Normal([1.0], [2.0]), stats.norm(1, 2).logpdf),
        (LogUniform([0.1], [10.0]), stats.loguniform(0.1, 10).logpdf),
        (Poisson([3.0]), stats.poisson(3).logpmf),
        (Integer([1], [6]), stats.randint(1, 7).logpmf),
        (Box([1.0], [3.0]), stats.uniform(1, 2).logpdf),
    ],
)
def test_densities_are_those_of_scipy(law, peer):
    x = torch.tensor([[1.0], [2.0], [2.5], [-1.0], [50.0]], dtype=torch.float64)
    assert law.log_prob(x).numpy() == pytest.approx(peer(x[:, 0].numpy()))


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize(
    "law",
    [
        stats.dirichlet([2.0, 3.0, 4.0]),
        stats.vonmises_fisher([0, 0, 1], 20),
        stats.uniform(0.1, 0.2),
        stats.multivariate_hypergeom([10, 5, 3], 6),
        td.Dirichlet(torch.tensor([2.0, 3.0, 4.0])),
        td.Uniform(torch.tensor(0.1, dtype=torch.float64), torch.tensor(0.3, dtype=torch.float64)),
    ],
    ids=lambda law: type(law).__name__,
)
def test_a_law_has_a_density_at_draws_of_its_own_that_were_rounded(law, dtype):
    prior = as_prior(law)
    draws = prior.sample(200, generator=generator(0))
    if prior.dim == 1:
        draws = torch.cat([draws, prior.bounds.high[None] - 1e-12])
    exact, found = prior.log_prob(draws), prior.log_prob(draws.to(dtype)).double()
    assert found.isfinite().all()
    assert torch.allclose(found, exact, atol=500 * torch.finfo(dtype).eps)


@pytest.mark.parametrize(
    ("law", "x"),
    [
        (stats.dirichlet([2.0, 3.0]), [0.3, 0.701]),
        (stats.vonmises_fisher([0, 1], 20), [0.0, 1.001]),
        (stats.uniform(0.1, 0.2), [0.3001]),
        (stats.multivariate_hypergeom([5, 3], 2), [1.5, 0.5]),
        (td.Dirichlet(torch.tensor([2.0, 3.0])), [0.3, 0.701]),
        (td.Uniform(0.1, 0.3), [0.3001]),
    ],
    ids=lambda law: type(law).__name__,
)
def test_a_point_that_no_rounding_led_off_the_support_has_no_density(law, x):
    for dtype in (torch.float32, torch.float64):
        assert as_prior(law).log_prob(torch.tensor([x], dtype=dtype)).tolist() == [-math.inf]


@pytest.mark.parametrize(
    ("law", "low", "high", "off"),
    [
        (moved(UNIT, td.AffineTransform(1.0, 2.0)), [1.0], [3.0], [[0.0], [3.5]]),
        (moved(UNIT, td.AffineTransform(1.0, -2.0)), [-1.0], [1.0], [[-1.5], [2.0]]),
        (moved(UNIT, td.ExpTransform()), [1.0], [math.e], [[0.5], [5.0], [-1.0]]),
        (moved(UNIT, LOGIT), [-math.inf], [math.inf], []),
        (moved(UNIT, td.PowerTransform(torch.tensor(-1.0))), [1.0], [math.inf], [[0.5], [-1.0]]),
        (moved(td.Normal(0.0, 1.0), td.SigmoidTransform()), [0.0], [1.0], [[1.5], [-1.0]]),
        (
            td.Independent(moved(UNIT_TWO, td.AffineTransform(1.0, torch.tensor([2.0, -1.0]))), 1),
            [1.0, 0.0],
            [3.0, 1.0],
            [[2.0, 2.0], [0.0, 0.5]],
        ),
        (
            moved(
                td.Independent(UNIT_TWO, 1),
                td.ComposeTransform([td.AffineTransform(1.0, 2.0), td.ExpTransform()]),
            ),
            [math.e] * 2,
            [math.e**3] * 2,
            [[5.0, 2.0], [21.0, 5.0]],
        ),
        (moved(UNIT_TWO, STACK), [-math.inf] * 2, [math.inf] * 2, [[5.0, 2.0], [2.0, 0.0]]),
        (mixed(APART), [0.0], [3.0], [[-0.5], [1.5], [4.0]]),
        (mixed(td.Pareto(TWO, TWO)), [1.0], [math.inf], [[0.5]]),
        (
            mixed(td.Independent(td.Uniform(torch.eye(2), torch.eye(2) + 1), 1)),
            [0.0, 0.0],
            [2.0, 2.0],
            [[0.5, 0.5], [1.5, 1.5]],
        ),
        (mixed(moved(APART, td.ExpTransform())), [1.0], [math.e**3], [[0.5], [5.0], [21.0]]),
    ],
)
def test_a_law_made_of_others_ends_where_these_do(law, low, high, off):
    prior = as_prior(law)
    assert [end.tolist() for end in prior.ends] == [pytest.approx(low), pytest.approx(high)]
    assert prior.bounded == bool(torch.isfinite(torch.stack(prior.ends)).all())
    draws = prior.sample(1000, generator=generator(0))
    for rows in (draws, draws.float()):
        assert prior.log_prob(rows).isfinite().all()
    # one that is off costs the others nothing
    logs = prior.log_prob(torch.cat([draws[:1], torch.tensor(off).double().reshape(-1, prior.dim)]))
    assert logs.isfinite().tolist() == [True, *[False] * len(off)]


def test_the_density_of_a_law_made_of_others_is_that_of_the_law_that_it_is():
    x = torch.tensor([[0.5], [1.5], [2.0], [2.9], [20.0]], dtype=torch.float64)
    one = as_prior(moved(UNIT, td.AffineTransform(1.0, 2.0))).log_prob(x)
    torch.testing.assert_close(one, Box([1.0], [3.0]).log_prob(x))
    other = as_prior(moved(UNIT, td.ExpTransform())).log_prob(x)
    torch.testing.assert_close(other, LogUniform([1.0], [math.e]).log_prob(x), rtol=0, atol=1e-6)
    both = as_prior(mixed(APART)).log_prob(x).exp()
    assert both.tolist() == pytest.approx([1 / 3, 0, 2 / 3, 2 / 3, 0])
    task = Task("moved", lambda x: x, moved(UNIT, td.AffineTransform(1.0, 2.0)))
    assert str(task.answer_box) == "Box([1.0], [3.0])"


class Choosy(td.Exponential):
    """It refuses what is below its range by itself, and says nothing of a support."""

    @property
    def support(self):
        raise NotImplementedError

    def log_prob(self, value):
        if bool((value < 0).any()):
            raise ValueError("expected positive numbers")
        return self.rate.log() - self.rate * value


def test_a_row_that_a_law_refuses_costs_the_others_nothing():
    for law in (Choosy(1.0, validate_args=False), Choosy(TWO[:1], validate_args=False)):
        logs = as_prior(law).log_prob(torch.tensor([[[1.0], [-1.0]], [[2.0], [3.0]]]))
        assert logs.tolist() == [[-1.0, -math.inf], [-2.0, -3.0]]


def test_a_point_off_a_law_made_of_others_does_not_spoil_the_slopes():
    x = torch.tensor([[2.0], [5.0], [-1.0]], requires_grad=True)
    as_prior(moved(UNIT, td.ExpTransform())).log_prob(x).sum().backward()
    assert x.grad.flatten().tolist() == [-0.5, 0.0, 0.0]


@pytest.mark.parametrize(
    ("law", "x", "peer"),
    [
        (Poisson([1e6]), 1e6, stats.poisson(1e6).logpmf),
        (Normal([123456789.0], [3.0]), 123456784.0, stats.norm(123456789, 3).logpdf),
        (Normal([123456789.0], cov=[[9.0]]), 123456784.0, stats.norm(123456789, 3).logpdf),
    ],
)
def test_a_density_keeps_its_digits_at_points_of_float32(law, x, peer):
    point = torch.tensor([[x]], dtype=torch.float32)
    assert law.log_prob(point).item() == pytest.approx(peer(point.double().item()), rel=1e-7)


def test_the_density_of_a_product_keeps_the_digits_of_its_factors():
    far, near = Box([0.0], [1e-38]), Box([0.0], [1.1])
    logs = Product(far, *[near] * 2000).log_prob(torch.full((1, 2001), 5e-39))
    assert logs.item() == pytest.approx(38 * math.log(10) - 2000 * math.log(1.1), rel=2e-7)


def test_a_frozen_law_is_called_by_its_name_only_if_scipy_knows_it():
    found = [repr(as_prior(law)) for law in (stats.gamma(2.0), STRANGE[-1])]
    assert found == ["scipy.stats.gamma(2.0)", "rv_histogram()"]


@every
def test_points_of_another_dimension_are_refused(law):
    law = as_prior(law)
    asked = [getattr(law, name) for name in ("log_prob", "contains", "clip") if hasattr(law, name)]
    assert asked or isinstance(law, Empirical)
    inside = law.bounds.center
    # one number would spread over all, a longer row over one
    for x in (torch.ones(3, law.dim + 1), inside[0], *([torch.ones(3, 1)] if law.dim > 1 else [])):
        for ask in asked:
            with pytest.raises(ValueError, match=rf"expected shape \(..., {law.dim}\), got"):
                ask(x)
    for ask in asked:
        with pytest.raises(TypeError, match="use torch.as_tensor"):
            ask([0.0] * law.dim)


def test_a_start_that_is_put_on_the_ground_has_the_weight_of_all_below():
    law = _StartHeight([0.0], [1.0])
    logs = law.log_prob(torch.tensor([[0.0], [1.0], [-1.0]]))
    assert logs[0].exp() == pytest.approx(0.5)
    assert logs[1] == pytest.approx(stats.norm().logpdf(1))
    assert logs[2] == -torch.inf


def test_each_whole_number_is_as_likely_and_both_ends_come():
    draws = Integer([1], [6]).sample(12_000, generator=generator(0))
    counts = torch.bincount(draws[:, 0].long(), minlength=7)
    assert counts[0] == 0
    # 2000 each, with a standard deviation of 41
    assert (counts[1:] - 2000).abs().max() < 200


def test_each_order_of_magnitude_is_as_likely():
    draws = LogUniform([1e-4], [1.0]).sample(8000, generator=generator(0)).log10().floor()
    assert (torch.bincount((draws[:, 0] + 4).long()) - 2000).abs().max() < 200


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Normal([0.0]), TypeError, "either std or cov"),
        (lambda: Normal([0.0], [1.0], cov=[[1.0]]), TypeError, "either std or cov"),
        (lambda: Normal([0.0, 0.0], cov=[[1.0]]), ValueError, r"cov of shape \(2, 2\)"),
        (lambda: Normal([0.0, 0.0], cov=[[1.0, 2.0], [2.0, 1.0]]), ValueError, "positive definite"),
        (lambda: Normal([0.0, 0.0], cov=[[1.0, 0.2], [0.0, 1.0]]), ValueError, "symmetric"),
        (lambda: LogUniform([0.0], [1.0]), ValueError, "low above zero"),
        (lambda: Integer([0.5], [3]), ValueError, "whole numbers"),
        (lambda: Integer([3], [3]), ValueError, "low < high"),
    ],
)
def test_bad_numbers_of_a_law_are_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_laws_owe_nothing_to_gradients_defaults_and_the_callers_tensors():
    mean = torch.zeros(2, requires_grad=True)
    prior = Normal(mean, np.ones(2, dtype=np.float32))
    torch.set_default_device("meta")
    torch.set_default_dtype(torch.float64)
    try:
        laws = [prior, Poisson([2.0]), Integer([0], [2]), Empirical(torch.ones(2, 2, device="cpu"))]
        laws += [as_prior(stats.gamma(2.0)), as_prior(stats.norm([0, 1]))]
        for law in laws:
            draws = law.sample(3, generator=generator(0))
            assert draws.device.type == law.bounds.low.device.type == "cpu"
            assert not draws.requires_grad
    finally:
        torch.set_default_device(None)
        torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize(
    ("prior", "low", "high"),
    [
        (Normal([0.0], [1.0]), -math.inf, math.inf),
        (Box([1.0], [2.0]), 1.0, 2.0),
        (Poisson([3.0]), 0.0, math.inf),
        (as_prior(stats.gamma(2.0, loc=1.0)), 1.0, math.inf),
        (as_prior(td.Exponential(torch.tensor([1.0]))), 0.0, math.inf),
        (Restricted(Normal([0.0], [1.0]), box=Box([-5.0], [4.0])), -5.0, 4.0),
        (Restricted(Poisson([3.0]), box=Box([-5.0], [4.0])), 0.0, 4.0),
        (Restricted(Normal([0.0], [1.0]), box=Box([2.0], [FAR])), 2.0, math.inf),
    ],
    ids=str,
)
def test_where_a_law_ends(prior, low, high):
    ends = [float(end) for end in ends_of(prior)]
    assert ends == [low, high]
    assert prior.bounded == all(map(math.isfinite, ends))
    both = ends_of(Product(prior, Normal([0.0], [1.0])))
    assert [end.tolist() for end in both] == [[low, -math.inf], [high, math.inf]]
    box = certain_box(prior)
    assert (box is None) == (ends == [-math.inf, math.inf])
    assert box is None or bool(box.contains(prior.sample(200, generator=generator(0))).all())


def test_the_range_of_a_law_cut_beyond_it_is_as_wide():
    cut = Restricted(Normal([0.0], [1.0]), box=Box([2.5], [FAR])).bounds
    assert float(cut.low) == 2.5
    assert float(cut.width) == pytest.approx(2 * NORMAL_95)
    assert str(Box([0.0], [FAR])) == "Box([0.0], [inf])"


def test_a_prior_of_ones_own_that_says_bounded_ends_there():
    class Own:
        dim, bounded, bounds = 1, True, Box([0.0], [2.0])

    class Unsaid:
        dim, bounds = 1, Box([0.0], [2.0])

    assert certain_box(Own()).high.tolist() == [2.0]
    assert certain_box(Unsaid()) is None


@pytest.mark.parametrize("law", [Integer, LogUniform])
def test_an_error_speaks_of_the_law_that_was_asked_for(law):
    with pytest.raises(ValueError, match=f"{law.__name__}: expected low < high"):
        law([1], [1])


def test_a_smaller_box_around_a_law_is_written_and_read():
    law = Restricted(Box([0.0], [1.0]), box=Box([0.0], [0.5]))
    again = from_json(to_json(law))
    assert isinstance(again, Restricted)
    assert again.sample(100).max() <= 0.5


@pytest.mark.parametrize("unit", [1.0, 1e-10, 1e10])
def test_a_covariance_is_symmetric_in_any_unit(unit):
    with pytest.raises(ValueError, match="finite and symmetric"):
        Normal([0, 0], cov=torch.tensor([[1.0, 0.5], [0.0, 1.0]]) * unit)
    Normal([0, 0], cov=torch.tensor([[1.0, 0.5], [0.5, 1.0]]) * unit)
    with pytest.raises(ValueError, match="finite and symmetric"):  # each in a unit of its own
        Normal([0, 0], cov=[[1e12, 9e4], [0.0, 1e-2]])


def test_infinity_is_no_count():
    x = torch.tensor([[torch.inf], [-torch.inf]])
    assert Poisson([3.0]).log_prob(x).tolist() == [-torch.inf, -torch.inf]


@pytest.mark.parametrize("kind", [">f8", np.longdouble, float])
def test_laws_take_arrays_of_any_order_of_bytes_and_any_stride(kind):
    cov = np.array([[1.0, 0.5], [0.5, 4.0]], dtype=kind)[::-1, ::-1]
    assert Normal(cov[0], cov=cov).cov.tolist() == [[4.0, 0.5], [0.5, 1.0]]
    assert Empirical(cov).x.tolist() == cov.tolist()
    assert Box(cov[1], cov[1] + 1).low.tolist() == [0.5, 1.0]
