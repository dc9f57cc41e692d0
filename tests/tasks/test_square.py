"""The grid of the paper, its closed forms, and the scores of answers to y = x²."""

import pytest
import torch

from invlab import get_task
from invlab.losses import inverse_misfit, jacobian
from invlab.tasks.square import branch_scores

TASK = get_task("square")


def test_the_grid_is_the_papers(device):
    grid = TASK.grid()
    assert grid.x.shape == grid.y.shape == (1000, 1)
    assert grid.x.dtype == torch.float32
    assert grid.x.device.type == device.type
    assert (grid.x.min().item(), grid.x.max().item()) == (-33, 33)
    assert grid.y.max().item() == 1089
    torch.testing.assert_close(
        grid.x.diff(dim=0), torch.full((999, 1), 66 / 999, device=device), rtol=0, atol=1e-5
    )


def test_the_even_grid_is_symmetric_without_zero_and_each_y_occurs_twice():
    grid = TASK.grid()
    assert torch.equal(grid.x, -grid.x.flip(0))
    assert grid.x.abs().min().item() == pytest.approx(33 / 999, rel=1e-4)
    values, counts = grid.y.unique(return_counts=True)
    assert len(values) == 500
    assert (counts == 2).all()


@pytest.mark.parametrize(
    ("answer", "norm", "closed_form"),
    [
        ("zero", "l1", 16.516517),
        ("zero", "l2", 363.726727),
        ("branch", "l1", 16.516517),  # a tie with zero
        ("branch", "l2", 2 * 363.726727),
    ],
)
def test_the_closed_forms_of_theorem_1(answer, norm, closed_form):
    grid = TASK.grid()
    x, root = grid.x.double(), grid.y.double().sqrt()
    x_hat = root if answer == "branch" else 0 * root
    # the grid is rounded to float32
    assert inverse_misfit(x_hat, x, norm).item() == pytest.approx(closed_form, rel=1e-6)


def test_the_minimum_is_a_minimum():
    grid = TASK.grid()
    for shift in (-1.0, 1.0):
        assert inverse_misfit(torch.full_like(grid.x, shift), grid.x).item() > 363.727 + 0.9


def test_the_derivative_is_the_jacobian_of_the_simulator(device):
    x = torch.tensor([[-3.0], [0.0], [2.0]], device=device)
    torch.testing.assert_close(TASK.derivative(x), jacobian(TASK.simulator, x))


def test_chosen_points_and_their_squares(device):
    pairs = TASK.at([-33.0, 1.0])
    assert pairs.y.flatten().tolist() == [1089, 1]
    assert pairs.x.device.type == device.type


def test_the_scales_bring_both_to_about_one_and_the_literal_ones_y_alone():
    grid = TASK.grid()
    x, y = TASK.scalers()
    assert (x(grid.x).min().item(), x(grid.x).max().item()) == (-1, 1)
    assert y(grid.y).max().item() == 1
    x, y = TASK.literal_scalers()
    assert torch.equal(x(grid.x), grid.x)
    assert y(grid.y).max().item() == 1


def test_both_branches_are_answers(device):
    y = torch.tensor([[4.0], [0.0]], device=device)
    assert TASK.branches(y).tolist() == [[-2, 2], [0, 0]]


# Four targets beyond 1 % of 1089 and one, y = 4, below.
Y = [900.0, 4.0, 100.0, 400.0, 25.0]


def scores(answers, device):
    x_hat = torch.tensor(answers, device=device)[..., None]
    return branch_scores(x_hat, torch.tensor(Y, device=device)[:, None])


def test_scores_of_one_exact_branch(device):
    found = scores([30.0, 2.0, 10.0, 20.0, 5.0], device)
    exact = {"rmse_y": 0, "rmse_x": 0, "purity": 1, "positive": 1, "switches": 0, "inside": 1}
    assert {name: found[name].item() for name in exact} == exact
    assert found["rms_x"].item() == pytest.approx((sum(Y) / 5) ** 0.5)


def test_scores_of_mixed_branches(device):
    # in the order of y: 5, −10, 20, 30; the sign at y = 4 does not count
    found = scores([30.0, -2.0, -10.0, 20.0, 5.0], device)
    assert found["purity"].item() == 0.75
    assert found["positive"].item() == 0.75
    assert found["switches"].item() == 2
    assert found["rmse_y"].item() == 0


def test_scores_of_wrong_answers_by_hand(device):
    # y is missed by 61, 5, 21, 0, 0; the nearer branch, beyond 1 %, by 1, 1, 0, 0
    found = scores([31.0, 3.0, -11.0, 20.0, 5.0], device)
    assert found["rmse_y"].item() == pytest.approx(((61**2 + 5**2 + 21**2) / 5) ** 0.5)
    assert found["rmse_x"].item() == pytest.approx((2 / 4) ** 0.5)
    assert found["inside"].item() == pytest.approx(2 / 5)
    assert found["spread_x"].item() == pytest.approx(
        torch.tensor([31.0, 3, -11, 20, 5]).std().item()
    )


def test_constant_zero_has_the_error_of_the_dossier(device):
    # x uniform: the root mean square of y is 1089 / √5, up to the grid's 0.2 %
    y = TASK.grid().y
    found = branch_scores(torch.zeros_like(y), y)
    assert found["rmse_y"].item() == pytest.approx(1089 / 5**0.5, rel=5e-3)
    assert found["inside"].item() == 1
    assert found["spread_x"].item() == 0


def test_each_member_has_its_own_scores(device):
    one, other = [30.0, 2.0, 10.0, 20.0, 5.0], [-30.0, 2.0, 10.0, -20.0, 5.0]
    both = scores([one, other], device)
    for name, values in both.items():
        assert values.shape == (2,)
        assert values[1].item() == pytest.approx(scores(other, device)[name].item())
    assert both["switches"].tolist() == [0, 1]


def test_bad_answers_are_named(device):
    y = torch.ones(3, 1, device=device)
    with pytest.raises(ValueError, match="x_hat has 2, y has 3"):
        branch_scores(y[:2], y)
    with pytest.raises(ValueError, match=r"y: expected shape \(B, 1\), got \(3,\)"):
        branch_scores(y, y[:, 0])
    with pytest.raises(ValueError, match="x_hat: expected finite"):
        branch_scores(y * torch.nan, y)
