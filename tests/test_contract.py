"""Each clause of the task contract is broken by one bad task, and by it alone."""

import re

import numpy as np
import pytest
import torch

from invlab import Box, Normal, Product, Task, check_task
from invlab.contract import CLAUSES

(ROWS, SHAPE, UNTOUCHED, FINITE, GRADIENT, DTYPE, NOISE, SEED, IN_BOX, INPUT) = CLAUSES
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
    (ROWS, Task("t", counts_rows, BOX), "rows must not mix"),
    (SHAPE, Task("t", flattens, BOX), r"gave \(4, 2\); expected \(2, 2, 2\)"),
    (UNTOUCHED, Task("t", clamps_in_place, BOX, differentiable=False), "in place; work on a copy"),
    (FINITE, Trusting("t", nan_for_negative, BOX, differentiable=False), "give NaN or infinity"),
    (GRADIENT, Task("t", gradient_of_zero, BOX), "central difference differ by .* in unknown 0"),
    (GRADIENT, Task("t", cut_from_autograd, BOX), "does not depend on x for autograd"),
    (GRADIENT, Task("t", wrong_gradients_that_cancel, BOX), "central difference differ"),
    (DTYPE, Task("t", float64_constants, BOX), "float64|device"),
    (NOISE, Task("t", shared_noise, BOX, noisy=True), "same noise"),
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
    verdicts = check_task(task)
    assert [found.name for found in verdicts if found.passed is False] == [clause]
    assert not verdicts.passed
    assert re.search(finding, {v.name: v.found for v in verdicts}[clause])


def test_every_clause_has_a_task_that_breaks_it():
    assert {clause for clause, _, _ in BROKEN} == set(CLAUSES)


def broken_by(simulator, **options):
    return {v.name for v in check_task(Task("t", simulator, BOX, **options)) if v.passed is False}


def test_a_simulator_written_for_one_point_is_found():
    assert ROWS in broken_by(lambda x: torch.stack([x[0] ** 2, x[1]]))


def test_a_simulator_without_a_feature_axis_is_told_the_shape():
    verdicts = check_task(Task("t", lambda x: x.sum(-1), BOX))
    assert "gave shape (1,); expected (1, dy...)" in verdicts[0].found


def test_numpy_inside_breaks_the_gradient(device):
    found = broken_by(lambda x: torch.from_numpy(np.square(x.detach().cpu().numpy())))
    assert found == ({GRADIENT} if device.type == "cpu" else {GRADIENT, DTYPE})


def test_a_simulator_that_returns_no_tensor_is_told_so():
    verdicts = check_task(Task("t", lambda x: x.detach().cpu().numpy(), BOX))
    assert "must return a torch tensor, got ndarray" in repr(verdicts)


def test_unannounced_noise_is_found():
    assert NOISE in broken_by(own_noise)


def test_an_exception_becomes_the_finding():
    def explodes(x):
        raise ZeroDivisionError("mirror")

    verdicts = check_task(Task("t", explodes, BOX))
    assert "raised ZeroDivisionError: mirror" in repr(verdicts)
    assert not verdicts.passed


@pytest.mark.parametrize(
    "task",
    [
        Task("plain", square, BOX),
        Task("noisy", own_noise, BOX, noisy=True),
        Task("flagged", nan_for_negative, BOX, differentiable=False),
        Task("unbounded", square, Normal([0.0, 1.0], [1.0, 2.0])),
        Task("context", lambda x, c: x * c, BOX, context=Box([1.0, 1.0], [2.0, 2.0])),
        Task("image", lambda x: x[..., :, None] * x[..., None, :], BOX),
    ],
    ids=lambda task: task.name,
)
def test_a_good_task_passes(task):
    if task.name == "image":
        task.valid = lambda y: torch.isfinite(y).all(-1).all(-1)
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
