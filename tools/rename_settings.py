"""Bring the settings of stored records to today's names of options; their numbers stay.

python tools/rename_settings.py [FOLDER]

A record is up to date where its settings are those that its run would have today. When an option
gets a better name, nothing was computed differently: the old name is mapped here, once, instead of
computing hours of records again. Running it twice changes nothing.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from invbook.results import results_folder
from invlab.files import write_whole
from invlab.runs import records

# Old name: new name, of options wherever they stand in the settings of a paper's records.
RENAMED: dict[str, dict[str, str]] = {
    "neural_adjoint": {
        "octaves": "fourier_octaves",
        "z_octaves": "z_fourier_octaves",
        "inverse_layers": "layers",
    },
    "joint_optimization": {
        "network": "encoder",
        "norm": "normalization",
        "octaves": "fourier_octaves",
    },
}
# Dictionaries of options that now stand flat beside the others.
FLAT = {"joint_optimization": ("training",)}


def renamed(paper: str, settings: Any) -> Any:
    """Settings under today's names."""
    if not isinstance(settings, dict):
        return settings
    names, flat = RENAMED.get(paper, {}), FLAT.get(paper, ())
    out: dict[str, Any] = {}
    for key, value in settings.items():
        if key in flat:
            out |= renamed(paper, value)
        else:
            out[str(names.get(key, key))] = renamed(paper, value)
    return out


def main() -> int:
    """Rewrite the records whose settings bear old names."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else results_folder()
    changed = 0
    for name, record in records.load(folder).items():
        record["settings"] = renamed(name.split("/")[0], record["settings"])
        path, content = folder / f"{name}.json", records.dumps(record).encode()
        if path.read_bytes() != content:
            write_whole(path, content)
            changed += 1
    print(f"{changed} records rewritten in {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
