"""Half-observed flows, and the scoreboard of Part III."""

import pytest
import torch

from invbook import figures
from invbook.figures import flows, scoreboard
from invlab.tasks import get_task


@pytest.fixture
def task():
    task = get_task("navier_stokes", cells=8, obstacles="none", strength=1.0)
    task.simulator.to("cpu")
    return task


def test_the_hidden_half_decides_the_loss(task):
    problems = flows.draw_problems(task, 3, 0)
    seen = task.simulate(problems.x, problems.c)
    assert (seen - problems.y).abs().max() > 1e-6
    # with the whole flow the push explains the end exactly
    again = task.simulator.run(problems.x, problems.whole)[-1]
    assert torch.equal(again, problems.y)


def test_seeds_give_problems_of_their_own(task):
    one, same, other = (flows.draw_problems(task, 2, seed) for seed in (0, 0, 1))
    assert torch.equal(one.x, same.x)
    assert torch.equal(one.c, same.c)
    assert not torch.equal(one.c, other.c)


def test_a_map_has_the_misfit_of_its_pushes():
    truth = torch.tensor([[30.0, 0.5, 2.0], [40.0, 1.5, 3.0]])

    def misfit(x, rows):
        return (x - truth[rows]).square().sum(1)

    place, upward = torch.tensor([30.0, 40.0, 50.0]), torch.tensor([2.0, 3.0])
    loss = flows.over_push(misfit, truth, 1, place, upward)
    assert loss.tolist() == [[101, 100], [1, 0], [101, 100]]


def test_fits_take_a_loss_of_zero_at_the_truth(ax):
    flows.fits(ax, torch.zeros(2), {"a search": torch.tensor([0.1, 0.0])})
    assert ax.get_xlim()[0] > 0


def test_a_map_without_the_level_has_no_contour(ax):
    loss = torch.ones(2, 3)
    flows.push_map(ax, torch.arange(2.0), torch.arange(3.0), loss, 5.0, torch.zeros(3))
    assert len(ax.lines) == 1


def test_flow_and_bars_are_drawn(ax, task):
    whole = flows.draw_problems(task, 1, 0).whole
    grid = task.simulator.grid
    image = flows.draw(ax, grid, grid.at_centres(whole)[0], 1.0, "before", hidden=True)
    assert image.get_array().size == grid.cells**2
    flows.unknown_errors(ax, ["a", "b"], {"fit": torch.ones(4, 2)}, torch.ones(4, 2))
    assert [bar.get_height() for bar in ax.patches[-2:]] == [1, 1]


def test_restarts_are_read_where_the_time_is_spent():
    curve = {"cpu": [0.1, 0.5, 2.0], "solved": [10.0, 50.0, 90.0]}
    assert [scoreboard.within(curve, t) for t in (0.0, 0.1, 1.9, 3.0)] == [10, 10, 50, 90]


def test_restarts_at_equal_time_have_a_number_a_seed():
    for recorded in scoreboard.IN_SAMPLES.values():
        assert len(scoreboard.at_equal_time(recorded)) == len(recorded.each("joint", "cpu"))


def test_panels_say_what_they_show(ax):
    scoreboard.cost(ax, scoreboard.IN_SAMPLES["billiards"], "billiards")
    labels = ax.get_legend_handles_labels()[1]
    assert labels[0] == "restarts"
    assert len(labels) == len(set(labels)) == 7
    figures.legend_below(ax.figure)
    assert len(ax.figure.legends[0].get_texts()) == 7


@pytest.mark.parametrize("system", ["wave_packet", "billiards"])
def test_table_2_has_the_papers_bar_where_it_has_a_number(ax, system):
    scoreboard.counted_twice(ax, scoreboard.AS_IN_THE_PAPER[system], system)
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert len(names) == len(set(names)) == 15
    printed = [name for name in names if name.endswith(": paper")]
    assert printed == ["joint: paper", "supervised: paper", "neural adjoint: paper"]


def test_packets_of_a_number_that_was_not_recorded(ax):
    assert scoreboard.packets(5, "hop", "solved") == []
    scoreboard.many_unknowns(ax, [5])
    assert ax.get_legend() is None


def test_one_chance_for_all_is_drawn_beside_what_was_reached(ax):
    scoreboard.reached(ax, [0.5, 0.7], 0.5)
    assert ax.lines[1].get_ydata().tolist() == [0.5, 0.75]
