"""Objects of a user's own take part, whatever they lack, and spoil nothing for the others."""

import collections
import datetime
import functools
import random
import sys

import numpy as np
import pytest
import torch

import invlab
from invlab import Box, Task
from invlab.comparison import trial
from invlab.comparison.candidates import choose
from invlab.comparison.fingerprint import of_object, of_task
from invlab.methods.asking import guesses_of

pytestmark = pytest.mark.filterwarnings("ignore:.*:UserWarning")
SMALL = {"n": 24, "targets": 5, "guesses": (1,), "seeds": 1, "budget": 1.0}
SAME = Task("same", lambda x: x * 1.0, Box([0.0, 0.0], [1.0, 1.0]))


class Constant:
    """Always the same answer, without ``exchangeable`` and without a place for contexts."""

    def __init__(self, value=0.5):
        self.value = value

    def fit(self, task, data, *, seed):
        return self

    def propose(self, y, n):
        return torch.full((len(y), n, 2), self.value)


class Listed(Constant):
    def propose(self, y, n):
        return super().propose(y, n).tolist()


class NoPool(Constant):
    """In place of the pool, whose surrogate would take most of the time of these tests."""

    name = "pool"


def compare(methods, task=SAME, **sizes):
    return invlab.compare(task, [*methods, NoPool()], **(SMALL | sizes))


def row(result, name):
    return next(row for row in result.rows if row["method"] == name)


@pytest.mark.parametrize("kind", [Constant, Listed])
def test_fit_and_propose_are_enough(kind):
    result = compare([kind()])
    found = row(result, kind.__name__)
    expected = (SAME.targets(5, seed=1_000_000, dtype=torch.float64).y - 0.5).square().mean()
    varies = SAME.sample(
        24, generator=invlab.runtime.generator(0, "same", "comparison"), dtype=torch.float64
    ).y.var(0, correction=0).mean()  # fmt: skip
    assert found["note"] == ""
    assert found["r_1"] == pytest.approx(float(expected / varies))
    answers = invlab.invert(SAME, [0.3, 0.6], method=kind(), pairs=60, n=2, simulate=False)
    assert torch.equal(answers.x, torch.full((1, 2, 2), 0.5).double())


def test_fit_may_return_nothing():
    class Silent(Constant):
        def fit(self, task, data, *, seed):
            self.value = 0.5

    assert row(compare([Silent(0.0)]), "Silent")["r_1"] is not None
    answers = invlab.invert(SAME, [0.3, 0.6], method=Silent(0.0), pairs=60, n=1, simulate=False)
    assert answers.x.unique().tolist() == [0.5]


def test_draws_that_are_no_numbers_cost_the_test_of_calibration_alone():
    class Sampler(Constant):
        exchangeable, gives_density = True, True

        def propose(self, y, n):
            x = torch.rand(len(y), n, 2, dtype=torch.float64)
            x[0, -1, 0] = torch.nan
            return x

        def log_density(self, x, y, c=None):
            return np.full(x.shape[:2], -1.5)

    found = row(compare([Sampler()], guesses=(1, 3)), "Sampler")
    assert found["r_3"] is not None
    assert found["calibration_p"] is None
    assert found["log_density"] == -1.5
    assert found["note"].startswith("calibration not tested: ValueError: ")

    class Lost(Sampler):
        def log_density(self, x, y, c=None):
            raise RuntimeError("no density")

    found = row(compare([Lost()], guesses=(1, 3)), "Lost")
    assert "log_density not known: RuntimeError: no density; calibration not" in found["note"]


def test_one_that_gives_fewer_guesses_than_it_is_asked_for_says_so():
    class Single(Constant):
        def propose(self, y, n):
            return super().propose(y, 1)

    found = row(compare([Single()], guesses=(1, 10)), "Single")
    assert found["r_1"] is not None
    assert found["r_10"] is None
    assert found["note"] == "gave 1 guess, fewer than the 10 that are scored"


@pytest.mark.parametrize("name", ["exact", "floor"])
def test_names_of_rows_that_are_never_ranked_are_refused(name):
    method = Constant()
    method.name = name
    with pytest.raises(ValueError, match=f"methods: '{name}' names a row that is never ranked"):
        compare([method])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("@torch.no_grad()\n def f(self): return 1", "@torch.no_grad()\n def f(self): return 2"),
        ("@functools.cache\n def f(self): return 1", "@functools.cache\n def f(self): return 2"),
        ("def f(self, k=1): return k", "def f(self, k=2): return k"),
        ("def f(self, *, k=1): return k", "def f(self, *, k=2): return k"),
        ("@staticmethod\n def f(): return 1", "@staticmethod\n def f(): return 2"),
        ("@classmethod\n def f(cls): return 1", "@classmethod\n def f(cls): return 2"),
        ("@property\n def f(self): return 1", "@property\n def f(self): return 2"),
        ("f = torch.tensor([1])", "f = torch.tensor([2])"),
        ("f = np.array([1])", "f = np.array([2])"),
    ],
)
def test_whatever_changes_in_a_class_is_seen(one, other):
    def made(body):
        there = {"torch": torch, "np": np, "functools": functools}
        exec(f"class Own:\n {body}", there)
        return there["Own"]()

    assert of_object(made(one)) == of_object(made(one))
    assert of_object(made(one)) != of_object(made(other))


@pytest.mark.parametrize(
    ("came", "error", "message"),
    [
        (torch.zeros(6, 3, 2), ValueError, r"Odd.propose: expected shape \(5, T, 2\)"),
        (torch.zeros(5, 4, 2), ValueError, "expected at most 3 guesses a target, got 4"),
        (None, TypeError, r"Odd.propose: expected guesses \(B, T, dx\), got None"),
        ("ab", TypeError, r"Odd.propose: expected guesses \(B, T, dx\), got str"),
    ],
)
def test_what_is_no_answer_is_named(came, error, message):
    class Odd(Constant):
        def propose(self, y, n):
            return came

    with pytest.raises(error, match=message):
        guesses_of(Odd(), torch.zeros(5, 2), 3, None, x_dim=2)


def test_a_folder_tells_two_objects_of_one_class_apart(tmp_path):
    errors = [
        row(compare([Constant(value)], folder=tmp_path), "Constant")["r_1"]
        for value in (0.5, 0.0, 0.5)
    ]
    assert errors[0] != errors[1]
    assert errors[0] == errors[2]


def test_a_folder_tells_two_tasks_of_one_name_apart(tmp_path):
    wide = Task("same", lambda x: x * 1.0, Box([0.0, 0.0], [1.0, 1.0]), box=Box([0, 0], [0.4, 0.4]))
    inside = [
        row(compare([Constant()], task, folder=tmp_path), "Constant")["in_box"]
        for task in (SAME, wide)
    ]
    assert inside == [1.0, 0.0]


def test_a_fingerprint_sees_options_numbers_code_and_closures():
    def adding(k):
        return lambda x: x + k

    one, other = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)
    different = [
        Constant(0.5), Constant(0.25), Listed(0.5), adding(1), adding(2), lambda x: x - 1,
        one, other, functools.partial(max, 1), functools.partial(max, 2), {"a": 1}, {"a": 1.0},
    ]  # fmt: skip
    assert len({of_object(value) for value in different}) == len(different)
    assert of_object(Constant(0.5)) == of_object(Constant(0.5))
    assert of_object({"a": 1, "b": 2}) == of_object({"b": 2, "a": 1})
    circle = []
    circle.append(circle)
    assert of_object(circle)
    assert of_task(SAME) == of_task(SAME)
    noisy = Task("same", SAME.simulator, SAME.prior, noisy=True)
    assert of_task(SAME) != of_task(noisy)


def test_a_name_never_leads_out_of_the_folder(tmp_path):
    method = Constant()
    method.name = "../../../out<b>"
    folder = tmp_path / "a" / "b" / "c"
    result = compare([method], folder=folder)
    assert row(result, "../../../out<b>")["r_1"] is not None
    assert [path for path in tmp_path.rglob("*.json") if folder not in path.parents] == []
    assert "<b>" not in result.to_html(tmp_path / "page.html").read_text(encoding="utf-8")


def test_one_that_spoils_what_it_is_given_spoils_it_for_itself_alone():
    class Spoiling(Constant):
        def fit(self, task, data, *, seed):
            data.x.zero_()
            data.y.zero_()
            torch.manual_seed(1)
            return self

        def propose(self, y, n):
            y.zero_()
            return torch.rand(len(y), n, 2)

    before = torch.get_rng_state()
    alone = row(compare(["nearest"]), "nearest")["r_1"]
    result = compare([Spoiling(), "nearest"])
    assert row(result, "nearest")["r_1"] == alone
    assert torch.equal(torch.get_rng_state(), before)


def test_one_that_fails_in_one_seed_failed_for_its_targets():
    class Moody(Constant):
        def fit(self, task, data, *, seed):
            if seed == 1:
                raise RuntimeError("not today")
            return self

    result = compare([Moody()], seeds=3, budget=None)
    found = row(result, "Moody")
    assert found["failed"] == pytest.approx(1 / 3)
    assert found["note"] == "failed: RuntimeError: not today"
    assert "Moody has no valid answer for 33% of the targets" in result.advice
    assert result.facts.scores["Moody"].errors[1].shape == (3, 5)


def test_a_fingerprint_of_a_task_sees_what_happens_in_a_part_of_the_prior():
    def failing(share):
        return Task("t", lambda x: torch.where(x < share, torch.nan, x), Box([0.0], [1.0]))

    assert of_task(failing(0.0)) != of_task(failing(0.05))
    # a dear simulator is recognised by few draws
    assert of_task(failing(0.0), 8) == of_task(failing(0.05), 8)


class Holding(Constant):
    def __init__(self, what):
        super().__init__()
        self.what = what


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (np.int64(1), np.int64(8)),
        (np.float32(0.5), np.float32(0.25)),
        (torch.relu, torch.tanh),
        (range(3), range(4)),
        (torch.float32, torch.float64),
        (torch.ones(2, dtype=torch.bfloat16), torch.zeros(2, dtype=torch.bfloat16)),
        (collections.deque([1]), collections.deque([2])),
    ],
    ids=["integer", "float", "function", "range", "dtype", "bfloat16", "deque"],
)
def test_settings_of_any_kind_tell_two_methods_apart(one, other):
    assert of_object(Holding(one)) != of_object(Holding(other))
    assert of_object(Holding(one)) == of_object(Holding(one))


def test_what_has_no_words_of_its_own_is_the_same_each_time():
    assert of_object(Holding(object())) == of_object(Holding(object()))


def test_a_single_object_and_auto_among_others_are_understood():
    single = invlab.compare(SAME, Constant(), **SMALL | {"n": 24})
    assert "Constant" in {row["method"] for row in single.rows}
    names = {one.name for one in choose(SAME, ["auto", Constant()], n=24, simulated=True)}
    assert {"neural_adjoint", "tandem", "Constant"} <= names
    for nothing in (None, [Constant]):
        with pytest.raises(TypeError, match="methods: expected names, or objects"):
            choose(SAME, nothing, n=24, simulated=True)


def test_two_words_for_one_method_are_one_row():
    named = choose(SAME, ["Levenberg–Marquardt", "lm", "mdn"], n=24, simulated=True)
    names = [one.name for one in named]
    assert names.count("lm") == 1
    assert "mdn" not in names
    assert names.count("mixture_density") == 1


class FewDraws:
    """Exact draws of a posterior, of which there are twenty."""

    name, exchangeable = "few_draws", True

    def fit(self, task, data, *, seed):
        return self

    def propose(self, y, n):
        noise = 0.1 * torch.randn(len(y), 20, 1, dtype=y.dtype)
        return (y[:, None] + noise)[:, :n]


def test_few_draws_of_a_right_posterior_are_no_sign_against_it():
    # y = x + noise under a flat prior: x given y is normal around y
    noisy = Task(
        "noisy",
        lambda x: x + 0.1 * torch.randn_like(x),
        Box([-1e3], [1e3]),
        noisy=True,
        differentiable=False,
    )
    targets = noisy.targets(300, seed=0, dtype=torch.float64)
    found = trial._calibration(FewDraws(), targets.x, targets)
    assert min(found["coverage_p"], found["calibration_p"], found["joint_p"]) > 0.001


@pytest.mark.parametrize(
    "again",
    [
        lambda: np.array([[0.0, 1.0]])[:, 0],
        lambda: torch.tensor([[0.0, 1.0]])[:, 0],
        lambda: torch.tensor([1 + 2j]).conj(),
        lambda: random.Random(0).random,
        lambda: {object()},
        lambda: datetime.date(2026, 1, 2),
    ],
    ids=["array", "stride", "conjugate", "method of C", "set", "date"],
)
def test_what_is_the_same_is_recognised_whatever_it_is(again):
    assert of_object(Holding(again())) == of_object(Holding(again()))


def test_dates_are_told_apart():
    one, other = (Holding(datetime.date(2026, 1, day)) for day in (1, 2))
    assert of_object(one) != of_object(other)


def test_an_encoder_of_ones_own_takes_part_with_its_one_guess():
    joint = invlab.get_method("joint", encoder=torch.nn.Linear(2, 2), iterations=2, refine=False)
    result = compare([joint], guesses=(1, 3))
    assert row(result, "joint")["r_1"] is not None
    assert row(result, "joint")["r_3"] is None
    assert "has 1 guess a target only" in row(result, "joint")["note"]
    narrow = {"bounds": [(0.0, 0.9), (0.0, 0.9)], "pairs": 60}
    found = invlab.invert(SAME, [[0.3, 0.6]], method=joint, n=1, **narrow)
    assert found.x.shape == (1, 1, 2)
    with pytest.raises(ValueError, match="joint answers with the 1 guess a target, got n=2"):
        invlab.invert(SAME, [[0.3, 0.6]], method=joint, n=2, pairs=60)


class InPlace(Constant):
    """Standardises what it is asked in place, as a user may."""

    def propose(self, y, n, c=None):
        y -= 0.25
        y *= 0.0
        return torch.full((len(y), n, 2), self.value)

    def log_density(self, x, y, c=None):
        y *= 0.0
        return torch.zeros(x.shape[:-1])

    gives_density = True


def test_a_method_that_works_in_place_is_scored_as_another():
    spoilt, plain = (
        invlab.compare(SAME, [method()], **SMALL).rows[-1] for method in (InPlace, Constant)
    )
    assert spoilt["r_1"] == plain["r_1"] > 0.01


def test_an_answer_that_works_in_place_has_the_bound_of_another():
    pairs = SAME.sample(300, dtype=torch.float64)
    learned, held = pairs.split(0.5, generator=torch.Generator().manual_seed(0))

    def answer(y, c):
        return torch.full_like(y, 0.5)

    def spoiling(y, c):
        found = answer(y, c)
        y.zero_()
        return found

    bounds = [
        invlab.trust.ErrorBound.calibrate(SAME, one, held, learned)(found, pairs.y[:3])
        for one in (answer, spoiling)
        for found in [torch.full((3, 2), 0.5, dtype=torch.float64)]
    ]
    assert torch.equal(*bounds)
    assert bounds[0].min() > 0


SHIFT = 0.1


class Shifted(Constant):
    def propose(self, y, n):
        return torch.full((len(y), n, 2), self.value + shift())


def shift():
    return SHIFT


def test_a_setting_of_the_module_tells_methods_apart(monkeypatch):
    before = of_object(Shifted())
    assert of_object(Shifted()) == before
    monkeypatch.setattr(sys.modules[__name__], "SHIFT", 0.2)
    assert of_object(Shifted()) != before


CALLS = 0


class Counting(Constant):
    def propose(self, y, n):
        global CALLS
        CALLS += 1
        return super().propose(y, n)


def test_a_count_of_calls_is_no_setting():
    method = Counting()
    before = of_object(method)
    method.propose(torch.zeros(1, 2), 1)
    assert of_object(method) == before


def test_records_of_noise_with_a_stream_of_its_own_are_not_found_again(tmp_path):
    stream = np.random.default_rng()

    def simulator(x):
        return x + torch.from_numpy(stream.normal(size=x.shape)).to(x)

    own = Task("own", simulator, Box([0.0, 0.0], [1.0, 1.0]), noisy=True, differentiable=False)
    with pytest.warns(UserWarning, match="own: its noise does not follow torch's seed"):
        invlab.compare(own, ["nearest"], folder=tmp_path, **SMALL)
