"""Each clause of the task contract is broken by one bad task, and by it alone."""

import re

import numpy as np
import pytest
import torch
from scipy import stats

from invlab import (
    Box,
    Integer,
    LogUniform,
    Normal,
    Product,
    Task,
    check_task,
    numpy_simulator,
    runtime,
)
from invlab.contract import CLAUSES

RUNS, ROWS, SHAPE, UNTOUCHED, FINITE, EFFECT, GRADIENT, DTYPE, *OTHERS = CLAUSES
FLOAT32, NOISE, SEED, IN_BOX, INPUT = OTHERS
BOX = Box([-1.0, -1.0], [1.0, 2.0])


def square(x):
    return x.square()


def counts_rows(x):
    return x.square() + len(x)


def flattens(x):
    return x.reshape(-1, 2).square()


def clamps_in_place(x):
    return x.clamp_(max=0).square()


def nan_for_negative(x):
    return torch.where(x > 0, x, torch.nan)


def gradient_of_zero(x):
    return x.detach().square() + 0 * x


def cut_from_autograd(x):
    return x.detach().square()


class WrongButCancelling(torch.autograd.Function):
    """Twice the gradient of x², which its mirror image hides in a plain sum."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.square()

    @staticmethod
    def backward(ctx, grad):
        return 4 * ctx.saved_tensors[0] * grad


def wrong_gradients_that_cancel(x):
    y = WrongButCancelling.apply(x)
    return torch.cat([y, -y], -1)


def float64_constants(x):
    return x * torch.tensor([2.0, 3.0], dtype=torch.float64)


def shared_noise(x):
    return x + torch.randn(1, dtype=x.dtype, device=x.device)


def own_noise(x):
    return x + torch.randn_like(x)


RANDOM = np.random.default_rng(0)


def numpys_noise(x):
    return x + torch.as_tensor(RANDOM.normal(size=x.shape)).to(x)


def raises_below(x):
    if (x[..., 0] < -0.5).any():
        raise ArithmeticError("no solution")
    return x.square()


def always_raises(x):
    raise ZeroDivisionError("mirror")


def constant(x):
    return 0 * x[..., :1] + 1


def never_a_number(x):
    return x * torch.nan


def blind_to_the_second(x):
    return x[..., :1].square()


def for_one_point(x):
    return torch.stack([x[0] ** 2, x[1]])


def sums(x):
    return x.sum(-1)


def gives_an_array(x):
    return x.detach().cpu().numpy()


NET = torch.nn.Linear(2, 2)


def float32_weights(x):
    return NET(x)


def context_in_place(x, c):
    return x * c.mul_(2)


def raises_for_equal_rows(x):
    if len(x) > 1 and (x == x[:1]).all():
        raise ZeroDivisionError("no spread")
    return x.square()


class Trusting(Task):
    """Says that every observation is usable."""

    def valid(self, y):
        return torch.ones(y.shape[:-1], dtype=torch.bool, device=y.device)


class Unchecked(Task):
    """Hands anything to the simulator."""

    def simulate(self, x, c=None):
        return self.simulator(x)


class TakesIntegers(Task):
    """Checks all but the dtype."""

    def simulate(self, x, c=None):
        return super().simulate(x.to(torch.float64), c)


class GlobalDraws(Box):
    """Forgets the generator."""

    def sample(self, n, *, generator=None):
        return super().sample(n)


class TooWide(Box):
    """Draws twice as far as it says."""

    def sample(self, n, *, generator=None):
        return 2 * super().sample(n, generator=generator)


BROKEN = [
    (RUNS, Task("t", always_raises, BOX), "raised ZeroDivisionError: mirror"),
    (
        RUNS,
        Task("t", raises_below, BOX),
        r"raised for [\d.]+ % of 64 .* first at x = \[.*\]: ArithmeticError: no solution; .*"
        "numpy_simulator",
    ),
    (RUNS, Task("t", never_a_number, BOX), "^0 % of 64 prior draws give a valid y; .* x = "),
    (RUNS, Task("t", for_one_point, BOX), r"numpy_simulator\(f, batched=False\)"),
    (RUNS, Task("t", sums, BOX), r"gave shape \(64,\); expected \(64, dy...\); keep an axis"),
    (RUNS, Task("t", gives_an_array, BOX), "must return a torch tensor, got ndarray.*numpy_sim"),
    (RUNS, Task("t", float32_weights, BOX), r"runs for float32; cast .* by .to\(x\)"),
    (EFFECT, Task("t", constant, BOX), "y is the same for all 512 prior draws"),
    (EFFECT, Task("t", blind_to_the_second, BOX, labels=["a", "b"]), "no effect on y: b;"),
    (ROWS, Task("t", counts_rows, BOX), "rows must not mix"),
    (ROWS, Task("t", lambda x: 1e-24 * counts_rows(x), BOX), "rows must not mix"),
    (GRADIENT, Task("t", lambda x: 1e-24 * wrong_gradients_that_cancel(x), BOX), "differ by"),
    (NOISE, Task("t", lambda x: 1e-24 * own_noise(x), BOX), "say noisy=True"),
    (SHAPE, Task("t", flattens, BOX), r"gave \(4, 2\); expected \(2, 2, 2\)"),
    (UNTOUCHED, Task("t", clamps_in_place, BOX, differentiable=False), "in place; work on a copy"),
    (
        UNTOUCHED,
        Task("t", context_in_place, BOX, context=Box([1.0, 1.0], [2.0, 2.0])),
        "changed c in place; work on a copy",
    ),
    (RUNS, Task("t", raises_for_equal_rows, BOX), "ZeroDivisionError: no spread for a batch of eq"),
    (FINITE, Trusting("t", nan_for_negative, BOX, differentiable=False), "give NaN or infinity"),
    (GRADIENT, Task("t", gradient_of_zero, BOX), "central difference differ by .* in unknown 0"),
    (GRADIENT, Task("t", cut_from_autograd, BOX), "does not depend on x for autograd"),
    (GRADIENT, Task("t", wrong_gradients_that_cancel, BOX), "central difference differ"),
    (DTYPE, Task("t", float64_constants, BOX), "float64|device"),
    (
        FLOAT32,
        Task("t", lambda x: 1e-47 * x.square(), BOX),
        "64 different values .* are 1 in float32,",
    ),
    (FLOAT32, Task("t", lambda x: 1e-45 * x, BOX), "change the units .*dtype=torch.float64"),
    (FLOAT32, Task("t", lambda x: 1e40 * x.square(), BOX), "infinite or NaN in float32 for .. of"),
    (FLOAT32, Task("t", lambda x: 1e8 + x, BOX), "are 1 in float32, .*subtract what is constant"),
    (
        FLOAT32,
        Task("t", lambda x: x - 1e8, Box([1e8], [1e8 + 1]), differentiable=False),
        "are 1 in float32",
    ),
    (NOISE, Task("t", shared_noise, BOX, noisy=True), "same noise"),
    (NOISE, Task("t", square, BOX, noisy=True), "say noisy=False"),
    (NOISE, Task("t", own_noise, BOX), "say noisy=True"),
    (NOISE, Task("t", shared_noise, BOX), "say noisy=True"),
    (NOISE, Task("t", numpys_noise, BOX), "say noisy=True"),
    (
        SEED,
        Task("t", numpys_noise, BOX, noisy=True),
        "do not repeat.*draw it by torch, as by torch.randn",
    ),
    (SEED, Task("t", square, GlobalDraws([-1.0, -1.0], [1.0, 2.0])), "pass generator= on"),
    (
        IN_BOX,
        Task("t", square, TooWide([-1.0, -1.0], [1.0, 2.0])),
        "of 200 prior draws lie outside",
    ),
    (IN_BOX, Task("t", square, BOX, box=Box([0.0, 0.0], [0.1, 0.1])), "lie outside task.box"),
    (IN_BOX, Task("t", square, Product(Box([0.0], [1.0]), TooWide([1.0], [2.0]))), "lie outside"),
    (INPUT, Unchecked("t", square, BOX), "accepted one column too many"),
    (INPUT, TakesIntegers("t", square, BOX), "integer"),
]


@pytest.mark.parametrize(
    ("clause", "task", "finding"),
    BROKEN,
    ids=[
        f"{task.simulator.__name__}-{type(task).__name__}-{type(task.prior).__name__}"
        for _, task, _ in BROKEN
    ],
)
def test_a_bad_task_breaks_its_clause_and_no_other(clause, task, finding):
    with runtime.set_clock(lambda: 0.0):
        verdicts = check_task(task)
    assert [found.name for found in verdicts if found.passed is False] == [clause]
    assert not verdicts.passed
    assert re.search(finding, {v.name: v.found for v in verdicts}[clause])


def test_every_clause_has_a_task_that_breaks_it():
    assert {clause for clause, _, _ in BROKEN} == set(CLAUSES)


def broken_by(simulator, **options):
    return {v.name for v in check_task(Task("t", simulator, BOX, **options)) if v.passed is False}


def test_numpy_inside_breaks_the_gradient(device):
    found = broken_by(lambda x: torch.from_numpy(np.square(x.detach().cpu().numpy())))
    assert found == ({GRADIENT} if device.type == "cpu" else {GRADIENT, DTYPE})


def test_a_numpy_call_on_x_with_gradients_is_told_what_to_say():
    def numpy_inside(x):
        return torch.as_tensor(np.square(x.numpy()))

    verdicts = {v.name: v for v in check_task(Task("t", numpy_inside, BOX))}
    assert "say differentiable=False" in verdicts[GRADIENT].found


def test_where_the_simulator_does_not_run_the_rest_is_left_out():
    verdicts = check_task(Task("t", always_raises, BOX))
    assert not verdicts.passed
    assert [v.passed for v in verdicts] == [False] + [None] * (len(CLAUSES) - 1)


def test_a_part_that_fails_is_stated_and_passes():
    with runtime.set_clock(lambda: 0.0):
        (first, *_) = verdicts = check_task(
            Task("t", nan_for_negative, Box([-1.0], [9.0]), differentiable=False)
        )
    assert verdicts.passed
    share = re.match(r"([\d.]+) % of 512 prior draws give a valid y; the first that", first.found)
    assert 86 < float(share[1]) < 94  # 90 % of the prior, and 512 draws


@pytest.mark.parametrize(("seconds", "draws"), [(0.001, 512), (0.01, 64)])
def test_rare_failures_are_looked_for_where_simulations_are_cheap(seconds, draws):
    rows = []

    def fails_on_a_hundredth(x):
        rows.append(len(x))
        return torch.where(x[..., :1] < 0.01, torch.nan, x)

    task = Task("t", fails_on_a_hundredth, Box([0.0], [1.0]), differentiable=False)
    with runtime.set_clock(lambda: seconds * sum(rows)):
        (first, *_) = check_task(task)
    assert max(rows) == draws
    assert (f"of {draws} prior draws give a valid y" in first.found) == (draws == 512)


def test_a_part_where_a_function_raises_is_stated_with_its_message():
    def picky(x):
        if x[0] < 0:
            raise ArithmeticError("no root")
        return x

    simulator = numpy_simulator(picky, batched=False)
    verdicts = check_task(Task("t", simulator, BOX, differentiable=False))
    assert verdicts.passed, verdicts
    assert "ArithmeticError: no root" in verdicts[0].found


def test_an_unknown_that_matters_in_few_places_has_an_effect():
    def threshold(x):
        return torch.stack([x[..., 0], (x[..., 1] - 0.9).clamp_min(0)], -1)

    assert EFFECT not in broken_by(threshold, differentiable=False)


def test_what_is_no_task_is_named():
    with pytest.raises(TypeError, match="check_task: expected a Task, got function"):
        check_task(square)


def test_a_task_on_the_device_of_computations_passes():
    weights = torch.ones(2, dtype=torch.float64, device=runtime.device())
    single = weights.float()

    def simulate(x):
        return (weights if x.dtype == torch.float64 else single) * x

    verdicts = check_task(Task("there", simulate, BOX))
    assert verdicts.passed, repr(verdicts)


def test_a_task_of_pairs_has_nothing_to_check():
    task = Task.from_pairs(Task("t", square, BOX).sample(5), name="mine")
    assert check_task(task).passed
    assert "without a simulator" in repr(check_task(task))


def test_a_check_leaves_a_simulator_with_weights_as_it_was():
    net = torch.nn.Linear(2, 2).double()
    task = Task("net", lambda x: net(x.double()).to(x), BOX)
    assert check_task(task).passed, check_task(task)
    assert all(weight.requires_grad and weight.grad is None for weight in net.parameters())


@pytest.mark.parametrize(
    "task",
    [
        Task("plain", square, BOX),
        Task("noisy", own_noise, BOX, noisy=True),
        Task("flagged", nan_for_negative, BOX, differentiable=False),
        Task("unbounded", square, Normal([0.0, 1.0], [1.0, 2.0])),
        Task("context", lambda x, c: x * c, BOX, context=Box([1.0, 1.0], [2.0, 2.0])),
        Task("image", lambda x: x[..., :, None] * x[..., None, :], BOX),
        Task("rounds", lambda x: x.round(), Integer([0, 1], [5, 9])),
        Task("correlated", square, stats.multivariate_normal([0, 0], [[1, 0.9], [0.9, 1]])),
        Task("offset", lambda x: 1e5 + x, BOX),
        Task("small", lambda x: 1e-24 * x, BOX),
    ],
    ids=lambda task: task.name,
)
def test_a_good_task_passes(task):
    verdicts = check_task(task)
    assert verdicts.passed, repr(verdicts)


def test_what_does_not_apply_is_skipped_with_a_reason():
    verdicts = {
        v.name: v for v in check_task(Task("t", own_noise, Normal([0.0], [1.0]), noisy=True))
    }
    assert {name for name, v in verdicts.items() if v.passed is None} == {ROWS, GRADIENT, IN_BOX}
    assert all(v.found for v in verdicts.values() if v.passed is None)


def test_the_verdicts_print_a_line_a_clause():
    lines = repr(check_task(Task("t", square, BOX))).splitlines()
    assert len(lines) == len(CLAUSES)
    assert all(line.startswith("ok    ") for line in lines)


def test_a_check_leaves_the_callers_random_numbers_alone():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    check_task(Task("t", square, BOX))
    assert torch.equal(torch.get_rng_state(), before)


def test_a_simulator_that_waits_is_not_asked_hundreds_of_times_more(monkeypatch):
    rows, now = [0], [0.0]

    def simulate(x):
        rows[0] += len(x)
        now[0] += len(x)
        return x * 1.0

    monkeypatch.setattr(runtime, "wall_seconds", lambda: now[0])
    task = Task("waits", simulate, Box([0.0], [1.0]))
    assert check_task(task).passed
    assert rows[0] < 400


@pytest.mark.parametrize(
    ("f", "prior"),
    [
        (torch.log, LogUniform([1e-3], [1e3])),
        (torch.log, LogUniform([1e-9], [1e9])),
        (torch.sqrt, LogUniform([1e-4], [1e2])),
    ],
)
def test_a_difference_stays_where_the_prior_has_draws(f, prior):
    assert check_task(Task("short", f, prior)).passed


def test_a_wrong_gradient_is_still_seen_near_an_end_of_the_prior():
    def half(x):
        return x.log() - 0.5 * (x - x.detach()) / x.detach()

    broken = {
        clause.name
        for clause in check_task(Task("half", half, LogUniform([1e-9], [1e9])))
        if clause.passed is False
    }
    assert broken == {GRADIENT}


def test_a_gradient_of_zeros_is_none():
    rounded = Task("rounded", lambda x: (x * 10).round() / 10, Box([0.0, 0.0], [1.0, 1.0]))
    (found,) = [clause for clause in check_task(rounded) if clause.passed is False]
    assert found.name == GRADIENT
    assert "zero at all draws though y changes" in found.found


def test_a_flat_part_of_the_prior_is_no_fault():
    # nine tenths of the draws see nothing of x
    shoulder = Task("shoulder", lambda x: (x - 0.9).clamp_min(0.0), Box([0.0], [1.0]))
    assert check_task(shoulder).passed


@pytest.mark.parametrize(
    ("batched", "f"), [(False, lambda x: x[:, 0]), (True, lambda x: x @ [1.0])]
)
def test_a_wrapped_function_is_not_told_to_be_wrapped(batched, f):
    task = Task("wrapped", numpy_simulator(f, batched=batched), Box([0.0], [1.0]))
    found = " ".join(clause.found for clause in check_task(task) if clause.passed is False)
    assert "goes through invlab.numpy_simulator" not in found


def test_a_function_of_all_rows_that_is_called_for_one_is_told_so():
    one = numpy_simulator(lambda x: x[:, 0] + x[:, 1], batched=False)
    (found,) = [c for c in check_task(Task("t", one, BOX)) if c.passed is False][:1]
    assert "say batched=True" in found.found


def test_a_sparse_observation_is_a_finding():
    sparse = Task("sparse", lambda x: x.to_sparse(), BOX)
    (found,) = [clause for clause in check_task(sparse) if clause.passed is False][:1]
    assert "expected a dense tensor" in found.found
