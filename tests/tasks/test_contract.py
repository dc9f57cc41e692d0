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


@pytest.mark.slow
@pytest.mark.parametrize("clause", CLAUSES)
@pytest.mark.parametrize("task", list_tasks())
def test_the_contract_is_kept(verdicts, task, clause):
    found = verdicts[task][clause]
    assert found.passed is not False, found.found
