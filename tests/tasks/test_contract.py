"""Every registered task keeps every clause of the contract."""

import pytest

from invlab import check_task, get_task, list_tasks
from invlab.contract import CLAUSES


@pytest.fixture(scope="module")
def verdicts():
    """Each task is checked once: name of the task to its clauses by name."""
    return {
        name: {clause.name: clause for clause in check_task(get_task(name))}
        for name in list_tasks()
    }


@pytest.mark.parametrize("clause", CLAUSES)
@pytest.mark.parametrize("task", list_tasks())
def test_the_contract_is_kept(verdicts, task, clause):
    found = verdicts[task][clause]
    assert found.passed is not False, found.found


def test_a_task_that_does_not_exist_is_named():
    with pytest.raises(ValueError, match="get_task: expected one of .*'square'.*, got 'cube'"):
        get_task("cube")


def test_options_reach_the_task():
    assert get_task("square", half_width=2.0).box.high.item() == 2
