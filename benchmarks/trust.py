"""Error bounds, reachability and calibration: do they keep their word, and what do they see?

Runs the experiment of ``python -m invbook bench trust`` in one process, resumes from its records
(those of the quick preset in ``_build``: the book shows others), and prints their numbers. The
peer of a bound is the constant one, the quantile of the calibration errors. Run with
OMP_NUM_THREADS=1.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

import torch
from record import keep_record

from invbook import ledger
from invbook.papers.trust import plan
from invbook.papers.trust.claims import claims_over
from invbook.results import results_folder
from invlab import runtime
from invlab.runs.records import Record, run

COLUMNS = {"id": "number", "ours": "ours", "low": "low", "high": "high", "verdict": "verdict"}
COLUMNS |= {"why": "what it is"}

# Of each run: score to heading.
EACH = {
    "reach/fresh/flagged": "false alarms",
    "reach/one_shifted/power": "power, one shifted",
    "reach/shifted/power": "all shifted",
    "reach/exchanged/power": "exchanged",
    "reach/tilted/flagged": "flagged, tilted",
    "reach/noise_5/flagged": "noise 5 %",
    "reach/noise_20/flagged": "noise 20 %",
    "reach/visible": "visible misfit",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", choices=("quick", "full"), default="quick")
    parser.add_argument("--only", default="", help="only runs whose id contains this")
    parser.add_argument("--folder", type=Path, help="of the records, as for `bench`")
    options = parser.parse_args()
    os.environ["INVLAB_PRESET"] = options.preset
    torch.set_num_threads(1)
    folder = options.folder or runtime.by_preset(quick=Path("_build/trust"), full=results_folder())
    chosen = [one for one in plan() if options.only in one.id]
    if not chosen:
        parser.error(f"--only: no run of the {options.preset} preset contains {options.only!r}")
    records = run(chosen, seeds=(), folder=folder)
    methods = records[0]["settings"]["methods"]
    rows = ledger.rows(claims_over([record["id"] for record in records], list(methods)), folder)
    print(ledger.table([each(record) for record in records], {"id": "run"} | EACH))
    print(ledger.table(rows, COLUMNS))
    print(f"{sum(record['cpu_seconds'] for record in records):.0f} CPU s")
    ratios = [row["ours"] for row in rows if row["id"].endswith("/ratio")]
    mean = float(torch.tensor(ratios, dtype=torch.float64).log().mean().exp())
    print(f"trust ratio={1 / mean:.2f} ours={mean:.3f} peer=1 unit=constant_bound")


def each(record: Record) -> dict[str, Any]:
    """The row of one run."""
    return {"id": record["id"]} | {key: value for key, (value,) in record["scores"].items()}


if __name__ == "__main__":
    keep_record(main)
