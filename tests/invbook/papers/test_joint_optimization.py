"""What is measured of joint optimisation: baseline, comparison, methods, records and claims."""

import itertools

import pytest
import torch

from invbook import papers
from invbook.papers import joint_optimization
from invbook.papers.joint_optimization import ablation, experiments, learned, many_unknowns, systems
from invbook.papers.joint_optimization.claims import CLAIMS
from invbook.papers.joint_optimization.runs import QUICK, seeds_of
from invbook.papers.joint_optimization.systems import Result, compare, draw_problems, scipy_bfgs
from invlab import runtime
from invlab.minimizers import minimize

SHORT = {
    "wave_packet": {
        "joint": {**QUICK["wave_packet"]["joint"], "iterations": 4},
        "envelope": {**QUICK["wave_packet"]["envelope"], "iterations": 4},
        "direct": {**QUICK["wave_packet"]["direct"], "iterations": 4},
        "neural_adjoint": {**QUICK["wave_packet"]["neural_adjoint"], "epochs": 4},
        "starts": (1, 3),
    },
    "billiards": {
        "joint": {**QUICK["billiards"]["joint"], "iterations": 40},
        "direct": {**QUICK["billiards"]["direct"], "iterations": 4},
        "neural_adjoint": {**QUICK["billiards"]["neural_adjoint"], "epochs": 4},
        "starts": (1, 3),
        "target": 1e-8,
    },
}


@pytest.mark.parametrize("preset", ["quick", "full"])
def test_every_cell_has_a_name_of_its_own(preset, monkeypatch):
    monkeypatch.setenv("INVLAB_PRESET", preset)
    names = [run.id for run in papers.plan("joint_optimization")]
    assert len(set(names)) == len(names)


def test_every_claim_has_its_records_and_a_name_of_its_own(monkeypatch):
    monkeypatch.setenv("INVLAB_PRESET", "full")
    names = {run.id for run in papers.plan("joint_optimization")}
    assert {record for claim in CLAIMS for record in claim.records} <= names
    ids = [claim.id for claim in CLAIMS]
    assert len(set(ids)) == len(ids)


def test_the_ledgers_number_of_problems_has_five_fresh_seeds():
    for system in ("wave_packet", "billiards"):
        assert len(seeds_of(system, 64)) >= 5
        assert min(seeds_of(system, 64)) > 2  # 0 to 2 chose the settings


# The baseline


@pytest.mark.parametrize("system", ["wave_packet", "billiards"])
def test_scipy_and_the_batched_bfgs_agree_in_the_small_unit(system):
    problems = draw_problems(system, 24, 0)
    peer = scipy_bfgs(problems, problems.start, 1.0)
    ours = minimize(problems.fun, problems.start, bounds=problems.box, x_scale=1.0)
    same = (peer.loss - ours.fun).abs() <= 1e-5 * peer.loss + 1e-7
    assert same.double().mean() >= 23 / 24
    torch.testing.assert_close(problems.loss(peer.x), peer.loss)
    assert peer.evaluations == pytest.approx(ours.nfev.double().mean().item(), rel=0.3)


def test_the_unit_decides_where_bfgs_ends():
    problems = draw_problems("wave_packet", 24, 0)
    small, large = (scipy_bfgs(problems, problems.start, unit) for unit in (1.0, 75.0))
    assert (large.x - small.x).abs().max() > 5
    assert (large.x - problems.start).abs().mean() > (small.x - problems.start).abs().mean()


def test_a_comparison_counts_as_its_words_say():
    problems = draw_problems("billiards", 4, 0)
    baseline = torch.tensor([1.0, 1.0, 1.0, 1e-12], dtype=torch.float64)
    loss = torch.tensor([0.5, 1.0, 2.0, 1e-13], dtype=torch.float64)
    found = compare(problems, Result(problems.truth, loss, 0.0, 0.0), baseline)
    assert (found["better"], found["equal"], found["worse"]) == (25, 50, 25)
    assert (found["better_exact"], found["equal_exact"]) == (50, 25)
    assert found["solved"] == 25
    assert found["error"] == 0


def test_the_best_of_several_answers_costs_all_of_them():
    x = torch.zeros(3, 2)
    first = Result(x, torch.tensor([1.0, 2.0, 3.0]), 1.0, 10.0)
    second = Result(x + 1, torch.tensor([2.0, 1.0, 3.0]), 2.0, 5.0)
    best = Result.best([first, second])
    assert best.loss.tolist() == [1, 1, 3]
    assert best.x[:, 0].tolist() == [0, 1, 0]
    assert (best.cpu, best.evaluations) == (3, 15)


def test_the_envelope_has_its_valley_at_the_packet():
    problems = draw_problems("wave_packet", 3, 0)
    fun, rows = systems.envelope(problems), torch.arange(3)
    grid = torch.linspace(-40, 40, 81, dtype=torch.float64)
    values = torch.stack([fun(problems.truth + shift, rows) for shift in grid])
    assert (grid[values.argmin(0)].abs() <= 2).all()
    # one valley: down to the packet and up again, apart from the noise at its bottom
    left, right = values[grid < -4], values[grid > 4]
    inside = (problems.truth + grid[:, None, None]).squeeze(-1)
    assert (left.diff(dim=0)[(inside[grid < -4] > 60)[1:]] < 0).all()
    assert (right.diff(dim=0)[(inside[grid > 4] < 196)[1:]] > 0).all()


# The trained methods


def test_what_is_watched_is_what_the_networks_did():
    problems = draw_problems("wave_packet", 5, 0)
    options = {"iterations": 3, "lr": 1e-3, "encoder": {"last": None}}
    last, best, course = learned.joint(problems, 0, networks=2, **options)
    kept = minimize(
        problems.fun,
        problems.start,
        method="joint",
        features=problems.features,
        bounds=problems.box,
        seed=[0, 1],
        refine=False,
        **options,
    )
    torch.testing.assert_close(Result.best(best).loss, kept.fun)
    torch.testing.assert_close(problems.loss(last[1].x), last[1].loss)
    assert all((b.loss <= a.loss).all() for a, b in zip(last, best, strict=True))
    assert len(course) == 4  # before each step and after the last
    assert course[-1] == pytest.approx(last[0].loss.mean().item())


def test_all_networks_together_cost_what_their_one_training_costs():
    problems, read = draw_problems("wave_packet", 3, 0), []

    def clock():
        read.append(float(len(read)))
        return read[-1]

    options = {"iterations": 2, "lr": 1e-3, "encoder": {"last": None}}
    with runtime.set_clock(clock):
        last, best, _ = learned.joint(problems, 0, networks=3, **options)
    for answers in (last, best):
        assert len(answers) == 3
        assert Result.best(answers).cpu == pytest.approx(read[-1] - read[0])
        # the start, a point before each step of Adam and the last one, of each network
        assert Result.best(answers).evaluations == 1 + 3 * 3


def test_pairs_are_none_of_the_targets():
    problems = draw_problems("wave_packet", 20, 3)
    assert not torch.isin(learned.pairs(problems, 3).x, problems.truth).any()


@pytest.mark.slow
def test_supervised_regression_learns_where_packets_are():
    problems = draw_problems("wave_packet", 48, 0)
    guess = learned.direct(problems, 0, iterations=150, lr=3e-3)
    off = (guess.x - problems.truth).abs().mean()
    assert off < 0.4 * (problems.start - problems.truth).abs().mean()


# a hundred steps may end where every shot misses, of which minimize warns
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:minimize .joint.. at the end of the training")
@pytest.mark.parametrize("system", ["wave_packet", "billiards"])
def test_a_record_holds_every_claimed_score(system):
    found = experiments.measure(system, 6, 0, SHORT[system])
    record = {"scores": found["scores"], "curves": found["curves"]}
    for claim in CLAIMS:
        if {record.split("/")[1] for record in claim.records} == {system}:
            (value,) = claim.values(record)
            assert value >= 0
    for name, (value,) in found["scores"].items():
        if name.split("/")[-1] in ("better", "equal", "worse", "solved"):
            assert 0 <= value <= 100
    unit = found["scores"]
    assert unit["S1/bfgs/refined/equal"] == [100]
    assert unit["S1/multistart/refined/worse"] == [0]
    assert found["curves"]["multistart"]["starts"] == [1, 3]


def test_reading_finds_the_seeds_in_order():
    def record(seed, better):
        scores = {"S1/joint/refined/better": [better]}
        return {"seeds": [seed], "scores": scores, "curves": {"iteration": [seed]}}

    start = "joint_optimization/billiards"
    records = {f"{start}/n8/seed{seed}": record(seed, 10.0 * seed) for seed in (11, 10, 12)}
    records[f"{start}/n64/seed10"] = record(10, 7.0)
    read = joint_optimization.numbers(records, "billiards", 8, "joint", "better")
    assert read == [100, 110, 120]
    over = joint_optimization.over_counts(records, "billiards", "joint", "better")
    assert list(over.items()) == [(8, [100, 110, 120]), (64, [7])]
    curves = joint_optimization.curves(records, "billiards", 8)
    assert [curve["iteration"] for curve in curves] == [[10], [11], [12]]
    mean, low, high = joint_optimization.summary(read)
    assert mean == pytest.approx(110)
    assert low <= mean <= high
    with pytest.raises(KeyError, match="bench"):
        joint_optimization.numbers(records, "wave_packet", 8, "joint", "better")


# Noise, and many unknowns


def test_noise_spoils_the_gradient_and_not_the_value():
    problems = draw_problems("wave_packet", 400, 0)
    spoilt, rows = ablation.noisy(problems, 2.0, 0), torch.arange(400)

    def slope(which):
        x = (problems.truth + 1).requires_grad_()
        value = which.fun(x, rows)
        return value.detach(), torch.autograd.grad(value.sum(), x)[0]

    value, gradient = slope(problems)
    same, wrong = slope(spoilt)
    assert torch.equal(value, same)
    ratio = (wrong - gradient) / gradient
    assert ratio.std().item() == pytest.approx(2.0, rel=0.15)
    assert abs(ratio.mean().item()) < 0.4


@pytest.mark.slow
def test_many_packets_are_scored_against_the_truth():
    settings = dict(many_unknowns.MANY, maxiter=60)
    for method in ("joint", "envelope", "direct"):
        settings[method] = {**settings[method], "iterations": 3}
    # The networks' steps are long and those of the restarts short: these get as many evaluations
    # on each machine, and more than one BFGS takes.
    ticks = itertools.accumulate(itertools.chain([400.0] * 12, itertools.repeat(1.0)))
    with runtime.set_clock(lambda: next(ticks)):
        scores = many_unknowns.compare_many(2, 6, 0, settings)["scores"]
    for method in ("bfgs", "envelope_bfgs", "joint", "envelope", "direct", "multistart", "hop"):
        assert 0 <= scores[f"{method}/solved"][0] <= 100
        assert scores[f"{method}/excess"][0] > -2
    assert scores["multistart/excess"][0] <= scores["bfgs/excess"][0]
    assert scores["hop/excess"][0] <= scores["bfgs/excess"][0]


def test_a_hop_moves_one_packet():
    study = many_unknowns._Study(3, 4, 0, many_unknowns.MANY)
    x = study.problems.start
    moved = study.one_packet(x, torch.tensor([1, 3]), 4)
    changed = (moved != x[[1, 3]]).unflatten(1, (3, 4)).any(2)
    assert changed.tolist() == [[False, True, False]] * 2
