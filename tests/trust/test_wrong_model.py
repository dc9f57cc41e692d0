"""Data of a slightly different simulator are seen, and data of the right one are not accused."""

import pytest
import torch

import invlab
from invlab import Pairs
from invlab.runtime import generator
from invlab.trust import BoundWorth, ErrorBound, predictive_check, worth_of_bound
from invlab.trust.per_cent import level_in_words, per_cent

from .cases import bend, bend_seen, bend_task, known_surrogate, three_parts

NOISE = 0.05


class Draws:
    """Draws around the x that fits best; too wide by a factor, or spoilt for some targets."""

    def __init__(self, spread=0.05, fails=False):
        self.spread, self.fails = spread, fails

    def propose(self, y, n=1, c=None, *, generator=None):
        z = torch.randn(len(y), n, 2, generator=invlab.runtime.generator(0, "draws"))
        x = y[:, None, :2] + self.spread * z.to(y)
        if self.fails:
            x[::3, ::2] = torch.nan
            x[0] = torch.nan
        return x


def noisy(gain=1.0, name="noisy"):
    """The curved surface with noise; ``gain`` tilts its third number."""

    def simulate(x):
        y = bend(x) * torch.tensor([1.0, 1.0, gain], dtype=x.dtype)
        return y + NOISE * torch.randn_like(y)

    return invlab.Task(name, simulate, invlab.Box([-1, -1], [1, 1]), noisy=True)


def check(real, method=None, *, rows=200, seed=1, **options):
    held = three_parts(noisy(), 300)[0]
    (data,) = three_parts(real, rows, seed=seed)
    return predictive_check(noisy(), method or Draws(), data.y, held, **options)


def test_data_of_the_same_simulator_are_not_accused():
    together = [check(noisy(), seed=seed).together for seed in range(2, 22)]
    assert sum(p <= 0.05 for p in together) <= 4
    found = check(noisy())
    assert float((found.p_value <= 0.1).double().mean()) == pytest.approx(0.1, abs=0.07)
    assert "nothing speaks against" in str(found)


@pytest.mark.parametrize("gain", [1.4, 0.6])
def test_data_of_a_tilted_simulator_are_seen(gain):
    found = check(noisy(gain))
    assert found.together < 1e-3
    assert float((found.p_value <= 0.05).double().mean()) > 0.15
    assert "do not look like data" in str(found)


def test_noise_that_is_larger_than_assumed_is_seen():
    def simulate(x):
        return bend(x) + 3 * NOISE * torch.randn_like(bend(x))

    loud = invlab.Task("loud", simulate, invlab.Box([-1, -1], [1, 1]), noisy=True)
    assert check(loud).together < 1e-3


def test_a_badly_trained_method_makes_it_blind_and_not_unjust():
    wide = Draws(spread=0.5)
    assert check(noisy(), wide).together > 0.01
    # the usual p-value is far from uniform there, though all is well
    assert float((check(noisy(), wide).predictive <= 0.2).double().mean()) < 0.05


def test_the_predictive_p_value_is_the_share_of_draws_as_far_out():
    found = check(noisy(), draws=20)
    assert found.calls == 20 * 500
    # grid of one over twenty-one
    assert torch.allclose(found.predictive * 21, (found.predictive * 21).round())
    far = predictive_check(
        noisy(), Draws(), torch.tensor([[0.0, 0.0, 5.0]]), three_parts(noisy(), 99)[0], draws=20
    )
    assert far.predictive.tolist() == pytest.approx([1 / 21])
    assert far.p_value.tolist() == pytest.approx([0.01])


def test_the_discrepancy_by_hand():
    class Two:
        def propose(self, y, n=1, c=None, *, generator=None):
            return torch.tensor([0.0, 1.0, 2.0]).repeat(len(y), 1)[..., None]

    task = invlab.Task("same", lambda x: x, invlab.Box([-9], [9]))
    held = Pairs(torch.arange(5.0)[:, None], torch.arange(5.0)[:, None])
    # draws cause 0, 1, 2: mean 1, standard deviation 1; targets 0 … 4 are at 1, 0, 1, 4, 9
    found = predictive_check(task, Two(), torch.tensor([[2.5], [1.0]]), held, draws=3)
    assert found.p_value.tolist() == pytest.approx([3 / 6, 6 / 6])
    # without itself the mean is 1.5 away from the outer draws: 2.25, as far as 2.5 is
    assert found.predictive.tolist() == pytest.approx([3 / 4, 4 / 4])


def test_draws_that_fail_are_left_out():
    found = check(noisy(), Draws(fails=True))
    assert bool(found.p_value.isfinite().all())
    assert bool(found.predictive.isfinite().all())


def test_a_context_is_handed_on():
    task = bend_task(context=invlab.Box([-3], [3]))
    held, data = three_parts(task, 100, 60)

    class Aware(Draws):
        def propose(self, y, n=1, c=None, *, generator=None):
            return super().propose(torch.cat([y[:, :1] - c, y[:, 1:]], 1), n)

    found = predictive_check(task, Aware(), data.y, held, data.c)
    assert found.together > 0.01
    assert predictive_check(task, Aware(), data.y, held, -data.c).together < 1e-3


def wrong_and_right():
    """A bound of the assumed simulator, and targets of one that is 20 % different."""
    learned, held, fresh = three_parts(bend_task(), 200, 400, 800)
    noise = 0.03 * torch.randn(800, 2, generator=generator(3))

    def answer(y, c):
        return y[:, :2] + noise[: len(y)]

    bound = ErrorBound.calibrate(
        bend_task(), answer, held, learned, surrogate=known_surrogate(bend_seen, 2, 3)
    )
    real = invlab.Task("real", lambda x: 1.2 * bend(x), invlab.Box([-1, -1], [1, 1]))
    return bound, answer, fresh, real


def test_the_worth_of_a_bound_is_the_share_that_it_holds_for():
    bound, answer, fresh, real = wrong_and_right()
    x = answer(fresh.y, None)
    right = worth_of_bound(bound, bend_task(), x, fresh.y)
    assert right.holds
    assert right.low < 0.9 < right.high
    assert right.targets == 800
    assert "as promised" in str(right)
    by_the_real_one = worth_of_bound(bound, real, x, fresh.y)
    assert not by_the_real_one.holds
    assert by_the_real_one.share < 0.5
    assert "judged by real" in str(by_the_real_one)
    assert "less often than promised" in str(by_the_real_one)


def test_only_the_targets_that_count_are_counted():
    bound, answer, fresh, _ = wrong_and_right()
    x = answer(fresh.y, None)
    x[:10] = torch.nan  # no bound
    among = torch.arange(800) < 110
    found = worth_of_bound(bound, bend_task(), x, fresh.y, among=among)
    assert found.targets == 100
    with pytest.raises(ValueError, match="none of 800 targets"):
        worth_of_bound(bound, bend_task(), x, fresh.y, among=torch.arange(800) < 10)


def test_who_counts_is_said_by_a_mask():
    bound, answer, fresh, _ = wrong_and_right()
    x, y = answer(fresh.y, None), fresh.y
    mask = torch.arange(len(y)) % 3 == 0
    found = worth_of_bound(bound, bend_task(), x, y, among=mask)
    assert found.targets == int(mask.sum())
    backwards = mask.flip(0).numpy()[::-1]
    for same in (mask.long(), mask.double(), mask.tolist(), backwards):
        assert worth_of_bound(bound, bend_task(), x, y, among=same) == found
    with pytest.raises(ValueError, match=r"among: expected a mask of shape \(\d+,\), got \(2,\)"):
        worth_of_bound(bound, bend_task(), x, y, among=torch.tensor([0, 1]))
    with pytest.raises(TypeError, match="among: expected True or False a target, got torch.int64"):
        worth_of_bound(bound, bend_task(), x, y, among=torch.arange(len(y)))


def test_a_share_is_never_said_to_be_all_or_nothing():
    assert [per_cent(share) for share in (0.0, 1 / 300, 1 / 3, 0.999, 1.0)] == [
        "0%", "0.3%", "33%", "99.9%", "100%"
    ]  # fmt: skip
    assert [level_in_words(level) for level in (0.9, 0.57, 0.985, 0.999)] == [
        "90%", "57%", "98.5%", "99.9%"
    ]  # fmt: skip
    worth = BoundWorth(0.999, 299 / 300, 0.98, 0.9999, 300, "judge")
    assert "the 99.9% bound holds for 99.7% of 300 targets" in str(worth)
    assert "98.0% to 99.99%" in str(worth)


def test_what_does_not_fit_is_refused():
    held = three_parts(noisy(), 50)[0]
    with pytest.raises(ValueError, match="draws: expected at least 3"):
        predictive_check(noisy(), Draws(), held.y, held, draws=2)
    with pytest.raises(ValueError, match="y: expected shape"):
        predictive_check(noisy(), Draws(), held.y[:, :2], held)


def test_one_far_observation_is_no_verdict_and_nothing_in_favour_of_the_simulator():
    task = invlab.Task("same", lambda x: x * 1.0, invlab.Box([0.0, 0.0], [1.0, 1.0]))
    learned, held = task.sample(60), task.sample(30, generator=generator(1))
    method = invlab.get_method("nearest").fit(task, learned)
    found = predictive_check(task, method, torch.full((1, 2), 50.0), held, draws=3)
    assert found.smallest == pytest.approx(2 / 31)
    assert found.together >= found.smallest - 1e-9
    assert "too few for a verdict" in str(found)
    assert "nothing speaks against" not in str(found)
    many = predictive_check(task, method, torch.full((9, 2), 50.0), held, draws=3)
    assert "do not look like data of this simulator" in str(many)


def test_a_number_that_never_varies_and_does_is_impossible():
    task = invlab.Task("flat", lambda x: torch.cat([x, 0 * x], -1), invlab.Box([0.0], [1.0]))
    method = invlab.get_method("nearest").fit(task, task.sample(200))
    held = task.sample(60, generator=generator(5))
    y = task.sample(40, generator=generator(6)).y
    assert predictive_check(task, method, y, held, draws=10).together > 0.01
    y = torch.cat([y[:, :1], torch.full((40, 1), 5.0)], 1)
    found = predictive_check(task, method, y, held, draws=10)
    assert found.together < 1e-6
    assert (found.predictive < 0.1).all()
