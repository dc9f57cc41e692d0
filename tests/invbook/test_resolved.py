"""A record of a simulator holds what was asked of it, so that a change makes it stale."""

import pytest

from invbook import papers
from invbook.papers.advice.simulators import get_case
from invbook.resolved import of_simulator
from invlab import priors
from invlab.tasks import get_task

STUDIES = ("advice", "answers", "trust")


@pytest.mark.parametrize("paper", STUDIES)
def test_prior_box_and_noise_are_settings(paper):
    for run in papers.plan(paper):
        name = run.settings["simulator"]
        task = get_task(name) if name == "square" else get_case(name).make()
        assert of_simulator(task).items() <= run.settings.items()


def test_another_prior_is_another_setting():
    task = get_case("epidemic").make()
    before = of_simulator(task)
    task.prior = priors.Box([0.2, 0.05], [1.0, 0.31])
    assert of_simulator(task)["prior"]["high"] == [1.0, 0.31]
    assert of_simulator(task) != before


def test_the_level_of_the_bound_is_a_setting():
    assert {run.settings["level"] for run in papers.plan("trust")} == {0.9}
    assert {run.settings["level"] for run in papers.plan("answers")} == {0.9}
