"""The figure of recorded errors shows what the ledger has, and nothing where it has none."""

from invbook.figures.recorded_errors import points, power_of_ten, recorded_errors, written

ROWS = {
    "r_T/sine/pool/1": {"ours": 1e-3, "low": 1e-4, "high": 1e-2},
    "r_T/sine/pool/50": {"ours": None, "low": None, "high": None},
    "r_T/sine/nearest/1": {"ours": 2e-3, "low": None, "high": None},
}


def test_points_are_those_that_are_recorded():
    assert points(ROWS, "sine", "pool", (1, 50, 200)) == [(1, 1e-3, 1e-4, 1e-2)]
    assert points(ROWS, "sine", "unknown", (1,)) == []


def test_points_are_written_with_their_interval():
    pool = points(ROWS, "sine", "pool", (1,))
    assert written(pool) == {1: "1.0·10⁻³ (1.0·10⁻⁴ to 1.0·10⁻²)"}
    assert written(points(ROWS, "sine", "nearest", (1,))) == {1: "2.0·10⁻³"}


def test_powers_of_ten_all_look_alike():
    assert [power_of_ten(v) for v in (19.4, 0.5, -2e-12)] == ["1.9·10¹", "5.0·10⁻¹", "−2.0·10⁻¹²"]


def test_bars_reach_from_end_to_end_of_the_interval(ax):
    series = {
        "pool": {"sine": points(ROWS, "sine", "pool", (1,))},
        "look-up": {"sine": points(ROWS, "sine", "nearest", (1,))},
        "none": {},
    }
    recorded_errors([ax], series, {"sine": "D2"}, paper={"sine": {1: 5e-3, 200: 1e-7}})
    bar, mean, lone, _, star = ax.lines
    assert list(bar.get_ydata()) == [1e-4, 1e-2]
    assert list(mean.get_ydata()) == [1e-3]
    assert list(lone.get_ydata()) == [2e-3, 2e-3]
    assert list(star.get_xdata()) == [1, 200]
    assert ax.get_legend_handles_labels()[1] == ["pool", "look-up", "the paper's NA"]
    assert ax.get_title() == "D2"
    ax.figure.canvas.draw()


def test_methods_stand_side_by_side(ax):
    point = {"sine": [(50, 1e-3, None, None)]}
    recorded_errors([ax], {"a": point, "b": point}, {"sine": "D2"})
    places = [line.get_xdata()[0] for line in ax.lines[1::2]]
    assert places[0] < 50 < places[1]
