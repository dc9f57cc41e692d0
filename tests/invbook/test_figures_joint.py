import math

import matplotlib.pyplot as plt
import pytest
import torch

from invbook.figures import joint
from invbook.papers import joint_optimization
from invbook.papers.joint_optimization.claims import NULLS
from invbook.papers.joint_optimization.published import AS_PUBLISHED


def test_recorded_numbers_are_those_of_the_records():
    shots = joint.Recorded("billiards")
    values = shots.each("bfgs", "solved")
    assert len(values) > 1
    assert shots.mean("bfgs", "solved") == pytest.approx(sum(values) / len(values))
    assert shots.text("bfgs", "solved").startswith(f"{shots.mean('bfgs', 'solved'):.0f} [")


def test_what_was_not_recorded_says_so():
    shots = joint.Recorded("billiards")
    assert shots.each("magic", "solved") == []
    assert math.isnan(shots.mean("magic", "solved"))
    assert math.isnan(shots.over_n("magic", "solved"))
    assert shots.text("magic", "solved") == "not recorded"
    assert shots.shares("magic", "better", "equal") == "not recorded"
    assert joint.Recorded("billiards", n=3).curves() == []
    assert joint.each_record("nothing", "loss") == []


@pytest.mark.parametrize("system", AS_PUBLISHED)
@pytest.mark.parametrize("method", joint.PAPER_METHODS)
def test_shares_of_the_paper_add_up_to_100_at_most(system, method):
    assert 0 <= sum(joint.paper_shares(system, method)) <= 100


def test_answers_are_compared_with_a_tolerance_and_without():
    baseline = torch.tensor([1.0, 1.0, 1.0, 1.0])
    loss = torch.tensor([0.5, 1.0, 1.0 - 1e-5, 2.0])
    found = joint.compared(loss, baseline, relative=1e-3)
    assert (found["better"], found["worse"]) == (25, 25)
    assert found["equal"] == 50
    assert found["better_exact"] == 50
    assert found["equal_exact"] == 25


def test_a_spread_has_the_ends_of_its_interval():
    low, high = joint_optimization.summary([1.0, 2.0, 3.0])[1:]
    assert joint.spread([1.0, 2.0, 3.0], 1) == f"2.0 [{low:.1f}, {high:.1f}]"
    assert joint.spread([4.0]) == "4 (one seed)"
    assert joint.side_by_side(1.0, 2.4) == "1 / 2"


def test_curves_over_n_have_one_line_a_recorded_method():
    _, ax = plt.subplots()
    shots = joint.Recorded("billiards")
    joint.over_counts(ax, shots, {"bfgs": "BFGS", "magic": "magic"}, "solved")
    assert ax.get_legend_handles_labels()[1] == ["BFGS"]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == [
        f"{n}" for n in shots.by_count("bfgs", "solved")
    ]
    plt.close()


def test_an_empty_figure_says_that_nothing_was_recorded():
    _, ax = plt.subplots()
    joint.over_counts(ax, joint.Recorded("billiards"), ["magic"], "solved")
    assert ax.texts[0].get_text() == "not recorded"
    plt.close()


def test_steps_of_separate_weights_do_not_talk_and_those_of_common_ones_do():
    weights = torch.tensor([1.0, 2.0], requires_grad=True)
    apart, common = weights * 3, weights.sum() * torch.ones(2)
    assert torch.allclose(joint.cross_talk(apart, [weights]), torch.eye(2).double())
    assert torch.allclose(joint.cross_talk(common, [weights]), torch.ones(2, 2).double())


def test_each_recorded_method_has_one_labelled_point():
    _, ax = plt.subplots()
    joint.solved_over_cost(ax, joint.Recorded("billiards"), ["bfgs", "joint", "magic"])
    assert [text.get_text() for text in ax.texts] == ["BFGS", "joint"]
    assert len(ax.lines) == 2
    plt.close()


def test_a_course_has_a_line_a_method_and_one_that_ended_stays(monkeypatch):
    def curve(bfgs):
        taught = {"iteration": [0, 9], "loss": [4.0, 8.0]}
        return {"bfgs": {"S1": bfgs}, "iteration": [0, 3], "joint": [2.0, 1.0], "direct": taught}

    shots = joint.Recorded("billiards")
    several = [curve([4.0, 2.0]), curve([4.0, 2.0, 1.0])]
    monkeypatch.setattr(joint.Recorded, "curves", lambda self: several)
    _, ax = plt.subplots()
    joint.courses(ax, shots)
    lines = {line.get_label(): line for line in ax.lines}
    assert list(lines) == ["BFGS", "joint", "supervised"]
    assert lines["BFGS"].get_xdata().tolist() == [1, 2, 3]
    assert lines["BFGS"].get_ydata().tolist() == [4, 2, 1.5]
    assert lines["supervised"].get_ydata().tolist() == [4, 8]
    plt.close()


def test_a_mean_over_n_is_of_the_seeds_that_every_n_has(monkeypatch):
    found = {2: [10.0, 20.0], 4: [30.0, 40.0, 1000.0]}
    monkeypatch.setattr(joint.Recorded, "by_count", lambda self, *which, **more: found)
    assert joint.Recorded("navier_stokes").over_n("joint", "better") == (15 + 35) / 2


def test_a_share_is_not_said_to_reach_above_all():
    assert joint.spread([98.0, 100.0, 96.0], percent=True).endswith(", 100]")


@pytest.mark.parametrize("system", AS_PUBLISHED)
def test_the_papers_number_stands_beside_what_is_made_its_way(system):
    rows = joint.beside_paper(system)
    printed = [method for method, row in rows.items() if row["paper"] != "–"]
    assert printed == [AS_PUBLISHED[system], "direct", "neural_adjoint"]
    assert rows[AS_PUBLISHED[system]]["paper"] == joint.side_by_side(
        *joint.paper_shares(system, "joint"), digits=1
    )
    assert "beyond" in rows["joint"]["method"]
    assert all("nothing learned" in rows[null]["method"] for null in NULLS)


@pytest.mark.parametrize("system", AS_PUBLISHED)
def test_the_ledger_has_the_papers_numbers_in_the_same_rows(system):
    better, equal = joint.paper_shares(system, "joint")
    way = f"joint/{system}/{AS_PUBLISHED[system]}"
    assert joint.ledger_row(f"{way}/better_exact/refined/every_n")["paper"] == better
    assert joint.ledger_row(f"{way}/equal_exact/refined/every_n")["paper"] == equal


def test_points_from_the_paper_are_of_the_search_made_its_way(monkeypatch):
    counted = {"joint": 90.0, "joint_last": 70.0}
    monkeypatch.setattr(joint.Recorded, "over_n", lambda self, method, what: counted[method])
    shots = joint.Recorded("billiards")
    assert joint.off_paper(shots, "joint") == pytest.approx(70.0 - 61.7)


def test_a_course_says_whether_the_loss_rises_again(monkeypatch):
    taught = {"iteration": [0, 4, 9], "loss": [4.0, 1.0, 2.0]}
    guided = {"iteration": [0, 9], "loss": [4.0, 8.0]}
    curve = {"direct": taught, "neural_adjoint": guided}
    monkeypatch.setattr(joint.Recorded, "curves", lambda self: [curve])
    shots = joint.Recorded("billiards")
    assert joint.risen(shots) == {"lowest": [2.0], "start": [0.5], "step": [5]}
    assert joint.risen(shots, "neural_adjoint")["start"] == [2.0]
    words = joint.course_in_words(shots)
    assert "rises again by more than a tenth in all of the 1 seeds" in words
    assert "lowest at step 5 (median); at the end it is 2.00" in words
    assert "ends at 2.00 (2.00 to 2.00) times" in words
    monkeypatch.setattr(joint.Recorded, "curves", lambda self: [])
    assert "not recorded" in joint.course_in_words(shots)
