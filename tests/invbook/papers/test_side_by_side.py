import pytest
import torch

from invbook.papers.joint_optimization import draw_problems, side_by_side


@pytest.fixture(scope="module")
def problems():
    return draw_problems("billiards", 12, seed=0)


def test_the_best_answers_are_no_worse_than_the_last(problems):
    course = side_by_side.train(problems, networks=2, steps=5)
    assert course.last.shape == course.best.shape == (2, 12, 2)
    assert course.loss.shape == course.moving.shape == (5, 2)
    for best, last in zip(course.best, course.last, strict=True):
        assert (problems.loss(best) <= problems.loss(last)).all()


def test_networks_do_not_know_of_each_other(problems):
    two = side_by_side.train(problems, networks=2, steps=3)
    one = side_by_side.train(problems, networks=1, steps=3)
    assert torch.allclose(two.last[:1], one.last, atol=1e-6)


def test_networks_without_a_gradient_are_dead_and_do_not_move(problems):
    asleep = side_by_side.train(problems, networks=1, steps=3, hear=torch.zeros_like)
    still = side_by_side.train(problems, networks=1, steps=1)
    assert torch.equal(asleep.last, still.last)
    assert not asleep.dead.any()  # the gradient was there, only not heard


def test_true_answers_are_solved_and_misses_are_not(problems):
    right = problems.task.answer(problems.y, problems.c)
    back = -right  # away from the ball
    assert side_by_side.share_solved(problems, torch.stack([right, back])).tolist() == [1, 0]
