"""Bounds of the error: as many targets as promised lie below, and they follow the error."""

import math
import warnings
from dataclasses import replace

import pytest
import torch
from scipy.stats import betabinom, spearmanr

import invlab
from invlab import Pairs
from invlab.runtime import generator
from invlab.trust import ErrorBound

from .cases import bend, bend_seen, bend_task, known_surrogate, three_parts


def blur(strength=0.3, seed=0):
    """Answers that are off by an amount that depends on the target: worse for large y_1."""
    draws = generator(seed, "blur")

    def answer(y, c):
        size = strength * (y[:, :1].abs() + 0.02)
        noise = torch.randn(len(y), 2, generator=draws, dtype=torch.float64).to(y)
        return y[:, :2] + size * noise

    return answer


def wave(u):
    """What the surrogate gets wrong."""
    return 0.02 * torch.sin(7 * u[..., :1]).expand(*u.shape[:-1], 3)


def exact(fault=None, x_dim=2):
    return known_surrogate(bend_seen, x_dim, 3, fault)


def calibrated(n=400, *, fault=wave, level=0.9, answer=None, seed=0):
    task = bend_task()
    learned, held, fresh = three_parts(task, 300, n, 2000, seed=seed)
    answer = blur(seed=seed) if answer is None else answer
    bound = ErrorBound.calibrate(task, answer, held, learned, surrogate=exact(fault), level=level)
    x = answer(fresh.y, None)
    return bound, bound(x, fresh.y), invlab.resimulation_error(task, x[:, None], fresh.y)[:, 0]


def inside_band(covered, total, n, level=0.9):
    """Whether a count of covered targets is what an exact conformal bound may give."""
    rank = math.ceil(level * (n + 1) - 1e-9)
    low, high = betabinom.ppf([0.0005, 0.9995], total, rank, n + 1 - rank)
    return low <= covered <= high


@pytest.mark.parametrize("level", [0.5, 0.8, 0.9, 0.95])
@pytest.mark.parametrize("n", [50, 400])
def test_as_many_fresh_targets_lie_below_as_it_says(n, level):
    _, bound, error = calibrated(n, level=level, seed=n)
    assert inside_band(int((error <= bound).sum()), len(error), n, level)


def test_coverage_over_many_calibrations():
    shares = [
        float((error <= bound).double().mean())
        for _, bound, error in (calibrated(100, seed=seed) for seed in range(40))
    ]
    # the mean over calibrations is exact: 91 of 101
    assert sum(shares) / 40 == pytest.approx(91 / 101, abs=0.015)


def test_a_surrogate_that_foresees_the_error_does_not_make_it_too_careful():
    """The better the logarithm is foreseen, the more what is added to the error would count."""

    def ripple(u):
        return 3e-3 * torch.sin(40 * u[..., :1]).expand(*u.shape[:-1], 3)

    def aside(y, c):
        return y[:, :2] + 0.3

    shares = []
    for seed in range(30):
        _, bound, error = calibrated(400, fault=ripple, answer=aside, seed=seed)
        shares.append(float((error <= bound).double().mean()))
    assert sum(shares) / 30 == pytest.approx(361 / 401, abs=0.01)


def test_it_follows_the_error_and_covers_the_hard_targets_too():
    _, bound, error = calibrated(900)
    assert spearmanr(bound, error).statistic > 0.8
    hard = bound.argsort()[-400:]
    assert float((error[hard] <= bound[hard]).double().mean()) > 0.8
    constant = error.sort().values[1800]
    assert float((bound / constant).log10().mean()) < -0.5


def test_a_surrogate_that_knows_nothing_makes_it_loose_and_not_wrong():
    _, bound, error = calibrated(400, fault=lambda u: 5 * torch.sin(99 * u[..., :1]).expand(-1, 3))
    assert inside_band(int((error <= bound).sum()), len(error), 400)


def test_answers_far_better_than_the_surrogate_believes_get_bounds_of_their_own_size():
    def refined(y, c):  # on the simulator: f̂ is wrong by 1e-4, these by 1e-12
        return y[:, :2] + 1e-6 * blur()(y, c)

    _, bound, error = calibrated(400, answer=refined)
    assert inside_band(int((error <= bound).sum()), len(error), 400)
    assert float(bound.median()) < 30 * float(error.median())


def test_without_a_surrogate_one_is_fitted_to_the_learned_pairs(monkeypatch):
    from invlab.trust import belief

    seen = []

    def fit(pairs, **options):
        seen.append(pairs)
        return exact(wave)

    monkeypatch.setattr(belief, "fit_surrogate", fit)
    learned, held = three_parts(bend_task(), 50, 120)
    ErrorBound.calibrate(bend_task(), blur(), held, learned)
    assert torch.equal(seen[0].x, learned.x)


def test_the_surrogate_that_is_fitted_follows_the_simulator():
    from invlab.trust.belief import believed_effect, fitting_surrogate

    learned, fresh = three_parts(bend_task(), 300, 200)
    effect = believed_effect(fitting_surrogate(None, learned), fresh.x)
    assert float((effect - fresh.y).square().mean() / fresh.y.var(0).mean()) < 1e-3


def test_what_it_costs_is_one_simulation_a_calibration_pair():
    rows = []

    def counted(x):
        rows.append(len(x))
        return bend(x)

    task = invlab.Task("counted", counted, invlab.Box([-1, -1], [1, 1]))
    learned, held = three_parts(bend_task(), 100, 120)
    bound = ErrorBound.calibrate(task, blur(), held, learned, surrogate=exact())
    assert bound.calls == sum(rows) == 120
    bound(held.x, held.y)
    assert sum(rows) == 120


@pytest.mark.parametrize(
    ("n", "kind"),
    [(5, "none"), (8, "none"), (9, "believed"), (99, "believed"), (100, "regression")],
)
def test_its_kind_says_what_the_number_of_pairs_allows(n, kind):
    bound, values, _ = calibrated(n)
    assert bound.kind == kind
    assert bool(values.isinf().all()) == (kind == "none")
    assert str(n) in bound.note
    assert ("no bound" in bound.note.lower()) == (kind == "none")


def test_the_note_says_for_which_targets_it_holds():
    bound, _, _ = calibrated(120)
    assert "over targets, not for each" in bound.note
    assert "90%" in str(bound)
    assert "holds for 99.9% of" in replace(bound, level=0.999).note


def test_it_is_never_below_what_the_surrogate_believes():
    bound, _, _ = calibrated(200, fault=None)
    y = torch.tensor([[40.0, 40.0, 40.0]])
    x = torch.tensor([[1.0, 1.0]])
    believed = float((bend(x) - y).square().mean())
    assert float(bound(x, y)) >= believed * (1 - 1e-6)


def failing(share):
    """A task whose simulator fails for the largest x_1, with that share of the prior."""

    def simulate(x):
        return torch.where(x[..., :1] > 1 - 2 * share, torch.nan, bend(x))

    return invlab.Task("failing", simulate, invlab.Box([-1, -1], [1, 1]))


@pytest.mark.parametrize(("share", "there"), [(0.05, True), (0.3, False)])
def test_failed_answers_are_above_every_bound(share, there):
    task, whole = failing(share), bend_task()
    learned, held, fresh = three_parts(whole, 100, 300, 1000)
    # the truth is answered, and fails for that share
    bound = ErrorBound.calibrate(task, lambda y, c: y[:, :2], held, learned, surrogate=exact(wave))
    values = bound(fresh.x, fresh.y)
    error = invlab.resimulation_error(task, fresh.x[:, None], fresh.y)[:, 0]
    assert bound.failed == pytest.approx(300 * share, rel=0.5)
    assert bool(values.isfinite().all()) == there
    assert "failed" in bound.note
    if there:
        assert inside_band(int((error <= values).sum()), 1000, 300)


def test_answers_that_are_no_numbers_count_as_failed_and_get_no_bound():
    learned, held = three_parts(bend_task(), 100, 200)

    def answer(y, c):
        x = y[:, :2].clone()
        x[::40] = torch.nan
        return x

    bound = ErrorBound.calibrate(bend_task(), answer, held, learned, surrogate=exact(wave))
    assert bound.failed == 5
    values = bound(answer(held.y, None), held.y)
    assert values.isinf().tolist() == [k % 40 == 0 for k in range(200)]


def test_where_every_answer_fails_there_is_none():
    learned, held = three_parts(bend_task(), 100, 120)
    nan = torch.full_like(held.x, torch.nan)
    bound = ErrorBound.calibrate(bend_task(), lambda y, c: nan, held, learned, surrogate=exact())
    assert bool(bound(held.x, held.y).isinf().all())
    assert "120 of the 120" in bound.note


def test_exact_answers_and_numbers_of_y_that_never_vary():
    def simulate(x):
        return torch.cat([bend(x), torch.full_like(x[..., :1], 3.0)], -1)

    task = invlab.Task("constant", simulate, invlab.Box([-1, -1], [1, 1]))
    learned, held = three_parts(task, 100, 150)
    surrogate = known_surrogate(simulate, 2, 4)
    bound = ErrorBound.calibrate(task, lambda y, c: y[:, :2], held, learned, surrogate=surrogate)
    values = bound(held.x, held.y)
    assert values.dtype == torch.float64
    assert bool(values.isfinite().all())
    assert float(values.max()) < 1e-9


@pytest.mark.parametrize("scale", [1e-6, 1e4])
def test_the_unit_of_y_does_not_matter(scale):
    def simulate(x):
        return scale * bend(x)

    task = invlab.Task("unit", simulate, invlab.Box([-1, -1], [1, 1]))
    draws = three_parts(bend_task(), 200, 300)
    learned, held = draws
    answer = blur()
    one = ErrorBound.calibrate(bend_task(), answer, held, learned, surrogate=exact(wave))
    learned, held = (Pairs(part.x, scale * part.y) for part in draws)
    surrogate = known_surrogate(lambda u: scale * bend(u), 2, 3, lambda u: scale * wave(u))
    again = blur()
    other = ErrorBound.calibrate(
        task, lambda y, c: again(y / scale, c), held, learned, surrogate=surrogate
    )
    x, y = draws[1].x + 0.01, draws[1].y
    assert torch.allclose(other(x, scale * y), scale**2 * one(x, y), rtol=0.02)


def test_contexts_reach_answer_surrogate_and_simulator():
    task = bend_task(context=invlab.Box([-3], [3]))
    learned, held, fresh = three_parts(task, 200, 400, 2000)

    def answer(y, c):
        return torch.cat([y[:, :1] - c, y[:, 1:2]], 1) + 0.1 * blur()(y, c)

    bound = ErrorBound.calibrate(task, answer, held, learned, surrogate=exact(wave, x_dim=3))
    x = answer(fresh.y, fresh.c)
    error = invlab.resimulation_error(task, x[:, None], fresh.y, fresh.c)[:, 0]
    values = bound(x, fresh.y, fresh.c)
    assert inside_band(int((error <= values).sum()), 2000, 400)
    assert spearmanr(values, error).statistic > 0.8
    with pytest.raises(ValueError, match="c: expected a context"):
        bound(x, fresh.y)


def test_it_holds_for_one_simulation_of_a_noisy_task():
    def simulate(x):
        y = bend(x)
        return y + 0.1 * torch.randn_like(y)

    task = invlab.Task("noisy", simulate, invlab.Box([-1, -1], [1, 1]), noisy=True)
    learned, held, fresh = three_parts(task, 200, 400, 2000)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        bound = ErrorBound.calibrate(task, lambda y, c: y[:, :2], held, learned, surrogate=exact())
    x = fresh.y[:, :2]
    error = invlab.resimulation_error(task, x[:, None], fresh.y, replicates=1)[:, 0]
    assert inside_band(int((error <= bound(x, fresh.y)).sum()), 2000, 400)


def test_pairs_with_a_failed_simulation_are_left_out():
    learned, held = three_parts(bend_task(), 100, 200)
    y = held.y.clone()
    y[:20] = torch.nan
    with pytest.warns(UserWarning, match="20 of 200 pairs left out"):
        bound = ErrorBound.calibrate(
            bend_task(), blur(), Pairs(held.x, y), learned, surrogate=exact()
        )
    assert bound.calls == bound.calibrated_on == 180


def test_rows_that_were_learned_from_are_called_out():
    learned, held = three_parts(bend_task(), 100, 150)
    twice = Pairs(torch.cat([learned.x, held.x[:7]]), torch.cat([learned.y, held.y[:7]]))
    with pytest.warns(UserWarning, match="7 of 150 held-out pairs stand among the learned"):
        ErrorBound.calibrate(bend_task(), blur(), held, twice, surrogate=exact())


def test_equal_rows_of_the_calibration_share_a_fold():
    from invlab.trust.error_regression import folds_of

    x = torch.randn(60, 2, generator=generator(5)).repeat(3, 1)
    fold = folds_of(Pairs(x, x).equal_rows())
    assert torch.equal(fold[:60], fold[60:120])
    assert torch.equal(fold[:60], fold[120:])
    assert len(fold.unique()) == 10
    assert len(folds_of(torch.zeros(200, dtype=torch.long)).unique()) == 10


def test_what_does_not_fit_is_refused():
    task, (learned, held) = bend_task(), three_parts(bend_task(), 60, 120)
    for level in (0.0, 1.0, 90):
        with pytest.raises(ValueError, match="level: expected a share"):
            ErrorBound.calibrate(task, blur(), held, learned, surrogate=exact(), level=level)
    with pytest.raises(ValueError, match=r"answer\(y, c\): expected shape"):
        ErrorBound.calibrate(task, lambda y, c: y, held, learned, surrogate=exact())
    alone = invlab.Task.from_pairs(learned, name="table")
    with pytest.raises(ValueError, match="no simulator"):
        ErrorBound.calibrate(alone, blur(), held, learned, surrogate=exact())
    other = Pairs(held.x, held.y[:, :2])
    with pytest.raises(ValueError, match="held_out: expected y of shape"):
        ErrorBound.calibrate(task, blur(), other, learned, surrogate=exact())
    with pytest.raises(
        ValueError, match=r"surrogate: expected one from 2 numbers .* to 3.* from 3"
    ):
        ErrorBound.calibrate(task, blur(), held, learned, surrogate=exact(x_dim=3))
    bound = ErrorBound.calibrate(task, blur(), held, learned, surrogate=exact())
    with pytest.raises(ValueError, match="y: expected shape"):
        bound(held.x, held.y[:, :2])
    with pytest.raises(ValueError, match="of the same length"):
        bound(held.x[:3], held.y)
    with pytest.raises(TypeError, match="y: expected a tensor .* got list; use torch.as_tensor"):
        bound(held.x, held.y.tolist())
