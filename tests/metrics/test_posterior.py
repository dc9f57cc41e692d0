"""Two-sample scores and modes, judged on laws that are known."""

import numpy as np
import pytest
import torch

from invlab import get_task
from invlab.metrics import posterior
from invlab.metrics.posterior import c2st, mmd2, mode_recall
from invlab.runtime import generator

WIDTHS = (0.05, 0.2, 0.9)


def normal(device, *shape, seed=0):
    return torch.randn(shape, generator=generator(seed, "normal"), dtype=torch.float64).to(device)


def standard_error(values):
    return values.std().item() / len(values) ** 0.5


# Maximum mean discrepancy


def by_double_loop(u, v, widths, unbiased):
    def mean(a, b, same):
        found = [
            sum(1 / (1 + (p - q).square().sum().item() / h**2) for h in widths)
            for i, p in enumerate(a)
            for j, q in enumerate(b)
            if not (same and unbiased and i == j)
        ]
        return sum(found) / len(found)

    return mean(u, u, True) + mean(v, v, True) - 2 * mean(u, v, False)


@pytest.mark.parametrize("unbiased", [True, False])
@pytest.mark.parametrize("widths", [WIDTHS, (0.7,)])
def test_the_discrepancy_is_a_double_loop_over_pairs(device, widths, unbiased):
    u, v = normal(device, 3, 12, 2), normal(device, 3, 9, 2, seed=1) + 0.3
    found = mmd2(u, v, widths=widths, unbiased=unbiased)
    expected = [by_double_loop(a, b, widths, unbiased) for a, b in zip(u, v, strict=True)]
    assert found.dtype == torch.float64
    assert found.tolist() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("dim", [1, 2, 4])
def test_the_unbiased_discrepancy_of_equal_laws_scatters_around_zero(device, dim):
    found = mmd2(normal(device, 200, 50, dim), normal(device, 200, 50, dim, seed=1))
    assert abs(found.mean().item()) < 3 * standard_error(found)
    assert (found < 0).double().mean().item() == pytest.approx(0.5, abs=0.2)


def test_the_biased_discrepancy_of_equal_laws_is_about_six_over_n(device):
    u, v = normal(device, 20, 200, 3), normal(device, 20, 200, 3, seed=1)
    biased = mmd2(u, v, unbiased=False)
    assert (biased > 0).all()
    assert biased.mean().item() == pytest.approx(6 / 200, rel=0.2)
    assert (mmd2(u, u, unbiased=False).abs() < 1e-12).all()


def test_a_point_against_a_wide_law_scores_two_to_three(device):
    point = torch.zeros(4, 100, 2, device=device, dtype=torch.float64)
    for unbiased in (True, False):
        found = mmd2(point, normal(device, 4, 100, 2), unbiased=unbiased)
        assert ((found > 2) & (found < 3)).all()


def test_the_discrepancy_grows_with_a_shift_and_is_symmetric(device):
    u, v = normal(device, 5, 200, 2), normal(device, 5, 200, 2, seed=1)
    near, far = mmd2(u, v + 0.5), mmd2(u, v + 2)
    assert (far > near).all()
    assert (near > 0.01).all()
    torch.testing.assert_close(mmd2(v + 2, u), far)


def test_targets_do_not_mix_and_the_order_of_draws_means_nothing(device):
    u, v = normal(device, 3, 20, 2), normal(device, 3, 30, 2, seed=1)
    together = mmd2(u, v)
    torch.testing.assert_close(mmd2(u[1:2], v[1:2]), together[1:2])
    torch.testing.assert_close(mmd2(u.flip(1), v.flip(1)), together)


def test_the_median_width_does_not_change_with_the_unit(device):
    u, v = normal(device, 3, 40, 2), normal(device, 3, 40, 2, seed=1) + 1
    found = mmd2(u, v, widths="median")
    torch.testing.assert_close(mmd2(100 * u, 100 * v, widths="median"), found)
    median = (u[0][:, None] - v[0]).norm(dim=-1).flatten().sort().values[(40 * 40 - 1) // 2]
    expected = mmd2(u[:1], v[:1], widths=[median.item()])
    torch.testing.assert_close(found[:1], expected)


@pytest.mark.parametrize(
    ("u", "v", "error", "message"),
    [
        ((2, 1, 3), (2, 5, 3), ValueError, "expected two draws or more, got 1 and 5"),
        ((2, 5, 3), (2, 1, 3), ValueError, "expected two draws or more, got 5 and 1"),
        ((5, 3), (5, 3), ValueError, r"u: expected shape \(B, n, d\), got \(5, 3\)"),
        ((2, 5, 3), (3, 5, 3), ValueError, r"v: expected shape \(2, m, 3\), got \(3, 5, 3\)"),
        ((2, 5, 3), (2, 5, 1), ValueError, r"v: expected shape \(2, m, 3\), got \(2, 5, 1\)"),
    ],
)
def test_draws_that_cannot_be_compared_are_named(device, u, v, error, message):
    with pytest.raises(error, match=message):
        mmd2(torch.ones(u, device=device), torch.ones(v, device=device))


def test_draws_that_are_no_numbers_are_named(device):
    u = torch.ones(1, 3, 2, device=device)
    with pytest.raises(ValueError, match="v: expected finite numbers, got 6 NaN"):
        mmd2(u, u * torch.nan)
    with pytest.raises(TypeError, match="u: expected a floating-point tensor"):
        mmd2(u.long(), u)


@pytest.mark.parametrize(
    "widths", ["mean", (), 0.0, (0.0,), [[1.0], [2.0]], (0.1, -1.0), (torch.nan,)]
)
def test_widths_that_are_none_are_named(device, widths):
    u = torch.ones(1, 3, 2, device=device)
    with pytest.raises(ValueError, match="widths: expected numbers above zero or 'median'"):
        mmd2(u, u, widths=widths)


def test_draws_that_coincide_have_a_width_all_the_same(device):
    same = torch.ones(1, 6, 1, device=device)
    assert mmd2(same, same, widths="median").item() == 0
    other = same.clone()
    other[0, 0] = 3.0  # most distances are zero, the others two
    torch.testing.assert_close(mmd2(same, other, widths="median"), mmd2(same, other, widths=[2.0]))


@pytest.mark.parametrize("block", [1, 30, 100])
def test_the_discrepancy_does_not_depend_on_how_many_pairs_are_held(device, monkeypatch, block):
    u, v = normal(device, 2, 23, 2), normal(device, 2, 17, 2, seed=1)
    whole = [mmd2(u, v, widths=w) for w in (WIDTHS, "median")]
    held = []
    similarity = posterior._similarity
    monkeypatch.setattr(posterior, "BLOCK", block)
    monkeypatch.setattr(
        posterior, "_similarity", lambda d, w: held.append(d.numel()) or similarity(d, w)
    )
    parts = [mmd2(u, v, widths=w) for w in (WIDTHS, "median")]
    assert max(held) <= max(block, 23)
    for one, other in zip(whole, parts, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-11, atol=1e-12)


def test_the_median_of_many_draws_is_that_of_some(device, monkeypatch):
    u, v = normal(device, 1, 300, 2), normal(device, 1, 300, 2, seed=1)
    whole = posterior._median(u[0], v[0])
    monkeypatch.setattr(posterior, "MEDIAN_DRAWS", 100)
    assert posterior._median(u[0], v[0]) == pytest.approx(whole, rel=0.1)


@pytest.mark.parametrize("name", ["sine", "ballistics", "robot_arm"])
def test_exact_draws_match_exact_draws(name):
    task = get_task(name)
    scale = task.prior.sample(2000, generator=generator(0)).std(0)
    y = task.targets(30, seed=4, dtype=torch.float64).y
    one, other = (task.posterior(y, 120, generator=generator(k)) / scale.to(y) for k in (0, 1))
    found = mmd2(one, other)
    assert abs(found.mean().item()) < 3 * standard_error(found)
    prior = task.prior.sample(120, generator=generator(2)).to(y) / scale.to(y)
    assert mmd2(prior.expand(30, -1, -1), other).mean().item() > 10 * standard_error(found)


# The classifier


def test_equal_laws_cannot_be_told_apart_and_shifted_ones_can(device):
    u, v = normal(device, 4, 300, 2), normal(device, 4, 300, 2, seed=1)
    v[2:] += 4
    found = c2st(u, v, epochs=20)
    assert found.shape == (4,)
    assert found.dtype == torch.float64
    # 600 judged draws a target: 0.02
    assert ((found[:2] - 0.5).abs() < 0.08).all()
    assert (found[2:] > 0.95).all()


def test_the_classifier_tells_prior_draws_from_rings(device):
    task = get_task("sine")
    y = task.targets(2, seed=0, dtype=torch.float64).y.to(device)
    exact = task.posterior(y, 1000)
    prior = task.prior.sample(1000, generator=generator(0)).to(y).expand(2, -1, -1)
    assert (c2st(prior, exact) > 0.8).all()


def test_the_classifier_repeats_itself_and_leaves_the_random_state_alone(device):
    u, v = normal(device, 2, 40, 1), normal(device, 2, 40, 1, seed=1) + 1
    before = torch.get_rng_state()
    first, again = (c2st(u, v, epochs=3) for _ in range(2))
    assert torch.equal(first, again)
    assert torch.equal(torch.get_rng_state(), before)
    assert not torch.equal(c2st(u, v, epochs=3, seed=1), first)


def test_the_classifier_asks_for_as_many_draws_of_both(device):
    u = torch.ones(2, 8, 1, device=device)
    with pytest.raises(ValueError, match=r"v: expected shape \(2, 8, 1\), got \(2, 7, 1\)"):
        c2st(u, u[:, 1:])
    with pytest.raises(ValueError, match="c2st: expected at least 4 draws a target, got 3"):
        c2st(u[:, :3], u[:, :3])


@pytest.mark.parametrize("scale", [1e-20, 1e20])
def test_the_classifier_does_not_depend_on_the_unit(device, scale):
    u, v = normal(device, 2, 60, 1), normal(device, 2, 60, 1, seed=1) + 1
    found = c2st(scale * u, scale * v, epochs=4)
    torch.testing.assert_close(found, c2st(u, v, epochs=4), rtol=0, atol=0.05)


def test_a_constant_component_tells_nothing(device):
    u, v = normal(device, 2, 100, 1), normal(device, 2, 100, 1, seed=1)
    constant = torch.full_like(u, 0.1)
    found = c2st(torch.cat([u, constant], 2), torch.cat([v, constant], 2), epochs=5)
    assert ((found - 0.5).abs() < 0.15).all()


def test_targets_may_be_told_apart_in_any_groups(device, monkeypatch):
    u, v = normal(device, 5, 40, 1), normal(device, 5, 40, 1, seed=1) + 1
    whole, sizes = c2st(u, v, epochs=3), []
    told_apart = posterior._told_apart
    monkeypatch.setattr(posterior, "BLOCK", 2 * 40 * 7)
    monkeypatch.setattr(
        posterior, "_told_apart", lambda u, *more: sizes.append(len(u)) or told_apart(u, *more)
    )
    torch.testing.assert_close(c2st(u, v, epochs=3), whole, rtol=0, atol=0.03)
    assert max(sizes) == 2


# Modes


def test_the_recall_of_modes_by_hand(device):
    exact = torch.tensor([[0, 0, 1, 1], [2, 2, 2, 2], [0, 1, 2, 3]], device=device)
    found = torch.tensor([[0, 0, 0, 0], [2, 0, 1, 3], [5, 5, 5, 5]], device=device)
    assert mode_recall(found, exact).tolist() == [1 / 2, 1, 0]


def test_a_mode_counts_from_a_part_of_its_exact_share(device):
    exact = torch.tensor([[0] * 10 + [1] * 10], device=device)
    found = torch.tensor([[0] * 19 + [1]], device=device)  # a tenth of one half
    assert mode_recall(found, exact).item() == 1
    assert mode_recall(found, exact, least=0.11).item() == 1 / 2


def test_exact_draws_find_every_mode_and_one_point_finds_one():
    task = get_task("sine")
    y = torch.tensor([[0.7], [-0.3]], dtype=torch.float64)
    one, other = (task.modes(task.posterior(y, 1000, generator=generator(k)), y) for k in (0, 1))
    assert mode_recall(one, other).tolist() == [1, 1]
    assert mode_recall(one[:, :1], other).tolist() == [1 / 12, 1 / 16]


def test_numbers_of_modes_may_be_large_and_missing_modes_are_none(device):
    exact = torch.tensor([[10**9, -5, -5]], device=device)
    found = torch.tensor([[10**9, 3]], device=device)
    assert mode_recall(found, exact).item() == 1 / 2


def test_the_recall_does_not_depend_on_how_many_targets_are_held(device, monkeypatch):
    draws = [torch.randint(4, (11, 30), generator=generator(k)).to(device) for k in (0, 1)]
    whole = mode_recall(*draws, least=0.9)
    monkeypatch.setattr(posterior, "BLOCK", 60)
    assert torch.equal(mode_recall(*draws, least=0.9), whole)


def test_modes_that_are_no_whole_numbers_are_named(device):
    exact = torch.zeros(2, 3, dtype=torch.long, device=device)
    with pytest.raises(TypeError, match="found: expected a tensor of whole numbers.*float32"):
        mode_recall(exact.float(), exact)
    with pytest.raises(TypeError, match="exact: .*list"):
        mode_recall(exact, exact.tolist())
    with pytest.raises(ValueError, match=r"found: expected shape .*\(1, 3\)"):
        mode_recall(exact[:1], exact)


def test_few_draws_and_single_widths_are_said_or_understood():
    u, v = torch.rand(2, 3, 1), torch.rand(2, 3, 1)
    with pytest.raises(ValueError, match="c2st: expected at least 4 draws"):
        c2st(u, v)
    kinds = [(0.5,), [torch.tensor(0.5)], np.float32(0.5), torch.tensor(0.5), iter([0.5])]
    for widths in kinds:
        torch.testing.assert_close(mmd2(u, v, widths=0.5), mmd2(u, v, widths=widths))


@pytest.mark.parametrize("widths", [True, [True, 0.5], None, ["a"], torch.tensor(True), 1j])
def test_widths_that_are_no_numbers_are_named(widths):
    u = torch.rand(1, 3, 1)
    with pytest.raises(TypeError, match="widths: expected a number or a list of them, got"):
        mmd2(u, u, widths=widths)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"fourier_octaves": -1}, ValueError, "fourier_octaves: expected at least 0, got -1"),
        ({"fourier_octaves": 1.5}, TypeError, "fourier_octaves: expected an int"),
        ({"width": 0}, ValueError, "expected at least 1, got 0"),
        ({"epochs": 0}, ValueError, "epochs: expected at least 1, got 0"),
    ],
)
def test_a_classifier_that_cannot_be_is_named(options, error, message):
    u = torch.rand(1, 8, 1)
    with pytest.raises(error, match=message):
        c2st(u, u, **options)
