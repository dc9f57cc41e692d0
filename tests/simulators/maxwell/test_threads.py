"""Complex LU factorisations run on one thread: on two they never end in some builds of torch."""

import os
import subprocess
import sys

import pytest
import torch

from invlab.simulators.maxwell import FourierModal

F64 = torch.float64

# M = 9 has 181 rows; all threads of the machine, as a user has them
LARGE = """
import torch
from invlab.simulators.maxwell import FourierModal

cells = torch.tensor([[40.0, 42, 44, 46]], dtype=torch.float64, requires_grad=True)
wave = FourierModal(9)(cells, cells + 4, torch.tensor([1.0], dtype=torch.float64))
wave.r.abs().sum().backward()
assert cells.grad.isfinite().all()
"""


@pytest.mark.slow
def test_many_orders_end_with_the_default_number_of_threads():
    env = {key: value for key, value in os.environ.items() if not key.endswith("_NUM_THREADS")}
    ran = subprocess.run([sys.executable, "-c", LARGE], capture_output=True, env=env, timeout=300)
    assert ran.returncode == 0, ran.stderr.decode()


@pytest.mark.parametrize("name", ["lu_factor", "solve", "inv"])
def test_each_factorisation_runs_on_one_thread_and_the_rest_on_as_many_as_before(monkeypatch, name):
    seen, original = [], getattr(torch.linalg, name)

    def noted(*arguments):
        seen.append(torch.get_num_threads())
        return original(*arguments)

    monkeypatch.setattr(torch.linalg, name, noted)
    heights = torch.tensor([[30.0, 35, 40, 45]], dtype=F64)
    torch.set_num_threads(2)
    try:
        FourierModal(2)(heights, heights + 15, torch.tensor([1.0, 1.1], dtype=F64))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)
    assert set(seen) == {1}
