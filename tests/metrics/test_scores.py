"""The score r_T: best of T guesses, invalid ones, and noise that makes one look good."""

from itertools import combinations

import numpy as np
import pytest
import torch

from invlab import get_task, r_T, resimulation_error
from invlab.metrics import best_of, invalid_share, scores
from invlab.runtime import generator

INF = torch.inf


def test_the_best_of_exchangeable_guesses_is_the_mean_over_all_subsets(device):
    errors = torch.rand(3, 6, generator=generator(0), dtype=torch.float64).to(device)
    expected = []
    for size in range(1, 7):
        subsets = list(combinations(range(6), size))
        best = [errors[:, list(chosen)].amin(1) for chosen in subsets]
        expected.append(torch.stack(best).mean().item())
    assert r_T(errors, exchangeable=True).tolist() == pytest.approx(expected)


def test_the_best_of_ranked_guesses_is_that_of_the_first(device):
    errors = torch.tensor([[4.0, 1.0, 2.0], [3.0, 5.0, 1.0]], device=device)
    assert r_T(errors, exchangeable=False).tolist() == [3.5, 2, 1]


def test_of_equal_ranked_guesses_the_first_is_taken(device):
    errors = torch.tensor([[1.0, 1.0, 1.0], [2.0, 1.0, 1.0], [INF, INF, 3.0]], device=device)
    held_out = torch.tensor([[1.0, 2.0, 3.0]] * 3, device=device)
    found = best_of(errors, exchangeable=False, held_out=held_out)
    assert found.tolist() == [[1, 1, 1], [1, 2, 2], [INF, INF, 3]]
    assert scores.best_so_far(errors).tolist() == [[0, 0, 0], [0, 1, 1], [0, 0, 2]]
    assert r_T(errors[:1], exchangeable=False, held_out=held_out[:1]).tolist() == [1, 1, 1]


@pytest.mark.parametrize("exchangeable", [True, False])
def test_the_best_of_more_guesses_is_never_worse(device, exchangeable):
    errors = torch.rand(5, 200, generator=generator(0)).to(device)
    found = r_T(errors, exchangeable=exchangeable)
    # logarithms of large factorials are known to about 1e-12
    assert (found.diff() <= 1e-9).all()
    assert found[-1].item() == pytest.approx(errors.amin(1).mean().item())
    if exchangeable:
        assert found[0].item() == pytest.approx(errors.mean().item())


def test_invalid_guesses_count_until_a_valid_one_is_certain(device):
    errors = torch.tensor([[torch.inf, 1.0, 3.0]], device=device)
    assert r_T(errors, exchangeable=False).tolist() == [torch.inf, 1, 1]
    # two of three always hold a valid one: subsets {inf, 1}, {inf, 3}, {1, 3}
    expected = [torch.inf, (1 + 3 + 1) / 3, 1]
    assert r_T(errors, exchangeable=True).tolist() == pytest.approx(expected)


@pytest.mark.parametrize("lost", [1, 3, 5])
def test_the_mean_over_subsets_is_exact_with_infinite_guesses(device, lost):
    errors = torch.rand(2, 6, generator=generator(1), dtype=torch.float64)
    errors[0, 1 : 1 + lost] = torch.inf
    expected = [
        torch.stack([errors[:, list(s)].amin(1) for s in combinations(range(6), k)]).mean().item()
        for k in range(1, 7)
    ]
    found = r_T(errors.to(device), exchangeable=True)
    assert found.tolist() == pytest.approx(expected)
    assert found.isinf().sum() == lost


def test_a_target_without_any_valid_guess_is_not_dropped(device):
    errors = torch.tensor([[1.0, 2.0], [torch.inf, torch.inf]], device=device)
    for exchangeable in (True, False):
        assert r_T(errors, exchangeable=exchangeable).tolist() == [torch.inf, torch.inf]


def test_the_order_of_exchangeable_guesses_means_nothing(device):
    errors = torch.rand(4, 9, generator=generator(2), dtype=torch.float64).to(device)
    found, turned = (r_T(e, exchangeable=True) for e in (errors, errors.flip(1)))
    torch.testing.assert_close(found, turned)


def test_thousands_of_guesses_are_weighted_without_overflow(device):
    errors = torch.linspace(1, 2, 2048, device=device)[None]
    found = r_T(errors, exchangeable=True)
    # the smallest of T of n equidistant numbers lies at (n + 1) / (T + 1)
    size = torch.arange(1, 2049, device=device).double()
    expected = 1 + (2049 / (size + 1) - 1) / 2047
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=0)


@pytest.mark.parametrize(("name", "dy"), [("sine", 1), ("robot_arm", 2)])
def test_draws_from_the_prior_follow_the_law_of_their_number(name, dy):
    # the nearest of T draws in dy dimensions: error like T ** (−2 / dy)
    task = get_task(name)
    y = task.targets(300, seed=0, dtype=torch.float64).y
    drawn = task.prior.sample(1000, generator=generator(3)).to(y).expand(300, -1, -1)
    found = r_T(resimulation_error(task, drawn, y), exchangeable=True)
    # where the density of y is bounded away from zero; rare targets keep the mean up
    slope = (found[199] / found[19]).log() / torch.tensor(10.0).log()
    assert slope.item() == pytest.approx(-2 / dy, rel=0.3)


@pytest.mark.parametrize("exchangeable", [True, False])
def test_a_single_nan_is_refused(device, exchangeable):
    errors = torch.ones(3, 4, device=device)
    errors[1, 2] = torch.nan
    with pytest.raises(ValueError, match="errors: expected numbers or infinity, got NaN"):
        r_T(errors, exchangeable=exchangeable)


def test_bad_errors_are_named(device):
    with pytest.raises(ValueError, match="errors: .*got NaN"):
        r_T(torch.full((2, 2), torch.nan, device=device), exchangeable=True)
    with pytest.raises(ValueError, match="errors: .*empty"):
        r_T(torch.zeros(2, 0, device=device), exchangeable=True)
    with pytest.raises(ValueError, match=r"errors: expected shape \(B, T\), got \(2,\)"):
        r_T(torch.zeros(2, device=device), exchangeable=True)


# Rules for invalid guesses


def test_guesses_left_out_are_as_if_they_had_not_been_drawn(device):
    errors = torch.tensor([[INF, 5.0, INF, 3.0, 4.0], [2.0, INF, 1.0, INF, INF]], device=device)
    # of the first row 5, 3, 4 are left, of the second 2, 1
    ranked = best_of(errors, exchangeable=False, invalid="skip")
    assert ranked.tolist() == [[5, 3, 3, 3, 3], [2, 1, 1, 1, 1]]
    drawn = best_of(errors, exchangeable=True, invalid="skip")
    # subsets of two of 5, 3, 4: 3, 4 and 3
    expected = [[4, (3 + 4 + 3) / 3, 3, 3, 3], [1.5, 1, 1, 1, 1]]
    torch.testing.assert_close(drawn.cpu(), torch.tensor(expected, dtype=torch.float64))


@pytest.mark.parametrize("exchangeable", [True, False])
def test_leaving_out_is_scoring_the_valid_guesses_alone(device, exchangeable):
    errors = torch.rand(6, 9, generator=generator(3), dtype=torch.float64).to(device)
    gone = torch.rand(6, 9, generator=generator(4)).to(device) < 0.4
    found = best_of(torch.where(gone, INF, errors), exchangeable=exchangeable, invalid="skip")
    for row, lost, got in zip(errors, gone, found, strict=True):
        alone = best_of(row[~lost][None], exchangeable=exchangeable)[0]
        torch.testing.assert_close(got[: len(alone)], alone)
        assert (got[len(alone) :] == alone[-1]).all()


@pytest.mark.parametrize("exchangeable", [True, False])
def test_a_target_without_a_valid_guess_is_infinite_by_both_rules(device, exchangeable):
    errors = torch.tensor([[INF, INF, INF], [1.0, 2.0, 3.0]], device=device)
    for rule in ("infinite", "skip"):
        found = best_of(errors, exchangeable=exchangeable, invalid=rule)
        assert found[0].isinf().all()
        assert found[1].isfinite().all()


@pytest.mark.parametrize("exchangeable", [True, False])
def test_a_number_is_what_an_invalid_guess_costs(device, exchangeable):
    errors = torch.tensor([[INF, 1.0, 3.0], [INF, INF, INF]], device=device)
    replaced = torch.tensor([[2.0, 1.0, 3.0], [2.0, 2.0, 2.0]], device=device)
    found = r_T(errors, exchangeable=exchangeable, invalid=2.0)
    assert found.tolist() == r_T(replaced, exchangeable=exchangeable).tolist()
    assert r_T(errors, exchangeable=exchangeable, invalid=0).isfinite().all()


@pytest.mark.parametrize("bad", ["nan", -1.0, torch.nan, INF, None, True])
def test_another_rule_is_named(device, bad):
    with pytest.raises(ValueError, match="invalid: expected 'infinite', 'skip' or a finite error"):
        r_T(torch.ones(1, 2, device=device), exchangeable=True, invalid=bad)


def test_the_share_of_invalid_guesses(device):
    errors = torch.tensor([[INF, 1.0], [2.0, 3.0]], device=device)
    assert invalid_share(errors) == 1 / 4
    assert invalid_share(errors[0, 1:]) == 0
    with pytest.raises(ValueError, match="errors: .*got NaN"):
        invalid_share(errors * torch.nan)


# Noise


def noisy_errors(device, seed, targets=400, guesses=50):
    """Errors that are luck alone."""
    draws = torch.randn(targets, guesses, generator=generator(seed), dtype=torch.float64)
    return draws.square().to(device)


@pytest.mark.parametrize("exchangeable", [True, False])
def test_judged_by_other_noise_equal_guesses_are_no_better_than_one(device, exchangeable):
    chosen, judged = noisy_errors(device, 0), noisy_errors(device, 1)
    lucky = r_T(chosen, exchangeable=exchangeable)
    honest = r_T(chosen, exchangeable=exchangeable, held_out=judged)
    assert lucky[-1] < 0.01
    # the mean of 400 squares of normal numbers: 1 ± 0.07
    assert honest[-1].item() == pytest.approx(1, abs=0.3)


def test_the_choice_is_made_by_the_errors_and_judged_by_the_others(device):
    errors = torch.tensor([[2.0, 1.0, 3.0]], device=device)
    other = torch.tensor([[10.0, 20.0, 30.0]], device=device)
    assert r_T(errors, exchangeable=False, held_out=other).tolist() == [10, 20, 20]
    # subsets of two choose guess 1, 0 and 1
    found = r_T(errors, exchangeable=True, held_out=other).tolist()
    assert found == pytest.approx([20, (20 + 10 + 20) / 3, 20])


@pytest.mark.parametrize("exchangeable", [True, False])
@pytest.mark.parametrize("rule", ["infinite", "skip", 7.0])
def test_a_guess_that_is_invalid_under_either_noise_is_invalid(device, exchangeable, rule):
    errors = torch.tensor([[1.0, 2.0, INF, 4.0]], device=device)
    other = torch.tensor([[INF, 5.0, 6.0, 8.0]], device=device)
    both = r_T(
        torch.tensor([[INF, 2.0, INF, 4.0]], device=device),
        exchangeable=exchangeable,
        invalid=rule,
        held_out=torch.tensor([[INF, 5.0, INF, 8.0]], device=device),
    )
    found = r_T(errors, exchangeable=exchangeable, invalid=rule, held_out=other)
    assert found.tolist() == both.tolist()
    assert found[-1] == 5


def test_the_same_numbers_are_not_taken_for_other_noise(device):
    errors = noisy_errors(device, 0)
    with pytest.raises(ValueError, match="held_out: expected errors under other noise"):
        r_T(errors, exchangeable=True, held_out=errors.clone())
    with pytest.raises(ValueError, match=r"held_out: expected shape \(400, 50\)"):
        r_T(errors, exchangeable=True, held_out=errors[:, 1:])


# Memory


@pytest.mark.parametrize("block", [1, 5, 1000])
def test_the_table_of_probabilities_is_made_in_blocks(device, monkeypatch, block):
    errors = torch.rand(3, 40, generator=generator(5), dtype=torch.float64).to(device)
    errors[0, :7] = INF
    whole = [r_T(errors, exchangeable=True, invalid=rule) for rule in ("infinite", "skip")]
    made = []
    table = scores._comes_first
    monkeypatch.setattr(scores, "BLOCK", block)
    monkeypatch.setattr(
        scores, "_comes_first", lambda n, size: made.append(table(n, size)) or made[-1]
    )
    parts = [r_T(errors, exchangeable=True, invalid=rule) for rule in ("infinite", "skip")]
    assert max(part.numel() for part in made) <= max(block, 40)
    for one, other in zip(whole, parts, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


def test_the_block_of_many_guesses_is_small():
    # 4000 guesses would need 128 MB for each table of all sizes
    assert scores.BLOCK <= 2**20
    errors = torch.rand(2, 4000, generator=generator(6), dtype=torch.float64)
    found = r_T(errors, exchangeable=True)
    assert found[0].item() == pytest.approx(errors.mean().item(), rel=1e-10)
    assert found[-1].item() == pytest.approx(errors.amin(1).mean().item(), rel=1e-10)
    assert (found.diff() <= 1e-9).all()


@pytest.mark.parametrize("no_switch", ["no", None, 1])
def test_whether_guesses_are_exchangeable_is_yes_or_no(no_switch):
    with pytest.raises(TypeError, match="exchangeable: expected True or False"):
        r_T(torch.rand(3, 2), exchangeable=no_switch)


def test_what_an_invalid_guess_costs_may_be_a_tensor_or_a_number_of_numpy():
    errors = torch.tensor([[1.0, torch.inf]])
    for cost in (2.0, torch.tensor(2.0), np.float32(2)):
        assert r_T(errors, exchangeable=True, invalid=cost)[0] == 1.5
    for wrong in (True, torch.tensor(-1.0), "none", None, torch.ones(2)):
        with pytest.raises(ValueError, match="invalid: expected 'infinite', 'skip' or"):
            r_T(errors, exchangeable=True, invalid=wrong)
