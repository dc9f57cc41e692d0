"""Every registered task keeps every clause of the contract."""

import pytest
import torch

from invlab import check_task, get_task, list_tasks, runtime
from invlab.contract import CLAUSES


@pytest.fixture(scope="module")
def verdicts():
    """Each task is checked once: name of the task to its clauses by name."""
    return {
        name: {clause.name: clause for clause in check_task(get_task(name))}
        for name in list_tasks()
    }


@pytest.mark.slow
@pytest.mark.parametrize("clause", CLAUSES)
@pytest.mark.parametrize("task", list_tasks())
def test_the_contract_is_kept(verdicts, task, clause):
    found = verdicts[task][clause]
    assert found.passed is not False, found.found


@pytest.mark.parametrize("name", ["ballistics", "robot_arm", "layered_stack", "multilayer_sphere"])
def test_a_simulator_takes_whole_numbers_for_what_they_are(name):
    task = get_task(name)
    x = (10 * task.prior.sample(3, generator=runtime.generator(0, "whole"))).round()
    given = task.simulator(x.long())
    assert given.dtype == torch.float64
    assert torch.allclose(given, task.simulator(x.double()), equal_nan=True)


@pytest.mark.parametrize(
    "name", ["ballistics", "robot_arm", "layered_stack", "multilayer_sphere", "slcp", "two_moons"]
)
def test_a_simulator_by_itself_refuses_rows_of_another_length(name):
    task = get_task(name)
    x = task.prior.sample(4, generator=runtime.generator(0, "rows"))
    for wrong in (x[:, :1], torch.cat([x, x], 1)):
        with pytest.raises(ValueError, match="expected shape"):
            task.simulator(wrong)
