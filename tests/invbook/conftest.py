"""Axes to draw on, and a row of the ledger, as tests of figures, tables and pages need them."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

from invbook import figures


@pytest.fixture
def style():
    """The book's style for a test, after which no figure is open."""
    with mpl.rc_context():
        figures.use_style()
        yield
    plt.close("all")


@pytest.fixture
def ax():
    """Axes of a figure that is closed after the test."""
    yield plt.subplots()[1]
    plt.close("all")


@pytest.fixture
def row_of():
    """Makes a row: one that was reproduced, unless something else is said."""

    def made(name="paper/a", **more):
        row = {
            "id": name,
            "source": "Newer 2030, Table 1",
            "kind": "reproduction",
            "protocol": "",
            "paper": 2.0,
            "ours": 1.5,
            "low": 1.25,
            "high": 1.75,
            "seeds": [0, 1, 2],
            "null": None,
            "preset": "full",
            "device": "cpu",
            "command": "python -m invbook bench paper --preset full",
            "verdict": "reproduced",
            "why": "below 2",
        }
        return row | more

    return made


@pytest.fixture
def unrecorded(row_of):
    """Makes a row without a record."""

    def made(name="paper/a", **more):
        empty = {"ours": None, "low": None, "high": None, "seeds": [], "device": ""}
        return row_of(name, **empty, verdict="no record", why="below 2; no record of a", **more)

    return made
