"""What the figures of the comparison and of the sheet compute."""

import statistics

import matplotlib.pyplot as plt
import pytest
import torch

from invbook.figures import benchmark, invertible, sheets
from invbook.papers.neural_adjoint.runs import seeds_of


@pytest.fixture(scope="module")
def recorded():
    return benchmark.Recorded()


def test_names_are_listed_as_in_a_sentence():
    assert benchmark.listed(["a"]) == "a"
    assert benchmark.listed(["a", "b"]) == "a and b"
    assert benchmark.listed(["a", "b", "c"]) == "a, b and c"


def test_a_cell_has_ours_its_interval_and_the_papers_number():
    row = {"ours": 2e-6, "low": 1e-6, "high": 3e-6, "paper": 0.5}
    assert benchmark.interval(row) == "2.0·10⁻⁶ [1.0·10⁻⁶, 3.0·10⁻⁶]; paper 0.5"
    assert benchmark.interval(row | {"low": None, "paper": None}) == "2.0·10⁻⁶"
    assert benchmark.interval(row | {"ours": None}) == "–"


def test_a_table_leaves_out_lines_without_a_cell():
    cells = {("inn", "a"): 0.25, ("cinn", "a"): None}
    table = benchmark.grid(["inn", "cinn"], {"a": "A"}, lambda m, c: cells[m, c])
    assert table.splitlines() == ["| method | A |", "|---|---|", "| INN | 0.25 |"]


def test_a_score_of_the_records_is_the_mean_over_their_seeds(recorded):
    runs = recorded.runs("sine", "cinn")
    mean = sum(run["scores"]["cinn/train"][0] for run in runs) / len(runs)
    assert recorded.score("sine", "cinn", "train") == pytest.approx(mean)


def test_the_curve_meets_the_row_of_the_ledger(recorded):
    at = recorded.counts.index(200)
    curve = recorded.curve("robot_arm", "inn")
    assert float(curve[at]) == pytest.approx(recorded.error("robot_arm", "inn", 200), rel=0.02)


def test_every_sentence_of_the_advice_gets_a_verdict(recorded):
    found = benchmark.advice(recorded)
    assert len(found) == 5
    assert {a.verdict for a in found} <= {
        "holds",
        "mostly",
        "partly",
        "no",
        "on some tasks",
        "no longer",
    }


def test_the_best_method_has_the_lowest_error(recorded):
    methods = ("prior", "neural_adjoint", "direct")
    assert recorded.best("sine", methods, 1) == "neural_adjoint"


def test_a_legend_has_each_label_once(ax, recorded):
    rows = {m: recorded.rows[f"r_T/sine/{m}/1"] for m in ("inn", "cinn")}
    benchmark.beside_paper(ax, rows)
    labels = ax.get_legend_handles_labels()[1]
    assert sorted(labels) == ["ours, 95 %", "paper"]


def test_the_error_map_is_dark_on_the_answers(ax):
    benchmark.error_map(ax, -0.3, torch.zeros(1, 2))
    values = ax.collections[0].get_array()
    assert values.min() == pytest.approx(1e-3)
    # the middle of the square has y = 1
    assert values.reshape(241, 241)[120, 120] == pytest.approx(1.3**2)


def test_the_field_of_the_constant_order_is_even():
    coefficients = torch.zeros(9).to(torch.complex128)
    coefficients[0] = 2
    assert torch.allclose(sheets.amplitude(coefficients, 2), torch.tensor(2.0).double())


def test_moving_the_cell_changes_the_sign_of_one_contrast():
    x = torch.tensor([30.0, 40, 45, 50, 1, 2, 3, 4])
    moved = x[[1, 0, 3, 2, 5, 4, 7, 6]]
    (a, b), (c, d) = sheets.contrasts(x), sheets.contrasts(moved)
    assert (float(c), float(d)) == (-float(a), float(b))


def test_a_grid_is_drawn_with_all_its_lines(ax):
    invertible.bent_grid([ax], {"as it is": lambda a, b: (a, b)})
    assert len(ax.lines) == 26


def test_draws_that_go_wrong_are_marked():
    _, axes = plt.subplots(1, 3)
    z, x = torch.zeros(3, 2), torch.tensor([0.6, 0.7, 2.5])
    invertible.territories(axes, z, x, (0.6, 2.5), torch.tensor([0.0, 0.5, 0.0]))
    assert len(axes[2].lines[1].get_xdata()) == 1
    plt.close("all")


def test_the_training_table_has_the_ends_of_what_was_frozen():
    table = benchmark.training_table(["sine"])
    assert "| epochs | 500 | 100 to 400 |" in table
    assert "| optimiser | Adam | Adam |" in table


def test_the_published_search_stands_beside_ours_where_it_is_recorded(recorded, monkeypatch):
    records = dict(recorded.records)
    for seed in seeds_of("sine"):
        curves = {"T": recorded.counts, "adam": [float(seed)] * len(recorded.counts)}
        made = {"curves": curves, "scores": {"adam/infer": [7.0]}}
        records[f"neural_adjoint/published/sine/seed{seed}"] = made
    monkeypatch.setattr(benchmark, "load_records", lambda: records)
    both = benchmark.Recorded(["sine"])
    assert both.others[:2] == ("neural_adjoint", benchmark.PUBLISHED)
    assert both.curve("sine", benchmark.PUBLISHED).mean() == statistics.mean(seeds_of("sine"))
    assert both.score("sine", benchmark.PUBLISHED, "infer") == 7
    del records[f"neural_adjoint/published/sine/seed{seeds_of('sine')[0]}"]
    assert benchmark.PUBLISHED not in benchmark.Recorded(["sine"]).others
