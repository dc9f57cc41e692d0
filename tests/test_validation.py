"""Messages that name the argument, what was expected and what came."""

import re

import numpy as np
import pytest
import torch

from invlab import validation
from invlab.validation import (
    did_you_mean,
    is_integer,
    require_count,
    require_same_length,
    require_seed,
    require_tensor,
)

GOOD = torch.ones(3, 2)


@pytest.mark.parametrize("shape", [(3, 2), ("N", 2), ("N", "d"), ("...", 2), ("...", "N", "d")])
def test_a_good_tensor_comes_back_itself(shape):
    assert require_tensor("v", GOOD, shape) is GOOD


@pytest.mark.parametrize("lead", [(), (3,), (4, 3)])
def test_dots_stand_for_any_leading_dimensions(lead):
    require_tensor("v", torch.ones(*lead, 2), ("...", 2))


@pytest.mark.parametrize(
    ("value", "error", "came"),
    [
        ([1.0, 2.0], TypeError, "got list"),
        (None, TypeError, "got NoneType"),
        (GOOD.numpy(), TypeError, "got ndarray"),
        (GOOD.long(), TypeError, "got torch.int64"),
        (GOOD > 0, TypeError, "got torch.bool"),
        (torch.ones(2), ValueError, "got (2,)"),
        (torch.ones(3, 3), ValueError, "got (3, 3)"),
        (torch.ones(3, 2, 1), ValueError, "got (3, 2, 1)"),
        (torch.ones(0, 2), ValueError, "empty shape (0, 2)"),
        (torch.tensor([[1.0, torch.nan]]), ValueError, "got 1 NaN or infinite of 2"),
        (torch.tensor([[torch.inf, -torch.inf]]), ValueError, "got 2 NaN or infinite of 2"),
    ],
)
def test_a_bad_tensor_is_named_with_what_came(value, error, came):
    with pytest.raises(error, match=f"^lens: y: expected .*{re.escape(came)}"):
        require_tensor("lens: y", value, ("N", 2))


def test_the_expected_shape_is_written_as_python_writes_it():
    with pytest.raises(ValueError, match=re.escape("expected shape (N, 2), got (3,)")):
        require_tensor("v", torch.ones(3), ("N", 2))
    with pytest.raises(ValueError, match=re.escape("expected shape (N,), got (3, 2)")):
        require_tensor("v", GOOD, ("N",))


def test_nan_passes_where_it_is_allowed():
    value = torch.tensor([torch.nan])
    assert require_tensor("v", value, ("N",), finite=False) is value


@pytest.mark.parametrize("finite", [True, False])
def test_another_device_is_named_before_any_number_is_read(finite):
    # nothing on the meta device has a value, so a look at its numbers would raise
    value = torch.ones(3, 2, device="meta")
    with pytest.raises(ValueError, match="v: expected it on cpu, got meta"):
        require_tensor("v", value, ("N", 2), finite=finite, device=torch.device("cpu"))


def test_rows_are_counted_and_absent_tensors_left_out():
    assert require_same_length(x=GOOD, y=torch.ones(3), c=None) == 3


def test_different_lengths_are_named_each():
    with pytest.raises(ValueError, match=r"x and y of the same length, but x has 3, y has 4"):
        require_same_length(x=GOOD, y=torch.ones(4), c=None)


WHOLE = [1, 10**6, np.int64(3), np.uint8(7), np.array(5), torch.tensor(4)]


@pytest.mark.parametrize("value", WHOLE, ids=repr)
def test_a_count_or_a_seed_comes_back_as_a_plain_int(value):
    for found in (require_count("n", value), require_seed("seed", value)):
        assert type(found) is int
        assert found == value
    assert is_integer(value)


@pytest.mark.parametrize(
    "value", [True, np.True_, torch.tensor(True), 1.0, np.float64(2), "3", None, [1], np.ones(2)]
)
def test_what_is_no_whole_number_is_no_seed(value):
    assert not is_integer(value)
    with pytest.raises(TypeError, match=f"^seed: expected an int, got {type(value).__name__}"):
        require_seed("seed", value)


def test_a_seed_may_be_negative():
    assert require_seed("seed", np.int64(-3)) == -3


def test_the_nearest_word_is_offered_and_nothing_where_none_is_near():
    assert did_you_mean("squre", ["sine", "square"]) == "; did you mean 'square'?"
    assert did_you_mean("Sine", ["sine", "square"]) == "; did you mean 'sine'?"
    assert did_you_mean("zzz", ["sine", "square"]) == ""


@pytest.mark.parametrize(
    ("value", "error"),
    [(0, ValueError), (-3, ValueError), (1.0, TypeError), (True, TypeError), ("2", TypeError)],
)
def test_a_bad_count_is_named(value, error):
    with pytest.raises(error, match=f"^n: expected .*at least 1, got {value!r}"):
        require_count("n", value)


ODD_ARRAYS = [
    np.array([2.0, 1.0])[::-1],
    np.array([1.0, 2.0], ">f8"),
    np.array([1, 2], ">i4"),
    np.array([1.0, 2.0], np.longdouble),
    np.ma.array([1.0, 2.0], mask=False),
]


@pytest.mark.parametrize("array", ODD_ARRAYS, ids=["forth", ">f8", ">i4", "longdouble", "mask"])
def test_arrays_of_any_order_of_bytes_and_any_stride_are_numbers(array):
    assert validation.require_numbers("sigma", array).tolist() == [1.0, 2.0]
    found = validation.native(array)
    assert torch.as_tensor(found).tolist() == [1, 2]
    assert not np.shares_memory(found, array)


def test_what_a_mask_hides_is_no_number():
    hidden = np.ma.array([1.0, 2.0], mask=[True, False])
    assert validation.require_numbers("sigma", hidden).isnan().tolist() == [True, False]


@pytest.mark.parametrize("value", [None, "far", [1.0], np.array(["far"]), torch.ones(2)])
def test_what_is_no_array_of_numbers_stays_as_it_is(value):
    assert validation.native(value) is value
