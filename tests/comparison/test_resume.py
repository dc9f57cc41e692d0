"""A comparison that is killed, or done elsewhere, gives the scores of one in a single process."""

import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest

import invlab
from invlab.runs import records

pytestmark = pytest.mark.slow
SIZES = {"n": 40, "targets": 4, "guesses": (1, 2), "seeds": 2}
TIMES = ("fit_s", "answer_s")
METHODS = ["tandem", "direct"]


def comparison(folder, **where):
    return invlab.compare(invlab.get_task("square"), METHODS, folder=folder, **SIZES, **where)


def scores(result):
    return [{key: row[key] for key in row if key not in TIMES} for row in result.rows]


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    return scores(comparison(tmp_path_factory.mktemp("alone")))


@pytest.mark.parametrize("kills", [10])
def test_a_killed_comparison_goes_on_where_it_was(kills, alone, tmp_path):
    code = f"import test_resume as t; t.comparison({str(tmp_path)!r}, jobs=2)"
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    runs = SIZES["seeds"] * 7
    for turn in range(kills):
        process = subprocess.Popen(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONPATH": path, "INVLAB_PROGRESS": "off"},
        )
        wanted = 1 + (turn + 1) * (runs - 2) // (kills + 1)
        try:
            while process.poll() is None and len(records.load(tmp_path)) < wanted:
                time.sleep(0.02)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()

    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.json")}
    assert before
    assert scores(comparison(tmp_path)) == alone
    after = {path: path.stat().st_mtime_ns for path in before}
    assert after == before  # nothing that was recorded is computed again


def test_a_cluster_gives_the_scores_of_one_process(alone, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        distributed = pytest.importorskip("distributed", reason="distributed is not installed")
        with distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None,
            silence_logs=50,
        ) as cluster:  # fmt: skip
            found = comparison(tmp_path, scheduler=cluster.scheduler_address)
    assert scores(found) == alone
