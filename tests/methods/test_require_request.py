"""What every method asks of a request: the checks that they share."""

import re

import numpy as np
import pytest
import torch

from invlab.methods.base import require_request


def ask(device, y=None, n=3, c=None, *, y_dim=2, c_dim=0):
    y = torch.ones(4, 2, device=device) if y is None else y
    return require_request("oracle", y, n, c, y_dim=y_dim, c_dim=c_dim, device=device)


@pytest.mark.parametrize("shape", [(4, 6), (4, 2, 3), (4, 3, 1, 2)])
def test_the_targets_come_back_flat(device, shape):
    y = torch.rand(shape, device=device, dtype=torch.float64)
    assert torch.equal(ask(device, y, np.int64(2), y_dim=6), y.reshape(4, 6))


@pytest.mark.parametrize(
    ("request_", "error", "message"),
    [
        ({"n": 0}, ValueError, "oracle: n: expected at least 1, got 0"),
        ({"n": 2.5}, TypeError, "oracle: n: expected an int of at least 1, got 2.5"),
        ({"c": torch.ones(4, 1)}, ValueError, "oracle: takes no context c, got one"),
        ({"c_dim": 2}, ValueError, "oracle: needs a context c of shape (B, 2), got none"),
        ({"y_dim": None}, ValueError, "oracle: call fit(task, data) before asking for answers"),
        ({"y_dim": 3}, ValueError, "oracle: y: expected shape (B, 3), got (4, 2)"),
        ({"y": torch.ones(4)}, ValueError, "oracle: y: expected shape (B, dy), got (4,)"),
        ({"y": torch.ones(0, 2)}, ValueError, "oracle: y: expected at least one row"),
        ({"y": torch.ones(4, 2) / 0}, ValueError, "oracle: y: expected finite numbers, got 8"),
        ({"y": torch.ones(4, 2).long()}, TypeError, "oracle: y: expected a floating-point"),
        ({"y": [[1.0, 2.0]]}, TypeError, "oracle: y: expected a tensor of shape (B, dy), got list"),
        ({"y": torch.ones(4, 2).to("meta")}, ValueError, "got meta; move it with .to()"),
    ],
)
def test_a_request_that_makes_no_sense_is_named(device, request_, error, message):
    y = request_.get("y")
    if isinstance(y, torch.Tensor) and not y.is_meta:
        request_ = request_ | {"y": y.to(device)}
    with pytest.raises(error, match=re.escape(message)):
        ask(device, **request_)


def test_what_is_wrong_with_the_call_comes_before_what_is_wrong_with_the_targets(device):
    with pytest.raises(ValueError, match="n: expected"):
        ask(device, torch.ones(0, 2), n=0, y_dim=None)
    with pytest.raises(ValueError, match="call fit"):
        ask(device, torch.ones(0, 2), y_dim=None)
