"""Cells of an experiment → records on disk: a file a cell, written whole, computed once."""

from __future__ import annotations

import datetime
import json
import os
import platform
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

import invlab
from invlab import runtime

__all__ = ["Cell", "Record", "load", "run"]

# Parsed JSON: id, settings, seeds, preset, device, versions, date, cpu_seconds, scores, curves.
Record = dict[str, Any]


@dataclass(frozen=True)
class Cell:
    """One thing to compute.

    Attributes:
        id: where its record goes, such as ``"loss_design/effect/l1"``.
        settings: everything that decides the numbers; a record made under other settings is
            computed again.
        compute: seeds to ``{"scores": {name: one number a seed}, "curves": {name: lists}}``.
    """

    id: str
    settings: dict[str, Any]
    compute: Callable[[Sequence[int]], dict[str, Any]]


def run(cells: Iterable[Cell], *, seeds: Sequence[int], folder: Path) -> list[Record]:
    """Compute the cells that have no record yet, and return all their records.

    Interrupt it whenever you like: what is on disk is whole, and the next run goes on from
    there, with at most the cell in flight lost.

    Args:
        cells: what to compute.
        seeds: for each cell.
        folder: of the records; made where missing.
    """
    records, cells = [], list(cells)
    for cell in runtime.progress(cells, "cells", total=len(cells)):
        path = folder / f"{cell.id}.json"
        wanted = {
            "settings": json.loads(json.dumps(cell.settings)),
            "seeds": list(seeds),
            "preset": runtime.preset(),
        }
        record = _read(path)
        if record is None or any(record.get(key) != value for key, value in wanted.items()):
            record = _compute(cell, seeds, wanted)
            _write(path, record)
        records.append(record)
    return records


def load(folder: Path) -> dict[str, Record]:
    """All records below a folder, by id."""
    found = (_read(path) for path in sorted(folder.rglob("*.json")))
    return {record["id"]: record for record in found if record is not None and "id" in record}


def _compute(cell: Cell, seeds: Sequence[int], wanted: dict[str, Any]) -> Record:
    start = time.process_time()
    outcome = cell.compute(seeds)
    return {
        "id": cell.id,
        **wanted,
        "device": _device_name(),
        "versions": {
            "invlab": invlab.__version__,
            "python": platform.python_version(),
            "torch": torch.__version__,
        },
        "date": datetime.date.today().isoformat(),
        "cpu_seconds": round(time.process_time() - start, 2),
        **outcome,
    }


def _device_name() -> str:
    device = runtime.device()
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"


def _read(path: Path) -> Record | None:
    """The record, or None where there is none or its file was damaged."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):  # ValueError: neither UTF-8 nor JSON
        return None
    return record if isinstance(record, dict) else None


def _write(path: Path, record: Record) -> None:
    """Whole or not at all: a half-written file is never seen under the final name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}.tmp")
    draft.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    os.replace(draft, path)
