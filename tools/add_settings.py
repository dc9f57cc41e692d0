"""Write into stored records the settings that they have to hold since they were made.

python tools/add_settings.py [FOLDER]

A record is up to date where its settings are those that its run would have today. When records
have to hold one more setting, and it had the same value all along, nothing was computed
differently: it is added here, once, instead of computing hours of records again. The numbers stay,
and the digests follow. Running it twice changes nothing.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from invbook import papers
from invbook.results import results_folder
from invlab import runtime
from invlab.files import as_json, same_json, write_whole
from invlab.runs import provenance, records

# By paper; before an entry is made here, compare the values at the commits of the records.
ADDED = {
    "trust": ("prior", "box", "noisy", "level", "held_out", "faults"),
    "answers": ("prior", "box", "noisy"),
    "advice": ("prior", "box", "noisy"),
}


def added() -> dict[str, dict[str, Any]]:
    """The settings of ``ADDED`` by the id of a record, as its run has them in the full preset."""
    with runtime.environment("INVLAB_PRESET", "full"):
        return {
            run.id: as_json(run.id, {key: run.settings[key] for key in keys})
            for paper, keys in ADDED.items()
            for run in papers.plan(paper)
        }


def completed(record: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """A record with more settings, and the digests that belong to them."""
    settings = record["settings"] | {k: v for k, v in more.items() if k not in record["settings"]}
    rest = {key: value for key, value in record.items() if key != "digest"}
    rest |= {"settings": settings, "settings_digest": provenance.digest(settings)}
    return {**rest, "digest": provenance.digest(rest)}


def main() -> int:
    """Rewrite the records that lack a setting."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else results_folder()
    found, changed = records.load(folder), 0
    for name, more in added().items():
        if name not in found or not records.is_whole(found[name]):
            continue
        record = completed(found[name], more)
        if not same_json(record, found[name]):
            write_whole(folder / f"{name}.json", f"{records.dumps(record)}\n".encode())
            changed += 1
    print(f"{changed} records rewritten in {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
