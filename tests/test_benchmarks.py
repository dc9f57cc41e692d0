"""Benchmarks' records: what is kept of a run, and that each script keeps it."""

import json
import platform
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"
RECORDS = sorted((BENCHMARKS / "records").glob("*.json"))


@pytest.fixture
def record(monkeypatch):
    """benchmarks/record.py, which is in no package."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    import record

    return record


def test_a_line_of_results_is_a_row_and_others_are_none(record):
    line = "minimize_x ratio=2.5 ours=1e-3 peer=.0025 unit=cpu_s rows=256 solved=1.0/0.9 so"
    assert record.parsed(line) == {
        "name": "minimize_x",
        "ratio": 2.5,
        "ours": 1e-3,
        "peer": 0.0025,
        "unit": "cpu_s",
        "rows": 256,
        "solved": "1.0/0.9",
    }
    for other in ("", "ours: 0.1 CPU s", "first call in a process, lm: 1 cpu_s", "a-b ratio=1"):
        assert record.parsed(other) is None


def test_a_record_holds_the_rows_and_no_name_of_the_machine(record, tmp_path, monkeypatch, capsys):
    def main():
        print("largest difference: 1e-9")
        print("speed ratio=2.0 ours=1 peer=2 unit=cpu_s")
        print(sys.argv[1:])

    path = tmp_path / "records" / "speed.json"
    command = ["/some/where/speed.py", "--rows", "3", "--record", str(path)]
    monkeypatch.setattr(sys, "argv", command)
    record.keep_record(main)
    found = json.loads(path.read_text(encoding="utf-8"))
    assert found["command"] == "benchmarks/speed.py --rows 3"
    assert [row["name"] for row in found["rows"]] == ["speed"]
    assert found["printed"] == capsys.readouterr().out.splitlines()
    assert found["printed"][2] == "['--rows', '3']"
    assert found["machine"].startswith(record.processor())
    assert "torch" in found["versions"]
    if len(platform.node()) > 3:
        assert platform.node() not in path.read_text(encoding="utf-8")


def test_without_a_file_nothing_is_written(record, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["speed.py", "--rows", "3"])
    record.keep_record(lambda: None)
    assert list(tmp_path.iterdir()) == []
    assert sys.argv == ["speed.py", "--rows", "3"]


def test_every_script_keeps_records():
    scripts = [p for p in BENCHMARKS.glob("*.py") if "def main()" in p.read_text(encoding="utf-8")]
    assert len(scripts) > 8
    for path in scripts:
        text = path.read_text(encoding="utf-8")
        assert "    keep_record(main)\n" in text, f"{path.name}: end it with keep_record(main)"


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_a_record_is_of_its_script_and_has_rows(path):
    found = json.loads(path.read_text(encoding="utf-8"))
    assert found["command"].split()[0] == f"benchmarks/{path.stem}.py"
    assert found["rows"]
    assert {"date", "machine", "versions", "python", "printed"} <= set(found)
