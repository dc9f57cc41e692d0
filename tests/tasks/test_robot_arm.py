"""The robot arm: kinematics, prior, drawing, and the edges of its posterior."""

import math

import pytest
import torch

from invlab import check_task
from invlab.tasks.robot_arm import RobotArm

ANGLES = ["difference", "cumulative"]


@pytest.mark.parametrize("angles", ANGLES)
def test_the_task_keeps_its_contract(angles):
    verdicts = check_task(RobotArm(angles))
    assert verdicts.passed, verdicts


def test_the_two_conventions_by_hand():
    x = torch.tensor([0.1, 0.2, 0.3, 0.4], dtype=torch.float64)
    across, up = RobotArm("difference").simulate(x)
    assert across.item() == pytest.approx(0.5 * math.cos(0.2) + 0.5 * math.cos(0.1) + math.cos(0.1))
    assert up.item() == pytest.approx(
        0.1 + 0.5 * math.sin(0.2) + 0.5 * math.sin(0.1) - math.sin(0.1)
    )
    across, up = RobotArm("cumulative").simulate(x)
    assert across.item() == pytest.approx(0.5 * math.cos(0.2) + 0.5 * math.cos(0.5) + math.cos(0.9))
    assert up.item() == pytest.approx(
        0.1 + 0.5 * math.sin(0.2) + 0.5 * math.sin(0.5) + math.sin(0.9)
    )


@pytest.mark.parametrize(("angles", "var_up"), [("difference", 0.34), ("cumulative", 1.09)])
def test_moments_of_x_and_y(angles, var_up):
    pairs = RobotArm(angles).sample(200_000, dtype=torch.float64)
    # E cos θ = exp(−var θ / 2); the links' variances are 1/4, 1/2, 3/4 in both conventions.
    mean = 0.5 * math.exp(-1 / 8) + 0.5 * math.exp(-1 / 4) + math.exp(-3 / 8)
    assert pairs.y[:, 0].mean().item() == pytest.approx(mean, abs=0.006)
    assert pairs.y[:, 1].mean().item() == pytest.approx(0, abs=0.012)
    assert pairs.y[:, 1].var().item() == pytest.approx(var_up, abs=0.02)
    assert pairs.x.std(0).tolist() == pytest.approx([0.25, 0.5, 0.5, 0.5], rel=0.01)


@pytest.mark.parametrize("angles", ANGLES)
def test_joint_angles_undo_link_angles(angles):
    arm = RobotArm(angles)
    x = arm.prior.sample(1000)
    back = arm.simulator.joint_angles(arm.simulator.link_angles(x))
    assert torch.allclose(back, x[:, 1:], atol=1e-14)


@pytest.mark.parametrize("angles", ANGLES)
def test_the_drawing_ends_at_the_observation(angles, device):
    arm = RobotArm(angles)
    pairs = arm.sample(7)
    joints = arm.joints(pairs.x)
    assert joints.shape == (7, 5, 2)
    assert joints.device == pairs.x.device
    assert torch.equal(joints[:, -1], pairs.y)
    assert (joints[:, 0] == 0).all()
    assert torch.equal(joints[:, 1, 1], pairs.x[:, 0])
    links = joints.diff(dim=1)[:, 1:].norm(dim=-1)
    assert torch.allclose(links, torch.tensor([0.5, 0.5, 1.0], device=device).expand(7, 3))


def test_the_box_is_95_percent_and_the_names_fit():
    arm = RobotArm()
    assert arm.box.high.tolist() == pytest.approx([0.49, 0.98, 0.98, 0.98], abs=1e-3)
    assert arm.units == ["m", "rad", "rad", "rad"]


def test_float32_is_float64_rounded():
    arm = RobotArm()
    x = arm.sample(1000).x
    assert (arm.simulate(x) - arm.simulate(x.double())).abs().max() < 1e-6


@pytest.mark.parametrize("angles", ANGLES)
def test_targets_at_the_edge_of_the_reach(angles):
    arm = RobotArm(angles)
    y = torch.tensor(
        [[2.0, 0.0], [2.0 - 1e-9, 0.1], [1.0, 3.0], [0.0, 0.0], [-0.6, 0.2], [-2.0, 0.0]],
        dtype=torch.float64,
    )
    x = arm.posterior(y, 20)
    assert torch.isfinite(x).all()
    assert (arm.simulate(x) - y[:, None]).abs().max() < 1e-9
    assert x[0].abs().max() < 1e-6  # stretched out: one pose


def test_bad_calls_are_refused():
    arm = RobotArm()
    with pytest.raises(ValueError, match="^robot_arm: expected horizontal targets within 2"):
        arm.posterior(torch.tensor([[2.1, 0.0]]), 1)
    with pytest.raises(ValueError, match="^robot_arm: y: expected shape"):
        arm.posterior(torch.zeros(1, 3), 1)
    with pytest.raises(ValueError, match="^n: expected"):
        arm.posterior(torch.ones(1, 2), 0)
    with pytest.raises(ValueError, match="^robot_arm: x: expected shape"):
        arm.joints(torch.zeros(3))
    with pytest.raises(ValueError, match="^robot_arm: expected 'difference' or 'cumulative'"):
        RobotArm("relative")
