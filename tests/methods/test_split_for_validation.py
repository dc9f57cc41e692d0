"""Rows that repeat are held out together, unless whole numbers repeat by law."""

import pytest
import torch

from invlab import Box, Integer, Pairs, Task, get_method, get_task
from invlab.methods.base import split_for_validation
from invlab.runtime import generator


@pytest.mark.parametrize("name", ["direct", "neural_adjoint"])
def test_pairs_too_few_to_hold_some_out_are_named_for_the_method(name):
    task = get_task("square")
    with pytest.raises(ValueError, match=rf"^{name}: held_out=0.3 of 1 pair leaves none to learn"):
        get_method(name, held_out=0.3).fit(task, task.sample(1))


@pytest.mark.parametrize("whole", [True, False])
def test_equal_rows_are_held_out_together_unless_they_repeat_by_law(whole):
    prior = Integer([1], [3]) if whole else Box([0.5], [3.5])
    task = Task("repeats", lambda x: x, prior)
    x = torch.tensor([1.0, 2.0, 3.0]).repeat(20)[:, None]
    kept, held = split_for_validation(task, Pairs(x, x), 0.4, generator=generator(0))
    both = set(kept.x.flatten().tolist()) & set(held.x.flatten().tolist())
    assert both == ({1.0, 2.0, 3.0} if whole else set())
